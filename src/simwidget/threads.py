"""A thread pool that works in the name of those who hand it work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")


class ThreadPool(ThreadPoolExecutor):
    """A ``ThreadPoolExecutor`` whose jobs run in the context of their ``submit``, as with ``asyncio.to_thread``.

    Jupyter kernels keep in the context which message is being answered: to it belongs what is printed or sent.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` in a thread; raises RuntimeError once the pool is shut down."""
        return super().submit(partial(copy_context().run, fn, *args, **kwargs))

"""Lists of functions that are called back."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def listen(callbacks: list[T], callback: T) -> Callable[[], None]:
    """Add a callback to a list; returns what takes it off again, which may be called more than once."""
    callbacks.append(callback)
    return partial(_remove, callbacks, callback)


def _remove(callbacks: list[T], callback: T) -> None:
    with suppress(ValueError):  # taken off before
        callbacks.remove(callback)

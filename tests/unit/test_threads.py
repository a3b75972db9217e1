from __future__ import annotations

from contextvars import ContextVar

import pytest

from simwidget.threads import ThreadPool

NAME = ContextVar("name", default="nobody")


def test_a_job_runs_in_the_context_of_who_submitted_it() -> None:
    def rename(first: str, *, then: str) -> tuple[str, str, str]:
        before = NAME.get()
        NAME.set(then)
        return before, first, NAME.get()

    NAME.set("first")
    with ThreadPool(1) as pool:
        one = pool.submit(rename, "a", then="b")
        NAME.set("second")
        other = pool.submit(rename, "c", then="d")
        assert (one.result(), other.result()) == (("first", "a", "b"), ("second", "c", "d"))
        assert NAME.get() == "second"
        failed = pool.submit(int, "no number")
        with pytest.raises(ValueError, match="no number"):
            failed.result()
    with pytest.raises(RuntimeError):
        pool.submit(rename, "e", then="f")

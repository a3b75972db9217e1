"""Tell what widgets show from what users wish."""

from __future__ import annotations

import threading


class Quiet(threading.local):
    """True in a thread while that shows in widgets what is so: what observes them then hears no wish of a user.

    Of each thread apart, since panels follow the session in whichever thread changed it. What a user does meanwhile
    arrives in another one, and is heard.
    """

    _depth = 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    def __bool__(self) -> bool:
        return self._depth > 0

"""What a browser will ask for as soon as it learns of a new order. Knows nothing of Jupyter."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING

from simwidget.session_view import FIRST
from simwidget.widgets.protocol import AHEAD_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from simwidget.session import Rows, Session

_REMEMBERED = 4_000  # thumbnails; a browser keeps some 10,000


class Ahead:
    """Reads the first rows of a new order, and the thumbnails among them that the browser does not have."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: dict[int, None] = {}  # the latest last
        self._is_due = False

    def note(self, items: Iterable[int]) -> None:
        """Remember that thumbnails have been sent, or are about to be."""
        with self._lock:
            for item in items:
                self._sent.pop(item, None)
                self._sent[item] = None
            for oldest in list(islice(self._sent, max(0, len(self._sent) - _REMEMBERED))):
                del self._sent[oldest]

    def is_wanted(self) -> bool:
        """Whether to :meth:`read` now: not before a browser has shown an image, and not while that is to come."""
        with self._lock:
            is_wanted = bool(self._sent) and not self._is_due
            self._is_due |= is_wanted
        return is_wanted

    def is_here(self, session: Session) -> bool:
        """Whether the browser has the first thumbnails, so that :meth:`read` need not."""
        with session.lock:
            ids = session.project.ids[session.rows_in_view[:FIRST]]
        return not self._lacking(ids)

    def read(self, session: Session) -> tuple[int, int, Rows, list[int], list[bytes | None]]:
        """Give the epoch and the revision, the first rows of these, and items with their thumbnails."""
        with self._lock:
            self._is_due = False
        with session.lock:
            epoch, revision = session.epoch, session.revision
            rows = session.rows(epoch, 0, AHEAD_ROWS)
        items = self._lacking(rows.ids[:FIRST])
        thumbnails = session.thumbnails(items)
        self.note(items)
        return epoch, revision, rows, items, thumbnails

    def _lacking(self, ids: npt.NDArray[np.int64]) -> list[int]:
        with self._lock:
            return [item for item in ids.tolist() if item not in self._sent]

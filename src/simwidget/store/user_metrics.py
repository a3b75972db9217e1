"""Metrics of the user's own, in project.db: one row a metric, its values with the ids of their items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.store.database import encode_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from simwidget.store.database import Database


class UserMetrics:
    """The metrics of the user's own in one project."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def save(
        self,
        name: str,
        ids: npt.NDArray[np.int64],
        content: npt.NDArray[np.void],
        values: npt.NDArray[np.float32],
    ) -> None:
        """Add or replace a metric; all arrays have shape (n,)."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO user_metrics VALUES (CAST(? AS TEXT), ?, ?, ?)",
                (encode_text(name), ids.astype("<i8").tobytes(), content.tobytes(), values.astype("<f4").tobytes()),
            )

    def delete(self, name: str) -> None:
        """Remove a metric."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM user_metrics WHERE name = CAST(? AS TEXT)", (encode_text(name),))

    def load(self, ids: npt.NDArray[np.int64], content: npt.NDArray[np.void]) -> dict[str, npt.NDArray[np.float32]]:
        """All metrics by name, float32 of shape (n,) in the order of ``ids``.

        NaN for items that came later, or whose content has changed.
        """
        with self._db.reading() as db:
            rows = db.execute("SELECT name, ids, content, numbers FROM user_metrics ORDER BY name").fetchall()
        loaded = {}
        for name, of, hashes, numbers in rows:
            values = np.full(len(ids), np.nan, dtype=np.float32)
            _, new, old = np.intersect1d(ids, np.frombuffer(of, "<i8"), assume_unique=True, return_indices=True)
            same = content[new] == np.frombuffer(hashes, content.dtype)[old]
            values[new[same]] = np.frombuffer(numbers, "<f4")[old[same]]
            loaded[name] = values
        return loaded

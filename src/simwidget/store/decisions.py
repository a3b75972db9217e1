"""What a person decided about items, in project.db: labels, images that are no duplicates, files put away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.sources.folder import FileEntry
from simwidget.store.database import encode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from simwidget.store.database import Database

    Relabel = Sequence[str | None] | None


class Decisions:
    """The decisions in one project."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def relabels(self) -> dict[int, list[str | None]]:
        """Labels that a person gave, by id, each in a list of one: [None] is "no label"."""
        with self._db.reading() as db:
            return {item: [label] for item, label in db.execute("SELECT item_id, label FROM relabels")}

    def relabel(self, item: int, given: Relabel) -> None:
        """Give an item a label, in a list of one; None leaves it with that of the source."""
        with self._db.transaction() as db:
            if given is None:
                db.execute("DELETE FROM relabels WHERE item_id = ?", (item,))
            else:
                label = None if given[0] is None else encode_text(given[0])
                db.execute("INSERT OR REPLACE INTO relabels VALUES (?, CAST(? AS TEXT))", (item, label))

    def distinct(self) -> npt.NDArray[np.int64]:
        """Pairs of ids of items that are different, int64 of shape (p, 2), the smaller id first."""
        with self._db.reading() as db:
            rows = db.execute("SELECT a, b FROM distinct_pairs ORDER BY a, b").fetchall()
        return np.array(rows, dtype=np.int64).reshape(-1, 2)

    def set_distinct(self, pairs: Iterable[Sequence[int]], distinct: bool) -> None:
        """Remember that pairs of ids are different, or forget it; the smaller id comes first."""
        statement = (
            "INSERT OR IGNORE INTO distinct_pairs VALUES (?, ?)"
            if distinct
            else "DELETE FROM distinct_pairs WHERE a = ? AND b = ?"
        )
        with self._db.transaction() as db:
            db.executemany(statement, pairs)

    def files(self, ids: Iterable[int]) -> dict[int, FileEntry]:
        """Files of items as the last scan saw them, by id."""
        found = {}
        with self._db.reading() as db:
            for item in ids:
                row = db.execute("SELECT path, size, mtime_ns FROM items WHERE id = ?", (item,)).fetchone()
                if row is not None:
                    found[item] = FileEntry(*row)
        return found

    def absent(self) -> npt.NDArray[np.int64]:
        """Ids of the items that the last scan did not find, or that are in the trash; int64, ascending."""
        with self._db.reading() as db:
            rows = db.execute("SELECT id FROM items WHERE NOT present ORDER BY id").fetchall()
        return np.array(rows, dtype=np.int64).reshape(-1)

    def set_present(self, ids: Iterable[int], present: bool) -> None:
        """Take items out of the project, or back into it, with all that is known of them."""
        with self._db.transaction() as db:
            db.executemany("UPDATE items SET present = ? WHERE id = ?", ((int(present), item) for item in ids))

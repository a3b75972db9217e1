"""Tags of items, in project.db."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simwidget.store.database import Database


class StoredTags:
    """The tags of one project."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, ids: Iterable[int], name: str) -> int:
        """Put a tag on items; returns how many did not have it."""
        with self._db.transaction() as db:
            db.execute("INSERT OR IGNORE INTO tags (name) VALUES (?)", (name,))
            (tag,) = db.execute("SELECT id FROM tags WHERE name = ?", (name,)).fetchone()
            before = db.total_changes
            db.executemany("INSERT OR IGNORE INTO item_tags VALUES (?, ?)", ((tag, int(i)) for i in ids))
            return db.total_changes - before

    def remove(self, ids: Iterable[int], name: str) -> int:
        """Take a tag off items; a tag without items is dropped. Returns how many had it."""
        with self._db.transaction() as db:
            found = db.execute("SELECT id FROM tags WHERE name = ?", (name,)).fetchone()
            if found is None:
                return 0
            before = db.total_changes
            db.executemany(
                "DELETE FROM item_tags WHERE tag_id = ? AND item_id = ?", ((found[0], int(i)) for i in ids)
            )
            changed = db.total_changes - before
            db.execute(
                "DELETE FROM tags WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM item_tags WHERE tag_id = ?1)",
                found,
            )
            return changed

    def holders(self, name: str) -> list[int]:
        """Ids of the items that have a tag, ascending, files that are gone among them."""
        with self._db.reading() as db:
            found = db.execute(
                "SELECT item_id FROM item_tags JOIN tags ON tags.id = tag_id WHERE name = ? ORDER BY item_id",
                (name,),
            )
            return [item for (item,) in found]

    def colors(self) -> dict[str, str]:
        """Colors, "#rrggbb", of the tags that have one, by name."""
        with self._db.reading() as db:
            return dict(db.execute("SELECT name, color FROM tags WHERE color IS NOT NULL ORDER BY name").fetchall())

    def set_color(self, name: str, color: str | None) -> None:
        """Give a tag a color, or take it away; a tag that is not there stays away."""
        with self._db.transaction() as db:
            db.execute("UPDATE tags SET color = ? WHERE name = ?", (color, name))

    def load(self) -> dict[str, list[int]]:
        """Ids of the items of each tag, ascending; by name of the tag."""
        found: dict[str, list[int]] = defaultdict(list)
        with self._db.reading() as db:
            for name, item in db.execute(
                "SELECT name, item_id FROM item_tags JOIN tags ON tags.id = tag_id ORDER BY name, item_id"
            ):
                found[name].append(item)
        return dict(found)

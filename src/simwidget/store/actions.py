"""The log of what a person did to a project, in project.db, and doing it in both directions."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

    from simwidget.store.database import Database
    from simwidget.store.decisions import Decisions
    from simwidget.store.tags import StoredTags

    Change = dict[str, Any]

DONE, UNDONE = 0, 1
OVERTAKEN = 2  # undone, and without redo: something else was done since
FINAL = 3  # done, and without undo: the trash was emptied


class Entry(NamedTuple):
    """A line of the log.

    Attributes
    ----------
    id : int
    time : datetime
        UTC.
    kind, summary : str
    change : dict
        What :meth:`StoredActions.apply` takes, and keys that only the caller knows.
    state : int
        DONE, UNDONE, OVERTAKEN or FINAL.
    """

    id: int
    time: datetime
    kind: str
    summary: str
    change: Change
    state: int


class StoredActions:
    """The log of one project.

    A change is a dict of JSON with any of these keys, each with what was before and what is after:

    - ``"added"`` and ``"removed"``: from tags to the ids of items that got or lost them;
    - ``"colors"``: from tags to their color [before, after];
    - ``"labels"``: a list of [id, before, after], see :meth:`Decisions.relabels`;
    - ``"pairs"``: pairs of ids that were found to be different.
    """

    def __init__(self, db: Database, tags: StoredTags, decisions: Decisions) -> None:
        self._db, self._tags, self._decisions = db, tags, decisions

    def transaction(self) -> AbstractContextManager[Connection]:
        """All or nothing, for changes and their lines in the log."""
        return self._db.transaction()

    def act(self, kind: str, summary: str, change: Change) -> int:
        """Make a change and log it; returns the id of the line. What was undone before has no redo after it."""
        with self._db.transaction() as db:
            self.apply(change)
            db.execute("UPDATE actions SET undone = ? WHERE undone = ?", (OVERTAKEN, UNDONE))
            now = datetime.now(timezone.utc).isoformat()
            added = db.execute(
                "INSERT INTO actions (time, kind, summary, change) VALUES (?, ?, ?, ?)",
                (now, kind, summary, json.dumps(change)),
            )
            assert added.lastrowid is not None
            return added.lastrowid

    def apply(self, change: Change, *, backwards: bool = False) -> None:
        """Make a change, or take it back exactly."""
        added, removed = change.get("added", {}), change.get("removed", {})
        if backwards:
            added, removed = removed, added
        with self._db.transaction():
            for name, ids in added.items():
                self._tags.add(ids, name)
            for name, ids in removed.items():
                self._tags.remove(ids, name)
            for name, colors in change.get("colors", {}).items():  # last: a tag without items has no color
                self._tags.set_color(name, colors[0 if backwards else 1])
            for item, before, after in change.get("labels", []):
                self._decisions.relabel(item, before if backwards else after)
            self._decisions.set_distinct(change.get("pairs", []), not backwards)

    def load(self, *, changes: bool = True) -> list[Entry]:
        """All lines, the oldest first; ``changes``, which can be long, are left out where nobody needs them."""
        return self._entries("", change="change" if changes else "'{}'")

    def get(self, action: int) -> Entry | None:
        """One line."""
        return next(iter(self._entries("WHERE id = ?", action)), None)

    def to_undo(self) -> Entry | None:
        """The latest that is not undone."""
        return next(iter(self._entries("WHERE undone = ?", DONE, "DESC LIMIT 1")), None)

    def to_redo(self) -> Entry | None:
        """The one that was undone last."""
        return next(iter(self._entries("WHERE undone = ?", UNDONE, "LIMIT 1")), None)

    def mark(self, action: int, state: int) -> None:
        """Say that an action is undone, or done again."""
        with self._db.transaction() as db:
            db.execute("UPDATE actions SET undone = ? WHERE id = ?", (state, action))

    def rewrite(self, action: int, summary: str, change: Change) -> None:
        """Put down what an action came to."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE actions SET summary = ?, change = ? WHERE id = ?", (summary, json.dumps(change), action)
            )

    def remove(self, action: int) -> None:
        """Remove the line of something that came to nothing."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM actions WHERE id = ?", (action,))

    def _entries(
        self, where: str, value: int | None = None, order: str = "", change: str = "change"
    ) -> list[Entry]:
        values = () if value is None else (value,)
        with self._db.reading() as db:
            rows = db.execute(
                f"SELECT id, time, kind, summary, {change}, undone FROM actions {where} ORDER BY id {order}", values
            ).fetchall()
        return [
            Entry(action, datetime.fromisoformat(time), kind, summary, json.loads(change), state)
            for action, time, kind, summary, change, state in rows
        ]

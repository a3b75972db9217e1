"""Filters that a person has kept under a name, in project.db."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simwidget.store.database import Database


class StoredFilters:
    """The saved filters of one project."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def load(self) -> dict[str, dict[str, Any]]:
        """All of them, by name; what was a tuple is a list."""
        with self._db.reading() as db:
            rows = db.execute("SELECT name, filters FROM saved_filters ORDER BY name").fetchall()
        return {name: json.loads(filters) for name, filters in rows}

    def save(self, name: str, filters: Mapping[str, Any]) -> None:
        """Keep filters, in place of those of the same name."""
        with self._db.transaction() as db:
            db.execute("INSERT OR REPLACE INTO saved_filters VALUES (?, ?)", (name, json.dumps(filters)))

    def delete(self, name: str) -> None:
        """Forget the filters of a name."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM saved_filters WHERE name = ?", (name,))

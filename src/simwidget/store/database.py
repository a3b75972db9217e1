"""SQLite with migrations, one connection a thread, and file names that are not valid UTF-8."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from simwidget.errors import ProjectFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


# str itself, so that reading a hundred thousand file names calls no Python function for each.
_decode = partial(str, encoding="utf-8", errors="surrogateescape")


def encode_text(text: str) -> bytes:
    """Bytes of a text for ``CAST(? AS TEXT)``; keeps file names that are not valid UTF-8."""
    return text.encode("utf-8", "surrogateescape")


class Database:
    """A SQLite file in WAL mode, safe to use from several threads.

    Parameters
    ----------
    path : Path
        Created when missing.
    migrations : sequence of sequences of str
        SQL statements; those of migration ``i`` take a file from ``user_version`` i to i + 1.

    Raises
    ------
    ProjectFormatError
        The file is damaged or was written by a newer version of simwidget.
    """

    def __init__(self, path: Path, migrations: Sequence[Sequence[str]]) -> None:
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Condition()
        self._readers = 0
        self._write_lock = threading.RLock()
        try:
            self._migrate(migrations)
        except BaseException:
            self.close()
            raise

    def _migrate(self, migrations: Sequence[Sequence[str]]) -> None:
        if self._version(migrations) == len(migrations):
            return
        with self.transaction() as db:
            # Asked again: another process may have done it while this one waited for its turn.
            for number in range(self._version(migrations), len(migrations)):
                for statement in migrations[number]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number + 1}")

    def _version(self, migrations: Sequence[Sequence[str]]) -> int:
        with self.reading() as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(migrations):
            raise ProjectFormatError(
                f"{str(self.path)!r} has format {version}, written by a newer simwidget; this one reads "
                f"up to format {len(migrations)}. Upgrade: pip install --upgrade simwidget"
            )
        return version

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of the current thread, in autocommit mode."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.text_factory = _decode
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            with self._guard:
                self._connections.append(connection)
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection of the current thread for queries, whose rows are fetched inside the block.

        Raises
        ------
        ProjectFormatError
            The file turns out to be damaged.
        """
        with self._guard:
            self._readers += 1
        try:
            yield self.connection
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # damage has no class of its own below it
                raise
            raise ProjectFormatError(
                f"{str(self.path)!r} is damaged ({error}). Restore it from a backup, or delete the project folder "
                f"{str(self.path.parent)!r} and build it again; the tags in it are lost then."
            ) from error
        finally:
            with self._guard:
                self._readers -= 1
                self._guard.notify_all()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; one writer at a time. One inside another, in one thread, is part of that.

        Raises as :meth:`reading` does.
        """
        with self._write_lock, self.reading() as connection:
            if connection.in_transaction:  # of this thread: each has its own connection
                yield connection
                return
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite rolls back by itself when the disk is full
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections of all threads, once none of them is in use."""
        with self._guard:
            # SQLite crashes the process where a connection is closed under a query.
            self._guard.wait_for(lambda: self._readers == 0)
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

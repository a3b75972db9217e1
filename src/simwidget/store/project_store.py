"""Items, labels, tags, thumbnails, embeddings, graph and metrics of one project, in one folder."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from simwidget.errors import EmbedderError, MissingVectorsError, ProjectBusyError, ProjectFormatError
from simwidget.imaging import HASH_BYTES, SIGNATURE_SIDE
from simwidget.metrics.quality import PIXEL_METRICS
from simwidget.store.actions import StoredActions
from simwidget.store.database import Database, encode_text
from simwidget.store.decisions import Decisions
from simwidget.store.files import digest, file_stem, load_array, load_json, save_array, save_json
from simwidget.store.items import ROW, ItemRecord, ItemTable, rows_of
from simwidget.store.location import is_writable
from simwidget.store.saved_filters import StoredFilters
from simwidget.store.schema import PROJECT_MIGRATIONS, THUMBNAIL_MIGRATIONS
from simwidget.store.tags import StoredTags
from simwidget.store.user_metrics import UserMetrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from simwidget.sources.folder import FileEntry

FORMAT_VERSION = 1
_QUERY_IDS = 500  # ids in one query; SQLite may allow only 999
_NO_QUALITY = np.full(len(PIXEL_METRICS), np.nan, dtype="<f4").tobytes()
_UNEMBEDDABLE = (
    "EXISTS (SELECT 1 FROM embedding_errors AS failed WHERE failed.embedder = :embedder "
    "AND failed.item_id = items.id AND failed.bytes_hash = items.bytes_hash)"
)


class ProjectStore:
    """A project folder, opened.

    Parameters
    ----------
    folder : Path
        Created when missing.

    Raises
    ------
    ProjectFormatError
        A newer simwidget wrote the folder, or it is damaged.
    PermissionError
        The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest_path = folder / "manifest.json"
        self.manifest: dict[str, Any] = load_json(self._manifest_path) or {}
        version = self.manifest.get("format", FORMAT_VERSION)
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise ProjectFormatError(
                f"The project folder {str(folder)!r} has format {version}, written by a newer simwidget; "
                f"this one reads up to format {FORMAT_VERSION}. Upgrade: pip install --upgrade simwidget"
            )
        self._lock = FileLock(folder / "build.lock", thread_local=False)
        self._building = threading.Lock()  # a FileLock lets other threads of its process in
        try:
            # SQLite does not wait for its turn to turn a new file to WAL, so processes open one by one.
            with FileLock(folder / "open.lock", timeout=30):
                self._open()
        except (OSError, sqlite3.OperationalError) as error:
            if is_writable(folder):
                raise
            raise PermissionError(
                f"The project folder {str(folder)!r} cannot be written, and SQLite needs to even to read it. "
                "Get permission for it, or copy it to where you may write."
            ) from error

    def _open(self) -> None:
        self._db = Database(self.folder / "project.db", PROJECT_MIGRATIONS)
        try:
            self._thumbnails = Database(self.folder / "thumbnails.db", THUMBNAIL_MIGRATIONS)
            self.tags = StoredTags(self._db)
            self.user_metrics = UserMetrics(self._db)
            self.filters = StoredFilters(self._db)
            self.decisions = Decisions(self._db)
            self.actions = StoredActions(self._db, self.tags, self.decisions)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the files; the store cannot be used afterwards."""
        self._db.close()
        self._thumbnails.close()

    @contextmanager
    def build_lock(self) -> Iterator[None]:
        """Keep other processes and threads from building this project meanwhile.

        What stages compute is written only by who holds the lock: without it :meth:`merge_vectors` changes
        nothing on disk, and :meth:`save_cached` takes it where it can be had. Settings are read anew.

        Raises
        ------
        ProjectBusyError
            Another process or thread holds the lock; it is released when that ends, however it ends.
        """
        if not self._building.acquire(blocking=False):
            raise ProjectBusyError(f"The project in {str(self.folder)!r} is being built right now. Wait for that.")
        try:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise ProjectBusyError(
                    f"Another process is building the project in {str(self.folder)!r}. Wait for it, or open "
                    f"what is there with Project.open({str(self.folder)!r})."
                ) from None
            try:
                self.reload_manifest()
                yield
            finally:
                self._lock.release()
        finally:
            self._building.release()

    def reload_manifest(self) -> bool:
        """Read the settings anew; whether they have changed."""
        before, self.manifest = self.manifest, load_json(self._manifest_path) or {}
        return before != self.manifest

    def save_manifest(self, **values: Any) -> None:
        """Update values of ``manifest.json``; writes only when something changed."""
        updated = {**self.manifest, "format": FORMAT_VERSION, **values}
        if updated != self.manifest:
            save_json(self._manifest_path, updated)
            self.manifest = updated

    # Items

    def sync_items(
        self,
        entries: Sequence[FileEntry],
        labels: Mapping[str, str | None] | None,
        splits: Mapping[str, str | None] | None,
    ) -> None:
        """Make the items agree with a scan.

        New files become items, files that changed lose what was computed from them, files that are gone
        are kept aside with their tags, in case they come back. ``labels`` and ``splits``, by path,
        replace the stored ones where given.
        """
        with self._db.reading() as db:
            known = {
                path: (item, size, mtime, present)
                for item, path, size, mtime, present in db.execute(
                    "SELECT id, path, size, mtime_ns, present FROM items"
                )
            }
        with self._thumbnails.reading() as db:
            no_thumbnails = db.execute("SELECT 1 FROM thumbnails LIMIT 1").fetchone() is None
        new = [entry for entry in entries if entry.path not in known]
        changed = [entry for entry in entries if entry.path in known and known[entry.path][1:3] != entry[1:3]]
        found = {entry.path for entry in entries}
        gone = [item for path, (item, _, _, present) in known.items() if present and path not in found]
        back = [known[path][0] for path in found if path in known and not known[path][3]]
        with self._db.transaction() as db:
            db.executemany(
                "INSERT INTO items (path, size, mtime_ns) VALUES (CAST(? AS TEXT), ?, ?)",
                ((encode_text(e.path), e.size, e.mtime_ns) for e in new),
            )
            db.executemany(
                "UPDATE items SET size = ?, mtime_ns = ?, bytes_hash = NULL, pixels_hash = NULL, "
                "error = NULL WHERE id = ?",
                ((e.size, e.mtime_ns, known[e.path][0]) for e in changed),
            )
            db.executemany("UPDATE items SET present = 0 WHERE id = ?", ((item,) for item in gone))
            db.executemany("UPDATE items SET present = 1 WHERE id = ?", ((item,) for item in back))
            if no_thumbnails:  # someone deleted thumbnails.db: everything has to be read again
                db.execute("UPDATE items SET bytes_hash = NULL")
            for column, values in (("label", labels), ("split", splits)):
                if values is not None:
                    db.executemany(
                        f"UPDATE items SET {column} = CAST(?1 AS TEXT) "
                        f"WHERE path = CAST(?2 AS TEXT) AND {column} IS NOT CAST(?1 AS TEXT)",
                        (
                            (None if value is None else encode_text(value), encode_text(path))
                            for path, value in values.items()
                        ),
                    )

    def unread_items(self, embedder: str) -> list[tuple[int, str]]:
        """(id, path) of the present items that lack content, quality or a vector of this embedder, by id.

        Files that failed before are among them: a plugin may have been installed, a permission given.
        """
        with self._db.reading() as db:
            rows = db.execute(
                "SELECT id, path, bytes_hash, error, quality IS NULL FROM items WHERE present ORDER BY id"
            ).fetchall()
        embedded = self.embedded_content(embedder)
        return [
            (item, path)
            for item, path, content, error, unmeasured in rows
            if error is not None or content is None or unmeasured or embedded.get(item) != content
        ]

    def unembeddable(self, embedder: str) -> set[int]:
        """Ids of the items that the embedder failed on and that are still the same."""
        with self._db.reading() as db:
            found = db.execute(f"SELECT items.id FROM items WHERE {_UNEMBEDDABLE}", {"embedder": embedder})
            return {item for (item,) in found}

    def embedded_content(self, embedder: str) -> dict[int, bytes]:
        """Content hash from which the vector of an item was computed, by item id."""
        rows, _ = self.load_vectors(embedder)
        embedded = dict(zip(rows["id"].tolist(), rows["content"].tolist(), strict=True))
        with self._thumbnails.reading() as db:
            embedded.update(db.execute("SELECT item_id, bytes_hash FROM vectors WHERE embedder = ?", (embedder,)))
        return embedded

    def write_items(self, records: Sequence[ItemRecord], embedder: str) -> None:
        """Write a batch of results; a process killed at any point loses at most this batch."""
        readable = [record for record in records if record.error is None]
        # Thumbnails and vectors first: an item that project.db calls read always has them.
        with self._thumbnails.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO thumbnails VALUES (?, ?)", ((r.id, r.thumbnail) for r in readable)
            )
            db.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)",
                (
                    (embedder, r.id, r.bytes_hash, r.vector.astype("<f4").tobytes())
                    for r in readable
                    if r.vector is not None
                ),
            )
        with self._db.transaction() as db:
            db.executemany(
                "DELETE FROM embedding_errors WHERE embedder = ? AND item_id = ?",
                ((embedder, r.id) for r in records),
            )
            db.executemany(
                "INSERT INTO embedding_errors VALUES (?, ?, ?, CAST(? AS TEXT))",
                (
                    (embedder, r.id, r.bytes_hash, encode_text(r.embedding_error))
                    for r in readable
                    if r.embedding_error is not None
                ),
            )
            db.executemany(
                "UPDATE items SET error = CAST(? AS TEXT) WHERE id = ?",
                ((encode_text(r.error), r.id) for r in records if r.error is not None),
            )
            db.executemany(
                "UPDATE items SET error = NULL, width = ?, height = ?, bytes_hash = ?, pixels_hash = ?, "
                "thumbnail_hash = ?, signature = ?, mean_color = ?, sharpness = ?, quality = ? WHERE id = ?",
                (
                    (
                        r.width,
                        r.height,
                        r.bytes_hash,
                        r.pixels_hash,
                        r.thumbnail_hash,
                        r.signature,
                        r.mean_color,
                        r.sharpness,
                        None if r.quality is None else r.quality.astype("<f4").tobytes(),
                        r.id,
                    )
                    for r in readable
                ),
            )

    def mark_unembeddable(self, embedder: str, ids: Iterable[int], reason: str) -> None:
        """Leave items, as they are now, out of what belongs to an embedder."""
        with self._db.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO embedding_errors SELECT ?, id, bytes_hash, CAST(? AS TEXT) FROM items "
                "WHERE id = ? AND bytes_hash IS NOT NULL",
                ((embedder, encode_text(reason), item) for item in ids),
            )

    def write_pixel_hashes(self, hashes: Iterable[tuple[int, bytes]]) -> None:
        """Store hashes of pixels, by item id."""
        with self._db.transaction() as db:
            db.executemany("UPDATE items SET pixels_hash = ? WHERE id = ?", ((h, i) for i, h in hashes))

    def load_items(self, embedder: str = "") -> ItemTable:
        """All readable items that are present, but for those that the embedder named failed on."""
        with self._db.reading() as db:
            rows = db.execute(
                "SELECT id, path, CASE WHEN item_id IS NULL THEN items.label ELSE relabels.label END, split, size, "
                "mtime_ns, width, height, bytes_hash, pixels_hash, thumbnail_hash, signature, mean_color, "
                "sharpness, quality FROM items LEFT JOIN relabels ON item_id = items.id "
                f"WHERE present AND error IS NULL AND bytes_hash IS NOT NULL AND NOT {_UNEMBEDDABLE} ORDER BY id",
                {"embedder": embedder},
            ).fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * 15
        return ItemTable(
            ids=np.array(columns[0], dtype=np.int64),
            paths=list(columns[1]),
            labels=list(columns[2]),
            splits=list(columns[3]),
            sizes=np.array(columns[4], dtype=np.int64),
            mtimes=np.array(columns[5], dtype=np.int64),
            widths=np.array(columns[6], dtype=np.int32),
            heights=np.array(columns[7], dtype=np.int32),
            content=np.frombuffer(b"".join(columns[8]), dtype=f"V{HASH_BYTES}"),
            pixels=list(columns[9]),
            thumbnail_hashes=list(columns[10]),
            signatures=np.frombuffer(b"".join(columns[11]), dtype=np.uint8).reshape(
                len(rows), 3 * SIGNATURE_SIDE**2
            ),
            mean_colors=np.frombuffer(b"".join(columns[12]), dtype=np.uint8).reshape(len(rows), 3),
            sharpness=np.array(columns[13], dtype=np.float64),
            quality=np.frombuffer(b"".join(value or _NO_QUALITY for value in columns[14]), dtype="<f4").reshape(
                len(rows), len(PIXEL_METRICS)
            ),
        )

    def failed_items(self, embedder: str = "") -> list[tuple[str, str]]:
        """(path, reason) of the present files that could not be read, or not be embedded by this embedder."""
        with self._db.reading() as db:
            return db.execute(
                "SELECT path, error FROM items WHERE present AND error IS NOT NULL UNION ALL "
                "SELECT path, reason FROM embedding_errors JOIN items ON items.id = item_id "
                "WHERE present AND error IS NULL AND embedder = :embedder "
                "AND items.bytes_hash = embedding_errors.bytes_hash ORDER BY path",
                {"embedder": embedder},
            ).fetchall()

    def thumbnails(self, ids: Sequence[int]) -> list[bytes | None]:
        """JPEG thumbnails, in the order asked for; None where an item has none."""
        wanted = [int(item) for item in ids]
        found: dict[int, bytes] = {}
        with self._thumbnails.reading() as db:
            for start in range(0, len(wanted), _QUERY_IDS):
                part = wanted[start : start + _QUERY_IDS]
                marks = ",".join("?" * len(part))
                found.update(db.execute(f"SELECT item_id, jpeg FROM thumbnails WHERE item_id IN ({marks})", part))
        return [found.get(item) for item in wanted]

    # Embeddings, graph and metrics

    def merge_vectors(
        self, embedder: str, ids: npt.NDArray[np.int64], content: npt.NDArray[np.void], dim: int
    ) -> npt.NDArray[np.float32]:
        """Bring the stored embeddings up to date: one row an item, in the order of ``ids``.

        Returns
        -------
        ndarray of float32, shape (n, dim)
            Memory-mapped where it is stored.

        Raises
        ------
        EmbedderError
            Vectors stored under this embedder's name have another length.
        MissingVectorsError
            Vectors are missing.
        """
        wanted = rows_of(ids, content)
        rows, stored = self.load_vectors(embedder)
        if len(stored) and stored.shape[1] != dim:
            raise _other_length(embedder, stored.shape[1], dim)
        if len(stored) and np.array_equal(rows, wanted):
            return stored
        merged = np.empty((len(ids), dim), dtype="<f4")
        filled = np.zeros(len(ids), dtype=bool)
        if len(stored):
            _, new, old = np.intersect1d(ids, rows["id"], assume_unique=True, return_indices=True)
            same = wanted["content"][new] == rows["content"][old]
            merged[new[same]] = stored[old[same]]
            filled[new[same]] = True
        position = {item: row for row, item in enumerate(ids.tolist())}
        with self._thumbnails.reading() as db:
            for item, hashed, vector in db.execute(
                "SELECT item_id, bytes_hash, vector FROM vectors WHERE embedder = ?", (embedder,)
            ):
                row = position.get(item)
                if row is not None and wanted["content"][row].tobytes() == hashed:
                    if len(vector) != 4 * dim:
                        raise _other_length(embedder, len(vector) // 4, dim)
                    merged[row] = np.frombuffer(vector, dtype="<f4")
                    filled[row] = True
        if not filled.all():
            raise MissingVectorsError(
                f"{int((~filled).sum())} vectors of the embedder {embedder!r} are missing from "
                f"{str(self.folder)!r}. Run Project.from_folder again to compute them."
            )
        if not self._lock.is_locked:
            return merged
        aside = np.flatnonzero(~np.isin(rows["id"], ids))  # of files that are gone, which may come back
        with self._thumbnails.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)",
                ((embedder, int(rows["id"][i]), rows["content"][i].tobytes(), stored[i].tobytes()) for i in aside),
            )
        self.write_vectors(embedder, ids, content, merged)
        with self._thumbnails.transaction() as db:
            merged_ids = ((embedder, item) for item in ids.tolist())
            db.executemany("DELETE FROM vectors WHERE embedder = ? AND item_id = ?", merged_ids)
        _, loaded = self.load_vectors(embedder)
        if len(loaded) < len(ids):
            raise ProjectFormatError(
                f"The embeddings {embedder!r} in {str(self.folder)!r} were written but could not be read back."
            )
        return loaded

    def write_vectors(
        self,
        embedder: str,
        ids: npt.NDArray[np.int64],
        content: npt.NDArray[np.void],
        vectors: npt.NDArray[np.float32],
    ) -> None:
        """Replace the stored embeddings of this name; ``vectors`` has shape (n, dim), one row an item.

        The caller holds the build lock.
        """
        rows = rows_of(ids, content)
        # The rows name their vectors, so writing them is what makes the new vectors count.
        folder = self._embedding_folder(embedder)
        save_array(current := folder / _vectors_name(rows), vectors)
        save_array(folder / "rows.npy", rows)
        for left_over in folder.glob("vectors-*"):
            if left_over != current:
                with suppress(PermissionError):  # Windows keeps files that are mapped
                    left_over.unlink()

    def remove_vectors(self, embedder: str) -> None:
        """Remove the vectors of an embedder that were set aside; the caller holds the build lock."""
        with self._thumbnails.transaction() as db:
            db.execute("DELETE FROM vectors WHERE embedder = ?", (embedder,))

    def load_vectors(self, embedder: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Rows of (id, content hash) and their vectors as stored; empty where a file is missing or damaged."""
        folder = self._embedding_folder(embedder)
        rows = load_array(folder / "rows.npy")
        if rows is not None and rows.dtype == ROW:
            vectors = load_array(folder / _vectors_name(rows))
            if vectors is not None and vectors.dtype == "<f4" and vectors.shape[:-1] == rows.shape:
                return rows, vectors
        return np.empty(0, dtype=ROW), np.empty((0, 0), dtype=np.float32)

    def _embedding_folder(self, embedder: str) -> Path:
        return self.folder / "embeddings" / file_stem(embedder)

    def load_cached(self, folder: str, name: str, key: str | None, arrays: Sequence[str]) -> dict[str, Any] | None:
        """Arrays and facts that a stage stored under ``key``, or any; None when it stored none or under another."""
        base = self.folder / folder / file_stem(name)
        facts = load_json(base / "key.json")
        if facts is None or key not in (None, facts.get("key")):
            return None
        loaded = {array: load_array(base / f"{array}.npy") for array in arrays}
        if any(value is None for value in loaded.values()) or load_json(base / "key.json") != facts:
            return None  # the second look at the key: another process may have replaced arrays meanwhile
        return {**facts, **loaded}

    def save_cached(
        self, folder: str, name: str, key: str, arrays: Mapping[str, npt.NDArray[Any]], **facts: Any
    ) -> None:
        """Store what a stage computed; the key goes last, so that a half-written stage does not count.

        While another process or thread is building nothing is stored.
        """
        if not self._lock.is_locked:
            with suppress(ProjectBusyError), self.build_lock():
                self.save_cached(folder, name, key, arrays, **facts)
            return
        base = self.folder / folder / file_stem(name)
        (base / "key.json").unlink(missing_ok=True)
        for array, value in arrays.items():
            save_array(base / f"{array}.npy", value)
        save_json(base / "key.json", {"key": key, **facts})

    def remove(self, folder: str, name: str) -> None:
        """Remove what is stored under a name; the caller holds the build lock."""
        shutil.rmtree(self.folder / folder / file_stem(name), ignore_errors=True)  # Windows keeps mapped files


def _vectors_name(rows: npt.NDArray[Any]) -> str:
    """Name of the file that holds the vectors of these rows."""
    return f"vectors-{digest(rows)[:12]}.npy"


def _other_length(embedder: str, stored: int, dim: int) -> EmbedderError:
    return EmbedderError(
        f"The project has vectors of {stored} numbers by the embedder {embedder!r}, which now makes {dim}. "
        "An embedder that computes something else has to change its name."
    )

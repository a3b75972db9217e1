"""The project folder on disk: what is in it survives, what is damaged is rebuilt or named, nothing is unpickled."""

from __future__ import annotations

import os
import pickle
import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import picture
from thumb_embedder import ThumbEmbedder

from simwidget.errors import ProjectBusyError, ProjectFormatError
from simwidget.project import Project
from simwidget.sources.folder import FileEntry
from simwidget.store import FORMAT_VERSION, ItemRecord, ProjectStore
from simwidget.store.database import Database
from simwidget.store.files import load_array, load_json, save_json
from simwidget.store.schema import PROJECT_MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Planted

    Build = Callable[..., Project]

DIM = 4


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    store = ProjectStore(tmp_path / "project")
    yield store
    store.close()


def entries(*paths: str) -> list[FileEntry]:
    return [FileEntry(path, 10, 20) for path in paths]


def record(item: int, content: int = 0) -> ItemRecord:
    return ItemRecord(
        item,
        None,
        8,
        6,
        bytes([item, content] * 8),
        None,
        bytes(48),
        bytes(3),
        1.0,
        b"jpeg %d" % item,
        np.full(DIM, item, np.float32),
        np.arange(8, dtype=np.float32) + item,
    )


def filled(store: ProjectStore, count: int) -> None:
    store.sync_items(entries(*(f"{number}.png" for number in range(count))), None, None)
    store.write_items([record(item) for item, _ in store.unread_items("e")], "e")


def merged(store: ProjectStore) -> np.ndarray:
    items = store.load_items()
    with store.build_lock():
        return store.merge_vectors("e", items.ids, items.content, DIM)


class TestItems:
    def test_what_is_written_is_read(self, store: ProjectStore) -> None:
        store.sync_items(entries("b.png", "a.png"), {"a.png": "cat", "b.png": None}, {"a.png": "train"})
        store.write_items([ItemRecord(1, error="torn"), record(2)], "e")
        items = store.load_items()
        assert (items.paths, items.labels, items.splits) == (["a.png"], ["cat"], ["train"])
        assert (items.ids.tolist(), items.sizes.tolist(), items.mtimes.tolist()) == ([2], [10], [20])
        assert (items.widths.tolist(), items.heights.tolist()) == ([8], [6])
        assert items.content[0].tobytes() == record(2).bytes_hash
        assert items.signatures.shape == (1, 48)
        assert (items.quality.dtype, items.quality.tolist()) == (np.float32, [[2, 3, 4, 5, 6, 7, 8, 9]])
        assert store.failed_items() == [("b.png", "torn")]

    def test_unreadable_files_are_found_without_reading_the_others(self, store: ProjectStore) -> None:
        filled(store, 3)
        asked: list[str] = []
        with store._db.reading() as db:
            db.set_trace_callback(asked.append)
            store.failed_items()
            db.set_trace_callback(None)
            plan = [row[3] for statement in asked for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert any("USING INDEX unreadable_items" in step for step in plan), plan
        assert not any(step.startswith("SCAN items") and "INDEX" not in step for step in plan), plan

    def test_no_items(self, store: ProjectStore) -> None:
        items = store.load_items()
        assert len(items.ids) == len(items.paths) == 0
        assert (items.signatures.shape, items.mean_colors.shape) == ((0, 48), (0, 3))
        assert items.quality.shape == (0, 8)

    def test_labels_stay_unless_given(self, store: ProjectStore) -> None:
        store.sync_items(entries("1.png"), {"1.png": "cat"}, None)
        store.write_items([record(1)], "e")
        store.sync_items(entries("1.png"), None, None)
        assert store.load_items().labels == ["cat"]
        store.sync_items(entries("1.png"), {"1.png": None}, None)
        assert store.load_items().labels == [None]

    def test_pixel_hashes(self, store: ProjectStore) -> None:
        filled(store, 2)
        store.write_pixel_hashes([(2, b"p" * 16)])
        assert store.load_items().pixels == [None, b"p" * 16]

    def test_deleted_thumbnails_are_made_again(self, planted: Planted, build: Build) -> None:
        first = build(planted.folder, embedder=ThumbEmbedder())
        before = first.thumbnails(first.ids)
        first.tag(first.ids, "all")
        first.close()
        for path in first.project_dir.glob("thumbnails.db*"):
            path.unlink()
        Project.open(planted.folder).close()
        second = build(planted.folder, embedder=ThumbEmbedder())
        assert second.thumbnails(second.ids) == before
        assert len(second.tags["all"]) == len(second) == 16


class TestThumbnails:
    def test_in_the_order_asked_for(self, store: ProjectStore) -> None:
        filled(store, 3)
        assert store.thumbnails([3, 9, 1, 3]) == [b"jpeg 3", None, b"jpeg 1", b"jpeg 3"]
        assert store.thumbnails([]) == []

    def test_more_ids_than_a_query_takes_and_of_numpy(self, store: ProjectStore) -> None:
        filled(store, 3)
        found = store.thumbnails(np.arange(300_000))
        assert len(found) == 300_000
        assert found[:5] == [None, b"jpeg 1", b"jpeg 2", b"jpeg 3", None]

    def test_read_by_threads_while_another_writes(self, store: ProjectStore) -> None:
        """Every answer is one of the versions that were written, whole."""
        count, versions = 40, 25
        filled(store, count)
        done = threading.Event()

        def version(number: int) -> bytes:
            return bytes([number]) * 20_000

        def write() -> None:
            for number in range(1, versions + 1):
                batch = [ItemRecord(item, bytes_hash=b"x" * 16, thumbnail=version(number)) for item in range(1, 41)]
                store.write_items(batch, "e")

        def read(_: int) -> int:
            reads = 0
            while not done.is_set() or reads == 0:
                found = store.thumbnails(range(1, count + 1))
                assert len(set(found)) == 1 or found[0] == b"jpeg 1"  # one batch, never halves of two
                assert found[0] == b"jpeg 1" or found[0] == version(found[0][0])
                reads += 1
            return reads

        with ThreadPoolExecutor(5) as pool:
            readers = [pool.submit(read, number) for number in range(4)]
            try:
                pool.submit(write).result()
            finally:
                done.set()
            assert all(reader.result() > 0 for reader in readers)
        assert store.thumbnails([1]) == [version(versions)]


class TestTags:
    def test_tag_and_untag(self, store: ProjectStore) -> None:
        filled(store, 3)
        assert store.tags.add([1, 3], "odd") == 2
        assert store.tags.add([3, 2], "odd") == 1
        assert store.tags.load() == {"odd": [1, 2, 3]}
        assert store.tags.remove([1, 2], "odd") == 2
        assert store.tags.remove([1], "even") == 0
        assert store.tags.remove([3], "odd") == 1
        assert store.tags.load() == {}

    def test_all_or_nothing(self, store: ProjectStore) -> None:
        filled(store, 2)
        with pytest.raises(sqlite3.IntegrityError):
            store.tags.add([1, 77], "odd")
        assert store.tags.load() == {}
        assert store.tags.add([1], "odd") == 1

    def test_a_full_disk_is_told_and_leaves_the_store_usable(self, tmp_path: Path) -> None:
        db = Database(tmp_path / "a.db", [("CREATE TABLE t (data BLOB)",)])
        (pages,) = db.connection.execute("PRAGMA page_count").fetchone()
        db.connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(sqlite3.OperationalError, match="full"), db.transaction() as connection:
            connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        with db.transaction() as connection:
            connection.execute("INSERT INTO t VALUES ('fits')")
        with db.reading() as connection:
            assert connection.execute("SELECT data FROM t").fetchall() == [("fits",)]
        db.close()


class TestVectors:
    def test_merged_in_order_of_ids_and_kept(self, store: ProjectStore) -> None:
        filled(store, 3)
        assert merged(store)[:, 0].tolist() == [1, 2, 3]
        assert store.unread_items("e") == []
        assert merged(store)[:, 0].tolist() == [1, 2, 3]

    def test_vectors_of_other_content_do_not_count(self, store: ProjectStore) -> None:
        filled(store, 2)
        merged(store)
        changed = [FileEntry("0.png", 11, 20), FileEntry("1.png", 10, 20)]
        store.sync_items(changed, None, None)
        assert store.unread_items("e") == [(1, "0.png")]
        store.write_items([ItemRecord(1, bytes_hash=b"n" * 16, signature=bytes(48), mean_color=bytes(3))], "e")
        with pytest.raises(ProjectFormatError, match=r"1 vectors of the embedder 'e' are missing"):
            merged(store)

    def test_embedders_do_not_mix(self, store: ProjectStore) -> None:
        filled(store, 2)
        merged(store)
        assert [item for item, _ in store.unread_items("E")] == [1, 2]
        assert [item for item, _ in store.unread_items("e.rows")] == [1, 2]

    def test_without_the_lock_nothing_is_written(self, store: ProjectStore) -> None:
        filled(store, 2)
        items = store.load_items()
        assert store.merge_vectors("e", items.ids, items.content, DIM)[:, 0].tolist() == [1, 2]
        with closing(ProjectStore(store.folder)) as other, other.build_lock():
            store.save_cached("graph", "e", "key", {"a": np.arange(3)})
            assert store.load_cached("graph", "e", "key", ["a"]) is None
        assert not list(store.folder.rglob("*.npy"))

    def test_only_the_current_vectors_stay_on_disk(self, store: ProjectStore) -> None:
        for count in (2, 3, 4):
            filled(store, count)
            merged(store)
        assert len(list((store.folder / "embeddings").rglob("vectors-*"))) == 1


class TestCached:
    def test_under_its_key_only(self, store: ProjectStore) -> None:
        with store.build_lock():
            store.save_cached("graph", "e", "key", {"a": np.arange(3)}, method="exact")
        found = store.load_cached("graph", "e", "key", ["a"])
        assert found is not None
        assert found["method"] == "exact"
        assert found["a"].tolist() == [0, 1, 2]
        assert store.load_cached("graph", "e", "other", ["a"]) is None
        assert store.load_cached("graph", "e", "key", ["a", "b"]) is None

    def test_replaced_by_another_process_while_it_is_read(
        self, store: ProjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def load_late(path: Path) -> np.ndarray | None:
            store.save_cached("graph", "e", "new", {"a": np.ones(3)})
            return load_array(path)

        with store.build_lock():
            store.save_cached("graph", "e", "old", {"a": np.zeros(3)})
            monkeypatch.setattr("simwidget.store.project_store.load_array", load_late)
            assert store.load_cached("graph", "e", "old", ["a"]) is None


def damage_cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def damage_empty(path: Path) -> None:
    os.truncate(path, 0)


def damage_noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(500))


def damage_remove(path: Path) -> None:
    path.unlink()


class Pickled:
    """Whoever unpickles this creates a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (os.mkdir, (str(self.trace),))


class TestDamage:
    @pytest.mark.parametrize("damage", [damage_cut, damage_empty, damage_noise, damage_remove])
    @pytest.mark.parametrize(
        ("file", "embedded_again"),
        [
            ("embeddings/thumb-6/vectors-*.npy", True),
            ("embeddings/thumb-6/rows.npy", True),
            ("graph/thumb-6/indices.npy", False),
            ("graph/thumb-6/groups.npy", False),
            ("graph/thumb-6/key.json", False),
            ("metrics/*/values.npy", False),
        ],
    )
    def test_of_what_can_be_computed_again(
        self, planted: Planted, build: Build, file: str, embedded_again: bool, damage: Callable[[Path], None]
    ) -> None:
        first = build(planted.folder, embedder=ThumbEmbedder())
        expected = [first.embeddings.copy(), first.graph.indices.copy(), first.uniqueness.copy()]
        first.close()
        [path] = first.project_dir.glob(file)
        damage(path)
        second = build(planted.folder, embedder=ThumbEmbedder())
        assert second._opened.embedder.images == (len(second) if embedded_again else 0)
        for old, new in zip(expected, [second.embeddings, second.graph.indices, second.uniqueness], strict=True):
            assert np.array_equal(old, new)

    def test_an_array_of_objects_is_not_unpickled(self, planted: Planted, build: Build, tmp_path: Path) -> None:
        first = build(planted.folder, embedder=ThumbEmbedder())
        expected = first.uniqueness.copy()
        first.close()
        trace = tmp_path / "unpickled"
        for path in first.project_dir.rglob("*.npy"):
            objects = np.empty(16, dtype=object)
            objects[:] = [Pickled(trace)] * 16
            np.save(path, objects, allow_pickle=True)
            assert load_array(path) is None
        second = build(planted.folder, embedder=ThumbEmbedder())
        assert np.array_equal(second.uniqueness, expected)
        assert not trace.exists()
        with (tmp_path / "control").open("wb") as control:
            pickle.dump(Pickled(trace), control)
        pickle.loads((tmp_path / "control").read_bytes())
        assert trace.exists(), "the trap would not have told"

    @pytest.mark.parametrize("damage", [damage_empty, damage_noise, damage_remove])
    def test_of_the_manifest(self, planted: Planted, build: Build, damage: Callable[[Path], None]) -> None:
        first = build(planted.folder, embedder=ThumbEmbedder())
        first.tag(first.ids[:1], "kept")
        first.close()
        damage(first.project_dir / "manifest.json")
        with pytest.raises(ProjectFormatError, match="not built to the end"):
            Project.open(planted.folder)
        second = build(planted.folder, embedder=ThumbEmbedder())
        assert len(second.tags["kept"]) == 1
        assert second._opened.embedder.images == 0

    @pytest.mark.parametrize("damaged", ["project.db", "thumbnails.db"])
    def test_of_a_database(self, planted: Planted, build: Build, damaged: str) -> None:
        project = build(planted.folder, embedder=ThumbEmbedder())
        project.close()
        damage_noise(project.project_dir / damaged)
        for again in (
            partial(build, planted.folder, embedder=ThumbEmbedder()),
            partial(Project.open, planted.folder),
        ):
            with pytest.raises(ProjectFormatError, match=rf"{damaged}' is damaged.*delete"):
                again()

    def test_of_pages_inside_the_database(self, planted: Planted, build: Build) -> None:
        project = build(planted.folder, embedder=ThumbEmbedder())
        project.close()
        path = project.project_dir / "project.db"
        data = bytearray(path.read_bytes())
        data[4096:] = np.random.default_rng(0).bytes(len(data) - 4096)  # all but the page with the schema
        path.write_bytes(data)
        with pytest.raises(ProjectFormatError, match=r"project\.db' is damaged"):
            Project.open(planted.folder)
        with pytest.raises(ProjectFormatError, match=r"project\.db' is damaged"):
            build(planted.folder, embedder=ThumbEmbedder())


def to_version_1(path: Path) -> None:
    """Replace a project.db by one of version 1, as its migration makes it, with the same rows."""
    newer = path.rename(path.with_name("newer.db"))
    Database(path, PROJECT_MIGRATIONS[:1]).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ATTACH ? AS newer", (str(newer),))
        for table in ("items", "tags", "item_tags"):
            columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newer.{table}")
        db.commit()
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert "quality" not in [row[1] for row in db.execute("PRAGMA main.table_info(items)")]
    newer.unlink()


class TestVersions:
    def test_a_newer_manifest_is_refused(self, planted: Planted, build: Build) -> None:
        project = build(planted.folder, embedder=ThumbEmbedder())
        project.close()
        path = project.project_dir / "manifest.json"
        newer = {**(load_json(path) or {}), "format": FORMAT_VERSION + 1}
        save_json(path, newer)
        for again in (
            partial(build, planted.folder, embedder=ThumbEmbedder()),
            partial(Project.open, planted.folder),
        ):
            with pytest.raises(ProjectFormatError, match=r"format 2, written by a newer simwidget.*pip install"):
                again()
        assert load_json(path) == newer

    @pytest.mark.parametrize("name", ["project.db", "thumbnails.db"])
    def test_a_newer_database_is_refused_and_left_alone(self, planted: Planted, build: Build, name: str) -> None:
        project = build(planted.folder, embedder=ThumbEmbedder())
        project.close()
        connection = sqlite3.connect(project.project_dir / name)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        before = (project.project_dir / name).read_bytes()
        with pytest.raises(ProjectFormatError, match=rf"{name}' has format 99, written by a newer simwidget"):
            build(planted.folder, embedder=ThumbEmbedder())
        assert (project.project_dir / name).read_bytes() == before

    def test_an_older_database_is_migrated_once(self, tmp_path: Path) -> None:
        first = ("CREATE TABLE a (x)", "INSERT INTO a VALUES (1)")
        Database(tmp_path / "a.db", [first]).close()
        for _ in range(2):
            db = Database(tmp_path / "a.db", [first, ("INSERT INTO a VALUES (2)",)])
            with db.reading() as connection:
                assert connection.execute("SELECT x FROM a").fetchall() == [(1,), (2,)]
            db.close()

    def test_a_project_without_quality_gets_it_and_keeps_the_rest(self, planted: Planted, build: Build) -> None:
        first = build(planted.folder, embedder=ThumbEmbedder())
        first.tag(first.ids[:3], "kept")
        expected = [first.ids, first.embeddings.copy(), first._store.load_items().quality]
        first.close()
        assert np.isfinite(expected[2]).all()
        to_version_1(first.project_dir / "project.db")
        opened = Project.open(planted.folder)
        assert len(opened.tags["kept"]) == 3
        assert np.isnan(opened._store.load_items().quality).all()
        opened.close()
        second = build(planted.folder, embedder=ThumbEmbedder())
        assert second._opened.embedder.images == 0
        assert len(second.tags["kept"]) == 3
        found = [second.ids, second.embeddings, second._store.load_items().quality]
        for old, new in zip(expected, found, strict=True):
            assert np.array_equal(old, new)
        assert second._store.unread_items(ThumbEmbedder.name) == []

    def test_what_changed_since_the_vector_is_embedded_again(self, planted: Planted, build: Build) -> None:
        first = build(planted.folder, embedder=ThumbEmbedder())
        changed = planted.folder / first._store.load_items().paths[0]
        first.close()
        to_version_1(first.project_dir / "project.db")
        picture(77).save(changed)
        second = build(planted.folder, embedder=ThumbEmbedder())
        assert second._opened.embedder.images == 1
        assert np.isfinite(second._store.load_items().quality).all()

    def test_a_migration_that_fails_changes_nothing(self, tmp_path: Path) -> None:
        first = ("CREATE TABLE a (x)",)
        Database(tmp_path / "a.db", [first]).close()
        with pytest.raises(sqlite3.OperationalError):
            Database(tmp_path / "a.db", [first, ("INSERT INTO a VALUES (2)", "no SQL")])
        db = Database(tmp_path / "a.db", [first])
        with db.reading() as connection:
            assert connection.execute("SELECT x FROM a").fetchall() == []
        db.close()

    def test_opened_first_by_several_at_once(self, tmp_path: Path) -> None:
        count = 8
        barrier = threading.Barrier(count)

        def opened(number: int) -> None:
            barrier.wait()
            store = ProjectStore(tmp_path / "project")
            store.tags.add([], f"tag {number}")
            store.close()

        with ThreadPoolExecutor(count) as pool:
            assert list(pool.map(opened, range(count))) == [None] * count


class TestLock:
    def test_one_builds(self, store: ProjectStore) -> None:
        other = ProjectStore(store.folder)
        with store.build_lock(), pytest.raises(ProjectBusyError, match=re.escape(repr(str(store.folder)))):
            other.build_lock().__enter__()
        with other.build_lock():
            pass
        other.close()

    def test_released_after_an_error(self, store: ProjectStore) -> None:
        with pytest.raises(ZeroDivisionError), store.build_lock():
            raise ZeroDivisionError
        with store.build_lock():
            pass


def test_a_database_is_closed_once_nobody_reads_it(tmp_path: Path) -> None:
    """SQLite crashes the process where a connection is closed under a query."""
    db = Database(tmp_path / "a.db", [("CREATE TABLE t (data BLOB)",)])
    reads, go_on = threading.Event(), threading.Event()

    def read() -> int:
        with db.reading() as connection:
            reads.set()
            assert go_on.wait(30)
            return int(connection.execute("SELECT COUNT(*) FROM t").fetchone()[0])

    with ThreadPoolExecutor(2) as pool:
        found = pool.submit(read)
        assert reads.wait(30)
        closed = pool.submit(db.close)
        assert not closed.done()
        go_on.set()
        assert found.result(30) == 0
        closed.result(30)

"""Files go into the trash and come back whole, whatever stands in the way and wherever the process is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simwidget.errors import TrashError
from simwidget.sources.folder import FileEntry
from simwidget.trash import Trash

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for name in ("a.jpg", "b.png", "sub/c.jpg", "sub/deep/d e 🎈.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 100)
    return folder


@pytest.fixture
def trash(tmp_path: Path, root: Path) -> Trash:
    return Trash(tmp_path / "project" / "trash", root)


def seen(root: Path, *paths: str) -> list[FileEntry]:
    return [FileEntry(path, (s := (root / path).stat()).st_size, s.st_mtime_ns) for path in paths]


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_there_and_back_again(root: Path, trash: Trash) -> None:
    before = tree(root)
    name, moved = trash.delete(seen(root, "a.jpg", "sub/deep/d e 🎈.jpg"))
    assert (moved.done, moved.refused) == (["a.jpg", "sub/deep/d e 🎈.jpg"], [])
    assert sorted(tree(root)) == ["b.png", "sub/c.jpg"]
    (batch,) = trash.batches()
    assert (batch.name, list(batch.files)) == (name, moved.done)
    assert batch.files["a.jpg"].read_bytes() == before["a.jpg"][0]
    assert trash.restore() == (moved.done, [])
    assert tree(root) == before
    assert trash.batches() == []


def test_of_several_deletions_the_latest_comes_back_first_or_the_one_named(root: Path, trash: Trash) -> None:
    first, _ = trash.delete(seen(root, "a.jpg"))
    second, _ = trash.delete(seen(root, "b.png", "sub/c.jpg"))
    assert [batch.name for batch in trash.batches()] == [first, second]
    assert trash.restore(paths=["sub/c.jpg", "no such"]).done == ["sub/c.jpg"]
    assert trash.restore(first).done == ["a.jpg"]
    assert trash.restore().done == ["b.png"]
    with pytest.raises(TrashError, match="empty"):
        trash.restore()
    third, _ = trash.delete(seen(root, "a.jpg"))
    with pytest.raises(TrashError, match=rf"'{second}'. There are: {third}"):
        trash.restore(second)


def test_a_file_that_changed_or_went_stays_as_it_is(root: Path, trash: Trash) -> None:
    files = seen(root, "a.jpg", "b.png", "sub/c.jpg")
    (root / "a.jpg").write_bytes(b"edited since")
    (root / "b.png").unlink()
    assert {path: reason.split(";")[0] for path, reason in trash.check(files)} == {
        "a.jpg": "it has changed since it was scanned",
        "b.png": "it is no longer there",
    }
    _, moved = trash.delete(files)
    assert moved.done == ["sub/c.jpg"]
    assert [path for path, _ in moved.refused] == ["a.jpg", "b.png"]
    assert (root / "a.jpg").read_bytes() == b"edited since"


def test_where_nothing_can_go_no_batch_is_made(trash: Trash) -> None:
    assert trash.delete([FileEntry("none.jpg", 1, 1)]) == ("", ([], [("none.jpg", "it is no longer there")]))
    assert trash.batches() == []


def test_nothing_outside_the_root_is_touched(tmp_path: Path, root: Path, trash: Trash) -> None:
    outside = tmp_path / "precious.jpg"
    outside.write_bytes(b"precious")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "e.jpg").write_bytes(b"e")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    state = outside.stat()
    for path in ("../precious.jpg", str(outside), "sub/../../precious.jpg"):
        _, moved = trash.delete([FileEntry(path, state.st_size, state.st_mtime_ns)])
        assert [reason for _, reason in moved.refused] == ["it is not below the folder of images"]
    _, moved = trash.delete(seen(root, "link/e.jpg"))
    assert moved.done == []
    assert (outside.read_bytes(), (tmp_path / "elsewhere" / "e.jpg").read_bytes()) == (b"precious", b"e")


def test_a_manifest_that_was_tampered_with_writes_nothing_outside(tmp_path: Path, root: Path, trash: Trash) -> None:
    name, _ = trash.delete(seen(root, "a.jpg"))
    manifest = tmp_path / "project" / "trash" / name / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"][0]["path"] = "../outside.jpg"
    manifest.write_text(json.dumps(content))
    assert [reason for _, reason in trash.restore().refused] == ["its place is not below the folder of images"]
    assert not (tmp_path / "outside.jpg").exists()
    manifest.write_text("{}")
    with pytest.raises(TrashError, match="by hand"):
        trash.batches()


def test_a_link_goes_and_its_target_stays(tmp_path: Path, root: Path, trash: Trash) -> None:
    (tmp_path / "target.jpg").write_bytes(b"target")
    (root / "link.jpg").symlink_to("../target.jpg")
    _, moved = trash.delete(seen(root, "link.jpg"))
    assert moved.done == ["link.jpg"]
    assert (tmp_path / "target.jpg").read_bytes() == b"target"
    trash.restore()
    assert str((root / "link.jpg").readlink()) == "../target.jpg"


def test_nothing_is_overwritten_by_what_comes_back(root: Path, trash: Trash) -> None:
    trash.delete(seen(root, "a.jpg", "b.png"))
    (root / "a.jpg").write_bytes(b"a new one of that name")
    moved = trash.restore()
    assert moved.done == ["b.png"]
    assert moved.refused == [("a.jpg", "another file is at its place now")]
    assert (root / "a.jpg").read_bytes() == b"a new one of that name"
    (root / "a.jpg").unlink()
    assert trash.restore().done == ["a.jpg"]


def test_a_folder_that_went_meanwhile_is_made_again(root: Path, trash: Trash) -> None:
    trash.delete(seen(root, "sub/c.jpg", "sub/deep/d e 🎈.jpg"))
    (root / "sub" / "deep").rmdir()
    (root / "sub").rmdir()
    assert trash.restore().done == ["sub/c.jpg", "sub/deep/d e 🎈.jpg"]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system to write to, such as /dev/shm")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_to_another_file_system_and_back(root: Path, elsewhere: Path) -> None:
    trash = Trash(elsewhere, root)
    (root / "link.jpg").symlink_to("a.jpg")
    before = tree(root)
    assert trash.delete(seen(root, "link.jpg", "a.jpg", "sub/c.jpg"))[1].done == ["link.jpg", "a.jpg", "sub/c.jpg"]
    assert trash.batches()[0].files["a.jpg"].read_bytes() == before["a.jpg"][0]
    (root / "a.jpg").write_bytes(b"new")
    assert sorted(trash.restore().done) == ["link.jpg", "sub/c.jpg"]
    (root / "a.jpg").unlink()
    assert trash.restore().done == ["a.jpg"]
    assert tree(root) == before
    assert (root / "link.jpg").is_symlink()


KILLED = """
import os, sys, signal
from pathlib import Path
from simwidget.sources.folder import FileEntry
from simwidget.trash import Trash
root, project, stop = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
calls = 0
def killing(event, arguments):
    global calls
    if event in ("os.link", "os.remove", "os.rename", "os.mkdir"):
        calls += 1
        if calls == stop:
            os.kill(os.getpid(), signal.SIGKILL)
files = [FileEntry(p, (root / p).stat().st_size, (root / p).stat().st_mtime_ns) for p in sys.argv[4:]]
sys.addaudithook(killing)
Trash(project / "trash", root).delete(files)
"""


def test_killed_at_any_step_no_file_is_lost(tmp_path: Path, root: Path, trash: Trash) -> None:
    before, stop = tree(root), 0
    while True:
        stop += 1
        command = [sys.executable, "-c", KILLED, str(root), str(tmp_path / "project"), str(stop), *before]
        code = subprocess.run(command, check=False).returncode
        there = {path: content for path, (content, _) in tree(root).items()}
        away = {path: file.read_bytes() for batch in trash.batches() for path, file in batch.files.items()}
        assert {**there, **away} == {path: content for path, (content, _) in before.items()}
        while trash.batches():
            assert trash.restore().refused == []
        assert tree(root) == before
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert stop > 2 * len(before)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.sampled_from(["a.jpg", "b.png", "sub/c.jpg"])), max_size=5), st.data())
def test_any_deletions_undone_in_any_order_leave_what_there_was(
    root: Path, trash: Trash, deletions: list[set[str]], data: st.DataObject
) -> None:
    before = tree(root)
    for wanted in deletions:
        there = [path for path in sorted(wanted) if (root / path).exists()]
        _, moved = trash.delete(seen(root, *there))
        assert moved == (there, [])
    while names := [batch.name for batch in trash.batches()]:
        trash.restore(data.draw(st.sampled_from(names)))
    assert tree(root) == before

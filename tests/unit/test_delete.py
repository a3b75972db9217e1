"""Deleted images go into the trash with all that is known of them, and come back whole."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pictures import copy_files, picture, write_pictures
from thumb_embedder import ThumbEmbedder

import simwidget as sw
from simwidget.errors import InvalidValueError, ProjectBusyError, TrashError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., sw.Project]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight pictures and two copies of the first."""
    images = tmp_path / "images"
    images.mkdir()
    first = write_pictures(images, 8)[0]
    for suffix in (" (1)", " (2)"):
        copy_files([first], suffix)
    return images


@pytest.fixture
def project(folder: Path, build: Build) -> sw.Project:
    project = build(folder, embedder=ThumbEmbedder(), labels="folder")
    project.metrics["own"] = np.arange(len(project))
    project.tag(project.ids[::2], "even")
    project.relabel(project.ids[:3], "other")
    return project


def state(project: sw.Project) -> Any:
    metrics = {name: values.tobytes() for name, values in project.metrics.items()}  # of which some are NaN
    groups = [(g.keeper, g.duplicates) for g in project.duplicates()]
    embeddings = project.embeddings.tolist()
    return project.ids.tolist(), project.paths, project.tagged_ids(), project.labels, metrics, embeddings, groups


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.iterdir() if path.is_file())
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def some(project: sw.Project) -> list[int]:
    """Two copies of a group of three, and another image."""
    (group,) = project.duplicates()
    other = next(i for i in project.ids.tolist() if i not in (group.keeper_id, *group.duplicate_ids))
    return [*group.duplicate_ids, other]


def test_away_and_back(project: sw.Project, folder: Path) -> None:
    before, files, going = state(project), tree(folder), some(project)
    paths = sorted(project.path(item) for item in going)
    size = sum(path.stat().st_size for path in paths)
    done = project.delete(going)
    assert (sorted(done.paths), done.refused, done.bytes_freed, done.dry_run) == (paths, [], size, False)
    assert repr(done).startswith("<Deleted 3 images (")
    assert project.ids.tolist() == [i for i in before[0] if i not in going]
    assert sorted(tree(folder)) == sorted(set(files) - {path.name for path in paths})
    assert project.duplicates() == []
    embedded = project._opened.embedder.images
    assert sorted(project.restore()) == paths
    assert state(project) == before
    assert tree(folder) == files
    assert project._opened.embedder.images == embedded
    assert [action.kind for action in project.history][-2:] == ["delete", "restore"]


def test_undo_and_redo(project: sw.Project, folder: Path) -> None:
    before, files = state(project), tree(folder)
    project.delete(some(project))
    after, left = state(project), tree(folder)
    for _ in range(2):
        undone = project.undo()
        assert undone is not None
        assert undone.kind == "delete"
        assert (state(project), tree(folder)) == (before, files)
        project.redo()
        assert (state(project), tree(folder)) == (after, left)
    project.restore()
    project.undo()  # of the restore
    assert (state(project), tree(folder)) == (after, left)
    project.redo()
    assert (state(project), tree(folder)) == (before, files)


def test_a_dry_run_does_nothing_and_says_all(project: sw.Project, folder: Path) -> None:
    before, files = state(project), tree(folder)
    (group,) = project.duplicates()
    told = project.delete([group.keeper_id, *group.duplicate_ids], dry_run=True)
    assert told.whole_groups == [[group.keeper, *group.duplicates]]
    assert (len(told.paths), told.dry_run) == (3, True)
    assert repr(told).startswith("<Would delete 3 images (")
    assert repr(told).endswith("; of 1 group of duplicates no image is left>")
    with pytest.raises(InvalidValueError, match="all 10 images"):
        project.delete(project.ids, dry_run=True)
    assert (state(project), tree(folder)) == (before, files)
    assert "delete" not in [action.kind for action in project.history]


def test_whole_groups_go_only_when_asked(project: sw.Project, folder: Path) -> None:
    files = tree(folder)
    (group,) = project.duplicates()
    all_of_it = [group.keeper_id, *group.duplicate_ids]
    with pytest.raises(
        InvalidValueError, match=rf"1 group of duplicates.*{re.escape(group.keeper.name)}.*whole_groups=True"
    ):
        project.delete(all_of_it)
    assert tree(folder) == files
    assert len(project.delete(all_of_it, whole_groups=True).paths) == 3


def test_an_image_has_to_be_left(project: sw.Project, folder: Path) -> None:
    files = tree(folder)
    with pytest.raises(InvalidValueError, match="all 10 images"):
        project.delete(project.ids, whole_groups=True)
    assert tree(folder) == files


def test_two_processes_together_leave_an_image(project: sw.Project, folder: Path) -> None:
    first, rest = project.ids[:1].tolist(), project.ids[1:].tolist()
    told: list[frozenset[str]] = []
    with sw.Project.open(project.project_dir) as other:
        other.on_change(told.append)
        project.delete(rest, whole_groups=True)
        with pytest.raises(InvalidValueError, match="all 1 images"):
            other.delete(first)
        assert other.ids.tolist() == first
        assert any("items" in what for what in told)
    assert len(tree(folder)) == 1


def test_what_another_process_left_of_a_group_stays(project: sw.Project) -> None:
    (group,) = project.duplicates()
    with sw.Project.open(project.project_dir) as other:
        other.delete(group.duplicate_ids)
        done = project.delete(group.keeper_id)
    assert (done.paths, done.whole_groups) == ([group.keeper], [])


def test_changed_and_missing_files_stay(project: sw.Project) -> None:
    changed, gone, fine = project.ids[3:6].tolist()
    fine_path = project.path(fine)
    picture(99).save(project.file(changed))
    project.file(gone).unlink()
    done = project.delete([changed, gone, fine])
    assert done.paths == [fine_path]
    assert [refused.reason[:22] for refused in done.refused] == ["it has changed since i", "it is no longer there"]
    assert {changed, gone} <= set(project.ids.tolist())
    assert fine not in project.ids


def test_when_every_file_must_stay_nothing_is_logged(project: sw.Project) -> None:
    item = int(project.ids[3])
    project.file(item).unlink()
    before = project.history
    done = project.delete([item])
    assert (done.paths, len(done.refused)) == ([], 1)
    assert project.history == before


def test_a_taken_place_keeps_a_file_in_the_trash(project: sw.Project) -> None:
    one, two = project.ids[3:5].tolist()
    taken, free = project.file(one), project.file(two)
    content = taken.read_bytes()
    project.delete([one, two])
    taken.write_bytes(b"mine")
    with pytest.raises(TrashError, match=r"1 file could not be restored.*another file is at its place now"):
        project.restore()
    assert taken.read_bytes() == b"mine"
    assert free.is_file()
    assert two in project.ids
    assert one not in project.ids
    taken.unlink()
    assert project.restore() == [project.path(one)]
    assert taken.read_bytes() == content


def test_an_undo_that_a_taken_place_stops_can_be_tried_again(project: sw.Project) -> None:
    before, item = state(project), int(project.ids[3])
    taken = project.file(item)
    project.delete([item])
    taken.write_bytes(b"mine")
    with pytest.raises(TrashError, match="another file is at its place now"):
        project.undo()
    taken.unlink()
    undone = project.undo()
    assert undone is not None
    assert undone.kind == "delete"
    assert state(project) == before


def test_an_emptied_trash_stops_no_other_undo(project: sw.Project) -> None:
    project.tag(project.ids[:1], "first")
    project.delete(project.ids[3:4])
    shutil.rmtree(project.project_dir / "trash")
    with pytest.raises(TrashError, match=r"Deleted 1 image .* the trash holds none of these files any more"):
        project.undo()
    assert not project.history[-1].undone
    undone = project.undo()
    assert undone is not None
    assert undone.summary == 'Tagged 1 image "first"'
    assert project.redo() == project.history[-2]


def test_of_several_deletions_one_is_named(project: sw.Project) -> None:
    project.delete(project.ids[3:4])
    first = project.history[-1].id
    project.delete(project.ids[4:5])
    project.restore(first)
    assert project.history[-1].summary == "Restored 1 image"
    with pytest.raises(TrashError, match="holds no file of the deletion"):
        project.restore(first)
    project.restore()
    with pytest.raises(TrashError, match="nothing to restore"):
        project.restore()
    for action in (1, 99):
        with pytest.raises(UnknownNameError, match="There is no deletion"):
            project.restore(action)


def test_a_scan_between_changes_nothing(project: sw.Project, folder: Path, build: Build) -> None:
    before, files = state(project), tree(folder)
    project.delete(some(project))
    after = state(project)
    project.close()
    again = build(folder, embedder=ThumbEmbedder())
    assert state(again) == after
    again.restore()
    assert (state(again), tree(folder)) == (before, files)
    assert again._opened.embedder.images == 0


def test_images_deleted_before_another_embedder_came_get_its_vectors(project: sw.Project, build: Build) -> None:
    going, ids = project.ids[3:5], project.ids
    project.delete(going)
    folder = project.paths[0].parent
    project.close()
    again = build(folder, embedder="perceptual")
    again.restore()
    assert np.array_equal(again.ids, ids)
    assert np.allclose(np.linalg.norm(again.embeddings, axis=1), 1)


def test_images_deleted_before_an_array_came_are_left_out_of_it(project: sw.Project) -> None:
    going = project.ids[3:5]
    project.delete(going)
    project.add_embeddings("mine", np.random.default_rng(0).standard_normal((len(project), 5)))
    project.use_embeddings("mine", progress=False)
    ids = project.ids
    project.restore()
    assert np.array_equal(project.ids, ids)
    assert len(project.failed) == 2
    project.use_embeddings(ThumbEmbedder.name, progress=False)
    assert set(going.tolist()) <= set(project.ids.tolist())


def test_another_build_is_waited_for(project: sw.Project, folder: Path) -> None:
    files = tree(folder)
    with sw.Project.open(project.project_dir) as other, other._store.build_lock(), pytest.raises(ProjectBusyError):
        project.delete(project.ids[3:4])
    assert tree(folder) == files
    assert "delete" not in [action.kind for action in project.history]


def test_a_project_among_its_images_does_not_scan_its_trash(folder: Path, build: Build) -> None:
    project = build(folder, embedder=ThumbEmbedder(), project_dir=folder / "project")
    count = len(project)
    project.delete(project.ids[3:4])
    project.close()
    assert len(build(folder, embedder=ThumbEmbedder(), project_dir=folder / "project")) == count - 1


DELETE_AND_DIE = """
import os, signal, sys
import simwidget as sw
from simwidget.store.database import Database

folder, what, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
project = sw.Project.open(folder)
if what == "restore":
    project.delete(project.ids[3:7])
left = [number]

def deadly(function):
    def call(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

for name in ("link", "unlink", "fsync", "mkdir", "replace"):
    setattr(os, name, deadly(getattr(os, name)))
Database.transaction = deadly(Database.transaction)
project.delete(project.ids[3:7]) if what == "delete" else project.restore()
print("done")
"""


@pytest.mark.parametrize("what", ["delete", "restore"])
@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("number", [1, 2, 4, 6, 7, 9, 11, 13, 15, 17, 19, 22])
def test_killed_at_any_moment(
    project: sw.Project, folder: Path, build: Build, what: str, number: int, scan: bool, tmp_path: Path
) -> None:
    before, files, ids = state(project), tree(folder), project.ids.tolist()
    project.close()
    script = tmp_path / "delete_and_die.py"
    script.write_text(DELETE_AND_DIE)
    ran = subprocess.run(
        [sys.executable, str(script), str(folder), what, str(number)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == -signal.SIGKILL, ran.stdout + ran.stderr
    trash = [path.read_bytes() for path in (folder / ".simwidget" / "trash").rglob("*.trashed")]
    kept = {content for content, _ in tree(folder).values()} | set(trash)
    assert {content for content, _ in files.values()} <= kept  # nothing is lost
    in_trash = set(files) - set(tree(folder))
    if scan:
        again = build(folder, embedder=ThumbEmbedder())
        assert again.ids.tolist() == [i for i in ids if before[1][ids.index(i)].name not in in_trash]
    else:
        again = sw.Project.open(folder)
    if in_trash:
        # And those that a restore had moved before it was killed.
        assert {path.name for path in again.restore()} >= in_trash
    assert tree(folder) == files
    again.close()
    with build(folder, embedder=ThumbEmbedder()) as mended:
        assert state(mended) == before


def test_each_deletion_has_its_own_place_in_the_trash(project: sw.Project) -> None:
    first, second = project.ids[[4, 5]].tolist()
    one, two = project.path(first), project.path(second)
    project.delete([first])
    (deletion,) = [action for action in project.history if action.kind == "delete"]
    project.restore()
    project.delete([second])
    with pytest.raises(TrashError):
        project.restore(deletion.id)
    assert one.exists()
    assert not two.exists()
    assert second not in project.ids
    assert project.restore() == [two]


def test_a_file_where_a_folder_was_is_refused_and_the_others_come_back(folder: Path, build: Build) -> None:
    for name in ("a", "b"):
        write_pictures(folder / name, 2, first_seed=500 + ord(name))
    project = build(folder, embedder=ThumbEmbedder())
    project.delete([*(folder / "a").iterdir(), *(folder / "b").iterdir()], whole_groups=True)
    (folder / "b").rmdir()
    (folder / "b").write_text("in the way")
    with pytest.raises(TrashError, match="its folder cannot be made"):
        project.undo()
    assert sum(path.startswith("a/") for path in project.relative_paths) == 2
    (folder / "b").unlink()
    project.restore()
    assert sum(path.startswith("b/") for path in project.relative_paths) == 2


def test_only_the_version_that_the_project_knows_comes_back(folder: Path, build: Build) -> None:
    project = build(folder, embedder=ThumbEmbedder())
    path = project.paths[5]
    project.delete([path])
    deletion = project.history[-1]
    picture(990).save(path)
    project = build(folder, embedder=ThumbEmbedder())
    newer = path.read_bytes()
    project.delete([path])
    with pytest.raises(TrashError, match="another version"):
        project.restore(deletion.id)
    assert not path.exists()
    project.restore()
    assert path.read_bytes() == newer


def test_links_come_back_with_what_they_lead_to(folder: Path, build: Build) -> None:
    project = build(folder, embedder=ThumbEmbedder())
    target = project.paths[5]
    (folder / "a link.jpg").symlink_to(target.name)
    project = build(folder, embedder=ThumbEmbedder())
    count = len(project)
    project.delete([folder / "a link.jpg"])
    alone = project.history[-1]
    project.delete([target], whole_groups=True)
    with pytest.raises(TrashError, match="what it links to is not there"):
        project.restore(alone.id)
    project.restore()
    project.restore(alone.id)
    assert len(project) == count
    project.delete([folder / "a link.jpg", target], whole_groups=True)
    project.restore()
    assert len(project) == count


def test_a_redo_that_deletes_nothing_says_so(project: sw.Project) -> None:
    path = project.path(int(project.ids[5]))
    project.delete([path])
    project.undo()
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(TrashError, match="Nothing was deleted"):
        project.redo()
    assert project.history[-1].undone
    assert path.exists()


@pytest.mark.parametrize("action", [2**70, -1, True, "1", [1]])
def test_restores_that_name_no_deletion(project: sw.Project, action: Any) -> None:
    with pytest.raises(UnknownNameError):
        project.restore(action)


def test_a_restore_that_was_interrupted_is_finished_by_another(
    project: sw.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(project)
    project.delete(some(project))
    with monkeypatch.context() as patch:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("simwidget.store.decisions.Decisions.set_present", interrupt)
        with pytest.raises(KeyboardInterrupt):
            project.restore()
    project.restore()
    assert state(project) == before

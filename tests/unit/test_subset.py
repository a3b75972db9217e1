"""A project of some images of another is what building one of just these files would give."""

from __future__ import annotations

import os
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
from simwidget.errors import InvalidValueError, NoImagesError, ProjectBusyError, TrashError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Build = Callable[..., sw.Project]
    Subset = Callable[..., sw.Project]

CHOSEN = [
    "a/picture_00.jpg",
    "a/picture_00 (1).jpg",
    "a/picture_01.jpg",
    "b/picture_02 Zoë.jpg",
    "b/picture_04.jpg",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures in two folders; of the first two copies, and of the second a copy in the other folder."""
    images = tmp_path / "images"
    pictures = write_pictures(images / "a", 6)
    (images / "b").mkdir()
    for suffix in (" (1)", " (2)"):
        copy_files(pictures[:1], suffix)
    shutil.copy2(pictures[1], images / "b" / pictures[1].name)
    pictures[2].rename(images / "b" / "picture_02 Zoë.jpg")
    for path in pictures[3:]:
        path.rename(images / "b" / path.name)
    return images


@pytest.fixture
def project(folder: Path, build: Build) -> sw.Project:
    """With something of all that a person can give to a project."""
    project = build(folder, embedder=ThumbEmbedder(), labels="folder", split="folder", protect=folder / "b")
    project.metrics["own"] = np.arange(len(project))
    project.tag(["a/picture_00.jpg", "a/picture_00 (2).jpg", "b/picture_04.jpg"], "mine")
    project.tag("b/picture_05.jpg", "of none of them")
    project.set_tag_color("mine", "#d62728")
    project.relabel(["a/picture_01.jpg", "b/picture_05.jpg"], "other")
    project.relabel("b/picture_04.jpg", None)
    project.not_duplicates(["a/picture_00.jpg", "a/picture_00 (2).jpg", "b/picture_04.jpg"])
    project.saved_filters["dark"] = {"Brightness": (0, 0.5)}
    return project


@pytest.fixture
def subset(tmp_path: Path) -> Iterator[Subset]:
    """``subset(project, items=CHOSEN, name="subset")``: made below ``tmp_path``, and closed when the test ends."""
    made: list[sw.Project] = []

    def make(project: sw.Project, items: Any = CHOSEN, name: str = "subset") -> sw.Project:
        made.append(project.subset(items, tmp_path / name, progress=False))
        return made[-1]

    yield make
    for project in made:
        project.close()


def groups(project: sw.Project) -> list[Any]:
    return [
        (project.relative_paths[project.rows(group.keeper_id)[0]], [path.name for path in group.duplicates])
        for group in project.duplicates()
    ]


def state(project: sw.Project) -> dict[str, Any]:
    """All that a project tells, but for ids and where it lies."""
    return {
        "paths": project.relative_paths,
        "labels": project.labels,
        "splits": project.splits,
        "tags": {name: [project.path(i).name for i in ids] for name, ids in project.tagged_ids().items()},
        "colors": project.tag_colors,
        "metrics": {  # bytes: some are NaN
            name: values.tobytes() for name, values in project.metrics.items() if name != "Random"
        },
        "embeddings": project.embeddings.tolist(),
        "rank": project.rank.tolist(),
        "neighbors": project.graph.indices.tolist(),
        "groups": groups(project),
        "thumbnails": project.thumbnails(project.ids.tolist()),
        "rules": project.keep_rules,
        "filters": dict(project.saved_filters),
    }


def tree(folder: Path) -> dict[str, int]:
    """Every file below a folder but for those of ``.simwidget``, with its modification time."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".simwidget" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in files}


def test_it_is_the_project_of_a_copy_of_these_files(
    project: sw.Project, folder: Path, tmp_path: Path, build: Build, subset: Subset
) -> None:
    part = subset(project)
    for path in CHOSEN:
        (tmp_path / "copies" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / path, tmp_path / "copies" / path)
    copies = tmp_path / "copies"
    other = build(copies, embedder=ThumbEmbedder(), labels="folder", split="folder", protect=copies / "b")
    other.metrics["own"] = project.metrics["own"][project.rows([folder / path for path in other.relative_paths])]
    other.tag(["a/picture_00.jpg", "b/picture_04.jpg"], "mine")
    other.set_tag_color("mine", "#d62728")
    other.relabel("a/picture_01.jpg", "other")
    other.relabel("b/picture_04.jpg", None)
    other.not_duplicates(["a/picture_00.jpg", "b/picture_04.jpg"])
    other.saved_filters["dark"] = {"Brightness": (0, 0.5)}
    expected = state(other)
    assert state(part) == expected
    assert groups(part) == [("a/picture_00 (1).jpg", ["picture_00.jpg"])]
    # Among all images it was a copy of one that is protected; among these nothing is like it.
    assert project.uniqueness[project.rows("a/picture_01.jpg")[0]] == 0
    assert part.uniqueness[part.rows("a/picture_01.jpg")[0]] > 0.01
    part.close()
    with sw.Project.open(tmp_path / "subset") as opened:
        assert state(opened) == expected


def test_ids_paths_and_the_embedder_stay_and_history_begins(
    project: sw.Project, folder: Path, subset: Subset
) -> None:
    embedder = project._opened.embedder
    embedded, before, files = embedder.images, state(project), tree(folder)
    part = subset(project)
    assert part.ids.tolist() == sorted(project.ids[project.rows(CHOSEN)].tolist())
    assert part.paths == [project.path(item) for item in part.ids.tolist()]
    assert part.name == "subset"
    assert part.history == []
    assert part.undo() is None
    assert part.similar(picture(0)).paths[0].name.startswith("picture_00")
    assert embedder.images == embedded + 1  # the query
    assert (state(project), tree(folder)) == (before, files)
    assert len(project.history) > 0


def test_relative_paths_read_as_in_the_project(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path / "images", 3)
    monkeypatch.chdir(tmp_path)
    project = build("images", embedder=ThumbEmbedder())
    with project.subset(project.ids[:2], "new/part", progress=False) as part:
        assert part.paths == project.paths[:2]
        assert not part.paths[0].is_absolute()
        assert part.project_dir == tmp_path / "new" / "part"
    monkeypatch.chdir("/")
    with sw.Project.open(tmp_path / "new/part") as opened:
        assert opened.paths == [tmp_path / path for path in project.paths[:2]]


def test_a_verdict_of_two_that_are_there_goes_along(project: sw.Project, subset: Subset) -> None:
    project.not_duplicates(["a/picture_00.jpg", "a/picture_00 (1).jpg"])
    assert groups(subset(project)) == []


def test_the_tag_that_keeps_goes_along(project: sw.Project, subset: Subset) -> None:
    project.set_keep_rules(tag="mine")
    part = subset(project)
    assert groups(part) == [("a/picture_00.jpg", ["picture_00 (1).jpg"])]
    part.untag("a/picture_00.jpg", "mine")
    assert groups(part) == [("a/picture_00 (1).jpg", ["picture_00.jpg"])]
    assert "picture_00.jpg" in [path.name for path in project.tags["mine"]]


def test_changed_gone_and_new_files(
    project: sw.Project, folder: Path, tmp_path: Path, build: Build, subset: Subset
) -> None:
    subset(project).close()
    picture(50).save(folder / "a/picture_01.jpg")
    (folder / "a/picture_00 (1).jpg").rename(folder / "gone.jpg")
    picture(51).save(folder / "a/new.jpg")
    embedder = ThumbEmbedder()
    again = build(folder, embedder=embedder, project_dir=tmp_path / "subset", labels="folder")
    assert again.relative_paths == [path for path in sorted(CHOSEN) if path != "a/picture_00 (1).jpg"]
    assert embedder.images == 1
    assert again.labels == ["a", "other", "b", None]  # those of relabel win, as in the old project
    assert again.failed == []
    again.close()
    (folder / "gone.jpg").rename(folder / "a/picture_00 (1).jpg")
    assert build(folder, project_dir=tmp_path / "subset", embedder=embedder).relative_paths == sorted(CHOSEN)


def test_labels_of_the_whole_folder_may_be_given_again(
    project: sw.Project, folder: Path, tmp_path: Path, build: Build, subset: Subset
) -> None:
    subset(project).close()
    labels = dict.fromkeys(project.relative_paths, "all")
    again = build(folder, embedder=ThumbEmbedder(), project_dir=tmp_path / "subset", labels=labels)
    assert again.labels == ["all", "all", "other", "all", None]


def test_another_folder_of_images_is_refused(
    project: sw.Project, tmp_path: Path, build: Build, subset: Subset
) -> None:
    part = subset(project)
    expected = state(part)
    part.close()
    write_pictures(tmp_path / "elsewhere", 2)
    with pytest.raises(NoImagesError, match=r"some images of a folder, none of which is in .*elsewhere"):
        build(tmp_path / "elsewhere", embedder=ThumbEmbedder(), project_dir=tmp_path / "subset")
    with sw.Project.open(tmp_path / "subset") as opened:
        assert state(opened) == expected


def test_a_subset_of_a_subset(
    project: sw.Project, folder: Path, tmp_path: Path, build: Build, subset: Subset
) -> None:
    part = subset(subset(project), CHOSEN[:2], "smaller")
    assert part.relative_paths == sorted(CHOSEN[:2])
    part.close()
    again = build(folder, embedder=ThumbEmbedder(), project_dir=tmp_path / "smaller")
    assert again.relative_paths == sorted(CHOSEN[:2])


def test_one_image_is_enough(project: sw.Project, subset: Subset) -> None:
    part = subset(project, "b/picture_05.jpg")
    assert part.labels == ["other"]
    assert part.duplicates() == []
    assert list(part.tags) == ["of none of them"]


def test_deleted_files_are_in_the_trash_of_the_subset(
    project: sw.Project, folder: Path, tmp_path: Path, build: Build, subset: Subset
) -> None:
    part = subset(project)
    before, files = state(part), tree(folder)
    part.delete("a/picture_00 (1).jpg")
    assert not (folder / "a/picture_00 (1).jpg").exists()
    assert len(list((tmp_path / "subset/trash").rglob("*.trashed"))) == 1
    with pytest.raises(TrashError, match="empty"):
        project.restore()
    assert len(build(folder, embedder=ThumbEmbedder())) == len(project) - 1  # the old project, scanned anew
    assert [path.name for path in part.restore()] == ["picture_00 (1).jpg"]
    assert (state(part), tree(folder)) == (before, files)
    assert len(build(folder, embedder=ThumbEmbedder())) == len(project)


def test_what_is_deleted_does_not_go_along(project: sw.Project, subset: Subset, tmp_path: Path) -> None:
    project.delete("a/picture_00 (2).jpg")
    with pytest.raises(UnknownNameError, match="no item"):
        subset(project, ["a/picture_00 (2).jpg"])
    part = subset(project, project.ids)
    assert part.relative_paths == project.relative_paths
    assert not (tmp_path / "subset/trash").exists()
    with pytest.raises(TrashError, match="empty"):
        part.restore()


def test_items_that_another_process_deleted(
    project: sw.Project, folder: Path, tmp_path: Path, build: Build, subset: Subset
) -> None:
    with sw.Project.open(project.project_dir) as other:
        other.delete("a/picture_00 (1).jpg")
        left = [path for path in sorted(CHOSEN) if path != "a/picture_00 (1).jpg"]
        assert subset(project).relative_paths == left
        with pytest.raises(InvalidValueError, match="None of these images is in the project"):
            subset(project, ["a/picture_00 (1).jpg"], "nothing")
        other.restore()
    assert build(folder, embedder=ThumbEmbedder(), project_dir=tmp_path / "subset").relative_paths == left
    assert not (tmp_path / "nothing").exists()
    assert not list(tmp_path.glob(".simwidget*"))


def test_all_embeddings_go_along(project: sw.Project, build: Build, folder: Path, subset: Subset) -> None:
    vectors = np.random.default_rng(0).standard_normal((len(project), 5))
    project.add_embeddings("mine", vectors, near_duplicate_radius=0.1)
    later = build(folder, embedder="perceptual")
    of_perceptual = later.embeddings[later.rows(sorted(CHOSEN))]
    later.use_embeddings("mine", progress=False)
    part = subset(later)
    assert part.embedding_names == ["thumb-6", "mine", "perceptual-1"]
    assert (part.embedder_name, part.near_duplicate_radius) == ("mine", 0.1)
    mine = vectors[later.rows(sorted(CHOSEN))]
    assert np.allclose(part.embeddings, mine / np.linalg.norm(mine, axis=1, keepdims=True), atol=1e-6)
    part.use_embeddings("perceptual-1", progress=False)
    assert np.array_equal(part.embeddings, of_perceptual)
    part.use_embeddings("thumb-6", progress=False)
    assert np.array_equal(part.embeddings, project.embeddings[project.rows(sorted(CHOSEN))])
    part.close()
    with sw.Project.open(part.project_dir) as opened:
        assert opened.embedder_name == "thumb-6"


def test_embeddings_that_wait_go_along(project: sw.Project, folder: Path, build: Build, subset: Subset) -> None:
    """Those of an image that was away while the others of its embedder were put in order."""
    expected = project.embeddings[project.rows(sorted(CHOSEN))]
    project.delete(CHOSEN[0])
    later = build(folder, embedder="perceptual")
    later.restore()
    part = subset(later)
    part.close()
    embedder = ThumbEmbedder()
    again = build(folder, embedder=embedder, project_dir=part.project_dir)
    assert np.array_equal(again.embeddings, expected)
    assert embedder.images == 0


def test_images_that_an_embedder_fails_on_are_known_as_such(folder: Path, build: Build, subset: Subset) -> None:
    class Choosy(ThumbEmbedder):
        name = "choosy"

        def vectors(self, images: Any) -> np.ndarray:
            rows = super().vectors(images)
            rows[[image.width > 90 and image.height > 90 for image in images]] = np.nan
            return rows

    picture(60, (120, 100)).save(folder / "large.jpg")
    build(folder, embedder=Choosy()).close()
    project = build(folder, embedder=ThumbEmbedder())
    part = subset(project, [*CHOSEN, "large.jpg"])
    assert part.failed == []
    part.use_embeddings("choosy", progress=False)
    assert [path.name for path, _ in part.failed] == ["large.jpg"]
    assert part.relative_paths == sorted(CHOSEN)


def test_names_that_are_no_text(tmp_path: Path, build: Build, subset: Subset) -> None:
    write_pictures(tmp_path / "images", 3)[0].rename(tmp_path / "images" / os.fsdecode(b"bad \xff.jpg"))
    project = build(tmp_path / "images", embedder=ThumbEmbedder(), project_dir=tmp_path / os.fsdecode(b"old \xff"))
    part = subset(project, project.ids[-2:], os.fsdecode(b"'new' \xff \xc3\xa9"))
    assert part.relative_paths == project.relative_paths[-2:]
    part.close()
    again = build(tmp_path / "images", embedder=ThumbEmbedder(), project_dir=part.project_dir)
    assert again.relative_paths == part.relative_paths


def test_among_the_images(project: sw.Project, folder: Path, build: Build) -> None:
    for name in (".part", "part"):  # as with from_folder, no scan takes anything in it for an image
        with project.subset(CHOSEN, folder / name, progress=False) as part:
            assert part.relative_paths == sorted(CHOSEN)
        with sw.Project.open(folder / name) as opened:
            assert opened.relative_paths == sorted(CHOSEN)
    assert len(build(folder, embedder=ThumbEmbedder())) == len(project)


def test_an_empty_folder_is_taken(project: sw.Project, tmp_path: Path, subset: Subset) -> None:
    (tmp_path / "subset").mkdir()
    assert subset(project).project_dir == tmp_path / "subset"
    assert (tmp_path / "subset").stat().st_mode == (tmp_path / "images").stat().st_mode


class TestErrors:
    """Nothing is written."""

    @pytest.fixture(autouse=True)
    def nothing_is_written(self, project: sw.Project, tmp_path: Path) -> Iterator[None]:
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "file").write_text("mine")
        (tmp_path / "dangling").symlink_to(tmp_path / "not there")
        before = state(project), sorted(tmp_path.rglob("*"))
        yield
        assert (state(project), sorted(tmp_path.rglob("*"))) == before
        assert (tmp_path / "full" / "file").read_text() == "mine"

    def test_no_item(self, project: sw.Project, subset: Subset) -> None:
        with pytest.raises(InvalidValueError, match="No item is given"):
            subset(project, [])

    def test_unknown_items(self, project: sw.Project, subset: Subset) -> None:
        with pytest.raises(UnknownNameError, match=r"nothing\.png"):
            subset(project, [*CHOSEN, "nothing.png"])

    @pytest.mark.parametrize("name", ["full", "full/file", "dangling", "images", "images/.simwidget"])
    def test_nothing_is_overwritten(self, project: sw.Project, subset: Subset, name: str) -> None:
        with pytest.raises(FileExistsError, match=f"something at .*{name}.*nothing is ever overwritten"):
            subset(project, CHOSEN, name)

    def test_a_file_on_the_way(self, project: sw.Project, subset: Subset) -> None:
        with pytest.raises(PermissionError, match=r"full/file/new.*cannot be made"):
            subset(project, CHOSEN, "full/file/new")

    def test_while_the_project_is_built(self, project: sw.Project, subset: Subset) -> None:
        with project._store.build_lock(), pytest.raises(ProjectBusyError, match="being built"):
            subset(project)


def test_a_folder_that_cannot_be_written(
    open_folder: Path, build: Build, without_rights: Callable[..., Any]
) -> None:
    write_pictures(open_folder / "images", 2)
    project = build(open_folder / "images", embedder=ThumbEmbedder())
    (open_folder / "locked").mkdir()
    with (
        without_rights(open_folder / "locked"),
        pytest.raises(PermissionError, match=r"locked/new.*cannot be made"),
    ):
        project.subset(project.ids, open_folder / "locked/new", progress=False)
    assert list((open_folder / "locked").iterdir()) == []


_KILLED = """
import os, signal, sys
from simwidget.project import Project

fsync, left = os.fsync, int(sys.argv[3])
def counting(file):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(file)
project = Project.open(sys.argv[1])
os.fsync = counting
project.subset(project.ids[:4], sys.argv[2], progress=False)
"""


@pytest.mark.parametrize("number", [1, 5, 10])
def test_a_process_that_is_killed_leaves_no_project(
    project: sw.Project, tmp_path: Path, number: int, subset: Subset
) -> None:
    """While vectors, the graph and the manifest are written."""
    before = state(project)
    command = [sys.executable, "-c", _KILLED, str(project.project_dir), str(tmp_path / "subset"), str(number)]
    assert subprocess.run(command, timeout=120, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "subset").exists()
    assert len(list(tmp_path.glob(".simwidget-*"))) == 1
    assert state(project) == before
    assert subset(project).relative_paths == sorted(CHOSEN)


def test_an_error_half_way_leaves_nothing(project: sw.Project, tmp_path: Path, subset: Subset) -> None:
    rows = next((project.project_dir / "embeddings" / "thumb-6").glob("vectors-*"))
    vectors = rows.read_bytes()
    rows.write_bytes(vectors[:100])
    with pytest.raises(sw.errors.MissingVectorsError, match=r"vectors .* are missing"):
        subset(project)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]
    rows.write_bytes(vectors)
    assert subset(project).relative_paths == sorted(CHOSEN)

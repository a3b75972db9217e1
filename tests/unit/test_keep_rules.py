"""Which of several like images stays: another order, protected folders, and a tag that wins over all."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import picture, write_pictures
from PIL import Image
from thumb_embedder import ThumbEmbedder

import simwidget as sw
from simwidget.errors import InvalidValueError, ProjectBusyError, ProjectFormatError, UnknownNameError
from simwidget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., sw.Project]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One scene three times (large, small, and a copy of the small one in another folder), and others."""
    folder = tmp_path / "photos"
    write_pictures(folder / "others", 6)
    (folder / "originals").mkdir()
    scene = picture(50, (192, 144))
    scene.save(folder / "large.png")
    scene.resize((96, 72), Image.Resampling.BOX).save(folder / "originals" / "small.png")
    shutil.copy(folder / "originals" / "small.png", folder / "copy of small.png")
    return folder


def keeper(project: sw.Project) -> str:
    (group,) = project.duplicates(project.near_duplicate_radius)
    assert len(group) == 3
    kept = [path for path in (group.keeper, *group.duplicates) if project.uniqueness[project.rows(path)[0]] > 0.05]
    assert kept == [group.keeper]  # Uniqueness agrees: of the three only the keeper scores high
    return group.keeper.name


def test_more_pixels_stay_by_default(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual")
    assert keeper(project) == "large.png"
    assert project.keep_rules.order == ("resolution", "bytes", "sharpness", "age", "path")


def test_another_order_is_kept_for_the_next_call(folder: Path, build: Build) -> None:
    assert keeper(build(folder, embedder="perceptual", keep=["path"])) == "copy of small.png"
    assert keeper(build(folder, embedder="perceptual")) == "copy of small.png"
    with sw.Project.open(folder) as project:
        assert keeper(project) == "copy of small.png"
        project.set_keep_rules(keep=["resolution"])
        assert keeper(project) == "large.png"
    with sw.Project.open(folder) as project:
        assert keeper(project) == "large.png"


@pytest.mark.parametrize("named", ["by name", "by path", "in a list"])
def test_a_protected_folder_wins(folder: Path, build: Build, named: str) -> None:
    forms = {"by name": "originals", "by path": folder / "originals", "in a list": ["./originals/"]}
    project = build(folder, embedder="perceptual", protect=forms[named])
    assert project.keep_rules.protect == ("originals",)
    assert keeper(project) == "small.png"
    project.set_keep_rules(protect=[])
    assert keeper(project) == "large.png"


def test_a_tag_wins_over_all_as_soon_as_it_is_there(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual", protect="originals", keep_tag="keep")
    session = Session(project)
    session.set_filters({"Uniqueness": (0, 0.05)})
    assert keeper(project) == "small.png"
    chosen = folder / "copy of small.png"
    assert chosen in [project.path(int(i)) for i in project.ids[session.rows_in_view]]
    project.tag(chosen, "keep")
    assert keeper(project) == "copy of small.png"
    assert chosen not in [project.path(int(i)) for i in project.ids[session.rows_in_view]]
    assert session.tags == {"keep": project.ids[project.rows(chosen)].tolist()}
    with sw.Project.open(folder) as again:
        assert keeper(again) == "copy of small.png"
        np.testing.assert_array_equal(again.uniqueness, project.uniqueness)
    project.untag(chosen, "keep")
    assert keeper(project) == "small.png"
    project.tag(chosen, "another tag")
    assert keeper(project) == "small.png"
    project.tag(chosen, "keep")
    project.set_keep_rules(tag="")
    assert keeper(project) == "small.png"


def test_rules_are_kept_when_the_build_is_stopped(folder: Path, build: Build) -> None:
    def stopped(images: list[Image.Image]) -> np.ndarray:
        if images[0].width > 64:  # not the one that tells the dimension
            raise KeyboardInterrupt
        return np.ones((len(images), 3))

    with pytest.raises(KeyboardInterrupt):
        build(folder, embedder=stopped, protect="originals")
    assert keeper(build(folder, embedder="perceptual")) == "small.png"


def test_a_tag_needs_no_search_where_copies_have_unequal_vectors(folder: Path, build: Build) -> None:
    class Rounding(ThumbEmbedder):
        """As models do: the last bits depend on the batch."""

        def vectors(self, images: list[Image.Image]) -> np.ndarray:
            noise = np.random.default_rng(len(images)).standard_normal((len(images), self.dim))
            return super().vectors(images) + 1e-6 * noise

    project = build(folder, embedder=Rounding(), keep_tag="keep")
    copies = project.rows([folder / "originals" / "small.png", folder / "copy of small.png"])
    assert not np.array_equal(*project.embeddings[copies])
    stored = project.project_dir / "graph" / "thumb-6" / "indices.npy"
    before = stored.stat().st_mtime_ns
    project.tag(copies_tagged := project.ids[copies[1:]], "keep")
    assert stored.stat().st_mtime_ns == before
    assert project.uniqueness[copies[1]] > 0 == project.uniqueness[copies[0]]
    with sw.Project.open(folder) as again:
        np.testing.assert_array_equal(again.uniqueness, project.uniqueness)
    assert project.tags["keep"] == [project.path(int(copies_tagged[0]))]


def test_threads_that_change_one_project_at_once(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual", keep_tag="keep")
    vectors = np.random.default_rng(0).standard_normal((len(project), 4))
    failures: list[Exception] = []

    def tags() -> None:
        for _ in range(15):
            project.tag(["copy of small.png"], "keep")
            project.untag(["copy of small.png"], "keep")

    def rules() -> None:
        for number in range(15):
            project.set_keep_rules(keep=["path" if number % 2 else "resolution"])

    def embeddings() -> None:
        for number in range(15):
            project.add_embeddings("mine", vectors + number)
            project.use_embeddings(("mine", "perceptual-1")[number % 2], progress=False)

    def queries() -> None:
        for _ in range(60):
            project.similar(int(project.ids[0]), 3)

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in (tags, rules, embeddings, queries)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with sw.Project.open(folder) as again:
        assert again.embedder_name == project.embedder_name
        np.testing.assert_array_equal(again.uniqueness, project.uniqueness)


def test_the_graph_is_searched_once_whatever_the_rules(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual")
    stored = project.project_dir / "graph" / "perceptual-1" / "indices.npy"
    before = stored.stat().st_mtime_ns
    for rules in ({"keep": ["path"]}, {"protect": "originals"}, {"tag": "keep"}):
        project.set_keep_rules(**rules)  # type: ignore[arg-type]
    project.tag("copy of small.png", "keep")
    assert stored.stat().st_mtime_ns == before
    again = build(folder, embedder="perceptual", keep_tag="keep", project_dir=folder.parent / "other")
    again.set_keep_rules(keep=["path"], protect="originals")
    again.tag("copy of small.png", "keep")
    np.testing.assert_array_equal(again.graph.indices, project.graph.indices)
    np.testing.assert_array_equal(again.uniqueness, project.uniqueness)


def test_a_tag_is_taken_while_the_project_is_built(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual", keep_tag="keep")
    with project._store.build_lock():
        with pytest.raises(ProjectBusyError, match="is being built right now"):
            project.set_keep_rules(keep=["path"])
        project.tag("copy of small.png", "keep")
    assert keeper(project) == "copy of small.png"
    with sw.Project.open(folder) as again, again._store.build_lock():
        with pytest.raises(ProjectBusyError, match="Another process is building"):
            project.set_keep_rules(keep=["path"])
        project.untag("copy of small.png", "keep")
    assert keeper(project) == "large.png"


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({"keep": ["size"]}, InvalidValueError, "keep holds 'size'. Its criteria are 'resolution', 'bytes'"),
        ({"keep": ["age", "age"]}, InvalidValueError, "keep holds 'age' twice"),
        ({"keep": "age"}, InvalidValueError, "keep is a sequence of criteria"),
        ({"keep": 3}, InvalidValueError, "keep is a sequence of criteria"),
        ({"protect": "orignals"}, UnknownNameError, "No image lies below a folder 'orignals'"),
        ({"protect": [3]}, InvalidValueError, "3 names no folder"),
        ({"protect": 3}, InvalidValueError, "protect is a folder or several, not 3"),
        ({"keep_tag": " "}, InvalidValueError, "needs a name"),
    ],
)
def test_rules_that_make_no_sense(
    folder: Path, build: Build, rules: dict[str, object], error: type[Exception], message: str
) -> None:
    project = build(folder, embedder="perceptual")
    with pytest.raises(error, match=message):
        build(folder, embedder="perceptual", **rules)
    rules = {name.removeprefix("keep_"): value for name, value in rules.items()}
    with pytest.raises(error, match=message):
        project.set_keep_rules(**rules)  # type: ignore[arg-type]
    assert keeper(project) == "large.png"


def test_rules_damaged_in_the_manifest(folder: Path, build: Build) -> None:
    manifest = build(folder, embedder="perceptual").project_dir / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"age"', '"rage"'))
    with pytest.raises(ProjectFormatError, match=r"manifest\.json in .* is damaged: its 'keep'"):
        sw.Project.open(folder)
    manifest.unlink()
    assert keeper(build(folder, embedder="perceptual")) == "large.png"

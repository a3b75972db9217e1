"""Several embeddings in one project, those made elsewhere among them; text queries."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import picture, write_pictures
from PIL import Image
from thumb_embedder import ThumbEmbedder
from tiny_clip import write_checkpoint

import simwidget as sw
from simwidget import pipeline
from simwidget.errors import (
    EmbedderError,
    InvalidValueError,
    ProjectBusyError,
    ProjectFormatError,
    UnknownNameError,
)
from simwidget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    Build = Callable[..., sw.Project]


@pytest.fixture
def project(tmp_path: Path, build: Build) -> sw.Project:
    write_pictures(tmp_path / "photos", 12)
    return build(tmp_path / "photos", embedder="perceptual")


def own_vectors(count: int, dim: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim))


def test_added_embeddings_count_once_they_are_used(project: sw.Project) -> None:
    array = own_vectors(12)
    array[5] = 3 * array[2]
    before = project.uniqueness.copy()
    project.add_embeddings("mine", array, near_duplicate_radius=0.1)
    assert project.embedding_names == ["perceptual-1", "mine"]
    assert project.embedder_name == "perceptual-1"
    np.testing.assert_array_equal(project.uniqueness, before)

    project.use_embeddings("mine", progress=False)
    assert (project.embedder_name, project.near_duplicate_radius) == ("mine", 0.1)
    np.testing.assert_allclose(project.embeddings, array / np.linalg.norm(array, axis=1, keepdims=True), atol=1e-6)
    assert project.graph.indices[5, 0] == 2
    assert (project.uniqueness[[2, 5]] == 0).sum() == 1
    assert project.similar(int(project.ids[2]), 1).ids.tolist() == [project.ids[5]]

    with sw.Project.open(project.project_dir) as again:
        assert again.embedder_name == "mine"
        np.testing.assert_array_equal(again.uniqueness, project.uniqueness)
        again.use_embeddings("perceptual-1", progress=False)
        np.testing.assert_array_equal(again.uniqueness, before)


def test_embeddings_added_again_replace_the_old_ones_and_what_came_of_them(project: sw.Project) -> None:
    project.add_embeddings("mine", own_vectors(12))
    project.use_embeddings("mine", progress=False)
    first = project.graph.indices.copy()
    array = own_vectors(12, dim=9, seed=1)
    project.add_embeddings("mine", array)
    assert project.embeddings.shape == (12, 9)
    assert not np.array_equal(project.graph.indices, first)
    with sw.Project.open(project.project_dir) as again:
        np.testing.assert_array_equal(again.graph.indices, project.graph.indices)
        np.testing.assert_array_equal(again.uniqueness, project.uniqueness)


def test_a_build_uses_its_embedder_and_keeps_the_others(project: sw.Project, build: Build) -> None:
    project.add_embeddings("mine", own_vectors(12))
    project.use_embeddings("mine", progress=False)
    folder = project.paths[0].parent
    other = build(folder, embedder=ThumbEmbedder())
    assert other.embedder_name == "thumb-6"
    assert other.embedding_names == ["perceptual-1", "mine", "thumb-6"]
    back = build(folder, embedder="perceptual")
    assert back.embedder_name == "perceptual-1"
    assert back._opened.embedder is None  # not even loaded: its vectors are there
    with sw.Project.open(folder) as again:
        assert again.embedder_name == "perceptual-1"


def test_images_that_embeddings_lack_are_named(project: sw.Project, build: Build) -> None:
    project.add_embeddings("mine", own_vectors(12))
    folder = project.paths[0].parent
    picture(50).save(folder / "new.png")
    picture(51).save(folder / "picture_03.jpg")
    changed = build(folder, embedder="perceptual")
    with pytest.raises(InvalidValueError, match=r"'mine' lack 2 of 13 images, the first of them 'picture_03\.jpg'"):
        changed.use_embeddings("mine", progress=False)
    assert changed.embedder_name == "perceptual-1"
    changed.add_embeddings("mine", own_vectors(13))
    changed.use_embeddings("mine", progress=False)
    assert changed.embedder_name == "mine"


def test_what_cannot_be_added_or_used(project: sw.Project) -> None:
    with pytest.raises(InvalidValueError, match=r"numbers of shape \(12, d\)"):
        project.add_embeddings("mine", own_vectors(11))
    broken = own_vectors(12)
    broken[7, 2] = np.nan
    with pytest.raises(InvalidValueError, match=r"the row of 'picture_07\.jpg' holds NaN"):
        project.add_embeddings("mine", broken)
    with pytest.raises(InvalidValueError, match="are an embedder's"):
        project.add_embeddings("perceptual-1", own_vectors(12))
    with pytest.raises(InvalidValueError, match="needs a name"):
        project.add_embeddings(" ", own_vectors(12))
    for radius in (0, 1, -0.1, "far"):
        with pytest.raises(InvalidValueError, match="near_duplicate_radius is a cosine distance"):
            project.add_embeddings("mine", own_vectors(12), near_duplicate_radius=radius)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match=r"There are no embeddings 'mine'\. There are: 'perceptual-1'"):
        project.use_embeddings("mine")
    assert project.embedding_names == ["perceptual-1"]
    with (
        sw.Project.open(project.project_dir) as other,
        other._store.build_lock(),
        pytest.raises(ProjectBusyError),
    ):
        project.add_embeddings("mine", own_vectors(12))
    with sw.Project.open(project.project_dir) as again:
        assert again.embedding_names == ["perceptual-1"]


def test_a_session_follows_to_other_embeddings(project: sw.Project) -> None:
    session = Session(project)
    session.set_filters({"Uniqueness": (0.5, 1)})
    session.similar_to([int(project.ids[0])])
    heard: list[frozenset[str]] = []
    session.on_change(heard.append)
    project.add_embeddings("mine", own_vectors(12))
    project.use_embeddings("mine", progress=False)
    assert "metrics" in heard[-1]
    assert session.query is None
    inside = np.flatnonzero(project.uniqueness >= 0.5)
    assert session.rows_in_view.tolist() == inside[np.argsort(project.uniqueness[inside], kind="stable")].tolist()


def test_embeddings_that_were_added_cannot_be_asked_about_images(project: sw.Project) -> None:
    project.add_embeddings("mine", own_vectors(12))
    project.use_embeddings("mine", progress=False)
    with pytest.raises(EmbedderError, match="'mine' were added to the project"):
        project.similar(picture(0))
    assert len(project.similar(np.ones(6), 3).ids) == 3


def test_text_queries_find_what_the_text_vector_is_nearest_to(tmp_path: Path, build: Build) -> None:
    write_pictures(tmp_path / "photos", 12)
    project = build(tmp_path / "photos", embedder=str(write_checkpoint(tmp_path / "clip")))
    found = project.similar(text="a photo of a cat", k=5, radius=1.0)
    vector = project._loaded_embedder().embed_text(["a photo of a cat"])[0]  # type: ignore[attr-defined]
    by_vector = project.similar(vector, k=5)
    assert found.ids.tolist() == by_vector.ids.tolist()
    np.testing.assert_allclose(found.distances, by_vector.distances, atol=1e-6)
    few = project.similar(text="a photo of a cat", within=project.ids[:3])
    assert sorted(few.ids.tolist()) == project.ids[:3].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Give either a query or text"),
        ({"query": 1, "text": "a cat"}, "one of them"),
        ({"text": "  "}, "text is what to look for, in words"),
        ({"text": 3}, "in words, not 3"),
        ({"query": 1, "radius": 1.5}, r"radius is a cosine distance in \[0, 1\], not 1.5"),
        ({"query": 1, "within": np.ones(3, bool)}, r"A mask has one bool an item, shape \(12,\)"),
        ({"query": 1, "within": {"Uniqueness": 3}}, "needs two numbers"),
    ],
)
def test_queries_that_make_no_sense(project: sw.Project, options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        project.similar(**options)  # type: ignore[arg-type]


def test_text_needs_an_embedder_that_understands_it(project: sw.Project) -> None:
    with pytest.raises(EmbedderError, match=r"'perceptual-1' does not understand text\. CLIP does"):
        project.similar(text="a cat")


def test_radius_and_filters_narrow_what_is_similar(project: sw.Project) -> None:
    project.metrics["Number"] = np.arange(12)
    everything = project.similar(int(project.ids[0]), 20)
    assert len(everything.ids) == 11
    near = project.similar(int(project.ids[0]), 20, radius=float(everything.distances[4]))
    assert near.ids.tolist() == everything.ids[:5].tolist()
    few = project.similar(int(project.ids[0]), 20, within={"Number": (0, 3)})
    assert few.ids.tolist() == [i for i in everything.ids.tolist() if i in project.ids[1:4]]
    assert project.similar(int(project.ids[0]), 20, within=[]).ids.tolist() == []


class Fussy(ThumbEmbedder):
    """Fails on images of which ``fails`` says so."""

    name = "fussy"

    def __init__(self, fails: Callable[[np.ndarray], bool]) -> None:
        super().__init__()
        self._fails = fails

    def vectors(self, images: list) -> np.ndarray:
        if any(self._fails(np.asarray(image)) for image in images):
            raise ArithmeticError("no way")
        return super().vectors(images)


def test_images_that_one_embedder_fails_on_stay_in_the_others(project: sw.Project, build: Build) -> None:
    folder = project.paths[0].parent
    before, ids = project.embeddings.copy(), project.ids
    bad = [np.asarray(Image.open(path).convert("RGB")) for path in project.paths[2:5]]
    session = Session(project)
    session.select("set", ids=ids[:4].tolist())
    project.tag(ids, "all")

    def fails(pixels: np.ndarray) -> bool:
        return any(np.array_equal(pixels, other) for other in bad)

    for _ in range(2):  # the second time only images that failed are tried
        other = build(folder, embedder=Fussy(fails))
        assert len(other) == 9
        assert [path.name for path, _ in other.failed] == [f"picture_{n:02d}.jpg" for n in (2, 3, 4)]
        assert all("'fussy' failed: ArithmeticError: no way" in reason for _, reason in other.failed)
    project.use_embeddings("fussy", progress=False)
    assert len(project) == session.total == 9
    assert sorted(session.selected_ids) == ids[:2].tolist()
    assert session.in_view_order(session.tags["all"])
    assert len(session.tags["all"]) == 9
    assert session.count == 9
    project.use_embeddings("perceptual-1", progress=False)
    assert project.failed == []
    np.testing.assert_array_equal(project.embeddings, before)
    assert session.count == 12


def test_added_to_a_project_in_which_an_embedder_failed(project: sw.Project, build: Build) -> None:
    bad = np.asarray(Image.open(project.paths[2]).convert("RGB"))
    other = build(project.paths[0].parent, embedder=Fussy(lambda pixels: np.array_equal(pixels, bad)))
    other.add_embeddings("mine", own_vectors(11))
    other.use_embeddings("mine", progress=False)
    assert [(path.name, reason) for path, reason in other.failed] == [
        ("picture_02.jpg", "the array 'mine' had no row for it")
    ]


@pytest.mark.parametrize("count", [2, 40])
def test_an_embedder_that_fails_on_all_images(tmp_path: Path, build: Build, count: int) -> None:
    write_pictures(tmp_path / "photos", count)
    with pytest.raises(EmbedderError, match=r"'fussy' failed on each of \d+ images.*: ArithmeticError: no way"):
        build(tmp_path / "photos", embedder=Fussy(lambda _: True))
    with pytest.raises(EmbedderError, match=r"failed on each of \d+ images.*NaN or infinity"):
        build(
            tmp_path / "photos",
            embedder=lambda images: (
                np.full((len(images), 3), np.nan) if len(images) > 1 or images[0].width > 64 else np.ones((1, 3))
            ),
        )


def test_two_projects_on_one_folder_keep_what_the_other_has_set(project: sw.Project) -> None:
    with sw.Project.open(project.project_dir) as other:
        project.add_embeddings("one", own_vectors(12))
        project.set_keep_rules(keep=["age"], tag="keep")
        other.add_embeddings("two", own_vectors(12, seed=1))
        other.use_embeddings("one", progress=False)
        other.set_keep_rules(protect=[])
    with sw.Project.open(project.project_dir) as again:
        assert again.embedding_names == ["perceptual-1", "one", "two"]
        assert again.embedder_name == "one"
        assert (again.keep_rules.order, again.keep_rules.tag) == (("age",), "keep")


def test_killed_at_any_file_while_embeddings_are_replaced(tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 8)
    script = Path(__file__).with_name("builder.py")
    whole = 0
    for number in range(1, 60):
        folder = tmp_path / f"project {number}"
        done = subprocess.run(
            [sys.executable, script, tmp_path / "photos", "replace", str(number), folder],
            check=False,
            capture_output=True,
        )
        with sw.Project.open(folder) as project:
            assert project.embedder_name == "mine"
            radius, dim = project.near_duplicate_radius, project.embeddings.shape[1]
            assert (radius, dim) in [(0.1, 6), (0.2, 9)]
            assert project.graph.indices.shape == (8, 7)
        whole += (radius, dim) == (0.2, 9)
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert whole >= 1


def test_embeddings_replaced_by_another_project_object(project: sw.Project) -> None:
    project.add_embeddings("mine", own_vectors(12))
    project.use_embeddings("mine", progress=False)
    project.set_keep_rules(tag="keep")
    with sw.Project.open(project.project_dir) as other:
        other.add_embeddings("mine", own_vectors(12, dim=9, seed=1))
        before = project.uniqueness.copy()
        project.tag(project.ids[:1], "keep")
        np.testing.assert_array_equal(project.uniqueness, before)
        project.set_keep_rules(keep=["age"])
        assert project.embeddings.shape == (12, 6)
        project.use_embeddings("mine", progress=False)
        assert project.embeddings.shape == (12, 9)


def test_replaced_embeddings_leave_no_vectors_set_aside(project: sw.Project, build: Build) -> None:
    project.add_embeddings("mine", own_vectors(12))
    project.paths[3].unlink()
    rescanned = build(project.paths[0].parent, embedder="perceptual")
    rescanned.use_embeddings("mine", progress=False)  # that of the image that is gone is set aside

    def aside() -> set[str]:
        with closing(sqlite3.connect(project.project_dir / "thumbnails.db")) as db:
            return {name for (name,) in db.execute("SELECT embedder FROM vectors")}

    before = aside()
    rescanned.add_embeddings("mine", own_vectors(11, seed=1))
    assert len(before) == 2  # also of the embedder, to which the image may come back
    assert aside() == {"perceptual-1"}


def test_new_images_while_added_embeddings_are_in_use(project: sw.Project) -> None:
    project.add_embeddings("mine", own_vectors(12))
    project.use_embeddings("mine", progress=False)
    store = project._store
    picture(50).save(project.paths[0].with_name("new.png"))
    with store.build_lock():  # what a build of another embedder has done before it is killed
        source = project._opened.source
        store.sync_items(source.scan(), None, None)
        pipeline.read_items(store, source.file, ThumbEmbedder(), pipeline.Progress(False))
    with pytest.raises(ProjectFormatError, match=r"'mine', which were added .* Run Project.from_folder on the im"):
        sw.Project.open(project.project_dir)


def test_numbers_whose_squares_leave_the_range_of_floats(tmp_path: Path, build: Build) -> None:
    write_pictures(tmp_path / "photos", 4)

    def scaled(factor: float) -> Callable[[list], np.ndarray]:
        return lambda images: (
            np.stack([np.asarray(image.resize((2, 2)), float).ravel() for image in images]) * factor
        )

    plain = build(tmp_path / "photos", embedder=scaled(1.0)).embeddings.copy()
    for factor in (1e200, 1e-200):
        np.testing.assert_allclose(build(tmp_path / "photos", embedder=scaled(factor)).embeddings, plain, atol=1e-6)

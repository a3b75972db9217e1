"""Metrics of the user's own: assigned, computed by a function, kept, and shown like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import picture, write_pictures
from PIL import Image

import simwidget as sw
from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., sw.Project]


@pytest.fixture
def project(tmp_path: Path, build: Build) -> sw.Project:
    write_pictures(tmp_path / "photos", 8)
    return build(tmp_path / "photos", embedder="perceptual")


def test_assigned_and_kept(project: sw.Project) -> None:
    project.metrics["My score"] = [7, 6, 5, 4, 3, 2, 1, float("nan")]
    assert project.metrics["My score"].dtype == np.float32
    assert project.metrics["My score"][:2].tolist() == [7, 6]
    assert "My score" in project.metrics
    assert list(project.metrics)[-1] == "My score"
    assert len(project.metrics) == len(list(project.metrics))
    np.testing.assert_array_equal(project.to_pandas()["My score"], project.metrics["My score"])
    with sw.Project.open(project.project_dir) as again:
        np.testing.assert_array_equal(again.metrics["My score"], project.metrics["My score"])
        again.metrics["My score"] = np.zeros(8, dtype=bool)
    with sw.Project.open(project.project_dir) as third:
        assert not third.metrics["My score"].any()
        del third.metrics["My score"]
        assert "My score" not in third.metrics
    with sw.Project.open(project.project_dir) as fourth, pytest.raises(UnknownNameError, match="no metric 'My sc"):
        fourth.metrics["My score"]


def test_items_that_come_later_have_none(project: sw.Project, build: Build) -> None:
    project.metrics["My score"] = np.arange(8)
    folder = project.paths[0].parent
    picture(77).save(folder / "a new one.png")
    (folder / "picture_02.jpg").unlink()
    more = build(folder, embedder="perceptual")
    values = dict(zip((path.name for path in more.paths), more.metrics["My score"].tolist(), strict=True))
    assert np.isnan(values.pop("a new one.png"))
    assert values == {f"picture_{n:02d}.jpg": n for n in range(8) if n != 2}


def test_an_item_whose_content_changed_has_none(project: sw.Project, build: Build) -> None:
    project.metrics["My score"] = np.arange(8)
    changed = project.paths[4]
    picture(99).save(changed)
    again = build(changed.parent, embedder="perceptual")
    assert np.flatnonzero(np.isnan(again.metrics["My score"])).tolist() == [4]


def test_computed_by_a_function_of_the_whole_image(project: sw.Project) -> None:
    seen = []

    @project.metric("Mean red", progress=False)
    def mean_red(image: Image.Image) -> float:
        seen.append((image.mode, image.size))
        return np.asarray(image)[..., 0].mean()

    assert set(seen) == {("RGB", (96, 72))}
    expected = [np.asarray(Image.open(path))[..., 0].mean() for path in project.paths]
    np.testing.assert_allclose(project.metrics["Mean red"], expected, rtol=1e-6)
    assert mean_red(picture(0)) == np.asarray(picture(0))[..., 0].mean()
    with sw.Project.open(project.project_dir) as again:
        np.testing.assert_array_equal(again.metrics["Mean red"], project.metrics["Mean red"])


def test_a_function_that_fails_on_some_images(project: sw.Project) -> None:
    project.paths[3].unlink()

    def fussy(image: Image.Image) -> float:
        if np.array_equal(np.asarray(image), np.asarray(Image.open(project.paths[5]))):
            raise ZeroDivisionError("no way")
        return 1.0

    with pytest.warns(
        UserWarning, match=r"'Fussy' could not be computed for 2 of 8.*'picture_03\.jpg': the file is no"
    ):
        project.metric("Fussy", progress=False)(fussy)
    assert np.flatnonzero(np.isnan(project.metrics["Fussy"])).tolist() == [3, 5]


def test_the_decorator_without_a_name(project: sw.Project) -> None:
    with pytest.raises(InvalidValueError, match="The name of a metric is a text, not <function"):

        @project.metric  # type: ignore[arg-type]
        def mean_red(image: Image.Image) -> float:
            return np.asarray(image)[..., 0].mean()


def test_a_function_that_fails_on_every_image(project: sw.Project) -> None:
    with pytest.raises(InvalidValueError, match=r"8 of 8 images, the first of them 'picture_00\.jpg': TypeError"):
        project.metric("Nothing", progress=False)(lambda _: None)  # type: ignore[arg-type, return-value]
    assert "Nothing" not in project.metrics


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("My score", np.zeros(7), r"shape \(8,\).*this has shape \(7,\)"),
        ("My score", np.zeros((8, 1)), r"this has shape \(8, 1\)"),
        ("My score", ["a"] * 8, "type <U1"),
        ("My score", 3, r"this has shape \(\)"),
        ("Uniqueness", np.zeros(8), "'Uniqueness' is computed by simwidget"),
        ("Brightness", np.zeros(8), "'Brightness' is computed by simwidget"),
        ("Name", np.zeros(8), "'Name': that name is taken"),
        ("tags", np.zeros(8), "'tags': that name is taken"),
        ("-My score", np.zeros(8), "that name is taken"),
        ("", np.zeros(8), "needs a name"),
        (3, np.zeros(8), "is a text, not 3"),
    ],
)
def test_what_is_no_metric(project: sw.Project, name: str, values: object, message: str) -> None:
    before = list(project.metrics)
    with pytest.raises(InvalidValueError, match=message):
        project.metrics[name] = values  # type: ignore[assignment]
    assert list(project.metrics) == before


def test_what_cannot_be_removed(project: sw.Project) -> None:
    with pytest.raises(InvalidValueError, match="cannot be removed"):
        del project.metrics["Contrast"]
    with pytest.raises(UnknownNameError, match="There is no metric 'My score'"):
        del project.metrics["My score"]


def test_values_cannot_be_changed_in_place(project: sw.Project) -> None:
    mine = np.arange(8.0)
    project.metrics["My score"] = mine
    mine[0] = 99
    assert project.metrics["My score"][0] == 0
    for name in project.metrics:
        with pytest.raises(ValueError, match="read-only"):
            project.metrics[name][0] = 1


def test_a_session_filters_and_sorts_by_it(project: sw.Project) -> None:
    session = Session(project)
    project.metrics["My score"] = np.arange(8)
    assert "My score" in session.sort_keys
    session.set_filters({"My score": (2, 5)})
    session.set_sort("-My score")
    assert session.rows_in_view.tolist() == [5, 4, 3, 2]
    project.metrics["My score"] = -np.arange(8)
    assert session.count == 0
    del project.metrics["My score"]
    assert (session.sort, session.filters, session.count) == ("Uniqueness", {}, 8)


def test_a_table_is_taken_by_its_ids(project: sw.Project) -> None:
    table = project.to_pandas().sort_values("Random")
    project.metrics["Again"] = table["Brightness"]
    np.testing.assert_array_equal(project.metrics["Again"], project.metrics["Brightness"])
    project.metrics["Some"] = table["Brightness"][:3]
    assert np.isfinite(project.metrics["Some"]).sum() == 3
    project.metrics["Plain"] = table["Brightness"].reset_index(drop=True)
    np.testing.assert_array_equal(project.metrics["Plain"], table["Brightness"])
    with pytest.raises(InvalidValueError, match="index of the metric 'Other' does not name items"):
        project.metrics["Other"] = table.set_index("path")["Brightness"]
    shuffled = table[["Red", "Green", "Blue"]]
    project.add_embeddings("colors", shuffled)
    project.use_embeddings("colors", progress=False)
    rgb = np.stack([project.metrics[name] for name in ("Red", "Green", "Blue")], axis=1)
    np.testing.assert_allclose(project.embeddings, rgb / np.linalg.norm(rgb, axis=1, keepdims=True), rtol=1e-6)


def test_what_numpy_cannot_take_and_what_is_masked(project: sw.Project) -> None:
    import torch

    for values in ([1, [2, 3]], torch.zeros(8, requires_grad=True)):
        with pytest.raises(InvalidValueError, match="The metric 'My score' cannot be made a numpy array"):
            project.metrics["My score"] = values  # type: ignore[assignment]
    project.metrics["My score"] = np.ma.masked_less(np.arange(8.0), 3)
    assert np.flatnonzero(np.isnan(project.metrics["My score"])).tolist() == [0, 1, 2]


def test_a_name_that_simwidget_uses_with_labels_only_is_taken_without(project: sw.Project) -> None:
    assert "Label agreement" not in project.metrics
    with pytest.raises(InvalidValueError, match="'Label agreement' is computed by simwidget"):
        project.metrics["Label agreement"] = np.zeros(8)
    called = []
    with pytest.raises(InvalidValueError, match="'Uniqueness' is computed by simwidget"):
        project.metric("Uniqueness", progress=False)(called.append)  # type: ignore[arg-type]
    assert not called


def test_one_object_whatever_is_computed_anew(project: sw.Project) -> None:
    metrics = project.metrics
    project.set_keep_rules(keep=["path"])
    metrics["My score"] = np.arange(8)
    assert project.metrics is metrics
    assert "My score" in project.metrics


def test_a_similarity_query_outlives_a_new_metric(project: sw.Project) -> None:
    session = Session(project)
    session.similar_to([int(project.ids[0])])
    epoch, rows = session.epoch, session.rows_in_view.tolist()
    project.metrics["My score"] = np.arange(8)
    assert session.query is not None
    assert (session.epoch, session.rows_in_view.tolist()) == (epoch, rows)
    assert "My score" in session.sort_keys

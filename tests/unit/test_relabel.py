"""A label that a person gives wins over that of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import write_pictures

import simwidget as sw
from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., sw.Project]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        write_pictures(tmp_path / name, 5)
    return tmp_path


def test_it_is_told_counted_and_undone(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual", labels="folder")
    labels, agreement = project.labels, project.metrics["Label agreement"].copy()
    assert project.relabel(project.ids[:2], "dog") == 2
    assert project.relabel(project.ids[:3], "dog") == 1
    assert project.labels == ["dog"] * 3 + labels[3:]
    assert project.history[-1].summary == 'Labeled 1 image "dog"'
    assert not np.array_equal(project.metrics["Label agreement"], agreement)
    project.undo()
    project.undo()
    assert project.labels == labels
    assert np.array_equal(project.metrics["Label agreement"], agreement, equal_nan=True)


def test_it_survives_reopening_and_another_scan(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual", labels="folder")
    source = project.labels
    project.relabel(project.ids[:2], "fox")
    project.relabel(project.ids[2:3], None)
    expected = project.labels
    assert expected == ["fox", "fox", None, *source[3:]]
    project.close()
    with sw.Project.open(folder) as again:
        assert again.labels == expected
    again = build(folder, embedder="perceptual", labels="folder")
    assert again.labels == expected
    again.undo()
    again.undo()
    assert again.labels == source


def test_the_first_label_brings_the_metrics_of_labels(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual")
    assert "Label agreement" not in project.metrics
    project.relabel(project.ids[:5], "cat")
    assert "Label agreement" in project.metrics
    project.undo()
    assert "Label agreement" not in project.metrics


def test_nothing_is_searched_again(folder: Path, build: Build) -> None:
    project = build(folder, embedder="perceptual", labels="folder")
    graph, scores = project.graph, project.uniqueness
    project.relabel(project.ids, "x")
    assert project.graph is graph
    assert project.uniqueness is scores


@pytest.mark.parametrize("label", ["", " ", "a\nb", 5, "x" * 301])
def test_labels_that_are_none(folder: Path, build: Build, label: str) -> None:
    project = build(folder, embedder="perceptual", labels="folder")
    with pytest.raises(InvalidValueError, match="label"):
        project.relabel(project.ids[:1], label)
    assert project.history == []

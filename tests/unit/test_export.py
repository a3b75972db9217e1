"""Tables of items in files for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pictures import write_pictures

from simwidget.errors import InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import simwidget as sw


@pytest.fixture
def project(tmp_path: Path, build: Callable[..., sw.Project]) -> sw.Project:
    (tmp_path / "images").mkdir()
    write_pictures(tmp_path / "images", 5)
    project = build(tmp_path / "images", embedder="perceptual")
    project.tag(project.ids[:2], "a")
    project.tag(project.ids[:1], 'b, "quoted"')
    project.metrics["own"] = [0.5, np.nan, 1, 2, 3]
    return project


def test_csv(project: sw.Project, tmp_path: Path) -> None:
    file = project.export(tmp_path / "all.csv")
    read, expected = pd.read_csv(file, index_col="id"), project.to_pandas()
    assert list(read.columns) == list(expected.columns)
    assert read.index.tolist() == project.ids.tolist()
    assert read["path"].tolist() == [str(path) for path in project.paths]
    assert read["tags"].fillna("").tolist() == ['a;b, "quoted"', "a", "", "", ""]
    for name in project.metrics:
        assert np.allclose(read[name], expected[name], equal_nan=True)


def test_json_of_some_in_their_order(project: sw.Project, tmp_path: Path) -> None:
    ids = project.ids[[1, 0]].tolist()
    rows = json.loads(project.export(tmp_path / "some.JSON", ids).read_text("utf-8"))
    assert [row["id"] for row in rows] == ids
    assert [row["tags"] for row in rows] == [["a"], ["a", 'b, "quoted"']]
    assert [row["own"] for row in rows] == [None, 0.5]
    assert list(rows[0]) == ["id", *project.to_pandas().columns]
    assert rows[0]["path"] == str(project.path(ids[0]))
    assert rows[0]["label"] is None


@pytest.mark.parametrize("name", ["all.csv", "all.json"])
def test_nothing_is_replaced_unasked(project: sw.Project, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        project.export(tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"
    project.export(str(tmp_path / name), overwrite=True)
    assert (tmp_path / name).stat().st_size > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "images"]


def test_what_cannot_be_exported(project: sw.Project, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"\.csv or \.json"):
        project.export(tmp_path / "all.parquet")
    with pytest.raises(UnknownNameError, match="no item"):
        project.export(tmp_path / "all.csv", ["nothing.png"])
    assert [path.name for path in tmp_path.iterdir()] == ["images"]

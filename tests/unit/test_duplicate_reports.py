"""Duplicates of a project: within some items, across splits, bytes freed, and as a table."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import picture, write_pictures

from simwidget.errors import InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import simwidget as sw

    Build = Callable[..., sw.Project]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three splits; picture 0 is in train and test, 1 twice in train, 2 in train and test and twice in val."""
    root = tmp_path / "data"
    train = write_pictures(root / "train", 6)
    write_pictures(root / "test", 4, first_seed=20)
    write_pictures(root / "val", 4, first_seed=40)
    shutil.copy(train[0], root / "test" / "leak 0.jpg")
    shutil.copy(train[1], root / "train" / "copy 1.jpg")
    shutil.copy(train[2], root / "test" / "leak 2.jpg")
    for name in ("leak 2.jpg", "again 2.jpg"):
        shutil.copy(train[2], root / "val" / name)
    picture(90).save(root / "no split.png")
    shutil.copy(root / "no split.png", root / "train" / "no split.png")
    return root


@pytest.fixture
def project(folder: Path, build: Build) -> sw.Project:
    return build(folder, embedder="perceptual", split="folder", labels="folder")


def pairs(project: sw.Project, folder: Path, across: str) -> set[frozenset[str]]:
    return {
        frozenset(path.relative_to(folder).as_posix() for path in (group.keeper, duplicate))
        for group in project.duplicates(across=across)
        for duplicate in group.duplicates
    }


def test_pairs_across_splits(project: sw.Project, folder: Path) -> None:
    found = pairs(project, folder, "split")
    assert frozenset(["train/picture_00.jpg", "test/leak 0.jpg"]) in found
    # of the two copies in val, which are in one split, the better one's pairs stand for both's
    of_2 = {pair for pair in found if any("2.jpg" in name for name in pair)}
    assert frozenset(["train/picture_02.jpg", "test/leak 2.jpg"]) in of_2
    assert all(len({name.partition("/")[0] for name in pair}) == 2 for pair in found)
    assert {name for pair in of_2 for name in pair} >= {"train/picture_02.jpg", "test/leak 2.jpg"}
    val = {name for pair in of_2 for name in pair if name.startswith("val")}
    assert val <= {"val/leak 2.jpg", "val/again 2.jpg"}
    assert val
    assert found == {frozenset(["train/picture_00.jpg", "test/leak 0.jpg"])} | of_2
    assert pairs(project, folder, "label") == found  # labels are the same folders here


def test_across_needs_something_to_lie_across(folder: Path, build: Build, project: sw.Project) -> None:
    with pytest.raises(InvalidValueError, match="across is 'split' or 'label', not 'folder'"):
        project.duplicates(across="folder")
    plain = build(folder, embedder="perceptual", project_dir=folder.parent / "plain")
    with pytest.raises(InvalidValueError, match=r"the project has no splits. Give them with .*split="):
        plain.duplicates(across="split")
    one = build(
        folder / "val", embedder="perceptual", split={"leak 2.jpg": "val"}, project_dir=folder.parent / "one"
    )
    with pytest.raises(InvalidValueError, match="the project has only the split 'val'"):
        one.duplicates(across="split")


def test_within_some_items(project: sw.Project) -> None:
    everything = project.duplicates()
    assert sorted(len(group) for group in everything) == [2, 2, 2, 4]
    in_val = [path for path in project.paths if path.parent.name == "val"]
    (group,) = project.duplicates(within=in_val)
    assert {group.keeper.name, *(path.name for path in group.duplicates)} == {"leak 2.jpg", "again 2.jpg"}
    mask = np.array([path.parent.name == "val" for path in project.paths])
    assert project.duplicates(within=mask) == [group]
    assert project.duplicates(within=mask.tolist()) == [group]
    table = project.to_pandas().sort_values("Random")
    assert project.duplicates(within=table["path"].map(lambda path: path.parent.name == "val")) == [group]
    project.metrics["In val"] = mask
    assert project.duplicates(within={"In val": (1, 1)}) == [group]
    assert project.duplicates(within=[]) == []
    with pytest.raises(InvalidValueError, match=r"A mask has one bool an item, shape \(\d+,\)"):
        project.duplicates(within=mask[1:])
    with pytest.raises(UnknownNameError, match=r"no item 'nothing\.jpg'"):
        project.duplicates(within=["nothing.jpg"])
    with pytest.raises(UnknownNameError, match="no metric 'Nothing'"):
        project.duplicates(within={"Nothing": (0, 1)})


def test_bytes_that_deleting_the_duplicates_frees(project: sw.Project) -> None:
    groups = project.duplicates()
    duplicates = [path for group in groups for path in group.duplicates]
    assert groups.bytes_freed == sum(path.stat().st_size for path in duplicates) > 0
    assert [group.bytes_freed for group in groups] == [sum(p.stat().st_size for p in g.duplicates) for g in groups]
    across = project.duplicates(across="split")
    once = {path for group in across for path in group.duplicates}
    assert across.bytes_freed == sum(path.stat().st_size for path in once)


def test_as_a_table(project: sw.Project) -> None:
    groups = project.duplicates()
    table = groups.to_pandas()
    assert list(table.columns) == [
        *("group", "keeper", "duplicate", "distance", "reason", "bytes", "duplicate_id", "keeper_id")
    ]
    assert len(table) == sum(len(group.duplicates) for group in groups)
    assert table["bytes"].sum() == groups.bytes_freed
    assert set(table["reason"]) == {"same bytes"}
    assert len(groups[:2].to_pandas()) == len(groups[0].duplicates) + len(groups[1].duplicates)
    assert groups[:1].bytes_freed == groups[0].bytes_freed
    first = table[table["group"] == 0]
    assert first["duplicate"].tolist() == groups[0].duplicates
    assert set(first["keeper"]) == {groups[0].keeper}
    assert [project.path(i) for i in table["duplicate_id"]] == table["duplicate"].tolist()
    nothing = project.duplicates(within=[]).to_pandas()
    assert list(nothing.columns) == list(table.columns)
    assert nothing.empty


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), True, "near", None])
def test_thresholds_out_of_range(project: sw.Project, threshold: float) -> None:
    with pytest.raises(InvalidValueError, match=r"threshold is a cosine distance in \[0, 1\]"):
        project.duplicates(threshold)

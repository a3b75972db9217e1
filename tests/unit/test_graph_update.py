"""A neighbor graph that was brought up to date is the one that a new search would find."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import picture, write_pictures
from thumb_embedder import ThumbEmbedder
from vector_cases import clustered, collections

import simwidget as sw
from simwidget import graph_update, pipeline
from simwidget.graph_update import updated_groups
from simwidget.neighbor_graph import GroupGraph, Recall
from simwidget.neighbors import EXACT_BELOW, exact_neighbors, pair_distances, search_groups

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from vector_cases import Items

    Rows = npt.NDArray[np.int64]


def kept_of(before: Rows, after: Rows) -> Rows:
    """Number that each of the rows ``before`` has among those ``after``; -1 for none."""
    return np.array([next(iter(np.flatnonzero(after == row)), -1) for row in before], dtype=np.int64)


@given(collections(min_size=4), st.integers(1, 5), st.data())
def test_it_equals_exact_search(items: Items, k: int, data: st.DataObject) -> None:
    pool = np.unique(items.vectors, axis=0)
    some = st.lists(st.booleans(), min_size=len(pool), max_size=len(pool))
    before, after = (np.flatnonzero(data.draw(some)) for _ in range(2))
    if data.draw(st.booleans()):
        after = after[np.random.default_rng(0).permutation(len(after))]  # groups are numbered as they appear
    earlier = search_groups(pool[before], k=k)
    with patch.object(graph_update, "_MOST_SEARCHED", 1.0):
        found = updated_groups(earlier, kept_of(before, after), pool[after], k=k)
    if min(k, len(before) - 1) != min(k, len(after) - 1) or min(len(before), len(after)) < 2:
        assert found is None
        return
    assert found is not None
    indices, distances = exact_neighbors(pool[after], min(k, len(after) - 1))
    np.testing.assert_array_equal(found.distances, distances)
    listed = pair_distances(pool[after][:, None], pool[after][found.indices])
    np.testing.assert_array_equal(listed, distances)
    assert all(len(set(row)) == len(row) for row in found.indices.tolist())
    assert not (found.indices == np.arange(len(after))[:, None]).any()
    if np.array_equal(after, np.sort(after)):  # then equally near ones are in the same order, but for those at 1
        np.testing.assert_array_equal(found.indices[distances < 1], indices[distances < 1])


def test_only_what_came_or_lost_a_neighbor_is_searched() -> None:
    pool = clustered(3_000, 24, 100, 0.5)
    before, after = np.arange(2_990), np.arange(10, 3_000)
    earlier = search_groups(pool[before])
    kept = np.where(before >= 10, before - 10, -1)
    with patch.object(graph_update, "exact_neighbors", wraps=exact_neighbors) as search:
        found = updated_groups(earlier, kept, pool[after])
    assert found is not None
    (call,) = search.call_args_list
    lost = np.isin(earlier.indices[10:], before[:10]).any(axis=1)
    assert len(call.args[2]) == 10 + np.count_nonzero(lost) < 400
    anew = search_groups(pool[after])
    np.testing.assert_array_equal(found.indices, anew.indices)
    np.testing.assert_array_equal(found.distances, anew.distances)
    assert found.recall == anew.recall


def test_much_change_is_left_to_a_new_search() -> None:
    pool = clustered(300, 8, 10, 0.5)
    earlier = search_groups(pool[:150])
    kept = np.arange(150)
    assert updated_groups(earlier, kept, pool) is not None
    assert updated_groups(earlier, kept, np.concatenate([pool, pool[::-1]])) is None


def test_an_approximate_graph_stays_good_or_is_searched_anew() -> None:
    few = clustered(400, 8, 10, 0.5)
    approximate = GroupGraph(*exact_neighbors(few, 20), "pynndescent", Recall(0.999, 0.99, 500))
    assert updated_groups(approximate, np.arange(400), few) is None, "few enough for exact search"
    many = clustered(EXACT_BELOW, 8, 10, 0.5)
    near = np.tile(np.arange(21, dtype=np.int32), (EXACT_BELOW, 1))
    poor = GroupGraph(
        np.concatenate([np.delete(near[:21], np.arange(21) * 22).reshape(21, 20), near[21:, :20]]),
        np.full((EXACT_BELOW, 20), 0.9, dtype=np.float32),
        "pynndescent",
        Recall(0.999, 0.99, 500),
    )
    assert updated_groups(poor, np.arange(EXACT_BELOW), many) is None, "its recall is measured, and not that"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Many more pictures than an image has neighbors."""
    write_pictures(tmp_path / "images", 180)
    return tmp_path / "images"


def anew(folder: Path, build: Callable[..., sw.Project]) -> sw.Project:
    """A project of a copy of the folder, in which nothing has been computed before."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".simwidget"))
    return build(copy, embedder=ThumbEmbedder())


def computed(project: sw.Project) -> dict[str, Any]:
    graph = project.graph
    return {
        "names": [path.name for path in project.paths],
        "indices": graph.indices.tolist(),
        "distances": graph.distances.tolist(),
        "groups": graph.groups.tolist(),
        "uniqueness": project.uniqueness.tolist(),
    }


def test_deleting_and_restoring_search_for_few(
    folder: Path, build: Callable[..., sw.Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = build(folder, embedder=ThumbEmbedder())
    before = computed(project)
    monkeypatch.setattr(pipeline, "search_groups", None)  # which cannot be called
    going = project.ids[[3, 40]].tolist()
    project.delete(going)
    after = computed(project)
    project.restore()
    assert computed(project) == before
    project.delete(going)
    monkeypatch.undo()
    assert computed(project) == after == computed(anew(folder, build))


def test_scanning_again_searches_for_what_is_new(
    folder: Path, build: Callable[..., sw.Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    build(folder, embedder=ThumbEmbedder()).close()
    picture(900).save(folder / "zebra.png")
    picture(7).save(folder / "zz copy.png")
    (folder / "picture_10.jpg").unlink()
    picture(901).save(folder / "picture_11.jpg", quality=95)
    monkeypatch.setattr(pipeline, "search_groups", None)
    project = build(folder, embedder=ThumbEmbedder())
    monkeypatch.undo()
    found, expected = computed(project), computed(anew(folder, build))
    assert len(found["names"]) == 181
    for name in ("names", "groups", "uniqueness"):
        assert found[name] == expected[name]
    np.testing.assert_array_equal(found["distances"], expected["distances"])

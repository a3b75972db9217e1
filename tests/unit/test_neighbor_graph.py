"""The neighbor graph as a file, its recall, and the pass that improves a poor one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vector_cases import Items, build_graph, clustered, collections

from simwidget.errors import InvalidValueError
from simwidget.neighbor_graph import GroupGraph, NeighborGraph, Recall, expand
from simwidget.neighbors import exact_neighbors, improve, measure_recall, search_groups

if TYPE_CHECKING:
    from pathlib import Path


def graph_of(count: int = 60) -> NeighborGraph:
    vectors = clustered(count, 8, 5, 0.4)
    return build_graph(vectors, np.arange(count), np.arange(count), k=7)


def test_saved_and_loaded(tmp_path: Path) -> None:
    graph = replace(graph_of(), method="pynndescent", recall=Recall(0.9, 0.8, 500))
    path = tmp_path / "graph"
    graph.save(path)
    loaded = NeighborGraph.load(path)
    for name in ("indices", "distances", "groups", "stand_ins"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(graph, name))
        assert getattr(loaded, name).dtype == getattr(graph, name).dtype
    assert (loaded.method, loaded.recall) == ("pynndescent", Recall(0.9, 0.8, 500))
    assert [file.name for file in tmp_path.iterdir()] == ["graph"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_small_graphs_saved_and_loaded(tmp_path: Path, count: int) -> None:
    graph_of(count).save(tmp_path / "graph.npz")
    assert NeighborGraph.load(tmp_path / "graph.npz").indices.shape == (count, max(count - 1, 0))


def test_loading_what_is_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "graph.npz"
    with pytest.raises(FileNotFoundError):
        NeighborGraph.load(path)
    graph_of().save(path)
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InvalidValueError, match=r"graph\.npz' holds no neighbor graph"):
            NeighborGraph.load(path)
    np.savez(path, indices=np.zeros((2, 1)))
    with pytest.raises(InvalidValueError, match="holds no neighbor graph"):
        NeighborGraph.load(path)
    np.savez(path, indices=np.array([{}], dtype=object), distances=0, groups=0, method="", recall=np.ones(3))
    with pytest.raises(InvalidValueError, match="holds no neighbor graph"):
        NeighborGraph.load(path)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("indices", lambda a: a.astype(np.int64), "types <i8, <f4, <i8, <i8"),
        ("indices", lambda a: a[:, 1:], r"shapes \(60, 6\) and \(60, 7\)"),
        ("groups", lambda a: a[1:], r"7 neighbors and \(59,\) groups do not fit 60 items"),
        ("indices", lambda a: a + 60, "names items that are not among its 60"),
        ("indices", lambda a: np.zeros_like(a), "lists an item as its own neighbor"),
        ("distances", lambda a: a + 1, r"distances outside \[0, 1\]"),
        ("distances", lambda a: a * np.float32("nan"), r"distances outside \[0, 1\]"),
        ("distances", lambda a: a[:, ::-1], "do not ascend"),
        ("stand_ins", lambda a: a + 1, "is not among its items"),
        ("stand_ins", lambda a: a[::-1].copy(), "do not agree"),
        ("groups", lambda a: a - 1, "do not agree"),
        ("groups", lambda a: a + 10**15, "do not agree"),
    ],
)
def test_loading_a_damaged_graph(tmp_path: Path, name: str, change: object, problem: str) -> None:
    graph = graph_of()
    replace(graph, **{name: change(getattr(graph, name))}).save(tmp_path / "graph")  # type: ignore[operator]
    with pytest.raises(InvalidValueError, match=problem):
        NeighborGraph.load(tmp_path / "graph")


@given(collections(min_size=2), st.integers(1, 25), st.randoms(use_true_random=False))
def test_other_ranks_need_no_other_search_where_copies_have_equal_vectors(
    items: Items, k: int, random: object
) -> None:
    groups = np.unique(items.vectors, axis=0, return_inverse=True)[1].reshape(-1)
    first = np.sort(np.unique(groups, return_index=True)[1])
    groups = np.argsort(np.argsort(first))[np.searchsorted(np.sort(groups[first]), groups)]
    found = search_groups(items.vectors[np.unique(groups, return_index=True)[1]], k=k)
    ranks = list(range(len(groups)))
    random.shuffle(ranks)  # type: ignore[attr-defined]
    rank = np.array(ranks)
    stand_ins = np.unique(groups, return_index=True)[1]
    expanded, built = expand(found, groups, stand_ins, rank, k), build_graph(items.vectors, groups, rank, k=k)
    np.testing.assert_array_equal(expanded.indices, built.indices)
    np.testing.assert_array_equal(expanded.distances, built.distances)


def test_recall_of_an_exact_graph_is_1_and_of_a_poor_one_is_what_it_lacks() -> None:
    vectors = clustered(900, 16, 30, 0.5)
    distances = exact_neighbors(vectors, 20)[1]
    assert measure_recall(vectors, distances) == Recall(1.0, 1.0, 500)
    assert measure_recall(vectors[:5], exact_neighbors(vectors[:5], 4)[1]) == Recall(1.0, 1.0, 5)
    poor = distances[:, 1:]  # the nearest is missing everywhere
    assert measure_recall(vectors, poor) == Recall(0.0, pytest.approx(0.9), 500)
    missing = distances.copy()
    missing[:450] = distances[:450, -1:]
    recall = measure_recall(vectors, missing)
    assert recall.first == pytest.approx(0.5, abs=0.07)
    assert recall.ten == pytest.approx(0.5, abs=0.07)


def test_improving_makes_no_neighbor_farther_and_most_nearer() -> None:
    vectors = clustered(3000, 24, 20, 0.7)
    indices, distances = exact_neighbors(vectors, 20)
    rng = np.random.default_rng(0)
    poor = np.where(rng.random(indices.shape) < 0.5, indices, 0).astype(np.int32)
    for row in range(len(poor)):  # half of each row replaced by strangers, none of them itself or twice
        kept = np.unique(poor[row][poor[row] > 0])
        strangers = np.setdiff1d(rng.choice(3000, 60, replace=False), [*kept, row])
        poor[row] = [*kept, *strangers][:20]
    rows = np.arange(3000)[:, None]
    before = np.sort(1 - np.einsum("nd,nkd->nk", vectors, vectors[poor]), axis=1)
    better, after = improve(vectors, poor)
    assert not (better == rows).any()
    assert all(len(set(row)) == 20 for row in better.tolist())
    assert (after <= before + 1e-5).all()
    recalls = [measure_recall(vectors, d).ten for d in (before, after, improve(vectors, better)[1], distances)]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.6
    assert recalls[2] > 0.98


def test_any_damage_of_the_file_is_said_clearly(tmp_path: Path) -> None:
    path = tmp_path / "graph.npz"
    graph_of().save(path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[int(rng.integers(len(whole)))] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged[: int(rng.integers(len(whole) // 2, len(whole) + 1))])
        with suppress(InvalidValueError):
            NeighborGraph.load(path)


def test_rows_of_one_neighbor() -> None:
    found = GroupGraph(np.array([[1], [0]], np.int32), np.zeros((2, 1), np.float32), "exact")
    assert expand(found, np.arange(2), np.arange(2), np.arange(2)).indices.tolist() == [[1], [0]]

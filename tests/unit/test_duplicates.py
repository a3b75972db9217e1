"""Groups of duplicates: against brute force, and what has to hold of them whatever the graph missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vector_cases import RADII, Items, build_graph, clustered, collections, distance_matrix, unit

from simwidget.duplicates import DuplicateGroup, Reason, group_duplicates
from simwidget.neighbor_graph import NeighborGraph, best_of_groups

Found = list[tuple[int, list[int], list[float]]]
SIZES = st.integers(1, 25)


def find(items: Items, threshold: float, k: int = 20) -> Found:
    return group_duplicates(build_graph(*items, k=k), items.vectors, items.rank, threshold).split()


def by_definition(items: Items, threshold: float) -> Found:
    matrix = distance_matrix(items)
    free = sorted(range(len(items.rank)), key=lambda i: items.rank[i])
    found = []
    while free:
        keeper = free.pop(0)
        members = [i for i in free if matrix[keeper, i] <= np.float32(threshold)]
        members.sort(key=lambda i: (matrix[keeper, i], items.rank[i]))
        free = [i for i in free if i not in members]
        if members:
            found.append((keeper, members, matrix[keeper, members].tolist()))
    return found


def check(found: Found, items: Items, threshold: float) -> None:
    matrix = distance_matrix(items)
    everyone = [i for keeper, members, _ in found for i in (keeper, *members)]
    assert len(set(everyone)) == len(everyone)
    for keeper, members, distances in found:
        assert members
        assert max(distances) <= np.float32(threshold)
        assert distances == sorted(distances) == matrix[keeper, members].tolist()
        assert items.rank[keeper] < items.rank[members].min()


@given(collections(), RADII, SIZES)
def test_equals_the_definition(items: Items, threshold: float, k: int) -> None:
    found = find(items, threshold, k)
    assert found == by_definition(items, threshold)
    check(found, items, threshold)


@given(collections(), st.data(), SIZES)
def test_equals_the_definition_where_the_threshold_is_a_distance(items: Items, data: st.DataObject, k: int) -> None:
    threshold = float(data.draw(st.sampled_from(distance_matrix(items).ravel().tolist())))
    assert find(items, threshold, k) == by_definition(items, threshold)


@given(collections(min_size=2), RADII, st.randoms(use_true_random=False), st.data())
def test_properties_hold_of_a_graph_that_misses_neighbors(
    items: Items, threshold: float, random: object, data: st.DataObject
) -> None:
    count = len(items.rank)
    k = data.draw(st.integers(1, count - 1))
    matrix = distance_matrix(items)
    indices = np.empty((count, k), dtype=np.int32)
    for i in range(count):
        others = np.delete(np.arange(count), i)
        copies = others[matrix[i, others] == 0]  # what the graph never misses
        listed = [*copies[np.argsort(items.rank[copies])][:1], *random.sample(others.tolist(), k)]  # type: ignore[attr-defined]
        indices[i] = sorted(list(dict.fromkeys(listed))[:k], key=lambda j, i=i: matrix[i, j])
    distances = np.take_along_axis(matrix, indices, axis=1)
    stand_ins = best_of_groups(items.groups, items.rank)
    graph = NeighborGraph(indices, distances, items.groups, stand_ins, "pynndescent")
    check(group_duplicates(graph, items.vectors, items.rank, threshold).split(), items, threshold)


@pytest.mark.parametrize("k", [3, 20])
@pytest.mark.parametrize("threshold", [0.0, 1e-4, 0.01, 0.03, 0.3])
def test_groups_larger_than_k_are_complete(k: int, threshold: float) -> None:
    items = Items(clustered(600, 16, 6, 0.15), np.arange(600), np.random.default_rng(2).permutation(600))
    found = find(items, threshold, k)
    assert found == by_definition(items, threshold)
    if threshold == 0.03:
        assert max(len(members) for _, members, _ in found) > 50


@given(collections(), RADII, SIZES, st.data())
def test_within_some_items_only(items: Items, threshold: float, k: int, data: st.DataObject) -> None:
    within = np.array(data.draw(st.lists(st.booleans(), min_size=len(items.rank), max_size=len(items.rank))))
    graph = build_graph(*items, k=k)
    found = group_duplicates(graph, items.vectors, items.rank, threshold, within=within).split()
    matrix = distance_matrix(items)
    free = [i for i in np.argsort(items.rank).tolist() if within[i]]
    expected = []
    while free:
        keeper = free.pop(0)
        members = [i for i in free if matrix[keeper, i] <= np.float32(threshold)]
        free = [i for i in free if i not in members]
        if members:
            expected.append((keeper, set(members)))
    assert [(keeper, set(members)) for keeper, members, _ in found] == expected


@given(collections(), RADII, SIZES, st.data())
def test_every_pair_across_parts_is_found_once(items: Items, threshold: float, k: int, data: st.DataObject) -> None:
    count = len(items.rank)
    parts = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=count, max_size=count)))
    within = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    graph = build_graph(*items, k=k)
    found = group_duplicates(graph, items.vectors, items.rank, threshold, within=within, across=parts).split()
    matrix, rank = distance_matrix(items), items.rank
    looked_at = np.flatnonzero(within & (parts >= 0))
    best_copy = {}
    for i in sorted(looked_at, key=lambda i: rank[i]):
        best_copy.setdefault((items.groups[i], parts[i]), i)
    expected = {
        (i, j)
        for i in looked_at
        for j in looked_at
        if parts[i] != parts[j] and rank[i] < rank[j] and matrix[i, j] <= np.float32(threshold)
        if best_copy[items.groups[i], parts[i]] == i
    }
    pairs = [(keeper, member) for keeper, members, _ in found for member in members]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected
    for keeper, members, distances in found:
        assert distances == sorted(distances) == matrix[keeper, members].tolist()


def test_chains_are_not_followed() -> None:
    angles = np.arange(5) * 0.01  # each 5e-5 from the next, 2e-4 from the one after
    items = Items(unit(np.stack([np.cos(angles), np.sin(angles)], axis=1)), np.arange(5), np.array([2, 0, 3, 4, 1]))
    assert [(keeper, set(members)) for keeper, members, _ in find(items, 1e-4)] == [(1, {0, 2}), (4, {3})]


def test_thresholds_at_the_ends() -> None:
    items = Items(unit([[1, 0], [0, 1], [1, 0], [-1, 0]]), np.array([0, 1, 0, 2]), np.array([1, 2, 0, 3]))
    assert find(items, 0) == [(2, [0], [0.0])]
    assert find(items, 1) == [(2, [0, 1, 3], [0.0, 1.0, 1.0])]


def test_copies_whose_vectors_differ_are_at_distance_0() -> None:
    items = Items(unit([[1, 0], [1, 1], [0, 1]]), np.array([0, 0, 1]), np.array([1, 0, 2]))
    assert find(items, 0) == [(1, [0], [0.0])]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare_with(count: int) -> None:
    assert find(Items(unit(np.ones((count, 3))), np.arange(count), np.arange(count)), 1.0) == []


@pytest.mark.parametrize(
    ("reasons", "weakest"),
    [
        (["same bytes", "same bytes"], "same bytes"),
        (["same pixels", "same bytes"], "same pixels"),
        (["same bytes", "near", "same pixels"], "near"),
        (["near", "mirrored", "same bytes"], "mirrored"),
    ],
)
def test_reason_of_a_group_is_its_weakest(reasons: list[Reason], weakest: Reason) -> None:
    paths = [Path(f"{n}.jpg") for n in range(len(reasons))]
    group = DuplicateGroup(
        Path("keeper.jpg"), paths, [0.0] * len(reasons), reasons, 9, list(range(len(reasons))), [1] * len(reasons)
    )
    assert group.reason == weakest
    assert len(group) == len(reasons) + 1

"""The group view: which groups of duplicates are in view, and in which order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vector_cases import RADII, Items, build_graph, collections

from simwidget.duplicates import group_duplicates
from simwidget.group_view import Groups

Found = list[tuple[int, list[int], list[float]]]


def found_in(items: Items, threshold: float) -> Found:
    return group_duplicates(build_graph(*items), items.vectors, items.rank, threshold).split()


def laid(found: Found) -> Groups:
    """Lay groups end to end."""
    rows = [row for keeper, members, _ in found for row in (keeper, *members)]
    distances = [distance for _, _, distances in found for distance in (0.0, *distances)]
    return Groups(
        np.array(rows, dtype=np.int64),
        np.array([1 + len(members) for _, members, _ in found], dtype=np.int64),
        np.array(distances, dtype=np.float32),
    )


@given(collections(), RADII, st.data())
def test_against_brute_force(items: Items, threshold: float, data: st.DataObject) -> None:
    count = len(items.rank)
    order = data.draw(st.permutations(range(count)))
    passing = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    found = found_in(items, threshold)
    groups = laid(found)
    assert groups.split() == found
    view = groups.in_view(np.array(order), np.array(passing, dtype=bool))
    whole = {keeper: [keeper, *members] for keeper, members, _ in found}
    expected = [group for group in found if any(passing[row] for row in whole[group[0]])]
    expected.sort(key=lambda group: min(order.index(row) for row in whole[group[0]]))
    assert view.split() == expected
    assert view.rows[view.keepers].tolist() == [keeper for keeper, _, _ in expected]
    assert len(view) == len(expected)


@given(collections(), RADII)
def test_the_group_that_holds_an_item(items: Items, threshold: float) -> None:
    found = found_in(items, threshold)
    groups = laid(found)
    for row in range(len(items.rank)):
        expected = [[keeper, *members] for keeper, members, _ in found if row in (keeper, *members)]
        assert [groups.holding(row).tolist()] == (expected or [[]])


@pytest.mark.parametrize("count", [0, 3])
def test_no_groups(count: int) -> None:
    groups = laid([])
    view = groups.in_view(np.arange(count), np.ones(count, dtype=bool))
    for nothing in (groups, view):
        assert len(nothing) == len(nothing.rows) == len(nothing.keepers) == len(nothing.distances) == 0
    assert groups.holding(0).tolist() == []


def test_no_group_passes() -> None:
    groups = laid([(2, [0], [0.5]), (1, [3, 4], [0.0, 0.25])])
    view = groups.in_view(np.arange(5), np.zeros(5, dtype=bool))
    assert (len(view), view.rows.tolist(), view.keepers.tolist()) == (0, [], [])


def test_types_are_those_that_are_sent() -> None:
    view = laid([(2, [0], [0.5])]).in_view(np.arange(3), np.ones(3, dtype=bool))
    assert (view.rows.dtype, view.sizes.dtype, view.distances.dtype) == (np.int64, np.int64, np.float32)
    assert view.keepers.tolist() == [True, False]

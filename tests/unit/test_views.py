"""Views: filters, sorts and their words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.views import checked_range, first_inside, name_order, range_label, sort_rows, within_range

VALUES = st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, 0.3, 1.0, math.nan]))


def metric(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


# --- ranges


@given(st.lists(VALUES, max_size=20), st.lists(st.floats(allow_nan=False), min_size=2, max_size=2))
def test_ranges_include_their_ends_and_leave_out_nan(values: list[float], ends: list[float]) -> None:
    stored, (low, high) = metric(values), sorted(ends)
    with np.errstate(over="ignore"):
        bottom, top = metric([low, high])
    assert within_range(stored, low, high).tolist() == [bool(bottom <= value <= top) for value in stored]


def test_a_bound_includes_the_stored_value_that_it_names() -> None:
    values = metric([0.1, 0.3, 0.7, 1e-4])
    for value, row in ((0.1, 0), (0.3, 1), (0.7, 2), (1e-4, 3)):
        assert np.flatnonzero(within_range(values, value, value)).tolist() == [row]


@pytest.mark.parametrize(
    "bounds", [(0, 0.5), [0, 0.5], np.array([0.0, 0.5]), (np.float32(0), np.float64(0.5)), (False, 0.5)]
)
def test_checked_ranges_are_pairs_of_floats(bounds: Any) -> None:
    checked = checked_range("Uniqueness", bounds, {"Uniqueness": metric([])}, ())
    assert checked == (0.0, 0.5)
    assert all(type(bound) is float for bound in checked)


@pytest.mark.parametrize(
    "bounds",
    [(1,), (0, 1, 2), 3, None, ("a", "b"), "01", (0, None), (math.nan, 1), (0, math.nan), (1, 0), (0, 10**400)],
)
def test_ranges_that_are_none(bounds: Any) -> None:
    with pytest.raises(InvalidValueError, match="'Uniqueness'"):
        checked_range("Uniqueness", bounds, {"Uniqueness": metric([])}, ())


@pytest.mark.parametrize("name", ["uniqueness", "", 3, None])
def test_unknown_metrics(name: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no metric .* There are: Uniqueness, Area, Tag\."):
        checked_range(name, (0, 1), {"Uniqueness": metric([]), "Area": metric([])}, ("Tag",))


# --- sorts


@given(st.lists(st.tuples(VALUES, st.integers(0, 3)), max_size=20), st.data(), st.booleans())
def test_sort_is_stable_with_nan_last(
    items: list[tuple[float, int]], data: st.DataObject, descending: bool
) -> None:
    keys, ties = metric([key for key, _ in items]), np.array([tie for _, tie in items], dtype=np.int64)
    chosen = data.draw(st.permutations(range(len(items))))
    chosen = chosen[: data.draw(st.integers(0, len(items)))]

    def by_rules(row: int) -> tuple[bool, float, int, int]:
        key = float(keys[row])
        missing = math.isnan(key)
        return missing, 0.0 if missing else -key if descending else key, int(ties[row]), row

    rows = sort_rows(np.array(chosen, dtype=np.int64), keys, ties, descending=descending)
    assert rows.tolist() == sorted(chosen, key=by_rules)


@given(data=st.data())
def test_the_first_inside(data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(data.draw(st.integers(0, 30))))), dtype=np.int64)
    inside = np.array(data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order))), dtype=bool)
    count = data.draw(st.integers(1, 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simwidget.views._STRIDE", data.draw(st.integers(1, 8)))
        first = first_inside(order, inside, count)
    assert first.tolist() == [row for row in order.tolist() if inside[row]][:count]
    assert first.dtype == np.int64


def test_sort_by_large_integers_keeps_them_apart() -> None:
    sizes = np.array([2.0**31 + 1, 2.0**31, 2.0**31 + 2])
    rows, ties = np.arange(3), np.zeros(3, dtype=np.int64)
    assert sort_rows(rows, sizes, ties, descending=False).tolist() == [1, 0, 2]
    assert sort_rows(rows, sizes, ties, descending=True).tolist() == [2, 0, 1]


# --- words


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0, 1e-4, "0 to 0.0001"), (0.25, 1, "0.25 to 1"), (-math.inf, 3e6, "-inf to 3e+06")]
)
def test_words_for_a_range(low: float, high: float, words: str) -> None:
    assert range_label("Uniqueness", low, high) == f"Uniqueness {words}"


def test_names_sort_without_regard_to_case() -> None:
    order = name_order(["b.jpg", "A.jpg", "a.jpg", "Straße", "STRASSE", "\udcff"])
    assert order.tolist() == [1, 0, 0, 2, 2, 3]
    assert name_order([]).tolist() == []

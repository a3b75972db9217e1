"""Outliers by the interquartile range: the definition in plain Python, and what it must not do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simwidget.errors import InvalidValueError
from simwidget.metrics.outliers import Fences, Range, count_outliers, iqr_fences, iqr_outliers

# On a grid of quarters, so that quartiles and fences are exact in floating point and values can lie on them.
GRID = st.integers(-80, 80).map(lambda number: number / 4)
VALUES = st.lists(st.one_of(GRID, st.just(math.nan)), max_size=40)
UNLIMITED = Range(-np.inf, np.inf)


def quantile(ordered: list[float], share: float) -> float:
    """The value at a share of the way through, interpolated linearly."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def by_definition(values: list[float]) -> list[int]:
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return [0] * len(values)
    low, high = quantile(ordered, 0.25), quantile(ordered, 0.75)
    spread = high - low
    degrees = []
    for value in values:
        beyond = max(low - value, value - high)
        outside = [spread > 0 and beyond > fence * spread for fence in (1.5, 2.5)]
        degrees.append(sum(outside))
    return degrees


@given(VALUES, st.sampled_from([np.float32, np.float64]))
def test_equals_the_definition(values: list[float], dtype: type[np.floating]) -> None:
    degrees = iqr_outliers(np.array(values, dtype))
    assert degrees.dtype == np.int8
    assert degrees.tolist() == by_definition(values)


@given(st.permutations(range(30)))
def test_follows_the_items(order: list[int]) -> None:
    values = np.random.default_rng(0).standard_cauchy(30)
    assert set(iqr_outliers(values)) == {0, 1, 2}
    np.testing.assert_array_equal(iqr_outliers(values[order]), iqr_outliers(values)[order])


@given(st.floats(0.001, 1000), st.floats(-1000, 1000))
def test_depends_on_neither_unit_nor_origin(scale: float, shift: float) -> None:
    values = np.array([0, 1, 2, 3, 4, 7.5, -1.6, 9.9, 40, np.nan])
    np.testing.assert_array_equal(iqr_outliers(values * scale + shift), iqr_outliers(values))


def test_a_value_on_the_fence_is_inside() -> None:
    values = np.array([0, 1, 2, 3, 4], float)  # quartiles 1 and 3
    assert iqr_fences(values) == Fences(Range(-2, 6), Range(-4, 8))
    around = np.array([1, 1, 1, 3, 3, 3, -2, 6, np.nextafter(6, 9), -4, 8, np.nextafter(-4, -9), 2, 2, 2])
    assert iqr_fences(around) == iqr_fences(values)
    assert iqr_outliers(around).tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 0, 0, 0]


def test_nothing_is_an_outlier_where_half_of_the_values_are_equal() -> None:
    values = np.array([5.0] * 6 + [0, 1e9, np.nan, -3])
    assert iqr_fences(values) == Fences(UNLIMITED, UNLIMITED)
    assert not iqr_outliers(values).any()


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [7.0], [np.inf, -np.inf]])
def test_too_few_values_have_no_outliers(values: list[float]) -> None:
    assert iqr_fences(np.array(values)) == Fences(UNLIMITED, UNLIMITED)
    assert not iqr_outliers(np.array(values)).any()


def test_infinity_is_an_outlier_that_moves_no_fence() -> None:
    values = np.array([0, 1, 2, 3, 4, np.inf, -np.inf])
    assert iqr_fences(values) == iqr_fences(values[:5])
    assert iqr_outliers(values).tolist() == [0, 0, 0, 0, 0, 2, 2]


@given(st.integers(0, 30), st.data())
def test_counts_are_the_sums_over_metrics(count: int, data: st.DataObject) -> None:
    column = st.lists(st.one_of(GRID, st.just(math.nan)), min_size=count, max_size=count)
    drawn = data.draw(st.dictionaries(st.sampled_from("abcd"), column, min_size=1))
    metrics = {name: np.array(values, np.float32) for name, values in drawn.items()}
    outliers = count_outliers(metrics)
    degrees = [by_definition(values) for values in drawn.values()]
    assert outliers.moderate.tolist() == [sum(d[i] == 1 for d in degrees) for i in range(count)]
    assert outliers.severe.tolist() == [sum(d[i] == 2 for d in degrees) for i in range(count)]
    assert outliers.moderate.dtype == outliers.severe.dtype == np.int32
    assert outliers.fences == {name: iqr_fences(values) for name, values in metrics.items()}


def test_metrics_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"The metric 'b' has shape \(2,\); it has to be \(3,\)"):
        count_outliers({"a": np.zeros(3), "b": np.zeros(2)})
    with pytest.raises(InvalidValueError, match="There is no metric"):
        count_outliers({})

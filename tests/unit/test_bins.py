"""Bins: edges, where values go, and what a brush over positions means."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simwidget.bins import Bins
from simwidget.views import within_range

FIRST = 1e-4
ANY_FLOAT = st.floats(width=32)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**120), max_value=2.0**120)
UNIQUENESS = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, FIRST, 5e-5, 0.5, 1.0, float("nan")]))


def array(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


@st.composite
def bins_and_values(draw: st.DrawFn) -> tuple[Bins, np.ndarray]:
    """Draw a metric of any range, or one such as Uniqueness with its first bin."""
    if draw(st.booleans()):
        values = array(draw(st.lists(UNIQUENESS, max_size=30)))
        return Bins.of(values, first=FIRST), values
    scale = draw(st.sampled_from([1e-3, 1.0, 255.0, 1e6]))
    values = array(draw(st.lists(st.floats(-1, 1, width=32), max_size=30))) * np.float32(scale)
    return Bins.of(values), values


@given(st.lists(st.one_of(ANY_FLOAT.filter(lambda value: not abs(value) > 2.0**120), FINITE), max_size=20))
def test_edges_ascend_and_cover_whatever_the_values(values: list[float]) -> None:
    metric = array(values)
    bins = Bins.of(metric)
    finite = metric[np.isfinite(metric)]
    assert (np.diff(bins.edges) > 0).all()
    assert 1 <= len(bins) <= 60
    if len(finite):
        assert np.float32(bins.edges[0]) <= finite.min()
        assert finite.max() <= bins.edges[-1]


@given(bins_and_values())
def test_every_finite_value_is_in_exactly_one_bin(drawn: tuple[Bins, np.ndarray]) -> None:
    bins, values = drawn
    assigned = bins.assign(values)
    edges = bins.edges.astype(np.float32)
    for value, number in zip(values, assigned, strict=True):
        if not np.isfinite(value):
            assert number == -1
            continue
        inside = (edges[:-1] <= value) & (value < edges[1:])
        if bins.first_closed:
            inside[0], inside[1] = value <= edges[1], edges[1] < value < edges[2]
        inside[-1] |= value == edges[-1]  # nothing lies above it, so the last bin keeps what rounds to its end
        assert np.flatnonzero(inside).tolist() == [number]


def test_first_bin_of_duplicates_is_closed() -> None:
    edge = np.float32(FIRST)
    values = array([0, 5e-5, edge, np.nextafter(edge, np.float32(1)), 0.3])
    bins = Bins.of(values, first=FIRST)
    assert bins.edges[:2].tolist() == [0, FIRST]
    assert bins.first_closed
    assert bins.assign(values).tolist()[:4] == [0, 0, 0, 1]
    assert np.flatnonzero(within_range(values, *bins.span(0, 1))).tolist() == [0, 1, 2]


@given(st.floats(1e-6, 0.5), st.lists(UNIQUENESS, max_size=20))
def test_first_bin_whatever_its_width(first: float, values: list[float]) -> None:
    bins = Bins.of(array(values), first=first)
    assert bins.edges[:2].tolist() == [0, first]
    assert (np.diff(bins.edges) > first * 1e-10).all()


@given(bins_and_values(), st.floats(-2, 60), st.floats(-2, 60))
def test_span_snaps_outward_to_edges(drawn: tuple[Bins, np.ndarray], left: float, right: float) -> None:
    bins, _ = drawn
    low, high = bins.span(left, right)
    assert (low, high) == bins.span(right, left)
    assert low in bins.edges
    assert high in bins.edges
    assert low < high
    # Snapped outward, less the tenth of a bar by which a hand may miss an edge, and by less than a whole bar.
    left, right = (min(max(place, 0), len(bins)) for place in sorted((left, right)))
    first, last = bins.positions(low, high)
    assert left - 1 <= first <= left + 0.1 + 1e-9
    assert right - 0.1 - 1e-9 <= last < right + 1.2


@given(bins_and_values(), st.data())
def test_span_of_the_positions_of_edges_is_those_edges(drawn: tuple[Bins, np.ndarray], data: st.DataObject) -> None:
    bins, _ = drawn
    first, last = sorted(data.draw(st.sets(st.integers(0, len(bins)), min_size=2, max_size=2)))
    low, high = float(bins.edges[first]), float(bins.edges[last])
    assert bins.positions(low, high) == (first, last)
    assert bins.span(first, last) == (low, high)
    assert bins.span(first + 0.09, last - 0.09) == (low, high)
    assert bins.span(first - 0.09, last + 0.09) == (low, high)


@given(bins_and_values(), st.data())
def test_span_selects_every_value_of_its_bins(drawn: tuple[Bins, np.ndarray], data: st.DataObject) -> None:
    bins, values = drawn
    first, last = sorted(data.draw(st.sets(st.integers(0, len(bins)), min_size=2, max_size=2)))
    selected = np.flatnonzero(within_range(values, *bins.span(first, last)))
    assigned = bins.assign(values)
    assert set(selected) >= set(np.flatnonzero((assigned >= first) & (assigned < last)))
    edges = bins.edges[[first, last]].astype(np.float32)
    between = (assigned >= first) & (assigned < last) | np.isin(values, edges)
    assert set(selected) <= set(np.flatnonzero(between))


@given(bins_and_values(), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_positions_keep_the_order_of_values(drawn: tuple[Bins, np.ndarray], shares: list[float]) -> None:
    bins, _ = drawn
    low, high = sorted(bins.edges[0] + share * (bins.edges[-1] - bins.edges[0]) for share in shares)
    left, right = bins.positions(low, high)
    assert 0 <= left <= right <= len(bins)
    assume(low < high)
    assert bins.span(left, right)[0] <= bins.edges[-1]
    assert bins.positions(-1e30, 1e30) == (0, len(bins))


@pytest.mark.parametrize("value", [0.0, 0.3, -7.0, 255.0, 1e9, -1e20, 1e30])
def test_constant_values(value: float) -> None:
    values = array([value] * 5)
    bins = Bins.of(values)
    assert (np.diff(bins.edges) > 0).all()
    assert len(set(bins.assign(values).tolist())) == 1
    assert bins.edges[0] <= values[0] < bins.edges[-1] or np.isclose(bins.edges[0], values[0], rtol=1e-6)


@pytest.mark.parametrize("first", [None, FIRST])
@pytest.mark.parametrize("values", [[], [np.nan], [np.nan, np.inf, -np.inf]])
def test_nothing_finite(values: list[float], first: float | None) -> None:
    bins = Bins.of(array(values), first=first)
    assert (np.diff(bins.edges) > 0).all()
    assert bins.assign(array(values)).tolist() == [-1] * len(values)
    assert bins.ticks()


def test_edges_are_round() -> None:
    bins = Bins.of(array([0.0, 0.913]), first=FIRST)
    assert bins.edges[2:5] == pytest.approx([0.05, 0.1, 0.15])
    assert Bins.of(array([12.0, 243.0])).edges[:3].tolist() == [10, 20, 30]


@given(bins_and_values(), st.integers(2, 10))
def test_ticks_lie_on_edges_evenly(drawn: tuple[Bins, np.ndarray], count: int) -> None:
    bins, _ = drawn
    ticks = bins.ticks(count)
    positions = list(ticks)
    assert positions[0] == 0
    assert 2 <= len(positions) <= count + 2
    assert all(label == f"{bins.edges[int(place)]:.4g}" for place, label in ticks.items())
    steps = {b - a for a, b in itertools.pairwise(positions[1:])}
    assert len(steps) <= 1


# --- logarithmic edges


def test_logarithmic_bins_are_one_two_and_five_times_the_powers_of_ten() -> None:
    bins = Bins.of(np.array([0, 0.00005, 0.01, 0.43], dtype=np.float32), first=1e-4, logarithmic=True)
    edges = [0, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5]
    np.testing.assert_allclose(bins.edges, edges)
    assert bins.first_closed
    assert bins.span(0, 1) == (0.0, pytest.approx(1e-4))


@given(st.lists(st.floats(width=32, allow_nan=True), max_size=30))
def test_every_finite_value_is_in_the_logarithmic_bin_that_its_edges_say(numbers: list[float]) -> None:
    values = np.array(numbers, dtype=np.float32)
    bins = Bins.of(values, logarithmic=True)
    assert np.all(np.diff(bins.edges) > 0)
    assert len(bins) < 400
    assigned = bins.assign(values)
    assert (assigned >= 0).tolist() == np.isfinite(values).tolist()
    lower = bins.edges[:-1].astype(np.float32)
    for value, bin_ in zip(values[assigned >= 0].tolist(), assigned[assigned >= 0].tolist(), strict=True):
        assert value >= lower[bin_] or bin_ == 0
        assert bin_ == len(bins) - 1 or value < lower[bin_ + 1]
    if np.isfinite(values).any():
        assert bins.edges[-1] > values[np.isfinite(values)].max() or not (values[np.isfinite(values)] > 0).any()

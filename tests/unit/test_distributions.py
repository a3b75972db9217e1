"""The numbers behind the charts, against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from simwidget.distributions import (
    bin_shares,
    box,
    class_counts,
    correlation,
    cross_counts,
    sampled,
    summarize,
)


def test_summary_leaves_out_what_is_not_finite() -> None:
    values = np.array([4, np.nan, 0, 2, np.inf, 1, 3], dtype=np.float32)
    assert summarize(values) == (0, 1, 2, 3, 4, 5, 2)
    empty = summarize(np.array([np.nan], dtype=np.float32))
    assert np.isnan(empty[:5]).all()
    assert (empty.items, empty.missing) == (0, 1)


def test_whiskers_end_at_values() -> None:
    values = np.array([1, 2, 3, 4, 5, 30, -20, np.nan], dtype=np.float32)
    assert box(values) == (1, 1.5, 3, 4.5, 5, 7, 2)
    assert box(np.array([7.0])) == (7, 7, 7, 7, 7, 1, 0)
    assert box(np.array([np.nan])) is None


@pytest.mark.parametrize("seed", range(20))
def test_whiskers_enclose_the_box(seed: int) -> None:
    values = np.random.default_rng(seed).standard_cauchy(9)
    found = box(values)
    assert found is not None
    assert list(found[:5]) == sorted(found[:5])
    assert found.outliers == ((values < found.low) | (values > found.high)).sum()


def test_classes_are_counted_largest_first() -> None:
    assert class_counts(["b", None, "a", "c", "c"]) == [("c", 2), ("a", 1), ("b", 1), (None, 1)]


def test_cross_counts() -> None:
    counts = cross_counts(["x", "y", "x", None], ["a", "b", "a", "b"], ["x", "y", None], ["b", "a"])
    assert counts.tolist() == [[0, 2], [1, 0], [1, 0]]
    assert cross_counts([], [], [], ["a"]).shape == (0, 1)


def test_shares_add_up_within_each_class() -> None:
    shares = bin_shares(np.array([0, 0, 1, 2, -1]), 3, ["a", "a", "a", "b", "b"], ["a", "b", "c"])
    np.testing.assert_allclose(shares, [[2 / 3, 1 / 3, 0], [0, 0, 1], [0, 0, 0]])


def test_correlation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, 200).astype(np.float32)  # with ties
    y = (x**3 + rng.normal(0, 90, 200)).astype(np.float32)
    found = correlation(np.append(x, np.nan), np.append(y, 1))
    assert found.items == 200
    assert found.pearson == pytest.approx(pearsonr(x, y).statistic)
    assert found.spearman == pytest.approx(spearmanr(x, y).statistic)
    assert np.isnan(correlation(np.ones(5), np.arange(5.0))[:2]).all()


def test_a_sample_is_the_same_every_time() -> None:
    rows = np.arange(100) * 2
    assert sampled(rows, 100) is rows
    chosen = sampled(rows, 10)
    assert len(chosen) == 10
    assert (np.diff(chosen) > 0).all()
    assert np.isin(chosen, rows).all()
    np.testing.assert_array_equal(chosen, sampled(rows, 10))

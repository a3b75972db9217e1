"""How metrics, labels and splits are distributed: the numbers behind the charts. Pure numpy."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simwidget.metrics.outliers import MODERATE_FENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]

_SEED = 0


class Summary(NamedTuple):
    """Five numbers of a metric, over its finite values; NaN where there are none.

    Attributes
    ----------
    low, q1, median, q3, high : float
        Minimum, quartiles (interpolated linearly) and maximum.
    items : int
        Finite values.
    missing : int
        The others.
    """

    low: float
    q1: float
    median: float
    q3: float
    high: float
    items: int
    missing: int


class Box(NamedTuple):
    """A box plot of some values (Tukey, "Exploratory Data Analysis", 1977).

    Attributes
    ----------
    low, high : float
        Ends of the whiskers: the outermost values at most 1.5 (Q3 - Q1) beyond the quartiles, and at least as
        far out as the quartiles themselves.
    q1, median, q3 : float
    items : int
        Finite values.
    outliers : int
        Values beyond the whiskers.
    """

    low: float
    q1: float
    median: float
    q3: float
    high: float
    items: int
    outliers: int


class Correlation(NamedTuple):
    """How two metrics go together, each in [-1, 1]; NaN where one of them is constant.

    Attributes
    ----------
    pearson : float
        Of the values.
    spearman : float
        Of their ranks, equal values sharing their mean rank.
    items : int
        Those that have both.
    """

    pearson: float
    spearman: float
    items: int


def summarize(values: Floats) -> Summary:
    """Summarize values, an array of float of shape (n,)."""
    finite = values[np.isfinite(values)].astype(np.float64)
    five = np.quantile(finite, [0, 0.25, 0.5, 0.75, 1]).tolist() if len(finite) else [float("nan")] * 5
    low, q1, median, q3, high = five
    return Summary(low, q1, median, q3, high, len(finite), len(values) - len(finite))


def box(values: Floats) -> Box | None:
    """Compute the box plot of values, an array of float of shape (n,); None where none is finite."""
    summary = summarize(values)
    if not summary.items:
        return None
    finite = values[np.isfinite(values)].astype(np.float64)
    reach = MODERATE_FENCE * (summary.q3 - summary.q1)
    inside = finite[(finite >= summary.q1 - reach) & (finite <= summary.q3 + reach)]
    # An interpolated quartile may lie beyond all values that are left.
    low, high = min(float(inside.min()), summary.q1), max(float(inside.max()), summary.q3)
    outliers = int(np.count_nonzero((finite < low) | (finite > high)))
    return Box(low, summary.q1, summary.median, summary.q3, high, summary.items, outliers)


def class_counts(classes: Sequence[str | None]) -> list[tuple[str | None, int]]:
    """Count each class, the largest first, equal ones by name; None is a class too, and the last of equal ones."""
    return sorted(Counter(classes).items(), key=lambda pair: (-pair[1], pair[0] is None, pair[0] or ""))


def cross_counts(
    rows: Sequence[str | None],
    columns: Sequence[str | None],
    row_names: Sequence[str | None],
    column_names: Sequence[str | None],
) -> npt.NDArray[np.int64]:
    """Count items by two classes.

    Parameters
    ----------
    rows, columns : sequence of str or None, length n
        The classes of each item.
    row_names, column_names : sequence of str or None, lengths r and c
        Which are counted.

    Returns
    -------
    ndarray of int64, shape (r, c)
    """
    pairs = Counter(zip(rows, columns, strict=True))
    counts = [[pairs[row, column] for column in column_names] for row in row_names]
    return np.array(counts, dtype=np.int64).reshape(len(row_names), len(column_names))


def bin_shares(
    bin_of: npt.NDArray[np.int64],
    bins: int,
    classes: Sequence[str | None],
    names: Sequence[str | None],
) -> npt.NDArray[np.float64]:
    """Compute how each class spreads over bins that all of them share.

    Parameters
    ----------
    bin_of : ndarray of int64, shape (n,)
        Number of the bin of each item, -1 for none, as of ``Bins.assign``.
    bins : int
        How many bins there are, b.
    classes : sequence of str or None, length n
        Class of each item.
    names : sequence of str or None, length c
        Which classes are wanted.

    Returns
    -------
    ndarray of float64, shape (c, b)
        Shares in [0, 1]; a row adds up to 1, or to 0 where the class has no item in a bin.
    """
    number = {name: row for row, name in enumerate(names)}
    codes = np.array([number.get(name, -1) for name in classes], dtype=np.int64)
    known = (codes >= 0) & (bin_of >= 0)
    flat = np.bincount(codes[known] * bins + bin_of[known], minlength=len(names) * bins)
    counts = flat.reshape(len(names), bins).astype(np.float64)
    shares: npt.NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def correlation(x: Floats, y: Floats) -> Correlation:
    """Compute the correlation of two metrics, arrays of float of shape (n,), over the items that have both."""
    both = np.isfinite(x) & np.isfinite(y)
    a, b = x[both].astype(np.float64), y[both].astype(np.float64)
    return Correlation(_pearson(a, b), _pearson(_ranks(a), _ranks(b)), len(a))


def _pearson(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # As scipy.stats.rankdata, the import of which would take far longer than this.
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: npt.NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    ranks: npt.NDArray[np.float64] = means[inverse]
    return ranks


def sampled(rows: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Draw at most ``limit`` of some positions, the same ones every time, in their order."""
    if len(rows) <= limit:
        return rows
    chosen = np.random.default_rng(_SEED).choice(len(rows), limit, replace=False)
    return rows[np.sort(chosen)]

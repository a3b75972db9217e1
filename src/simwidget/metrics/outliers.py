"""Outliers: values far outside what most items have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

MODERATE_FENCE = 1.5  # interquartile ranges beyond the quartiles
SEVERE_FENCE = 2.5


class Range(NamedTuple):
    """A closed interval of values; infinite where there is no limit."""

    low: float
    high: float


class Fences(NamedTuple):
    """Between which values of a metric are no outliers, and no severe ones.

    Attributes
    ----------
    moderate : Range
        Values outside are outliers.
    severe : Range
        Values outside are severe ones.
    """

    moderate: Range
    severe: Range


@dataclass(frozen=True)
class Outliers:
    """How many metrics have an outlying value, by item.

    Attributes
    ----------
    moderate : ndarray of int32, shape (n,)
        Number of metrics of which the item's value is a moderate outlier; severe ones do not count here.
    severe : ndarray of int32, shape (n,)
        Number of metrics of which it is a severe one.
    fences : dict of str to Fences
        By metric.
    """

    moderate: npt.NDArray[np.int32]
    severe: npt.NDArray[np.int32]
    fences: dict[str, Fences]


def iqr_fences(values: npt.NDArray[np.floating]) -> Fences:
    """Compute between which values of a metric are no outliers.

    The fences are at Q1 - f (Q3 - Q1) and Q3 + f (Q3 - Q1), with f = 1.5 (Tukey, "Exploratory Data Analysis",
    1977) for moderate and f = 2.5 (the convention of Encord Active; Tukey has 3) for severe outliers. The
    quartiles Q1 and Q3 of the finite values are interpolated linearly.

    Parameters
    ----------
    values : ndarray of float, shape (n,)

    Returns
    -------
    Fences
        Infinite where Q1 = Q3, or where no value is finite. When half of the items share one value, the
        interquartile range does not tell what is usual, and would make an outlier of all that is not equal.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    low, high = np.quantile(finite, [0.25, 0.75]).tolist() if len(finite) else (0.0, 0.0)
    spread = high - low
    if spread == 0:
        unlimited = Range(-np.inf, np.inf)
        return Fences(unlimited, unlimited)
    moderate, severe = (Range(low - f * spread, high + f * spread) for f in (MODERATE_FENCE, SEVERE_FENCE))
    return Fences(moderate, severe)


def iqr_outliers(values: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
    """Tell outliers by the interquartile range; see :func:`iqr_fences`.

    Parameters
    ----------
    values : ndarray of float, shape (n,)

    Returns
    -------
    ndarray of int8, shape (n,)
        0 for none, 1 for a moderate and 2 for a severe outlier. NaN is never one. Where the interquartile
        range is 0 nothing is one.
    """
    return _beyond(values, iqr_fences(values))


def count_outliers(metrics: Mapping[str, npt.NDArray[np.floating]]) -> Outliers:
    """Count for each item the metrics of which it is an outlier.

    Parameters
    ----------
    metrics : mapping of str to ndarray of float, shape (n,)
        Values by the metric's name; at least one.

    Raises
    ------
    InvalidValueError
        If there is no metric, or one of another length than the first.
    """
    if not metrics:
        raise InvalidValueError("Outliers of what? There is no metric.")
    count = len(next(iter(metrics.values())))
    moderate, severe = np.zeros(count, np.int32), np.zeros(count, np.int32)
    fences = {}
    for name, values in metrics.items():
        if values.shape != (count,):
            raise InvalidValueError(f"The metric {name!r} has shape {values.shape}; it has to be ({count},).")
        fences[name] = iqr_fences(values)
        degree = _beyond(values, fences[name])
        moderate += degree == 1
        severe += degree == 2
    return Outliers(moderate, severe, fences)


def _beyond(values: npt.NDArray[np.floating], fences: Fences) -> npt.NDArray[np.int8]:
    """How many of the two ranges each value is outside of."""
    exact = values.astype(np.float64)  # float32 values would round the fences
    degree = np.zeros(len(values), np.int8)
    for low, high in fences:
        degree += (exact < low) | (exact > high)
    return degree

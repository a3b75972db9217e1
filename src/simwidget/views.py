"""Views: filters, then a sort, as ordered positions of items. Pure numpy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from simwidget.errors import InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]
    Filters = Mapping[str, tuple[float, float]]
    MetricArrays = Mapping[str, npt.NDArray[np.float32]]


def checked_filters(filters: object, metrics: MetricArrays) -> dict[str, tuple[float, float]]:
    """Check filters that came from outside.

    Parameters
    ----------
    filters : mapping
        From names of metrics to (low, high), both included.
    metrics : mapping
        The metrics that exist.

    Raises
    ------
    UnknownNameError
        There is no such metric.
    InvalidValueError
        A range is not two numbers in order.
    """
    if not hasattr(filters, "items"):
        raise InvalidValueError(f'Filters are a dict such as {{"Uniqueness": (0, 0.0001)}}, not {filters!r}.')
    checked = {}
    for name, bounds in filters.items():
        if name not in metrics:
            raise UnknownNameError(f"There is no metric {name!r} to filter by. There are: {', '.join(metrics)}.")
        try:
            low, high = (float(bound) for bound in ([] if isinstance(bounds, str) else bounds))
        except (TypeError, ValueError, OverflowError):
            raise InvalidValueError(
                f"The filter on {name!r} needs two numbers, (low, high), not {bounds!r}."
            ) from None
        if math.isnan(low) or math.isnan(high) or low > high:
            raise InvalidValueError(
                f"The filter on {name!r} runs from {low} to {high}; low has to be at most high."
            )
        checked[name] = (low, high)
    return checked


def filter_rows(count: int, filters: Filters, metrics: MetricArrays) -> Rows:
    """Positions, ascending, of the items within all ranges; NaN is within none."""
    inside = np.ones(count, dtype=bool)
    for name, (low, high) in filters.items():
        values = metrics[name]
        with np.errstate(over="ignore"):
            # In the precision of the values: a bound of 0.3 has to include a stored 0.3.
            bottom, top = values.dtype.type(low), values.dtype.type(high)
        inside &= (values >= bottom) & (values <= top)
    return np.flatnonzero(inside)


def sort_rows(rows: Rows, keys: npt.NDArray[np.floating], ties: Rows, *, descending: bool) -> Rows:
    """Sort positions by a key of all items; equal keys by ``ties`` and then by position, NaN last.

    Parameters
    ----------
    rows : ndarray of int64
        Positions to sort.
    keys, ties : ndarray, shape (n,)
        Of all items.
    descending : bool
        Whether the largest key comes first; ties stay ascending.
    """
    chosen = keys[rows].astype(np.float64)
    missing = np.isnan(chosen)
    order = np.lexsort((rows, ties[rows], -chosen if descending else chosen, missing))
    return rows[order]


def range_label(name: str, low: float, high: float) -> str:
    """Words for a filter, such as "Uniqueness 0 to 0.0001"."""
    return f"{name} {low:.6g} to {high:.6g}"


def name_order(titles: Sequence[str]) -> npt.NDArray[np.float64]:
    """Rank of each title in case-insensitive order, for sorting by name."""
    folded = np.array([title.casefold() for title in titles], dtype=object)
    ranks: npt.NDArray[np.float64] = np.unique(folded, return_inverse=True)[1].astype(np.float64)
    return ranks

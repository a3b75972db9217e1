"""Views: filters, then a sort, as ordered positions of items. Pure numpy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.errors import InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]
    MetricArrays = Mapping[str, npt.NDArray[np.float32]]


_STRIDE = 16_384  # positions looked at in one go


def checked_range(name: str, bounds: Any, metrics: MetricArrays, others: Sequence[str]) -> tuple[float, float]:
    """Check a filter on a metric that came from outside.

    Parameters
    ----------
    name : str
        Of the metric.
    bounds : two numbers
        (low, high), both included.
    metrics : mapping
        The metrics that exist.
    others : sequence of str
        What else there is to filter by, for the message.

    Raises
    ------
    UnknownNameError
        There is no such metric.
    InvalidValueError
        The range is not two numbers in order.
    """
    if name not in metrics:
        known = ", ".join([*metrics, *others])
        raise UnknownNameError(f"There is no metric {name!r} to filter by. There are: {known}.")
    try:
        low, high = (float(bound) for bound in ([] if isinstance(bounds, str) else bounds))
    except (TypeError, ValueError, OverflowError):
        raise InvalidValueError(f"The filter on {name!r} needs two numbers, (low, high), not {bounds!r}.") from None
    if math.isnan(low) or math.isnan(high) or low > high:
        raise InvalidValueError(f"The filter on {name!r} runs from {low} to {high}; low has to be at most high.")
    return low, high


def within_range(values: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.bool_]:
    """Whether each value is within a range, both ends included; NaN is in none."""
    with np.errstate(over="ignore"):
        # In the precision of the values: a bound of 0.3 has to include a stored 0.3.
        bottom, top = values.dtype.type(low), values.dtype.type(high)
    inside: npt.NDArray[np.bool_] = (values >= bottom) & (values <= top)
    return inside


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


def first_inside(order: Rows, inside: npt.NDArray[np.bool_], count: int) -> Rows:
    """Give the first ``count`` positions of an order that are ``inside``, bool of shape (n,); look no further."""
    found: list[int] = []
    for start in range(0, len(order), _STRIDE):
        stretch = order[start : start + _STRIDE]
        found += stretch[inside[stretch]][: count - len(found)].tolist()
        if len(found) == count:
            break
    return np.array(found, dtype=np.int64)


def range_label(name: str, low: float, high: float) -> str:
    """Words for a filter, such as "Uniqueness 0 to 0.0001"."""
    return f"{name} {low:.6g} to {high:.6g}"


def name_order(titles: Sequence[str]) -> npt.NDArray[np.float64]:
    """Rank of each title in case-insensitive order, for sorting by name."""
    folded = np.array([title.casefold() for title in titles], dtype=object)
    ranks: npt.NDArray[np.float64] = np.unique(folded, return_inverse=True)[1].astype(np.float64)
    return ranks

"""Bins of a metric's histogram, and the axis of equal-width bars that they are drawn on. Pure numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_TARGET_BINS = 40
_SMALLEST_SHARE = 1e-9  # of the largest value: smaller ones share a bin on a logarithmic axis


@dataclass(frozen=True)
class Bins:
    """Bins of a metric, drawn as bars of equal width: bar i covers positions i to i + 1.

    Positions, not values, are the horizontal axis, so that a first bin as narrow as [0, 0.0001] is as easy to
    see and to brush as any other.

    Attributes
    ----------
    edges : ndarray of float64, shape (b + 1,)
        Ascending. A value on an inner edge belongs to the bin above it, except that the first bin includes
        its upper edge when ``first_closed``; the last bin always does.
    first_closed : bool
        Whether the first bin is [low, high], as of duplicates, and not [low, high).
    """

    edges: npt.NDArray[np.float64]
    first_closed: bool = False

    @classmethod
    def of(cls, values: npt.NDArray[np.floating], *, first: float | None = None, logarithmic: bool = False) -> Bins:
        """Choose round edges for values.

        Parameters
        ----------
        values : ndarray
            NaN and infinity are left out.
        first : float, optional
            Upper edge of a first bin of its own, which starts at 0.
        logarithmic : bool
            Edges in geometric progression, 1, 2 and 5 times the powers of ten, from the first positive value on;
            what lies below that is one bin.
        """
        finite = values[np.isfinite(values)].astype(np.float64)
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        if first is not None:
            low = 0.0
            high = max(high, 10 * first)
        if high <= low:
            high = low + max(1.0, abs(low) / 100)  # beside a huge value 1.0 would be lost to rounding
        if logarithmic and high > 0:
            smallest = float(finite[finite > 0].min(initial=high)) if first is None else first
            powers = _round_powers(max(smallest, high * _SMALLEST_SHARE), high)
            return cls(np.concatenate([[low], powers]) if low < powers[0] else powers, first is not None)
        step = _round_step((high - low) / _TARGET_BINS)
        start = math.floor(low / step)
        edges = _multiples(np.arange(start, math.floor(high / step) + 2), step)
        if first is not None:
            edges = np.concatenate([[0.0, first], edges[edges > first * (1 + 1e-9)]])
        return cls(edges.astype(np.float64), first is not None)

    def __len__(self) -> int:
        return len(self.edges) - 1

    def assign(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """Find the bin of each value, -1 for NaN and infinity; int64 of the same shape."""
        bins = np.searchsorted(self._lower_edges, values, side="right") - 1
        bins = np.clip(bins, 0, len(self) - 1)
        return np.where(np.isfinite(values), bins, -1).astype(np.int64)

    def count(self, bin_of: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Count the values in each bin, float64 of shape (b,), from what :meth:`assign` gave."""
        # float64: bqplot sends int64 as int32, which wraps
        return np.bincount(bin_of[bin_of >= 0], minlength=len(self)).astype(np.float64)

    @cached_property
    def _lower_edges(self) -> npt.NDArray[np.float32]:
        edges = self.edges[:-1].astype(np.float32)  # the precision of metrics
        if self.first_closed:
            edges[1] = np.nextafter(edges[1], np.float32(np.inf))
        return edges

    def span(self, left: float, right: float) -> tuple[float, float]:
        """Values of a brush between two positions, snapped outward to whole bins.

        A position less than a tenth of a bar inside a bin does not count, since nobody can hit an edge exactly.
        """
        left, right = min(left, right), max(left, right)
        first = min(max(math.floor(left + 0.1), 0), len(self) - 1)
        last = min(max(math.ceil(right - 0.1), first + 1), len(self))
        return float(self.edges[first]), float(self.edges[last])

    def positions(self, low: float, high: float) -> tuple[float, float]:
        """Positions of a range of values, interpolated within bins."""
        low, high = np.interp([low, high], self.edges, np.arange(len(self.edges))).tolist()
        return low, high

    def ticks(self, count: int = 5) -> dict[float, str]:
        """Labels of some edges by position, evenly spread; always the first."""
        first = 1 if self.first_closed else 0
        stride = max(1, -(-(len(self) - first) // count))
        positions = [*([0] if first else []), *range(first, len(self) + 1, stride)]
        if first:
            positions.remove(first)  # too close to the first to be read beside it
        return {float(position): f"{self.edges[position]:.4g}" for position in positions}


def count_ticks(top: int, *, logarithmic: bool) -> list[int]:
    """Round counts from 0 to at most ``top`` to write beside bars: about four, or the powers of ten."""
    if logarithmic:
        return [0, *(10**power for power in range(len(str(top))))]
    step = max(1, round(_round_step(top / 4)))
    return list(range(0, top + 1, step))


def _round_powers(low: float, high: float) -> npt.NDArray[np.float64]:
    """1, 2 and 5 times the powers of ten, from the last at most ``low`` to the first above ``high``."""
    powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.floor(math.log10(high)) + 2)
    edges = (powers[:, None] * [1.0, 2.0, 5.0]).ravel()
    first = max(int(np.searchsorted(edges, low * (1 + 1e-9), side="right")) - 1, 0)
    stop = int(np.searchsorted(edges, high * (1 + 1e-9), side="right")) + 1
    return edges[first:stop]


def _multiples(numbers: npt.NDArray[np.int64], step: float) -> npt.NDArray[np.float64]:
    """Multiples of a step, as the nearest floats: 3 times 0.2 is 0.6, not 0.6000000000000001."""
    inverse = round(1 / step) if step < 1 else 0
    multiples: npt.NDArray[np.float64] = (
        numbers / inverse if inverse and math.isclose(step * inverse, 1) else (numbers * step).astype(np.float64)
    )
    return multiples


def _round_step(raw: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))

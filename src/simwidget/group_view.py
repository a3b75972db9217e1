"""The group view: groups of duplicates row by row, keeper first. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Groups of duplicates, end to end.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Positions of the items: group after group, in each the keeper first, then the others nearest first.
    sizes : ndarray of int64, shape (g,)
        Items of each group; they add up to m.
    distances : ndarray of float32, shape (m,)
        Cosine distance of each item to the keeper of its group, 0 for the keeper.
    """

    rows: Positions
    sizes: Positions
    distances: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Count the groups."""
        return len(self.sizes)

    def split(self) -> list[tuple[int, list[int], list[float]]]:
        """Give each group as its keeper, the other members and their distances to it."""
        rows, distances = self.rows.tolist(), self.distances.tolist()
        ends = np.cumsum(self.sizes).tolist()
        return [
            (rows[start], rows[start + 1 : end], distances[start + 1 : end])
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    @property
    def starts(self) -> Positions:
        """Where each group begins in ``rows``, int64 of shape (g,)."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def keepers(self) -> npt.NDArray[np.bool_]:
        """Whether each of ``rows`` is a keeper, bool of shape (m,)."""
        keepers = np.zeros(len(self.rows), dtype=bool)
        keepers[self.starts] = True
        return keepers

    @property
    def numbers(self) -> Positions:
        """Number of the group that each of ``rows`` is in, int64 of shape (m,)."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def holding(self, row: int) -> Positions:
        """Positions of the group that an item is in, keeper first; empty where it is in none."""
        places = np.flatnonzero(self.rows == row)
        if len(places) == 0:
            return self.rows[:0]
        number = int(np.searchsorted(self.starts, places[0], side="right")) - 1
        start = int(self.starts[number])
        return self.rows[start : start + int(self.sizes[number])]

    def in_view(self, order: Positions, passing: npt.NDArray[np.bool_]) -> Groups:
        """Those groups of which at least one item passes, whole, in the order of their first items.

        Parameters
        ----------
        order : ndarray of int64, shape (n,)
            Positions of all items of the project, in order.
        passing : ndarray of bool, shape (n,)
            By position.
        """
        if len(self) == 0:
            return self
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        first = np.minimum.reduceat(place[self.rows], self.starts)
        chosen = np.flatnonzero(np.logical_or.reduceat(passing[self.rows], self.starts))
        chosen = chosen[np.argsort(first[chosen])]
        sizes = self.sizes[chosen]
        offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        taken = np.repeat(self.starts[chosen], sizes) + offsets
        return Groups(self.rows[taken], sizes, self.distances[taken])

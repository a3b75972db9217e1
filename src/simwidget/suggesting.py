"""What to suggest: a label for chosen items, and copies to tag. Pure numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.metrics.labels import label_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from simwidget.group_view import Groups

    Positions = npt.NDArray[np.int64]


class LabelVotes:
    """The labels that neighbors vote for, to be counted among any of the items.

    Parameters
    ----------
    votes : sequence of str or None
        For each item the label that it rather has, as ``project.suspected_labels``.
    """

    def __init__(self, votes: Sequence[str | None]) -> None:
        self._codes, self._names = label_codes(votes)

    def most_frequent(self, rows: Positions) -> tuple[str, int] | None:
        """Label with the most votes among items by position, the first by name of several, and its votes."""
        codes = self._codes[rows]
        counts = np.bincount(codes[codes >= 0], minlength=len(self._names))
        if not counts.any():
            return None
        best = int(np.argmax(counts))
        return self._names[best], int(counts[best])


def spare_copies(groups: Groups, rows: Positions) -> tuple[Positions, int]:
    """Find those of some items that are in a group of duplicates without being its keeper.

    Parameters
    ----------
    groups : Groups
    rows : ndarray of int64
        Positions of the items.

    Returns
    -------
    spare : ndarray of int64
        Positions, ascending.
    count : int
        Number of groups that they are of.
    """
    inside = np.isin(groups.rows, rows) & ~groups.keepers
    return np.sort(groups.rows[inside]), len(np.unique(groups.numbers[inside]))

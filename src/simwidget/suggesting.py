"""What to suggest: a label for chosen items, and copies to tag. Pure numpy."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from simwidget.metrics.labels import suspected_labels

if TYPE_CHECKING:
    import numpy.typing as npt

    from simwidget.group_view import Groups
    from simwidget.pipeline import Built

    Positions = npt.NDArray[np.int64]


class SuspectCache:
    """The suspected labels of all items, found once for each graph and labels; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: tuple[Built, Positions] | None = None

    def codes(self, built: Built) -> Positions:
        """Codes as of :func:`simwidget.metrics.labels.suspected_labels`."""
        with self._lock:
            before = self._found
            if before is None or before[0].items is not built.items or before[0].graph is not built.graph:
                graph = built.graph
                codes, _ = suspected_labels(graph.indices, graph.distances, built.items.label_codes[0])
                self._found = before = built, codes
            return before[1]


class LabelVotes:
    """The labels that neighbors vote for, to be counted among any of the items.

    Parameters
    ----------
    codes : ndarray of int64, shape (n,)
        For each item the number of the label that it rather has, as ``project.suspected_codes``; -1 for none.
    names : list of str
        The labels, sorted.
    """

    def __init__(self, codes: Positions, names: list[str]) -> None:
        self._codes, self._names = codes, names

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

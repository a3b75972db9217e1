"""What decides which items are in view, and in which order, as a value; and the values before it, to go back to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

_KEPT = 200


@dataclass(frozen=True, eq=False)
class Query:
    """Items that were asked for, in place of those that pass the filters.

    Attributes
    ----------
    label : str
        Words for it, such as "Similar to IMG_0231.jpg".
    ids : tuple of int
        The items whose similar items these are; none where an image from outside or a text was the query.
    rows : ndarray of int64
        Positions of the answer; the nearest first.
    distances : ndarray of float32 or None
        Of the answer; None where it is a plain list of items, which the view sorts.
    asked : mapping
        Arguments of :meth:`simwidget.Project.similar` but for the three below; empty for a plain list.
    k : int
        How many were asked for, at most.
    radius : float or None
        Only items within this distance.
    filtered : bool
        Whether only items that pass the filters were asked for.
    """

    label: str
    ids: tuple[int, ...]
    rows: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32] | None
    asked: Mapping[str, Any] = field(default_factory=dict)
    k: int = 0
    radius: float | None = None
    filtered: bool = False


@dataclass(frozen=True)
class ViewState:
    """What decides which items are in view, and in which order.

    Attributes
    ----------
    filters : dict
        As :func:`simwidget.criteria.checked_filters` gives them.
    off : frozenset of str
        Names of the filters that are switched off.
    sort : str
        A key, with a minus in front when descending.
    mode : str
        "grid" or "groups".
    query : Query or None
        Sets filters and mode aside, and the sort too unless it is a plain list.
    """

    filters: Mapping[str, Any]
    sort: str
    off: frozenset[str] = frozenset()
    mode: str = "grid"
    query: Query | None = None

    @property
    def active(self) -> dict[str, Any]:
        """The filters that are not switched off."""
        return {name: wanted for name, wanted in self.filters.items() if name not in self.off}

    def carried(self, before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> ViewState:
        """The same of other items: of the answer to a query, what is left of it.

        Parameters
        ----------
        before, after : ndarray of int64
            Ids of the items that positions are of, and are to be of, ascending.
        """
        query = self.query
        if query is None:
            return self
        answer = before[query.rows]
        left = np.isin(answer, after)
        ids = np.array(query.ids, dtype=np.int64)
        ids = ids[np.isin(ids, after)]
        query = replace(
            query,
            ids=tuple(ids.tolist()),
            rows=np.searchsorted(after, answer[left]),
            distances=None if query.distances is None else query.distances[left],
            # Of items that are all gone nothing can be asked any more: a list of what they were like.
            asked=query.asked if not query.ids else {"query": ids} if len(ids) else {},
        )
        return replace(self, query=query)


class History:
    """The states before the current one, and those after it that were left by going back."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._before: deque[ViewState] = deque(maxlen=_KEPT)
        self._after: list[ViewState] = []

    def change(self, function: Callable[[ViewState], ViewState]) -> None:
        """Put what a function makes of each state in its place."""
        self._before = deque(map(function, self._before), maxlen=_KEPT)
        self._after = list(map(function, self._after))

    @property
    def can_go_back(self) -> bool:
        """Whether there is a state before."""
        return bool(self._before)

    @property
    def can_go_forward(self) -> bool:
        """Whether going back has left a state."""
        return bool(self._after)

    def leave(self, state: ViewState) -> None:
        """Note a state that another takes the place of."""
        self._before.append(state)
        self._after.clear()

    def back(self, current: ViewState) -> ViewState | None:
        """Give the state before the current one, if there is one."""
        if not self._before:
            return None
        self._after.append(current)
        return self._before.pop()

    def forward(self, current: ViewState) -> ViewState | None:
        """Give the state that was last gone back from, if there is one."""
        if not self._after:
            return None
        self._before.append(current)
        return self._after.pop()

"""The view of a session: filters, then a sort, groups of duplicates, or a similarity query. Knows no Jupyter."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.errors import SimwidgetError, UnknownNameError
from simwidget.views import checked_filters, filter_rows, name_order, range_label, sort_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from simwidget.group_view import Groups
    from simwidget.project import Project

DUPLICATE_THRESHOLD = 1e-4
NAME = "Name"
SIMILARITY = "Similarity"
MODES = ("grid", "groups")
SCORE = "Uniqueness"
_K = 50


class StaleEpochError(SimwidgetError):
    """A range of rows was asked for in an order that is no longer the current one."""


@dataclass(frozen=True)
class Query:
    """A similarity query and its answer.

    Attributes
    ----------
    label : str
        Words for it, such as "Similar to IMG_0231.jpg".
    ids : tuple of int
        The items asked for.
    rows : ndarray of int64
        Positions of the answer, nearest first.
    distances : ndarray of float32
        Of the answer.
    """

    label: str
    ids: tuple[int, ...]
    rows: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32]


class SessionView:
    """The part of :class:`simwidget.session.Session` that decides what is in view, and in which order.

    Parameters
    ----------
    project : Project
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.lock = threading.RLock()
        self.epoch = 1
        self._callbacks: list[Callable[[frozenset[str]], None]] = []
        self._filters: dict[str, tuple[float, float]] = {}
        self._sort = SCORE
        self._mode = "grid"
        self._query: Query | None = None
        self._groups: Groups | None = None  # in view; None outside the group view
        self._sorted_by: tuple[str, npt.NDArray[np.int64]] = ("", np.empty(0, dtype=np.int64))
        self._order()

    @property
    def rows_in_view(self) -> npt.NDArray[np.int64]:
        """Positions of the items in view, in order."""
        return self._rows

    @property
    def count(self) -> int:
        """Items in view."""
        return len(self._rows)

    @property
    def total(self) -> int:
        """Items of the project."""
        return len(self.project)

    @property
    def filters(self) -> dict[str, tuple[float, float]]:
        """Range of each filtered metric, both ends included."""
        return dict(self._filters)

    @property
    def sort(self) -> str:
        """What the view is sorted by: a key, with a minus in front when descending."""
        return SIMILARITY if self._query else self._sort

    @property
    def sort_keys(self) -> list[str]:
        """What the view can be sorted by."""
        return [*self.project.metrics, NAME]

    @property
    def mode(self) -> str:
        """What is shown: "groups" in the group view, else "grid", also while a query sets the group view aside."""
        return "grid" if self._query else self._mode

    @property
    def group_count(self) -> int:
        """Groups in view in the group view; else 0."""
        return len(self._groups) if self._groups else 0

    @property
    def group_threshold(self) -> float:
        """Distance to the keeper up to which items belong to its group in the group view; else 0."""
        return self.duplicate_threshold if self.mode == "groups" else 0.0

    @property
    def duplicate_threshold(self) -> float:
        """Distance up to which items count as duplicates of their keeper.

        The upper end of the filter on Uniqueness, in [0, near-duplicate radius]; 0.0001 without that filter.
        """
        return self._threshold(self._filters)

    def _threshold(self, filters: Mapping[str, tuple[float, float]]) -> float:
        if SCORE not in filters:
            return DUPLICATE_THRESHOLD
        return min(max(filters[SCORE][1], 0.0), self.project.near_duplicate_radius)

    def _find_groups(self, filters: Mapping[str, tuple[float, float]]) -> None:
        """In the group view, find the groups before the lock is taken: rows are answered while that takes."""
        if self._mode == "groups":
            self.project.grouped(self._threshold(filters))

    @property
    def value_name(self) -> str:
        """What the values of rows are."""
        key = self._sort.lstrip("-")
        if self._query:
            return "Distance"
        if self._groups is not None:
            return "Distance to keeper"
        return key if key in self.project.metrics else SCORE

    @property
    def query(self) -> Query | None:
        """The active similarity query."""
        return self._query

    @property
    def query_label(self) -> str:
        """Words for the active similarity query; empty without one."""
        return self._query.label if self._query else ""

    @property
    def filter_label(self) -> str:
        """Words for the filters; empty without one, and while a query sets them aside."""
        if self._query:
            return ""
        filters = _besides_uniqueness(self._filters) if self.mode == "groups" else self._filters
        words = [f"Within {self.duplicate_threshold:g} of the keeper"] if len(filters) < len(self._filters) else []
        return ", ".join([*words, *_in_words(filters)])

    @property
    def status(self) -> dict[str, str]:
        """Whether there is something to show, and if not, why and what to do."""
        if self.count:
            return {"kind": "ready", "message": "", "hint": ""}
        failed = self.project.failed if self.total == 0 else []
        if failed:
            return {
                "kind": "empty",
                "message": "No readable images",
                "hint": f"{len(failed):,} files could not be read; project.failed lists them. "
                f"The first: {failed[0].path.name}: {failed[0].reason}.",
            }
        if self.total == 0:
            return {"kind": "empty", "message": "No images", "hint": "The project holds no image."}
        if self._query:
            return {"kind": "empty", "message": "No similar images", "hint": "The project holds no other image."}
        if self._groups is not None:
            return {"kind": "empty", "message": "No duplicates", "hint": self._no_groups_hint()}
        return {
            "kind": "empty",
            "message": "No image matches the filter",
            "hint": f"None of {self.total:,} images has {self.filter_label}.",
        }

    def _no_groups_hint(self) -> str:
        threshold, radius = self.duplicate_threshold, self.project.near_duplicate_radius
        others = _in_words(_besides_uniqueness(self._filters))
        which = f"No image with {', '.join(others)}" if others else "No image"
        ways = ["leave the group view"]
        if others:
            ways.insert(0, "remove a filter")
        if threshold < radius:
            ways.insert(0, f"let the filter on {SCORE} reach higher (up to {radius:g})")
        return f"{which} is within {threshold:g} of another. To see more, {' or '.join(ways)}."

    def set_filters(self, filters: Mapping[str, Any]) -> None:
        """Replace all filters, and leave a similarity query.

        Raises
        ------
        UnknownNameError, InvalidValueError
            See ``views.checked_filters``; nothing changes then.
        """
        checked = checked_filters(filters, self.project.metrics)
        self._find_groups(checked)
        with self.lock:
            changed = {"view", "filters"} | ({"query", "sort"} if self._query else set())
            self._filters, self._query = checked, None
            self._reorder()
        self._notify(changed)

    def set_mode(self, mode: str) -> None:
        """Show the groups of duplicates row by row ("groups"), or all items in view ("grid").

        In the group view a group is in view, whole, when one of its items at the least passes the filters other
        than that on Uniqueness, whose upper end is the threshold instead; see ``duplicate_threshold``. Groups come
        in the order of their first items by the current sort; in each the keeper is first, then those nearest to
        it. A similarity query is left for them.

        Raises
        ------
        UnknownNameError
            There is no such mode.
        """
        if mode not in MODES:
            raise UnknownNameError(f"There is no mode {mode!r}. Modes: {', '.join(MODES)}.")
        if mode == "groups":
            self.project.grouped(self.duplicate_threshold)  # see _find_groups
        with self.lock:
            if self.mode == mode:
                self._mode = mode
                return
            changed = {"view"} | ({"query", "sort", "filters"} if self._query else set())
            self._mode, self._query = mode, None
            self._reorder()
        self._notify(changed)

    def clear_filters(self) -> None:
        """Remove all filters."""
        self.set_filters({})

    def set_sort(self, sort: str) -> None:
        """Sort by a key of ``sort_keys``, descending with a minus in front; leaves a similarity query.

        Raises
        ------
        UnknownNameError
            There is no such key.
        """
        with self.lock:
            if not isinstance(sort, str) or sort.removeprefix("-") not in self.sort_keys:
                raise UnknownNameError(f"The view cannot be sorted by {sort!r}. Keys: {', '.join(self.sort_keys)}.")
            changed = {"view", "sort"} | ({"query"} if self._query else set())
            self._sort, self._query = sort, None
            self._reorder()
        self._notify(changed)

    def similar_to(self, ids: Sequence[int], k: int = _K, label: str = "") -> None:
        """Show the items most like some items, nearest first; filters are set aside until that is left.

        Parameters
        ----------
        ids : sequence of int
        k : int
            How many, at most.
        label : str
            Words for what is asked; default the file name, or the number of items.
        """
        rows = self.project.rows(np.asarray(ids, dtype=np.int64))
        found = self.project.similar(self.project.ids[rows], k)
        if not label:
            label = self.project.title(int(rows[0])) if len(rows) == 1 else f"{len(rows):,} images"
        query = Query(
            f"Similar to {label}", tuple(int(i) for i in ids), self.project.rows(found.ids), found.distances
        )
        with self.lock:
            self._query = query
            self._reorder()
        self._notify({"view", "query", "sort", "filters"})

    def clear_query(self) -> None:
        """Leave the similarity query and go back to filters and sort."""
        with self.lock:
            if self._query is None:
                return
            self._query = None
            self._reorder()
        self._notify({"view", "query", "sort", "filters"})

    def _reorder(self) -> None:
        self._order()
        self.epoch += 1

    def _order(self) -> None:
        """Put the items in view in order."""
        if self._query:
            self._rows, self._groups = self._query.rows, None
            return
        in_groups = self._mode == "groups"
        filters = _besides_uniqueness(self._filters) if in_groups else self._filters
        inside = np.zeros(self.total, dtype=bool)
        inside[filter_rows(self.total, filters, self.project.metrics)] = True
        order = self._sorted(self._sort)
        if in_groups:
            groups = self.project.grouped(self.duplicate_threshold)[1].in_view(order, inside)
            self._rows, self._groups = groups.rows, groups
        else:
            self._rows, self._groups = order[inside[order]], None

    def _sorted(self, sort: str) -> npt.NDArray[np.int64]:
        """All items in order; kept for the current sort, so that a brush only has to filter it."""
        if self._sorted_by[0] != sort:
            key = sort.removeprefix("-")
            keys = self._names if key == NAME else self.project.metrics[key]
            everything = np.arange(self.total)
            order = sort_rows(everything, keys, self.project.graph.groups, descending=sort.startswith("-"))
            self._sorted_by = (sort, order)
        return self._sorted_by[1]

    @cached_property
    def _names(self) -> npt.NDArray[np.float64]:
        return name_order([self.project.title(row) for row in range(self.total)])

    def _check_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise StaleEpochError(f"The view is at epoch {self.epoch}, not {epoch}.")

    # Changes

    def on_change(self, callback: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call back after every change, in the thread that made it, with the names of what changed.

        Names are "view", "filters", "sort", "query", "selection", "tags" and "metrics" (there are other metrics or
        values). Returns what ends that.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def _notify(self, changed: set[str]) -> None:
        for callback in list(self._callbacks):
            callback(frozenset(changed))


def _besides_uniqueness(filters: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    return {name: bounds for name, bounds in filters.items() if name != SCORE}


def _in_words(filters: Mapping[str, tuple[float, float]]) -> list[str]:
    return [range_label(name, *bounds) for name, bounds in filters.items()]

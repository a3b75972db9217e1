"""The view of a session: filters, then a sort, groups of duplicates, or a similarity query. Knows no Jupyter."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.bins import Bins
from simwidget.criteria import Masks, checked_filters, in_words
from simwidget.duplicates import DUPLICATE_THRESHOLD
from simwidget.errors import InvalidValueError, SimwidgetError, UnknownNameError
from simwidget.observers import listen
from simwidget.view_state import History, Query, ViewState
from simwidget.views import first_inside, name_order, sort_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import numpy.typing as npt

    from simwidget.group_view import Groups
    from simwidget.project import Project

NAME = "Name"
DATE = "Date"
SIMILARITY = "Similarity"
MODES = ("grid", "groups")
SCORE = "Uniqueness"
NEIGHBORS = 50  # how many similar items are shown at first
FIRST = 16  # items that most first screens hold


def metric_bins(name: str, values: npt.NDArray[np.floating], *, logarithmic: bool = False) -> Bins:
    """Choose the bins of a metric; those of Uniqueness begin with one for the duplicates."""
    return Bins.of(values, first=DUPLICATE_THRESHOLD if name == SCORE else None, logarithmic=logarithmic)


class StaleEpochError(SimwidgetError):
    """A range of rows was asked for in an order that is no longer the current one."""


class SessionView:
    """The part of :class:`simwidget.session.Session` that decides what is in view, and in which order.

    Parameters
    ----------
    project : Project
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.lock = project.lock  # the project's, so that its items cannot be others than those in view
        self.epoch = 1
        self._callbacks: list[Callable[[frozenset[str]], None]] = []
        self._state = ViewState({}, SCORE)
        self._history = History()
        self._masks = Masks(project, len(project))
        self._groups: Groups | None = None  # in view; None outside the group view
        self.expected: list[int] = []
        self._sorted_by: tuple[str, npt.NDArray[np.int64]] = ("", np.empty(0, dtype=np.int64))

    @property
    def rows_in_view(self) -> npt.NDArray[np.int64]:
        """Positions of the items in view, in order; those who look items up by them hold ``lock`` meanwhile."""
        return self._rows

    @property
    def ids_in_view(self) -> npt.NDArray[np.int64]:
        """Ids of the items in view, in order."""
        with self.lock:
            return self.project.ids[self._rows]

    @property
    def count(self) -> int:
        """Items in view."""
        return len(self._rows)

    @property
    def total(self) -> int:
        """Items of the project."""
        return len(self.project)

    @property
    def filters(self) -> dict[str, Any]:
        """All filters by name, also those switched off; see ``criteria.checked_filters``."""
        return dict(self._state.filters)

    @property
    def filters_off(self) -> frozenset[str]:
        """Names of the filters that are switched off."""
        return self._state.off

    @property
    def active_filters(self) -> dict[str, Any]:
        """The filters that are not switched off."""
        return self._state.active

    @property
    def sort(self) -> str:
        """What the view is sorted by: a key, with a minus in front when descending."""
        return SIMILARITY if self._is_similarity else self._state.sort

    @property
    def underlying_sort(self) -> str:
        """What the view is sorted by once a similarity query is left."""
        return self._state.sort

    @property
    def sort_keys(self) -> list[str]:
        """What the view can be sorted by."""
        return [*self.project.metrics, NAME, DATE]

    @property
    def missing_count(self) -> int:
        """Items in view that lack what the view is sorted by; they come last."""
        values = self.project.metrics.get(self._state.sort.removeprefix("-"))
        if values is None or self._is_similarity:
            return 0
        return int(np.count_nonzero(np.isnan(values[self._rows])))

    @property
    def mode(self) -> str:
        """What is shown: "groups" in the group view, else "grid", also while a query sets the group view aside."""
        return "grid" if self._state.query else self._state.mode

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
        return self._threshold(self._state)

    def _threshold(self, state: ViewState) -> float:
        bounds = state.active.get(SCORE)
        if bounds is None:
            return DUPLICATE_THRESHOLD
        return min(max(float(bounds[1]), 0.0), self.project.near_duplicate_radius)

    @property
    def _is_similarity(self) -> bool:
        return self._state.query is not None and self._state.query.distances is not None

    @property
    def value_name(self) -> str:
        """What the values of rows are."""
        key = self._state.sort.removeprefix("-")
        if self._is_similarity:
            return "Distance"
        if self._groups is not None:
            return "Distance to keeper"
        return key if key in self.project.metrics else SCORE

    @property
    def query(self) -> Query | None:
        """The active similarity query, or list of items."""
        return self._state.query

    @property
    def query_label(self) -> str:
        """Words for the active query; empty without one."""
        return self._state.query.label if self._state.query else ""

    @property
    def filter_label(self) -> str:
        """Words for the filters; empty without one, and while a query sets them aside."""
        if self._state.query:
            return ""
        filters = self._state.active
        if self.mode != "groups" or SCORE not in filters:
            return _listed(filters)
        words = [f"Within {self.duplicate_threshold:g} of the keeper", _listed(_besides(SCORE, filters))]
        return ", ".join(filter(None, words))

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
        if self._state.query:
            return {
                "kind": "empty",
                "message": "No similar images",
                "hint": self._no_answer_hint(self._state.query),
            }
        if self._groups is not None:
            return {"kind": "empty", "message": "No duplicates", "hint": self._no_groups_hint()}
        return {
            "kind": "empty",
            "message": "No image matches the filter",
            "hint": f"None of {self.total:,} images has {self.filter_label}.",
        }

    def _no_answer_hint(self, query: Query) -> str:
        if query.filtered or query.radius is not None:
            near = "" if query.radius is None else f" within {query.radius:g}"
            passing = " that passes the filters" if query.filtered else ""
            return f"There is no other image{near}{passing}."
        return "The project holds no other image."

    def _no_groups_hint(self) -> str:
        threshold, radius = self.duplicate_threshold, self.project.near_duplicate_radius
        others = _listed(_besides(SCORE, self._state.active))
        which = f"No image with {others}" if others else "No image"
        ways = ["leave the group view"]
        if others:
            ways.insert(0, "remove a filter")
        if threshold < radius:
            ways.insert(0, f"let the filter on {SCORE} reach higher (up to {radius:g})")
        return f"{which} is within {threshold:g} of another. To see more, {' or '.join(ways)}."

    def passing(self, *, besides: str | None = None) -> npt.NDArray[np.bool_]:
        """Whether each item passes the active filters, bool of shape (n,); one of them may be left out."""
        with self.lock:
            filters = self._state.active
            return self._masks.passing(filters if besides is None else _besides(besides, filters))

    def expect(self, inside: npt.NDArray[np.bool_]) -> None:
        """Say which items are perhaps in view next, bool of shape (n,), so that what comes first can be made ready.

        Observers are told of "expected" where others come first than did before.
        """
        with self.lock:
            if self._state.mode == "groups" or len(inside) != self.total:  # or other items came meanwhile
                return
            first = self.project.ids[first_inside(self._sorted(self._state.sort), inside, FIRST)].tolist()
            if first == self.expected:
                return
            self.expected = first
        self._notify({"expected"})

    # Changes of the view

    def set_filters(self, filters: Mapping[str, Any], off: Collection[str] = ()) -> None:
        """Replace all filters, and leave a query.

        Parameters
        ----------
        filters : mapping
            See :func:`simwidget.criteria.checked_filters`.
        off : collection of str
            Names of those that are switched off.

        Raises
        ------
        UnknownNameError, InvalidValueError
            See ``criteria.checked_filters``; nothing changes then.
        """
        checked = checked_filters(filters, self.project)
        self._change(filters=checked, off=frozenset(off) & checked.keys(), query=None)

    def set_filter(self, name: str, wanted: Any) -> None:
        """Set one filter and switch it on; the others stay. Raises as :meth:`set_filters`."""
        self.set_filters({**self.filters, name: wanted}, self.filters_off - {name})

    def clear_filters(self) -> None:
        """Remove all filters."""
        self.set_filters({})

    def set_mode(self, mode: str) -> None:
        """Show the groups of duplicates row by row ("groups"), or all items in view ("grid").

        In the group view a group is in view, whole, when one of its items at the least passes the filters other
        than that on Uniqueness, whose upper end is the threshold instead; see ``duplicate_threshold``. Groups come
        in the order of their first items by the current sort; in each the keeper is first, then those nearest to
        it. A query is left for them.

        Raises
        ------
        UnknownNameError
            There is no such mode.
        """
        if self.mode != _checked_mode(mode):
            self._change(mode=mode, query=None)
            return
        with self.lock:
            self._state = replace(self._state, mode=mode)  # for when the query is left

    def set_sort(self, sort: str) -> None:
        """Sort by a key of ``sort_keys``, descending with a minus in front; leaves a similarity query.

        Raises
        ------
        UnknownNameError
            There is no such key.
        """
        self._change(sort=self._checked_sort(sort), query=None if self._is_similarity else self._state.query)

    def show(
        self, *, filters: Mapping[str, Any] | None = None, sort: str | None = None, mode: str | None = None
    ) -> None:
        """Change several of filters, sort and mode at once, and leave a query; None leaves one as it is.

        Raises
        ------
        UnknownNameError, InvalidValueError
            As the methods for each; nothing changes then.
        """
        changes: dict[str, Any] = {"query": None}
        if filters is not None:
            changes |= {"filters": checked_filters(filters, self.project), "off": frozenset()}
        if sort is not None:
            changes["sort"] = self._checked_sort(sort)
        if mode is not None:
            changes["mode"] = _checked_mode(mode)
        self._change(**changes)

    def _checked_sort(self, sort: str) -> str:
        if not isinstance(sort, str) or sort.removeprefix("-") not in self.sort_keys:
            raise UnknownNameError(f"The view cannot be sorted by {sort!r}. Keys: {', '.join(self.sort_keys)}.")
        return sort

    @property
    def can_go_back(self) -> bool:
        """Whether the view was another before."""
        return self._history.can_go_back

    @property
    def can_go_forward(self) -> bool:
        """Whether there is a view that was gone back from."""
        return self._history.can_go_forward

    def back(self) -> None:
        """Show what was shown before."""
        self._travel(self._history.back)

    def forward(self) -> None:
        """Show what was last gone back from."""
        self._travel(self._history.forward)

    def _travel(self, step: Callable[[ViewState], ViewState | None]) -> None:
        with self.lock:
            before = self._state
            found = step(before)
            if found is None:
                return
            self._state = self._mended(found)
        self._find_groups(self._state)
        with self.lock:
            self._reorder()
        self._notify(_changed(before, self._state))

    def _mended(self, state: ViewState) -> ViewState:
        """Without what the project no longer has."""
        known = {name: wanted for name, wanted in state.filters.items() if self._is_known(name, wanted)}
        sort = state.sort if state.sort.removeprefix("-") in self.sort_keys else SCORE
        return replace(state, filters=known, off=state.off & known.keys(), sort=sort)

    def _is_known(self, name: str, wanted: Any) -> bool:
        try:
            checked_filters({name: wanted}, self.project)
        except UnknownNameError:
            return False
        return True

    def _change(self, of: object = None, **changes: Any) -> None:
        """Put something else in view, which can be gone back from.

        Parameters
        ----------
        of : ndarray, optional
            The embeddings whose positions are among the changes.
        **changes : Any
            Attributes of :class:`ViewState`.

        Raises
        ------
        InvalidValueError
            The project has other embeddings now.
        """
        self._find_groups(replace(self._state, **changes))
        with self.lock:
            if of is not None and of is not self.project.embeddings:
                raise InvalidValueError("The images of the project have changed meanwhile. Ask once more.")
            before, self._state = self._state, replace(self._state, **changes)
            if before == self._state:
                return
            self._history.leave(before)
            self._reorder()
        self._notify(_changed(before, self._state))

    def _find_groups(self, state: ViewState) -> None:
        """In the group view, find the groups before the lock is taken: rows are answered while that takes."""
        if state.mode == "groups" and state.query is None:
            self.project.grouped(self._threshold(state))

    def _reorder(self) -> None:
        self._order()
        self.epoch += 1

    def _order(self) -> None:
        """Put the items in view in order."""
        state, self._groups = self._state, None
        if state.query is not None:
            if state.query.distances is not None:
                self._rows = state.query.rows
                return
            inside = np.zeros(self.total, dtype=bool)
            inside[state.query.rows] = True
        else:
            in_groups = state.mode == "groups"
            inside = self._masks.passing(_besides(SCORE, state.active) if in_groups else state.active)
        order = self._sorted(state.sort)
        if state.query is None and in_groups:
            self._groups = self.project.grouped(self.duplicate_threshold)[1].in_view(order, inside)
            self._rows = self._groups.rows
        else:
            self._rows = order[inside[order]]

    def _sorted(self, sort: str) -> npt.NDArray[np.int64]:
        """All items in order; kept for the current sort, so that a brush only has to filter it."""
        if self._sorted_by[0] != sort:
            everything = np.arange(self.total)
            keys = self._keys(sort.removeprefix("-"))
            order = sort_rows(everything, keys, self.project.graph.groups, descending=sort.startswith("-"))
            self._sorted_by = (sort, order)
        return self._sorted_by[1]

    def _keys(self, key: str) -> npt.NDArray[np.floating]:
        if key in self.project.metrics:
            return self.project.metrics[key]
        return self._names if key == NAME else self.project.modified.astype(np.float64)

    @cached_property
    def _names(self) -> npt.NDArray[np.float64]:
        return name_order([self.project.title(row) for row in range(self.total)])

    def _check_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise StaleEpochError(f"The view is at epoch {self.epoch}, not {epoch}.")

    # Observers

    def on_change(self, callback: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call back after every change, in the thread that made it, with the names of what changed.

        Names are "view", "filters", "sort", "query", "selection", "tags", "labels", "history" (of actions),
        "metrics" (there are other metrics or values), "groups" (those of duplicates can be counted now) and
        "expected". Returns what ends that.
        """
        return listen(self._callbacks, callback)

    def _notify(self, changed: set[str]) -> None:
        for callback in list(self._callbacks):
            callback(frozenset(changed))


def _checked_mode(mode: str) -> str:
    if mode not in MODES:
        raise UnknownNameError(f"There is no mode {mode!r}. Modes: {', '.join(MODES)}.")
    return mode


def _changed(before: ViewState, after: ViewState) -> set[str]:
    """Names of what differs between two states; a query sets sort and filters aside, which so are others."""
    changed = {"view"}
    if before.query is not after.query:
        changed |= {"query", "sort", "filters"}
    if (before.filters, before.off) != (after.filters, after.off):
        changed.add("filters")
    if before.sort != after.sort:
        changed.add("sort")
    return changed


def _besides(name: str, filters: Mapping[str, Any]) -> dict[str, Any]:
    return {other: wanted for other, wanted in filters.items() if other != name}


def _listed(filters: Mapping[str, Any]) -> str:
    return ", ".join(in_words(name, wanted) for name, wanted in filters.items())

"""What a person does with a project: view, selection, similarity query and tags. Knows nothing of Jupyter.

Several front ends of one session stay in step, because all of them read it and are told when it changes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.errors import InvalidValueError, SimwidgetError, UnknownNameError
from simwidget.names import checked_tag
from simwidget.views import checked_filters, filter_rows, name_order, range_label, sort_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from simwidget.project import Project

DUPLICATE_THRESHOLD = 1e-4
NAME = "Name"
SIMILARITY = "Similarity"
_K = 50


class StaleEpochError(SimwidgetError):
    """A range of rows was asked for in an order that is no longer the current one."""


@dataclass(frozen=True)
class Rows:
    """A range of the view, as columns of equal length.

    Attributes
    ----------
    ids : ndarray of int64
    names : list of str
        File names, fit to show.
    values : ndarray of float64
        Of the current metric, or distances while a similarity query is active; NaN where missing.
    labels : list of str or None
    tags : list of list of str
    selected : ndarray of bool
    colors : ndarray of uint8, shape (n, 3)
        Mean RGB.
    group : ndarray of int32
        How many other items are duplicates of this one (within 0.0001).
    """

    ids: npt.NDArray[np.int64]
    names: list[str]
    values: npt.NDArray[np.float64]
    labels: list[str | None]
    tags: list[list[str]]
    selected: npt.NDArray[np.bool_]
    colors: npt.NDArray[np.uint8]
    group: npt.NDArray[np.int32]


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


class Session:
    """The state behind an Explorer or Gallery; every method may be called from any thread.

    Parameters
    ----------
    project : Project

    Attributes
    ----------
    epoch : int
        Changes whenever the order of the view changes.
    revision : int
        Changes whenever what rows show (selection, tags) changes while the order stays.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.lock = threading.RLock()
        self.epoch = 1
        self.revision = 1
        self._filters: dict[str, tuple[float, float]] = {}
        self._sort = "Uniqueness"
        self._query: Query | None = None
        self._ids, self._selected = project.ids, np.zeros(len(project), dtype=bool)
        self._callbacks: list[Callable[[frozenset[str]], None]] = []
        self._labels = project.labels
        self._sorted_by: tuple[str, npt.NDArray[np.int64]] = ("", np.empty(0, dtype=np.int64))
        self._load_tags()
        self._rows = self._ordered()
        self._stop_watching = project.on_change(self._project_changed)

    def close(self) -> None:
        """Stop watching the project."""
        self._stop_watching()

    # View

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
    def value_name(self) -> str:
        """What the values of rows are."""
        key = self._sort.lstrip("-")
        if self._query:
            return "Distance"
        return key if key in self.project.metrics else "Uniqueness"

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
        return ", ".join(range_label(name, *bounds) for name, bounds in self._filters.items())

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
        return {
            "kind": "empty",
            "message": "No image matches the filter",
            "hint": f"None of {self.total:,} images has {self.filter_label}.",
        }

    def set_filters(self, filters: Mapping[str, Any]) -> None:
        """Replace all filters, and leave a similarity query.

        Raises
        ------
        UnknownNameError, InvalidValueError
            See ``views.checked_filters``; nothing changes then.
        """
        with self.lock:
            checked = checked_filters(filters, self.project.metrics)
            changed = {"view", "filters"} | ({"query", "sort"} if self._query else set())
            self._filters, self._query = checked, None
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
        self._rows = self._ordered()
        self.epoch += 1

    def _ordered(self) -> npt.NDArray[np.int64]:
        if self._query:
            return self._query.rows
        inside = np.zeros(self.total, dtype=bool)
        inside[filter_rows(self.total, self._filters, self.project.metrics)] = True
        order = self._sorted(self._sort)
        return order[inside[order]]

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

    # Rows

    def rows(self, epoch: int, start: int, stop: int) -> Rows:
        """Rows of the view from ``start`` up to but without ``stop``.

        Raises
        ------
        StaleEpochError
            The order has changed since ``epoch``.
        """
        with self.lock:
            if epoch != self.epoch:
                raise StaleEpochError(f"The view is at epoch {self.epoch}, not {epoch}.")
            rows = self._rows[start:stop]
            values = (
                self._query.distances[start:stop] if self._query else self.project.metrics[self.value_name][rows]
            )
            ids = self.project.ids[rows]
            return Rows(
                ids=ids,
                names=[self.project.title(row) for row in rows.tolist()],
                values=values.astype(np.float64),
                labels=[self._labels[row] for row in rows.tolist()],
                tags=[list(self._tags_of.get(item, ())) for item in ids.tolist()],
                selected=self._selected[rows],
                colors=self.project.mean_colors[rows],
                group=self._duplicate_counts[rows],
            )

    def thumbnails(self, ids: Sequence[int]) -> list[bytes | None]:
        """JPEG thumbnails by id; None where there is none."""
        return self.project.thumbnails(ids)

    @cached_property
    def _duplicate_counts(self) -> npt.NDArray[np.int32]:
        graph = self.project.graph
        copies = np.bincount(graph.groups, minlength=1)[graph.groups] - 1 if self.total else np.empty(0)
        near = np.count_nonzero(graph.distances <= DUPLICATE_THRESHOLD, axis=1)
        counts: npt.NDArray[np.int32] = np.maximum(copies, near).astype(np.int32)
        return counts

    # Selection

    @property
    def selection_count(self) -> int:
        """Selected items, in view or not."""
        return int(np.count_nonzero(self._selected))

    @property
    def selection_in_view(self) -> int:
        """Selected items in view."""
        return int(np.count_nonzero(self._selected[self._rows]))

    @property
    def selected_ids(self) -> list[int]:
        """Ids of the selected items: those in view in its order, then the others by id."""
        with self.lock:
            return self.in_view_order(self.project.ids[self._selected].tolist())

    def select(self, op: str, *, ids: Iterable[int] = (), start: int = 0, stop: int = 0) -> None:
        """Change the selection.

        Parameters
        ----------
        op : str
            "set", "add", "remove" or "toggle" the items ``ids``; add the "range" of the view from ``start`` to
            without ``stop``; add "all" items in view; select "none"; or "invert" within the view.
        """
        with self.lock:
            before = self._selected.copy()
            if op in ("set", "add", "remove", "toggle"):
                rows = self.project.rows(np.array(list(ids), dtype=np.int64))
                if op == "set":
                    self._selected[:] = False
                self._selected[rows] = ~self._selected[rows] if op == "toggle" else op != "remove"
            elif op == "range":
                self._selected[self._rows[start:stop]] = True
            elif op == "all":
                self._selected[self._rows] = True
            elif op == "none":
                self._selected[:] = False
            elif op == "invert":
                self._selected[self._rows] ^= True
            else:
                raise InvalidValueError(f"There is no way to select {op!r}.")
            changed = not np.array_equal(before, self._selected)
            self.revision += changed
        if changed:
            self._notify({"selection"})

    # Tags

    @property
    def tag_counts(self) -> list[tuple[str, int]]:
        """Name and number of items of each tag, by name."""
        return [(name, len(ids)) for name, ids in self._tags.items()]

    @property
    def tags(self) -> dict[str, list[int]]:
        """Ids of the items of each tag."""
        return self._tags

    def tag_selected(self, name: str) -> int:
        """Put a tag on the selected items; returns how many did not have it.

        Raises
        ------
        InvalidValueError
            Nothing is selected, or the name is none (``names.checked_tag``).
        """
        return self.project.tag(self._needed_selection("tag"), checked_tag(name))

    def untag_selected(self, name: str) -> int:
        """Take a tag off the selected items; returns how many had it."""
        return self.project.untag(self._needed_selection("untag"), checked_tag(name))

    def _needed_selection(self, what: str) -> npt.NDArray[np.int64]:
        ids = self.project.ids[self._selected]
        if len(ids) == 0:
            raise InvalidValueError(f"Nothing is selected to {what}. Select images first.")
        return ids

    def _project_changed(self, what: frozenset[str]) -> None:
        changed = set(what & {"tags", "metrics"})
        with self.lock:
            if "embeddings" in what:
                self._query = None  # its distances are those of other embeddings
                self._load_items()
                changed |= {"query", "filters", "sort", "selection", "tags"}
            if "tags" in what or "embeddings" in what:
                self._load_tags()
            if "metrics" in what:
                metrics = self.project.metrics
                self._filters = {name: bounds for name, bounds in self._filters.items() if name in metrics}
                if self._sort.removeprefix("-") not in self.sort_keys:
                    self._sort = "Uniqueness"
                changed |= {"filters", "sort"}
                self._sorted_by = ("", np.empty(0, dtype=np.int64))
                self.__dict__.pop("_duplicate_counts", None)
                rows = self._ordered()
                if "embeddings" in what or not np.array_equal(rows, self._rows):
                    self._rows, changed = rows, changed | {"view"}
                    self.epoch += 1
            self.revision += 1
        self._notify(changed)

    def _load_items(self) -> None:
        """Follow the project to other items, which other embeddings may have; what is selected stays so by id."""
        if not np.array_equal(self._ids, self.project.ids):
            self._selected = np.isin(self.project.ids, self._ids[self._selected])
            self._ids, self._labels = self.project.ids, self.project.labels
            self.__dict__.pop("_names", None)

    def _load_tags(self) -> None:
        self._tags = self.project.tagged_ids()
        self._tags_of: dict[int, list[str]] = {}
        for name, ids in self._tags.items():
            for item in ids:
                self._tags_of.setdefault(item, []).append(name)

    def in_view_order(self, ids: Sequence[int]) -> list[int]:
        """Sort ids: those in view in its order, then the others by id."""
        rows = self.project.rows(np.asarray(ids, dtype=np.int64))
        place = np.full(self.total, self.count, dtype=np.int64)
        place[self._rows] = np.arange(self.count)
        order = np.lexsort((rows, place[rows]))
        return [int(item) for item in self.project.ids[rows[order]]]

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

"""What a person does with a project: view, selection, similarity query and tags. Knows nothing of Jupyter.

Several front ends of one session stay in step, because all of them read it and are told when it changes.
"""

from __future__ import annotations

import math
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from simwidget.criteria import LABEL, SUSPECTED, TAG
from simwidget.duplicates import DUPLICATE_THRESHOLD, duplicate_counts
from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.imaging import UnreadableImageError
from simwidget.inspection import MAX_OTHERS, Details, LargeImage, details, large_image, shown
from simwidget.metrics.labels import labels_of
from simwidget.names import checked_tag
from simwidget.session_search import SessionSearch
from simwidget.session_view import StaleEpochError
from simwidget.threads import ThreadPool
from simwidget.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from simwidget.group_view import Groups
    from simwidget.project import Project

_AT_ONCE = 20_000  # items whose groups of duplicates are found in less than 0.1 s
# A threshold, and the number of the group by it that each item is in without being the keeper, -1 for none.
_NO_GROUPS = (math.nan, np.empty(0, dtype=np.int64))

__all__ = ["DUPLICATE_THRESHOLD", "Rows", "Session", "StaleEpochError"]


@dataclass(frozen=True)
class Rows:
    """A range of the view, as columns of equal length.

    Attributes
    ----------
    ids : ndarray of int64
    names : list of str
        File names, fit to show.
    values : ndarray of float64
        Of the current metric, NaN where missing; distances while a similarity query is active, and in the group
        view those to the keeper of the group.
    labels : list of str or None
    tags : list of list of str
    selected : ndarray of bool
    colors : ndarray of uint8, shape (n, 3)
        Mean RGB.
    group : ndarray of int32
        How many other items are duplicates of this one (within 0.0001).
    keeper : ndarray of bool
        Whether each is the keeper of its group, in the group view; else False.
    suspected : list of str or None, or None
        Labels that the neighbors vote for, while the filter on suspected labels is on; else None.
    """

    ids: npt.NDArray[np.int64]
    names: list[str]
    values: npt.NDArray[np.float64]
    labels: list[str | None]
    tags: list[list[str]]
    selected: npt.NDArray[np.bool_]
    colors: npt.NDArray[np.uint8]
    group: npt.NDArray[np.int32]
    keeper: npt.NDArray[np.bool_]
    suspected: list[str | None] | None


class Session(SessionSearch):
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
    expected : list of int
        Ids of what comes first in the view that is perhaps the next; see :meth:`expect`.
    """

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.revision = 1
        self._group_of = _NO_GROUPS
        self._findings = 0  # how often that had to be found anew
        # One thread for all: several at once would only wait for one another, and the reading of images for them.
        self._slow = ThreadPool(1, thread_name_prefix="simwidget-later")
        self._untold: set[str] = set()  # what changed when the items were exchanged, until observers are told
        with self.lock:
            self._ids, self._selected = project.ids, np.zeros(len(project), dtype=bool)
            self._load_labels()
            self._load_tags()
            self._order()
            self._stops = [
                project.on_exchange(self._items_exchanged),
                project.on_change(self._project_changed),
            ]

    def close(self) -> None:
        """Stop following the project, which nothing reads any more then."""
        for stop in self._stops:
            stop()
        self._slow.shutdown(cancel_futures=True)

    def later(self, job: Callable[[], None]) -> None:
        """Run what takes long, after what was asked for before, in a thread; not once the session is closed."""
        with suppress(RuntimeError):
            self._slow.submit(job)

    def settle(self) -> None:
        """Wait until all of that is done that was asked for so far."""
        with suppress(RuntimeError, CancelledError):
            self._slow.submit(lambda: None).result()

    # Rows

    def rows(self, epoch: int, start: int, stop: int) -> Rows:
        """Rows of the view from ``start`` up to but without ``stop``.

        Raises
        ------
        StaleEpochError
            The order has changed since ``epoch``.
        """
        with self.lock:
            self._check_epoch(epoch)
            rows = self._rows[start:stop]
            keeper = np.zeros(len(rows), dtype=bool)
            query = self._state.query
            if query is not None and query.distances is not None:
                values = query.distances[start:stop]
            elif self._groups is not None:
                values, keeper = self._groups.distances[start:stop], self._groups.keepers[start:stop]
            else:
                values = self.project.metrics[self.value_name][rows]
            ids, names = self.project.ids[rows], self._label_names
            suspected = None
            if SUSPECTED in self._state.active:
                suspected = labels_of(self.project.suspected_codes()[1][rows], names)
            return Rows(
                ids=ids,
                names=[self.project.title(row) for row in rows.tolist()],
                values=values.astype(np.float64),
                labels=labels_of(self._label_codes[rows], names),
                tags=[list(self._tags_of.get(item, ())) for item in ids.tolist()],
                selected=self._selected[rows],
                colors=self.project.mean_colors[rows],
                group=duplicate_counts(self.project.graph, self._copies, rows),
                keeper=keeper,
                suspected=suspected,
            )

    def group_sizes(self, epoch: int, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Number of items of the groups in view from ``start`` up to but without ``stop``; none in a grid.

        Raises
        ------
        StaleEpochError
            The order has changed since ``epoch``.
        """
        with self.lock:
            self._check_epoch(epoch)
            return np.empty(0, dtype=np.int64) if self._groups is None else self._groups.sizes[start:stop]

    def details(self, item: int) -> Details:
        """Tell all that is known of an item, named by id; see :func:`simwidget.inspection.details`."""
        self.project.grouped(self.duplicate_threshold)  # before the lock is taken: it can take long at first
        with self.lock:
            (row,) = self.project.rows(np.array([item])).tolist()
            tags, is_selected = self._tags_of.get(item, []), bool(self._selected[row])
            in_view = self._rows[self._selected[self._rows]]
            others = self._selected.copy()
            others[self._rows] = False
            selected = self.project.ids[[*in_view[: MAX_OTHERS + 1], *np.flatnonzero(others)[: MAX_OTHERS + 1]]]
            threshold = self.duplicate_threshold
            return details(
                self.project, item, threshold, tags=tags, selected=selected.tolist(), is_selected=is_selected
            )

    def image(self, item: int, side: int) -> LargeImage:
        """Read the image of an item, named by id, its longer side at most ``side`` pixels and in all 1 MB.

        Raises
        ------
        UnreadableImageError
            With the name of the file and the reason.
        """
        try:
            return large_image(self.project.file(item), side)
        except UnreadableImageError as error:
            (row,) = self.project.rows(item).tolist()
            raise UnreadableImageError(f"{self.project.title(row)}: {error}") from error

    def thumbnails(self, ids: Sequence[int]) -> list[bytes | None]:
        """JPEG thumbnails by id; None where there is none."""
        return self.project.thumbnails(ids)

    @cached_property
    def _copies(self) -> npt.NDArray[np.int64]:
        """Number of items of each group of copies."""
        return np.bincount(self.project.graph.groups)

    def tally(self, rows: npt.NDArray[np.int64]) -> tuple[int | None, int]:
        """Count what some items, by position, amount to.

        Returns
        -------
        groups : int or None
            Groups of duplicates that one of them is in without being the keeper, by the threshold of the view, or
            within 0.0001 where :attr:`counts_groups` is not set. Among many items they are found in a thread first;
            None until observers are told of "groups".
        size : int
            Bytes of their files.
        """
        with self.lock:
            size = int(self.project.file_sizes[rows].sum())
            threshold = self.duplicate_threshold if self.counts_groups else DUPLICATE_THRESHOLD
            if threshold != self._group_of[0] and self.total <= _AT_ONCE:
                self._group_of = threshold, _group_numbers(self.total, self.project.grouped(threshold)[1])
            if threshold != self._group_of[0]:
                self.later(partial(self._find_groups_of, self._findings, threshold))
                return None, size
            groups = self._group_of[1][rows]
        return len(np.unique(groups[groups >= 0])), size

    @property
    def counts_groups(self) -> bool:
        """Whether the groups by the threshold of the view can be counted whenever that changes.

        Among many items that takes seconds, in which a brush would have to wait: not unless they are in view.
        """
        return self.total <= _AT_ONCE or self.mode == "groups" or self.duplicate_threshold == DUPLICATE_THRESHOLD

    def _find_groups_of(self, findings: int, threshold: float) -> None:
        """Find the group of every item, unless that was done or something has changed since it was asked for."""
        if findings != self._findings or self._group_of[0] == threshold:
            return
        built, groups = self.project.grouped(threshold)
        numbers = _group_numbers(len(built.items.ids), groups)
        with self.lock:
            if findings != self._findings:
                return
            self._group_of = threshold, numbers
        self._notify({"groups"})

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
            ids: list[int] = self.project.ids[self.selected_rows].tolist()
            return ids

    def select(self, op: str, *, ids: Iterable[int] = ()) -> None:
        """Change the selection.

        Parameters
        ----------
        op : str
            "set", "add", "remove" or "toggle" the items ``ids``; add "all" items in view; of the group view select
            the "extras" and no keeper; select "none"; or "invert" within the view.

        Raises
        ------
        UnknownNameError
            There is no such item.
        InvalidValueError
            There is no such way to select, or it is not for this view.
        """
        with self.lock:
            before = self._selected.copy()
            if op in ("set", "add", "remove", "toggle"):
                rows = self.project.rows(np.array(list(ids), dtype=np.int64))
                if op == "set":
                    self._selected[:] = False
                self._selected[rows] = ~self._selected[rows] if op == "toggle" else op != "remove"
            elif op == "all":
                self._selected[self._rows] = True
            elif op == "extras":
                if self._groups is None:
                    raise InvalidValueError("Only the group view tells the extras from the images to keep.")
                self._selected[self._rows] = ~self._groups.keepers
            elif op == "none":
                self._selected[:] = False
            elif op == "invert":
                self._selected[self._rows] ^= True
            else:
                raise InvalidValueError(f"There is no way to select {op!r}.")
            changed = self._selection_changed(before)
        if changed:
            self._notify({"selection"})

    def select_ranges(self, epoch: int, ranges: Sequence[tuple[int, int]], *, replace: bool = False) -> None:
        """Select ranges of view positions, each from a start up to but without a stop, in any order.

        Parameters
        ----------
        epoch : int
            Of the order that the positions are of.
        ranges : sequence of (int, int)
            What lies past the end of the view selects nothing.
        replace : bool
            Whether what was selected before is not any more.

        Raises
        ------
        StaleEpochError
            The order has changed since ``epoch``.
        """
        with self.lock:
            self._check_epoch(epoch)
            before = self._selected.copy()
            if replace:
                self._selected[:] = False
            # Where ranges begin and end: the running sum is the number of ranges that a position is in.
            starts, stops = np.minimum(np.array(ranges, dtype=np.int64).reshape(-1, 2), self.count).T
            edges = np.bincount(starts, minlength=self.count + 1) - np.bincount(stops, minlength=self.count + 1)
            self._selected[self._rows[np.cumsum(edges[:-1]) > 0]] = True
            changed = self._selection_changed(before)
        if changed:
            self._notify({"selection"})

    def _selection_changed(self, before: npt.NDArray[np.bool_]) -> bool:
        """Count a change of the selection, where there is one."""
        changed = not np.array_equal(before, self._selected)
        self.revision += changed
        return changed

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
        return self._change_tag(self.project.tag, "tag", name)

    def untag_selected(self, name: str) -> int:
        """Take a tag off the selected items; returns how many had it."""
        return self._change_tag(self.project.untag, "untag", name)

    def keep(self, item: int) -> None:
        """Make an item the keeper of its group of duplicates; see :meth:`simwidget.Project.keep`.

        Raises
        ------
        InvalidValueError
            It is in no group.
        """
        self.project.keep(item, self.duplicate_threshold)

    def _change_tag(self, change: Callable[[npt.NDArray[np.int64], str], int], what: str, name: str) -> int:
        name = checked_tag(name)
        with self.lock:
            ids = self.project.ids[self._selected]
        if len(ids) == 0:
            raise InvalidValueError(f"Nothing is selected to {what}. Select images first.")
        try:
            return change(ids, name)
        except UnknownNameError as error:
            raise InvalidValueError(
                f"Some of the {counted(len(ids), 'image')} to {what} have just been deleted. Try again."
            ) from error

    def _items_exchanged(self, what: frozenset[str]) -> None:
        """Follow the project before anybody can look at its new items by their old positions."""
        self._untold |= self._follow(what)

    def _project_changed(self, what: frozenset[str]) -> None:
        if "metrics" in what:
            self._find_groups(self._state)
        with self.lock:
            changed = set(what & {"tags", "labels", "metrics", "history"}) | self._untold | self._follow(what)
            self._untold = set()
        self._notify(changed)

    def _follow(self, what: frozenset[str]) -> set[str]:
        """Bring everything that is kept here in line with the project; returns what changed, for observers."""
        changed: set[str] = set()
        self._masks.forget(len(self.project))
        if "embeddings" in what:  # which the distances in queries are not of
            self._state = replace(self._state, query=None)
            self._history.clear()
        are_others = not np.array_equal(self._ids, self.project.ids)
        if are_others:
            self._load_items()
        if are_others or "embeddings" in what:
            changed |= {"query", "filters", "sort", "selection", "tags"}
        if "labels" in what:
            self._load_labels()
        if "tags" in what:
            self._load_tags()
        if "metrics" in what:
            self._state = self._mended(self._state)
            changed |= {"filters", "sort"}
            self._sorted_by = ("", np.empty(0, dtype=np.int64))
            self._group_of = _NO_GROUPS
            self._findings += 1
            self.__dict__.pop("_copies", None)
        if "metrics" in what or self._is_filtered_by(what):
            rows = self._rows
            self._order()
            # The same rows are the same groups: two keepers are farther apart than the threshold.
            if are_others or "embeddings" in what or not np.array_equal(rows, self._rows):
                changed |= {"view"}
                self.epoch += 1
        self.revision += 1
        return changed

    def _is_filtered_by(self, what: frozenset[str]) -> bool:
        names = {"tags": {TAG}, "labels": {LABEL, SUSPECTED}}
        return any(self._state.active.keys() & names.get(change, set()) for change in what)

    def _load_items(self) -> None:
        """Follow the project to other items; what is selected, and the answers to queries, stay so by id."""
        before, after = self._ids, self.project.ids
        self._ids, self._selected = after, np.isin(after, before[self._selected])
        self._state = self._state.carried(before, after)
        self._history.change(lambda state: state.carried(before, after))
        self.__dict__.pop("_names", None)

    def _load_labels(self) -> None:
        self._label_codes, names = self.project.label_codes
        self._label_names = [shown(name) for name in names]

    def _load_tags(self) -> None:
        self._tags = self.project.tagged_ids()
        self._tags_of: dict[int, list[str]] = {}
        for name, ids in self._tags.items():
            for item in ids:
                self._tags_of.setdefault(item, []).append(name)

    def in_view_order(self, ids: Sequence[int]) -> list[int]:
        """Sort ids: those in view in its order, then the others by id."""
        with self.lock:
            rows = self.project.rows(np.asarray(ids, dtype=np.int64))
            place = np.full(self.total, self.count, dtype=np.int64)
            place[self._rows] = np.arange(self.count)
            order = np.lexsort((rows, place[rows]))
            return [int(item) for item in self.project.ids[rows[order]]]

    @property
    def selected_rows(self) -> npt.NDArray[np.int64]:
        """Positions of the selected items: those in view in its order, then the others ascending."""
        with self.lock:
            others = self._selected.copy()
            in_view = self._rows[others[self._rows]]
            others[self._rows] = False
            return np.concatenate([in_view, np.flatnonzero(others)])


def _group_numbers(count: int, groups: Groups) -> npt.NDArray[np.int64]:
    """Number of the group that each of some items is in without being the keeper, -1 for none."""
    numbers = np.full(count, -1, dtype=np.int64)
    numbers[groups.rows[~groups.keepers]] = groups.numbers[~groups.keepers]
    return numbers

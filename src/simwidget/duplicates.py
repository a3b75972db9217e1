"""Groups of duplicates: a keeper, and what lies within a threshold of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, SupportsIndex, overload

import numpy as np

from simwidget.group_view import Groups
from simwidget.imaging import are_mirrored
from simwidget.neighbors import pair_distances, row_distances, within_radius

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    from simwidget.neighbor_graph import NeighborGraph
    from simwidget.pipeline import Built
    from simwidget.store import ItemTable

Reason = Literal["same bytes", "same pixels", "near", "mirrored"]
REASONS: tuple[Reason, ...] = ("same bytes", "same pixels", "near", "mirrored")
DUPLICATE_THRESHOLD = 1e-4  # cosine distance up to which images count as duplicates unless it is said
_CACHED = 8  # thresholds


@dataclass(frozen=True)
class DuplicateGroup:
    """An image and those that can go because it stays.

    Attributes
    ----------
    keeper : Path
        The image that ranks best for keeping.
    duplicates : list of Path
        The others, nearest to the keeper first.
    distances : list of float
        Cosine distance of each duplicate to the keeper.
    reasons : list of str
        Why each duplicate is one: ``"same bytes"``, ``"same pixels"``, ``"near"`` or ``"mirrored"``.
    keeper_id : int
    duplicate_ids : list of int
    sizes : list of int
        Bytes of the file of each duplicate.
    """

    keeper: Path
    duplicates: list[Path]
    distances: list[float]
    reasons: list[Reason]
    keeper_id: int
    duplicate_ids: list[int]
    sizes: list[int]

    @property
    def bytes_freed(self) -> int:
        """Bytes that the files of the duplicates take."""
        return sum(self.sizes)

    @property
    def reason(self) -> Reason:
        """The weakest of the reasons, in the order in which they are listed above."""
        return max(self.reasons, key=REASONS.index)

    def __len__(self) -> int:
        """Count the images, the keeper included."""
        return 1 + len(self.duplicates)


class DuplicateGroups(list[DuplicateGroup]):
    """What :meth:`Project.duplicates` returns: a list of groups, largest first; a slice of it is one too."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> DuplicateGroup: ...
    @overload
    def __getitem__(self, index: slice) -> DuplicateGroups: ...
    def __getitem__(self, index: SupportsIndex | slice) -> DuplicateGroup | DuplicateGroups:
        """One group, or several as what :meth:`Project.duplicates` returns."""
        found = super().__getitem__(index)
        return DuplicateGroups(found) if isinstance(found, list) else found

    @property
    def bytes_freed(self) -> int:
        """Bytes that the files of all duplicates take; each file counts once."""
        return sum({i: s for group in self for i, s in zip(group.duplicate_ids, group.sizes, strict=True)}.values())

    def to_pandas(self) -> pd.DataFrame:
        """One row a duplicate: group, keeper, duplicate, distance, reason, bytes and the ids of both."""
        import pandas as pd

        rows = [
            (number, group.keeper, *member, group.keeper_id)
            for number, group in enumerate(self)
            for member in zip(
                group.duplicates, group.distances, group.reasons, group.sizes, group.duplicate_ids, strict=True
            )
        ]
        columns = ["group", "keeper", "duplicate", "distance", "reason", "bytes", "duplicate_id", "keeper_id"]
        table: pd.DataFrame = pd.DataFrame(rows, columns=columns)
        return table


def group_duplicates(
    graph: NeighborGraph,
    vectors: npt.NDArray[np.float32],
    rank: npt.NDArray[np.int64],
    threshold: float,
    *,
    within: npt.NDArray[np.bool_] | None = None,
    across: npt.NDArray[np.int64] | None = None,
    distinct: npt.NDArray[np.int64] | None = None,
) -> list[tuple[int, list[int], list[float]]]:
    """Group items so that every member is within ``threshold`` of its keeper; no chaining.

    Items are visited from the best for keeping; one that belongs to no group yet becomes a keeper and takes
    all items within the threshold that belong to none yet.

    With ``across`` the groups are of pairs instead: an item has with it all worse-ranked items of other parts
    within the threshold, whatever other groups they are in. So each such pair is in exactly one group, except
    that of the copies of an image in one part only the best has a group.

    Parameters
    ----------
    graph : NeighborGraph
        Of the items.
    vectors : ndarray of float32, shape (n, d)
        Unit rows; asked where the graph does not reach as far as the threshold.
    rank : ndarray of int64, shape (n,)
        Rank for keeping, 0 the best.
    threshold : float
        Cosine distance in [0, 1].
    within : ndarray of bool, shape (n,), optional
        Only these items are looked at.
    across : ndarray of int64, shape (n,), optional
        Part of each item, such as its split; -1 for those in none, which are left out.
    distinct : ndarray of int64, shape (p, 2), optional
        Pairs of positions that are never keeper and member of one group.

    Returns
    -------
    list of (keeper, members, distances)
        Positions of a keeper and of its duplicates, these by distance and then rank; best keeper first.
        Groups have at least one duplicate.
    """
    if graph.indices.shape[1] == 0:
        return []
    near = _Near(graph, vectors, rank, threshold)
    free = np.ones(len(rank), dtype=bool) if within is None else within.copy()
    if across is not None:
        free &= across >= 0
    apart: dict[int, list[int]] = {}
    for a, b in [] if distinct is None else distinct.tolist():
        apart.setdefault(a, []).append(b)
        apart.setdefault(b, []).append(a)
    by_rank = np.argsort(rank, kind="stable")
    by_rank = by_rank[(free & near.any)[by_rank]]
    found = []
    if across is not None:
        codes = graph.groups[by_rank] * (across.max(initial=0) + 1) + across[by_rank]
        for item in by_rank[np.sort(np.unique(codes, return_index=True)[1])].tolist():
            allowed = free & (across != across[item]) & (rank > rank[item])
            allowed[apart.get(item, [])] = False
            members, distances = near.to(item, allowed)
            if members:
                found.append((item, members, distances))
        return found
    for item in by_rank.tolist():
        if free[item]:
            free[item] = False
            others = [other for other in apart.get(item, []) if free[other]]
            free[others] = False
            members, distances = near.to(item, free)
            free[others] = True
            if members:
                free[members] = False
                found.append((item, members, distances))
    return found


class GroupCache:
    """Groups of duplicates among all items, found once for each threshold; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._built: Built | None = None
        self._found: dict[float, Groups] = {}

    def groups(
        self, built: Built, threshold: float, distinct: Callable[[], npt.NDArray[np.int64]] | None = None
    ) -> Groups:
        """Groups as of :func:`group_duplicates`, best keeper first; another build than before is searched anew.

        ``distinct`` is asked for its pairs only where they are searched.
        """
        with self._lock:
            if built is not self._built:
                self._built, self._found = built, {}
            if threshold not in self._found:
                pairs = None if distinct is None else distinct()
                found = group_duplicates(built.graph, built.embeddings, built.rank, threshold, distinct=pairs)
                if len(self._found) == _CACHED:
                    del self._found[next(iter(self._found))]
                self._found[threshold] = Groups.of(found)
            return self._found[threshold]

    def forget(self) -> None:
        """Forget what was found, as after a change of which pairs are distinct."""
        with self._lock:
            self._built = None


def item_distances(
    graph: NeighborGraph, vectors: npt.NDArray[np.float32], row: int, others: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Cosine distances of other items to one, float32 of the shape of ``others``; those of its copies are 0."""
    stand_ins = graph.stand_ins[graph.groups]
    return row_distances(vectors, stand_ins[others], np.full(len(others), stand_ins[row]))


def duplicate_reasons(
    items: ItemTable, row: int, others: Sequence[int], thumbnails: Callable[[Sequence[int]], list[bytes | None]]
) -> list[Reason]:
    """Why items are duplicates of one of their group.

    Parameters
    ----------
    items : ItemTable
    row : int
        Position of the one.
    others : sequence of int
        Positions of the others.
    thumbnails : callable
        Gives thumbnails by id; called only where the hashes do not tell.
    """
    pixels = items.pixels[row]
    reasons: list[Reason] = ["same pixels" if pixels and pixels == items.pixels[r] else "near" for r in others]
    for place in np.flatnonzero(items.content[others] == items.content[row]).tolist():
        reasons[place] = "same bytes"
    near = [place for place, reason in enumerate(reasons) if reason == "near"]
    if near:
        one, *rest = thumbnails(items.ids[[row, *(others[place] for place in near)]].tolist())
        for place, mirrored in zip(near, are_mirrored(one, rest), strict=True):
            if mirrored:
                reasons[place] = "mirrored"
    return reasons


class _Near:
    """Finds all items within a threshold of an item.

    Attributes
    ----------
    any : ndarray of bool, shape (n,)
        Whether there may be any.
    """

    def __init__(
        self,
        graph: NeighborGraph,
        vectors: npt.NDArray[np.float32],
        rank: npt.NDArray[np.int64],
        threshold: float,
    ) -> None:
        self._groups, self._rank, self._threshold = graph.groups, rank, threshold
        # Of a memory-mapped array every single row costs more to take than to compare.
        self._indices, self._vectors = np.asarray(graph.indices), np.asarray(vectors)
        self._stand_in = graph.stand_ins[graph.groups]
        self._near: npt.NDArray[np.bool_] = np.less_equal(np.asarray(graph.distances), threshold)
        self._counts = np.count_nonzero(self._near, axis=1)
        # An edge that only the other end lists (its row had more room) counts as well.
        listing, columns = np.nonzero(self._near)
        listed = self._indices[listing, columns]
        self._listing = _Lists(listed, listing, len(rank))
        self._members = _Lists(graph.groups, np.arange(len(rank)), len(graph.stand_ins))
        self.any = self._counts > 0
        self.any[listed] = True

    def to(self, item: int, allowed: npt.NDArray[np.bool_]) -> tuple[list[int], list[float]]:
        """Positions and distances of the allowed items within the threshold, by distance and then rank."""
        groups, stand_in = self._groups, self._stand_in
        if self._counts[item] == self._near.shape[1]:  # the graph does not reach as far as the threshold
            reached = within_radius(self._vectors, int(stand_in[item]), self._threshold)
            others = reached[stand_in[reached] == reached]
        else:
            others = np.append(self._indices[item][self._near[item]], self._listing[item])
        near_groups = {int(groups[item]), *groups[others].tolist()}
        found = np.concatenate([self._members[group] for group in near_groups])
        found = found[allowed[found]]
        distances = pair_distances(self._vectors[stand_in[found]], self._vectors[stand_in[item]])
        found, distances = found[distances <= self._threshold], distances[distances <= self._threshold]
        order = np.lexsort((self._rank[found], distances))
        return found[order].tolist(), distances[order].tolist()


class _Lists:
    """Lists of values by key, end to end; keys are 0 to ``count`` - 1."""

    def __init__(self, keys: npt.NDArray[np.integer], values: npt.NDArray[np.int64], count: int) -> None:
        self._values = values[np.argsort(keys, kind="stable")]
        self._ends = np.cumsum(np.bincount(keys, minlength=count)).tolist()

    def __getitem__(self, key: int) -> npt.NDArray[np.int64]:
        return self._values[self._ends[key - 1] if key else 0 : self._ends[key]]

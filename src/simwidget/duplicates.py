"""Groups of duplicates: a keeper, and what lies within a threshold of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, overload

import numpy as np

from simwidget.group_view import Groups
from simwidget.imaging import are_mirrored
from simwidget.neighbors import pair_distances, row_distances, within_radius

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
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
) -> Groups:
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
    Groups
        Best keeper first; the other members by distance and then rank, at least one in each group.
    """
    near = _Near(graph, vectors, threshold)
    inside = np.ones(len(rank), dtype=bool) if within is None else within.copy()
    if across is not None:
        inside &= across >= 0
    apart: dict[int, list[int]] = {}
    for a, b in [] if distinct is None else distinct.tolist():
        apart.setdefault(a, []).append(b)
        apart.setdefault(b, []).append(a)
    by_rank = np.argsort(rank, kind="stable")
    by_rank = by_rank[(inside & near.any)[by_rank]]
    if across is not None:
        codes = graph.groups[by_rank] * (across.max(initial=0) + 1) + across[by_rank]
        by_rank = by_rank[np.sort(np.unique(codes, return_index=True)[1])]
    # Of numbers and lists of them alone: among a million items, arrays of three would take most of the time to be
    # made, and a list for each group would have Python look through the whole memory for garbage every so often.
    free, ranks, parts = bytearray(inside.tobytes()), rank.tolist(), None if across is None else across.tolist()
    rows: list[int] = []
    sizes: list[int] = []
    distances: list[float] = []
    for item in by_rank.tolist():
        if parts is None and not free[item]:
            continue
        place, others = ranks[item], apart.get(item, ())
        members = sorted(
            (distance, ranks[other], other)
            for distance, other in near.to(item)
            if free[other]
            and other != item
            and other not in others
            and (parts is None or (parts[other] != parts[item] and ranks[other] > place))
        )
        if parts is None:
            free[item] = False
            for _, _, member in members:
                free[member] = False
        if members:
            rows += [item, *(member for _, _, member in members)]
            distances += [0.0, *(distance for distance, _, _ in members)]
            sizes.append(1 + len(members))
    return Groups(np.array(rows, np.int64), np.array(sizes, np.int64), np.array(distances, np.float32))


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
                self._found[threshold] = found
            return self._found[threshold]

    def forget(self) -> None:
        """Forget what was found, as after a change of which pairs are distinct."""
        with self._lock:
            self._built = None


def duplicate_counts(
    graph: NeighborGraph, copies: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Count for a few items how many others are within ``DUPLICATE_THRESHOLD``, as far as the graph lists them.

    Parameters
    ----------
    graph : NeighborGraph
    copies : ndarray of int64, shape (g,)
        Number of items of each group of copies.
    rows : ndarray of int64, shape (m,)
        Positions of the items.

    Returns
    -------
    ndarray of int32, shape (m,)
    """
    own = graph.groups[rows]
    indices, distances = graph.indices[rows], graph.distances[rows]
    places, columns = np.nonzero(distances <= DUPLICATE_THRESHOLD)
    # Groups of copies, each once: a row may list several of one, and each stands for all of them.
    pairs = np.unique(places * len(copies) + graph.groups[indices[places, columns]])
    places, groups = np.divmod(pairs, max(len(copies), 1))
    others = groups != own[places]
    near = np.bincount(places[others], weights=copies[groups[others]], minlength=len(rows))
    counts: npt.NDArray[np.int32] = (copies[own] - 1 + near).astype(np.int32)
    return counts


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

    def __init__(self, graph: NeighborGraph, vectors: npt.NDArray[np.float32], threshold: float) -> None:
        # Of a memory-mapped array every single row costs more to take than to compare.
        indices, distances = np.asarray(graph.indices), np.asarray(graph.distances)
        self._vectors, self._threshold = np.asarray(vectors), threshold
        self._groups = np.asarray(graph.groups)
        self._stand_in = np.asarray(graph.stand_ins)[self._groups]
        is_near = distances <= threshold
        # Where the graph does not reach as far as the threshold, all vectors are asked instead.
        self._is_cut_off: npt.NDArray[np.bool_] = np.all(is_near, axis=1)
        # An edge that only the other end lists (its row had more room) counts as well.
        listing, columns = np.nonzero(is_near)
        listed, near = indices[listing, columns], distances[listing, columns]
        ends, others = np.concatenate([listing, listed]), np.concatenate([listed, listing])
        self.any = np.zeros(len(indices), dtype=bool)
        self.any[ends] = True
        needed = ~self._is_cut_off[ends]
        self._edges = _Lists(ends[needed], len(indices))
        self._edge_groups = self._edges.arrange(self._groups[others[needed]])
        self._edge_distances = self._edges.arrange(np.tile(near, 2)[needed])
        self._copies = _Lists(self._groups, len(graph.stand_ins))
        self._members = self._copies.arrange(np.arange(len(indices))).tolist()

    def to(self, item: int) -> Iterator[tuple[float, int]]:
        """Distances and positions of all items within the threshold of one, that itself included; in no order."""
        for group, distance in self._groups_near(item).items():
            for other in self._members[self._copies.slice(group)]:
                yield distance, other

    def _groups_near(self, item: int) -> dict[int, float]:
        """Distance of each group of copies within the threshold of an item, its own included."""
        if self._is_cut_off[item]:
            stand_in = int(self._stand_in[item])
            reached = within_radius(self._vectors, stand_in, self._threshold)
            reached = reached[self._stand_in[reached] == reached]
            distances = pair_distances(self._vectors[reached], self._vectors[stand_in]).tolist()
            groups = self._groups[reached].tolist()
        else:
            edges = self._edges.slice(item)
            groups, distances = self._edge_groups[edges].tolist(), self._edge_distances[edges].tolist()
        return {**dict(zip(groups, distances, strict=True)), int(self._groups[item]): 0.0}


class _Lists:
    """Lists by key, end to end; keys are 0 to ``count`` - 1."""

    def __init__(self, keys: npt.NDArray[np.integer], count: int) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._ends = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))]).tolist()

    def arrange(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Put values, one for each key that was given, where :meth:`slice` finds them."""
        return values[self._order]

    def slice(self, key: int) -> slice:
        """Where the values of a key are."""
        return slice(self._ends[key], self._ends[key + 1])

"""The neighbor graph: what it holds, its file, and how copies are put back into it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]
    Indices = npt.NDArray[np.int32]

N_NEIGHBORS = 20


class Recall(NamedTuple):
    """How much of the true neighbor graph an approximate one holds, measured on a sample by exact search.

    A neighbor counts as found when it is no farther than the true one of its place, since ties have no order.

    Attributes
    ----------
    first : float
        Share of the sample whose nearest neighbor was found, in [0, 1].
    ten : float
        Share of the 10 nearest neighbors that were found (of fewer, where there are fewer).
    sample : int
        How many items were searched exactly; 0 for an exact graph.
    """

    first: float
    ten: float
    sample: int


EXACT = Recall(1.0, 1.0, 0)


@dataclass(frozen=True)
class GroupGraph:
    """The nearest other groups of every group of copies, from which a :class:`NeighborGraph` is made.

    Attributes
    ----------
    indices : ndarray of int32, shape (g, min(k, g - 1))
        Numbers of the groups, nearest first.
    distances : ndarray of float32, shape (g, min(k, g - 1))
        Cosine distances in [0, 1] of the vectors that stand for the groups, ascending in every row.
    method : str
        ``"exact"`` or ``"pynndescent"``.
    recall : Recall
    """

    indices: Indices
    distances: Vectors
    method: str
    recall: Recall = EXACT


@dataclass(frozen=True)
class NeighborGraph:
    """The k nearest other items of every item.

    Copies (items at distance 0 for certain: same bytes, same pixels or equal vectors) are collapsed, so
    that they never crowd real neighbors out: an item lists one of its own copies first, the best for
    keeping, and of every other group of copies only the best. Where fewer than k entries exist that
    way, further copies fill up the row. Copies need not have equal vectors: that of one of them stands for
    its group in every distance.

    Attributes
    ----------
    indices : ndarray of int32, shape (n, k)
        Positions of the neighbors in the embeddings, nearest first; never the item itself.
    distances : ndarray of float32, shape (n, k)
        Cosine distances in [0, 1], ascending in every row.
    groups : ndarray of int64, shape (n,)
        Number of the group of copies that each item belongs to.
    stand_ins : ndarray of int64, shape (g,)
        Position of the item whose vector stands for each group, by number of the group.
    method : str
        ``"exact"`` or ``"pynndescent"``.
    recall : Recall
        Measured when the graph was built.
    """

    indices: Indices
    distances: Vectors
    groups: npt.NDArray[np.int64]
    stand_ins: npt.NDArray[np.int64]
    method: str
    recall: Recall = EXACT

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph to one ``.npz`` file, which numpy alone can read.

        Parameters
        ----------
        path : str or PathLike
            Written as it is named; what was there is replaced once the new file is complete.
        """
        target = Path(path)
        temporary = target.with_name(f"{target.name}.tmp")
        try:
            with temporary.open("wb") as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    indices=self.indices,
                    distances=self.distances,
                    groups=self.groups,
                    stand_ins=self.stand_ins,
                    method=np.array(self.method),
                    recall=np.array(self.recall, dtype=np.float64),
                )
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NeighborGraph:
        """Read a graph that :meth:`save` wrote.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        InvalidValueError
            The file holds no neighbor graph, or one that contradicts itself.
        """
        with Path(path).open("rb") as opened:
            try:
                with np.load(opened, allow_pickle=False) as file:
                    arrays = [file[name] for name in ("indices", "distances", "groups", "stand_ins")]
                    first, ten, sample = file["recall"].tolist()
                    method = str(file["method"])
            except Exception as error:  # zipfile and numpy raise almost anything on damaged bytes
                raise InvalidValueError(
                    f"{os.fspath(path)!r} holds no neighbor graph, as project.graph.save(path) writes it."
                ) from error
        indices, distances, groups, stand_ins = arrays
        graph = cls(indices, distances, groups, stand_ins, method, Recall(first, ten, int(sample)))
        problem = graph._problem()
        if problem:
            raise InvalidValueError(f"The neighbor graph in {os.fspath(path)!r} is damaged: {problem}.")
        return graph

    def _problem(self) -> str | None:
        """Say what is wrong with arrays that came from outside."""
        arrays = (self.indices, self.distances, self.groups, self.stand_ins)
        types = [array.dtype.str for array in arrays]
        if types != ["<i4", "<f4", "<i8", "<i8"]:
            return f"its arrays have the types {', '.join(types)}"
        if self.indices.ndim != 2 or self.indices.shape != self.distances.shape:
            return f"its arrays have the shapes {self.indices.shape} and {self.distances.shape}"
        count = len(self.indices)
        if self.groups.shape != (count,) or self.indices.shape[1] > max(count - 1, 0):
            return f"{self.indices.shape[1]} neighbors and {self.groups.shape} groups do not fit {count} items"
        if ((self.indices < 0) | (self.indices >= count)).any():
            return f"it names items that are not among its {count}"
        if self.stand_ins.ndim != 1 or ((self.stand_ins < 0) | (self.stand_ins >= count)).any():
            return "what stands for its groups of copies is not among its items"
        numbers = np.arange(len(self.stand_ins))
        if not np.isin(self.groups, numbers).all() or not np.array_equal(self.groups[self.stand_ins], numbers):
            return "its groups of copies and what stands for them do not agree"
        if (self.indices == np.arange(count)[:, None]).any():
            return "it lists an item as its own neighbor"
        if not ((self.distances >= 0) & (self.distances <= 1)).all():
            return "it has distances outside [0, 1]"
        if (np.diff(self.distances, axis=1) < 0).any():
            return "its distances do not ascend"
        return None


def best_of_groups(groups: npt.NDArray[np.int64], rank: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Position of the best-ranked member of each group, by number of the group."""
    order = np.lexsort((rank, groups))
    first = np.ones(len(groups), dtype=bool)
    first[1:] = groups[order][1:] != groups[order][:-1]
    return order[first]


def expand(
    found: GroupGraph,
    groups: npt.NDArray[np.int64],
    stand_ins: npt.NDArray[np.int64],
    rank: npt.NDArray[np.int64],
    k: int = N_NEIGHBORS,
) -> NeighborGraph:
    """Make the graph of the items from the graph of their groups of copies.

    Parameters
    ----------
    found : GroupGraph
        Of the groups.
    groups : ndarray of int64, shape (n,)
        Groups of copies, as from ``copies.same_image_groups``.
    stand_ins : ndarray of int64, shape (g,)
        Position of the item whose vector stands for each group.
    rank : ndarray of int64, shape (n,)
        Rank for keeping, 0 the best; no two equal.
    k : int
        Neighbors an item; fewer where there are fewer other items.
    """
    k = min(k, max(len(groups) - 1, 0))
    best = best_of_groups(groups, rank)
    if len(best) == len(groups) and np.array_equal(best, np.arange(len(groups))):
        indices, distances = found.indices, found.distances  # no copies: as it is, memory-mapped or not
    elif found.indices.shape[1] < k:
        indices, distances = _expand_small(found.indices, found.distances, groups, rank, k)
    else:
        indices, distances = _expand(found.indices, found.distances, groups, rank, best)
    return NeighborGraph(indices, distances, groups, stand_ins, found.method, found.recall)


def _expand(
    indices: Indices,
    distances: Vectors,
    groups: npt.NDArray[np.int64],
    rank: npt.NDArray[np.int64],
    best: npt.NDArray[np.int64],
) -> tuple[Indices, Vectors]:
    """:func:`expand` where every row is full with the best of other groups."""
    count = len(groups)
    out_indices = best[indices[groups]].astype(np.int32)
    out_distances = distances[groups].copy()
    # Own copy first: the best of the group, and for the best itself the second best.
    order = np.lexsort((rank, groups))
    following = np.full(count, -1, dtype=np.int64)
    same = groups[order][1:] == groups[order][:-1]
    following[order[:-1][same]] = order[1:][same]
    own = np.where(best[groups] == np.arange(count), following, best[groups])
    copied = own >= 0
    out_indices[copied, 1:] = out_indices[copied, :-1]
    out_distances[copied, 1:] = out_distances[copied, :-1]
    out_indices[copied, 0] = own[copied]
    out_distances[copied, 0] = 0.0
    return out_indices, out_distances


def _expand_small(
    indices: Indices, distances: Vectors, groups: npt.NDArray[np.int64], rank: npt.NDArray[np.int64], k: int
) -> tuple[Indices, Vectors]:
    """:func:`_expand` where there are at most k groups: copies fill the rows up to k entries."""
    count, of_groups = len(groups), indices.shape[1] + 1
    by_rank = np.argsort(rank, kind="stable")
    members = [by_rank[groups[by_rank] == group] for group in range(of_groups)]
    out_indices = np.empty((count, k), dtype=np.int32)
    out_distances = np.empty((count, k), dtype=np.float32)
    for group, own in enumerate(members):
        others = [(d, members[g][:k]) for g, d in zip(indices[group], distances[group], strict=True)]
        # All items of the group beyond its first k + 1 have the same neighbors: one row serves them all.
        for item in [*own[: k + 1, None], own[k + 1 :]]:
            copies = own[: k + 1]
            lists = [(0.0, copies[~np.isin(copies, item)][:k]), *others]
            taken = [min(1, len(items)) for _, items in lists]
            spare = k - sum(taken)
            for place, (_, items) in enumerate(lists):
                more = min(spare, len(items) - taken[place])
                taken[place] += more
                spare -= more
            out_indices[item] = np.concatenate([i[:t] for (_, i), t in zip(lists, taken, strict=True)])
            out_distances[item] = np.repeat([d for d, _ in lists], taken)
    return out_indices, out_distances

"""Groups of duplicates: a keeper, and what lies within a threshold of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from simwidget.neighbors import best_of_groups, pair_distances, within_radius

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from simwidget.neighbors import NeighborGraph

Reason = Literal["same bytes", "same pixels", "near", "mirrored"]
REASONS: tuple[Reason, ...] = ("same bytes", "same pixels", "near", "mirrored")


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
    """

    keeper: Path
    duplicates: list[Path]
    distances: list[float]
    reasons: list[Reason]
    keeper_id: int
    duplicate_ids: list[int]

    @property
    def reason(self) -> Reason:
        """The weakest of the reasons, in the order in which they are listed above."""
        return max(self.reasons, key=REASONS.index)

    def __len__(self) -> int:
        """Count the images, the keeper included."""
        return 1 + len(self.duplicates)


def group_duplicates(
    graph: NeighborGraph,
    vectors: npt.NDArray[np.float32],
    rank: npt.NDArray[np.int64],
    threshold: float,
) -> list[tuple[int, list[int], list[float]]]:
    """Group items so that every member is within ``threshold`` of its keeper; no chaining.

    Items are visited from the best for keeping; one that belongs to no group yet becomes a keeper and takes
    all items within the threshold that belong to none yet.

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

    Returns
    -------
    list of (keeper, members, distances)
        Positions of a keeper and of its duplicates, these by distance and then rank; best keeper first.
        Groups have at least one duplicate.
    """
    if graph.indices.shape[1] == 0:
        return []
    groups = graph.groups
    members = _members(groups)
    best = best_of_groups(groups, rank)[groups]  # its vector stands for the copies of each item
    near: npt.NDArray[np.bool_] = np.less_equal(graph.distances, threshold)
    near_counts = np.count_nonzero(near, axis=1)
    # An edge that only the other end lists (its row had more room) counts as well.
    listed_by: dict[int, list[int]] = {}
    for row, column in zip(*np.nonzero(near), strict=True):
        listed_by.setdefault(int(graph.indices[row, column]), []).append(int(row))
    taken = np.zeros(len(rank), dtype=bool)
    found = []
    for item in np.argsort(rank, kind="stable").tolist():
        if taken[item]:
            continue
        taken[item] = True
        if near_counts[item] == near.shape[1]:
            others = within_radius(vectors, int(best[item]), threshold).tolist()
            others = [other for other in others if best[other] == other]
        elif near_counts[item] or item in listed_by:
            others = [*graph.indices[item][near[item]].tolist(), *listed_by.get(item, [])]
        else:
            continue
        near_groups = {int(groups[other]) for other in others} | {int(groups[item])}
        candidates = np.array([i for group in near_groups for i in members[group] if not taken[i]], dtype=np.int64)
        distances = pair_distances(vectors[best[candidates]], vectors[best[item]])
        candidates, distances = candidates[distances <= threshold], distances[distances <= threshold]
        if len(candidates) == 0:
            continue
        order = np.lexsort((rank[candidates], distances))
        taken[candidates] = True
        found.append((item, candidates[order].tolist(), distances[order].tolist()))
    return found


def _members(groups: npt.NDArray[np.int64]) -> list[list[int]]:
    members: list[list[int]] = [[] for _ in range(int(groups.max(initial=-1)) + 1)]
    for item, group in enumerate(groups.tolist()):
        members[group].append(item)
    return members

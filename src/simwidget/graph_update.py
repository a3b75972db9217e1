"""A neighbor graph brought up to date after items have come and gone, instead of searched anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.neighbor_graph import EXACT, N_NEIGHBORS, GroupGraph
from simwidget.neighbors import (
    EXACT_BELOW,
    PRODUCT_ERROR,
    RECALL_GOAL,
    blocks,
    exact_neighbors,
    measure_recall,
    row_distances,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from simwidget.neighbors import Indices, Vectors

# Share of the rows up to which searching them costs less than searching all: what is left of the cost goes into
# comparing the others with what has come.
_MOST_SEARCHED = 0.5


def updated_groups(
    earlier: GroupGraph, kept: npt.NDArray[np.int64], vectors: Vectors, *, k: int = N_NEIGHBORS, seed: int = 0
) -> GroupGraph | None:
    """Bring a graph up to date after groups of copies have come and gone.

    Groups that came, and those that have lost a neighbor, are searched exactly; the lists of the others take in
    what came nearer. Of an exact graph this makes the one that :func:`simwidget.neighbors.search_groups` would.

    Parameters
    ----------
    earlier : GroupGraph
        Of the groups as they were.
    kept : ndarray of int64, shape (g_before,)
        Number that each of them has now, with the same vector; -1 for those that are gone.
    vectors : ndarray of float32, shape (g, d)
        The unit vector that stands for each group now.
    k : int
        Neighbors a group; fewer where there are fewer other groups.
    seed : int
        Of the sample that recall is measured on.

    Returns
    -------
    GroupGraph or None
        None where a new search costs less, or does better: where much has changed, or lists have another length;
        where an approximate graph has become small enough for exact search, or too poor.
    """
    count = len(vectors)
    k = min(k, max(count - 1, 0))
    if k == 0 or earlier.indices.shape[1] != k or (earlier.method != "exact" and count < EXACT_BELOW):
        return None
    stay = np.flatnonzero(kept >= 0)
    listed = kept[earlier.indices[stay]]
    is_whole = (listed >= 0).all(axis=1)
    whole = kept[stay[is_whole]]
    searched = np.setdiff1d(np.arange(count), whole)
    if len(searched) > _MOST_SEARCHED * min(count, EXACT_BELOW):
        return None
    indices = np.empty((count, k), dtype=np.int32)
    distances = np.empty((count, k), dtype=np.float32)
    indices[searched], distances[searched] = exact_neighbors(vectors, k, searched)
    indices[whole], distances[whole] = listed[is_whole], earlier.distances[stay[is_whole]]
    _take_in(np.setdiff1d(np.arange(count), kept[stay]), whole, vectors, indices, distances)
    order = np.lexsort((indices, distances), axis=1)  # of equally near ones the first, by their numbers now
    indices, distances = np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1)
    if earlier.method == "exact":
        return GroupGraph(indices, distances, "exact", EXACT)
    recall = measure_recall(vectors, distances, seed)
    return GroupGraph(indices, distances, earlier.method, recall) if recall.ten >= RECALL_GOAL else None


def _take_in(
    came: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    vectors: Vectors,
    indices: Indices,
    distances: Vectors,
) -> None:
    """Put those that came into the lists of some rows, in place, where they are nearer than the last there."""
    if len(came) == 0:
        return
    k = indices.shape[1]
    arrived = np.ascontiguousarray(vectors[came])
    for start, stop in blocks(len(rows), len(came)):
        block = rows[start:stop]
        enough = np.float32(1 - 2 * PRODUCT_ERROR) - distances[block, -1:]
        of, found = np.nonzero(vectors[block] @ arrived.T >= enough)
        if len(of) == 0:
            continue
        grown = np.unique(of)
        some = block[grown]
        row_of = np.concatenate([np.repeat(grown, k), of])
        candidates = np.concatenate([indices[some].ravel(), came[found]])
        exact = np.concatenate([distances[some].ravel(), row_distances(vectors, block[of], came[found])])
        order = np.lexsort((candidates, exact, row_of))
        nearest = order[np.searchsorted(row_of[order], grown)[:, None] + np.arange(k)]
        indices[some], distances[some] = candidates[nearest], exact[nearest]

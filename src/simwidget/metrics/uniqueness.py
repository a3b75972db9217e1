"""Uniqueness: how far an item is from everything that would make it superfluous."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.neighbor_graph import best_of_groups
from simwidget.neighbors import PRODUCT_ERROR, blocks, row_distances

if TYPE_CHECKING:
    import numpy.typing as npt

    from simwidget.neighbor_graph import NeighborGraph

    Scores = npt.NDArray[np.float32]


def uniqueness(
    graph: NeighborGraph,
    vectors: npt.NDArray[np.float32],
    rank: npt.NDArray[np.int64],
    radius: float,
) -> Scores:
    """Compute Uniqueness.

    Uniqueness(i) is the smallest distance d(i, j) over all j other than i, leaving out those j within
    ``radius`` of i that rank worse than i. So of a group of near-duplicates the best keeps the distance to
    the rest of the world, and deleting all items with a score up to some threshold (at most ``radius``)
    leaves the best of each group that is connected at that threshold.

    Parameters
    ----------
    graph : NeighborGraph
        Of the items.
    vectors : ndarray of float32, shape (n, d)
        Unit rows; asked where all neighbors in the graph are left out.
    rank : ndarray of int64, shape (n,)
        Rank for keeping, 0 the best.
    radius : float
        Near-duplicate radius of the embedder, a cosine distance.

    Returns
    -------
    ndarray of float32, shape (n,)
        In [0, 1]: 0 for a copy of a better item, 1 where no other item counts.
    """
    count = len(vectors)
    scores = np.ones(count, dtype=np.float32)
    if graph.indices.shape[1] == 0:
        return scores
    left_out = (graph.distances <= radius) & (rank[graph.indices] > rank[:, None])
    counting = ~left_out
    first = counting.argmax(axis=1)
    scores[:] = graph.distances[np.arange(count), first]
    beyond = np.flatnonzero(~counting.any(axis=1))
    scores[beyond] = _exact_scores(beyond, graph, vectors, rank, radius)
    return scores


def _exact_scores(
    rows: npt.NDArray[np.int64],
    graph: NeighborGraph,
    vectors: npt.NDArray[np.float32],
    rank: npt.NDArray[np.int64],
    radius: float,
) -> Scores:
    """Score items of which no neighbor in the graph counts: against all other groups, by the definition.

    Each of them is the best of its group of copies, since the others have that one as a neighbor. As in
    ``neighbors``, a float32 product proposes and the exact distances decide.
    """
    in_place = np.array_equal(graph.stand_ins, np.arange(len(vectors)))  # no copies: as it is, memory-mapped or not
    distinct = vectors if in_place else vectors[graph.stand_ins]
    best_rank = rank[best_of_groups(graph.groups, rank)]
    scores = np.ones(len(rows), dtype=np.float32)
    for start, stop in blocks(len(rows), len(distinct)):
        block = graph.groups[rows[start:stop]]
        similarity = distinct[block] @ distinct.T
        better = best_rank < best_rank[block, None]
        counts = better | (similarity < 1 - radius - PRODUCT_ERROR)
        nearest = similarity.max(axis=1, where=counts, initial=-np.inf, keepdims=True)
        may_count = better | (similarity < 1 - radius + PRODUCT_ERROR)
        of, found = np.nonzero(may_count & (similarity >= nearest - 2 * PRODUCT_ERROR))
        distances = row_distances(distinct, block[of], found)
        exact = (distances > radius) | better[of, found]
        np.minimum.at(scores, start + of[exact], distances[exact])
    return scores

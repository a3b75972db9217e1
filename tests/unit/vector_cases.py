"""Embeddings with near-duplicates, ties and copies for property-based tests, and their distances by definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from simwidget.copies import same_image_groups
from simwidget.neighbor_graph import N_NEIGHBORS, NeighborGraph, best_of_groups, expand
from simwidget.neighbors import pair_distances, search_groups

if TYPE_CHECKING:
    import numpy.typing as npt

RADII = st.sampled_from([0.0, 1e-8, 1e-4, 0.003, 0.03, 0.3, 1.0])


class Items(NamedTuple):
    vectors: npt.NDArray[np.float32]
    groups: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int64]

    def subset(self, rows: npt.NDArray[np.int64]) -> Items:
        """Some of the items, in the order of the rows, with groups and ranks numbered anew."""
        return Items(
            self.vectors[rows],
            np.unique(self.groups[rows], return_inverse=True)[1],
            np.argsort(np.argsort(self.rank[rows])),
        )


def unit(rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
    array = np.asarray(rows, dtype=np.float64)
    return (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32)


def clustered(count: int, dim: int, clusters: int, noise: float, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    centres = unit(rng.standard_normal((clusters, dim)))
    return unit(centres[rng.integers(clusters, size=count)] + noise * unit(rng.standard_normal((count, dim))))


def hashes(numbers: list[int]) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


@st.composite
def collections(draw: st.DrawFn, *, min_size: int = 1, max_size: int = 24) -> Items:
    """Draw items on a few grids around a few centres: many equal, tied or nearly equal distances.

    Grid steps of 1e-4 to 0.3 make distances of about 1e-9 to 0.05. Some items share bytes or pixels though their
    vectors differ.
    """
    count = draw(st.integers(min_size, max_size))
    dim = draw(st.integers(2, 4))
    whole = st.lists(st.integers(-1, 1), min_size=dim, max_size=dim)
    centres = draw(st.lists(whole.filter(any), min_size=1, max_size=4))
    item = st.tuples(st.integers(0, len(centres) - 1), whole, st.sampled_from([0.0, 1e-4, 1e-3, 0.01, 0.1, 0.3]))
    drawn = draw(st.lists(item, min_size=count, max_size=count))
    vectors = unit([np.array(centres[c]) + step * np.array(offset) for c, offset, step in drawn])
    few = st.lists(st.integers(0, 2 * count), min_size=count, max_size=count)
    content = np.array(hashes(draw(few)), dtype="V16")
    pixels = [value if number % 2 else None for number, value in ((n, *hashes([n])) for n in draw(few))]
    rank = np.array(draw(st.permutations(range(count))), dtype=np.int64)
    return Items(vectors, same_image_groups(content, pixels, vectors), rank)


def distance_matrix(items: Items) -> npt.NDArray[np.float32]:
    """All distances by definition: 0 among copies, else that of the copies ranked best."""
    best = {group: i for i, group in sorted(enumerate(items.groups), key=lambda e: -items.rank[e[0]])}
    stand_in = items.vectors[[best[group] for group in items.groups]]
    return pair_distances(stand_in[:, None], stand_in[None])


def build_graph(
    vectors: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    rank: npt.NDArray[np.int64],
    *,
    stand_ins: npt.NDArray[np.int64] | None = None,
    k: int = N_NEIGHBORS,
    **search: Any,
) -> NeighborGraph:
    """Search and expand in one; by default the vector of the best stands for a group."""
    stand_ins = best_of_groups(groups, rank) if stand_ins is None else stand_ins
    return expand(search_groups(vectors[stand_ins], k=k, **search), groups, stand_ins, rank, k)

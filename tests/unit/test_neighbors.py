"""The neighbor graph: exact search by its definition, and PyNNDescent against exact search."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vector_cases import Items, build_graph, clustered, collections, distance_matrix, unit

from simwidget.neighbor_graph import EXACT, GroupGraph, expand
from simwidget.neighbors import (
    PRODUCT_ERROR,
    NNDescentWorker,
    distances_to,
    exact_neighbors,
    pair_distances,
    refine,
    row_distances,
    search_groups,
    within_radius,
)

if TYPE_CHECKING:
    import numpy.typing as npt


def alone(vectors: npt.NDArray[np.float32]) -> Items:
    """Make items without copies."""
    return Items(vectors, np.arange(len(vectors)), np.arange(len(vectors)))


# --- distances


@given(collections())
def test_pair_distances_are_one_minus_cosine(items: Items) -> None:
    exact = items.vectors.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    distances = pair_distances(items.vectors[:, None], items.vectors[None])
    np.testing.assert_allclose(distances, np.clip(1 - exact @ exact.T, 0, 1), atol=3e-7)
    np.testing.assert_array_equal(distances, distances.T)
    np.testing.assert_array_equal(np.diag(distances), 0)


def test_pair_distances_resolve_what_one_minus_cosine_cannot() -> None:
    a, b = unit([[1, 0], [1, 1e-5]])
    assert pair_distances(a, b) == pytest.approx(0.5e-10, rel=1e-4)


@pytest.mark.parametrize("dim", [64, 223, 512, 2048])
def test_product_error_bounds_float32_products(dim: int) -> None:
    rng = np.random.default_rng(dim)
    for rows in (
        rng.standard_normal((300, dim)),
        rng.random((300, dim)),
        1 + 1e-3 * rng.standard_normal((300, dim)),
    ):
        vectors = unit(rows)
        exact = pair_distances(vectors[:, None], vectors[None])
        assert np.abs(np.clip(1 - vectors @ vectors.T, 0, 1) - exact).max() < PRODUCT_ERROR / 2


def test_row_distances_over_several_blocks() -> None:
    vectors = clustered(400, 600, 10, 0.3)
    a, b = np.random.default_rng(1).integers(400, size=(2, 5000))
    np.testing.assert_array_equal(row_distances(vectors, a, b), pair_distances(vectors[a], vectors[b]))


def test_distances_to_the_nearest_of_several_queries() -> None:
    vectors = clustered(70_000, 8, 50, 0.5)
    queries = vectors[[3, 69_999]]
    expected = pair_distances(vectors[:, None], queries[None]).min(axis=1)
    np.testing.assert_allclose(distances_to(vectors, queries), expected, atol=PRODUCT_ERROR)


@given(collections(), st.data())
def test_within_radius_is_exact_at_the_radius(items: Items, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(items.vectors) - 1))
    distances = pair_distances(items.vectors, items.vectors[row])
    radius = float(data.draw(st.sampled_from(distances.tolist())))
    expected = [j for j, d in enumerate(distances) if d <= radius and j != row]
    assert within_radius(items.vectors, row, radius).tolist() == expected


# --- exact graph


@given(collections(min_size=2), st.integers(1, 30))
def test_exact_neighbors_equal_brute_force(items: Items, k: int) -> None:
    k = min(k, len(items.vectors) - 1)
    indices, distances = exact_neighbors(items.vectors, k)
    matrix = pair_distances(items.vectors[:, None], items.vectors[None])
    np.testing.assert_array_equal(np.take_along_axis(matrix, indices, axis=1), distances)
    np.fill_diagonal(matrix, np.inf)
    np.testing.assert_array_equal(distances, np.sort(matrix, axis=1)[:, :k])
    assert all(len(set(row)) == k for row in indices.tolist())


@pytest.mark.parametrize("arranged", [False, True])
def test_exact_neighbors_equal_brute_force_over_several_blocks(arranged: bool) -> None:
    vectors = clustered(2500, 24, 40, 0.6)
    if arranged:  # alike side by side, as the frames of a film are
        vectors = vectors[np.argsort(vectors @ vectors[0])]
    indices, distances = exact_neighbors(vectors, 20)
    similarity = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(similarity, -np.inf)
    np.testing.assert_array_equal(indices, np.argsort(-similarity, axis=1)[:, :20])
    np.testing.assert_allclose(distances, 1 - np.take_along_axis(similarity, indices, axis=1), atol=3e-7)


def test_exact_neighbors_of_some_rows() -> None:
    vectors = clustered(700, 24, 10, 0.4)
    rows = np.array([699, 3, 3, 250])
    everything = exact_neighbors(vectors, 5)
    for some, of_all in zip(exact_neighbors(vectors, 5, rows), everything, strict=True):
        np.testing.assert_array_equal(some, of_all[rows])
    assert exact_neighbors(vectors, 5, rows[:0])[0].shape == (0, 5)


def test_neighbors_closer_than_float32_products_resolve_are_in_order() -> None:
    vectors = unit(np.stack([np.ones(200), np.random.default_rng(0).permutation(200) * 1e-6], axis=1))
    indices, _ = exact_neighbors(vectors, 3)
    height = vectors[:, 1].astype(np.float64)
    expected = np.sort(np.abs(height - height[:, None]), axis=1)[:, 1:4]
    np.testing.assert_allclose(np.abs(height[indices] - height[:, None]), expected, rtol=1e-6)


@given(collections(), st.integers(1, 30))
def test_graph_by_its_definition(items: Items, k: int) -> None:
    count = len(items.vectors)
    graph = build_graph(*items, k=k)
    matrix = distance_matrix(items)
    k = min(k, count - 1)
    assert graph.method == "exact"
    assert graph.indices.shape == graph.distances.shape == (count, k)
    assert (graph.indices.dtype, graph.distances.dtype) == (np.int32, np.float32)
    for i in range(count):
        listed = graph.indices[i].tolist()
        assert i not in listed
        assert len(set(listed)) == k
        np.testing.assert_array_equal(graph.distances[i], matrix[i, listed])
        # One of its own copies and the best of every other group come first, then whoever is nearest.
        others = sorted((j for j in range(count) if j != i), key=lambda j: items.rank[j])
        first_of_group = {items.groups[j]: j for j in reversed(others)}
        entitled = sorted(first_of_group.values(), key=lambda j: matrix[i, j])
        if len(entitled) >= k:
            assert set(listed) <= set(entitled)
            np.testing.assert_array_equal(graph.distances[i], matrix[i, entitled[:k]])
        else:
            assert set(entitled) <= set(listed)
            rest = sorted(matrix[i, j] for j in others if j not in entitled)
            expected = sorted([*matrix[i, entitled], *rest[: k - len(entitled)]])
            np.testing.assert_array_equal(graph.distances[i], expected)


@given(collections(min_size=2, max_size=12))
def test_small_sets_list_everything(items: Items) -> None:
    graph = build_graph(*items, k=20)
    for i, row in enumerate(graph.indices.tolist()):
        assert sorted(row) == [j for j in range(len(items.vectors)) if j != i]


def test_copies_do_not_crowd() -> None:
    distinct = clustered(60, 16, 3, 0.5)
    of = np.repeat(np.arange(60), np.where(np.arange(60) < 5, 40, 1))
    items = Items(distinct[of], of, np.random.default_rng(0).permutation(len(of)))
    graph = build_graph(*items, k=20)
    expected = exact_neighbors(distinct, 20)[1]
    for i, row in enumerate(graph.indices):
        copied = int(of[i] < 5)
        assert len(set(of[row])) == 20
        assert (of[row] == of[i]).sum() == copied
        np.testing.assert_array_equal(graph.distances[i, copied:], expected[of[i], : 20 - copied])


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare_with(count: int) -> None:
    graph = build_graph(*alone(unit(np.ones((count, 3)))))
    assert graph.indices.shape == graph.distances.shape == (count, 0)


def test_many_copies_of_one_image() -> None:
    count = 30_000
    rank = np.random.default_rng(0).permutation(count)
    vectors = np.broadcast_to(unit([[3, 4]]), (count, 2))
    graph = build_graph(vectors, np.zeros(count, dtype=np.int64), rank, k=20)
    by_rank = np.argsort(rank)
    assert not graph.distances.any()
    np.testing.assert_array_equal(graph.indices[by_rank[20:]], np.tile(by_rank[:20], (count - 20, 1)))
    for place in range(20):
        assert graph.indices[by_rank[place]].tolist() == np.delete(by_rank[:21], place).tolist()


def test_refine_sorts_by_distance() -> None:
    vectors = clustered(300, 16, 5, 0.5)
    indices, distances = exact_neighbors(vectors, 7)
    shuffled = np.random.default_rng(0).permuted(indices, axis=1)
    again, distances_again = refine(vectors, shuffled)
    np.testing.assert_array_equal(again, indices)
    np.testing.assert_array_equal(distances_again, distances)


# --- PyNNDescent, in real processes; each compiles for a minute

SEED = 3
SEARCH = """
import sys
import numpy as np
from simwidget.nndescent_worker import find_neighbors
for path in sys.argv[2:]:
    np.save(path, find_neighbors(np.load(path), 20, int(sys.argv[1])))
"""


def many() -> Items:
    """3,050 items in clusters, 51 of them copies of one another."""
    of = np.concatenate([np.arange(3000), np.zeros(50, dtype=np.int64)])
    return Items(clustered(3000, 64, 60, 0.7)[of], of, np.arange(len(of)))


def hard() -> npt.NDArray[np.float32]:
    """Vectors with distances nearly equal, of which no neighbor of a neighbor is likely to be one."""
    return unit(np.random.default_rng(0).standard_normal((4000, 200)))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> list[npt.NDArray[np.int32]]:
    """What PyNNDescent lists for the distinct ones of ``many`` and for ``hard``, in one process."""
    paths = [tmp_path_factory.mktemp("searched") / name for name in ("many.npy", "hard.npy")]
    for path, vectors in zip(paths, (many().vectors[:3000], hard()), strict=True):
        np.save(path, vectors)
    subprocess.run([sys.executable, "-c", SEARCH, str(SEED), *map(str, paths)], check=True)
    return [np.load(path) for path in paths]


def test_pynndescent_against_exact(searched: list[npt.NDArray[np.int32]]) -> None:
    items = many()
    graph = build_graph(*items, k=20, method="pynndescent", seed=SEED)
    exact = build_graph(*items, k=20, method="exact")
    assert (graph.method, exact.method) == ("pynndescent", "exact")
    again = GroupGraph(*refine(items.vectors[:3000], searched[0]), "pynndescent")
    expected = expand(again, items.groups, np.arange(3000), items.rank)
    np.testing.assert_array_equal(graph.indices, expected.indices)
    np.testing.assert_array_equal(graph.distances, expected.distances)

    assert graph.indices.shape == exact.indices.shape
    assert not (graph.indices == np.arange(len(items.rank))[:, None]).any()
    assert (np.diff(graph.distances, axis=1) >= 0).all()
    pairs = pair_distances(items.vectors[:, None], items.vectors[graph.indices])
    np.testing.assert_array_equal(graph.distances, pairs)
    assert (graph.indices[:, 0] == exact.indices[:, 0]).mean() >= 0.995
    assert (graph.distances[:, :10] <= exact.distances[:, 9:10]).mean() >= 0.98
    assert not graph.distances[0, 0]
    assert graph.distances[0, 1] == exact.distances[0, 1] > 0


def test_embeddings_that_are_hard_to_search_are_searched_exactly(searched: list[npt.NDArray[np.int32]]) -> None:
    vectors = hard()
    worker: Any = SimpleNamespace(neighbors=lambda vectors: refine(vectors, searched[1]))  # has compiled already
    found = search_groups(vectors, method="pynndescent", worker=worker)
    assert (found.method, found.recall) == ("exact", EXACT)
    np.testing.assert_array_equal(found.indices, exact_neighbors(vectors, 20)[0])


def test_worker_that_is_killed() -> None:
    with NNDescentWorker(8, 3) as worker:
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match=r"PyNNDescent failed in its worker process \(exit status -9\)"):
            worker.neighbors(clustered(100, 8, 4, 0.5))


def test_worker_leaves_nothing_behind() -> None:
    with NNDescentWorker(8, 3) as worker:
        folder, process = Path(worker._folder.name), worker._process
        assert folder.is_dir()
        assert process.poll() is None
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


@settings(max_examples=20)
@given(collections(min_size=2, max_size=10))
def test_sets_too_small_for_pynndescent_are_searched_exactly(items: Items) -> None:
    assert build_graph(*items, k=20, method="pynndescent").method == "exact"

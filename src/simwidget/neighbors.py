"""From embeddings to the neighbor graph, and exact queries over embeddings."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np

from simwidget.neighbor_graph import N_NEIGHBORS, GroupGraph, Recall

if TYPE_CHECKING:
    from types import TracebackType

    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]
    Indices = npt.NDArray[np.int32]

Method = Literal["auto", "exact", "pynndescent"]

RECALL_DEPTH = 10  # neighbors an item that recall is measured of
RECALL_GOAL = 0.98  # share of them below which an approximate graph is improved
# Distinct items below which exact search costs less than compiling and running PyNNDescent, in processor time:
# benchmarks/graph.py has the two level at 48,000 (512 dimensions) to 54,000 (417).
EXACT_BELOW = 50_000
# By how much a float32 product of two unit vectors may miss their cosine: 1.1e-6 was the largest error over
# 64 to 4,096 dimensions, of positive, normal, sparse and nearly constant vectors.
PRODUCT_ERROR = 4e-6
_BLOCK = 1024  # rows of a similarity block
_BLOCK_VALUES = 64_000_000  # float32 values of a block at once, 256 MB
_PAIR_VALUES = 1_000_000  # values of pairs of vectors at once: few enough to stay in a cache
_RECALL_SAMPLE = 500
_MOST_PASSES = 3
_MOST_EXACT = 200_000  # vectors up to which exact search, minutes then, is better than a poor graph
_CANDIDATE_VALUES = 16_000_000  # float32 values of candidates at once, 64 MB


def search_groups(
    vectors: Vectors,
    *,
    k: int = N_NEIGHBORS,
    method: Method = "auto",
    seed: int = 0,
    worker: NNDescentWorker | None = None,
) -> GroupGraph:
    """Find the nearest other groups of every group of copies.

    Parameters
    ----------
    vectors : ndarray of float32, shape (g, d)
        The unit vector that stands for each group.
    k : int
        Neighbors a group; fewer where there are fewer other groups.
    method : {"auto", "exact", "pynndescent"}
        ``"auto"`` searches exactly below ``EXACT_BELOW`` groups, where that costs less than PyNNDescent with its
        compilation. Too few groups for PyNNDescent, and embeddings that it searches poorly, are searched exactly.
    seed : int
        For PyNNDescent; the same seed gives the same graph.
    worker : NNDescentWorker, optional
        A worker that has been started already, to save its compilation time.
    """
    k = min(k, max(len(vectors) - 1, 0))
    distinct = np.ascontiguousarray(vectors)
    if method == "auto":
        method = "exact" if len(distinct) < EXACT_BELOW else "pynndescent"
    if method == "exact" or len(distinct) <= 2 * k or k == 0:
        return GroupGraph(*exact_neighbors(distinct, k), "exact")
    if worker is None:
        with NNDescentWorker(distinct.shape[1], k, seed) as own:
            indices, distances = own.neighbors(distinct)
    else:
        indices, distances = worker.neighbors(distinct)
    recall = measure_recall(distinct, distances, seed)
    for _ in range(_MOST_PASSES):
        if recall.ten >= RECALL_GOAL:
            break
        indices, distances = improve(distinct, indices)
        recall = measure_recall(distinct, distances, seed)
    if recall.ten < RECALL_GOAL and len(distinct) <= _MOST_EXACT:
        return GroupGraph(*exact_neighbors(distinct, k), "exact")
    return GroupGraph(indices, distances, method, recall)


def measure_recall(vectors: Vectors, distances: Vectors, seed: int = 0) -> Recall:
    """Measure the recall of a graph on a random sample of its rows.

    Parameters
    ----------
    vectors : ndarray of float32, shape (g, d)
        Unit rows.
    distances : ndarray of float32, shape (g, k)
        Of the neighbors that were found, ascending in every row.
    seed : int
        Of the sample.
    """
    count = min(_RECALL_SAMPLE, len(vectors))
    depth = min(RECALL_DEPTH, distances.shape[1])
    rows = np.sort(np.random.default_rng(seed).choice(len(vectors), count, replace=False))
    exact = exact_neighbors(vectors, depth, rows)[1]
    found = distances[rows, :depth] <= exact
    within = distances[rows, :depth] <= exact[:, -1:]
    return Recall(float(found[:, 0].mean()), float(within.mean()), count)


def improve(vectors: Vectors, indices: Indices) -> tuple[Indices, Vectors]:
    """Replace neighbors by nearer ones among the neighbors of neighbors, one pass, as NN-Descent does.

    Dong, Charikar and Li, WWW 2011, rest on the same: a neighbor of a neighbor is likely to be one.

    Parameters
    ----------
    vectors : ndarray of float32, shape (g, d)
        Unit rows.
    indices : ndarray of int32, shape (g, k)
        No row lists itself.

    Returns
    -------
    indices, distances : ndarray, shape (g, k)
        No neighbor is farther than the one it replaces.
    """
    count, k = indices.shape
    better = np.empty_like(indices)
    step = max(1, _CANDIDATE_VALUES // ((k + 1) * k * vectors.shape[1]))
    for start in range(0, count, step):
        rows = np.arange(start, min(start + step, count))
        near = indices[rows]
        candidates = np.concatenate([near, indices[near].reshape(len(rows), -1)], axis=1)
        candidates = np.sort(candidates, axis=1)
        similarity = np.matmul(vectors[candidates], vectors[rows][:, :, None])[:, :, 0]
        similarity[:, 1:][candidates[:, 1:] == candidates[:, :-1]] = -np.inf  # listed twice
        similarity[candidates == rows[:, None]] = -np.inf
        best = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        better[rows] = np.take_along_axis(candidates, best, axis=1)
    return refine(vectors, better)


def exact_neighbors(vectors: Vectors, k: int, rows: npt.NDArray[np.int64] | None = None) -> tuple[Indices, Vectors]:
    """Find the k nearest other rows of some rows, by default of all, by exact search.

    A float32 product finds everything that its rounding error lets be among the nearest, and the exact distances
    decide; so the result does not depend on the order of the vectors, however close together they lie.

    Returns
    -------
    indices : ndarray of int32, shape (len(rows), k)
        Nearest first; of equally near ones the first in ``vectors``, but for those at distance 1, where any do.
    distances : ndarray of float32, shape (len(rows), k)
    """
    rows = np.arange(len(vectors)) if rows is None else rows
    indices = np.empty((len(rows), k), dtype=np.int32)
    distances = np.empty((len(rows), k), dtype=np.float32)
    if k == 0:
        return indices, distances
    for start, stop in blocks(len(rows), len(vectors)):
        block = rows[start:stop]
        similarity = vectors[block] @ vectors.T
        similarity[np.arange(len(block)), block] = -np.inf
        enough = _reached_by(similarity, k) - np.float32(2 * PRODUCT_ERROR)
        of, found = np.divmod(np.flatnonzero(similarity >= enough), len(vectors))
        exact = row_distances(vectors, block[of], found)
        order = np.lexsort((found, exact, of))
        nearest = order[np.searchsorted(of, np.arange(len(block)))[:, None] + np.arange(k)]
        indices[start:stop], distances[start:stop] = found[nearest], exact[nearest]
    return indices, distances


def _reached_by(similarity: Vectors, k: int) -> Vectors:
    """Find a value that at least k values of each row reach, and hardly more than k; shape (rows, 1).

    It is the k-th largest of the maxima of chunks of the row, far cheaper than the k-th largest value itself. The
    columns of a chunk stand far apart, since neighbors often stand side by side in a folder.
    """
    columns = similarity.shape[1]
    width = min(max(columns // (16 * k), 1), 32)
    chunks = columns // width
    maxima = similarity[:, : width * chunks].reshape(-1, width, chunks).max(axis=1)
    reached: Vectors = np.partition(maxima, chunks - k, axis=1)[:, chunks - k, None]
    return reached


def refine(vectors: Vectors, indices: Indices) -> tuple[Indices, Vectors]:
    """Compute the exact distances of given neighbors, shape (n, k), and sort each row by them."""
    rows = np.repeat(np.arange(len(indices)), indices.shape[1])
    distances = row_distances(vectors, rows, indices.ravel()).reshape(indices.shape)
    order = np.lexsort((indices, distances), axis=1)
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1)


def row_distances(vectors: Vectors, a: npt.NDArray[np.integer], b: npt.NDArray[np.integer]) -> Vectors:
    """Exact cosine distances between the rows ``a[i]`` and ``b[i]``, float32 of the shape of ``a``.

    Computed pair by pair in float64, they do not depend on where in the array the rows stand, which a blocked
    float32 product cannot promise in the last digits.
    """
    distances = np.empty(len(a), dtype=np.float32)
    step = max(1, _PAIR_VALUES // max(vectors.shape[1], 1))
    for start in range(0, len(a), step):
        pairs = slice(start, start + step)
        distances[pairs] = pair_distances(vectors[a[pairs]], vectors[b[pairs]])
    return distances


def pair_distances(a: npt.ArrayLike, b: npt.ArrayLike) -> Vectors:
    """Cosine distance of unit vectors along the last axis: 1 - cos = |a - b|^2 / 2, clipped to [0, 1].

    The difference form is exact at 0, where 1 - cos loses all digits in float32.
    """
    difference = np.subtract(a, b, dtype=np.float64)
    distances: Vectors = np.minimum(0.5 * np.einsum("...i,...i->...", difference, difference), 1.0).astype(
        np.float32
    )
    return distances


def distances_to(vectors: Vectors, queries: Vectors) -> Vectors:
    """Cosine distance of every row to the nearest of several query vectors, float32 of shape (n,).

    Exact matrix products over blocks of rows, so ``vectors`` may be memory-mapped and larger than memory.
    """
    nearest = np.empty(len(vectors), dtype=np.float32)
    if len(queries) == 1:  # nothing to hold but the result, and half the time of a matrix of one column
        np.matmul(vectors, queries[0], out=nearest)
    else:
        for start, stop in blocks(len(vectors), max(len(queries), vectors.shape[1])):
            nearest[start:stop] = (vectors[start:stop] @ queries.T).max(axis=1)
    distances: Vectors = np.clip(np.float32(1.0) - nearest, 0.0, 1.0)
    return distances


def within_radius(vectors: Vectors, row: int, radius: float) -> Indices:
    """Positions of all other rows within a cosine distance of a row, ascending."""
    near = np.flatnonzero(distances_to(vectors, vectors[row : row + 1]) <= radius + PRODUCT_ERROR)
    near = near[near != row]
    exact = pair_distances(vectors[near], vectors[row])
    inside: Indices = near[exact <= radius].astype(np.int32)
    return inside


def blocks(rows: int, columns: int) -> list[tuple[int, int]]:
    """Cut rows into (start, stop) so that a block of as many columns fits well into memory."""
    step = int(min(max(_BLOCK_VALUES // max(columns, 1), 16), 65_536 if columns < _BLOCK else _BLOCK))
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


class NNDescentWorker:
    """PyNNDescent in a process of its own, which starts compiling at once.

    numba compiles for 30 to 60 s in every fresh process and holds the interpreter lock meanwhile; in a
    process of its own that neither stops a notebook's kernel nor has to wait until images are decoded.

    Parameters
    ----------
    dim : int
        Length of the vectors to come.
    k : int
        Neighbors to find.
    seed : int
        Of the random state.
    """

    def __init__(self, dim: int, k: int, seed: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="simwidget-")
        self._k = k
        command = [sys.executable, "-m", "simwidget.nndescent_worker", str(dim), str(k), str(seed)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def neighbors(self, vectors: Vectors) -> tuple[Indices, Vectors]:
        """Find the k nearest other rows of every row, approximately; both arrays have shape (n, k)."""
        source, target = Path(self._folder.name, "vectors.npy"), Path(self._folder.name, "neighbors.npy")
        np.save(source, vectors, allow_pickle=False)
        _, errors = self._process.communicate(f"{source}\n{target}\n")
        if self._process.returncode != 0:
            raise RuntimeError(
                f"PyNNDescent failed in its worker process (exit status {self._process.returncode}). "
                f"Its last words:\n{errors[-2000:]}"
            )
        listed: Indices = np.load(target, allow_pickle=False)
        indices, distances = refine(vectors, listed)
        # PyNNDescent writes -1 for a neighbor that it did not find, in graphs that fall apart.
        incomplete = np.flatnonzero((listed < 0).any(axis=1))
        indices[incomplete], distances[incomplete] = exact_neighbors(vectors, self._k, incomplete)
        return indices, distances

    def close(self) -> None:
        """End the process, finished or not."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            _close(stream)
        self._folder.cleanup()

    def __enter__(self) -> NNDescentWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _close(stream: IO[str] | None) -> None:
    if stream is not None and not stream.closed:
        stream.close()

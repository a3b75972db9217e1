"""The process behind ``neighbors.NNDescentWorker``.

Compiles on a small sample at once, then reads two lines from its standard input, the ``.npy`` file with
the vectors and the ``.npy`` file to write, and ends. An input that closes early ends it too.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt


def find_neighbors(vectors: npt.NDArray[np.float32], k: int, seed: int) -> npt.NDArray[np.int32]:
    """Positions of the k nearest other rows of every row by PyNNDescent, shape (n, k)."""
    from pynndescent import NNDescent

    n_neighbors = min(k + 11, len(vectors) - 1)  # itself, and a wider graph than asked for, for recall
    index = NNDescent(
        vectors, metric="cosine", n_neighbors=n_neighbors, random_state=seed, low_memory=True, n_jobs=-1
    )
    found, _ = index.neighbor_graph
    rows = np.arange(len(vectors))[:, None]
    # Self first where it is not listed, so that dropping it is dropping one column for every row.
    others = np.argsort(found == rows, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(found, others, axis=1).astype(np.int32)


def main() -> None:
    """Run the worker."""
    dim, k, seed = (int(argument) for argument in sys.argv[1:4])
    sample = np.random.default_rng(0).standard_normal((max(4 * k, 256), dim)).astype(np.float32)
    find_neighbors(sample, k, seed)
    source, target = sys.stdin.readline().strip(), sys.stdin.readline().strip()
    if source and target:
        np.save(target, find_neighbors(np.load(source, allow_pickle=False), k, seed), allow_pickle=False)


if __name__ == "__main__":
    main()

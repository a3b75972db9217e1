"""A warm build of the neighbor graph against HNSW of faiss and hnswlib (M 16, efConstruction 60, efSearch 48).

Ours is what a project of that size does: PyNNDescent, exact distances, recall measured on a sample and passes that
improve it where it is low. "Warm" leaves out compiling, which a worker process does while images are decoded; here
it was done by an earlier call in this process. The peers build an index of all vectors and ask it for as many
neighbors of all. They take turns with ours; imports and files are not timed. Recall is measured alike for all, as
in graph.py.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common import Row, Seconds, interleaved, median, peer, peer_name, ratio, record, timed
from graph import cached_crops, clustered, recall
from simwidget.embedders.perceptual import PerceptualEmbedder
from simwidget.neighbors import N_NEIGHBORS, NNDescentWorker, exact_neighbors, refine, search_groups
from simwidget.nndescent_worker import find_neighbors

if TYPE_CHECKING:
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]
    Indices = npt.NDArray[np.int32]

COUNT = 60_000
LIMIT = 1.5


class WarmWorker(NNDescentWorker):
    """The worker's search in this process, which has compiled it."""

    def __init__(self, sample: Vectors) -> None:
        self.neighbors(sample)

    def neighbors(self, vectors: Vectors) -> tuple[Indices, Vectors]:
        return refine(vectors, find_neighbors(vectors, N_NEIGHBORS, 0))


def without_self(found: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Neighbors without the item itself, shape (n, k), from (n, k + 1); -1, none found, becomes some item."""
    itself = found == np.arange(len(found))[:, None]
    others = np.argsort(itself, axis=1, kind="stable")[:, :-1]
    return np.maximum(np.take_along_axis(found, others, axis=1), 0)


def compare(name: str, vectors: Vectors, rounds: int, exact: bool) -> list[Row]:
    """Time all on the same vectors and return a row a peer."""
    count, dim = vectors.shape
    worker = WarmWorker(vectors[:1_000])
    listed: dict[str, npt.NDArray[np.int32]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "vectors.npy"), Path(folder, "found.npy")
        np.save(source, vectors, allow_pickle=False)

        def ours() -> None:
            listed["simwidget"] = search_groups(vectors, method="pynndescent", worker=worker).indices

        def theirs(which: str) -> Seconds:
            taken = Seconds(**peer("search", which, source, target, str(N_NEIGHBORS)))
            listed[which] = without_self(np.load(target, allow_pickle=False))
            return taken

        works = {"simwidget": ours, "faiss": partial(theirs, "faiss"), "hnswlib": partial(theirs, "hnswlib")}
        taken = interleaved(works, rounds)
    shares = {which: recall(vectors, found) for which, found in listed.items()}
    mine = median(taken["simwidget"])
    rows = []
    for which, package in (("faiss", "faiss-cpu"), ("hnswlib", "hnswlib")):
        share, other = ratio(taken["simwidget"], taken[which]), median(taken[which])
        no_lower = all(a >= b for a, b in zip(shares["simwidget"], shares[which], strict=True))
        rows.append(
            Row(
                f"Warm graph build, {count:,} {name} × {dim}, at no lower recall",
                f"≤ {LIMIT} × its time" if which == "faiss" else "",
                f"{share.wall:.2f} × ({mine.wall:.1f} s against {other.wall:.1f} s; CPU {share.cpu:.2f} ×); recall "
                f"of the first and of ten {in_words(shares['simwidget'])} against {in_words(shares[which])}",
                share.wall <= LIMIT and no_lower if which == "faiss" else None,
                f"{peer_name(package)}, HNSW",
            )
        )
    if exact:
        whole = timed(lambda: exact_neighbors(vectors, N_NEIGHBORS))
        rows.append(
            Row(
                f"Exact search of the same {count:,} {name}",
                "",
                f"{whole.wall:.1f} s ({whole.cpu:.1f} s of CPU), once",
            )
        )
    return rows


def in_words(shares: tuple[float, float]) -> str:
    return "{:.4f}, {:.4f}".format(*shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photos", type=Path, help="a folder of photos; their crops are measured as well")
    arguments = parser.parse_args()
    rows = compare("vectors in clusters", clustered(COUNT, PerceptualEmbedder.dim), arguments.rounds, exact=True)
    if arguments.photos:
        crops = cached_crops(arguments.photos)[:COUNT]
        rows += compare("crops of photos", crops, arguments.rounds, exact=False)
    record(__file__, rows)


if __name__ == "__main__":
    main()

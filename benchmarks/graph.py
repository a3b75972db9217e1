"""Exact search against PyNNDescent: what each costs, what the latter misses, and where the two cross.

"Cold" is PyNNDescent in a fresh process, compilation included; "warm" its time once it is compiled, as where
images are decoded meanwhile. Both are the code that builds a project's graph. Recall is the share of the true
nearest neighbors, and of the true ten nearest, that the graph lists. The crossings are those of the
costs a n^2 (exact) and b n (PyNNDescent), a and b taken from the largest n, in seconds of processors, which other
programs on the machine disturb least; ``neighbors.EXACT_BELOW`` is set from them. Below it a graph is exact: its
distances are compared with those of float64 products.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from common import RESULTS, Row, Seconds, Table, record, timed
from simwidget.embedders.perceptual import PerceptualEmbedder
from simwidget.imaging import open_rgb
from simwidget.neighbors import EXACT_BELOW, N_NEIGHBORS, exact_neighbors, refine, search_groups
from simwidget.nndescent_worker import find_neighbors

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

DIMS = (PerceptualEmbedder.dim, 512)
EXACT = (2_000, 5_000, 10_000, 20_000)
EXACT_LARGE = (40_000, 60_000)
APPROXIMATE = (20_000, 60_000)
SAMPLE = 2_000  # items whose true neighbors are known
CROPS = 420  # of a photo
EXACT_GOAL = 19_999  # items of a graph that has to be exact
RECALL_GOALS = (0.995, 0.98)  # of the first neighbor and of ten, at RECALL_AT
RECALL_AT = 60_000


def clustered(count: int, dim: int, seed: int = 0) -> Vectors:
    """Clusters of 50 on average, as of a thing photographed again and again."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count // 50, dim)).astype(np.float32)[rng.integers(count // 50, size=count)]
    vectors += 0.6 * rng.random((count, 1), dtype=np.float32) * rng.standard_normal((count, dim), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def crops_of_photos(folder: Path) -> Vectors:
    """Embed random crops of photos, which overlap to all degrees; in random order."""
    rng = np.random.default_rng(0)
    embedder = PerceptualEmbedder()
    vectors = []
    for path in sorted(folder.glob("*.*")):
        if path.suffix.lower() not in Image.registered_extensions():
            continue
        photo = open_rgb(path)
        photo.thumbnail((640, 640))
        crops = []
        for _ in range(CROPS):
            side = int(rng.uniform(0.15, 0.6) * min(photo.size))
            x, y = (int(rng.uniform(0, length - side)) for length in photo.size)
            crops.append(photo.crop((x, y, x + side, y + side)))
        vectors += [embedder.embed_images(crops[start : start + 60]) for start in range(0, CROPS, 60)]
    return rng.permutation(np.concatenate(vectors))


def cached_crops(folder: Path) -> Vectors:
    """:func:`crops_of_photos`, kept between benchmarks, since they take minutes to embed."""
    path = RESULTS / f"crops-{PerceptualEmbedder.name}.npy"
    if not path.is_file():
        RESULTS.mkdir(exist_ok=True)
        np.save(path, crops_of_photos(folder), allow_pickle=False)
    vectors: Vectors = np.load(path, allow_pickle=False)
    return vectors


def recall(vectors: Vectors, found: npt.NDArray[np.int32]) -> tuple[float, float]:
    """Recall of the first neighbor and of the first ten, on a sample; equally near ones count as found."""
    rows = np.random.default_rng(0).choice(len(vectors), SAMPLE, replace=False)
    _, true = exact_neighbors(vectors, 10, rows)
    _, distances = refine(vectors, found)
    listed = distances[rows, :10]
    return float((listed[:, 0] <= true[:, 0]).mean()), float((listed <= true[:, 9:]).mean())


def exactness() -> Row:
    """Compare a small graph with float64 products, on a sample."""
    vectors = clustered(EXACT_GOAL, DIMS[0])
    graph = search_groups(vectors)
    rows = np.random.default_rng(0).choice(len(vectors), SAMPLE // 4, replace=False)
    products = vectors[rows].astype(np.float64) @ vectors.T.astype(np.float64)
    products[np.arange(len(rows)), rows] = -np.inf
    k = graph.distances.shape[1]
    true = 1 - np.sort(np.partition(products, len(vectors) - k, axis=1)[:, -k:], axis=1)[:, ::-1]
    error = float(np.abs(graph.distances[rows] - true).max())
    return Row(
        f"Graph of {EXACT_GOAL:,} × {DIMS[0]}",
        "exact below 20,000",
        f"{graph.method}; largest error of a distance {error:.1e}",
        graph.method == "exact" and error < 1e-6,
        "float64 products",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="exact search at 40,000 and 60,000 as well")
    parser.add_argument("--photos", type=Path, help="a folder of photos; their crops are measured as well")
    arguments = parser.parse_args()

    sample = clustered(1_000, DIMS[0])
    compiling = timed(lambda: find_neighbors(sample, N_NEIGHBORS, 0))
    print(
        f"PyNNDescent's first call, all of it compilation: {compiling.wall:.1f} s ({compiling.cpu:.1f} s of CPU)\n"
    )
    rows = [exactness()]
    table = Table(
        f"Exact search and PyNNDescent, in seconds (of CPU); its compilation took {compiling.wall:.1f} s",
        ["vectors", "n", "numbers", "exact", "warm", "cold", "recall of the first", "of ten"],
        [],
    )
    sizes = sorted({*EXACT, *APPROXIMATE, *(EXACT_LARGE if arguments.large else ())})
    crossings = [
        measure("clusters", lambda n, d=d: clustered(n, d), sizes, arguments.large, compiling, rows, table)
        for d in DIMS
    ]
    if arguments.photos:
        crops = cached_crops(arguments.photos)
        sizes = sorted({*(size for size in sizes if size < len(crops)), len(crops)})
        crossings.append(
            measure("crops of photos", lambda n: crops[:n], sizes, arguments.large, compiling, rows, table)
        )
    print(f"\nEXACT_BELOW is {EXACT_BELOW:,}.", *crossings, sep="\n")
    record(__file__, rows, [table])


def measure(
    name: str,
    make: Callable[[int], Vectors],
    sizes: list[int],
    large: bool,
    compiling: Seconds,
    rows: list[Row],
    table: Table,
) -> str:
    """Add a row a size to the table and the recall that is aimed at to the rows; return where the costs cross."""
    per_square = per_item = 0.0
    for n in sizes:
        vectors = make(n)
        dim = vectors.shape[1]
        columns = ["", "", "", "", ""]
        if n <= max(EXACT) or large:
            wall, cpu = timed(lambda v=vectors: exact_neighbors(v, N_NEIGHBORS))
            columns[0] = f"{wall:.1f} ({cpu:.1f})"
            per_square = cpu / n**2
        if n >= min(APPROXIMATE):
            found = []
            wall, cpu = timed(lambda v=vectors, f=found: f.append(find_neighbors(v, N_NEIGHBORS, 0)))
            shares = recall(vectors, found[0])
            columns[1:] = f"{wall:.1f} ({cpu:.1f})", f"{wall + compiling.wall:.1f}", *(f"{s:.4f}" for s in shares)
            per_item = cpu / n
            if n >= RECALL_AT:
                reached = all(share >= goal for share, goal in zip(shares, RECALL_GOALS, strict=True))
                goals = "≥ {} / ≥ {}".format(*RECALL_GOALS)
                what = f"Recall of the graph, first neighbor / first ten, {n:,} {name} × {dim}"
                rows.append(Row(what, goals, "{:.4f} / {:.4f}".format(*shares), reached, "exact search"))
        table.rows.append([name, f"{n:,}", str(dim), *columns])
        print(" | ".join(table.rows[-1]), flush=True)
    warm = per_item / per_square
    cold = (per_item + np.sqrt(per_item**2 + 4 * per_square * compiling.cpu)) / (2 * per_square)
    return f"{name}, {dim} numbers: exact search costs less up to {warm:,.0f} (warm) or {cold:,.0f} (cold)."


if __name__ == "__main__":
    main()

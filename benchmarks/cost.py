"""Cost against the number of images: neighbor graph, Uniqueness, Similar items, brush; draws docs/images/cost.png.

Vectors in clusters, as many numbers each as the built-in embedder makes. "Approximate" is PyNNDescent compiled
already, with all that follows it in a build. Each graph is built once; queries are medians. A size is left out of a
curve where a run would take many minutes; the table says which.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from common import HERE, Table, median, peer, record, timed
from graph import clustered
from hnsw import WarmWorker
from latency import brush, similar
from simwidget.embedders.perceptual import PerceptualEmbedder
from simwidget.metrics.uniqueness import uniqueness
from simwidget.neighbor_graph import NeighborGraph
from simwidget.neighbors import search_groups

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
EXACT_UP_TO = 30_000
GRAPH_UP_TO = 100_000
EXACT, APPROXIMATE, UNIQUENESS = "neighbor graph, exact", "neighbor graph, approximate", "Uniqueness"
SIMILAR, BRUSH = "Similar items", "brush to new view"
PICTURE = HERE.parent / "docs" / "images" / "cost.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--largest-graph", type=int, default=GRAPH_UP_TO)
    arguments = parser.parse_args()
    dim, radius = PerceptualEmbedder.dim, PerceptualEmbedder.near_duplicate_radius
    worker = WarmWorker(clustered(1_000, dim))
    curves: dict[str, list[tuple[int, float]]] = {
        name: [] for name in (EXACT, APPROXIMATE, UNIQUENESS, SIMILAR, BRUSH)
    }

    def add(name: str, count: int, seconds: float) -> None:
        curves[name].append((count, seconds))
        print(f"{name}, {count:,}: {seconds:.4g} s", flush=True)

    for count in (size for size in SIZES if size <= arguments.largest):
        add(BRUSH, count, median(brush(count)).wall)
        vectors = clustered(count, dim)
        add(SIMILAR, count, median(similar(vectors)).wall)
        if count > arguments.largest_graph:
            continue
        if count <= EXACT_UP_TO:
            add(EXACT, count, timed(partial(search_groups, vectors, method="exact")).wall)
        start = time.perf_counter()
        found = search_groups(vectors, method="pynndescent", worker=worker)
        add(APPROXIMATE, count, time.perf_counter() - start)
        graph = NeighborGraph(found.indices, found.distances, np.arange(count), np.arange(count), found.method)
        rank = np.random.default_rng(1).permutation(count)
        add(UNIQUENESS, count, timed(partial(uniqueness, graph, vectors, rank, radius)).wall)

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "curves.json")
        source.write_text(json.dumps(curves), encoding="utf-8")
        peer("plot", source, PICTURE)
    sizes = sorted({count for points in curves.values() for count, _ in points})
    rows = [
        [name, *(f"{dict(points)[size]:.3g}" if size in dict(points) else "left out" for size in sizes)]
        for name, points in curves.items()
    ]
    title = f"Cost against the number of images, in seconds; vectors in clusters × {dim}"
    record(__file__, [], [Table(title, ["", *(f"{size:,}" for size in sizes)], rows)])


if __name__ == "__main__":
    main()

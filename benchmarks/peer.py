"""The peers, each as a command; runs in their environment, ``.venv-peers``, and imports nothing of ours.

Prints one line of JSON, the last one. Indices go through ``.npy`` files.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import time
import types
from pathlib import Path
from typing import Any

EF_CONSTRUCTION, EF_SEARCH, M = 60, 48, 16


def faiss_hnsw(vectors: Any, k: int) -> Any:
    import faiss

    index = faiss.IndexHNSWFlat(vectors.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = EF_CONSTRUCTION, EF_SEARCH
    index.add(vectors)
    return index.search(vectors, k)[1]


def hnswlib_hnsw(vectors: Any, k: int) -> Any:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), M=M, ef_construction=EF_CONSTRUCTION, random_seed=0)
    index.set_ef(EF_SEARCH)
    index.add_items(vectors)
    return index.knn_query(vectors, k)[0]


def search(name: str, source: str, target: str, k: str) -> dict[str, float]:
    """Build an index of all vectors and ask it for the neighbors of all, the vectors themselves included."""
    import faiss  # noqa: F401 - imports are not part of a warm build
    import hnswlib  # noqa: F401
    import numpy as np

    vectors = np.load(source, allow_pickle=False)
    work = {"faiss": faiss_hnsw, "hnswlib": hnswlib_hnsw}[name]
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(vectors, int(k) + 1)
    taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    np.save(target, found.astype(np.int32), allow_pickle=False)
    return taken


def cleanvision(folder: str) -> int:
    from cleanvision import Imagelab

    lab = Imagelab(data_path=folder)
    lab.find_issues({"near_duplicates": {}}, verbose=False)
    return int(lab.info["near_duplicates"]["num_sets"])


def phash(folder: str) -> int:
    import imagededup

    # The packages' own __init__ import torch and torchvision, which hashing does not use.
    for part in ("methods", "utils"):
        package = types.ModuleType(f"imagededup.{part}")
        package.__path__ = [str(Path(imagededup.__path__[0], part))]
        sys.modules[package.__name__] = package
    from imagededup.methods.hashing import PHash

    found = PHash(verbose=False).find_duplicates(image_dir=folder, recursive=True)
    return sum(map(bool, found.values()))


def versions(*packages: str) -> dict[str, str]:
    return {package: importlib.metadata.version(package) for package in packages}


def plot(source: str, target: str) -> str:
    """Draw cost against n: a JSON object from name to [[n, seconds], ...]."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.2, 4.8), dpi=150, layout="constrained")
    curves = json.loads(Path(source).read_text(encoding="utf-8"))
    for (name, points), marker in zip(curves.items(), "osD^vPX", strict=False):
        axes.loglog(*zip(*points, strict=True), marker=marker, label=name)
    axes.set(xlabel="images", ylabel="seconds")
    axes.grid(which="major", alpha=0.4)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(target)
    return target


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = {
        "search": search, "cleanvision": cleanvision, "phash": phash, "versions": versions, "plot": plot
    }  # fmt: skip
    parser.add_argument("command", choices=commands)
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_args()
    print(json.dumps(commands[given.command](*given.arguments)))

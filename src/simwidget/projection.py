"""Embeddings as a map: two coordinates an item, so that like images lie together.

Run as a module this is the process behind :func:`umap_map`: it reads and writes ``.npy`` files in the folder named,
and says on its standard output how far it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simwidget.errors import InvalidValueError, SimwidgetError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

MAP_VERSION = 1  # of what the functions here compute
_BLOCK = 16_384  # rows at once
_N_NEIGHBORS = 15  # the default of UMAP, the item itself among them
_SMALLEST = 5  # images that UMAP can lay out
_SEED = 0
_LOOKS = 0.2  # seconds between two looks at how far UMAP is
_ROUNDS = re.compile(r"(\d+)/(\d+) ")  # as the process writes them; the space tells that the number is whole


def pca_map(vectors: Floats, progress: Callable[[float], None] = lambda _: None) -> Floats:
    """Project embeddings onto their first two principal components.

    These are the eigenvectors of the covariance with the largest eigenvalues (Pearson, "On lines and planes of
    closest fit", 1901), computed in float64. The sign of each is such that its largest entry by magnitude is
    positive, so that the same embeddings give the same map.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        May be memory-mapped; it is read in blocks, three times.
    progress : callable
        Called with the share that is done, in [0, 1]. What it raises ends the computation.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Centered at 0; zero where there is no second direction.
    """
    count, dim = vectors.shape
    starts = range(0, count, _BLOCK)
    done, steps = 0, max(3 * len(starts), 1)

    def step() -> None:
        nonlocal done
        done += 1
        progress(done / steps)

    mean = np.zeros(dim)
    for start in starts:
        mean += vectors[start : start + _BLOCK].sum(axis=0, dtype=np.float64)
        step()
    mean /= max(count, 1)
    scatter = np.zeros((dim, dim))
    for start in starts:
        block = vectors[start : start + _BLOCK] - mean
        scatter += block.T @ block
        step()
    axes = np.linalg.eigh(scatter)[1][:, ::-1][:, :2]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    axes = axes * np.where(largest < 0, -1.0, 1.0)
    positions = np.zeros((count, 2), dtype=np.float32)
    for start in starts:
        block = vectors[start : start + _BLOCK] - mean
        positions[start : start + _BLOCK, : axes.shape[1]] = block @ axes
        step()
    return positions


def can_umap() -> bool:
    """Whether umap-learn is installed; nothing is imported."""
    return find_spec("umap") is not None


def umap_map(
    vectors: Floats,
    indices: npt.NDArray[np.int32],
    distances: Floats,
    progress: Callable[[float], None] = lambda _: None,
) -> Floats:
    """Lay embeddings out by UMAP (McInnes, Healy, Melville, arXiv:1802.03426) from a neighbor graph that is there.

    It runs in a process of its own, since what it compiles would hold up every other thread of this one. That
    process ends with this function, however it ends, and with the process that called it.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        For where the layout starts.
    indices : ndarray of int32, shape (n, k)
        Nearest other items of each, as in ``NeighborGraph.indices``.
    distances : ndarray of float32, shape (n, k)
        Their cosine distances.
    progress : callable
        Called about five times a second, in the same thread, with the share of the rounds that are done, in [0, 1]:
        0 while UMAP compiles and finds where the layout starts. What it raises ends the process, and is raised.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        The same every time on one machine.

    Raises
    ------
    InvalidValueError
        There are fewer than 5 images.
    SimwidgetError
        umap-learn is not installed, or failed; with its last words.
    """
    if len(vectors) < _SMALLEST:
        raise InvalidValueError(f"UMAP needs at least {_SMALLEST} images; there are {len(vectors)}. PCA takes any.")
    if not can_umap():
        raise SimwidgetError("UMAP needs umap-learn: pip install 'simwidget[umap]'.")
    with tempfile.TemporaryDirectory(prefix="simwidget-umap-") as folder:
        for name, array in (("vectors", vectors), ("indices", indices), ("distances", distances)):
            np.save(Path(folder, f"{name}.npy"), array, allow_pickle=False)
        _run(Path(folder), progress)
        positions: Floats = np.load(Path(folder, "positions.npy"), allow_pickle=False)
    return positions


def _run(folder: Path, progress: Callable[[float], None]) -> None:
    """Run the process on what the folder holds, and tell how far it is."""
    told, errors = folder / "progress.txt", folder / "errors.txt"
    command = [sys.executable, "-m", "simwidget.projection", str(folder)]
    # Files, since a pipe that nobody empties in time would hold the process up.
    with (
        told.open("wb") as out,
        errors.open("wb") as err,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err) as process,
    ):
        try:
            while process.poll() is None:
                rounds = _ROUNDS.findall(told.read_text("utf-8", errors="replace"))
                progress(int(rounds[-1][0]) / int(rounds[-1][1]) if rounds else 0.0)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOKS)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        words = errors.read_text("utf-8", errors="replace")[-2000:]
        raise SimwidgetError(f"UMAP failed in its process ({process.returncode}). Its last words:\n{words}")
    progress(1.0)


def _lay_out(vectors: Floats, indices: npt.NDArray[np.int32], distances: Floats) -> Floats:
    from umap import UMAP

    # UMAP counts the item itself as its first neighbor.
    count = len(vectors)
    near = min(_N_NEIGHBORS, indices.shape[1] + 1)
    with_self = np.hstack([np.arange(count, dtype=np.int32)[:, None], indices])[:, :near]
    far = np.hstack([np.zeros((count, 1), np.float32), distances])[:, :near]
    reducer = UMAP(
        n_neighbors=near,
        metric="cosine",
        random_state=_SEED,
        n_jobs=1,
        precomputed_knn=(with_self, far),
        init="spectral" if count > _N_NEIGHBORS else "random",  # too few for its eigenvectors
        tqdm_kwds={"disable": False, "file": sys.stdout, "bar_format": "{n}/{total} "},
    )
    positions: Floats = reducer.fit_transform(vectors).astype(np.float32)
    return positions


def _end_with_caller() -> None:
    # This waits until the other end is closed, at the latest by the system, when the process there is gone. Not by
    # way of sys.stdin, whose lock would be held when this process ends by itself.
    os.read(0, 1)
    os._exit(1)


def main() -> None:
    """Run the process behind :func:`umap_map`."""
    folder = Path(sys.argv[1])
    threading.Thread(target=_end_with_caller, daemon=True).start()
    warnings.simplefilter("ignore")  # it cannot place images that come later, and TensorFlow is not there
    arrays = [np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("vectors", "indices", "distances")]
    np.save(folder / "positions.npy", _lay_out(*arrays), allow_pickle=False)


if __name__ == "__main__":
    main()

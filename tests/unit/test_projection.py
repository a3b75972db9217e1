"""Maps of embeddings."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest

from simwidget import projection
from simwidget.errors import InvalidValueError, SimwidgetError
from simwidget.neighbors import search_groups
from simwidget.projection import can_umap, pca_map, umap_map

if TYPE_CHECKING:
    from pathlib import Path

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_pca_is_the_singular_value_decomposition() -> None:
    vectors = unit(np.random.default_rng(0).normal(1, np.linspace(2, 0.1, 12), (300, 12)))
    centered = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centered, full_matrices=False)
    found = pca_map(vectors)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.abs(found), np.abs(left[:, :2] * values[:2]), atol=1e-5)


def test_blocks_change_nothing_and_progress_ends_at_one(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(1).standard_normal((100, 8)))
    whole = pca_map(vectors)
    monkeypatch.setattr(projection, "_BLOCK", 7)
    seen: list[float] = []
    np.testing.assert_allclose(pca_map(vectors, seen.append), whole, atol=1e-6)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (3, 1)])
def test_pca_of_little(shape: tuple[int, int]) -> None:
    found = pca_map(np.ones(shape, dtype=np.float32))
    assert found.shape == (shape[0], 2)
    assert not found.any()


def test_umap_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = np.empty((4, 0), dtype=np.int32), np.empty((4, 0), dtype=np.float32)
    with pytest.raises(InvalidValueError, match="at least 5 images"):
        umap_map(np.ones((4, 3), dtype=np.float32), *nothing)
    monkeypatch.setattr(projection, "find_spec", lambda _: None)
    with pytest.raises(SimwidgetError, match=r"pip install 'simwidget\[umap\]'"):
        umap_map(np.ones((9, 3), dtype=np.float32), *nothing)


@needs_pipes
def test_the_process_of_umap_ends_with_its_caller(tmp_path: Path) -> None:
    pipe = tmp_path / "vectors.npy"
    os.mkfifo(pipe)
    ends: list[int] = []
    command = [sys.executable, "-m", "simwidget.projection", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not ends and process.poll() is None:
            with suppress(OSError):  # nobody reads yet
                ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        # It reads, and would wait for ever for what is never written.
        _, errors = process.communicate(timeout=60)  # closes its input
    os.close(ends[0])
    assert (process.returncode, errors) == (1, b"")


@needs_pipes
def test_who_follows_umap_can_give_it_up(tmp_path: Path) -> None:
    pipe = tmp_path / "vectors.npy"
    os.mkfifo(pipe)
    ends: list[int] = []

    def progress(share: float) -> None:
        assert share == 0
        with suppress(OSError):  # nobody reads yet
            ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        if ends:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        projection._run(tmp_path, progress)
    os.close(ends[0])
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):  # there is no process any more that reads
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)


def test_umap_that_fails_says_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(SimwidgetError, match=r"(?s)UMAP failed.*vectors\.npy"):
        projection._run(tmp_path, lambda _: None)


@pytest.mark.skipif(not can_umap(), reason="umap-learn is not installed")
@pytest.mark.parametrize("count", [6, 90])
def test_umap_keeps_clusters_apart(count: int) -> None:
    rng = np.random.default_rng(2)
    cluster = np.arange(count) % 3
    vectors = unit(np.eye(16)[cluster] + rng.normal(0, 0.02, (count, 16)))
    graph = search_groups(vectors)
    shares: list[float] = []
    found = umap_map(vectors, graph.indices, graph.distances, shares.append)
    assert found.shape == (count, 2)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert np.isfinite(found).all()
    if count > 50:
        distances = np.linalg.norm(found[:, None] - found, axis=2)
        np.fill_diagonal(distances, np.inf)
        assert (cluster[distances.argmin(axis=1)] == cluster).all()
        np.testing.assert_array_equal(found, umap_map(vectors, graph.indices, graph.distances))

"""Maps of embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from simwidget import projection
from simwidget.errors import InvalidValueError, SimwidgetError
from simwidget.neighbors import search_groups
from simwidget.projection import can_umap, pca_map, umap_map


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


@pytest.mark.skipif(not can_umap(), reason="umap-learn is not installed")
@pytest.mark.parametrize("count", [6, 90])
def test_umap_keeps_clusters_apart(count: int) -> None:
    rng = np.random.default_rng(2)
    cluster = np.arange(count) % 3
    vectors = unit(np.eye(16)[cluster] + rng.normal(0, 0.02, (count, 16)))
    graph = search_groups(vectors)
    found = umap_map(vectors, graph.indices, graph.distances)
    assert found.shape == (count, 2)
    assert np.isfinite(found).all()
    if count > 50:
        distances = np.linalg.norm(found[:, None] - found, axis=2)
        np.fill_diagonal(distances, np.inf)
        assert (cluster[distances.argmin(axis=1)] == cluster).all()
        np.testing.assert_array_equal(found, umap_map(vectors, graph.indices, graph.distances))

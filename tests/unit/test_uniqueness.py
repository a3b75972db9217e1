"""Uniqueness: its definition in brute force, and every consequence of it that the design lists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from vector_cases import RADII, Items, build_graph, clustered, collections, distance_matrix, unit

from simwidget.metrics.uniqueness import uniqueness
from simwidget.neighbor_graph import best_of_groups
from simwidget.neighbors import PRODUCT_ERROR

SIZES = st.integers(1, 25)


def score(items: Items, radius: float, k: int = 20) -> npt.NDArray[np.float32]:
    return uniqueness(build_graph(*items, k=k), items.vectors, items.rank, radius)


def by_definition(items: Items, radius: float) -> list[np.float32]:
    matrix, rank = distance_matrix(items), items.rank
    limit = np.float32(radius)
    count = len(rank)
    scores = []
    for i in range(count):
        left_out = {j for j in range(count) if matrix[i, j] <= limit and rank[j] > rank[i]}
        scores.append(
            min((matrix[i, j] for j in range(count) if j != i and j not in left_out), default=np.float32(1))
        )
    return scores


@given(collections(), RADII, SIZES)
def test_equals_the_definition(items: Items, radius: float, k: int) -> None:
    scores = score(items, radius, k)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, by_definition(items, radius))


@given(collections(), st.data(), SIZES)
def test_equals_the_definition_where_the_radius_is_a_distance(items: Items, data: st.DataObject, k: int) -> None:
    radius = float(data.draw(st.sampled_from(distance_matrix(items).ravel().tolist())))
    np.testing.assert_array_equal(score(items, radius, k), by_definition(items, radius))


@pytest.mark.parametrize("k", [3, 20])
def test_equals_the_definition_on_clusters_larger_than_k(k: int) -> None:
    vectors = clustered(1500, 24, 12, 0.2)
    items = Items(vectors, np.arange(1500), np.random.default_rng(1).permutation(1500))
    for radius in (0.005, 0.02, 0.03, 0.05):
        np.testing.assert_array_equal(score(items, radius, k), by_definition(items, radius))


@given(collections(), RADII, SIZES)
def test_every_item_has_a_score_in_range(items: Items, radius: float, k: int) -> None:
    scores = score(items, radius, k)
    assert scores.shape == (len(items.rank),)
    assert ((scores >= 0) & (scores <= 1)).all()


@given(collections(), RADII, SIZES)
def test_copies_score_zero_and_their_keeper_does_not(items: Items, radius: float, k: int) -> None:
    scores = score(items, radius, k)
    for group in range(items.groups.max() + 1):
        members = np.flatnonzero(items.groups == group)
        keeper = members[items.rank[members].argmin()]
        assert scores[keeper] > 0
        assert not scores[members[members != keeper]].any()


@pytest.mark.parametrize("others", [0, 1, 50])
def test_ten_thousand_identical_images(others: int) -> None:
    vectors = np.concatenate([np.repeat(unit(np.ones((1, 8))), 10_000, axis=0), clustered(others, 8, 2, 0.9)])
    groups = np.concatenate([np.zeros(10_000, dtype=np.int64), 1 + np.arange(others)])
    items = Items(vectors, groups, np.random.default_rng(0).permutation(len(groups)))
    scores = score(items, 0.03)
    keeper = items.rank[:10_000].argmin()
    assert np.flatnonzero(scores[:10_000]).tolist() == [keeper]
    assert scores[keeper] == (
        1
        if others == 0
        else distance_matrix(items.subset(np.array([keeper, *range(10_000, len(groups))])))[0, 1:].min()
    )


@given(collections(), RADII.filter(lambda radius: radius < 1), st.data(), SIZES)
def test_deleting_by_score_is_safe(items: Items, radius: float, data: st.DataObject, k: int) -> None:
    scores = score(items, radius, k)
    matrix = distance_matrix(items)
    present = [0.0, radius, *(float(d) for d in matrix.ravel() if d <= np.float32(radius))]
    threshold = np.float32(data.draw(st.sampled_from(present)))
    survives = scores > threshold
    # Groups connected at the threshold: at least one of each stays, the best for keeping among them.
    parts = connected_components(matrix <= threshold, directed=False)[1]
    for part in range(parts.max() + 1):
        members = np.flatnonzero(parts == part)
        assert survives[members[items.rank[members].argmin()]]


@given(collections(min_size=2), RADII, SIZES)
def test_without_near_duplicates_it_is_the_distance_to_the_nearest(items: Items, radius: float, k: int) -> None:
    scores = score(items, radius, k)
    matrix = distance_matrix(items)
    np.fill_diagonal(matrix, np.inf)
    nearest = matrix.min(axis=1)
    isolated = nearest > np.float32(radius)
    np.testing.assert_array_equal(scores[isolated], nearest[isolated])


@given(collections(), RADII, st.randoms(use_true_random=False), SIZES)
def test_order_of_the_items_changes_no_score(items: Items, radius: float, random: object, k: int) -> None:
    order = np.arange(len(items.rank))
    random.shuffle(order)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(score(items.subset(order), radius, k), score(items, radius, k)[order])


def test_order_changes_no_score_among_thousands() -> None:
    # Bursts far closer together than a float32 product can tell, each larger than k.
    rng = np.random.default_rng(0)
    vectors = unit(np.repeat(clustered(60, 48, 60, 0.5), 30, axis=0) + 1e-5 * rng.standard_normal((1800, 48)))
    items = Items(vectors, np.arange(1800), rng.permutation(1800))
    order = rng.permutation(1800)
    np.testing.assert_array_equal(score(items.subset(order), 0.03), score(items, 0.03)[order])
    np.testing.assert_array_equal(score(items, 0.03), by_definition(items, 0.03))


@given(collections(), st.floats(0, 0.99), st.integers(1, 30), RADII, SIZES, st.randoms(use_true_random=False))
def test_unrelated_items_change_no_score(
    items: Items, share: float, count: int, radius: float, k: int, random: object
) -> None:
    dim = items.vectors.shape[1]
    items = items._replace(vectors=np.pad(items.vectors, ((0, 0), (0, 1))))
    scores = score(items, radius, k)
    # A new axis, and as little of the old ones as keeps the newcomers beyond every present score.
    cosine = share * max(1 - float(scores.max()) - PRODUCT_ERROR, 0)
    inside = unit(np.random.default_rng(count).standard_normal((count, dim)))
    strangers = unit(np.hstack([cosine * inside, np.full((count, 1), np.sqrt(1 - cosine**2))]))
    ranks = list(range(len(items.rank) + count))
    random.shuffle(ranks)  # type: ignore[attr-defined]
    kept = np.sort(ranks[: len(items.rank)])[items.rank]
    added = np.arange(count) + items.groups.max() + 1
    more = Items(
        np.concatenate([items.vectors, strangers]),
        np.concatenate([items.groups, np.unique(strangers, axis=0, return_inverse=True)[1].reshape(-1) + added[0]]),
        np.concatenate([kept, ranks[len(items.rank) :]]),
    )
    after = score(more, radius, k)[: len(items.rank)]
    # Nothing is beyond 1, and vectors at right angles are as far apart as their lengths are rounded.
    below = scores < 1 - PRODUCT_ERROR
    np.testing.assert_array_equal(after[below], scores[below])
    np.testing.assert_allclose(after[~below], 1, atol=PRODUCT_ERROR)


def test_no_items() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert score(Items(np.empty((0, 4), dtype=np.float32), nothing, nothing), 0.03).shape == (0,)


@given(collections(), RADII, SIZES, st.randoms(use_true_random=False))
def test_other_ranks_need_no_other_stand_ins(items: Items, radius: float, k: int, random: object) -> None:
    stand_ins = best_of_groups(items.groups, items.rank)
    ranks = list(range(len(items.rank)))
    random.shuffle(ranks)  # type: ignore[attr-defined]
    other = items._replace(rank=np.array(ranks))
    scores = uniqueness(build_graph(*other, stand_ins=stand_ins, k=k), items.vectors, other.rank, radius)
    one_vector_a_group = other._replace(vectors=items.vectors[stand_ins[items.groups]])
    np.testing.assert_array_equal(scores, by_definition(one_vector_a_group, radius))

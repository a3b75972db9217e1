"""Similar items: the nearest by brute force, with a radius, within some items; vectors from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vector_cases import Items, clustered, collections, unit

from simwidget.errors import InvalidValueError
from simwidget.neighbors import pair_distances
from simwidget.queries import checked_vector, checked_vectors, nearest

if TYPE_CHECKING:
    import numpy.typing as npt


@given(collections(), st.integers(1, 30), st.data())
def test_equals_brute_force(items: Items, k: int, data: st.DataObject) -> None:
    count = len(items.rank)
    asked = np.array(data.draw(st.lists(st.integers(0, count - 1), max_size=3)), dtype=np.int64)
    queries = items.vectors[asked] if len(asked) else unit([np.ones(items.vectors.shape[1])])
    radius = data.draw(st.none() | st.floats(0, 1))
    within = data.draw(st.none() | st.lists(st.booleans(), min_size=count, max_size=count).map(np.array))
    distances = pair_distances(items.vectors[:, None], queries[None]).min(axis=1)
    distances[np.isin(items.groups, items.groups[asked])] = 0
    expected = [
        i
        for i in sorted(range(count), key=lambda i: (distances[i], items.rank[i]))
        if i not in asked.tolist()
        and (radius is None or distances[i] <= np.float32(radius))
        and (within is None or within[i])
    ][:k]
    rows, found = nearest(items.vectors, queries, items.groups, items.rank, asked, k, radius=radius, within=within)
    assert rows.tolist() == expected
    np.testing.assert_array_equal(found, distances[rows])


def test_ties_beyond_k_go_by_rank() -> None:
    vectors = unit(np.repeat([[1.0, 0.0]], 100, axis=0))
    rank = np.random.default_rng(0).permutation(100)
    rows, _ = nearest(vectors, unit([[0.0, 1.0]]), np.arange(100), rank, np.empty(0, np.int64), 5)
    assert rank[rows].tolist() == [0, 1, 2, 3, 4]


def test_vectors_from_outside_are_scaled_to_unit_length() -> None:
    names = [f"{n}.jpg" for n in range(70_000)]
    array = 7 * clustered(70_000, 4, 3, 0.5)
    for given_array in (array, array.astype(np.float64), array.astype(np.float16)):
        vectors = checked_vectors(given_array, np.arange(70_000), names)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert checked_vectors(np.array([[3, 4]]), np.array([7]), ["a.jpg"]).tolist() == [
        [np.float32(0.6), np.float32(0.8)]
    ]
    np.testing.assert_allclose(checked_vector(np.array([3e30, 4e30], np.float32), 2), [[0.6, 0.8]])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 3)), r"shape \(3, d\).*these have shape \(2, 3\)"),
        (np.ones(3), r"these have shape \(3,\)"),
        (np.ones((3, 0)), r"these have shape \(3, 0\)"),
        (np.array([["a"], ["b"], ["c"]]), "type <U1"),
        (np.array([[1, 2], [np.nan, 1], [np.inf, 1]]), "the row of 'b.jpg' holds NaN or infinity"),
        (np.array([[1, 2], [1, 1], [0, 0]]), "the row of 'c.jpg' holds all zeros"),
    ],
)
def test_what_is_no_embedding_names_the_item(array: npt.NDArray[np.generic], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        checked_vectors(array, np.array([1, 2, 5]), ["a.jpg", "b.jpg", "c.jpg"])


@pytest.mark.parametrize("vector", [np.zeros(3), np.ones(2), np.array([1, 2, np.nan]), np.array([1, 2, np.inf])])
def test_a_query_vector_that_is_none(vector: npt.NDArray[np.float64]) -> None:
    with pytest.raises(InvalidValueError, match="has 3 finite numbers"):
        checked_vector(vector, 3)


def test_the_distance_of_a_vector_to_itself_is_0() -> None:
    vectors = clustered(500, 300, 10, 0.3)
    nobody = np.empty(0, np.int64)
    for row in range(500):
        rows, distances = nearest(
            vectors, vectors[row : row + 1], np.arange(500), np.arange(500), nobody, 3, radius=0.0
        )
        assert (rows.tolist(), distances.tolist()) == ([row], [0.0])


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_numbers_whose_squares_leave_the_range_of_floats_are_vectors_too(factor: float) -> None:
    rows = np.array([[3.0, 4.0], [-4.0, 3.0]]) * factor
    np.testing.assert_allclose(
        checked_vectors(rows, np.array([1, 2]), ["a.jpg", "b.jpg"]), [[0.6, 0.8], [-0.8, 0.6]]
    )
    np.testing.assert_allclose(checked_vector(rows[0], 2), [[0.6, 0.8]])

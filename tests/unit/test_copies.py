"""Groups of copies, and which pixels have to be hashed in full to find them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vector_cases import collections, hashes, unit

from simwidget.copies import pixel_hash_candidates, same_image_groups

TOLERANCE = 3  # of a mean colour, as the module documents


def content(*numbers: int) -> np.ndarray:
    return np.array(hashes(list(numbers)), dtype="V16")


@given(st.data())
def test_groups_are_the_connected_components(data: st.DataObject) -> None:
    vectors = data.draw(collections()).vectors
    count = len(vectors)
    few = st.lists(st.integers(0, count), min_size=count, max_size=count)
    bytes_of, pixels_of = data.draw(few), data.draw(few)
    pixels = [None if number == 0 else hashes([number])[0] for number in pixels_of]

    expected = np.arange(count)
    for _ in range(count):
        for i in range(count):
            for j in range(i):
                if (
                    bytes_of[i] == bytes_of[j]
                    or pixels_of[i] == pixels_of[j] != 0
                    or (vectors[i] == vectors[j]).all()
                ):
                    expected[expected == expected[i]] = expected[j]
    first_seen = {group: number for number, group in enumerate(dict.fromkeys(expected.tolist()))}
    groups = same_image_groups(content(*bytes_of), pixels, vectors)
    assert groups.dtype == np.int64
    assert groups.tolist() == [first_seen[group] for group in expected.tolist()]


def test_each_kind_of_copy_joins_and_joins_transitively() -> None:
    vectors = unit([[1, 0], [0, 1], [1, 1], [1, 1], [-1, 0]])
    pixels = [None, *hashes([7, 7, 8]), None]
    # 0 and 1 by bytes, 1 and 2 by pixels, 2 and 3 by vectors
    assert same_image_groups(content(1, 1, 2, 3, 4), pixels, vectors).tolist() == [0, 0, 0, 0, 1]


def test_signed_zeros_are_equal() -> None:
    vectors = np.array([[1, 0.0], [1, -0.0]], dtype=np.float32)
    assert same_image_groups(content(1, 2), [None, None], vectors).tolist() == [0, 0]


def test_hashes_of_bytes_and_of_pixels_are_different_things() -> None:
    assert same_image_groups(content(1, 2), [*hashes([2]), None], unit([[1, 0], [0, 1]])).tolist() == [0, 1]


def test_hashes_with_zero_bytes_are_told_apart() -> None:
    numbers = [0, 1, 256, 1 << 120, 1 << 64]
    vectors = unit(np.eye(5))
    assert same_image_groups(content(*numbers), hashes(numbers), vectors).tolist() == [0, 1, 2, 3, 4]


def test_no_items() -> None:
    assert same_image_groups(content(), [], np.empty((0, 5), dtype=np.float32)).shape == (0,)
    nothing = candidates(
        np.empty((0, 2), dtype=np.int32), np.empty((0, 48), dtype=np.uint8), np.empty(0, dtype=bool)
    )
    assert nothing.shape == (0,)


def candidates(sizes: np.ndarray, signatures: np.ndarray, unhashed: np.ndarray) -> np.ndarray:
    """Candidates where only scaled-down decodes were made."""
    count = len(sizes)
    return pixel_hash_candidates(sizes, signatures, np.zeros(count, "V16"), np.ones(count, bool), unhashed)


@given(st.data(), st.integers(1, 20))
def test_candidates_by_definition(data: st.DataObject, count: int) -> None:
    def column(elements: st.SearchStrategy[object]) -> np.ndarray:
        return np.array(data.draw(st.lists(elements, min_size=count, max_size=count)))

    sizes = column(st.sampled_from([(640, 480), (480, 640), (100, 100)])).astype(np.int32)
    signatures = np.full((count, 48), 100, dtype=np.uint8)
    signatures[np.arange(count), column(st.integers(0, 1)).astype(int)] += column(st.integers(0, 9)).astype(
        np.uint8
    )
    unhashed = column(st.booleans()).astype(bool)
    gaps = np.abs(signatures[:, None].astype(int) - signatures[None]).max(axis=2)
    alike = (gaps <= TOLERANCE) & (sizes[:, None] == sizes[None]).all(axis=2)
    np.fill_diagonal(alike, False)
    assert candidates(sizes, signatures, unhashed).tolist() == np.flatnonzero(alike.any(axis=1) & unhashed).tolist()


@given(st.data(), st.integers(1, 20))
def test_of_full_decodes_only_equal_thumbnails_are_candidates(data: st.DataObject, count: int) -> None:
    def column(elements: st.SearchStrategy[object]) -> np.ndarray:
        return np.array(data.draw(st.lists(elements, min_size=count, max_size=count)))

    sizes = column(st.sampled_from([(640, 480), (480, 640)])).astype(np.int32)
    numbers = column(st.integers(0, 4))
    unhashed = column(st.booleans()).astype(bool)
    signatures = np.full((count, 48), 100, dtype=np.uint8)  # all alike, which does not matter here
    same = (numbers[:, None] == numbers[None]) & (sizes[:, None] == sizes[None]).all(axis=2) & unhashed[None]
    np.fill_diagonal(same, False)
    found = pixel_hash_candidates(sizes, signatures, content(*numbers.tolist()), np.zeros(count, bool), unhashed)
    assert found.tolist() == np.flatnonzero(same.any(axis=1) & unhashed).tolist()


@pytest.mark.parametrize("same_size", [True, False])
def test_candidates_among_many_alike_or_many_sizes(same_size: bool) -> None:
    count = 20_000  # as pairs, the frames alike would take 3 GB
    rng = np.random.default_rng(0)
    sizes = np.ones((count, 2), dtype=np.int32)
    sizes[:, 0] += 0 if same_size else np.arange(count, dtype=np.int32)
    signatures = (100 + rng.integers(0, 3, size=(count, 48))).astype(np.uint8)
    found = candidates(sizes, signatures, np.ones(count, dtype=bool))
    assert len(found) == (count if same_size else 0)


def test_candidates_scattered_among_photos() -> None:
    rng = np.random.default_rng(0)
    signatures = rng.integers(10, 240, size=(5_000, 48)).astype(np.uint8)
    copies = rng.permutation(5_000)[:400].reshape(2, 200)
    signatures[copies[1]] = signatures[copies[0]] + rng.integers(-3, 4, size=(200, 48))
    found = candidates(np.ones((5_000, 2), dtype=np.int32), signatures, np.ones(5_000, dtype=bool))
    assert found.tolist() == sorted(copies.ravel().tolist())

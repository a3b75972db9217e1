"""Label metrics: their definitions in plain loops, and what follows from them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simwidget.errors import InvalidValueError
from simwidget.metrics.labels import label_agreement, label_codes, labels_of, suspected_labels

KS = st.integers(1, 12)


class Labelled(NamedTuple):
    indices: npt.NDArray[np.int32]
    distances: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int64]


@st.composite
def labelled_graphs(draw: st.DrawFn) -> Labelled:
    """Draw graphs with ties, copies and items without a label."""
    count = draw(st.integers(1, 12))
    columns = draw(st.integers(0, count - 1))
    step = draw(st.sampled_from([0.0, 1e-6, 0.01, 0.25]))
    indices = np.empty((count, columns), np.int32)
    distances = np.empty((count, columns), np.float32)
    for item in range(count):
        others = [other for other in range(count) if other != item]
        indices[item] = draw(st.permutations(others))[:columns]
        steps = draw(st.lists(st.integers(0, 4), min_size=columns, max_size=columns))
        distances[item] = np.float32(step) * np.sort(np.array(steps, np.float32))
    codes = draw(st.lists(st.integers(-1, 2), min_size=count, max_size=count))
    return Labelled(indices, distances, np.array(codes, np.int64))


def agreement_by_definition(graph: Labelled, k: int) -> list[float]:
    shares = []
    for item, own in enumerate(graph.codes):
        asked = [graph.codes[j] for j in graph.indices[item, :k] if graph.codes[j] >= 0]
        shares.append(sum(label == own for label in asked) / len(asked) if asked and own >= 0 else math.nan)
    return shares


def suspicion_by_definition(graph: Labelled, k: int) -> tuple[list[int], list[float]]:
    suspected, shares = [], []
    for item, own in enumerate(graph.codes.tolist()):
        neighbors = zip(graph.indices[item], graph.distances[item].tolist(), strict=True)
        voters = [(int(graph.codes[j]), distance) for j, distance in neighbors if graph.codes[j] >= 0][:k]
        if not voters:
            suspected.append(-1)
            shares.append(math.nan)
            continue
        farthest = max(distance for _, distance in voters)
        votes: dict[int, float] = {}  # in the order of the nearest voters
        for label, distance in voters:
            weight = farthest / 4 / (distance + farthest / 4) if farthest > 0 else 1.0
            votes[label] = votes.get(label, 0.0) + weight
        most = max(votes.values())
        winner = own if votes.get(own) == most else next(label for label in votes if votes[label] == most)
        suspected.append(-1 if winner == own else winner)
        shares.append(most / sum(votes.values()))
    return suspected, shares


@given(labelled_graphs(), KS)
def test_agreement_equals_the_definition(graph: Labelled, k: int) -> None:
    shares = label_agreement(graph.indices, graph.codes, k)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares, agreement_by_definition(graph, k), rtol=1e-6)


@given(labelled_graphs(), KS)
def test_suspicion_equals_the_definition(graph: Labelled, k: int) -> None:
    suspected, shares = suspected_labels(*graph, k)
    assert (suspected.dtype, shares.dtype) == (np.int64, np.float32)
    expected = suspicion_by_definition(graph, k)
    assert suspected.tolist() == expected[0]
    np.testing.assert_allclose(shares, expected[1], rtol=1e-6)


@given(labelled_graphs(), KS, st.permutations(range(3)))
def test_nothing_hangs_on_the_numbering_of_the_labels(graph: Labelled, k: int, order: list[int]) -> None:
    renumber = np.array([*order, -1])  # -1 stays
    suspected, shares = suspected_labels(*graph, k)
    again, shares_again = suspected_labels(graph.indices, graph.distances, renumber[graph.codes], k)
    np.testing.assert_array_equal(again, renumber[suspected])
    np.testing.assert_array_equal(shares_again, shares)


@given(labelled_graphs(), KS, st.sampled_from([2.0**-10, 0.5, 4.0]))
def test_nothing_hangs_on_the_scale_of_the_distances(graph: Labelled, k: int, scale: float) -> None:
    scaled = graph._replace(distances=graph.distances * np.float32(scale))
    for one, other in zip(suspected_labels(*scaled, k), suspected_labels(*graph, k), strict=True):
        np.testing.assert_array_equal(one, other)


def votes(neighbors: list[tuple[str, float]], own: str | None, k: int = 10) -> tuple[str | None, float]:
    """Suspected label of an item with these neighbors, and the share."""
    codes, names = label_codes([own, *(label for label, _ in neighbors)])
    indices = np.tile(np.arange(1, len(codes), dtype=np.int32), (len(codes), 1))
    distances = np.tile(np.array([distance for _, distance in neighbors], np.float32), (len(codes), 1))
    suspected, shares = suspected_labels(indices, distances, codes, k)
    return (names[suspected[0]] if suspected[0] >= 0 else None), float(shares[0])


def test_a_copy_counts_five_times_as_much_as_the_farthest_voter() -> None:
    copy = [("cat", 0.0)]
    assert votes(copy + 4 * [("dog", 0.2)], "dog") == ("cat", pytest.approx(5 / 9))
    assert votes(copy + 5 * [("dog", 0.2)], "dog") == (None, pytest.approx(1 / 2))
    assert votes(copy + 9 * [("dog", 0.2)], "cat") == ("dog", pytest.approx(9 / 14))
    assert votes(copy + 9 * [("dog", 1e-6)], "cat") == ("dog", pytest.approx(9 / 14))


def test_near_voters_count_more() -> None:
    assert votes([("cat", 0.01), ("dog", 0.3), ("dog", 0.3)], "dog")[0] == "cat"
    assert votes([("cat", 0.29), ("dog", 0.3), ("dog", 0.3)], "cat")[0] == "dog"


def test_ties_go_to_the_own_label_then_to_the_nearest() -> None:
    tied = [("cat", 0.1), ("dog", 0.1), ("cow", 0.3)]
    assert votes(tied, "dog")[0] is None
    assert votes(tied, "cow")[0] == "cat"
    assert votes(tied, None)[0] == "cat"
    assert votes([tied[1], tied[0], tied[2]], "cow")[0] == "dog"


def test_only_the_nearest_k_with_a_label_vote() -> None:
    codes = np.array([0, -1, -1, 1, 1, 0, 0, 0])
    indices = np.tile(np.arange(1, 8, dtype=np.int32), (8, 1))
    distances = np.full((8, 7), 0.1, np.float32)
    suspected, shares = suspected_labels(indices, distances, codes, 3)
    assert (suspected[0], shares[0]) == (1, np.float32(2 / 3))
    assert label_agreement(indices, codes, 3)[0] == 0  # of the nearest three one has a label
    assert np.isnan(label_agreement(indices, codes, 2)[0])
    assert label_agreement(indices, codes, 5)[0] == np.float32(1 / 3)


def test_an_item_without_label_gets_a_proposal_but_no_agreement() -> None:
    assert votes([("cat", 0.1), ("cat", 0.2), ("dog", 0.2)], None)[0] == "cat"
    codes = np.array([-1, 0, 0])
    indices = np.array([[1, 2], [0, 2], [0, 1]], np.int32)
    np.testing.assert_array_equal(label_agreement(indices, codes), np.array([np.nan, 1, 1], np.float32))


def test_blocks_fit_together() -> None:
    """More items than are computed at once give what each would alone."""
    rng = np.random.default_rng(0)
    count = 40_000
    indices = rng.integers(0, count, (count, 6), dtype=np.int32)
    distances = np.sort(rng.random((count, 6), dtype=np.float32), axis=1)
    codes = rng.integers(-1, 4, count)
    some = np.arange(0, count, 997)
    shares = label_agreement(indices, codes)
    suspected, votes_share = suspected_labels(indices, distances, codes)
    for item in some.tolist():
        codes_here = np.concatenate([codes[[item]], codes[indices[item]]])
        row = np.tile(np.arange(1, 7, dtype=np.int32), (7, 1))
        one = suspected_labels(row, np.tile(distances[item], (7, 1)), codes_here)
        assert (suspected[item], votes_share[item]) == (one[0][0], one[1][0])
        np.testing.assert_array_equal(shares[item], label_agreement(row, codes_here)[0])


def test_labels_are_numbered_in_their_order() -> None:
    codes, names = label_codes(["dog", None, "cat", "dog", ""])
    assert labels_of(codes, names) == ["dog", None, "cat", "dog", ""]
    assert codes.dtype == np.int64
    assert codes.tolist() == [2, -1, 1, 2, 0]
    assert names == ["", "cat", "dog"]
    assert label_codes([])[0].shape == (0,)
    assert label_codes([None])[1] == []


@pytest.mark.parametrize("k", [0, -1, 2.0, True, None])
def test_k_out_of_range_is_refused(k: object) -> None:
    graph = Labelled(np.zeros((2, 1), np.int32), np.zeros((2, 1), np.float32), np.zeros(2, np.int64))
    with pytest.raises(InvalidValueError, match="k is a number of neighbors, at least 1, not"):
        label_agreement(graph.indices, graph.codes, k)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="k is a number of neighbors, at least 1, not"):
        suspected_labels(*graph, k)  # type: ignore[arg-type]


def test_shapes_that_do_not_match_are_refused() -> None:
    indices, codes = np.zeros((2, 1), np.int32), np.zeros(2, np.int64)
    with pytest.raises(InvalidValueError, match=r"not \(2, 1\) and \(3,\)"):
        label_agreement(indices, np.zeros(3, np.int64))
    with pytest.raises(InvalidValueError, match=r"distances have shape \(2, 2\), their indices \(2, 1\)"):
        suspected_labels(indices, np.zeros((2, 2), np.float32), codes)

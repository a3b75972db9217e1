"""Label metrics: which items have another label than the images that look like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Codes = npt.NDArray[np.int64]

AGREEMENT = "Label agreement"
"""Name of the metric of :func:`label_agreement`."""

NEIGHBORS = 10
_NONE = -1  # code of an item without a label
_BLOCK = 16_384  # items at once: few enough to stay in the processor's cache
_COPY_VOTES = 5.0  # votes of a copy, counted in votes of the farthest voter


def label_codes(labels: Sequence[str | None]) -> tuple[Codes, list[str]]:
    """Number labels.

    Parameters
    ----------
    labels : sequence of str or None
        Label of each item; None where it has none.

    Returns
    -------
    codes : ndarray of int64, shape (n,)
        Positions in ``names``; -1 for None.
    names : list of str
        The labels that occur, sorted.
    """
    names = sorted({label for label in labels if label is not None})
    number: dict[str | None, int] = {name: code for code, name in enumerate(names)}
    number[None] = _NONE
    return np.fromiter((number[label] for label in labels), np.int64, len(labels)), names


def labels_of(codes: npt.NDArray[np.integer], names: Sequence[str]) -> list[str | None]:
    """Give the labels that codes stand for: the way back from :func:`label_codes`."""
    return [names[code] if code >= 0 else None for code in codes.tolist()]


def label_agreement(indices: npt.NDArray[np.integer], codes: npt.NDArray[np.integer], k: int = NEIGHBORS) -> Floats:
    """Compute Label agreement: the share of the nearest other items that have the same label.

    Parameters
    ----------
    indices : ndarray of int32, shape (n, K)
        Neighbors of each item, nearest first, as in ``NeighborGraph.indices``.
    codes : ndarray of int64, shape (n,)
        Labels as of :func:`label_codes`; negative for none.
    k : int, default 10
        How many neighbors are asked, those without a label included; all K where that is less.

    Returns
    -------
    ndarray of float32, shape (n,)
        Share of those of them that have a label, in [0, 1]. NaN for an item without a label, or when none
        of its k neighbors has one.

    Raises
    ------
    InvalidValueError
        If ``k`` is below 1, or the shapes do not match.
    """
    _check(indices, codes, k)
    shares = np.full(len(codes), np.nan, np.float32)
    for start in range(0, len(codes), _BLOCK):
        block = slice(start, start + _BLOCK)
        own = codes[block]
        theirs = codes[indices[block, :k]]
        asked = np.count_nonzero(theirs >= 0, axis=1)
        same = np.count_nonzero(theirs == own[:, None], axis=1)
        np.divide(same, asked, out=shares[block], where=(asked > 0) & (own >= 0), casting="same_kind")
    return shares


def suspected_labels(
    indices: npt.NDArray[np.integer],
    distances: Floats,
    codes: npt.NDArray[np.integer],
    k: int = NEIGHBORS,
) -> tuple[Codes, Floats]:
    """Compute Suspected label: what the nearest labelled items vote for, where that is not the item's label.

    A vote weighs 1 / (distance + s), inverse distance weighting (Dudani, "The distance-weighted
    k-nearest-neighbor rule", IEEE Transactions on Systems, Man, and Cybernetics, 1976), where s is a quarter of
    the distance of the item's farthest voter. With a small constant in place of s a copy, at distance 0, would
    decide alone, against any number of others; and it would be right for one embedder's scale of distances
    only. This way the nearest voter counts at most five times as much as the farthest, whatever the scale, and
    neighbors at nearly equal distances count nearly alike. (Dudani's other weighting, linear from 1 down to 0,
    is free of scale as well, but leaves the farthest voter without a vote.)

    Parameters
    ----------
    indices : ndarray of int32, shape (n, K)
        Neighbors of each item, nearest first, as in ``NeighborGraph.indices``.
    distances : ndarray of float32, shape (n, K)
        Their cosine distances in [0, 1].
    codes : ndarray of int64, shape (n,)
        Labels as of :func:`label_codes`; negative for none.
    k : int, default 10
        How many vote: the k nearest among the K neighbors that have a label, or as many as there are.

    Returns
    -------
    suspected : ndarray of int64, shape (n,)
        Code of the winning label where it is not the item's own, else -1. For an item without a label the
        winner is a proposal. The item's own label wins a tie, otherwise the one whose voter is nearest. -1
        where nobody votes.
    share : ndarray of float32, shape (n,)
        The winner's share of the weights of all votes, in (0, 1]; NaN where nobody votes.

    Raises
    ------
    InvalidValueError
        If ``k`` is below 1, or the shapes do not match.
    """
    _check(indices, codes, k)
    if distances.shape != indices.shape:
        raise InvalidValueError(f"distances have shape {distances.shape}, their indices {indices.shape}.")
    suspected = np.full(len(codes), _NONE, np.int64)
    shares = np.full(len(codes), np.nan, np.float32)
    for start in range(0, len(codes), _BLOCK):
        block = slice(start, start + _BLOCK)
        labels, weights = _voters(codes[indices[block]], distances[block], k)
        suspected[block], shares[block] = _elect(labels, weights, codes[block])
    return suspected, shares


def _check(indices: npt.NDArray[np.integer], codes: npt.NDArray[np.integer], k: int) -> None:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidValueError(f"k is a number of neighbors, at least 1, not {k!r}.")
    if indices.ndim != 2 or codes.shape != indices.shape[:1]:
        raise InvalidValueError(
            f"Of n items, neighbors have the shape (n, K) and codes (n,), not {indices.shape} and {codes.shape}."
        )


def _voters(
    labels: npt.NDArray[np.integer], distances: Floats, k: int
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float64]]:
    """Labels and weights, nearest first, of the first k neighbors that have a label; weight 0 for who has none."""
    if not (labels >= 0).all():
        # Stable, so that both halves stay nearest first.
        labelled_first = np.argsort(labels < 0, axis=1, kind="stable")[:, :k]
        labels = np.take_along_axis(labels, labelled_first, axis=1)
        distances = np.take_along_axis(distances, labelled_first, axis=1)
    labels = labels[:, :k]
    votes = labels >= 0
    apart = distances[:, :k].astype(np.float64)
    farthest = np.where(votes, apart, 0).max(axis=1, initial=0, keepdims=True)
    # s / (distance + s), the weight times s, which is 1 for a copy; where all voters are copies all count alike.
    softening = np.where(farthest > 0, farthest, 1) / (_COPY_VOTES - 1)
    return labels, np.where(votes, softening / (apart + softening), 0)


def _elect(
    labels: npt.NDArray[np.integer], weights: npt.NDArray[np.float64], own: npt.NDArray[np.integer]
) -> tuple[Codes, Floats]:
    """Suspected labels and the winner's shares of some items."""
    if labels.shape[1] == 0:
        return np.full(len(own), _NONE, np.int64), np.full(len(own), np.nan, np.float32)
    # What the label of each voter gets in all. Added up nearest first, so that equal votes give equal sums.
    votes = np.zeros_like(weights)
    for column in range(labels.shape[1]):
        votes += weights[:, column, None] * (labels == labels[:, column, None])
    best = votes.max(axis=1)
    first = votes.argmax(axis=1)
    winner = np.take_along_axis(labels, first[:, None], axis=1)[:, 0]
    own_votes = np.where(labels == own[:, None], votes, 0).max(axis=1)
    decided = (best > 0) & ((own < 0) | (own_votes < best))
    with np.errstate(invalid="ignore"):
        shares = best / weights.sum(axis=1)
    return np.where(decided, winner, _NONE), shares.astype(np.float32)

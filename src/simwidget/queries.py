"""The items nearest to a query, by exact products over the embeddings. Pure numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.errors import InvalidValueError
from simwidget.names import in_order_of
from simwidget.neighbors import PRODUCT_ERROR, blocks, distances_to, pair_distances

if TYPE_CHECKING:
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]
    Rows = npt.NDArray[np.int64]


def nearest(
    vectors: Vectors,
    queries: Vectors,
    groups: Rows,
    rank: Rows,
    asked: Rows,
    k: int,
    *,
    radius: float | None = None,
    within: npt.NDArray[np.bool_] | None = None,
) -> tuple[Rows, Vectors]:
    """Find the items nearest to any of some query vectors.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Unit rows of the items.
    queries : ndarray of float32, shape (q, d)
        Unit rows.
    groups, rank : ndarray of int64, shape (n,)
        Groups of copies, and rank for keeping, which decides between equal distances.
    asked : ndarray of int64
        Positions of the items that the queries are; left out, and their copies are at distance 0.
    k : int
        How many, at most.
    radius : float, optional
        Only items within this cosine distance.
    within : ndarray of bool, shape (n,), optional
        Only these items.

    Returns
    -------
    rows : ndarray of int64
        Positions, nearest first.
    distances : ndarray of float32
        Cosine distances in [0, 1].
    """
    proposed = distances_to(vectors, queries)
    copies = np.isin(groups, groups[asked])
    proposed[copies] = 0.0
    proposed[asked] = np.inf
    if within is not None:
        proposed[~within] = np.inf
    # As in the graph: a float32 product proposes, with room for its error, and the exact distances decide.
    limit = np.finfo(np.float32).max if radius is None else radius + PRODUCT_ERROR
    candidates = np.flatnonzero(proposed <= limit)
    if k < len(candidates):
        of_candidates = proposed[candidates]
        kth = np.partition(of_candidates, k - 1)[k - 1]
        candidates = candidates[of_candidates <= kth + 2 * PRODUCT_ERROR]
    distances = np.ones(len(candidates), dtype=np.float32)
    for start, stop in blocks(len(candidates), max(len(queries), vectors.shape[1])):
        block = vectors[candidates[start:stop]]
        similarity = block @ queries.T
        of, to = np.nonzero(similarity >= similarity.max(axis=1, keepdims=True) - 2 * PRODUCT_ERROR)
        np.minimum.at(distances, start + of, pair_distances(block[of], queries[to]))
    distances[copies[candidates]] = 0.0
    order = np.lexsort((rank[candidates], distances))
    if radius is not None:
        order = order[distances[order] <= np.float32(radius)]
    return candidates[order[:k]], distances[order[:k]]


def unit_rows(rows: npt.NDArray[Any]) -> tuple[Vectors, npt.NDArray[np.float64]]:
    """Scale rows to unit length.

    Parameters
    ----------
    rows : ndarray of numbers, shape (n, d)

    Returns
    -------
    unit : ndarray of float32, shape (n, d)
        Undefined where the norm is not positive.
    norms : ndarray of float64, shape (n,)
        Of the rows over their largest number: positive, or 0 for a zero row, or NaN for one with NaN or infinity.
    """
    rows = rows.astype(np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = np.where(largest > 0, rows / largest, rows)  # squares of huge and tiny numbers leave float64
        norms = np.linalg.norm(rows, axis=1)
        return (rows / norms[:, None]).astype(np.float32), norms


def checked_distance(argument: str, value: float) -> None:
    """Raise InvalidValueError unless an argument is a cosine distance in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise InvalidValueError(f"{argument} is a cosine distance in [0, 1], not {value!r}.")


def checked_vector(query: npt.NDArray[np.floating], dim: int) -> Vectors:
    """Make a unit row, shape (1, dim), of a vector that came from outside.

    Raises
    ------
    InvalidValueError
        It has another length, is zero, or holds NaN or infinity.
    """
    vector, norms = unit_rows(query.reshape(1, -1))
    if vector.shape[1] != dim or not norms[0] > 0:
        raise InvalidValueError(
            f"A vector to compare with has {dim} finite numbers, not all 0; this one has shape {query.shape}."
        )
    return vector


def checked_vectors(array: object, ids: npt.NDArray[np.int64], names: list[str]) -> Vectors:
    """Make unit rows, shape (n, d), of embeddings that came from outside.

    Parameters
    ----------
    array : array of shape (n, d)
        In the order of the items; a DataFrame indexed by id may come in any.
    ids : ndarray of int64, shape (n,)
    names : list of str, length n
        What each row belongs to, for messages.

    Raises
    ------
    InvalidValueError
        The shape or type is wrong, or a row is zero or holds NaN or infinity; the message names the first item.
    """
    given = in_order_of(ids, array, "embeddings")
    if given.ndim != 2 or len(given) != len(names) or given.shape[1] == 0 or given.dtype.kind not in "fiu":
        raise InvalidValueError(
            f"Embeddings are numbers of shape ({len(names)}, d), one row an item in the order of project.ids; "
            f"these have shape {given.shape} and type {given.dtype}."
        )
    unit = np.empty(given.shape, dtype=np.float32)
    for start in range(0, len(given), 65_536):
        rows, norms = unit_rows(given[start : start + 65_536])
        bad = np.flatnonzero(~(norms > 0))
        if len(bad):
            what = "all zeros" if norms[bad[0]] == 0 else "NaN or infinity"
            raise InvalidValueError(
                f"Embeddings are finite and not zero, but the row of {names[start + int(bad[0])]!r} holds {what}."
            )
        unit[start : start + len(rows)] = rows
    return unit

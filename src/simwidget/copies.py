"""Which items are the same image: same bytes, same pixels, or equal vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

# By how much a mean colour (0 to 255) may differ between a scaled-down and a full decode of equal pixels: at most
# 1.3 on photos. Pages of text (up to 6) and saturated lines one pixel wide can differ by more: missed then.
_SIGNATURE_TOLERANCE = 3
_WINDOW = 16  # signatures in ascending order that are compared with each one before all are searched


def same_image_groups(
    content: npt.NDArray[np.void], pixels: Sequence[bytes | None], vectors: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Group items whose distance is 0 whatever else the embedder says.

    Parameters
    ----------
    content : ndarray of void, shape (n,)
        Hashes of the bytes.
    pixels : sequence of bytes or None, length n
        Hashes of the pixels; None joins nothing.
    vectors : ndarray of float32, shape (n, d)
        Embeddings; equal rows are joined.

    Returns
    -------
    ndarray of int64, shape (n,)
        Number of the group of each item, from 0 in order of first appearance.
    """
    count = len(content)
    if count == 0:
        return np.empty(0, dtype=np.int64)
    known = [row for row, value in enumerate(pixels) if value is not None]
    hashed = np.array([pixels[row] for row in known], dtype=content.dtype)
    edges = [
        _links(_codes(content), np.arange(count)),
        _links(_codes(hashed), np.array(known, dtype=np.int64)),
        _links(_codes(_rows_as_void(vectors)), np.arange(count)),
    ]
    return _components(count, np.concatenate(edges))


def pixel_hash_candidates(
    sizes: npt.NDArray[np.int32],
    signatures: npt.NDArray[np.uint8],
    thumbnails: npt.NDArray[np.void],
    scaled: npt.NDArray[np.bool_],
    unhashed: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Items whose pixels have to be hashed in full to know whether they equal another item's.

    Hashing all pixels costs time, and large JPEGs are decoded scaled down, so that most images are not hashed when
    they are read. Equal pixels imply equal size and equal thumbnails, or, where a scaled-down decode was made of
    one of them, nearly equal mean colors; only items that agree with another item in that are returned.

    Parameters
    ----------
    sizes : ndarray of int32, shape (n, 2)
        Width and height, pixels.
    signatures : ndarray of uint8, shape (n, 48)
        Mean colours of a grid of cells, see ``imaging.DecodedImage.signature``.
    thumbnails : ndarray of void, shape (n,)
        Hashes of the thumbnails; any value where ``scaled``, or where not ``unhashed``.
    scaled : ndarray of bool, shape (n,)
        Items of which only a scaled-down decode was made.
    unhashed : ndarray of bool, shape (n,)
        Items without a hash of their pixels.

    Returns
    -------
    ndarray of int64
        Positions, ascending, all of them unhashed.
    """
    from scipy.spatial import cKDTree

    needed = np.zeros(len(sizes), dtype=bool)
    codes = _codes(_rows_as_void(sizes))
    order = np.argsort(codes, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        if len(members) < 2 or not unhashed[members].any():
            continue
        if not scaled[members].any():
            candidates = members[unhashed[members]]
            _, of_thumbnail = np.unique(thumbnails[candidates], return_inverse=True)
            needed[candidates[np.bincount(of_thumbnail)[of_thumbnail] > 1]] = True
            continue
        distinct, of_distinct = np.unique(signatures[members], axis=0, return_inverse=True)
        of_distinct = of_distinct.reshape(-1)  # numpy 2.0 alone returns it with shape (m, 1)
        alike = np.bincount(of_distinct) > 1
        # Frames of a fixed camera are alike by the thousand, where a tree would look at all of them for each.
        levels = distinct.astype(np.int16)
        for step in range(1, min(_WINDOW, len(levels))):
            close = (np.abs(levels[step:] - levels[:-step]) <= _SIGNATURE_TOLERANCE).all(axis=1)
            alike[step:] |= close
            alike[:-step] |= close
        single = np.flatnonzero(~alike)
        if len(single):
            beyond = _SIGNATURE_TOLERANCE + 0.5
            gaps = cKDTree(levels).query(levels[single], k=[2], p=np.inf, distance_upper_bound=beyond)[0]
            alike[single] = np.isfinite(gaps).reshape(-1)
        needed[members[alike[of_distinct]]] = True
    return np.flatnonzero(needed & unhashed)


def _codes(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Equal numbers for equal values."""
    codes: npt.NDArray[np.int64] = np.unique(values, return_inverse=True)[1].reshape(-1)
    return codes


def _rows_as_void(array: npt.NDArray[Any]) -> npt.NDArray[np.void]:
    """View each row as one opaque value, with -0.0 made +0.0 so that equal rows have equal bytes."""
    contiguous = np.ascontiguousarray(array + 0 if array.dtype.kind == "f" else array)
    if contiguous.shape[1] == 0:
        return np.zeros(len(contiguous), dtype="V1")
    return contiguous.view(f"V{contiguous.dtype.itemsize * contiguous.shape[1]}").reshape(-1)


def _links(codes: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Edges between consecutive items of the same code, shape (e, 2)."""
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    return np.stack([items[order[:-1][same]], items[order[1:][same]]], axis=1)


def _components(count: int, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    weights = np.ones(len(edges), dtype=bool)
    graph = coo_array((weights, (edges[:, 0], edges[:, 1])), shape=(count, count))
    labels: npt.NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels

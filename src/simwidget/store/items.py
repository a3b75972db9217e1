"""What the store writes and reads of items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.imaging import HASH_BYTES
from simwidget.metrics.labels import label_codes

if TYPE_CHECKING:
    import numpy.typing as npt

# Of which content of which item something was computed.
ROW = np.dtype([("id", "<i8"), ("content", f"V{HASH_BYTES}")])


def rows_of(ids: npt.NDArray[np.int64], content: npt.NDArray[np.void]) -> npt.NDArray[Any]:
    """Put ids and content, each of shape (n,), into one array of the type ``ROW``."""
    rows = np.empty(len(ids), dtype=ROW)
    rows["id"], rows["content"] = ids, content
    return rows


@dataclass(frozen=True)
class ItemRecord:
    """What a build writes for one item.

    The content of a readable file, or in ``error`` the reason why there is none; and its vector, or in
    ``embedding_error`` the reason why there is none. Both None leave the stored vector as it is.
    """

    id: int
    error: str | None = None
    width: int = 0
    height: int = 0
    bytes_hash: bytes = b""
    pixels_hash: bytes | None = None
    signature: bytes = b""
    mean_color: bytes = b""
    sharpness: float = 0.0
    thumbnail: bytes = b""
    vector: npt.NDArray[np.float32] | None = None
    quality: npt.NDArray[np.float32] | None = None
    embedding_error: str | None = None
    thumbnail_hash: bytes | None = None


@dataclass(frozen=True)
class ItemTable:
    """The readable items that are present, as columns; ``n`` rows in ascending order of id.

    Attributes
    ----------
    ids : ndarray of int64, shape (n,)
    paths : list of str
        Relative to the source, ``/`` separated.
    labels, splits : list of str or None
    sizes : ndarray of int64, shape (n,)
        Bytes of the files.
    mtimes : ndarray of int64, shape (n,)
        Nanoseconds since the epoch.
    widths, heights : ndarray of int32, shape (n,)
        Upright, pixels.
    content : ndarray of void16, shape (n,)
        Hash of the bytes.
    pixels : list of bytes or None
        Hash of the pixels, where known.
    thumbnail_hashes : list of bytes or None
        Hash of the thumbnail, see ``imaging.DecodedImage.thumbnail_hash``.
    signatures : ndarray of uint8, shape (n, 48)
    mean_colors : ndarray of uint8, shape (n, 3)
    sharpness : ndarray of float64, shape (n,)
    quality : ndarray of float32, shape (n, 8)
        In the order of :data:`simwidget.metrics.quality.PIXEL_METRICS`; NaN rows where an older version read
        the item and no build has read it since.
    """

    ids: npt.NDArray[np.int64]
    paths: list[str]
    labels: list[str | None]
    splits: list[str | None]
    sizes: npt.NDArray[np.int64]
    mtimes: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int32]
    heights: npt.NDArray[np.int32]
    content: npt.NDArray[np.void]
    pixels: list[bytes | None]
    thumbnail_hashes: list[bytes | None]
    signatures: npt.NDArray[np.uint8]
    mean_colors: npt.NDArray[np.uint8]
    sharpness: npt.NDArray[np.float64]
    quality: npt.NDArray[np.float32]

    @cached_property
    def label_codes(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """The labels as numbers, and what these mean; see :func:`simwidget.metrics.labels.label_codes`."""
        return _fixed_codes(self.labels)

    @cached_property
    def split_codes(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """The splits as numbers, and what these mean."""
        return _fixed_codes(self.splits)


def _fixed_codes(labels: list[str | None]) -> tuple[npt.NDArray[np.int64], list[str]]:
    codes, names = label_codes(labels)
    codes.flags.writeable = False  # everybody gets the same
    return codes, names

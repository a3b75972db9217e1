"""What the store writes and reads of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HASH_BYTES = 16


@dataclass(frozen=True)
class ItemRecord:
    """What a build writes for one item: the content of a readable file, or the reason why there is none."""

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
    signatures : ndarray of uint8, shape (n, 48)
    mean_colors : ndarray of uint8, shape (n, 3)
    sharpness : ndarray of float64, shape (n,)
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
    signatures: npt.NDArray[np.uint8]
    mean_colors: npt.NDArray[np.uint8]
    sharpness: npt.NDArray[np.float64]

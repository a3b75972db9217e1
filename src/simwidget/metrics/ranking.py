"""Which of several like images to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from simwidget.store import ItemTable


def rank_for_keeping(items: ItemTable) -> npt.NDArray[np.int64]:
    """Rank items for keeping: more pixels, then less compressed, then sharper, then older, then by path.

    Returns
    -------
    ndarray of int64, shape (n,)
        0 for the item that is kept before all others; a permutation of 0 to n - 1 that does not depend
        on the order of the items.
    """
    pixels = items.widths.astype(np.int64) * items.heights
    bytes_per_pixel = items.sizes / np.maximum(pixels, 1)
    paths = np.array([path.encode("utf-8", "surrogateescape") for path in items.paths], dtype=object)
    _, path_order = np.unique(paths, return_inverse=True) if len(paths) else (None, np.empty(0, int))
    order = np.lexsort((path_order, items.mtimes, -items.sharpness, -bytes_per_pixel, -pixels))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank

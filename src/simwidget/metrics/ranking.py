"""Which of several like images to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy.typing as npt

    from simwidget.store import ItemTable

Criterion = Literal["resolution", "bytes", "sharpness", "age", "path"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)


@dataclass(frozen=True)
class KeepRules:
    """What decides which of several like images stays.

    Attributes
    ----------
    order : tuple of str
        What is compared, the most important first: ``"resolution"`` (more pixels), ``"bytes"`` (more bytes a
        pixel, so less compressed), ``"sharpness"`` (larger variance of the Laplacian), ``"age"`` (older
        modification time) and ``"path"`` (first by name). Those left out follow in the order just given, so that
        no two items are ever equal.
    protect : tuple of str
        Folders relative to the root, ``/`` separated; what lies below one wins over what does not.
    tag : str or None
        Items with this tag win over all others, protected ones too.
    """

    order: tuple[str, ...] = CRITERIA
    protect: tuple[str, ...] = ()
    tag: str | None = None


def checked_order(order: object) -> tuple[str, ...]:
    """Check an order of criteria that came from outside.

    Raises
    ------
    InvalidValueError
        It is no sequence, or holds something unknown or twice the same.
    """
    known = ", ".join(map(repr, CRITERIA))
    if isinstance(order, str) or not isinstance(order, Sequence):
        raise InvalidValueError(f"keep is a sequence of criteria ({known}), not {order!r}.")
    given = tuple(order)
    for place, name in enumerate(given):
        if name not in CRITERIA:
            raise InvalidValueError(f"keep holds {name!r}. Its criteria are {known}, the most important first.")
        if name in given[:place]:
            raise InvalidValueError(f"keep holds {name!r} twice. The most important criterion comes first.")
    return given


def rank_for_keeping(
    items: ItemTable, rules: KeepRules | None = None, tagged: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.int64]:
    """Rank items for keeping, by default: more pixels, less compressed, sharper, older, then by path.

    Parameters
    ----------
    items : ItemTable
    rules : KeepRules, optional
        Another order, and protected folders.
    tagged : ndarray of bool, shape (n,), optional
        Items with the tag that wins over all.

    Returns
    -------
    ndarray of int64, shape (n,)
        0 for the item that is kept before all others; a permutation of 0 to n - 1 that does not depend
        on the order of the items.
    """
    rules = rules or KeepRules()
    keys = _criteria(items)
    order = [*rules.order, *(name for name in CRITERIA if name not in rules.order)]
    columns = [keys[name] for name in order]
    if rules.protect:
        columns.insert(0, ~_below(items.paths, rules.protect))
    if tagged is not None:
        columns.insert(0, ~tagged)
    ranked = np.lexsort(columns[::-1])
    rank = np.empty(len(ranked), dtype=np.int64)
    rank[ranked] = np.arange(len(ranked))
    return rank


def _criteria(items: ItemTable) -> dict[str, npt.NDArray[np.generic]]:
    """For each criterion one number an item, the smallest the best."""
    pixels = items.widths.astype(np.int64) * items.heights
    paths = [path.encode("utf-8", "surrogateescape") for path in items.paths]
    path_order = np.empty(len(paths), dtype=np.int64)
    # By Python, which has little to do where they are in order: those of one scan are.
    path_order[sorted(range(len(paths)), key=paths.__getitem__)] = np.arange(len(paths))
    return {
        "resolution": -pixels,
        "bytes": -(items.sizes / np.maximum(pixels, 1)),
        "sharpness": -items.sharpness,
        "age": items.mtimes,
        "path": path_order,
    }


def _below(paths: list[str], folders: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    starts = tuple(f"{folder}/" if folder else "" for folder in folders)
    return np.array([path.startswith(starts) for path in paths], dtype=bool)

"""Colors of points: by label, by tag or by metric. Knows nothing of how they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simwidget.distributions import class_counts, summarize
from simwidget.inspection import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

# They read on a white ground and on a black one.
BLUE, ORANGE, GRAY = "#2196f3", "#ff9800", "#9aa5b1"
PALETTE = (
    *(BLUE, ORANGE, "#4caf50", "#e64980", "#9c6ade"),
    *("#00acc1", "#b8860b", "#f06548", "#7a8ff0", "#8d9b1f"),
)
_RAMP = (BLUE, "#b0b0b0", "#ff6d00")  # low, middle, high
_OTHERS = ("all others", GRAY)


class PointColors(NamedTuple):
    """Colors of n points, as places on a palette.

    Attributes
    ----------
    places : ndarray of float32, shape (n,)
        0 is the first color of the palette, 1 the second; between them they mix.
    palette : tuple of str
        Two colors or more, as "#rrggbb".
    entries : list of (str, str)
        What the legend says: names and their colors.
    """

    places: Floats
    palette: tuple[str, ...]
    entries: list[tuple[str, str]]


def label_colors(labels: Sequence[str | None], rows: npt.NDArray[np.int64]) -> PointColors:
    """Color items by label: the largest labels each in a color of ``PALETTE``, all others gray.

    Parameters
    ----------
    labels : sequence of str or None, length n
        Of all items.
    rows : ndarray of int64, shape (m,)
        Positions of the items that are drawn.
    """
    named = [label for label, _ in class_counts(labels) if label is not None]
    place = {label: at for at, label in enumerate(named[: len(PALETTE)])}
    gray = len(place)
    places = np.array([place.get(label or "", gray) for label in labels], dtype=np.float32)
    entries = [(shown(label), PALETTE[at]) for label, at in place.items()]
    if len(named) > len(place) or None in labels:
        entries.append(_OTHERS)
    return PointColors(places[rows], (*PALETTE[: len(place)], GRAY, GRAY), entries)


def tag_colors(
    tagged: Mapping[str, npt.NDArray[np.int64]], own: Mapping[str, str], count: int, rows: npt.NDArray[np.int64]
) -> PointColors:
    """Color items by tag, an item with several by the first of them by name; without one it is gray.

    A tag without a color of its own has one of ``PALETTE``, by its place among the names; where those are used up
    it is gray.

    Parameters
    ----------
    tagged : mapping of str to ndarray of int64
        Positions of the items of each tag.
    own : mapping of str to str
        Colors, "#rrggbb", of the tags that were given one.
    count : int
        Of all items.
    rows : ndarray of int64, shape (m,)
        Positions of the items that are drawn.
    """
    names = sorted(tagged)
    color = dict(zip(names, PALETTE, strict=False)) | {name: own[name] for name in names if name in own}
    colored = [name for name in names if name in color]
    place = {name: at for at, name in enumerate(colored)}
    places = np.full(count, len(colored), dtype=np.float32)
    for name in reversed(names):  # so that the first name has the last word
        places[tagged[name]] = place.get(name, len(colored))
    entries = [(shown(name), color[name]) for name in colored]
    if (places == len(colored)).any():
        entries.append(_OTHERS)
    return PointColors(places[rows], (*(color[name] for name in colored), GRAY, GRAY), entries)


def metric_colors(values: Floats, rows: npt.NDArray[np.int64]) -> PointColors:
    """Color items by a metric, from blue (its minimum) by gray to orange (its maximum); NaN is a gray of its own.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Of all items.
    rows : ndarray of int64, shape (m,)
        Positions of the items that are drawn.
    """
    of = summarize(values)
    share = (values[rows].astype(np.float64) - of.low) / ((of.high - of.low) or 1.0)
    places = np.where(np.isfinite(share), 2 * share, len(_RAMP)).astype(np.float32)
    entries = list(zip((f"{of.low:.4g}", "", f"{of.high:.4g}"), _RAMP, strict=True))
    if of.missing:
        entries.append(("no value", GRAY))
    return PointColors(places, (*_RAMP, GRAY), entries)

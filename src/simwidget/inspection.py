"""One item looked at closely: all that is known of it, what to compare it with, and its image. No Jupyter here."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from simwidget.duplicates import duplicate_reasons, item_distances
from simwidget.imaging import load_scaled, scale_down
from simwidget.metrics.labels import labels_of, suspected_labels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL.Image import Image

    from simwidget.duplicates import Reason
    from simwidget.neighbor_graph import NeighborGraph
    from simwidget.project import Project

Role = Literal["keeper", "duplicate", "selected"]
MAX_OTHERS = 50
_QUALITIES = (90, 80, 70, 60)  # of a JPEG, until it is small enough


@dataclass(frozen=True)
class Other:
    """An item that another can be compared with.

    Attributes
    ----------
    item : int
        Its id.
    name : str
        File name, fit to show.
    role : str
        Why it is there: ``"keeper"`` or ``"duplicate"`` of the same group, or else ``"selected"``.
    distance : float
        Cosine distance of the two, in [0, 1].
    reason : str or None
        Why the two are duplicates; None where they are not of one group.
    """

    item: int
    name: str
    role: Role
    distance: float
    reason: Reason | None


@dataclass(frozen=True)
class Details:
    """All that is known of an item.

    Attributes
    ----------
    item : int
        Its id.
    name, path : str
        File name, and path relative to the source with ``/`` between folders; both fit to show.
    width, height : int
        Upright, pixels.
    bytes : int
        Of the file.
    modified : int or None
        When the file was last modified, milliseconds since 1970; None where the file does not tell.
    label, split : str or None
    suspected : str or None
        Label that the neighbors vote for; None where that is the item's own, or nobody votes.
    tags : list of str
    selected : bool
    changed : bool
        Whether the file is gone or has changed (size or modification time) since the project read it.
    metrics : dict
        Every metric of the project, in its order; NaN where it could not be computed.
    keeper : int or None
        Id of the keeper of the item's group of duplicates, which may be the item; None when it is in none.
    others : list of Other
        What the item can be compared with.
    """

    item: int
    name: str
    path: str
    width: int
    height: int
    bytes: int
    modified: int | None
    label: str | None
    suspected: str | None
    split: str | None
    tags: list[str]
    selected: bool
    changed: bool
    metrics: dict[str, float]
    keeper: int | None
    others: list[Other]


@dataclass(frozen=True)
class LargeImage:
    """An image encoded for a browser.

    Attributes
    ----------
    data : bytes
    mime : str
        ``"image/jpeg"`` or ``"image/png"``.
    width, height : int
        Of what ``data`` holds, pixels.
    full_width, full_height : int
        Of the whole upright image in the file, pixels.
    """

    data: bytes
    mime: Literal["image/jpeg", "image/png"]
    width: int
    height: int
    full_width: int
    full_height: int


def details(
    project: Project,
    item: int,
    threshold: float,
    *,
    tags: Sequence[str] = (),
    selected: Sequence[int] = (),
    is_selected: bool = False,
) -> Details:
    """Tell all that is known of an item, and what it can be compared with.

    Parameters
    ----------
    project : Project
    item : int
        Its id.
    threshold : float
        Cosine distance up to which images are duplicates of their keeper; see :meth:`Project.duplicates`.
    tags : sequence of str
        Of the item.
    selected : sequence of int
        Ids of selected items to compare with, the most important first.
    is_selected : bool
        Whether the item is selected.

    Returns
    -------
    Details
        At most 50 others: the keeper of the item's group, then its other duplicates, then the selected items.

    Raises
    ------
    UnknownNameError
        The project has no such item.
    """
    (row,) = project.rows(np.array([item])).tolist()
    built, groups = project.grouped(threshold)
    items = built.items
    group = groups.holding(row)[: MAX_OTHERS + 1].tolist()
    keeper = group[0] if group else None
    roles: dict[int, Role] = {member: "keeper" if member == keeper else "duplicate" for member in group}
    for other in project.rows(np.array(selected, dtype=np.int64)).tolist():
        roles.setdefault(other, "selected")
    roles.pop(row, None)
    rows = list(roles)[:MAX_OTHERS]
    of_group = [other for other in rows if roles[other] != "selected"]
    reasons = dict(zip(of_group, duplicate_reasons(items, row, of_group, project.thumbnails), strict=True))
    distances = item_distances(built.graph, built.embeddings, row, np.array(rows, dtype=np.int64)).tolist()
    label, split = items.labels[row], items.splits[row]
    return Details(
        item=item,
        name=project.title(row),
        path=shown(items.paths[row]),
        width=int(items.widths[row]),
        height=int(items.heights[row]),
        bytes=int(items.sizes[row]),
        modified=int(items.mtimes[row]) // 1_000_000 or None,
        label=None if label is None else shown(label),
        suspected=suspected_of(built.graph, *items.label_codes, row),
        split=None if split is None else shown(split),
        tags=list(tags),
        selected=is_selected,
        changed=_has_changed(project.file(item), int(items.sizes[row]), int(items.mtimes[row])),
        metrics={name: float(values[row]) for name, values in project.metrics.items()},
        keeper=None if keeper is None else int(items.ids[keeper]),
        others=[
            Other(int(items.ids[other]), project.title(other), roles[other], distance, reasons.get(other))
            for other, distance in zip(rows, distances, strict=True)
        ],
    )


def suspected_of(graph: NeighborGraph, codes: npt.NDArray[np.int64], names: Sequence[str], row: int) -> str | None:
    """Tell the suspected label of one item; those of all of them take seconds where there are a million.

    Parameters
    ----------
    graph : NeighborGraph
    codes : ndarray of int64, shape (n,)
        Labels of all items, as ``project.label_codes``.
    names : sequence of str
        What the codes mean.
    row : int
        Position of the item.

    Returns
    -------
    str or None
        What ``project.suspected_labels`` has for it, fit to show.
    """
    near = np.array([row, *graph.indices[row]])
    # A graph of the item and its neighbors. Whom these are near to plays no part: they are not asked.
    indices = np.tile(np.arange(1, len(near)), (len(near), 1))
    distances = np.tile(graph.distances[row], (len(near), 1))
    winners, _ = suspected_labels(indices, distances, codes[near])
    (label,) = labels_of(winners[:1], names)
    return None if label is None else shown(label)


def _has_changed(path: Path, size: int, mtime_ns: int) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return True
    return (stat.st_size, stat.st_mtime_ns) != (size, mtime_ns)


def shown(text: str) -> str:
    """Text fit to show: bytes of a file system that are none become replacement characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def large_image(path: Path, side: int, max_bytes: int = 1_000_000) -> LargeImage:
    """Read an image to look at: upright, on white where it is transparent, without colour profile.

    Where it was not scaled and is small enough, it is a PNG, so that its pixels can be compared exactly; else a
    JPEG, of lower quality and then of smaller size until it is small enough.

    Parameters
    ----------
    path : Path
    side : int
        Longest side, pixels.
    max_bytes : int
        At least 1,000: a JPEG of one pixel has hardly fewer.

    Raises
    ------
    UnreadableImageError
        The file cannot be read; the message is the reason.
    """
    image, (full_width, full_height), lossless, file_size = load_scaled(path, side)
    full = image.size == (full_width, full_height)
    # A guess of what a PNG will take, as making one takes long: of photos 1 to 2 bytes a pixel.
    if full and (image.width * image.height <= max_bytes or (lossless and file_size <= max_bytes)):
        data = _encoded(image, "PNG")
        if len(data) <= max_bytes:
            return LargeImage(data, "image/png", image.width, image.height, full_width, full_height)
    for quality in _QUALITIES:
        data = _encoded(image, "JPEG", quality=quality)
        if len(data) <= max_bytes:
            break
    while len(data) > max_bytes:
        shrink = min(0.9, 0.95 * math.sqrt(max_bytes / len(data)))
        image = scale_down(image, max(1, int(shrink * max(image.size))))
        data = _encoded(image, "JPEG", quality=_QUALITIES[-1])
    return LargeImage(data, "image/jpeg", image.width, image.height, full_width, full_height)


def _encoded(image: Image, format: str, **options: int) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, format, icc_profile=None, **options)
    return encoded.getvalue()

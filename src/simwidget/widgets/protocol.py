"""The gallery's messages: requests from the browser are validated, replies are packed.

The other half is ``js/src/protocol.ts``; both are held to ``tests/protocol-fixtures/*.json``. The functions
here are pure and know nothing of Jupyter. Every request has a ``kind`` and an ``id``, and gets exactly one
reply: ``{kind: "reply", id, status}`` with the status ``ok``, ``error`` (and a message in ``error``),
``cancelled``, or ``stale`` (the order has changed since the epoch that the request names).

================= ========================================= ===============================================
kind              further fields                            payload of the ``ok`` reply
================= ========================================= ===============================================
``rows``          ``epoch, start, stop``                    the fields and the six buffers of
                                                            :func:`pack_rows`
``groups``        ``epoch, start, stop``                    ``epoch, start, stop`` and one buffer
``thumbs``        ``items``                                 ``items, lengths`` and one buffer
``details``       ``item``                                  the fields of :func:`pack_details`
``image``         ``item, side``                            the fields of :func:`pack_image` and one buffer
``select``        ``op`` and ``items``; or for the op       none
                  ``ranges`` ``epoch, ranges, replace``
``tag, untag``    ``name``                                  ``changed`` (number of items)
``sort``          ``sort``                                  none
``similar``       ``items``                                 none
``similar_image`` ``name`` and one buffer, an image file    none
``paths``         none                                      ``paths`` of the selected items
``clear``         ``what``                                  none
``mode``          ``mode``                                  none
``keep``          ``item``                                  none
``cancel``        ``target`` (id of another request)        none
================= ========================================= ===============================================

Without being asked the kernel sends ``{kind: "ahead"}``, the start of a new order, see :func:`pack_ahead`, and
``{kind: "expected"}``, what is perhaps the start of the next, see :func:`pack_expected`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from simwidget.errors import InvalidValueError
from simwidget.inspection import shown
from simwidget.session_view import MODES
from simwidget.widgets.fields import MAX_ID, Fields, ProtocolError, brief

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from simwidget.inspection import Details, LargeImage
    from simwidget.session import Rows

MAX_ROWS = 512
AHEAD_ROWS = 128  # a page of the browser's
MAX_GROUPS = 65_536
MAX_THUMBS = 64
MAX_THUMB_BYTES = 1_000_000
MAX_IMAGE_BYTES = 1_000_000
MIN_SIDE, MAX_SIDE = 64, 4096  # of a large image, pixels
MAX_SELECT = 10_000
MAX_SIMILAR = 1_000
MAX_QUERY_BYTES = 8 * 2**20  # of an image file; Jupyter's websockets take messages of 10 MiB
MAX_FILE_NAME = 255  # code points
MAX_PATHS = 10_000

ITEM_OPS = ("set", "add", "remove", "toggle")
VIEW_OPS = ("all", "none", "invert", "extras")
CLEARABLE = ("query", "filters")
_EXPORT_INSTEAD = 'Write them into a file instead: project.export("selected.csv", explorer.selected).'


@dataclass(frozen=True)
class Request:
    """What the browser asks; one of the classes below."""

    id: int


@dataclass(frozen=True)
class RowsRequest(Request):
    """The rows at view positions ``start`` to ``stop`` (exclusive) of the order called ``epoch``."""

    epoch: int
    start: int
    stop: int


@dataclass(frozen=True)
class GroupsRequest(Request):
    """Sizes of the groups number ``start`` to ``stop`` (exclusive) of the group view in the order ``epoch``."""

    epoch: int
    start: int
    stop: int


@dataclass(frozen=True)
class ThumbsRequest(Request):
    """Thumbnails of 1 to 64 items."""

    items: tuple[int, ...]


@dataclass(frozen=True)
class DetailsRequest(Request):
    """All that is known of an item, and what it can be compared with."""

    item: int


@dataclass(frozen=True)
class ImageRequest(Request):
    """The image of an item, its longer side at most ``side`` pixels."""

    item: int
    side: int


@dataclass(frozen=True)
class SelectRequest(Request):
    """A change of the selection; the ops ``set``, ``add``, ``remove`` and ``toggle`` come with ``items``."""

    op: str
    items: tuple[int, ...] = ()


@dataclass(frozen=True)
class SelectRangesRequest(Request):
    """Select view positions, from each start to its stop (exclusive): the op ``ranges``.

    They come with their epoch because they mean nothing once the order has changed.
    """

    epoch: int
    ranges: tuple[tuple[int, int], ...]
    replace: bool


@dataclass(frozen=True)
class TagRequest(Request):
    """Give the selected items a tag, or take it away."""

    name: str
    remove: bool


@dataclass(frozen=True)
class SortRequest(Request):
    """Order the view by a key; a leading minus sign means descending."""

    sort: str


@dataclass(frozen=True)
class SimilarRequest(Request):
    """Show the items most similar to these, nearest first."""

    items: tuple[int, ...]


@dataclass(frozen=True)
class SimilarImageRequest(Request):
    """Show the items most similar to an image from outside: the bytes of a file, and its name."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class PathsRequest(Request):
    """List the paths of the selected items."""


@dataclass(frozen=True)
class ClearRequest(Request):
    """Leave the similarity query, or drop all filters."""

    what: str


@dataclass(frozen=True)
class ModeRequest(Request):
    """Show a grid of all items in view, or the groups of duplicates row by row."""

    mode: str


@dataclass(frozen=True)
class KeepRequest(Request):
    """Make an item the keeper of its group of duplicates."""

    item: int


@dataclass(frozen=True)
class CancelRequest(Request):
    """Answer the request called ``target`` as cancelled if it has no answer yet."""

    target: int


Reply: TypeAlias = dict[str, Any]


def parse_request(content: object, buffers: Sequence[memoryview | bytes] = ()) -> Request:
    """Validate what the browser sent.

    Parameters
    ----------
    content : object
        The content of a custom message: whatever JSON can hold.
    buffers : sequence of memoryview or bytes
        What came with it; copied where it is asked for, otherwise ignored.

    Returns
    -------
    Request
        One of the dataclasses above.

    Raises
    ------
    ProtocolError
        When the message is malformed; its ``id`` says whether an error reply is possible.
    """
    if not isinstance(content, dict):
        raise ProtocolError(f"a request is an object, not {type(content).__name__}", None)
    fields = Fields(content, buffers)
    kind = content.get("kind")
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise fields.error(f"unknown kind of request {brief(kind)}; known are {', '.join(_PARSERS)}")
    return parser(fields)


def _select(fields: Fields) -> SelectRequest | SelectRangesRequest:
    op = fields.choice("op", (*ITEM_OPS, "ranges", *VIEW_OPS))
    if op in ITEM_OPS:
        return SelectRequest(fields.id, op, items=fields.items(0, MAX_SELECT))
    if op == "ranges":
        return SelectRangesRequest(fields.id, fields.epoch(), fields.ranges(), fields.flag("replace"))
    return SelectRequest(fields.id, op)


_PARSERS: dict[str, Callable[[Fields], Request]] = {
    "rows": lambda fields: RowsRequest(fields.id, fields.epoch(), *fields.span(MAX_ROWS)),
    "groups": lambda fields: GroupsRequest(fields.id, fields.epoch(), *fields.span(MAX_GROUPS)),
    "thumbs": lambda fields: ThumbsRequest(fields.id, fields.items(1, MAX_THUMBS)),
    "details": lambda fields: DetailsRequest(fields.id, fields.item()),
    "image": lambda fields: ImageRequest(fields.id, fields.item(), fields.integer("side", MIN_SIDE, MAX_SIDE)),
    "select": _select,
    "tag": lambda fields: TagRequest(fields.id, fields.text("name"), remove=False),
    "untag": lambda fields: TagRequest(fields.id, fields.text("name"), remove=True),
    "sort": lambda fields: SortRequest(fields.id, fields.text("sort")),
    "similar": lambda fields: SimilarRequest(fields.id, fields.items(1, MAX_SIMILAR)),
    "similar_image": lambda fields: SimilarImageRequest(
        fields.id, fields.text("name", MAX_FILE_NAME), fields.data(MAX_QUERY_BYTES)
    ),
    "paths": lambda fields: PathsRequest(fields.id),
    "clear": lambda fields: ClearRequest(fields.id, fields.choice("what", CLEARABLE)),
    "mode": lambda fields: ModeRequest(fields.id, fields.choice("mode", MODES)),
    "keep": lambda fields: KeepRequest(fields.id, fields.item()),
    "cancel": lambda fields: CancelRequest(fields.id, fields.integer("target", 1, MAX_ID)),
}


def ok(request_id: int, **payload: object) -> Reply:
    """Build the reply to a request that was carried out."""
    return {"kind": "reply", "id": request_id, "status": "ok", **payload}


def error(request_id: int, message: str) -> Reply:
    """Build the reply to a request that failed; ``message`` is shown to the user."""
    return {"kind": "reply", "id": request_id, "status": "error", "error": message}


def cancelled(request_id: int) -> Reply:
    """Build the reply to a request that was cancelled before it was answered."""
    return {"kind": "reply", "id": request_id, "status": "cancelled"}


def stale(request_id: int) -> Reply:
    """Build the reply to a request about an order that is no longer current."""
    return {"kind": "reply", "id": request_id, "status": "stale"}


def pack_rows(request: RowsRequest, rows: Rows) -> tuple[Reply, list[bytes]]:
    """Pack the reply to a request for rows.

    Parameters
    ----------
    request : RowsRequest
        The request; n = ``stop - start`` below.
    rows : Rows
        The n rows asked for.

    Returns
    -------
    reply : dict
        ``epoch``, ``start``, ``stop``, ``names``, ``labels``, ``tags``, and ``suspected`` (labels) where the rows
        have them.
    buffers : list of bytes
        ``ids`` int32 (n), ``values`` float64 (n), ``selected`` uint8 (n), ``colors`` uint8 (n, 3),
        ``group`` int32 (n) and ``keeper`` uint8 (n), all little-endian.

    Raises
    ------
    ValueError
        When lengths or ranges do not fit, before anything is sent.
    """
    columns, buffers = _pack_columns(rows, request.stop - request.start)
    return ok(request.id, epoch=request.epoch, start=request.start, stop=request.stop, **columns), buffers


def pack_ahead(
    epoch: int, revision: int, rows: Rows, items: Sequence[int], thumbnails: Sequence[bytes | None]
) -> tuple[Reply, list[bytes]]:
    """Pack the start of a new order, sent with it: asking for it would take the browser two round trips.

    Parameters
    ----------
    epoch, revision : int
        When the rows were read: the browser drops them where it has learned of a later one before.
    rows : Rows
        The first ``AHEAD_ROWS`` rows, or all where there are fewer.
    items, thumbnails
        As for :func:`pack_thumbs`: of some of these rows, perhaps none.

    Returns
    -------
    message : dict
        ``epoch``, ``revision``, ``start``, ``stop`` and the other fields of :func:`pack_rows` and
        :func:`pack_thumbs`.
    buffers : list of bytes
        The six of :func:`pack_rows` and the one of :func:`pack_thumbs`.
    """
    columns, buffers = _pack_columns(rows, len(rows.ids))
    thumbs, jpegs = _pack_jpegs(items, thumbnails)
    of = {"epoch": epoch, "revision": revision, "start": 0, "stop": len(rows.ids)}
    message = {"kind": "ahead", **of, **columns, **thumbs}
    return message, [*buffers, jpegs]


def pack_expected(items: Sequence[int]) -> Reply:
    """Pack ids of at most ``MAX_THUMBS`` items whose thumbnails the browser is to get ready."""
    return {"kind": "expected", "items": list(items)}


def _pack_columns(rows: Rows, n: int) -> tuple[dict[str, Any], list[bytes]]:
    for name in ("names", "labels", "tags", "suspected"):
        column = getattr(rows, name)
        if column is not None and len(column) != n:
            raise ValueError(f"{name} has {len(column)} entries for {n} rows")
    columns: dict[str, Any] = {
        "names": list(rows.names),
        "labels": list(rows.labels),
        "tags": [list(row) for row in rows.tags],
    }
    if rows.suspected is not None:
        columns["suspected"] = list(rows.suspected)
    buffers = [
        _packed("ids", rows.ids, "<i4", (n,)),
        _packed("values", rows.values, "<f8", (n,)),
        _packed("selected", rows.selected, "|u1", (n,)),
        _packed("colors", rows.colors, "|u1", (n, 3)),
        _packed("group", rows.group, "<i4", (n,)),
        _packed("keeper", rows.keeper, "|u1", (n,)),
    ]
    return columns, buffers


def pack_groups(request: GroupsRequest, sizes: npt.NDArray[np.integer]) -> tuple[Reply, list[bytes]]:
    """Pack the reply to a request for groups: one buffer, their sizes as int32, little-endian.

    Raises
    ------
    ValueError
        When there are more or fewer sizes than groups asked for.
    """
    reply = ok(request.id, epoch=request.epoch, start=request.start, stop=request.stop)
    return reply, [_packed("sizes", sizes, "<i4", (request.stop - request.start,))]


def _packed(name: str, column: npt.NDArray[Any], dtype: str, shape: tuple[int, ...]) -> bytes:
    array = np.asarray(column)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape} instead of {shape}")
    target = np.dtype(dtype)
    if target.kind in "iu" and array.size:
        limits = np.iinfo(target)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(f"{name} holds values outside {target.name}")
    return array.astype(target).tobytes()


def pack_thumbs(
    request_id: int, items: Sequence[int], thumbnails: Sequence[bytes | None]
) -> tuple[Reply, list[bytes]]:
    """Pack the reply to a request for thumbnails.

    Parameters
    ----------
    request_id : int
        The request's id.
    items : sequence of int
        Item ids.
    thumbnails : sequence of bytes or None
        One JPEG an item, None where there is none.

    Returns
    -------
    reply : dict
        ``items`` and ``lengths`` (bytes; 0 = no thumbnail) of as many items, in the order asked for, as fit
        into 1 MB, but of one at the least: the browser asks again for the others.
    buffers : list of bytes
        One buffer: the JPEGs end to end.

    Raises
    ------
    ValueError
        When ``items`` and ``thumbnails`` differ in length.
    """
    thumbs, jpegs = _pack_jpegs(items, thumbnails)
    return ok(request_id, **thumbs), [jpegs]


def _pack_jpegs(items: Sequence[int], thumbnails: Sequence[bytes | None]) -> tuple[dict[str, Any], bytes]:
    sent: list[int] = []
    parts: list[bytes] = []
    total = 0
    for item, thumbnail in zip(items, thumbnails, strict=True):
        part = thumbnail or b""
        if sent and total + len(part) > MAX_THUMB_BYTES:
            break
        sent.append(item)
        parts.append(part)
        total += len(part)
    return {"items": sent, "lengths": [len(part) for part in parts]}, b"".join(parts)


def pack_details(request_id: int, details: Details) -> Reply:
    """Pack the reply to a request for details: the fields of ``Details``.

    ``metrics`` are pairs of a name and a number, and that is null where it is none that JSON can hold (NaN).
    """
    metrics = [[name, value if math.isfinite(value) else None] for name, value in details.metrics.items()]
    return ok(request_id, **{**asdict(details), "metrics": metrics})


def pack_image(request_id: int, item: int, image: LargeImage) -> tuple[Reply, list[bytes]]:
    """Pack the reply to a request for an image: ``item``, the fields of ``LargeImage``, and its data as buffer.

    Raises
    ------
    ValueError
        When the image has more than 1 MB.
    """
    if len(image.data) > MAX_IMAGE_BYTES:
        raise ValueError(f"an image of {len(image.data)} bytes is too large to send")
    fields = {name: value for name, value in vars(image).items() if name != "data"}
    return ok(request_id, item=item, **fields), [image.data]


def pack_paths(request_id: int, items: Sequence[int], file: Callable[[int], Path]) -> Reply:
    """Pack the reply to a request for paths: ``paths``, of which each is one line.

    Parameters
    ----------
    request_id : int
        The request's id.
    items : sequence of int
        Ids of the selected items, in the order wanted.
    file : callable
        Gives the absolute path of an item. Bytes in it that are no text become replacement characters.

    Raises
    ------
    InvalidValueError
        There are no items, more than ``MAX_PATHS``, or one has a line break in its path.
    """
    if len(items) == 0:
        raise InvalidValueError("Nothing is selected to copy. Select images first.")
    if len(items) > MAX_PATHS:
        raise InvalidValueError(f"At most {MAX_PATHS:,} paths can be copied, not {len(items):,}. {_EXPORT_INSTEAD}")
    paths = [shown(str(file(item))) for item in items]
    for path in paths:
        if path.splitlines() != [path]:
            raise InvalidValueError(
                f"{path!r} has a line break in it, and each path is to be a line. {_EXPORT_INSTEAD}"
            )
    return ok(request_id, paths=paths)

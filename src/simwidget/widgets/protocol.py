"""The gallery's messages: requests from the browser are validated, replies are packed.

The other half is ``js/src/protocol.ts``; both are held to ``tests/protocol-fixtures/*.json``. The functions
here are pure and know nothing of Jupyter. Every request has a ``kind`` and an ``id``, and gets exactly one
reply: ``{kind: "reply", id, status}`` with the status ``ok``, ``error`` (and a message in ``error``),
``cancelled``, or ``stale`` (the order has changed since the epoch that the request names).

=============== ========================================= =================================================
kind            further fields                            payload of the ``ok`` reply
=============== ========================================= =================================================
``rows``        ``epoch, start, stop``                    ``epoch, start, stop, names, labels, tags`` and
                                                          the five buffers of :func:`pack_rows`
``thumbs``      ``items``                                 ``items, lengths`` and one buffer
``select``      ``op`` and ``items``, or for the op       none
                ``range`` ``epoch, start, stop``
``tag, untag``  ``name``                                  ``changed`` (number of items)
``sort``        ``sort``                                  none
``similar``     ``items``                                 none
``clear``       ``what``                                  none
``cancel``      ``target`` (id of another request)        none
=============== ========================================= =================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from simwidget.session import Rows

MAX_ID = 2**53 - 1  # the largest integer that JavaScript counts without gaps
MAX_ITEM = 2**31 - 1  # item ids travel as int32
MAX_ROWS = 512
MAX_THUMBS = 64
MAX_THUMB_BYTES = 1_000_000
MAX_SELECT = 10_000
MAX_SIMILAR = 1_000
MAX_TEXT = 1_000  # characters of a name that is worth passing on

ITEM_OPS = ("set", "add", "remove", "toggle")
VIEW_OPS = ("all", "none", "invert")
CLEARABLE = ("query", "filters")


class ProtocolError(ValueError):
    """A message that is no valid request.

    Attributes
    ----------
    id : int or None
        The request's id where one could be read, so that an error reply can be sent.
    """

    def __init__(self, message: str, request_id: int | None) -> None:
        super().__init__(message)
        self.id = request_id


@dataclass(frozen=True)
class RowsRequest:
    """The rows at view positions ``start`` to ``stop`` (exclusive) of the order called ``epoch``."""

    id: int
    epoch: int
    start: int
    stop: int


@dataclass(frozen=True)
class ThumbsRequest:
    """Thumbnails of 1 to 64 items."""

    id: int
    items: tuple[int, ...]


@dataclass(frozen=True)
class SelectRequest:
    """A change of the selection.

    The ops ``set``, ``add``, ``remove`` and ``toggle`` come with ``items``; ``range`` comes with view
    positions, and with their epoch because they mean nothing once the order has changed; ``all``, ``none``
    and ``invert`` need neither.
    """

    id: int
    op: str
    items: tuple[int, ...] = ()
    epoch: int = 0
    start: int = 0
    stop: int = 0


@dataclass(frozen=True)
class TagRequest:
    """Give the selected items a tag, or take it away."""

    id: int
    name: str
    remove: bool


@dataclass(frozen=True)
class SortRequest:
    """Order the view by a key; a leading minus sign means descending."""

    id: int
    sort: str


@dataclass(frozen=True)
class SimilarRequest:
    """Show the items most similar to these, nearest first."""

    id: int
    items: tuple[int, ...]


@dataclass(frozen=True)
class ClearRequest:
    """Leave the similarity query, or drop all filters."""

    id: int
    what: str


@dataclass(frozen=True)
class CancelRequest:
    """Answer the request called ``target`` as cancelled if it has no answer yet."""

    id: int
    target: int


Request: TypeAlias = (
    RowsRequest
    | ThumbsRequest
    | SelectRequest
    | TagRequest
    | SortRequest
    | SimilarRequest
    | ClearRequest
    | CancelRequest
)
Reply: TypeAlias = dict[str, Any]


def parse_request(content: object) -> Request:
    """Validate what the browser sent.

    Parameters
    ----------
    content : object
        The content of a custom message: whatever JSON can hold.

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
    fields = _Fields(content)
    kind = content.get("kind")
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise fields.error(f"unknown kind of request {_shown(kind)}; known are {', '.join(_PARSERS)}")
    return parser(fields)


class _Fields:
    """Typed access to the fields of one message; everything wrong with them is a :class:`ProtocolError`."""

    def __init__(self, content: Mapping[str, object]) -> None:
        self._content = content
        raw = content.get("id")
        self._id = raw if _is_integer(raw, 1, MAX_ID) else None
        if self._id is None:
            raise ProtocolError(f"id must be an integer from 1 to 2**53 - 1, not {_shown(raw)}", None)
        self.id: int = self._id

    def error(self, message: str) -> ProtocolError:
        return ProtocolError(message, self.id)

    def integer(self, name: str, low: int, high: int) -> int:
        value = self._content.get(name)
        if not _is_integer(value, low, high):
            raise self.error(f"{name} must be an integer from {low} to {high}, not {_shown(value)}")
        return value

    def text(self, name: str) -> str:
        value = self._content.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
            raise self.error(f"{name} must be a text of 1 to {MAX_TEXT} characters, not {_shown(value)}")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str:
        value = self._content.get(name)
        if not isinstance(value, str) or value not in choices:
            raise self.error(f"{name} must be one of {', '.join(choices)}, not {_shown(value)}")
        return value

    def items(self, low: int, high: int) -> tuple[int, ...]:
        value = self._content.get("items")
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise self.error(f"items must be a list of {low} to {high} item ids")
        for item in value:
            if not _is_integer(item, 0, MAX_ITEM):
                raise self.error(f"an item id is an integer from 0 to {MAX_ITEM}, not {_shown(item)}")
        return tuple(value)

    def span(self, longest: int) -> tuple[int, int]:
        start = self.integer("start", 0, MAX_ITEM)
        stop = self.integer("stop", 0, MAX_ITEM)
        if not 0 < stop - start <= longest:
            raise self.error(f"stop must be 1 to {longest} past start, not {stop - start}")
        return start, stop


def _is_integer(value: object, low: int, high: int) -> TypeGuard[int]:
    # JSON's true is Python's True, which is an int as well; a browser never means it as a number.
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _shown(value: object) -> str:
    """Show a value from outside in a message, cut short; a million digits of it would not help anyone."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_ID:
        return "an integer past 2**53"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _rows(fields: _Fields) -> RowsRequest:
    epoch = fields.integer("epoch", 0, MAX_ID)
    start, stop = fields.span(MAX_ROWS)
    return RowsRequest(fields.id, epoch, start, stop)


def _thumbs(fields: _Fields) -> ThumbsRequest:
    return ThumbsRequest(fields.id, fields.items(1, MAX_THUMBS))


def _select(fields: _Fields) -> SelectRequest:
    op = fields.choice("op", (*ITEM_OPS, "range", *VIEW_OPS))
    if op in ITEM_OPS:
        return SelectRequest(fields.id, op, items=fields.items(0, MAX_SELECT))
    if op == "range":
        epoch = fields.integer("epoch", 0, MAX_ID)
        start, stop = fields.span(MAX_ITEM)
        return SelectRequest(fields.id, op, epoch=epoch, start=start, stop=stop)
    return SelectRequest(fields.id, op)


def _tag(fields: _Fields) -> TagRequest:
    return TagRequest(fields.id, fields.text("name"), remove=False)


def _untag(fields: _Fields) -> TagRequest:
    return TagRequest(fields.id, fields.text("name"), remove=True)


def _sort(fields: _Fields) -> SortRequest:
    return SortRequest(fields.id, fields.text("sort"))


def _similar(fields: _Fields) -> SimilarRequest:
    return SimilarRequest(fields.id, fields.items(1, MAX_SIMILAR))


def _clear(fields: _Fields) -> ClearRequest:
    return ClearRequest(fields.id, fields.choice("what", CLEARABLE))


def _cancel(fields: _Fields) -> CancelRequest:
    return CancelRequest(fields.id, fields.integer("target", 1, MAX_ID))


_PARSERS: dict[str, Callable[[_Fields], Request]] = {
    "rows": _rows,
    "thumbs": _thumbs,
    "select": _select,
    "tag": _tag,
    "untag": _untag,
    "sort": _sort,
    "similar": _similar,
    "clear": _clear,
    "cancel": _cancel,
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
        ``epoch``, ``start``, ``stop``, ``names``, ``labels`` and ``tags``.
    buffers : list of bytes
        ``ids`` int32 (n), ``values`` float64 (n), ``selected`` uint8 (n), ``colors`` uint8 (n, 3) and
        ``group`` int32 (n), all little-endian.

    Raises
    ------
    ValueError
        When lengths or ranges do not fit, before anything is sent.
    """
    n = request.stop - request.start
    for name in ("names", "labels", "tags"):
        column = getattr(rows, name)
        if len(column) != n:
            raise ValueError(f"{name} has {len(column)} entries for {n} rows")
    reply = ok(
        request.id,
        epoch=request.epoch,
        start=request.start,
        stop=request.stop,
        names=list(rows.names),
        labels=list(rows.labels),
        tags=[list(row) for row in rows.tags],
    )
    buffers = [
        _packed("ids", rows.ids, "<i4", (n,)),
        _packed("values", rows.values, "<f8", (n,)),
        _packed("selected", rows.selected, "|u1", (n,)),
        _packed("colors", rows.colors, "|u1", (n, 3)),
        _packed("group", rows.group, "<i4", (n,)),
    ]
    return reply, buffers


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
    return ok(request_id, items=sent, lengths=[len(part) for part in parts]), [b"".join(parts)]

"""A contact sheet of the first items in view, as HTML that needs no kernel. Knows nothing of Jupyter.

Saved notebooks carry it beside the widget, for GitHub, nbviewer, nbconvert and whoever has no kernel. Some of these
strip styles, so the sheet is a plain table that styles only make neater. It sets no color, which suits light pages
and dark ones.
"""

from __future__ import annotations

import base64
import html
import io
import math
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from simwidget.session import Rows, Session

MAX_BYTES = 150_000  # of HTML in UTF-8
MAX_ITEMS = 24
SIDE = 128  # longer side of an image, at most, pixels
_QUALITY = 60  # of its JPEG
_COLUMNS = 6
_NAME, _TAG, _LINE = 40, 24, 200  # longest text of each kind, characters
_TAGS = 3  # of an item, before "and 2 more"

_HELP = (
    "A still of the gallery as it was when this cell ran. For the live one, with all images, to select and tag, "
    "run the notebook."
)


def contact_sheet(session: Session, title: str) -> str:
    """Draw the first items in view as an HTML table.

    Parameters
    ----------
    session : Session
    title : str
        What to head the sheet with, as plain text.

    Returns
    -------
    str
        At most ``MAX_BYTES`` bytes in UTF-8, without scripts, style sheets or anything to be loaded. Shows at most
        ``MAX_ITEMS`` items, fewer where their images do not fit.
    """
    with session.lock:
        rows = session.rows(session.epoch, 0, MAX_ITEMS)
        count, value_name, status = session.count, session.value_name, session.status
        order = _order(session)
    heading = f"<b>{_shown(title, _LINE)}</b>"
    if count == 0:
        reason = f"{_shown(status['message'], _LINE)}. {_shown(status['hint'], 2 * _LINE)}"
        return _page(f"{heading}<br>{reason}", [])
    empty = _page(f"{heading}<br>{_extent(MAX_ITEMS, count, order)}", [""] * MAX_ITEMS)
    room = MAX_BYTES - len(empty.encode())
    cells: list[str] = []
    for place, thumbnail in enumerate(session.thumbnails(rows.ids.tolist())):
        cell = _cell(thumbnail, _caption(rows, place, value_name), rows.names[place])
        room -= len(cell.encode())
        if room < 0:
            break
        cells.append(cell)
    return _page(f"{heading}<br>{_extent(len(cells), count, order)}", cells)


def _page(heading: str, cells: list[str]) -> str:
    starts = range(0, len(cells), _COLUMNS)
    rows = "".join(f"{_ROW}{''.join(cells[start : start + _COLUMNS])}</tr>" for start in starts)
    table = f'<table role="presentation" style="margin:0;border:none">{rows}</table>' if rows else ""
    return f"<div><p>{heading}</p>{table}<p><i>{_HELP}</i></p></div>"


_ROW = '\n<tr style="background:none">'
_CELL = (
    f'\n<td align="center" valign="top" width="{SIDE}" style="padding:6px;border:none;text-align:center;'
    f'vertical-align:top;max-width:{SIDE}px;overflow-wrap:anywhere">'
)


def _extent(shown: int, count: int, order: str) -> str:
    return f"First {shown:,} of {count:,} in view · {order}"


def _order(session: Session) -> str:
    """What is in view, in which order, in words."""
    if session.query_label:
        return f"{_shown(session.query_label, _LINE)}, nearest first"
    if session.mode == "groups":
        return f"Groups of duplicates within {session.group_threshold:g} of the image to keep, which comes first"
    direction = "descending" if session.sort.startswith("-") else "ascending"
    words = f"Sorted by {_shown(session.sort.removeprefix('-'), _NAME)}, {direction}"
    return f"{words} · Filtered by {_shown(session.filter_label, _LINE)}" if session.filter_label else words


def _cell(thumbnail: bytes | None, caption: str, name: str) -> str:
    small = _small_jpeg(thumbnail) if thumbnail is not None else None
    if small is None:
        return f"{_CELL}(no thumbnail)<br>{caption}</td>"
    data, (width, height) = small
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    alt = html.escape(_clipped(name, _LINE))
    return f'{_CELL}<img src="{source}" width="{width}" height="{height}" alt="{alt}"><br>{caption}</td>'


def _small_jpeg(thumbnail: bytes) -> tuple[bytes, tuple[int, int]] | None:
    """Encode a thumbnail anew, smaller; the size in pixels goes with it. None where it is no image."""
    try:
        with Image.open(io.BytesIO(thumbnail)) as image:
            scale = SIDE / max(image.size)
            # Where half the size is enough, decoding no more takes less than half the time.
            image.draft(None, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
            image.thumbnail((SIDE, SIDE))
            encoded = io.BytesIO()
            image.save(encoded, "JPEG", quality=_QUALITY)
            return encoded.getvalue(), image.size
    except Exception:  # a decoder can raise anything on damaged bytes
        return None


def _caption(rows: Rows, place: int, value_name: str) -> str:
    lines = [_shown(rows.names[place], _NAME)]
    lines.append(f"{_shown(value_name, _NAME)} {_number(float(rows.values[place]))}")
    label, tags = rows.labels[place], rows.tags[place]
    if label is not None:
        lines.append(f"Label: {_shown(label, _NAME)}")
    if tags:
        more = f" and {len(tags) - _TAGS} more" if len(tags) > _TAGS else ""
        lines.append(f"Tags: {', '.join(_shown(tag, _TAG) for tag in tags[:_TAGS])}{more}")
    return "<br>".join(lines)


def _number(value: float) -> str:
    """A value as the cards of the gallery show it; see ``formatValue`` in format.ts."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    decimals = 4 if size < 10 else 3 if size < 100 else 2
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0: no minus before zero


def _shown(text: str, length: int) -> str:
    """HTML of a text that may hold anything; whatever direction it is written in stays inside."""
    return f"<bdi>{html.escape(_clipped(text, length))}</bdi>"


def _clipped(text: str, length: int) -> str:
    """Shorten a text in the middle, as file names differ at both ends; what UTF-8 cannot hold is replaced."""
    if len(text) > length:
        text = f"{text[: length // 2]}…{text[-(length - length // 2 - 1) :]}"
    return text.encode("utf-8", "replace").decode()

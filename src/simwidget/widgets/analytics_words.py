"""HTML of the panel Analytics: names, legends and tables, with all that comes from outside escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from simwidget.inspection import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT = 22  # characters of a name beside an axis


def class_name(name: str | None, what: str = "label") -> str:
    """Name a class, which may be none; plain text."""
    return f"no {what}" if name is None else shown(name)


def short(name: str) -> str:
    """Cut a name so that it fits beside an axis; plain text."""
    return name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}…"


def bold(name: str) -> str:
    """Write a name in bold."""
    return f"<b>{html.escape(shown(name))}</b>"


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """List names, each behind a dot of its color."""
    return " ".join(
        f'<span style="white-space: nowrap"><span style="color: {color}">●</span> {html.escape(name)}</span>'
        for name, color in entries
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table: words at the left, numbers at the right; it scrolls."""
    tops = "".join(f'<th scope="col" style="padding: 0 8px">{html.escape(cell)}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row" style="padding: 0 8px; text-align: left">{html.escape(line[0])}</th>'
        + "".join(f'<td style="padding: 0 8px; text-align: right">{cell}</td>' for cell in line[1:])
        + "</tr>"
        for line in rows
    )
    return (
        '<div style="max-height: 220px; overflow: auto" tabindex="0" role="region" aria-label="Table">'
        f"<table><thead><tr>{tops}</tr></thead><tbody>{lines}</tbody></table></div>"
    )

"""The Python that shows what a session shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from simwidget.session_view import NEIGHBORS, SCORE

if TYPE_CHECKING:
    from simwidget.session import Session
    from simwidget.view_state import Query


def view_code(session: Session) -> str:
    """Write the Python that makes an Explorer show what a session shows now.

    Its items are named by id. A query by an image that is no item has no such code: a comment says so.
    """
    with session.lock:
        query = session.query
        lines = [
            "import simwidget as sw",
            "",
            f"project = sw.Project.open({str(session.project.project_dir)!r})",
            "explorer = sw.Explorer(project)",
        ]
        if session.filters:
            lines.append(f"explorer.filters = {_written(session.filters)}")
        if session.filters_off:
            lines.append(f"explorer.filters_off = {set(session.filters_off)!r}")
        if session.underlying_sort != SCORE:
            lines.append(f"explorer.sort = {session.underlying_sort!r}")
        if session.mode != "grid":
            lines.append(f"explorer.mode = {session.mode!r}")
        if query is not None:
            lines.append(_query_code(query, session))
        return "\n".join(lines) + "\n"


def _written(filters: dict[str, Any]) -> str:
    """Write filters; infinity has no literal."""
    return re.sub(r"(?<=[( ])-?inf(?=[,)])", lambda found: f'float("{found[0]}")', repr(filters))


def _query_code(query: Query, session: Session) -> str:
    if query.distances is None:
        return f"explorer.show({session.project.ids[query.rows].tolist()!r}, {query.label!r})"
    options = "".join(
        [
            f", k={query.k}" if query.k != NEIGHBORS else "",
            "" if query.radius is None else f", radius={query.radius!r}",
            ", filtered=True" if query.filtered else "",
        ]
    )
    if "text" in query.asked:
        return f"explorer.similar(text={query.asked['text']!r}{options})"
    if query.ids:
        asked = repr(query.ids[0]) if len(query.ids) == 1 else repr(list(query.ids))
        label = query.label.removeprefix("Similar to ")
        words = "" if label == session.words_for(query.ids) else f", label={label!r}"
        return f"explorer.similar({asked}{options}{words})"
    label = " ".join(query.label.splitlines())  # nothing in a name may end the comment
    return f"# {label}: explorer.similar(image{options}), with an image that is not in the project"

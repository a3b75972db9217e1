"""What a widget leaves in a notebook for readers without a kernel."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from simwidget.contact_sheet import contact_sheet

if TYPE_CHECKING:
    from simwidget.session import Session

_LOG = logging.getLogger(__name__)


def with_contact_sheet(bundle: Any, session: Session, title: str) -> Any:
    """Add a contact sheet to what a widget displays; where widgets work, the widget is shown all the same.

    Parameters
    ----------
    bundle : dict, tuple of dict and dict, or None
        What the widget's own ``_repr_mimebundle_`` gives: data by MIME type, perhaps with metadata.
    session : Session
    title : str
        See :func:`simwidget.contact_sheet.contact_sheet`.

    Returns
    -------
    dict, tuple or None
        The same with "text/html" among the data; unchanged where the widget is not displayed, or the sheet cannot
        be drawn.
    """
    if bundle is None:
        return None
    data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
    try:
        data = {**data, "text/html": contact_sheet(session, title)}
    except Exception as error:  # damaged files of the project: the widget itself can still say so
        _LOG.warning("simwidget: no contact sheet for the saved notebook: %s", error)
        return bundle
    return (data, *metadata) if metadata else data

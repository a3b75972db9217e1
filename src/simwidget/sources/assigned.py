"""Labels and splits that come with the items of a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from simwidget.names import ItemNames

    Assigned = Literal["folder"] | Mapping[str | os.PathLike[str], str] | None


def parent_folder(path: str) -> str | None:
    """Name of the folder that holds a file; None for a file directly in the root."""
    folders = path.split("/")[:-1]
    return folders[-1] if folders else None


def top_folder(path: str) -> str | None:
    """Name of the topmost folder of a relative path; None for a file directly in the root."""
    folders = path.split("/")[:-1]
    return folders[0] if folders else None


def assigned_names(
    argument: str, given: Assigned, items: ItemNames, from_path: Callable[[str], str | None]
) -> dict[str, str | None] | None:
    """Labels or splits by relative path, from what the user gave.

    Parameters
    ----------
    argument : str
        What the argument is called, for messages.
    given : "folder", mapping or None
        None leaves everything as it is.
    items : ItemNames
        All items of the source.
    from_path : callable
        What ``"folder"`` means: from the relative path of an item to its name.

    Raises
    ------
    InvalidValueError
        ``given`` is something else.
    UnknownNameError
        A path of the mapping is no item of the source.
    """
    if given is None:
        return None
    if given == "folder":
        return {path: from_path(path) for path in items.relative}
    if not isinstance(given, Mapping):
        raise InvalidValueError(f"{argument} is 'folder' or a mapping from paths to names, not {given!r}.")
    return {items.relative[int(items.rows(path)[0])]: _name(name) for path, name in given.items()}


def _name(value: object) -> str | None:
    """Text of a label; None for None and NaN, which a table has where there is none."""
    return None if value is None or value != value else str(value)

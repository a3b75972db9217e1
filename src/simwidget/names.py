"""How people name things: items by id or path, tags by name."""

from __future__ import annotations

import os
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.errors import InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    import numpy.typing as npt

_MAX_NAME_LENGTH = 300


class ItemNames:
    """From what people call items to their positions, and from positions to paths.

    Parameters
    ----------
    ids : ndarray of int64, shape (n,)
        Ascending.
    relative : list of str
        Paths relative to the root, ``/`` separated.
    base : Path
        Root of the images as the user gave it, so that paths read as he expects.
    root : Path
        The same, absolute.
    """

    def __init__(self, ids: npt.NDArray[np.int64], relative: list[str], base: Path, root: Path) -> None:
        self.ids, self.relative, self._base, self._root = ids, relative, base, root

    def path(self, row: int) -> Path:
        """Path of an item, below the root as it was given."""
        return self._base / self.relative[row]

    def file(self, row: int) -> Path:
        """Absolute path of an item."""
        return self._root / self.relative[row]

    def title(self, row: int) -> str:
        """File name for people to read; bytes that are no text are shown as replacement characters."""
        name = self.relative[row].rpartition("/")[2]
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def rows(self, items: Any) -> npt.NDArray[np.int64]:
        """Positions of one or several items.

        Parameters
        ----------
        items : int, str, PathLike, or an iterable of them
            Ids or paths; relative paths count from the working directory or from the root.

        Raises
        ------
        UnknownNameError
            The project has no such item; the message names it.
        InvalidValueError
            Something is neither an id nor a path.
        """
        if isinstance(items, np.ndarray) and items.dtype.kind in "iu":
            return self._rows_of_ids(items.reshape(-1).astype(np.int64))
        if isinstance(items, (str, os.PathLike, int, np.integer)) or not isinstance(items, Iterable):
            items = [items]
        return np.array([self._row(item) for item in items], dtype=np.int64)

    def _rows_of_ids(self, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        rows = np.searchsorted(self.ids, wanted)
        known = rows < len(self.ids)
        known[known] = self.ids[rows[known]] == wanted[known]
        if not known.all():
            raise UnknownNameError(f"The project has no item with the id {int(wanted[~known][0])}.")
        return rows

    def _row(self, item: Any) -> int:
        if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
            if abs(int(item)) >= 2**63:
                raise UnknownNameError(f"The project has no item with the id {item}.")
            return int(self._rows_of_ids(np.array([item], dtype=np.int64))[0])
        if isinstance(item, (str, os.PathLike)):
            row = self.find_path(item)
            if row is None:
                raise UnknownNameError(
                    f"The project has no item {os.fspath(item)!r}. It holds {len(self.ids):,} images below "
                    f"{str(self._root)!r}; unreadable files are in project.failed."
                )
            return row
        raise InvalidValueError(
            f"{item!r} names no item: an item is named by its id (int), a path (str) or a Path."
        )

    def folder(self, path: str | os.PathLike[str]) -> str:
        """Path of a folder of items, below the root, relative to it and ``/`` separated.

        Raises
        ------
        UnknownNameError
            No item lies below it.
        InvalidValueError
            Something else was given than a path.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidValueError(f"{path!r} names no folder: a folder is named by a str or Path.")
        given = os.fsdecode(path)
        expanded = os.path.expanduser(given)  # noqa: PTH111 - never raises
        candidates = [*self._candidates(Path(given)), *self._candidates(Path(expanded))] if given else []
        candidates.append(_relative(os.path.realpath(expanded), os.path.realpath(self._root)))
        for folder in candidates:
            if any(relative.startswith(f"{folder}/") for relative in self.relative):
                return folder
        raise UnknownNameError(f"No image lies below a folder {given!r} in {str(self._root)!r}.")

    def find_path(self, path: str | os.PathLike[str]) -> int | None:
        """Position of the item with this path; None when there is none."""
        given = Path(os.fsdecode(path))
        row = self._row_at(given)
        if row is None and str(given).startswith("~"):  # after the literal name: files may begin with ~ too
            with suppress(RuntimeError):  # no such user
                given = given.expanduser()
                row = self._row_at(given)
        if row is None:  # another way to the same place, such as the target of a linked folder
            with suppress(ValueError):  # a null character
                row = self._row_of_path.get(_relative(os.path.realpath(given), os.path.realpath(self._root)))
        return row

    @cached_property
    def _row_of_path(self) -> dict[str, int]:
        return {relative: row for row, relative in enumerate(self.relative)}

    def _row_at(self, given: Path) -> int | None:
        rows = (self._row_of_path.get(candidate) for candidate in self._candidates(given))
        return next((row for row in rows if row is not None), None)

    def _candidates(self, given: Path) -> list[str]:
        """What a path may be relative to the root: as it stands, below the root as it was given, or below it."""
        candidates = [_relative(os.path.abspath(given), self._root)]  # noqa: PTH100 - keep links
        if not given.is_absolute():
            if not self._base.is_absolute():
                candidates.append(_relative(given, self._base))
            candidates.append(given.as_posix())
        return candidates


def _relative(path: str | Path, start: str | Path) -> str:
    """Path of an item relative to a folder; empty where there is none, as between drives on Windows."""
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:
        return ""


class Tags(Mapping[str, list[Path]]):
    """Paths of the items of each tag, always as they are now.

    Parameters
    ----------
    load : callable
        Gives the ids of the items of each tag.
    paths : callable
        From ids to paths, in the order in which they are to be shown.
    """

    def __init__(self, load: Callable[[], dict[str, list[int]]], paths: Callable[[list[int]], list[Path]]) -> None:
        self._load, self._paths = load, paths

    def __getitem__(self, name: str) -> list[Path]:
        tags = self._load()
        if name not in tags:
            there = f"There are: {', '.join(map(repr, tags))}." if tags else "Nothing is tagged yet."
            raise UnknownNameError(f"There is no tag {name!r}. {there}")
        return self._paths(tags[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    # All at once: what is deleted while they are gone through would else be asked for by name.

    def items(self) -> ItemsView[str, list[Path]]:
        """Names and paths, as they are now."""
        return {name: self._paths(ids) for name, ids in self._load().items()}.items()

    def values(self) -> ValuesView[list[Path]]:
        """Paths of each tag, as they are now."""
        return dict(self.items()).values()

    def __repr__(self) -> str:
        counts = ", ".join(f"{name!r}: {len(ids):,} images" for name, ids in self._load().items())
        return f"<Tags {{{counts}}}>"


class SavedFilters(MutableMapping[str, dict[str, Any]]):
    """Filters that are kept under a name, always as they are now; assign to one to keep filters.

    Parameters
    ----------
    load : callable
        Gives all of them.
    save : callable
        Keeps filters, once it has checked them.
    delete : callable
        Forgets those of a name.
    """

    def __init__(
        self,
        load: Callable[[], dict[str, dict[str, Any]]],
        save: Callable[[str, Mapping[str, Any]], None],
        delete: Callable[[str], None],
    ) -> None:
        self._load, self._save, self._delete = load, save, delete

    def __getitem__(self, name: str) -> dict[str, Any]:
        saved = self._load()
        if name not in saved:
            there = f"There are: {', '.join(map(repr, saved))}." if saved else "None are saved yet."
            raise UnknownNameError(f"There are no saved filters {name!r}. {there}")
        return saved[name]

    def __setitem__(self, name: str, filters: Mapping[str, Any]) -> None:
        self._save(checked_name(name, "saved filter"), filters)

    def __delitem__(self, name: str) -> None:
        self[name]  # raises where there are none
        self._delete(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def __repr__(self) -> str:
        return f"<SavedFilters {self._load()!r}>"


def in_order_of(ids: npt.NDArray[np.int64], values: Any, what: str) -> npt.NDArray[Any]:
    """Make an array of values that came from outside, in the order of the items.

    Parameters
    ----------
    ids : ndarray of int64, shape (n,)
    values : array-like
        In the order of ``ids``; a pandas Series or DataFrame that is indexed by id, as ``project.to_pandas()``
        is, may come in any order and lack items (NaN then).
    what : str
        What the values are, for messages.

    Raises
    ------
    InvalidValueError
        They are no array, or the index of a Series or DataFrame does not name items.
    """
    if hasattr(values, "reindex") and not np.array_equal(values.index, np.arange(len(values))):
        index = values.index
        if not (index.is_unique and index.isin(ids).all()):
            raise InvalidValueError(
                f"The index of the {what} does not name items, each once, by their ids. Index them like "
                "project.to_pandas(), or pass .to_numpy() in the order of project.ids."
            )
        values = values.reindex(ids)
    try:
        return np.asarray(
            np.ma.filled(values.astype(np.float64), np.nan) if np.ma.isMaskedArray(values) else values
        )
    except Exception as error:  # lists of different lengths, tensors that need a gradient or lie on a GPU
        raise InvalidValueError(
            f"The {what} cannot be made a numpy array: {type(error).__name__}: {error}"
        ) from error


def existing_file(path: str | os.PathLike[str]) -> Path | None:
    """Find the file at a path as people write it; None where there is none."""
    for given in (Path(os.fsdecode(path)), os.path.expanduser(os.fsdecode(path))):  # noqa: PTH111 - never raises
        with suppress(OSError, ValueError):  # too long a name, a null character
            if Path(given).is_file():
                return Path(given)
    return None


def checked_tag(name: object) -> str:
    """Return the name of a tag without surrounding space; see :func:`checked_name`."""
    return checked_name(name, "tag")


def checked_name(name: object, what: str) -> str:
    """Return a name that came from outside without surrounding space.

    Parameters
    ----------
    name : object
    what : str
        What it names, for messages, such as "tag".

    Raises
    ------
    InvalidValueError
        It is no text, empty, longer than 300 characters, or holds line breaks or control characters.
    """
    if not isinstance(name, str):
        raise InvalidValueError(f"The name of a {what} is a text, not {name!r}.")
    stripped = name.strip()
    if not stripped:
        raise InvalidValueError(f"A {what} needs a name: it was empty.")
    if len(stripped) > _MAX_NAME_LENGTH:
        raise InvalidValueError(
            f"The name of a {what} has at most {_MAX_NAME_LENGTH} characters; this one has {len(stripped)}."
        )
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in stripped):
        raise InvalidValueError(
            f"The name of a {what} cannot hold line breaks or control characters: {stripped!r}."
        )
    return stripped

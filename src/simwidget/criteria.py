"""What items can be filtered by, besides metrics: label, split, tag, file name, folder. Pure numpy."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from simwidget.errors import InvalidValueError
from simwidget.views import checked_range, range_label, within_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

Filters: TypeAlias = dict[str, Any]

LABEL, SPLIT, TAG, FILE_NAME, FOLDER = "Label", "Split", "Tag", "File name", "Folder"
SUSPECTED = "Suspected label"
CRITERIA = (LABEL, SPLIT, TAG, FILE_NAME, FOLDER, SUSPECTED)
TAG_MODES = ("any", "all", "none")
_NONE = {LABEL: "no label", SPLIT: "no split"}
_LISTED = 3


class Facts(Protocol):
    """What is known of the items, each of length n and in the same order."""

    @property
    def metrics(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Metrics by name."""

    @property
    def labels(self) -> Sequence[str | None]:
        """Label of each item."""

    @property
    def splits(self) -> Sequence[str | None]:
        """Split of each item."""

    @property
    def suspected_labels(self) -> Sequence[str | None]:
        """Label that each item rather has; None where its own is not suspected."""

    @property
    def relative_paths(self) -> Sequence[str]:
        """Path of each item below the folder of images, ``/`` separated."""

    def tagged_rows(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """Positions of the items of each tag."""


def checked_filters(filters: object, facts: Facts) -> Filters:
    """Check filters that came from outside, and write each in the one way that the rest of simwidget knows.

    Parameters
    ----------
    filters : mapping
        By name:

        - a metric: (low, high), both included;
        - "Label", "Split": one or several of them, any of which an item may have; None among them for no label;
        - "Tag": one or several tags, any of which an item may have; or a dict with some of "any", "all" and "none",
          each with tags, which an item must have any of, all of and none of; or None for items without a tag;
        - "File name": a part of it, in any case; or where it holds ``*`` or ``?`` a pattern for the whole, in which
          they stand for any text and any one character;
        - "Folder": one or several folders below that of the images, ``/`` separated;
        - "Suspected label": True for the items whose neighbors have another label.

        A metric of the user's own with one of these names is hidden by them.
    facts : Facts

    Returns
    -------
    dict
        Ranges as (float, float), lists as tuples; fit for JSON.

    Raises
    ------
    UnknownNameError
        There is nothing of this name to filter by.
    InvalidValueError
        The filter is not one for what it is on.
    """
    if not isinstance(filters, Mapping):
        raise InvalidValueError(f'Filters are a dict such as {{"Uniqueness": (0, 0.0001)}}, not {filters!r}.')
    checked: Filters = {}
    for name, wanted in filters.items():
        if name in (LABEL, SPLIT):
            checked[name] = _texts(name, wanted, nothing=True)
        elif name == TAG:
            checked[name] = _checked_tags(wanted)
        elif name == FILE_NAME:
            if not isinstance(wanted, str) or not wanted:
                raise InvalidValueError(f"The filter on {name!r} is a part of a name or a pattern, not {wanted!r}.")
            checked[name] = wanted
        elif name == FOLDER:
            folders = (str(PurePosixPath(folder)) for folder in _texts(name, wanted))
            checked[name] = tuple(dict.fromkeys(folders))
        elif name == SUSPECTED:
            if wanted is not True:
                raise InvalidValueError(f"The filter on {name!r} is True, not {wanted!r}.")
            checked[name] = True
        else:
            checked[name] = checked_range(name, wanted, facts.metrics, CRITERIA)
    return checked


def _checked_tags(wanted: object) -> dict[str, tuple[str, ...]] | None:
    if wanted is None:
        return None
    if not isinstance(wanted, Mapping):
        return {"any": tuple(_texts(TAG, wanted))}
    unknown = set(wanted) - set(TAG_MODES)
    if unknown or not wanted:
        raise InvalidValueError(f"The filter on {TAG!r} has some of {', '.join(TAG_MODES)}, not {wanted!r}.")
    return {mode: tuple(_texts(TAG, wanted[mode])) for mode in TAG_MODES if mode in wanted}


def _texts(name: str, wanted: object, *, nothing: bool = False) -> tuple[Any, ...]:
    """One or several texts, each once; also None where ``nothing`` is something to look for."""
    if isinstance(wanted, str) or (nothing and wanted is None):
        wanted = [wanted]
    texts = list(wanted) if isinstance(wanted, Iterable) else []
    if not texts or not all(isinstance(text, str) or (nothing and text is None) for text in texts):
        raise InvalidValueError(f"The filter on {name!r} is one or several names, not {wanted!r}.")
    return tuple(dict.fromkeys(texts))


class Masks:
    """Which items pass filters; keeps what it found, since of several filters mostly one changes.

    Parameters
    ----------
    facts : Facts
        Call :meth:`forget` whenever they change.
    count : int
        Number of items.
    """

    def __init__(self, facts: Facts, count: int) -> None:
        self._facts, self._count = facts, count
        self._kept: dict[str, tuple[Any, Mask]] = {}

    def forget(self, count: int) -> None:
        """Start anew, with so many items."""
        self._count = count
        self._kept.clear()

    def passing(self, filters: Mapping[str, Any]) -> Mask:
        """Whether each item passes all of some checked filters, bool of shape (n,)."""
        inside = np.ones(self._count, dtype=bool)
        for name, wanted in filters.items():
            inside &= self._passing(name, wanted)
        return inside

    def _passing(self, name: str, wanted: Any) -> Mask:
        kept = self._kept.get(name)
        if kept is None or kept[0] != wanted:
            kept = (wanted, _mask(self._facts, self._count, name, wanted))
            self._kept[name] = kept
        return kept[1]


def _mask(facts: Facts, count: int, name: str, wanted: Any) -> Mask:
    if name in (LABEL, SPLIT):
        return _in(facts.labels if name == LABEL else facts.splits, frozenset(wanted))
    if name == TAG:
        return _tag_mask(facts.tagged_rows(), count, wanted)
    if name == FILE_NAME:
        names = (path.rpartition("/")[2].casefold() for path in facts.relative_paths)
        text = wanted.casefold()
        if any(character in text for character in "*?"):
            text = text.replace("[", "[[]")  # brackets are common in names: "photo[1].jpg"
            return np.fromiter((fnmatch.fnmatchcase(file, text) for file in names), dtype=bool, count=count)
        return np.fromiter((text in file for file in names), dtype=bool, count=count)
    if name == FOLDER:
        starts = tuple("" if folder == "." else f"{folder}/" for folder in wanted)
        return np.fromiter((path.startswith(starts) for path in facts.relative_paths), dtype=bool, count=count)
    if name == SUSPECTED:
        return np.array([label is not None for label in facts.suspected_labels], dtype=bool)
    return within_range(facts.metrics[name], *wanted)


def _in(values: Sequence[str | None], wanted: frozenset[str | None]) -> Mask:
    return np.fromiter((value in wanted for value in values), dtype=bool, count=len(values))


def _tag_mask(tagged: Mapping[str, npt.NDArray[np.int64]], count: int, wanted: Mapping[str, Any] | None) -> Mask:
    def have(tags: Iterable[str], combine: np.ufunc, start: bool) -> Mask:
        mask = np.full(count, start)
        for tag in tags:
            has = np.zeros(count, dtype=bool)
            has[tagged.get(tag, [])] = True
            combine(mask, has, out=mask)
        return mask

    if wanted is None:
        return ~have(tagged, np.logical_or, False)
    mask = np.ones(count, dtype=bool)
    if "any" in wanted:
        mask &= have(wanted["any"], np.logical_or, False)
    if "all" in wanted:
        mask &= have(wanted["all"], np.logical_and, True)
    if "none" in wanted:
        mask &= ~have(wanted["none"], np.logical_or, False)
    return mask


def in_words(name: str, wanted: Any) -> str:
    """Words for a checked filter, such as "Uniqueness 0 to 0.0001" or "label cat or dog"."""
    if name in (LABEL, SPLIT):
        named = [_NONE[name] if value is None else value for value in wanted]
        return f"{name.lower()} {_listed(named)}"
    if name == TAG:
        if wanted is None:
            return "no tag"
        words = {"any": ("tag ", " or "), "all": ("tags ", " and "), "none": ("without tag ", " or ")}
        return ", ".join(words[mode][0] + _listed(tags, words[mode][1]) for mode, tags in wanted.items())
    if name == FILE_NAME:
        return f'file name with "{wanted}"'
    if name == FOLDER:
        return f"folder {_listed(wanted)}"
    if name == SUSPECTED:
        return "a suspected label"
    return range_label(name, *wanted)


def _listed(names: Sequence[str], joint: str = " or ") -> str:
    more = len(names) - _LISTED
    return joint.join(names[:_LISTED]) + (f"{joint}{more} more" if more > 0 else "")

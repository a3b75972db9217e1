"""Metrics by name: those that simwidget computes, and those of the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.names import in_order_of

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float32]


class Metrics(MutableMapping[str, "npt.NDArray[np.float32]"]):
    """Metrics by name, each float32 of shape (n,), NaN where it could not be computed.

    Assigning an array under a new name adds a metric of your own, which is kept in the project;
    ``del metrics[name]`` removes it.

    Parameters
    ----------
    save : callable
        Called with the name of an own metric and its new values, or None to remove it; raises where it cannot.
    changed : callable
        Called after a metric was added, replaced or removed.
    checked_name : callable
        Checks and tidies a name that came from outside.
    """

    def __init__(
        self,
        save: Callable[[str, Values | None], None],
        changed: Callable[[], None],
        checked_name: Callable[[object], str],
    ) -> None:
        self._save, self._changed, self._checked_name = save, changed, checked_name

    def load(
        self, ids: npt.NDArray[np.int64], computed: Mapping[str, Callable[[], Values]], own: Mapping[str, Values]
    ) -> None:
        """Replace everything, at first and when other embeddings come into use.

        Parameters
        ----------
        ids : ndarray of int64, shape (n,)
            Of the items.
        computed : mapping
            Functions that compute the metrics of simwidget; called when first needed.
        own : mapping
            Metrics of the user.
        """
        self._ids, self._computed = ids, computed
        self._values: dict[str, Values] = {name: _read_only(values) for name, values in own.items()}
        self._own = set(own)

    def __getitem__(self, name: str) -> Values:
        if name not in self._values:
            if name not in self._computed:
                there = ", ".join(map(repr, self))
                raise UnknownNameError(f"There is no metric {name!r}. There are: {there}.")
            self._values[name] = _read_only(self._computed[name]())
        return self._values[name]

    def __setitem__(self, name: str, values: Any) -> None:
        name = self._checked_name(name)
        checked = self._checked(name, values)
        self._save(name, checked)
        self._values[name] = checked
        self._own.add(name)
        self._changed()

    def __delitem__(self, name: str) -> None:
        if name in self._computed:
            raise InvalidValueError(f"The metric {name!r} is computed by simwidget and cannot be removed.")
        self[name]  # raises where there is none
        self._save(name, None)
        self._own.discard(name)
        del self._values[name]
        self._changed()

    def __contains__(self, name: object) -> bool:
        return name in self._computed or name in self._own

    def __iter__(self) -> Iterator[str]:
        yield from self._computed
        yield from sorted(self._own)

    def __len__(self) -> int:
        return len(self._computed) + len(self._own)

    def __repr__(self) -> str:
        return f"<Metrics of {len(self._ids):,} images: {', '.join(self)}>"

    def _checked(self, name: str, values: Any) -> Values:
        array = in_order_of(self._ids, values, f"metric {name!r}")
        if array.shape != self._ids.shape or array.dtype.kind not in "fiub":
            raise InvalidValueError(
                f"The metric {name!r} needs one number an item, an array of shape {self._ids.shape} in the order "
                f"of project.ids with NaN where there is none; this has shape {array.shape} and type {array.dtype}."
            )
        with np.errstate(over="ignore"):
            return _read_only(array.astype(np.float32))


def _read_only(values: Values) -> Values:
    view: Values = values.view()
    view.flags.writeable = False
    return view

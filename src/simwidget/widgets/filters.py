"""The panel "Filter": filters that are added, combined, switched off, removed, and kept under a name."""

from __future__ import annotations

import html
from collections import Counter
from typing import TYPE_CHECKING, Any

import ipywidgets

from simwidget.criteria import FILE_NAME, FOLDER, LABEL, SPLIT, SUSPECTED, TAG, TAG_MODES, in_words
from simwidget.errors import SimwidgetError
from simwidget.session_view import SCORE
from simwidget.widgets.layouts import fixed, wide
from simwidget.widgets.metric_filter import FilterCard, MetricFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from simwidget.session import Session

_ADD = "Add filter…"
_LOAD = "Saved filters…"
_NOTHING = {LABEL: "(no label)", SPLIT: "(no split)"}
_SEVERAL = "Ctrl or Cmd and a click for several, Shift for a range"
_ROWS = 8


class ChoiceCard(FilterCard):
    """Filter by some of a number of names: labels, splits or folders.

    Parameters
    ----------
    session : Session
    name : str
        What is filtered by.
    on_remove : callable
        As for :class:`FilterCard`.
    """

    def __init__(self, session: Session, name: str, on_remove: Callable[[str], None]) -> None:
        super().__init__(session, name, on_remove)
        self.choice = ipywidgets.SelectMultiple(tooltip=_SEVERAL, layout=wide())
        self.choice.observe(self._chosen, "value")
        self.children = [self.head, self.choice]
        self.refresh()

    def refresh(self) -> None:
        """Follow the session, and count anew."""
        self._known = self._counts()
        self.follow()

    def _counts(self) -> dict[str | None, int]:
        project = self.session.project
        if self.name == FOLDER:
            return dict(_folders(project.relative_paths))
        counts = Counter(project.labels if self.name == LABEL else project.splits)
        return {value: counts[value] for value in sorted(counts, key=lambda value: (value is None, value or ""))}

    def _follow(self) -> None:
        wanted = self.wanted or ()
        nothing = _NOTHING.get(self.name, "")
        _choose(self.choice, self._known, wanted, nothing)
        self.say(f"<b>{html.escape(in_words(self.name, wanted) if wanted else self.name)}</b>")

    def _chosen(self, change: dict[str, Any]) -> None:
        if not self.quiet:
            self.put(tuple(change["new"]) or None)


class TagCard(FilterCard):
    """Filter by tags: any, all or none of some, or items without one."""

    def __init__(self, session: Session, on_remove: Callable[[str], None]) -> None:
        super().__init__(session, TAG, on_remove)
        self.mode = ipywidgets.ToggleButtons(
            options=[(f"{mode} of", mode) for mode in TAG_MODES], style={"button_width": "auto"}
        )
        self.choice = ipywidgets.SelectMultiple(tooltip=_SEVERAL, layout=wide())
        self.untagged = ipywidgets.Checkbox(description="untagged only", indent=False)
        self.mode.observe(lambda _: self.follow(), "value")
        self.choice.observe(self._chosen, "value")
        self.untagged.observe(self._switched_untagged, "value")
        self.children = [self.head, self.mode, self.choice, self.untagged]
        self.follow()

    def _follow(self) -> None:
        wanted, has_filter = self.wanted, TAG in self.session.filters
        self.untagged.value = has_filter and wanted is None
        chosen = (wanted or {}).get(self.mode.value, ())
        _choose(self.choice, dict(self.session.tag_counts), chosen)
        self.choice.disabled = self.mode.disabled = self.untagged.value
        self.say(f"<b>{html.escape(in_words(TAG, wanted)) if has_filter else TAG}</b>")

    def _chosen(self, change: dict[str, Any]) -> None:
        if self.quiet:
            return
        wanted = {**(self.wanted or {}), self.mode.value: tuple(change["new"])}
        wanted = {mode: tags for mode, tags in wanted.items() if tags}
        if wanted:
            self.put(wanted)
        else:
            self.take_away()

    def _switched_untagged(self, change: dict[str, Any]) -> None:
        if self.quiet:
            return
        if change["new"]:
            self.put(None)
        else:
            self.take_away()


class NameCard(FilterCard):
    """Filter by a part of the file name, or a pattern."""

    def __init__(self, session: Session, on_remove: Callable[[str], None]) -> None:
        super().__init__(session, FILE_NAME, on_remove)
        self.text = ipywidgets.Text(
            placeholder="Part of a name, or *.png",
            continuous_update=False,
            layout=wide(),
            tooltip="Press Enter to filter",
        )
        self.text.observe(self._typed, "value")
        self.children = [self.head, self.text]
        self.follow()

    def _follow(self) -> None:
        self.text.value = self.wanted or ""
        self.say(f"<b>{FILE_NAME}</b>")

    def _typed(self, change: dict[str, Any]) -> None:
        if not self.quiet:
            self.put(change["new"] or None)


class SuspectedCard(FilterCard):
    """Filter for items whose neighbors have another label."""

    def __init__(self, session: Session, on_remove: Callable[[str], None]) -> None:
        super().__init__(session, SUSPECTED, on_remove)
        self.children = [self.head]
        self.follow()

    def _follow(self) -> None:
        self.say(f"<b>{SUSPECTED}</b> · the neighbors have another")


class FiltersPanel(ipywidgets.VBox):
    """All filters but that on Uniqueness, which has a place of its own.

    Parameters
    ----------
    session : Session
    on_bar : callable
        As for :class:`MetricFilter`.
    """

    def __init__(self, session: Session, on_bar: Callable[[list[int], str], None]) -> None:
        self.session, self._on_bar = session, on_bar
        self.cards: dict[str, FilterCard] = {}
        self._known = self._names()
        self.add = ipywidgets.Dropdown(options=[_ADD], layout=wide(), tooltip="Filter by something else")
        self.saved = ipywidgets.Dropdown(
            options=[_LOAD], layout=fixed(), tooltip="Filters that were saved in the project"
        )
        self.name = ipywidgets.Text(placeholder="Name for these filters", layout=wide())
        self.save = ipywidgets.Button(description="Save", layout=fixed())
        self.forget = ipywidgets.Button(
            icon="trash", tooltip="Forget the saved filters of this name", layout=fixed("36px")
        )
        self.clear = ipywidgets.Button(description="Remove all filters", layout=fixed())
        self.message = ipywidgets.HTML()
        self._stack = ipywidgets.VBox(layout=fixed())
        self.add.observe(self._added, "value")
        self.saved.observe(self._loaded, "value")
        self.name.observe(lambda _: self._show_buttons(), "value")
        self.save.on_click(lambda _: self._save())
        self.forget.on_click(lambda _: self._forget())
        self.clear.on_click(lambda _: self._removed_all())
        super().__init__(
            [
                ipywidgets.HBox([self.add, self.clear], layout=fixed()),
                self._stack,
                self.saved,
                ipywidgets.HBox([self.name, self.save, self.forget], layout=fixed()),
                self.message,
            ],
            layout=ipywidgets.Layout(min_width="0"),
        )
        self.follow()

    def close(self) -> None:
        """Close the widgets."""
        for card in self.cards.values():
            card.close()
        super().close()

    def follow(self, *, anew: bool = False) -> None:
        """Show what the session says: a card for each filter, and those cards that were added by hand.

        Parameters
        ----------
        anew : bool
            Whether there may be other things to filter by, or other values of them.
        """
        with self.session.lock:
            self._follow(anew=anew)

    def _follow(self, *, anew: bool) -> None:
        names = [name for name in self.session.filters if name != SCORE]
        if anew:
            self._known = self._names()
        for name in self.cards.keys() - set(self._known):
            self._drop(name)
        for name in names:
            if name not in self.cards:
                self._make(name)
        for card in self.cards.values():
            if anew:
                card.refresh()
            else:
                card.follow()
        self._stack.children = list(self.cards.values())
        self._offer(self.add, _ADD, [name for name in self._known if name not in self.cards])
        self._saved = list(self.session.project.saved_filters)
        self._offer(self.saved, _LOAD, self._saved)
        self._show_buttons()

    def _names(self) -> list[str]:
        """What can be filtered by here."""
        project = self.session.project
        names = [name for name in project.metrics if name != SCORE]
        if project.label_codes[1]:
            names += [LABEL, SUSPECTED]
        if project.split_codes[1]:
            names.append(SPLIT)
        return [*names, TAG, FILE_NAME, *([FOLDER] if any("/" in path for path in project.relative_paths) else [])]

    def _offer(self, dropdown: ipywidgets.Dropdown, first: str, names: list[str]) -> None:
        options = [first, *names]
        if list(dropdown.options) != options:
            dropdown.options = options  # which sets it to the first

    def _make(self, name: str) -> None:
        makers: dict[str, Callable[[], FilterCard]] = {
            TAG: lambda: TagCard(self.session, self._remove),
            FILE_NAME: lambda: NameCard(self.session, self._remove),
            SUSPECTED: lambda: SuspectedCard(self.session, self._remove),
            **dict.fromkeys((LABEL, SPLIT, FOLDER), lambda: ChoiceCard(self.session, name, self._remove)),
        }
        make = makers.get(name, lambda: MetricFilter(self.session, name, self._remove, self._on_bar))
        self.cards[name] = make()

    def _drop(self, name: str) -> None:
        self.cards.pop(name).close()

    # From the user

    def _added(self, change: dict[str, Any]) -> None:
        name = change["new"]
        if name in (None, _ADD):
            return
        with self.session.lock:  # in which cards are counted and shown
            self._make(name)
        if name == SUSPECTED:  # there is nothing to choose
            self.cards[name].put(True)
        self.follow()

    def _remove(self, name: str) -> None:
        with self.session.lock:
            card = self.cards.pop(name)
        card.take_away()
        card.close()
        self.follow()

    def _removed_all(self) -> None:
        with self.session.lock:
            for name in list(self.cards):
                self._drop(name)
        self.session.clear_filters()
        self.follow()

    def _show_buttons(self) -> None:
        self.clear.disabled = not (self.session.filters or self.cards)
        self.save.disabled = not (self.session.filters and self.name.value.strip())
        self.forget.disabled = self.name.value.strip() not in self._saved

    def _save(self) -> None:
        name = self.name.value.strip()
        self.session.project.saved_filters[name] = self.session.active_filters
        self._say(f"Saved as “{html.escape(name)}”: {self._in_words(self.session.active_filters.items())}.")
        self.follow()

    def _loaded(self, change: dict[str, Any]) -> None:
        name = change["new"]
        if name in (None, _LOAD):
            return
        self.name.value = name
        self.saved.value = _LOAD
        try:
            self.session.set_filters(self.session.project.saved_filters[name])
            self._say("")
        except SimwidgetError as error:
            self._say(html.escape(str(error)))

    def _forget(self) -> None:
        name = self.name.value.strip()
        del self.session.project.saved_filters[name]
        self._say(f"Forgot “{html.escape(name)}”.")
        self.follow()

    def _in_words(self, filters: Iterable[tuple[str, Any]]) -> str:
        return html.escape(", ".join(in_words(name, wanted) for name, wanted in filters))

    def _say(self, message: str) -> None:
        self.message.value = message and f'<span role="status">{message}</span>'


def _choose(
    choice: ipywidgets.SelectMultiple, counts: Mapping[Any, int], chosen: Sequence[Any], nothing: str = ""
) -> None:
    """Offer names with their counts, and those that are chosen but no longer there."""
    counts = {**counts, **{name: 0 for name in chosen if name not in counts}}
    options = [(f"{nothing if name is None else name} ({count:,})", name) for name, count in counts.items()]
    with choice.hold_sync():  # together, or the browser looks for what is chosen among what was offered before
        if list(choice.options) != options:
            choice.options = options
        choice.value = tuple(chosen)
        choice.rows = min(max(len(options), 2), _ROWS)


def _folders(paths: Iterable[str]) -> list[tuple[str, int]]:
    """Folders that items are in or below, relative to that of the images, with how many."""
    counts: Counter[str] = Counter()
    for folder, count in Counter(path.rpartition("/")[0] for path in paths).items():
        parts = folder.split("/") if folder else []
        counts.update({"/".join(parts[:depth]): count for depth in range(1, len(parts) + 1)})
    return sorted(counts.items())

"""The panel "Overview": cards with counts, each a click that puts what it counts in view."""

from __future__ import annotations

import html
import logging
import threading
from typing import TYPE_CHECKING

import ipywidgets

from simwidget.errors import SimwidgetError
from simwidget.inspection import shown
from simwidget.overview import PARTS, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simwidget.contents import FailedItem
    from simwidget.overview import Card
    from simwidget.session import Session

_LOG = logging.getLogger(__name__)
_LISTED = 100  # files that cannot be read
_TITLE = 24  # characters, so that the count has room beside it
_HIGHLIGHTED = "duplicates"

# A card is one button, so that a key and a screen reader reach all of it at once: two lines, in the first the title
# left and the count right, which is a line of two words to be justified.
_STYLE = """<style>
.simwidget-overview button.simwidget-card {
  display: block; box-sizing: border-box; width: 100%; height: auto; margin: 0; padding: 4px 8px;
  border: 0; border-left: 3px solid transparent; background: transparent; color: var(--jp-ui-font-color1, inherit);
  line-height: 17px; white-space: pre-line; text-align: left; text-align-last: justify;
}
.simwidget-overview button.simwidget-card:hover:enabled {
  background: var(--jp-layout-color2, rgba(127, 127, 127, 0.15));
}
.simwidget-overview button.simwidget-card:focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: -2px;
}
.simwidget-overview button.simwidget-highlighted {
  border-left-color: var(--jp-brand-color1, #1976d2); font-weight: 600;
}
.simwidget-overview button.simwidget-shown { background: var(--jp-layout-color3, rgba(127, 127, 127, 0.3)); }
.simwidget-overview .simwidget-unreadable { max-height: 240px; overflow: auto; padding: 0 8px; line-height: 1.4; }
.simwidget-overview .simwidget-unreadable li { overflow-wrap: anywhere; }
</style>"""


class OverviewPanel(ipywidgets.VBox):
    """Counts of what is worth a look in a project; a click on one shows it in the session.

    What takes long to count is counted later, in a thread of the session, and shown as soon as it is known.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    buttons : dict of str to Button
        By the key of the card, in order.
    unreadable : HTML
        The files that cannot be read, while they are listed.
    message : HTML
        What went wrong, if something did.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.buttons: dict[str, ipywidgets.Button] = {}
        self.unreadable = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        self.message = ipywidgets.HTML()
        # One of each for all buttons: every widget takes time to make and to show.
        self._button_layout = ipywidgets.Layout(width="auto", height="auto", flex="0 0 auto")
        self._button_style = ipywidgets.ButtonStyle()
        self._lock = threading.RLock()  # over all that follows
        self._is_closed = self._lists_unreadable = False
        self._stale: set[int] = set()  # parts that are to be counted in the thread
        self._basis: dict[int, object] = {}
        self._cards = [(part.uncounted or part.cards)(session.project) for part in PARTS]
        super().__init__(layout=ipywidgets.Layout(min_width="0", overflow="hidden"))
        self.add_class("simwidget-overview")
        self._style_sheet = ipywidgets.HTML(_STYLE, layout=ipywidgets.Layout(display="none"))
        self._show()
        self._stop_watching = session.on_change(self._changed)
        self._count_later(number for number, part in enumerate(PARTS) if part.uncounted)

    @property
    def cards(self) -> list[Card]:
        """The cards as they are shown."""
        with self._lock:
            return [card for cards in self._cards for card in cards]

    def settle(self) -> None:
        """Wait until everything is counted."""
        self.session.settle()

    def close(self) -> None:
        """Close the widgets and stop following the session."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._stop_watching()
        for widget in (*self.buttons.values(), self.unreadable, self.message, self._style_sheet):
            widget.close()
        super().close()

    # From the session

    def _changed(self, changed: frozenset[str]) -> None:
        stale = [number for number, part in enumerate(PARTS) if part.follows & changed]
        with self._lock:  # counted in it, so that of two changes at once the later is shown
            if self._is_closed:
                return
            self._count_later(number for number in stale if PARTS[number].uncounted)
            quick = [number for number in stale if not PARTS[number].uncounted]
            for number in quick:
                self._cards[number] = PARTS[number].cards(self.session.project)
            if quick:
                self._show()
            elif "view" in changed:
                self._mark()

    def _count_later(self, numbers: Iterable[int]) -> None:
        """Count parts in the thread; those that wait to be counted are so only once."""
        with self._lock:
            if self._is_closed:
                return
            is_due = bool(self._stale)
            self._stale.update(numbers)
            if self._stale and not is_due:
                self.session.later(self._count)

    def _count(self) -> None:
        with self._lock:
            stale, self._stale = sorted(self._stale), set()
        message = ""
        for number in stale:
            if self._is_closed:
                return
            try:
                self._count_part(number)
            except Exception as error:  # the project was closed, or is about to hold other items
                _LOG.warning("simwidget: a part of the overview could not be counted: %s", error)
                message = f"Something could not be counted: {error}"
        self._say(message)

    def _count_part(self, number: int) -> None:
        part, project = PARTS[number], self.session.project
        basis = part.basis(project) if part.basis else None
        if basis is not None and basis is self._basis.get(number):
            return
        cards = part.cards(project)
        self._basis[number] = basis
        with self._lock:
            if not self._is_closed:
                self._cards[number] = cards
                self._show()

    def _show(self) -> None:
        """Show the cards; a button stays that of its card, so that it keeps the focus."""
        before, self.buttons = self.buttons, {}
        for card in self.cards:
            self.buttons[card.key] = button = before.pop(card.key, None) or self._make(card.key)
            _fill(button, card)
        self.children = [self._style_sheet, *self.buttons.values(), self.unreadable, self.message]
        for button in before.values():
            button.close()
        if self._lists_unreadable:
            self._list_unreadable()
        self._mark()

    def _make(self, key: str) -> ipywidgets.Button:
        button = ipywidgets.Button(layout=self._button_layout, style=self._button_style)
        button.add_class("simwidget-card")
        button.on_click(lambda _: self._clicked(key))
        return button

    def _mark(self) -> None:
        """Mark the card that is in view."""
        for card in self.cards:
            _set_class(self.buttons[card.key], "simwidget-shown", self._is_in_view(card))

    def _is_in_view(self, card: Card) -> bool:
        session = self.session
        if session.query is not None:
            return card.ids is not None and session.query_label == card.title
        wanted = (session.filters, session.filters_off, session.mode)
        return card.filters is not None and wanted == (card.filters, frozenset(), card.mode)

    # From the user

    def _clicked(self, key: str) -> None:
        card = next((card for card in self.cards if card.key == key), None)
        if card is None:  # gone while the click was on its way
            return
        try:
            if card.key == UNREADABLE:
                self._lists_unreadable = not self._lists_unreadable
                self._list_unreadable()
            elif card.ids is not None:
                self.session.show_items(card.ids, card.title)
            else:
                self.session.show(filters=card.filters, sort=card.sort, mode=card.mode)
            self._say("")
        except SimwidgetError as error:
            self._say(str(error))

    def _list_unreadable(self) -> None:
        failed = self.session.project.failed if self._lists_unreadable else []
        self.unreadable.value = _listed(failed) if failed else ""
        self.unreadable.layout.display = None if failed else "none"

    def _say(self, message: str) -> None:
        self.message.value = message and f'<span role="status">{html.escape(message)}</span>'


def _fill(button: ipywidgets.Button, card: Card) -> None:
    """Put a card into its button."""
    title = card.title if len(card.title) <= _TITLE else f"{card.title[: _TITLE - 1]}…"
    count = "…" if card.count is None else f"{card.count:,}"
    lines = [f"{_unbroken(title)} {count}", *([_unbroken(card.detail)] if card.detail else [])]
    with button.hold_sync():
        button.description = "\n".join(lines)
        button.tooltip = card.help if title == card.title else f"{card.title}: {card.help}"
        button.disabled = not card.count
        _set_class(button, "simwidget-highlighted", card.key == _HIGHLIGHTED and bool(card.count))


def _unbroken(words: str) -> str:
    """Words with spaces that browsers do not make wider in a justified line, as they do no-break spaces."""
    return words.replace(" ", "\N{NARROW NO-BREAK SPACE}")


def _set_class(widget: ipywidgets.DOMWidget, name: str, has: bool) -> None:
    if has:
        widget.add_class(name)
    else:
        widget.remove_class(name)


def _listed(failed: list[FailedItem]) -> str:
    lines = [
        f"<li><b>{html.escape(shown(str(path)))}</b>: {html.escape(reason)}</li>"
        for path, reason in failed[:_LISTED]
    ]
    more = len(failed) - _LISTED
    rest = f"<p>and {more:,} more: <code>project.failed</code></p>" if more > 0 else ""
    # In the order of keys, since it scrolls.
    return (
        '<div class="simwidget-unreadable" tabindex="0" role="region" aria-label="Unreadable files">'
        f"<ul>{''.join(lines)}</ul>{rest}</div>"
    )

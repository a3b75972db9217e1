"""The line of the Explorer that asks for similar items, and goes back and forth between what was shown."""

from __future__ import annotations

import html
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import ipywidgets

from simwidget.errors import SimwidgetError
from simwidget.session_view import NEIGHBORS
from simwidget.threads import ThreadPool
from simwidget.widgets.layouts import fixed
from simwidget.widgets.quiet import Quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from simwidget.session import Session

_WORDLESS = "perceptual"


class QueryPanel(ipywidgets.VBox):
    """Ask by words or by an image file; of a query, set how many items and how far.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._quiet = Quiet()
        self._work = ThreadPool(1, thread_name_prefix="simwidget-search")
        self.back = ipywidgets.Button(
            icon="arrow-left", tooltip="Back to what was shown before", layout=fixed("34px")
        )
        self.forward = ipywidgets.Button(icon="arrow-right", tooltip="Forward again", layout=fixed("34px"))
        self.text = ipywidgets.Text(
            placeholder="Find by words…",
            continuous_update=False,
            layout=ipywidgets.Layout(width="auto", flex="1 1 100px", min_width="0"),
        )
        self.selected = ipywidgets.Button(
            description="Like selected", tooltip="Find the images similar to any of those selected", layout=fixed()
        )
        self.show_selected = ipywidgets.Button(
            description="Show selected", tooltip="Show the selected images alone", layout=fixed()
        )
        self.upload = ipywidgets.FileUpload(
            accept="image/*",
            multiple=False,
            description="Image…",
            icon="image",
            tooltip="Find the images similar to an image file",
            layout=fixed(),
        )
        self.k = ipywidgets.BoundedIntText(
            value=NEIGHBORS,
            min=1,
            max=1_000_000,
            description="At most",
            **_narrow("150px"),
            continuous_update=False,
        )
        self.radius = ipywidgets.BoundedFloatText(
            value=1.0,
            min=0.0,
            max=1.0,
            step=0.01,
            description="within",
            **_narrow("150px"),
            continuous_update=False,
        )
        self.filtered = ipywidgets.Checkbox(
            description="only what passes the filters", indent=False, layout=ipywidgets.Layout(width="auto")
        )
        self.message = ipywidgets.HTML()
        self.back.on_click(lambda _: self.session.back())
        self.forward.on_click(lambda _: self.session.forward())
        self.selected.on_click(lambda _: self._asked_for_selected())
        self.show_selected.on_click(lambda _: self.session.show_items(self.session.selected_ids, "The selection"))
        self.text.observe(self._asked, "value")
        self.upload.observe(self._uploaded, "value")
        for widget in (self.k, self.radius, self.filtered):
            widget.observe(self._refined, "value")
        self._settings = ipywidgets.HBox(
            [self.k, self.radius, self.filtered], layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        super().__init__(
            [
                ipywidgets.HBox(
                    [self.back, self.forward, self.show_selected, self.selected, self.upload, self.text],
                    layout=ipywidgets.Layout(flex_flow="row wrap"),
                ),
                self._settings,
                self.message,
            ],
            layout=ipywidgets.Layout(min_width="0", overflow="hidden"),
        )
        self.follow()

    def close(self) -> None:
        """Close the widgets and let go of the thread."""
        self._work.shutdown(wait=False)
        super().close()

    def follow(self) -> None:
        """Show what the session says."""
        session = self.session
        with session.lock, self._quiet:
            query = session.query
            self.message.value = ""  # what was wrong with an earlier question
            self.selected.disabled = self.show_selected.disabled = session.selection_count == 0
            self.back.disabled, self.forward.disabled = not session.can_go_back, not session.can_go_forward
            is_wordless = session.project.embedder_name.startswith(_WORDLESS)
            self.text.layout.display = "none" if is_wordless else None
            is_similarity = query is not None and bool(query.asked)
            self._settings.layout.display = None if is_similarity else "none"
            if query is not None and is_similarity:
                self.k.value, self.filtered.value = query.k, query.filtered
                self.radius.value = 1.0 if query.radius is None else query.radius

    def search(self, ask: Callable[[], None]) -> None:
        """Ask for similar items in a thread; what goes wrong is said."""
        with suppress(RuntimeError):  # the panel was closed
            self._work.submit(self._search, ask)

    def _search(self, ask: Callable[[], None]) -> None:
        try:
            ask()
            self.message.value = ""
        except SimwidgetError as error:
            self._say(str(error))
        except Exception as error:  # nobody else would hear of it
            self._say(f"{type(error).__name__}: {error}")

    def _say(self, message: str) -> None:
        self.message.value = f'<b role="status" style="line-height: 1.4">{html.escape(message)}</b>'

    def _asked(self, change: dict[str, Any]) -> None:
        text = change["new"].strip()
        if text:
            self.search(lambda: self.session.similar_to_text(text))

    def _asked_for_selected(self) -> None:
        ids = self.session.selected_ids
        self.search(lambda: self.session.similar_to(ids))

    def _uploaded(self, change: dict[str, Any]) -> None:
        files = change["new"]
        if not files:
            return
        (file,) = files
        self.upload.value = ()  # so that the same file can be asked for again
        name, data = file["name"], bytes(file["content"])
        self.search(lambda: self.session.similar_to_image(data, name))

    def _refined(self, _: object) -> None:
        if self._quiet:
            return
        k, filtered = self.k.value, self.filtered.value
        radius = None if self.radius.value >= 1 else self.radius.value
        self.search(lambda: self.session.refine_query(k=k, radius=radius, filtered=filtered))


def _narrow(width: str) -> dict[str, Any]:
    return {
        "layout": ipywidgets.Layout(width=width),
        "style": {"description_width": "initial"},
    }

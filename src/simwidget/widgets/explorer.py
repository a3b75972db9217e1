"""Explorer: the gallery beside a histogram of Uniqueness, and what is selected and tagged as Python values."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.names import Tags, existing_file
from simwidget.session import Session
from simwidget.session_view import SCORE
from simwidget.view_code import view_code
from simwidget.widgets.actions import ActionsPanel
from simwidget.widgets.fallback import with_contact_sheet
from simwidget.widgets.filters import FiltersPanel
from simwidget.widgets.gallery import Gallery
from simwidget.widgets.metric_filter import MetricFilter
from simwidget.widgets.overview import OverviewPanel
from simwidget.widgets.query import QueryPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from simwidget.contents import Items
    from simwidget.project import Project
    from simwidget.widgets.histogram import MetricHistogram


class _Live(traitlets.TraitType[Any, Any]):
    """A trait that is read from the session and written to it, so that there is one truth only."""

    def __init__(
        self, read: Callable[[Explorer], Any], write: Callable[[Explorer, Any], None] | None = None, help: str = ""
    ) -> None:
        super().__init__(read_only=write is None, help=help)
        self._read, self._write = read, write

    def get(self, obj: Any, cls: Any = None) -> Any:  # noqa: ARG002 - the signature of traitlets
        with obj.project.lock:  # what is in view, and the paths of that
            return self._read(obj)

    def set(self, obj: Any, value: Any) -> None:
        if self._write is not None:
            self._write(obj, value)


class Explorer(ipywidgets.Box):
    """Look through a project: brush the histogram, look for similar items, select and tag.

    Everything that it shows can be read, set and observed from Python; ``explorer.observe(f, "selected")``
    calls ``f`` whenever the selection changes.

    Parameters
    ----------
    project : Project

    Attributes
    ----------
    selected : list of Path
        What is selected, in the order of the view. Set it to items, named by id, str or Path.
    filters : dict
        By name: for a metric its range, both ends included, such as ``{"Uniqueness": (0, 0.0001)}``; "Label",
        "Split" and "Folder" one or several; "Tag" any of several, or ``{"any": ..., "all": ..., "none": ...}``, or
        None for untagged; "File name" a part of it or a pattern; "Suspected label" True.
    filters_off : set of str
        Names of the filters that are switched off.
    sort : str
        A metric or "Name", with a minus in front when descending; "Similarity" while a query is active.
    mode : str
        "grid", or "groups" for the duplicates row by row.
    view : list of Path
        What the gallery shows, in order. Read-only.
    query : list of Path or None
        The items whose similar items are shown; empty for those similar to an image from outside or a text, and for
        a list of items. Read-only; see :meth:`similar` and :meth:`clear`.
    tags : mapping
        From each tag to its items as list of Path, in the order of the view. Read-only; always as it is now.
    project : Project
    gallery : Gallery
    histogram : MetricHistogram
    """

    project: Project
    gallery: Gallery
    histogram: MetricHistogram
    _session: Session

    selected = _Live(lambda e: e._paths(e._session.selected_ids), lambda e, items: e._select(items))
    filters = _Live(lambda e: e._session.filters, lambda e, filters: e._session.set_filters(filters))
    filters_off = _Live(lambda e: set(e._session.filters_off), lambda e, names: e._switch_off(names))
    sort = _Live(lambda e: e._session.sort, lambda e, sort: e._session.set_sort(sort))
    mode = _Live(lambda e: e._session.mode, lambda e, mode: e._session.set_mode(mode))
    view = _Live(lambda e: e._paths(e._session.ids_in_view.tolist()))
    query = _Live(lambda e: e._paths(e._session.query.ids) if e._session.query else None)
    tags = _Live(lambda e: Tags(lambda: e._session.tags, e._tagged))

    _AFFECTED = {  # noqa: RUF012 - a constant
        "view": ("view", "mode", "selected", "tags"),  # the order of the view is theirs too
        "filters": ("filters", "filters_off"),
        "sort": ("sort",),
        "query": ("query",),
        "selection": ("selected",),
        "tags": ("tags",),
    }

    def __init__(self, project: Project) -> None:
        self.project = project
        self._session = Session(project)
        self.gallery = Gallery(self._session)
        # The gallery takes what room there is; where both do not fit side by side, each has the whole width.
        self.gallery.layout = ipywidgets.Layout(flex="999 1 460px", min_width="0")
        self._uniqueness = MetricFilter(self._session, SCORE, None, self._bar_clicked)
        self.histogram = self._uniqueness.histogram
        self._query = QueryPanel(self._session)
        self._overview = OverviewPanel(self._session)
        self._filters = FiltersPanel(self._session, self._bar_clicked)
        self._actions = ActionsPanel(self._session)
        self._sidebar = self._make_sidebar()
        self._fold = ipywidgets.Button(
            icon="chevron-left",
            tooltip="Fold the panels away",
            layout=ipywidgets.Layout(width="18px", height="auto", min_height="32px", padding="0", margin="0 6px"),
            style={"button_color": "transparent"},
        )
        self._fold.on_click(lambda _: self._toggle_sidebar())
        super().__init__(
            [self._sidebar, self._fold, self.gallery],
            layout=ipywidgets.Layout(flex_flow="row wrap", align_items="stretch", width="100%"),
        )
        self._stop_watching = self._session.on_change(self._changed)

    def _make_sidebar(self) -> ipywidgets.VBox:
        for panel in (self._overview, self._filters, self._actions.body):
            panel.layout.max_height, panel.layout.overflow = "400px", "auto"
        tabs = ipywidgets.Tab([self._overview, self._filters, self._actions], titles=["Overview", "Filter", "Tags"])
        return ipywidgets.VBox(
            [self._uniqueness, self._query, tabs],
            layout=ipywidgets.Layout(flex="1 1 320px", min_width="0"),
        )

    def _toggle_sidebar(self) -> None:
        """Fold the panels away, or bring them back."""
        is_shown = self._sidebar.layout.display != "none"
        self._sidebar.layout.display = "none" if is_shown else None
        self._fold.icon = "chevron-right" if is_shown else "chevron-left"
        self._fold.tooltip = "Show the panels" if is_shown else "Fold the panels away"

    def similar(
        self,
        query: Any = None,
        k: int = 50,
        *,
        text: str | None = None,
        radius: float | None = None,
        filtered: bool = False,
        label: str | None = None,
    ) -> None:
        """Show the items most like a query, nearest first.

        Parameters
        ----------
        query : item, items, path or image
            One or several items, named by id, str path or Path, the path of an image outside the project, the
            bytes of an image file, or a ``PIL.Image.Image``.
        k : int
            How many, at most.
        text : str, optional
            Words for what to find, in place of ``query``; the embedder has to understand text, as CLIP does.
        radius : float, optional
            Only items within this cosine distance.
        filtered : bool
            Only items that pass the filters.
        label : str, optional
            Words for ``query``, shown after "Similar to"; default the file name, or the number of items.

        Raises
        ------
        UnknownNameError, InvalidValueError
            As :meth:`simwidget.Project.similar`; also for a ``label`` that is no text, or beside ``text``.
        """
        session = self._session
        more: dict[str, Any] = {"radius": radius, "filtered": filtered}
        if label is not None and not isinstance(label, str):
            raise InvalidValueError(f"The words for a query are a text, not {label!r}.")
        if text is not None:
            if query is not None:
                raise InvalidValueError("Similar to what? Give either a query or text=..., one of them.")
            if label is not None:
                raise InvalidValueError("A text is shown as it is: label=... goes with a query.")
            session.similar_to_text(text, k, **more)
        elif self._is_outside(query):
            name = Path(query).name if isinstance(query, (str, os.PathLike)) else "the image"
            session.similar_to_image(query, label or name, k, **more)
        else:
            session.similar_to(self._ids(query), k, label or "", **more)

    def show(self, items: Items, label: str = "A list of images") -> None:
        """Show some items, named by id, str path, Path, or several of them, sorted as the view is."""
        self._session.show_items(self._ids(items), label)

    def to_code(self) -> str:
        """Write the Python that shows what is shown now."""
        return view_code(self._session)

    def _switch_off(self, names: object) -> None:
        filters = self._session.filters
        off: list[Any] = (
            [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else [names]
        )
        for name in off:
            if not isinstance(name, str):
                raise InvalidValueError(f"filters_off holds names of filters, not {name!r}.")
            if name not in filters:
                raise UnknownNameError(f"There is no filter on {name!r}. Filters: {', '.join(filters) or 'none'}.")
        self._session.set_filters(filters, off)

    def _is_outside(self, query: object) -> bool:
        from PIL.Image import Image

        if not isinstance(query, (str, os.PathLike)):
            return isinstance(query, (Image, bytes))
        try:
            self.project.rows(query)
        except UnknownNameError:
            return existing_file(query) is not None
        return False

    def back(self) -> None:
        """Show what was shown before."""
        self._session.back()

    def forward(self) -> None:
        """Show what was last gone back from."""
        self._session.forward()

    def clear(self) -> None:
        """Show all images: leave the similarity query and remove the filters."""
        self._session.clear_query()
        self._session.clear_filters()

    def close(self) -> None:
        """Close the widgets and stop following the project."""
        self._stop_watching()
        self._session.close()
        for widget in (self._query, self._uniqueness, self._overview, self._filters, self._actions, self.gallery):
            widget.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Explorer of {self.project!r}: {self._session.count:,} in view>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_contact_sheet(super()._repr_mimebundle_(**kwargs), self._session, self.gallery.title)

    def _paths(self, ids: Any) -> list[Path]:
        return [self.project.path(item) for item in ids]

    def _tagged(self, ids: list[int]) -> list[Path]:
        with self.project.lock:
            return self._paths(self._session.in_view_order(ids))

    def _ids(self, items: Items) -> list[int]:
        with self.project.lock:
            ids: list[int] = self.project.ids[self.project.rows(items)].tolist()
            return ids

    def _select(self, items: Items) -> None:
        self._session.select("set", ids=self._ids(items))

    def _bar_clicked(self, rows: list[int], label: str) -> None:
        with self.project.lock:
            ids = self.project.ids[rows].tolist()
        self._query.search(lambda: self._session.similar_to(ids, label=label))

    def _changed(self, changed: frozenset[str]) -> None:
        if changed & {"view", "filters", "metrics", "groups"}:
            self._uniqueness.follow()
        if changed & {"filters", "metrics", "labels", "tags", "groups"}:
            self._filters.follow(anew=bool(changed & {"metrics", "labels"}))
        if changed & {"view", "query", "selection"}:
            self._query.follow()
        for name in sorted({name for what in changed for name in self._AFFECTED.get(what, ())}):
            if self._trait_notifiers.get(name):
                value = getattr(self, name)
                self.notify_change(
                    traitlets.Bunch(name=name, old=traitlets.Undefined, new=value, owner=self, type="change")
                )

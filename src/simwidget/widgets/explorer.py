"""Explorer: the gallery beside a histogram of Uniqueness, and what is selected and tagged as Python values."""

from __future__ import annotations

import html
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from simwidget.bins import Bins
from simwidget.errors import SimwidgetError
from simwidget.names import Tags
from simwidget.session import DUPLICATE_THRESHOLD, Session
from simwidget.views import filter_rows
from simwidget.widgets.fallback import with_contact_sheet
from simwidget.widgets.gallery import Gallery
from simwidget.widgets.histogram import MetricHistogram

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simwidget.contents import Items
    from simwidget.project import Project

_METRIC = "Uniqueness"


class _Live(traitlets.TraitType[Any, Any]):
    """A trait that is read from the session and written to it, so that there is one truth only."""

    def __init__(
        self, read: Callable[[Explorer], Any], write: Callable[[Explorer, Any], None] | None = None, help: str = ""
    ) -> None:
        super().__init__(read_only=write is None, help=help)
        self._read, self._write = read, write

    def get(self, obj: Any, cls: Any = None) -> Any:  # noqa: ARG002 - the signature of traitlets
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
        Range of each filtered metric, both ends included, such as ``{"Uniqueness": (0, 0.0001)}``.
    sort : str
        A metric or "Name", with a minus in front when descending; "Similarity" while a query is active.
    view : list of Path
        What the gallery shows, in order. Read-only.
    query : list of Path or None
        The items whose similar items are shown. Read-only; see :meth:`similar` and :meth:`clear`.
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
    sort = _Live(lambda e: e._session.sort, lambda e, sort: e._session.set_sort(sort))
    view = _Live(lambda e: e._paths(e.project.ids[e._session.rows_in_view].tolist()))
    query = _Live(lambda e: e._paths(e._session.query.ids) if e._session.query else None)
    tags = _Live(lambda e: Tags(lambda: e._session.tags, lambda ids: e._paths(e._session.in_view_order(ids))))

    _AFFECTED = {  # noqa: RUF012 - a constant
        "view": ("view", "selected", "tags"),  # the order of the view is theirs too
        "filters": ("filters",),
        "sort": ("sort",),
        "query": ("query",),
        "selection": ("selected",),
        "tags": ("tags",),
        "metrics": (),
    }

    def __init__(self, project: Project) -> None:
        self.project = project
        self._session = Session(project)
        self._searches = ThreadPoolExecutor(1, thread_name_prefix="simwidget-search")
        self.gallery = Gallery(self._session)
        self.gallery.layout = ipywidgets.Layout(flex="1 1 460px", min_width="0")
        self._values = project.metrics[_METRIC]
        self.histogram = MetricHistogram(
            Bins.of(self._values, first=DUPLICATE_THRESHOLD), self._values, self._brushed, self._bar_clicked
        )
        self._readout = ipywidgets.HTML()
        self._shortcut = ipywidgets.Button(
            tooltip=f"Uniqueness 0 to {DUPLICATE_THRESHOLD:g}", layout=ipywidgets.Layout(width="auto")
        )
        self._shortcut.on_click(lambda _: self._session.set_filters({_METRIC: (0.0, DUPLICATE_THRESHOLD)}))
        self._clear = ipywidgets.Button(description="Show all", layout=ipywidgets.Layout(width="auto"))
        self._clear.on_click(lambda _: self.clear())
        super().__init__(
            [self._sidebar(), self.gallery],
            layout=ipywidgets.Layout(flex_flow="row wrap", align_items="stretch", width="100%"),
        )
        self._stop_watching = self._session.on_change(self._changed)
        self._show()

    def _sidebar(self) -> ipywidgets.VBox:
        shortcuts = ipywidgets.HBox([self._shortcut, self._clear], layout=ipywidgets.Layout(flex_flow="row wrap"))
        return ipywidgets.VBox(
            [self._readout, self.histogram, shortcuts],
            layout=ipywidgets.Layout(flex="1 1 280px", max_width="420px", min_width="0", padding="0 8px 0 0"),
        )

    def similar(self, items: Items, k: int = 50) -> None:
        """Show the ``k`` items most like some items, named by id, str path, Path, or several of them."""
        self._session.similar_to(self.project.ids[self.project.rows(items)].tolist(), k)

    def clear(self) -> None:
        """Show all images: leave the similarity query and remove the filters."""
        self._session.clear_query()
        self._session.clear_filters()

    def close(self) -> None:
        """Close the widgets and stop following the project."""
        self._stop_watching()
        self._session.close()
        self._searches.shutdown(wait=False)
        self.gallery.close()
        self.histogram.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Explorer of {self.project!r}: {self._session.count:,} in view>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_contact_sheet(super()._repr_mimebundle_(**kwargs), self._session, self.gallery.title)

    def _paths(self, ids: Any) -> list[Path]:
        return [self.project.path(item) for item in ids]

    def _select(self, items: Items) -> None:
        self._session.select("set", ids=self.project.ids[self.project.rows(items)].tolist())

    # Histogram to session

    def _brushed(self, bounds: tuple[float, float] | None, released: bool) -> None:
        filters = {_METRIC: bounds} if bounds is not None else {}
        if not released:
            self._show_readout(len(filter_rows(len(self.project), filters, self.project.metrics)), filters)
        elif self._session.filters != filters:
            self._session.set_filters(filters)

    def _bar_clicked(self, index: int) -> None:
        rows = (self.histogram.bins.assign(self.project.metrics[_METRIC]) == index).nonzero()[0]
        if len(rows) == 0:
            return
        low, high = self.histogram.bins.edges[index : index + 2]
        label = f"{len(rows):,} images with {_METRIC} {low:.4g} to {high:.4g}"
        self._searches.submit(self._search, self.project.ids[rows].tolist(), label)

    def _search(self, ids: list[int], label: str) -> None:
        try:
            self._session.similar_to(ids, label=label)
        except SimwidgetError as error:
            self._readout.value = f"<b>{html.escape(str(error))}</b>"

    # Session to histogram and observers

    def _changed(self, changed: frozenset[str]) -> None:
        values = self.project.metrics[_METRIC]
        fresh = values is not self._values
        if fresh:
            self._values = values
            self.histogram.show_metric(Bins.of(values, first=DUPLICATE_THRESHOLD), values)
        if fresh or "view" in changed:
            self._show()
        for name in sorted({name for what in changed for name in self._AFFECTED[what]}):
            if self._trait_notifiers.get(name):
                value = getattr(self, name)
                self.notify_change(
                    traitlets.Bunch(name=name, old=traitlets.Undefined, new=value, owner=self, type="change")
                )

    def _show(self) -> None:
        session = self._session
        filters = session.filters
        self.histogram.show_view(session.rows_in_view if filters or session.query else None)
        self.histogram.show_range(None if session.query else filters.get(_METRIC))
        self._show_readout(session.count, {} if session.query else filters)
        duplicates = len(filter_rows(session.total, {_METRIC: (0.0, DUPLICATE_THRESHOLD)}, self.project.metrics))
        self._shortcut.description = f"Duplicates ({duplicates:,})"
        self._shortcut.disabled = duplicates == 0
        self._clear.disabled = not (filters or session.query)

    def _show_readout(self, count: int, filters: dict[str, tuple[float, float]]) -> None:
        low, high = filters.get(_METRIC, (None, None))
        where = "" if low is None else f" {low:.4g} to {high:.4g}"
        total = self._session.total
        shown = f"{count:,} of {total:,}" if count < total else f"{total:,}"
        self._readout.value = f"<b>{_METRIC}{where}</b> · {shown} image{'s' if total != 1 else ''}"

"""The filter on one metric: histogram, range slider and number boxes that stay in step."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from simwidget.criteria import TAG
from simwidget.session_view import metric_bins
from simwidget.views import within_range
from simwidget.widgets.histogram import MetricHistogram
from simwidget.widgets.layouts import fixed
from simwidget.widgets.quiet import Quiet
from simwidget.words import counted, file_size

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from simwidget.bins import Bins
    from simwidget.session import Session


# Parts of a bar that a slider tells apart. It has whole numbers: the browser rounds others, and sends them back,
# late perhaps, as if a hand had moved it.
_PARTS = 100


class FilterCard(ipywidgets.VBox):
    """The filter on one thing: a line with its name, a switch and a way out, and what it is set by below.

    Parameters
    ----------
    session : Session
    name : str
        What is filtered by.
    on_remove : callable or None
        Called when the user takes the card away; None where it stays.
    """

    def __init__(self, session: Session, name: str, on_remove: Callable[[str], None] | None) -> None:
        self.session, self.name = session, name
        self.quiet = Quiet()  # while the card follows the session, which then need not be told
        self.switch = ipywidgets.Checkbox(
            value=True, indent=False, tooltip="Switch the filter off and on", layout=fixed(margin="0")
        )
        self.readout = ipywidgets.HTML(layout=ipywidgets.Layout(flex="1 1 auto", min_width="0"))
        self.switch.observe(self._switched, "value")
        parts: list[ipywidgets.Widget] = [self.switch, self.readout]
        if on_remove is not None:
            remove = ipywidgets.Button(icon="times", tooltip=f"Remove the filter on {name}", layout=fixed("32px"))
            remove.on_click(lambda _: on_remove(name))
            parts.append(remove)
        self.head = ipywidgets.HBox(parts, layout=ipywidgets.Layout(align_items="center"))
        super().__init__(layout=ipywidgets.Layout(min_width="0", flex="0 0 auto", margin="0 0 8px"))

    @property
    def wanted(self) -> Any:
        """The filter as it is now, on or off; None where there is none."""
        return self.session.filters.get(self.name)

    @property
    def is_on(self) -> bool:
        """Whether there is a filter and it is not switched off."""
        return self.wanted is not None and self.name not in self.session.filters_off

    def put(self, wanted: Any) -> None:
        """Filter so, and switch the filter on; None takes it away (of tags: those without one)."""
        if wanted is None and self.name != TAG:
            self.take_away()
            return
        self.session.set_filter(self.name, wanted)

    def take_away(self) -> None:
        """Remove the filter."""
        filters = self.session.filters
        if self.name in filters:
            del filters[self.name]
            self.session.set_filters(filters, self.session.filters_off)

    def follow(self) -> None:
        """Show what the session says."""
        with self.session.lock, self.quiet:
            has_filter = self.name in self.session.filters
            self.switch.disabled = not has_filter
            self.switch.value = not has_filter or self.name not in self.session.filters_off
            self._follow()

    def refresh(self) -> None:
        """Follow the session where there may be other values, too."""
        self.follow()

    def say(self, text: str) -> None:
        """Write HTML into the line at the top."""
        self.readout.value = f'<div style="line-height: 1.35">{text}</div>'

    def _follow(self) -> None:
        raise NotImplementedError

    def _switched(self, change: dict[str, Any]) -> None:
        if not self.quiet:
            off = self.session.filters_off
            self.session.set_filters(
                self.session.filters, off - {self.name} if change["new"] else off | {self.name}
            )


class MetricFilter(FilterCard):
    """Filter by the range of a metric.

    Brush, slider and number boxes say the same. While the brush is dragged only the counts follow, and a slider is
    heard once it is let go.

    Parameters
    ----------
    session : Session
    name : str
        The metric.
    on_remove : callable or None
        As for :class:`FilterCard`.
    on_bar : callable
        Called with the positions of the items in a bar that was clicked, and words for them.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        on_remove: Callable[[str], None] | None,
        on_bar: Callable[[list[int], str], None],
    ) -> None:
        super().__init__(session, name, on_remove)
        self._on_bar = on_bar
        self._values = session.project.metrics[name]
        self.histogram = MetricHistogram(
            metric_bins(name, self._values), self._values, self._brushed, self._bar_clicked
        )
        # Only once it is let go: what it is set to snaps to bars, which would move it under the hand.
        self.slider = ipywidgets.IntRangeSlider(
            continuous_update=False, readout=False, layout=ipywidgets.Layout(width="auto", margin="0 14px 0 44px")
        )
        self.low, self.high = (
            ipywidgets.FloatText(
                description=end,
                layout=ipywidgets.Layout(width="auto", flex="1 1 0", min_width="0"),
                style={"description_width": "initial"},
            )
            for end in ("from", "to")
        )
        self.axis = ipywidgets.Checkbox(description="log axis", indent=False, layout=fixed(margin="2px 0 0 8px"))
        self.slider.observe(self._slid, "value")
        for box in (self.low, self.high):
            box.observe(self._typed, "value")
        self.axis.observe(self._scaled, "value")
        boxes = ipywidgets.HBox([self.low, self.high], layout=ipywidgets.Layout(margin="0 14px"))
        self.histogram.add_control(self.axis)
        self.children = [self.head, self.histogram, self.slider, boxes]
        with self.quiet:
            self.slider.max = _PARTS * len(self.histogram.bins)
        self.follow()

    def _bins(self) -> Bins:
        return metric_bins(self.name, self._values, logarithmic=self.axis.value)

    def close(self) -> None:
        """Close the widgets."""
        self.histogram.close()
        super().close()

    def _show_metric(self) -> None:
        self.histogram.show_metric(self._bins(), self._values)
        self.slider.max = _PARTS * len(self.histogram.bins)

    def _scaled(self, _: object) -> None:
        with self.session.lock, self.quiet:
            self._show_metric()
            self.follow()

    def _follow(self) -> None:
        session, query = self.session, self.session.query
        values = session.project.metrics.get(self.name)
        if values is None:  # the metric is gone, and the card will be
            return
        if values is not self._values:
            self._values = values
            self._show_metric()
        if query is not None:
            self.histogram.show_view(query.rows)
        else:
            others = session.active_filters.keys() - {self.name}
            self.histogram.show_view(np.flatnonzero(session.passing(besides=self.name)) if others else None)
        if self.histogram.is_dragged:  # a hand is on it, and wants to see what it would leave
            bounds = self.histogram.brushed
            self._preview(bounds, self._inside(bounds))
            return
        bounds = self.wanted
        self.histogram.show_range(bounds if self.is_on and query is None else None)
        self._show_bounds(*(bounds or self._extent))
        self._say(bounds, session.count, session.rows_in_view)

    @property
    def _extent(self) -> tuple[float, float]:
        edges = self.histogram.bins.edges
        return float(edges[0]), float(edges[-1])

    def _show_bounds(self, low: float, high: float) -> None:
        """Put bounds into slider and boxes."""
        with self.quiet:
            self.slider.value = self._places(low, high)
            self.low.value, self.high.value = low, high

    def _say(self, bounds: tuple[float, float] | None, count: int, rows: Any) -> None:
        where = "" if bounds is None else f" {bounds[0]:.4g} to {bounds[1]:.4g}"
        total = self.session.total
        shown = f"{count:,} of {total:,}" if count < total else f"{total:,}"
        images = f"{shown} image{'' if total == 1 else 's'}"
        # Groups only of a part of all: to find them takes a while at first, and the Explorer is to be there before.
        groups, size = (
            self.session.tally(rows) if count < total else (0, int(self.session.project.file_sizes.sum()))
        )
        more = f" · {counted(groups, 'group')} of duplicates" if groups else ""
        said = f"<b>{html.escape(self.name)}{where}</b> · {images}{more} · {file_size(size)}"
        # Room for two lines, so that what is being brushed stays where it is.
        self.say(f'<div style="min-height: 2.7em">{said}</div>')

    # From the user

    def _brushed(self, bounds: tuple[float, float] | None, released: bool) -> None:
        if self.quiet:
            return
        if released:
            self.put(bounds)
        else:
            inside = self._inside(bounds)
            self.session.expect(inside)
            self._preview(bounds, inside)

    def _inside(self, bounds: tuple[float, float] | None) -> npt.NDArray[np.bool_]:
        """Which items a range would leave."""
        inside = self.session.passing(besides=self.name)
        if bounds is not None:
            inside &= within_range(self._values, *bounds)
        return inside

    def _preview(self, bounds: tuple[float, float] | None, inside: npt.NDArray[np.bool_]) -> None:
        """Show what a range would leave, before it is one."""
        rows = np.flatnonzero(inside)
        self._show_bounds(*(bounds or self._extent))
        self._say(bounds, len(rows), rows)

    def _places(self, low: float, high: float) -> tuple[int, int]:
        """Where the slider stands for a range."""
        left, right = (round(_PARTS * position) for position in self.histogram.bins.positions(low, high))
        return left, right

    def _slid(self, change: dict[str, Any]) -> None:
        left, right = change["new"]
        if not self.quiet and (left, right) != self._places(*(self.wanted or self._extent)):
            self.put(self.histogram.bins.span(left / _PARTS, right / _PARTS))

    def _typed(self, _: object) -> None:
        bounds = self.low.value, self.high.value
        if not self.quiet and bounds != (self.wanted or self._extent):
            self.put((min(bounds), max(bounds)))

    def _bar_clicked(self, index: int) -> None:
        bins = self.histogram.bins
        rows = (bins.assign(self._values) == index).nonzero()[0].tolist()
        if rows:
            low, high = bins.edges[index : index + 2]
            self._on_bar(rows, f"{len(rows):,} images with {self.name} {low:.4g} to {high:.4g}")

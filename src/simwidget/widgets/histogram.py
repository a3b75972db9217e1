"""Histogram of a metric that can be brushed and clicked; with ``charts`` the only module that imports bqplot."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import bqplot
import ipywidgets
import numpy as np

from simwidget.bins import count_ticks
from simwidget.widgets.quiet import Quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from simwidget.bins import Bins


_ALL = "#9aa5b1"
_VIEW = "#2196f3"
_ROUNDED = 0.05  # bars by which the browser may send a brush back from where it was put, less than a pixel or two
_REMEMBERED = 4  # places where the brush was put: what comes back may be late


class MetricHistogram(ipywidgets.VBox):
    """All items behind, the items in view in front; brush to filter, or click a bar.

    Parameters
    ----------
    bins : Bins
    values : ndarray of float32, shape (n,)
        The metric of all items.
    on_brush : callable
        Called with (low, high) of the brushed bins, or None when the brush was cleared, and whether the mouse
        button is up. While it is down only counts should follow.
    on_bar : callable
        Called with the number of a bar that was clicked.
    """

    def __init__(
        self,
        bins: Bins,
        values: npt.NDArray[np.float32],
        on_brush: Callable[[tuple[float, float] | None, bool], None],
        on_bar: Callable[[int], None],
    ) -> None:
        self._take(bins, values)
        self._on_brush, self._on_bar = on_brush, on_bar
        self._quiet, self._is_dragged = Quiet(), False
        self._put: deque[npt.NDArray[np.float64]] = deque(maxlen=_REMEMBERED)
        self._figure = self._draw()
        self._mode = ipywidgets.ToggleButtons(
            options=[("Brush", "brush"), ("Click", "click")],
            tooltips=["Drag over bars to filter", "Click a bar to see the images similar to those in it"],
            style={"button_width": "auto"},
        )
        self._log = ipywidgets.Checkbox(
            description="log counts", indent=False, layout=ipywidgets.Layout(width="auto", margin="2px 0 0 8px")
        )
        self._mode.observe(self._switch_mode, "value")
        self._log.observe(lambda _: self._show_counts(), "value")
        self._controls = ipywidgets.HBox([self._mode, self._log], layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([self._figure, self._controls])
        self.show_view(None)

    def _take(self, bins: Bins, values: npt.NDArray[np.float32]) -> None:
        self.bins, self._bin_of = bins, bins.assign(values)
        self._everything = bins.count(self._bin_of)

    def _draw(self) -> bqplot.Figure:
        # Padding would shift the brush, which does not know of it, against the bars.
        self._x = x = bqplot.LinearScale(min=0.0, max=float(len(self.bins)), allow_padding=False)
        self._y = bqplot.LinearScale(min=0.0, allow_padding=False)
        scales = {"x": x, "y": self._y}
        style: dict[str, Any] = {"scales": scales, "padding": 0.0, "stroke_width": 0.5, "stroke": "transparent"}
        self._all = bqplot.Bars(colors=[_ALL], **_empty_bars(len(self.bins), 0.45), **style)
        self._view = bqplot.Bars(colors=[_VIEW], **_empty_bars(len(self.bins), 0.9), **style)
        for bars in (self._all, self._view):
            bars.on_element_click(self._bar_clicked)
        self._brush = bqplot.interacts.BrushIntervalSelector(scale=x, marks=[self._view], color=_VIEW)
        self._brush.observe(self._brushed, ["selected", "brushing"])
        self._x_axis = bqplot.Axis(scale=x, grid_lines="none", **axis_ticks(self.bins.ticks()))
        self._y_axis = bqplot.Axis(scale=self._y, orientation="vertical", grid_lines="dashed")
        return bqplot.Figure(
            marks=[self._all, self._view],
            axes=[self._x_axis, self._y_axis],
            interaction=self._brush,
            display_toolbar=False,
            fig_margin={"top": 8, "bottom": 24, "left": 44, "right": 14},
            padding_y=0.0,
            layout=ipywidgets.Layout(width="100%", height="180px", min_width="0"),
        )

    def add_control(self, control: ipywidgets.Widget) -> None:
        """Put another control beside those of the histogram."""
        self._controls.children = [*self._controls.children, control]

    # In

    def show_metric(self, bins: Bins, values: npt.NDArray[np.float32]) -> None:
        """Show another metric, or other values of it, without a brush; :meth:`show_view` has to follow."""
        self._is_dragged = False  # what is being dragged is a brush over other bins
        self.show_range(None)
        self._take(bins, values)
        self._x.max = float(len(bins))
        with self._x_axis.hold_sync():
            self._x_axis.tick_values, self._x_axis.tick_labels = axis_ticks(bins.ticks()).values()
        for bars, opacity in ((self._all, 0.45), (self._view, 0.9)):
            with bars.hold_sync():
                for name, value in _empty_bars(len(bins), opacity).items():
                    setattr(bars, name, value)

    def show_view(self, rows: npt.NDArray[np.int64] | None) -> None:
        """Show how the items at these positions are distributed, in front of all; None for all items."""
        everything = self._everything
        self._counts = (everything, everything if rows is None else self.bins.count(self._bin_of[rows]))
        self._show_counts()

    def show_range(self, bounds: tuple[float, float] | None) -> None:
        """Let the brush stand on a range of values, or nowhere with None; nobody is called back.

        Not while it is dragged: the browser, which tells only what has changed there, would not say again where.
        """
        if self._is_dragged:
            return
        with self._quiet:
            if bounds is None:
                self._brush.selected = None
                self._brush.reset()
            else:
                self._put.append(np.array(self.bins.positions(*bounds)))
                self._brush.selected = self._put[-1]

    @property
    def is_dragged(self) -> bool:
        """Whether the mouse button is down on the brush."""
        return self._is_dragged

    @property
    def brushed(self) -> tuple[float, float] | None:
        """The range of values of the brushed bins; None without a brush."""
        selected = self._brush.selected
        return None if selected is None or len(selected) != 2 else self.bins.span(*selected)

    @property
    def mode(self) -> str:
        """What the mouse does: "brush" or "click"."""
        return str(self._mode.value)

    @mode.setter
    def mode(self, value: str) -> None:
        self._mode.value = value

    def _show_counts(self) -> None:
        logarithmic = self._log.value
        everything, view = (heights(counts, logarithmic=logarithmic) for counts in self._counts)
        self._y.max, ticks = height_axis(self._counts[0], logarithmic=logarithmic)
        with self._y_axis.hold_sync():
            self._y_axis.tick_values, self._y_axis.tick_labels = axis_ticks(ticks).values()
        self._all.y, self._view.y = everything, view

    # Out

    def _brushed(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        if change["name"] == "brushing" and change["new"]:
            self._is_dragged = True
            return
        selected = self._brush.selected
        # The browser sends back, a little rounded, where the brush was put from here: nobody has moved it. Else it
        # was moved, even if nothing said so: while the kernel is busy ipywidgets leaves out that a drag began.
        if selected is not None and not self._is_dragged and self._was_put(selected):
            return
        if not self._brush.brushing:
            self._is_dragged = False
        self._on_brush(self.brushed, not self._brush.brushing)

    def _was_put(self, selected: npt.NDArray[np.float64]) -> bool:
        return any(np.shape(selected) == put.shape and np.allclose(selected, put, 0, _ROUNDED) for put in self._put)

    def _switch_mode(self, change: dict[str, Any]) -> None:
        # An active interaction swallows the mouse events of the bars, so they cannot be active at once.
        self._figure.interaction = self._brush if change["new"] == "brush" else None

    def _bar_clicked(self, _: Any, event: dict[str, Any]) -> None:
        index = event.get("data", {}).get("index")
        if isinstance(index, int) and 0 <= index < len(self.bins):
            self._on_bar(index)


def _empty_bars(count: int, opacity: float) -> dict[str, Any]:
    return {"x": np.arange(count) + 0.5, "y": np.zeros(count), "opacities": [opacity] * count}


def heights(counts: npt.NDArray[np.float64], *, logarithmic: bool) -> npt.NDArray[np.float64]:
    """Heights of bars; on a log axis an empty bin has none, and a single item is still seen."""
    return np.log10(1 + counts) if logarithmic else counts


def height_axis(counts: npt.NDArray[np.float64], *, logarithmic: bool) -> tuple[float, dict[float, str]]:
    """Give the end of the axis of bars, a little above the highest, and what to write at which height."""
    top = int(counts.max(initial=1))

    def height(count: int) -> float:
        return float(heights(np.float64(count), logarithmic=logarithmic))

    return height(top) * 1.04, {height(t): f"{t:,}" for t in count_ticks(top, logarithmic=logarithmic)}


def axis_ticks(ticks: dict[float, str]) -> dict[str, Any]:
    """What an axis needs to write these words at these places."""
    # bqplot looks labels up by the value as JavaScript prints it, which writes 3 where Python writes 3.0.
    labels = {repr(int(at) if at.is_integer() else at): text for at, text in ticks.items()}
    return {"tick_values": np.array(list(ticks)), "tick_labels": labels}

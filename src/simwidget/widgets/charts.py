"""Drawings of bqplot for the panel Analytics: from numbers to a figure. Nothing is computed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bqplot
import ipywidgets
import numpy as np

from simwidget.widgets.analytics_colors import BLUE, ORANGE, PALETTE
from simwidget.widgets.histogram import axis_ticks, height_axis, heights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from simwidget.bins import Bins
    from simwidget.distributions import Box
    from simwidget.widgets.analytics_colors import PointColors

HEIGHT, MAP_HEIGHT = 380, 520  # pixels
_ROW = 20  # pixels of a bar that lies


class Chart:
    """A drawing of bqplot.

    Attributes
    ----------
    figure : bqplot.Figure
    why_not : dict of str to str
        Kinds of file as which it cannot be saved: none.
    """

    why_not: Mapping[str, str] = {}

    def __init__(self, figure: bqplot.Figure) -> None:
        self.figure = figure

    def recolor(self, colors: PointColors) -> None:
        """Draw the same points, of :func:`points`, in other colors."""
        (marks,) = self.figure.marks
        scale = marks.scales["color"]
        # In this order: bqplot fades to the colors of another scale by the places as they are when that comes.
        marks.color = colors.places
        with scale.hold_sync():
            scale.colors, scale.max = list(colors.palette), len(colors.palette) - 1.0

    def save(self, name: str, kind: str) -> None:
        """Let the browser save it as a file ``name.kind``, of kind "png" or "svg"."""
        if kind == "png":
            self.figure.save_png(f"{name}.png", scale=2)
        else:
            self.figure.save_svg(f"{name}.svg")

    def discard(self) -> None:
        """Close the figure and all that it is made of."""
        figure = self.figure
        parts = [*figure.marks, *figure.axes, *(axis.scale for axis in figure.axes)]
        parts += [figure.scale_x, figure.scale_y]
        for mark in figure.marks:
            parts += [*mark.scales.values(), *([mark.tooltip] if mark.tooltip else [])]
        if figure.interaction is not None:
            parts.append(figure.interaction)
        figure.close()
        for part in dict.fromkeys(parts):
            part.close()


def metric_bars(
    bins: Bins,
    counts: npt.NDArray[np.float64],
    marked: Sequence[float],
    words: Sequence[str],
    name: str,
    *,
    logarithmic: bool,
    on_bar: Callable[[int], None],
) -> Chart:
    """Draw how a metric is distributed.

    Parameters
    ----------
    bins : Bins
    counts : ndarray of float64, shape (b,)
        Items of each bin.
    marked : sequence of float
        Values at which there is a vertical line.
    words : sequence of str, length b
        What is said of a bar under the mouse.
    name : str
        Of the metric.
    logarithmic : bool
        Whether heights are log10(1 + count).
    on_bar : callable
        Called with the number of a bar that was clicked.
    """
    x = bqplot.LinearScale(min=0.0, max=float(len(bins)), allow_padding=False)
    end, ticks = height_axis(counts, logarithmic=logarithmic)
    y = bqplot.LinearScale(min=0.0, max=end, allow_padding=False)
    bars = bqplot.Bars(
        x=np.arange(len(bins)) + 0.5,
        y=heights(counts, logarithmic=logarithmic),
        scales={"x": x, "y": y},
        colors=[BLUE],
        padding=0.0,
        stroke="transparent",
    )
    _follow_mouse(bars, words, on_bar)
    places = [bins.positions(value, value)[0] for value in marked]
    lines = bqplot.Lines(
        x=np.array([[place, place] for place in places]).reshape(-1, 2),
        y=np.array([[0.0, y.max]] * len(places)).reshape(-1, 2),
        scales={"x": x, "y": y},
        colors=[ORANGE],
        line_style="dashed",
        stroke_width=1.5,
    )
    axes = [
        bqplot.Axis(scale=x, label=name, label_offset="34px", grid_lines="none", **axis_ticks(bins.ticks(8))),
        _counts_axis(y, ticks, "images"),
    ]
    return _figure([bars, lines] if places else [bars], axes)


def class_bars(
    names: Sequence[str], counts: npt.NDArray[np.float64], words: Sequence[str], on_bar: Callable[[int], None]
) -> Chart:
    """Draw how many items each class has, as lying bars from the top.

    Parameters
    ----------
    names : sequence of str, length c
    counts : ndarray of float64, shape (c,)
    words, on_bar
        As of :func:`metric_bars`.
    """
    x = bqplot.LinearScale(min=0.0, max=float(max(len(names), 1)), allow_padding=False, reverse=True)
    end, ticks = height_axis(counts, logarithmic=False)
    y = bqplot.LinearScale(min=0.0, max=end, allow_padding=False)
    bars = bqplot.Bars(
        x=np.arange(len(names)) + 0.5,
        y=counts,
        scales={"x": x, "y": y},
        colors=[BLUE],
        orientation="horizontal",
        padding=0.15,
        stroke="transparent",
    )
    _follow_mouse(bars, words, on_bar)
    axes = [
        bqplot.Axis(scale=x, orientation="vertical", grid_lines="none", **_name_ticks(names)),
        bqplot.Axis(scale=y, label="images", grid_lines="dashed", **axis_ticks(ticks)),
    ]
    return _figure([bars], axes, height=max(120, 70 + _ROW * len(names)), left=_margin(names))


def box_plots(names: Sequence[str], boxes: Sequence[Box], name: str) -> Chart:
    """Draw a box for each class.

    Parameters
    ----------
    names : sequence of str, length c
        Of the classes.
    boxes : sequence of Box, length c
    name : str
        Of the metric.
    """
    x = bqplot.LinearScale(min=0.0, max=float(max(len(names), 1)), allow_padding=False)
    y = bqplot.LinearScale()
    # Five numbers a box are its ends and quartiles; bqplot is not to look for outliers among them.
    marks = bqplot.Boxplot(
        x=np.arange(len(names)) + 0.5,
        y=np.array([[box.low, box.q1, box.median, box.q3, box.high] for box in boxes]).reshape(-1, 5),
        scales={"x": x, "y": y},
        auto_detect_outliers=False,
        box_fill_color=BLUE,
        stroke=ORANGE,
        opacities=[0.8] * len(boxes),
    )
    turned: dict[str, Any] = {"tick_rotate": -40, "tick_style": {"text-anchor": "end"}} if len(names) > 6 else {}
    axes = [
        bqplot.Axis(scale=x, grid_lines="none", **_name_ticks(names), **turned),
        bqplot.Axis(scale=y, orientation="vertical", label=name, label_offset="48px", grid_lines="dashed"),
    ]
    return _figure([marks], axes, bottom=_margin(names) if turned else 40)


def points(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    colors: PointColors | None,
    axis_names: tuple[str, str] | None,
    on_lasso: Callable[[npt.NDArray[np.int64]], None] | None,
) -> Chart:
    """Draw items as points.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
    colors : PointColors or None
        None for one color.
    axis_names : (str, str) or None
        None for a map, the axes of which mean nothing and are left out.
    on_lasso : callable or None
        Called with the numbers of the points within the lassos, int64; None where there is nothing to select in.
    """
    scales = {"x": bqplot.LinearScale(), "y": bqplot.LinearScale()}
    if colors is not None:
        # Numbers and a scale, not a text for each point: these would be most of what is sent.
        scales["color"] = bqplot.ColorScale(colors=list(colors.palette), min=0.0, max=len(colors.palette) - 1.0)
    marks = bqplot.Scatter(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        color=None if colors is None else colors.places,
        scales=scales,
        colors=[BLUE],
        default_size=12,
        opacities=[0.7],
        stroke_width=0,
        unselected_style={"opacity": "0.15"},
    )
    axes = []
    if axis_names is not None:
        axes = [
            bqplot.Axis(scale=scales["x"], label=axis_names[0], label_offset="34px", grid_lines="dashed"),
            bqplot.Axis(
                scale=scales["y"],
                orientation="vertical",
                label=axis_names[1],
                label_offset="48px",
                grid_lines="dashed",
            ),
        ]
    chart = _figure([marks], axes, height=MAP_HEIGHT if axis_names is None else HEIGHT)
    if on_lasso is not None:
        chart.figure.interaction = bqplot.interacts.LassoSelector(marks=[marks], color=BLUE)
        marks.observe(lambda change: on_lasso(point_numbers(change["new"])), "selected")
    return chart


def share_steps(bins: Bins, shares: npt.NDArray[np.float64], name: str) -> Chart:
    """Draw how classes spread over shared bins, as one line of steps for each in the colors of ``PALETTE``.

    Parameters
    ----------
    bins : Bins
    shares : ndarray of float64, shape (c, b)
        In [0, 1].
    name : str
        Of the metric.
    """
    x = bqplot.LinearScale(min=0.0, max=float(len(bins)), allow_padding=False)
    y = bqplot.LinearScale(min=0.0)
    # From edge to edge: each share at both ends of its bin, from the ground and back to it.
    places = np.repeat(np.arange(len(bins) + 1, dtype=np.float64), 2)
    heights = np.pad(np.repeat(shares, 2, axis=1), ((0, 0), (1, 1)))
    lines = bqplot.Lines(
        x=places,
        y=heights * 100,
        scales={"x": x, "y": y},
        colors=list(PALETTE),
        stroke_width=2,
    )
    axes = [
        bqplot.Axis(scale=x, label=name, label_offset="34px", grid_lines="none", **axis_ticks(bins.ticks(8))),
        bqplot.Axis(
            scale=y, orientation="vertical", label="% of the split", label_offset="44px", grid_lines="dashed"
        ),
    ]
    return _figure([lines], axes)


def _figure(
    marks: list[bqplot.Mark], axes: list[bqplot.Axis], *, height: int = HEIGHT, left: int = 64, bottom: int = 46
) -> Chart:
    return Chart(
        bqplot.Figure(
            marks=marks,
            axes=axes,
            display_toolbar=False,
            fig_margin={"top": 10, "bottom": bottom, "left": left, "right": 20},
            padding_y=0.0,
            layout=ipywidgets.Layout(width="100%", height=f"{height}px", min_width="0"),
        )
    )


def _counts_axis(scale: bqplot.Scale, ticks: dict[float, str], label: str) -> bqplot.Axis:
    return bqplot.Axis(
        scale=scale,
        orientation="vertical",
        label=label,
        label_offset="48px",
        grid_lines="dashed",
        **axis_ticks(ticks),
    )


def _name_ticks(names: Sequence[str]) -> dict[str, Any]:
    return axis_ticks({place + 0.5: name for place, name in enumerate(names)})


def _margin(names: Sequence[str]) -> int:
    """Pixels that the longest of some names takes beside an axis, about."""
    return min(190, 24 + 7 * max(map(len, names), default=0))


def _follow_mouse(bars: bqplot.Bars, words: Sequence[str], on_bar: Callable[[int], None]) -> None:
    """Say something of the bar under the mouse, and tell which one was clicked."""
    bars.tooltip = tip = ipywidgets.Label()

    def number(event: dict[str, Any]) -> int | None:
        index = event.get("data", {}).get("index")
        return index if isinstance(index, int) and 0 <= index < len(words) else None

    def hovered(_: Any, event: dict[str, Any]) -> None:
        if (index := number(event)) is not None:
            tip.value = words[index]

    def clicked(_: Any, event: dict[str, Any]) -> None:
        if (index := number(event)) is not None:
            on_bar(index)

    bars.on_hover(hovered)
    bars.on_element_click(clicked)


def point_numbers(selected: Any) -> npt.NDArray[np.int64]:
    """Numbers of the points that a drawing says are selected, None or an array, int64 of shape (m,)."""
    return np.array([] if selected is None else selected, dtype=np.int64).ravel()

"""Analytics: charts of the metrics, labels and splits of a project, and a map of its images."""

from __future__ import annotations

import html
import re
import threading
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from simwidget.criteria import LABEL, TAG
from simwidget.distributions import (
    bin_shares,
    box,
    class_counts,
    correlation,
    cross_counts,
    sampled,
    summarize,
)
from simwidget.errors import SimwidgetError
from simwidget.inspection import shown
from simwidget.session_view import metric_bins
from simwidget.widgets import charts
from simwidget.widgets.analytics_colors import PALETTE, label_colors, metric_colors, tag_colors
from simwidget.widgets.analytics_maps import ProjectMaps
from simwidget.widgets.analytics_words import bold, class_name, legend, short, table
from simwidget.widgets.quiet import Quiet
from simwidget.widgets.scatter_plot import ScatterPlot, can_draw
from simwidget.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from simwidget.bins import Bins
    from simwidget.project import Project
    from simwidget.widgets.analytics_colors import PointColors
    from simwidget.widgets.analytics_maps import ProjectMap
    from simwidget.widgets.explorer import Explorer

    Drawing = charts.Chart | ScatterPlot
    Drawn = tuple[Drawing | None, str]  # what is drawn, and HTML

_BARS = 40  # classes that have a bar
_BOXES = 30  # classes that have a box
_POINTS = 20_000  # of bqplot, which makes an element of the page for each
_LINES = len(PALETTE)  # splits with a color of their own

DISTRIBUTION, CLASSES, BY_LABEL = "Distribution", "Classes", "Metric by label"
MAP, SCATTER, SPLITS = "Map", "Two metrics", "Splits"
# Which controls belong to a chart.
_CONTROLS = {
    DISTRIBUTION: ("metric", "log_counts"),
    CLASSES: (),
    BY_LABEL: ("metric",),
    MAP: ("method", "color"),
    SCATTER: ("metric", "other"),
    SPLITS: ("metric",),
}


class Analytics(ipywidgets.VBox):
    """Charts of a project, one at a time; clicks filter and lassos select in an Explorer.

    Parameters
    ----------
    project : Project
    explorer : Explorer, optional
        Of the same project: a click on a bar sets its filter on that metric or label, a lasso on the map its
        selection.

    Attributes
    ----------
    chart : ToggleButtons
        Which chart is shown; its ``value`` is one of its ``options``.
    metric, other : Dropdown
        Metrics that are shown.
    color : Dropdown
        By what the map is colored: "Label", "Tag" or a metric.
    method : ToggleButtons
        Of the map, "pca" or "umap".
    log_counts : Checkbox
        Whether counts are on a logarithmic axis.
    words : HTML
        The figures of the chart.
    progress : IntProgress
        How much of a map is computed, in percent; shown meanwhile.
    message : HTML
        What went wrong, if something did.
    figure : bqplot.Figure, jscatter.widget.JupyterScatter or None
        What is drawn.
    """

    figure: Any

    def __init__(self, project: Project, explorer: Explorer | None = None) -> None:
        self.project, self.explorer = project, explorer
        self._lock = threading.RLock()  # over all that follows
        self._is_closed, self._quiet = False, Quiet()
        self._maps = ProjectMaps(project, self._map_changed)
        self._drawing: Drawing | None = None
        self._drawn_map: tuple[ProjectMap, int, Drawing] | None = None  # with how many points of which map it shows
        self.figure = None
        self._charts: dict[str, Callable[[], Drawn]] = {
            DISTRIBUTION: self._distribution,
            CLASSES: self._classes,
            BY_LABEL: self._by_label,
            MAP: self._map,
            SCATTER: self._scatter,
            SPLITS: self._splits,
        }
        self._make_controls()
        super().__init__(
            [self.chart, self._controls, self.message, self._stage, self.words, self._buttons],
            layout=ipywidgets.Layout(width="100%", min_width="0"),
        )
        self._fit_options()
        for control in (self.chart, self.metric, self.other, self.color, self.method, self.log_counts):
            control.observe(self._chosen, "value")
        self._stop_watching = project.on_change(self._changed)
        self.redraw()

    def _make_controls(self) -> None:
        self.chart = ipywidgets.ToggleButtons(options=list(self._charts), style={"button_width": "auto"})
        self.metric = ipywidgets.Dropdown(description="Metric")
        self.other = ipywidgets.Dropdown(description="against")
        self.color = ipywidgets.Dropdown(description="Color by")
        self.method = ipywidgets.ToggleButtons(
            options=[("PCA", "pca"), ("UMAP", "umap")],
            tooltips=["Principal components: at once", "UMAP: takes longer, and is kept in the project"],
            style={"button_width": "auto"},
        )
        self.log_counts = ipywidgets.Checkbox(value=True, description="log counts", indent=False)
        self.words = ipywidgets.HTML()
        self.progress = ipywidgets.IntProgress(layout=ipywidgets.Layout(width="auto", max_width="520px"))
        self.message = ipywidgets.HTML()
        self._controls = ipywidgets.HBox(layout=ipywidgets.Layout(flex_flow="row wrap", margin="6px 0 0"))
        self._stage = ipywidgets.VBox(layout=ipywidgets.Layout(min_width="0", overflow="hidden"))
        self.save_png, self.save_svg = (
            ipywidgets.Button(description=f"Save {kind}", icon="download") for kind in ("PNG", "SVG")
        )
        self.save_png.on_click(lambda _: self._save("png"))
        self.save_svg.on_click(lambda _: self._save("svg"))
        self._buttons = ipywidgets.HBox([self.save_png, self.save_svg])

    def redraw(self) -> None:
        """Draw the chosen chart anew."""
        with self._lock:
            if self._is_closed:
                return
            chart = self.chart.value
            self._controls.children = [getattr(self, name) for name in _CONTROLS[chart]]
            try:
                with self.project.lock:  # labels, metrics and positions of the same items
                    drawing, words = self._charts[chart]()
                self._say("")
            except SimwidgetError as error:
                drawing, words = None, ""
                self._say(str(error))
            before, self._drawing = self._drawing, drawing
            self.figure = None if drawing is None else drawing.figure
            is_awaited = drawing is None and chart == MAP and not self.message.value
            shown_now = self.progress if is_awaited else self.figure
            self._stage.children = [] if shown_now is None else [shown_now]
            self.words.value = f'<div style="line-height: 1.5">{words}</div>'
            for kind, button in (("PNG", self.save_png), ("SVG", self.save_svg)):
                why_not = "" if drawing is None else drawing.why_not.get(kind, "")
                button.disabled = drawing is None or bool(why_not)
                button.tooltip = why_not or f"Download the chart as {kind}"
            if before is not None and before is not drawing:
                before.discard()

    def settle(self) -> None:
        """Wait until the map is there, if one is computed."""
        self._maps.settle()

    def close(self) -> None:
        """Close the widgets, give up maps that are being computed, and stop following the project."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._stop_watching()
        self._maps.close()
        if self._drawing is not None:
            self._drawing.discard()
        controls = (self.chart, self.metric, self.other, self.color, self.method, self.log_counts)
        for widget in (*controls, self.progress, self.save_png, self.save_svg, *self.children):
            widget.close()
        super().close()

    # Each chart: what is drawn and what is written below

    def _distribution(self) -> Drawn:
        name, values = self.metric.value, self._values(self.metric)
        bins, of = metric_bins(name, values), summarize(values)
        counts = bins.count(bins.assign(values))
        total = max(of.items, 1)
        tips = [
            f"{_range(bins, place)}: {counted(int(count), 'image')} ({count / total:.1%})"
            for place, count in enumerate(counts)
        ]
        drawing = charts.metric_bars(
            bins,
            counts,
            (of.q1, of.median, of.q3) if of.items else (),
            tips,
            shown(name),
            logarithmic=self.log_counts.value,
            on_bar=lambda place: self._filter(name, (float(bins.edges[place]), float(bins.edges[place + 1]))),
        )
        five = zip(("min", "Q1", "median", "Q3", "max"), of[:5], strict=True)
        numbers = " · ".join(f"{what} <b>{value:.4g}</b>" for what, value in five)
        missing = f", {of.missing:,} without a value" if of.missing else ""
        return drawing, (
            f"{bold(name)} of {counted(of.items, 'image')}{missing}"
            f"{': ' + numbers if of.items else ''}. Dashed lines: Q1, median, Q3.{self._invite('bar', 'filter')}"
        )

    def _classes(self) -> Drawn:
        counts = class_counts(self.project.labels)
        total = max(len(self.project), 1)
        drawn, rest = counts[:_BARS], counts[_BARS:]
        names = [class_name(label) for label, _ in drawn]
        tips = [
            f"{name}: {counted(count, 'image')} ({count / total:.1%})"
            for name, (_, count) in zip(names, drawn, strict=True)
        ]
        drawing = charts.class_bars(
            [short(name) for name in names],
            np.array([count for _, count in drawn], dtype=np.float64),
            tips,
            lambda place: self._filter(LABEL, [drawn[place][0]]),
        )
        labeled = [(label, count) for label, count in counts if label is not None]
        words = f"{counted(len(labeled), 'label')} on {counted(sum(count for _, count in labeled), 'image')}"
        if len(labeled) > 1:
            (most, many), (least, few) = labeled[0], labeled[-1]
            words += (
                f": the largest is {bold(most)} with {many:,} ({many / total:.1%}), the smallest {bold(least)} "
                f"with {few:,} ({few / total:.1%})"
            )
        if rest:
            others = sum(count for _, count in rest)
            words += f". Not drawn: {len(rest):,} smaller ones with {counted(others, 'image')}"
        return drawing, f"{words}.{self._invite('bar', 'filter')}"

    def _by_label(self) -> Drawn:
        name, values = self.metric.value, self._values(self.metric)
        counts = class_counts(self.project.labels)
        labels = np.array(self.project.labels, dtype=object)
        drawn = counts[:_BOXES]
        found = [(label, box(values[labels == label])) for label, _ in drawn]  # None is equal to itself here
        boxes = [(label, of) for label, of in found if of is not None]
        drawing = charts.box_plots(
            [short(class_name(label)) for label, _ in boxes], [of for _, of in boxes], shown(name)
        )
        outliers = sum(of.outliers for _, of in boxes)
        words = (
            f"{bold(name)} by label, the largest first. A box is Q1 to Q3 with the median, its whiskers reach the "
            f"outermost values within 1.5 (Q3 - Q1); beyond them are {counted(outliers, 'image')}"
        )
        if len(counts) > _BOXES:
            words += f". Not drawn: {len(counts) - _BOXES:,} smaller labels"
        rows = [
            [class_name(label), f"{of.items:,}", *(f"{value:.4g}" for value in of[:5]), f"{of.outliers:,}"]
            for label, of in boxes
        ]
        head = ["Label", "images", "low", "Q1", "median", "Q3", "high", "beyond"]
        return drawing, f"{words}.{table(head, rows)}"

    def _map(self) -> Drawn:
        made = self._maps.get(self.method.value)
        if made.problem:
            raise SimwidgetError(made.problem)
        if made.positions is None:
            self.progress.value = made.percent
            return None, html.escape(str(made))
        x, y = made.positions.T
        rows, words = self._drawn_rows(np.isfinite(x) & np.isfinite(y), "place")
        colors = self._colors(rows)
        if self._drawn_map is not None and self._drawn_map == (made, len(rows), self._drawing):
            drawing = self._drawn_map[2]
            drawing.recolor(colors)  # where it is zoomed to, and the lasso, stay
        else:
            drawing = self._draw_points(x, y, rows, colors, None)
            self._drawn_map = made, len(rows), drawing
        by = "" if self.color.value in (LABEL, TAG) else f"{bold(self.color.value)}: "
        return drawing, f"{by}{legend(colors.entries)}<br>{words}"

    def _scatter(self) -> Drawn:
        x, y = self._values(self.metric), self._values(self.other)
        of = correlation(x, y)
        rows, words = self._drawn_rows(np.isfinite(x) & np.isfinite(y), "value")
        drawing = self._draw_points(x, y, rows, None, (shown(self.metric.value), shown(self.other.value)))
        return drawing, (
            f"{bold(self.metric.value)} and {bold(self.other.value)}: Pearson <b>{of.pearson:.3f}</b>, Spearman "
            f"<b>{of.spearman:.3f}</b>. {words}"
        )

    def _splits(self) -> Drawn:
        name, values, splits = self.metric.value, self._values(self.metric), self.project.splits
        counts = class_counts(splits)
        if len(counts) == 1 and counts[0][0] is None:
            raise SimwidgetError("The project has no splits. Give them with Project.from_folder(..., split=...).")
        names = [split for split, _ in counts[:_LINES]]
        bins = metric_bins(name, values)
        drawing = charts.share_steps(bins, bin_shares(bins.assign(values), len(bins), splits, names), shown(name))
        colors = legend([(class_name(split, "split"), PALETTE[at]) for at, split in enumerate(names)])
        labels = [label for label, _ in class_counts(self.project.labels)]
        crossed = cross_counts(self.project.labels, splits, labels[:_BARS], names)
        rows = [
            [class_name(label), *(f"{count:,}" for count in line)]
            for label, line in zip(labels[:_BARS], crossed.tolist(), strict=True)
        ]
        more = f" Not listed: {len(labels) - _BARS:,} smaller labels." if len(labels) > _BARS else ""
        more += f" Not drawn: {len(counts) - _LINES:,} smaller splits." if len(counts) > _LINES else ""
        head = ["Label", *(class_name(split, "split") for split in names)]
        return drawing, f"{colors}<br>Share of each split by {bold(name)}.{more}{table(head, rows)}"

    # What they are made of

    def _values(self, picker: ipywidgets.Dropdown) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = self.project.metrics[picker.value]
        return values

    def _drawn_rows(self, has: npt.NDArray[np.bool_], what: str) -> tuple[npt.NDArray[np.int64], str]:
        """Positions of the items that are drawn, of those that have what it takes, and what is said of that."""
        there = np.flatnonzero(has).astype(np.int64)
        rows = there if can_draw() else sampled(there, _POINTS)
        words = f"{counted(len(there), 'image')}."
        if len(rows) < len(there):
            words = (
                f"{len(rows):,} of {counted(len(there), 'image')}: a random sample, the same every time. "
                "All of them: <code>pip install 'simwidget[scatter]'</code>."
            )
        if len(there) < len(has):
            words += f" {counted(len(has) - len(there), 'image')} without a {what}."
        if self.explorer is not None:
            key = "a double click" if len(rows) > _POINTS else "the Delete key"
            words += f" Draw a lasso to select in the Explorer; {key} removes the lasso."
        return rows, words

    def _draw_points(
        self,
        x: npt.NDArray[np.float32],
        y: npt.NDArray[np.float32],
        rows: npt.NDArray[np.int64],
        colors: PointColors | None,
        axis_names: tuple[str, str] | None,
    ) -> Drawing:
        draw = ScatterPlot if len(rows) > _POINTS else charts.points
        on_lasso = None if self.explorer is None else lambda chosen: self._select(rows[chosen])
        return draw(x[rows], y[rows], colors, axis_names, on_lasso)

    def _colors(self, rows: npt.NDArray[np.int64]) -> PointColors:
        """Colors of items by position."""
        if self.color.value == LABEL:
            return label_colors(self.project.labels, rows)
        if self.color.value == TAG:
            return tag_colors(self.project.tagged_rows(), self.project.tag_colors, len(self.project), rows)
        return metric_colors(self._values(self.color), rows)

    def _map_changed(self, method: str) -> None:
        """Show how far a map is, or the map; called from the thread that computes it."""
        with self._lock:
            if not self._is_closed and self.chart.value == MAP and self.method.value == method:
                self.redraw()

    # From the user

    def _chosen(self, _: object) -> None:
        if not self._quiet:
            self.redraw()

    def _filter(self, name: str, wanted: Any) -> None:
        """Set one filter of the Explorer, and switch it on."""
        if self.explorer is None:
            return
        try:
            self.explorer.gallery.session.set_filter(name, wanted)
            self._say("")
        except SimwidgetError as error:
            self._say(str(error))

    def _select(self, rows: npt.NDArray[np.int64]) -> None:
        if self.explorer is None:
            return
        try:
            self.explorer.gallery.session.select("set", ids=self.project.ids[rows].tolist())
            self._say("")
        except SimwidgetError as error:
            self._say(str(error))

    def _save(self, kind: str) -> None:
        if isinstance(self._drawing, charts.Chart):
            parts = [self.project.name, self.chart.value]
            parts += [
                str(getattr(self, name).value) for name in _CONTROLS[self.chart.value] if name != "log_counts"
            ]
            self._drawing.save(re.sub(r"[^\w.-]+", "-", " ".join(parts)).strip("-."), kind)

    # From the project

    def _changed(self, changed: frozenset[str]) -> None:
        is_by_tag = self.chart.value == MAP and self.color.value == TAG
        if changed & {"labels", "metrics", "embeddings", *(["tags"] if is_by_tag else [])}:
            with self._lock:
                if not self._is_closed:
                    self._fit_options()
                    self.redraw()

    def _fit_options(self) -> None:
        """Offer the metrics that there are; what was chosen stays so where it is among them."""
        names = [(shown(name), name) for name in self.project.metrics]
        has_labels = bool(self.project.label_codes[1])
        colors = [*([(LABEL, LABEL)] if has_labels else []), (TAG, TAG), *names]
        with self._quiet:
            first = 1 if len(names) > 1 else 0
            for picker, options, default in (
                (self.metric, names, 0),
                (self.other, names, first),
                (self.color, colors, 0 if has_labels else 1),
            ):
                if picker.options != tuple(options):
                    before = picker.value
                    picker.options = options
                    known = [value for _, value in options]
                    picker.value = before if before in known else known[default]

    def _say(self, message: str) -> None:
        self.message.value = message and f'<span role="status">{html.escape(message)}</span>'

    def _invite(self, what: str, result: str) -> str:
        return f" Click a {what} to {result} the Explorer." if self.explorer is not None else ""


def _range(bins: Bins, place: int) -> str:
    return f"{bins.edges[place]:.4g} to {bins.edges[place + 1]:.4g}"

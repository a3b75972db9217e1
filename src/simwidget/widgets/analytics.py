"""Analytics: charts of the metrics, labels and splits of a project, and a map of its images."""

from __future__ import annotations

import html
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from simwidget.criteria import LABEL
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
from simwidget.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from simwidget.bins import Bins
    from simwidget.project import Project
    from simwidget.widgets.explorer import Explorer

    Drawn = tuple[Any, str]  # a figure, or None, and HTML

_LOG = logging.getLogger(__name__)
_BARS = 40  # classes that have a bar
_BOXES = 30  # classes that have a box
_POINTS = 10_000  # a browser has to draw each one
_LINES = len(charts.PALETTE)  # splits, or labels with a color of their own
_RAMP = np.array([[33, 150, 243], [176, 176, 176], [255, 109, 0]], dtype=np.float64)  # low, middle, high

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
        By what the map is colored: "Label" or a metric.
    method : ToggleButtons
        Of the map, "pca" or "umap".
    log_counts : Checkbox
        Whether counts are on a logarithmic axis.
    words : HTML
        The figures of the chart.
    message : HTML
        What went wrong, if something did.
    figure : bqplot.Figure or None
        What is drawn.
    """

    figure: Any

    def __init__(self, project: Project, explorer: Explorer | None = None) -> None:
        self.project, self.explorer = project, explorer
        self._lock = threading.RLock()  # over all that follows
        self._is_closed = self._is_busy = False
        self._maps: dict[str, tuple[object, npt.NDArray[np.float32]]] = {}  # with the embeddings they are of
        self._awaited: set[str] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simwidget-analytics")
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
        self.message = ipywidgets.HTML()
        self._controls = ipywidgets.HBox(layout=ipywidgets.Layout(flex_flow="row wrap"))
        self._stage = ipywidgets.VBox(layout=ipywidgets.Layout(min_width="0", overflow="hidden"))
        self.save_png, self.save_svg = (
            ipywidgets.Button(description=f"Save {kind}", tooltip=f"Download the chart as {kind}", icon="download")
            for kind in ("PNG", "SVG")
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
                figure, words = self._charts[chart]()
                self._say("")
            except SimwidgetError as error:
                figure, words = None, ""
                self._say(str(error))
            before, self.figure = self.figure, figure
            self._stage.children = [] if figure is None else [figure]
            self.words.value = f'<div style="line-height: 1.5">{words}</div>'
            self.save_png.disabled = self.save_svg.disabled = figure is None
            if before is not None:
                charts.discard(before)

    def settle(self) -> None:
        """Wait until the map is there, if one is computed."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """Close the widgets and stop following the project."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._stop_watching()
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self.figure is not None:
            charts.discard(self.figure)
        controls = (self.chart, self.metric, self.other, self.color, self.method, self.log_counts)
        for widget in (*controls, self.save_png, self.save_svg, *self.children):
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
        figure = charts.metric_bars(
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
        return figure, (
            f"{_bold(name)} of {counted(of.items, 'image')}{missing}"
            f"{': ' + numbers if of.items else ''}. Dashed lines: Q1, median, Q3.{self._invite('bar', 'filter')}"
        )

    def _classes(self) -> Drawn:
        counts = class_counts(self.project.labels)
        total = max(len(self.project), 1)
        drawn, rest = counts[:_BARS], counts[_BARS:]
        names = [_class_name(label) for label, _ in drawn]
        tips = [
            f"{name}: {counted(count, 'image')} ({count / total:.1%})"
            for name, (_, count) in zip(names, drawn, strict=True)
        ]
        figure = charts.class_bars(
            [_short(name) for name in names],
            np.array([count for _, count in drawn], dtype=np.float64),
            tips,
            lambda place: self._filter(LABEL, [drawn[place][0]]),
        )
        labeled = [(label, count) for label, count in counts if label is not None]
        words = f"{counted(len(labeled), 'label')} on {counted(sum(count for _, count in labeled), 'image')}"
        if len(labeled) > 1:
            (most, many), (least, few) = labeled[0], labeled[-1]
            words += (
                f": the largest is {_bold(most)} with {many:,} ({many / total:.1%}), the smallest {_bold(least)} "
                f"with {few:,} ({few / total:.1%})"
            )
        if rest:
            others = sum(count for _, count in rest)
            words += f". Not drawn: {len(rest):,} smaller ones with {counted(others, 'image')}"
        return figure, f"{words}.{self._invite('bar', 'filter')}"

    def _by_label(self) -> Drawn:
        name, values = self.metric.value, self._values(self.metric)
        counts = class_counts(self.project.labels)
        labels = np.array(self.project.labels, dtype=object)
        drawn = counts[:_BOXES]
        found = [(label, box(values[labels == label])) for label, _ in drawn]  # None is equal to itself here
        boxes = [(label, of) for label, of in found if of is not None]
        figure = charts.box_plots(
            [_short(_class_name(label)) for label, _ in boxes], [of for _, of in boxes], shown(name)
        )
        outliers = sum(of.outliers for _, of in boxes)
        words = (
            f"{_bold(name)} by label, the largest first. A box is Q1 to Q3 with the median, its whiskers reach the "
            f"outermost values within 1.5 (Q3 - Q1); beyond them are {counted(outliers, 'image')}"
        )
        if len(counts) > _BOXES:
            words += f". Not drawn: {len(counts) - _BOXES:,} smaller labels"
        rows = [
            [_class_name(label), f"{of.items:,}", *(f"{value:.4g}" for value in of[:5]), f"{of.outliers:,}"]
            for label, of in boxes
        ]
        head = ["Label", "images", "low", "Q1", "median", "Q3", "high", "beyond"]
        return figure, f"{words}.{_table(head, rows)}"

    def _map(self) -> Drawn:
        method = self.method.value
        basis, positions = self._maps.get(method, (None, None))
        if positions is None or basis is not self.project.embeddings:
            self._compute_later(method)
            return None, f"Computing the map of {counted(len(self.project), 'image')}…"
        rows = self._drawn_rows(np.isfinite(positions.sum(axis=1)))
        colors, legend = self._colors(rows)
        figure = charts.points(
            positions[rows, 0],
            positions[rows, 1],
            colors,
            None,
            None if self.explorer is None else lambda chosen: self._select(rows[chosen]),
        )
        more = " Draw a lasso to select in the Explorer; Delete removes it." if self.explorer is not None else ""
        return figure, f"{legend}<br>{self._sample_words(rows, len(positions))}{more}"

    def _scatter(self) -> Drawn:
        x, y = self._values(self.metric), self._values(self.other)
        names = shown(self.metric.value), shown(self.other.value)
        of = correlation(x, y)
        rows = self._drawn_rows(np.isfinite(x) & np.isfinite(y))
        figure = charts.points(
            x[rows],
            y[rows],
            [charts.BLUE],
            names,
            None if self.explorer is None else lambda chosen: self._select(rows[chosen]),
        )
        more = " Draw a lasso to select in the Explorer; Delete removes it." if self.explorer is not None else ""
        return figure, (
            f"{_bold(self.metric.value)} and {_bold(self.other.value)}: Pearson <b>{of.pearson:.3f}</b>, Spearman "
            f"<b>{of.spearman:.3f}</b>. {self._sample_words(rows, of.items)}{more}"
        )

    def _splits(self) -> Drawn:
        name, values, splits = self.metric.value, self._values(self.metric), self.project.splits
        counts = class_counts(splits)
        if len(counts) == 1 and counts[0][0] is None:
            raise SimwidgetError("The project has no splits. Give them with Project.from_folder(..., split=...).")
        names = [split for split, _ in counts[:_LINES]]
        bins = metric_bins(name, values)
        figure = charts.share_steps(bins, bin_shares(bins.assign(values), len(bins), splits, names), shown(name))
        legend = _legend([(_class_name(split, "split"), charts.PALETTE[at]) for at, split in enumerate(names)])
        labels = [label for label, _ in class_counts(self.project.labels)]
        table = cross_counts(self.project.labels, splits, labels[:_BARS], names)
        rows = [
            [_class_name(label), *(f"{count:,}" for count in line)]
            for label, line in zip(labels[:_BARS], table.tolist(), strict=True)
        ]
        more = f" Not listed: {len(labels) - _BARS:,} smaller labels." if len(labels) > _BARS else ""
        more += f" Not drawn: {len(counts) - _LINES:,} smaller splits." if len(counts) > _LINES else ""
        head = ["Label", *(_class_name(split, "split") for split in names)]
        return figure, f"{legend}<br>Share of each split by {_bold(name)}.{more}{_table(head, rows)}"

    # What they are made of

    def _values(self, picker: ipywidgets.Dropdown) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = self.project.metrics[picker.value]
        return values

    def _drawn_rows(self, has: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return sampled(np.flatnonzero(has).astype(np.int64), _POINTS)

    def _sample_words(self, rows: npt.NDArray[np.int64], total: int) -> str:
        if len(rows) == total:
            return f"{counted(total, 'image')}."
        return f"{len(rows):,} of {counted(total, 'image')}: a random sample, the same every time."

    def _colors(self, rows: npt.NDArray[np.int64]) -> tuple[list[str], str]:
        """Colors of items by position, and a legend."""
        if self.color.value == LABEL:
            labels = self.project.labels
            named = [label for label, _ in class_counts(labels) if label is not None]
            color = dict(zip(named, charts.PALETTE, strict=False))
            entries = [(_class_name(label), color[label]) for label in named[:_LINES]]
            if len(named) > _LINES or None in labels:
                entries.append(("all others", charts.GRAY))
            return [color.get(labels[row] or "", charts.GRAY) for row in rows.tolist()], _legend(entries)
        values = self._values(self.color)
        of = summarize(values)
        share = (values[rows].astype(np.float64) - of.low) / ((of.high - of.low) or 1.0)
        ends = [(f"{of.low:.4g}", _ramp(0.0)), ("", _ramp(0.5)), (f"{of.high:.4g}", _ramp(1.0))]
        return [_ramp(at) for at in share.tolist()], f"{_bold(self.color.value)}: {_legend(ends)}"

    def _compute_later(self, method: str) -> None:
        if method not in self._awaited:
            self._awaited.add(method)
            self._thread.submit(self._compute, method)

    def _compute(self, method: str) -> None:
        # Known before the map is computed: if the project takes others meanwhile, it is computed once more.
        embeddings, problem = self.project.embeddings, ""
        try:
            positions = self.project.map(method)
        except Exception as error:  # the project was closed, or UMAP is not there
            _LOG.info("simwidget: the map %s could not be computed: %s", method, error)
            problem = str(error)
        with self._lock:
            self._awaited.discard(method)
            if self._is_closed:
                return
            if not problem:
                self._maps[method] = embeddings, positions
            if self.chart.value == MAP and self.method.value == method:
                if problem:
                    self.words.value = ""
                    self._say(problem)
                else:
                    self.redraw()

    # From the user

    def _chosen(self, _: object) -> None:
        if not self._is_busy:
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
        if self.figure is not None:
            parts = [self.project.name, self.chart.value]
            parts += [
                str(getattr(self, name).value) for name in _CONTROLS[self.chart.value] if name != "log_counts"
            ]
            charts.save(self.figure, re.sub(r"[^\w.-]+", "-", " ".join(parts)).strip("-."), kind)

    # From the project

    def _changed(self, changed: frozenset[str]) -> None:
        if changed & {"labels", "metrics", "embeddings"}:
            with self._lock:
                if not self._is_closed:
                    self._fit_options()
                    self.redraw()

    def _fit_options(self) -> None:
        """Offer the metrics that there are; what was chosen stays so where it is among them."""
        names = [(shown(name), name) for name in self.project.metrics]
        has_labels = any(label is not None for label in self.project.labels)
        colors = [*([(LABEL, LABEL)] if has_labels else []), *names]
        self._is_busy = True
        try:
            first = 1 if len(names) > 1 else 0
            for picker, options, default in (
                (self.metric, names, 0),
                (self.other, names, first),
                (self.color, colors, 0),
            ):
                if picker.options != tuple(options):
                    before = picker.value
                    picker.options = options
                    known = [value for _, value in options]
                    picker.value = before if before in known else known[default]
        finally:
            self._is_busy = False

    def _say(self, message: str) -> None:
        self.message.value = message and f'<span role="status">{html.escape(message)}</span>'

    def _invite(self, what: str, result: str) -> str:
        return f" Click a {what} to {result} the Explorer." if self.explorer is not None else ""


def _range(bins: Bins, place: int) -> str:
    return f"{bins.edges[place]:.4g} to {bins.edges[place + 1]:.4g}"


def _class_name(name: str | None, what: str = "label") -> str:
    return f"no {what}" if name is None else shown(name)


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"


def _bold(name: str) -> str:
    return f"<b>{html.escape(shown(name))}</b>"


def _ramp(share: float) -> str:
    """Color of a share in [0, 1] of the way from low to high; gray for NaN."""
    if not np.isfinite(share):
        return charts.GRAY
    red, green, blue = (round(float(np.interp(share, [0, 0.5, 1], _RAMP[:, at]))) for at in range(3))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    return " ".join(
        f'<span style="white-space: nowrap"><span style="color: {color}">●</span> {html.escape(name)}</span>'
        for name, color in entries
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of HTML: words at the left, numbers at the right; it scrolls."""
    tops = "".join(f'<th scope="col" style="padding: 0 8px">{html.escape(cell)}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row" style="padding: 0 8px; text-align: left">{html.escape(line[0])}</th>'
        + "".join(f'<td style="padding: 0 8px; text-align: right">{cell}</td>' for cell in line[1:])
        + "</tr>"
        for line in rows
    )
    return (
        '<div style="max-height: 220px; overflow: auto" tabindex="0" role="region" aria-label="Table">'
        f"<table><thead><tr>{tops}</tr></thead><tbody>{lines}</tbody></table></div>"
    )

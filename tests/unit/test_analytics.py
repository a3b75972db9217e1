"""The panel Analytics on the Python side: what is drawn, what clicks and lassos do, and the map that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pictures import write_pictures

import simwidget as sw
from simwidget import projection
from simwidget.distributions import box, summarize
from simwidget.errors import InvalidValueError
from simwidget.projection import can_umap, pca_map
from simwidget.widgets import analytics as module
from simwidget.widgets.analytics_colors import GRAY, PALETTE
from simwidget.widgets.analytics_maps import ProjectMaps
from simwidget.widgets.scatter_plot import can_draw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHARTS = ["Distribution", "Classes", "Metric by label", "Map", "Two metrics", "Splits"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for number, (split, label, count) in enumerate(
        [("train", "cat", 6), ("train", "<b>dog", 3), ("test", "cat", 2), ("test", "<b>dog", 1)]
    ):
        write_pictures(folder / split / label, count, first_seed=100 * number)
    write_pictures(folder, 2, first_seed=900)
    return folder


@pytest.fixture
def project(folder: Path, tmp_path: Path) -> Iterator[sw.Project]:
    pictures = list(folder.rglob("*.jpg"))
    inside = {path: path.relative_to(folder).parts for path in pictures}
    with sw.Project.from_folder(
        folder,
        embedder="perceptual",
        labels={path: parts[1] if len(parts) > 1 else None for path, parts in inside.items()},
        split={path: parts[0] if len(parts) > 1 else None for path, parts in inside.items()},
        project_dir=tmp_path / "project",
        progress=False,
    ) as project:
        yield project


@pytest.fixture
def explorer(project: sw.Project) -> Iterator[sw.Explorer]:
    explorer = sw.Explorer(project)
    yield explorer
    explorer._overview.settle()  # its thread reads what the project is about to close
    explorer.close()


@pytest.fixture
def panel(project: sw.Project, explorer: sw.Explorer) -> Iterator[sw.Analytics]:
    panel = sw.Analytics(project, explorer)
    yield panel
    panel.close()


def click(mark: Any, index: object) -> None:
    """What bqplot's front end sends for a click on an element of a mark."""
    mark._handle_custom_msg({"event": "element_click", "data": {"index": index}}, [])


def hover(mark: Any, index: int) -> str:
    mark._handle_custom_msg({"event": "hover", "data": {"index": index}}, [])
    return str(mark.tooltip.value)


def show(panel: sw.Analytics, chart: str) -> Any:
    panel.chart.value = chart
    panel.settle()
    return panel.figure


def colors_of(panel: sw.Analytics) -> list[str]:
    """Color of each point of the map, where it is one of the palette."""
    (marks,) = panel.figure.marks
    scale = marks.scales["color"]
    assert (scale.min, scale.max) == (0, len(scale.colors) - 1)
    return [scale.colors[int(place)] for place in marks.color]


def test_distribution(panel: sw.Analytics, project: sw.Project) -> None:
    assert list(panel.chart.options) == CHARTS
    assert (panel.chart.value, panel.metric.value) == ("Distribution", "Uniqueness")
    bars, lines = panel.figure.marks
    panel.log_counts.value = False
    bars, lines = panel.figure.marks
    assert bars.y.sum() == len(project)
    of = summarize(project.uniqueness)
    for what, value in zip(("min", "Q1", "median", "Q3", "max"), of[:5], strict=True):
        assert f"{what} <b>{value:.4g}</b>" in panel.words.value
    assert lines.x.shape == (3, 2)
    assert (np.diff(lines.x[:, 0]) >= 0).all()
    assert hover(bars, 0) == f"0 to 0.0001: {int(bars.y[0])} images ({bars.y[0] / len(project):.1%})"
    panel.log_counts.value = True
    np.testing.assert_allclose(panel.figure.marks[0].y, np.log10(1 + bars.y))


def test_values_that_are_missing_are_told(panel: sw.Analytics, project: sw.Project) -> None:
    values = np.linspace(-1, 1, len(project), dtype=np.float32)
    values[:2] = np.nan
    project.metrics["mine & <b>"] = values
    panel.metric.value = "mine & <b>"
    assert "2 without a value" in panel.words.value
    assert "mine &amp; &lt;b&gt;" in panel.words.value
    project.metrics["none"] = np.full(len(project), np.nan, dtype=np.float32)
    panel.metric.value = "none"
    assert len(panel.figure.marks) == 1
    del project.metrics["none"]
    assert panel.metric.value == "Uniqueness"
    assert len(panel.figure.marks) == 2


def test_a_bar_filters_the_explorer(panel: sw.Analytics, explorer: sw.Explorer) -> None:
    explorer.filters = {"Label": ["cat"], "Uniqueness": (0.5, 0.6)}
    explorer.filters_off = {"Uniqueness"}
    bars = panel.figure.marks[0]
    click(bars, 0)
    assert explorer.filters == {"Label": ("cat",), "Uniqueness": (0.0, 0.0001)}
    assert explorer.filters_off == set()
    for nonsense in (-1, len(bars.x), None, "0"):
        click(bars, nonsense)
    assert explorer.filters["Uniqueness"] == (0.0, 0.0001)


def test_classes(panel: sw.Analytics, explorer: sw.Explorer) -> None:
    bars = show(panel, "Classes").marks[0]
    assert bars.y.tolist() == [8, 4, 2]
    assert list(panel.figure.axes[0].tick_labels.values()) == ["cat", "<b>dog", "no label"]
    assert hover(bars, 0) == "cat: 8 images (57.1%)"
    assert "2 labels on 12 images" in panel.words.value
    assert "&lt;b&gt;dog" in panel.words.value
    explorer.filters = {"Uniqueness": (0.0, 1.0)}
    click(bars, 1)
    assert explorer.filters == {"Uniqueness": (0.0, 1.0), "Label": ("<b>dog",)}
    assert len(explorer.view) == 4
    click(bars, 2)
    assert explorer.filters["Label"] == (None,)
    assert len(explorer.view) == 2


def test_classes_that_have_no_bar_are_counted(panel: sw.Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BARS", 1)
    assert show(panel, "Classes").marks[0].y.tolist() == [8]
    assert "Not drawn: 2 smaller ones with 6 images" in panel.words.value


def test_labels_are_followed(panel: sw.Analytics, project: sw.Project) -> None:
    show(panel, "Classes")
    project.relabel(project.ids, "one")
    assert panel.figure.marks[0].y.tolist() == [len(project)]


def test_metric_by_label(panel: sw.Analytics, project: sw.Project) -> None:
    values = np.arange(len(project), dtype=np.float32)
    values[[label is None for label in project.labels]] = np.nan
    project.metrics["mine"] = values
    show(panel, "Metric by label")
    panel.metric.value = "mine"
    marks = panel.figure.marks[0]
    cats = box(values[[label == "cat" for label in project.labels]])
    assert cats is not None
    assert marks.y.shape == (2, 5)  # those without a label have no value, so no box
    assert marks.y[0].tolist() == [cats.low, cats.q1, cats.median, cats.q3, cats.high]
    assert list(panel.figure.axes[0].tick_labels.values()) == ["cat", "<b>dog"]


def test_the_map_selects_in_the_explorer(panel: sw.Analytics, project: sw.Project, explorer: sw.Explorer) -> None:
    figure = show(panel, "Map")
    (marks,) = figure.marks
    np.testing.assert_allclose(np.stack([marks.x, marks.y], 1), pca_map(project.embeddings), atol=1e-6)
    assert panel.color.value == "Label"
    of_labels = dict(zip(project.labels, colors_of(panel), strict=True))
    assert of_labels == {"cat": PALETTE[0], "<b>dog": PALETTE[1], None: GRAY}
    assert "&lt;b&gt;dog" in panel.words.value
    marks.selected = np.array([1, 3])
    assert sorted(explorer.selected) == sorted(project.paths[row] for row in (1, 3))
    marks.selected = None
    assert explorer.selected == []
    panel.color.value = "Uniqueness"
    colors = colors_of(panel)
    low, _, high, _ = marks.scales["color"].colors
    assert colors[int(project.uniqueness.argmin())] == low
    assert colors[int(project.uniqueness.argmax())] == high
    assert panel.figure is figure  # so that the lasso stays where it is


def test_a_large_map_is_sampled(
    panel: sw.Analytics, project: sw.Project, explorer: sw.Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POINTS", 5)
    monkeypatch.setattr(module, "can_draw", lambda: False)
    (marks,) = show(panel, "Map").marks
    assert len(marks.x) == len(marks.color) == 5
    assert "5 of 14 images: a random sample" in panel.words.value
    assert "simwidget[scatter]" in panel.words.value
    marks.selected = np.array([4])
    (row,) = project.rows(explorer.selected)
    np.testing.assert_allclose([marks.x[4], marks.y[4]], project.map()[row])


def test_the_map_by_tag(panel: sw.Analytics, project: sw.Project) -> None:
    figure = show(panel, "Map")
    panel.color.value = "Tag"
    assert set(colors_of(panel)) == {GRAY}
    project.tag(project.ids[:3], "b")
    project.tag(project.ids[2:5], "a & <i>")
    assert colors_of(panel) == [*[PALETTE[1]] * 2, *[PALETTE[0]] * 3, *[GRAY] * (len(project) - 5)]
    assert "a &amp; &lt;i&gt;" in panel.words.value
    assert "all others" in panel.words.value
    project.set_tag_color("b", "#123456")
    assert colors_of(panel)[:2] == ["#123456"] * 2
    assert "#123456" in panel.words.value
    project.undo()
    project.undo()
    assert colors_of(panel) == [*[PALETTE[0]] * 3, *[GRAY] * (len(project) - 3)]
    assert panel.figure is figure


def test_tags_draw_only_the_map_by_tag(panel: sw.Analytics, project: sw.Project) -> None:
    show(panel, "Map")
    drawn: list[object] = []
    panel.figure.marks[0].observe(drawn.append, "color")
    project.tag(project.ids[:3], "a")
    assert drawn == []
    panel.color.value = "Tag"
    assert len(drawn) == 1


def test_how_far_a_map_is(panel: sw.Analytics) -> None:
    percents: list[int] = []
    words: list[str] = []
    panel.progress.observe(lambda change: percents.append(change["new"]), "value")
    panel.words.observe(lambda change: words.append(change["new"]), "value")
    stages = []
    panel._stage.observe(lambda change: stages.append(change["new"]), "children")
    show(panel, "Map")
    assert percents == [33, 66, 100]
    said = [number for number in ("33%", "66%", "100%") for text in words if f"PCA of 14 images: {number}" in text]
    assert said == ["33%", "66%", "100%"]
    assert stages == [(panel.progress,), (panel.figure,)]


def test_a_map_that_nobody_waits_for_is_given_up(project: sw.Project, tmp_path: Path) -> None:
    maps = ProjectMaps(project, lambda _: maps.close())
    made = maps.get("pca")
    maps.settle()
    assert made.share == pytest.approx(1 / 3)
    assert made.positions is None
    assert not list((tmp_path / "project" / "maps").rglob("positions.npy"))


def test_a_map_of_embeddings_that_are_not_used_any_more_is_given_up(project: sw.Project) -> None:
    project.add_embeddings("mine", np.random.default_rng(0).standard_normal((len(project), 8)))

    def changed(method: str) -> None:
        if len(project.embeddings[0]) != 8:
            project.use_embeddings("mine", progress=False)
        maps.get(method)

    maps = ProjectMaps(project, changed)
    first = maps.get("pca")
    maps.settle()
    assert (first.positions, first.problem) == (None, "")
    second = maps.get("pca")
    assert second.positions is not None
    np.testing.assert_allclose(second.positions, pca_map(project.embeddings), atol=1e-6)


def test_a_map_that_cannot_be_says_why(panel: sw.Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    show(panel, "Map")
    monkeypatch.setattr(projection, "find_spec", lambda _: None)
    panel.method.value = "umap"
    panel.settle()
    assert panel.figure is None
    assert panel._stage.children == ()
    assert panel.save_png.disabled
    assert "pip install" in panel.message.value
    panel.method.value = "pca"
    assert panel.figure is not None
    assert panel.message.value == ""


@pytest.mark.skipif(not can_umap(), reason="umap-learn is not installed")
def test_umap(panel: sw.Analytics, project: sw.Project, tmp_path: Path) -> None:
    show(panel, "Map")
    percents: list[int] = []
    panel.progress.observe(lambda change: percents.append(change["new"]), "value")
    panel.method.value = "umap"
    assert panel.figure is None
    assert "Starting UMAP of 14 images…" in panel.words.value
    panel.settle()
    (marks,) = panel.figure.marks
    assert np.isfinite(marks.x).all()
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert len(list((tmp_path / "project" / "maps").rglob("positions.npy"))) == 2
    np.testing.assert_array_equal(np.stack([marks.x, marks.y], 1), project.map("umap"))


@pytest.mark.skipif(not can_draw(), reason="jupyter-scatter is not installed")
def test_many_points(
    panel: sw.Analytics, project: sw.Project, explorer: sw.Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = show(panel, "Map")
    expected = colors_of(panel)
    monkeypatch.setattr(module, "_POINTS", 5)
    show(panel, "Two metrics")
    plot = show(panel, "Map")
    assert few.comm is None
    assert type(plot).__name__ == "JupyterScatter"
    assert "14 images." in panel.words.value
    assert (plot.points.shape, plot.axes, plot.tooltip_enable, plot.legend) == ((14, 4), False, False, False)
    assert (plot.mouse_mode, plot.height, plot.background_color[3]) == ("lasso", 520, 0)
    assert plot.toolbar_buttons == ["pan_zoom", "lasso", "reset", "download"]
    hexes = [f"#{''.join(f'{round(255 * part):02x}' for part in color[:3])}" for color in plot.color]
    assert [hexes[int(code)] for code in plot.points[:, 2]] == expected
    assert (panel.save_png.disabled, panel.save_svg.disabled) == (True, True)
    assert "SVG" in panel.save_svg.tooltip
    plot.selection = np.array([1, 3], dtype=np.uint32)
    assert sorted(explorer.selected) == sorted(project.paths[row] for row in (1, 3))
    plot.selection = np.array([], dtype=np.uint32)
    assert explorer.selected == []
    panel.color.value = "Uniqueness"
    assert panel.figure is plot
    codes = plot.points[:, 2]
    assert codes[int(project.uniqueness.argmin())] == 0
    assert codes[int(project.uniqueness.argmax())] == len(plot.color) - 1
    show(panel, "Classes")
    assert plot.comm is None
    assert not panel.save_svg.disabled
    both = show(panel, "Two metrics")
    assert (both.axes, both.axes_labels) == (True, ["Uniqueness", "Label agreement"])


def test_a_map_is_kept(project: sw.Project, tmp_path: Path) -> None:
    first = project.map()
    assert (first.shape, first.dtype) == ((len(project), 2), np.float32)
    (kept,) = (tmp_path / "project" / "maps").rglob("positions.npy")
    np.save(kept, first + 1)
    np.testing.assert_array_equal(project.map(), first + 1)
    vectors = np.random.default_rng(0).standard_normal((len(project), 8))
    project.add_embeddings("mine", vectors)
    project.use_embeddings("mine", progress=False)
    np.testing.assert_allclose(project.map(), pca_map(project.embeddings), atol=1e-6)
    with pytest.raises(InvalidValueError, match="no map 'tsne'"):
        project.map("tsne")


def test_the_map_follows_other_embeddings(panel: sw.Analytics, project: sw.Project) -> None:
    show(panel, "Map")
    project.add_embeddings("mine", np.random.default_rng(0).standard_normal((len(project), 8)))
    project.use_embeddings("mine", progress=False)
    panel.settle()
    (marks,) = panel.figure.marks
    np.testing.assert_allclose(np.stack([marks.x, marks.y], 1), pca_map(project.embeddings), atol=1e-6)
    project.delete(project.ids[:3])
    panel.settle()
    assert len(panel.figure.marks[0].x) == len(project) == 11


def test_two_metrics(panel: sw.Analytics, project: sw.Project, explorer: sw.Explorer) -> None:
    rising = np.arange(len(project), dtype=np.float32)
    project.metrics["a"], project.metrics["b"] = rising, rising**3
    show(panel, "Two metrics")
    panel.metric.value, panel.other.value = "a", "b"
    (marks,) = panel.figure.marks
    assert marks.y.tolist() == (rising**3).tolist()
    assert "Spearman <b>1.000</b>" in panel.words.value
    assert f"Pearson <b>{np.corrcoef(rising, rising**3)[0, 1]:.3f}</b>" in panel.words.value
    marks.selected = np.array([2])
    assert explorer.selected == [project.paths[2]]
    rising[:2] = np.nan
    project.metrics["b"] = rising
    (marks,) = panel.figure.marks
    assert marks.y.tolist() == rising[2:].tolist()
    assert "12 images. 2 images without a value." in panel.words.value
    marks.selected = np.array([1])
    assert explorer.selected == [project.paths[3]]


def test_splits(panel: sw.Analytics) -> None:
    (lines,) = show(panel, "Splits").marks
    assert lines.y.shape == (3, len(lines.x))
    # Each bin has two points, and the shares of a split add up to all of it.
    np.testing.assert_allclose(lines.y.sum(axis=1) / 2, 100)
    assert "train" in panel.words.value
    assert "no split" in panel.words.value


def test_without_labels_splits_and_explorer(folder: Path, tmp_path: Path) -> None:
    with sw.Project.from_folder(
        folder, embedder="perceptual", project_dir=tmp_path / "plain", progress=False
    ) as project:
        panel = sw.Analytics(project)
        for chart in CHARTS[:-1]:
            figure = show(panel, chart)
            assert figure is not None, chart
            assert "Explorer" not in panel.words.value
        click(show(panel, "Classes").marks[0], 0)
        assert "Label" not in [value for _, value in panel.color.options]
        assert show(panel, "Splits") is None
        assert "no splits" in panel.message.value
        panel.close()


def test_a_single_image(panel: sw.Analytics, project: sw.Project) -> None:
    project.delete(project.ids[1:])
    for chart in CHARTS:
        show(panel, chart)
        assert panel.chart.value == chart
        assert panel.figure is not None or chart == "Splits", chart


def test_saving_names_the_file(panel: sw.Analytics, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(panel.figure, "send", sent.append)
    panel.save_png.click()
    panel.save_svg.click()
    name = f"{panel.project.name}-Distribution-Uniqueness"
    assert [(message["type"], message["filename"]) for message in sent] == [
        ("save_png", f"{name}.png"),
        ("save_svg", f"{name}.svg"),
    ]


def test_what_is_not_shown_is_closed(panel: sw.Analytics, project: sw.Project) -> None:
    first = panel.figure
    parts = [*first.marks, *first.axes, *first.marks[0].scales.values()]
    show(panel, "Classes")
    assert all(part.comm is None for part in (first, *parts))
    last = panel.figure
    panel.close()
    panel.close()
    assert last.comm is None
    project.metrics["later"] = np.zeros(len(project), dtype=np.float32)
    assert "later" not in [value for _, value in panel.metric.options]

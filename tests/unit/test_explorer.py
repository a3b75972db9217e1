"""The Explorer's Python side; tests/ui looks at what the browser shows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import traitlets
from pictures import copy_files, write_pictures
from PIL import Image

import simwidget as sw
from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.words import file_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DUPLICATES = {"Uniqueness": (0, 0.0001)}


@pytest.fixture
def explorer(tmp_path: Path) -> Iterator[sw.Explorer]:
    copy_files(write_pictures(tmp_path, 10)[:4])
    explorer = sw.Explorer(sw.Project.from_folder(tmp_path, embedder="perceptual", progress=False))
    yield explorer
    explorer.close()


def brush(explorer: sw.Explorer, left: float, right: float) -> None:
    """What bqplot's front end sets while the mouse drags from one position to another."""
    selector = explorer.histogram._brush
    selector.brushing = True
    selector.selected = np.array([left, right])
    selector.brushing = False


def view_bars(explorer: sw.Explorer) -> list[int]:
    return [int(count) for count in explorer.histogram._view.y]


def test_the_main_job(explorer: sw.Explorer) -> None:
    brush(explorer, -0.2, 0.9)
    assert explorer.filters == DUPLICATES
    assert len(explorer.view) == 4
    explorer._session.select("all")
    explorer._session.tag_selected("duplicate")
    duplicates = {path for group in explorer.project.duplicates() for path in group.duplicates}
    assert set(explorer.tags["duplicate"]) == duplicates
    assert explorer.tags["duplicate"] == explorer.selected == explorer.view


def test_only_counts_follow_while_the_mouse_is_down(explorer: sw.Explorer) -> None:
    selector = explorer.histogram._brush
    selector.brushing = True
    selector.selected = np.array([0.0, 1.0])
    assert explorer.filters == {}
    assert "4 of 14 images" in explorer._uniqueness.readout.value
    selector.brushing = False
    assert explorer.filters == DUPLICATES


def test_a_cleared_brush_shows_all(explorer: sw.Explorer) -> None:
    brush(explorer, 0, 1)
    explorer.histogram._brush.selected = None
    assert explorer.filters == {}
    assert len(explorer.view) == 14


def test_bars_count_all_and_the_view(explorer: sw.Explorer) -> None:
    assert sum(view_bars(explorer)) == 14
    assert view_bars(explorer)[0] == 4
    explorer.filters = {"Uniqueness": (0.0002, 1)}  # the bars show what the other filters leave
    assert sum(view_bars(explorer)) == 14
    explorer.filters = {"Uniqueness": (0.0002, 1), "File name": "picture_00"}
    assert 0 < sum(view_bars(explorer)) < 14
    explorer.similar(explorer.project.paths[0], k=3)
    assert sum(view_bars(explorer)) == 3
    explorer.clear()
    assert int(explorer.histogram._all.y[0]) == 4
    assert explorer.histogram._view.y.dtype == np.float64


def test_log_counts_keep_single_items_visible(explorer: sw.Explorer) -> None:
    explorer.histogram._log.value = True
    heights = explorer.histogram._view.y
    assert heights[0] == pytest.approx(np.log10(5))
    assert (heights > 0).tolist() == [count > 0 for count in explorer.histogram._counts[1]]


def test_filters_from_python_move_the_brush(explorer: sw.Explorer) -> None:
    explorer.filters = {"Uniqueness": (0, 0.0001)}
    np.testing.assert_allclose(explorer.histogram._brush.selected, [0, 1])
    explorer.filters = {}
    assert explorer.histogram._brush.selected is None


@pytest.mark.parametrize("filters", [{"Beauty": (0, 1)}, {"Uniqueness": (2, 1)}, None, 3])
def test_bad_filters_are_refused(explorer: sw.Explorer, filters: Any) -> None:
    with pytest.raises((UnknownNameError, InvalidValueError)):
        explorer.filters = filters
    assert explorer.filters == {}


def test_selected_takes_every_way_to_name_items(explorer: sw.Explorer) -> None:
    paths = explorer.project.paths
    explorer.selected = [paths[2], str(paths[5]), int(explorer.project.ids[7])]
    assert set(explorer.selected) == {paths[2], paths[5], paths[7]}
    explorer.selected = paths[0]
    assert explorer.selected == [paths[0]]
    explorer.selected = []
    assert explorer.selected == []
    explorer.selected = paths[1]
    with pytest.raises(UnknownNameError, match=r"nowhere\.jpg"):
        explorer.selected = ["nowhere.jpg"]
    assert explorer.selected == [paths[1]]


@pytest.mark.parametrize("name", ["view", "query", "tags"])
def test_what_cannot_be_set_says_so(explorer: sw.Explorer, name: str) -> None:
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, [])


def test_changes_can_be_observed(explorer: sw.Explorer) -> None:
    seen: list[tuple[str, Any]] = []
    explorer.observe(
        lambda change: seen.append((change["name"], change["new"])),
        ["selected", "filters", "view", "sort", "query"],
    )
    first = explorer.project.paths[0]
    explorer.selected = first
    assert seen == [("selected", [first])]
    seen.clear()
    explorer.filters = DUPLICATES
    assert ("filters", DUPLICATES) in seen
    assert ("view", explorer.view) in seen
    seen.clear()
    explorer.similar(first)
    assert ("query", [first]) in seen
    assert ("sort", "Similarity") in seen


def test_tags_can_be_observed(explorer: sw.Explorer) -> None:
    seen: list[list[str]] = []
    explorer.observe(lambda change: seen.append(list(change["new"])), "tags")
    explorer.project.tag(explorer.project.ids[:2], "look")
    assert seen == [["look"]]


def test_similar_and_clear(explorer: sw.Explorer) -> None:
    first = explorer.project.paths[0]
    explorer.filters = DUPLICATES
    explorer.similar(first, k=3)
    assert explorer.view == explorer.project.similar(first, k=3).paths
    assert explorer.query == [first]
    explorer.clear()
    assert (explorer.query, explorer.filters, len(explorer.view)) == (None, {}, 14)


def test_a_click_on_a_bar_asks_for_the_similar_items_of_that_bar(explorer: sw.Explorer) -> None:
    explorer.histogram.mode = "click"
    assert explorer.histogram._figure.interaction is None
    explorer.histogram._bar_clicked(None, {"data": {"index": 0}})
    explorer._query._work.shutdown(wait=True)
    duplicates = {path for group in explorer.project.duplicates() for path in group.duplicates}
    assert explorer.query is not None
    assert set(explorer.query) == duplicates
    assert not duplicates & set(explorer.view)
    assert explorer._session.query_label == "Similar to 4 images with Uniqueness 0 to 0.0001"


@pytest.mark.parametrize("event", [{}, {"data": {}}, {"data": {"index": "0"}}, {"data": {"index": 10**6}}])
def test_odd_clicks_do_nothing(explorer: sw.Explorer, event: dict[str, Any]) -> None:
    explorer.histogram._bar_clicked(None, event)
    explorer._query._work.shutdown(wait=True)
    assert explorer.query is None


def test_sort(explorer: sw.Explorer) -> None:
    explorer.sort = "-Uniqueness"
    assert explorer.view[-4:] != explorer.view[:4]
    assert (
        explorer.project.uniqueness[explorer.project.rows(explorer.view[0])[0]] == explorer.project.uniqueness.max()
    )
    with pytest.raises(UnknownNameError):
        explorer.sort = "Beauty"


def test_repr_is_short(explorer: sw.Explorer) -> None:
    assert "14 in view" in repr(explorer)


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_images(tmp_path: Path, count: int) -> None:
    (tmp_path / "broken.png").write_bytes(b"x")
    write_pictures(tmp_path, count)
    explorer = sw.Explorer(sw.Project.from_folder(tmp_path, embedder="perceptual", progress=False))
    assert len(explorer.view) == count
    brush(explorer, 0, 1)
    assert explorer.view == []
    explorer.close()


def test_other_embeddings_are_shown_at_once(explorer: sw.Explorer) -> None:
    project = explorer.project
    explorer.filters = {"Uniqueness": (0.2, 1)}
    array = np.random.default_rng(0).standard_normal((14, 5))
    array[7] = array[3]
    project.add_embeddings("mine", array)
    project.use_embeddings("mine", progress=False)
    assert "mine" in explorer.gallery.title
    assert explorer.filters == {"Uniqueness": (0.2, 1)}
    in_order = np.argsort(project.uniqueness, kind="stable")
    expected = in_order[project.uniqueness[in_order] >= np.float32(0.2)]
    assert explorer.view == [project.paths[row] for row in expected]
    histogram = explorer.histogram
    assert len(histogram._all.x) == len(histogram.bins) == histogram._x.max
    by_bin = np.bincount(histogram.bins.assign(project.uniqueness), minlength=len(histogram.bins))
    assert histogram._all.y.tolist() == by_bin.tolist()
    assert view_bars(explorer) == by_bin.tolist()


def test_slider_boxes_and_brush_say_the_same(explorer: sw.Explorer) -> None:
    card = explorer._uniqueness
    brush(explorer, -0.2, 0.9)
    assert (card.low.value, card.high.value) == (0.0, 0.0001)
    assert card.slider.value == (0, 100)  # hundredths of a bar
    card.high.value = 0.25
    assert explorer.filters == {"Uniqueness": (0.0, 0.25)}
    assert card.slider.value[1] == round(100 * explorer.histogram.bins.positions(0, 0.25)[1])
    np.testing.assert_allclose(explorer.histogram._brush.selected, np.divide(card.slider.value, 100), atol=0.01)
    card.slider.value = (100, 300)
    bounds = explorer.filters["Uniqueness"]
    assert bounds == explorer.histogram.bins.span(1.0, 3.0)
    assert (card.low.value, card.high.value) == bounds
    card.axis.value = True  # logarithmic: other bins, the same range
    assert explorer.filters["Uniqueness"] == bounds
    assert (card.low.value, card.high.value) == bounds


def test_a_filter_can_be_switched_off(explorer: sw.Explorer) -> None:
    explorer.filters = DUPLICATES
    explorer._uniqueness.switch.value = False
    assert (explorer.filters, explorer.filters_off, len(explorer.view)) == (DUPLICATES, {"Uniqueness"}, 14)
    assert explorer.histogram._brush.selected is None
    explorer._uniqueness.switch.value = True
    assert len(explorer.view) == 4
    explorer.filters_off = "Uniqueness"
    assert not explorer._uniqueness.switch.value
    for names, error in (("Uniquenes", UnknownNameError), (["Label"], UnknownNameError), (None, InvalidValueError)):
        with pytest.raises(error):
            explorer.filters_off = names
    assert explorer.filters_off == {"Uniqueness"}


def test_the_counts_tell_groups_and_bytes(explorer: sw.Explorer) -> None:
    explorer.filters = DUPLICATES
    size = sum(path.stat().st_size for path in explorer.view)
    readout = explorer._uniqueness.readout.value
    assert "4 of 14 images · 4 groups of duplicates" in readout
    assert f"· {file_size(size)}<" in readout


def test_the_panels_fold_away(explorer: sw.Explorer) -> None:
    explorer._fold.click()
    assert explorer._sidebar.layout.display == "none"
    explorer._fold.click()
    assert explorer._sidebar.layout.display is None


def test_similar_to_what_is_not_in_the_project(explorer: sw.Explorer, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.png"
    with Image.open(explorer.project.paths[2]) as image:
        image.save(outside)
        explorer.similar(image.copy(), k=4)
    assert (len(explorer.view), explorer.query) == (4, [])
    by_image = explorer.view
    explorer.similar(outside, k=4)
    assert explorer.view == by_image
    assert explorer._session.query_label == "Similar to elsewhere.png"
    with pytest.raises(UnknownNameError):
        explorer.similar("nowhere.png")
    with pytest.raises(InvalidValueError, match="either a query or text"):
        explorer.similar(outside, text="a dog")
    with pytest.raises(InvalidValueError, match="filtered is True or False"):
        explorer.similar(outside, filtered="no")
    with pytest.raises(InvalidValueError, match="are a text"):
        explorer.show([1], None)
    assert explorer._session.query_label == "Similar to elsewhere.png"
    explorer.back()
    assert explorer._session.query_label == "Similar to the image"


def test_similar_to_what_is_selected(explorer: sw.Explorer) -> None:
    button = explorer._query.selected
    assert button.disabled
    explorer.selected = explorer.project.paths[2:4]
    assert not button.disabled
    button.click()
    explorer._query._work.shutdown(wait=True)
    assert explorer.query is not None
    assert set(explorer.query) == set(explorer.project.paths[2:4])
    assert explorer._session.query_label == "Similar to 2 images"


def run(code: str) -> sw.Explorer:
    names: dict[str, Any] = {}
    exec(code, names)
    explorer: sw.Explorer = names["explorer"]
    return explorer


def test_code_shows_the_same_again(explorer: sw.Explorer) -> None:
    ids = explorer.project.ids
    states = [
        lambda: None,
        lambda: setattr(explorer, "filters", {"Uniqueness": (-np.inf, np.inf)}),
        lambda: setattr(explorer, "filters", {"Uniqueness": (0, 0.3), "File name": "*.jpg"}),
        lambda: setattr(explorer, "filters_off", ["File name"]),
        lambda: setattr(explorer, "sort", "-Sharpness"),
        lambda: setattr(explorer, "mode", "groups"),
        lambda: explorer.similar(int(ids[3])),
        lambda: explorer.similar(ids[[3, 5]], np.int64(7), radius=np.float32(0.9), filtered=True),
        lambda: explorer.similar(ids[[3, 5]], label='it\'s "Brightness" 0.1 to 0.2'),
        lambda: explorer.similar(int(ids[3]), 7, label="Similar to this"),
        lambda: explorer.show(ids[[1, 4]], 'Two "images"'),
    ]
    for change in states:
        change()
        other = run(explorer.to_code())
        assert (other.view, other.mode, other.sort) == (explorer.view, explorer.mode, explorer.sort)
        assert (other.filters, other.filters_off) == (explorer.filters, explorer.filters_off)
        assert other._session.query_label == explorer._session.query_label
        other.close()
    with Image.open(explorer.view[0]) as image:
        explorer.similar(image.copy())
    assert "# Similar to the image" in explorer.to_code()


def test_code_has_the_words_of_a_click_on_a_bar(explorer: sw.Explorer) -> None:
    explorer.histogram._bar_clicked(None, {"data": {"index": 0}})
    explorer._query._work.shutdown(wait=True)
    label = explorer._session.query_label
    assert label == "Similar to 4 images with Uniqueness 0 to 0.0001"
    other = run(explorer.to_code())
    assert (other._session.query_label, other.query, other.view) == (label, explorer.query, explorer.view)
    other.close()
    # The words that are chosen without any are not written, and are those of what is left after a deletion.
    ids = explorer.project.ids.tolist()
    for items in (ids[3], ids[3:5]):
        explorer.similar(items)
        assert "label=" not in explorer.to_code()
    explorer.project.delete(ids[3:4], whole_groups=True)
    assert explorer._session.query_label == "Similar to 2 images"
    assert explorer.to_code().splitlines()[-1] == f"explorer.similar({ids[4]}, label='2 images')"


def test_words_for_a_query(explorer: sw.Explorer) -> None:
    first = explorer.project.paths[0]
    explorer.similar(first, label="the cats")
    assert explorer._session.query_label == "Similar to the cats"
    with Image.open(first) as image:
        explorer.similar(image.copy(), label="my own")
    assert explorer._session.query_label == "Similar to my own"
    for wrong in (
        lambda: explorer.similar(first, label=5),  # type: ignore[arg-type]
        lambda: explorer.similar(text="a dog", label="dogs"),
    ):
        with pytest.raises(InvalidValueError, match=r"words for a query|label="):
            wrong()
    assert explorer._session.query_label == "Similar to my own"


def test_what_the_browser_sends_back_moves_nothing(explorer: sw.Explorer) -> None:
    """The brush is drawn where the range is, and reports that a little rounded."""
    wanted = {"Uniqueness": (0.0123, 0.2345)}
    explorer.filters = wanted
    explorer.histogram._brush.selected = np.round(explorer.histogram._brush.selected, 2)
    assert explorer.filters == wanted


def test_a_drag_that_arrives_as_one_message_filters(explorer: sw.Explorer) -> None:
    """While the kernel is busy ipywidgets sends only how it ended, not that a drag began."""
    bars = len(explorer.histogram.bins)
    explorer.filters = {"Uniqueness": (0.0123, 0.2345)}
    explorer.histogram._brush.set_state({"selected": [0.2, 0.8], "brushing": False})
    assert explorer.filters == DUPLICATES
    explorer.histogram._brush.set_state({"selected": [0.5, bars - 0.5], "brushing": False})
    assert explorer.filters["Uniqueness"][0] == 0.0
    assert len(explorer.view) == 14


def test_a_brush_stays_under_the_hand(explorer: sw.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found meanwhile is said, and the brush is not taken away: the browser would not tell again where."""
    monkeypatch.setattr("simwidget.session._AT_ONCE", 0)
    explorer.project.metrics["Own"] = np.zeros(14)  # with which the groups are forgotten
    explorer.histogram._brush.set_state({"selected": [0.0, 1.0], "brushing": True})
    assert "group" not in explorer._uniqueness.readout.value
    explorer._session.settle()
    assert "4 of 14 images · 4 groups of duplicates" in explorer._uniqueness.readout.value
    assert (explorer._uniqueness.low.value, explorer._uniqueness.high.value) == DUPLICATES["Uniqueness"]
    explorer.sort = "-Uniqueness"
    explorer.histogram._brush.set_state({"brushing": False})
    assert explorer.filters == DUPLICATES


def test_a_brush_is_heard_while_a_panel_follows(explorer: sw.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    card = explorer._uniqueness
    following, heard = threading.Event(), threading.Event()
    say, put = card.say, card.put

    def slow_say(text: str) -> None:
        if not heard.is_set():
            following.set()
            heard.wait(20)
        say(text)

    def hear(wanted: tuple[float, float] | None) -> None:
        heard.set()
        put(wanted)

    monkeypatch.setattr(card, "say", slow_say)
    monkeypatch.setattr(card, "put", hear)
    with ThreadPoolExecutor(1) as others:
        other = others.submit(card.follow)
        assert following.wait(20)
        explorer.histogram._brush.set_state({"selected": [0.0, 1.0], "brushing": False})
        other.result()
    assert explorer.filters == DUPLICATES
    assert (card.low.value, card.high.value) == DUPLICATES["Uniqueness"]


def test_closing_twice_is_closing_once(explorer: sw.Explorer) -> None:
    explorer.close()
    explorer.close()
    explorer.project.tag(explorer.project.ids[:1], "afterwards")
    assert list(explorer.project.tags) == ["afterwards"]

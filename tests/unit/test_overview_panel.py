"""The panel "Overview" on the Python side: clicks, what follows what, and what is counted in the thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pictures import copy_files, picture, write_pictures

import simwidget as sw
from simwidget import grouping
from simwidget.overview import overview
from simwidget.session import Session
from simwidget.widgets.overview import OverviewPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DUPLICATES = {"Uniqueness": (0.0, 0.0001)}


@pytest.fixture
def panel(build: Callable[..., sw.Project], tmp_path: Path) -> Iterator[OverviewPanel]:
    folder = tmp_path / "images"
    copy_files(write_pictures(folder / "train", 8)[:3])
    write_pictures(folder / "test", 3, first_seed=50)
    picture(5).save(folder / "test" / "leak.jpg", quality=92)
    (folder / "<b>broken & more.png").write_bytes(b"no image")
    session = Session(build(folder, embedder="perceptual", labels="folder", split="folder"))
    panel = OverviewPanel(session)
    panel.settle()
    yield panel
    panel.close()
    session.close()


def text(panel: OverviewPanel, key: str) -> str:
    return str(panel.buttons[key].description).replace("\N{NARROW NO-BREAK SPACE}", " ")


def marked(panel: OverviewPanel, css: str = "simwidget-shown") -> list[str]:
    return [key for key, button in panel.buttons.items() if css in button._dom_classes]


def leak_searches(patch: pytest.MonkeyPatch) -> list[object]:
    """What was searched for leaks from now on, each time."""
    searched: list[object] = []
    search = grouping.group_duplicates
    patch.setattr(grouping, "group_duplicates", lambda *args, **how: searched.append(args) or search(*args, **how))
    return searched


def test_it_shows_the_overview(panel: OverviewPanel) -> None:
    cards = overview(panel.session.project)
    assert panel.cards == cards
    assert list(panel.buttons) == [card.key for card in cards]
    for card in cards:
        button = panel.buttons[card.key]
        assert text(panel, card.key).splitlines() == [
            f"{card.title} {card.count:,}",
            *([card.detail] if card.detail else []),
        ]
        # The only plain space is that between title and count, which the style sheet makes wide.
        assert button.description.splitlines()[0].count(" ") == 1
        assert " " not in "".join(button.description.splitlines()[1:])
        assert button.tooltip == card.help
        assert button.disabled == (card.count == 0)
    assert [child for child in panel.children if child in panel.buttons.values()] == list(panel.buttons.values())
    assert marked(panel, "simwidget-highlighted") == ["duplicates"]


def test_a_click_shows_what_the_card_counts(panel: OverviewPanel) -> None:
    session = panel.session
    for key, card in {card.key: card for card in panel.cards}.items():
        if card.key == "unreadable" or not card.count:
            continue
        panel.buttons[key].click()
        assert (session.group_count if card.mode == "groups" else session.count) == card.count, key
        assert marked(panel) == [key]
        if card.filters is not None:
            assert (session.filters, session.mode) == (card.filters, card.mode)
            assert card.sort in (None, session.sort)
    assert panel.message.value == ""


def test_a_click_is_one_step_of_the_history(panel: OverviewPanel) -> None:
    seen: list[frozenset[str]] = []
    panel.session.on_change(seen.append)
    panel.buttons["groups"].click()
    assert len(seen) == 1
    panel.session.back()
    assert (panel.session.filters, panel.session.mode) == ({}, "grid")


def test_leaks_are_a_list_that_can_be_left(panel: OverviewPanel) -> None:
    panel.buttons["leaks"].click()
    assert panel.session.query_label == "Leaks between splits"
    assert panel.session.count == 2
    panel.session.clear_query()
    assert marked(panel) == ["images"]


def test_the_mark_follows_the_view(panel: OverviewPanel) -> None:
    assert marked(panel) == ["images"]
    panel.session.set_filters(DUPLICATES)
    assert marked(panel) == ["duplicates"]
    panel.session.set_filters(DUPLICATES, off={"Uniqueness"})
    assert marked(panel) == []
    panel.session.set_filters({"Uniqueness": (0.0, 0.5)})
    assert marked(panel) == []
    panel.session.similar_to(panel.session.project.ids[:1].tolist())
    assert marked(panel) == []


def test_tags_change_what_is_untagged_and_nothing_else(
    panel: OverviewPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {card.key: card for card in panel.cards}
    searched = leak_searches(monkeypatch)
    project = panel.session.project
    project.tag(project.ids[:4], "look")
    after = {card.key: card for card in panel.cards}
    assert after["untagged"].count == len(project) - 4
    assert text(panel, "untagged") == f"Untagged {len(project) - 4}"
    assert all(after[key] is before[key] for key in before.keys() - {"untagged"})
    panel.settle()
    assert all(after[key] is before[key] for key in before.keys() - {"untagged"})
    assert not searched


def test_a_metric_of_the_user_makes_and_takes_cards(panel: OverviewPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    project, session = panel.session.project, panel.session
    searched = leak_searches(monkeypatch)
    images = panel.buttons["images"]
    values = np.linspace(0.0, 1.0, len(project))
    values[:2] = 50.0, 60.0
    name = "a <i>metric</i> with a name that is long"
    project.metrics[name] = values
    panel.settle()
    button = panel.buttons[f"high {name}"]
    assert panel.buttons["images"] is images
    assert text(panel, f"high {name}").startswith("High a <i>metric</i> wi… 2\nabove ")
    assert button.tooltip.startswith(f"High {name}: ")
    button.click()
    assert session.count == 2
    assert session.sort == f"-{name}"
    del project.metrics[name]
    panel.settle()
    assert f"high {name}" not in panel.buttons
    assert button not in panel.children
    assert not searched  # no score has changed, so no leak has
    assert panel.cards == overview(project)


def test_labels_are_followed(panel: OverviewPanel) -> None:
    project = panel.session.project
    before = next(card for card in panel.cards if card.key == "suspected labels")
    project.relabel(project.ids, "the same for all")
    panel.settle()
    after = next(card for card in panel.cards if card.key == "suspected labels")
    assert before.count
    assert after.count == 0
    assert panel.cards == overview(project)


def test_thin_classes_are_counted_at_once(
    build: Callable[..., sw.Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path / "cat", 19)
    write_pictures(tmp_path / "dog", 2, first_seed=50)
    session = Session(build(tmp_path, embedder="perceptual", labels="folder"))
    project = session.project
    panel = OverviewPanel(session)
    panel.settle()
    keys = list(panel.buttons)
    assert keys.index("thin classes") == keys.index("suspected labels") + 1
    assert panel.buttons["thin classes"].disabled
    gate = Gate(monkeypatch)
    of_dogs = project.ids[[label == "dog" for label in project.labels]]
    project.relabel(of_dogs[:1], "cat")
    assert text(panel, "thin classes") == "Thin classes 1\n1 label with fewer than 2 images"
    panel.buttons["thin classes"].click()
    assert session.filters == {"Label": ("dog",)}
    assert session.ids_in_view.tolist() == of_dogs[1:].tolist()
    assert marked(panel) == ["thin classes"]
    project.relabel(of_dogs[1:], "cat")
    assert "thin classes" not in panel.buttons  # with one label there is nothing to be thinner than
    gate.is_open.set()
    panel.close()
    session.close()


def test_verdicts_on_duplicates_are_followed(panel: OverviewPanel) -> None:
    project = panel.session.project
    leaks = next(card.ids for card in panel.cards if card.key == "leaks")
    assert leaks
    project.not_duplicates(leaks)
    panel.settle()
    assert panel.buttons["leaks"].disabled
    assert panel.cards == overview(project)


def test_deleted_images_are_gone_and_come_back(panel: OverviewPanel) -> None:
    project = panel.session.project
    before = panel.cards
    project.delete([item for group in project.duplicates() for item in group.duplicate_ids])
    panel.settle()
    assert text(panel, "duplicates").startswith("Duplicates 0\n")
    assert panel.cards == overview(project)
    project.restore()
    panel.settle()
    assert panel.cards == before


def test_other_embeddings_are_counted_anew(panel: OverviewPanel) -> None:
    project = panel.session.project
    vectors = np.random.default_rng(0).standard_normal((len(project), 40))
    vectors[9] = vectors[2]
    project.add_embeddings("mine", vectors)
    project.use_embeddings("mine", progress=False)
    panel.settle()
    assert panel.cards == overview(project)
    # Copies are known by their pixels too, whatever the vectors say.
    assert text(panel, "groups").startswith(f"Groups {len(project.duplicates(project.near_duplicate_radius))}\n")


def test_no_duplicates_no_highlight(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", 5)
    session = Session(build(tmp_path / "images", embedder="perceptual"))
    panel = OverviewPanel(session)
    panel.settle()
    assert marked(panel, "simwidget-highlighted") == []
    assert panel.buttons["duplicates"].disabled
    assert text(panel, "groups") == "Groups 0"
    assert {"leaks", "suspected labels", "thin classes"}.isdisjoint(panel.buttons)
    panel.close()
    session.close()


def test_unreadable_files_are_listed_and_escaped(panel: OverviewPanel) -> None:
    assert panel.unreadable.layout.display == "none"
    panel.buttons["unreadable"].click()
    assert panel.unreadable.layout.display is None
    (failed,) = panel.session.project.failed
    assert "&lt;b&gt;broken &amp; more.png</b>: " in panel.unreadable.value
    assert "<b>broken" not in panel.unreadable.value
    assert f"</b>: {failed.reason}</li>" in panel.unreadable.value
    assert panel.session.filters == {}
    panel.buttons["unreadable"].click()
    assert (panel.unreadable.value, panel.unreadable.layout.display) == ("", "none")


def test_of_many_unreadable_files_a_hundred_are_listed(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", 2)
    for number in range(1203):
        (tmp_path / "images" / f"broken {number}.png").touch()
    session = Session(build(tmp_path / "images", embedder="perceptual"))
    panel = OverviewPanel(session)
    panel.settle()
    assert text(panel, "unreadable") == "Unreadable 1,203"
    panel.buttons["unreadable"].click()
    assert panel.unreadable.value.count("<li>") == 100
    assert "and 1,103 more: <code>project.failed</code>" in panel.unreadable.value
    panel.close()
    session.close()


def failed_asked(patch: pytest.MonkeyPatch) -> list[sw.Project]:
    """Projects whose unreadable files were asked for from now on, each time."""
    asked: list[sw.Project] = []
    failed = sw.Project.failed.fget
    assert failed is not None
    patch.setattr(sw.Project, "failed", property(lambda project: asked.append(project) or failed(project)))
    return asked


class Gate:
    """Holds up the search for groups, and so the thread that counts, until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reached, self.is_open = threading.Event(), threading.Event()
        grouped = sw.Project.grouped

        def wait(project: sw.Project, *args: Any) -> Any:
            self.reached.set()
            assert self.is_open.wait(30)
            return grouped(project, *args)

        patch.setattr(sw.Project, "grouped", wait)


def test_it_is_there_before_everything_is_counted(panel: OverviewPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    other = OverviewPanel(panel.session)
    assert gate.reached.wait(30)
    assert text(other, "groups") == "Groups …\ncounting…"
    assert text(other, "duplicates").startswith("Duplicates 4\n")
    uncounted = ["groups", "suspected labels", "leaks", "unreadable", "outliers"]
    assert [key for key, button in other.buttons.items() if "…" in button.description] == uncounted
    assert all(other.buttons[key].disabled for key in uncounted)
    gate.is_open.set()
    other.settle()
    assert other.cards == overview(other.session.project)
    other.close()


def test_what_changes_often_is_counted_once_more(panel: OverviewPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    project = panel.session.project
    gate = Gate(monkeypatch)
    counted = failed_asked(monkeypatch)
    project.metrics["own"] = np.arange(len(project))
    assert gate.reached.wait(30)
    for number in range(5):
        project.metrics["own"] = np.arange(len(project)) + float(number)
    gate.is_open.set()
    panel.settle()
    assert len(counted) == 2  # what was begun, and one more for all five
    assert panel.cards == overview(project)


def test_what_cannot_be_counted_is_said_and_counted_later(
    panel: OverviewPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = panel.session.project

    def fail(_: sw.Project) -> None:
        raise OSError("the disk is <gone>")

    with monkeypatch.context() as patch:
        patch.setattr(sw.Project, "failed", property(fail))
        project.metrics["own"] = np.arange(len(project)) ** 4
        panel.settle()
    assert "could not be counted: the disk is &lt;gone&gt;" in panel.message.value
    assert "high own" in panel.buttons  # the rest was counted
    del project.metrics["own"]
    panel.settle()
    assert panel.message.value == ""
    assert panel.cards == overview(project)


def test_a_click_on_what_is_gone_says_so(panel: OverviewPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    session, project = panel.session, panel.session.project
    project.metrics["own"] = np.arange(len(project)) ** 4
    panel.settle()
    gate = Gate(monkeypatch)
    del project.metrics["own"]
    panel.buttons["high own"].click()
    assert session.filters == {}
    assert "There is no metric &#x27;own&#x27;" in panel.message.value
    gate.is_open.set()
    panel.settle()
    assert "high own" not in panel.buttons


def test_after_close_nothing_is_followed(panel: OverviewPanel) -> None:
    project = panel.session.project
    before = panel.cards
    panel.close()
    panel.close()
    project.tag(project.ids[:4], "look")
    project.metrics["own"] = np.arange(len(project))
    assert panel.cards == before
    assert not panel._stale

"""The panel "Filter": every card, in step with the session both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import write_pictures

import simwidget as sw
from simwidget.session import Session
from simwidget.widgets.filters import ChoiceCard, FiltersPanel, NameCard, TagCard
from simwidget.widgets.metric_filter import MetricFilter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for part, label in enumerate(("cat", "dog")):
        write_pictures(folder / "pets" / label, 4, first_seed=100 * part)
    write_pictures(folder, 2, first_seed=900)
    return folder


@pytest.fixture
def session(folder: Path, tmp_path: Path) -> Iterator[Session]:
    labels = {path: path.parent.name if path.parent != folder else None for path in folder.rglob("*.jpg")}
    project = sw.Project.from_folder(
        folder, embedder="perceptual", labels=labels, project_dir=tmp_path / "project", progress=False
    )
    session = Session(project)
    yield session
    session.close()


@pytest.fixture
def panel(session: Session) -> Iterator[FiltersPanel]:
    panel = FiltersPanel(session, lambda *_: None)
    stop = session.on_change(lambda changed: panel.follow(anew="metrics" in changed))
    yield panel
    stop()
    panel.close()


def test_offers_what_the_project_can_be_filtered_by(panel: FiltersPanel) -> None:
    offered = list(panel.add.options)
    assert offered[0] == "Add filter…"
    assert "Uniqueness" not in offered  # it has a place of its own
    assert "Split" not in offered  # the project has none
    assert offered[-5:] == ["Label", "Suspected label", "Tag", "File name", "Folder"]
    panel.session.project.metrics["Own"] = np.arange(10, dtype=np.float32)
    assert "Own" in panel.add.options


def test_a_metric(panel: FiltersPanel) -> None:
    panel.add.value = "Brightness"
    card = panel.cards["Brightness"]
    assert isinstance(card, MetricFilter)
    assert panel.add.value == "Add filter…"
    assert "Brightness" not in panel.add.options
    assert panel.session.filters == {}
    card.low.value = float(np.median(panel.session.project.metrics["Brightness"]))
    assert panel.session.count == 5
    remove = card.head.children[-1]
    remove.click()
    assert panel.session.filters == {}
    assert panel.cards == {}
    assert "Brightness" in panel.add.options


def test_a_metric_that_goes_takes_its_card_along(panel: FiltersPanel) -> None:
    panel.session.project.metrics["Own"] = np.arange(10, dtype=np.float32)
    panel.session.set_filters({"Own": (2, 4)})
    assert panel.session.count == 3
    assert list(panel.cards) == ["Own"]
    del panel.session.project.metrics["Own"]
    assert panel.cards == {}
    assert panel.session.count == 10


def test_labels(panel: FiltersPanel) -> None:
    panel.add.value = "Label"
    card = panel.cards["Label"]
    assert isinstance(card, ChoiceCard)
    assert [text for text, _ in card.choice.options] == ["cat (4)", "dog (4)", "(no label) (2)"]
    card.choice.value = ("dog", None)
    assert panel.session.filters == {"Label": ("dog", None)}
    assert panel.session.count == 6
    panel.session.set_filters({"Label": "cat"})
    assert card.choice.value == ("cat",)
    panel.session.set_filters({"Label": ["cat", "bird"]})
    assert card.choice.options[-1] == ("bird (0)", "bird")
    card.choice.value = ()
    assert panel.session.filters == {}


def test_folders(panel: FiltersPanel) -> None:
    panel.add.value = "Folder"
    card = panel.cards["Folder"]
    assert isinstance(card, ChoiceCard)
    assert [text for text, _ in card.choice.options] == ["pets (8)", "pets/cat (4)", "pets/dog (4)"]
    card.choice.value = ("pets/cat",)
    assert panel.session.count == 4


def test_tags(panel: FiltersPanel) -> None:
    project = panel.session.project
    project.tag(project.ids[:3], "seen")
    project.tag(project.ids[2:4], "blurry")
    panel.add.value = "Tag"
    card = panel.cards["Tag"]
    assert isinstance(card, TagCard)
    assert [text for text, _ in card.choice.options] == ["blurry (2)", "seen (3)"]
    card.choice.value = ("seen",)
    card.mode.value = "none"
    assert card.choice.value == ()
    card.choice.value = ("blurry",)
    assert panel.session.filters == {"Tag": {"any": ("seen",), "none": ("blurry",)}}
    assert panel.session.count == 2
    card.mode.value = "any"
    assert card.choice.value == ("seen",)
    card.untagged.value = True
    assert panel.session.filters == {"Tag": None}
    assert panel.session.count == 6
    assert card.choice.disabled
    assert card.choice.value == ()
    card.untagged.value = False
    assert panel.session.filters == {}


def test_file_names(panel: FiltersPanel) -> None:
    panel.add.value = "File name"
    card = panel.cards["File name"]
    assert isinstance(card, NameCard)
    card.text.value = "*_00.jpg"
    assert panel.session.count == 3
    card.text.value = ""
    assert panel.session.filters == {}


def test_suspected_labels(panel: FiltersPanel) -> None:
    suspected = sum(label is not None for label in panel.session.project.suspected_labels)
    panel.add.value = "Suspected label"
    assert panel.session.filters == {"Suspected label": True}
    assert panel.session.count == suspected


def test_switched_off_and_removed(panel: FiltersPanel) -> None:
    panel.session.set_filters({"Label": "cat", "File name": "_00"})
    assert panel.session.count == 1
    panel.cards["File name"].switch.value = False
    assert panel.session.count == 4
    assert panel.session.filters_off == {"File name"}
    panel.clear.click()
    assert panel.session.filters == {}
    assert panel.clear.disabled
    assert panel.cards == {}


def test_saved_and_loaded(panel: FiltersPanel) -> None:
    assert panel.save.disabled
    panel.session.set_filters({"Label": "cat", "Uniqueness": (0, 0.9)})
    panel.name.value = "<b>cats"
    panel.save.click()
    assert "<b>cats" not in panel.message.value
    assert list(panel.saved.options) == ["Saved filters…", "<b>cats"]
    panel.session.clear_filters()
    panel.saved.value = "<b>cats"
    assert panel.session.filters == {"Label": ("cat",), "Uniqueness": (0.0, 0.9)}
    assert panel.saved.value == "Saved filters…"
    panel.forget.click()
    assert list(panel.saved.options) == ["Saved filters…"]
    assert panel.forget.disabled


def test_saved_filters_that_no_longer_fit_say_so(panel: FiltersPanel) -> None:
    project = panel.session.project
    project.metrics["Own"] = np.arange(10, dtype=np.float32)
    project.saved_filters["own"] = {"Own": (0, 3)}
    del project.metrics["Own"]
    panel.follow()
    panel.saved.value = "own"
    assert "There is no metric &#x27;Own&#x27;" in panel.message.value
    assert panel.session.filters == {}


def test_a_box_that_says_what_is_so_filters_nothing(panel: FiltersPanel) -> None:
    """As when the browser sends back what was put there, perhaps late."""
    panel.add.value = "Brightness"
    card = panel.cards["Brightness"]
    assert isinstance(card, MetricFilter)
    card._typed(None)
    assert panel.session.filters == {}

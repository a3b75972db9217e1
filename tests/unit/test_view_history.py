"""What a session puts in view beyond one filter: lists, other queries, switches, and the way back."""

from __future__ import annotations

import os
import queue
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import copy_files, write_pictures
from PIL import Image

import simwidget as sw
from simwidget.errors import EmbedderError, InvalidValueError, UnknownNameError
from simwidget.session import Session
from simwidget.session_view import FIRST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DUPLICATES = {"Uniqueness": (0, 0.0001)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for part, label in enumerate(("cat", "dog")):
        (folder / label).mkdir()
        copy_files(write_pictures(folder / label, 5, first_seed=100 * part)[:2])
    for number, path in enumerate(sorted(folder.rglob("*.jpg"), reverse=True)):
        os.utime(path, (1_000_000 + number, 1_000_000 + number))
    return folder


@pytest.fixture
def project(folder: Path, tmp_path: Path) -> sw.Project:
    return sw.Project.from_folder(
        folder, embedder="perceptual", labels="folder", project_dir=tmp_path / "project", progress=False
    )


@pytest.fixture
def session(project: sw.Project) -> Iterator[Session]:
    session = Session(project)
    yield session
    session.close()


def in_view(session: Session) -> list[str]:
    return [session.project.relative_paths[row] for row in session.rows_in_view]


def test_filters_that_are_no_range(session: Session) -> None:
    session.set_filters({"Label": "cat"})
    assert session.count == 7
    assert all(path.startswith("cat/") for path in in_view(session))
    assert session.filter_label == "label cat"
    session.set_filters({"Folder": "dog", **DUPLICATES})
    assert session.count == 2
    session.set_filters({"Label": "bird"})
    assert session.status["hint"] == "None of 14 images has label bird."


def test_a_filter_that_is_switched_off_is_kept(session: Session) -> None:
    session.set_filters({"Label": "cat", **DUPLICATES}, off=["Uniqueness"])
    assert session.count == 7
    assert session.filters == {"Label": ("cat",), "Uniqueness": (0.0, 0.0001)}
    assert session.active_filters == {"Label": ("cat",)}
    assert session.filters_off == {"Uniqueness"}
    session.set_filters(session.filters)
    assert session.count == 2
    session.set_filters({"Label": "cat"}, off=["Uniqueness"])
    assert session.filters_off == frozenset()


def test_what_all_filters_but_one_leave(session: Session) -> None:
    session.set_filters({"Label": "cat", **DUPLICATES})
    assert session.passing().sum() == 2
    assert session.passing(besides="Uniqueness").sum() == 7
    assert session.passing(besides="Label").sum() == 4


def test_items_leave_a_view_that_is_filtered_by_their_tag(session: Session) -> None:
    session.set_filters({"Tag": None})
    changes: list[frozenset[str]] = []
    session.on_change(changes.append)
    epoch = session.epoch
    session.project.tag(session.project.ids[:3], "seen")
    assert session.count == 11
    assert session.epoch > epoch
    assert "view" in changes[-1]
    session.project.untag(session.project.ids[:3], "seen")
    assert session.count == 14


def test_a_list_of_items_is_sorted_as_the_view_is(session: Session) -> None:
    ids = session.project.ids[[5, 1, 9]].tolist()
    session.show_items(ids, "Leaks")
    assert (session.query_label, session.sort, session.count) == ("Leaks", "Uniqueness", 3)
    values = session.rows(session.epoch, 0, 3).values
    assert (np.diff(values) >= 0).all()
    session.set_sort("-Name")
    assert session.query_label == "Leaks"
    assert session.rows(session.epoch, 0, 3).names == sorted(session.rows(session.epoch, 0, 3).names, reverse=True)
    session.clear_query()
    assert session.count == 14


def test_sorted_by_date(session: Session) -> None:
    session.set_sort("Date")
    paths = [session.project.paths[row] for row in session.rows_in_view]
    assert [path.stat().st_mtime for path in paths] == sorted(path.stat().st_mtime for path in paths)
    assert session.value_name == "Uniqueness"


def test_missing_values_are_last_and_counted(session: Session) -> None:
    values = np.arange(14, dtype=np.float32)
    values[[2, 7]] = np.nan
    session.project.metrics["Own"] = values
    for sort in ("Own", "-Own"):
        session.set_sort(sort)
        assert session.missing_count == 2
        assert sorted(session.rows_in_view[-2:].tolist()) == [2, 7]
    session.set_filters({"Own": (0, 20)})
    assert session.missing_count == 0
    del session.project.metrics["Own"]


def test_several_at_once_are_one_change(session: Session) -> None:
    changes: list[frozenset[str]] = []
    session.on_change(changes.append)
    session.show(filters={"Label": "dog"}, sort="-Sharpness", mode="groups")
    assert changes == [{"view", "filters", "sort"}]
    assert (session.sort, session.mode, session.filters) == ("-Sharpness", "groups", {"Label": ("dog",)})
    with pytest.raises(UnknownNameError):
        session.show(filters={}, sort="Beauty")
    assert session.filters == {"Label": ("dog",)}


def test_back_and_forward(session: Session) -> None:
    assert not session.can_go_back
    session.set_filters(DUPLICATES)
    session.set_sort("-Name")
    session.similar_to([int(session.project.ids[0])])
    similar = in_view(session)
    session.back()
    assert (session.sort, session.query, session.count) == ("-Name", None, 4)
    session.back()
    assert session.sort == "Uniqueness"
    session.back()
    assert (session.filters, session.can_go_back, session.can_go_forward) == ({}, False, True)
    session.back()
    assert session.count == 14
    for _ in range(3):
        session.forward()
    assert in_view(session) == similar
    session.back()
    session.set_filters({})
    assert not session.can_go_forward


def test_the_way_back_leaves_out_what_the_project_no_longer_has(session: Session) -> None:
    session.project.metrics["Own"] = np.arange(14, dtype=np.float32)
    session.set_filters({"Own": (0, 3), "Label": "cat"})
    session.set_sort("-Own")
    session.set_filters({})
    del session.project.metrics["Own"]
    session.back()
    assert (session.filters, session.sort) == ({"Label": ("cat",)}, "Uniqueness")


def test_what_changes_nothing_is_not_noted(session: Session) -> None:
    epoch = session.epoch
    session.set_filters({})
    session.set_sort("Uniqueness")
    assert (session.epoch, session.can_go_back) == (epoch, False)


def test_similar_within_filters_and_radius(session: Session) -> None:
    item = int(session.project.ids[0])
    session.set_filters({"Label": "dog"})
    session.similar_to([item], k=3, filtered=True)
    assert session.count == 3
    assert all(path.startswith("dog/") for path in in_view(session))
    session.refine_query(k=50, radius=None, filtered=False)
    assert session.count == 13
    assert session.query_label.startswith("Similar to ")
    session.refine_query(k=50, radius=0.0, filtered=False)
    assert session.rows(session.epoch, 0, session.count).values.tolist() == [0.0] * session.count
    session.refine_query(k=50, radius=0.0, filtered=True)
    assert session.status["hint"] == "There is no other image within 0 that passes the filters."
    session.clear_query()
    with pytest.raises(InvalidValueError, match="no similarity query"):
        session.refine_query(k=3, radius=None, filtered=False)


def test_similar_to_an_image_from_outside(session: Session) -> None:
    path = session.project.paths[3]
    with Image.open(path) as image:
        session.similar_to_image(image.copy(), "upload.png", k=4)
    assert session.query_label == "Similar to upload.png"
    assert session.query is not None
    assert session.query.ids == ()
    assert session.rows(session.epoch, 0, 1).values[0] < 1e-5
    session.refine_query(k=2, radius=None, filtered=False)
    assert session.count == 2


def test_words_need_an_embedder_that_knows_them(session: Session) -> None:
    with pytest.raises(EmbedderError, match="does not understand text"):
        session.similar_to_text("a dog")
    assert session.query is None


def test_tally(session: Session) -> None:
    rows = np.arange(session.total)
    groups = session.project.duplicates()
    size = sum(path.stat().st_size for path in session.project.paths)
    assert session.tally(rows) == (len(groups), size)
    assert session.tally(rows[:0]) == (0, 0)
    keepers = session.project.rows([group.keeper_id for group in session.project.duplicates()])
    assert session.tally(keepers)[0] == 0, "without them no image is spare"
    session.set_filters({"Uniqueness": (0, 1)})
    near = session.project.duplicates(session.project.near_duplicate_radius)
    assert session.tally(rows)[0] == len(near)


def test_what_is_perhaps_in_view_next(session: Session) -> None:
    told: list[frozenset[str]] = []
    session.on_change(told.append)
    inside = session.passing()
    session.expect(inside)
    assert session.expected == session.ids_in_view[:FIRST].tolist()
    inside[session.rows_in_view[0]] = False
    session.expect(inside)
    session.expect(inside)  # nothing new
    assert session.expected == session.ids_in_view[1 : FIRST + 1].tolist()
    assert told == [{"expected"}] * 2
    session.expect(inside[1:])  # of other items than there are now
    session.set_mode("groups")
    session.expect(session.passing())  # whose first items are other ones
    assert told.count(frozenset({"expected"})) == 2


def test_groups_of_many_items_are_found_in_a_thread(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(session.total)
    expected = session.tally(rows)
    monkeypatch.setattr("simwidget.session._AT_ONCE", 0)
    session.project.metrics["Own"] = rows  # with which the groups are forgotten
    told: queue.Queue[frozenset[str]] = queue.Queue()
    session.on_change(told.put)
    assert session.tally(rows) == (None, expected[1])
    while told.get(timeout=30) != {"groups"}:
        pass
    assert session.tally(rows) == expected
    session.set_filters({"Uniqueness": (0, 0.5)})
    assert not session.counts_groups
    assert session.tally(rows) == expected, "those within 0.0001, which have been found"
    session.close()
    assert session.tally(rows) == expected


def test_saved_filters(session: Session) -> None:
    saved = session.project.saved_filters
    assert len(saved) == 0
    saved["  dogs "] = {"Label": "dog", "Uniqueness": (0, 0.5)}
    with pytest.raises(UnknownNameError):
        saved["none"] = {"Beauty": (0, 1)}
    with pytest.raises(InvalidValueError):
        saved[""] = {}
    with sw.Project.open(session.project.project_dir) as again:
        assert list(again.saved_filters) == ["dogs"]
        other = Session(again)
        other.set_filters(again.saved_filters["dogs"])
        assert other.filters == {"Label": ("dog",), "Uniqueness": (0.0, 0.5)}
        other.close()
    del saved["dogs"]
    with pytest.raises(UnknownNameError, match="None are saved yet"):
        saved["dogs"]
    with pytest.raises(UnknownNameError):
        del saved["dogs"]

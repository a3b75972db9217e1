"""View, selection, query and tags behind the widgets, without a widget."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import copy_files, picture, write_pictures
from PIL import ImageEnhance
from thumb_embedder import ThumbEmbedder

import simwidget as sw
from simwidget import suggesting
from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.session import Session, StaleEpochError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DUPLICATES = {"Uniqueness": (0, 0.0001)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> sw.Project:
    folder = tmp_path_factory.mktemp("images")
    copy_files(write_pictures(folder, 10)[:4])
    return sw.Project.from_folder(folder, embedder="perceptual", progress=False)


@pytest.fixture
def session(project: sw.Project) -> Iterator[Session]:
    session = Session(project)
    yield session
    project_tags = dict(project.tags)
    for name, paths in project_tags.items():
        project.untag(paths, name)
    session.close()


def changes_of(session: Session) -> list[set[str]]:
    changes: list[set[str]] = []
    session.on_change(lambda changed: changes.append(set(changed)))
    return changes


def test_view_starts_with_the_least_unique(session: Session) -> None:
    scores = session.project.uniqueness[session.rows_in_view]
    assert session.count == session.total == 14
    assert (np.diff(scores) >= 0).all()
    assert (scores[:4] == 0).all()
    assert session.status["kind"] == "ready"


def test_filters(session: Session) -> None:
    changes = changes_of(session)
    epoch = session.epoch
    session.set_filters(DUPLICATES)
    assert session.count == 4
    assert session.filter_label == "Uniqueness 0 to 0.0001"
    assert session.epoch > epoch
    assert changes == [{"view", "filters"}]
    session.clear_filters()
    assert (session.count, session.filter_label) == (14, "")


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"Beauty": (0, 1)}, UnknownNameError),
        ({"Uniqueness": (1, 0)}, InvalidValueError),
        ({"Uniqueness": (float("nan"), 1)}, InvalidValueError),
        ({"Uniqueness": 3}, InvalidValueError),
        ({"Uniqueness": ("a", "b")}, InvalidValueError),
        ([("Uniqueness", 0, 1)], InvalidValueError),
    ],
)
def test_bad_filters_change_nothing(session: Session, filters: object, error: type[Exception]) -> None:
    session.set_filters(DUPLICATES)
    epoch = session.epoch
    with pytest.raises(error):
        session.set_filters(filters)  # type: ignore[arg-type]
    assert (session.epoch, session.count, session.filters) == (epoch, 4, DUPLICATES)


def test_a_filter_that_matches_nothing_says_so(session: Session) -> None:
    session.set_filters({"Uniqueness": (0.99, 1)})
    assert session.count == 0
    assert session.status["message"] == "No image matches the filter"
    assert "0.99 to 1" in session.status["hint"]


def test_sort(session: Session) -> None:
    session.set_sort("-Uniqueness")
    assert (np.diff(session.project.uniqueness[session.rows_in_view]) <= 0).all()
    session.set_sort("Name")
    names = session.rows(session.epoch, 0, 14).names
    assert names == sorted(names, key=str.casefold)
    assert session.value_name == "Uniqueness"
    with pytest.raises(UnknownNameError, match="'Beauty'"):
        session.set_sort("Beauty")
    assert session.sort == "Name"


def test_similar_and_back(session: Session) -> None:
    session.set_filters(DUPLICATES)
    item = int(session.project.ids[0])
    changes = changes_of(session)
    session.similar_to([item])
    assert changes == [{"view", "query", "sort", "filters"}]
    assert session.sort == "Similarity"
    assert session.query_label == f"Similar to {session.project.title(0)}"
    assert session.filter_label == ""
    assert session.query is not None
    assert session.query.ids == (item,)
    rows = session.rows(session.epoch, 0, 13)
    assert rows.ids.tolist() == session.project.similar(item).ids.tolist()
    assert (np.diff(rows.values) >= 0).all()
    session.clear_query()
    assert (session.count, session.filter_label, session.sort) == (4, "Uniqueness 0 to 0.0001", "Uniqueness")


def test_brushing_and_sorting_leave_the_query(session: Session) -> None:
    session.similar_to([int(session.project.ids[0])])
    session.set_filters(DUPLICATES)
    assert (session.query, session.count) == (None, 4)
    session.similar_to([int(session.project.ids[0])])
    session.set_sort("Name")
    assert (session.query, session.sort) == (None, "Name")


def test_unknown_items_leave_the_view(session: Session) -> None:
    epoch = session.epoch
    with pytest.raises(UnknownNameError):
        session.similar_to([10**9])
    assert session.epoch == epoch


def test_rows_show_what_there_is(session: Session) -> None:
    session.select("add", ids=[int(session.project.ids[1])])
    session.tag_selected("look")
    rows = session.rows(session.epoch, 0, 5)
    at = rows.ids.tolist().index(int(session.project.ids[1]))
    assert rows.selected.tolist() == [i == at for i in range(5)]
    assert rows.tags[at] == ["look"]
    assert rows.group.tolist()[:4] == [1] * 4
    assert rows.colors.shape == (5, 3)
    assert session.rows(session.epoch, 12, 99).ids.shape == (2,)


@pytest.fixture
def mislabeled(tmp_path: Path) -> Iterator[sw.Project]:
    """Seven versions each of a cat and of a dog; cat-0 is labeled dog, and dog-1 has no label."""
    labels: dict[str, str | None] = {}
    for name, scene in (("cat", picture(1)), ("dog", picture(2))):
        for number in range(7):
            file = f"{name}-{number}.png"
            ImageEnhance.Brightness(scene).enhance(1 - number / 50).save(tmp_path / file)
            labels[file] = name
    labels |= {"cat-0.png": "dog", "dog-1.png": None}
    with sw.Project.from_folder(tmp_path, embedder=ThumbEmbedder(), labels=labels, progress=False) as project:
        yield project


def suspicions(session: Session) -> dict[str, tuple[str | None, str | None]]:
    rows = session.rows(session.epoch, 0, session.total)
    assert rows.suspected is not None
    return dict(zip(rows.names, zip(rows.labels, rows.suspected, strict=True), strict=True))


def test_rows_tell_the_suspected_label_while_the_filter_is_on(mislabeled: sw.Project) -> None:
    session = Session(mislabeled)
    assert session.rows(session.epoch, 0, 99).suspected is None
    session.set_filters({"Suspected label": True})
    assert suspicions(session) == {"cat-0.png": ("dog", "cat"), "dog-1.png": (None, "dog")}
    session.set_sort("-Name")
    assert session.rows(session.epoch, 0, 2).suspected == ["dog", "cat"]
    assert session.rows(session.epoch, 1, 2).suspected == ["cat"]
    session.set_filters({"Suspected label": True, "Label": ["cat"]})
    assert session.rows(session.epoch, 0, 99).suspected == []
    session.set_filters({"Suspected label": True}, off={"Suspected label"})
    assert session.rows(session.epoch, 0, 99).suspected is None
    session.close()


def test_suspected_labels_follow_other_labels_and_an_undo(mislabeled: sw.Project) -> None:
    session = Session(mislabeled)
    session.set_filters({"Suspected label": True})
    first, revision = suspicions(session), session.revision
    (wrong,) = mislabeled.ids[mislabeled.rows("cat-0.png")].tolist()
    assert (session.details(wrong).label, session.details(wrong).suspected) == ("dog", "cat")
    mislabeled.relabel([f"cat-{number}.png" for number in range(1, 7)], "lynx")
    assert suspicions(session) == {"cat-0.png": ("dog", "lynx"), "dog-1.png": (None, "dog")}
    assert session.details(wrong).suspected == "lynx"
    assert session.revision > revision
    mislabeled.undo()
    assert suspicions(session) == first
    mislabeled.relabel(["cat-0.png"], "cat")
    assert suspicions(session) == {"dog-1.png": (None, "dog")}
    assert (session.details(wrong).label, session.details(wrong).suspected) == ("cat", None)
    mislabeled.undo()
    assert suspicions(session) == first
    assert session.details(wrong).suspected == "cat"
    session.close()


def test_votes_for_labels_are_counted_once_until_labels_change(
    mislabeled: sw.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    elections: list[object] = []
    elect = suggesting.suspected_labels
    monkeypatch.setattr(suggesting, "suspected_labels", lambda *args: elections.append(args) or elect(*args))
    codes, names = mislabeled.label_codes
    labels = mislabeled.labels
    assert [names[code] if code >= 0 else None for code in codes] == labels
    assert names == sorted({label for label in labels if label is not None})
    with pytest.raises(ValueError, match="read-only"):
        codes[0] = 0
    built, suspected = mislabeled.suspected_codes()
    assert built.items.ids is mislabeled.ids
    assert mislabeled.suspected_codes()[1] is suspected
    before = mislabeled.suspected_labels
    assert [names[code] if code >= 0 else None for code in suspected] == before
    mislabeled.tag(mislabeled.ids[:1], "seen")
    assert (mislabeled.suspected_labels, len(elections)) == (before, 1)
    mislabeled.relabel(["cat-0.png"], "cat")
    assert mislabeled.suspected_labels != before
    mislabeled.undo()
    assert (mislabeled.suspected_labels, len(elections)) == (before, 3)
    mislabeled.undo()


def test_what_takes_long_is_done_later_one_after_the_other(project: sw.Project) -> None:
    session = Session(project)
    go, done = threading.Event(), list[str]()
    session.later(lambda: done.append(f"first {go.wait(60)}"))
    session.later(lambda: done.append("second"))
    assert done == []
    go.set()
    session.settle()
    assert done == ["first True", "second"]
    session.close()
    session.later(lambda: done.append("third"))
    session.settle()
    assert done == ["first True", "second"]


def test_rows_of_an_old_order_are_refused(session: Session) -> None:
    epoch = session.epoch
    session.set_sort("Name")
    with pytest.raises(StaleEpochError):
        session.rows(epoch, 0, 5)


def test_selection(session: Session) -> None:
    ids = session.project.ids.tolist()
    changes = changes_of(session)
    session.select("set", ids=ids[:3])
    session.select("toggle", ids=ids[2:4])
    session.select("remove", ids=ids[:1])
    assert set(session.selected_ids) == {ids[1], ids[3]}
    assert changes == [{"selection"}] * 3
    session.select("add", ids=ids[1:2])
    assert len(changes) == 3, "nothing changed, so nobody is told"
    session.select("none")
    assert session.selection_count == 0
    session.set_filters(DUPLICATES)
    session.select("all")
    session.clear_filters()
    assert session.selection_count == session.selection_in_view == 4, "it survives the filter"
    session.select("invert")
    assert session.selection_count == 10
    session.select("none")
    session.select_ranges(session.epoch, [(2, 5)])
    assert session.selected_ids == session.project.ids[session.rows_in_view[2:5]].tolist()
    with pytest.raises(InvalidValueError, match="'some'"):
        session.select("some")
    with pytest.raises(UnknownNameError):
        session.select("add", ids=[10**9])


def test_selected_ids_follow_the_view(session: Session) -> None:
    session.select("all")
    session.set_sort("-Uniqueness")
    assert session.selected_ids == session.project.ids[session.rows_in_view].tolist()
    session.set_filters(DUPLICATES)
    assert session.selected_ids[:4] == session.project.ids[session.rows_in_view].tolist()
    assert session.selected_ids[4:] == sorted(session.selected_ids[4:])


def test_tagging_needs_a_selection(session: Session) -> None:
    with pytest.raises(InvalidValueError, match="Nothing is selected"):
        session.tag_selected("look")
    session.select("all")
    assert session.tag_selected("look") == 14
    assert session.tag_selected("look") == 0
    assert session.tag_counts == [("look", 14)]
    assert session.untag_selected("look") == 14
    assert session.tag_counts == []


def test_tags_from_python_reach_the_session(session: Session) -> None:
    changes, revision = changes_of(session), session.revision
    session.project.tag(session.project.ids[:2], "look")
    assert changes == [{"tags", "history"}]
    assert session.revision > revision
    assert session.tag_counts == [("look", 2)]


def test_closed_sessions_are_told_nothing(project: sw.Project) -> None:
    session = Session(project)
    changes = changes_of(session)
    session.close()
    project.tag(project.ids[:1], "look")
    project.untag(project.ids[:1], "look")
    assert changes == []


def test_two_sessions_have_views_of_their_own_and_share_tags(project: sw.Project, session: Session) -> None:
    other = Session(project)
    session.select("all")
    session.tag_selected("shared")
    assert other.selection_count == 0
    assert other.tag_counts == [("shared", 14)]
    other.close()


def test_status_of_an_empty_project(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    session = Session(sw.Project.from_folder(tmp_path, embedder="perceptual", progress=False))
    assert session.status["message"] == "No readable images"
    assert "broken.jpg" in session.status["hint"]
    session.select("all")
    assert session.selected_ids == []
    session.close()


def test_similar_where_nothing_else_is(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    session = Session(sw.Project.from_folder(tmp_path, embedder="perceptual", progress=False))
    session.similar_to(session.project.ids.tolist())
    assert session.status["message"] == "No similar images"
    session.close()

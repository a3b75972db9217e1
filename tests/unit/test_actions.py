"""What is done to a project is logged, undone exactly and done again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import copy_files, write_pictures
from vector_cases import collections

import simwidget as sw
from simwidget.duplicates import group_duplicates, item_distances
from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.neighbor_graph import expand
from simwidget.neighbors import search_groups
from simwidget.store.database import Database
from simwidget.store.schema import PROJECT_MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, build: Callable[..., sw.Project]) -> sw.Project:
    """Eight pictures and two copies of the first."""
    first = write_pictures(tmp_path, 8)[0]
    for suffix in (" (1)", " (2)"):
        copy_files([first], suffix)
    return build(tmp_path, embedder="perceptual", labels="folder")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sw.Project]:
    folder = tmp_path_factory.mktemp("images")
    write_pictures(folder, 6)
    with sw.Project.from_folder(folder, embedder="perceptual", labels="folder", progress=False) as built:
        yield built


def state(project: sw.Project) -> Any:
    groups = [(g.keeper, g.duplicates) for g in project.duplicates(0.5)]
    return (
        project.tagged_ids(),
        project.tag_colors,
        project.labels,
        project.keep_rules,
        project.uniqueness.tolist(),
        sorted(project.metrics),
        groups,
    )


def test_a_tag_comes_off_only_those_that_got_it(project: sw.Project) -> None:
    ids = project.ids.tolist()
    project.tag(ids[:2], "blurry")
    assert project.tag(ids[:4], "blurry") == 2
    assert project.history[-1].summary == 'Tagged 2 images "blurry"'
    undone = project.undo()
    assert undone is not None
    assert (undone.kind, undone.undone) == ("tag", True)
    assert project.tagged_ids() == {"blurry": ids[:2]}
    assert project.redo() == project.history[-1]
    assert project.tagged_ids() == {"blurry": ids[:4]}


def test_what_changes_nothing_is_not_logged(project: sw.Project) -> None:
    project.tag(project.ids[:2], "a")
    project.set_tag_color("a", "#FF0000")
    count = len(project.history)
    assert project.tag(project.ids[:2], "a") == 0
    assert project.untag(project.ids[3:], "a") == 0
    assert project.untag(project.ids, "b") == 0
    assert project.relabel(project.ids[:1], project.labels[0]) == 0
    project.set_tag_color("a", "#ff0000")
    assert project.rename_tag("a", "a") == 2
    assert len(project.history) == count


def test_merged_tags_are_split_again(project: sw.Project) -> None:
    ids = project.ids.tolist()
    project.tag(ids[:3], "old")
    project.tag(ids[2:5], "new")
    project.set_tag_color("old", "#aa0000")
    project.set_tag_color("new", "#00aa00")
    before = state(project)
    assert project.rename_tag("old", "new") == 3
    assert project.tagged_ids() == {"new": ids[:5]}
    assert project.tag_colors == {"new": "#00aa00"}
    project.undo()
    assert state(project) == before


def test_a_renamed_tag_keeps_its_color_and_a_deleted_one_gets_it_back(project: sw.Project) -> None:
    project.tag(project.ids[:3], "old")
    project.set_tag_color("old", "#aa0000")
    project.rename_tag("old", "new")
    assert project.tag_colors == {"new": "#aa0000"}
    assert project.delete_tag("new") == 3
    assert (project.tagged_ids(), project.tag_colors) == ({}, {})
    project.undo()
    assert project.tag_colors == {"new": "#aa0000"}
    project.untag(project.ids, "new")
    project.undo()
    assert project.tag_colors == {"new": "#aa0000"}


def test_something_new_ends_redo_and_the_history_keeps_all(project: sw.Project) -> None:
    project.tag(project.ids[:1], "a")
    project.tag(project.ids[:1], "b")
    project.undo()
    project.undo()
    assert project.undo() is None
    project.tag(project.ids[:1], "c")
    assert project.redo() is None
    assert [(action.summary[-3:], action.undone) for action in project.history] == [
        ('"a"', True),
        ('"b"', True),
        ('"c"', False),
    ]


def test_undo_survives_reopening_and_works_for_another_opener(project: sw.Project) -> None:
    project.tag(project.ids[:2], "a")
    with sw.Project.open(project.project_dir) as other:
        assert other.history == project.history
        undone = other.undo()
        assert undone is not None
        assert undone.kind == "tag"
    assert project.tagged_ids() == {}
    assert project.undo() is None
    assert project.redo() is not None


def test_keeping_is_undone_with_its_rule(project: sw.Project) -> None:
    before = state(project)
    (group,) = project.duplicates()
    project.keep(group.duplicate_ids[0])
    after = state(project)
    assert after[3].tag == "keep"
    project.undo()
    assert state(project) == before
    with sw.Project.open(project.project_dir) as other:
        assert other.keep_rules.tag is None
    project.redo()
    assert state(project) == after


def test_scores_follow_the_tag_of_the_rules(project: sw.Project) -> None:
    (group,) = project.duplicates()
    project.set_keep_rules(tag="best")
    project.tag(group.duplicate_ids[0], "good")
    before = state(project)
    project.rename_tag("good", "best")
    assert [g.keeper_id for g in project.duplicates()] == [group.duplicate_ids[0]]
    project.undo()
    assert state(project) == before


def test_images_marked_as_different_are_no_group(project: sw.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (group,) = project.duplicates()
    scores = project.uniqueness.copy()
    one, two = group.duplicate_ids
    assert project.not_duplicates([group.keeper_id, one]) == 1
    for found in (project, sw.Project.open(project.project_dir)):
        (now,) = found.duplicates()
        assert (now.keeper_id, now.duplicate_ids) == (group.keeper_id, [two])
        _, groups = found.grouped()
        assert found.ids[groups.rows].tolist() == [group.keeper_id, two]
    assert project.not_duplicates([group.keeper_id, one, two]) == 2
    assert project.duplicates() == []
    assert np.array_equal(project.uniqueness, scores)
    project.undo()
    project.undo()
    assert [g.duplicate_ids for g in project.duplicates()] == [[one, two]]
    with pytest.raises(InvalidValueError, match="two images or more"):
        project.not_duplicates([one])
    monkeypatch.setattr("simwidget.acting._MAX_DISTINCT", 2)
    with pytest.raises(InvalidValueError, match="Every pair of 3 images"):
        project.not_duplicates([group.keeper_id, one, two])


def test_nor_a_pair_across_labels(project: sw.Project) -> None:
    (group,) = project.duplicates()
    project.relabel([*group.duplicate_ids], "x")
    project.relabel(project.ids[project.rows(group.keeper_id)], "y")
    one, two = group.duplicate_ids
    (pairs,) = project.duplicates(across="label")
    assert (pairs.keeper_id, pairs.duplicate_ids) == (group.keeper_id, [one, two])
    project.not_duplicates([group.keeper_id, two])
    (pairs,) = project.duplicates(across="label")
    assert (pairs.keeper_id, pairs.duplicate_ids) == (group.keeper_id, [one])


@settings(max_examples=40, deadline=None)
@given(
    collections(min_size=6, max_size=14),
    st.sampled_from([0.0, 1e-4, 0.003, 0.03]),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] < pair[1])),
)
def test_groups_with_pairs_that_are_different(items: Any, threshold: float, pairs: list[tuple[int, int]]) -> None:
    vectors = items.vectors
    groups = np.arange(len(vectors))
    rank = np.arange(len(vectors))
    graph = expand(search_groups(vectors, seed=0), groups, groups, rank)
    distinct = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    apart = {frozenset(pair) for pair in pairs}
    expected, free = [], set(range(len(vectors)))
    for keeper in range(len(vectors)):  # rank 0 is the best
        if keeper in free:
            free.discard(keeper)
            others = np.array(sorted(o for o in free if frozenset((keeper, o)) not in apart), dtype=np.int64)
            near = others[item_distances(graph, vectors, keeper, others) <= threshold].tolist()
            free -= set(near)
            if near:
                expected.append((keeper, near))
    found = group_duplicates(graph, vectors, rank, threshold, distinct=distinct).split()
    assert [(keeper, sorted(members)) for keeper, members, _ in found] == expected


def test_observers_hear_of_each_change_with_the_project_free(project: sw.Project) -> None:
    heard: list[set[str]] = []
    project.on_change(lambda what: heard.append(set(what)))
    project.tag(project.ids[:1], "a")
    project.undo()
    project.relabel(project.ids[:1], "x")
    project.undo()
    assert heard == [
        {"tags", "history"},
        {"tags", "history"},
        {"labels", "metrics", "history"},
        {"labels", "metrics", "history"},
    ]


@pytest.mark.parametrize("color", ["red", "#12345", "#1234567", "#12345g", 5, "#ff0000\n"])
def test_colors_of_another_form_are_refused(project: sw.Project, color: Any) -> None:
    project.tag(project.ids[:1], "a")
    with pytest.raises(InvalidValueError, match="#d62728"):
        project.set_tag_color("a", color)


def test_tags_that_are_not_there(project: sw.Project) -> None:
    for act in (lambda: project.rename_tag("a", "b"), lambda: project.delete_tag("a")):
        with pytest.raises(UnknownNameError, match="There is no tag 'a'"):
            act()
    with pytest.raises(UnknownNameError, match="There is no tag 'a'"):
        project.set_tag_color("a", None)
    assert project.history == []


ITEMS = st.sets(st.integers(0, 5), min_size=1)
NAMES = st.sampled_from(["a", "b", "c"])
ACTS = st.one_of(
    st.tuples(st.just("tag"), ITEMS, NAMES),
    st.tuples(st.just("untag"), ITEMS, NAMES),
    st.tuples(st.just("rename_tag"), NAMES, NAMES),
    st.tuples(st.just("delete_tag"), NAMES),
    st.tuples(st.just("set_tag_color"), NAMES, st.sampled_from(["#111111", "#222222", None])),
    st.tuples(st.just("relabel"), ITEMS, st.sampled_from(["x", "y", None])),
    st.tuples(st.just("not_duplicates"), st.sets(st.integers(0, 5), min_size=2)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, min_size=1, max_size=8))
def test_all_the_way_back_and_forth(shared: sw.Project, acts: list[Any]) -> None:
    while shared.undo():
        pass
    states = [state(shared)]
    for name, *arguments in acts:
        given = [shared.ids[sorted(a)] if isinstance(a, set) else a for a in arguments]
        count = sum(not action.undone for action in shared.history)
        try:
            getattr(shared, name)(*given)
        except UnknownNameError:
            continue
        if sum(not action.undone for action in shared.history) > count:
            states.append(state(shared))
    for expected in reversed(states[:-1]):
        assert shared.undo() is not None
        assert state(shared) == expected
    for expected in states[1:]:
        assert shared.redo() is not None
        assert state(shared) == expected
    assert len(states) == 1 or shared.redo() is None


def test_a_change_and_its_line_are_one_transaction(project: sw.Project) -> None:
    with closing(sqlite3.connect(project.project_dir / "project.db")) as db:
        db.execute("CREATE TRIGGER no BEFORE INSERT ON actions BEGIN SELECT RAISE(ABORT, 'no log'); END")
    with pytest.raises(sqlite3.IntegrityError, match="no log"):
        project.tag(project.ids[:2], "a")
    assert project.tagged_ids() == {}


def test_an_inner_transaction_is_part_of_the_outer(tmp_path: Path) -> None:
    db = Database(tmp_path / "a.db", [("CREATE TABLE a (x)",)])

    def both() -> None:
        with db.transaction() as outer:
            with db.transaction() as inner:
                inner.execute("INSERT INTO a VALUES (1)")
            outer.execute("no SQL")

    with pytest.raises(sqlite3.OperationalError):
        both()
    with db.reading() as connection:
        assert connection.execute("SELECT * FROM a").fetchall() == []
    db.close()


def test_a_version_2_database_keeps_everything(project: sw.Project) -> None:
    project.tag(project.ids[:3], "kept")
    project.metrics["own"] = np.arange(len(project))
    expected = (project.tagged_ids(), project.labels, project.uniqueness.tolist(), project.metrics["own"].tolist())
    project.close()
    path = project.project_dir / "project.db"
    newer = path.rename(path.with_name("newer.db"))
    Database(path, PROJECT_MIGRATIONS[:2]).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ATTACH ? AS newer", (str(newer),))
        for table in ("items", "tags", "item_tags", "embedding_errors", "user_metrics"):
            columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newer.{table}")
        db.commit()
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    newer.unlink()
    with sw.Project.open(project.project_dir) as again:
        found = (again.tagged_ids(), again.labels, again.uniqueness.tolist(), again.metrics["own"].tolist())
        assert found == expected
        assert again.history == []
        again.set_tag_color("kept", "#123456")
        assert again.tag_colors == {"kept": "#123456"}

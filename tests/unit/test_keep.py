"""``Project.keep``: a person chooses who stays of a group of duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pictures import copy_files, write_pictures
from vector_cases import collections

import simwidget as sw
from simwidget.errors import InvalidValueError, ProjectBusyError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COUNT = 14


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sw.Project]:
    folder = tmp_path_factory.mktemp("images")
    copy_files(write_pictures(folder, 10)[:4])
    with sw.Project.from_folder(folder, embedder="perceptual", progress=False) as built:
        yield built


@pytest.fixture
def project(tmp_path: Path, build: Callable[..., sw.Project]) -> sw.Project:
    """Ten pictures and three copies of the first, which are a group of four."""
    first = write_pictures(tmp_path, 10)[0]
    for suffix in (" (1)", " (2)", " (3)"):
        copy_files([first], suffix)
    return build(tmp_path, embedder="perceptual")


def changes_of(project: sw.Project) -> list[set[str]]:
    changes: list[set[str]] = []
    project.on_change(lambda changed: changes.append(set(changed)))
    return changes


def only_group(project: sw.Project) -> list[str]:
    (group,) = project.duplicates()
    return [group.keeper.name, *(path.name for path in group.duplicates)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    vectors=collections(min_size=COUNT, max_size=COUNT).map(lambda items: items.vectors),
    threshold=st.sampled_from([0.0, 1e-4, 0.003, 0.03]),
    tagged=st.sets(st.integers(0, COUNT - 1), max_size=5),
    chosen=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=3),
)
def test_exactly_that_item_is_kept(
    shared: sw.Project, vectors: np.ndarray, threshold: float, tagged: set[int], chosen: list[int]
) -> None:
    shared.add_embeddings("mine", vectors, near_duplicate_radius=0.03)
    shared.set_keep_rules(tag="")
    for name, paths in dict(shared.tags).items():
        shared.untag(paths, name)
    shared.use_embeddings("mine", progress=False)
    shared.set_keep_rules(tag="best")
    shared.tag(shared.ids[sorted(tagged)], "best")
    in_groups = {i for group in shared.duplicates(threshold) for i in (group.keeper_id, *group.duplicate_ids)}
    kept = [int(shared.ids[row]) for row in chosen if int(shared.ids[row]) in in_groups]
    assume(kept)
    for item in kept:
        if not any(item in (g.keeper_id, *g.duplicate_ids) for g in shared.duplicates(threshold)):
            continue  # an earlier choice took its group apart
        before = set(shared.tagged_ids().get("best", []))
        shared.keep(item, threshold)
        (row,) = shared.rows(item)
        built, _ = shared.grouped(threshold)
        stand_ins = built.embeddings[built.graph.stand_ins[built.graph.groups]]
        apart = 0.5 * ((stand_ins.astype(np.float64) - stand_ins[row].astype(np.float64)) ** 2).sum(axis=1)
        near = np.flatnonzero(apart.astype(np.float32) <= np.float32(threshold))
        near = near[near != row]
        assert (shared.uniqueness[near] <= np.float32(threshold)).all()
        assert shared.uniqueness[row] > threshold
        groups = shared.duplicates(threshold)
        assert all(item not in group.duplicate_ids for group in groups)
        best = set(shared.tagged_ids()["best"])
        assert item in best
        assert best - {item} == before - {item} - set(shared.ids[near].tolist())


def test_the_usual_case(project: sw.Project) -> None:
    before = only_group(project)
    changes = changes_of(project)
    score = float(project.uniqueness[project.rows(project.duplicates()[0].keeper)[0]])
    project.keep(before[2])
    assert changes == [{"tags", "metrics", "history"}]
    after = only_group(project)
    assert after[0] == before[2]
    assert set(after) == set(before)
    scores = {name: float(project.uniqueness[project.rows(name)[0]]) for name in after}
    assert scores[after[0]] == pytest.approx(score)
    assert [scores[name] for name in after[1:]] == [0, 0, 0]
    assert project.keep_rules.tag == "keep"
    assert [path.name for path in project.tags["keep"]] == [before[2]]


def test_every_way_to_name_an_item(project: sw.Project) -> None:
    group = project.duplicates()[0]
    for item in (group.duplicate_ids[1], str(group.duplicates[0]), group.keeper, group.duplicates[2].name):
        project.keep(item)
        (kept,) = project.tags["keep"]
        assert kept == project.path(item)
        assert only_group(project)[0] == kept.name


def test_the_choice_outlives_the_process(project: sw.Project, tmp_path: Path) -> None:
    chosen = only_group(project)[3]
    project.keep(chosen)
    with sw.Project.open(tmp_path) as again:
        assert only_group(again)[0] == chosen
        assert again.keep_rules.tag == "keep"
        np.testing.assert_array_equal(again.uniqueness, project.uniqueness)
    project.untag(chosen, "keep")
    assert only_group(project)[0] != chosen, "the other rules decide again"


def test_the_tag_of_the_rules_is_used(project: sw.Project) -> None:
    project.set_keep_rules(tag="favorite")
    names = only_group(project)
    others = [path for path in project.paths if path.name not in names]
    project.tag([*names[:2], others[0]], "favorite")
    project.tag(names[1], "look")
    project.keep(names[3])
    assert only_group(project)[0] == names[3]
    assert {path.name for path in project.tags["favorite"]} == {names[3], others[0].name}
    assert [path.name for path in project.tags["look"]] == [names[1]]
    assert "keep" not in project.tags


def test_keeping_the_keeper_makes_it_sure(project: sw.Project) -> None:
    keeper = only_group(project)[0]
    project.keep(keeper)
    assert [path.name for path in project.tags["keep"]] == [keeper]
    project.set_keep_rules(keep=["age"])
    assert only_group(project)[0] == keeper
    changes = changes_of(project)
    project.keep(keeper)
    assert changes == [], "nothing changed, so nobody is told"


def test_a_tagged_keeper_of_another_group_does_not_take_the_item(
    tmp_path: Path, build: Callable[..., sw.Project]
) -> None:
    """On a line, each 0.0001 from the next: the ends are no duplicates of each other."""
    write_pictures(tmp_path, 5)
    project = build(tmp_path, embedder="perceptual")
    angles = np.arange(5) * np.sqrt(2e-4)
    project.add_embeddings("line", np.stack([np.cos(angles), np.sin(angles)], axis=1))
    project.use_embeddings("line", progress=False)
    threshold = 1.1e-4
    project.set_keep_rules(tag="keep")
    ids = project.ids.tolist()
    project.tag(ids[3], "keep")
    project.tag(ids[1], "keep")
    kept = {group.keeper_id for group in project.duplicates(threshold)}
    assert kept == {ids[1], ids[3]}
    project.keep(ids[2], threshold)
    assert project.tagged_ids() == {"keep": [ids[2]]}
    (group,) = project.duplicates(threshold)
    assert (group.keeper_id, set(group.duplicate_ids)) == (ids[2], {ids[1], ids[3]})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["picture_05.jpg"], InvalidValueError, "'picture_05.jpg' has no duplicates within 0.0001"),
        (["nowhere.jpg"], UnknownNameError, "nowhere"),
        ([987_654], UnknownNameError, "987654"),
        ([["picture_00.jpg", "picture_01.jpg"]], InvalidValueError, "One item at a time can be kept, not 2"),
        ([[]], InvalidValueError, "One item at a time can be kept, not 0"),
        ([None], InvalidValueError, "None names no item"),
        (["picture_00.jpg", 2], InvalidValueError, "threshold"),
        (["picture_00.jpg", "0.1"], InvalidValueError, "threshold"),
    ],
)
def test_what_cannot_be_kept(
    project: sw.Project, arguments: list[Any], error: type[Exception], message: str
) -> None:
    before, changes = only_group(project), changes_of(project)
    with pytest.raises(error, match=message):
        project.keep(*arguments)
    assert (only_group(project), dict(project.tags), project.keep_rules.tag, changes) == (before, {}, None, [])


def test_keeping_while_the_project_is_built(project: sw.Project) -> None:
    names = only_group(project)
    with project._store.build_lock(), pytest.raises(ProjectBusyError):
        project.keep(names[1])
    assert (dict(project.tags), project.keep_rules.tag) == ({}, None)
    project.keep(names[1])
    with project._store.build_lock():
        project.keep(names[2])
    assert only_group(project)[0] == names[2]


def test_a_tag_that_another_process_made_the_rule(project: sw.Project, tmp_path: Path) -> None:
    with sw.Project.open(tmp_path) as other:
        other.set_keep_rules(tag="theirs")
    project.keep(only_group(project)[1])
    assert list(project.tags) == ["theirs"]
    assert project.keep_rules.tag == "theirs"

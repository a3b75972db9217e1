"""The group view, ranges, extras and keeping in a session; and many threads at once."""

from __future__ import annotations

import itertools
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import copy_files, write_pictures
from vector_cases import collections

import simwidget as sw
from simwidget.errors import InvalidValueError, SimwidgetError, UnknownNameError
from simwidget.session import Session, StaleEpochError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

COUNT = 14
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
embeddings = collections(min_size=COUNT, max_size=COUNT).map(lambda items: items.vectors)
ranges = st.lists(
    st.tuples(st.integers(0, COUNT + 3), st.integers(1, 6)).map(lambda r: (r[0], r[0] + r[1])), max_size=4
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sw.Project]:
    folder = tmp_path_factory.mktemp("images")
    copy_files(write_pictures(folder, 10)[:4])
    with sw.Project.from_folder(folder, embedder="perceptual", progress=False) as built:
        yield built


@pytest.fixture
def session(project: sw.Project) -> Iterator[Session]:
    project.use_embeddings("perceptual-1", progress=False)
    project.set_keep_rules(tag="")
    for name, paths in dict(project.tags).items():
        project.untag(paths, name)
    session = Session(project)
    yield session
    session.close()


class Group(NamedTuple):
    ids: list[int]
    distances: list[float]


def groups_of(project: sw.Project, threshold: float) -> list[Group]:
    return [
        Group([group.keeper_id, *group.duplicate_ids], [0.0, *group.distances])
        for group in project.duplicates(threshold)
    ]


def expected_groups(
    project: sw.Project, threshold: float, filters: Mapping[str, tuple[float, float]], sort: str
) -> list[Group]:
    """By what the documentation says, from public answers alone."""
    grid = Session(project)
    grid.set_sort(sort)
    place = {item: at for at, item in enumerate(project.ids[grid.rows_in_view].tolist())}
    grid.set_filters({name: bounds for name, bounds in filters.items() if name != "Uniqueness"})
    passing = set(project.ids[grid.rows_in_view].tolist())
    grid.close()
    groups = [group for group in groups_of(project, threshold) if passing & set(group.ids)]
    return sorted(groups, key=lambda group: min(place[item] for item in group.ids))


def shown_groups(session: Session) -> list[Group]:
    rows = session.rows(session.epoch, 0, session.count)
    sizes = session.group_sizes(session.epoch, 0, session.group_count).tolist()
    assert len(sizes) == session.group_count
    assert sum(sizes) == session.count == len(rows.ids) == len(set(rows.ids.tolist()))
    assert rows.keeper.tolist() == [place == 0 for size in sizes for place in range(size)]
    ids, values = rows.ids.tolist(), rows.values.tolist()
    starts = np.cumsum([0, *sizes]).tolist()
    return [Group(ids[a:b], values[a:b]) for a, b in itertools.pairwise(starts)]


def changes_of(session: Session) -> list[set[str]]:
    changes: list[set[str]] = []
    session.on_change(lambda changed: changes.append(set(changed)))
    return changes


@few
@given(
    vectors=embeddings,
    radius=st.sampled_from([1e-6, 1e-3, 0.03, 0.3]),
    high=st.none() | st.sampled_from([-1.0, 0.0, 1e-4, 0.003, 0.03, 2.0, np.inf]),
    brightness=st.none() | st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)),
    sort=st.sampled_from(["Uniqueness", "-Uniqueness", "Name", "-Name", "-Brightness", "Random"]),
)
def test_the_group_view_is_what_it_is_said_to_be(
    project: sw.Project,
    vectors: np.ndarray,
    radius: float,
    high: float | None,
    brightness: tuple[float, float] | None,
    sort: str,
) -> None:
    project.add_embeddings("mine", vectors, near_duplicate_radius=radius)
    project.use_embeddings("mine", progress=False)
    filters = {"Uniqueness": (-2.0, high)} if high is not None else {}
    if brightness is not None:
        filters["Brightness"] = brightness
    session = Session(project)
    session.set_mode("groups")
    session.set_filters(filters)
    session.set_sort(sort)
    threshold = 1e-4 if high is None else min(max(high, 0.0), radius)
    assert session.group_threshold == threshold
    assert (session.mode, session.sort, session.value_name) == ("groups", sort, "Distance to keeper")
    assert shown_groups(session) == expected_groups(project, threshold, filters, sort)
    session.close()


def test_modes(session: Session) -> None:
    changes, epoch = changes_of(session), session.epoch
    assert (session.mode, session.group_count, session.group_threshold) == ("grid", 0, 0.0)
    assert not session.rows(epoch, 0, 14).keeper.any()
    assert session.group_sizes(epoch, 0, 5).tolist() == []
    session.set_mode("groups")
    assert (session.mode, session.group_count, session.count, session.group_threshold) == ("groups", 4, 8, 1e-4)
    assert session.epoch > epoch
    assert changes == [{"view"}]
    epoch = session.epoch
    session.set_mode("groups")
    assert (session.epoch, len(changes)) == (epoch, 1), "nothing changed, so nobody is told"
    session.set_sort("-Name")
    assert session.mode == "groups"
    session.set_mode("grid")
    assert (session.mode, session.group_count, session.count, session.value_name) == ("grid", 0, 14, "Uniqueness")
    with pytest.raises(UnknownNameError, match="'list'"):
        session.set_mode("list")
    assert session.mode == "grid"


def test_ascending_uniqueness_puts_the_closest_duplicates_first(project: sw.Project, session: Session) -> None:
    vectors = np.eye(COUNT, COUNT + 1)
    for copied, apart in ((8, 0.05), (10, 0.01), (12, 0.03)):
        vectors[copied + 1] = vectors[copied]
        vectors[copied + 1, COUNT] = apart
    project.add_embeddings("mine", vectors, near_duplicate_radius=0.1)
    project.use_embeddings("mine", progress=False)
    session.set_filters({"Uniqueness": (0, 0.01)})
    session.set_mode("groups")
    distances = [group.distances[1] for group in shown_groups(session)]
    np.testing.assert_allclose(distances, [0, 0, 0, 0, 5e-5, 4.5e-4, 1.25e-3], rtol=0.01)
    session.set_sort("-Uniqueness")
    assert len(shown_groups(session)) == 7


def test_a_query_sets_the_group_view_aside(session: Session) -> None:
    session.set_mode("groups")
    shown = shown_groups(session)
    item = int(session.project.ids[0])
    session.similar_to([item])
    assert (session.mode, session.group_count, session.group_threshold) == ("grid", 0, 0.0)
    assert (session.sort, session.value_name) == ("Similarity", "Distance")
    assert not session.rows(session.epoch, 0, 5).keeper.any()
    session.clear_query()
    assert session.mode == "groups"
    assert shown_groups(session) == shown
    session.similar_to([item])
    changes = changes_of(session)
    session.set_mode("groups")
    assert (session.mode, session.query) == ("groups", None)
    assert changes == [{"view", "query", "sort", "filters"}]
    session.similar_to([item])
    session.set_mode("grid")
    assert session.query is not None
    session.clear_query()
    assert session.mode == "grid"


def test_filters_keep_the_mode_and_groups_stay_whole(session: Session) -> None:
    session.set_mode("groups")
    keeper, copy = shown_groups(session)[2].ids
    brightness = session.project.metrics["Brightness"]
    value = float(brightness[session.project.rows(copy)[0]])
    session.set_filters({"Brightness": (value, value)})
    assert (session.mode, session.group_count) == ("groups", 1)
    assert [group.ids for group in shown_groups(session)] == [[keeper, copy]]
    session.clear_filters()
    assert (session.mode, session.group_count) == ("groups", 4)


def test_the_empty_group_view_says_why_and_what_to_do(project: sw.Project, session: Session) -> None:
    session.set_mode("groups")
    session.set_filters({"Brightness": (2, 3)})
    assert session.status["kind"] == "empty"
    assert session.status["message"] == "No duplicates"
    hint = session.status["hint"]
    assert "No image with Brightness 2 to 3 is within 0.0001 of another" in hint
    assert "remove a filter" in hint
    assert "leave the group view" in hint
    folder = project.project_dir.parent.parent / "lonely"
    write_pictures(folder, 3)
    with sw.Project.from_folder(folder, embedder="perceptual", progress=False) as other:
        lonely = Session(other)
        lonely.set_mode("groups")
        hint = lonely.status["hint"]
        assert hint.startswith("No image is within 0.0001 of another.")
        assert f"reach higher (up to {other.near_duplicate_radius:g})" in hint
        lonely.set_filters({"Uniqueness": (0, 1)})
        hint = lonely.status["hint"]
        assert "reach higher" not in hint
        assert f"within {other.near_duplicate_radius:g} of another" in hint
        lonely.close()


def test_a_project_without_images_in_the_group_view(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    with sw.Project.from_folder(tmp_path, embedder="perceptual", progress=False) as empty:
        session = Session(empty)
        session.set_mode("groups")
        assert (session.mode, session.count, session.group_count) == ("groups", 0, 0)
        assert session.status["message"] == "No readable images"
        session.select("extras")
        session.select_ranges(session.epoch, [(0, 5)])
        assert session.selected_ids == []
        session.close()


def test_rows_groups_and_ranges_of_a_view_that_has_shrunk_are_stale(session: Session) -> None:
    session.set_mode("groups")
    epoch = session.epoch
    session.set_filters({"Brightness": (2, 3)})
    assert session.count == 0
    for ask in (session.rows, session.group_sizes):
        with pytest.raises(StaleEpochError):
            ask(epoch, 0, 2)
    with pytest.raises(StaleEpochError):
        session.select_ranges(epoch, [(0, 2)], replace=True)
    assert session.group_sizes(session.epoch, 0, 2).tolist() == []
    assert session.selection_count == 0


@few
@given(st.lists(st.tuples(ranges, st.booleans()), max_size=4), st.booleans())
def test_ranges_select_what_a_set_would(
    session: Session, steps: list[tuple[list[tuple[int, int]], bool]], grouped: bool
) -> None:
    session.set_mode("groups" if grouped else "grid")
    session.select("none")
    in_view, model = session.project.ids[session.rows_in_view].tolist(), set[int]()
    for chosen, replace in steps:
        if replace:
            model.clear()
        for start, stop in chosen:
            model.update(in_view[start:stop])
        changes, revision = changes_of(session), session.revision
        before = set(session.selected_ids)
        session.select_ranges(session.epoch, chosen, replace=replace)
        assert set(session.selected_ids) == model
        assert changes == ([{"selection"}] if model != before else [])
        assert session.revision - revision == (model != before)


def test_extras_are_selected_and_no_keeper_is(session: Session) -> None:
    with pytest.raises(InvalidValueError, match="Only the group view"):
        session.select("extras")
    session.set_mode("groups")
    groups = shown_groups(session)
    alone = next(i for i in session.project.ids.tolist() if all(i not in group.ids for group in groups))
    session.select("set", ids=[alone, groups[0].ids[0], groups[0].ids[1]])
    session.select("extras")
    assert set(session.selected_ids) == {alone, *(item for group in groups for item in group.ids[1:])}
    assert len(session.selected_ids) == 5
    session.similar_to([alone])
    with pytest.raises(InvalidValueError, match="Only the group view"):
        session.select("extras")


def test_keeping_another_is_seen_at_once(session: Session) -> None:
    session.set_mode("groups")
    before = shown_groups(session)
    keeper, copy = before[1].ids
    changes, epoch, revision = changes_of(session), session.epoch, session.revision
    session.keep(copy)
    assert len(changes) == 1
    assert changes[0] >= {"view", "tags", "metrics"}
    assert session.epoch > epoch
    assert session.revision > revision
    after = shown_groups(session)
    assert [copy, keeper] in [group.ids for group in after]
    assert sorted(sorted(group.ids) for group in after) == sorted(sorted(group.ids) for group in before)
    assert session.tags == {"keep": [copy]}
    session.keep(keeper)
    assert shown_groups(session) == before
    assert session.tags == {"keep": [keeper]}
    changes.clear()
    session.keep(keeper)
    assert changes == [], "nothing changed, so nobody is told"


def test_a_metric_of_ones_own_keeps_the_group_view(project: sw.Project, session: Session) -> None:
    session.set_mode("groups")
    before = shown_groups(session)
    project.metrics["Mine"] = -np.arange(COUNT, dtype=float)
    session.set_sort("Mine")
    shown = shown_groups(session)
    assert sorted(shown) == sorted(before)
    assert shown == expected_groups(project, 1e-4, {}, "Mine")
    del project.metrics["Mine"]
    assert (session.mode, session.sort) == ("groups", "Uniqueness")
    assert shown_groups(session) == before


def test_other_embeddings_have_other_groups(project: sw.Project, session: Session) -> None:
    session.set_mode("groups")
    vectors = np.eye(COUNT)
    vectors[9] = vectors[8]
    project.add_embeddings("mine", vectors)
    project.use_embeddings("mine", progress=False)
    assert session.mode == "groups"
    assert shown_groups(session) == expected_groups(project, 1e-4, {}, "Uniqueness")
    assert {int(project.ids[8]), int(project.ids[9])} in [set(group.ids) for group in shown_groups(session)]


def test_labels_that_are_no_text_can_be_sent(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    write_pictures(folder, 2)
    with sw.Project.from_folder(tmp_path, labels="folder", embedder="perceptual", progress=False) as built:
        session = Session(built)
        assert session.rows(session.epoch, 0, 2).labels == ["caf\ufffd"] * 2
        session.close()


def test_threads_that_ask_and_change_at_once(project: sw.Project, session: Session) -> None:
    """Every answer fits its epoch, nothing deadlocks, and in the end all is as the last changes say."""
    ids = project.ids.tolist()
    failures: list[BaseException] = []

    def repeat(work: Callable[[int], Any]) -> Callable[[], None]:
        def run() -> None:
            try:
                for number in range(40):
                    with suppress(StaleEpochError, InvalidValueError):  # somebody else was first
                        work(number)
            except BaseException as error:
                failures.append(error)

        return run

    def groups(_: int) -> None:
        epoch = session.epoch
        sizes = session.group_sizes(epoch, 0, 99)
        rows = session.rows(epoch, 0, 99)
        if len(sizes):
            assert sizes.sum() == len(rows.ids)
            assert np.flatnonzero(rows.keeper).tolist() == (np.cumsum(sizes) - sizes).tolist()

    work: list[Callable[[int], Any]] = [
        lambda n: session.set_mode("groups" if n % 2 else "grid"),
        lambda n: session.set_filters({"Uniqueness": (0, (1e-4, 0.01, 0.3)[n % 3])}),
        lambda n: session.keep(ids[n % COUNT]),
        lambda n: session.similar_to([ids[n % COUNT]]) if n % 2 else session.clear_query(),
        lambda n: project.set_keep_rules(keep=["path" if n % 2 else "resolution"]),
        lambda n: session.select_ranges(session.epoch, [(0, n)], replace=bool(n % 2)),
        lambda n: session.details(ids[n % COUNT]),
        lambda n: session.image(ids[n % COUNT], 64 + n),
        groups,
        groups,
    ]
    threads = [threading.Thread(target=repeat(each), daemon=True) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a deadlock"
    assert failures == []
    session.clear_query()
    session.set_mode("groups")
    threshold, filters = session.group_threshold, session.filters
    assert shown_groups(session) == expected_groups(project, threshold, filters, "Uniqueness")


def test_errors_are_of_our_own(session: Session) -> None:
    for ask in (session.details, session.keep, lambda item: session.image(item, 64)):
        with pytest.raises(SimwidgetError, match="987654"):
            ask(987_654)


@pytest.mark.parametrize("places", ["000112", "012345", "000000", "010101", "001122"])
def test_the_number_on_a_card_counts_all_copies_of_all_that_is_near(project: sw.Project, places: str) -> None:
    """Items at the first two places are within 0.0001 of each other; those of one place are copies."""
    count = len(project)
    angles = np.arange(10, 10 + count, dtype=np.float64) / 10
    angles[: len(places)] = [{"0": 0.0, "1": 0.01}.get(place, 0.1 * int(place)) for place in places]
    project.add_embeddings(f"places {places}", np.stack([np.cos(angles), np.sin(angles)], axis=1))
    project.use_embeddings(f"places {places}", progress=False)
    groups, stand_ins = project.graph.groups, project.graph.stand_ins
    vectors = project.embeddings[stand_ins[groups]].astype(np.float64)  # of each item that of its copies
    near = (groups[:, None] == groups) | (1 - vectors @ vectors.T <= 1e-4)
    expected = near.sum(axis=1) - 1
    assert expected.max() < count - 1
    session = Session(project)
    rows = session.rows(session.epoch, 0, session.count)
    assert dict(zip(rows.ids.tolist(), rows.group.tolist(), strict=True)) == dict(
        zip(project.ids.tolist(), expected.tolist(), strict=True)
    )
    session.close()


def test_the_words_for_a_filter_of_uniqueness_say_what_it_means_for_groups(session: Session) -> None:
    session.set_filters({"Brightness": (0, 1), "Uniqueness": (0.2, 0.4)})
    assert session.filter_label == "Brightness 0 to 1, Uniqueness 0.2 to 0.4"
    session.set_mode("groups")
    radius = session.project.near_duplicate_radius
    assert session.filter_label == f"Within {radius:g} of the keeper, Brightness 0 to 1"
    session.clear_filters()
    assert session.filter_label == ""

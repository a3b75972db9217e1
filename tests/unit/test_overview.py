"""The Overview's numbers: each is what a click on its card puts in view, and what the rest of simwidget says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import copy_files, picture, write_pictures

import simwidget as sw
from simwidget.metrics.outliers import iqr_fences, iqr_outliers
from simwidget.overview import Card, overview
from simwidget.session import Session
from simwidget.words import file_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COUNT = 24
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sw.Project]:
    """Pictures in two splits with labels, copies within and across the splits, and two files that are no images."""
    folder = tmp_path_factory.mktemp("images")
    train = write_pictures(folder / "train" / "cat", 12)
    copy_files(train[:3])
    write_pictures(folder / "test" / "dog", 6, first_seed=100)
    for seed in (0, 7):  # of which the first has a copy in train too
        picture(seed).save(folder / "test" / "dog" / f"leak_{seed}.jpg", quality=92)
    picture(200).resize((640, 480)).save(folder / "train" / "large.png")
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "empty.jpg").touch()
    with sw.Project.from_folder(
        folder, embedder="perceptual", labels="folder", split="folder", progress=False
    ) as built:
        assert len(built) == COUNT
        yield built


def cards_of(project: sw.Project, **how: bool) -> dict[str, Card]:
    cards = overview(project, **how)
    assert len({card.key for card in cards}) == len(cards)
    return {card.key: card for card in cards}


def ids_in_view(project: sw.Project, card: Card) -> list[int]:
    """What a click on a card shows."""
    session = Session(project)
    if card.ids is None:
        session.show(filters=card.filters, sort=card.sort, mode=card.mode)
    else:
        session.show_items(card.ids, card.title)
    shown = project.ids[session.rows_in_view].tolist()
    assert (session.group_count if card.mode == "groups" else session.count) == card.count
    session.close()
    return shown


def test_a_click_shows_as_many_as_the_card_says(project: sw.Project) -> None:
    cards = [card for card in overview(project) if card.filters is not None or card.ids is not None]
    assert [card.key for card in cards[:4]] == ["images", "duplicates", "near-duplicates", "groups"]
    for card in cards:
        assert len(ids_in_view(project, card)) >= (card.count or 0), card


def test_duplicates_and_groups(project: sw.Project) -> None:
    cards = cards_of(project)
    duplicates = [item for group in project.duplicates() for item in group.duplicate_ids]
    assert cards["duplicates"].count == len(duplicates) == 5
    assert sorted(ids_in_view(project, cards["duplicates"])) == sorted(duplicates)
    near = project.duplicates(project.near_duplicate_radius)
    assert cards["groups"].count == len(near) == 4
    assert cards["groups"].detail == f"{file_size(near.bytes_freed)} would be freed"
    assert cards["images"].count == COUNT


def test_leaks_are_the_groups_across_splits(project: sw.Project) -> None:
    leaks = cards_of(project)["leaks"]
    groups = project.duplicates(project.near_duplicate_radius, across="split")
    assert leaks.ids == tuple(sorted({i for g in groups for i in (g.keeper_id, *g.duplicate_ids)}))
    assert leaks.detail == f"in {len(groups)} groups"
    splits = {project.splits[row] for row in project.rows(np.array(leaks.ids))}
    assert splits == {"train", "test"}
    names = {project.path(item).name for item in leaks.ids or ()}
    assert {"leak_0.jpg", "leak_7.jpg", "picture_07.jpg"} <= names


def test_what_was_found_to_be_different_leaks_no_more(project: sw.Project) -> None:
    before = cards_of(project)
    pair = {project.path(item).name: item for item in before["leaks"].ids or ()}
    project.not_duplicates([pair["leak_7.jpg"], pair["picture_07.jpg"]])
    after = cards_of(project)
    assert set(before["leaks"].ids or ()) - set(after["leaks"].ids or ()) == {
        pair["leak_7.jpg"],
        pair["picture_07.jpg"],
    }
    assert after["groups"].count == (before["groups"].count or 0) - 1
    project.undo()
    assert cards_of(project) == before


def test_suspected_labels_count_items_without_a_label(project: sw.Project) -> None:
    card = cards_of(project)["suspected labels"]
    suspected = project.suspected_labels
    wanted = [int(item) for item, label in zip(project.ids, suspected, strict=True) if label is not None]
    assert sorted(ids_in_view(project, card)) == wanted
    assert card.count == len(wanted) > 0


def test_unlabelled_items_with_a_proposal_are_told_apart(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "images", 8)
    project = build(tmp_path / "images", embedder="perceptual", labels=dict.fromkeys(map(str, paths[:6]), "cat"))
    card = cards_of(project)["suspected labels"]
    assert (card.count, card.detail) == (2, "2 without a label")


def test_that_too_many_labels_are_suspected_is_said(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "images", 12)
    labels = {str(path): f"class {number % 4}" for number, path in enumerate(paths)}
    card = cards_of(build(tmp_path / "images", embedder="perceptual", labels=labels))["suspected labels"]
    assert card.count is not None
    assert card.detail.startswith(f"{card.count / 12:.0%} of all: too many to be errors.")


def test_unreadable_files_are_counted(project: sw.Project) -> None:
    card = cards_of(project)["unreadable"]
    assert card.count == len(project.failed) == 2
    assert card.filters is card.ids is None


def test_untagged(project: sw.Project) -> None:
    project.tag(project.ids[:3], "a")
    project.tag(project.ids[2:5], "b")
    card = cards_of(project)["untagged"]
    assert card.count == COUNT - 5
    assert sorted(ids_in_view(project, card)) == project.ids[5:].tolist()
    project.untag(project.ids[:3], "a")
    project.untag(project.ids[2:5], "b")
    assert cards_of(project)["untagged"].count == COUNT


numbers = st.one_of(
    st.floats(width=32, allow_infinity=False), st.integers(-3, 3).map(float), st.sampled_from([1e6, -1e6, np.inf])
)


@few
@given(st.lists(numbers, min_size=COUNT, max_size=COUNT))
def test_outliers_are_those_by_the_quartiles(project: sw.Project, values: list[float]) -> None:
    project.metrics["Drawn"] = np.array(values, dtype=np.float32)
    drawn = project.metrics["Drawn"]
    degree, middle = iqr_outliers(drawn), iqr_fences(drawn).moderate
    cards = cards_of(project)
    others = [card for card in cards.values() if card.key.startswith(("low ", "high ")) and "Drawn" not in card.key]
    is_full = len(others) == 12
    for key, side in (("low Drawn", drawn < middle.low), ("high Drawn", drawn > middle.high)):
        count = int(np.count_nonzero(side & (degree > 0)))
        card = cards.get(key)
        if card is None:
            assert count == 0 or (is_full and min(other.count or 0 for other in others) >= count)
            continue
        assert card.count == count > 0
        severe = np.count_nonzero(side & (degree == 2))
        assert card.detail.endswith(f", {severe} severe") if severe else "severe" not in card.detail
        assert sorted(ids_in_view(project, card)) == project.ids[side & (degree > 0)].tolist()
    del project.metrics["Drawn"]


def test_outliers_come_first_where_there_are_most_and_worst_first_in_view(project: sw.Project) -> None:
    for number in range(13):
        values = np.linspace(0.0, 1.0, COUNT)
        low = min(number, 4) + 1
        values[:low] = np.linspace(-9.0, -8.0, low)
        project.metrics[f"own {number:02d}"] = values
    cards = [card for card in overview(project) if card.key.startswith(("low ", "high "))]
    assert len(cards) == 12
    counts = [card.count or 0 for card in cards]
    assert counts == sorted(counts, reverse=True)
    card = next(card for card in cards if card.key == "low own 04")
    assert ids_in_view(project, card) == project.ids[:5].tolist()  # ascending: the lowest first
    for number in range(13):
        del project.metrics[f"own {number:02d}"]


def test_neither_random_nor_uniqueness_has_outliers(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", 6)
    project = build(tmp_path / "images", embedder="perceptual")
    vectors = np.eye(6, 8) + 5.0 * (np.arange(6) < 5)[:, None] * np.eye(1, 8, 7)
    project.add_embeddings("odd", vectors)
    project.use_embeddings("odd", progress=False)
    cards = cards_of(project)
    assert not [key for key in cards if "Uniqueness" in key or "Random" in key]
    assert {"leaks", "suspected labels"}.isdisjoint(cards)


def test_edge_cases_are_the_severe_outliers_of_uniqueness(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", 8)
    project = build(tmp_path / "images", embedder="perceptual")
    rng = np.random.default_rng(0)
    vectors = np.eye(1, 10) + 0.3 * rng.standard_normal((8, 10)) * (np.arange(10) > 0)
    vectors[3] = -np.eye(1, 10)
    project.add_embeddings("odd", vectors)
    project.use_embeddings("odd", progress=False)
    card = cards_of(project)["edge cases"]
    uniqueness = project.uniqueness
    severe = (iqr_outliers(uniqueness) == 2) & (uniqueness > np.median(uniqueness))
    assert card.count == np.count_nonzero(severe) == 1
    assert ids_in_view(project, card) == [project.ids[3]]
    assert card.detail == f"above {iqr_fences(uniqueness).severe.high:.4g}"


def test_without_what_is_slow_the_same_cards_come_at_once(project: sw.Project) -> None:
    quick, full = cards_of(project, slow=False), cards_of(project)
    uncounted = {key for key, card in quick.items() if card.count is None}
    assert uncounted == {"groups", "outliers", "suspected labels", "leaks", "unreadable"}
    is_outlier = [key for key in full if key.startswith(("low ", "high "))]
    assert [key for key in full if key not in is_outlier] == [key for key in quick if key != "outliers"]
    for key in quick.keys() - uncounted:
        assert quick[key] == full[key]
    for key in uncounted - {"outliers"}:
        assert (quick[key].filters, quick[key].sort, quick[key].mode) == (
            full[key].filters,
            full[key].sort,
            full[key].mode,
        )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_images(build: Callable[..., sw.Project], tmp_path: Path, count: int) -> None:
    write_pictures(tmp_path / "images", count)
    (tmp_path / "images" / "broken.png").write_bytes(b"x")
    cards: dict[str, Any] = {
        key: card.count for key, card in cards_of(build(tmp_path / "images", embedder="perceptual")).items()
    }
    assert cards["images"] == cards["untagged"] == count
    assert cards["duplicates"] == cards["near-duplicates"] == cards["groups"] == cards["edge cases"] == 0
    assert cards["unreadable"] == 1

"""The Overview's numbers: each is what a click on its card puts in view, and what the rest of simwidget says."""

from __future__ import annotations

import shutil
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import copy_files, picture, write_pictures

import simwidget as sw
from simwidget.criteria import checked_filters
from simwidget.metrics.outliers import iqr_fences, iqr_outliers
from simwidget.overview import Card, overview
from simwidget.session import Session
from simwidget.words import file_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COUNT = 24
OUTLIERS = ("low ", "high ", "very low ", "very high ")  # of keys
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


def test_leaks_are_the_images_of_the_groups_across_splits(project: sw.Project) -> None:
    leaks = cards_of(project)["leaks"]
    groups = project.duplicates(project.near_duplicate_radius, across="split")
    assert {i for g in groups for i in (g.keeper_id, *g.duplicate_ids)} <= set(leaks.ids or ())
    splits = [project.splits[row] for row in project.rows(np.array(leaks.ids))]
    assert leaks.detail == f"{splits.count('test')} in test, {splits.count('train')} in train"
    names = {project.path(item).name for item in leaks.ids or ()}
    assert {"leak_0.jpg", "leak_7.jpg", "picture_07.jpg"} <= names


def test_every_copy_of_what_leaks_does(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "images", 6)
    copies = [tmp_path / "images" / f"copy_{number}.jpg" for number in range(4)]
    for copy in copies:
        shutil.copy2(paths[0], copy)
    lost = tmp_path / "images" / "without_split.jpg"
    shutil.copy2(paths[0], lost)
    split = dict.fromkeys(map(str, [*paths, *copies]), "train") | {str(copies[1]): "test"}
    project = build(tmp_path / "images", embedder="perceptual", split=split)
    card = cards_of(project)["leaks"]
    assert {project.path(item).name for item in card.ids or ()} == {path.name for path in [paths[0], *copies]}
    assert card.detail == "1 in test, 4 in train"
    project.not_duplicates([str(copies[1]), str(copies[3])])
    card = cards_of(project)["leaks"]
    assert {project.path(item).name for item in card.ids or ()} == {path.name for path in [paths[0], *copies[:3]]}


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


@pytest.fixture(scope="module")
def unlabeled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sw.Project]:
    folder = tmp_path_factory.mktemp("unlabeled")
    write_pictures(folder, 62)
    with sw.Project.from_folder(folder, embedder="perceptual", progress=False) as built:
        yield built


@pytest.mark.parametrize(
    ("counts", "thin", "detail"),
    [
        ({"a": 60}, None, ""),  # there is nothing to be thinner than
        ({"a": 30, "b": 30}, [], ""),
        ({"a": 57, "b": 3}, [], ""),  # 60 images of 2 labels are 30 each: 3 are a tenth, not fewer
        ({"a": 58, "b": 2}, ["b"], "1 label with fewer than 3 images"),
        ({"a": 59, "b": 2}, ["b"], "1 label with fewer than 4 images"),  # than 3.05
        ({"a": 58, "b": 3}, ["b"], "1 label with fewer than 4 images"),
        ({"a": 35, "z": 1, "b": 1}, ["b", "z"], "2 labels with fewer than 2 images"),
        ({"a": 29, "b": 1}, ["b"], "1 label with fewer than 2 images"),
        ({"a": 19, "b": 1}, [], ""),
    ],
)
def test_thin_classes(unlabeled: sw.Project, counts: dict[str, int], thin: list[str] | None, detail: str) -> None:
    ids = iter(unlabeled.ids.tolist())
    labeled = {label: list(islice(ids, count)) for label, count in counts.items()}
    unlabeled.relabel(unlabeled.ids, None)
    for label, items in labeled.items():
        unlabeled.relabel(items, label)
    for slow in (True, False):
        card = cards_of(unlabeled, slow=slow).get("thin classes")
        if thin is None:
            assert card is None
            continue
        assert card is not None
        assert (card.count, card.detail) == (sum(counts[label] for label in thin), detail)
        if not thin:
            assert card.filters is None
            continue
        assert card.filters == checked_filters({"Label": thin}, unlabeled)
        assert sorted(ids_in_view(unlabeled, card)) == sorted(item for label in thin for item in labeled[label])


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
    keys = list(cards)
    others = [key for key in keys if key.startswith(OUTLIERS) and "Drawn" not in key]
    assert len(others) <= 20  # so that there is room for all four of "Drawn"
    for key, side in (("low Drawn", drawn < middle.low), ("high Drawn", drawn > middle.high)):
        count = int(np.count_nonzero(side & (degree > 0)))
        card = cards.get(key)
        if card is None:
            assert count == 0
            assert f"very {key}" not in cards
            continue
        assert card.count == count > 0
        severe = np.count_nonzero(side & (degree == 2))
        assert card.detail.endswith(f", {severe} severe") if severe else "severe" not in card.detail
        assert sorted(ids_in_view(project, card)) == project.ids[side & (degree > 0)].tolist()
        assert (f"very {key}" in cards) == (0 < severe < count)
        if 0 < severe < count:
            very = cards[f"very {key}"]
            assert keys.index(very.key) == keys.index(key) + 1
            assert (very.count, very.sort) == (severe, card.sort)
            assert sorted(ids_in_view(project, very)) == project.ids[side & (degree == 2)].tolist()
    del project.metrics["Drawn"]


def test_severe_outliers_have_a_card_of_their_own(project: sw.Project) -> None:
    values = np.arange(COUNT, dtype=np.float64)
    values[-6:] = 100, 101, 102, 103, 200, 210
    project.metrics["own"] = values
    fences = iqr_fences(project.metrics["own"])
    cards = cards_of(project)
    high, very = cards["high own"], cards["very high own"]
    assert (very.title, very.count, high.count) == ("Very high own", 2, 6)
    assert (high.detail, very.detail) == (
        f"above {fences.moderate.high:.4g}, 2 severe",
        f"above {fences.severe.high:.4g}",
    )
    assert ids_in_view(project, very) == project.ids[[-1, -2]].tolist()  # the highest first
    assert "2.5 interquartile ranges above the upper quartile" in very.help
    values[-6:] = 300, 301, 302, 303, 304, 305
    project.metrics["own"] = values  # all outliers are severe: it would be the same view twice
    cards = cards_of(project)
    assert (cards["high own"].count, cards["high own"].detail[-10:]) == (6, ", 6 severe")
    assert "very high own" not in cards
    del project.metrics["own"]


def test_most_severe_outliers_come_first_and_the_worst_first_in_view(project: sw.Project) -> None:
    for number in range(26):
        values = np.linspace(0.0, 1.0, COUNT)
        low = min(number, 4) + 1
        values[:low] = np.linspace(-9.0, -8.0, low)
        project.metrics[f"own {number:02d}"] = values
    cards = [card for card in overview(project) if card.key.startswith(OUTLIERS)]
    assert len(cards) == 24
    counts = [card.count for card in cards]
    assert counts == sorted(counts, reverse=True)  # all of them are severe
    card = next(card for card in cards if card.key == "low own 04")
    assert ids_in_view(project, card) == project.ids[:5].tolist()  # ascending: the lowest first
    for number in range(26):
        del project.metrics[f"own {number:02d}"]


def test_a_card_is_followed_by_that_of_its_severe_outliers(project: sw.Project) -> None:
    values = np.arange(COUNT, dtype=np.float64)
    values[-6:] = 100, 101, 102, 103, 104, 105  # none of them severe
    project.metrics["moderate"] = values
    values[-6:] = 100, 101, 102, 103, 200, 210
    project.metrics["severe"] = values
    keys = [card.key for card in overview(project) if card.key.startswith(OUTLIERS)]
    first = keys.index("high severe")
    assert keys[first : first + 2] == ["high severe", "very high severe"]
    assert keys.index("high moderate") > first  # as many, but none of them severe
    assert "very high moderate" not in keys
    assert not [key for key in keys if "Label agreement" in key]  # these are the suspected labels
    assert keys == [card.key for card in overview(project)][-len(keys) :]
    for name in ("moderate", "severe"):
        del project.metrics[name]


def test_neither_random_nor_uniqueness_has_outliers(build: Callable[..., sw.Project], tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", 6)
    project = build(tmp_path / "images", embedder="perceptual")
    vectors = np.eye(6, 8) + 5.0 * (np.arange(6) < 5)[:, None] * np.eye(1, 8, 7)
    project.add_embeddings("odd", vectors)
    project.use_embeddings("odd", progress=False)
    cards = cards_of(project)
    assert not [key for key in cards if "Uniqueness" in key or "Random" in key]
    assert {"leaks", "suspected labels", "thin classes"}.isdisjoint(cards)


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
    is_outlier = [key for key in full if key.startswith(OUTLIERS)]
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

"""What items can be filtered by: checks, masks and words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simwidget.criteria import Masks, checked_filters, in_words
from simwidget.errors import InvalidValueError, UnknownNameError


@dataclass
class Known:
    """Six items."""

    metrics: dict[str, np.ndarray] = field(
        default_factory=lambda: {"Uniqueness": np.array([0, 1e-4, 0.2, 0.3, 0.4, np.nan], dtype=np.float32)}
    )
    labels: list[str | None] = field(default_factory=lambda: ["cat", "cat", "dog", None, "dog", "owl"])
    splits: list[str | None] = field(default_factory=lambda: ["train", "test", "train", "test", None, None])
    suspected_labels: list[str | None] = field(default_factory=lambda: [None, "dog", None, None, "owl", None])
    relative_paths: list[str] = field(
        default_factory=lambda: ["a/Cat 1.jpg", "a/cat_2.PNG", "a/b/x.png", "ab/y.png", "root.jpg", "a/b/[z].jpg"]
    )
    tags: dict[str, list[int]] = field(default_factory=lambda: {"blurry": [0, 1, 2], "seen": [2, 3]})

    def tagged_rows(self) -> dict[str, np.ndarray]:
        return {name: np.array(rows, dtype=np.int64) for name, rows in self.tags.items()}


def passing(filters: dict[str, Any]) -> list[int]:
    known = Known()
    return np.flatnonzero(Masks(known, 6).passing(checked_filters(filters, known))).tolist()


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"Uniqueness": (0, 1e-4)}, [0, 1]),
        ({"Uniqueness": (0, 1)}, [0, 1, 2, 3, 4]),
        ({"Label": "cat"}, [0, 1]),
        ({"Label": ["dog", None]}, [2, 3, 4]),
        ({"Label": None}, [3]),
        ({"Label": "bird"}, []),
        ({"Split": ("train",)}, [0, 2]),
        ({"Tag": "blurry"}, [0, 1, 2]),
        ({"Tag": ["blurry", "seen"]}, [0, 1, 2, 3]),
        ({"Tag": {"all": ["blurry", "seen"]}}, [2]),
        ({"Tag": {"none": ["blurry"]}}, [3, 4, 5]),
        ({"Tag": {"any": ["blurry"], "none": ["seen"]}}, [0, 1]),
        ({"Tag": None}, [4, 5]),
        ({"Tag": "nobody has it"}, []),
        ({"Tag": {"none": ["nobody has it"]}}, [0, 1, 2, 3, 4, 5]),
        ({"File name": "CAT"}, [0, 1]),
        ({"File name": "a/"}, []),
        ({"File name": "*.jpg"}, [0, 4, 5]),
        ({"File name": "cat?2*"}, [1]),
        ({"File name": "[z*"}, [5]),
        ({"File name": "["}, [5]),
        ({"Folder": "a"}, [0, 1, 2, 5]),
        ({"Folder": ["a/b", "ab/"]}, [2, 3, 5]),
        ({"Folder": "."}, [0, 1, 2, 3, 4, 5]),
        ({"Suspected label": True}, [1, 4]),
        ({"Label": ["cat", "dog"], "Split": "train", "Tag": ["blurry"]}, [0, 2]),
    ],
)
def test_filters(filters: dict[str, Any], rows: list[int]) -> None:
    assert passing(filters) == rows


@pytest.mark.parametrize(
    "filters",
    [
        {"Label": []},
        {"Label": 3},
        {"Label": ["cat", 3]},
        {"Label": [["cat"]]},
        {"Tag": [{}]},
        {"Split": {}},
        {"Tag": []},
        {"Tag": [None]},
        {"Tag": {}},
        {"Tag": {"some": ["a"]}},
        {"Tag": {"any": []}},
        {"File name": ""},
        {"File name": ["a"]},
        {"Folder": None},
        {"Folder": []},
        {"Suspected label": False},
        {"Suspected label": "cat"},
        {"Uniqueness": (1, 0)},
    ],
)
def test_filters_that_are_none(filters: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match=repr(next(iter(filters)))):
        checked_filters(filters, Known())


@pytest.mark.parametrize("filters", [None, 3, "Uniqueness", [("Uniqueness", (0, 1))]])
def test_filters_that_are_no_dict(filters: Any) -> None:
    with pytest.raises(InvalidValueError, match="Filters are a dict"):
        checked_filters(filters, Known())


@pytest.mark.parametrize("name", ["uniqueness", "label", "", 3, None])
def test_unknown_names(name: Any) -> None:
    with pytest.raises(UnknownNameError, match="There are: Uniqueness, Label, Split, Tag, File name, Folder"):
        checked_filters({name: (0, 1)}, Known())


@given(
    st.dictionaries(st.sampled_from(["blurry", "seen", "x"]), st.lists(st.integers(0, 5), unique=True), max_size=3),
    st.dictionaries(
        st.sampled_from(["any", "all", "none"]),
        st.lists(st.sampled_from(["blurry", "seen", "x"]), min_size=1, unique=True),
        min_size=1,
    ),
)
def test_tags_against_sets(tags: dict[str, list[int]], wanted: dict[str, list[str]]) -> None:
    known = Known(tags=tags)
    mask = Masks(known, 6).passing(checked_filters({"Tag": wanted}, known))
    for row in range(6):
        has = {name for name, rows in tags.items() if row in rows}
        expected = (
            (not wanted.get("any") or bool(has & set(wanted["any"])))
            and has >= set(wanted.get("all", []))
            and not has & set(wanted.get("none", []))
        )
        assert mask[row] == expected


def test_masks_follow_what_is_known_once_they_forget() -> None:
    known = Known()
    masks = Masks(known, 6)
    filters = checked_filters({"Tag": "seen"}, known)
    assert np.flatnonzero(masks.passing(filters)).tolist() == [2, 3]
    known.tags["seen"] = [5]
    masks.forget(6)
    assert np.flatnonzero(masks.passing(filters)).tolist() == [5]


def test_checked_filters_are_fit_to_compare_and_to_keep() -> None:
    once = checked_filters({"Label": ["cat", "cat"], "Tag": {"none": "x", "any": ["y"]}, "Folder": "a/"}, Known())
    assert once == {"Label": ("cat",), "Tag": {"any": ("y",), "none": ("x",)}, "Folder": ("a",)}
    assert checked_filters(once, Known()) == once


@pytest.mark.parametrize(
    ("name", "wanted", "words"),
    [
        ("Uniqueness", (0.0, 1e-4), "Uniqueness 0 to 0.0001"),
        ("Label", ("cat", None), "label cat or no label"),
        ("Label", ("a", "b", "c", "d", "e"), "label a or b or c or 2 more"),
        ("Split", ("train",), "split train"),
        ("Tag", None, "no tag"),
        ("Tag", {"any": ("a", "b"), "none": ("c",)}, "tag a or b, without tag c"),
        ("Tag", {"all": ("a", "b")}, "tags a and b"),
        ("File name", "*.png", 'file name with "*.png"'),
        ("Folder", ("a/b",), "folder a/b"),
        ("Suspected label", True, "a suspected label"),
    ],
)
def test_words(name: str, wanted: Any, words: str) -> None:
    assert in_words(name, wanted) == words

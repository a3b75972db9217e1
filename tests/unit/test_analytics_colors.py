"""Colors of points by label, tag and metric."""

from __future__ import annotations

import numpy as np
import pytest

from simwidget.widgets.analytics_colors import GRAY, PALETTE, PointColors, label_colors, metric_colors, tag_colors

ALL = np.arange(4)


def named(colors: PointColors) -> list[str]:
    assert colors.places.dtype == np.float32
    return [colors.palette[int(place)] for place in colors.places]


def test_the_largest_labels_have_a_color() -> None:
    labels = [f"label {number}" for number in range(12) for _ in range(20 - number)]
    rows = np.array([0, len(labels) - 1, 20])
    colors = label_colors(labels, rows)
    assert named(colors) == [PALETTE[0], GRAY, PALETTE[1]]
    assert [color for _, color in colors.entries] == [*PALETTE, GRAY]
    assert colors.entries[-1] == ("all others", GRAY)


def test_labels_that_all_have_a_color() -> None:
    colors = label_colors(["", "b", "b", ""], ALL)
    assert named(colors) == [PALETTE[0], PALETTE[1], PALETTE[1], PALETTE[0]]
    assert len(colors.entries) == 2
    assert named(label_colors([None] * 4, ALL)) == [GRAY] * 4


def test_the_first_tag_by_name_counts() -> None:
    tagged = {"b": np.array([0, 1]), "a": np.array([1, 2])}
    colors = tag_colors(tagged, {}, 4, ALL)
    assert named(colors) == [PALETTE[1], PALETTE[0], PALETTE[0], GRAY]
    assert colors.entries == [("a", PALETTE[0]), ("b", PALETTE[1]), ("all others", GRAY)]
    own = tag_colors(tagged, {"a": "#123456", "gone": "#ffffff"}, 4, ALL[1:])
    assert named(own) == ["#123456", "#123456", GRAY]
    assert own.entries == [("a", "#123456"), ("b", PALETTE[1]), ("all others", GRAY)]


def test_tags_beyond_the_palette_are_gray_unless_they_have_a_color() -> None:
    names = [f"tag {number:02}" for number in range(len(PALETTE) + 2)]
    tagged = {name: np.array([row]) for row, name in enumerate(names)}
    rows = np.arange(len(names))
    colors = tag_colors(tagged, {names[-1]: "#123456"}, len(names), rows)
    assert named(colors) == [*PALETTE, GRAY, "#123456"]
    assert [name for name, _ in colors.entries] == [*names[:-2], names[-1], "all others"]


def test_no_tags() -> None:
    colors = tag_colors({}, {}, 4, ALL)
    assert named(colors) == [GRAY] * 4
    assert colors.entries == [("all others", GRAY)]


def test_a_metric_goes_from_color_to_color() -> None:
    values = np.array([1, 3, np.nan, 5], dtype=np.float32)
    colors = metric_colors(values, ALL)
    assert colors.places.tolist() == [0, 1, 3, 2]
    assert colors.palette[3] == GRAY
    assert [name for name, _ in colors.entries] == ["1", "", "5", "no value"]
    assert metric_colors(values[[0, 1, 3]], np.array([1])).places.tolist() == [1]


@pytest.mark.parametrize("value", [2.0, np.nan])
def test_a_metric_that_is_the_same_everywhere(value: float) -> None:
    colors = metric_colors(np.full(4, value, dtype=np.float32), ALL)
    assert set(colors.places.tolist()) == {3.0 if np.isnan(value) else 0.0}

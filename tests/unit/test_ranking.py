"""The order of keeping: each rule decides where those before it are even."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simwidget.metrics.ranking import rank_for_keeping
from simwidget.store import ItemTable


class Image(NamedTuple):
    path: str
    width: int = 100
    height: int = 100
    size: int = 5000
    sharpness: float = 1.0
    mtime: int = 1_700_000_000_000_000_000


def table(images: list[Image]) -> ItemTable:
    count = len(images)

    def column(values: list[float], dtype: type) -> np.ndarray:
        return np.array(values, dtype=dtype).reshape(count)

    return ItemTable(
        ids=np.arange(1, count + 1),
        paths=[image.path for image in images],
        labels=[None] * count,
        splits=[None] * count,
        sizes=column([image.size for image in images], np.int64),
        mtimes=column([image.mtime for image in images], np.int64),
        widths=column([image.width for image in images], np.int32),
        heights=column([image.height for image in images], np.int32),
        content=np.zeros(count, dtype="V16"),
        pixels=[None] * count,
        thumbnail_hashes=[None] * count,
        signatures=np.zeros((count, 48), dtype=np.uint8),
        mean_colors=np.zeros((count, 3), dtype=np.uint8),
        sharpness=column([image.sharpness for image in images], np.float64),
        quality=np.full((count, 8), np.nan, dtype=np.float32),
    )


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Image("b", width=101, size=1), Image("a")),
        (Image("b", width=50, height=200, size=5001, sharpness=0), Image("a")),
        (Image("b", sharpness=1.5, mtime=1_800_000_000_000_000_000), Image("a")),
        (Image("b", mtime=1_699_999_999_999_999_999), Image("a")),
        (Image("a"), Image("b")),
        (Image("B"), Image("a")),
        (Image("z"), Image("\udcff")),
        (Image("b", width=100_000, height=100_000), Image("a", width=99_999, height=100_000)),
    ],
    ids=[
        "pixels",
        "bytes per pixel",
        "sharpness",
        "age",
        "path",
        "path by code point",
        "undecodable path",
        "10 GP",
    ],
)
def test_rules(better: Image, worse: Image) -> None:
    assert rank_for_keeping(table([better, worse])).tolist() == [0, 1]
    assert rank_for_keeping(table([worse, better])).tolist() == [1, 0]


IMAGES = st.lists(
    st.builds(
        Image,
        path=st.text(st.sampled_from("abÄ/\udc80"), max_size=3),
        width=st.sampled_from([1, 10, 20]),
        height=st.sampled_from([1, 10, 20]),
        size=st.sampled_from([0, 100, 200]),
        sharpness=st.sampled_from([0.0, 1.0]),
        mtime=st.sampled_from([0, 1, 1_700_000_000_000_000_000, 1_700_000_000_000_000_001]),
    ),
    max_size=20,
    unique_by=lambda image: image.path,
)


@given(IMAGES)
def test_equals_sorting_by_all_rules(images: list[Image]) -> None:
    def rules(image: Image) -> tuple[float, float, float, int, bytes]:
        pixels = image.width * image.height
        path = image.path.encode("utf-8", "surrogateescape")
        return -pixels, -image.size / pixels, -image.sharpness, image.mtime, path

    expected = sorted(images, key=rules)
    assert rank_for_keeping(table(images)).tolist() == [expected.index(image) for image in images]


@given(IMAGES, st.randoms(use_true_random=False))
def test_order_of_the_items_does_not_matter(images: list[Image], random: object) -> None:
    shuffled = list(images)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ranks = dict(zip(images, rank_for_keeping(table(images)).tolist(), strict=True))
    again = dict(zip(shuffled, rank_for_keeping(table(shuffled)).tolist(), strict=True))
    assert again == ranks
    assert sorted(ranks.values()) == list(range(len(images)))

"""Quality metrics: the published definitions, computed plainly, and what has to hold at the edges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import picture
from PIL import Image

from simwidget.metrics.quality import PIXEL_METRICS, pixel_quality, quality_metrics
from simwidget.store import ItemTable

BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)
LIMITS = {
    "Brightness": 1,
    "Contrast": 0.5,
    "Sharpness": 1020**2,
    "Colorfulness": 377,
    "Red": 1,
    "Green": 1,
    "Blue": 1,
    "Entropy": 8,
}


def measured(image: Image.Image) -> dict[str, float]:
    return dict(zip(PIXEL_METRICS, pixel_quality(image).tolist(), strict=True))


def by_definition(image: Image.Image) -> dict[str, float]:
    red, green, blue = np.moveaxis(np.asarray(image).astype(np.float64), 2, 0)
    luma = np.asarray(image.convert("L")).astype(np.float64)
    assert np.abs(luma - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 0.51
    center = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * center
    rg, yb = red - green, (red + green) / 2 - blue
    shares = np.unique(luma, return_counts=True)[1] / luma.size
    return {
        "Brightness": luma.mean() / 255,
        "Contrast": luma.std() / 255,
        "Sharpness": laplacian.var() if laplacian.size else 0.0,
        "Colorfulness": np.sqrt(rg.var() + yb.var()) + 0.3 * np.hypot(rg.mean(), yb.mean()),
        "Red": red.mean() / 255,
        "Green": green.mean() / 255,
        "Blue": blue.mean() / 255,
        "Entropy": -(shares * np.log2(shares)).sum(),
    }


def striped(size: tuple[int, int], *colors: tuple[int, int, int]) -> Image.Image:
    """Columns of these colors in turn."""
    row = np.array([colors[x % len(colors)] for x in range(size[0])], dtype=np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(row, (size[1], *row.shape))))


class TestPixelQuality:
    @given(
        width=st.integers(1, 40),
        height=st.integers(1, 40),
        levels=st.integers(1, 256),
        offset=st.integers(0, 255),
        seed=st.integers(0, 2**32 - 1),
    )
    def test_agrees_with_the_definitions(
        self, width: int, height: int, levels: int, offset: int, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        values = np.minimum(rng.integers(0, levels, (height, width, 3)) + offset, 255).astype(np.uint8)
        image = Image.fromarray(values)
        found = measured(image)
        assert found == pytest.approx(by_definition(image), rel=2e-5, abs=2e-5)
        assert all(0 <= found[name] <= LIMITS[name] for name in PIXEL_METRICS)

    @pytest.mark.parametrize("size", [(256, 192), (192, 256), (256, 256), (256, 1), (255, 171)])
    def test_agrees_on_thumbnails(self, size: tuple[int, int]) -> None:
        image = picture(5, size)
        assert measured(image) == pytest.approx(by_definition(image), rel=2e-5, abs=2e-5)

    def test_float32_in_the_stated_order(self) -> None:
        values = pixel_quality(picture(1))
        assert (values.dtype, values.shape) == (np.float32, (8,))
        assert tuple(LIMITS) == PIXEL_METRICS

    @pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 2), (2, 2), (256, 192), (256, 256)])
    @pytest.mark.parametrize("level", [0, 1, 97, 254, 255])
    def test_constant_gray(self, size: tuple[int, int], level: int) -> None:
        found = measured(Image.new("RGB", size, (level,) * 3))
        exact = np.float32(level / 255)
        assert [found[name] for name in ("Brightness", "Red", "Green", "Blue")] == [exact] * 4
        assert [found[name] for name in ("Contrast", "Sharpness", "Colorfulness", "Entropy")] == [0] * 4

    @pytest.mark.parametrize("size", [(1, 1), (256, 193)])
    def test_constant_color(self, size: tuple[int, int]) -> None:
        found = measured(Image.new("RGB", size, RED))
        assert (found["Red"], found["Green"], found["Blue"], found["Contrast"]) == (1, 0, 0, 0)
        assert found["Colorfulness"] == pytest.approx(0.3 * math.hypot(255, 127.5))

    def test_two_pixels(self) -> None:
        found = measured(striped((2, 1), BLACK, WHITE))
        assert (found["Brightness"], found["Contrast"], found["Entropy"], found["Sharpness"]) == (0.5, 0.5, 1, 0)

    def test_as_uneven_as_can_be(self) -> None:
        board = 255 * (np.indices((192, 256)).sum(axis=0) % 2).astype(np.uint8)
        found = measured(Image.fromarray(board).convert("RGB"))
        assert (found["Contrast"], found["Entropy"]) == (0.5, 1)
        assert found["Sharpness"] == pytest.approx(1020**2)
        ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
        assert measured(Image.fromarray(ramp).convert("RGB"))["Entropy"] == 8

    def test_colors_that_even_out_are_colorful(self) -> None:
        even = measured(striped((256, 256), RED, BLUE))["Colorfulness"]
        plain = measured(Image.new("RGB", (256, 256), RED))["Colorfulness"]
        assert even > 2 * plain
        assert even <= LIMITS["Colorfulness"]

    @pytest.mark.parametrize("seed", range(4))
    def test_sharpness_is_bit_for_bit_what_ranking_always_used(self, seed: int) -> None:
        image = picture(seed, (256, 171 + seed))
        luma = np.asarray(image.convert("L"), dtype=np.float32)
        neighbors = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
        assert measured(image)["Sharpness"] == float((neighbors - 4 * luma[1:-1, 1:-1]).var())


def table(paths: list[str], content: np.ndarray, sizes: list[tuple[int, int]] | None = None) -> ItemTable:
    count = len(paths)
    shapes = np.array(sizes or [(640, 480)] * count, dtype=np.int32).reshape(count, 2)
    return ItemTable(
        ids=np.arange(1, count + 1),
        paths=paths,
        labels=[None] * count,
        splits=[None] * count,
        sizes=np.arange(count) + 1000,
        mtimes=np.zeros(count, dtype=np.int64),
        widths=shapes[:, 0],
        heights=shapes[:, 1],
        content=content,
        thumbnail_hashes=[None] * len(paths),
        pixels=[None] * count,
        signatures=np.zeros((count, 48), dtype=np.uint8),
        mean_colors=np.zeros((count, 3), dtype=np.uint8),
        sharpness=np.zeros(count),
        quality=np.arange(8 * count, dtype=np.float32).reshape(count, 8),
    )


def contents(count: int, seed: int = 0) -> np.ndarray:
    return np.frombuffer(np.random.default_rng(seed).bytes(16 * count), dtype="V16")


def subset(items: ItemTable, rows: np.ndarray) -> ItemTable:
    return table([items.paths[row] for row in rows], items.content[rows])


class TestQualityMetrics:
    def test_of_files(self) -> None:
        items = table(["a", "b", "c"], contents(3), [(640, 480), (1, 1), (20_000, 10)])
        found = quality_metrics(items)
        assert list(found) == [*PIXEL_METRICS, "Area", "Aspect ratio", "File size", "Random"]
        assert all((values.dtype, values.shape) == (np.float32, (3,)) for values in found.values())
        assert found["Area"].tolist() == [307_200, 1, 200_000]
        assert found["Aspect ratio"].tolist() == pytest.approx([4 / 3, 1, 2000])
        assert found["File size"].tolist() == [1000, 1001, 1002]

    def test_pixel_metrics_are_the_columns(self) -> None:
        items = table(["a", "b"], contents(2))
        items.quality[1] = np.nan
        found = quality_metrics(items)
        for column, name in enumerate(PIXEL_METRICS):
            assert found[name][0] == column
            assert np.isnan(found[name][1])

    def test_a_billion_pixels(self) -> None:
        [area] = quality_metrics(table(["a"], contents(1), [(100_000, 50_000)]))["Area"]
        assert area == np.float32(5e9)

    def test_no_items(self) -> None:
        assert all(values.shape == (0,) for values in quality_metrics(table([], contents(0))).values())


class TestRandom:
    def test_stays_when_items_are_shuffled_added_or_gone(self) -> None:
        items = table([f"{number}.jpg" for number in range(500)], contents(500))
        all_of_them = quality_metrics(items)["Random"]
        rows = np.random.default_rng(1).permutation(500)[:200]
        assert np.array_equal(quality_metrics(subset(items, rows))["Random"], all_of_them[rows])

    def test_is_the_same_in_every_version(self) -> None:
        content = np.frombuffer(bytes(range(32)), dtype="V16")
        assert quality_metrics(table(["a.jpg", "b/ü.jpg"], content))["Random"].tolist() == [
            0.7705387473106384,
            0.3280082941055298,
        ]

    def test_is_uniform_and_says_nothing_of_the_order(self) -> None:
        count = 100_000
        values = quality_metrics(table([f"{number}.jpg" for number in range(count)], contents(count)))["Random"]
        assert values.min() >= 0
        assert values.max() < 1
        # The largest gap to the uniform distribution; beyond 1.95 / sqrt(n) by chance once in a thousand times
        # (Kolmogorov), and the content here is always the same.
        assert np.abs(np.sort(values) - (np.arange(count) + 0.5) / count).max() < 1.95 / math.sqrt(count)
        assert abs(np.corrcoef(values, np.arange(count))[0, 1]) < 0.01

    @pytest.mark.parametrize("names", ["{}.jpg", "copy ({}).png"])
    def test_keeps_copies_apart(self, names: str) -> None:
        count = 10_000
        same = np.repeat(contents(1), count)
        values = quality_metrics(table([names.format(number) for number in range(count)], same))["Random"]
        assert len(np.unique(values)) > 0.999 * count
        assert np.histogram(values, bins=10, range=(0, 1))[0].min() > 0.9 * count / 10

    def test_changes_with_the_content(self) -> None:
        items = table(["a"], contents(1))
        other = replace(items, content=contents(1, seed=1))
        assert quality_metrics(items)["Random"] != quality_metrics(other)["Random"]

    def test_takes_file_names_that_are_not_utf_8(self) -> None:
        [value] = quality_metrics(table(["caf\udce9.jpg"], contents(1)))["Random"]
        assert 0 <= value < 1

"""The built-in embedder: what has to be near, what has to be far, and what must not happen."""

from __future__ import annotations

import io
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import picture
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from simwidget.embedders.base import Embedder
from simwidget.embedders.perceptual import PerceptualEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

EMBEDDER = PerceptualEmbedder()
RADIUS = EMBEDDER.near_duplicate_radius
SIZES = [(320, 240), (240, 320), (300, 300)]
PICTURES = [picture(seed, SIZES[seed % 3]) for seed in range(24)]


def jpeg(image: Image.Image, quality: int = 90) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def distances(a: list[Image.Image], b: list[Image.Image]) -> npt.NDArray[np.float32]:
    """Distance of every image of ``a`` to every image of ``b``."""
    return 1 - EMBEDDER.embed_images(a) @ EMBEDDER.embed_images(b).T


def distance(a: Image.Image, b: Image.Image) -> float:
    return float(distances([a], [b])[0, 0])


def cropped(image: Image.Image, share: float) -> Image.Image:
    x, y = round(image.width * share), round(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


def with_text(image: Image.Image) -> Image.Image:
    copy = image.copy()
    ImageDraw.Draw(copy).text((image.width / 2, image.height / 2), "SAMPLE", "white", font_size=30, anchor="mm")
    return copy


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg 20": lambda image: jpeg(image, 20),
    "half size": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "1.6 x size": lambda image: image.resize((image.width * 8 // 5, image.height * 8 // 5)),
    "crop 5 %": lambda image: cropped(image, 0.05),
    "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1.35),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "black border": lambda image: ImageOps.expand(image, 15, "black"),
    "white border": lambda image: ImageOps.expand(image, 15, "white"),
    "two borders": lambda image: ImageOps.expand(ImageOps.expand(image, 12, "white"), 12, "black"),
    "text": with_text,
    "turn": lambda image: image.rotate(3, Image.Resampling.BICUBIC),
    "mirror": ImageOps.mirror,
}


def test_it_is_an_embedder_with_unit_rows() -> None:
    rows = EMBEDDER.embed_images(PICTURES[:5])
    assert isinstance(EMBEDDER, Embedder)
    assert rows.shape == (5, EMBEDDER.dim)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_no_images_give_no_rows() -> None:
    assert EMBEDDER.embed_images([]).shape == (0, EMBEDDER.dim)


def test_a_row_does_not_depend_on_the_batch() -> None:
    one_by_one = np.concatenate([EMBEDDER.embed_images([image]) for image in PICTURES])
    np.testing.assert_array_equal(EMBEDDER.embed_images(PICTURES), one_by_one)
    np.testing.assert_array_equal(EMBEDDER.embed_images(PICTURES[::-1]), one_by_one[::-1])


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_near_duplicates_of_their_source_and_nearest_to_it(kind: str) -> None:
    found = distances([jpeg(COPIES[kind](image)) for image in PICTURES], PICTURES)
    own = np.diag(found)
    np.testing.assert_array_equal(found.argmin(axis=1), np.arange(len(PICTURES)))
    assert (own <= RADIUS).mean() >= 0.9


@pytest.mark.parametrize("change", [lambda image: cropped(image, 0.1), ImageOps.grayscale], ids=["crop", "gray"])
def test_strongly_changed_copies_are_still_nearest_to_their_source(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    found = distances([change(image) for image in PICTURES], PICTURES)
    assert (found.argmin(axis=1) == np.arange(len(PICTURES))).mean() >= 0.95


def test_different_pictures_are_no_near_duplicates() -> None:
    found = distances(PICTURES, PICTURES)
    assert found[np.triu_indices(len(PICTURES), 1)].min() > RADIUS


@pytest.mark.parametrize("size", [(64, 64), (333, 257), (1000, 701)])
def test_a_mirrored_copy_is_within_the_radius_but_not_the_same_image(size: tuple[int, int]) -> None:
    for seed in range(5):
        image = picture(seed, size)
        assert 1e-4 < distance(image, ImageOps.mirror(image)) <= RADIUS


def test_turned_upside_down_is_another_picture() -> None:
    assert distance(PICTURES[0], ImageOps.flip(PICTURES[0])) > RADIUS


@given(st.tuples(*[st.integers(0, 255)] * 3), st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=40, deadline=None)
def test_plain_images_are_near_duplicates_only_when_their_colors_are_close(
    a: tuple[int, int, int], b: tuple[int, int, int]
) -> None:
    apart = max(abs(x - y) for x, y in zip(a, b, strict=True))
    found = distance(Image.new("RGB", (90, 60), a), Image.new("RGB", (200, 300), b))
    assert np.isfinite(found)
    if apart >= 24:
        assert found > RADIUS
    if apart <= 4:
        assert found < RADIUS


def shaded(color: tuple[int, int, int], across: bool, levels: int = 16) -> Image.Image:
    """A faint gradient over a plain color."""
    y, x = np.mgrid[:150, :200] / np.array([[[150]], [[200]]])
    pixels = np.array(color) + levels * (x if across else y)[..., None]
    return Image.fromarray(pixels.round().astype(np.uint8))


def marked(x: int, y: int) -> Image.Image:
    """White with one dot."""
    image = Image.new("RGB", (200, 150), "white")
    ImageDraw.Draw(image).ellipse((x - 6, y - 6, x + 6, y + 6), fill="black")
    return image


def test_different_nearly_blank_images_are_no_near_duplicates() -> None:
    blank = {
        "red": shaded((180, 60, 60), across=True),
        "blue": shaded((60, 60, 180), across=True),
        "dark": shaded((60, 60, 60), across=True),
        "light": shaded((200, 200, 200), across=True),
        "light, downwards": shaded((200, 200, 200), across=False),
        "white": Image.new("RGB", (200, 150), "white"),
        "dot": marked(60, 60),
        "other dot": marked(130, 100),
    }
    found = distances(list(blank.values()), list(blank.values()))
    names = list(blank)
    near = [(names[i], names[j]) for i, j in combinations(range(len(names)), 2) if found[i, j] <= RADIUS]
    assert near == []


def test_a_plain_backdrop_is_not_taken_for_a_border() -> None:
    far = Image.new("RGB", (300, 200), (120, 170, 230))
    ImageDraw.Draw(far).ellipse((75, 50, 225, 150), fill="white")
    near = far.crop((45, 30, 255, 170)).resize((300, 200))
    assert distance(far, near) > RADIUS


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 500), (500, 1), (20_000, 10), (10, 20_000), (15, 17), (33, 31), (129, 63)]
)
def test_any_size_is_fine(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    row = EMBEDDER.embed_images([Image.fromarray(pixels)])[0]
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("size", [(127, 128), (255, 256), (383, 257), (500, 375), (1, 700), (3000, 90)])
def test_a_reduced_image_has_the_same_vector(size: tuple[int, int]) -> None:
    image = picture(7, size)
    reduced = EMBEDDER.reduce_image(image)
    assert max(reduced.size) <= 255
    np.testing.assert_array_equal(EMBEDDER.embed_images([reduced]), EMBEDDER.embed_images([image]))


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1", "I;16"])
def test_other_modes_are_converted(mode: str) -> None:
    image = PICTURES[0].convert("L").convert("I").convert(mode) if mode == "I;16" else PICTURES[0].convert(mode)
    np.testing.assert_array_equal(EMBEDDER.embed_images([image]), EMBEDDER.embed_images([image.convert("RGB")]))


def test_images_are_left_as_they_were() -> None:
    image = PICTURES[0].copy()
    EMBEDDER.embed_images([image])
    assert image.tobytes() == PICTURES[0].tobytes()

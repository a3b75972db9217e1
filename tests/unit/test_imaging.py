"""Every kind of image file, read once: upright, in its right colors, hashed by its pixels; or a reason."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import picture
from PIL import Image, ImageCms, ImageDraw, ImageFilter, PngImagePlugin

from simwidget.imaging import (
    THUMBNAIL_SIZE,
    UnreadableImageError,
    are_mirrored,
    hash_pixels,
    load_rgb,
    make_thumbnail,
    open_rgb,
    prepare_rgb,
    read_image,
)
from simwidget.metrics.quality import PIXEL_METRICS, pixel_quality

if TYPE_CHECKING:
    from pathlib import Path

ORIENTATION = 0x0112
# How a camera stores an upright picture under each EXIF orientation (TIFF 6.0, page 36), as array operations.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
LOSSLESS = {
    "png": {},
    "bmp": {},
    "ppm": {},
    "tga": {},
    "qoi": {},
    "pcx": {},
    "tiff": {"compression": "tiff_lzw"},
    "webp": {"lossless": True},
    "jp2": {"irreversible": False},
}


def with_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return exif


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def hash_of(image: Image.Image, path: Path) -> bytes | None:
    image.save(path)
    return read_image(path).pixels_hash


class TestOrientation:
    @pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
    @pytest.mark.parametrize("orientation", STORED)
    def test_all_eight_are_turned_upright(self, tmp_path: Path, orientation: int, suffix: str) -> None:
        upright = picture(1, (50, 34))
        stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](np.asarray(upright))))
        path = tmp_path / f"turned.{suffix}"
        stored.save(path, exif=with_orientation(orientation), **LOSSLESS[suffix])
        read = read_image(path)
        assert (read.width, read.height) == (50, 34)
        assert np.array_equal(pixels(read.image), pixels(upright))
        assert read.pixels_hash == hash_of(upright, tmp_path / "plain.png") == hash_pixels(path)

    @pytest.mark.parametrize("orientation", STORED)
    def test_scaled_down_decode(self, tmp_path: Path, orientation: int) -> None:
        upright = picture(2, (1200, 900))
        stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](np.asarray(upright))))
        stored.save(tmp_path / "a.jpg", exif=with_orientation(orientation), quality=95)
        read = read_image(tmp_path / "a.jpg")
        assert (read.width, read.height) == (1200, 900)
        assert read.pixels_hash is None
        expected = pixels(upright.resize(read.image.size, Image.Resampling.BOX))
        assert np.abs(pixels(read.image) - expected).mean() < 4

    def test_nothing_is_turned_twice(self, tmp_path: Path) -> None:
        picture(3).save(tmp_path / "a.png", exif=with_orientation(6))
        assert prepare_rgb(open_rgb(tmp_path / "a.png")).size == (72, 96)

    @pytest.mark.parametrize(
        "exif",
        [
            b"Exif\0\0",
            b"Exif\0\0garbage",
            b"Exif\0\0II*\0\xff\xff\xff\x7f",
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0",  # the orientation "abc"
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\0",  # 9
        ],
    )
    def test_damaged_exif_does_not_cost_the_picture(self, tmp_path: Path, exif: bytes) -> None:
        picture(4).save(tmp_path / "a.png")
        picture(4).save(tmp_path / "b.png", exif=exif)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Pillow's about the same
            read = read_image(tmp_path / "b.png")
        assert (read.width, read.height) == (96, 72)
        assert read.pixels_hash == read_image(tmp_path / "a.png").pixels_hash


class TestDepth:
    @pytest.fixture
    def ramp(self) -> np.ndarray:
        return np.tile(np.linspace(0, 65535, 64).round().astype(np.uint16), (8, 1))

    def saved(self, ramp: np.ndarray, folder: Path) -> dict[str, Path]:
        Image.fromarray(ramp).save(folder / "a.png")
        Image.fromarray(ramp).save(folder / "a.tiff")
        big = Image.frombytes("I;16B", ramp.shape[::-1], ramp.astype(">u2").tobytes())
        big.save(folder / "big.tiff")
        return {path.name: path for path in sorted(folder.iterdir())}

    def test_16_bit_gray_keeps_its_range(self, ramp: np.ndarray, tmp_path: Path) -> None:
        for name, path in self.saved(ramp, tmp_path).items():
            shown = pixels(read_image(path).image)
            assert np.abs(shown - (ramp / 257)[:, :, None]).max() <= 0.5, name

    def test_a_dark_16_bit_image_stays_dark(self, tmp_path: Path) -> None:
        Image.fromarray(np.full((8, 8), 200, np.uint16)).save(tmp_path / "a.png")
        assert pixels(read_image(tmp_path / "a.png").image).max() <= 1

    def test_containers_and_byte_orders_hash_alike(self, ramp: np.ndarray, tmp_path: Path) -> None:
        hashes = {read_image(path).pixels_hash for path in self.saved(ramp, tmp_path).values()}
        assert len(hashes) == 1

    def test_16_bit_hash_sees_the_low_byte(self, ramp: np.ndarray, tmp_path: Path) -> None:
        other = ramp.copy()
        other[3, 30] ^= 1
        a, b = (hash_of(Image.fromarray(values), tmp_path / "a.png") for values in (ramp, other))
        assert a != b

    def test_16_bit_transparency(self, ramp: np.ndarray, tmp_path: Path) -> None:
        Image.fromarray(ramp).save(tmp_path / "a.png", transparency=0)
        shown = pixels(read_image(tmp_path / "a.png").image)
        assert (shown[:, 0] == 255).all()
        assert (shown[:, 1] == 4).all()

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (np.array([[0.0, 0.5, 1.0]] * 3, np.float32), [0, 128, 255]),
            (np.array([[0.0, 100.0, 200.0]] * 3, np.float32), [0, 100, 200]),
            (np.array([[-1.0, 0.0, 1.0]] * 3, np.float32), [0, 128, 255]),
            (np.array([[np.nan, np.inf, 1.0]] * 3, np.float32), [0, 0, 255]),
            (np.array([[0, 32768, 65535]] * 3, np.int32), [0, 128, 255]),
            (np.array([[0, 100, 255]] * 3, np.int32), [0, 100, 255]),
            (np.array([[7, 7, 7]] * 3, np.int32), [7, 7, 7]),
        ],
    )
    def test_float_and_int32(self, tmp_path: Path, values: np.ndarray, expected: list[int]) -> None:
        Image.fromarray(values).save(tmp_path / "a.tiff")
        assert pixels(read_image(tmp_path / "a.tiff").image)[1, :, 0].tolist() == expected

    def test_1_bit(self, tmp_path: Path) -> None:
        board = np.indices((16, 16)).sum(axis=0) % 2 == 0
        Image.fromarray(board).save(tmp_path / "a.png")
        assert np.array_equal(pixels(read_image(tmp_path / "a.png").image)[:, :, 1], board * 255)


def cmyk_profile() -> bytes:
    """A printer's ICC profile (ICC.1:2001, lut8) whose cyan ink is red, as no conversion without it makes it."""

    def lab(ink: tuple[int, ...]) -> bytes:
        cyan, _, _, black = ink
        return bytes([0 if black else 140 if cyan else 255, 220 if cyan else 128, 190 if cyan else 128])

    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    curve = bytes(range(256))
    cells = b"".join(lab(ink) for ink in np.ndindex(2, 2, 2, 2))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + 4 * curve + cells + 3 * curve
    table += bytes(-len(table) % 4)
    text = b"text\0\0\0\0none\0\0\0\0"
    body, tags = b"", b""
    for name, data in ((b"A2B0", table), (b"cprt", text)):
        tags += name + struct.pack(">II", 128 + 4 + 24 + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", 128 + 4 + 24 + len(body), b"\0" * 4, 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)  # D50
    return header + bytes(128 - len(header)) + struct.pack(">I", 2) + tags + body


class TestCmyk:
    CYAN = Image.new("CMYK", (32, 32), (255, 0, 0, 0))

    @pytest.mark.parametrize("suffix", ["jpg", "tiff"])
    def test_without_profile(self, tmp_path: Path, suffix: str) -> None:
        self.CYAN.save(tmp_path / f"a.{suffix}")
        red, green, blue = read_image(tmp_path / f"a.{suffix}").mean_color
        assert red < 40 < 200 < min(green, blue)

    @pytest.mark.parametrize("suffix", ["jpg", "tiff"])
    def test_with_profile(self, tmp_path: Path, suffix: str) -> None:
        self.CYAN.save(tmp_path / f"a.{suffix}", icc_profile=cmyk_profile())
        red, green, blue = read_image(tmp_path / f"a.{suffix}").mean_color
        assert red > 180 > 80 > max(green, blue)

    @pytest.mark.parametrize("kind", ["broken", "of RGB"])
    def test_a_profile_that_does_not_fit(self, tmp_path: Path, kind: str) -> None:
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        self.CYAN.save(tmp_path / "a.jpg", icc_profile=srgb if kind == "of RGB" else b"broken")
        self.CYAN.save(tmp_path / "b.jpg")
        assert read_image(tmp_path / "a.jpg").mean_color == read_image(tmp_path / "b.jpg").mean_color


class TestTransparency:
    def drawing(self, color: tuple[int, int, int]) -> Image.Image:
        image = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((10, 5, 50, 35), fill=(*color, 255))
        return image

    def test_composed_on_white(self, tmp_path: Path) -> None:
        self.drawing((200, 0, 0)).save(tmp_path / "a.png")
        shown = pixels(read_image(tmp_path / "a.png").image)
        assert shown[0, 0].tolist() == [255, 255, 255]
        assert shown[20, 30].tolist() == [200, 0, 0]

    def test_half_transparent_is_mixed_with_white(self, tmp_path: Path) -> None:
        Image.new("RGBA", (8, 8), (0, 0, 0, 128)).save(tmp_path / "a.png")
        assert np.abs(pixels(read_image(tmp_path / "a.png").image) - 127).max() <= 1

    def test_a_white_drawing_is_not_blank(self, tmp_path: Path) -> None:
        self.drawing((255, 255, 255)).save(tmp_path / "a.png")
        shown = pixels(read_image(tmp_path / "a.png").image)
        assert shown[20, 30].tolist() == [255, 255, 255]
        assert shown[0, 0].max() < 100

    def test_nothing_drawn_is_white(self, tmp_path: Path) -> None:
        Image.new("RGBA", (8, 8), (9, 9, 9, 0)).save(tmp_path / "a.png")
        assert read_image(tmp_path / "a.png").mean_color == b"\xff\xff\xff"

    @pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "gif"])
    def test_containers(self, tmp_path: Path, suffix: str) -> None:
        self.drawing((200, 0, 0)).save(tmp_path / f"a.{suffix}", **LOSSLESS.get(suffix, {}))
        shown = pixels(read_image(tmp_path / f"a.{suffix}").image)
        assert shown[0, 0].tolist() == [255, 255, 255]
        assert shown[20, 30].tolist() == [200, 0, 0]

    @pytest.mark.parametrize("mode", ["RGB", "L", "P"])
    def test_a_transparent_color(self, tmp_path: Path, mode: str) -> None:
        image = Image.new(mode, (10, 10), 0)
        image.paste(90 if mode != "RGB" else (90, 90, 90), (0, 0, 5, 10))
        if mode == "P":
            image.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
        image.save(tmp_path / "a.png", transparency=(0, 0, 0) if mode == "RGB" else 0)
        shown = pixels(read_image(tmp_path / "a.png").image)
        assert (shown[:, :5] == 90).all()
        assert (shown[:, 5:] == 255).all()

    def test_palette_with_an_alpha_an_entry(self, tmp_path: Path) -> None:
        image = Image.new("P", (10, 10), 1)
        image.putpalette([255, 0, 0, 0, 0, 0])
        image.paste(0, (0, 0, 5, 10))
        image.save(tmp_path / "a.png", transparency=bytes([255, 128]))
        shown = pixels(read_image(tmp_path / "a.png").image)
        assert shown[0, 0].tolist() == [255, 0, 0]
        assert np.abs(shown[0, 9] - 127).max() <= 1

    def test_hash_tells_alpha_from_color(self, tmp_path: Path) -> None:
        opaque, dimmed = picture(1).convert("RGBA"), picture(1).convert("RGBA")
        dimmed.putalpha(200)
        plain = hash_of(picture(1), tmp_path / "a.png")
        assert hash_of(opaque, tmp_path / "b.png") == plain
        assert hash_of(dimmed, tmp_path / "c.png") != plain


class TestFrames:
    @pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
    def test_the_first_counts(self, tmp_path: Path, suffix: str) -> None:
        frames = [Image.new("RGB", (40, 30), color) for color in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
        options = {"duration": 50} if suffix != "tiff" else {}
        path = tmp_path / f"a.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], **options, **LOSSLESS.get(suffix, {}))
        with Image.open(path) as saved:
            assert saved.n_frames == 3
        red, green, blue = read_image(path).mean_color
        assert red > 190 > 10 > max(green, blue)


class TestHashes:
    @pytest.mark.parametrize("suffix", LOSSLESS)
    def test_containers_hash_alike(self, tmp_path: Path, suffix: str) -> None:
        picture(1).save(tmp_path / f"a.{suffix}", **LOSSLESS[suffix])
        assert read_image(tmp_path / f"a.{suffix}").pixels_hash == hash_of(picture(1), tmp_path / "plain.png")

    def test_gray_and_palette_hash_as_what_they_show(self, tmp_path: Path) -> None:
        gray = picture(1).convert("L")
        hashes = [hash_of(gray.convert(mode), tmp_path / f"{mode}.png") for mode in ("L", "RGB", "LA", "RGBA")]
        palette = picture(1).quantize(32)
        assert len(set(hashes)) == 1
        assert hash_of(palette, tmp_path / "p.png") == hash_of(palette.convert("RGB"), tmp_path / "rgb.png")

    def test_one_pixel_or_the_shape_makes_another_hash(self, tmp_path: Path) -> None:
        image = picture(1, (40, 20))
        changed = image.copy()
        changed.putpixel((39, 19), tuple(value ^ 1 for value in image.getpixel((39, 19))))
        reshaped = Image.frombytes("RGB", (20, 40), image.tobytes())
        assert len({hash_of(i, tmp_path / "a.png") for i in (image, changed, reshaped)}) == 3

    def test_bytes_hash_is_of_the_file(self, tmp_path: Path) -> None:
        picture(1).save(tmp_path / "a.png")
        data = (tmp_path / "a.png").read_bytes()
        assert read_image(tmp_path / "a.png").bytes_hash == hashlib.blake2b(data, digest_size=16).digest()

    @pytest.mark.parametrize("size", [(512, 512), (1201, 803), (3000, 520)])
    def test_large_jpeg(self, tmp_path: Path, size: tuple[int, int]) -> None:
        picture(1, size).save(tmp_path / "a.jpg", quality=80)
        with Image.open(tmp_path / "a.jpg") as decoded:
            decoded.save(tmp_path / "a.png")
        drafted, full = read_image(tmp_path / "a.jpg"), read_image(tmp_path / "a.png")
        assert drafted.pixels_hash is drafted.thumbnail_hash is full.pixels_hash is None
        assert full.thumbnail_hash == hashlib.blake2b(full.thumbnail, digest_size=16).digest()
        assert min(drafted.image.size) >= 256
        assert (drafted.width, drafted.height) == (full.width, full.height) == size
        assert hash_pixels(tmp_path / "a.jpg") == hash_pixels(tmp_path / "a.png")
        a, b = (np.frombuffer(read.signature, np.uint8).astype(int) for read in (drafted, full))
        assert np.abs(a - b).max() <= 3

    def test_an_image_no_larger_than_its_thumbnail_is_hashed_when_read(self, tmp_path: Path) -> None:
        picture(1, (256, 200)).save(tmp_path / "a.jpg")
        with Image.open(tmp_path / "a.jpg") as decoded:
            decoded.save(tmp_path / "a.png")
        a, b = read_image(tmp_path / "a.jpg"), read_image(tmp_path / "a.png")
        assert a.pixels_hash == b.pixels_hash == hash_pixels(tmp_path / "a.jpg")
        assert a.thumbnail_hash is b.thumbnail_hash is None

    @pytest.mark.parametrize("size", [(511, 400), (257, 10), (1201, 803)])
    def test_equal_pixels_have_equal_thumbnails_whatever_the_embedder_asks_for(
        self, tmp_path: Path, size: tuple[int, int]
    ) -> None:
        picture(1, size).save(tmp_path / "a.png")
        picture(1, size).convert("RGBA").save(tmp_path / "b.webp", lossless=True)
        a, b = read_image(tmp_path / "a.png", min_side=256), read_image(tmp_path / "b.webp", min_side=448)
        assert a.thumbnail_hash == b.thumbnail_hash is not None
        assert hash_pixels(tmp_path / "a.png") == hash_pixels(tmp_path / "b.webp")


class TestThumbnail:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(width=st.integers(1, 900), height=st.integers(1, 900), suffix=st.sampled_from(["jpg", "png"]))
    def test_fits_and_keeps_its_shape(self, tmp_path: Path, width: int, height: int, suffix: str) -> None:
        Image.new("RGB", (width, height), (10, 200, 60)).save(tmp_path / f"a.{suffix}")
        read = read_image(tmp_path / f"a.{suffix}")
        with Image.open(io.BytesIO(read.thumbnail)) as thumbnail:
            thumbnail.load()
            assert (thumbnail.format, thumbnail.mode) == ("JPEG", "RGB")
            size = thumbnail.size
        assert (read.width, read.height) == (width, height)
        assert max(size) == min(THUMBNAIL_SIZE, max(width, height))
        scale = max(size) / max(width, height)
        assert all(abs(got - want * scale) <= 1 for got, want in zip(size, (width, height), strict=True))

    @pytest.mark.parametrize("size", [(1, 1), (20000, 10), (10, 20000), (2, 300)])
    @pytest.mark.parametrize("suffix", ["jpg", "png"])
    def test_extreme_shapes(self, tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
        picture(1, size).save(tmp_path / f"a.{suffix}")
        read = read_image(tmp_path / f"a.{suffix}")
        with Image.open(io.BytesIO(read.thumbnail)) as thumbnail:
            assert max(thumbnail.size) == min(THUMBNAIL_SIZE, max(size))
            assert min(thumbnail.size) >= 1
        assert (read.width, read.height) == size
        assert np.isfinite(read.sharpness)
        assert (len(read.signature), len(read.mean_color)) == (48, 3)

    @pytest.mark.parametrize("suffix", ["png", "gif", "jpg"])
    def test_carries_no_comment_and_no_exif(self, tmp_path: Path, suffix: str) -> None:
        comment = "secret" * (12_000 if suffix != "jpg" else 10_000)  # more than a JPEG marker holds
        path = tmp_path / f"a.{suffix}"
        if suffix == "png":
            text = PngImagePlugin.PngInfo()
            text.add_text("comment", comment)
            picture(1).save(path, pnginfo=text, exif=with_orientation(1))
        else:
            picture(1).save(path, comment=comment.encode())
        thumbnail = read_image(path).thumbnail
        assert b"secret" not in thumbnail
        assert b"Exif" not in thumbnail
        assert len(thumbnail) < 8000

    def test_mirrored(self, tmp_path: Path) -> None:
        picture(1).save(tmp_path / "a.png")
        picture(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "b.png")
        picture(2).save(tmp_path / "c.png")
        a, b, c = (read_image(tmp_path / f"{name}.png").thumbnail for name in "abc")
        assert are_mirrored(a, [b, a, None, c]) == [True, False, False, False]
        assert are_mirrored(None, [a]) == [False]


class TestFullSize:
    def test_large_jpeg(self, tmp_path: Path) -> None:
        picture(1, (1200, 900)).save(tmp_path / "a.jpg", exif=with_orientation(6))
        with Image.open(tmp_path / "a.jpg") as stored:
            expected = np.rot90(pixels(stored), -1)
        image = load_rgb(tmp_path / "a.jpg")
        assert (image.mode, image.size) == ("RGB", (900, 1200))
        assert np.array_equal(pixels(image), expected)

    def test_unreadable(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(b"no image")
        with pytest.raises(UnreadableImageError, match="not an image"):
            load_rgb(tmp_path / "a.jpg")


class TestStatistics:
    @pytest.mark.parametrize("size", [(1, 1), (256, 192), (700, 500)])
    def test_quality_is_of_the_thumbnail_before_it_is_encoded(self, tmp_path: Path, size: tuple[int, int]) -> None:
        picture(1, size).save(tmp_path / "a.png")
        read = read_image(tmp_path / "a.png")
        expected = pixel_quality(make_thumbnail(picture(1, size)))
        assert np.array_equal(read.quality, expected)
        assert read.sharpness == expected[PIXEL_METRICS.index("Sharpness")]
        means = np.asarray(make_thumbnail(picture(1, size)), dtype=float).mean(axis=(0, 1))
        assert np.abs(np.frombuffer(read.mean_color, np.uint8) - means).max() <= 0.51

    def test_sharpness_falls_with_blur(self, tmp_path: Path) -> None:
        scores = []
        for radius in (0, 1, 3, 9):
            picture(1, (300, 200)).filter(ImageFilter.GaussianBlur(radius)).save(tmp_path / "a.png")
            scores.append(read_image(tmp_path / "a.png").sharpness)
        assert scores == sorted(scores, reverse=True)
        assert scores[0] > 4 * scores[-1]

    def test_constant_image(self, tmp_path: Path) -> None:
        for size, signature in (((40, 30), bytes(48)), ((700, 512), bytes((12, 34, 56)) * 16)):
            Image.new("RGB", size, (12, 34, 56)).save(tmp_path / "a.png")
            read = read_image(tmp_path / "a.png")
            assert read.sharpness == 0
            assert read.mean_color == bytes((12, 34, 56))
            assert read.signature == signature

    def test_an_image_never_decoded_scaled_down_by_any_embedder_needs_no_signature(self, tmp_path: Path) -> None:
        for side in (511, 512):
            picture(1, (900, side)).save(tmp_path / "a.jpg")
            smallest, usual = (read_image(tmp_path / "a.jpg", min_side=side) for side in (256, 448))
            scaled = smallest.thumbnail_hash is None
            assert scaled == (side == 512)
            assert any(smallest.signature) == any(usual.signature) == scaled

    def test_an_upright_image_is_not_that_of_the_user(self) -> None:
        mine = picture(1, (40, 30))
        mine.info["comment"] = "kept"
        assert prepare_rgb(mine) is not mine
        assert mine.info == {"comment": "kept"}


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F"]
)
def test_prepare_rgb_takes_every_mode(mode: str) -> None:
    image = Image.new(mode, (30, 20))
    image.info["exif"] = with_orientation(6).tobytes()
    prepared = prepare_rgb(image)
    assert (prepared.mode, prepared.size) == ("RGB", (20, 30))
    assert image.size == (30, 20)

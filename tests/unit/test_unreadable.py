"""Files that are no images, or no longer: a reason fit to show, never another error."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import picture

from simwidget.imaging import UnreadableImageError, hash_pixels, open_rgb, read_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image


def huge_png() -> bytes:
    """A file of 57 bytes that says it holds 60,000 x 60,000 pixels."""
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in (
        (b"IHDR", struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0)),
        (b"IDAT", b""),
        (b"IEND", b""),
    ):
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data


class TestUnreadable:
    def bytes_of(self, image: Image.Image, form: str) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, form)
        return buffer.getvalue()

    def refused(self, path: Path, reason: str) -> None:
        for read in (read_image, hash_pixels, open_rgb):
            with pytest.raises(UnreadableImageError, match=reason):
                read(path)

    def test_no_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").touch()
        with pytest.raises(UnreadableImageError, match="the file is empty"):
            read_image(tmp_path / "a.jpg")

    def test_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_text("This is no picture.")
        self.refused(tmp_path / "a.jpg", "^not an image that Pillow can read$")

    @pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
    def test_truncated(self, tmp_path: Path, form: str) -> None:
        data = self.bytes_of(picture(1), form)
        (tmp_path / "a").write_bytes(data[: len(data) // 2])
        self.refused(tmp_path / "a", "^(cannot be decoded|not an image)")

    def test_truncated_large_jpeg(self, tmp_path: Path) -> None:
        data = self.bytes_of(picture(1, (1200, 900)), "JPEG")
        (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
        self.refused(tmp_path / "a.jpg", "^cannot be decoded: .*truncated")

    def test_decompression_bomb(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(huge_png())
        self.refused(tmp_path / "a.png", "^too large to decode safely")

    def test_gone(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "a.png", "^the file is no longer there$")

    def test_no_permission(self, open_folder: Path, without_rights: Callable[..., object]) -> None:
        picture(1).save(open_folder / "a.png")
        with without_rights(open_folder / "a.png", mode=0o000):
            self.refused(open_folder / "a.png", "^no permission to read the file$")

    @pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP", "TIFF"])
    def test_deceptive_suffix_works(self, tmp_path: Path, form: str) -> None:
        (tmp_path / "a.jpg").write_bytes(self.bytes_of(picture(1), form))
        assert read_image(tmp_path / "a.jpg").width == 96

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        form=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "TGA", "ICO", "PPM"]),
        damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
        keep=st.floats(0.02, 1),
    )
    def test_damage_gives_a_picture_or_a_reason(
        self, tmp_path: Path, form: str, damage: list[tuple[float, int]], keep: float
    ) -> None:
        data = bytearray(self.bytes_of(picture(1, (24, 16)), form))
        for position, value in damage:
            data[int(position * len(data))] = value
        (tmp_path / "a").write_bytes(data[: max(1, int(keep * len(data)))])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read = read_image(tmp_path / "a")
            except UnreadableImageError:
                pass  # the only error there may be
            else:
                assert read.image.mode == "RGB"
                assert max(read.image.size) > 0

"""The ways in which a file is duplicated."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

from PIL import Image, ImageEnhance, ImageOps

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

EXACT = ("identical", "same pixels", "EXIF-rotated")
"""Kinds whose upright pixels are those of the source, to the last bit."""

NEAR = ("re-encoded", "resized", "cropped", "brightened", "mirrored")
"""Kinds that look like the source and are not the same."""

ORIENTATION = 0x0112
"""EXIF tag that says how stored pixels have to be turned to stand upright."""

_TO_STORE = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
"""What a camera held that way does to an upright picture, by EXIF orientation."""


def stored_turned(upright: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """Pixels turned as a camera stores them, with the EXIF block that turns them back.

    Parameters
    ----------
    upright : PIL.Image.Image
        The picture as it is to be seen.
    orientation : int
        EXIF orientation: 3, 6 or 8.
    """
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return upright.transpose(_TO_STORE[orientation]), exif


def copy(rng: np.random.Generator, kind: str, source: Path, target: Path) -> None:
    """Write a copy of an image file.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the strength of the change.
    kind : str
        One of :data:`EXACT` or :data:`NEAR`.
    source : Path
        The image file to copy.
    target : Path
        The file to write; for ``same pixels`` and ``EXIF-rotated`` a PNG, since that loses nothing.
    """
    if kind == "identical":
        shutil.copyfile(source, target)
        return
    with Image.open(source) as opened:
        turned = opened.getexif().get(ORIENTATION, 1) != 1
        image = ImageOps.exif_transpose(opened).convert("RGB")
    width, height = image.size
    if kind == "same pixels" or (kind == "EXIF-rotated" and turned):
        # A source that is stored turned needs no second turn: standing upright is the difference.
        image.save(target)
    elif kind == "EXIF-rotated":
        stored, exif = stored_turned(image, int(rng.choice(list(_TO_STORE))))
        stored.save(target, exif=exif)
    elif kind == "re-encoded":
        image.save(target, quality=int(rng.integers(40, 71)))
    elif kind == "resized":
        factor = 1.5 if rng.random() < 0.2 else float(rng.uniform(0.5, 0.75))
        size = round(width * factor), round(height * factor)
        image.resize(size, Image.Resampling.LANCZOS).save(target, quality=88)
    elif kind == "cropped":
        left, top, right, bottom = rng.uniform(0.05, 0.08, 4)
        box = round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom))
        image.crop(box).save(target, quality=88)
    elif kind == "brightened":
        ImageEnhance.Brightness(image).enhance(float(rng.uniform(1.12, 1.3))).save(target, quality=88)
    elif kind == "mirrored":
        ImageOps.mirror(image).save(target, quality=88)
    else:
        raise ValueError(f"No such kind of copy: {kind!r}. Use one of {', '.join(EXACT + NEAR)}.")


def truncated(image: Image.Image) -> bytes:
    """Cut off a JPEG after 40 %, as an interrupted download leaves it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()[: buffer.tell() * 2 // 5]

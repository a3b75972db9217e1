"""Images for tests: varied as photos are, small, and the same for the same seed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def picture(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """An RGB image of smooth shapes, edges and texture, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (int(rng.integers(3, 7)), int(rng.integers(3, 7)), 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
    y, x = np.mgrid[: size[1], : size[0]] / np.array(size[::-1]).reshape(2, 1, 1)
    for _ in range(6):
        (center_x, center_y), radius = rng.random(2), rng.uniform(0.08, 0.3)
        inside = np.abs(x - center_x) + np.abs(y - center_y) < radius
        smooth[inside] = rng.integers(0, 256, 3)
    texture = rng.integers(-10, 11, smooth.shape)
    return Image.fromarray(np.clip(smooth + texture, 0, 255).astype(np.uint8))


def write_pictures(folder: Path, count: int, first_seed: int = 0) -> list[Path]:
    """Write ``count`` different pictures as ``picture_00.jpg`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"picture_{number:02d}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        picture(first_seed + number).save(path, quality=92)
    return paths


def copy_files(paths: list[Path], suffix: str = " (1)") -> list[Path]:
    """Copy files beside themselves under another name."""
    copies = [path.with_stem(path.stem + suffix) for path in paths]
    for path, copy in zip(paths, copies, strict=True):
        shutil.copy2(path, copy)
    return copies

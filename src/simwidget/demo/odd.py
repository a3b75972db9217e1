"""Pictures that belong to no kind: what strays into every photo folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from simwidget.demo.canvas import fill, grid, hsv, noise

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = [
    "the",
    "of",
    "and",
    "light",
    "image",
    "between",
    "measured",
    "sample",
    "where",
    "each",
    "value",
    "from",
    "same",
    "figure",
    "shown",
    "with",
    "results",
    "after",
    "first",
    "second",
    "pair",
    "distance",
    "within",
    "folder",
    "every",
    "time",
    "method",
    "than",
    "which",
    "order",
    "table",
    "number",
    "small",
    "large",
]


def blank_scan(rng: np.random.Generator) -> Image.Image:
    """Scan an empty sheet: paper grain, a shadow along one edge, a fold."""
    height, width = 620, 440
    y, x = grid(height, width)
    paper = (
        fill((height, width), (0.95, 0.94, 0.91))
        * (0.97 + 0.03 * noise(rng, height, width, 80, octaves=3))[..., None]
    )
    edge = 1 - 0.35 * np.exp(-(x / 0.025)) - 0.06 * np.exp(-(((y - 0.5) / 0.004) ** 2))
    return _develop(paper * edge[..., None])


def document(rng: np.random.Generator) -> Image.Image:
    """Typeset a page of text."""
    page = Image.new("RGB", (460, 640), (250, 249, 245))
    pencil = ImageDraw.Draw(page)
    pencil.text((50, 40), "Quarterly report", font=ImageFont.load_default(26), fill=(25, 25, 30))
    font = ImageFont.load_default(11)
    for line in range(34):
        if line % 9 == 8:
            continue
        words = " ".join(rng.choice(_WORDS, int(rng.integers(9, 11)) if line % 9 != 7 else 4))
        pencil.text((50, 92 + line * 15), words[:62], font=font, fill=(45, 45, 50))
    return page


def noise_frame(rng: np.random.Generator) -> Image.Image:
    """Fill a frame with sensor noise."""
    return Image.fromarray(rng.integers(0, 256, (240, 320, 3), np.uint8))


def color_chart(rng: np.random.Generator) -> Image.Image:
    """Rows of color patches on black, for calibration."""
    chart = Image.new("RGB", (600, 400), (22, 22, 24))
    pencil = ImageDraw.Draw(chart)
    for row in range(4):
        for column in range(6):
            color = hsv(column / 6 + row / 24, 0.2 + 0.2 * row, 0.9) if row < 3 else ((column + 0.5) / 6,) * 3
            left, top = 14 + column * 97, 12 + row * 96
            pencil.rectangle([left, top, left + 86, top + 86], fill=tuple(round(255 * c) for c in color))
    pixels = np.asarray(chart, np.float32) / 255
    return _develop(pixels + rng.normal(0, 0.008, pixels.shape).astype(np.float32))


def lens_cap(rng: np.random.Generator) -> Image.Image:
    """Take a shot with the cap on: black, with a leak of light in a corner."""
    height, width = 420, 560
    y, x = grid(height, width)
    leak = np.exp(-np.sqrt((y - 1) ** 2 + x**2) * 5)[..., None] * np.array([0.35, 0.12, 0.05], np.float32)
    return _develop(leak + 0.015 + rng.normal(0, 0.012, (height, width, 3)).astype(np.float32))


ODD: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "Scan_0001.jpg": blank_scan,
    "quarterly-report.png": document,
    "noise test.jpg": noise_frame,
    "color_chart.jpg": color_chart,
    "IMG_0000.jpg": lens_cap,
}
"""What draws each odd one out, by file name."""


def _develop(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8))

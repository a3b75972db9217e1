"""The painter's box: noise, ramps, masks, blur and the finishing touches shared by every scene.

A picture is a float array of shape (height, width, 3), display-referred RGB in [0, 1]; a mask is a
float array of shape (height, width) in [0, 1]. All randomness comes from the generator passed in.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array: TypeAlias = npt.NDArray[np.floating[Any]]
Color: TypeAlias = tuple[float, float, float]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def rgb(code: str) -> Color:
    """Color of a hexadecimal code such as ``"e8a35c"``, as three floats in [0, 1]."""
    red, green, blue = bytes.fromhex(code)
    return red / 255, green / 255, blue / 255


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Color of a hue (any real number, period 1), saturation and value in [0, 1]."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))


def mix(a: Sequence[float], b: Sequence[float], t: float) -> Color:
    """Color a share ``t`` of the way from ``a`` to ``b``."""
    first, second, third = ((1 - t) * x + t * y for x, y in zip(a, b, strict=True))
    return first, second, third


def smoothstep(low: float, high: float, x: Array) -> Array:
    """Hermite step: 0 below ``low``, 1 above ``high`` (either may be the larger one), same shape as ``x``."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def ramp(stops: Sequence[tuple[float, Sequence[float]]], t: Array) -> Array:
    """Color ramp.

    Parameters
    ----------
    stops : sequence of (position, color)
        By ascending position, within [0, 1].
    t : ndarray
        Where on the ramp; values outside of [0, 1] are clipped.

    Returns
    -------
    ndarray of float32, shape of ``t`` plus a channel axis
    """
    fine = np.linspace(0, 1, 1024)
    positions = [position for position, _ in stops]
    table = np.stack([np.interp(fine, positions, [color[c] for _, color in stops]) for c in range(3)], axis=1)
    index = np.clip(t * 1023, 0, 1023).astype(np.int32)
    colors: Array = table.astype(np.float32)[index]
    return colors


def fill(shape: tuple[int, ...], color: Sequence[float]) -> Array:
    """Picture of one color, of ``shape`` (height, width)."""
    return np.full((*shape, 3), color, np.float32)


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Rows and columns of pixel centers divided by ``height``, as broadcastable (h, 1) and (1, w) arrays."""
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / height
    return y, x


def blend(base: Array, color: Array | Sequence[float], alpha: Array | float) -> Array:
    """Lay a color or picture over ``base`` with opacity ``alpha`` (a mask or a number); a new picture."""
    cover = np.asarray(alpha, np.float32)
    if cover.ndim == 2:
        cover = cover[..., None]
    return np.asarray(base + (np.asarray(color, np.float32) - base) * cover, np.float32)


def resize(plane: Array, height: int, width: int, *, smooth: bool = True) -> Array:
    """One channel resampled to another size, bicubic or by area."""
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.BOX
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), how))


def noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    cells: float,
    *,
    octaves: int = 5,
    gain: float = 0.5,
    stretch: float = 1.0,
    ridged: bool = False,
) -> Array:
    """Fractal value noise that repeats seamlessly, scaled to [0, 1].

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    height, width : int
        Size in pixels.
    cells : float
        Lumps along the height in the coarsest octave; every further octave has twice as many.
    octaves : int
        Number of octaves summed.
    gain : float
        Amplitude of an octave relative to the one before, in (0, 1).
    stretch : float
        How much wider than high a lump is.
    ridged : bool
        Fold every octave about its middle, which turns lumps into sharp crests.

    Returns
    -------
    ndarray of float32, shape (height, width)
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        rows = max(1, round(cells * 2**octave))
        columns = max(1, round(rows * width / height / stretch))
        if rows > height or columns > width * 2:
            break
        layer = _lattice(rng, rows, columns, height, width)
        total += gain**octave * (1 - np.abs(2 * layer - 1) if ridged else layer)
    return _normalized(total)


def profile(
    rng: np.random.Generator,
    length: int,
    cells: float,
    *,
    octaves: int = 5,
    gain: float = 0.5,
    ridged: bool = False,
) -> Array:
    """:func:`noise` along a line: float32 of shape (length,) in [0, 1], with ``cells`` lumps in all."""
    total = np.zeros(length, np.float32)
    for octave in range(octaves):
        layer = _lattice(rng, 1, min(length, max(1, round(cells * 2**octave))), 1, length)[0]
        total += gain**octave * (1 - np.abs(2 * layer - 1) if ridged else layer)
    return _normalized(total)


def _lattice(rng: np.random.Generator, rows: int, columns: int, height: int, width: int) -> Array:
    """Random lattice of (rows, columns), interpolated to (height, width) as if it went on for ever."""
    margin = 3
    padded = Image.fromarray(np.pad(rng.random((rows, columns), np.float32), margin, mode="wrap"))
    box = (margin, margin, margin + columns, margin + rows)
    return np.asarray(padded.resize((width, height), Image.Resampling.BICUBIC, box=box))


def _normalized(values: Array) -> Array:
    """Values stretched to [0, 1]; all 0 when they are all alike."""
    low, span = float(values.min()), float(np.ptp(values))
    return np.asarray((values - low) / (span or 1.0), np.float32)


def sample(texture: Array, y: Array, x: Array) -> Array:
    """Bilinear look-up in a texture that repeats.

    Parameters
    ----------
    texture : ndarray of float32, shape (height, width) or (height, width, channels)
        Both sides powers of two.
    y, x : ndarray
        Where to look, in texture pixels; any finite values, broadcast against each other.

    Returns
    -------
    ndarray of float32, shape of ``y`` and ``x`` plus the channels
    """
    height, width = texture.shape[:2]
    top, left = np.floor(y), np.floor(x)
    fy, fx = (y - top).astype(np.float32), (x - left).astype(np.float32)
    y0, x0 = top.astype(np.int32) & (height - 1), left.astype(np.int32) & (width - 1)
    y1, x1 = ((y0 + 1) & (height - 1)) * width, (x0 + 1) & (width - 1)
    y0 *= width
    flat = texture.reshape(height * width, *texture.shape[2:])
    if texture.ndim == 3:
        fy, fx = fy[..., None], fx[..., None]
    upper, lower = flat.take(y0 + x0, axis=0), flat.take(y1 + x0, axis=0)
    upper += (flat.take(y0 + x1, axis=0) - upper) * fx
    lower += (flat.take(y1 + x1, axis=0) - lower) * fx
    return np.asarray(upper + (lower - upper) * fy, np.float32)


def mask(height: int, width: int, draw: Callable[[ImageDraw.ImageDraw, int], None], *, scale: int = 2) -> Array:
    """Antialiased mask of what ``draw(pencil, scale)`` draws in white on a canvas ``scale`` times as large."""
    sheet = Image.new("L", (width * scale, height * scale))
    draw(ImageDraw.Draw(sheet), scale)
    small = sheet.resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def blur(picture: Array, radius: float) -> Array:
    """Blur of about ``radius`` pixels, by way of a smaller picture: cheap however large the radius is."""
    if radius < 0.7:
        return picture
    height, width = picture.shape[:2]
    small = (max(2, round(height / radius)), max(2, round(width / radius)))

    def soften(plane: Array) -> Array:
        return resize(resize(plane, *small, smooth=False), height, width)

    if picture.ndim == 2:
        return soften(picture)
    return np.stack([soften(picture[..., c]) for c in range(3)], axis=-1)


def bloom(picture: Array, strength: float, *, threshold: float = 0.85) -> Array:
    """Let the highlights above ``threshold`` bleed into their surroundings, as a lens does."""
    height = picture.shape[0]
    light = np.clip(picture - threshold, 0, None)
    spread = blur(light, height / 60) + blur(light, height / 18)
    return np.asarray(picture + strength * spread, np.float32)


def finish(rng: np.random.Generator, picture: Array, *, grain: float = 0.012) -> Image.Image:
    """Develop a picture: exposure, contrast, warmth, saturation, vignette and grain, each a little at random.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, same size.
    """
    height, width = picture.shape[:2]
    y, x = grid(height, width)
    y, x = y - 0.5, x - 0.5 * width / height
    vignette = 1 - rng.uniform(0.05, 0.4) * (y * y + x * x) / (0.25 + 0.25 * (width / height) ** 2)
    warmth = float(rng.normal(0, 0.025))
    picture = np.clip(picture, 0, None) * vignette[..., None]
    # Exposed for the highlights, within limits: a night stays dark.
    bright = float(np.quantile(picture[::6, ::6].max(axis=2), 0.97))
    exposure = np.clip(0.95 / max(bright, 0.1), 0.95, 1.5) * rng.uniform(0.94, 1.06)
    picture = picture * (np.array([1 + warmth, 1, 1 - warmth]) * exposure).astype(np.float32)
    # A shoulder instead of clipping keeps color in the brightest parts.
    picture = np.where(picture > 0.8, 0.8 + 0.2 * np.tanh((picture - 0.8) / 0.2), picture)
    curve = float(rng.uniform(0.0, 0.5))
    picture = picture + curve * (picture * picture * (3 - 2 * picture) - picture)
    gray = (picture @ LUMA)[..., None]
    picture = gray + (picture - gray) * np.float32(rng.uniform(0.88, 1.15))
    speckle = rng.standard_normal((height, width, 1), np.float32) * np.float32(grain)
    return Image.fromarray((np.clip(picture + speckle, 0, 1) * 255 + 0.5).astype(np.uint8))

"""Skylines: cities in layers, by day, dusk and night, behind water or haze."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.demo.canvas import (
    Array,
    Color,
    blend,
    bloom,
    fill,
    grid,
    hsv,
    mask,
    mix,
    noise,
    profile,
    rgb,
    smoothstep,
)
from simwidget.demo.scenes.sky import Light, pick_light, sky

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import ImageDraw

FACADES = ("6b6f78", "8a7f74", "a59a8c", "4f5a68", "7d5a48", "b8b2a6", "3c4450", "93a3ad", "9c6b52", "56616b")
GLOWS = ("ffd58a", "ffe7b8", "fff4dc", "cfe4ff", "ffb765")


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint a skyline: in turn across water, in layers of haze, from close by and low on the horizon."""
    night = variant % 3 == 1
    light = pick_light(rng, "dusk", "violet", "ember", "teal", "storm", "dusk") if night else pick_light(rng)
    lamps = 0.55 if night else float(np.clip(0.75 - light.ambient, 0.0, 0.45)) * rng.uniform(0.6, 1.4)
    motif = (variant + variant // 3) % 4
    aspect = width / height
    waterline = {0: rng.uniform(0.55, 0.8), 1: 1.15, 2: 1.3, 3: rng.uniform(0.8, 0.92)}[motif]
    sun = None
    if rng.random() < 0.35:
        sun = float(rng.uniform(0.08, 0.5)), float(rng.uniform(0.1, 0.9)) * aspect
    picture = sky(rng, height, width, light, horizon=min(waterline, 0.95), sun=sun)
    layers = {0: 3, 1: int(rng.integers(4, 7)), 2: 3, 3: 2}[motif]
    reach = {
        0: rng.uniform(0.25, 0.6),
        1: rng.uniform(0.3, 1.0),
        2: rng.uniform(1.2, 1.6),
        3: rng.uniform(0.12, 0.3),
    }[motif]
    side = int(rng.choice([-1, 1]))
    for layer in range(layers):
        depth = 1 - (layer + 1) / layers
        base = waterline + (0.0 if motif in (0, 3) else 0.12 * layer)
        swell = 0.35 + 0.65 * profile(rng, 64, rng.uniform(1.5, 4), octaves=3)
        if motif == 2:  # a street: tall at the sides, open in the middle
            across = np.linspace(-1, 1, 64)
            swell = swell * 0.4 + 0.7 * np.abs(across + 0.3 * side) ** 1.2 * (0.55 + 0.8 * layer / layers)
        picture = _row(rng, picture, light, base, reach * (0.65 + 0.5 * depth), swell, depth, lamps, big=motif == 2)
        if motif in (0, 1) and layer < layers - 1:
            y, _ = grid(height, width)
            mist = smoothstep(base - reach * 0.8, base, np.broadcast_to(y, (height, width)))
            picture = blend(picture, mix(light.horizon, light.middle, 0.3), mist * rng.uniform(0.15, 0.5))
    if motif in (0, 3):
        picture = _mirror(rng, picture, light, waterline)
    return bloom(picture, 0.6 if lamps > 0.3 else 0.2, threshold=0.75)


def _row(
    rng: np.random.Generator,
    picture: Array,
    light: Light,
    base: float,
    reach: float,
    swell: Array,
    depth: float,
    lamps: float,
    *,
    big: bool,
) -> Array:
    """One row of buildings standing at height ``base`` of the picture, hazier the greater ``depth`` is."""
    height, width = picture.shape[:2]
    haze = mix(light.horizon, light.middle, 0.4)
    veil = 0.08 + 0.72 * depth
    scale = (0.055 + 0.05 * (1 - depth)) * (2.2 if big else 1.0) * rng.uniform(0.8, 1.3)
    left = -0.05 * width
    out: Array = picture.copy()
    while left < width:
        wide = int(scale * height * rng.uniform(0.5, 1.5)) + 6
        rise = float(np.interp(left + wide / 2, np.linspace(0, width, 64), swell)) * rng.uniform(0.55, 1.15)
        tall = int(reach * rise * height)
        if tall > 8:
            _building(rng, out, light, int(left), int(base * height), wide, tall, haze, veil, lamps)
        left += wide * rng.uniform(0.75, 1.25)
    return out


def _building(
    rng: np.random.Generator,
    out: Array,
    light: Light,
    left: int,
    base: int,
    wide: int,
    tall: int,
    haze: Color,
    veil: float,
    lamps: float,
) -> None:
    """Draw one building into ``out``: a crown of one of six shapes over a grid of windows, lit from one side."""
    height, width = out.shape[:2]
    crown = int(min(tall * 0.45, wide * rng.uniform(0.4, 2.2)))
    top = base - tall
    shape = str(rng.choice(["flat", "flat", "steps", "spire", "slant", "dome", "mast"]))
    box = mask(tall, wide, _outline(shape, tall, wide, crown))
    rows = slice(max(top, 0), min(base, height))
    columns = slice(max(left, 0), min(left + wide, width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    y = np.arange(tall)[:, None]
    x = np.arange(wide)[None, :]
    wall = mix(rgb(str(rng.choice(FACADES))), light.shade, 0.3)
    split = int(wide * rng.uniform(0.25, 0.75))
    tone = (0.3 + 0.75 * light.ambient) * (1 - 0.35 * (x > split)) * (1.08 - 0.3 * y / max(tall, 1))
    body = np.asarray(wall, np.float32) * tone[..., None].astype(np.float32)
    # Windows: the same pitch all over, each lit or not as a whole.
    pitch_y, pitch_x = int(rng.integers(5, 12)), int(rng.integers(4, 11))
    bands = rng.random() < 0.25
    pane = (y % pitch_y >= 2) & ((x % pitch_x >= 2) | bands)
    number = (y // pitch_y) * 97 + x // (pitch_x if not bands else pitch_x * 3)
    lot = rng.random(int(number.max()) + 1)[number]
    shine = mix(light.middle, light.zenith, float(rng.random()))
    body = blend(
        body, np.asarray(shine, np.float32) * np.float32(0.35 + 0.55 * light.ambient), pane * (0.35 + 0.3 * lot)
    )
    on = pane & (lot < lamps * rng.uniform(0.4, 1.3))
    warm = rgb(str(rng.choice(GLOWS)))
    body = blend(body, np.asarray(warm, np.float32) * (0.75 + 0.45 * lot[..., None]).astype(np.float32), on * 0.92)
    body = blend(body, haze, veil * (0.55 + 0.45 * np.broadcast_to(y, (tall, wide)) / max(tall, 1)))
    view = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    out[rows, columns] = blend(out[rows, columns], body[view], box[view])


def _outline(shape: str, tall: int, wide: int, crown: int) -> Callable[[ImageDraw.ImageDraw, int], None]:
    """Drawing function of a building's silhouette in a box of ``tall`` by ``wide``."""

    def draw(pencil: ImageDraw.ImageDraw, s: int) -> None:
        h, w, c = tall * s, wide * s, crown * s
        solid = [0, c, w, h]
        if shape == "flat":
            solid = [0, 0, w, h]
        elif shape == "steps":
            pencil.rectangle([w * 0.15, c * 0.5, w * 0.85, c], fill=255)
            pencil.rectangle([w * 0.3, 0, w * 0.7, c], fill=255)
        elif shape == "spire":
            pencil.polygon([(w * 0.12, c), (w * 0.5, 0), (w * 0.88, c)], fill=255)
        elif shape == "slant":
            pencil.polygon([(0, c), (0, c * 0.35), (w, 0), (w, c)], fill=255)
        elif shape == "dome":
            pencil.ellipse([0, c * 0.3, w, c * 1.7], fill=255)
        else:
            pencil.rectangle([w * 0.2, c * 0.75, w * 0.8, c], fill=255)
            pencil.line([(w / 2, 0), (w / 2, c)], fill=255, width=max(2, w // 22))
        pencil.rectangle(solid, fill=255)

    return draw


def _mirror(rng: np.random.Generator, picture: Array, light: Light, waterline: float) -> Array:
    """Water in front of the city: its mirror image, drawn out in long ripples."""
    height, width = picture.shape[:2]
    y, _ = grid(height, width)
    below = np.clip(y - waterline, 0, 1)
    ripple = noise(rng, height, width, rng.uniform(25, 60), octaves=3, gain=0.6, stretch=rng.uniform(4, 12)) - 0.5
    rows = 2 * waterline * height - np.arange(height)[:, None] + ripple * height * (0.02 + 0.5 * below)
    row = np.clip(rows, 0, waterline * height - 1).astype(int)
    drift = ((noise(rng, height, width, 30, octaves=2, stretch=3) - 0.5) * 14 * (0.3 + below)).astype(int)
    column = np.clip(np.arange(width)[None, :] + drift, 0, width - 1)
    mirror = picture[row, column]
    water = fill((height, width), mix(light.zenith, hsv(rng.uniform(0.5, 0.6), 0.5, 0.25), 0.5))
    sea = blend(water, mirror, np.clip(0.85 - 0.9 * below, 0.35, 1))
    return blend(picture, sea, (np.broadcast_to(y, (height, width)) > waterline).astype(np.float32))

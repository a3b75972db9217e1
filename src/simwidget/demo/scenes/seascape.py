"""Seascapes: open water, beaches, islands and sails, under every light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simwidget.demo.canvas import (
    Array,
    blend,
    bloom,
    fill,
    grid,
    mask,
    mix,
    noise,
    profile,
    rgb,
    sample,
    smoothstep,
)
from simwidget.demo.scenes.sky import Light, pick_light, sky

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import ImageDraw

SIZE = 512
WATERS = ("0f3f5c", "0d5a66", "1b6f73", "23405a", "16324a", "2a6f88", "35545c")


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint a seascape: in turn open sea, beach, islands, sails, breakers and cliffs."""
    light = pick_light(rng)
    aspect = width / height
    horizon = float(rng.uniform(0.25, 0.66))
    sun = None
    if rng.random() < 0.6:
        sun = (horizon - float(rng.uniform(0.02, 0.24)), float(rng.uniform(0.12, 0.88)) * aspect)
    picture = sky(rng, height, width, light, horizon=horizon, sun=sun)
    motif = variant % 6
    if motif in (2, 5):
        picture = _islands(rng, picture, light, horizon, near=motif == 5)
    picture = _water(rng, picture, light, horizon, sun, rough=2.2 if motif == 4 else float(rng.uniform(0.35, 1.2)))
    if motif == 1:
        picture = _beach(rng, picture, light, horizon)
    if motif == 3 or rng.random() < 0.15:
        picture = _sails(rng, picture, light, horizon)
    if rng.random() < 0.35:
        picture = _birds(rng, picture, light, horizon)
    return bloom(picture, 0.25)


def _water(
    rng: np.random.Generator,
    picture: Array,
    light: Light,
    horizon: float,
    sun: tuple[float, float] | None,
    *,
    rough: float,
) -> Array:
    """Sea below the horizon: waves in perspective, mirroring the picture above it, with sun glitter."""
    height, width = picture.shape[:2]
    aspect = width / height
    y, x = grid(height, width)
    below = np.maximum(y - horizon, 1e-3)
    distance = 0.12 / below
    u = (x - aspect / 2) * distance * 8
    wind = float(rng.uniform(-0.6, 0.6))
    swell = noise(rng, SIZE, SIZE, 20, octaves=4, gain=0.55, stretch=rng.uniform(1.5, 4))
    chop = noise(rng, SIZE, SIZE, 48, octaves=3, gain=0.6, stretch=1.5)
    drift = rng.uniform(0, SIZE, 2)
    v = distance * 8
    along, across = v + wind * u + drift[0], u - wind * v + drift[1]
    scale = 14.0
    big = sample(swell, along * scale, across * scale) - sample(swell, along * scale + 3, across * scale)
    tilt = sample(chop, along * scale * 2.7, across * scale * 2.7)
    small = tilt - sample(chop, along * scale * 2.7 + 3, across * scale * 2.7)
    # Waves smaller than a pixel only average out.
    near = np.clip(below / 0.04, 0.12, 1)
    slope = rough * (big * 1.6 + small * 0.7) * near
    shown = np.clip(below * 0.9 + 0.02 + slope * 0.9, 0, horizon * 0.98)
    row = np.clip((horizon - shown) * height, 0, height - 1).astype(int)
    shift = np.clip(np.arange(width)[None, :] + slope * 60, 0, width - 1).astype(int)
    mirror = picture[row, shift]
    deep = mix(rgb(str(rng.choice(WATERS))), light.shade, 0.25)
    fresnel = np.clip(0.95 - 1.25 * below - slope * 1.4, 0.12, 0.95)
    body = fill((height, width), deep) * (0.45 + light.ambient * 0.8 + 1.2 * np.clip(-slope, -0.25, 0.5))[..., None]
    sea = blend(body, mirror, fresnel)
    if sun is not None:
        spread = 0.035 + 0.22 * below
        aim = np.exp(-(((x - sun[1]) / spread) ** 2))
        glitter = aim * smoothstep(0.02, 0.16, tilt - 0.52 + 0.25 * aim) * near**0.3
        burn = np.clip(np.asarray(light.sun, np.float32) * (glitter * 0.9)[..., None], 0, 1)
        sea = 1 - (1 - sea) * (1 - burn)
    if rough > 1.5:
        crest = smoothstep(0.1, 0.3, rough * big * near - 0.15 + 0.12 * (tilt - 0.5))
        sea = blend(sea, mix(light.cloud, (1, 1, 1), 0.4), crest * 0.8)
    edge = smoothstep(horizon - 0.5 / height, horizon + 0.8 / height, np.broadcast_to(y, (height, width)))
    return blend(picture, sea, edge)


def _islands(rng: np.random.Generator, picture: Array, light: Light, horizon: float, *, near: bool) -> Array:
    """Land rising out of the sea, the far range first."""
    height, width = picture.shape[:2]
    aspect = width / height
    y, x = grid(height, width)
    layers = int(rng.integers(2, 5))
    for layer in range(layers):
        depth = 1 - (layer + 1) / layers
        outline = 0.75 * profile(rng, width, 3, octaves=2) + 0.35 * profile(rng, width, 5, octaves=8, ridged=True)
        center, reach = float(rng.uniform(0.0, 1.0)) * aspect, float(rng.uniform(0.12, 0.5)) * aspect
        envelope = np.clip(1 - ((x[0] - center) / reach) ** 2, 0, 1) ** (0.35 if near else 0.8)
        top = horizon - outline * envelope * rng.uniform(0.08, 0.2) * (2.2 if near and layer == layers - 1 else 1)
        land = smoothstep(0.0, 1.5 / height, y - top[None, :]) * (envelope > 0)[None, :]
        rock = noise(rng, height, width, 14, octaves=5, gain=0.65, stretch=0.5)
        base = mix(light.shade, rgb("3a4034" if rng.random() < 0.5 else "5a4a3c"), 0.65)
        glow = (0.35 + 0.7 * light.ambient + 0.8 * (rock - 0.45))[..., None]
        color = blend(
            fill((height, width), base) * glow, mix(light.horizon, light.middle, 0.4), 0.15 + 0.65 * depth
        )
        picture = blend(picture, color, land)
    return picture


def _beach(rng: np.random.Generator, picture: Array, light: Light, horizon: float) -> Array:
    """Sand in the foreground, wet and edged with foam where the waves run out."""
    height, width = picture.shape[:2]
    y, x = grid(height, width)
    curve = profile(rng, width, 2, octaves=1) - 0.5
    wave = profile(rng, width, 4, octaves=4) - 0.5
    lean = float(rng.uniform(-0.35, 0.35))
    line = horizon + (1 - horizon) * rng.uniform(0.3, 0.65) + lean * (x[0] - width / height / 2) + 0.08 * curve
    sand = mix(rgb(str(rng.choice(["d9bf94", "e6d6b8", "b89a72", "8f8478", "efe3cf"]))), light.horizon, 0.2)
    grainy = noise(rng, height, width, 60, octaves=4, gain=0.8, stretch=2.5)
    dunes = noise(rng, height, width, 4, octaves=3, stretch=3)
    shore = (
        fill((height, width), sand)
        * (0.35 + light.ambient + 0.16 * (grainy - 0.5) + 0.3 * (dunes - 0.5))[..., None]
    )
    into = y - (line + 0.05 * wave)[None, :]
    wet = smoothstep(0.11, 0.0, into)
    shore = blend(shore, shore * 0.55 + 0.3 * np.asarray(light.middle, np.float32), wet * 0.85)
    picture = blend(picture, shore, smoothstep(-0.004, 0.004, into))
    lace = noise(rng, height, width, 26, octaves=4, gain=0.7, stretch=2)
    for offset, strength in ((0.0, 0.95), (-0.07, 0.7), (-0.15, 0.5)):
        band = np.exp(-(((into - offset * (1 + wave[None, :])) / 0.016) ** 2))
        foam = band * smoothstep(0.25, 0.6, lace + 0.3 * band)
        picture = blend(picture, mix(light.cloud, (1, 1, 1), 0.5), foam * strength)
    return picture


def _sails(rng: np.random.Generator, picture: Array, light: Light, horizon: float) -> Array:
    """Sailing boats, the far ones first."""
    height, width = picture.shape[:2]
    for down in np.sort(rng.uniform(0.01, 0.22, int(rng.integers(1, 5)))):
        x, y = float(rng.uniform(0.1, 0.9)) * width, (horizon + float(down)) * height
        tall = (0.05 + 1.1 * float(down)) * height * float(rng.uniform(0.8, 1.2))
        picture = _boat(rng, picture, light, x, y, tall)
    return picture


def _boat(rng: np.random.Generator, picture: Array, light: Light, x: float, y: float, tall: float) -> Array:
    """Draw one boat of ``tall`` pixels on the water at (y, x), with its dark image below it."""
    height, width = picture.shape[:2]
    lean = float(rng.uniform(-0.12, 0.12))
    cloth = mix(rgb(str(rng.choice(["f6f1e4", "ffffff", "c8452f", "e2a23b", "2f4f7f"]))), light.sun, 0.25)

    def shape(*polygons: Sequence[tuple[float, float]]) -> Array:
        def draw(pencil: ImageDraw.ImageDraw, s: int) -> None:
            for points in polygons:
                pencil.polygon([((x + (a - b * lean) * tall) * s, (y + b * tall) * s) for a, b in points], fill=255)

        return mask(height, width, draw)

    image = shape([(-0.36, 0.0), (0.4, 0.0), (0.3, 0.25), (0.05, 0.5), (-0.25, 0.25)])
    ripple = noise(rng, height, width, 50, octaves=2, stretch=5)
    picture = blend(picture, mix(light.shade, (0, 0, 0), 0.4), image * smoothstep(0.4, 0.7, ripple) * 0.5)
    sails = shape([(0.0, -0.1), (0.02, -1.0), (-0.34, -0.12)], [(0.03, -0.1), (0.04, -0.9), (0.36, -0.12)])
    column = np.arange(width)[None, :]
    shade = np.clip(0.55 + 0.5 * light.ambient + 0.3 * (column - x) / tall, 0.3, 1.15)[..., None]
    picture = blend(picture, np.asarray(cloth, np.float32) * shade, sails)
    hull = shape([(-0.36, -0.06), (0.42, -0.08), (0.28, 0.05), (-0.26, 0.05)])
    return blend(picture, mix(light.shade, rgb("2a211c"), 0.7), hull)


def _birds(rng: np.random.Generator, picture: Array, light: Light, horizon: float) -> Array:
    """Draw a few gulls."""
    height, width = picture.shape[:2]
    center = rng.uniform(0.15, 0.85) * width, horizon * rng.uniform(0.2, 0.75) * height
    flock = [
        (
            center[0] + rng.normal(0, 0.1) * width,
            center[1] + rng.normal(0, 0.06) * height,
            rng.uniform(0.008, 0.022),
        )
        for _ in range(int(rng.integers(2, 9)))
    ]

    def draw(pencil: ImageDraw.ImageDraw, s: int) -> None:
        for x, y, share in flock:
            r = share * height * s
            for side in (-1, 1):
                wing = [
                    (x * s, y * s),
                    (x * s + side * r * 0.55, y * s - r * 0.55),
                    (x * s + side * r * 1.2, y * s - r * 0.25),
                ]
                pencil.line(wing, fill=255, width=max(2, int(r * 0.16)))

    return blend(picture, mix(light.shade, (0.1, 0.1, 0.12), 0.6), mask(height, width, draw))

"""Flowers: close-ups, bunches and meadows with a shallow depth of field."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from simwidget.demo.canvas import Array, Color, blend, blur, hsv, mask, mix, noise, profile, ramp, rgb, smoothstep

if TYPE_CHECKING:
    from PIL import ImageDraw


@dataclass(frozen=True)
class Species:
    """Shape of a bloom."""

    petals: tuple[int, int]
    layers: tuple[int, int]
    width: float
    """Width of a petal relative to the room it has; above 1 they overlap."""
    point: float
    """Exponent of the outline: small is blunt, large is pointed."""
    heart: float
    """Radius of the center relative to the bloom."""
    hues: tuple[float, ...]
    saturation: tuple[float, float]
    eye: str
    """Color of the center."""


SPECIES = (
    Species((16, 26), (2, 3), 1.0, 0.45, 0.26, (0.13, 0.0), (0.0, 0.08), "e2a51e"),  # daisy
    Species((5, 6), (1, 2), 1.75, 0.3, 0.14, (0.0, 0.02, 0.97), (0.75, 0.95), "1d1a12"),  # poppy
    Species((20, 30), (2, 3), 1.25, 0.75, 0.36, (0.12, 0.135), (0.8, 0.95), "3b2413"),  # sunflower
    Species((7, 9), (1, 2), 1.3, 0.4, 0.15, (0.9, 0.85, 0.95), (0.3, 0.65), "e0b02c"),  # cosmos
    Species((14, 20), (5, 7), 1.35, 0.6, 0.06, (0.95, 0.03, 0.08, 0.8, 0.12), (0.35, 0.85), "a8442f"),  # dahlia
    Species((5, 5), (1, 1), 1.5, 0.5, 0.1, (0.6, 0.68, 0.75, 0.58), (0.35, 0.75), "f2e27a"),  # flax
    Species((7, 9), (4, 6), 1.9, 0.35, 0.05, (0.97, 0.0, 0.06, 0.93, 0.13), (0.15, 0.7), "c98a5a"),  # rose
    Species((8, 12), (3, 4), 1.0, 1.0, 0.13, (0.9, 0.83, 0.55, 0.0), (0.08, 0.45), "e8b93a"),  # water lily
)


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint flowers of one species: in turn one large bloom, a bunch, a meadow and a bed seen from above."""
    species = SPECIES[variant % len(SPECIES)]
    motif = (variant + variant // 8) % 4
    hue = float(rng.choice(species.hues)) + float(rng.normal(0, 0.012))
    aspect = width / height
    picture = _garden(rng, height, width)
    if motif == 0:
        blooms = [(rng.uniform(0.38, 0.62), rng.uniform(0.3, 0.7) * aspect, rng.uniform(0.3, 0.52), 0.0)]
        blooms[:0] = [
            (rng.uniform(0, 1), rng.uniform(0, 1) * aspect, rng.uniform(0.12, 0.3), rng.uniform(0.02, 0.05))
            for _ in range(int(rng.integers(0, 4)))
        ]
    elif motif == 1:
        count = int(rng.integers(3, 7))
        spots = np.linspace(0.12, 0.88, count) + rng.normal(0, 0.04, count)
        blooms = [
            (rng.uniform(0.2, 0.7), x * aspect, rng.uniform(0.13, 0.24), rng.choice([0.0, 0.0, 0.012]))
            for x in rng.permutation(spots)
        ]
    elif motif == 2:
        level = float(rng.uniform(0.2, 0.45))
        near = np.sort(rng.random(int(rng.integers(35, 80))))
        focus = float(rng.uniform(0.4, 0.9))
        blooms = [
            (
                level + (1.05 - level) * t,
                rng.uniform(-0.05, 1.05) * aspect,
                0.018 + 0.12 * t * t,
                0.03 * abs(t - focus),
            )
            for t in near
        ]
    else:
        size = float(rng.uniform(0.1, 0.2))
        blooms = [
            (rng.uniform(-0.05, 1.05), rng.uniform(-0.05, 1.05) * aspect, size * rng.uniform(0.7, 1.2), 0.0)
            for _ in range(int(1.1 * aspect / size**2 / 3.2))
        ]
    stems = [(y, x, r) for y, x, r, _ in blooms] if motif in (0, 1, 2) else []
    picture = _stems(rng, picture, stems)
    blooms.sort(key=lambda bloom: -bloom[3])
    for y, x, radius, soft in blooms:
        tone = hue + float(rng.normal(0, 0.015 if motif != 3 else 0.03))
        _bloom(rng, picture, species, float(y), float(x), float(radius), float(soft), tone)
    return picture


def _garden(rng: np.random.Generator, height: int, width: int) -> Array:
    """Background out of focus: foliage, light through leaves, discs of blurred highlights."""
    style = str(rng.choice(["leaf", "leaf", "dark", "sky", "warm", "pink"]))
    hues = {"leaf": 0.27, "dark": 0.33, "sky": 0.56, "warm": 0.1, "pink": 0.92}
    hue = hues[style] + float(rng.normal(0, 0.025))
    low, high = {
        "leaf": (0.15, 0.6),
        "dark": (0.02, 0.22),
        "sky": (0.5, 0.95),
        "warm": (0.25, 0.85),
        "pink": (0.5, 0.9),
    }[style]
    field = noise(rng, height, width, rng.uniform(1.5, 4), octaves=3, gain=0.45)
    stops = [
        (0, hsv(hue + 0.05, 0.6, low)),
        (0.6, hsv(hue, 0.45, (low + high) / 2)),
        (1, hsv(hue - 0.06, 0.35, high)),
    ]
    picture = ramp(stops, field)
    spots = [
        (
            rng.uniform(0, width),
            rng.uniform(0, height),
            rng.uniform(0.02, 0.09) * height,
            int(rng.integers(40, 150)),
        )
        for _ in range(int(rng.integers(0, 45)))
    ]

    def discs(pencil: ImageDraw.ImageDraw, s: int) -> None:
        for x, y, r, value in sorted(spots, key=lambda spot: spot[3]):
            pencil.ellipse([(x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s], fill=value)

    light = blur(mask(height, width, discs, scale=1), height * 0.006)
    return blend(picture, mix(hsv(hue - 0.08, 0.25, 1.0), (1, 1, 0.9), 0.3), light * 0.45)


def _stems(rng: np.random.Generator, picture: Array, blooms: list[tuple[float, float, float]]) -> Array:
    """Stalks from the blooms down and leaves along them."""
    height, width = picture.shape[:2]

    def draw(pencil: ImageDraw.ImageDraw, s: int, tone: int) -> None:
        for i, (y, x, radius) in enumerate(blooms):
            bend = (((i * 0.618) % 1) - 0.5) * 0.5
            foot = y + max(radius * 4, 0.12)
            points = [
                ((x + bend * radius * 2 * t * t) * height * s, (y + (foot - y) * t) * height * s)
                for t in np.linspace(0, 1, 14)
            ]
            pencil.line(points, fill=255, width=max(2, int(radius * height * s * 0.09)), joint="curve")
            for k in (4, 8):
                px, py = points[k]
                reach = radius * height * s * (0.8 if (i + k + tone) % 2 else -0.8)
                pencil.polygon(
                    [
                        (px, py),
                        (px + reach * 0.5, py - abs(reach) * 0.5),
                        (px + reach * 1.2, py - abs(reach) * 0.45),
                        (px + reach * 0.7, py - abs(reach) * 0.1),
                    ],
                    fill=255,
                )

    tone = int(rng.integers(2))
    stalks = mask(height, width, lambda pencil, s: draw(pencil, s, tone))
    green = hsv(rng.uniform(0.22, 0.36), rng.uniform(0.4, 0.7), rng.uniform(0.25, 0.5))
    shade = 0.7 + 0.6 * noise(rng, height, width, 12, octaves=3)
    return blend(picture, np.asarray(green, np.float32) * shade[..., None], blur(stalks, 1.2))


def _bloom(
    rng: np.random.Generator,
    picture: Array,
    species: Species,
    cy: float,
    cx: float,
    radius: float,
    soft: float,
    hue: float,
) -> None:
    """Draw one bloom into ``picture`` at (cy, cx), blurred by ``soft``; lengths are shares of the height."""
    height, width = picture.shape[:2]
    pad = radius * 1.25 + 2 * soft
    top, bottom = max(0, int((cy - pad) * height)), min(height, int((cy + pad) * height) + 1)
    left, right = max(0, int((cx - pad) * height)), min(width, int((cx + pad) * height) + 1)
    if bottom - top < 3 or right - left < 3:
        return
    y = (np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5) / height - cy
    x = (np.arange(left, right, dtype=np.float32)[None, :] + 0.5) / height - cx
    turn, flat = float(rng.uniform(0, np.pi)), float(rng.uniform(0.62, 1.0))
    v, u = (y * np.cos(turn) - x * np.sin(turn)) / flat, y * np.sin(turn) + x * np.cos(turn)
    r, theta = np.sqrt(v * v + u * u) / radius, np.arctan2(v, u)
    soften = 1.6 / (radius * height)
    color = np.zeros((*r.shape, 3), np.float32)
    cover = np.zeros_like(r)
    saturation = float(rng.uniform(*species.saturation))
    layers = int(rng.integers(species.layers[0], species.layers[1] + 1))
    if radius * height < 24:  # too small for more to show
        layers = min(layers, 2)
    petals = int(rng.integers(species.petals[0], species.petals[1] + 1))
    sun = float(rng.uniform(0, 2 * np.pi))
    tip, root = _petal_colors(rng, hue, saturation)
    # Veins run outward: noise over the angle only, drifting slowly with the radius.
    vein = noise(rng, 32, 512, 2, octaves=4, gain=0.7, stretch=0.06)
    lane = ((theta + np.pi) / (2 * np.pi) * 511).astype(np.int32)
    streak = vein[np.clip(r * 20, 0, 31).astype(np.int32), lane] - 0.5
    ruffle = (profile(rng, 512, petals * 3, octaves=3) - 0.5)[lane]
    for layer in range(layers):
        size = 1 - (0.75 if layers > 3 else 0.35) * layer / layers
        count = max(4, petals - layer * (petals // 9))
        layer_color, outline = _petals(rng, species, r / size, theta, count, (tip, root), sun, ruffle)
        edge = smoothstep(soften, -soften, r / size - outline)
        # The layer above throws a soft shadow on the one below.
        shadow = smoothstep(0.16, -0.02, r / size - outline) * 0.45
        color = color * (1 - shadow[..., None] * (cover > 0)[..., None])
        depth = (0.8 + 0.2 * (layer + 1) / layers) * (1 + 0.28 * streak)
        color = blend(color, layer_color * depth[..., None], edge)
        cover = np.maximum(cover, edge)
    color, cover = _heart(rng, species, r, theta, color, cover, sun, soften)
    if soft * height > 0.8:
        color, cover = blur(color * cover[..., None], soft * height), blur(cover, soft * height)
        color = color / np.maximum(cover, 1e-3)[..., None]
    window = picture[top:bottom, left:right]
    shadow = blur(cover, max(1.0, radius * height * 0.12)) * 0.35
    window[:] = blend(window * (1 - shadow[..., None]), color, np.clip(cover, 0, 1))


def _petal_colors(rng: np.random.Generator, hue: float, saturation: float) -> tuple[Color, Color]:
    """Colors of a petal's tip and root."""
    tip = hsv(hue, saturation, rng.uniform(0.88, 1.0))
    root = hsv(hue + rng.uniform(-0.05, 0.05), min(1, saturation * 1.2 + 0.08), rng.uniform(0.45, 0.9))
    return (root, tip) if rng.random() < 0.15 else (tip, root)


def _petals(
    rng: np.random.Generator,
    species: Species,
    r: Array,
    theta: Array,
    count: int,
    colors: tuple[Color, Color],
    sun: float,
    ruffle: Array,
) -> tuple[Array, Array]:
    """One ring of petals: its color and, for every direction, the radius at which it ends."""
    tip, root = colors
    offset = float(rng.uniform(0, 1))
    place = theta / (2 * np.pi) * count + offset
    jitter = rng.normal(0, 0.1, count)
    number = np.floor(place).astype(int) % count
    across = place - np.floor(place) - 0.5 + jitter[number] * 0.5
    length = rng.uniform(0.86, 1.0, count)[number]
    tone = rng.uniform(0.86, 1.06, count)[number]
    half = np.clip(np.abs(across) / (0.5 * species.width), 0, 1)
    outline = length * np.cos(half * np.pi / 2) ** species.point * (1 + 0.06 * ruffle)
    along = np.clip(r / np.maximum(outline, 0.05), 0, 1)
    color = ramp(
        [(0.0, mix(root, (0, 0, 0), 0.35)), (0.3, root), (0.75, tip), (1.0, mix(tip, (1, 1, 1), 0.12))], along
    )
    bulge = 1 - 0.35 * (2 * across) ** 2 + 0.22 * across * np.sign(np.sin(sun))
    facing = 1 + 0.16 * np.cos(theta - sun)
    shade = tone * bulge * facing * (0.78 + 0.3 * along)
    return np.asarray(color * shade[..., None], np.float32), np.asarray(outline, np.float32)


@cache
def _florets() -> Array:
    """Bumps along Fermat's spiral, seen from above; the unit disc fills the square, values in [0, 1]."""
    count, size = 160, 128
    seeds = np.arange(1, count)
    radius, angle = np.sqrt(seeds / count), seeds * np.pi * (3 - np.sqrt(5))
    axis = np.linspace(-1, 1, size)
    away = (axis[:, None, None] - radius * np.sin(angle)) ** 2 + (axis[None, :, None] - radius * np.cos(angle)) ** 2
    bumps: Array = np.exp(-away.min(axis=2) / 0.045**2).astype(np.float32)
    return bumps


def _heart(
    rng: np.random.Generator,
    species: Species,
    r: Array,
    theta: Array,
    color: Array,
    cover: Array,
    sun: float,
    soften: float,
) -> tuple[Array, Array]:
    """Draw the center: florets along Fermat's spiral, as a dome lit from one side."""
    reach = species.heart * float(rng.uniform(0.85, 1.15))
    y, x = r * np.sin(theta), r * np.cos(theta)
    florets = _florets()
    last = florets.shape[0] - 1
    row = np.clip((y / reach + 1) / 2 * last, 0, last).astype(int)
    column = np.clip((x / reach + 1) / 2 * last, 0, last).astype(int)
    dome = np.clip(1 - (r / reach) ** 2, 0, 1) ** 0.5
    eye = rgb(species.eye)
    shade = (0.45 + 0.55 * florets[row, column]) * (0.65 + 0.4 * dome + 0.25 * np.cos(theta - sun) * r / reach)
    tint = ramp(
        [(0, mix(eye, (0.2, 0.25, 0.05), 0.4)), (0.6, eye), (1, mix(eye, (0.3, 0.15, 0.02), 0.35))], r / reach
    )
    color = color * (1 - 0.5 * smoothstep(reach * 1.5, reach, r)[..., None])
    edge = smoothstep(reach + soften, reach - soften, r)
    return blend(color, tint * shade[..., None], edge), np.maximum(cover, edge)

"""Forests: firs in mist, halls of trunks and canopies, in every season."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from simwidget.demo.canvas import (
    Array,
    Color,
    blend,
    bloom,
    blur,
    fill,
    grid,
    hsv,
    mask,
    mix,
    noise,
    profile,
    ramp,
    rgb,
    sample,
    smoothstep,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Fog far and near, ground dark and light, foliage, bark.
SEASONS: tuple[tuple[str, str, str, str, tuple[str, ...], str], ...] = (
    ("dfe9d0", "a9c48a", "2f3d1c", "6c8a3a", ("3f6b24", "6f9a35", "a3c455", "2c4f1e"), "3d3226"),
    ("f6dfae", "d8a35c", "4a2c16", "b8702a", ("c8641e", "e09a2c", "a33a1a", "e6bf4a"), "2f221c"),
    ("e9f0f6", "b9c9d8", "9fb0c0", "eef3f8", ("dfe8f0", "f5f9fc", "b5c5d4", "8fa3b5"), "3a3a40"),
    ("9fb6c4", "5f7f92", "1b2a30", "3f5a5a", ("27474a", "3f6663", "1c3338", "55807a"), "1e2528"),
    ("ffd9a0", "e08a4a", "2a1a18", "7a4a2a", ("5a3a22", "8a5a2a", "3a2a1e", "b8803a"), "1f1513"),
    ("d6e6e0", "8fb5a5", "24382c", "5a7f5a", ("2f5a40", "4f7f55", "86a870", "1f4030"), "5a5248"),
    ("e8d8ea", "a890b8", "2a2038", "6a5a80", ("5a4a78", "8a78a8", "3a2f55", "b09ac0"), "2a2232"),
    ("fff3d0", "c8d880", "3a4a18", "98b040", ("7a9a2a", "b0c84a", "d8e070", "4a6a1c"), "e8e4da"),
)


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint a forest: in turn firs in mist, a hall of trunks, a path under trees and the canopy from below."""
    season = SEASONS[variant % len(SEASONS)]
    motif = (variant + variant // len(SEASONS)) % 4
    shift = float(rng.normal(0, 0.05))

    def tint(code: str) -> Color:
        return mix(rgb(code), hsv(0.3 + shift * 6, 0.5, 0.6), abs(shift))

    far, near, dark, bright, leaves, bark = season
    colors = [tint(code) for code in (far, near, dark, bright, bark)]
    foliage = [tint(code) for code in leaves]
    if motif == 0:
        return _firs(rng, height, width, colors, snow=season is SEASONS[2])
    if motif == 3:
        return _canopy(rng, height, width, colors, foliage)
    return _hall(rng, height, width, colors, foliage, path=motif == 2)


def _firs(rng: np.random.Generator, height: int, width: int, colors: Sequence[Color], *, snow: bool) -> Array:
    """Ranks of firs on slopes, each paler than the one before it."""
    far, near, dark, bright, _ = colors
    y, x = grid(height, width)
    sky = ramp(
        [(0, mix(near, far, rng.uniform(0, 1))), (1, mix(far, (1, 1, 1), 0.3))], np.broadcast_to(y, (height, width))
    )
    mist = noise(rng, height, width, 3, octaves=5, stretch=3)
    picture = blend(sky, mix(far, (1, 1, 1), 0.6), 0.4 * mist)
    if rng.random() < 0.4:
        sun = np.exp(
            -(((y - rng.uniform(0.05, 0.35)) ** 2 + (x - rng.uniform(0.1, 0.9) * width / height) ** 2) / 0.02)
        )
        picture = blend(picture, mix(far, (1, 0.98, 0.9), 0.8), 0.9 * sun)
    layers = int(rng.integers(3, 7))
    start, lean = float(rng.uniform(0.15, 0.55)), float(rng.uniform(-0.35, 0.35))
    for layer in range(layers):
        t = (layer + 1) / layers
        ridge = (start + (1.0 - start) * t * 0.9) + 0.16 * (profile(rng, width, rng.uniform(1, 3), octaves=4) - 0.5)
        ridge = ridge + lean * (1 - t * 0.6) * (x[0] / (width / height) - 0.5)
        size = (0.05 + 0.3 * t**2.2) * rng.uniform(0.8, 1.3)
        count = int(1.7 * width / height / size / (0.22 + 0.1 * t))
        stand = np.sort(rng.uniform(-0.02, 1.02, count))
        tall = size * rng.uniform(0.5, 1.15, count)

        cover = _slope(rng, height, width, ridge, stand, tall)
        tone = mix(mix(near, far, 0.5), dark, t**1.3)
        rough = noise(rng, height, width, 30 * (1.2 - t), octaves=4, gain=0.7)
        body = fill((height, width), tone) * (0.75 + 0.5 * rough)[..., None]
        if snow:
            body = blend(body, bright, smoothstep(0.5, 0.75, rough) * 0.75 * t)
        fog = np.clip(1 - np.abs(y - np.float32(ridge.mean()) - 0.14) / 0.3, 0, 1) * (1 - t) * 0.8
        body = blend(body, mix(far, near, 0.3), fog * (0.5 + 0.5 * mist))
        picture = blend(picture, body, cover)
    return picture


def _slope(rng: np.random.Generator, height: int, width: int, ridge: Array, stand: Array, tall: Array) -> Array:
    """Mask of a slope below ``ridge`` with firs on it, at ``stand`` (shares of the width), ``tall`` high."""

    def draw(pencil: ImageDraw.ImageDraw, s: int) -> None:
        outline = [(i * s, ridge[i] * height * s) for i in range(0, width, 3)]
        pencil.polygon(
            [(0, height * s), *outline, (width * s, ridge[-1] * height * s), (width * s, height * s)], 255
        )
        for place, share in zip(stand, tall, strict=True):
            foot = ridge[min(max(int(place * width), 0), width - 1)] * height * s
            _fir(rng, pencil, place * width * s, foot + 2 * s, share * height * s)

    return mask(height, width, draw)


def _fir(rng: np.random.Generator, pencil: ImageDraw.ImageDraw, x: float, y: float, tall: float) -> None:
    """Silhouette of one fir: drooping branches of uneven length."""
    tiers = int(np.clip(tall / 9, 4, 22))
    slim = float(rng.uniform(0.13, 0.22))
    lengths = rng.uniform(0.7, 1.15, (tiers, 2)) * slim * tall
    points_left: list[tuple[float, float]] = []
    points_right: list[tuple[float, float]] = []
    for tier in range(tiers):
        part = (tier + 1) / tiers
        level = y - tall * (1 - part)
        for side, points in ((-1, points_left), (1, points_right)):
            reach = lengths[tier, (side + 1) // 2] * part
            points += [(x + side * reach * 0.35, level - tall / tiers * 0.55), (x + side * reach, level)]
    pencil.polygon([(x, y - tall), *points_right, *reversed(points_left)], fill=255)


def _hall(
    rng: np.random.Generator,
    height: int,
    width: int,
    colors: Sequence[Color],
    foliage: Sequence[Color],
    *,
    path: bool,
) -> Array:
    """Between the trunks: light from behind, litter on the ground, leaves overhead."""
    far, near, dark, bright, bark = colors
    y, x = grid(height, width)
    aspect = width / height
    horizon = float(rng.uniform(0.5, 0.75))
    focus = float(rng.uniform(0.2, 0.8)) * aspect
    glow = np.exp(-(((x - focus) / rng.uniform(0.25, 0.6)) ** 2 + ((y - horizon + 0.12) / 0.45) ** 2))
    field = noise(rng, height, width, 7, octaves=5, gain=0.6)
    picture = ramp(
        [(0, mix(near, dark, 0.45)), (0.55, near), (1, mix(far, (1, 1, 1), 0.35))],
        np.clip(0.75 * glow + 0.4 * field, 0, 1),
    )
    below = np.clip(y - horizon, 1e-3, 1)
    litter = noise(rng, 256, 256, 30, octaves=4, gain=0.85)
    texture = sample(litter, 60 / (below + 0.06), (x - aspect / 2) / (below + 0.06) * 55)
    light = 0.35 + 0.6 * glow + 0.3 * smoothstep(0.45, 0.75, noise(rng, height, width, 5, octaves=3, stretch=4))
    ground = ramp([(0, dark), (0.55, mix(dark, bright, 0.55)), (1, bright)], texture) * light[..., None]
    if path:
        bend = 0.35 * np.sin(4 * below * rng.uniform(0.4, 1.6) + rng.uniform(0, 6)) * below
        wide = 0.05 + 0.55 * below
        way = smoothstep(1.15, 0.75, np.abs(x - focus - bend * 1.5) / wide + 0.5 * (texture - 0.5))
        soil = (
            ramp([(0, mix(bark, bright, 0.25)), (1, mix(far, bright, 0.35))], texture) * (light * 0.95)[..., None]
        )
        ground = blend(ground, soil, way * 0.85)
    edge = smoothstep(-0.012, 0.012, y - horizon - 0.02 * (field - 0.5))
    picture = blend(picture, blend(ground, mix(near, far, 0.5), np.clip(0.9 - 5 * below, 0, 0.9)), edge)
    depths = np.sort(rng.uniform(0.05, 1, int(rng.integers(16, 46)))) ** 1.5
    slender = float(rng.uniform(0.6, 1.4))
    for i, t in enumerate(depths):
        place = float(rng.uniform(-0.02, 1.02)) * aspect
        if path and abs(place - focus) < 0.06 + 0.25 * t:
            continue
        picture = _trunk(
            rng,
            picture,
            place,
            horizon + 0.02 + 0.5 * t,
            (0.006 + 0.07 * t) * slender,
            float(t),
            bark,
            mix(near, far, 0.4),
            focus,
        )
        if i == int(len(depths) * 0.6):
            picture = _leaves(rng, picture, foliage, mix(near, far, 0.5), top=True, large=0.4, glow=glow)
    picture = _leaves(rng, picture, foliage, mix(near, far, 0.15), top=True, large=1.0, glow=glow)
    if rng.random() < 0.55:
        picture = _rays(rng, picture, focus, mix(far, (1, 1, 0.9), 0.5))
    return bloom(picture, 0.3)


def _trunk(
    rng: np.random.Generator,
    picture: Array,
    place: float,
    foot: float,
    half: float,
    t: float,
    bark: Color,
    haze: Color,
    focus: float,
) -> Array:
    """One trunk as a cylinder with furrowed bark, lit from the side where the light is."""
    height, width = picture.shape[:2]
    lean = float(rng.normal(0, 0.05))
    left = max(0, int((place - half * 2.5 - abs(lean)) * height))
    right = min(width, int((place + half * 2.5 + abs(lean)) * height) + 1)
    bottom = min(height, int(foot * height))
    if right - left < 2 or bottom < 4:
        return picture
    y = (np.arange(bottom)[:, None] + 0.5) / height
    x = (np.arange(left, right)[None, :] + 0.5) / height
    sway = half * 0.3 * (profile(rng, bottom, 4, octaves=2)[:, None] - 0.5)
    girth = half * (0.75 + 0.25 * y / foot + 0.7 * np.exp(-(foot - y) / (half * 1.6)))
    across = (x - place - lean * (y - foot) - sway) / girth
    cover = smoothstep(1.0, 1 - 1.6 / (half * height + 1.6), np.abs(across))
    furrow = noise(rng, bottom, right - left, max(3, 0.35 / half / 3), octaves=4, gain=0.75, stretch=0.25)
    side = np.sign(focus - place) or 1.0
    lit = np.clip(0.5 + 0.42 * across * side, 0.1, 1) * np.sqrt(np.clip(1.05 - across**2, 0, 1))
    color = fill(furrow.shape, bark) * (0.3 + 0.75 * lit + 0.5 * (furrow - 0.5))[..., None]
    if sum(bark) > 1.8:  # birch: dark scars across pale bark
        scars = noise(rng, bottom, right - left, 26, octaves=2, stretch=3)
        color = blend(color, (0.12, 0.11, 0.1), smoothstep(0.68, 0.8, scars) * 0.85)
    color = blend(color, haze, 0.8 * (1 - t) ** 1.6)
    out: Array = picture.copy()
    out[:bottom, left:right] = blend(out[:bottom, left:right], color, cover)
    return out


def _leaves(
    rng: np.random.Generator,
    picture: Array,
    foliage: Sequence[Color],
    haze: Color,
    *,
    top: bool,
    large: float,
    glow: Array,
) -> Array:
    """Foliage as thousands of dabs gathered in clumps, brighter where the light comes through."""
    height, width = picture.shape[:2]
    density = noise(rng, height, width, 4, octaves=4, gain=0.6)
    count = 5200
    rows = rng.random(count) ** (1.7 if top else 1.0) * height * (0.62 if top else 1)
    columns = rng.random(count) * width
    cells = rows.astype(int), columns.astype(int)
    keep = density[cells] > 0.42 + (0.35 * rows / height if top else 0)
    tones = rng.uniform(0.4, 1.05, count) + 0.5 * glow[cells]
    leaves = np.asarray(foliage)[rng.integers(0, len(foliage), count)] * tones[:, None]
    leaves = np.clip(leaves + (np.asarray(haze) - leaves) * 0.45 * (1 - min(large, 1)), 0, 1)
    # A leaf is a lozenge: two corners along it, two across.
    turn, size = rng.uniform(0, np.pi, count), height * large * rng.uniform(0.005, 0.017, count)
    along = np.stack([np.cos(turn), np.sin(turn)], 1) * size[:, None]
    across = np.stack([-np.sin(turn), np.cos(turn)], 1) * (size * rng.uniform(0.35, 0.75, count))[:, None]
    middle = np.stack([columns, rows], 1)
    corners = 2 * np.stack([middle + along, middle + across, middle - along, middle - across], 1).reshape(count, 8)
    sheet = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8)).resize((2 * width, 2 * height))
    pencil = ImageDraw.Draw(sheet)
    # The bright ones last: they are the ones that the light reaches.
    order = np.argsort(tones)
    order = order[keep[order]]
    for polygon, color in zip(corners[order].tolist(), (leaves[order] * 255).astype(int).tolist(), strict=True):
        pencil.polygon(polygon, fill=tuple(color))
    return np.asarray(sheet.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def _rays(rng: np.random.Generator, picture: Array, focus: float, color: Color) -> Array:
    """Beams of light slanting down from above."""
    height, width = picture.shape[:2]
    y, x = grid(height, width)
    source = focus + float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.5)), -0.3
    angle = np.arctan2(x - source[0], y - source[1])
    beams = profile(rng, 512, 18, octaves=4, gain=0.6)
    beam = np.interp(angle, np.linspace(-1.2, 1.2, 512), beams).astype(np.float32)
    fade = np.exp(-np.sqrt((x - focus) ** 2 + (y - 0.3) ** 2) * 2)
    return blend(picture, color, smoothstep(0.5, 0.95, beam) * fade * 0.55)


def _canopy(
    rng: np.random.Generator, height: int, width: int, colors: Sequence[Color], foliage: Sequence[Color]
) -> Array:
    """Look up: trunks converge on a gap of sky among the leaves."""
    far, near, _, _, bark = colors
    y, x = grid(height, width)
    aspect = width / height
    cy, cx = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7)) * aspect
    r = np.sqrt((y - cy) ** 2 + (x - cx) ** 2)
    glow = np.exp(-((r / rng.uniform(0.25, 0.5)) ** 2))
    picture = ramp([(0, near), (0.5, far), (1, mix(far, (1, 1, 1), 0.6))], glow)
    picture = blur(_leaves(rng, picture, foliage, far, top=False, large=1.5, glow=glow), height * 0.006)
    angles = np.linspace(0, 2 * np.pi, int(rng.integers(7, 16)), endpoint=False)
    stems = [(a + rng.normal(0, 0.15), rng.uniform(0.08, 0.22), rng.uniform(0.02, 0.06)) for a in angles]

    def draw(pencil: ImageDraw.ImageDraw, s: int) -> None:
        for angle, inner, wide in stems:
            direction = np.array([np.cos(angle), np.sin(angle)])
            normal = np.array([-direction[1], direction[0]])
            tip, root = np.array([cx, cy]) + inner * direction, np.array([cx, cy]) + 1.5 * direction
            corners = [
                tip + normal * wide * 0.12,
                root + normal * wide * 1.6,
                root - normal * wide * 1.6,
                tip - normal * wide * 0.12,
            ]
            pencil.polygon([tuple(corner * height * s) for corner in corners], fill=255)
            for k in range(6):
                start = tip + (root - tip) * (0.03 + 0.09 * k)
                twig = start + (direction * -0.12 + normal * 0.14 * (-1) ** k) * (0.5 + 0.2 * k)
                pencil.line(
                    [tuple(start * height * s), tuple(twig * height * s)],
                    fill=255,
                    width=max(1, int(wide * 18 * s)),
                )

    trunks = mask(height, width, draw)
    furrow = noise(rng, height, width, 30, octaves=4, gain=0.7)
    picture = blend(picture, np.asarray(bark, np.float32) * (0.45 + 0.9 * furrow)[..., None], trunks * 0.95)
    return bloom(_leaves(rng, picture, foliage, far, top=False, large=0.8, glow=glow), 0.45, threshold=0.8)

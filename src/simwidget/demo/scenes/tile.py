"""Tiles: glazed walls and floors in seven patterns, with relief, grout, wear and raking light."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simwidget.demo.canvas import Array, Color, blend, fill, grid, hsv, mix, noise, rgb, sample, smoothstep

PALETTES = (
    ("f3efe2", "1f4e8c", "3f7fb8", "e0b23a"),
    ("f6ead2", "b5482a", "2f6b5e", "e3a23c"),
    ("e9e4d8", "2c3e4f", "7f9fa8", "c96f4a"),
    ("faf5e8", "0f5f5a", "5fb0a0", "d98a7a"),
    ("efe6da", "6a2f3f", "b86a6f", "3f5a4a"),
    ("f2f4f4", "30343a", "9aa4ab", "c8b48a"),
    ("fdf0dc", "d9622b", "f0a64a", "38546b"),
    ("e4ecec", "3d2f66", "8a7fc0", "e8c46a"),
    ("dfe8d4", "3a5f2f", "8fae5a", "f0e6b0"),
    ("2b2f36", "d8c9a8", "7a8f9a", "b0603f"),
)


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint tiles: in turn ornaments, hexagons, bricks, fish scales, quarter arcs, stars and mosaic."""
    codes = PALETTES[int(rng.integers(len(PALETTES)))]
    hue = float(rng.normal(0, 0.02))
    palette = [_tinted(rgb(code), hue, rng) for code in codes]
    pattern = (_ornament, _hexagons, _bricks, _scales, _arcs, _stars, _mosaic)[variant % 7]
    u, v = _plane(rng, height, width)
    color, bevel = pattern(rng, u, v, palette)
    return _glaze(rng, color, bevel, palette[0])


def _tinted(color: Color, hue: float, rng: np.random.Generator) -> Color:
    """Take a color a little off in hue and value."""
    return mix(color, hsv(hue + rng.random(), 0.6, 0.8), 0.06)


def _plane(rng: np.random.Generator, height: int, width: int) -> tuple[Array, Array]:
    """Coordinates on the tiled plane in tiles, seen straight on, turned or in perspective."""
    y, x = grid(height, width)
    y, x = y - 0.5, x - 0.5 * width / height
    view = float(rng.random())
    turn = float(rng.choice([0.0, rng.normal(0, 0.04), np.pi / 4, rng.uniform(-0.6, 0.6)]))
    if view < 0.3:  # a floor, running away from the viewer
        depth = 1 / (y * rng.uniform(0.5, 0.85) + 0.62)
        y, x = depth * 0.9, x * depth
    elif view < 0.45:  # a wall, seen from the side
        depth = 1 / (1 + rng.choice([-1, 1]) * rng.uniform(0.3, 0.6) * x / (width / height / 2))
        y, x = y * depth, x * depth
    count = float(rng.uniform(2.5, 9))
    v = (y * np.cos(turn) - x * np.sin(turn)) * count + rng.uniform(0, 1)
    u = (y * np.sin(turn) + x * np.cos(turn)) * count + rng.uniform(0, 1)
    return np.asarray(u, np.float32), np.asarray(v, np.float32)


def _lot(rng: np.random.Generator, i: npt.NDArray[Any], j: npt.NDArray[Any]) -> Array:
    """Draw a random number in [0, 1) for every tile (i, j)."""
    table: Array = rng.random((61, 61), np.float32)
    lots: Array = table[i.astype(int) % 61, j.astype(int) % 61]
    return lots


def _soft(u: Array, v: Array) -> float:
    """Width of an edge in tile units that is about a pixel wide."""
    return float(np.median(np.abs(np.diff(v, axis=0))) + np.median(np.abs(np.diff(u, axis=1)))) * 1.1


def _square(u: Array, v: Array, gap: float) -> tuple[Array, Array, Array]:
    """Cell coordinates in [-0.5, 0.5] and the distance to the cell's rim minus the gap, for a square grid."""
    a, b = u - np.floor(u) - 0.5, v - np.floor(v) - 0.5
    return a, b, 0.5 - gap - np.maximum(np.abs(a), np.abs(b))


def _ornament(rng: np.random.Generator, u: Array, v: Array, palette: list[Color]) -> tuple[Array, Array]:
    """Square tiles with a mirrored ornament, as in azulejos: the same on every tile, or two in turn."""
    a, b, rim = _square(u, v, 0.012)
    soft = _soft(u, v)
    r = np.sqrt(a * a + b * b)
    theta = np.arctan2(b, a)
    fold = int(rng.choice([4, 8, 8, 12]))
    wave = np.cos(theta * fold)
    color = fill(r.shape, palette[0])
    corner = np.sqrt((np.abs(a) - 0.5) ** 2 + (np.abs(b) - 0.5) ** 2)
    corner_angle = np.cos(np.arctan2(np.abs(b) - 0.5, np.abs(a) - 0.5) * float(rng.choice([4, 8, 12])))
    radius = np.sort(rng.uniform(0.06, 0.46, int(rng.integers(4, 8))))[::-1]
    for k, size in enumerate(radius):
        shape = size * (1 + rng.uniform(-0.4, 0.4) * (wave if k % 2 else np.abs(wave)))
        color = blend(color, palette[int(rng.integers(0, 4))], smoothstep(soft, -soft, r - shape))
    for size in np.sort(rng.uniform(0.06, 0.3, 3))[::-1]:
        shape = size * (1 + rng.uniform(-0.35, 0.35) * corner_angle)
        color = blend(color, palette[int(rng.integers(0, 4))], smoothstep(soft, -soft, corner - shape))
    if rng.random() < 0.6:
        frame = np.abs(0.5 - np.maximum(np.abs(a), np.abs(b)) - rng.uniform(0.03, 0.08))
        color = blend(color, palette[1], smoothstep(0.012 + soft, 0.012 - soft, frame))
    if rng.random() < 0.35:
        other = (np.floor(u) + np.floor(v)) % 2 == 1
        color = np.where(other[..., None], fill(r.shape, palette[int(rng.integers(1, 4))]), color)
    tone = 0.92 + 0.14 * _lot(rng, np.floor(u), np.floor(v))
    return color * tone[..., None], rim


def _hexagons(rng: np.random.Generator, u: Array, v: Array, palette: list[Color]) -> tuple[Array, Array]:
    """Hexagons in clusters of color or with cube shading."""
    s = np.float32(np.sqrt(3))
    x, y = u * 1.3, v * 1.3
    i1, j1 = np.round(x), np.round(y / s)
    i2, j2 = np.floor(x) + 0.5, np.floor(y / s) + 0.5
    d1 = np.maximum(np.abs(x - i1), 0.5 * np.abs(x - i1) + s / 2 * np.abs(y - j1 * s))
    d2 = np.maximum(np.abs(x - i2), 0.5 * np.abs(x - i2) + s / 2 * np.abs(y - j2 * s))
    first = d1 < d2
    i, j = np.where(first, i1, i2), np.where(first, j1, j2)
    distance = np.minimum(d1, d2)
    lot = _lot(rng, 2 * i, 2 * j)
    style = rng.random()
    if style < 0.4:
        angle = np.arctan2(y - j * s, x - i)
        face = ((angle + np.pi / 2) / (2 * np.pi / 3)) % 3
        color = np.asarray(palette, np.float32)[np.floor(face).astype(int) % 3 + int(rng.integers(0, 2))]
    elif style < 0.7:
        field = noise(rng, 64, 64, 4, octaves=3)
        pick = np.clip((sample(field, 4 * j, 4 * i) + 0.25 * (lot - 0.5)) * 4.2 - 0.3, 0, 3).astype(int)
        color = np.asarray(palette, np.float32)[pick]
    else:
        color = fill(u.shape, palette[0])
        color = np.where((lot < 0.22)[..., None], np.asarray(palette[1], np.float32), color)
        color = np.where((lot > 0.88)[..., None], np.asarray(palette[3], np.float32), color)
    return color * (0.86 + 0.24 * _lot(rng, 2 * i, 2 * j))[..., None], 0.5 - 0.03 - distance


def _bricks(rng: np.random.Generator, u: Array, v: Array, palette: list[Color]) -> tuple[Array, Array]:
    """Oblong tiles in running or herringbone bond."""
    ratio = float(rng.choice([2.0, 2.5, 3.5]))
    y = v * 1.8
    row = np.floor(y)
    x = u * 1.8 / ratio + row * float(rng.choice([0.5, 0.5, 1 / 3]))
    a, b = x - np.floor(x) - 0.5, y - row - 0.5
    rim = np.minimum((0.5 - np.abs(a)) * ratio, 0.5 - np.abs(b)) - 0.04
    lot = _lot(rng, np.floor(x), row)
    if rng.random() < 0.5:
        color = blend(fill(u.shape, palette[int(rng.integers(1, 4))]), palette[2], lot * 0.7)
    else:
        color = np.asarray(palette, np.float32)[np.clip(lot * 5 - 0.5, 0, 3).astype(int)]
    grainy = noise(rng, u.shape[0], u.shape[1], 60, octaves=3, gain=0.8) - 0.5
    return color * (0.8 + 0.35 * _lot(rng, row, np.floor(x)) + 0.2 * grainy)[..., None], rim


def _scales(rng: np.random.Generator, u: Array, v: Array, palette: list[Color]) -> tuple[Array, Array]:
    """Fish scales: overlapping discs row by row."""
    best_rim = np.full(u.shape, -1.0, np.float32)
    color = fill(u.shape, palette[0])
    done = np.zeros(u.shape, bool)
    blendwise = rng.random() < 0.5
    table = rng.random((61, 61), np.float32)
    for step in range(3):
        row = np.floor(v * 2) - step + 1
        offset = 0.5 * (row % 2)
        column = np.floor(u + offset)
        du, dv = u + offset - column - 0.5, v - row / 2
        r = np.sqrt(du * du + dv * dv)
        inside = (r < 0.5) & ~done & (dv >= -0.05)
        lot = table[row.astype(int) % 61, column.astype(int) % 61]
        if blendwise:
            shade = blend(np.broadcast_to(np.asarray(palette[1], np.float32), color.shape), palette[2], lot)
            shade = blend(shade, palette[3], smoothstep(0.5, 0.1, r) * 0.5)
        else:
            shade = np.asarray(palette, np.float32)[(lot * 4).astype(int)]
        color = np.where(inside[..., None], shade * (0.8 + 0.3 * lot + 0.25 * (r - 0.3))[..., None], color)
        best_rim = np.where(inside, 0.5 - 0.02 - r, best_rim)
        done |= inside
    return color, best_rim


def _arcs(rng: np.random.Generator, u: Array, v: Array, palette: list[Color]) -> tuple[Array, Array]:
    """Truchet tiles: quarter arcs at random turns join up into meanders."""
    a, b, rim = _square(u, v, 0.008)
    soft = _soft(u, v)
    flip = _lot(rng, np.floor(u), np.floor(v)) < rng.choice([0.5, 0.3])
    a = np.where(flip, -a, a)
    r = np.minimum(np.hypot(a - 0.5, b - 0.5), np.hypot(a + 0.5, b + 0.5))
    color = fill(u.shape, palette[0])
    for wide, index in ((rng.uniform(0.22, 0.32), 1), (rng.uniform(0.12, 0.18), 2), (rng.uniform(0.03, 0.07), 3)):
        color = blend(color, palette[index], smoothstep(wide + soft, wide - soft, np.abs(r - 0.5)))
    return color * (0.93 + 0.12 * _lot(rng, np.floor(v), np.floor(u)))[..., None], rim


def _stars(rng: np.random.Generator, u: Array, v: Array, palette: list[Color]) -> tuple[Array, Array]:
    """Eight-pointed stars and crosses."""
    a, b, _ = _square(u, v, 0.0)
    p, q = np.abs(a), np.abs(b)
    size = float(rng.uniform(0.33, 0.4))
    star = np.minimum(np.maximum(p, q), (p + q) / np.sqrt(2)) - size * 0.92
    lot = _lot(rng, np.floor(u), np.floor(v))
    inner = np.minimum(np.maximum(p, q), (p + q) / np.sqrt(2)) - size * rng.uniform(0.35, 0.6)
    color = blend(fill(u.shape, palette[1]), palette[2], lot * 0.6)
    soft = _soft(u, v)
    color = blend(color, palette[3], smoothstep(soft, -soft, inner))
    cross = blend(fill(u.shape, palette[0]), palette[2], 0.25 * _lot(rng, np.round(u), np.round(v)))
    color = np.where((star < 0)[..., None], color, cross)
    rim = np.abs(star) - 0.016
    return np.asarray(color, np.float32), np.asarray(
        np.minimum(rim, np.where(star < 0, np.abs(inner) + 0.01, 1)), np.float32
    )


def _mosaic(rng: np.random.Generator, u: Array, v: Array, palette: list[Color]) -> tuple[Array, Array]:
    """Small stones in waves of color, each a cell of a jittered grid."""
    scale = float(rng.uniform(2.2, 3.6))
    x, y = u * scale, v * scale
    jitter = rng.uniform(-0.36, 0.36, (67, 67, 2)).astype(np.float32)
    first = np.full(u.shape, 9.0, np.float32)
    second = first.copy()
    ci, cj = np.zeros(u.shape, np.int32), np.zeros(u.shape, np.int32)
    for dj in (-1, 0, 1):
        for di in (-1, 0, 1):
            i, j = np.floor(x).astype(np.int32) + di, np.floor(y).astype(np.int32) + dj
            shift = jitter[j % 67, i % 67]
            d = np.hypot(i + 0.5 + shift[..., 0] - x, j + 0.5 + shift[..., 1] - y).astype(np.float32)
            nearer = d < first
            second = np.where(nearer, first, np.minimum(second, d))
            ci, cj = np.where(nearer, i, ci), np.where(nearer, j, cj)
            first = np.minimum(first, d)
    field = noise(rng, 128, 128, 2.5, octaves=3)
    swirl = sample(field, cj * 3.0, ci * 3.0)
    bands = (swirl * rng.uniform(4, 9)) % 4
    lot = _lot(rng, ci, cj)
    pick = (bands + 0.35 * (lot - 0.5)).astype(int) % 4
    color = np.asarray(palette, np.float32)[pick] * (0.75 + 0.45 * lot)[..., None]
    return color, np.asarray((second - first) * 0.5 - 0.06, np.float32)


def _glaze(rng: np.random.Generator, color: Array, rim: Array, ground: Color) -> Array:
    """Turn a flat pattern into a photographed surface: grout, beveled edges, gloss, stains and light."""
    height, width = rim.shape
    y, x = grid(height, width)
    soft = float(np.median(np.abs(np.diff(rim, axis=1)))) * 1.2 + 0.004
    grout_tone = mix(rgb(str(rng.choice(["d9d4c8", "8f8a80", "55524d", "efece4"]))), ground, 0.2)
    rough = noise(rng, height, width, 90, octaves=2, gain=0.8)
    grout = fill((height, width), grout_tone) * (0.8 + 0.3 * rough)[..., None]
    edge = np.clip(rim / 0.05, 0, 1)
    wavy = noise(rng, height, width, 8, octaves=4, gain=0.55)
    bump = edge * 0.05 + wavy * 0.012
    gy, gx = np.gradient(bump * height * 0.5)
    angle = float(rng.uniform(0, 2 * np.pi))
    relief = np.clip(gy * np.sin(angle) + gx * np.cos(angle), -0.6, 0.6)
    gloss = float(rng.uniform(0.1, 0.55))
    lamp = (y - rng.uniform(0, 1)) ** 2 + (x - rng.uniform(0, 1) * width / height) ** 2
    wash = noise(rng, height, width, 1.5, octaves=3)
    light = 0.62 + 0.45 * np.exp(-lamp * rng.uniform(0.6, 2.2)) + 0.2 * (wash - 0.5)
    shine = np.exp(-lamp * 3.5) * smoothstep(0.45, 0.8, wavy + relief * 0.5) * gloss
    stains = 1 - 0.22 * smoothstep(0.55, 0.9, noise(rng, height, width, 4, octaves=6, gain=0.65))
    body = color * (stains * (1 + 0.9 * relief))[..., None] + shine[..., None]
    picture = blend(grout * 0.85, body, smoothstep(-soft, soft, rim))
    if rng.random() < 0.3:  # the shadow of a window or a branch
        bars = smoothstep(
            0.35, 0.6, np.abs(np.sin(rng.uniform(2, 6) * (x * np.cos(angle) + y * np.sin(angle)) + angle))
        )
        light = light * (0.6 + 0.5 * bars)
    return np.asarray(picture * light[..., None], np.float32)

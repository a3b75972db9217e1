"""Landscapes: mountains, hills, dunes and lakes, ray-cast from fractal height fields."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from PIL import Image, ImageDraw

from simwidget.demo.canvas import Array, blend, grid, mix, noise, rgb, sample, smoothstep
from simwidget.demo.scenes.sky import Light, pick_light, sky
from simwidget.demo.scenes.terrain import SHORE, SIZE, Camera, Hit, illumination, look


@dataclass(frozen=True)
class Biome:
    """What the ground is made of."""

    low: tuple[str, str]
    """Colors of flat ground, mottled."""
    steep: str
    top: str
    top_level: float
    """Share of the relief above which the ground takes the color of the tops; above 1: never."""
    relief: tuple[float, float]
    """Least and greatest height of the ground in cells."""
    ridged: float
    """From rolling (0) to jagged (1)."""
    lights: tuple[str, ...]
    trees: tuple[str, ...] = ()
    """Colors of foliage; none: bare ground."""
    conifers: bool = False


BIOMES = (
    Biome(
        ("3e5a2c", "6d7f3f"),
        "6f6a62",
        "f4f6fa",
        0.62,
        (90, 150),
        0.8,
        ("alpine", "noon", "golden", "rose"),
        ("22382a", "2f4a30"),
        True,
    ),
    Biome(
        ("56733a", "8f9c55"),
        "8a7a55",
        "a7b565",
        1.5,
        (34, 60),
        0.2,
        ("noon", "haze", "golden", "storm", "rose"),
        ("35592a", "4c7333", "6b8a3c"),
    ),
    Biome(("c98f52", "e0b274"), "b3703d", "edc78d", 0.9, (28, 50), 0.5, ("golden", "noon", "ember", "haze")),
    Biome(
        ("9a4a22", "d08a35"),
        "6d5544",
        "b9a58c",
        0.95,
        (50, 90),
        0.5,
        ("golden", "rose", "overcast", "noon"),
        ("a8452a", "c9853a", "86402c", "6b6a2e", "4d5a2e"),
    ),
    Biome(
        ("dfe6ee", "f3f6fa"),
        "6c7480",
        "ffffff",
        0.4,
        (80, 140),
        0.75,
        ("alpine", "haze", "rose", "dusk", "teal"),
        ("31424a", "46585f"),
        True,
    ),
    Biome(("2f2b2c", "4a4138"), "3a3233", "7a4a36", 0.8, (70, 120), 0.7, ("storm", "ember", "golden", "overcast")),
    Biome(("8d9a4a", "b8a95a"), "a85f3c", "c9764a", 0.45, (50, 80), 0.6, ("noon", "ember", "golden", "alpine")),
    Biome(
        ("2c4a3a", "4d6b48"),
        "4b5450",
        "8a9488",
        0.9,
        (60, 100),
        0.6,
        ("haze", "overcast", "alpine", "dusk", "rose"),
        ("1d3328", "2c4a38"),
        True,
    ),
)


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint a landscape; every eighth variant has the same kind of ground."""
    biome = BIOMES[variant % len(BIOMES)]
    light = pick_light(rng, *biome.lights)
    heights = _heights(rng, biome)
    top = float(heights.max())
    water = float(np.quantile(heights, rng.uniform(0.25, 0.5))) if rng.random() < 0.45 else None
    bed = heights
    if water is not None:
        heights = np.maximum(heights, np.float32(water))
    camera = _camera(rng, heights, top, width / height, water)
    azimuth = camera.heading + float(rng.choice([-1, 1]) * rng.uniform(0.5, 2.2))
    lit = illumination(heights, azimuth, rng.uniform(0.3, 0.9))
    ground = _ground(rng, biome, heights, light, lit)
    sun = None
    # Over water only where the mirror image of the sky is all in the picture.
    if rng.random() < 0.3 and (water is None or camera.horizon > 0.5):
        sun = (camera.horizon - float(rng.uniform(0.08, 0.3)), float(rng.uniform(0.1, 0.9)) * width / height)
    backdrop = sky(rng, height, width, light, horizon=camera.horizon, sun=sun)
    fog = float(rng.uniform(0.0025, 0.009))
    detail = noise(rng, 256, 256, 12, octaves=5, gain=0.8)
    # Twice the rows, averaged in pairs: mountain edges are near level, so that is where it counts.
    hit = look(heights, camera, 2 * height, width)
    tall = np.repeat(backdrop, 2, axis=0)
    picture = _shade(hit, ground, light, tall, fog, detail)
    if water is not None:
        rows = (np.arange(2 * height)[:, None] + 0.5) / (2 * height)
        wet = np.where(hit.seen, sample(bed, hit.row, hit.column) < water, rows > camera.horizon)
        mirrored = np.clip(np.abs(np.rint(2 * camera.horizon * height - np.arange(height))), 0, height - 1).astype(
            int
        )
        below = _reflect(heights, camera, water, np.where(wet, hit.depth, 0).astype(np.float32)[1::2])
        mirror = _ripple(rng, _shade(below, ground, light, backdrop[mirrored], fog, detail), camera.horizon)
        glint = np.clip(0.35 + 0.5 * smoothstep(10, 90, hit.depth), 0, 1)
        tint = mix(light.zenith, rgb("1b3a3f"), 0.6)
        surface = blend(
            np.broadcast_to(np.asarray(tint, np.float32), picture.shape), np.repeat(mirror, 2, axis=0), glint
        )
        picture = blend(picture, surface, wet.astype(np.float32))
    picture = (picture[0::2] + picture[1::2]) / 2
    if biome.trees:
        picture = _plant(rng, picture, biome, heights, lit, camera, hit, light, fog, water)
    return np.asarray(picture, np.float32)


def _heights(rng: np.random.Generator, biome: Biome) -> Array:
    """Height field of a biome, in cells."""
    crest = noise(rng, SIZE, SIZE, rng.uniform(2, 4), octaves=7, gain=0.47, ridged=True) ** 1.6
    roll = noise(rng, SIZE, SIZE, rng.uniform(2, 4), octaves=5, gain=0.4)
    shape = biome.ridged * crest + (1 - biome.ridged) * roll
    shape = (shape - shape.min()) / np.ptp(shape)
    if biome is BIOMES[6]:  # mesas: terraces with soft edges
        steps = 4.0
        level = shape * steps
        shape = (np.floor(level) + smoothstep(0.62, 0.98, level - np.floor(level))) / steps
        shape = 0.85 * shape + 0.15 * roll
    return np.asarray(shape * rng.uniform(*biome.relief), np.float32)


def _camera(rng: np.random.Generator, heights: Array, top: float, aspect: float, water: float | None) -> Camera:
    """Place a camera where it sees something: of a few random ones, that with the most varied skyline."""
    best, best_score = None, -np.inf
    for _ in range(12):
        row, column = rng.uniform(0, SIZE, 2)
        heading = float(rng.uniform(0, 2 * np.pi))
        floor = float(heights[int(row), int(column)])
        altitude = floor + float(rng.uniform(3, 0.3 * top))
        view = float(rng.uniform(0.55, 1.0)) * min(1.2, aspect**0.5)
        camera = Camera(row, column, altitude, heading, view, float(rng.uniform(0.3, 0.66)), aspect)
        hit = look(heights, camera, 24, 32, steps=100)
        skyline = 1 - hit.seen.mean(axis=0)
        middle = (hit.depth > 25) & (hit.depth < 220) & hit.seen
        score = 3 * float(skyline.std()) + 1.2 * float(middle.mean())
        score -= 4 * max(0.0, 0.15 - float(skyline.mean())) + 1.5 * float((hit.depth < 5).mean())
        if water is not None:
            wet = sample(heights, hit.row, hit.column)[hit.seen] <= water + SHORE
            score += 1.5 * min(float(wet.mean()), 0.35)
        if best is None or score > best_score:
            best, best_score = camera, score
    assert best is not None
    return best


def _ground(rng: np.random.Generator, biome: Biome, heights: Array, light: Light, lit: Array) -> Array:
    """Lit color of every cell."""
    dy, dx = np.gradient(heights)
    slope = np.sqrt(dy * dy + dx * dx)
    level = (heights - heights.min()) / max(float(np.ptp(heights)), 1e-6)
    patch = noise(rng, SIZE, SIZE, 9, octaves=5, gain=0.65)
    speck = rng.random((SIZE, SIZE), np.float32)
    jitter = rng.uniform(-0.06, 0.06, 3)
    color = blend(
        np.broadcast_to(np.asarray(rgb(biome.low[0]), np.float32), (SIZE, SIZE, 3)), rgb(biome.low[1]), patch
    )
    color = blend(color, rgb(biome.steep), smoothstep(0.45, 1.0, slope + 0.5 * (patch - 0.5)))
    high = smoothstep(biome.top_level - 0.05, biome.top_level + 0.1, level + 0.35 * (patch - 0.5))
    color = blend(color, rgb(biome.top), high * smoothstep(1.35, 0.8, slope))
    color = (color + jitter.astype(np.float32)) * (0.82 + 0.36 * speck[..., None])
    shine = np.asarray(light.sun, np.float32) * (1.45 * lit[..., None])
    fill_in = np.asarray(mix(light.zenith, light.middle, 0.6), np.float32) * 0.55 + 0.2
    return np.asarray(color * (shine * (1.15 - light.ambient * 0.5) + fill_in * light.ambient), np.float32)


def _shade(hit: Hit, ground: Array, light: Light, backdrop: Array, fog: float, detail: Array) -> Array:
    """Ground where it is hit, fading into the sky behind it with distance."""
    color = sample(ground, hit.row, hit.column)
    # A cell near the eye covers many pixels: finer structure takes over there.
    lift = 7 * hit.level
    fine = sample(detail, hit.row * 11 + lift, hit.column * 11 + lift) - 0.5
    finer = sample(detail, hit.column * 37 - lift, hit.row * 37 + lift) - 0.5
    color = (
        color
        * (1 + 1.1 * fine * smoothstep(220, 25, hit.depth) + 0.8 * finer * smoothstep(60, 8, hit.depth))[..., None]
    )
    clear = np.exp(-fog * hit.depth)[..., None]
    haze = 0.5 * backdrop + 0.5 * np.asarray(mix(light.horizon, light.middle, 0.35), np.float32)
    return np.where(hit.seen[..., None], haze + (color - haze) * clear, backdrop)


def _reflect(heights: Array, camera: Camera, water: float, surface: Array) -> Hit:
    """Find what is mirrored in water met at the distances ``surface`` (0 where there is none).

    Ground between the viewer and the water cannot be mirrored in it, but hides what can be: where that
    is what a pixel found, look again beyond, and leave it at the sky if there is more of it.
    """
    hit = look(
        heights, camera, *surface.shape, water=water, skip=np.where(surface > 0, surface, np.inf).min(axis=0)
    )
    ahead = 0.97 * surface
    for _ in range(3):
        wrong = hit.seen & (hit.depth < ahead)
        if not wrong.any():
            break
        skip = np.where(wrong, ahead, np.inf).min(axis=0)
        beyond = look(heights, camera, *surface.shape, water=water, skip=skip)
        hit = Hit(*(np.where(wrong, getattr(beyond, f.name), getattr(hit, f.name)) for f in fields(Hit)))
    return replace(hit, seen=hit.seen & (hit.depth >= ahead))


def _ripple(rng: np.random.Generator, picture: Array, horizon: float) -> Array:
    """Disturb a mirrored picture as moving water does: rows shifted, more so towards the viewer."""
    height, width = picture.shape[:2]
    y, _ = grid(height, width)
    shift = noise(rng, height, width, 40, octaves=2, stretch=6) - 0.5
    strength = np.clip(y - horizon, 0, 1) * height * rng.uniform(0.02, 0.14)
    row = np.clip(np.arange(height)[:, None] + shift * strength, 0, height - 1).astype(int)
    return np.asarray(picture[row, np.arange(width)[None, :]], np.float32)


def _plant(
    rng: np.random.Generator,
    picture: Array,
    biome: Biome,
    heights: Array,
    lit: Array,
    camera: Camera,
    hit: Hit,
    light: Light,
    fog: float,
    water: float | None,
) -> Array:
    """Trees on gentle slopes, gathered in woods, the far ones first."""
    height, width = picture.shape[:2]
    count = 5000
    distance = 8 + 240 * rng.random(count, np.float32) ** 1.5
    side = (rng.random(count, np.float32) - 0.5) * distance * camera.view * 1.1
    sin, cos = np.float32(np.sin(camera.heading)), np.float32(np.cos(camera.heading))
    row = camera.row + distance * cos - side * sin
    column = camera.column + distance * sin + side * cos
    level = sample(heights, row, column)
    dy, dx = np.gradient(heights)
    slope = sample(np.sqrt(dy * dy + dx * dx), row, column)
    wood = sample(noise(rng, 128, 128, 14, octaves=3), row / 4, column / 4)
    y, x, depth = camera.project(row, column, level)
    size = rng.uniform(0.6, 1.3, count) * rng.uniform(1.3, 2.0)
    tall = size / depth * width / camera.view
    fits = (y > 0) & (y < 1.05) & (x > -0.05) & (x < 1.05) & (slope < 0.95) & (wood > rng.uniform(0.35, 0.62))
    fits &= level < float(heights.max()) * biome.top_level * 0.85
    if water is not None:
        fits &= level > water + 0.3
    # A tree stands in view when the ground seen at its foot is the ground it stands on.
    foot = np.clip((y * 2 * height).astype(int), 0, 2 * height - 1)
    seen = hit.depth[foot, np.clip((x * width).astype(int), 0, width - 1)]
    fits &= (np.abs(seen - depth) < 0.12 * depth) & (tall < 0.16 * height)
    sun = sample(lit, row, column)
    sheet = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    sheet = sheet.resize((2 * width, 2 * height), Image.Resampling.BILINEAR)
    pencil = ImageDraw.Draw(sheet)
    haze = mix(light.horizon, light.middle, 0.35)
    for i in np.flatnonzero(fits)[np.argsort(-depth[fits])]:
        leaf = rgb(biome.trees[int(rng.integers(len(biome.trees)))])
        glow = (0.4 + 0.5 * light.ambient + 0.55 * float(sun[i])) * float(rng.uniform(0.8, 1.2))
        veil = 1 - float(np.exp(-fog * depth[i]))
        shades = [
            tuple(int(255 * min(max(c, 0.0), 1.0)) for c in mix([v * glow * k for v in leaf], haze, veil))
            for k in (0.6, 0.8, 1.05)
        ]
        (_conifer if biome.conifers else _crown)(
            rng, pencil, 2 * width * x[i], 2 * height * y[i], 2 * tall[i], shades
        )
    planted = sheet.resize((width, height), Image.Resampling.BOX)
    return np.asarray(planted, np.float32) / 255


def _conifer(
    rng: np.random.Generator,
    pencil: ImageDraw.ImageDraw,
    x: float,
    y: float,
    tall: float,
    shades: list[tuple[int, ...]],
) -> None:
    """Draw a fir: tiers of branches, lit from one side."""
    tiers = 3 if tall < 14 else min(12, int(tall / 7))
    for tier in range(tiers):
        base = y - tall * 0.92 * tier / tiers
        tip = base - tall * 1.5 / tiers
        half = tall * 0.2 * (1 - tier / tiers) * rng.uniform(0.8, 1.2) + 0.5
        pencil.polygon([(x - half, base), (x, tip), (x + half, base)], fill=shades[0 if tier % 2 else 1])
        pencil.polygon([(x, base), (x, tip), (x + half * 0.8, base)], fill=shades[1 if tier % 2 else 2])


def _crown(
    rng: np.random.Generator,
    pencil: ImageDraw.ImageDraw,
    x: float,
    y: float,
    tall: float,
    shades: list[tuple[int, ...]],
) -> None:
    """Draw a broad-leaved tree: a trunk under dabs of foliage, dark ones below, bright ones above."""
    pencil.line([(x, y), (x, y - tall * 0.5)], fill=(45, 35, 28), width=max(1, int(tall * 0.06)))
    dabs = 4 if tall < 12 else min(45, int(tall * 1.1))
    part = np.arange(dabs) / dabs
    angle, away = rng.uniform(0, 2 * np.pi, dabs), np.sqrt(rng.random(dabs)) * tall * 0.32
    cx = x + np.cos(angle) * away + tall * 0.06 * part
    cy = y - tall * (0.55 + 0.12 * part) + np.sin(angle) * away * 0.8
    r = tall * rng.uniform(0.04, 0.11, dabs) * (1.5 - 0.5 * min(tall / 40, 1)) + 0.6
    boxes = np.stack([cx - r, cy - r, cx + r, cy + r], 1).tolist()
    for i, box in enumerate(boxes):
        pencil.ellipse(box, fill=shades[3 * i // dabs])

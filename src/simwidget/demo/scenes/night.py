"""Night skies: planets, moons, nebulae, galaxies, the Milky Way and aurorae."""

from __future__ import annotations

import numpy as np

from simwidget.demo.canvas import (
    Array,
    Color,
    blend,
    bloom,
    blur,
    fill,
    grid,
    hsv,
    mix,
    noise,
    profile,
    ramp,
    rgb,
    sample,
    smoothstep,
)


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint a night sky: in turn a planet, a nebula, rings, a galaxy, the Milky Way, a moon, an aurora."""
    aspect = width / height
    motif = variant % 7
    picture = _space(rng, height, width, glow=1.0 if motif == 1 else float(rng.uniform(0.0, 0.5)))
    if motif == 3:
        picture = _galaxy(rng, picture)
    if motif in (4, 6):
        picture = (_milky_way if motif == 4 else _aurora)(rng, picture)
    picture = _stars(rng, picture, float(rng.uniform(0.4, 1.6)))
    if motif in (0, 2):
        radius = float(rng.uniform(0.16, 0.5))
        center = float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.2, 0.8)) * aspect
        picture = _planet(rng, picture, center, radius, rings=motif == 2)
        for _ in range(int(rng.integers(0, 3))):
            spot = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.05, 0.95)) * aspect
            picture = _planet(rng, picture, spot, float(rng.uniform(0.02, 0.07)), rings=False)
    if motif == 5:
        picture = _moon(rng, picture)
    if motif in (4, 6):
        picture = _horizon(rng, picture)
    return bloom(picture, 0.5, threshold=0.7)


def _space(rng: np.random.Generator, height: int, width: int, *, glow: float) -> Array:
    """Dark sky with clouds of gas: two fields of warped noise in related hues."""
    hue = float(rng.random())
    picture = fill((height, width), hsv(hue + 0.6, 0.6, 0.05))
    lattice = 256
    field = noise(rng, lattice, lattice, 3, octaves=6, gain=0.55)
    bend = noise(rng, lattice, lattice, 2, octaves=4)
    y, x = grid(height, width)
    turn = float(rng.uniform(0, np.pi))
    v, u = y * np.cos(turn) - x * np.sin(turn), y * np.sin(turn) + x * np.cos(turn)
    zoom = float(rng.uniform(100, 220))
    warp = sample(bend, v * zoom, u * zoom) * 120
    for step, shift in enumerate((0.0, float(rng.uniform(0.08, 0.45)))):
        gas = sample(field, v * zoom + warp + 90 * step, u * zoom - warp + 50 * step)
        color = ramp(
            [
                (0, (0, 0, 0)),
                (0.5, hsv(hue + shift, 0.85, 0.3)),
                (0.8, hsv(hue + shift + 0.05, 0.65, 0.8)),
                (1, hsv(hue + shift + 0.1, 0.2, 1)),
            ],
            smoothstep(0.3, 1.0, gas),
        )
        picture = picture + color * np.float32(glow)
    return np.asarray(picture, np.float32)


def _stars(rng: np.random.Generator, picture: Array, density: float) -> Array:
    """Stars by brightness: very many faint ones, a few with a halo."""
    height, width = picture.shape[:2]
    count = int(density * height * width / 260)
    light = np.zeros_like(picture)
    rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
    bright = rng.pareto(1.9, count).astype(np.float32) * 0.2 + 0.04
    tint = np.stack([rng.uniform(0.75, 1, count), rng.uniform(0.8, 1, count), rng.uniform(0.75, 1, count)], 1)
    np.maximum.at(light, (rows, columns), (np.minimum(bright, 3)[:, None] * tint).astype(np.float32))
    halo = blur(np.clip(light - 0.4, 0, None), 2) * 2 + blur(np.clip(light - 1.1, 0, None), 7) * 9
    return np.asarray(picture + np.minimum(light, 1) + halo, np.float32)


def _palette(rng: np.random.Generator) -> list[tuple[float, Color]]:
    """Color ramp of a planet's surface."""
    hue, spread = float(rng.random()), float(rng.uniform(0.03, 0.2))
    return [
        (0.0, hsv(hue, rng.uniform(0.3, 0.8), 0.22)),
        (0.4, hsv(hue + spread * 0.4, rng.uniform(0.3, 0.75), 0.55)),
        (0.65, hsv(hue + spread, rng.uniform(0.2, 0.6), 0.8)),
        (1.0, hsv(hue + spread * 1.5, rng.uniform(0.0, 0.35), 0.98)),
    ]


def _planet(
    rng: np.random.Generator, picture: Array, center: tuple[float, float], radius: float, *, rings: bool
) -> Array:
    """Draw a lit sphere with an atmosphere, banded or mottled; with rings that pass before and behind it."""
    height, width = picture.shape[:2]
    y, x = grid(height, width)
    dy, dx = (y - center[0]) / radius, (x - center[1]) / radius
    square = dy * dy + dx * dx
    up = np.sqrt(np.clip(1 - square, 0, 1))
    tilt, turn = float(rng.uniform(-0.6, 0.6)), float(rng.uniform(0, 6))
    v, u = dy * np.cos(tilt) - dx * np.sin(tilt), dy * np.sin(tilt) + dx * np.cos(tilt)
    latitude = np.arcsin(np.clip(v, -1, 1))
    longitude = np.arctan2(u, up) + turn
    size = 256
    if rng.random() < 0.5 or rings:
        field = noise(rng, size, size, rng.uniform(5, 14), octaves=5, gain=0.6, stretch=9)
        swirl = noise(rng, size, size, 6, octaves=4, stretch=2)
        wobble = sample(swirl, latitude * 80, longitude * 40) * 18
        surface = sample(field, latitude * 80 + wobble, longitude * 40)
    else:
        field = noise(rng, size, size, rng.uniform(2, 5), octaves=7, gain=0.58)
        surface = sample(field, latitude * 80, longitude * 80 * np.cos(latitude * 0.7))
    sun = float(rng.uniform(0, 2 * np.pi))
    toward = np.array([np.sin(sun) * 0.85, np.cos(sun) * 0.85, rng.uniform(0.25, 0.7)])
    toward /= np.linalg.norm(toward)
    lit = np.clip(dy * toward[0] + dx * toward[1] + up * toward[2], 0, 1) ** 0.8
    palette = _palette(rng)
    air = palette[-1][1]
    color = ramp(palette, surface) * (lit * (0.7 + 0.3 * up) + 0.012)[..., None]
    rim = ((1 - up) ** 3 * lit)[..., None]
    color = color + np.asarray(air, np.float32) * rim * 0.7
    halo = np.exp(-np.clip(np.sqrt(square) - 1, 0, None) * 14) * np.clip(
        dy * toward[0] + dx * toward[1] + 0.45, 0, 1
    )
    picture = picture + np.asarray(air, np.float32) * (halo * 0.4)[..., None]
    back = front = None
    if rings:
        flat = float(rng.uniform(0.12, 0.4))
        angle = float(rng.uniform(-0.7, 0.7))
        ry, rx = dy * np.cos(angle) - dx * np.sin(angle), dy * np.sin(angle) + dx * np.cos(angle)
        r = np.sqrt((ry / flat) ** 2 + rx * rx)
        bands = profile(rng, 512, 3, octaves=8, gain=0.75)
        band = np.interp(r, np.linspace(1.25, 2.3, 512), bands).astype(np.float32)
        cover = smoothstep(1.25, 1.3, r) * smoothstep(2.3, 2.2, r) * smoothstep(0.2, 0.7, band)
        ring = ramp(palette, 0.45 + 0.5 * band) * np.float32(0.9)
        back, front = cover * (ry < 0), cover * (ry >= 0)
        picture = blend(picture, ring, back * 0.85)
    picture = blend(picture, color, smoothstep(1.0, 1 - 2.0 / (radius * height), np.sqrt(square)))
    if front is not None:
        picture = blend(picture, ring, front * 0.85)
    return picture


def _moon(rng: np.random.Generator, picture: Array) -> Array:
    """Draw a cratered moon filling much of the picture."""
    height, width = picture.shape[:2]
    y, x = grid(height, width)
    radius = float(rng.uniform(0.3, 0.75))
    dy, dx = (y - rng.uniform(0.3, 0.7)) / radius, (x - rng.uniform(0.2, 0.8) * width / height) / radius
    square = dy * dy + dx * dx
    up = np.sqrt(np.clip(1 - square, 0, 1))
    relief = noise(rng, height, width, 5, octaves=6, gain=0.55) * 0.25
    for size in np.minimum(rng.pareto(1.3, 70) * 0.025 + 0.02, 0.3):
        cy, cx = rng.uniform(-0.95, 0.95, 2)
        rows = np.abs(dy[:, 0] - cy) < 1.6 * size
        columns = np.abs(dx[0] - cx) < 1.6 * size
        spot = np.ix_(rows, columns)
        r = np.hypot(dy[rows] - cy, dx[:, columns] - cx) / size
        bowl = np.where(r < 1, r * r - 1, 0) * 0.5 + np.exp(-(((r - 1.05) / 0.22) ** 2)) * 0.45
        relief[spot] += bowl * size * 0.9
    gy, gx = np.gradient(relief * height * radius)
    sun = float(rng.uniform(0, 2 * np.pi))
    toward = np.array([np.sin(sun), np.cos(sun)]) * 0.8
    lit = np.clip((dy - gy * 0.5) * toward[0] + (dx - gx * 0.5) * toward[1] + up * rng.uniform(0.1, 0.55), 0, 1)
    maria = noise(rng, height, width, 2.5, octaves=5, gain=0.5)
    tone = blend(
        fill((height, width), hsv(rng.uniform(0, 0.15), rng.uniform(0, 0.3), 0.95)),
        (0.42, 0.42, 0.46),
        smoothstep(0.45, 0.7, maria),
    )
    return blend(
        picture,
        tone * (lit * 1.15 + 0.01)[..., None],
        smoothstep(1.0, 1 - 2.0 / (radius * height), np.sqrt(square)),
    )


def _galaxy(rng: np.random.Generator, picture: Array) -> Array:
    """Draw a spiral galaxy seen at an angle."""
    height, width = picture.shape[:2]
    y, x = grid(height, width)
    y, x = y - rng.uniform(0.35, 0.65), x - width / height * rng.uniform(0.35, 0.65)
    angle, flat = float(rng.uniform(0, np.pi)), float(rng.uniform(0.3, 0.95))
    v, u = (y * np.cos(angle) - x * np.sin(angle)) / flat, y * np.sin(angle) + x * np.cos(angle)
    r, theta = np.sqrt(v * v + u * u) / rng.uniform(0.28, 0.5), np.arctan2(v, u)
    arms, wind = int(rng.integers(2, 5)), float(rng.choice([-1, 1]) * rng.uniform(2.5, 5))
    dust = noise(rng, height, width, 9, octaves=6, gain=0.6)
    arm = 0.5 + 0.5 * np.cos(arms * (theta - wind * np.log(r + 0.08) / arms * 1.6) + 2.2 * (dust - 0.5))
    disk = np.exp(-r * 2.1)
    hue = float(rng.uniform(0.5, 0.95))
    glow = disk * (0.25 + 1.5 * arm**2 * (0.3 + 1.2 * dust))
    picture = picture * np.float32(0.5) + np.asarray(hsv(hue, 0.55, 1), np.float32) * (glow * 1.1)[..., None]
    core = np.exp(-((r / 0.16) ** 2)) + 0.6 * np.exp(-r * 6)
    return np.asarray(picture + np.asarray(hsv(hue + 0.45, 0.35, 1), np.float32) * core[..., None], np.float32)


def _milky_way(rng: np.random.Generator, picture: Array) -> Array:
    """Draw a band of light across the sky, with dark lanes."""
    height, width = picture.shape[:2]
    y, x = grid(height, width)
    angle = float(rng.uniform(-1.2, 1.2))
    away = (y - 0.4) * np.cos(angle) - (x - width / height / 2) * np.sin(angle) + rng.uniform(-0.15, 0.15)
    gas = noise(rng, height, width, 4, octaves=6, gain=0.6)
    lane = noise(rng, height, width, 5, octaves=6, gain=0.6, ridged=True)
    band = np.exp(-((away / rng.uniform(0.12, 0.22)) ** 2)) * (0.35 + 0.9 * gas)
    band = band * (1 - 0.8 * np.exp(-((away / 0.09) ** 2)) * smoothstep(0.45, 0.85, lane))
    hue = float(rng.choice([0.08, 0.6, 0.85]))
    glow = ramp([(0, hsv(hue + 0.55, 0.6, 0.06)), (0.5, hsv(hue, 0.4, 0.5)), (1, hsv(hue, 0.15, 0.95))], band)
    warm = np.exp(-np.clip(0.85 - y, 0, 1) * 6)[..., None] * np.asarray(hsv(hue + 0.02, 0.6, 0.4), np.float32)
    return np.asarray(picture * np.float32(0.6) + glow + warm, np.float32)


def _aurora(rng: np.random.Generator, picture: Array) -> Array:
    """Curtains of light: vertical rays rising from wavy lower edges."""
    height, width = picture.shape[:2]
    y, _ = grid(height, width)
    hue = float(rng.choice([0.36, 0.4, 0.45, 0.8, 0.95], p=[0.3, 0.3, 0.2, 0.1, 0.1]))
    picture = picture * np.float32(0.35)
    for _ in range(int(rng.integers(2, 5))):
        edge = rng.uniform(0.35, 0.75) + 0.5 * (profile(rng, width, 2, octaves=3) - 0.5)
        rays = profile(rng, width, 9, octaves=6, gain=0.7)
        strength = profile(rng, width, 3, octaves=2)
        above = edge[None, :] - y
        tall = rng.uniform(0.12, 0.4)
        curtain = smoothstep(-0.015, 0.03, above) * np.exp(
            -np.clip(above, 0, None) / (tall * (0.4 + rays[None, :]))
        )
        power = curtain * (strength * (0.25 + rays))[None, :]
        shade = ramp(
            [(0, hsv(hue, 0.75, 1)), (0.5, hsv(hue + 0.06, 0.8, 0.8)), (1, hsv(hue + 0.35, 0.7, 0.6))],
            np.clip(above / tall / 1.6, 0, 1),
        )
        picture = picture + shade * (power * 0.9)[..., None]
    return np.asarray(picture, np.float32)


def _horizon(rng: np.random.Generator, picture: Array) -> Array:
    """Dark hills, sometimes with a lake that mirrors the sky."""
    height, width = picture.shape[:2]
    y, _ = grid(height, width)
    level = float(rng.uniform(0.68, 0.92))
    if rng.random() < 0.45:
        rows = np.clip(np.rint(2 * level * height - np.arange(height)), 0, height - 1).astype(int)
        ripple = noise(rng, height, width, 40, octaves=2, stretch=6) - 0.5
        row = np.clip(rows[:, None] + ripple * height * 0.05, 0, height - 1).astype(int)
        mirror = picture[row, np.arange(width)[None, :]] * np.float32(0.6)
        picture = np.where((y > level)[..., None], mirror, picture)
        shore = level + 0.012
    else:
        shore = 2.0
    for layer in range(int(rng.integers(1, 4))):
        ridge = profile(rng, width, rng.uniform(2, 5), octaves=8, gain=0.42, ridged=rng.random() < 0.5)
        top = level - ridge * rng.uniform(0.05, 0.25) / (1 + 0.5 * layer) + 0.03 * layer * (shore > 1)
        land = smoothstep(0, 1.5 / height, y - top[None, :]) * (y < shore)
        picture = blend(picture, mix(rgb("05070d"), rgb("1a2233"), 0.6 / (1 + layer)), land)
    return picture

"""Hot-air balloons over hills and plains."""

from __future__ import annotations

import numpy as np

from simwidget.demo.canvas import Array, Color, blend, fill, grid, hsv, mix, noise, profile, rgb, smoothstep
from simwidget.demo.scenes.sky import Light, pick_light, sky

FABRICS = (
    ("d8322f", "f2f0e6", "f0b429"),
    ("1f5fa8", "f5d547", "e4572e"),
    ("2a9d8f", "e9c46a", "e76f51"),
    ("6a3fa0", "f28482", "f6bd60"),
    ("0b3954", "ff6663", "e0ff4f"),
    ("f4a259", "5b8e7d", "bc4b51"),
    ("ffffff", "d62839", "22333b"),
    ("43aa8b", "f94144", "f9c74f"),
)


def paint(rng: np.random.Generator, height: int, width: int, variant: int) -> Array:
    """Paint balloons: in turn one close by, a few at different distances, and a whole fleet."""
    light = pick_light(rng, "noon", "golden", "rose", "alpine", "haze", "ember", "teal", "dusk")
    aspect = width / height
    horizon = float(rng.uniform(0.72, 1.15))
    sun = (float(rng.uniform(0.1, 0.7)), float(rng.uniform(0.05, 0.95)) * aspect) if rng.random() < 0.3 else None
    picture = sky(rng, height, width, light, horizon=min(horizon, 0.98), sun=sun)
    picture = _hills(rng, picture, light, horizon)
    motif = variant % 3
    count = (1, int(rng.integers(2, 6)), int(rng.integers(8, 22)))[motif]
    largest = (rng.uniform(0.26, 0.46), rng.uniform(0.14, 0.26), rng.uniform(0.07, 0.15))[motif]
    sizes = np.sort(largest * np.r_[1.0, rng.uniform(0.15, 0.9, count - 1) ** (1.3 if count > 1 else 1.0)])
    toward = float(rng.choice([-1, 1]))
    placed: list[tuple[float, float, float]] = []
    for radius in sizes:
        spots = [(rng.uniform(0.08 + radius, 0.82), rng.uniform(0.05, 0.95) * aspect) for _ in range(12)]
        if count == 1:
            spots = [(rng.uniform(0.36, 0.5), rng.uniform(0.3, 0.7) * aspect)]
        clear = [min([np.hypot(y - v, x - u) - r for v, u, r in placed], default=1.0) for y, x in spots]
        y, x = spots[int(np.argmax(clear))]
        placed.append((y, x, float(radius)))
        picture = _balloon(
            rng, picture, light, float(y), float(x), float(radius), 0.7 * (1 - float(radius) / 0.3), toward
        )
    return picture


def _hills(rng: np.random.Generator, picture: Array, light: Light, horizon: float) -> Array:
    """Ranges of hills, or a patchwork of fields, up to the horizon."""
    height, width = picture.shape[:2]
    y, _ = grid(height, width)
    layers = int(rng.integers(2, 6))
    hue = float(rng.choice([0.08, 0.22, 0.3, 0.4, 0.04]))
    jagged = bool(rng.random() < 0.5)
    for layer in range(layers):
        t = (layer + 1) / layers
        crest = profile(rng, width, rng.uniform(1.5, 5), octaves=7, gain=0.42, ridged=jagged)
        top = horizon + 0.25 * (t - 1 / layers) - crest * rng.uniform(0.06, 0.16)
        into = y - top[None, :]
        rough = noise(rng, height, width, 10, octaves=6, gain=0.65, stretch=2.5)
        tone = mix(hsv(hue + 0.05 * t, 0.5, 0.45), light.shade, 0.25)
        body = fill((height, width), tone) * (0.4 + 0.75 * light.ambient + 0.9 * (rough - 0.45))[..., None]
        mist = np.clip(1 - t, 0, 1) * 0.85 + 0.25 * smoothstep(0.0, 0.2, into) * (1 - t)
        body = blend(body, mix(light.horizon, light.middle, 0.35), np.clip(mist, 0, 0.92))
        picture = blend(picture, body, smoothstep(0, 1.5 / height, into))
    return picture


def _balloon(
    rng: np.random.Generator,
    picture: Array,
    light: Light,
    cy: float,
    cx: float,
    radius: float,
    haze: float,
    toward: float,
) -> Array:
    """One balloon: an envelope of gores lit from the side, ropes and a basket."""
    height, width = picture.shape[:2]
    top, bottom = max(0, int((cy - 1.1 * radius) * height)), min(height, int((cy + 2.1 * radius) * height) + 1)
    left, right = max(0, int((cx - 1.1 * radius) * height)), min(width, int((cx + 1.1 * radius) * height) + 1)
    if bottom - top < 4 or right - left < 4:
        return picture
    y = ((np.arange(top, bottom)[:, None] + 0.5) / height - cy) / radius
    x = ((np.arange(left, right)[None, :] + 0.5) / height - cx) / radius
    soft = 1.4 / (radius * height)
    # Half width at a level: a sphere above, drawn in to the mouth below.
    lower = np.clip(y / 1.35, 0, 1)
    half = np.where(y < 0, np.sqrt(np.clip(1 - y * y, 0, 1)), (1 - lower**2.1 * 0.82))
    half = np.where(y > 1.35, 0, half)
    across = np.clip(x / np.maximum(half, 1e-3), -1, 1)
    cover = smoothstep(soft, -soft, np.abs(x) - half) * (y > -1) * smoothstep(1.35 + soft, 1.35 - soft, y)
    color = _fabric(rng, np.arcsin(across), np.broadcast_to(y, cover.shape))
    bulge = np.sqrt(np.clip(1 - across**2, 0, 1))
    lit = np.clip(0.34 + 0.4 * across * toward + 0.42 * bulge - 0.16 * y, 0.12, 1.15)
    gores = 24
    seam = np.abs(((np.arcsin(across) / np.pi + 0.5) * gores) % 1 - 0.5) * 2
    color = color * ((0.45 + 0.6 * lit) * (0.93 + 0.09 * np.sqrt(seam)))[..., None]
    color = color * np.asarray(mix((1, 1, 1), light.sun, 0.6), np.float32)
    if rng.random() < 0.3:  # the burner is on: the mouth glows from inside
        color = (
            color
            + np.asarray(rgb("ffb347"), np.float32) * (np.exp(-((y - 1.2) ** 2) / 0.3 - x * x * 2) * 0.6)[..., None]
        )
    out: Array = picture.copy()
    window = out[top:bottom, left:right]
    veil = mix(light.horizon, light.middle, 0.5)
    window = blend(window, blend(color, veil, np.clip(haze, 0, 0.65) * 0.75), cover)
    ropes = smoothstep(0.014 + soft, 0.014 - soft, np.abs(np.abs(x) - (0.2 - 0.1 * (y - 1.35) / 0.35)))
    ropes = ropes * ((y > 1.33) & (y < 1.72))
    basket = smoothstep(soft, -soft, np.maximum(np.abs(x) - 0.14, np.abs(y - 1.82) - 0.12))
    weave = 0.6 + 0.4 * np.sin(y * 90) * np.sin(x * 70)
    straw = (
        np.asarray(mix(rgb("7a4a26"), veil, 0.3 * haze), np.float32)
        * (weave * (0.75 + 1.6 * x * toward))[..., None]
    )
    window = blend(window, mix(rgb("2a2320"), veil, 0.4), ropes * 0.8)
    out[top:bottom, left:right] = blend(window, straw, basket)
    return out


def _fabric(rng: np.random.Generator, longitude: Array, level: Array) -> Array:
    """Color of the envelope: stripes, bands, zigzags, a spiral, checks or a broad sash."""
    cloth: list[Color] = [rgb(code) for code in FABRICS[int(rng.integers(len(FABRICS)))]]
    cloth = [cloth[i] for i in rng.permutation(3)]
    turn = longitude / np.pi + 0.5 + float(rng.random())
    count = int(rng.choice([6, 8, 10, 12]))
    style = int(rng.integers(6))
    if style == 0:
        index = (turn * count).astype(int) % int(rng.choice([2, 3]))
    elif style == 1:
        index = np.floor((level + 1) * rng.uniform(2, 5)).astype(int) % 3
    elif style == 2:
        zigzag = np.abs((turn * count) % 1 - 0.5)
        index = np.floor((level + 1) * 2.5 + zigzag * rng.uniform(1, 2)).astype(int) % 3
    elif style == 3:
        index = np.floor(turn * count / 2 + level * rng.uniform(1, 3)).astype(int) % 3
    elif style == 4:
        index = (np.floor(turn * count) + np.floor((level + 1) * 4)).astype(int) % 2
    else:
        sash = np.abs(level - rng.uniform(-0.3, 0.2)) < rng.uniform(0.18, 0.35)
        index = np.where(sash, 2, np.floor(turn * count).astype(int) % 2)
    colors: Array = np.asarray(cloth, np.float32)[index]
    return colors

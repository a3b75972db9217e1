"""Skies: the light that the outdoor scenes share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simwidget.demo.canvas import Array, Color, grid, mix, noise, ramp, rgb, sample, smoothstep


@dataclass(frozen=True)
class Light:
    """Colors of an hour of the day; RGB floats in [0, 1]."""

    zenith: Color
    middle: Color
    horizon: Color
    sun: Color
    cloud: Color
    shade: Color
    ambient: float
    """Brightness of what the sun does not reach, in [0, 1]."""


def _light(zenith: str, middle: str, horizon: str, sun: str, cloud: str, shade: str, ambient: float) -> Light:
    return Light(rgb(zenith), rgb(middle), rgb(horizon), rgb(sun), rgb(cloud), rgb(shade), ambient)


LIGHTS: dict[str, Light] = {
    "noon": _light("2f6fb8", "6fa8dc", "cfe3f2", "fff6e0", "ffffff", "a9b9cc", 0.55),
    "alpine": _light("17407f", "3f7fc4", "a8cdea", "fffaf0", "fdfdff", "8fa5c4", 0.45),
    "haze": _light("8fa9bd", "b9c9d2", "e6e3d8", "fff3d6", "f6f3ea", "c0c4c6", 0.65),
    "golden": _light("4b6a94", "c99a72", "ffd38a", "ffdf9a", "ffd9a6", "8d6f74", 0.42),
    "ember": _light("2b2a52", "9a3f55", "ff8a4a", "ffb15c", "ff9566", "4d3050", 0.32),
    "rose": _light("5f6fa8", "c79ab8", "ffd0c4", "ffe3cf", "ffd5d8", "9a86ad", 0.5),
    "violet": _light("241b4a", "5e3f86", "d77fa6", "ffb9a0", "b77fb5", "3d2c5c", 0.3),
    "teal": _light("0e3a4f", "2f7f86", "bfe0c4", "f4ffd9", "d5efe2", "4f8088", 0.45),
    "storm": _light("3a4350", "66707a", "a7adab", "e8ead9", "8d949a", "3b4149", 0.5),
    "dusk": _light("0f1a3a", "27406f", "8f8fae", "f2c9a5", "6a719a", "1d2747", 0.25),
    "overcast": _light("9aa3ab", "b4bbc0", "d3d5d4", "f4f2ea", "dcdfe0", "8f979e", 0.7),
}


def pick_light(rng: np.random.Generator, *names: str) -> Light:
    """Mix two of the named hours (of all where none is named), mostly the first drawn."""
    choices = names or tuple(LIGHTS)
    first, second = (LIGHTS[str(name)] for name in rng.choice(choices, 2))
    t = float(rng.uniform(0, 0.45))

    def between(attribute: str) -> Color:
        return mix(getattr(first, attribute), getattr(second, attribute), t)

    tones = {name: between(name) for name in ("zenith", "middle", "horizon", "sun", "cloud", "shade")}
    return Light(**tones, ambient=(1 - t) * first.ambient + t * second.ambient)


def sky(
    rng: np.random.Generator,
    height: int,
    width: int,
    light: Light,
    *,
    horizon: float,
    sun: tuple[float, float] | None = None,
) -> Array:
    """Sky over the whole canvas, the part below the horizon in the color of the horizon.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    height, width : int
        Size in pixels.
    light : Light
        Hour of the day.
    horizon : float
        Height of the horizon from the top, as a share of the picture's height.
    sun : tuple of float, optional
        Row and column of a visible sun, both as shares of the picture's height.

    Returns
    -------
    ndarray of float32, shape (height, width, 3)
    """
    y, x = grid(height, width)
    up = np.clip((horizon - y) / max(horizon, 0.15), 0, 1)
    stops = [(0.0, light.horizon), (rng.uniform(0.25, 0.5), light.middle), (1.0, light.zenith)]
    picture: Array = np.broadcast_to(ramp(stops, up), (height, width, 3)).copy()
    if sun is not None:
        distance = np.sqrt((y - sun[0]) ** 2 + (x - sun[1]) ** 2)
        glow = np.exp(-distance * 2.2) * 0.45 + np.exp(-distance * 9) * 0.5
        size = float(rng.uniform(0.014, 0.045))
        disc = smoothstep(size * rng.uniform(1.1, 2.5), size, distance) * (light.ambient < 0.6)
        # Screened rather than added, so that a bright sky does not burn out.
        burn = np.clip(np.asarray(light.sun, np.float32) * (glow * 0.8 + disc)[..., None], 0, 1)
        picture = 1 - (1 - picture) * (1 - burn)
    amount = float(rng.beta(1.1, 1.1))
    return picture if amount < 0.04 else _clouds(rng, picture, light, up, x, amount)


def _clouds(rng: np.random.Generator, picture: Array, light: Light, up: Array, x: Array, amount: float) -> Array:
    """Clouds on a flat layer overhead: large near the zenith, thin bands near the horizon."""
    size = 512
    stretch = float(rng.choice([1.0, 1.6, 3.0]))
    field = noise(rng, size, size, rng.uniform(2, 5), octaves=7, gain=rng.uniform(0.48, 0.6), stretch=stretch)
    depth = 1 / (up * rng.uniform(0.8, 1.6) + 0.12)
    v = depth * size * 0.13 + float(rng.uniform(0, size))
    u = (x - 0.5) * depth * size * 0.22 + float(rng.uniform(0, size))
    density = sample(field, v, u)
    # The same clouds looked up a little nearer the light: the difference is their relief.
    relief = density - sample(field, v - 7.0, u + float(rng.uniform(-7, 7)))
    threshold = float(np.quantile(field, 1 - 0.85 * amount))
    body = smoothstep(threshold - 0.05, threshold + rng.uniform(0.12, 0.35), density)
    lit = np.clip(0.62 + 3.2 * relief - 0.45 * (density - threshold), 0, 1)
    color = ramp([(0, light.shade), (0.6, light.cloud), (1, mix(light.cloud, (1, 1, 1), 0.3))], lit)
    fade = smoothstep(0.0, 0.14, up)
    alpha = body * fade * rng.uniform(0.7, 0.97)
    return np.asarray(picture + (color - picture) * alpha[..., None], np.float32)

"""Height fields seen from the ground: ray-cast column by column, lit, with shadows and a planar mirror."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simwidget.demo.canvas import Array, sample

SIZE = 512
"""Side of a height field in cells; it repeats beyond."""

SHORE = 0.02
"""Ground less than this above the water, in cells, counts as water: interpolation is not exact."""


@dataclass(frozen=True)
class Camera:
    """A viewer over a height field; lengths in cells."""

    row: float
    column: float
    altitude: float
    heading: float
    """Direction of view in radians."""
    view: float
    """Width of the view at distance 1, in cells."""
    horizon: float
    """Height of the horizon from the top, as a share of the picture's height."""
    aspect: float
    """Width of the picture over its height."""
    far: float = 420.0
    """Distance at which the world ends."""

    def project(self, row: Array, column: Array, level: Array) -> tuple[Array, Array, Array]:
        """Where points of the world appear.

        Returns
        -------
        y, x, depth : ndarray
            Shares of the picture's height and width (visible: within [0, 1]) and distance in cells
            (behind the viewer: negative).
        """
        sin, cos = np.sin(self.heading), np.cos(self.heading)
        down, right = row - self.row, column - self.column
        depth = down * cos + right * sin
        safe = np.where(np.abs(depth) < 1e-3, 1e-3, depth)
        x = (right * cos - down * sin) / (safe * self.view) + 0.5
        y = self.horizon - (level - self.altitude) / safe * self.aspect / self.view
        return y, x, depth


@dataclass(frozen=True)
class Hit:
    """What every pixel sees; all arrays have the shape of the picture."""

    seen: np.ndarray
    """bool: whether the ground is hit at all."""
    depth: Array
    row: Array
    column: Array
    level: Array
    """Height of what is hit, in cells."""


def look(
    heights: Array,
    camera: Camera,
    height: int,
    width: int,
    *,
    water: float | None = None,
    skip: npt.NDArray[np.float32] | None = None,
    steps: int = 300,
) -> Hit:
    """Find the cell of the height field behind every pixel.

    A pixel's ray meets the ground at the first distance where the elevation angle, accumulated as a
    running maximum from near to far, reaches the pixel's own: one sorted search for the whole picture.

    Parameters
    ----------
    heights : ndarray of float32, shape (SIZE, SIZE)
        Ground level in cells.
    camera : Camera
        Where to look from.
    height, width : int
        Size of the picture in pixels, which need not be square.
    water : float, optional
        Look at the picture mirrored in water of this level: the camera is taken below the surface, rows
        run downward from the horizon, and ground under water does not hide what lies behind it.
    skip : ndarray of float32, shape (width,), optional
        Overlook ground nearer than this, column by column.
    steps : int
        Number of distances to look at, closer together the nearer they are.

    Returns
    -------
    Hit
    """
    depths = np.geomspace(1.5, camera.far, steps)[:, None]
    across = (np.arange(width) + 0.5) / width - 0.5
    sin, cos = np.sin(camera.heading), np.cos(camera.heading)
    rows = camera.row + depths * (cos - sin * across * camera.view)
    columns = camera.column + depths * (sin + cos * across * camera.view)
    ground = sample(heights, rows, columns).astype(np.float64)
    eye = camera.altitude if water is None else 2 * water - camera.altitude
    plain = (ground - eye) / depths
    rise = plain
    if water is not None:
        rise = np.where(ground <= water + SHORE, -np.inf, rise)
    if skip is not None:
        rise = np.where(depths < skip, -np.inf, rise)
    skyline = np.maximum(np.maximum.accumulate(rise, axis=0), -1e3)
    pixel = (np.arange(height) + 0.5) / height
    # One scale for both directions: the view spans `view` across the width.
    slope = (camera.horizon - pixel) * camera.view / camera.aspect
    if water is not None:
        slope = -slope
    offset = np.arange(width) * 1e4
    flat = (skyline + offset).T.ravel()
    order = np.searchsorted(flat, (slope[:, None] + offset[None, :]).ravel()).reshape(height, width)
    first = order - np.arange(width)[None, :] * steps
    seen = first < steps
    index = np.clip(first, 0, steps - 1)
    before = np.maximum(index - 1, 0)
    lane = np.broadcast_to(np.arange(width), index.shape)
    high = skyline[index, lane]
    low = np.maximum(skyline[before, lane], plain[before, lane])
    between = np.clip((slope[:, None] - low) / np.maximum(high - low, 1e-9), 0, 1)
    # Interpolate only along one surface; at a silhouette the nearer edge is the answer.
    joined = (plain[before, lane] >= low) & (index > 0)
    near, far = depths[before, 0], depths[index, 0]
    depth = np.where(joined, near + between * (far - near), far)
    row = camera.row + depth * (cos - sin * across * camera.view)
    column = camera.column + depth * (sin + cos * across * camera.view)
    level = eye + slope[:, None] * depth
    return Hit(seen, *(plane.astype(np.float32) for plane in (depth, row, column, level)))


def illumination(heights: Array, azimuth: float, elevation: float) -> Array:
    """Sunlight on a height field: Lambert's cosine times cast shadows, shape of ``heights``, in [0, 1].

    Parameters
    ----------
    heights : ndarray of float32, shape (SIZE, SIZE)
        Ground level in cells.
    azimuth, elevation : float
        Direction of the sun in radians.
    """
    dy = (np.roll(heights, -1, 0) - np.roll(heights, 1, 0)) / 2
    dx = (np.roll(heights, -1, 1) - np.roll(heights, 1, 1)) / 2
    toward = np.cos(elevation) * np.array([np.cos(azimuth), np.sin(azimuth)])
    cosine = (np.sin(elevation) - dy * toward[0] - dx * toward[1]) / np.sqrt(1 + dy * dy + dx * dx)
    excess = np.full_like(heights, -np.inf)
    for step in (1, 2, 3, 5, 7, 10, 14, 19, 25, 33, 43):
        shift = np.rint(step * np.array([np.cos(azimuth), np.sin(azimuth)])).astype(int)
        ahead = np.roll(heights, (-shift[0], -shift[1]), (0, 1))
        excess = np.maximum(excess, ahead - heights - step * np.tan(elevation))
    shadow = np.clip(1 - excess / 1.5, 0, 1)
    return np.asarray(np.clip(cosine, 0, 1) * np.minimum(shadow, 1), np.float32)

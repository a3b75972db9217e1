"""The kinds of scene, each a module with one ``paint(rng, height, width, variant)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simwidget.demo.canvas import Array, finish
from simwidget.demo.scenes import balloon, flower, forest, landscape, night, seascape, skyline, tile

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from PIL.Image import Image

_PAINTERS: dict[str, Callable[[np.random.Generator, int, int, int], Array]] = {
    "balloon": balloon.paint,
    "flower": flower.paint,
    "forest": forest.paint,
    "landscape": landscape.paint,
    "night": night.paint,
    "seascape": seascape.paint,
    "skyline": skyline.paint,
    "tile": tile.paint,
}

KINDS = tuple(_PAINTERS)
"""Names of the kinds, which serve as labels."""


def paint(rng: np.random.Generator, kind: str, height: int, width: int, variant: int) -> Image:
    """Paint one scene.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness: the same state paints the same scene.
    kind : str
        One of :data:`KINDS`.
    height, width : int
        Size in pixels.
    variant : int
        Number of the scene within its kind; successive ones differ in composition.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.
    """
    return finish(rng, _PAINTERS[kind](rng, height, width, variant))

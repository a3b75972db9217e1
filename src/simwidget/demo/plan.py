"""What a demo set consists of, decided before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from simwidget.demo.copies import EXACT, NEAR
from simwidget.demo.odd import ODD
from simwidget.demo.scenes import KINDS
from simwidget.demo.truth import Copy, Group, Mislabelled, Truth
from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COUNTS = {
    "landscape": 66,
    "flower": 62,
    "seascape": 58,
    "tile": 56,
    "skyline": 52,
    "forest": 48,
    "night": 44,
    "balloon": 22,
}
"""Scenes of each kind in the full set; one class is thin, as in real data."""

FEWEST = 16
"""Least number of scenes that leaves some without a copy."""

CROWD = 25
"""Size of the one large group of identical files."""

UNREADABLE = ("IMG_4711.jpg", "download.jpg", "Thumbs copy.jpg")
"""Names of the truncated, the empty and the mistaken file."""

_ASPECTS = ((4, 3), (3, 4), (3, 2), (2, 3), (16, 9), (1, 1), (4, 3), (3, 2))

_WORDS = {
    "balloon": ("fiesta", "Ballonfahrt", "morning flight", "over the valley"),
    "flower": ("garden", "in bloom", "Frühling", "macro"),
    "forest": ("walk", "Wald", "woods", "foggy morning"),
    "landscape": ("valley", "hike day", "panorama", "Überblick"),
    "night": ("telescope", "night sky", "long exposure", "stars"),
    "seascape": ("beach", "Côte", "ferry", "sunset"),
    "skyline": ("downtown", "from the hotel", "city", "harbour"),
    "tile": ("azulejos", "kitchen idea", "floor", "museum"),
}

_SUFFIXES = {
    "identical": (" (1)", " copy", " - Copy", "_backup"),
    "same pixels": ("_export", "-lossless"),
    "EXIF-rotated": ("_upright", "-turned"),
    "re-encoded": ("-web", "_compressed", "-whatsapp"),
    "resized": ("_small", "-scaled", "_preview"),
    "cropped": ("-crop", "_cropped"),
    "brightened": ("-edit", "_bright", "-enhanced"),
    "mirrored": ("-flip", "_mirrored"),
}


@dataclass
class Scene:
    """One scene to draw and the copies to make of it; everything a worker needs."""

    kind: str
    variant: int
    path: str
    seed: tuple[int, ...]
    height: int
    width: int
    quality: int
    orientation: int = 1
    """EXIF orientation to store it in."""
    copies: list[Copy] = field(default_factory=list)

    def limit(self, longest: int) -> None:
        """Make the scene smaller where its longer side has more than ``longest`` pixels."""
        scale = min(1.0, longest / max(self.height, self.width))
        self.height, self.width = round(scale * self.height), round(scale * self.width)


def plan(folder: Path, seed: int, counts: Mapping[str, int]) -> tuple[list[Scene], Truth]:
    """Decide on every file of a set.

    Parameters
    ----------
    folder : Path
        Where the set will lie.
    seed : int
        Draws everything that is left to chance, at least 0.
    counts : mapping of str to int
        Number of scenes by kind.

    Returns
    -------
    list of Scene, Truth

    Raises
    ------
    InvalidValueError
        Where a kind is unknown, or there are too few scenes to plant every kind of copy.
    """
    if unknown := sorted(set(counts) - set(KINDS)):
        raise InvalidValueError(f"No such kind of scene: {', '.join(unknown)}. There are {', '.join(KINDS)}.")
    if sum(counts.values()) < FEWEST:
        raise InvalidValueError(
            f"{sum(counts.values())} scenes are too few for a demo set; {FEWEST} are the least."
        )
    rng = np.random.default_rng(seed)
    names = _Names(rng)
    scenes = [
        _scene(rng, names, kind, variant, (seed, KINDS.index(kind), variant))
        for kind, count in counts.items()
        for variant in range(count)
    ]
    order = [scenes[i] for i in rng.permutation(len(scenes))]
    astray = max(1, round(0.02 * len(scenes)))
    mislabelled = [_mislabel(rng, names, scene) for scene in order[:astray]]
    groups = _plant(rng, names, order[astray:])
    labels = {scene.path: scene.kind for scene in scenes}
    labels |= {copy.path: scene.kind for scene in scenes for copy in scene.copies}
    places = rng.permutation(np.resize(sorted(counts), len(ODD) + len(UNREADABLE)))
    strays = [names.fixed(str(place), name) for place, name in zip(places, (*ODD, *UNREADABLE), strict=True)]
    truth = Truth(
        folder, seed, groups, mislabelled, strays[: len(ODD)], strays[len(ODD) :], dict(sorted(labels.items()))
    )
    return scenes, truth


class _Names:
    """File names as cameras, phones and people give them, unique even where case does not count."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def fixed(self, folder: str, name: str) -> str:
        """Return a path with a given file name, numbered if there is such a file already."""
        stem, dot, suffix = name.rpartition(".")
        path, number = f"{folder}/{name}", 1
        while self._key(path) in self._taken:
            number += 1
            path = f"{folder}/{stem} ({number}){dot}{suffix}"
        self._taken.add(self._key(path))
        return path

    @staticmethod
    def _key(path: str) -> str:
        return path.lower().rpartition(".")[0]

    def scene(self, kind: str, suffix: str) -> str:
        """Make up a path for a new scene."""
        rng = self._rng
        day = f"20{rng.integers(12, 26)}{rng.integers(1, 13):02}{rng.integers(1, 29):02}"
        clock = f"{rng.integers(6, 23):02}{rng.integers(0, 60):02}{rng.integers(0, 60):02}"
        name = str(
            rng.choice(
                [
                    f"IMG_{rng.integers(1, 9999):04}",
                    f"DSC{rng.integers(1, 99999):05}",
                    f"DSCF{rng.integers(1, 9999):04}",
                    f"P{rng.integers(1010001, 1239999)}",
                    f"{day}_{clock}",
                    f"PXL_{day}_{clock}{rng.integers(0, 999):03}",
                    f"{rng.choice(_WORDS[kind])} {rng.integers(1, 60)}",
                ]
            )
        )
        return self.fixed(kind, f"{name}.{suffix}")

    def copy(self, source: str, kind: str) -> str:
        """Make up a path for a copy, beside its source."""
        folder, _, name = source.rpartition("/")
        stem, _, suffix = name.rpartition(".")
        if kind in ("same pixels", "EXIF-rotated"):
            suffix = "png"
        elif kind != "identical":
            suffix = "jpg"
        return self.fixed(folder, f"{stem}{self._rng.choice(_SUFFIXES[kind])}.{suffix}")


def _scene(rng: np.random.Generator, names: _Names, kind: str, variant: int, seed: tuple[int, ...]) -> Scene:
    """Draw the size, shape and format of a scene."""
    across, down = _ASPECTS[int(rng.integers(len(_ASPECTS)))]
    png = rng.random() < 0.03
    longest = int(rng.integers(320, 421)) if png else int(320 + 480 * rng.random() ** 1.6)
    scale = longest / max(across, down)
    suffix = "png" if png else str(rng.choice(["jpg", "jpg", "jpg", "JPG", "jpeg"]))
    quality = int(rng.integers(78, 93))
    path = names.scene(kind, suffix)
    return Scene(kind, variant, path, seed, round(down * scale), round(across * scale), quality)


def _mislabel(rng: np.random.Generator, names: _Names, scene: Scene) -> Mislabelled:
    """Move a scene to the folder of another kind."""
    folder = str(rng.choice([kind for kind in KINDS if kind != scene.kind]))
    scene.path = names.fixed(folder, scene.path.rpartition("/")[2])
    return Mislabelled(scene.path, folder, scene.kind)


def _plant(rng: np.random.Generator, names: _Names, scenes: list[Scene]) -> list[Group]:
    """Decide which scenes are copied and how: mostly pairs, some larger groups and one crowd."""
    photos = iter(sorted(scenes, key=lambda scene: scene.path.endswith(".png")))
    crowd = next(photos)
    crowd.limit(320)
    crowd.copies = [Copy(names.copy(crowd.path, "identical"), "identical") for _ in range(CROWD - 1)]
    chosen = [crowd]
    kinds = list(EXACT + NEAR)
    sizes = np.resize(
        [1, 1, 2, 1, 1, 1, 3, 1, 1, 2, 1, 1, 1, 1, 5, 1, 1, 2, 1, 1], max(8, round(0.145 * len(scenes)))
    )
    deck: list[str] = []
    for size in sizes:
        scene = next(photos)
        for _ in range(int(size)):
            if not deck:  # every kind once before any comes again
                deck = [str(kind) for kind in rng.permutation(kinds)]
            kind = deck.pop()
            scene.copies.append(Copy(names.copy(scene.path, kind), kind))
        made = {copy.kind for copy in scene.copies}
        if made & {"same pixels", "EXIF-rotated"}:
            # PNG keeps the grain, which is bulky: such scenes are small.
            scene.limit(400)
        if "EXIF-rotated" in made and rng.random() < 0.5:
            scene.orientation = int(rng.choice([3, 6, 8]))
        chosen.append(scene)
    return [Group(scene.path, scene.copies) for scene in chosen]

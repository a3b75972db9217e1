"""Draw the images of the browser tests, with planted copies: `python make_data.py FOLDER`.

``photos``    40 different scenes, and 12 identical copies of 5 of them
``one``       a single image
``same``      six identical images
``unreadable``  three files that are no images whatever their names say
``hostile``    images whose names are HTML, quotes, emoji, right-to-left text, and as long as a name can be
``catalog``    the photos in two folders, and a third with a black image, a very wide one and a file that is none

``truth.json`` beside them names the copies in ``photos``, by the scene that they were copied from.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SCENES = 40
COPIES = {"scene-03.jpg": 1, "scene-11.jpg": 5, "scene-17.jpg": 1, "scene-26.jpg": 3, "scene-38.jpg": 2}
SIZE = (320, 240)
HOSTILE = (
    "<img src=x onerror=hacked=1>.jpg",
    "\"'`&amp;${hacked=1}.jpg",
    "🎈👩‍👩‍👧 été.jpg",
    "صورة قديمة 12.jpg",
    "n" * 251 + ".jpg",
)
CATALOG = ("even", "odd", "strange")
DAY = 86_400


def scene(seed: int) -> Image.Image:
    """A landscape of soft colours and hard shapes that no other seed resembles."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(2, 9, size=2)
    coarse = rng.integers(0, 256, size=(rows, columns, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
    for _ in range(int(rng.integers(3, 9))):
        left, top = rng.integers(0, SIZE[0]), rng.integers(0, SIZE[1])
        width, height = rng.integers(20, 140, size=2)
        colour = tuple(int(part) for part in rng.integers(0, 256, size=3))
        image.paste(colour, (int(left), int(top), int(left + width), int(top + height)))
    return image


def draw(folder: Path) -> None:
    """Draw everything into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in (
        "photos",
        "one",
        "same",
        "unreadable",
        "hostile",
        "catalog/even",
        "catalog/odd",
        "catalog/strange",
    ):
        (folder / name).mkdir(parents=True)
    photos = folder / "photos"
    for number in range(SCENES):
        save(scene(number), photos / f"scene-{number:02}.jpg")
    truth = {source: [copy(photos / source, index) for index in range(count)] for source, count in COPIES.items()}
    (folder / "truth.json").write_text(json.dumps(truth))

    save(scene(1000), folder / "one" / "only.jpg")
    save(scene(1001), folder / "same" / "first.jpg")
    for index in range(5):
        shutil.copyfile(folder / "same" / "first.jpg", folder / "same" / f"same-{index}.jpg")
    for index in range(3):
        (folder / "unreadable" / f"broken-{index}.jpg").write_bytes(b"no image")
    for seed, name in enumerate(HOSTILE, start=2000):
        save(scene(seed), folder / "hostile" / name)

    for photo in photos.iterdir():
        is_odd = int(photo.name[len("scene-") :][:2]) % 2
        shutil.copy2(photo, folder / "catalog" / ("odd" if is_odd else "even") / photo.name)
    strange = folder / "catalog" / "strange"
    save(Image.new("RGB", SIZE), strange / "black.jpg")
    save(scene(3000).resize((1600, 40)), strange / "wide.jpg")
    (strange / "broken.jpg").write_bytes(b"no image")


def save(image: Image.Image, path: Path) -> None:
    """Save as JPEG, a day older than any copy: of a group of identical files the oldest is the one to keep."""
    image.save(path, quality=90)
    now = path.stat().st_mtime
    os.utime(path, (now - DAY, now - DAY))


def copy(source: Path, index: int) -> str:
    """Copy a file under a name of its own and return that."""
    target = source.with_name(f"{source.stem}-copy-{index}.jpg")
    shutil.copyfile(source, target)
    return target.name


if __name__ == "__main__":
    draw(Path(sys.argv[1]))

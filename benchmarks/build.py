"""What a build adds to decoding: its reading stage against decoding and writing the thumbnail alone.

Ours is the stage of ``Project.from_folder`` that reads files: decoding, hashes, thumbnail, perceptual embedding,
quality metrics, storing them all, and decoding anew what may have the same pixels as another. The baseline opens
each file with Pillow, lets JPEG decode at the scale that ours asks for, turns it upright, converts it to RGB, makes
the same thumbnail with the same filter and saves it as a JPEG file of the same quality. Both use one thread a
processor and the same files: photos, each several times with small changes of size and quality, so that no two
files are alike. The rounds alternate; the ratio is the median over them. ``--parts`` adds the time of each part,
alone, in one thread.

Run: ``python benchmarks/build.py FOLDER_OF_PHOTOS``
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from common import Row, Seconds, interleaved, median, ratio, record, timed
from simwidget import imaging
from simwidget.embedders.perceptual import PerceptualEmbedder
from simwidget.metrics.quality import pixel_quality
from simwidget.pipeline import Progress, _Read, _record, hash_ambiguous_pixels, read_items
from simwidget.sources.folder import FileEntry
from simwidget.store import ProjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COPIES = 4  # of each photo
MIN_SIDE = 256  # that the stage asks the decoder for with this embedder
TARGET = 0.75


def write_copies(photos: Sequence[Path], folder: Path) -> list[Path]:
    """Copies of photos that differ in size, by a few percent, and in JPEG quality."""
    paths = []
    for number, photo in enumerate(photos):
        with Image.open(photo) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        for copy in range(COPIES):
            scale = 1 - 0.02 * copy
            path = folder / f"{number:04d}-{copy}.jpg"
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            image.resize(size, Image.Resampling.BICUBIC).save(path, quality=90 - copy)
            paths.append(path)
    return paths


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode(path: Path) -> Image.Image:
    """Upright RGB pixels, by Pillow alone."""
    with Image.open(path) as opened:
        scale = min(opened.size) / MIN_SIDE
        if scale >= 2:
            opened.draft(None, (int(opened.width / scale), int(opened.height / scale)))
        opened.load()
        return ImageOps.exif_transpose(opened).convert("RGB")


def baseline(paths: Sequence[Path], scratch: Path) -> None:
    def thumbnail(path: Path) -> None:
        image = decode(path)
        image.thumbnail((imaging.THUMBNAIL_SIZE,) * 2, Image.Resampling.BICUBIC, reducing_gap=2.0)
        image.save(scratch / path.name, "JPEG", quality=imaging.THUMBNAIL_QUALITY)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(thumbnail, paths))


def ours(paths: Sequence[Path], scratch: Path) -> None:
    store = ProjectStore(scratch / "project")
    by_name = {path.name: path for path in paths}
    store.sync_items([FileEntry(path.name, *_size_and_time(path)) for path in paths], None, None)
    with store.build_lock():
        read_items(store, by_name.__getitem__, PerceptualEmbedder(), Progress(False))
        hash_ambiguous_pixels(store, by_name.__getitem__, Progress(False))
    store.close()


def _size_and_time(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def in_scratch(work: Callable[[Sequence[Path], Path], None], paths: Sequence[Path]) -> Seconds:
    """Time a work without making and removing the folder that it writes to."""
    with tempfile.TemporaryDirectory() as scratch:
        return timed(lambda: work(paths, Path(scratch)))


def parts(paths: Sequence[Path]) -> None:
    """Print milliseconds of processor time an image, the least of several rounds, of each part."""
    paths = paths[::COPIES]
    data = [path.read_bytes() for path in paths]
    images = [decode(path) for path in paths]
    thumbnails = [imaging.make_thumbnail(image) for image in images]
    read = [imaging.read_image(path, min_side=MIN_SIDE) for path in paths]
    embedder = PerceptualEmbedder()
    vectors = embedder.embed_images(images)

    def store() -> None:
        with tempfile.TemporaryDirectory() as scratch:
            store = ProjectStore(Path(scratch))
            store.sync_items([FileEntry(path.name, 1, 1) for path in paths], None, None)
            reads = zip(paths, read, vectors, strict=True)
            records = [_record(_Read(n, path, image, None, v)) for n, (path, image, v) in enumerate(reads, start=1)]
            for start in range(0, len(records), 32):
                store.write_items(records[start : start + 32], embedder.name)
            store.close()

    works: dict[str, Callable[[], object]] = {
        "decode": lambda: [decode(path) for path in paths],
        "thumbnail": lambda: [imaging.make_thumbnail(image) for image in images],
        "encode": lambda: [t.save(io.BytesIO(), "JPEG", quality=imaging.THUMBNAIL_QUALITY) for t in thumbnails],
        "embedding": lambda: [
            embedder.embed_images(images[start : start + 32]) for start in range(0, len(images), 32)
        ],
        "quality": lambda: [pixel_quality(thumbnail) for thumbnail in thumbnails],
        "hash of bytes": lambda: [hashlib.blake2b(d, digest_size=16).digest() for d in data],
        "read_image": lambda: [imaging.read_image(path, min_side=MIN_SIDE) for path in paths],
        "store": store,
    }
    least = dict.fromkeys(works, float("inf"))
    for _ in range(7):
        for name, work in works.items():
            start = time.process_time()
            work()
            least[name] = min(least[name], (time.process_time() - start) / len(paths) * 1000)
    for name, value in least.items():
        print(f"{name:16} {value:6.3f} ms of processor time an image")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of photos")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--parts", action="store_true")
    arguments = parser.parse_args()
    suffixes = Image.registered_extensions()
    photos = [path for path in sorted(arguments.photos.iterdir()) if path.suffix.lower() in suffixes]
    with tempfile.TemporaryDirectory() as folder:
        paths = write_copies(photos, Path(folder))
        for work in (baseline, ours):
            in_scratch(work, paths[:64])
        works = {"Pillow": partial(in_scratch, baseline, paths), "simwidget": partial(in_scratch, ours, paths)}
        taken = interleaved(works, arguments.rounds)
        if arguments.parts:
            parts(paths)
    base, mine = median(taken["Pillow"]), median(taken["simwidget"])
    rate = ratio(taken["Pillow"], taken["simwidget"])  # of their times is that of our rates
    count = len(paths)
    measured = (
        f"{rate.wall:.2f} × its rate ({count / mine.wall:.0f} against {count / base.wall:.0f} images/s; by CPU "
        f"{rate.cpu:.2f} ×, {1000 * mine.cpu / count:.2f} against {1000 * base.cpu / count:.2f} ms an image)"
    )
    what = f"Reading stage of a build, {count} photos, {cores()} threads, median of {arguments.rounds} rounds"
    peer = "Pillow: decode and write the same thumbnail"
    record(__file__, [Row(what, f"≥ {TARGET} × its rate", measured, rate.wall >= TARGET, peer)])


if __name__ == "__main__":
    main()

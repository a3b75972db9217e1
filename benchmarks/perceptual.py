"""What the perceptual embedder finds: copies of photos, labelled near-duplicates, and at what cost.

Copies: each photo is transformed in each way, saved and read as a project reads files; its nearest among all
originals should be its source ("recall"), also with the CIFAR images among them ("of all"). Near-duplicates:
average precision as the data's README defines it. Radius: precision and recall of "nearest train image within
the radius", and what a radius tuned on one half of the classes does on the other half.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from common import Row, record
from simwidget.embedders.perceptual import PerceptualEmbedder
from simwidget.imaging import open_rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Bools = npt.NDArray[np.bool_]

RADII = (0.02, 0.03, 0.04, 0.045, 0.05, 0.055, 0.06, 0.07)
RECALL_GOAL, KIND_GOAL, PRECISION_GOAL, MILLISECONDS_GOAL = 0.97, 0.9, 0.85, 3
PRECISION = 0.9  # that a tuned radius keeps on the half that it is tuned on


def scaled(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.resize(
        [max(1, round(side * factor)) for side in image.size], Image.Resampling.BICUBIC
    )


def cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    def crop(image: Image.Image) -> Image.Image:
        x, y = round(image.width * share), round(image.height * share)
        return image.crop((x, y, image.width - x, image.height - y))

    return crop


def bordered(color: str) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageOps.expand(image, max(1, min(image.size) // 16), color)


def with_text(image: Image.Image) -> Image.Image:
    mask = Image.new("L", image.size)
    font = ImageFont.load_default(max(10, min(image.size) // 9))
    center = (image.width / 2, image.height / 2)
    ImageDraw.Draw(mask).text(center, "SAMPLE IMAGE", fill=255, font=font, anchor="mm")
    copy = image.copy()
    copy.paste("white", mask=mask.rotate(30))
    return copy


# Kind -> the transformation and the JPEG quality that its result is saved with.
KINDS: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "jpeg 20": (lambda image: image, 20),
    "jpeg 50": (lambda image: image, 50),
    "half size": (scaled(0.5), 90),
    "1.6 x size": (scaled(1.6), 90),
    "crop 5 %": (cropped(0.05), 90),
    "crop 10 %": (cropped(0.10), 90),
    "brightness 1.35": (lambda image: ImageEnhance.Brightness(image).enhance(1.35), 90),
    "contrast 0.6": (lambda image: ImageEnhance.Contrast(image).enhance(0.6), 90),
    "blur 2": (lambda image: image.filter(ImageFilter.GaussianBlur(2)), 90),
    "grayscale": (lambda image: image.convert("L").convert("RGB"), 90),
    "black border": (bordered("black"), 90),
    "white border": (bordered("white"), 90),
    "text": (with_text, 90),
    "turn 3": (lambda image: image.rotate(3, Image.Resampling.BICUBIC), 90),
    "mirror": (ImageOps.mirror, 90),
}


def embed_files(paths: Sequence[Path]) -> Floats:
    embedder = PerceptualEmbedder()
    parts = [paths[start : start + 256] for start in range(0, len(paths), 256)]
    return np.concatenate([embedder.embed_images([open_rgb(path) for path in part]) for part in parts])


def average_precision(scores: Floats, positive: Bools) -> float:
    hits = positive[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def copies(photos: Sequence[Path], distractors: Floats, radius: float) -> list[Row]:
    originals = embed_files(photos)
    own = np.arange(len(photos))
    rows = []
    for transform, quality in KINDS.values():
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number:05d}.jpg" for number in own]
            for photo, path in zip(photos, paths, strict=True):
                with Image.open(photo) as image:
                    transform(ImageOps.exif_transpose(image).convert("RGB")).save(path, quality=quality)
            vectors = embed_files(paths)
        similarity = vectors @ originals.T
        source = similarity[own, own].copy()
        similarity[own, own] = -1
        other = similarity.max(axis=1)
        of_all = np.maximum(other, (vectors @ distractors.T).max(axis=1))
        distance = 1 - source
        found = (source > other).mean(), (source > of_all).mean(), (distance <= radius).mean()
        rows.append([*found, np.median(distance), distance.max()])
    print(f"\n{'copies of photos':20}  recall  of all  within radius  distance: median, largest")
    for kind, row in zip(KINDS, rows, strict=True):
        print(f"{kind:20} {row[0]:7.4f} {row[1]:7.4f} {row[2]:14.3f} {row[3]:17.4f} {row[4]:8.4f}")
    overall = np.mean(rows, axis=0)
    print(f"{'all':20} {overall[0]:7.4f} {overall[1]:7.4f} {overall[2]:14.3f}")
    pairs = 1 - (originals @ originals.T)[np.triu_indices(len(originals), 1)]
    within = (pairs <= radius).sum()
    print(
        f"pairs of different photos within the radius: {within} of {len(pairs)}, the closest at {pairs.min():.3f}"
    )
    least, kind = min(zip((row[0] for row in rows), KINDS, strict=True))
    what = f"Copies of {len(photos)} photos find their source first"
    mirrored = rows[list(KINDS).index("mirror")]
    return [
        Row(f"{what}, {len(KINDS)} kinds", f"≥ {RECALL_GOAL}", f"{overall[0]:.4f}", overall[0] >= RECALL_GOAL),
        Row(f"{what}, the worst kind", f"≥ {KIND_GOAL}", f"{least:.4f} ({kind})", least >= KIND_GOAL),
        Row(f"{what}, CIFAR images among the originals", "", f"{overall[1]:.4f}"),
        Row(f"Mirrored copies within the radius of {radius}", "", f"{mirrored[2]:.3f}"),
    ]


def near_duplicates(folder: Path, radius: float) -> tuple[Floats, list[Row]]:
    """Print the CIFAR figures; return the vectors of all its images and the rows for the table."""
    test, train = (sorted((folder / split).glob("*/*.jpg")) for split in ("test", "train"))
    with (folder / "pairs.csv").open(newline="") as file:
        paired = {folder / row["test"] for row in csv.DictReader(file)}
    positive = np.array([path in paired for path in test])
    test_vectors, train_vectors = embed_files(test), embed_files(train)
    scores = (test_vectors @ train_vectors.T).max(axis=1)
    classes = sorted({path.parent.name for path in test})
    first = np.isin([path.parent.name for path in test], classes[: len(classes) // 2])
    print("near-duplicates of CIFAR")
    for name, part in (("all classes", first | ~first), ("first half", first), ("second half", ~first)):
        print(f"average precision, {name:12} {average_precision(scores[part], positive[part]):.3f}")
    print("radius   precision  recall")
    for value in sorted({*RADII, radius}):
        precision, recall = precision_recall(scores, positive, value)
        print(f"{value:<8} {precision:9.3f} {recall:7.3f}{'   <- the embedder' if value == radius else ''}")
    for half, name in ((first, "first"), (~first, "second")):
        grid = np.arange(0.005, 0.1, 0.0005)
        kept = [value for value in grid if precision_recall(scores[half], positive[half], value)[0] >= PRECISION]
        found = precision_recall(scores[~half], positive[~half], max(kept))
        print(f"tuned on the {name} half: {max(kept):.4f}; on the other {found[0]:.3f} and {found[1]:.3f}")
    precision = average_precision(scores, positive)
    at_radius = precision_recall(scores, positive, radius)
    rows = [
        Row(
            "Average precision on CIFAR near-duplicates",
            f"≥ {PRECISION_GOAL}",
            f"{precision:.3f}",
            precision >= PRECISION_GOAL,
        ),
        Row(
            f"Precision and recall there within the radius of {radius}", "", "{:.3f} and {:.3f}".format(*at_radius)
        ),
    ]
    return np.concatenate([test_vectors, train_vectors]), rows


def precision_recall(scores: Floats, positive: Bools, radius: float) -> tuple[float, float]:
    found = 1 - scores <= radius
    hits = (found & positive).sum()
    return float(hits / max(found.sum(), 1)), float(hits / positive.sum())


def cost(photos: Sequence[Path]) -> Row:
    """Milliseconds of processor time an image, the least of several rounds, beside reading the same files."""
    embedder = PerceptualEmbedder()
    photos = photos[:64]
    images = [open_rgb(path) for path in photos]
    for image in images:
        image.thumbnail((512, 512), Image.Resampling.BOX)

    def milliseconds(work: Callable[[], object]) -> float:
        times = []
        for _ in range(9):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return min(times) * 1e3 / len(photos)

    one = milliseconds(lambda: [embedder.embed_images([image]) for image in images])
    many = milliseconds(lambda: embedder.embed_images(images))
    read = milliseconds(lambda: [open_rgb(path) for path in photos])
    print(f"\nms an image of at most 512 pixels: {one:.2f} one by one, {many:.2f} in a batch")
    print(f"ms to read the file, decode it and make its thumbnail: {read:.2f}")
    what = "Perceptual embedding of an image of at most 512 pixels, CPU"
    return Row(
        what, f"≤ {MILLISECONDS_GOAL} ms", f"{many:.2f} ms ({one:.2f} ms one by one)", many <= MILLISECONDS_GOAL
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "data")
    data = parser.parse_args().data
    photos = sorted(path for path in (data / "photos").iterdir() if path.is_file())
    radius = PerceptualEmbedder.near_duplicate_radius
    print(f"{PerceptualEmbedder.name}, {PerceptualEmbedder.dim} numbers, radius {radius}")
    vectors, rows = near_duplicates(data / "cifar", radius)
    record(__file__, [*rows, *copies(photos, vectors, radius), cost(photos)])


if __name__ == "__main__":
    main()

"""Quality metrics: what the pixels of a thumbnail and the facts about a file say, one number an image each.

:func:`pixel_quality` runs once an image, in the decode that makes its thumbnail; :func:`quality_metrics` gives
them, and those that need no pixels, for all items of a project.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

    from simwidget.store import ItemTable

    Floats = npt.NDArray[np.float32]

PIXEL_METRICS = ("Brightness", "Contrast", "Sharpness", "Colorfulness", "Red", "Green", "Blue", "Entropy")
QUALITY_METRICS = (*PIXEL_METRICS, "Area", "Aspect ratio", "File size", "Random")
_LEVELS = np.arange(256)


def pixel_quality(thumbnail: Image.Image) -> npt.NDArray[np.float32]:
    """Compute the metrics that need pixels.

    Luma is that of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, rounded to 0..255 as Pillow does.

    - Brightness: mean luma / 255, in [0, 1].
    - Contrast: standard deviation of luma / 255, in [0, 0.5]; RMS contrast (Peli, Contrast in complex images,
      JOSA A 1990).
    - Sharpness: variance of the Laplacian (4 neighbors minus 4 times the pixel) of luma inside the outermost
      pixels, in [0, 1020^2] (Pech-Pacheco et al., Diatom autofocusing in
      brightfield microscopy, ICPR 2000); 0 for less than 3 pixels a side.
    - Colorfulness: sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2) with rg = R - G and
      yb = (R + G) / 2 - B on 0..255 (Hasler and Suesstrunk, Measuring colourfulness in natural images, SPIE
      2003), in [0, 377]; by their viewers 15 is slightly, 45 averagely, 82 highly colorful, and gray is 0.
    - Red, Green, Blue: mean of the channel / 255, in [0, 1].
    - Entropy: Shannon entropy of the histogram of luma, 256 bins, in bits, in [0, 8] (Shannon, A mathematical
      theory of communication, 1948).

    Parameters
    ----------
    thumbnail : PIL.Image.Image
        Mode RGB, at most 256 x 256 pixels. Sharpness depends on the scale, so that it compares images of
        thumbnails of one size.

    Returns
    -------
    ndarray of float32, shape (8,)
        In the order of :data:`PIXEL_METRICS`, all finite; what spreads or differs is 0 for a constant image.
    """
    luma = thumbnail.convert("L")
    shares = np.array(luma.histogram(), dtype=np.float64) / (luma.width * luma.height)
    brightness = shares @ _LEVELS
    contrast = np.sqrt(shares @ (_LEVELS - brightness) ** 2)
    occurring = shares[shares > 0]
    entropy = max(0.0, -float(occurring @ np.log2(occurring)))
    means, colorfulness = _color(thumbnail)
    return np.array(
        [
            brightness / 255,
            contrast / 255,
            _sharpness(np.asarray(luma)),
            colorfulness,
            *(mean / 255 for mean in means),
            entropy,
        ],
        dtype=np.float32,
    )


def _sharpness(luma: npt.NDArray[np.uint8]) -> float:
    if min(luma.shape) < 3:
        return 0.0
    height, width = luma.shape
    # On rows put end to end, which is fast; the first and last column come out wrong and are dropped.
    values = luma.ravel().astype(np.int16)  # half of float32, and as exact
    laplacian = values[: -2 * width] + values[2 * width :]
    laplacian[1:] += values[width : -width - 1]
    laplacian[:-1] += values[width + 1 : -width]
    laplacian -= values[width:-width] << 2
    return float(laplacian.reshape(height - 2, width)[:, 1:-1].astype(np.float32).var())


def _color(thumbnail: Image.Image) -> tuple[list[float], float]:
    """Means of red, green and blue, 0..255, and colorfulness.

    yb is the mean of R - B and G - B, so that var(rg) + var(yb) is a sum over the differences of two channels,
    3/4 var(R - G) + 1/2 var(R - B) + 1/2 var(G - B).
    """
    channels = [np.frombuffer(c.tobytes(), dtype=np.uint8).astype(np.float32) for c in thumbnail.split()]
    means = [float(channel.sum()) / channel.size for channel in channels]  # exact: float32 holds any such sum
    spread = 0.0
    for first, second, weight in ((0, 1, 0.75), (0, 2, 0.5), (1, 2, 0.5)):
        values = channels[first] - channels[second]
        values -= np.float32(means[first] - means[second])  # or squaring would lose the digits of a small variance
        spread += weight * float(values @ values) / values.size
    red, green, blue = means
    return means, float(np.sqrt(spread) + 0.3 * np.hypot(red - green, (red + green) / 2 - blue))


def quality_metrics(items: ItemTable) -> dict[str, npt.NDArray[np.float32]]:
    """Give all quality metrics of a project.

    Besides those of :func:`pixel_quality`:

    - Area: width x height of the upright image, in pixels.
    - Aspect ratio: width / height; above 1 lies, below 1 stands.
    - File size: bytes.
    - Random: in [0, 1), uniform. Sorting by it shuffles without regard to anything the images show, filtering by
      it samples (0 to 0.01 is one in a hundred), and both give the same on every open: it comes from a hash of
      the content and the path of the item alone, whatever other items there are.

    Parameters
    ----------
    items : ItemTable
        ``n`` items.

    Returns
    -------
    dict of str to ndarray of float32, shape (n,)
        By name, in the order above. NaN where an item has no pixel metrics yet. Area and file size are rounded
        to the 24 bits that float32 holds.
    """
    widths, heights = items.widths.astype(np.float64), items.heights.astype(np.float64)
    metrics = {name: np.ascontiguousarray(items.quality[:, i]) for i, name in enumerate(PIXEL_METRICS)}
    metrics["Area"] = (widths * heights).astype(np.float32)
    metrics["Aspect ratio"] = (widths / np.maximum(heights, 1)).astype(np.float32)
    metrics["File size"] = items.sizes.astype(np.float32)
    metrics["Random"] = _random(items)
    return metrics


def _random(items: ItemTable) -> Floats:
    """Mix the first 8 bytes of the hash of the content with the path by the finalizer of splitmix64.

    The path keeps copies apart. The finalizer (Steele et al., Fast splittable pseudorandom number generators,
    OOPSLA 2014) changes every bit with every bit of its input.
    """
    content = np.frombuffer(items.content.tobytes(), dtype="<u8")[::2]
    paths = (zlib.crc32(path.encode("utf-8", "surrogateescape")) for path in items.paths)
    mixed = content ^ (np.fromiter(paths, dtype=np.uint64, count=len(items.paths)) * np.uint64(0x9E3779B97F4A7C15))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    values: Floats = (mixed >> np.uint64(40)).astype(np.float32)
    values *= np.float32(2**-24)
    return values

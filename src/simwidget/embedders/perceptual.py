"""The built-in embedder: hand-made features of a 32 x 32 pixel copy of the image, no model, no download."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_SIDE = 32  # pixels of the square copy that everything is computed from
_CELLS = 4  # histogram cells a side; even, so that mirroring maps no cell onto itself
_ORIENTATIONS = 8  # of the gradient, over the full circle; even, so that mirroring permutes them
_LUMA_WAVES = 8  # lowest spatial frequencies kept, a side
_CHROMA_WAVES = 5
_TONE_WAVES = np.array([3, 8, 17], np.float32)  # radians over the range of a color channel

# For each block its weight, a share of the squared length of a vector, and the norm around which it fades
# out for lack of contrast. The tone never fades: blank images have nothing else to be told apart by.
_BLOCKS = {
    "fine": (0.40, 0.60),
    "coarse": (0.40, 1.00),
    "chroma": (0.10, 0.02),
    "luma": (0.05, 1.20),
    "side": (0.004, 0.50),
    "tone": (0.015, 0.00),
}
_FLAT = np.float32(3e-4)  # mean gradient of a histogram bin that is noise, in luma (0..1) a pixel

_PLAIN = 12  # a border's pixels differ by no more from its color, in levels of 0..255
_STEP = 28  # the picture's differ by more
_MOST = 0.35  # of the height or width that one side's border may take
_BATCH = 32  # images worked on at a time: few enough to stay in the processor's cache


class PerceptualEmbedder:
    """Vectors that are near for copies of an image, made by formulas alone.

    A plain border is cut off, the rest is squeezed to 32 x 32 pixels, and six blocks of numbers are weighted
    and put together:

    - *fine* and *coarse*: histograms of gradient orientations (Dalal and Triggs, CVPR 2005) of the luma
      at full and at half resolution, in 4 x 4 overlapping cells;
    - *chroma* and *luma*: the lowest frequencies of their discrete cosine transforms, without the mean,
      the luma whitened;
    - *side*: the luma waves whose sign mirroring inverts. The other blocks are the same for an image and
      its mirror image, which this one holds at a small distance of each other;
    - *tone*: cosines and sines of the mean color, a kernel on color differences (Rahimi and Recht, NIPS
      2007). It tells apart blank images, whose other blocks fade out.

    Attributes
    ----------
    name : str
        ``"perceptual-1"``; counts up with every change of the vectors.
    dim : int
        417.
    near_duplicate_radius : float
        0.05. Of the labelled near-duplicates of CIFAR-10 in 2,000 x 7,998 images the nearest image within it
        is one with precision 0.90 and recall 0.92 (average precision 0.93). It holds 0.90 of the copies of
        143 photos: nearly all that are re-encoded, resized, blurred, brightened, framed, written on or
        mirrored, but 0.34 of those in grayscale and 0.29 of those cropped by 10 % a side. Of 10,153 pairs
        of different photos it holds none. How far that carries over: the largest radius of precision 0.9 on
        one half of the classes, 0.055 or 0.038, has precision 0.81 and recall 1.00, or 0.96 and 0.71, on
        the other half. Measured by ``benchmarks/perceptual.py``.
    image_size : int
        64: an image is averaged down to 64 to 127 pixels a side first.
    thread_safe : bool
        True: there is no state.

    Examples
    --------
    >>> from PIL import Image
    >>> PerceptualEmbedder().embed_images([Image.new("RGB", (640, 480), "teal")]).shape
    (1, 417)
    """

    name = "perceptual-1"
    dim = 417
    near_duplicate_radius = 0.05
    image_size = 2 * _SIDE
    thread_safe = True

    def reduce_image(self, image: Image.Image) -> Image.Image:
        """Average an image down to at most 255 pixels a side, as ``embed_images`` would; its vector stays the same.

        Parameters
        ----------
        image : PIL.Image.Image
            Of any size and mode.

        Returns
        -------
        PIL.Image.Image
            RGB; a longer side than 255 pixels has become 128 to 255, each by a whole factor of its own.
        """
        return _reduce(image)

    def embed_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Embed a batch; see :meth:`simwidget.embedders.base.Embedder.embed_images`.

        Parameters
        ----------
        images : sequence of PIL.Image.Image
            Of any size and mode; what is not RGB is converted.

        Returns
        -------
        ndarray of float32, shape (len(images), 417)
            Rows of unit length. A row does not depend on the other images of the batch.
        """
        rows = np.empty((len(images), self.dim), np.float32)
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            rows[start : start + len(batch)] = _embed(np.stack([_shrink(image) for image in batch]))
        return rows


# ---------------------------------------------------------------- from an image to 32 x 32 pixels


def _reduce(image: Image.Image) -> Image.Image:
    if image.mode != "RGB":
        image = image.convert("RGB")
    factors = max(1, image.width // (2 * _SIDE)), max(1, image.height // (2 * _SIDE))
    return image if factors == (1, 1) else image.reduce(factors)


def _shrink(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Cut off the plain border and squeeze the rest to (32, 32, 3), whatever its aspect ratio."""
    image = _reduce(image)
    box = _content_box(np.asarray(image))
    return np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, box=box))


def _content_box(pixels: npt.NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the picture inside its plain border, in pixels."""
    bottom, right = pixels.shape[:2]
    left = top = 0
    box = (0.0, 0.0, float(right), float(bottom))
    for _ in range(2):  # a framed copy of a framed picture has two borders
        inside = pixels[top:bottom, left:right]
        if min(inside.shape[:2]) < _SIDE // 2:
            break
        across = inside.swapaxes(0, 1)
        margins = _margin(across), _margin(inside), _margin(across[::-1]), _margin(inside[::-1])
        if not any(margins):
            break
        box = (left + margins[0], top + margins[1], right - margins[2], bottom - margins[3])
        left, top = int(np.ceil(box[0])), int(np.ceil(box[1]))
        right, bottom = int(box[2]), int(box[3])
    return box


def _margin(rows: npt.NDArray[np.uint8]) -> float:
    """Depth of the plain border at the first of some rows of pixels, in rows.

    A border is rows of one color that end in a step along most of their length; a plain sky or backdrop
    does not end so. Where the step is neither long nor short, part of the depth is given: copies of an
    image, which differ a little in that, then still give nearly the same depth.
    """
    edge = rows[0]
    # Green alone tells most edges to be no border, in a tenth of the time that it takes on arrays of all colors.
    green = sorted(edge[:, 1].tolist())
    middle = green[len(green) // 2]
    near = bisect_right(green, middle + _PLAIN) - bisect_left(green, middle - _PLAIN)
    if (len(green) - near) / len(green) > 0.05:
        return 0.0
    color = np.sort(edge, axis=0)[len(edge) // 2]
    if np.count_nonzero(_off(edge, color) > _PLAIN) / len(edge) > 0.05:
        return 0.0
    off = _off(rows[: int(_MOST * len(rows)) + 3], color)
    busy = (off > _PLAIN).mean(axis=1)
    depth = int(np.argmax(busy > 0.05))
    if depth == 0 or depth > len(off) - 3:
        return 0.0
    step = (off[depth : depth + 3] > _STEP).mean(axis=1).max()
    # The row in which border and picture mix belongs to neither.
    mixed = 1.0 if busy[depth] < 0.9 * busy[depth + 1] else 0.5
    return float((depth + mixed) * np.clip((step - 0.5) / 0.4, 0, 1))


def _off(pixels: npt.NDArray[np.uint8], color: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """How far pixels (..., channels) are from a color, in the channel in which they are farthest."""
    farthest: npt.NDArray[np.int16] = np.abs(np.subtract(pixels[..., 0], color[0], dtype=np.int16))
    for channel in range(1, len(color)):
        off = np.subtract(pixels[..., channel], color[channel], dtype=np.int16)
        np.maximum(farthest, np.abs(off, out=off), out=farthest)
    return farthest


# ---------------------------------------------------------------- from 32 x 32 pixels to a vector


def _tents(size: int) -> Floats:
    """Overlapping triangular windows that average ``size`` samples into cells, (cells, size)."""
    position = (np.arange(size) + 0.5) / size * _CELLS - 0.5
    windows: Floats = np.maximum(0, 1 - np.abs(np.arange(_CELLS)[:, None] - position)).astype(np.float32)
    windows /= windows.sum(axis=1, keepdims=True)
    return windows


def _cosines(waves: int) -> Floats:
    """The first rows of the DCT-II of ``_SIDE`` samples, (waves, _SIDE), over the root of their number."""
    angles = np.pi / _SIDE * np.arange(waves)[:, None] * (np.arange(_SIDE) + 0.5)
    basis: Floats = (np.cos(angles) * (2**0.5 / _SIDE)).astype(np.float32)
    basis[0] *= np.float32(0.5**0.5)
    return basis


_FINE_TENTS = _tents(_SIDE)
_COARSE_TENTS = _tents(_SIDE // 2)
_LUMA_COSINES = _cosines(_LUMA_WAVES)
_CHROMA_COSINES = _cosines(_CHROMA_WAVES)
# Amplitudes in natural images fall as 1/f (Field, 1987): times f they weigh alike.
_LUMA_WHITENING = np.hypot(*np.mgrid[:_LUMA_WAVES, :_LUMA_WAVES]).astype(np.float32)
_ANGLES = 2 * np.pi / _ORIENTATIONS * np.arange(_ORIENTATIONS)
_COS = np.cos(_ANGLES).astype(np.float32)[:, None, None]
_SIN = np.sin(_ANGLES).astype(np.float32)[:, None, None]
_MIRRORED = (_ORIENTATIONS // 2 - np.arange(_ORIENTATIONS)) % _ORIENTATIONS
_RGB_TO_YCBCR = np.array(  # ITU-R BT.601, full range, as in JPEG
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)


def _embed(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Unit rows, (n, 417), of RGB pixels, (n, 32, 32, 3)."""
    n = len(pixels)
    rgb = np.moveaxis(pixels, 3, 1).reshape(n, 3, -1) * np.float32(1 / 255)
    ycbcr = (_RGB_TO_YCBCR @ rgb).reshape(n, 3, _SIDE, _SIDE)
    luma = ycbcr[:, 0]
    half = (luma[:, ::2, ::2] + luma[:, ::2, 1::2] + luma[:, 1::2, ::2] + luma[:, 1::2, 1::2]) / 4
    luma_waves = _LUMA_COSINES @ luma @ _LUMA_COSINES.T * _LUMA_WHITENING
    luma_waves = np.copysign(np.sqrt(np.abs(luma_waves)), luma_waves)
    chroma_waves = _CHROMA_COSINES @ ycbcr[:, 1:] @ _CHROMA_COSINES.T
    phases = (rgb.mean(axis=2)[:, :, None] * _TONE_WAVES).reshape(n, -1)
    blocks = {
        "fine": _fold_histograms(_orientation_histograms(luma, _FINE_TENTS)),
        "coarse": _fold_histograms(_orientation_histograms(half, _COARSE_TENTS)),
        "chroma": _fold_waves(chroma_waves).reshape(n, 2, -1)[:, :, 1:],
        "luma": _fold_waves(luma_waves).reshape(n, -1)[:, 1:],
        "side": luma_waves[:, :, 1::2],
        "tone": np.concatenate([np.cos(phases), np.sin(phases)], axis=1),
    }
    rows = []
    for name, (weight, floor) in _BLOCKS.items():
        block = blocks[name].reshape(n, -1)
        norm = np.sqrt((block * block).sum(axis=1, keepdims=True) + np.float32(floor**2))
        rows.append(block * (np.float32(weight**0.5) / norm))
    vectors: Floats = np.concatenate(rows, axis=1)
    vectors /= np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    return vectors


def _orientation_histograms(luma: Floats, tents: Floats) -> Floats:
    """Square roots of the gradient's magnitude by direction and cell, (n, orientations, cells, cells).

    A direction gets the share cos^8 of the angle to it (0 beyond 90 degrees), which is smooth in the
    image where binning angles is not. On square roots the dot product is Hellinger's kernel, which keeps
    a few strong edges from outweighing the rest (Arandjelovic and Zisserman, CVPR 2012).
    """
    dx, dy = np.zeros_like(luma), np.zeros_like(luma)
    dx[:, :, 1:-1] = (luma[:, :, 2:] - luma[:, :, :-2]) / 2
    dy[:, 1:-1] = (luma[:, 2:] - luma[:, :-2]) / 2
    magnitude = np.sqrt(dx * dx + dy * dy)
    unit = 1 / np.maximum(magnitude, np.float32(1e-9))
    response = (dx * unit)[:, None] * _COS + (dy * unit)[:, None] * _SIN
    np.maximum(response, 0, out=response)
    for _ in range(3):
        response *= response
    response *= magnitude[:, None]
    histograms: Floats = np.sqrt(tents @ response @ tents.T + _FLAT) - np.sqrt(_FLAT)
    return histograms


def _fold_histograms(histograms: Floats) -> Floats:
    """Sums and absolute differences with the mirror image's: the same for both."""
    mirrored = histograms[:, _MIRRORED, :, ::-1]
    left = np.s_[..., : _CELLS // 2]  # the right half repeats it
    folded: Floats = np.stack([(histograms + mirrored)[left], np.abs(histograms - mirrored)[left]], axis=1)
    return folded


def _fold_waves(waves: Floats) -> Floats:
    """The waves without the sign of those that mirroring inverts: every other one across."""
    folded: Floats = waves.copy()
    folded[..., 1::2] = np.abs(folded[..., 1::2])
    return folded

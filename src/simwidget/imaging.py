"""One decode of one image file: upright RGB pixels, thumbnail, hashes and what ranking needs.

Nothing here knows of a project, a database or a notebook; every function may run in any thread.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from simwidget.errors import SimwidgetError
from simwidget.metrics.quality import PIXEL_METRICS, pixel_quality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

T = TypeVar("T")

THUMBNAIL_SIZE = 256  # longer side, pixels: sharp in a cell of 128 CSS pixels on a high-density screen
THUMBNAIL_QUALITY = 82  # of its JPEG
SIGNATURE_SIDE = 4
HASH_BYTES = 16  # of a hash of content or pixels
_SHARPNESS, _RED = PIXEL_METRICS.index("Sharpness"), PIXEL_METRICS.index("Red")
_WHITE_CONTENT = 240  # a composition on white whose darkest pixel is above this shows nothing
_DARK = (48, 48, 48)


class UnreadableImageError(SimwidgetError, ValueError):
    """The file cannot be decoded; the message is the reason, fit to show to a person."""


@dataclass(frozen=True)
class DecodedImage:
    """What one read of a file gives.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, upright, at most scaled down to twice the size that the embedder asked for.
    width, height : int
        Size in pixels of the whole image, upright.
    thumbnail : bytes
        JPEG, longer side at most ``THUMBNAIL_SIZE`` pixels.
    bytes_hash : bytes
        16 bytes, BLAKE2b of the file.
    pixels_hash : bytes or None
        16 bytes, of the SHA-1 of all upright pixels and their size. None where that is put off until it can tell
        two images apart: for images larger than their thumbnail. See :func:`hash_pixels`.
    thumbnail_hash : bytes or None
        16 bytes, BLAKE2b of ``thumbnail``, where the pixels are not hashed: equal pixels have equal thumbnails.
        None also where only a scaled-down decode was made (large JPEGs), whose thumbnail may differ a little.
    signature : bytes
        Mean RGB of the thumbnail in each cell of a 4 x 4 grid, 48 bytes: equal pixels have nearly equal signatures.
        Zeros for images too small to be ever decoded scaled down, which are told apart by the hashes.
    mean_color : bytes
        Mean RGB, 3 bytes.
    sharpness : float
        Sharpness of ``quality``, as a Python number.
    quality : ndarray of float32, shape (8,)
        Brightness to Entropy of the thumbnail before it was encoded; see
        :func:`simwidget.metrics.quality.pixel_quality`.
    """

    image: Image.Image
    width: int
    height: int
    thumbnail: bytes
    bytes_hash: bytes
    pixels_hash: bytes | None
    thumbnail_hash: bytes | None
    signature: bytes
    mean_color: bytes
    sharpness: float
    quality: npt.NDArray[np.float32]


def read_image(file: Path | bytes, *, min_side: int = 256) -> DecodedImage:
    """Read a file once and compute everything that needs its pixels.

    Parameters
    ----------
    file : Path or bytes
        An image file, or all that is in one, in any format that Pillow decodes; of several frames the first counts.
    min_side : int
        The returned ``image`` is scaled down in fast integer steps while its shorter side stays at
        least this many pixels.

    Raises
    ------
    UnreadableImageError
        The file is missing, empty, truncated, no image, or larger than Pillow's safety limit.
    """
    try:
        data = file if isinstance(file, bytes) else file.read_bytes()
        if not data:
            raise UnreadableImageError("the file is empty")
        with Image.open(io.BytesIO(data)) as opened:
            full_size = opened.size
            drafted = _draft(opened, min(full_size) / min_side)
            opened.load()
            pixels = _upright(opened, own=True)
            width, height = _upright_size(opened, full_size) if drafted else pixels.size
        hashed_now = not drafted and (max(full_size) <= THUMBNAIL_SIZE or pixels.mode in _DEEP_MODES)
        rgb = _to_rgb(pixels)
        thumbnail = make_thumbnail(rgb)
        # Before it is encoded, while it is in the processor's cache.
        quality = pixel_quality(thumbnail)
        may_be_scaled = min(full_size) >= 2 * min(min_side, THUMBNAIL_SIZE)  # in this build or another
        signature = _signature(thumbnail) if may_be_scaled else bytes(3 * SIGNATURE_SIDE**2)
        encoded = io.BytesIO()
        thumbnail.save(encoded, "JPEG", quality=THUMBNAIL_QUALITY)
        factor = min(rgb.size) // min_side
        return DecodedImage(
            image=rgb.reduce(factor) if factor >= 2 else rgb,
            width=width,
            height=height,
            thumbnail=encoded.getvalue(),
            bytes_hash=_blake2b(data),
            pixels_hash=_hash(pixels) if hashed_now else None,
            thumbnail_hash=None if drafted or hashed_now else _blake2b(encoded.getvalue()),
            signature=signature,
            mean_color=np.rint(255 * quality[_RED : _RED + 3]).astype(np.uint8).tobytes(),
            sharpness=float(quality[_SHARPNESS]),
            quality=quality,
        )
    except UnreadableImageError:
        raise
    except Exception as error:  # a decoder can raise anything on hostile bytes
        raise UnreadableImageError(_reason(error)) from error


def hash_pixels(path: Path) -> bytes:
    """Hash all upright pixels of a file, decoding it in full.

    Equal for two files exactly when ``read_image`` would hash them alike; see ``DecodedImage.pixels_hash``.

    Raises
    ------
    UnreadableImageError
        As in :func:`read_image`.
    """
    return _of_whole(path, _hash)


def open_rgb(file: Path | bytes, *, min_side: int = 256) -> Image.Image:
    """Upright RGB pixels of a file, as an embedder gets them (``DecodedImage.image``); see :func:`read_image`."""
    return read_image(file, min_side=min_side).image


def load_rgb(path: Path) -> Image.Image:
    """Upright RGB pixels of a file in full size.

    Raises
    ------
    UnreadableImageError
        As in :func:`read_image`.
    """
    return _of_whole(path, _to_rgb)


class ScaledImage(NamedTuple):
    """An image for people to look at.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, upright, at most as large as asked for.
    full_size : tuple of int
        Width and height in pixels of the whole image, upright.
    lossless : bool
        Whether the file holds exactly the pixels of ``image``, as PNG and BMP do and JPEG does not.
    file_size : int
        Bytes.
    """

    image: Image.Image
    full_size: tuple[int, int]
    lossless: bool
    file_size: int


def load_scaled(path: Path, side: int) -> ScaledImage:
    """Decode a file and scale it down until its longer side has at most ``side`` pixels.

    Raises
    ------
    UnreadableImageError
        As in :func:`read_image`.
    """
    try:
        if path.exists() and not path.is_file():  # to open a pipe would wait until someone writes to it
            raise UnreadableImageError("it is no longer a file")
        with Image.open(path) as opened:
            full_size = opened.size
            drafted = _draft(opened, max(full_size) / side)
            opened.load()
            lossy = opened.format in _LOSSY
            pixels = _upright(opened, own=True)
            full_size = _upright_size(opened, full_size) if drafted else pixels.size
            image = _resized(_to_rgb(pixels), _scaled_size(full_size, side))
            return ScaledImage(image, full_size, not lossy and image.size == full_size, path.stat().st_size)
    except UnreadableImageError:
        raise
    except Exception as error:
        raise UnreadableImageError(_reason(error)) from error


_LOSSY = {"JPEG", "MPO", "JPEG2000", "WEBP", "AVIF"}  # the last three seldom hold exact pixels


def _draft(opened: Image.Image, scale: float) -> bool:
    """Let a file be decoded scaled down, by at most ``scale``, where its format can; whether it will be."""
    before = opened.size
    if scale >= 2:
        opened.draft(None, (max(1, int(before[0] / scale)), max(1, int(before[1] / scale))))
    return opened.size != before


def _upright_size(opened: Image.Image, size: tuple[int, int]) -> tuple[int, int]:
    return size if _orientation(opened) < 5 else size[::-1]


def _of_whole(path: Path, function: Callable[[Image.Image], T]) -> T:
    """Call a function with all upright pixels of a file; UnreadableImageError where either fails."""
    try:
        with Image.open(path) as opened:
            opened.load()
            return function(_upright(opened, own=True))
    except Exception as error:
        raise UnreadableImageError(_reason(error)) from error


def prepare_rgb(image: Image.Image) -> Image.Image:
    """Upright RGB version of an image that is already in memory, composed on white."""
    return _to_rgb(_upright(image))


def are_mirrored(thumbnail: bytes | None, others: Sequence[bytes | None]) -> list[bool]:
    """Whether other thumbnails look more like the mirror image of one than like it; False where one is missing."""
    if thumbnail is None:
        return [False] * len(others)
    luma = _small_luma(thumbnail)
    return [other is not None and _is_mirrored(luma, _small_luma(other)) for other in others]


def _is_mirrored(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> bool:
    direct, mirrored = float(np.mean((a - b) ** 2)), float(np.mean((a - b[:, ::-1]) ** 2))
    return mirrored < 0.5 * direct


def _small_luma(thumbnail: bytes) -> npt.NDArray[np.float32]:
    with Image.open(io.BytesIO(thumbnail)) as image:
        image.draft("L", (64, 64))  # decoded scaled down, several times as fast
        small = image.convert("L").resize((32, 32), Image.Resampling.BOX)
    luma = np.asarray(small, dtype=np.float32)
    normalised: npt.NDArray[np.float32] = (luma - luma.mean()) / (luma.std() + 1.0)
    return normalised


def _blake2b(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=HASH_BYTES).digest()


def make_thumbnail(image: Image.Image) -> Image.Image:
    """Scale an image so that its longer side has ``THUMBNAIL_SIZE`` pixels; a smaller one is given back itself."""
    return scale_down(image, THUMBNAIL_SIZE)


def scale_down(image: Image.Image, side: int) -> Image.Image:
    """Scale an image so that its longer side has ``side`` pixels; a smaller one is given back itself."""
    return _resized(image, _scaled_size(image.size, side))


def _scaled_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(side / max(size), 1.0)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _signature(thumbnail: Image.Image) -> bytes:
    size = (SIGNATURE_SIDE, SIGNATURE_SIDE)
    return thumbnail.resize(size, Image.Resampling.BOX, reducing_gap=2.0).tobytes()


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8 (5 to 8 swap width and height); 1 where the EXIF data say nothing valid."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # the parser can raise anything on damaged EXIF data, and the picture is still good
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _upright(image: Image.Image, *, own: bool = False) -> Image.Image:
    """Turn an image upright; one that is so already is copied, unless it is our ``own`` to change."""
    turn = _TURNS.get(_orientation(image))
    upright = image.transpose(turn) if turn is not None else image if own else image.copy()
    # Only what the conversion to RGB needs: EXIF would turn the picture again, comments go into thumbnails.
    upright.info = {key: image.info[key] for key in ("transparency", "icc_profile") if key in image.info}
    return upright


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _hash(pixels: Image.Image) -> bytes:
    """Hash upright pixels so that equal pictures in different containers or modes hash alike."""
    if pixels.mode in _DEEP_MODES:
        values = np.asarray(pixels)
        values = values.astype("<f4" if values.dtype.kind == "f" else "<i4")  # files differ in byte order
        kind, data = f"{values.dtype.str} {pixels.info.get('transparency')}", values.tobytes()
    else:
        if not pixels.has_transparency_data:
            pixels = _to_rgb(pixels)
        elif (pixels := pixels.convert("RGBA")).getchannel("A").getextrema() == (255, 255):
            pixels = pixels.convert("RGB")
        kind, data = pixels.mode, pixels.tobytes()
    # Half the time of BLAKE2 or less; all pixels of all images pass here, and no one gains by forging a hash.
    digest = hashlib.sha1(f"{kind} {pixels.width} {pixels.height} ".encode(), usedforsecurity=False)
    digest.update(data)
    return digest.digest()[:HASH_BYTES]


_DEEP_MODES = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_MODES:
        gray = Image.fromarray(_to_8_bit(image))
        if "transparency" not in image.info:
            return gray.convert("RGB")
        visible = np.asarray(image) != image.info["transparency"]
        return _compose(Image.merge("LA", (gray, Image.fromarray(visible).convert("L"))).convert("RGBA"))
    if image.has_transparency_data:
        return _compose(image.convert("RGBA"))
    if image.mode == "RGB":
        return image
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image)
    return image.convert("RGB")


def _compose(rgba: Image.Image) -> Image.Image:
    """Compose on white; on dark gray where white would hide all that is drawn."""
    alpha = rgba.getchannel("A")
    rgb = Image.new("RGB", rgba.size, (255, 255, 255))
    rgb.paste(rgba, mask=alpha)
    darkest, _ = rgb.convert("L").getextrema()
    least, most = alpha.getextrema()
    if isinstance(darkest, int) and darkest >= _WHITE_CONTENT and least != most:
        rgb = Image.new("RGB", rgba.size, _DARK)
        rgb.paste(rgba, mask=alpha)
    return rgb


def _to_8_bit(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Scale deep grayscale by the range that its values imply, so that white stays white."""
    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1 and image.mode == "F":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    return np.rint((values - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)


def _cmyk_to_rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # a broken profile: the plain conversion below still shows the picture
        if converted is not None:
            return converted
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is no longer there"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image that Pillow can read"
    if isinstance(error, Image.DecompressionBombError):
        return f"too large to decode safely ({error})"
    text = str(error) or type(error).__name__
    return f"cannot be decoded: {text}"

"""Embedders, and how the ``embedder=`` argument is understood."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget.embedders.base import Embedder, TextEmbedder, is_embedder
from simwidget.embedders.clip import DEFAULT_WEIGHTS, ClipEmbedder
from simwidget.embedders.clip_weights import WEIGHTS_SUFFIXES
from simwidget.embedders.function import FunctionEmbedder
from simwidget.errors import EmbedderError, InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from simwidget.embedders.base import EmbedderSpec

__all__ = ["Embedder", "FunctionEmbedder", "Resolved", "TextEmbedder", "resolve_embedder"]

_KNOWN = (
    "Known are 'auto', 'perceptual', 'clip', 'clip:MODEL/PRETRAINED' (such as 'clip:ViT-L-14/"
    "datacomp_xl_s13b_b90k'), the path of a CLIP checkpoint, any function from a list of PIL images to an array "
    "of shape (n, dim), and any object with name, dim, near_duplicate_radius and embed_images."
)
_MEMBERS = ("name", "dim", "near_duplicate_radius", "embed_images")


class Resolved(NamedTuple):
    """An embedder, and why it is not the one that was hoped for.

    Attributes
    ----------
    embedder : Embedder
        Ready to embed.
    reason : str or None
        For "auto" without CLIP: why, and how to change it; to be shown to the user. Otherwise None.
    """

    embedder: Embedder
    reason: str | None


def resolve_embedder(spec: EmbedderSpec) -> Resolved:
    """Make the embedder that a user asked for.

    Parameters
    ----------
    spec : str, Path, Embedder or callable
        - "perceptual": the built-in one.
        - "clip": CLIP ViT-B-32/laion2b_s34b_b79k; "clip:MODEL/PRETRAINED": other weights of open_clip.
        - A path of a CLIP checkpoint, see :class:`~simwidget.embedders.clip.ClipEmbedder`: a Path; or a
          string, also after "clip:", that ends in .safetensors, .pt, .pth or .bin, or begins with "/",
          ".", "~" or a drive.
        - "auto": CLIP where open_clip is installed and its weights are on this disk or can be downloaded;
          else the built-in one, with the reason.
        - An object of the :class:`Embedder` protocol: itself.
        - Any other callable without ``embed_images``: a :class:`~simwidget.embedders.function.FunctionEmbedder`
          of it.

    Returns
    -------
    Resolved
        The embedder, and the reason when "auto" had to do without CLIP.

    Raises
    ------
    UnknownNameError
        If no embedder, model or pretrained weights have this name.
    FileNotFoundError, InvalidValueError, EmbedderError
        If CLIP was asked for by name or path and cannot be loaded.
    EmbedderError
        If a function cannot embed a trial image.
    TypeError
        If an object lacks something of the protocol.
    InvalidValueError
        If an object has it, but with a value out of range.
    """
    if isinstance(spec, Path):
        return Resolved(ClipEmbedder(spec), None)
    if not isinstance(spec, str):
        return Resolved(_checked(spec), None)
    if spec == "auto":
        return _auto()
    if spec == "perceptual":
        return Resolved(_perceptual(), None)
    if spec == "clip":
        return Resolved(ClipEmbedder(), None)
    weights = spec.removeprefix("clip:")
    if _is_path(weights):
        return Resolved(ClipEmbedder(Path(weights)), None)
    if weights == spec:
        raise UnknownNameError(f"There is no embedder {spec!r}. {_KNOWN}")
    return Resolved(ClipEmbedder(weights), None)


def _auto() -> Resolved:
    try:
        return Resolved(ClipEmbedder(), None)
    except EmbedderError as error:
        return Resolved(
            _perceptual(),
            f"Using the built-in perceptual embedder, since CLIP ({DEFAULT_WEIGHTS}) is not available. {error} "
            "To choose the built-in one without this warning: embedder='perceptual'.",
        )


def _perceptual() -> Embedder:
    from simwidget.embedders.perceptual import PerceptualEmbedder

    return PerceptualEmbedder()


def _is_path(text: str) -> bool:
    return text.lower().endswith(WEIGHTS_SUFFIXES) or re.match(r"[/\\.~]|[A-Za-z]:[/\\]", text) is not None


def _checked(spec: Any) -> Embedder:
    """Check an object against the protocol; make one of a function."""
    if isinstance(spec, type):
        raise TypeError(f"embedder is the class {spec.__name__}; pass an instance of it.")
    if callable(spec) and not hasattr(spec, "embed_images"):
        spec = FunctionEmbedder(spec)
    if not is_embedder(spec):
        missing = ", ".join(member for member in _MEMBERS if getattr(spec, member, None) is None)
        raise TypeError(f"embedder is {spec!r}, which lacks {missing}. {_KNOWN}")
    embedder: Embedder = spec
    name, dim, radius = embedder.name, embedder.dim, embedder.near_duplicate_radius
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f"The embedder's name is {name!r}; it has to be a non-empty string.")
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)) or dim < 1:
        raise InvalidValueError(f"dim of the embedder {name!r} is {dim!r}; it has to be a positive int.")
    if not isinstance(radius, (int, float)) or not 0 < radius < 1:
        raise InvalidValueError(
            f"near_duplicate_radius of the embedder {name!r} is {radius!r}; it has to be a cosine distance "
            "between 0 and 1."
        )
    if not callable(embedder.embed_images):
        raise InvalidValueError(f"embed_images of the embedder {name!r} cannot be called.")
    return embedder

"""A function as embedder."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from simwidget.embedders.fingerprint import fingerprint
from simwidget.errors import EmbedderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

_TRIAL_SIDE = 64  # pixels of the image that tells the dimension
_GRAY = (128, 128, 128)  # not black, which some functions embed as a zero vector


class FunctionEmbedder:
    """Makes an embedder of a function from images to vectors.

    Parameters
    ----------
    function : callable
        Takes a list of RGB images (``PIL.Image.Image``) and returns floats of shape (n, dim), a row an image.
        Rows need not have unit length. It is called from one thread at a time.
    name : str, optional
        Identity of the vectors; has to change with everything that changes them. By default
        ``function:MODULE.QUALNAME-HASH``, where the hash is of what the function computes with: its code,
        constants, defaults, closure and the globals that it reads; what a ``functools.partial`` or a method is
        bound to; the attributes of a callable object; the weights of a torch module. So a changed function, and
        a lambda that is another one, is computed anew, and the same one is recognised in a new session. It
        cannot see into everything: where vectors depend on an object of an installed package that is no torch
        module, on a file or on a service, and where the function changes its own state while it runs, give a
        name. Another minor version of Python computes anew as well.
    dim : int, optional
        Length of a vector; by default found by embedding one small gray image.
    near_duplicate_radius : float, default 0.03
        Cosine distance, in (0, 1), within which two images count as near-duplicates. The default is CLIP's;
        measure it for your vectors.

    Attributes
    ----------
    name, dim, near_duplicate_radius
        As given or found.

    Raises
    ------
    TypeError
        If ``function`` is a class or cannot be called.
    EmbedderError
        If the trial image cannot be embedded.

    Notes
    -----
    Large JPEGs arrive scaled down, with at least 256 pixels on the shorter side. A model that takes more wants an
    object of the ``Embedder`` protocol with its ``image_size``.

    Examples
    --------
    >>> def mean_colors(images):
    ...     return [np.asarray(image, np.float32).mean((0, 1)) for image in images]
    >>> FunctionEmbedder(mean_colors, name="mean color", near_duplicate_radius=0.001).dim
    3
    """

    def __init__(
        self,
        function: Callable[[list[Image.Image]], npt.ArrayLike],
        *,
        name: str | None = None,
        dim: int | None = None,
        near_duplicate_radius: float = 0.03,
    ) -> None:
        if isinstance(function, type):
            raise TypeError(f"function is the class {function.__name__}; pass an instance of it.")
        if not callable(function):
            raise TypeError(f"function is {function!r}, which cannot be called.")
        self._function = function
        self.near_duplicate_radius = near_duplicate_radius
        self.dim = _trial_dim(function) if dim is None else dim
        # After the trial, which makes functions load what they load when first called.
        self.name = _default_name(function) if name is None else name

    def __repr__(self) -> str:
        return f"FunctionEmbedder({self.name!r}, dim={self.dim})"

    def embed_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.floating]:
        """Embed a batch.

        Parameters
        ----------
        images : sequence of PIL.Image.Image
            RGB.

        Returns
        -------
        ndarray of float, shape (len(images), dim)
            As the function returns them, not normalised or checked.
        """
        return np.asarray(self._function(list(images)))


def _trial_dim(function: Callable[[list[Image.Image]], npt.ArrayLike]) -> int:
    how = (
        "An embedder takes a list of PIL images and returns floats of shape (n, dim). Where it cannot embed such "
        "an image, tell the dimension: simwidget.embedders.FunctionEmbedder(function, dim=...)."
    )
    what = f"a plain gray image of {_TRIAL_SIDE} x {_TRIAL_SIDE} pixels"
    try:
        vectors = np.asarray(function([Image.new("RGB", (_TRIAL_SIDE, _TRIAL_SIDE), _GRAY)]))
    except Exception as error:
        raise EmbedderError(
            f"{_qualified_name(function)} failed on a list of {what}: {type(error).__name__}: {error}. {how}"
        ) from error
    if vectors.ndim != 2 or vectors.shape[0] != 1 or vectors.shape[1] == 0 or vectors.dtype.kind != "f":
        raise EmbedderError(
            f"{_qualified_name(function)} returned an array of shape {vectors.shape} and type {vectors.dtype} for "
            f"a list of {what}. {how}"
        )
    return int(vectors.shape[1])


def _default_name(function: Any) -> str:
    return f"function:{_qualified_name(function)}-{fingerprint(function)}"


def _qualified_name(function: Any) -> str:
    """Module and name of a function, of the one in a partial, or of the class of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__ or 'builtins'}.{named.__qualname__}"

"""What an embedder is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    EmbedderSpec: TypeAlias = "str | Path | Embedder | Callable[[list[Image]], npt.ArrayLike]"


@runtime_checkable
class Embedder(Protocol):
    """Turns images into vectors whose cosine distance says how alike they look.

    Attributes
    ----------
    name : str
        Identity in the project folder: model, weights and preprocessing version. Vectors stored under
        one name are taken to be comparable, so anything that changes them has to change the name.
    dim : int
        Length of a vector.
    near_duplicate_radius : float
        Cosine distance, in (0, 1), within which two images count as near-duplicates.

    Notes
    -----
    Four optional attributes are honoured when present: ``image_size`` (int, pixels; the shorter side
    that the embedder resizes to, so that images are never decoded smaller than twice that; default 128),
    ``thread_safe`` (bool, default False; ``embed_images`` may run in several threads at once, and
    is then called from the threads that decode), ``reduce_image(image) -> image`` (called right after an
    image is decoded; makes it smaller without changing its vector, so that images that wait for their batch
    take less memory) and ``embed_text(texts) -> (n, dim)``.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above

    @property
    def dim(self) -> int: ...  # noqa: D102

    @property
    def near_duplicate_radius(self) -> float: ...  # noqa: D102

    def embed_images(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """Embed a batch.

        Parameters
        ----------
        images : sequence of PIL.Image.Image
            RGB, upright (EXIF orientation applied), composed on white where they were transparent.
            Large JPEGs arrive scaled down, never below twice ``image_size`` on the shorter side.

        Returns
        -------
        ndarray of float32, shape (len(images), dim)
            Rows of unit length.
        """
        ...


@runtime_checkable
class TextEmbedder(Embedder, Protocol):
    """An embedder whose image and text vectors share one space."""

    def embed_text(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts as unit rows, float32 of shape (len(texts), dim)."""
        ...


def is_embedder(value: Any) -> bool:
    """Whether ``value`` has everything that the :class:`Embedder` protocol asks for."""
    return isinstance(value, Embedder)

"""Which embedder a project uses, and whether it has to be loaded at all."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simwidget.embedders import resolve_embedder
from simwidget.errors import EmbedderError

if TYPE_CHECKING:
    from simwidget.embedders.base import Embedder


class StoredEmbedder(NamedTuple):
    """What the manifest of a project says of its embedder.

    Attributes
    ----------
    spec : str or None
        What the user asked for; None for an object of his own.
    resolved : str or None
        A spec that gives the same embedder without choosing.
    name, dim, radius
        As in the ``Embedder`` protocol.
    open_clip : str or None
        Version of open_clip when ``"auto"`` chose; another one makes it choose anew.
    """

    spec: str | None
    resolved: str | None
    name: str
    dim: int
    radius: float
    open_clip: str | None

    @classmethod
    def of(cls, spec: str | Embedder, embedder: Embedder) -> StoredEmbedder:
        """Describe an embedder that was loaded for ``spec``."""
        asked = spec if isinstance(spec, str) else None
        resolved = asked
        if asked == "auto":
            resolved = "perceptual" if embedder.name.startswith("perceptual") else "clip"
        return cls(
            asked, resolved, embedder.name, int(embedder.dim), float(embedder.near_duplicate_radius), _open_clip()
        )

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> StoredEmbedder | None:
        """Read it from a manifest; None when a first build did not finish."""
        facts = manifest.get("embedder")
        return cls(**facts) if isinstance(facts, dict) else None

    def answers(self, spec: str | Embedder) -> bool:
        """Whether loading ``spec`` now would give this same embedder, as far as can be told without loading."""
        if not isinstance(spec, str) or spec != self.spec:
            return False
        if Path(spec.removeprefix("clip:")).exists():
            return False  # a checkpoint, whose content may have changed
        if self.resolved == "perceptual" and self.name != resolve_embedder("perceptual").embedder.name:
            return False  # a newer simwidget computes it differently
        return spec != "auto" or self.open_clip == _open_clip()

    def load(self) -> Embedder:
        """Load the embedder for queries by new images or texts.

        Raises
        ------
        EmbedderError
            It was an object of the user's own, or is not the same any more.
        """
        if self.resolved is None:
            raise EmbedderError(
                f"This project was built with an embedder of your own, {self.name!r}. Open it with "
                "Project.from_folder(..., embedder=yours), or query by a vector instead."
            )
        embedder = resolve_embedder(self.resolved).embedder
        if embedder.name != self.name:
            raise EmbedderError(
                f"This project was built with {self.name!r}, but {self.resolved!r} is now {embedder.name!r}. "
                "Run Project.from_folder again to compute its embeddings anew."
            )
        return embedder


def _open_clip() -> str | None:
    try:
        return version("open_clip_torch")
    except PackageNotFoundError:
        return None

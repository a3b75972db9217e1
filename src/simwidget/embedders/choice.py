"""Which embedder a project uses, and whether it has to be loaded at all."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simwidget.embedders import resolve_embedder
from simwidget.errors import EmbedderError, ProjectFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simwidget.embedders.base import Embedder, EmbedderSpec


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


_EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "spec": ("a string or null", _is_text_or_none),
    "resolved": ("a string or null", _is_text_or_none),
    "name": ("a string", lambda value: isinstance(value, str)),
    "dim": ("a positive integer", lambda value: type(value) is int and value > 0),
    "radius": ("a number between 0 and 1", lambda value: isinstance(value, float) and 0 < value < 1),
    "open_clip": ("a string or null", _is_text_or_none),
    "added": ("a string or null", _is_text_or_none),
}


class StoredEmbedder(NamedTuple):
    """What the manifest of a project says of its embedder.

    Attributes
    ----------
    spec : str or None
        What the user asked for, a Path as its absolute string; None for an object or function of his own.
    resolved : str or None
        A spec that gives the same embedder without choosing.
    name, dim, radius
        As in the ``Embedder`` protocol.
    open_clip : str or None
        Version of open_clip when ``"auto"`` chose; another one makes it choose anew.
    added : str or None
        Digest of vectors that were made elsewhere and added to the project; None for those of an embedder.
    """

    spec: str | None
    resolved: str | None
    name: str
    dim: int
    radius: float
    open_clip: str | None
    added: str | None = None

    @classmethod
    def of_added(cls, name: str, dim: int, radius: float, digest: str) -> StoredEmbedder:
        """Describe embeddings that were made elsewhere."""
        return cls(None, None, name, dim, radius, None, digest)

    @property
    def stored_as(self) -> str:
        """Name under which vectors and what is computed from them are stored.

        Added vectors that replace others of their name are other files, so that the manifest, which is written
        last, decides which of them count, together with their radius.
        """
        return self.name if self.added is None else f"{self.name} {self.added}"

    @classmethod
    def of(cls, spec: EmbedderSpec, embedder: Embedder) -> StoredEmbedder:
        """Describe an embedder that was loaded for ``spec``."""
        asked = _as_text(spec)
        resolved = asked
        if asked == "auto":
            resolved = "perceptual" if embedder.name.startswith("perceptual") else "clip"
        return cls(
            asked, resolved, embedder.name, int(embedder.dim), float(embedder.near_duplicate_radius), _open_clip()
        )

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> StoredEmbedder | None:
        """Read it from a manifest; None when a first build did not finish.

        Raises
        ------
        ProjectFormatError
            It is there, but incomplete or of other types.
        """
        facts = manifest.get("embedder")
        if facts is None:
            return None
        damage = _damage(facts)
        if damage:
            raise ProjectFormatError(
                f"The project's manifest.json is damaged: {damage}. Delete that file from the project folder and "
                "run Project.from_folder on the images again; tags and what is computed already are kept."
            )
        return cls(**{field: facts[field] for field in cls._fields if field in facts})

    def answers(self, spec: EmbedderSpec) -> bool:
        """Whether loading ``spec`` now would give this same embedder, as far as can be told without loading."""
        asked = _as_text(spec)
        if asked is None or asked != self.spec:
            return False
        if Path(asked.removeprefix("clip:")).expanduser().exists():
            return False  # a checkpoint, whose content may have changed
        if self.resolved == "perceptual" and self.name != resolve_embedder("perceptual").embedder.name:
            return False  # a newer simwidget computes it differently
        return asked != "auto" or self.open_clip == _open_clip()

    def load(self) -> Embedder:
        """Load the embedder for queries by new images or texts.

        Raises
        ------
        EmbedderError
            It was an object of the user's own, or is not the same any more.
        """
        if self.added is not None:
            raise EmbedderError(
                f"The embeddings {self.name!r} were added to the project, so that there is no embedder to ask "
                "about an image outside it or a text. Query by an item of the project, or by a vector."
            )
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


def _as_text(spec: EmbedderSpec) -> str | None:
    """What gives the same embedder as ``spec`` and can be stored, in every working directory for a Path."""
    if isinstance(spec, Path):
        return str(spec.expanduser().absolute())
    return spec if isinstance(spec, str) else None


def _damage(facts: Any) -> str | None:
    """What is wrong with a description read from a manifest; None when nothing is."""
    if not isinstance(facts, dict):
        return f"embedder is {facts!r}, no object"
    for field, (expected, fits) in _EXPECTED.items():
        if field not in facts:
            if field in StoredEmbedder._field_defaults:
                continue  # written before there was such a field
            return f"embedder.{field} is missing"
        if not fits(facts[field]):
            return f"embedder.{field} is {facts[field]!r}, not {expected}"
    return None


def _open_clip() -> str | None:
    try:
        return version("open_clip_torch")
    except PackageNotFoundError:
        return None

"""Project: a set of images with everything that simwidget computed of it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget import pipeline
from simwidget.duplicates import DuplicateGroup, Reason, group_duplicates
from simwidget.embedders import resolve_embedder
from simwidget.embedders.choice import StoredEmbedder
from simwidget.errors import InvalidValueError, ProjectFormatError
from simwidget.imaging import is_mirrored, open_rgb, prepare_rgb
from simwidget.names import ItemNames, Metrics, Tags, checked_tag
from simwidget.neighbors import distances_to
from simwidget.sources.assigned import assigned_names, parent_folder, top_folder
from simwidget.sources.folder import FolderSource
from simwidget.store import ProjectStore
from simwidget.store.location import display_root, find_project_dir, stored_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt
    import pandas as pd

    from simwidget.embedders.base import Embedder
    from simwidget.neighbors import NeighborGraph
    from simwidget.sources.assigned import Assigned

    Items = int | str | os.PathLike[str] | Iterable[int | str | os.PathLike[str]]


class FailedItem(NamedTuple):
    """A file that could not be read, or whose image could not be embedded, and why."""

    path: Path
    reason: str


class SimilarItems(NamedTuple):
    """Items by distance to a query, nearest first.

    Attributes
    ----------
    ids : ndarray of int64, shape (k,)
    distances : ndarray of float32, shape (k,)
        Cosine distances in [0, 1].
    paths : list of Path
    """

    ids: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32]
    paths: list[Path]


class Project:
    """Images, embeddings, neighbor graph, metrics and tags; made by :meth:`from_folder` or :meth:`open`.

    Attributes
    ----------
    name : str
        Name of the folder of images.
    project_dir : Path
        The project folder on disk.
    embedder_name : str
        Which embedder the embeddings come from.
    near_duplicate_radius : float
        Cosine distance within which that embedder calls two images near-duplicates.
    """

    def __init__(
        self,
        store: ProjectStore,
        source: FolderSource,
        base: Path,
        built: pipeline.Built,
        stored: StoredEmbedder,
        embedder: Embedder | None = None,
    ) -> None:
        self._store, self._built, self._stored, self._embedder = store, built, stored, embedder
        self._names = ItemNames(built.items.ids, built.items.paths, base, source.root)
        self._base = base
        self._metrics = Metrics({"Uniqueness": built.uniqueness})
        self._observers: list[Callable[[], None]] = []
        self.name = source.root.name or str(source.root)
        self.project_dir = store.folder
        self.embedder_name = stored.name
        self.near_duplicate_radius = stored.radius

    @classmethod
    def from_folder(
        cls,
        path: str | os.PathLike[str],
        *,
        embedder: str | Embedder = "auto",
        recursive: bool = True,
        labels: Assigned = None,
        split: Assigned = None,
        project_dir: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> Project:
        """Scan a folder of images and compute what is missing; a second call computes only what changed.

        Parameters
        ----------
        path : str or PathLike
            The folder that holds the images. Its files are only read.
        embedder : str or Embedder
            ``"auto"``: CLIP where open_clip and its weights can be had, else the built-in perceptual
            embedder, with a warning that says why; ``"perceptual"``; ``"clip"`` or
            ``"clip:MODEL/PRETRAINED"``; or an object of the ``simwidget.embedders.base.Embedder`` protocol.
        recursive : bool
            Whether subfolders are searched too.
        labels : "folder" or mapping, optional
            ``"folder"`` takes the name of the parent folder as label; a mapping goes from paths to labels.
            Without it the labels of an earlier call stay.
        split : "folder" or mapping, optional
            ``"folder"`` takes the name of the topmost folder below ``path``, such as train or test.
        project_dir : str or PathLike, optional
            Where the project is kept; default ``path/.simwidget``, or the user's cache folder where that
            cannot be written.
        progress : bool
            Whether progress bars are shown.

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            ``path`` does not exist or is a file.
        NoImagesError
            The folder holds no file that could be an image.
        PermissionError
            ``project_dir`` cannot be written.
        UnknownNameError
            There is no such embedder.
        EmbedderError
            The embedder cannot be loaded or returns no embeddings.
        ProjectBusyError
            Another process is building this project.
        """
        source = FolderSource.at(path, recursive=recursive)
        base = Path(path).expanduser()
        entries = source.scan()
        names = ItemNames(np.arange(len(entries)), [entry.path for entry in entries], base, source.root)
        store = ProjectStore(find_project_dir(source.root, project_dir))
        try:
            with store.build_lock():
                store.sync_items(
                    entries,
                    assigned_names("labels", labels, names, parent_folder),
                    assigned_names("split", split, names, top_folder),
                )
                return cls._build(store, source, base, embedder, pipeline.Progress(progress))
        except BaseException:
            store.close()
            raise

    @classmethod
    def _build(
        cls,
        store: ProjectStore,
        source: FolderSource,
        base: Path,
        spec: str | Embedder,
        progress: pipeline.Progress,
    ) -> Project:
        stored = StoredEmbedder.from_manifest(store.manifest)
        if (
            stored is not None
            and stored.answers(spec)
            and not pipeline.has_something_to_read(store, source.file, stored.name)
        ):
            facts = pipeline.EmbedderFacts(stored.name, stored.dim, stored.radius)
            return cls(store, source, base, pipeline.compute(store, store.load_items(), facts, progress), stored)
        embedder, reason = resolve_embedder(spec)
        if reason:
            warnings.warn(reason, stacklevel=4)
        stored = StoredEmbedder.of(spec, embedder)
        built = pipeline.build(store, source.file, embedder, progress)
        store.save_manifest(
            source=stored_source(source.root, store.folder),
            recursive=source.recursive,
            embedder=stored._asdict(),
        )
        return cls(store, source, base, built, stored, embedder)

    @classmethod
    def open(cls, project_dir: str | os.PathLike[str]) -> Project:
        """Open a project that :meth:`from_folder` built, without looking at its images.

        Parameters
        ----------
        project_dir : str or PathLike
            The project folder, or the folder of images that it lies in.

        Raises
        ------
        FileNotFoundError
            There is no project.
        ProjectFormatError
            It was never built to the end, is damaged, or a newer simwidget wrote it.
        """
        folder = Path(project_dir).expanduser()
        if (folder / ".simwidget" / "project.db").is_file():
            folder = folder / ".simwidget"
        if not (folder / "project.db").is_file():
            raise FileNotFoundError(
                f"There is no project in {str(folder)!r}. Make one with Project.from_folder(folder_of_images)."
            )
        store = ProjectStore(Path(os.path.abspath(folder)))  # noqa: PTH100 - resolve() would follow links
        try:
            stored = StoredEmbedder.from_manifest(store.manifest)
            if stored is None:
                raise ProjectFormatError(
                    f"The project in {str(folder)!r} was not built to the end. Run Project.from_folder on its "
                    "images again; it carries on where it stopped."
                )
            facts = pipeline.EmbedderFacts(stored.name, stored.dim, stored.radius)
            built = pipeline.compute(store, store.load_items(), facts, pipeline.Progress(False))
        except BaseException:
            store.close()
            raise
        base = display_root(folder, store.manifest["source"])
        root = Path(os.path.abspath(base))  # noqa: PTH100
        return cls(store, FolderSource(root, store.manifest["recursive"]), base, built, stored)

    def close(self) -> None:
        """Close the files of the project; what was read from it stays usable."""
        self._store.close()

    def __repr__(self) -> str:
        return f"<Project {self.name!r}: {len(self):,} images, {self.embedder_name}>"

    # What the project holds

    def __len__(self) -> int:
        """Count the readable images."""
        return len(self._built.items.ids)

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """Ids of the items, int64 of shape (n,), ascending. Row i of everything else belongs to ids[i]."""
        return self._built.items.ids

    @property
    def paths(self) -> list[Path]:
        """Paths of the items, below the folder as it was given to :meth:`from_folder`."""
        return [self._names.path(row) for row in range(len(self))]

    @property
    def labels(self) -> list[str | None]:
        """Label of each item; None where it has none."""
        return list(self._built.items.labels)

    @property
    def splits(self) -> list[str | None]:
        """Split of each item, such as train or test; None where it has none."""
        return list(self._built.items.splits)

    @property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """Embeddings, float32 of shape (n, d), rows of unit length; memory-mapped, read-only."""
        return self._built.embeddings

    @property
    def graph(self) -> NeighborGraph:
        """The nearest other items of every item."""
        return self._built.graph

    @property
    def metrics(self) -> Metrics:
        """Metrics by name, each float32 of shape (n,)."""
        return self._metrics

    @property
    def uniqueness(self) -> npt.NDArray[np.float32]:
        """Uniqueness, float32 of shape (n,) in [0, 1]; see ``metrics.uniqueness``."""
        return self._built.uniqueness

    @property
    def rank(self) -> npt.NDArray[np.int64]:
        """Rank for keeping, int64 of shape (n,), 0 the best; see ``metrics.ranking``."""
        return self._built.rank

    @property
    def mean_colors(self) -> npt.NDArray[np.uint8]:
        """Mean RGB of each item, uint8 of shape (n, 3)."""
        return self._built.items.mean_colors

    @property
    def failed(self) -> list[FailedItem]:
        """Files that could not be read or embedded, with the reason, by path."""
        return [FailedItem(self._base / path, reason) for path, reason in self._store.failed_items()]

    def rows(self, items: Items) -> npt.NDArray[np.int64]:
        """Positions of items, named by id, str path, Path, or several of them, in ``ids``."""
        return self._names.rows(items)

    def path(self, item: int | str | os.PathLike[str]) -> Path:
        """Path of one item."""
        return self._names.path(int(self.rows(item)[0]))

    def title(self, row: int) -> str:
        """File name of the item at a position, safe to show."""
        return self._names.title(row)

    def thumbnails(self, ids: Sequence[int]) -> list[bytes | None]:
        """JPEG thumbnails by id, longer side at most 256 pixels; None for ids without one."""
        return self._store.thumbnails(ids)

    # Questions

    def duplicates(self, threshold: float = 1e-4) -> list[DuplicateGroup]:
        """Group duplicates: every member is within ``threshold`` of its keeper, so groups never chain.

        Parameters
        ----------
        threshold : float
            Cosine distance in [0, 1]; 0 for copies only.

        Returns
        -------
        list of DuplicateGroup
            Largest groups first.
        """
        if not 0 <= threshold <= 1:
            raise InvalidValueError(f"threshold is a cosine distance in [0, 1], not {threshold!r}.")
        built = self._built
        found = group_duplicates(built.graph, built.embeddings, built.rank, threshold)
        found.sort(key=lambda group: (-len(group[1]), built.rank[group[0]]))
        return [self._group(*group) for group in found]

    def _group(self, keeper: int, rows: list[int], distances: list[float]) -> DuplicateGroup:
        return DuplicateGroup(
            keeper=self._names.path(keeper),
            duplicates=[self._names.path(row) for row in rows],
            distances=distances,
            reasons=[self._reason(keeper, row) for row in rows],
            keeper_id=int(self.ids[keeper]),
            duplicate_ids=self.ids[rows].tolist(),
        )

    def _reason(self, keeper: int, row: int) -> Reason:
        items = self._built.items
        if items.content[keeper] == items.content[row]:
            return "same bytes"
        if items.pixels[keeper] is not None and items.pixels[keeper] == items.pixels[row]:
            return "same pixels"
        a, b = self.thumbnails([int(self.ids[keeper]), int(self.ids[row])])
        return "mirrored" if a and b and is_mirrored(a, b) else "near"

    def similar(self, query: Any, k: int = 50) -> SimilarItems:
        """Find the items most like a query.

        Parameters
        ----------
        query : item, items, path, image or vector
            One or several items of the project (by id, str or Path; of several, the distance to the nearest
            counts), the path of an image outside it, a ``PIL.Image.Image``, or a vector of shape (d,).
        k : int
            How many, at most.

        Returns
        -------
        SimilarItems
            Nearest first, without the items asked for.
        """
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise InvalidValueError(f"k is a number of items, at least 1, not {k!r}.")
        vectors, asked = self._query(query)
        distances = distances_to(self.embeddings, vectors)
        if len(asked):
            distances[np.isin(self.graph.groups, self.graph.groups[asked])] = 0.0
            distances[asked] = np.inf
        k = min(int(k), len(self) - len(np.unique(asked)))
        nearest = np.argpartition(distances, max(k - 1, 0))[:k] if k else np.empty(0, dtype=np.int64)
        order = nearest[np.lexsort((self.rank[nearest], distances[nearest]))]
        return SimilarItems(self.ids[order], distances[order], [self._names.path(row) for row in order.tolist()])

    def _query(self, query: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Vectors of a query, shape (q, d), and the positions of the items in it."""
        from PIL.Image import Image

        nothing = np.empty(0, dtype=np.int64)
        if isinstance(query, Image):
            return self._embed(prepare_rgb(query), "the image"), nothing
        if isinstance(query, np.ndarray) and query.dtype.kind == "f":
            vector = query.reshape(1, -1).astype(np.float32)
            norm = float(np.linalg.norm(vector))
            if vector.shape[1] != self.embeddings.shape[1] or not np.isfinite(norm) or norm == 0:
                raise InvalidValueError(
                    f"A vector to compare with has {self.embeddings.shape[1]} finite numbers, not all of them 0; "
                    f"this one has shape {query.shape}."
                )
            return vector / np.float32(norm), nothing
        if (
            isinstance(query, (str, os.PathLike))
            and self._names.find_path(query) is None
            and Path(query).expanduser().is_file()
        ):
            return self._embed(open_rgb(Path(query).expanduser()), os.fspath(query)), nothing
        rows = self.rows(query)
        if len(rows) == 0:
            raise InvalidValueError("Similar to what? The query names no item.")
        return self.embeddings[rows], rows

    def _embed(self, image: Any, name: str) -> npt.NDArray[np.float32]:
        if self._embedder is None:
            self._embedder = self._stored.load()
        vector = pipeline.embed(self._embedder, [image], [name])[0]
        if isinstance(vector, str):
            raise InvalidValueError(f"{name}: {vector}")
        return vector[None]

    # Tags

    @property
    def tags(self) -> Tags:
        """Paths of the items of each tag, by id; a live view."""
        return Tags(self.tagged_ids, lambda ids: [self.path(item) for item in ids])

    def tagged_ids(self) -> dict[str, list[int]]:
        """Ids of the items of each tag, ascending, without files that are gone."""
        present = set(self.ids.tolist())
        tags = {name: [i for i in ids if i in present] for name, ids in self._store.tags().items()}
        return {name: ids for name, ids in tags.items() if ids}

    def tag(self, items: Items, name: str) -> int:
        """Put a tag on items, named by id, str path, Path, or several of them.

        Returns
        -------
        int
            How many did not have it before.
        """
        changed = self._store.tag(self.ids[self.rows(items)].tolist(), checked_tag(name))
        self._changed()
        return changed

    def untag(self, items: Items, name: str) -> int:
        """Take a tag off items; returns how many had it."""
        changed = self._store.untag(self.ids[self.rows(items)].tolist(), checked_tag(name))
        self._changed()
        return changed

    def on_tags_changed(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever tags change, in the thread that changed them; returns what ends that."""
        self._observers.append(callback)
        return lambda: self._observers.remove(callback)

    def _changed(self) -> None:
        for callback in list(self._observers):
            callback()

    def to_pandas(self) -> pd.DataFrame:
        """Every item as a row, indexed by id: path, label, split, size, metrics and tags."""
        import pandas as pd

        items = self._built.items
        tags_of: dict[int, list[str]] = {item: [] for item in self.ids.tolist()}
        for name, ids in self.tagged_ids().items():
            for item in ids:
                tags_of[item].append(name)
        columns: dict[str, Any] = {
            "path": self.paths,
            "label": items.labels,
            "split": items.splits,
            "width": items.widths,
            "height": items.heights,
            "file_size": items.sizes,
            **self._metrics,
            "tags": list(tags_of.values()),
        }
        table: pd.DataFrame = pd.DataFrame(columns, index=pd.Index(self.ids, name="id"))
        return table

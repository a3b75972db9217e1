"""Project: a set of images with everything that simwidget computed of it."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget import pipeline
from simwidget.acting import ProjectActions
from simwidget.contents import checked_metric_name
from simwidget.embedders.choice import StoredEmbedder
from simwidget.errors import EmbedderError, InvalidValueError, UnknownNameError
from simwidget.imaging import open_rgb, prepare_rgb
from simwidget.names import checked_name, existing_file
from simwidget.opening import (
    build_folder,
    changed_rules,
    open_folder,
    save_settings,
    stored_active,
    stored_embedders,
    stored_rules,
)
from simwidget.queries import checked_distance, checked_vector, checked_vectors, nearest
from simwidget.store.files import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL.Image import Image

    from simwidget.contents import Within
    from simwidget.embedders.base import EmbedderSpec
    from simwidget.metrics.ranking import Criterion
    from simwidget.names import ItemNames
    from simwidget.opening import Folders
    from simwidget.sources.assigned import Assigned

_OWN_RADIUS = 0.03


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


class Project(ProjectActions):
    """Images, embeddings, neighbor graph, metrics and tags; made by :meth:`from_folder` or :meth:`open`.

    Attributes
    ----------
    name : str
        Name of the folder of images; of the project folder in one made by :meth:`subset`.
    project_dir : Path
        The project folder on disk.
    """

    @classmethod
    def from_folder(
        cls,
        path: str | os.PathLike[str],
        *,
        embedder: EmbedderSpec = "auto",
        recursive: bool = True,
        labels: Assigned = None,
        split: Assigned = None,
        keep: Sequence[Criterion] | None = None,
        protect: Folders | None = None,
        keep_tag: str | None = None,
        project_dir: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> Project:
        """Scan a folder of images and compute what is missing; a second call computes only what changed.

        Where ``project_dir`` holds a project made by :meth:`subset`, only the files of that are looked at.

        Parameters
        ----------
        path : str or PathLike
            The folder that holds the images. Its files are only read.
        embedder : str, Path, Embedder or callable
            ``"auto"``: CLIP where open_clip and its weights can be had, else the built-in perceptual
            embedder, with a warning that says why; ``"perceptual"``; ``"clip"``,
            ``"clip:MODEL/PRETRAINED"`` or the path of a checkpoint; an object of the
            ``simwidget.embedders.Embedder`` protocol; or a function from a list of images to an array.
        recursive : bool
            Whether subfolders are searched too.
        labels : "folder" or mapping, optional
            ``"folder"`` takes the name of the parent folder as label; a mapping goes from paths to labels.
            Without it the labels of an earlier call stay.
        split : "folder" or mapping, optional
            ``"folder"`` takes the name of the topmost folder below ``path``, such as train or test.
        keep, protect, keep_tag : optional
            Rules of which of several like images stays, see :meth:`set_keep_rules`; those of an earlier call stay.
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
        return cls(
            build_folder(
                path,
                embedder,
                recursive=recursive,
                labels=labels,
                split=split,
                keep=keep,
                protect=protect,
                keep_tag=keep_tag,
                project_dir=project_dir,
                progress=progress,
            )
        )

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
        return cls(open_folder(project_dir))

    # Questions

    def similar(
        self,
        query: Any = None,
        k: int = 50,
        *,
        text: str | None = None,
        radius: float | None = None,
        within: Within | None = None,
    ) -> SimilarItems:
        """Find the items most like a query.

        Parameters
        ----------
        query : item, items, path, image or vector
            One or several items of the project (by id, str or Path; of several, the distance to the nearest
            counts), the path of an image outside it, the bytes of an image file, a ``PIL.Image.Image``, or a
            vector of shape (d,).
        k : int
            How many, at most.
        text : str, optional
            Words for what to find, in place of ``query``; the embedder has to understand text, as CLIP does.
        radius : float, optional
            Only items within this cosine distance, in [0, 1].
        within : items, filters or mask, optional
            Only these items, as for :meth:`duplicates`.

        Returns
        -------
        SimilarItems
            Nearest first, without the items asked for.
        """
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise InvalidValueError(f"k is a number of items, at least 1, not {k!r}.")
        if (query is None) == (text is None):
            raise InvalidValueError("Similar to what? Give either a query or text=..., one of them.")
        if radius is not None:
            checked_distance("radius", radius)
        with self.lock:  # once: another thread may be about to use other embeddings, or delete items
            built, names, mask = self._built, self._names, self._mask(within)
        vectors, asked = (
            self._query(query, built, names) if text is None else (self._embed_text(text), np.empty(0, np.int64))
        )
        rows, distances = nearest(
            built.embeddings, vectors, built.graph.groups, built.rank, asked, int(k), radius=radius, within=mask
        )
        return SimilarItems(built.items.ids[rows], distances, [names.path(row) for row in rows.tolist()])

    def _query(
        self, query: Any, built: pipeline.Built, names: ItemNames
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Vectors of a query, shape (q, d), and the positions of the items in it."""
        from PIL.Image import Image

        nothing = np.empty(0, dtype=np.int64)
        if isinstance(query, Image):
            return self._embed(prepare_rgb(query), "the image"), nothing
        if isinstance(query, bytes):
            return self._embed(self._open_rgb(query), "the image"), nothing
        if isinstance(query, np.ndarray) and query.dtype.kind == "f":
            return checked_vector(query, built.embeddings.shape[1]), nothing
        if isinstance(query, (str, os.PathLike)) and names.find_path(query) is None:
            file = existing_file(query)
            if file is not None:
                return self._embed(self._open_rgb(file), os.fspath(query)), nothing
        rows = names.rows(query)
        if len(rows) == 0:
            raise InvalidValueError("Similar to what? The query names no item.")
        return built.embeddings[rows], rows

    def _open_rgb(self, file: Path | bytes) -> Image:
        return open_rgb(file, min_side=pipeline.min_side(self._loaded_embedder()))

    def _embed(self, image: Any, name: str) -> npt.NDArray[np.float32]:
        vector = pipeline.embed(self._loaded_embedder(), [image], [name])[0]
        if isinstance(vector, str):
            raise InvalidValueError(f"{name}: {vector}")
        return vector[None]

    def _embed_text(self, text: str) -> npt.NDArray[np.float32]:
        if not isinstance(text, str) or not text.strip():
            raise InvalidValueError(f"text is what to look for, in words, not {text!r}.")
        embedder = self._loaded_embedder()
        embed_text = getattr(embedder, "embed_text", None)
        if embed_text is None:
            raise EmbedderError(
                f"The embedder {self.embedder_name!r} does not understand text. CLIP does: build the project with "
                "Project.from_folder(..., embedder='clip')."
            )
        return checked_vector(np.asarray(embed_text([text]), dtype=np.float64)[0], self.embeddings.shape[1])

    def file(self, item: int | str | os.PathLike[str]) -> Path:
        """Absolute path of one item."""
        names = self._names
        return names.file(int(names.rows(item)[0]))

    # Other embeddings, rules and metrics

    def add_embeddings(self, name: str, array: Any, *, near_duplicate_radius: float = _OWN_RADIUS) -> None:
        """Add embeddings that were made elsewhere; :meth:`use_embeddings` makes them count.

        Parameters
        ----------
        name : str
            What they are called; embeddings added before under this name are replaced.
        array : array of shape (n, d)
            One row an item, in the order of ``project.ids``; any numbers, scaled to unit length here.
        near_duplicate_radius : float
            Cosine distance in (0, 1) within which two images count as near-duplicates. The default is CLIP's;
            look at a histogram of distances of known duplicates to find yours.

        Raises
        ------
        InvalidValueError
            The name, shape or radius is wrong, or a row is zero or holds NaN or infinity; the first is named.
        ProjectBusyError
            Another process is building this project.
        """
        name = checked_name(name, "set of embeddings")
        if not isinstance(near_duplicate_radius, (int, float, np.floating)) or not 0 < near_duplicate_radius < 1:
            raise InvalidValueError(
                f"near_duplicate_radius is a cosine distance between 0 and 1, not {near_duplicate_radius!r}."
            )
        items = self._built.items
        vectors = checked_vectors(array, self.ids, items.paths)
        added = StoredEmbedder.of_added(name, vectors.shape[1], float(near_duplicate_radius), digest(vectors)[:8])
        with self._changing, self._store.build_lock():
            embedders = stored_embedders(self._store)
            known = embedders.get(name)
            if known is not None and known.added is None:
                raise InvalidValueError(
                    f"The embeddings {name!r} are an embedder's. Choose another name for yours."
                )
            self._store.write_vectors(added.stored_as, items.ids, items.content, vectors)
            others = np.setdiff1d(self._store.load_items().ids, items.ids)
            self._store.mark_unembeddable(added.stored_as, others.tolist(), f"the array {name!r} had no row for it")
            opened = replace(self._opened, embedders={**embedders, name: added})
            in_use = stored_active(self._store)
            if name == self.embedder_name:
                opened = opened.using(added, pipeline.Progress(False))
            replaced_active = in_use is not None and in_use.name == name
            save_settings(self._store, embedders=opened.embedders, active=added if replaced_active else None)
            if known is not None and known.stored_as != added.stored_as:
                pipeline.forget(self._store, known.stored_as)
            self._use(opened)
        if name == self.embedder_name:
            self._changed("embeddings", "metrics")

    def use_embeddings(self, name: str, *, progress: bool = True) -> None:
        """Make other embeddings of the project the ones that Uniqueness and Similar items rest on.

        Parameters
        ----------
        name : str
            One of ``project.embedding_names``.
        progress : bool
            Whether a progress bar is shown while the neighbor graph is built, the first time.

        Raises
        ------
        UnknownNameError
            There are no such embeddings.
        InvalidValueError
            They lack a row for some items, such as images that were added since; the first is named.
        ProjectBusyError
            Another process is building this project.
        """
        with self._changing, self._store.build_lock():
            embedders = stored_embedders(self._store)
            stored = embedders.get(name)
            if stored is None:
                there = ", ".join(map(repr, embedders))
                raise UnknownNameError(f"There are no embeddings {name!r}. There are: {there}.")
            self._check_complete(stored)
            opened = replace(self._opened, embedders=embedders).using(stored, pipeline.Progress(progress))
            save_settings(self._store, active=stored)
            self._use(opened)
        self._changed("embeddings", "metrics")

    def _check_complete(self, stored: StoredEmbedder) -> None:
        """Raise InvalidValueError unless there is a vector of every item."""
        items = self._store.load_items(stored.stored_as)
        embedded = self._store.embedded_content(stored.stored_as)
        missing = [
            row
            for row, (item, content) in enumerate(zip(items.ids.tolist(), items.content.tolist(), strict=True))
            if embedded.get(item) != content
        ]
        if missing:
            added = stored.added is not None
            how = "project.add_embeddings(...)" if added else "Project.from_folder(...) with that embedder"
            raise InvalidValueError(
                f"The embeddings {stored.name!r} lack {len(missing):,} of {len(items.ids):,} images, the first of "
                f"them {items.paths[missing[0]]!r}, which are new or have changed. Run {how} again."
            )

    def set_keep_rules(
        self, keep: Sequence[Criterion] | None = None, protect: Folders | None = None, tag: str | None = None
    ) -> None:
        """Change what decides which of several like images stays, and with it Uniqueness.

        Parameters
        ----------
        keep : sequence of str, optional
            What is compared, the most important first: "resolution", "bytes", "sharpness", "age", "path" (the
            default order). Those left out come last.
        protect : folder or folders, optional
            Images below these folders stay rather than others; ``[]`` for none.
        tag : str, optional
            Images with this tag stay rather than all others, also when they are tagged later; "" for none.
            A part that is not given stays as it is.

        Raises
        ------
        InvalidValueError
            A criterion or the tag is none.
        UnknownNameError
            No image lies below a protected folder.
        ProjectBusyError
            Another process is building this project.
        """
        with self._changing, self._store.build_lock():
            rules = changed_rules(stored_rules(self._store), self._names, keep, protect, tag)
            opened = self._opened.with_rules(rules, pipeline.Progress(True))
            save_settings(self._store, rules=rules)
            self._use(opened)
        self._changed("metrics")

    def metric(self, name: str, *, progress: bool = True) -> Callable[[Callable[[Image], float]], Any]:
        """Decorate a function of an image to make it a metric; it is computed at once for every image.

        Parameters
        ----------
        name : str
            What the metric is called.
        progress : bool
            Whether a progress bar is shown.

        Examples
        --------
        >>> @project.metric("Mean red")  # doctest: +SKIP
        ... def mean_red(image):  # PIL image: RGB, upright, of full size
        ...     return np.asarray(image)[..., 0].mean()

        Raises
        ------
        InvalidValueError
            The name is taken by simwidget, or the function fails on every image. Where it fails on some, they get
            NaN, and a warning names the first.
        """
        checked = checked_metric_name(name)  # now: of `@project.metric` without a name the function is the name

        def decorate(function: Callable[[Image], float]) -> Callable[[Image], float]:
            files = [self._names.file(row) for row in range(len(self))]
            values, failures = pipeline.measure(files, function, pipeline.Progress(progress), checked)
            if failures:
                first = min(failures)
                message = (
                    f"The metric {checked!r} could not be computed for {len(failures):,} of {len(self):,} images, "
                    f"the first of them {self._names.relative[first]!r}: {failures[first]}"
                )
                if len(failures) == len(self):
                    raise InvalidValueError(message)
                warnings.warn(message, stacklevel=2)
            self._metrics[checked] = values
            return function

        return decorate

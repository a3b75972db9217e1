"""What a project holds: items, embeddings, graph, metrics and tags."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget import pipeline
from simwidget.criteria import CRITERIA, Masks, checked_filters
from simwidget.errors import InvalidValueError, SimwidgetError
from simwidget.maps import kept_map
from simwidget.metrics.labels import AGREEMENT, label_agreement, labels_of
from simwidget.metrics.outliers import Outliers, count_outliers
from simwidget.metrics.quality import QUALITY_METRICS, quality_metrics
from simwidget.metrics.registry import Metrics
from simwidget.names import ItemNames, SavedFilters, Tags, checked_name, checked_tag, in_order_of
from simwidget.observers import listen
from simwidget.suggesting import SuspectCache
from simwidget.words import counted, quoted

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd
    from typing_extensions import Self

    from simwidget.embedders.base import Embedder
    from simwidget.metrics.ranking import KeepRules
    from simwidget.neighbor_graph import NeighborGraph
    from simwidget.opening import Opened
    from simwidget.pipeline import Built

    Items = int | str | os.PathLike[str] | Iterable[int | str | os.PathLike[str]]
    Within = Items | Mapping[str, Any] | npt.NDArray[np.bool_]

_COMPUTED = {"Uniqueness", AGREEMENT, *QUALITY_METRICS}
# What a view can be sorted by, and the columns of to_pandas, besides metrics.
_RESERVED = {
    *CRITERIA,
    *(
        "Name",
        "Date",
        "Similarity",
        "Distance",
        "id",
        "path",
        "label",
        "split",
        "width",
        "height",
        "file_size",
        "tags",
    ),
    *("suspected_label", "outliers", "severe_outliers"),
}
_UNCOUNTED = {"Random"}  # has no outliers that would mean anything


class FailedItem(NamedTuple):
    """A file that could not be read, or whose image could not be embedded, and why."""

    path: Path
    reason: str


class ProjectContents:
    """The part of :class:`simwidget.Project` that tells what is there, and tags it.

    Parameters
    ----------
    opened : Opened
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._is_closed = False
        self._store = opened.store
        self._changing = threading.RLock()  # held while something else is computed and put in place
        # Held while that is put in place, and by those who read several things that have to be of the same items.
        # Taken last, after _changing, the build lock and the locks of widgets; nothing is written while it is held.
        self.lock = threading.RLock()
        self._suspects = SuspectCache()
        self._observers: list[Callable[[frozenset[str]], None]] = []
        self._followers: list[Callable[[frozenset[str]], None]] = []
        is_subset = bool(opened.store.manifest.get("subset"))  # else it would be called as the one that it is of
        self.name = (opened.store.folder if is_subset else opened.source.root).name or str(opened.source.root)
        self.project_dir = opened.store.folder
        self._metrics = Metrics(self._save_metric, lambda: self._changed("metrics"), checked_metric_name)
        self._use(opened)

    def _use(self, opened: Opened) -> None:
        """Take over what was opened or computed anew, and let those follow who hold positions of items."""
        built = opened.built
        computed: dict[str, Callable[[], npt.NDArray[np.float32]]] = {"Uniqueness": lambda: built.uniqueness}
        if built.items.label_codes[1]:
            computed[AGREEMENT] = lambda: label_agreement(built.graph.indices, built.items.label_codes[0])
        quality = cache(lambda: quality_metrics(built.items))
        computed.update({name: partial(lambda name: quality()[name], name) for name in QUALITY_METRICS})
        own = self._store.user_metrics.load(built.items.ids, built.items.content)
        with self.lock:
            what = {"metrics"}
            if built.items is not self._built.items:
                what |= {"labels", "tags"}
            if built.embeddings is not self._built.embeddings:
                what |= {"items" if opened.active == self._opened.active else "embeddings"}
            self._names = ItemNames(built.items.ids, built.items.paths, opened.base, opened.source.root)
            self._metrics.load(built.items.ids, computed, own)
            self._opened = opened
            for follow in list(self._followers):
                follow(frozenset(what))

    @property
    def _built(self) -> pipeline.Built:
        return self._opened.built

    def close(self) -> None:
        """Close the files of the project; what was read from it stays usable."""
        self._is_closed = True
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        names = self._names
        return [names.path(row) for row in range(len(names.ids))]

    @property
    def labels(self) -> list[str | None]:
        """Label of each item; None where it has none."""
        return list(self._built.items.labels)

    @property
    def splits(self) -> list[str | None]:
        """Split of each item, such as train or test; None where it has none."""
        return list(self._built.items.splits)

    @property
    def label_codes(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Labels as numbers, int64 of shape (n,), -1 for none; and the labels that these count, sorted."""
        codes, names = self._built.items.label_codes
        return codes, list(names)

    @property
    def split_codes(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Splits as numbers, int64 of shape (n,), -1 for none; and the splits that these count, sorted."""
        codes, names = self._built.items.split_codes
        return codes, list(names)

    @property
    def relative_paths(self) -> list[str]:
        """Path of each item below the folder of images, ``/`` separated."""
        return self._names.relative

    @property
    def modified(self) -> npt.NDArray[np.int64]:
        """When each file was last modified as it was scanned, nanoseconds since 1970, int64 of shape (n,)."""
        return self._built.items.mtimes

    @property
    def file_sizes(self) -> npt.NDArray[np.int64]:
        """Bytes of each file as it was scanned, int64 of shape (n,)."""
        return self._built.items.sizes

    @property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """Embeddings, float32 of shape (n, d), rows of unit length; memory-mapped, read-only."""
        return self._built.embeddings

    @property
    def embedder_name(self) -> str:
        """Which embedder the embeddings in use come from."""
        return self._opened.active.name

    def _loaded_embedder(self) -> Embedder:
        opened = self._opened
        if opened.embedder is not None:
            return opened.embedder
        embedder = opened.active.load()  # which can take long, and not everything waits for it
        with self.lock:
            if self._opened.active == opened.active:
                self._opened = replace(self._opened, embedder=embedder)
        return embedder

    @property
    def near_duplicate_radius(self) -> float:
        """Cosine distance within which two images are near-duplicates, by the embedder in use."""
        return self._opened.active.radius

    @property
    def embedding_names(self) -> list[str]:
        """Names of all embeddings that the project holds, for :meth:`use_embeddings`."""
        return list(self._opened.embedders)

    @property
    def keep_rules(self) -> KeepRules:
        """What decides which of several like images stays."""
        return self._opened.rules

    @property
    def graph(self) -> NeighborGraph:
        """The nearest other items of every item."""
        return self._built.graph

    def map(self, method: str = "pca", progress: Callable[[float], None] | None = None) -> npt.NDArray[np.float32]:
        """Two coordinates an item so that like images lie together, float32 of shape (n, 2); see ``projection``.

        It is kept in the project folder, below ``maps``, for as long as it is of the same images and embeddings.

        Parameters
        ----------
        method : str
            "pca", or "umap", which needs umap-learn and takes far longer.
        progress : callable, optional
            Called in the same thread with the share that is done, in [0, 1], while the map is computed; not where
            it was kept. What it raises ends the computation, and is raised. UMAP calls it about five times a
            second, with 0 until the first round is done.

        Raises
        ------
        InvalidValueError
            There is no such method, or there are too few images for it.
        SimwidgetError
            umap-learn is not installed, or failed.
        """
        built, stored_as = self._built, self._opened.active.stored_as

        def report(share: float) -> None:
            if self._is_closed:
                raise SimwidgetError("The project was closed while its map was computed.")
            if progress is not None:
                progress(share)

        return kept_map(self._store, built, stored_as, method, report)

    @property
    def metrics(self) -> Metrics:
        """Metrics by name, each float32 of shape (n,); assign an array to add one of your own."""
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
    def suspected_labels(self) -> list[str | None]:
        """Label that the neighbors vote for where it is not the item's own; see ``metrics.labels``."""
        built, codes = self.suspected_codes()
        return labels_of(codes, built.items.label_codes[1])

    def suspected_codes(self) -> tuple[Built, npt.NDArray[np.int64]]:
        """Find :attr:`suspected_labels`, as numbers; a second call only looks them up.

        Returns
        -------
        built : Built
            The items that they are of, whatever changes in the project.
        codes : ndarray of int64, shape (n,)
            As :attr:`label_codes` of these items; -1 where no label is suspected.
        """
        built = self._built
        return built, self._suspects.codes(built)

    def outliers(self, metrics: Iterable[str] | None = None) -> Outliers:
        """Count the metrics in which each item is an outlier by its quartiles; see ``metrics.outliers``.

        Parameters
        ----------
        metrics : iterable of str, optional
            Which metrics count; default all but Random.
        """
        if isinstance(metrics, str):
            metrics = [metrics]
        with self.lock:
            names = [name for name in self._metrics if name not in _UNCOUNTED] if metrics is None else list(metrics)
            return count_outliers({name: self._metrics[name] for name in names})

    @property
    def failed(self) -> list[FailedItem]:
        """Files that could not be read or embedded, with the reason, by path."""
        stored_as = self._opened.active.stored_as
        return [
            FailedItem(self._opened.base / path, reason) for path, reason in self._store.failed_items(stored_as)
        ]

    def rows(self, items: Items) -> npt.NDArray[np.int64]:
        """Positions of items, named by id, str path, Path, or several of them, in ``ids``."""
        return self._names.rows(items)

    def path(self, item: int | str | os.PathLike[str]) -> Path:
        """Path of one item."""
        names = self._names
        return names.path(int(names.rows(item)[0]))

    def title(self, row: int) -> str:
        """File name of the item at a position, safe to show."""
        return self._names.title(row)

    def thumbnails(self, ids: Sequence[int]) -> list[bytes | None]:
        """JPEG thumbnails by id, longer side at most 256 pixels; None for ids without one."""
        return self._store.thumbnails(ids)

    def _mask(self, within: Within | None) -> npt.NDArray[np.bool_] | None:
        """Which items are meant, bool of shape (n,); None for all."""
        if within is None:
            return None
        mask = np.zeros(len(self), dtype=bool)
        if _is_mask(within):
            given = in_order_of(self.ids, within, "mask")
            if given.shape != mask.shape or given.dtype.kind != "b":
                raise InvalidValueError(
                    f"A mask has one bool an item, shape ({len(self)},); this one has shape {given.shape} and "
                    f"type {given.dtype}."
                )
            return np.array(given)
        if isinstance(within, Mapping):
            return Masks(self, len(self)).passing(checked_filters(within, self))
        mask[self.rows(within)] = True
        return mask

    @property
    def saved_filters(self) -> SavedFilters:
        """Filters kept in the project under names, as ``explorer.filters`` takes them; a live mapping."""
        stored = self._store.filters
        return SavedFilters(
            stored.load, lambda name, filters: stored.save(name, checked_filters(filters, self)), stored.delete
        )

    def _save_metric(self, name: str, values: npt.NDArray[np.float32] | None) -> None:
        if values is None:
            self._store.user_metrics.delete(name)
        else:
            self._store.user_metrics.save(name, self.ids, self._built.items.content, values)

    # Tags

    @property
    def tags(self) -> Tags:
        """Paths of the items of each tag, by id; a live view."""
        return Tags(self.tagged_ids, lambda ids: [self.path(item) for item in ids])

    @property
    def tag_colors(self) -> dict[str, str]:
        """Colors, "#rrggbb", of the tags that were given one."""
        return self._store.tags.colors()

    def tagged_ids(self) -> dict[str, list[int]]:
        """Ids of the items of each tag, ascending, without files that are gone."""
        present = set(self.ids.tolist())
        tags = {name: [i for i in ids if i in present] for name, ids in self._store.tags.load().items()}
        return {name: ids for name, ids in tags.items() if ids}

    def tagged_rows(self) -> dict[str, npt.NDArray[np.int64]]:
        """Positions of the items of each tag, ascending."""
        return {name: self.rows(np.array(ids, dtype=np.int64)) for name, ids in self.tagged_ids().items()}

    def tag(self, items: Items, name: str) -> int:
        """Put a tag on items, named by id, str path, Path, or several of them.

        Returns
        -------
        int
            How many did not have it before.
        """
        return self._tag(items, name, on=True)

    def untag(self, items: Items, name: str) -> int:
        """Take a tag off items; returns how many had it."""
        return self._tag(items, name, on=False)

    def _tag(self, items: Items, name: str, *, on: bool) -> int:
        name = checked_tag(name)
        tags, actions = self._store.tags, self._store.actions
        with self._changing:
            ids = self.ids[self.rows(items)]
            with actions.transaction():
                before = np.array(tags.holders(name), dtype=np.int64)
                changed = (np.setdiff1d(ids, before) if on else np.intersect1d(ids, before)).tolist()
                if not changed:
                    return 0
                color = tags.colors().get(name)
                summary = f"{'Tagged' if on else 'Untagged'} {counted(len(changed), 'image')} {quoted(name)}"
                actions.act(
                    "tag" if on else "untag",
                    summary,
                    {"added" if on else "removed": {name: changed}, "colors": {name: [color, color]}},
                )
            what = self._follow_tags([name])
        self._changed(*what, "history")
        return len(changed)

    def _follow_tags(self, names: Iterable[str]) -> set[str]:
        """Let scores follow tags that have changed; returns what changed, for observers."""
        if self.keep_rules.tag is None or self.keep_rules.tag not in names:
            return {"tags"}
        # Who stays has changed, and with it the scores.
        self._use(self._opened.with_rules(self._opened.rules, pipeline.Progress(False)))
        return {"tags", "metrics"}

    def on_change(self, callback: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call back, in the thread that made the change, with the names of what has changed.

        These are "tags", "labels", "metrics", "history" (what can be undone), "items" (some have come or gone) and
        "embeddings" (others are in use, with which the items may be others). Returns what ends that.
        """
        return listen(self._observers, callback)

    def on_exchange(self, follow: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call back with the lock held, as soon as other items, labels, scores or ranks are in place.

        The names are those of :meth:`on_change`, whose observers are told afterwards. A follower may only read the
        project, and change what it keeps itself. Returns what ends that.
        """
        return listen(self._followers, follow)

    def _changed(self, *what: str) -> None:
        for callback in list(self._observers):
            callback(frozenset(what))

    def to_pandas(self) -> pd.DataFrame:
        """Every item as a row, indexed by id: path, label, split, size, metrics, outliers and tags."""
        import pandas as pd

        with self.lock:
            columns = self._columns()
            table: pd.DataFrame = pd.DataFrame(columns, index=pd.Index(self.ids, name="id"))
            return table

    def _columns(self) -> dict[str, Any]:
        items = self._built.items
        tags_of: dict[int, list[str]] = {item: [] for item in self.ids.tolist()}
        for name, ids in self.tagged_ids().items():
            for item in ids:
                tags_of[item].append(name)
        counts = self.outliers()
        return {
            "path": self.paths,
            "label": items.labels,
            "split": items.splits,
            "width": items.widths,
            "height": items.heights,
            "file_size": items.sizes,
            **self._metrics,
            "suspected_label": self.suspected_labels,
            "outliers": counts.moderate,
            "severe_outliers": counts.severe,
            "tags": list(tags_of.values()),
        }


def _is_mask(within: object) -> bool:
    if isinstance(within, list):
        return bool(within) and all(isinstance(value, (bool, np.bool_)) for value in within)
    return isinstance(getattr(within, "dtype", None), np.dtypes.BoolDType)


def checked_metric_name(name: object) -> str:
    """Return the name of a metric of the user's own without surrounding space.

    Raises
    ------
    InvalidValueError
        It is no name, or stands for something else already.
    """
    checked = checked_name(name, "metric")
    if checked in _COMPUTED:
        raise InvalidValueError(f"The metric {checked!r} is computed by simwidget. Choose another name for yours.")
    if checked in _RESERVED or checked.startswith("-"):
        raise InvalidValueError(f"A metric cannot be called {checked!r}: that name is taken.")
    return checked

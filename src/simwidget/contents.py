"""What a project holds: items, embeddings, graph, metrics and tags."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget import pipeline
from simwidget.errors import InvalidValueError
from simwidget.metrics.labels import label_agreement, label_codes, suspected_labels
from simwidget.metrics.outliers import Outliers, count_outliers
from simwidget.metrics.quality import QUALITY_METRICS, quality_metrics
from simwidget.metrics.registry import Metrics
from simwidget.names import ItemNames, Tags, checked_name, checked_tag, in_order_of
from simwidget.views import checked_filters, filter_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd
    from typing_extensions import Self

    from simwidget.metrics.ranking import KeepRules
    from simwidget.neighbor_graph import NeighborGraph
    from simwidget.opening import Opened

    Items = int | str | os.PathLike[str] | Iterable[int | str | os.PathLike[str]]
    Within = Items | Mapping[str, tuple[float, float]] | npt.NDArray[np.bool_]

_COMPUTED = {"Uniqueness", "Label agreement", *QUALITY_METRICS}
# What a view can be sorted by, and the columns of to_pandas, besides metrics.
_RESERVED = {
    *("Name", "Similarity", "Distance", "id", "path", "label", "split", "width", "height", "file_size", "tags"),
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
        self._store = opened.store
        self._changing = threading.RLock()  # held while something else is computed and put in place
        self._observers: list[Callable[[frozenset[str]], None]] = []
        self.name = opened.source.root.name or str(opened.source.root)
        self.project_dir = opened.store.folder
        self._metrics = Metrics(self._save_metric, lambda: self._changed("metrics"), checked_metric_name)
        self._use(opened)

    def _use(self, opened: Opened) -> None:
        """Take over what was opened or computed anew."""
        built = opened.built
        computed: dict[str, Callable[[], npt.NDArray[np.float32]]] = {"Uniqueness": lambda: built.uniqueness}
        if any(label is not None for label in built.items.labels):
            computed["Label agreement"] = lambda: label_agreement(
                built.graph.indices, label_codes(built.items.labels)[0]
            )
        quality = cache(lambda: quality_metrics(built.items))
        computed.update({name: partial(lambda name: quality()[name], name) for name in QUALITY_METRICS})
        own = self._store.user_metrics.load(built.items.ids, built.items.content)
        self._names = ItemNames(built.items.ids, built.items.paths, opened.base, opened.source.root)
        self._metrics.load(built.items.ids, computed, own)
        self._opened = opened

    @property
    def _built(self) -> pipeline.Built:
        return self._opened.built

    def close(self) -> None:
        """Close the files of the project; what was read from it stays usable."""
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
    def embedder_name(self) -> str:
        """Which embedder the embeddings in use come from."""
        return self._opened.active.name

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
        codes, names = label_codes(self._built.items.labels)
        winners, _ = suspected_labels(self.graph.indices, self.graph.distances, codes)
        return [names[code] if code >= 0 else None for code in winners.tolist()]

    def outliers(self, metrics: Iterable[str] | None = None) -> Outliers:
        """Count the metrics in which each item is an outlier by its quartiles; see ``metrics.outliers``.

        Parameters
        ----------
        metrics : iterable of str, optional
            Which metrics count; default all but Random.
        """
        if isinstance(metrics, str):
            metrics = [metrics]
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
        return self._names.path(int(self.rows(item)[0]))

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
            mask[filter_rows(len(self), checked_filters(within, self._metrics), self._metrics)] = True
        else:
            mask[self.rows(within)] = True
        return mask

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

    def tagged_ids(self) -> dict[str, list[int]]:
        """Ids of the items of each tag, ascending, without files that are gone."""
        present = set(self.ids.tolist())
        tags = {name: [i for i in ids if i in present] for name, ids in self._store.tags.load().items()}
        return {name: ids for name, ids in tags.items() if ids}

    def tag(self, items: Items, name: str) -> int:
        """Put a tag on items, named by id, str path, Path, or several of them.

        Returns
        -------
        int
            How many did not have it before.
        """
        return self._tag(self._store.tags.add, items, name)

    def untag(self, items: Items, name: str) -> int:
        """Take a tag off items; returns how many had it."""
        return self._tag(self._store.tags.remove, items, name)

    def _tag(self, change: Callable[[list[int], str], int], items: Items, name: str) -> int:
        name = checked_tag(name)
        changed = change(self.ids[self.rows(items)].tolist(), name)
        if changed and name == self.keep_rules.tag:  # who stays has changed, and with it the scores
            with self._changing:
                self._use(self._opened.with_rules(self._opened.rules, pipeline.Progress(False)))
            self._changed("tags", "metrics")
        else:
            self._changed("tags")
        return changed

    def on_change(self, callback: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call back, in the thread that made the change, with the names of what has changed.

        These are "tags", "metrics" and "embeddings" (with which the items may be others). Returns what ends that.
        """
        self._observers.append(callback)

        def stop() -> None:
            with suppress(ValueError):  # ended before
                self._observers.remove(callback)

        return stop

    def _changed(self, *what: str) -> None:
        for callback in list(self._observers):
            callback(frozenset(what))

    def to_pandas(self) -> pd.DataFrame:
        """Every item as a row, indexed by id: path, label, split, size, metrics, outliers and tags."""
        import pandas as pd

        items = self._built.items
        tags_of: dict[int, list[str]] = {item: [] for item in self.ids.tolist()}
        for name, ids in self.tagged_ids().items():
            for item in ids:
                tags_of[item].append(name)
        counts = self.outliers()
        columns: dict[str, Any] = {
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
        table: pd.DataFrame = pd.DataFrame(columns, index=pd.Index(self.ids, name="id"))
        return table


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

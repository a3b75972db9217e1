"""The stages from files to Uniqueness: resumable, with progress, stopped cleanly by Ctrl-C."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget.copies import pixel_hash_candidates, same_image_groups
from simwidget.errors import EmbedderError
from simwidget.graph_update import updated_groups
from simwidget.imaging import (
    HASH_BYTES,
    THUMBNAIL_SIZE,
    DecodedImage,
    UnreadableImageError,
    hash_pixels,
    load_rgb,
    read_image,
)
from simwidget.metrics.ranking import KeepRules, rank_for_keeping
from simwidget.metrics.uniqueness import uniqueness
from simwidget.neighbor_graph import N_NEIGHBORS, GroupGraph, NeighborGraph, Recall, best_of_groups, expand
from simwidget.neighbors import EXACT_BELOW, RECALL_GOAL, NNDescentWorker, search_groups
from simwidget.queries import unit_rows
from simwidget.store import ItemRecord, rows_of
from simwidget.store.files import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from PIL.Image import Image

    from simwidget.embedders.base import Embedder
    from simwidget.store import ItemTable, ProjectStore

    Vectors = npt.NDArray[np.float32]

_CHUNK = 32  # images that a thread decodes, or an embedder gets, at once
_DEFAULT_IMAGE_SIZE = 128
_SEED = 0
# Bumped when a stage computes something else from the same input, so that stored results do not count.
_GRAPH_VERSION = 2
_UNIQUENESS_VERSION = 1


class EmbedderFacts(NamedTuple):
    """What has to be known of an embedder once its vectors are stored; see ``embedders.base.Embedder``."""

    name: str
    dim: int
    near_duplicate_radius: float


class Built(NamedTuple):
    """What a build leaves in the store, opened."""

    items: ItemTable
    embeddings: Vectors
    graph: NeighborGraph
    rank: npt.NDArray[np.int64]
    uniqueness: Vectors


class Progress:
    """Progress bars, one a stage that takes long; widgets in notebooks and text in terminals."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def bar(self, label: str, total: int, unit: str) -> Any:
        """Open a bar; a context manager with ``update(n)``."""
        from tqdm.auto import tqdm

        return tqdm(total=total, desc=label, unit=unit, disable=not self.enabled, mininterval=0.5)


def read_items(store: ProjectStore, locate: Callable[[str], Path], embedder: Embedder, progress: Progress) -> None:
    """Read and embed every item that was not read yet, or whose file changed.

    Parameters
    ----------
    store : ProjectStore
        Its items agree with the source already.
    locate : callable
        From the stored path of an item to its file.
    embedder : Embedder
        Gets batches of decoded images.
    progress : Progress

    Raises
    ------
    EmbedderError
        The embedder fails on all images (on all of the first batch, for want of patience), or its vectors have
        another length than it says. Images on which it fails are otherwise stored as failed, and the rest goes on.
    """
    todo = store.unread_items(embedder.name)
    if not todo:
        return
    smallest = min_side(embedder)
    in_threads = bool(getattr(embedder, "thread_safe", False))
    reduce_image = getattr(embedder, "reduce_image", None)
    embedded = store.embedded_content(embedder.name)
    works = bool(embedded)  # it has embedded something, now or in an earlier build
    failures: list[_Read] = []

    def decode(chunk: Sequence[tuple[int, str]]) -> list[_Read]:
        reads = [_read(item, locate(path), smallest, reduce_image) for item, path in chunk]
        return _embed(reads, embedder, embedded) if in_threads else reads

    with progress.bar("Reading images", len(todo), "image") as bar:
        for reads in _in_threads(decode, _chunks(todo)):
            done = reads if in_threads else _embed(reads, embedder, embedded)
            works = works or any(read.vector is not None for read in done)
            failures += [read for read in done if read.embedding_error is not None]
            if not works and len(failures) >= _CHUNK:
                break
            store.write_items([_record(read) for read in done], embedder.name)
            bar.update(len(done))
    if not works and len(failures) > 1:
        raise EmbedderError(
            f"The embedder {embedder.name!r} failed on each of {len(failures)} images. The first of them, "
            f"{str(failures[0].path)!r}: {failures[0].embedding_error}"
        )


def min_side(embedder: Embedder) -> int:
    """Pixels of the shorter side below which images are not scaled down before an embedder gets them."""
    return max(THUMBNAIL_SIZE, 2 * int(getattr(embedder, "image_size", _DEFAULT_IMAGE_SIZE)))


def has_something_to_read(store: ProjectStore, locate: Callable[[str], Path], embedder: str) -> bool:
    """Whether a file waits to be read, embedded or compared; files that still fail do not count."""
    unembeddable = store.unembeddable(embedder)
    for item, path in store.unread_items(embedder):
        if item not in unembeddable:
            with suppress(UnreadableImageError):
                read_image(locate(path))
                return True
    return len(_ambiguous_pixels(store.load_items())) > 0


class _Read(NamedTuple):
    id: int
    path: Path
    decoded: DecodedImage | None
    error: str | None
    vector: Vectors | None = None
    embedding_error: str | None = None


def _read(item: int, path: Path, min_side: int, reduce_image: Callable[[Image], Image] | None) -> _Read:
    try:
        decoded = read_image(path, min_side=min_side)
    except UnreadableImageError as error:
        return _Read(item, path, None, str(error))
    if reduce_image is not None:
        # Before it waits for its chunk, so that the next image is decoded into the memory of this one.
        decoded = replace(decoded, image=reduce_image(decoded.image))
    return _Read(item, path, decoded, None)


def _embed(reads: list[_Read], embedder: Embedder, embedded: Mapping[int, bytes]) -> list[_Read]:
    """Add vectors, except to items of which the store has that of the same content."""
    readable = [r for r in reads if r.decoded is not None and embedded.get(r.id) != r.decoded.bytes_hash]
    images = [read.decoded.image for read in readable if read.decoded is not None]
    vectors = embed(embedder, images, [str(read.path) for read in readable])
    by_id = dict(zip((read.id for read in readable), vectors, strict=True))
    done = []
    for read in reads:
        vector = by_id.get(read.id)
        if isinstance(vector, str):
            done.append(read._replace(embedding_error=vector))
        else:
            done.append(read._replace(vector=vector))
    return done


def embed(embedder: Embedder, images: Sequence[Image], names: Sequence[str]) -> list[Vectors | str]:
    """Embed images and check what comes back.

    Returns
    -------
    list
        For each image its unit vector, float32 of shape (dim,), or the reason why there is none.

    Raises
    ------
    EmbedderError
        What the embedder returned has the wrong type or shape.
    """
    if not images:
        return []
    try:
        vectors = embedder.embed_images(images)
    except EmbedderError:
        raise
    except Exception as error:
        if len(images) > 1:
            return [embed(embedder, [image], [name])[0] for image, name in zip(images, names, strict=True)]
        return [f"the embedder {embedder.name!r} failed: {type(error).__name__}: {error}"]
    try:
        array = np.asarray(vectors)
    except Exception as error:  # rows of different lengths, tensors on another device
        raise EmbedderError(
            f"What the embedder {embedder.name!r} returned is no array: {type(error).__name__}: {error}"
        ) from error
    if array.shape != (len(images), embedder.dim) or array.dtype.kind != "f":
        raise EmbedderError(
            f"The embedder {embedder.name!r} returned an array of shape {array.shape} and type {array.dtype} for "
            f"{len(images)} images, the first of them {names[0]!r}; it has to return floating-point numbers of "
            f"shape ({len(images)}, {embedder.dim})."
        )
    unit, norms = unit_rows(array)
    return [
        row
        if norm > 0
        else f"the embedder {embedder.name!r} returned {'a zero vector' if norm == 0 else 'NaN or infinity'}"
        for row, norm in zip(unit, norms, strict=True)
    ]


def _record(read: _Read) -> ItemRecord:
    decoded = read.decoded
    if decoded is None:
        return ItemRecord(read.id, error=read.error)
    return ItemRecord(
        id=read.id,
        width=decoded.width,
        height=decoded.height,
        bytes_hash=decoded.bytes_hash,
        pixels_hash=decoded.pixels_hash,
        thumbnail_hash=decoded.thumbnail_hash,
        signature=decoded.signature,
        mean_color=decoded.mean_color,
        sharpness=decoded.sharpness,
        thumbnail=decoded.thumbnail,
        vector=read.vector,
        embedding_error=read.embedding_error,
        quality=decoded.quality,
    )


def _chunks(todo: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    iterator = iter(todo)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _in_threads(function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
    """Results as they come, with few in flight; leaving the loop early cancels what has not started."""
    workers = _cores()
    remaining = iter(arguments)
    with ThreadPoolExecutor(workers, thread_name_prefix="simwidget-read") as pool:
        running: set[Future[Any]] = {pool.submit(function, a) for a in islice(remaining, 2 * workers)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    running.update(pool.submit(function, a) for a in islice(remaining, 1))
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ambiguous_pixels(items: ItemTable) -> npt.NDArray[np.int64]:
    """Positions of the items that :func:`hash_ambiguous_pixels` still has to hash."""
    unhashed = np.array([value is None for value in items.pixels], dtype=bool)
    if not unhashed.any():
        return np.empty(0, dtype=np.int64)
    sizes = np.stack([items.widths, items.heights], axis=1)
    scaled = np.array([value is None for value in items.thumbnail_hashes], dtype=bool) & unhashed
    thumbnails = np.frombuffer(_joined(items.thumbnail_hashes), dtype=f"V{HASH_BYTES}")
    return pixel_hash_candidates(sizes, items.signatures, thumbnails, scaled, unhashed)


def _joined(hashes: Sequence[bytes | None]) -> bytes:
    """Hashes end to end; zeros for None."""
    return b"".join(value or b"\0" * HASH_BYTES for value in hashes)


def hash_ambiguous_pixels(store: ProjectStore, locate: Callable[[str], Path], progress: Progress) -> None:
    """Decode in full, and hash, the images that might have the same pixels as another item."""
    items = store.load_items()
    candidates = _ambiguous_pixels(items)
    if len(candidates) == 0:
        return

    def hashed(rows: Sequence[int]) -> list[tuple[int, bytes]]:
        found = []
        for row in rows:
            with suppress(UnreadableImageError):  # gone since it was read; the next build will see that
                found.append((int(items.ids[row]), hash_pixels(locate(items.paths[row]))))
        return found

    chunks = np.array_split(candidates, -(-len(candidates) // _CHUNK))
    with progress.bar("Comparing pixels", len(candidates), "image") as bar:
        for chunk in _in_threads(hashed, chunks):
            store.write_pixel_hashes(chunk)
            bar.update(len(chunk))


def build(
    store: ProjectStore, locate: Callable[[str], Path], embedder: Embedder, rules: KeepRules, progress: Progress
) -> Built:
    """Run all stages that are not up to date."""
    with _early_worker(store, embedder) as worker:
        read_items(store, locate, embedder, progress)
        hash_ambiguous_pixels(store, locate, progress)
        about = EmbedderFacts(embedder.name, embedder.dim, embedder.near_duplicate_radius)
        return compute(store, about, *load(store, about), rules, progress, worker)


@contextmanager
def _early_worker(store: ProjectStore, embedder: Embedder) -> Iterator[NNDescentWorker | None]:
    """Start a PyNNDescent worker, to compile while images are read, when enough are read to need it."""
    if len(store.unread_items(embedder.name)) < EXACT_BELOW:
        yield None
    else:
        with NNDescentWorker(embedder.dim, N_NEIGHBORS, _SEED) as worker:
            yield worker


def load(store: ProjectStore, embedder: EmbedderFacts) -> tuple[ItemTable, Vectors]:
    """Items of an embedder, and their embeddings merged into one array.

    Raises
    ------
    MissingVectorsError
        There are items without a vector.
    """
    items = store.load_items(embedder.name)
    return items, store.merge_vectors(embedder.name, items.ids, items.content, embedder.dim)


def compute(
    store: ProjectStore,
    embedder: EmbedderFacts,
    items: ItemTable,
    vectors: Vectors,
    rules: KeepRules,
    progress: Progress,
    worker: NNDescentWorker | None = None,
) -> Built:
    """Build the neighbor graph and Uniqueness; what is in the store already is only opened."""
    by_default = rank_for_keeping(items)
    tagged = None if rules.tag is None else np.isin(items.ids, store.tags.load().get(rules.tag, []))
    rank = by_default if rules == KeepRules() else rank_for_keeping(items, rules, tagged)
    graph, graph_key = _graph(store, items, embedder, vectors, by_default, rank, progress, worker)
    key = digest(_UNIQUENESS_VERSION, graph_key, rank, embedder.near_duplicate_radius)
    name = _uniqueness_name(embedder.name)
    cached = store.load_cached("metrics", name, key, ("values",))
    if cached is not None:
        scores = cached["values"]
    else:
        scores = uniqueness(graph, vectors, rank, embedder.near_duplicate_radius)
        store.save_cached("metrics", name, key, {"values": scores})
    for array in (items.ids, graph.indices, graph.distances, graph.groups, rank, scores):
        array.flags.writeable = False  # what a user changes by mistake would not be what is stored
    return Built(items, vectors, graph, rank, scores)


def forget(store: ProjectStore, embedder: str) -> None:
    """Remove embeddings that nothing refers to any more, with their graph and Uniqueness."""
    store.remove("graph", embedder)
    store.remove("metrics", _uniqueness_name(embedder))
    store.remove("embeddings", embedder)
    store.remove_vectors(embedder)


def _uniqueness_name(embedder: str) -> str:
    return f"{embedder} Uniqueness"


def _graph(
    store: ProjectStore,
    items: ItemTable,
    embedder: EmbedderFacts,
    vectors: Vectors,
    by_default: npt.NDArray[np.int64],
    rank: npt.NDArray[np.int64],
    progress: Progress,
    worker: NNDescentWorker | None,
) -> tuple[NeighborGraph, str]:
    """Open or build the neighbor graph, and the key of what it was built from.

    Stored is the graph of the groups of copies. Which vector stands for a group is decided by the rank of the
    default rules, so that other rules and tags need no other search: they only name other items in the graph.
    """
    basis = (_GRAPH_VERSION, embedder.name, N_NEIGHBORS, _SEED)
    key = digest(*basis, items.ids, items.content.tobytes(), _joined(items.pixels))
    cached = store.load_cached("graph", embedder.name, key, ("indices", "distances", "groups"))
    groups = same_image_groups(items.content, items.pixels, vectors) if cached is None else cached["groups"]
    stand_ins = best_of_groups(groups, by_default)
    of_copies = digest(vectors[stand_ins[np.bincount(groups, minlength=len(stand_ins)) > 1]])
    if cached is not None and cached["stand_ins"] == of_copies:
        found = GroupGraph(cached["indices"], cached["distances"], cached["method"], Recall(*cached["recall"]))
    else:
        with progress.bar("Comparing images", len(items.ids), "image") as bar:
            standing = rows_of(items.ids[stand_ins], items.content[stand_ins])
            found = _updated(store, embedder.name, digest(*basis), standing, vectors[stand_ins]) or search_groups(
                vectors[stand_ins], seed=_SEED, worker=worker
            )
            arrays: dict[str, npt.NDArray[Any]] = {
                "indices": found.indices,
                "distances": found.distances,
                "groups": groups,
                "standing": standing,
            }
            facts = {
                "basis": digest(*basis),
                "method": found.method,
                "recall": list(found.recall),
                "stand_ins": of_copies,
            }
            store.save_cached("graph", embedder.name, key, arrays, **facts)
            bar.update(len(items.ids))
    if found.recall.ten < RECALL_GOAL:
        warnings.warn(
            f"The neighbor graph of {len(items.ids):,} images holds only {found.recall.ten:.0%} of their nearest "
            f"neighbors (project.graph.recall): Uniqueness may be too high for some. The embeddings "
            f"{embedder.name!r} are hard to search; exact search would take very long.",
            stacklevel=2,
        )
    return expand(found, groups, stand_ins, rank), digest(key, of_copies)


def _updated(
    store: ProjectStore, embedder: str, basis: str, standing: npt.NDArray[np.void], vectors: Vectors
) -> GroupGraph | None:
    """The stored graph, of whichever items, brought up to date; None where that does not pay, or there is none."""
    earlier = store.load_cached("graph", embedder, None, ("indices", "distances", "standing"))
    if earlier is None or earlier.get("basis") != basis:
        return None
    before = earlier["standing"]
    order = np.argsort(standing["id"])
    place = np.minimum(np.searchsorted(standing["id"], before["id"], sorter=order), len(standing) - 1)
    kept = np.where(standing[order[place]] == before, order[place], -1)
    graph = GroupGraph(earlier["indices"], earlier["distances"], earlier["method"], Recall(*earlier["recall"]))
    return updated_groups(graph, kept, vectors, seed=_SEED)


def measure(
    files: Sequence[Path], function: Callable[[Image], float], progress: Progress, label: str
) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
    """Compute a metric of the user's own from the pixels of every image.

    Parameters
    ----------
    files : sequence of Path, length n
    function : callable
        Gets an image: RGB, upright, of full size. It is called from one thread.
    progress : Progress
    label : str
        Of the progress bar.

    Returns
    -------
    values : ndarray of float32, shape (n,)
        NaN where it failed.
    failures : dict
        The reasons, by position.
    """
    values = np.full(len(files), np.nan, dtype=np.float32)
    failures: dict[int, str] = {}

    def read(row: int) -> tuple[int, Image | str]:
        try:
            return row, load_rgb(files[row])
        except UnreadableImageError as error:
            return row, str(error)

    with progress.bar(label, len(files), "image") as bar:
        for row, image in _in_threads(read, range(len(files))):
            if isinstance(image, str):
                failures[row] = image
            else:
                try:
                    values[row] = float(function(image))
                except Exception as error:  # code of the user: one image stops nothing
                    failures[row] = f"{type(error).__name__}: {error}"
            bar.update(1)
    return values, failures

"""The stages from files to Uniqueness: resumable, with progress, stopped cleanly by Ctrl-C."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget.copies import pixel_hash_candidates, same_image_groups
from simwidget.errors import EmbedderError
from simwidget.imaging import THUMBNAIL_SIZE, DecodedImage, UnreadableImageError, hash_pixels, read_image
from simwidget.metrics.ranking import rank_for_keeping
from simwidget.metrics.uniqueness import uniqueness
from simwidget.neighbors import EXACT_BELOW, N_NEIGHBORS, NeighborGraph, NNDescentWorker, build_graph
from simwidget.store import ItemRecord
from simwidget.store.files import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
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
_GRAPH_VERSION = 1
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
        The embedder failed on every image of a batch, or its vectors have another length than it says. An image
        on which it fails alone is stored as failed, and the rest goes on.
    """
    todo = store.unread_items(embedder.name)
    if not todo:
        return
    min_side = max(THUMBNAIL_SIZE, 2 * int(getattr(embedder, "image_size", _DEFAULT_IMAGE_SIZE)))
    in_threads = bool(getattr(embedder, "thread_safe", False))

    def decode(chunk: Sequence[tuple[int, str]]) -> list[_Read]:
        reads = [_read(item, locate(path), min_side) for item, path in chunk]
        return _embed(reads, embedder) if in_threads else reads

    with progress.bar("Reading images", len(todo), "image") as bar:
        for reads in _in_threads(decode, _chunks(todo)):
            done = reads if in_threads else _embed(reads, embedder)
            store.write_items([_record(read) for read in done], embedder.name)
            bar.update(len(done))


def has_something_to_read(store: ProjectStore, locate: Callable[[str], Path], embedder: str) -> bool:
    """Whether a file waits to be read, embedded or compared; files that still cannot be read do not count."""
    for _, path in store.unread_items(embedder):
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


def _read(item: int, path: Path, min_side: int) -> _Read:
    try:
        return _Read(item, path, read_image(path, min_side=min_side), None)
    except UnreadableImageError as error:
        return _Read(item, path, None, str(error))


def _embed(reads: list[_Read], embedder: Embedder) -> list[_Read]:
    """Add vectors; the images are dropped, so that memory holds those of a few chunks only."""
    readable = [read for read in reads if read.decoded is not None]
    images = [read.decoded.image for read in readable if read.decoded is not None]
    vectors = embed(embedder, images, [str(read.path) for read in readable])
    by_id = dict(zip((read.id for read in readable), vectors, strict=True))
    done = []
    for read in reads:
        vector = by_id.get(read.id)
        if isinstance(vector, str):
            done.append(_Read(read.id, read.path, None, vector))
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
        What the embedder returned has the wrong type or shape, or it failed on each of several images.
    """
    if not images:
        return []
    try:
        vectors = embedder.embed_images(images)
    except EmbedderError:
        raise
    except Exception as error:
        if len(images) > 1:
            results = [embed(embedder, [image], [name])[0] for image, name in zip(images, names, strict=True)]
            if all(isinstance(result, str) for result in results):
                raise EmbedderError(
                    f"The embedder {embedder.name!r} failed on each of {len(images)} images, the first of them "
                    f"{names[0]!r}: {type(error).__name__}: {error}"
                ) from error
            return results
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
    array = array.astype(np.float64)
    norms = np.linalg.norm(array, axis=1)
    return [
        (row / norm).astype(np.float32)
        if np.isfinite(norm) and norm > 0
        else f"the embedder {embedder.name!r} returned {'a zero vector' if norm == 0 else 'NaN or infinity'}"
        for row, norm in zip(array, norms, strict=True)
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
        signature=decoded.signature,
        mean_color=decoded.mean_color,
        sharpness=decoded.sharpness,
        thumbnail=decoded.thumbnail,
        vector=read.vector,
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
    return pixel_hash_candidates(sizes, items.signatures, unhashed)


def hash_ambiguous_pixels(
    store: ProjectStore, items: ItemTable, locate: Callable[[str], Path], progress: Progress
) -> ItemTable:
    """Decode in full those large JPEGs that might have the same pixels as another item."""
    candidates = _ambiguous_pixels(items)
    if len(candidates) == 0:
        return items

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
    return store.load_items()


def build(store: ProjectStore, locate: Callable[[str], Path], embedder: Embedder, progress: Progress) -> Built:
    """Run all stages that are not up to date."""
    with _early_worker(store, embedder) as worker:
        read_items(store, locate, embedder, progress)
        items = hash_ambiguous_pixels(store, store.load_items(), locate, progress)
        about = EmbedderFacts(embedder.name, embedder.dim, embedder.near_duplicate_radius)
        return compute(store, items, about, progress, worker)


@contextmanager
def _early_worker(store: ProjectStore, embedder: Embedder) -> Iterator[NNDescentWorker | None]:
    """Start a PyNNDescent worker, to compile while images are read, when enough are read to need it."""
    if len(store.unread_items(embedder.name)) < EXACT_BELOW:
        yield None
    else:
        with NNDescentWorker(embedder.dim, N_NEIGHBORS, _SEED) as worker:
            yield worker


def compute(
    store: ProjectStore,
    items: ItemTable,
    embedder: EmbedderFacts,
    progress: Progress,
    worker: NNDescentWorker | None = None,
) -> Built:
    """Merge embeddings, build the neighbor graph and Uniqueness; what is in the store already is only opened."""
    vectors = store.merge_vectors(embedder.name, items.ids, items.content, embedder.dim)
    rank = rank_for_keeping(items)
    pixels = b"".join(value or b"\0" * 16 for value in items.pixels)
    graph_key = digest(
        _GRAPH_VERSION, embedder.name, N_NEIGHBORS, _SEED, items.ids, items.content.tobytes(), pixels, rank
    )
    cached = store.load_cached("graph", embedder.name, graph_key, ("indices", "distances", "groups"))
    if cached is not None:
        graph = NeighborGraph(cached["indices"], cached["distances"], cached["groups"], cached["method"])
    else:
        with progress.bar("Comparing images", len(items.ids), "image") as bar:
            groups = same_image_groups(items.content, items.pixels, vectors)
            graph = build_graph(vectors, groups, rank, seed=_SEED, worker=worker)
            arrays: dict[str, npt.NDArray[Any]] = {
                "indices": graph.indices,
                "distances": graph.distances,
                "groups": graph.groups,
            }
            store.save_cached("graph", embedder.name, graph_key, arrays, method=graph.method)
            bar.update(len(items.ids))
    key = digest(_UNIQUENESS_VERSION, graph_key, embedder.near_duplicate_radius)
    cached = store.load_cached("metrics", f"{embedder.name} Uniqueness", key, ("values",))
    if cached is not None:
        scores = cached["values"]
    else:
        scores = uniqueness(graph, vectors, rank, embedder.near_duplicate_radius)
        store.save_cached("metrics", f"{embedder.name} Uniqueness", key, {"values": scores})
    return Built(items, vectors, graph, rank, scores)

"""Synthetic projects of any size: real store, real graph, vectors in clusters, thumbnails that repeat."""

from __future__ import annotations

import argparse
import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
from PIL import Image

from simwidget import pipeline
from simwidget.embedders.choice import StoredEmbedder
from simwidget.metrics.ranking import KeepRules
from simwidget.neighbor_graph import GroupGraph
from simwidget.neighbors import N_NEIGHBORS, exact_neighbors
from simwidget.sources.folder import FileEntry
from simwidget.store import ItemRecord, ProjectStore

if TYPE_CHECKING:
    import numpy.typing as npt

BATCH = 5_000
BLOCK = 2_500
THUMBNAILS = 2_048  # different ones


def make_project(folder: Path, count: int, dim: int = 64, seed: int = 0, *, frugal: bool = False) -> None:
    """Write a project of ``count`` items that ``Project.open`` opens; about 5 % are copies of another item.

    A ``frugal`` one is for a million: thumbnails.db holds each different thumbnail once, behind a view, and a
    neighbor is searched only among ``BLOCK`` others, written one after the other, as clusters are.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    store = ProjectStore(folder)
    name = f"synthetic-{dim}"
    with store.build_lock():
        entries = [FileEntry(f"{i % 100:02d}/IMG_{i:07d}.jpg", 50_000 + i, 10**18 + i) for i in range(count)]
        store.sync_items(entries, {e.path: f"class {e.path[:2]}" for e in entries}, None)
        thumbnails = [_thumbnail(rng) for _ in range(THUMBNAILS)]
        todo = store.unread_items(name)
        for start in range(0, count, BATCH):
            batch = todo[start : start + BATCH]
            centers = rng.standard_normal((max(len(batch) // 50, 1), dim)).astype(np.float32)
            vectors = centers[rng.integers(len(centers), size=len(batch))]
            spread = rng.uniform(0.1, 0.8, size=(len(batch), 1)).astype(np.float32)  # for Uniqueness of all sizes
            vectors = vectors + rng.standard_normal(vectors.shape).astype(np.float32) * spread
            copies = np.flatnonzero(rng.random(len(batch)) < 0.05)
            vectors[copies] = vectors[rng.integers(len(batch), size=len(copies))]
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            records = [
                ItemRecord(
                    id=item,
                    width=640,
                    height=480,
                    bytes_hash=item.to_bytes(16, "little"),
                    pixels_hash=(item + 2**64).to_bytes(16, "little"),
                    signature=bytes(48),
                    mean_color=rng.integers(256, size=3, dtype=np.uint8).tobytes(),
                    sharpness=float(rng.random()),
                    thumbnail=thumbnails[item % len(thumbnails)] if not frugal else b"",
                    vector=vector.astype(np.float32),
                )
                for (item, _), vector in zip(batch, vectors, strict=True)
            ]
            store.write_items(records, name)
        stored = StoredEmbedder(None, None, name, dim, 0.03, None)
        facts = pipeline.EmbedderFacts(name, dim, 0.03)
        with mock.patch.object(pipeline, "search_groups", _in_blocks if frugal else pipeline.search_groups):
            pipeline.compute(store, facts, *pipeline.load(store, facts), KeepRules(), pipeline.Progress(True))
        store.save_manifest(source=str(folder / "images"), recursive=True, embedder=stored._asdict())
    store.close()
    if frugal:
        _share(folder / "thumbnails.db", thumbnails)


def _in_blocks(vectors: npt.NDArray[np.float32], **_: Any) -> GroupGraph:
    blocks = np.array_split(vectors, max(len(vectors) // BLOCK, 1))
    first = np.cumsum([0, *map(len, blocks)]).astype(np.int32)
    found = [exact_neighbors(block, N_NEIGHBORS) for block in blocks]
    indices = [near + start for (near, _), start in zip(found, first, strict=False)]
    return GroupGraph(np.concatenate(indices), np.concatenate([distances for _, distances in found]), "exact")


def _share(path: Path, thumbnails: list[bytes]) -> None:
    """Put a view in the place of the table of thumbnails, in which they take turns."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE thumbnails RENAME TO items")
        db.execute("CREATE TABLE shared (number INTEGER PRIMARY KEY, jpeg BLOB NOT NULL)")
        db.executemany("INSERT INTO shared VALUES (?, ?)", enumerate(thumbnails))
        db.execute(
            "CREATE VIEW thumbnails AS SELECT item_id, shared.jpeg "
            f"FROM items JOIN shared ON number = item_id % {len(thumbnails)}"
        )


def _thumbnail(rng: np.random.Generator) -> bytes:
    """Colors with detail at three scales, so that the JPEG is about as large as that of a photo."""
    pixels = np.zeros((192, 256, 3))
    for side, contrast in ((4, 90), (16, 60), (64, 100)):
        blocks = rng.integers(256, size=(3 * side // 4, side, 3), dtype=np.uint8)
        scaled = Image.fromarray(blocks).resize((256, 192), Image.Resampling.BICUBIC)
        pixels += contrast / 255 * np.asarray(scaled)
    encoded = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(encoded, "JPEG", quality=82)
    return encoded.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    make_project(arguments.folder, arguments.count)

"""Synthetic projects of any size: real store, real graph, vectors in clusters, one thumbnail for all."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from simwidget import pipeline
from simwidget.embedders.choice import StoredEmbedder
from simwidget.metrics.ranking import KeepRules
from simwidget.sources.folder import FileEntry
from simwidget.store import ItemRecord, ProjectStore

BATCH = 5_000


def make_project(folder: Path, count: int, dim: int = 64, seed: int = 0) -> None:
    """Write a project of ``count`` items that ``Project.open`` opens; about 5 % are copies of another item."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    store = ProjectStore(folder)
    name = f"synthetic-{dim}"
    with store.build_lock():
        entries = [FileEntry(f"{i % 100:02d}/IMG_{i:07d}.jpg", 50_000 + i, 10**18 + i) for i in range(count)]
        store.sync_items(entries, {e.path: f"class {e.path[:2]}" for e in entries}, None)
        centers = rng.standard_normal((max(count // 50, 1), dim)).astype(np.float32)
        thumbnails = [_thumbnail(rng) for _ in range(256)]
        todo = store.unread_items(name)
        for start in range(0, count, BATCH):
            batch = todo[start : start + BATCH]
            vectors = centers[rng.integers(len(centers), size=len(batch))]
            vectors = vectors + rng.standard_normal(vectors.shape).astype(np.float32) * 0.5
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
                    thumbnail=thumbnails[item % len(thumbnails)],
                    vector=vector.astype(np.float32),
                )
                for (item, _), vector in zip(batch, vectors, strict=True)
            ]
            store.write_items(records, name)
        stored = StoredEmbedder(None, None, name, dim, 0.03, None)
        facts = pipeline.EmbedderFacts(name, dim, 0.03)
        pipeline.compute(store, facts, *pipeline.load(store, facts), KeepRules(), pipeline.Progress(True))
        store.save_manifest(source=str(folder / "images"), recursive=True, embedder=stored._asdict())
    store.close()


def _thumbnail(rng: np.random.Generator) -> bytes:
    blocks = rng.integers(256, size=(6, 8, 3), dtype=np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(blocks).resize((256, 192), Image.Resampling.BICUBIC).save(encoded, "JPEG", quality=82)
    return encoded.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    make_project(arguments.folder, arguments.count)

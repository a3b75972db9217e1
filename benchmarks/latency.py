"""What a person waits for in the kernel: Similar items, and a brush until the new view is there.

Similar items run as in ``Project.similar``, over embeddings that are memory-mapped from a file, in the page cache
after the first queries, which are not counted. The brush goes through a real ``Session``; a stand-in for its
project holds what a session asks for, since thumbnails of a million items would only fill the disk (startup.py
brushes a real project of 100,000).
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from common import Row, Seconds, median, record
from simwidget.queries import nearest
from simwidget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

DIM = 512
SIMILAR = {100_000: 30, 1_000_000: 300}  # milliseconds at most
BRUSH = {100_000: 15, 1_000_000: 100}
HIGHS = (0.0001, 0.01, 0.1, 0.3, 1.0)  # upper ends of a brush that starts at 0
REPEATS = 15


class Items:
    """What a session asks of a project, of random items; every twentieth is a copy."""

    def __init__(self, count: int) -> None:
        self.lock = threading.RLock()
        rng = np.random.default_rng(0)
        self.ids = np.arange(1, count + 1)
        self.label_codes = np.full(count, -1), list[str]()
        uniqueness = rng.random(count, dtype=np.float32)
        uniqueness[rng.random(count) < 0.05] = 0
        self.metrics = {"Uniqueness": uniqueness, "Brightness": rng.random(count, dtype=np.float32)}
        self.graph = SimpleNamespace(groups=np.arange(count))

    def __len__(self) -> int:
        return len(self.ids)

    def tagged_ids(self) -> dict[str, list[int]]:
        return {}

    def on_change(self, _: Any) -> Callable[[], None]:
        return lambda: None

    on_exchange = on_change


def each(work: Callable[[int], object]) -> list[Seconds]:
    """Time calls with 0, 1, 2 ..., after two calls that are not counted."""
    times = []
    for number in range(-2, REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        work(number)
        times.append(Seconds(time.perf_counter() - wall, time.process_time() - cpu))
    return times[2:]


def write_vectors(path: Path, count: int, dim: int) -> npt.NDArray[np.float32]:
    """Write random unit vectors, batch by batch, and open them as a project does."""
    rng = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dim))
    for start in range(0, count, 50_000):
        batch = rng.standard_normal((min(50_000, count - start), dim), dtype=np.float32)
        file[start : start + len(batch)] = batch / np.linalg.norm(batch, axis=1, keepdims=True)
    file.flush()
    del file
    vectors: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return vectors


def similar(vectors: npt.NDArray[np.float32]) -> list[Seconds]:
    """Time several queries by one item, for 50 items."""
    count = len(vectors)
    groups, rank = np.arange(count), np.random.default_rng(1).permutation(count)

    def query(number: int) -> None:
        asked = np.array([number % count])
        nearest(vectors, vectors[asked], groups, rank, asked, 50)

    return each(query)


def brush(count: int) -> list[Seconds]:
    """Time several brushes of Uniqueness."""
    session = Session(Items(count))  # type: ignore[arg-type]
    return each(lambda number: session.set_filters({"Uniqueness": (0, HIGHS[number % len(HIGHS)])}))


def row(what: str, times: list[Seconds], limit: int) -> Row:
    wall, cpu = (1000 * seconds for seconds in median(times))
    fastest, slowest = (1000 * bound(times).wall for bound in (min, max))
    measured = f"{wall:.1f} ms ({fastest:.1f} to {slowest:.1f} ms; CPU {cpu:.1f} ms)"
    return Row(what, f"≤ {limit} ms", measured, wall <= limit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=1_000_000, help="leave out what has more items")
    largest = parser.parse_args().largest
    rows = []
    for count, limit in SIMILAR.items():
        if count <= largest:
            with tempfile.TemporaryDirectory() as folder:
                times = similar(write_vectors(Path(folder, "vectors.npy"), count, DIM))
            rows.append(row(f"Similar items, {count:,} × {DIM}", times, limit))
    rows += [row(f"Brush to new view, {n:,}", brush(n), limit) for n, limit in BRUSH.items() if n <= largest]
    record(__file__, rows)


if __name__ == "__main__":
    main()

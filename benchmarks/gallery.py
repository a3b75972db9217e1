"""The gallery as a person meets it: a real kernel, JupyterLab in headless Chromium, a synthetic project.

The project is one of ``synthetic.py``: a real store and a real graph over vectors of 16 numbers; 2,048 different
thumbnails of about 12 kB, as of photos, take turns. Of more than 100,000 items thumbnails.db holds each of them
only once, behind a view of SQLite, since a million would fill the disk, and the graph is searched in blocks, which
only Uniqueness depends on.

A screen counts as painted when every card of which a part is seen has its image decoded, and the frame with the
last of them was made. Times are of the page's clock:

- First thumbnails: from running the cell ``explorer``, and from the frame in which the grid is there. The cell that
  opens the project and makes the Explorer ran before.
- Brush: from the mouse-up event of a drag over the histogram to the painted first screen of the new view, whose
  file names are the kernel's. The mouse is let go once the kernel has answered its last move. Ranges are all over
  the histogram, and for almost none the thumbnails are here before the drag, in which they are fetched.
- Scrolling: wheel events as fast as the browser takes them, about 60 screens, then the scrollbar in 20 jumps to the
  end, where the last item has to be. Frames are those of requestAnimationFrame, tasks those of PerformanceObserver,
  which tells only of those over 50 ms. What V8 spends within a task on collecting the garbage of the whole page,
  of which JupyterLab makes up most, is told apart, from a trace.
- Bytes: payload of the websocket's messages, with what is prefetched.
- Memory: JavaScript objects after garbage collection, and resident memory of the processes, before and after 400
  stops spread over all items, each waited for. Thumbnails are kept in the page, at most 128 MiB of them.

``gallery_browser.py`` drives the browser, in the environment where Playwright is.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from common import HERE, PEERS, Row, Table, record
from synthetic import make_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = (100_000, 1_000_000)
DIM = 16
FRUGAL_OVER = 100_000  # items
TARGET_ITEMS = 100_000  # where the design sets a time from mouse-up to thumbnails
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_S = 60
NOTEBOOK = "gallery.ipynb"
CELLS = (
    """\
import numpy as np
import simwidget as sw

project = sw.Project.open({folder!r})
explorer = sw.Explorer(project)
session, bins = explorer.gallery.session, explorer.histogram.bins
counts = np.bincount(bins.assign(project.metrics["Uniqueness"]), minlength=len(bins)).tolist()


def names(start, stop):
    return session.rows(session.epoch, start, stop).names""",
    "explorer",
)


def write_notebook(path: Path, project: Path) -> None:
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source.format(folder=str(project)) if number == 0 else source,
        }
        for number, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")


@contextmanager
def jupyterlab(root: Path) -> Iterator[str]:
    """Run JupyterLab on a folder, blind to the user's configuration; gives the address of its notebook."""
    runtime = root / "runtime"
    token = secrets.token_hex()
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(root / "config"),
        "JUPYTER_DATA_DIR": str(root / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "IPYTHONDIR": str(root / "ipython"),
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--IdentityProvider.token={token}"),
        *(f"--ServerApp.root_dir={root}", "--KernelManager.transport=ipc"),
        *("--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
    ]
    log = root / "lab.log"
    with log.open("w") as output:
        server = psutil.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_S
        while not (found := [path for path in runtime.glob("jpserver-*.json") if is_json(path)]):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")
            time.sleep(0.1)
        address = json.loads(found[0].read_text())["url"]
        yield f"{address}doc/tree/{NOTEBOOK}?token={token}"
    finally:
        stop(server)


def is_json(path: Path) -> bool:
    """Whether a file is written to the end."""
    with suppress(ValueError):
        json.loads(path.read_text())
        return True
    return False


def stop(server: psutil.Popen) -> None:
    """End a Jupyter server and its kernels, kindly first."""
    with suppress(psutil.NoSuchProcess):
        processes = [*server.children(recursive=True), server]
        server.terminate()  # ends its kernels too
        for process in psutil.wait_procs(processes, timeout=10)[1]:
            process.kill()


def measure(count: int) -> dict[str, Any]:
    """Make a project and let the browser look at it."""
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        raise SystemExit(f"There is no browser: none of {', '.join(BROWSERS)} is on PATH.")
    if not PEERS.is_file():
        raise SystemExit(f"There is no Playwright in {PEERS.parents[1]}; `make bench` puts it there.")
    # Kernels open sockets in it, and the path of a Unix socket has room for some 100 characters.
    short = "/tmp" if Path("/tmp").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="simwidget-", dir=short) as scratch:
        root = Path(scratch).resolve()
        start = time.perf_counter()
        make_project(root / "project", count, DIM, frugal=count > FRUGAL_OVER)
        print(f"  project of {count:,} made in {time.perf_counter() - start:.0f} s", flush=True)
        write_notebook(root / NOTEBOOK, root / "project")
        with jupyterlab(root) as address:
            command = [PEERS, HERE / "gallery_browser.py", chromium, address]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print(f"  measured after {time.perf_counter() - start:.0f} s in all", flush=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def percentile(times: Sequence[float], share: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[share - 1]


def mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def rows_of(count: int, found: dict[str, Any]) -> list[Row]:
    display, brushes, screens = found["display"], found["brushes"], found["screens"]
    middle, worst = percentile(brushes, 50), percentile(brushes, 95)
    frames = found["scroll"]["frames"]
    tasks = [duration for duration, _ in found["scroll"]["tasks"]]
    ours = [duration - collection for duration, collection in found["scroll"]["tasks"]]
    longest = max(ours, default=0)
    slow = sum(frame > 50 for frame in frames)
    first, *_, last = found["memory"]
    growth = last["heap"] - first["heap"]
    n = len(brushes)
    return [
        Row(
            f"First thumbnails in JupyterLab, {count:,}",
            "",
            f"{display['cell']:.0f} ms from running the cell, {display['view']:.0f} ms from the grid being there",
        ),
        Row(
            f"Mouse-up of the brush to painted thumbnails in JupyterLab, {count:,}",
            "p95 ≤ 150 ms" if count <= TARGET_ITEMS else "",
            f"p50 {middle:.0f} ms, p95 {worst:.0f} ms ({min(brushes):.0f} to {max(brushes):.0f} ms, {n} brushes)",
            worst <= 150 if count <= TARGET_ITEMS else None,
        ),
        Row(
            f"Longest task while scrolling to the last of {count:,}",
            "≤ 50 ms",
            (f"{longest:.0f} ms" if longest > 50 else "none over 50 ms")
            + (f"; {max(tasks):.0f} ms with garbage collection ({len(tasks)} over 50 ms)" if tasks else ""),
            longest <= 50,
        ),
        Row(
            f"Frames over 50 ms while scrolling to the last of {count:,}",
            "",
            f"{slow / len(frames):.2%} ({slow} of {len(frames)}; the longest {max(frames):.0f} ms)",
        ),
        Row(
            f"Websocket, a screen of new thumbnails, {count:,}",
            "",
            f"{screens['bytes'] / screens['screens'] / 1000:.0f} kB in "
            f"{screens['received'] / screens['screens']:.1f} messages, {screens['sent'] / screens['screens']:.1f} "
            f"sent; {screens['cards'] / screens['screens']:.1f} cards",
        ),
        Row(
            f"Growth of the JavaScript heap after {found['stops']} stops from top to bottom, {count:,}",
            "≤ 192 MiB",
            f"{mebibytes(growth)}, from {mebibytes(first['heap'])} to {mebibytes(last['heap'])}",
            growth <= 192 * 2**20,
        ),
    ]


def memory_table(results: dict[int, dict[str, Any]]) -> Table:
    kinds = {"heap": "JavaScript heap", "renderer": "page's process", "browser": "browser's process"}
    moments = ("first screen", "half of the stops", "all stops")
    chromium = next(iter(results.values()))["chromium"]
    lab = importlib.metadata.version("jupyterlab")
    return Table(
        f"Memory with a gallery in JupyterLab {lab}, Chromium {chromium}, after",
        ("items", "of", *moments),
        [
            (f"{count:,}", name, *(mebibytes(at[kind]) for at in found["memory"]))
            for count, found in results.items()
            for kind, name in kinds.items()
            if kind in found["memory"][0]
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=SIZES, help="sizes of the projects")
    sizes = parser.parse_args().items
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped
    results = {count: measure(count) for count in sizes}
    record(__file__, [row for n, found in results.items() for row in rows_of(n, found)], [memory_table(results)])


if __name__ == "__main__":
    main()

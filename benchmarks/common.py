"""What the benchmarks share: timing, the peers' interpreter, and the results that ``report.py`` tabulates."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
OWN_PACKAGES = ("simwidget", "numpy", "scipy", "Pillow", "pynndescent", "numba")
PEER_PACKAGES = ("cleanvision", "imagededup", "faiss-cpu", "hnswlib")


class Row(NamedTuple):
    """A line of the table in docs/benchmarks.md."""

    what: str
    target: str
    measured: str
    met: bool | None = None  # None where there is no target
    against: str = ""


class Seconds(NamedTuple):
    """By the clock, and of processors, which other programs on the machine disturb less."""

    wall: float
    cpu: float


class Table(NamedTuple):
    """A table of its own below the first."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def timed(work: Callable[[], Any]) -> Seconds:
    """Time a call in this process; processors of child processes that it waits for are counted."""
    wall, cpu = time.perf_counter(), _cpu()
    work()
    return Seconds(time.perf_counter() - wall, _cpu() - cpu)


def _cpu() -> float:
    return sum(os.times()[:4])


def interleaved(works: Mapping[str, Callable[[], Seconds | None]], rounds: int) -> dict[str, list[Seconds]]:
    """Time each of several works in turn, round by round, the order reversed in every other round.

    A work may return what it timed itself; else the whole call counts.
    """
    taken: dict[str, list[Seconds]] = {name: [] for name in works}
    for number in range(rounds):
        for name, work in list(works.items())[:: -1 if number % 2 else 1]:
            own: list[Seconds | None] = []
            whole = timed(lambda work=work, own=own: own.append(work()))
            taken[name].append(own[0] or whole)
            print(f"  round {number + 1}: {name} {taken[name][-1].wall:.2f} s ({taken[name][-1].cpu:.2f} s of CPU)")
    return taken


def median(taken: Sequence[Seconds]) -> Seconds:
    return Seconds(statistics.median(t.wall for t in taken), statistics.median(t.cpu for t in taken))


def ratio(ours: Sequence[Seconds], peer: Sequence[Seconds]) -> Seconds:
    """Median over the rounds of our time by theirs."""
    return median([Seconds(a.wall / b.wall, a.cpu / b.cpu) for a, b in zip(ours, peer, strict=True)])


def peer_command(*arguments: str | Path) -> list[str]:
    if not PEERS.is_file():
        raise SystemExit(f"There are no peers in {PEERS.parents[1]}; `make bench` puts them there.")
    return [str(PEERS), str(HERE / "peer.py"), *map(str, arguments)]


def peer(*arguments: str | Path) -> Any:
    """Run ``peer.py`` in the peers' environment; returns the JSON of its last line."""
    done = subprocess.run(peer_command(*arguments), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peer_name(package: str) -> str:
    return f"{package.removesuffix('-cpu')} {peer('versions', package)[package]}"


def machine() -> str:
    """The processor, cores that this process may use, and memory."""
    cpuinfo = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if cpuinfo.is_file():
        names = [
            line.partition(":")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0].strip() if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {cores} cores, {memory:.0f} GiB of memory, {platform.system()}"


def record(script: str, rows: Sequence[Row], tables: Sequence[Table] = ()) -> None:
    """Print results and leave them for ``report.py``.

    Parameters
    ----------
    script : str
        ``__file__`` of the benchmark.
    """
    rows = [row._replace(met=None if row.met is None else bool(row.met)) for row in rows]  # of numpy's booleans
    for row in rows:
        verdict = {None: "", True: "; met", False: "; MISSED"}[row.met]
        against = f" against {row.against}" if row.against else ""
        print(f"{row.what}{against}: {row.measured}; target {row.target or 'none'}{verdict}")
    RESULTS.mkdir(exist_ok=True)
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": {
            "Python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in OWN_PACKAGES},
        },
        "rows": [row._asdict() for row in rows],
        "tables": [table._asdict() for table in tables],
    }
    path = RESULTS / f"{Path(script).stem}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")

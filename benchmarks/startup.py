"""Import, opening and bundle size against the numbers of the design, section 8.

Times are medians over fresh processes; the import is compared with ``import ipywidgets`` in the same run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import simwidget
from common import Row, record
from synthetic import make_project

HEAVY = ("torch", "numba", "bqplot", "pandas", "pynndescent", "open_clip", "scipy", "sklearn")

IMPORT = """
import sys, time
start = time.perf_counter()
import ipywidgets
middle = time.perf_counter()
import simwidget
end = time.perf_counter()
heavy = [m for m in %r if m in sys.modules]
simwidget.Project, simwidget.Explorer
used = time.perf_counter()
import json
print(json.dumps([middle - start, end - middle, used - end, heavy]))
"""

OPEN = """
import json, sys, time
import simwidget as sw
sw.Project, sw.Explorer
start = time.perf_counter()
project = sw.Project.open(sys.argv[1])
middle = time.perf_counter()
explorer = sw.Explorer(project)
end = time.perf_counter()
session, brushes = explorer._session, []
for high in [0.0001, 0.01, 0.1, 0.2, 0.3] * 4:
    begin = time.perf_counter()
    session.set_filters({"Uniqueness": (0, high)})
    brushes.append(time.perf_counter() - begin)
print(json.dumps([middle - start, end - middle, sorted(brushes)[len(brushes) // 2],
                  [m for m in ("torch", "numba") if m in sys.modules]]))
"""


def fresh(code: str, *arguments: str) -> list:
    """What a fresh Python process prints as JSON."""
    command = [sys.executable, "-c", code, *arguments]
    # Where this is set, and `make` has installed without compiling, each process would compile all it imports anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--project", type=Path, help="a project made by synthetic.py, to save the time to make one")
    arguments = parser.parse_args()

    runs = [fresh(IMPORT % (HEAVY,)) for _ in range(7)]
    over = statistics.median(run[1] for run in runs)
    base = statistics.median(run[0] for run in runs)
    used = statistics.median(run[2] for run in runs)
    heavy = ", ".join(runs[0][3])

    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.project or Path(scratch, "project")
        if arguments.project is None:
            make_project(folder, arguments.items)
        runs = [fresh(OPEN, str(folder)) for _ in range(5)]
    opened, constructed, brush = (statistics.median(run[i] for run in runs) for i in range(3))
    loaded = ", ".join(runs[0][3])
    bundle = (Path(simwidget.__file__).parent / "static" / "widget.js").read_bytes()
    minified, zipped = len(bundle) / 1000, len(gzip.compress(bundle)) / 1000
    rows = [
        Row(
            "`import simwidget`",
            "≤ 0.3 s over `import ipywidgets`; nothing heavy",
            f"{over:.4f} s over its {base:.2f} s; {heavy or 'nothing heavy'} imported",
            over <= 0.3 and not heavy,
        ),
        Row("First use of Project and Explorer, which loads bqplot", "", f"{used:.2f} s"),
        Row(
            f"Open a built project of {arguments.items:,} and construct Explorer",
            "≤ 1 s; no torch, no numba",
            f"{opened:.2f} s and {constructed:.2f} s; {loaded or 'neither'} imported",
            opened + constructed <= 1 and not loaded,
        ),
        Row(
            f"Brush to new view, with an Explorer on a real project of {arguments.items:,}",
            "≤ 15 ms at 100,000",
            f"{1000 * brush:.1f} ms",
            1000 * brush <= 15,
        ),
        Row("Bundle, minified", "≤ 120 kB", f"{minified:.1f} kB ({zipped:.1f} kB gzipped)", minified <= 120),
    ]
    record(__file__, rows)


if __name__ == "__main__":
    main()

"""Run every benchmark, then write docs/benchmarks.md; a failure of one does not stop the others."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from common import HERE, RESULTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="a folder with photos/ and cifar/, the latter as perceptual.py says"
    )
    data = parser.parse_args().data
    photos, cifar = data / "photos", data / "cifar"
    without_data = [["startup.py"], ["latency.py"], ["gallery.py"]]
    with_data = [
        ["perceptual.py", data],
        ["build.py", photos],
        ["folder.py", cifar],
        ["graph.py", "--photos", photos],
        ["hnsw.py", "--photos", photos],
    ]
    if not (photos.is_dir() and cifar.is_dir()):
        print(f"{data} has no photos/ and cifar/, so what needs them is left out: make bench DATA=folder")
        with_data = [["graph.py"], ["hnsw.py"]]
    shutil.rmtree(RESULTS, ignore_errors=True)
    failed = []
    for script, *arguments in [*without_data, *with_data, ["cost.py"], ["report.py"]]:
        print(f"\n== {script}", flush=True)
        command = [sys.executable, str(HERE / script), *map(str, arguments)]
        if subprocess.run(command, check=False).returncode:
            failed.append(script)
    if failed:
        raise SystemExit(f"These failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

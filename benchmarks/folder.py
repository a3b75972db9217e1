"""A folder of small images to Uniqueness, against the near-duplicate checks of cleanvision and imagededup.

Each run is a whole process from its start, imports included, with the tool's defaults; ours builds a project that
does not exist yet, with the built-in embedder. The tools take turns. The images were read once before, so that none
pays for the disk.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from common import Row, interleaved, median, peer_command, peer_name, ratio, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS = """
import sys
import simwidget as sw
project = sw.Project.from_folder(sys.argv[1], embedder="perceptual", project_dir=sys.argv[2], progress=False)
print(project.uniqueness.mean())
"""
LIMIT = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder of small images, such as CIFAR as JPEG files")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    files = [path for path in folder.rglob("*.*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    for path in files:
        path.read_bytes()

    def run(command: Sequence[str]) -> None:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise SystemExit(f"{command} failed:\n{done.stderr.decode(errors='replace')[-2000:]}")

    def ours() -> None:
        with tempfile.TemporaryDirectory() as project:
            run([sys.executable, "-c", OURS, str(folder), project])

    works: dict[str, Callable[[], None]] = {
        "simwidget": ours,
        "cleanvision": lambda: run(peer_command("cleanvision", folder)),
        "imagededup": lambda: run(peer_command("phash", folder)),
    }
    taken = interleaved(works, arguments.rounds)
    mine = median(taken["simwidget"])
    rows = []
    for package, what in (("cleanvision", "near-duplicate check"), ("imagededup", "PHash.find_duplicates")):
        share, theirs = ratio(taken["simwidget"], taken[package]), median(taken[package])
        rows.append(
            Row(
                f"Folder to Uniqueness, {len(files):,} small images",
                f"≤ {LIMIT} × its time" if package == "cleanvision" else "",
                f"{share.wall:.2f} × ({mine.wall:.1f} s against {theirs.wall:.1f} s; CPU {share.cpu:.2f} ×, "
                f"{mine.cpu:.1f} s against {theirs.cpu:.1f} s)",
                share.wall <= LIMIT if package == "cleanvision" else None,
                f"{peer_name(package)}, {what}",
            )
        )
    record(__file__, rows)


if __name__ == "__main__":
    main()

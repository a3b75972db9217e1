"""Make docs/benchmarks.md and the README's table of what the benchmarks left in benchmarks/results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from common import HERE, PEER_PACKAGES, PEERS, RESULTS, peer

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = HERE.parent / "docs" / "benchmarks.md"
README = HERE.parent / "README.md"
MARKS = ("<!-- written by make bench -->\n", "<!-- end -->\n")
# What of it the README shows, by the beginning of the row, in its order.
HEADLINES = (
    "`import simwidget`",
    "Open a built project",
    "Bundle",
    "Reading stage",
    "Folder to Uniqueness",
    "Warm graph build, 60,000 crops",
    "Recall of the graph, first neighbor / first ten, 60,000 crops",
    "Similar items",
    "Brush to new view, 1",
    "Mouse-up of the brush",
    "Longest task while scrolling",
    "Copies of 143 photos find their source first, 15 kinds",
    "Average precision",
)
# In the order of the page.
SCRIPTS = ("startup", "perceptual", "build", "graph", "hnsw", "folder", "latency", "gallery", "cost")
INTRO = """\
# Benchmarks

Written by `make bench` from what its scripts measured; every figure comes from a run on the machine named below.
`make bench DATA=folder` takes the photos and CIFAR images that some scripts need from another folder. Each script
says in its first lines how it measures, and runs alone as well: `python benchmarks/latency.py --help`.

Ratios are medians over rounds in which simwidget and its peer take turns, and the seconds beside them are medians
of each alone, so they need not divide to the ratio. Other programs on the machine disturb times by the clock far
more than seconds of processors ("CPU"). Peers run in an environment of their own
(`benchmarks/requirements-peers.txt`), with their defaults but for what a script names. imagededup is installed
without torch and torchvision, which its hashing does not use, and so starts faster than as it comes.
"""
PICTURE = """\
![Cost against the number of images, both axes logarithmic](images/cost.png)
"""


def as_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def page(results: dict[str, dict[str, Any]], peers: dict[str, str]) -> str:
    """Write the page.

    Parameters
    ----------
    results : dict
        Script -> what it recorded.
    peers : dict
        Package -> version.
    """
    machines = sorted({result["machine"] for result in results.values()})
    dates = sorted({result["date"] for result in results.values()})
    versions: dict[str, set[str]] = {}
    for result in results.values():
        for package, version in result["versions"].items():
            versions.setdefault(package, set()).add(version)
    words = [f"{package} {' and '.join(sorted(found))}" for package, found in versions.items()]
    rows, tables = [], []
    verdicts = {None: "", True: "yes", False: "**no**"}
    for script, result in results.items():
        for row in result["rows"]:
            cells = (row["what"], row["target"], row["measured"], verdicts[row["met"]], row["against"])
            rows.append([*cells, f"`{script}.py`"])
        tables += [
            f"## {table['title']}\n\n{as_table(table['header'], table['rows'])}" for table in result["tables"]
        ]
    missing = [f"`{script}.py`" for script in SCRIPTS if script not in results]
    return "\n".join(
        [
            INTRO,
            f"- Machine: {'; '.join(machines)}",
            f"- Versions: {', '.join(words)}",
            f"- Peers: {', '.join(f'{package} {version}' for package, version in peers.items())}",
            f"- Measured on: {', '.join(dates)}",
            *([f"- Not measured here: {', '.join(missing)}"] if missing else []),
            "",
            as_table(["what", "target", "measured", "met", "against", "script"], rows),
            *([PICTURE] if "cost" in results else []),
            *tables,
        ]
    )


def headlines(results: dict[str, dict[str, Any]]) -> str:
    """The table of the README: rows with a goal, the most telling ones."""
    lines = []
    for beginning in HEADLINES:
        for script, result in results.items():
            for row in result["rows"]:
                if row["what"].startswith(beginning) and row["target"]:
                    what = f"{row['what']}, against {row['against']}" if row["against"] else row["what"]
                    missed = "" if row["met"] else " (**missed**)"
                    lines.append([what, row["measured"] + missed, row["target"], f"`{script}.py`"])
    return as_table(["what", "measured", "goal", "script"], lines)


def main() -> None:
    files = {script: RESULTS / f"{script}.json" for script in SCRIPTS}
    results = {
        script: json.loads(file.read_text(encoding="utf-8")) for script, file in files.items() if file.is_file()
    }
    peers = peer("versions", *PEER_PACKAGES) if PEERS.is_file() else {}
    PAGE.write_text(page(results, peers), encoding="utf-8")
    before, rest = README.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text(before + MARKS[0] + headlines(results) + MARKS[1] + after, encoding="utf-8")
    print(f"{PAGE} has the table of {', '.join(results)}.")


if __name__ == "__main__":
    main()

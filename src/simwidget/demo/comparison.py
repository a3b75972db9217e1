"""What a project found, against what was planted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simwidget.demo.copies import EXACT, NEAR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simwidget.demo.truth import Truth
    from simwidget.project import Project

EXACTLY = 1e-4
"""Cosine distance up to which two items count as the same image."""


@dataclass(frozen=True)
class Found:
    """Planted copies of one kind, and how many of them were found."""

    kind: str
    planted: int
    exact: int
    """Uniqueness at most 1e-4, and in one group at that threshold."""
    near: int
    """Uniqueness within the embedder's near-duplicate radius, and in one group at that threshold."""


@dataclass(frozen=True)
class Report:
    """A project measured against the truth of a demo set; ``str()`` makes a table of it."""

    rows: tuple[Found, ...]
    radius: float
    """The embedder's near-duplicate radius, a cosine distance."""
    false_exact: tuple[tuple[str, str], ...]
    """Pairs grouped at 1e-4 that are no copies of each other; POSIX paths relative to the demo folder."""
    false_near: tuple[tuple[str, str], ...]
    """The same at the near-duplicate radius."""
    unreadable: Found

    def __str__(self) -> str:
        head = ("", "planted", "the same image", f"within {self.radius:g}")
        total = Found(
            "all copies", *(sum(getattr(row, name) for row in self.rows) for name in ("planted", "exact", "near"))
        )
        lines = [(row.kind, f"{row.planted}", f"{row.exact}", f"{row.near}") for row in (*self.rows, total)]
        lines.append(("false pairs", "", f"{len(self.false_exact)}", f"{len(self.false_near)}"))
        lines.append(("unreadable files", f"{self.unreadable.planted}", f"{self.unreadable.exact}", ""))
        widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))

        def row(line: tuple[str, ...]) -> str:
            cells = [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]
            return "  ".join(cells).rstrip()

        table = [row(line) for line in lines]
        return "\n".join([row(head), rule, *table[: len(self.rows)], rule, *table[len(self.rows) :]])


def compare(project: Project, truth: Truth) -> Report:
    """Measure a project against the truth of the demo set it was built from.

    Parameters
    ----------
    project : Project
        Built from the set's folder.
    truth : Truth
        As returned by :func:`~simwidget.demo.draw`, or read with ``Truth.read(folder)``.

    Returns
    -------
    Report
        Copies of which a file has been deleted since are not counted as planted.
    """
    root = truth.folder.resolve()

    def name(path: Path) -> str:
        return path.resolve().relative_to(root).as_posix()

    uniqueness = dict(zip(map(name, project.paths), project.uniqueness.tolist(), strict=True))
    family = {copy.path: group.source for group in truth.groups for copy in group.copies}
    found: dict[float, dict[str, str]] = {}
    false: dict[float, tuple[tuple[str, str], ...]] = {}
    for threshold in (EXACTLY, project.near_duplicate_radius):
        keepers: dict[str, str] = {}
        pairs = []
        for group in project.duplicates(threshold):
            keeper = name(group.keeper)
            for member in [keeper, *map(name, group.duplicates)]:
                keepers[member] = keeper
                if family.get(member, member) != family.get(keeper, keeper):
                    pairs.append((keeper, member))
        found[threshold], false[threshold] = keepers, tuple(pairs)

    def count(kind: str) -> Found:
        pairs = [pair for pair in _pairs(truth, kind) if all(path in uniqueness for path in pair)]

        def together(threshold: float) -> int:
            keepers = found[threshold]
            return sum(
                min(uniqueness[source], uniqueness[copy]) <= threshold
                and source in keepers
                and keepers[source] == keepers.get(copy)
                for source, copy in pairs
            )

        return Found(kind, len(pairs), together(EXACTLY), together(project.near_duplicate_radius))

    failed = {name(item.path) for item in project.failed}
    caught = len(failed.intersection(truth.unreadable))
    return Report(
        rows=tuple(count(kind) for kind in EXACT + NEAR),
        radius=project.near_duplicate_radius,
        false_exact=false[EXACTLY],
        false_near=false[project.near_duplicate_radius],
        unreadable=Found("unreadable files", len(truth.unreadable), caught, caught),
    )


def _pairs(truth: Truth, kind: str) -> Iterator[tuple[str, str]]:
    """Source and copy of every planted duplicate of a kind."""
    for group in truth.groups:
        for copy in group.copies:
            if copy.kind == kind:
                yield group.source, copy.path

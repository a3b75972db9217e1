"""The ``simwidget`` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import simwidget
from simwidget.errors import SimwidgetError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process when not given.

    Returns
    -------
    int
        Exit status: 0, or 1 after an error, which is one line on standard error. Wrong usage leaves
        through ``SystemExit`` with status 2, as argparse does; Ctrl-C gives 130.
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except (SimwidgetError, OSError) as error:
        print(f"simwidget: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("simwidget: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simwidget", description="Find near-duplicates, edge cases and wrong labels in image data sets."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {simwidget.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="draw a set of images with planted duplicates and find them",
        description="Draw a set of images with planted duplicates, build a project of it and print what it "
        "found against what was planted. A set that is there already is used as it is.",
    )
    demo.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("simwidget-demo"),
        help="where to put it (default: %(default)s)",
    )
    demo.add_argument("--seed", type=int, default=0, help="another seed draws other images (default: %(default)s)")
    demo.add_argument("--no-build", action="store_true", help="only draw")
    demo.set_defaults(run=_demo)
    return parser


def _demo(arguments: argparse.Namespace) -> None:
    """Draw the demo set, build the project and print what it found."""
    from simwidget.demo import compare, draw
    from simwidget.demo.truth import FILE_NAME

    folder: Path = arguments.folder
    there = (folder / FILE_NAME).exists()
    truth = draw(folder, seed=arguments.seed)
    files = len(truth.labels) + len(truth.odd) + len(truth.unreadable)
    print(f"{folder}: {files} files, {truth.copies} of them planted duplicates", end="")
    print(" (drawn before, nothing to do)." if there else ".")
    if arguments.no_build:
        return
    from simwidget.project import Project

    project = Project.from_folder(folder, labels="folder", embedder="perceptual")
    try:
        print(f"\nFound among {len(project)} images by the {project.embedder_name} embedder:\n")
        print(compare(project, truth))
    finally:
        project.close()
    print(
        "\nNow look at them in a notebook:\n\n"
        "    import simwidget as sw\n"
        f'    project = sw.Project.from_folder({str(folder)!r}, labels="folder", embedder="perceptual")\n'
        "    sw.Explorer(project)"
    )


if __name__ == "__main__":
    sys.exit(main())

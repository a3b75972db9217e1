"""The notebook on deleting duplicates, run from top to bottom in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from running import NOTEBOOKS, assert_ran, run_notebook

from simwidget import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEW = {"landscape": 10, "night": 8, "tile": 12}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[nbformat.NotebookNode, Path, Path]]:
    """The notebook after its run beside a small demo set, that set, and the copy while the kernel still lives."""
    root = tmp_path_factory.mktemp("duplicates")
    with run_notebook("duplicates.ipynb", root, FEW) as notebook:
        (photos,) = (root / "tmp").glob("simwidget-*/photos")
        yield notebook, root / "demo", photos


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of every file of a set by its path; nothing of the project in it."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".simwidget" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def printed(notebook: nbformat.NotebookNode, source: str) -> str:
    """What the cell with this in its source printed and gave."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source)
    return "".join(
        output.text if output.output_type == "stream" else output.data.get("text/plain", "")
        for output in cell.outputs
    )


def test_every_cell_ran_and_the_explorer_was_shown(executed: tuple[nbformat.NotebookNode, Path, Path]) -> None:
    notebook, _, _ = executed
    assert_ran(notebook)


def test_all_that_was_deleted_is_back(executed: tuple[nbformat.NotebookNode, Path, Path]) -> None:
    notebook, folder, photos = executed
    assert contents(photos) == contents(folder)
    project = Project.open(photos)
    tagged = project.tags["duplicate"]
    count = len(project)
    assert tagged == sorted(path for group in project.duplicates() for path in group.duplicates)
    assert len(project.tags["keep"]) == 1
    project.close()
    assert f"{count} images, now {count - len(tagged)}; 0 groups are left." in printed(notebook, "deletion =")
    assert printed(notebook, "restored =") == (
        f"{len(tagged)} files are back: {count} images, {len(tagged)} tagged.\n"
    )
    assert f"Would delete {len(tagged)} images (" in printed(notebook, "dry_run=True")


def test_the_chosen_image_stays(executed: tuple[nbformat.NotebookNode, Path, Path]) -> None:
    notebook, _, photos = executed
    with Project.open(photos) as project:
        (kept,) = project.tags["keep"]
        keepers = {group.keeper for group in project.duplicates()}
    assert kept in keepers
    assert f"now it is {kept.name}." in printed(notebook, "project.keep(")


def test_the_demo_set_is_not_touched(executed: tuple[nbformat.NotebookNode, Path, Path]) -> None:
    _, folder, _ = executed
    assert not (folder / ".simwidget").exists()


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOKS / "duplicates.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]

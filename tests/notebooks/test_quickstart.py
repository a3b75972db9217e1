"""The quickstart notebook, run from top to bottom in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from running import NOTEBOOKS, assert_ran, run_notebook

from simwidget import Project, demo
from simwidget.demo.copies import EXACT

if TYPE_CHECKING:
    from pathlib import Path

FEW = {"landscape": 10, "night": 8, "tile": 12}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook after its run beside a small demo set, and the folder of that set."""
    root = tmp_path_factory.mktemp("quickstart")
    with run_notebook("quickstart.ipynb", root, FEW) as notebook:
        return notebook, root / "demo"


def test_every_cell_ran_and_the_explorer_was_shown(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = executed
    assert_ran(notebook)


def test_all_planted_copies_that_are_the_same_image_are_tagged(
    executed: tuple[nbformat.NotebookNode, Path],
) -> None:
    _, folder = executed
    truth = demo.Truth.read(folder)
    project = Project.open(folder)
    tagged = {path.relative_to(folder).as_posix() for path in project.tags["duplicate"]}
    for group in truth.groups:
        same = [copy.path for copy in group.copies if copy.kind in EXACT]
        # One of the group stays, whichever of them is the best.
        assert len({group.source, *same} - tagged) == 1, group
    assert not tagged & set(truth.odd)
    project.close()


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]

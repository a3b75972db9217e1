"""The quickstart notebook, run from top to bottom in a real kernel."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from simwidget import Project, demo
from simwidget.demo.copies import EXACT

QUICKSTART = Path(__file__).resolve().parents[2] / "notebooks" / "quickstart.ipynb"
FEW = {"landscape": 10, "night": 8, "tile": 12}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook after its run beside a small demo set, and the folder of that set."""
    root = tmp_path_factory.mktemp("quickstart")
    demo.draw(root / "demo", counts=FEW, progress=False)
    (root / "notebooks").mkdir()
    shutil.copy(QUICKSTART, root / "notebooks")
    notebook = nbformat.read(QUICKSTART, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(root / "notebooks")}}
    )
    client.execute()
    return notebook, root / "demo"


def test_every_cell_ran_and_the_explorer_was_shown(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = executed
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = next(cell for cell in code if cell.source.endswith("\nexplorer"))
    assert "application/vnd.jupyter.widget-view+json" in shown.outputs[-1].data
    assert not [o for cell in code for o in cell.outputs if o.output_type == "stream" and "Warning" in o.text]


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
    notebook = nbformat.read(QUICKSTART, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]

"""The notebook on wrong labels, run from top to bottom in a real kernel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from simwidget import Project, demo

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "labels.ipynb"
FEW = {"landscape": 14, "night": 10, "tile": 14}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[nbformat.NotebookNode, Path, Project]]:
    """The notebook after its run beside a small demo set, that set, and its project while the kernel lives."""
    root = tmp_path_factory.mktemp("labels")
    demo.draw(root / "demo", counts=FEW, progress=False)
    (root / "tmp").mkdir()
    (root / "notebooks").mkdir()
    shutil.copy(NOTEBOOK, root / "notebooks")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(root / "notebooks")}}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(root / "tmp"))
        with client.setup_kernel():
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number)
            (project_dir,) = (root / "tmp").glob("simwidget-*/project")
            with Project.open(project_dir) as project:
                yield notebook, root / "demo", project


def test_every_cell_ran_and_the_explorer_was_shown(
    executed: tuple[nbformat.NotebookNode, Path, Project],
) -> None:
    notebook, _, _ = executed
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = next(cell for cell in code if cell.source.endswith("\nexplorer"))
    assert "application/vnd.jupyter.widget-view+json" in shown.outputs[-1].data
    assert not [o for cell in code for o in cell.outputs if o.output_type == "stream" and "Warning" in o.text]


def test_suspects_in_a_wrong_folder_have_the_right_label(
    executed: tuple[nbformat.NotebookNode, Path, Project],
) -> None:
    notebook, folder, project = executed
    truth = demo.Truth.read(folder)
    label_of = dict(zip(project.relative_paths, project.labels, strict=True))
    corrected = [scene for scene in truth.mislabelled if label_of[scene.path] == scene.true]
    assert corrected
    told = "".join(o.text for cell in notebook.cells for o in cell.get("outputs", ()) if o.output_type == "stream")
    assert f"{len(corrected)} of {len(truth.mislabelled)} have the right label now." in told
    # No label but these is another than that of its folder.
    wrong = {scene.path for scene in truth.mislabelled}
    for path, label in label_of.items():
        assert path in wrong or label == path.split("/")[0]


def test_the_demo_set_is_not_touched(executed: tuple[nbformat.NotebookNode, Path, Project]) -> None:
    _, folder, _ = executed
    assert not (folder / ".simwidget").exists()


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]

"""The notebook on wrong labels, run from top to bottom in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from running import NOTEBOOKS, assert_ran, run_notebook

from simwidget import Project, demo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEW = {"landscape": 14, "night": 10, "tile": 14}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[nbformat.NotebookNode, Path, Project]]:
    """The notebook after its run beside a small demo set, that set, and its project while the kernel lives."""
    root = tmp_path_factory.mktemp("labels")
    with run_notebook("labels.ipynb", root, FEW) as notebook:
        (project_dir,) = (root / "tmp").glob("simwidget-*/project")
        with Project.open(project_dir) as project:
            yield notebook, root / "demo", project


def test_every_cell_ran_and_the_explorer_was_shown(
    executed: tuple[nbformat.NotebookNode, Path, Project],
) -> None:
    notebook, _, _ = executed
    assert_ran(notebook)


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
    notebook = nbformat.read(NOTEBOOKS / "labels.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]

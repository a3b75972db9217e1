"""Notebooks run from top to bottom in a real kernel, beside a small demo set."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from simwidget import demo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@contextmanager
def run_notebook(name: str, root: Path, counts: Mapping[str, int]) -> Iterator[nbformat.NotebookNode]:
    """Run a notebook in a folder, with the set in ``demo`` below it; give it while its kernel lives."""
    demo.draw(root / "demo", counts=dict(counts), progress=False)
    for folder in ("tmp", "notebooks"):
        (root / folder).mkdir()
    shutil.copy(NOTEBOOKS / name, root / "notebooks")
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(root / "notebooks")}}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(root / "tmp"))
        with client.setup_kernel():
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number)
            yield notebook


def assert_ran(notebook: nbformat.NotebookNode) -> None:
    """Every cell ran, in order and without a warning, and the Explorer was shown."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = next(cell for cell in code if cell.source.endswith("\nexplorer"))
    assert "application/vnd.jupyter.widget-view+json" in shown.outputs[-1].data
    assert not [o for cell in code for o in cell.outputs if o.output_type == "stream" and "Warning" in o.text]

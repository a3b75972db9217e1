"""The notebook on charts, run from top to bottom in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running import run_notebook

from simwidget import Project

if TYPE_CHECKING:
    from pathlib import Path

    import nbformat


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook after its run beside a small demo set, and that set."""
    root = tmp_path_factory.mktemp("analytics")
    with run_notebook("analytics.ipynb", root, {"landscape": 14, "night": 10, "tile": 6}) as notebook:
        return notebook, root / "demo"


def outputs(notebook: nbformat.NotebookNode, source: str) -> list[nbformat.NotebookNode]:
    found: list[nbformat.NotebookNode] = next(c.outputs for c in notebook.cells if c.source.endswith(source))
    return found


def test_the_charts_and_the_explorer_were_shown(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = executed
    for source in ("\nanalytics", "explorer"):
        assert "application/vnd.jupyter.widget-view+json" in outputs(notebook, source)[-1].data
    streams = [o.text for cell in notebook.cells for o in cell.get("outputs", ()) if o.output_type == "stream"]
    assert not any("Warning" in text for text in streams)


def test_what_it_prints_is_what_the_project_holds(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, folder = executed
    with Project.open(folder) as project:
        dark = project.metrics["Brightness"] <= 0.25
        expected = sum(label == "night" and is_dark for label, is_dark in zip(project.labels, dark, strict=True))
        assert outputs(notebook, "len(explorer.view)")[-1].data["text/plain"] == str(expected)
        assert f"({len(project)}, 2)" in outputs(notebook, ".round(3)")[-1].data["text/plain"]
        fewest = min(set(project.labels), key=project.labels.count)
        assert str(fewest) in outputs(notebook, ".tail(3)")[-1].data["text/plain"].splitlines()[-2]

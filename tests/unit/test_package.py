"""What importing simwidget gives and costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import simwidget


def test_import_is_cheap() -> None:
    heavy = [
        "torch",
        "numba",
        "bqplot",
        "pandas",
        "pynndescent",
        "open_clip",
        "scipy",
        "ipywidgets",
        "PIL",
        "numpy",
    ]
    code = f"import sys, simwidget; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_there() -> None:
    for name in simwidget.__all__:
        assert getattr(simwidget, name)
    assert dir(simwidget) == sorted(simwidget.__all__)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="Explore"):
        simwidget.Explore  # noqa: B018

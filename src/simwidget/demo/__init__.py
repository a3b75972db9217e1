"""A demo set to try simwidget on: generative scenes with planted duplicates, whose truth is known.

>>> from simwidget import Project, demo
>>> truth = demo.draw("demo-photos")
>>> project = Project.from_folder("demo-photos", labels="folder", embedder="perceptual")
>>> print(demo.compare(project, truth))
"""

from __future__ import annotations

from simwidget.demo.comparison import Found, Report, compare
from simwidget.demo.drawing import draw
from simwidget.demo.truth import Copy, Group, Mislabelled, Truth

__all__ = ["Copy", "Found", "Group", "Mislabelled", "Report", "Truth", "compare", "draw"]

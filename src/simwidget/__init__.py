"""Find near-duplicates, edge cases and wrong labels in image data sets, in a Jupyter widget.

>>> import simwidget as sw
>>> project = sw.Project.from_folder("photos/")
>>> sw.Explorer(project)

Names are loaded when they are first used, so that ``import simwidget`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simwidget.errors import SimwidgetError
    from simwidget.project import Project
    from simwidget.widgets.analytics import Analytics
    from simwidget.widgets.explorer import Explorer
    from simwidget.widgets.gallery import Gallery

    __version__: str

__all__ = ["Analytics", "Explorer", "Gallery", "Project", "SimwidgetError", "__version__"]

_MODULES = {
    "Analytics": "simwidget.widgets.analytics",
    "Explorer": "simwidget.widgets.explorer",
    "Gallery": "simwidget.widgets.gallery",
    "Project": "simwidget.project",
    "SimwidgetError": "simwidget.errors",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("simwidget")
    elif name in _MODULES:
        value = getattr(import_module(_MODULES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

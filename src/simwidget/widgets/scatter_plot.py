"""Points drawn by jupyter-scatter, on the graphics card: the only module that imports it, and only to draw."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from simwidget.errors import SimwidgetError
from simwidget.widgets.analytics_colors import BLUE, GRAY
from simwidget.widgets.charts import HEIGHT, MAP_HEIGHT, point_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ipywidgets
    import numpy.typing as npt

    from simwidget.widgets.analytics_colors import PointColors

_STEPS = 32  # that a mix of two colors is rounded to
_CLEAR = (1.0, 1.0, 1.0, 0.0)  # what is behind shows, on dark pages too


def can_draw() -> bool:
    """Whether jupyter-scatter is installed; nothing is imported."""
    return find_spec("jscatter") is not None


class ScatterPlot:
    """Items as points, any number of them.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        Finite.
    colors : PointColors or None
        None for one color.
    axis_names : (str, str) or None
        None for a map, the axes of which mean nothing and are left out.
    on_lasso : callable or None
        Called with the numbers of the points within the lasso, int64; None where there is nothing to select in.

    Attributes
    ----------
    figure : jscatter.widget.JupyterScatter
        The widget.
    why_not : dict of str to str
        Kinds of file as which it cannot be saved from here, and why.

    Raises
    ------
    SimwidgetError
        jupyter-scatter is installed and cannot be loaded.
    """

    why_not: Mapping[str, str] = {
        "PNG": "The button in the plot saves it as PNG",
        "SVG": "Points that the graphics card draws cannot be saved as SVG",
    }

    def __init__(
        self,
        x: npt.NDArray[np.floating],
        y: npt.NDArray[np.floating],
        colors: PointColors | None,
        axis_names: tuple[str, str] | None,
        on_lasso: Callable[[npt.NDArray[np.int64]], None] | None,
    ) -> None:
        try:
            import jscatter
        except ImportError as error:
            raise SimwidgetError(
                f"jupyter-scatter is installed and cannot be loaded: {error}. Mend that, or uninstall it: then a "
                "sample is drawn."
            ) from error

        self._scatter = jscatter.Scatter(
            x.astype(np.float32),
            y.astype(np.float32),
            height=MAP_HEIGHT if axis_names is None else HEIGHT,
            background_color=_CLEAR,
            color=BLUE,
            opacity_by="density",  # else what lies dense is one blot
            opacity_unselected=0.15,
            axes=axis_names is not None,
            axes_labels=False if axis_names is None else list(axis_names),
            mouse_mode="panZoom" if on_lasso is None else "lasso",
            tooltip=False,
            legend=False,
        )
        if colors is not None:
            self.recolor(colors)
        modes = [] if on_lasso is None else ["pan_zoom", "lasso"]
        self.figure: ipywidgets.DOMWidget = self._scatter.show([*modes, "reset", "download"])
        self.figure.axes_color = [int(GRAY[at : at + 2], 16) / 255 for at in (1, 3, 5)] + [1.0]
        if on_lasso is not None:
            self.figure.observe(lambda change: on_lasso(point_numbers(change["new"])), "selection")

    def recolor(self, colors: PointColors) -> None:
        """Draw the same points in other colors."""
        import pandas as pd

        # Each point has a number and each number a color: what is drawn between two colors does not mix them.
        steps, codes = np.unique(np.round(colors.places * _STEPS).astype(np.int64), return_inverse=True)
        categories = pd.Categorical.from_codes(codes.astype(np.int32), categories=pd.RangeIndex(len(steps)))
        self._scatter.color(by=categories, map=[_mixed(colors.palette, step / _STEPS) for step in steps.tolist()])

    def discard(self) -> None:
        """Close the widget."""
        self.figure.close()


def _mixed(palette: tuple[str, ...], place: float) -> str:
    """Color at a place on a palette, as "#rrggbb"."""
    parts = np.array([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in palette], dtype=np.float64)
    red, green, blue = (round(float(np.interp(place, range(len(palette)), part))) for part in parts.T)
    return f"#{red:02x}{green:02x}{blue:02x}"

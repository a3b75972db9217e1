"""Layouts that several panels use; each call makes its own: one that is hidden would hide all that share it."""

from __future__ import annotations

import ipywidgets


def wide() -> ipywidgets.Layout:
    """Layout of a widget that takes the room there is in its row."""
    return ipywidgets.Layout(width="auto", flex="1 1 auto", min_width="0")


def fixed(width: str = "auto", **more: str) -> ipywidgets.Layout:
    """Layout of a widget that neither grows nor shrinks."""
    return ipywidgets.Layout(width=width, flex="0 0 auto", **more)

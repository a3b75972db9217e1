"""The errors that simwidget raises on purpose; each message says what, which item and what to do."""

from __future__ import annotations


class SimwidgetError(Exception):
    """Base class of every error below."""


class NoImagesError(SimwidgetError, ValueError):
    """A source holds no file that could be an image."""


class UnknownNameError(SimwidgetError, KeyError):
    """An item, metric, embedder or tag that the project does not have."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would show the message in quotes


class InvalidValueError(SimwidgetError, ValueError):
    """An argument out of its range or of the wrong shape."""


class EmbedderError(SimwidgetError, RuntimeError):
    """An embedder cannot be loaded, or returned something that is no embedding."""


class ProjectFormatError(SimwidgetError):
    """A project folder that this version of simwidget cannot read."""


class MissingVectorsError(ProjectFormatError):
    """A project folder that lacks embeddings of some of its items."""


class ProjectBusyError(SimwidgetError):
    """Another process is building the same project."""


class TrashError(SimwidgetError):
    """A deletion that cannot be undone as asked; what is in the trash stays there."""

"""The maps of a project, computed in the background. Knows nothing of Jupyter."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from simwidget.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from simwidget.project import Project

_LOG = logging.getLogger(__name__)


class _GivenUpError(Exception):
    """Nobody waits for the map any more."""


class ProjectMap:
    """One map of a project, which may still be in the making.

    Attributes
    ----------
    method : str
    embeddings : ndarray of float32, shape (n, d)
        What it is a map of.
    share : float
        How much is done, in [0, 1].
    positions : ndarray of float32, shape (n, 2), or None
    problem : str
        Why there is none, if it could not be computed.
    """

    def __init__(self, method: str, embeddings: npt.NDArray[np.float32]) -> None:
        self.method, self.embeddings = method, embeddings
        self.share = 0.0
        self.positions: npt.NDArray[np.float32] | None = None
        self.problem = ""

    @property
    def percent(self) -> int:
        """How much is done, in whole percents."""
        return int(100 * self.share)

    def __str__(self) -> str:
        """Say how far it is."""
        of = counted(len(self.embeddings), "image")
        name = self.method.upper()
        if not self.share:
            return f"Starting {name} of {of}…"
        return f"{name} of {of}: {self.percent}%"


class ProjectMaps:
    """Computes the maps of a project, each in a thread of its own, and keeps the latest of each method.

    One that is of embeddings that the project no longer uses is given up, and so are all when this is closed.

    Parameters
    ----------
    project : Project
    on_change : callable
        Called from such a thread with a method, when its map has come on by a percent or more, is there, or has
        failed.
    """

    def __init__(self, project: Project, on_change: Callable[[str], None]) -> None:
        self._project, self._on_change = project, on_change
        self._lock = threading.Lock()  # over what follows
        self._maps: dict[str, ProjectMap] = {}
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def get(self, method: str) -> ProjectMap:
        """Give the map of a method, and begin to compute it where that has not been done; one that failed, anew."""
        embeddings = self._project.embeddings
        with self._lock:
            known = self._maps.get(method)
            if known is not None and known.embeddings is embeddings:
                if known.problem:
                    del self._maps[method]  # it is told now
                return known
            made = self._maps[method] = ProjectMap(method, embeddings)
            # A daemon, so that a notebook can end while UMAP runs, whose process then ends too.
            thread = threading.Thread(target=self._compute, args=(made,), name=f"simwidget-{method}", daemon=True)
            self._threads = [*(thread for thread in self._threads if thread.is_alive()), thread]
            if not self._is_closed:
                thread.start()
        return made

    def settle(self) -> None:
        """Wait until nothing is computed any more."""
        while alive := [thread for thread in self._threads if thread.is_alive()]:
            alive[0].join()

    def close(self) -> None:
        """Give up what is being computed, without waiting for that."""
        self._is_closed = True

    def _compute(self, made: ProjectMap) -> None:
        def step(share: float) -> None:
            if self._is_closed or self._project.embeddings is not made.embeddings:
                raise _GivenUpError
            told, made.share = made.percent, share
            if made.percent > told:
                self._on_change(made.method)

        try:
            made.positions = self._project.map(made.method, step)
        except _GivenUpError:
            pass
        except Exception as error:  # umap-learn is not there, the disk is full
            _LOG.info("simwidget: the map %s could not be computed: %s", made.method, error)
            made.problem = str(error) or type(error).__name__
        if not self._is_closed:
            self._on_change(made.method)

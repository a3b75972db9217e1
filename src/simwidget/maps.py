"""The maps of a project, kept in its folder for as long as they are of the same images and embeddings."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from simwidget.errors import InvalidValueError
from simwidget.projection import MAP_VERSION, pca_map, umap_map
from simwidget.store.files import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from simwidget.pipeline import Built
    from simwidget.store.project_store import ProjectStore


def kept_map(
    store: ProjectStore, built: Built, stored_as: str, method: str, progress: Callable[[float], None]
) -> npt.NDArray[np.float32]:
    """Read a map from the project folder, or compute it and keep it there; see :meth:`simwidget.Project.map`.

    Parameters
    ----------
    store : ProjectStore
    built : Built
        What the map is of.
    stored_as : str
        Name under which the store holds these embeddings.
    method : str
        "pca" or "umap".
    progress : callable
        As for ``Project.map``.

    Returns
    -------
    ndarray of float32, shape (n, 2)

    Raises
    ------
    InvalidValueError, SimwidgetError
        As ``Project.map``.
    """
    if method not in ("pca", "umap"):
        raise InvalidValueError(f"There is no map {method!r}. Choose 'pca' or 'umap'.")
    graph = built.graph
    basis = () if method == "pca" else (graph.indices, graph.distances)
    key = digest(MAP_VERSION, method, stored_as, built.items.ids, built.items.content.tobytes(), *basis)
    name = f"{method} {stored_as}"
    cached = store.load_cached("maps", name, key, ("positions",))
    if cached is not None:
        kept: npt.NDArray[np.float32] = cached["positions"]
        return kept
    if method == "pca":
        positions = pca_map(built.embeddings, progress)
    else:
        positions = umap_map(built.embeddings, graph.indices, graph.distances, progress)
    with suppress(OSError):  # a map that cannot be kept is one all the same
        store.save_cached("maps", name, key, {"positions": positions})
    return positions

"""The questions of a session: items similar to others, to an image or a text, and plain lists. Knows no Jupyter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget.errors import InvalidValueError
from simwidget.imaging import UnreadableImageError
from simwidget.session_view import NEIGHBORS, SessionView
from simwidget.view_state import Query

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from PIL.Image import Image


class SessionSearch(SessionView):
    """The part of :class:`simwidget.session.Session` that puts the answer to a question in view.

    Parameters
    ----------
    project : Project
    """

    def similar_to(
        self,
        ids: Sequence[int],
        k: int = NEIGHBORS,
        label: str = "",
        *,
        radius: float | None = None,
        filtered: bool = False,
    ) -> None:
        """Show the items most like some items, nearest first; filters are set aside until that is left.

        Parameters
        ----------
        ids : sequence of int
        k : int
            How many, at most.
        label : str
            Words for what is asked; default the file name, or the number of items.
        radius : float, optional
            Only items within this cosine distance.
        filtered : bool
            Only items that pass the filters.
        """
        with self.lock:
            label = label or self.words_for(ids)
        asked = tuple(int(item) for item in ids)
        self._search({"query": np.array(asked, dtype=np.int64)}, label, k, radius, filtered, asked)

    def words_for(self, ids: Sequence[int]) -> str:
        """Words for some items that nobody gave others for: the file name, or the number of items."""
        rows = self.project.rows(np.asarray(ids, dtype=np.int64))
        return self.project.title(int(rows[0])) if len(rows) == 1 else f"{len(rows):,} images"

    def similar_to_image(
        self,
        image: Image | bytes | str | os.PathLike[str],
        label: str,
        k: int = NEIGHBORS,
        *,
        radius: float | None = None,
        filtered: bool = False,
    ) -> None:
        """Show the items most like an image from outside, or that of a file or its bytes; see :meth:`similar_to`.

        Raises
        ------
        UnreadableImageError
            With the label and the reason.
        """
        try:
            self._search({"query": image}, label, k, radius, filtered)
        except UnreadableImageError as error:
            raise UnreadableImageError(f"{label}: {error}") from error

    def similar_to_text(
        self, text: str, k: int = NEIGHBORS, *, radius: float | None = None, filtered: bool = False
    ) -> None:
        """Show the items most like what a text says, if the embedder understands it; see :meth:`similar_to`."""
        self._search({"text": text}, f"“{text}”", k, radius, filtered)

    def refine_query(self, *, k: int, radius: float | None, filtered: bool) -> None:
        """Ask once more what the active similarity query asks, for other numbers of items.

        Raises
        ------
        InvalidValueError
            No similarity query is active.
        """
        query = self._state.query
        if query is None or not query.asked:
            raise InvalidValueError("There is no similarity query to refine.")
        self._search(query.asked, query.label.removeprefix("Similar to "), k, radius, filtered, query.ids)

    def _search(
        self,
        asked: Mapping[str, Any],
        label: str,
        k: int,
        radius: float | None,
        filtered: bool,
        ids: tuple[int, ...] = (),
    ) -> None:
        if not isinstance(filtered, bool):
            raise InvalidValueError(f"filtered is True or False, not {filtered!r}.")
        with self.lock:
            embeddings = self.project.embeddings
            within = self.passing() if filtered else None
        found = self.project.similar(k=k, radius=radius, within=within, **asked)
        rows = self.project.rows(found.ids)
        near = None if radius is None else float(radius)
        query = Query(f"Similar to {label}", ids, rows, found.distances, asked, int(k), near, filtered)
        self._change(embeddings, query=query)

    def show_items(self, ids: Sequence[int], label: str) -> None:
        """Show some items, sorted as the view is; filters are set aside until that is left."""
        if not isinstance(label, str):
            raise InvalidValueError(f"The words for a list of images are a text, not {label!r}.")
        with self.lock:
            embeddings = self.project.embeddings
            rows = np.unique(self.project.rows(np.asarray(ids, dtype=np.int64)))
        self._change(embeddings, query=Query(label, (), rows, None))

    def clear_query(self) -> None:
        """Leave the query and go back to filters and sort."""
        if self._state.query is not None:
            self._change(query=None)

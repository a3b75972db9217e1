"""What a project says of duplicates: groups of them, and which image of a group stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simwidget import pipeline
from simwidget.contents import ProjectContents
from simwidget.duplicates import (
    DUPLICATE_THRESHOLD,
    DuplicateGroup,
    DuplicateGroups,
    GroupCache,
    duplicate_reasons,
    group_duplicates,
    item_distances,
)
from simwidget.errors import InvalidValueError
from simwidget.opening import save_settings, stored_rules
from simwidget.queries import checked_distance
from simwidget.words import counted, quoted

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from simwidget.contents import Within
    from simwidget.group_view import Groups
    from simwidget.metrics.ranking import KeepRules
    from simwidget.opening import Opened
    from simwidget.pipeline import Built
    from simwidget.store import ItemTable

_KEEP_TAG = "keep"


class ProjectDuplicates(ProjectContents):
    """The part of :class:`simwidget.Project` that finds duplicates, and lets a person choose who stays.

    Parameters
    ----------
    opened : Opened
    """

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self._cache = GroupCache()

    def duplicates(
        self, threshold: float = DUPLICATE_THRESHOLD, within: Within | None = None, *, across: str | None = None
    ) -> DuplicateGroups:
        """Group duplicates: every member is within ``threshold`` of its keeper, so groups never chain.

        Parameters
        ----------
        threshold : float
            Cosine distance in [0, 1]; 0 for copies only.
        within : items, filters or mask, optional
            Look at these items only: ids or paths; ranges of metrics, such as ``{"Brightness": (0, 0.2)}``; or
            an array of bool of shape (n,).
        across : "split" or "label", optional
            Find the pairs that lie in different splits (or have different labels) instead: each group holds
            an image and all worse-ranked images of other splits within the threshold, so an image may be in
            several. Of the copies of an image in one split only the best has a group.

        Returns
        -------
        DuplicateGroups
            A list of DuplicateGroup, largest first, with ``.bytes_freed`` and ``.to_pandas()``.

        Raises
        ------
        InvalidValueError
            The threshold is out of range, or the project has no splits or labels to look across.
        """
        built, groups = self._find(threshold, within, across)
        found = groups.split()
        found.sort(key=lambda group: (-len(group[1]), built.rank[group[0]]))
        return DuplicateGroups(self._group(built.items, *group) for group in found)

    def leaks(self, threshold: float = DUPLICATE_THRESHOLD) -> tuple[Built, npt.NDArray[np.int64]]:
        """Find the items that are within a threshold of an item of another split.

        These are the images of ``duplicates(threshold, across="split")`` and their copies: of the copies of an
        image in one split such groups have only the best. Raises as :meth:`duplicates`.

        Returns
        -------
        built : Built
            As of :meth:`grouped`.
        rows : ndarray of int64
            Their positions, ascending.
        """
        built, groups = self._find(threshold, None, "split")
        listed = np.zeros(len(built.items.ids), dtype=bool)
        listed[groups.rows] = True
        splits, names = built.items.split_codes
        kinds = built.graph.groups * (len(names) + 1) + splits
        copies = np.isin(kinds, kinds[listed]) & (splits >= 0)
        distinct = self._distinct(built)
        copies[distinct[listed[distinct].any(axis=1)]] = False  # a copy that a person told apart from these
        return built, np.flatnonzero(listed | copies)

    def _find(self, threshold: float, within: Within | None, across: str | None) -> tuple[Built, Groups]:
        checked_distance("threshold", threshold)
        with self.lock:
            built, mask = self._built, self._mask(within)
        return built, group_duplicates(
            built.graph,
            built.embeddings,
            built.rank,
            threshold,
            within=mask,
            across=self._parts(across, built.items),
            distinct=self._distinct(built),
        )

    def grouped(self, threshold: float = DUPLICATE_THRESHOLD) -> tuple[Built, Groups]:
        """Find the groups of :meth:`duplicates` by position, best keeper first; a second call only looks them up.

        Parameters
        ----------
        threshold : float
            As for :meth:`duplicates`.

        Returns
        -------
        built : Built
            The items, embeddings, graph and rank that the positions are of, whatever changes in the project.
        groups : Groups
        """
        checked_distance("threshold", threshold)
        built = self._built
        return built, self._cache.groups(built, threshold, lambda: self._distinct(built))

    def _distinct(self, built: Built) -> npt.NDArray[np.int64]:
        """Pairs of positions of images that a person found to be different, shape (p, 2)."""
        pairs = self._store.decisions.distinct()
        if len(pairs) == 0:  # as a rule, and then the ids need no search
            return pairs
        pairs = pairs[np.isin(pairs, built.items.ids).all(axis=1)]
        return np.searchsorted(built.items.ids, pairs)

    def keep(self, item: int | str | os.PathLike[str], threshold: float = DUPLICATE_THRESHOLD) -> None:
        """Make an item the keeper of its group of duplicates, with a tag that wins over all other rules.

        The tag is that of :meth:`set_keep_rules`, or "keep", which becomes the rule, where none is set. The item
        gets it, and the duplicates that the item has to win over lose it. The tag shows like any other, and
        Uniqueness changes at once: the item keeps the distance to the rest of the world, and its duplicates score
        at most ``threshold``. Take the tag off to leave the choice to the other rules again.

        Parameters
        ----------
        item : int, str or PathLike
            Id or path.
        threshold : float
            As for :meth:`duplicates`: how far from its keeper a member of the group may be.

        Raises
        ------
        InvalidValueError
            The item is in no group, or the threshold is out of range.
        UnknownNameError
            The project has no such item.
        ProjectBusyError
            Another process is building this project, and the tag has to become a rule first.
        """
        rows = self.rows(item).tolist()
        if len(rows) != 1:
            raise InvalidValueError(f"One item at a time can be kept, not {len(rows)}.")
        (row,) = rows
        with self._changing:
            built, groups = self.grouped(threshold)
            group = groups.holding(row)
            if len(group) == 0:
                raise InvalidValueError(
                    f"{self.title(row)!r} has no duplicates within {threshold:g} that it could be kept instead of."
                )
            rules = self.keep_rules if self.keep_rules.tag is not None else self._rules_with_tag()
            assert rules.tag is not None
            tagged = self._names.rows(np.array(self.tagged_ids().get(rules.tag, []), dtype=np.int64))
            # Of another group perhaps, but it would take the item into its own.
            near = tagged[item_distances(built.graph, built.embeddings, row, tagged) <= threshold]
            pairs = self._distinct(built)
            near = np.setdiff1d(near, pairs[(pairs == row).any(axis=1)])
            rivals = np.setdiff1d(np.union1d(near, np.intersect1d(tagged, group)), row)
            if row in tagged and len(rivals) == 0 and rules == self.keep_rules:
                return
            color = self.tag_colors.get(rules.tag)
            self._store.actions.act(
                "keep",
                f"Kept {quoted(self.title(row))} of {counted(len(group), 'image')}",
                {
                    "added": {rules.tag: [] if row in tagged else [int(self.ids[row])]},
                    "removed": {rules.tag: self.ids[rivals].tolist()},
                    "colors": {rules.tag: [color, color]},
                    "rule": [self.keep_rules.tag, rules.tag],
                },
            )
            self._use(self._opened.with_rules(rules, pipeline.Progress(False)))
        self._changed("tags", "metrics", "history")

    def _rules_with_tag(self) -> KeepRules:
        """Rules of keeping with a tag, in the project folder too; the one that it has there, or else "keep"."""
        with self._store.build_lock():
            rules = stored_rules(self._store)
            if rules.tag is None:
                rules = replace(rules, tag=_KEEP_TAG)
                save_settings(self._store, rules=rules)
            return rules

    def _parts(self, across: str | None, items: ItemTable) -> npt.NDArray[np.int64] | None:
        if across is None:
            return None
        if across not in ("split", "label"):
            raise InvalidValueError(f"across is 'split' or 'label', not {across!r}.")
        codes, known = items.split_codes if across == "split" else items.label_codes
        if len(known) < 2:
            has = f"only the {across} {known[0]!r}" if known else f"no {across}s"
            argument = "split" if across == "split" else "labels"
            raise InvalidValueError(
                f"Duplicates across {across}s need two of them; the project has {has}. "
                f"Give them with Project.from_folder(..., {argument}=...)."
            )
        return codes

    def _group(self, items: ItemTable, keeper: int, rows: list[int], distances: list[float]) -> DuplicateGroup:
        base = self._opened.base
        return DuplicateGroup(
            keeper=base / items.paths[keeper],
            duplicates=[base / items.paths[row] for row in rows],
            distances=distances,
            reasons=duplicate_reasons(items, keeper, rows, self.thumbnails),
            keeper_id=int(items.ids[keeper]),
            duplicate_ids=items.ids[rows].tolist(),
            sizes=items.sizes[rows].tolist(),
        )

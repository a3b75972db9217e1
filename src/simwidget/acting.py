"""What people do to a project: tags, labels, verdicts on duplicates, deletions; logged, undone and done again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget import pipeline
from simwidget.deleting import OTHER_ITEMS, ProjectDeletions, cannot_restore
from simwidget.errors import InvalidValueError, TrashError
from simwidget.exporting import write_table
from simwidget.names import checked_name, checked_tag
from simwidget.opening import save_settings, stored_rules
from simwidget.store.actions import DONE, FINAL, OVERTAKEN, UNDONE, Entry
from simwidget.subsetting import make_subset
from simwidget.words import counted, quoted

if TYPE_CHECKING:
    import os
    from datetime import datetime
    from pathlib import Path

    from typing_extensions import Self

    from simwidget.contents import Items
    from simwidget.trash import Refused

_MAX_DISTINCT = 1_000  # images at a time: half a million pairs
_COLOR = re.compile("#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Action:
    """Something that was done to a project.

    Attributes
    ----------
    id : int
        For :meth:`simwidget.Project.restore`.
    time : datetime
        UTC.
    kind : str
        "tag", "untag", "rename tag", "delete tag", "color", "relabel", "keep", "not duplicates", "delete" or
        "restore".
    summary : str
        In words.
    undone : bool
    """

    id: int
    time: datetime
    kind: str
    summary: str
    undone: bool


class ProjectActions(ProjectDeletions):
    """The part of :class:`simwidget.Project` that changes it, and takes changes back."""

    # The log

    @property
    def history(self) -> list[Action]:
        """Everything that was done to the project, oldest first; it is kept in the project folder."""
        return [_action(entry) for entry in self._store.actions.load(changes=False)]

    @property
    def to_undo(self) -> Action | None:
        """What :meth:`undo` would undo; None when there is nothing."""
        entry = self._store.actions.to_undo()
        return None if entry is None else _action(entry)

    @property
    def to_redo(self) -> Action | None:
        """What :meth:`redo` would do again; None when there is nothing."""
        entry = self._store.actions.to_redo()
        return None if entry is None else _action(entry)

    def undo(self) -> Action | None:
        """Undo the latest action that is not undone.

        Returns
        -------
        Action or None
            The one undone; None when there is none.

        Raises
        ------
        TrashError
            Files of a deletion cannot come back, with the reasons; the others are back. One whose files are no
            longer in the trash cannot be undone; the next call goes on with the action before it.
        ProjectBusyError
            Another process is building this project.
        """
        return self._step(backwards=True)

    def redo(self) -> Action | None:
        """Do again what was undone last, unless something else was done since; returns it or None.

        Raises
        ------
        InvalidValueError
            A deletion would now leave no image.
        ProjectBusyError
            Another process is building this project.
        """
        return self._step(backwards=False)

    def _step(self, *, backwards: bool) -> Action | None:
        actions = self._store.actions
        with self._changing:
            state = UNDONE if backwards else DONE
            with actions.transaction():  # in which another process cannot undo the same
                entry = actions.to_undo() if backwards else actions.to_redo()
                if entry is None:
                    return None
                moves_files = "files" in entry.change or "restored" in entry.change
                if not moves_files:
                    actions.apply(entry.change, backwards=backwards)
                    actions.mark(entry.id, state)
            refused: list[Refused] = []
            if moves_files:
                refused = self._step_files(entry, backwards=backwards)
                if not refused:
                    actions.mark(entry.id, state)
                what = set(OTHER_ITEMS)
            else:
                if "rule" in entry.change:
                    self._set_keep_tag(entry.change["rule"][0 if backwards else 1])
                what = self._follow(entry.change)
        self._changed(*what, "history")
        if refused:
            raise cannot_restore(refused)
        return replace(_action(entry), undone=backwards)

    def _step_files(self, entry: Entry, *, backwards: bool) -> list[Refused]:
        """Undo or redo a deletion or the restoring of one; returns the files that are still in the trash."""
        files = entry.change.get("files") or entry.change["restored"]
        deletion = self._store.actions.get(files.get("of", entry.id))
        assert deletion is not None
        if ("files" in entry.change) != backwards:
            self._delete_again(deletion, files["ids"])
            return []
        refused = self._bring_back(deletion)[1]
        if not refused and not np.isin(deletion.change["files"]["ids"], self.ids).any():
            self._store.actions.mark(entry.id, FINAL if backwards else OVERTAKEN)  # the next step skips it
            raise TrashError(f"{entry.summary}: the trash holds none of these files any more.")
        return refused

    def _follow(self, change: dict[str, Any]) -> set[str]:
        """Let what is in memory follow a change in the database; returns what changed, for observers."""
        what = set()
        if "labels" in change:
            self._take_labels()
            what |= {"labels", "metrics"}
        if "pairs" in change:
            self._cache.forget()
            what |= {"metrics"}
        touched = {name for key in ("added", "removed", "colors") for name in change.get(key, {})}
        return what | (self._follow_tags(touched) if touched else set())

    def _set_keep_tag(self, tag: str | None) -> None:
        with self._store.build_lock():
            save_settings(self._store, rules=replace(stored_rules(self._store), tag=tag))
        # Always: the tag that follows may be none, of which _follow_tags has nothing to see.
        opened = self._opened.with_rules(replace(self.keep_rules, tag=tag), pipeline.Progress(False))
        self._use(opened)

    # Tags

    def rename_tag(self, old: str, new: str) -> int:
        """Give a tag another name; where there is a tag of that name already, the two become one.

        Returns
        -------
        int
            How many images had the tag.

        Raises
        ------
        UnknownNameError
            There is no tag ``old``.
        """
        old, new = checked_tag(old), checked_tag(new)
        with self._changing:
            with self._store.actions.transaction():
                moved, there = self._holders(old), self._store.tags.holders(new)
                if old == new:
                    return len(moved)
                colors = self.tag_colors
                color = colors.get(new) if there else colors.get(old)
                self._store.actions.act(
                    "rename tag",
                    f"{'Merged the tag' if there else 'Renamed the tag'} {quoted(old)} "
                    f"{'into' if there else 'to'} {quoted(new)}",
                    {
                        "added": {new: sorted(set(moved) - set(there))},
                        "removed": {old: moved},
                        "colors": {old: [colors.get(old), None], new: [colors.get(new), color]},
                    },
                )
            what = self._follow_tags([old, new])
        self._changed(*what, "history")
        return len(moved)

    def delete_tag(self, name: str) -> int:
        """Take a tag off all images; returns how many had it.

        Raises
        ------
        UnknownNameError
            There is no such tag.
        """
        name = checked_tag(name)
        with self._changing:
            with self._store.actions.transaction():
                ids = self._holders(name)
                self._store.actions.act(
                    "delete tag",
                    f"Deleted the tag {quoted(name)} of {counted(len(ids), 'image')}",
                    {"removed": {name: ids}, "colors": {name: [self.tag_colors.get(name), None]}},
                )
            what = self._follow_tags([name])
        self._changed(*what, "history")
        return len(ids)

    def set_tag_color(self, name: str, color: str | None) -> None:
        """Give a tag a color such as "#d62728"; None takes it away.

        Raises
        ------
        UnknownNameError
            There is no such tag.
        InvalidValueError
            The color has another form.
        """
        name = checked_tag(name)
        if color is not None and not (isinstance(color, str) and _COLOR.fullmatch(color)):
            raise InvalidValueError(f'The color of a tag is written like "#d62728", not {color!r}.')
        color = None if color is None else color.lower()
        with self._changing, self._store.actions.transaction():
            self._holders(name)
            before = self.tag_colors.get(name)
            if before == color:
                return
            said = f"Colored the tag {quoted(name)}" if color else f"Took the color off the tag {quoted(name)}"
            self._store.actions.act("color", said, {"colors": {name: [before, color]}})
        self._changed("tags", "history")

    def _holders(self, name: str) -> list[int]:
        """Ids of the items of a tag, also of files that are gone."""
        ids = self._store.tags.holders(name)
        if not ids:
            self.tags[name]  # raises, and says which there are
        return ids

    # Labels and verdicts

    def relabel(self, items: Items, label: str | None) -> int:
        """Give images another label, which wins over that of the source, also after another scan.

        Parameters
        ----------
        items : items
            Ids or paths.
        label : str or None
            None for no label.

        Returns
        -------
        int
            How many had another label.
        """
        label = None if label is None else checked_name(label, "label")
        with self._changing:
            rows = np.unique(self.rows(items)).tolist()
            with self._store.actions.transaction():
                given = self._store.decisions.relabels()
                own = self._built.items.labels
                now = {row: given.get(int(self.ids[row]), [own[row]])[0] for row in rows}
                changed = [int(self.ids[row]) for row in rows if now[row] != label]
                if not changed:
                    return 0
                said = f"Took the label off {counted(len(changed), 'image')}"
                if label is not None:
                    said = f"Labeled {counted(len(changed), 'image')} {quoted(label)}"
                self._store.actions.act(
                    "relabel", said, {"labels": [[item, given.get(item), [label]] for item in changed]}
                )
            self._take_labels()
        self._changed("labels", "metrics", "history")
        return len(changed)

    def _take_labels(self) -> None:
        """Take the labels in the store over; nothing else follows from them but metrics of labels."""
        built, stored = self._built, self._store.load_items(self._opened.active.stored_as)
        by_id = dict(zip(stored.ids.tolist(), stored.labels, strict=True))
        labels = [
            by_id.get(item, old) for item, old in zip(built.items.ids.tolist(), built.items.labels, strict=True)
        ]
        self._use(replace(self._opened, built=built._replace(items=replace(built.items, labels=labels))))

    def not_duplicates(self, items: Items) -> int:
        """Remember that images are different: no two of them are keeper and member of one group any more.

        Uniqueness, which is the distance to the nearest image that ranks better, stays as it is.

        Parameters
        ----------
        items : items
            Ids or paths, two or more; every pair of them counts.

        Returns
        -------
        int
            How many pairs were not known to be different.

        Raises
        ------
        InvalidValueError
            There are fewer than two images, or more than 1,000.
        """
        with self._changing:
            ids = np.unique(self.ids[self.rows(items)]).tolist()
            if len(ids) < 2:
                raise InvalidValueError("Different from what? Give two images or more.")
            if len(ids) > _MAX_DISTINCT:
                raise InvalidValueError(
                    f"Every pair of {len(ids):,} images would be remembered. Give at most {_MAX_DISTINCT:,}."
                )
            with self._store.actions.transaction():
                known = {(a, b) for a, b in self._store.decisions.distinct().tolist()}
                pairs = [list(pair) for pair in combinations(ids, 2) if pair not in known]
                if not pairs:
                    return 0
                said = f"Marked {counted(len(ids), 'image')} as not duplicates"
                self._store.actions.act("not duplicates", said, {"pairs": pairs})
            self._cache.forget()
        self._changed("metrics", "history")
        return len(pairs)

    # Out of the project

    def export(self, path: str | os.PathLike[str], items: Items | None = None, *, overwrite: bool = False) -> Path:
        """Write what :meth:`to_pandas` tells of items into a file.

        Parameters
        ----------
        path : str or PathLike
            Ends in ".csv" (tags joined by ";", nothing for missing values) or ".json" (a list of objects, tags as
            lists, null for missing values).
        items : items, optional
            Ids or paths, in the order wanted; default all.
        overwrite : bool
            Whether a file that is there may be replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InvalidValueError
            The path ends in something else.
        FileExistsError
            There is such a file, and ``overwrite`` is not set.
        """
        with self.lock:
            table = self.to_pandas()
            if items is not None:
                table = table.iloc[self.rows(items)]
        return write_table(table, path, overwrite=overwrite)

    def subset(self, items: Items, project_dir: str | os.PathLike[str], *, progress: bool = True) -> Self:
        """Make a project of its own of some images, and open it.

        The images are neither copied nor moved: the new project has the same folder of images, and looks only at
        these. Thumbnails, embeddings, labels, splits, tags, metrics of your own, verdicts, rules of keeping and
        saved filters go along, so that nothing is read or embedded again. Uniqueness is computed anew: it is that
        among these images. Ids stay the same; the history begins anew.

        ``Project.open(project_dir)`` opens it later, and ``Project.from_folder(images, project_dir=project_dir)``
        looks for changes of these images, but takes no other ones in. Images that are deleted in it go into its own
        trash, and come back by its own :meth:`restore`; in this project they are missing from the next scan on.

        Parameters
        ----------
        items : items
            Ids or paths, one at least.
        project_dir : str or PathLike
            Where the new project is kept: a folder that does not exist yet, or is empty.
        progress : bool
            Whether a progress bar is shown while the neighbor graph is built.

        Returns
        -------
        Project

        Raises
        ------
        InvalidValueError
            No item is given.
        FileExistsError
            There is something at ``project_dir``; nothing is ever overwritten.
        PermissionError
            ``project_dir`` cannot be written.
        ProjectBusyError
            Another process is building this project.
        """
        with self.lock:
            opened, ids = self._opened, np.unique(self.ids[self.rows(items)])
        return type(self)(make_subset(opened, ids, project_dir, pipeline.Progress(progress)))


def _action(entry: Entry) -> Action:
    return Action(entry.id, entry.time, entry.kind, entry.summary, entry.state in (UNDONE, OVERTAKEN))

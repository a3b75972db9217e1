"""Images taken out of a project, their files into its trash, and brought back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from simwidget import pipeline
from simwidget.contents import FailedItem
from simwidget.duplicates import DUPLICATE_THRESHOLD
from simwidget.errors import InvalidValueError, TrashError, UnknownNameError
from simwidget.grouping import ProjectDuplicates
from simwidget.trash import Trash
from simwidget.words import counted, file_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from simwidget.contents import Items
    from simwidget.sources.folder import FileEntry
    from simwidget.store.actions import Entry
    from simwidget.trash import Refused

OTHER_ITEMS = ("items", "metrics", "tags", "labels")  # what changes when items come or go


@dataclass(frozen=True, repr=False)
class Deletion:
    """What a deletion did, or would do.

    Attributes
    ----------
    paths : list of Path
        Files that were moved into the trash.
    refused : list of FailedItem
        Files that stay, (path, reason).
    bytes_freed : int
        Bytes that the files in ``paths`` take.
    whole_groups : list of list of Path
        Groups of duplicates, within 1e-4, of which no image is left.
    dry_run : bool
        Whether nothing was done.
    """

    paths: list[Path]
    refused: list[FailedItem]
    bytes_freed: int
    whole_groups: list[list[Path]] = field(default_factory=list)
    dry_run: bool = False

    def __repr__(self) -> str:
        what = "Would delete" if self.dry_run else "Deleted"
        text = f"{what} {counted(len(self.paths), 'image')} ({file_size(self.bytes_freed)})"
        if self.refused:
            text += f"; {counted(len(self.refused), 'file')} left: {self.refused[0].path}: {self.refused[0].reason}"
        if self.whole_groups:
            text += f"; of {counted(len(self.whole_groups), 'group')} of duplicates no image is left"
        return f"<{text}>"


class ProjectDeletions(ProjectDuplicates):
    """The part of :class:`simwidget.Project` that deletes images and brings them back."""

    @property
    def _trash(self) -> Trash:
        return Trash(self.project_dir / "trash", self._opened.source.root)

    def delete(self, items: Items, *, dry_run: bool = False, whole_groups: bool = False) -> Deletion:
        """Move the files of images into the trash of the project, from which :meth:`restore` brings them back.

        A file that is gone, has changed since the scan or lies outside the folder of images stays.

        Parameters
        ----------
        items : items
            Ids or paths.
        dry_run : bool
            Only say what would be done, or raise that no image would be left.
        whole_groups : bool
            Whether all images of a group of duplicates (within 1e-4) may go.

        Returns
        -------
        Deletion

        Raises
        ------
        InvalidValueError
            Whole groups would go and ``whole_groups`` is not set, or no image would be left.
        ProjectBusyError
            Another process is building this project.
        """
        if dry_run:
            with self._changing:
                planned, going = self._planned(items, dry_run=True)
                self._check_some_left(len(going))
                return planned
        what: set[str] = set()
        try:
            with self._changing, self._store.build_lock():
                if self._follow_others():
                    what.update(OTHER_ITEMS)
                planned, going = self._planned(items)
                if not going:
                    return planned
                self._check_some_left(len(going))
                groups = planned.whole_groups
                if groups and not whole_groups:
                    raise InvalidValueError(
                        f"That would delete every image of {counted(len(groups), 'group')} of duplicates, the "
                        f"first {', '.join(path.name for path in groups[0])}. Leave one of each out, or pass "
                        "whole_groups=True."
                    )
                moved, left = self._put_away(going)
                self._reload()
                what.update(OTHER_ITEMS, ("history",))
            # Fewer than planned where a file was written to, or could not be moved, meanwhile.
            stayed = {str(path) for path, _ in self._failed(left)}
            return Deletion(
                [path for path in planned.paths if str(path) not in stayed],
                [*planned.refused, *self._failed(left)],
                sum(file.size for file in self._store.decisions.files(moved).values()),
                groups,
            )
        finally:
            if what:
                self._changed(*what)

    def _planned(self, items: Items, *, dry_run: bool = False) -> tuple[Deletion, list[int]]:
        """What deleting items comes to, and the ids of those that can go."""
        rows = np.unique(self.rows(items))
        files = self._store.decisions.files(self.ids[rows].tolist())
        refused = {reason.path: reason for reason in self._trash.check(files.values())}
        going = rows[[self._names.relative[row] not in refused for row in rows.tolist()]]
        planned = Deletion(
            [self._names.path(row) for row in going.tolist()],
            self._failed(refused.values()),
            int(self.file_sizes[going].sum()),
            self._whole_groups(going),
            dry_run,
        )
        return planned, self.ids[going].tolist()

    def _follow_others(self) -> bool:
        """Take over what another process has deleted: what may go is decided by what is left.

        The caller holds the build lock. Returns whether there was something.
        """
        is_behind = bool(np.isin(self.ids, self._store.decisions.absent()).any())
        if is_behind:
            self._reload()
        return is_behind

    def restore(self, action: int | None = None) -> list[Path]:
        """Bring the images of a deletion back, with their tags, labels and metrics.

        Parameters
        ----------
        action : int, optional
            Id in :attr:`history` of the deletion; default the latest of which files are in the trash.

        Returns
        -------
        list of Path
            Files that are back.

        Raises
        ------
        TrashError
            There is nothing to restore; or something else is where a file belongs, which then stays in the trash
            while the others come back.
        UnknownNameError
            There is no such deletion.
        ProjectBusyError
            Another process is building this project.
        """
        with self._changing:
            entry = self._latest_deletion() if action is None else self._deletion(action)
            if entry is None or "files" not in entry.change:
                raise UnknownNameError(f"There is no deletion {action!r} in project.history.")
            ids, refused = self._bring_back(entry)
            files = self._store.decisions.files(ids).values()
            if ids:
                said = f"Restored {counted(len(ids), 'image')}"
                self._store.actions.act("restore", said, {"restored": {"of": entry.id, "ids": ids}})
        if ids:
            self._changed(*OTHER_ITEMS, "history")
        if refused:
            raise cannot_restore(refused)
        if not ids:
            raise TrashError(f"The trash holds no file of the deletion {entry.id} any more.")
        return [self._opened.base / file.path for file in files]

    def _latest_deletion(self) -> Entry:
        held = {batch.name for batch in self._trash.batches()}
        deletions = [entry for entry in reversed(self._store.actions.load()) if "files" in entry.change]
        for entry in deletions:
            if held.intersection(entry.change["files"]["batches"]):
                return entry
        # A restore that was killed may have moved files back, and not yet taken their items in.
        here = set(self.ids.tolist())
        for entry in deletions:
            away = [item for item in entry.change["files"]["ids"] if item not in here]
            files = self._store.decisions.files(away).values()
            if len(files) > len(self._trash.check(files)):
                return entry
        raise TrashError("The trash is empty: there is nothing to restore.")

    def _deletion(self, action: int) -> Entry | None:
        if isinstance(action, bool) or not isinstance(action, (int, np.integer)) or not 0 < action < 2**63:
            return None
        return self._store.actions.get(int(action))

    def _put_away(self, ids: list[int], entry: Entry | None = None) -> tuple[list[int], list[Refused]]:
        """Move files into the trash and take their items out of the store; the caller holds the build lock.

        The log names the batch before the first file moves, in the line of ``entry`` or one of its own.

        Returns
        -------
        ids : list of int
            Of those moved.
        refused : list of Refused
        """
        actions, files = self._store.actions, self._store.decisions.files(ids)
        lines: list[int] = []

        def announce(batch: str) -> None:
            if entry is None:
                change = {"files": {"ids": ids, "batches": [batch]}}
                lines.append(actions.act("delete", _deleted(files.values()), change))
            else:
                listed = entry.change["files"]
                batches = [*listed["batches"], batch]
                actions.rewrite(entry.id, entry.summary, {"files": {**listed, "batches": batches}})

        batch, (_, refused) = self._trash.delete(list(files.values()), announce)
        left = {path for path, _ in refused}
        moved = {item: file for item, file in files.items() if file.path not in left}
        for line in lines:
            if not moved:
                actions.remove(line)
            elif refused:
                change = {"files": {"ids": list(moved), "batches": [batch]}}
                actions.rewrite(line, _deleted(moved.values()), change)
        self._store.decisions.set_present(moved, False)
        return list(moved), refused

    def _bring_back(self, entry: Entry) -> tuple[list[int], list[Refused]]:
        """Move the files of a deletion back and their items into the project.

        Returns
        -------
        ids : list of int
            Of the items that are back.
        refused : list of Refused
            Files that are still in the trash.
        """
        listed = entry.change["files"]
        moved: set[str] = set()
        refused: list[Refused] = []
        here = set(self.ids.tolist())
        with self._store.build_lock():
            held = {batch.name for batch in self._trash.batches()}
            files = self._store.decisions.files(listed["ids"])
            known = {file.path: file for file in files.values()}
            for batch in sorted(held.intersection(listed["batches"])):
                done, left = self._trash.restore(batch, known=known)
                moved.update(done)
                refused += left
            # Looked at, not taken from what moved just now: an earlier restore may have been killed half-way. And
            # after a deletion that was killed, files may be in the trash of items that are not.
            elsewhere = {path for path, _ in self._trash.check(files.values())}
            back = [
                item
                for item, file in files.items()
                if file.path not in elsewhere and (item not in here or file.path in moved)
            ]
            self._store.decisions.set_present(back, True)
            self._embed_missing(back)
            self._reload()
        return back, refused

    def _embed_missing(self, ids: list[int]) -> None:
        """Give items vectors of the embedder in use, where it came after they were deleted."""
        active = self._opened.active
        embedded = set(self._store.embedded_content(active.stored_as))
        missing = [item for item in ids if item not in embedded]
        if not missing:
            return
        if active.added is not None:
            reason = f"the array {active.name!r} had no row for it"
            self._store.mark_unembeddable(active.stored_as, missing, reason)
        else:
            locate = self._opened.source.file
            pipeline.read_items(self._store, locate, self._loaded_embedder(), pipeline.Progress(False))

    def _reload(self) -> None:
        """Take over the items of the store; the caller holds the build lock."""
        opened = self._opened
        self._use(replace(opened.using(opened.active, pipeline.Progress(False)), embedder=opened.embedder))

    def _check_some_left(self, going: int) -> None:
        if going >= len(self):
            raise InvalidValueError(
                f"That would delete all {len(self):,} images, and a project needs one at least. Leave some out."
            )

    def _whole_groups(self, going: npt.NDArray[np.int64]) -> list[list[Path]]:
        """Paths of the groups of duplicates all of whose items are among these positions."""
        _, groups = self.grouped(DUPLICATE_THRESHOLD)
        parts = np.split(groups.rows, groups.starts[1:]) if len(groups) else []
        gone = np.zeros(len(self), dtype=bool)
        gone[going] = True
        return [[self._names.path(row) for row in part.tolist()] for part in parts if gone[part].all()]

    def _failed(self, refused: Iterable[Refused]) -> list[FailedItem]:
        return [FailedItem(self._opened.base / path, reason) for path, reason in refused]

    def _delete_again(self, deletion: Entry, ids: list[int]) -> None:
        """Delete items once more.

        Raises
        ------
        TrashError
            Nothing could be moved into the trash, with the reasons.
        """
        with self._store.build_lock():
            self._follow_others()
            ids = np.intersect1d(self.ids, ids).tolist()
            self._check_some_left(len(ids))
            moved, refused = self._put_away(ids, deletion)
            self._reload()
        if not moved:
            reasons = "; ".join(f"{path!r}: {reason}" for path, reason in refused[:5]) or "no image of it is here"
            raise TrashError(f"Nothing was deleted: {reasons}.")


def _deleted(files: Iterable[FileEntry]) -> str:
    sizes = [file.size for file in files]
    return f"Deleted {counted(len(sizes), 'image')} ({file_size(sum(sizes))})"


def cannot_restore(refused: list[Refused]) -> TrashError:
    """Make the error that says which files stay in the trash, and why."""
    reasons = "; ".join(f"{path!r}: {reason}" for path, reason in refused[:5])
    more = f" and {len(refused) - 5:,} more" if len(refused) > 5 else ""
    return TrashError(
        f"{counted(len(refused), 'file')} could not be restored and stay in the trash: {reasons}{more}. "
        "Move what is there out of the way and restore again."
    )

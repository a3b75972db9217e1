"""Image files moved out of the way so that they can come back: the trash of a project folder.

Knows files and nothing of projects. Each deletion is a *batch*, a folder with a manifest that is written before
the first file is moved; where a file is, and nothing else, tells whether it was. So a process may be killed at any
point: every file is then where it was or in the trash, and :meth:`Trash.restore` brings back what is there.
"""

from __future__ import annotations

import errno
import filecmp
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simwidget.errors import TrashError
from simwidget.store.files import load_json, save_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from simwidget.sources.folder import FileEntry

_MANIFEST = "manifest.json"
_VERSION = 1
_COARSEST_NS = 2_000_000_000  # FAT's


class Refused(NamedTuple):
    """A file that was left where it is, and why."""

    path: str
    reason: str


class Moved(NamedTuple):
    """What became of some files: relative paths of those moved, and those left."""

    done: list[str]
    refused: list[Refused]


@dataclass(frozen=True)
class Batch:
    """One deletion.

    Attributes
    ----------
    name : str
        Of its folder; later batches sort after earlier ones.
    time : datetime
        When it was made, UTC.
    files : dict of str to Path
        From the relative path of each file that is still in the trash to where it lies there.
    """

    name: str
    time: datetime
    files: dict[str, Path]


class Trash:
    """The trash of one project.

    Parameters
    ----------
    folder : Path
        Where it lies; created by the first deletion.
    root : Path
        The only folder from and to which files are moved.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root

    def check(self, files: Iterable[FileEntry]) -> list[Refused]:
        """Files that :meth:`delete` would leave where they are."""
        real_root = self._root.resolve()
        found = ((file.path, self._reason(file, real_root)) for file in files)
        return [Refused(path, reason) for path, reason in found if reason]

    def delete(
        self, files: Sequence[FileEntry], announce: Callable[[str], None] | None = None
    ) -> tuple[str, Moved]:
        """Move files into a new batch.

        A file is left where it is, with the reason, when it is gone, has changed since the scan (size or
        modification time), is not below the root, or cannot be moved.

        Parameters
        ----------
        files : sequence of FileEntry
        announce : callable, optional
            Called with the name of the batch before the first file is moved.

        Returns
        -------
        name : str
            Of the batch; empty when nothing was moved.
        moved : Moved
        """
        refused = dict(self.check(files))
        wanted = [file for file in {f.path: f for f in files}.values() if file.path not in refused]
        if not wanted:
            return "", Moved([], [Refused(*item) for item in refused.items()])
        folder = self._new_batch()
        # A scan takes none of these for an image, should the project lie among the images.
        stored = {file.path: f"{number}{Path(file.path).suffix}.trashed" for number, file in enumerate(wanted)}
        time = datetime.now(timezone.utc)
        listed = [{**file._asdict(), "stored": stored[file.path]} for file in wanted]
        save_json(folder / _MANIFEST, {"version": _VERSION, "time": time.isoformat(), "files": listed})
        if announce is not None:
            announce(folder.name)
        real_root, done = self._root.resolve(), []
        for file in wanted:
            # Asked again right before it is moved: moving many takes time, in which a program may write to one.
            reason = self._reason(file, real_root) or _move(self._root / file.path, folder / stored[file.path])
            if reason:
                refused[file.path] = reason
            else:
                done.append(file.path)
        if not done:
            shutil.rmtree(folder)
        return folder.name if done else "", Moved(done, [Refused(*item) for item in refused.items()])

    def restore(
        self,
        name: str | None = None,
        paths: Iterable[str] | None = None,
        known: Mapping[str, FileEntry] | None = None,
    ) -> Moved:
        """Move files back to where they were.

        A file is left in the trash, with the reason, when something else is at its place now, or when it is another
        version than the one known.

        Parameters
        ----------
        name : str, optional
            Of the batch; default the latest that holds files.
        paths : iterable of str, optional
            Only these of its files.
        known : mapping, optional
            From paths to the files as somebody wants them back.

        Raises
        ------
        TrashError
            There is no such batch, or none at all.
        """
        batches = self.batches()
        if name is None and not batches:
            raise TrashError("The trash is empty: there is nothing to restore.")
        batch = next((b for b in reversed(batches) if name in (None, b.name)), None)
        if batch is None:
            names = ", ".join(b.name for b in batches) or "none"
            raise TrashError(f"The trash holds no deletion called {name!r}. There are: {names}.")
        wanted = batch.files if paths is None else {p: batch.files[p] for p in paths if p in batch.files}
        done, refused = [], []
        # Links after the files that they may lead to.
        for path, stored in sorted(wanted.items(), key=lambda item: item[1].is_symlink()):
            target = self._root / path
            reason = (
                "" if _is_below(target, self._root.resolve()) else "its place is not below the folder of images"
            )
            if not reason and known is not None and path in known:
                reason = _mismatch(stored, target, known[path])
            reason = reason or _make_folder(target.parent) or _move(stored, target)
            if reason:
                refused.append(Refused(path, reason))
            else:
                done.append(path)
        if len(done) == len(batch.files):
            shutil.rmtree(self._folder / batch.name)
        return Moved(done, refused)

    def batches(self) -> list[Batch]:
        """Deletions of which files are still in the trash, the latest last.

        Raises
        ------
        TrashError
            A manifest is damaged; its files are where they are.
        """
        folders = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        batches = [self._batch(folder) for folder in folders if folder.is_dir()]
        return [batch for batch in batches if batch is not None and batch.files]

    def _batch(self, folder: Path) -> Batch | None:
        manifest = load_json(folder / _MANIFEST)
        if manifest is None and not any(file.name[0].isdecimal() for file in folder.iterdir()):
            return None  # killed before the manifest was there, and so before any file was moved
        try:
            if manifest is None or manifest["version"] != _VERSION:
                raise ValueError("missing, unreadable or of another version")
            stored = {str(file["path"]): folder / Path(file["stored"]).name for file in manifest["files"]}
            time = datetime.fromisoformat(manifest["time"])
        except (KeyError, TypeError, ValueError) as error:
            raise TrashError(
                f"{str(folder / _MANIFEST)!r}, which says where the files in {str(folder)!r} belong, is damaged "
                f"({error}). Move them back by hand."
            ) from error
        return Batch(folder.name, time, {path: file for path, file in stored.items() if os.path.lexists(file)})

    def _new_batch(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Never a name that was used before, also of a batch that is restored: the log of a project refers to it.
        folder = self._folder / f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        folder.mkdir()
        return folder

    def _reason(self, file: FileEntry, real_root: Path) -> str:
        """Why a file must stay; empty when it may go."""
        path = self._root / file.path
        if not _is_below(path, real_root):
            return "it is not below the folder of images"
        try:
            stat = path.stat()
        except FileNotFoundError:
            return "it is no longer there"
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        if not path.is_file():
            return "it is no file"
        if (stat.st_size, stat.st_mtime_ns) != (file.size, file.mtime_ns):
            return "it has changed since it was scanned; scan the folder again with Project.from_folder"
        return ""


def _is_below(path: Path, real_root: Path) -> bool:
    """Whether the folder of a path, with all links followed, lies in the root; a link itself may point anywhere."""
    return ".." not in path.parts and path.parent.resolve().is_relative_to(real_root)


def _make_folder(folder: Path) -> str:
    """Make the folder of a file that comes back; the reason where that failed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"its folder cannot be made: {error.strerror or error}"
    return ""


def _mismatch(stored: Path, target: Path, known: FileEntry) -> str:
    """Why a file in the trash is not the one known; empty where it is."""
    try:
        # A link lies in the trash as it was, and leads from where it belongs.
        stat = (target.parent / stored.readlink() if stored.is_symlink() else stored).stat()
    except OSError:
        return "what it links to is not there" if stored.is_symlink() else "it cannot be read"
    # Other file systems may keep coarser times.
    if stat.st_size != known.size or abs(stat.st_mtime_ns - known.mtime_ns) > _COARSEST_NS:
        return "the project knows another version of it"
    return ""


def _move(source: Path, target: Path) -> str:
    """Move a file or link, never onto another; the reason where that failed, and then it is where it was."""
    try:
        try:
            # Unlike a rename this fails when something is at the target, and leaves no moment without a file.
            os.link(source, target, follow_symlinks=False)
        except FileExistsError:
            if not _is_same(source, target):  # else a process was killed between the two steps of this
                return "another file is at its place now"
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise
            _copy(source, target)  # another file system, or one without links
        try:
            source.unlink()
        except OSError:
            target.unlink()
            raise
    except FileExistsError:
        return "another file is at its place now"
    except OSError as error:
        if os.path.lexists(source):
            return f"it cannot be moved: {error.strerror or error}"
        return "it is no longer there"
    return ""


def _is_same(a: Path, b: Path) -> bool:
    first, second = a.lstat(), b.lstat()
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _copy(source: Path, target: Path) -> None:
    """Copy what cannot be linked, with its times, onto nothing, and make sure of every byte."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    with target.open("xb"):  # raises when something is there
        pass
    try:
        shutil.copy2(source, target)
        with target.open("rb+") as file:
            os.fsync(file.fileno())
        if not filecmp.cmp(source, target, shallow=False):
            raise OSError(errno.EIO, "the copy differs from the file")
    except BaseException:
        target.unlink()
        raise

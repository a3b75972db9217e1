"""A folder of image files as a source of items."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simwidget.errors import NoImagesError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Formats whose files Pillow recognises but cannot decode by itself.
_STUB_FORMATS = {"BUFR", "GRIB", "HDF5", "MPEG", "WMF", "EPS"}


class FileEntry(NamedTuple):
    """One file found by a scan: its path relative to the root (``/`` separated), and what stat said."""

    path: str
    size: int
    mtime_ns: int


def image_suffixes() -> frozenset[str]:
    """Lower-case suffixes (with the dot) of the files that Pillow, with its loaded plugins, can decode."""
    from PIL import Image

    extensions = Image.registered_extensions()
    return frozenset(
        suffix for suffix, name in extensions.items() if name in Image.OPEN and name not in _STUB_FORMATS
    )


@dataclass(frozen=True)
class FolderSource:
    """Images below a folder.

    Parameters
    ----------
    root : Path
        Absolute path of the folder.
    recursive : bool
        Whether subfolders are searched too.
    """

    root: Path
    recursive: bool = True

    @classmethod
    def at(cls, path: str | os.PathLike[str], *, recursive: bool = True) -> FolderSource:
        """Check ``path`` and make it absolute.

        Raises
        ------
        FileNotFoundError
            There is nothing at ``path``.
        NotADirectoryError
            ``path`` is a file.
        """
        root = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - resolve() would follow links
        if not root.exists():
            given = "" if str(root) == str(path) else f" (given: {str(path)!r})"
            raise FileNotFoundError(f"There is no folder {str(root)!r}. Check the path{given}.")
        if not root.is_dir():
            raise NotADirectoryError(
                f"{str(root)!r} is a file. Project.from_folder takes the folder that holds the images, "
                f"such as {str(root.parent)!r}."
            )
        return cls(root, recursive)

    def scan(self) -> list[FileEntry]:
        """List the image files, sorted by path.

        Files and folders whose name starts with a dot are left out, and links to folders are not followed.

        Raises
        ------
        NoImagesError
            No file has the suffix of an image.
        """
        suffixes = image_suffixes()
        entries = sorted(self._walk(self.root, "", suffixes))
        if not entries:
            where = "in it or below it" if self.recursive else "directly in it (recursive=False)"
            raise NoImagesError(
                f"The folder {str(self.root)!r} holds no images: no file {where} ends in one of "
                f"{', '.join(sorted(suffixes))}. Check the path."
            )
        return entries

    def _walk(self, folder: Path, prefix: str, suffixes: frozenset[str]) -> Iterator[FileEntry]:
        with os.scandir(folder) as listing:
            for entry in listing:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if self.recursive:
                        try:
                            yield from self._walk(Path(entry.path), f"{prefix}{entry.name}/", suffixes)
                        except OSError as error:  # no permission, or deleted meanwhile
                            warnings.warn(f"Left out the folder {entry.path!r}: {error.strerror}.", stacklevel=2)
                elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122 - a name, no path
                    try:
                        stat = entry.stat()
                    except OSError:  # a dangling link, or a file deleted meanwhile
                        continue
                    if entry.is_file():
                        yield FileEntry(f"{prefix}{entry.name}", stat.st_size, stat.st_mtime_ns)

    def file(self, path: str) -> Path:
        """Absolute path of an entry."""
        return self.root / path

"""Where a project folder lies, and how it finds its images again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs

FOLDER_NAME = ".simwidget"


def find_project_dir(root: Path, wanted: str | os.PathLike[str] | None) -> Path:
    """Choose the project folder for images in ``root`` and make sure that it can be written.

    ``wanted`` where given; else ``root/.simwidget``; else, where that cannot be written, a folder in the
    user's cache folder whose name depends on ``root`` alone.

    Raises
    ------
    PermissionError
        ``wanted``, or both default places, cannot be written.
    NotADirectoryError
        ``wanted`` is a file.
    """
    if wanted is not None:
        folder = Path(os.path.abspath(Path(wanted).expanduser()))  # noqa: PTH100 - resolve() would follow links
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(
                f"project_dir={str(wanted)!r} is a file; it has to be a folder, or not exist yet."
            )
        if is_writable(folder):
            return folder
        raise PermissionError(
            f"The project folder {str(folder)!r} cannot be written. Give another one with project_dir=..."
        )
    beside = root / FOLDER_NAME
    if is_writable(beside):
        return beside
    key = hashlib.blake2b(os.fsencode(root), digest_size=6).hexdigest()
    cached = platformdirs.user_cache_path("simwidget") / "projects" / f"{root.name}-{key}"
    if is_writable(cached):
        return cached
    raise PermissionError(
        f"Neither {str(beside)!r} nor {str(cached)!r} can be written. Give a folder that can, with project_dir=..."
    )


def is_writable(folder: Path) -> bool:
    """Create the folder and try: permission bits do not tell for network drives and read-only mounts."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def stored_source(root: Path, project_dir: Path) -> str:
    """Source as it is kept in the manifest: relative where the project lies within it, so that both can move."""
    return os.path.relpath(root, project_dir) if project_dir.is_relative_to(root) else str(root)


def display_root(project_dir: Path, stored: str) -> Path:
    """Root of the images as a person would write it, from the project folder as it was given."""
    if os.path.isabs(stored):  # noqa: PTH117 - a text from the manifest
        return Path(stored)
    return Path(os.path.normpath(project_dir / stored))

"""A project of some images of another, in a project folder of its own."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from simwidget import pipeline
from simwidget.errors import InvalidValueError
from simwidget.opening import facts_of, open_folder, save_settings, stored_embedders
from simwidget.store import ProjectStore
from simwidget.store.location import is_writable, stored_source
from simwidget.store.subsets import copy_items

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from simwidget.opening import Opened


def make_subset(
    opened: Opened, ids: npt.NDArray[np.int64], project_dir: str | os.PathLike[str], progress: pipeline.Progress
) -> Opened:
    """Make a project of some items and open it; see :meth:`simwidget.Project.subset`.

    Parameters
    ----------
    opened : Opened
        The project that the items are of.
    ids : ndarray of int64, shape (n,)
    project_dir : str or PathLike
    progress : Progress
    """
    if len(ids) == 0:
        raise InvalidValueError("A project of which images? No item is given, and it needs one at least.")
    target = _free_folder(project_dir)
    # Beside its place and then renamed, so that a process that is killed leaves nothing that opens.
    unfinished = target.with_name(f".simwidget-{secrets.token_hex(8)}")
    if not is_writable(unfinished):
        raise PermissionError(
            f"The project folder {str(target)!r} cannot be made: {str(target.parent)!r} cannot be written. "
            "Give another one."
        )
    try:
        _fill(unfinished, target, opened, ids, progress)
        with suppress(FileNotFoundError):
            target.rmdir()  # Windows renames onto nothing; fails where somebody has put a file into it meanwhile
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return replace(open_folder(target), base=opened.base, source=opened.source, embedder=opened.embedder)


def _free_folder(project_dir: str | os.PathLike[str]) -> Path:
    folder = Path(os.path.abspath(Path(project_dir).expanduser()))  # noqa: PTH100 - resolve() would follow links
    if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"There is something at {str(folder)!r} already, and nothing is ever overwritten. Give a folder that "
            "does not exist yet, or is empty."
        )
    return folder


def _fill(
    folder: Path, target: Path, opened: Opened, ids: npt.NDArray[np.int64], progress: pipeline.Progress
) -> None:
    """Write all of a project into a folder that will be at ``target``."""
    active, facts, source = opened.active, facts_of(opened.active), opened.store
    with source.build_lock():
        embedders = {**stored_embedders(source), active.name: active}
        copy_items(source, folder, ids, [stored.stored_as for stored in embedders.values()])
    with closing(ProjectStore(folder)) as store, store.build_lock():
        items, vectors = pipeline.load(store, facts)
        if len(items.ids) == 0:
            raise InvalidValueError(
                f"None of these images is in the project {str(source.folder)!r} any more: another process has "
                "changed it. Open it again."
            )
        pipeline.compute(store, facts, items, vectors, opened.rules, progress)
        root = opened.source.root
        store.save_manifest(source=stored_source(root, target), recursive=opened.source.recursive, subset=True)
        save_settings(store, active=active, embedders=embedders, rules=opened.rules)

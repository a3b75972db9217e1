"""Drawing a demo set into a folder."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import uuid
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from simwidget.demo import copies, odd
from simwidget.demo.plan import COUNTS, Scene, plan
from simwidget.demo.scenes import paint
from simwidget.demo.truth import FILE_NAME, Truth
from simwidget.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HTML = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n"


def draw(
    folder: str | Path,
    *,
    seed: int = 0,
    counts: Mapping[str, int] = COUNTS,
    workers: int | None = None,
    progress: bool = True,
) -> Truth:
    """Draw a demo set: scenes of several kinds with planted duplicates, wrong labels and odd ones out.

    The set appears all at once when it is finished; a run that is interrupted leaves nothing behind.

    Parameters
    ----------
    folder : str or Path
        Where to put it: ``folder/<kind>/<name>``, with the truth in ``folder/truth.json``. The folder
        must not exist, be empty, or hold the same set already, in which case nothing is drawn.
    seed : int
        The same seed draws the same set; at least 0.
    counts : mapping of str to int
        Number of scenes by kind, 16 or more in all; kinds are those of :data:`simwidget.demo.scenes.KINDS`.
    workers : int, optional
        Number of processes; one for each available core when not given. A script that draws with more
        than one needs the usual ``if __name__ == "__main__":``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Truth

    Raises
    ------
    InvalidValueError
        Where the folder holds something else or a set of another seed, or ``counts`` cannot be drawn.
    """
    folder = Path(folder)
    if seed < 0:
        raise InvalidValueError(f"The seed is {seed}; it has to be 0 or more.")
    finished = _look_before(folder, seed)
    if finished is not None:
        return finished
    scenes, truth = plan(folder, seed, counts)
    target = folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    # Drawn beside and renamed into place: a demo folder is either whole or not there.
    draft = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
    try:
        for path in (*truth.labels, *truth.odd, *truth.unreadable):
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
        _draw_all(draft, scenes, workers or _cores(), progress)
        _strays(draft, truth)
        truth.write(draft)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return truth


def _look_before(folder: Path, seed: int) -> Truth | None:
    """Look for a set that is there already; None where there is room for one; else an error."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise InvalidValueError(f"{folder} is a file, not a folder. Name a folder that does not exist yet.")
    if (folder / FILE_NAME).exists():
        truth = Truth.read(folder)
        if truth.seed != seed:
            raise InvalidValueError(
                f"{folder} holds the demo set of seed {truth.seed}, not {seed}. "
                "Name another folder, or delete it first."
            )
        return truth
    if any(folder.iterdir()):
        raise InvalidValueError(
            f"{folder} is not empty and holds no demo set; nothing in it was touched. Name another folder."
        )
    return None


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _draw_all(draft: Path, scenes: list[Scene], workers: int, progress: bool) -> None:
    """Draw every scene and its copies, over several processes where there are enough of them."""
    job = partial(_draw_scene, draft)
    with tqdm(total=len(scenes), desc="Drawing", unit="scene", disable=not progress) as bar:
        if workers == 1:
            for scene in scenes:
                job(scene)
                bar.update()
            return
        context = multiprocessing.get_context("spawn")
        # Ctrl-C reaches every process of a terminal; only this one is to answer it.
        ignore = (signal.SIGINT, signal.SIG_IGN)
        with ProcessPoolExecutor(workers, context, signal.signal, ignore) as pool:
            try:
                for _ in pool.map(job, scenes, chunksize=4):
                    bar.update()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _draw_scene(draft: Path, scene: Scene) -> None:
    """Draw one scene and make its copies from the file just written."""
    rng = np.random.default_rng(scene.seed)
    image = paint(rng, scene.kind, scene.height, scene.width, scene.variant)
    source = draft / scene.path
    if scene.orientation != 1:
        stored, exif = copies.stored_turned(image, scene.orientation)
        stored.save(source, quality=scene.quality, exif=exif)
    else:
        image.save(source, quality=scene.quality)
    for copy in scene.copies:
        copies.copy(rng, copy.kind, source, draft / copy.path)


def _strays(draft: Path, truth: Truth) -> None:
    """Write the odd ones out and the unreadable files."""
    rng = np.random.default_rng([truth.seed, len(truth.labels)])
    for path, make in zip(truth.odd, odd.ODD.values(), strict=True):
        make(rng).save(draft / path, quality=88)
    photo = paint(rng, "landscape", 300, 400, 0)
    for path, content in zip(truth.unreadable, (copies.truncated(photo), b"", _HTML), strict=True):
        (draft / path).write_bytes(content)

"""Builds a project in a process of its own, which a test stops, kills or looks at.

``python builder.py FOLDER pause`` prints "paused" before it embeds its second batch and goes on after a line on
its input; ``python builder.py FOLDER kill N`` kills itself when it writes its N-th file to disk for good;
``python builder.py FOLDER replace N PROJECT`` does so while it replaces embeddings that are in use.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import numpy as np
from thumb_embedder import ThumbEmbedder

from simwidget.project import Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image


class PausingEmbedder(ThumbEmbedder):
    def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
        if self.calls == 2:
            print("paused", flush=True)
            sys.stdin.readline()
        return super().vectors(images)


def kill_at_fsync(number: int) -> None:
    """Die, as in a power cut, when ``os.fsync`` is called for the ``number``-th time."""
    fsync, left = os.fsync, [number]

    def counting(file: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(file)

    os.fsync = counting


def replace_embeddings(folder: str, number: int, project_dir: str) -> None:
    project = Project.from_folder(folder, embedder="perceptual", project_dir=project_dir, progress=False)
    vectors = np.random.default_rng(0).standard_normal((len(project), 9))
    project.add_embeddings("mine", vectors[:, :6], near_duplicate_radius=0.1)
    project.use_embeddings("mine", progress=False)
    kill_at_fsync(number)
    project.add_embeddings("mine", vectors, near_duplicate_radius=0.2)
    project.close()


if __name__ == "__main__":
    folder, what, *number = sys.argv[1:]
    if what == "replace":
        replace_embeddings(folder, int(number[0]), number[1])
        sys.exit()
    if what == "kill":
        kill_at_fsync(int(number[0]))
    embedder = PausingEmbedder() if what == "pause" else ThumbEmbedder()
    project = Project.from_folder(folder, embedder=embedder, progress=False)
    print(len(project), flush=True)
    project.close()

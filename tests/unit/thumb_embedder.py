"""An embedder for tests: real, quick, and it counts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence


class ThumbEmbedder:
    """Embeds an image as its own 6 x 6 pixel copy: a real embedder, and quick. Counts what it is asked.

    ``images`` counts embedded images, ``calls`` the batches; ``overlaps`` the calls that came from a second
    thread while one was running.
    """

    name = "thumb-6"
    dim = 6 * 6 * 3
    near_duplicate_radius = 0.01
    image_size = 6

    def __init__(self) -> None:
        self.images = self.calls = self.overlaps = 0
        self._busy = threading.Lock()

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        if not self._busy.acquire(blocking=False):
            self.overlaps += 1
            self._busy.acquire()
        try:
            self.calls += 1
            self.images += len(images)
            return self.vectors(images)
        finally:
            self._busy.release()

    def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
        small = [np.asarray(image.resize((6, 6), Image.Resampling.BOX), dtype=np.float32) for image in images]
        rows = np.stack(small).reshape(len(images), -1) - 127.25
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

"""A CLIP model small enough to write in a test, and a hub of one's own to get it from."""

from __future__ import annotations

import copy
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

MODEL: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
PREPROCESSING: dict[str, Any] = {
    "mean": [0.48, 0.46, 0.41],
    "std": [0.27, 0.26, 0.28],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
# Where open_clip's table has the default weights; only the architecture is swapped for the tiny one.
DEFAULT_REPOSITORY = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def state_dict(seed: int = 0, model: dict[str, Any] = MODEL) -> dict[str, Any]:
    """Randomly initialised weights of the tiny model."""
    import open_clip
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(open_clip.CLIP(**copy.deepcopy(model)).state_dict())


def write_weights(path: Path, state: dict[str, Any]) -> Path:
    """Write weights as safetensors, in a folder that is made if need be."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    return path


def write_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    model: dict[str, Any] = MODEL,
    preprocessing: Any = PREPROCESSING,
    name: str = "open_clip_model.safetensors",
) -> Path:
    """Write a folder as open_clip publishes them."""
    write_weights(folder / name, state_dict(seed, model))
    config = {"model_cfg": model, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def images(count: int = 9, seed: int = 0) -> list[Image.Image]:
    """Smooth random images of many sizes and both orientations."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(20, 120, (count, 2)).tolist()
    noise = rng.integers(0, 256, (count, 4, 5, 3), dtype=np.uint8)
    return [Image.fromarray(pixels).resize(tuple(size)) for pixels, size in zip(noise, sizes, strict=True)]


def use_hub(monkeypatch: pytest.MonkeyPatch, cache: Path, endpoint: str) -> None:
    """Send huggingface_hub to another cache and server, and make two built-in models tiny."""
    import open_clip
    from huggingface_hub import constants

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    for name in ("ViT-B-32", "ViT-B-16-SigLIP"):
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, copy.deepcopy(MODEL))


def fill_cache(cache: Path, repository: str, state: dict[str, Any]) -> Path:
    """Lay weights where huggingface_hub keeps what it has downloaded."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    weights = write_weights(folder / "snapshots" / COMMIT / "open_clip_model.safetensors", state)
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    return weights


@contextmanager
def serve_hub(files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve files as the hub does, by ``REPOSITORY/NAME``; yields the address and the requests seen."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            repository, _, name = self.path.strip("/").partition("/resolve/main/")
            requests.append(f"{self.command} {name}")
            self.body = files.get(f"{repository}/{name}")
            self.send_response(404 if self.body is None else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            if self.body is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            else:
                self.send_header("ETag", '"' + "e" * 40 + '"')
            self.send_header("Content-Length", str(len(self.body or b"")))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(self.body or b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()
            thread.join()

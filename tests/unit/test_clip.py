"""The CLIP embedder: open_clip's real loading code, on a tiny model with random weights."""

from __future__ import annotations

import json
import logging
import re
import sys
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_clip import MODEL, PREPROCESSING, images, write_checkpoint

from simwidget.embedders import TextEmbedder, clip
from simwidget.embedders.clip import ClipEmbedder
from simwidget.errors import EmbedderError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep torch from handing a tiny model's work from core to core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture(scope="module")
def embedder(folder: Path) -> ClipEmbedder:
    return ClipEmbedder(folder)


@pytest.fixture(scope="module")
def alone(embedder: ClipEmbedder) -> list[np.ndarray]:
    """The vectors of ``images()``, each embedded by itself."""
    return [embedder.embed_images([image])[0] for image in images()]


# --- vectors


def test_rows_are_unit_float32(embedder: ClipEmbedder) -> None:
    vectors = embedder.embed_images(images())
    assert vectors.dtype == np.float32
    assert vectors.shape == (9, 24) == (9, embedder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert embedder.embed_images([]).shape == (0, 24)


def test_is_a_text_embedder_with_the_size_of_its_input(embedder: ClipEmbedder) -> None:
    assert isinstance(embedder, TextEmbedder)
    assert embedder.image_size == 32
    assert embedder.near_duplicate_radius == 0.03


@pytest.mark.parametrize(
    "preprocessing",
    [
        {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
        {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "resize_mode": "squash"},
        {"mean": [0, 0, 0], "std": [1, 1, 1], "resize_mode": "longest", "fill_color": 200, "size": 32},
    ],
    ids=["defaults", "squash", "longest"],
)
def test_vectors_are_those_of_open_clip(tmp_path: Path, preprocessing: dict[str, Any]) -> None:
    """Peer: the model and the transform that open_clip itself makes from the same folder."""
    folder = write_checkpoint(tmp_path / "m", preprocessing=preprocessing)
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    with torch.inference_mode():
        pixels = torch.stack([transform(image) for image in images()])
        expected = model.eval().encode_image(pixels, normalize=True).numpy()
    np.testing.assert_allclose(ClipEmbedder(folder).embed_images(images()), expected, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(batch_size=st.integers(1, 10), order=st.permutations(range(9)))
def test_a_vector_depends_on_its_own_image_only(
    embedder: ClipEmbedder, alone: list[np.ndarray], batch_size: int, order: list[int]
) -> None:
    pictures = images()
    with mock.patch.object(embedder, "batch_size", batch_size):
        together = embedder.embed_images([pictures[i] for i in order])
    for vector, i in zip(together, order, strict=True):
        np.testing.assert_allclose(vector, alone[i], atol=1e-6)


def test_other_modes_are_embedded_as_their_rgb(embedder: ClipEmbedder) -> None:
    grey = [image.convert("L") for image in images()]
    rgb = [image.convert("RGB") for image in grey]
    np.testing.assert_array_equal(embedder.embed_images(grey), embedder.embed_images(rgb))


# --- precision


@pytest.mark.parametrize(
    ("device", "capability", "faster"),
    [
        ("cuda", (7, 5), False),
        ("cuda", (8, 0), True),
        ("cuda", (12, 0), True),
        ("cpu", (9, 0), False),
        ("mps", (9, 0), False),
    ],
)
def test_bfloat16_is_for_gpus_that_multiply_in_it(
    monkeypatch: pytest.MonkeyPatch, device: str, capability: tuple[int, int], faster: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert clip._is_faster_in_bfloat16(device) is faster


def test_bfloat16_gives_comparable_unit_rows(
    folder: Path, embedder: ClipEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Autocast, here on the CPU, changes little and nothing of what is stored with the vectors."""
    monkeypatch.setattr(clip, "_is_faster_in_bfloat16", lambda _: True)
    other = ClipEmbedder(folder)
    assert (other.name, other.dim) == (embedder.name, embedder.dim)
    texts = ["a dog", "two cats"]
    for rough, exact in (
        (other.embed_images(images(40)), embedder.embed_images(images(40))),
        (other.embed_text(texts), embedder.embed_text(texts)),
    ):
        assert rough.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rough, axis=1), 1, atol=1e-6)
        distances = 1 - (rough.astype(float) * exact).sum(axis=1)
        assert 1e-6 < distances.max() < 2e-4


# --- texts


def test_texts_share_the_space_of_the_images(embedder: ClipEmbedder) -> None:
    texts = ["a dog", "two cats on a very long sofa that goes on and on until the context is full"]
    vectors = embedder.embed_text(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, embedder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] < 0.999
    np.testing.assert_allclose(embedder.embed_text(texts[1:]), vectors[1:], atol=1e-6)
    assert embedder.embed_text([]).shape == (0, embedder.dim)


def test_a_single_string_is_not_taken_for_its_letters(embedder: ClipEmbedder) -> None:
    with pytest.raises(TypeError, match=re.escape("pass ['a dog']")):
        embedder.embed_text("a dog")


def test_without_its_tokenizer_images_still_work(tmp_path: Path) -> None:
    model = MODEL | {"text_cfg": MODEL["text_cfg"] | {"hf_tokenizer_name": "not-in-the-folder"}}
    folder = write_checkpoint(tmp_path / "m")
    config = json.dumps({"model_cfg": model, "preprocess_cfg": PREPROCESSING})
    (folder / "open_clip_config.json").write_text(config)
    embedder = ClipEmbedder(folder)
    assert embedder.embed_images(images(1)).shape == (1, 24)
    with pytest.raises(EmbedderError, match=r"tokenizer of clip:blake2b-.* cannot be loaded"):
        embedder.embed_text(["a dog"])


# --- memory


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA has no more"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=["cuda", "mps", "cpu"],
)
def test_batches_are_halved_until_they_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    embedder = ClipEmbedder(folder)
    expected = embedder.embed_images(images(21))
    encode, sizes = embedder._model.encode_image, []

    def small(pixels: torch.Tensor, normalize: bool) -> torch.Tensor:
        sizes.append(len(pixels))
        if len(pixels) > 3:
            raise error
        return encode(pixels, normalize=normalize)

    monkeypatch.setattr(embedder._model, "encode_image", small)
    embedder.batch_size = 16
    np.testing.assert_allclose(embedder.embed_images(images(21)), expected, atol=1e-6)
    assert sizes == [16, 8, 4] + [2] * 10 + [1]
    assert embedder.batch_size == 2


def test_one_image_that_does_not_fit_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = ClipEmbedder(folder)

    def full(*_: object, **__: object) -> None:
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(embedder._model, "encode_image", full)
    with pytest.raises(EmbedderError, match=r"does not fit in the memory of 'cpu'\. Choose a smaller model"):
        embedder.embed_images(images(5))


def test_other_errors_of_the_model_are_not_taken_for_lack_of_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = ClipEmbedder(folder)
    monkeypatch.setattr(embedder._model, "encode_image", lambda *_, **__: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        embedder.embed_images(images(5))
    assert embedder.batch_size == 64


# --- identity


def test_the_name_is_that_of_the_content(tmp_path: Path, embedder: ClipEmbedder) -> None:
    moved = write_checkpoint(tmp_path / "elsewhere", name="other.safetensors")
    assert ClipEmbedder(moved).name == embedder.name
    assert re.fullmatch(r"clip:blake2b-[0-9a-f]{16}/32-bicubic-shortest-[0-9a-f]{8}", embedder.name)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"model": MODEL | {"quick_gelu": True}},
        {"preprocessing": PREPROCESSING | {"mean": [0.4, 0.46, 0.41]}},
        {"preprocessing": PREPROCESSING | {"std": [0.27, 0.26, 0.3]}},
        {"preprocessing": PREPROCESSING | {"interpolation": "bilinear"}},
        {"preprocessing": PREPROCESSING | {"resize_mode": "squash"}},
        {"preprocessing": PREPROCESSING | {"fill_color": 9}},
        {"model": MODEL | {"vision_cfg": MODEL["vision_cfg"] | {"image_size": 40}}},
    ],
    ids=["weights", "activation", "mean", "std", "interpolation", "resize_mode", "fill_color", "size"],
)
def test_what_changes_vectors_changes_the_name(
    tmp_path: Path, embedder: ClipEmbedder, change: dict[str, Any]
) -> None:
    assert ClipEmbedder(write_checkpoint(tmp_path / "m", **change)).name != embedder.name


def test_logging_is_left_as_it_was(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), list(root.filters), root.level)
    ClipEmbedder(folder).embed_text(["a"])
    assert (root.handlers, root.filters, root.level) == before
    assert not caplog.records


# --- installations that are missing or broken


class _Breaks(MetaPathFinder):
    def __init__(self, package: str, error: Exception) -> None:
        self.package, self.error = package, error

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == self.package:
            raise self.error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("operator torchvision::nms does not exist"),
        AttributeError("module 'torch' has no attribute 'frob'"),
        OSError("libcudart.so.12: cannot open shared object file"),
        ImportError("cannot import name 'x' from 'torchvision'"),
        ModuleNotFoundError("No module named 'torch._custom_ops'", name="torch._custom_ops"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_broken_installation_is_explained(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.delitem(sys.modules, "open_clip")
    monkeypatch.setattr(sys, "meta_path", [_Breaks("open_clip", error), *sys.meta_path])
    with pytest.raises(EmbedderError, match="pip install --upgrade torch torchvision") as caught:
        ClipEmbedder()
    assert f"{type(error).__name__}: {error}" in str(caught.value)
    assert f"torch {torch.__version__.partition('+')[0]}" in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("package", ["open_clip", "torchvision"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    error = ModuleNotFoundError(f"No module named '{package}'", name=package)
    monkeypatch.delitem(sys.modules, "open_clip")
    monkeypatch.setattr(sys, "meta_path", [_Breaks("open_clip", error), *sys.meta_path])
    with pytest.raises(EmbedderError, match=rf"needs the package {package}, .*pip install 'simwidget\[clip\]'"):
        ClipEmbedder()


def test_an_old_open_clip_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_clip, "__version__", "2.30.0")
    with pytest.raises(EmbedderError, match=r"open_clip 2\.30\.0 is too old; .*--upgrade open_clip_torch"):
        ClipEmbedder()

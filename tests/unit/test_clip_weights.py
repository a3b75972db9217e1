"""Where CLIP weights come from: folders and files, the hub's cache, downloads, and being offline."""

from __future__ import annotations

import json
import os
import socket
import time
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tiny_clip import (
    DEFAULT_REPOSITORY,
    MODEL,
    PREPROCESSING,
    fill_cache,
    images,
    serve_hub,
    state_dict,
    use_hub,
    write_checkpoint,
    write_weights,
)

from simwidget.embedders.clip import ClipEmbedder
from simwidget.errors import EmbedderError, InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT_NAME = "clip:ViT-B-32/laion2b_s34b_b79k/"


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


# --- local checkpoints


def test_a_file_is_loaded_with_the_configuration_beside_it(folder: Path, embedder: ClipEmbedder) -> None:
    named = ClipEmbedder(folder / "open_clip_model.safetensors")
    np.testing.assert_array_equal(named.embed_images(images()), embedder.embed_images(images()))


def test_of_several_files_the_named_one_is_loaded(tmp_path: Path, embedder: ClipEmbedder) -> None:
    folder = write_checkpoint(tmp_path / "m", seed=5, name="epoch_1.safetensors")
    # As open_clip's training writes them.
    checkpoint = {"state_dict": {f"module.{key}": value for key, value in state_dict().items()}, "epoch": 2}
    torch.save(checkpoint, folder / "epoch_2.pt")
    with pytest.raises(InvalidValueError, match=r"holds epoch_1\.safetensors, epoch_2\.pt: pass the path"):
        ClipEmbedder(folder)
    second = ClipEmbedder(folder / "epoch_2.pt")
    np.testing.assert_array_equal(second.embed_images(images()), embedder.embed_images(images()))


def test_a_pickle_cannot_run_code(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "m")
    trace = tmp_path / "ran"

    class Harm:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(trace),)

    torch.save({"state_dict": Harm()}, folder / "bad.pt")
    with pytest.raises(EmbedderError, match=r"bad\.pt cannot be loaded"):
        ClipEmbedder(folder / "bad.pt")
    assert not trace.exists()


def test_a_pickle_is_refused_where_torch_cannot_read_it_safely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_checkpoint(tmp_path / "m")
    torch.save(state_dict(), folder / "w.pt")
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion("2.5.1"))
    assert ClipEmbedder(folder).dim == 24
    with pytest.raises(EmbedderError, match=r"w\.pt is a pickle, which torch 2\.5\.1 cannot read safely"):
        ClipEmbedder(folder / "w.pt")
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion("2.10.0"))
    assert ClipEmbedder(folder / "w.pt").dim == 24


@pytest.mark.parametrize(
    ("preprocessing", "message"),
    [
        ({}, "no usable mean but None"),
        ({"mean": [0.5, 0.5, 0.5]}, "no usable std but None"),
        (PREPROCESSING | {"mean": 0.5}, r"no usable mean but 0\.5"),
        (PREPROCESSING | {"mean": [0.5, 0.5, float("nan")]}, "no usable mean"),
        (PREPROCESSING | {"std": [0.5, 0.5, 0]}, "no usable std"),
        (PREPROCESSING | {"resize-mode": "squash"}, "does not know: resize-mode"),
        (PREPROCESSING | {"interpolation": "random"}, "interpolation 'random', which is none of bicubic"),
        (PREPROCESSING | {"resize_mode": "crop"}, "resize_mode 'crop', which is none of shortest"),
        (PREPROCESSING | {"mode": "BGR"}, "mode 'BGR', which is none of RGB"),
        (PREPROCESSING | {"size": 64}, r"declared to take the size \(64, 64\), but its model has \(32, 32\)"),
        (None, "is no object but None"),
    ],
)
def test_preprocessing_that_cannot_be_told_is_refused(tmp_path: Path, preprocessing: Any, message: str) -> None:
    folder = write_checkpoint(tmp_path / "m", preprocessing=preprocessing)
    with pytest.raises(EmbedderError, match=message) as caught:
        ClipEmbedder(folder)
    assert "Put the open_clip_config.json that was published with the weights" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "does not tell its model and preprocessing: .*open_clip_config.json is missing"),
        ("{", "cannot be used: JSONDecodeError"),
        ("[]", "cannot be used: TypeError"),
        ('{"model_cfg": {}}', "cannot be used: KeyError: 'preprocess_cfg'"),
    ],
)
def test_a_configuration_that_is_missing_or_unreadable_is_refused(
    tmp_path: Path, config: str | None, message: str
) -> None:
    weights = write_weights(tmp_path / "m" / "w.safetensors", state_dict())
    if config is not None:
        (weights.parent / "open_clip_config.json").write_text(config)
    with pytest.raises(EmbedderError, match=message):
        ClipEmbedder(weights)


def test_weights_that_are_damaged_or_of_another_model_are_refused(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "m")
    weights = folder / "open_clip_model.safetensors"

    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(EmbedderError, match=r"cannot be loaded: .* Check that they are complete"):
        ClipEmbedder(folder)

    write_weights(weights, {key: value * float("nan") for key, value in state_dict().items()})
    with pytest.raises(EmbedderError, match="returned NaN or infinity"):
        ClipEmbedder(folder)

    other = MODEL | {"vision_cfg": MODEL["vision_cfg"] | {"layers": 3}}
    write_weights(weights, state_dict(model=other))
    with pytest.raises(EmbedderError, match=r"cannot be loaded: RuntimeError: .*state_dict"):
        ClipEmbedder(folder)

    config = {"model_cfg": {"embed_dim": 24}, "preprocess_cfg": PREPROCESSING}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(EmbedderError, match="cannot be loaded: "):
        ClipEmbedder(folder)


def test_paths_that_are_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No such CLIP checkpoint: .*nowhere"):
        ClipEmbedder(tmp_path / "nowhere")
    with pytest.raises(InvalidValueError, match=r"holds no file ending in \.safetensors"):
        ClipEmbedder(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InvalidValueError, match=r"notes\.txt is no CLIP checkpoint; those end in"):
        ClipEmbedder(tmp_path / "notes.txt")


# --- built-in models: the hub's cache, downloads, being offline


def test_cached_weights_are_used_without_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache(tmp_path, DEFAULT_REPOSITORY, state_dict())
    with serve_hub({}) as (endpoint, requests):
        use_hub(monkeypatch, tmp_path, endpoint)
        embedder = ClipEmbedder()
        again = ClipEmbedder("ViT-B-32/LAION2B-s34b-b79k")
    assert requests == []
    assert embedder.name.startswith(DEFAULT_NAME + "32-bicubic-shortest-")
    assert again.name == embedder.name
    np.testing.assert_array_equal(embedder.embed_text(["a dog"]), again.embed_text(["a dog"]))


@pytest.mark.parametrize(
    ("weights", "repository", "quick_gelu", "preprocessing"),
    [
        (
            "ViT-B-32/openai",  # trained with QuickGELU, which the built-in ViT-B-32 does not have
            "timm/vit_base_patch32_clip_224.openai",
            True,
            {
                "mean": [0.48145466, 0.4578275, 0.40821073],
                "std": [0.26862954, 0.26130258, 0.27577711],
                "resize_mode": "shortest",
            },
        ),
        (
            "ViT-B-16-SigLIP/webli",
            "timm/ViT-B-16-SigLIP",
            False,
            {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"},
        ),
    ],
)
def test_preprocessing_and_activation_are_those_of_the_weights(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    weights: str,
    repository: str,
    quick_gelu: bool,
    preprocessing: dict[str, Any],
) -> None:
    fill_cache(tmp_path, repository, state_dict())
    use_hub(monkeypatch, tmp_path, "http://127.0.0.1:1")
    model = MODEL | {"quick_gelu": quick_gelu}
    peer = ClipEmbedder(write_checkpoint(tmp_path / "peer", model=model, preprocessing=preprocessing))
    embedder = ClipEmbedder(weights)
    np.testing.assert_allclose(embedder.embed_images(images()), peer.embed_images(images()), atol=1e-6)
    assert embedder.name.rpartition("/")[2] == peer.name.rpartition("/")[2]


def test_weights_are_downloaded_once_showing_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    weights = write_weights(tmp_path / "w.safetensors", state_dict()).read_bytes()
    with serve_hub({f"{DEFAULT_REPOSITORY}/open_clip_model.safetensors": weights}) as (endpoint, requests):
        use_hub(monkeypatch, cache, endpoint)
        monkeypatch.setenv("TQDM_POSITION", "-1")  # the hub's way to show bars without a terminal, too
        embedder = ClipEmbedder()
        assert "GET open_clip_model.safetensors" in requests
        assert "100%" in capfd.readouterr().err
        requests.clear()
        assert ClipEmbedder().name == embedder.name
        assert requests == []


def test_a_pickle_is_downloaded_where_there_are_no_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(state_dict(), tmp_path / "w.bin")
    files = {f"{DEFAULT_REPOSITORY}/open_clip_pytorch_model.bin": (tmp_path / "w.bin").read_bytes()}
    with serve_hub(files) as (endpoint, requests):
        use_hub(monkeypatch, tmp_path / "cache", endpoint)
        assert ClipEmbedder().dim == 24
    assert requests[0] == "HEAD open_clip_model.safetensors"
    assert "GET open_clip_pytorch_model.bin" in requests


def test_a_repository_without_weights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub({}) as (endpoint, _):
        use_hub(monkeypatch, tmp_path, endpoint)
        with pytest.raises(EmbedderError, match=f"{DEFAULT_REPOSITORY} has none of open_clip_model.safetensors"):
            ClipEmbedder()


@pytest.mark.parametrize("answering", ["refused", "silent"])
def test_being_offline_is_noticed_within_three_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answering: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        if answering == "refused":
            server.close()
        use_hub(monkeypatch, tmp_path, endpoint)
        start = time.perf_counter()
        with pytest.raises(EmbedderError, match=r"neither on this disk .* Connect once to download") as caught:
            ClipEmbedder()
        assert time.perf_counter() - start < 3
    assert endpoint in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_the_look_up_of_a_name_cannot_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that does not answer blocks in C, where no time-out of a socket reaches."""
    use_hub(monkeypatch, tmp_path, "http://hub.invalid")
    release = Event()

    def hang(*_: object, **__: object) -> list[Any]:
        release.wait(timeout=10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.perf_counter()
    try:
        with pytest.raises(EmbedderError, match=r"TimeoutError: no answer within 2\.5 s"):
            ClipEmbedder()
        assert time.perf_counter() - start < 3
    finally:
        release.set()


def test_offline_mode_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with serve_hub({}) as (endpoint, requests):
        use_hub(monkeypatch, tmp_path, endpoint)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(EmbedderError, match="offline mode is enabled"):
            ClipEmbedder()
    assert requests == []


@pytest.mark.parametrize(
    ("weights", "known"),
    [
        ("ViT-B-32/laion9b", "For ViT-B-32: .*laion2b_s34b_b79k"),
        ("ViT-B-32", "For ViT-B-32: .*laion2b_s34b_b79k"),
        ("VIT-B/openai", "Models: .*ViT-B-32, .*ViT-L-14"),
    ],
)
def test_unknown_weights_are_answered_with_the_known_ones(weights: str, known: str) -> None:
    with pytest.raises(UnknownNameError, match=f"no weights '{weights}'.*{known}"):
        ClipEmbedder(weights)

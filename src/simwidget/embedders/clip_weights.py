"""Where the weights of a CLIP model are, and the preprocessing that belongs to them.

Built-in models are declared by open_clip's own table; a local checkpoint by the ``open_clip_config.json``
beside it. Importing this module imports neither torch nor open_clip.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from pathlib import Path
from textwrap import shorten
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from simwidget.errors import EmbedderError, InvalidValueError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WEIGHTS_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
CONFIG_NAME = "open_clip_config.json"
HOW_TO_DECLARE = (
    f"Put the {CONFIG_NAME} that was published with the weights into their folder. It reads "
    '{"model_cfg": {...}, "preprocess_cfg": {"mean": [r, g, b], "std": [r, g, b], "interpolation": '
    '"bicubic" or "bilinear", "resize_mode": "shortest", "longest" or "squash"}}.'
)

_HUB_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_OFFLINE_AFTER = 2.5  # seconds without an answer from the hub

# What open_clip's file format means where a file is silent; mean and std have to be there.
_DEFAULTS = {"mode": "RGB", "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0}
_CHOICES = {
    "mode": ("RGB",),
    "interpolation": ("bicubic", "bilinear"),
    "resize_mode": ("shortest", "longest", "squash"),
}

T = TypeVar("T")


class ClipWeights(NamedTuple):
    """Weights on this disk.

    Attributes
    ----------
    source : str
        What open_clip calls the model: a built-in name or ``local-dir:FOLDER``.
    path : Path
        The file.
    identity : str
        ``MODEL/PRETRAINED``, or a hash of the content.
    preprocessing : dict
        As declared with the weights, in the terms of ``open_clip.transform.PreprocessCfg``.
    quick_gelu : bool
        Whether the weights ask for QuickGELU although their model is built in without.
    """

    source: str
    path: Path
    identity: str
    preprocessing: dict[str, Any]
    quick_gelu: bool


def brief(error: BaseException) -> str:
    """Type and beginning of the message of ``error``, closed by a full stop."""
    text = shorten(f"{type(error).__name__}: {error}", 300, placeholder=" [...]")
    return text if text.endswith((".", "]")) else f"{text}."


def find_pretrained(open_clip: Any, weights: str) -> ClipWeights:
    """Find weights of open_clip's table in the hub's cache, or download them, showing progress.

    Parameters
    ----------
    open_clip : module
        The imported package.
    weights : str
        ``MODEL/PRETRAINED`` as in ``open_clip.list_pretrained()``.

    Raises
    ------
    UnknownNameError
        If the table has no such weights.
    EmbedderError
        If they are not on this disk and the hub has not answered within 2.5 seconds, or a download fails.
    """
    model, _, tag = weights.partition("/")
    config = open_clip.get_pretrained_cfg(model, tag)
    if not config:
        tags = open_clip.list_pretrained_tags_by_model(model)
        known = f"For {model}: " if tags else "Models: "
        known += ", ".join(tags or dict(open_clip.list_pretrained()))
        raise UnknownNameError(
            f"open_clip has no weights {weights!r}; they are named MODEL/PRETRAINED. {known}. "
            "A local folder is written with a leading './' or '/'."
        )
    repository, _, filename = config["hf_hub"].rpartition("/")
    filenames = (str(Path(filename).with_suffix(".safetensors")), filename) if filename else _HUB_NAMES
    declared = {key: config[key] for key in ("mean", "std", "interpolation", "resize_mode")}
    return ClipWeights(
        source=model,
        path=_cached(repository, filenames) or _download(repository, filenames, weights),
        # open_clip takes tags in any case, with dashes or underscores; here they have one name.
        identity=f"{model}/{tag.lower().replace('-', '_')}",
        preprocessing=_DEFAULTS | declared,
        quick_gelu=config.get("quick_gelu", False),
    )


def _cached(repository: str, filenames: Sequence[str]) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(repository, filename) for filename in filenames)
    return next((Path(path) for path in found if isinstance(path, str)), None)


def _download(repository: str, filenames: Sequence[str], weights: str) -> Path:
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    try:
        for filename in filenames:
            # hf_hub_download goes on trying for half a minute and more when offline: ask once before.
            url = hf_hub_url(repository, filename)
            try:
                _answer_within(_OFFLINE_AFTER, partial(get_hf_file_metadata, url, timeout=_OFFLINE_AFTER))
            except EntryNotFoundError:
                continue
            return Path(hf_hub_download(repository, filename))
        raise FileNotFoundError(f"{repository} has none of {', '.join(filenames)}")
    except Exception as error:
        raise EmbedderError(
            f"The weights of CLIP {weights} are neither on this disk ({constants.HF_HUB_CACHE}) nor to be "
            f"had from {constants.ENDPOINT}: {brief(error)} Connect once to download them, or pass the path "
            f"of a folder that holds them with their {CONFIG_NAME}."
        ) from error


def _answer_within(seconds: float, question: Callable[[], T]) -> T:
    """Ask in a thread of its own: no time-out of a socket bounds the look-up of a host's name."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except Exception as error:
            answer.set_exception(error)

    Thread(target=ask, name="simwidget-hub", daemon=True).start()
    try:
        return answer.result(timeout=seconds)
    except FutureTimeoutError as error:
        raise TimeoutError(f"no answer within {seconds:g} s") from error


def find_local(path: Path) -> ClipWeights:
    """Find the weights that a path names, with the model and preprocessing declared beside them.

    Parameters
    ----------
    path : Path
        A weights file whose folder holds ``open_clip_config.json``, or that folder.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    InvalidValueError
        If it is no weights file, or a folder that leaves open which file is meant.
    EmbedderError
        If the model or the preprocessing is not declared, or not in terms that open_clip knows.
    """
    path = path.expanduser().resolve()
    if not path.exists():
        raise FileNotFoundError(f"No such CLIP checkpoint: {path}")
    file = _weights_in(path) if path.is_dir() else path
    if file.suffix.lower() not in WEIGHTS_SUFFIXES:
        raise InvalidValueError(f"{file} is no CLIP checkpoint; those end in {', '.join(WEIGHTS_SUFFIXES)}.")
    config_path = file.parent / CONFIG_NAME
    try:
        config = json.loads(config_path.read_text("utf-8"))
        model, preprocessing = config["model_cfg"], config["preprocess_cfg"]
    except FileNotFoundError as error:
        raise EmbedderError(
            f"{file} does not tell its model and preprocessing: {config_path} is missing. {HOW_TO_DECLARE}"
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise EmbedderError(f"{config_path} cannot be used: {brief(error)} {HOW_TO_DECLARE}") from error
    return ClipWeights(
        source=f"local-dir:{file.parent}",
        path=file,
        identity=_content_hash(file, model),
        preprocessing=_declared_preprocessing(preprocessing, config_path),
        quick_gelu=False,
    )


def _weights_in(folder: Path) -> Path:
    files = {file.name: file for file in sorted(folder.iterdir()) if file.suffix.lower() in WEIGHTS_SUFFIXES}
    for name in _HUB_NAMES:
        if name in files:
            return files[name]
    if len(files) != 1:
        names = ", ".join(files) or f"no file ending in {', '.join(WEIGHTS_SUFFIXES)}"
        raise InvalidValueError(f"{folder} holds {names}: pass the path of the weights file to use.")
    return next(iter(files.values()))


def _content_hash(file: Path, model: object) -> str:
    """Hash of the weights and of the model's configuration, which changes what the same weights compute."""
    digest = hashlib.blake2b(json.dumps(model, sort_keys=True).encode(), digest_size=8)
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return f"blake2b-{digest.hexdigest()}"


def _declared_preprocessing(declared: Any, where: Path) -> dict[str, Any]:
    """Check what a local file declares: open_clip would silently replace what is missing or misspelt."""

    def refuse(what: str) -> EmbedderError:
        return EmbedderError(f"The preprocess_cfg in {where} {what}. {HOW_TO_DECLARE}")

    if not isinstance(declared, dict):
        raise refuse(f"is no object but {declared!r}")
    for key in ("mean", "std"):
        values = declared.get(key)
        if not (
            isinstance(values, list)
            and len(values) == 3
            and all(isinstance(value, (int, float)) and np.isfinite(value) for value in values)
            and (key == "mean" or min(values) > 0)
        ):
            raise refuse(f"has no usable {key} but {values!r}")
    if unknown := sorted(declared.keys() - {*_DEFAULTS, "mean", "std", "size"}):
        raise refuse(f"has entries that open_clip does not know: {', '.join(unknown)}")
    filled = _DEFAULTS | declared
    for key, choices in _CHOICES.items():
        if filled[key] not in choices:
            raise refuse(f"has the {key} {filled[key]!r}, which is none of {', '.join(choices)}")
    return filled

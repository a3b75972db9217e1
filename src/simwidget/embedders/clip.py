"""CLIP image and text vectors by open_clip, with the preprocessing that belongs to the weights.

Importing this module imports neither torch nor open_clip; making a :class:`ClipEmbedder` does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from simwidget.embedders.clip_weights import HOW_TO_DECLARE, brief, find_local, find_pretrained
from simwidget.errors import EmbedderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    import torch

    from simwidget.embedders.clip_weights import ClipWeights

DEFAULT_WEIGHTS = "ViT-B-32/laion2b_s34b_b79k"

_BATCH_SIZE = 64
_MOST_THREADS = 8

T = TypeVar("T")


class ClipEmbedder:
    """A CLIP model of open_clip.

    Parameters
    ----------
    weights : str or Path, default "ViT-B-32/laion2b_s34b_b79k"
        A string is ``MODEL/PRETRAINED`` as in ``open_clip.list_pretrained()``; weights that are not in
        the hub's cache on this disk are downloaded, showing progress. A Path is a folder holding
        ``open_clip_config.json`` and weights, or the weights file in such a folder.

    Attributes
    ----------
    name : str
        ``clip:WEIGHTS/PREPROCESSING``. Local weights are named by a hash of their content and of the
        model's configuration, so they keep their name when the folder moves.
    dim : int
        Length of a vector.
    near_duplicate_radius : float
        0.03, the cosine distance found for ViT-B/32.
    image_size : int
        The larger side of the model's input, in pixels.
    batch_size : int
        Images or texts that go through the model at once; halved whenever they do not fit in memory.

    Raises
    ------
    UnknownNameError
        If open_clip has no such model or pretrained weights.
    FileNotFoundError
        If the path does not exist.
    InvalidValueError
        If the path names no weights, or leaves open which of several.
    EmbedderError
        If open_clip cannot be imported, the weights cannot be had or do not fit the model, or their
        preprocessing cannot be told.

    Notes
    -----
    Runs on the first of CUDA, MPS and CPU that is there: on CUDA devices of compute capability 8.0 or more under
    autocast to bfloat16, else in float32. Rows are normalised in float32. The name is the same for both, so that a
    project built on a GPU can be queried on a laptop. For orientation: under autocast on a CPU the vectors of a
    tiny CLIP with random weights were at most 5e-5 from those in float32 (cosine distance, 343 images, 3 seeds),
    and no distance of two images changed by more than 0.0031. Weights are read from safetensors, or unpickled with
    ``weights_only=True`` by a torch in which that is safe (2.6 or later: CVE-2025-32434).
    """

    near_duplicate_radius = 0.03

    def __init__(self, weights: str | Path = DEFAULT_WEIGHTS) -> None:
        open_clip = _import_open_clip()
        found = find_local(weights) if isinstance(weights, Path) else find_pretrained(open_clip, weights)
        self._source = found.source
        self._tokenize: Callable[[list[str]], torch.Tensor] | None = None
        self._device = _best_device()
        self._bfloat16 = _is_faster_in_bfloat16(self._device)
        self.batch_size = _BATCH_SIZE
        try:
            self._model = _load_model(open_clip, found).to(self._device)
            preprocessing = _preprocessing_in_effect(open_clip.get_model_preprocess_cfg(self._model), found)
            self._preprocess = open_clip.image_transform(is_train=False, **preprocessing)
            height, width = preprocessing["image_size"]
            self.image_size = max(height, width)
            self.name = f"clip:{found.identity}/{_preprocessing_name(preprocessing)}"
            # Tells the dimension, and whether this device can really run this model.
            self.dim = self.embed_images([Image.new("RGB", (width, height))]).shape[1]
        except EmbedderError:
            raise
        except Exception as error:
            hint = " If the GPU is to blame, hide it: CUDA_VISIBLE_DEVICES=''." if self._device == "cuda" else ""
            raise EmbedderError(
                f"The CLIP weights {found.path} cannot be loaded: {brief(error)} Check that they are complete "
                f"and belong to this model.{hint}"
            ) from error

    def __repr__(self) -> str:
        return f"ClipEmbedder({self.name!r}, device={self._device!r})"

    def embed_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Embed images.

        Parameters
        ----------
        images : sequence of PIL.Image.Image
            Upright; modes other than RGB are converted.

        Returns
        -------
        ndarray of float32, shape (len(images), dim)
            Rows of unit length.

        Raises
        ------
        EmbedderError
            If not even one image fits in memory, or the model returns NaN or infinity.
        """
        return self._embed(images, self._encode_images)

    def embed_text(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts into the space of the images.

        Parameters
        ----------
        texts : sequence of str
            Cut off at the model's context length.

        Returns
        -------
        ndarray of float32, shape (len(texts), dim)
            Rows of unit length.

        Raises
        ------
        TypeError
            If ``texts`` is a single string.
        EmbedderError
            If the model's tokenizer cannot be loaded; and as in :meth:`embed_images`.
        """
        if isinstance(texts, str):
            raise TypeError(f"embed_text takes a list of texts: pass [{texts!r}]")
        return self._embed(texts, self._encode_texts)

    def _encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        import torch

        # Threads of our own, also for one core: torch would hand each small step of the transform to its
        # pool, which on a machine busy decoding costs many times the work itself.
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
            pixels = torch.stack(list(pool.map(self._preprocess, images)))
        vectors: torch.Tensor = self._model.encode_image(pixels.to(self._device), normalize=False)
        return vectors

    def _encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        if self._tokenize is None:
            self._tokenize = self._load_tokenizer()
        tokens = self._tokenize(list(texts)).to(self._device)
        vectors: torch.Tensor = self._model.encode_text(tokens, normalize=False)
        return vectors

    def _load_tokenizer(self) -> Callable[[list[str]], torch.Tensor]:
        open_clip = _import_open_clip()
        try:
            with _root_logger_untouched_by(open_clip):
                tokenizer: Callable[[list[str]], torch.Tensor] = open_clip.get_tokenizer(self._source)
        except Exception as error:
            raise EmbedderError(
                f"The tokenizer of {self.name} cannot be loaded: {brief(error)} "
                "If that is a missing package, install it. Images can be embedded without."
            ) from error
        return tokenizer

    def _embed(self, items: Sequence[T], encode: Callable[[Sequence[T]], torch.Tensor]) -> npt.NDArray[np.float32]:
        """Encode in batches, halving them for good whenever memory runs out."""
        import torch

        precision = torch.autocast(self._device, torch.bfloat16) if self._bfloat16 else nullcontext()
        blocks: list[npt.NDArray[np.float32]] = []
        start = 0
        while start < len(items):
            batch = items[start : start + self.batch_size]
            try:
                with torch.inference_mode():
                    with precision:
                        vectors = encode(batch)
                    # In float32: bfloat16 has fewer than three digits, too few for a length of one.
                    rows = torch.nn.functional.normalize(vectors.float(), dim=-1)
                    blocks.append(rows.cpu().numpy())
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                if len(batch) == 1:
                    raise EmbedderError(
                        f"One item of {self.name} does not fit in the memory of {self._device!r}. Choose a "
                        "smaller model, or hide the GPU where there is one: CUDA_VISIBLE_DEVICES=''."
                    ) from error
            else:
                start += len(batch)
                continue
            # Not within the except clause: the traceback keeps the tensors of the failed batch alive.
            self.batch_size = len(batch) // 2
            if self._device != "cpu":
                getattr(torch, self._device).empty_cache()
        embedded = np.concatenate(blocks) if blocks else np.empty((0, self.dim), np.float32)
        if not np.isfinite(embedded).all():
            raise EmbedderError(f"{self.name} returned NaN or infinity: its weights are damaged.")
        return embedded


def _import_open_clip() -> Any:
    try:
        import open_clip
    except Exception as error:
        # A torch and a torchvision of different releases show as almost any exception: RuntimeError
        # (operator torchvision::nms does not exist), AttributeError, ImportError, OSError.
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and "." not in missing:
            raise EmbedderError(
                f"CLIP needs the package {missing}, which is not installed: pip install 'simwidget[clip]'"
            ) from error
        raise EmbedderError(
            f"open_clip cannot be imported: {brief(error)} Installed are torch {_installed('torch')} and "
            f"torchvision {_installed('torchvision')}, which have to be of one release. To mend it: "
            "pip install --upgrade torch torchvision; then restart the kernel."
        ) from error
    if int(open_clip.__version__.partition(".")[0]) < 3:
        raise EmbedderError(
            f"open_clip {open_clip.__version__} is too old; 3.0 or later is needed. To mend it: "
            "pip install --upgrade open_clip_torch; then restart the kernel."
        )
    return open_clip


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(none)"


def _load_model(open_clip: Any, weights: ClipWeights) -> Any:
    import torch

    # torch's version compares with a string as versions do: 2.10 is after 2.6.
    if weights.path.suffix.lower() != ".safetensors" and torch.__version__ < "2.6":
        raise EmbedderError(
            f"{weights.path} is a pickle, which torch {torch.__version__} cannot read safely. To mend it: "
            "pip install --upgrade torch torchvision; or convert the weights to safetensors."
        )
    # The size is the model's own; a declared one is held against it afterwards.
    preprocessing = {key: value for key, value in weights.preprocessing.items() if key != "size"}
    with _root_logger_untouched_by(open_clip):
        model = open_clip.create_model(
            weights.source,
            load_weights=False,
            pretrained_text=False,
            force_quick_gelu=weights.quick_gelu,
            force_preprocess_cfg=preprocessing,
        )
        open_clip.load_checkpoint(model, str(weights.path), weights_only=True)
    return model.eval()


@contextmanager
def _root_logger_untouched_by(package: Any) -> Iterator[None]:
    """Keep a package off the root logger.

    open_clip tells it that a model made without weights is "initialized randomly" (ours get them right
    after), and its first record would configure logging in the user's place.
    """
    folder = Path(package.__file__).parent

    def of_others(record: logging.LogRecord) -> bool:
        return Path(record.pathname).parent != folder

    root, null = logging.getLogger(), logging.NullHandler()
    root.addHandler(null)
    root.addFilter(of_others)
    try:
        yield
    finally:
        root.removeFilter(of_others)
        root.removeHandler(null)


def _preprocessing_in_effect(config: dict[str, Any], weights: ClipWeights) -> dict[str, Any]:
    """Arguments for ``open_clip.image_transform``; refused where they are not those of the weights."""
    effect, declared = _normalized(config), _normalized(weights.preprocessing)
    for key, value in declared.items():
        if effect[key] != value:
            raise EmbedderError(
                f"{weights.path} is declared to take the {key} {value!r}, but its model has {effect[key]!r}. "
                f"{HOW_TO_DECLARE}"
            )
    keys = ("mean", "std", "interpolation", "resize_mode", "fill_color")
    return {"image_size": effect["size"]} | {key: effect[key] for key in keys}


def _normalized(config: dict[str, Any]) -> dict[str, Any]:
    """Make tuples of lists, and (height, width) of the size."""
    config = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
    if isinstance(config.get("size"), int):
        config["size"] = (config["size"],) * 2
    return config


def _preprocessing_name(preprocessing: dict[str, Any]) -> str:
    height, width = preprocessing["image_size"]
    size = str(height) if height == width else f"{height}x{width}"
    values = [preprocessing[key] for key in ("mean", "std", "fill_color")]
    digest = hashlib.blake2b(json.dumps(values).encode(), digest_size=4).hexdigest()
    return f"{size}-{preprocessing['interpolation']}-{preprocessing['resize_mode']}-{digest}"


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _is_faster_in_bfloat16(device: str) -> bool:
    """Whether it is a GPU that multiplies in bfloat16: from Ampere, compute capability 8.0, on."""
    import torch

    return device == "cuda" and torch.cuda.get_device_capability() >= (8, 0)


def _is_out_of_memory(error: RuntimeError) -> bool:
    import torch

    # Only CUDA has a class for it; MPS and the allocators of the CPU have their words.
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(word in str(error) for word in words)

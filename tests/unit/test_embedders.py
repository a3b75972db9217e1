"""How the ``embedder=`` argument is understood and remembered, and how an embedder is fed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pictures import picture
from PIL import Image
from thumb_embedder import ThumbEmbedder
from tiny_clip import DEFAULT_REPOSITORY, fill_cache, state_dict, use_hub, write_checkpoint

from simwidget.embedders import Embedder, resolve_embedder
from simwidget.embedders.choice import StoredEmbedder
from simwidget.embedders.clip import ClipEmbedder
from simwidget.embedders.perceptual import PerceptualEmbedder
from simwidget.errors import EmbedderError, InvalidValueError, ProjectFormatError, UnknownNameError
from simwidget.pipeline import Progress, read_items
from simwidget.project import Project
from simwidget.sources.folder import FolderSource
from simwidget.store import ProjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Custom:
    """The least that the protocol asks for."""

    name = "mean colour"
    dim = 3
    near_duplicate_radius = 0.01

    def embed_images(self, images: Any) -> np.ndarray:
        means = np.array([np.asarray(image, np.float32).mean((0, 1)) for image in images])
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def run_python(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_perceptual() -> None:
    embedder, reason = resolve_embedder("perceptual")
    assert isinstance(embedder, PerceptualEmbedder)
    assert isinstance(embedder, Embedder)
    assert reason is None


def test_a_checkpoint_by_path_string_and_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_checkpoint(tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    specs: list[str | Path] = [
        folder,
        Path("m"),
        str(folder),
        f"clip:{folder}",
        "./m",
        "clip:./m",
        "~/m",
        "m/open_clip_model.safetensors",
        "clip:m/open_clip_model.safetensors",
    ]
    resolved = [resolve_embedder(spec) for spec in specs]
    assert all(isinstance(embedder, ClipEmbedder) and reason is None for embedder, reason in resolved)
    assert len({embedder.name for embedder, _ in resolved}) == 1


@pytest.mark.parametrize("spec", ["clip", "clip:ViT-B-32/laion2b_s34b_b79k", "auto"])
def test_clip_and_auto_with_weights_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    fill_cache(tmp_path, DEFAULT_REPOSITORY, state_dict())
    use_hub(monkeypatch, tmp_path, "http://127.0.0.1:1")
    embedder, reason = resolve_embedder(spec)
    assert embedder.name.startswith("clip:ViT-B-32/laion2b_s34b_b79k/")
    assert reason is None


def test_auto_offline_is_perceptual_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_hub(monkeypatch, tmp_path, "http://127.0.0.1:1")
    embedder, reason = resolve_embedder("auto")
    assert isinstance(embedder, PerceptualEmbedder)
    assert reason is not None
    assert "ViT-B-32/laion2b_s34b_b79k are neither on this disk" in reason
    assert "Connect once to download them" in reason
    assert reason.endswith("To choose the built-in one without this warning: embedder='perceptual'.")
    with pytest.raises(EmbedderError, match="neither on this disk"):
        resolve_embedder("clip")


AUTO = """
from simwidget.embedders import resolve_embedder
embedder, reason = resolve_embedder("auto")
print(type(embedder).__name__, reason)
"""


def test_auto_without_open_clip_says_what_to_install() -> None:
    output = run_python("import sys; sys.modules['open_clip'] = None\n" + AUTO)
    assert output.startswith("PerceptualEmbedder ")
    assert "open_clip, which is not installed: pip install 'simwidget[clip]'" in output


def test_auto_with_a_torchvision_of_another_release_says_how_to_mend_it(tmp_path: Path) -> None:
    """The real open_clip and torch, in front of a torchvision that fails as a mismatched one does."""
    broken = tmp_path / "torchvision"
    broken.mkdir()
    (broken / "__init__.py").write_text(
        "import torch\n@torch.library.register_fake('torchvision::nms')\ndef nms(*args): ...\n"
    )
    output = run_python(AUTO, PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    assert output.startswith("PerceptualEmbedder ")
    assert "RuntimeError: operator torchvision::nms does not exist" in output
    assert "pip install --upgrade torch torchvision" in output


def test_importing_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'torchvision', 'open_clip', 'huggingface_hub', 'scipy'}"
    code = f"import sys; from simwidget.embedders import resolve_embedder; print({heavy} & sys.modules.keys())"
    assert run_python(code).strip() == "set()"


@pytest.mark.parametrize("spec", ["", "Clip", "resnet50", "checkpoints/m", "perceptual "])
def test_an_unknown_name_is_answered_with_the_known_ones(spec: str) -> None:
    with pytest.raises(UnknownNameError, match="Known are 'auto', 'perceptual', 'clip'"):
        resolve_embedder(spec)


def test_unknown_clip_weights_are_an_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match=r"For ViT-L-14: .*datacomp_xl_s13b_b90k"):
        resolve_embedder("clip:ViT-L-14/huge")


def test_a_path_to_nothing() -> None:
    with pytest.raises(FileNotFoundError, match="No such CLIP checkpoint"):
        resolve_embedder("clip:/no/such/folder")


# --- objects of the protocol


def test_an_object_of_the_protocol_is_itself() -> None:
    custom = Custom()
    assert resolve_embedder(custom) == (custom, None)


@pytest.mark.parametrize("missing", ["name", "dim", "near_duplicate_radius", "embed_images"])
def test_what_an_object_lacks_is_named(missing: str) -> None:
    members = {key: getattr(Custom, key) for key in ("name", "dim", "near_duplicate_radius", "embed_images")}
    del members[missing]
    incomplete = type("Incomplete", (), members)()
    with pytest.raises(TypeError, match=f"lacks {missing}\\."):
        resolve_embedder(incomplete)


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("name", "", "name is ''; it has to be a non-empty string"),
        ("name", 7, "name is 7"),
        ("dim", 0, "dim of the embedder 'mean colour' is 0"),
        ("dim", 3.0, r"is 3\.0; it has to be a positive int"),
        ("dim", True, "is True; it has to be a positive int"),
        ("near_duplicate_radius", 0, "is 0; it has to be a cosine distance between 0 and 1"),
        ("near_duplicate_radius", 1.5, r"is 1\.5; it has to be a cosine distance"),
        ("near_duplicate_radius", float("nan"), "is nan; it has to be a cosine distance"),
        ("near_duplicate_radius", "0.1", r"is '0\.1'; it has to be a cosine distance"),
        ("embed_images", "f", "embed_images of the embedder 'mean colour' cannot be called"),
    ],
)
def test_values_out_of_range_are_refused(member: str, value: object, message: str) -> None:
    custom = Custom()
    setattr(custom, member, value)
    with pytest.raises(InvalidValueError, match=message):
        resolve_embedder(custom)


def test_a_class_is_not_its_instance() -> None:
    with pytest.raises(TypeError, match="is the class Custom; pass an instance"):
        resolve_embedder(Custom)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", [None, 3, [Custom()]])
def test_other_objects_are_refused(spec: Any) -> None:
    with pytest.raises(TypeError, match="lacks name, dim, near_duplicate_radius, embed_images"):
        resolve_embedder(spec)


def test_an_incomplete_object_that_can_be_called_is_no_function() -> None:
    class Incomplete:
        name = "incomplete"

        def embed_images(self, images: Any) -> Any:
            return images

        __call__ = embed_images

    with pytest.raises(TypeError, match=r"lacks dim, near_duplicate_radius\."):
        resolve_embedder(Incomplete())


# --- what a project remembers


class TestRemembered:
    @pytest.fixture
    def photos(self, tmp_path: Path) -> Path:
        folder = tmp_path / "photos"
        folder.mkdir()
        for seed in range(4):
            picture(seed, (40, 30)).save(folder / f"{seed}.png")
        return folder

    @pytest.mark.parametrize("as_spec", [Path, str], ids=["path", "string"])
    def test_a_checkpoint_is_loaded_again_for_a_query(
        self,
        photos: Path,
        tmp_path: Path,
        build: Callable[..., Project],
        monkeypatch: pytest.MonkeyPatch,
        as_spec: Callable[[Path], str | Path],
    ) -> None:
        folder = write_checkpoint(tmp_path / "weights" / "m")
        build(photos, embedder=as_spec(folder))
        monkeypatch.chdir(photos)
        project = Project.open(photos)
        try:
            assert project.similar(picture(2, (40, 30)), k=1).paths[0].name == "2.png"
        finally:
            project.close()

    def test_a_path_is_remembered_in_every_working_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_checkpoint(tmp_path / "m")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        for spec in (Path("m"), Path("~/m"), tmp_path / "m"):
            embedder = resolve_embedder(spec).embedder
            stored = StoredEmbedder.of(spec, embedder)
            monkeypatch.chdir("/")
            assert stored.load().name == embedder.name
            assert not stored.answers(spec)  # its content may have changed
            monkeypatch.chdir(tmp_path)

    def test_a_checkpoint_that_is_gone_is_not_needed_to_open(self, tmp_path: Path) -> None:
        folder = write_checkpoint(tmp_path / "m")
        stored = StoredEmbedder.of(folder, resolve_embedder(folder).embedder)
        folder.rename(tmp_path / "elsewhere")
        assert stored.answers(folder)
        assert stored.answers(str(folder))
        assert not stored.answers(tmp_path / "other")

    def test_a_function_is_not_remembered(self, photos: Path, build: Callable[..., Project]) -> None:
        build(photos, embedder=Custom().embed_images)
        project = Project.open(photos)
        try:
            with pytest.raises(EmbedderError, match="an embedder of your own, 'function:test_embedders"):
                project.similar(picture(2, (40, 30)))
        finally:
            project.close()

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("name", ..., "embedder.name is missing"),
            ("radius", ..., "embedder.radius is missing"),
            ("dim", "3", "embedder.dim is '3', not a positive integer"),
            ("dim", True, "embedder.dim is True"),
            ("radius", None, "embedder.radius is None, not a number between 0 and 1"),
            ("radius", 1.5, "embedder.radius is 1.5"),
            ("name", 3, "embedder.name is 3, not a string"),
            ("spec", ["clip"], r"embedder.spec is \['clip'\], not a string or null"),
            ("added", 3, "embedder.added is 3, not a string or null"),
            (None, "thumb-6", "embedder is 'thumb-6', no object"),
        ],
    )
    def test_a_damaged_description_is_refused(self, field: str | None, value: Any, message: str) -> None:
        custom = Custom()
        facts: dict[str, Any] = StoredEmbedder.of(custom, custom)._asdict()
        if value is ...:
            del facts[field]
        elif field is not None:
            facts[field] = value
        manifest = json.loads(json.dumps({"embedder": facts if field is not None else value}))
        with pytest.raises(ProjectFormatError, match=message) as error:
            StoredEmbedder.from_manifest(manifest)
        assert "Delete that file from the project folder and run Project.from_folder" in str(error.value)

    def test_what_the_message_says_helps(self, photos: Path, build: Callable[..., Project]) -> None:
        embedder = ThumbEmbedder()
        first = build(photos, embedder=embedder)
        first.tag([photos / "2.png"], "nice")
        path = first.project_dir / "manifest.json"
        manifest = json.loads(path.read_text())
        for described in (manifest["embedder"], *manifest.get("embedders", {}).values()):
            del described["dim"]
        path.write_text(json.dumps(manifest))
        with pytest.raises(ProjectFormatError, match=r"embedder\.dim is missing"):
            Project.open(photos)
        path.unlink()
        second = build(photos, embedder=embedder)
        assert embedder.images == 4
        assert second.tags["nice"] == [photos / "2.png"]

    def test_a_sound_description_comes_back(self) -> None:
        custom = Custom()
        stored = StoredEmbedder.of(custom, custom)
        manifest = json.loads(json.dumps({"embedder": stored._asdict()}))
        assert StoredEmbedder.from_manifest(manifest) == stored
        del manifest["embedder"]["added"]  # of an earlier simwidget
        assert StoredEmbedder.from_manifest(manifest) == stored
        assert StoredEmbedder.from_manifest({}) is None


# --- feeding


def test_images_are_decoded_while_the_embedder_works(tmp_path: Path) -> None:
    """The first batch in the embedder and a file of the last wait for each other: both have to be under way."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3 * 32):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number:03}.png")
    meeting = threading.Barrier(2, timeout=60)
    main = threading.get_ident()
    decoding_threads = set()

    class Meeting(ThumbEmbedder):
        def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
            assert threading.get_ident() == main
            if self.calls == 1:
                meeting.wait()
            return super().vectors(images)

    def locate(path: str) -> Path:
        decoding_threads.add(threading.get_ident())
        if path == "064.png":
            meeting.wait()
        return folder / path

    embedder = Meeting()
    store = ProjectStore(tmp_path / "project")
    try:
        with store.build_lock():
            store.sync_items(FolderSource.at(folder).scan(), None, None)
            read_items(store, locate, embedder, Progress(False))
        assert len(store.load_items().ids) == embedder.images == 3 * 32
    finally:
        store.close()
    assert embedder.overlaps == 0
    assert main not in decoding_threads

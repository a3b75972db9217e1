"""Folders, embedders and rights that tests share; see also ``pictures`` and ``thumb_embedder``."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from pictures import picture
from PIL import Image
from thumb_embedder import ThumbEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simwidget.project import Project

NOBODY = 65534


class Planted(NamedTuple):
    """A folder with copies in it, and the truth: paths relative to the folder, by what was done."""

    folder: Path
    originals: list[str]
    same_bytes: tuple[str, str]  # copy, original
    same_pixels: tuple[str, str]
    variants: list[tuple[str, str]]  # re-encoded or resized, original


@pytest.fixture
def thumb_embedder() -> ThumbEmbedder:
    return ThumbEmbedder()


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """Twelve photos, four of them with copies or variants, in two subfolders."""
    folder = tmp_path / "planted"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    originals = [f"a/{seed:02}.png" for seed in range(12)]
    for seed, path in enumerate(originals):
        picture(seed, (160, 120)).save(folder / path)
    (folder / "b/same bytes.png").write_bytes((folder / originals[0]).read_bytes())
    picture(1, (160, 120)).save(folder / "b/same pixels.bmp")
    picture(2, (160, 120)).save(folder / "b/encoded.jpg", quality=90)
    picture(3, (160, 120)).resize((80, 60), Image.Resampling.BOX).save(folder / "b/resized.png")
    return Planted(
        folder,
        originals,
        ("b/same bytes.png", originals[0]),
        ("b/same pixels.bmp", originals[1]),
        [("b/encoded.jpg", originals[2]), ("b/resized.png", originals[3])],
    )


@pytest.fixture
def build() -> Iterator[Callable[..., Project]]:
    """``Project.from_folder`` without progress bars; what it built is closed when the test ends."""
    from simwidget.project import Project

    built: list[Project] = []

    def from_folder(*args: object, **kwargs: object) -> Project:
        built.append(Project.from_folder(*args, **{"progress": False, **kwargs}))
        return built[-1]

    yield from_folder
    for project in built:
        project.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user of the machine can enter, unlike ``tmp_path``."""
    folder = Path(tempfile.mkdtemp(prefix="simwidget-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def without_rights() -> Callable[..., object]:
    """``with without_rights(folder, mode=0o555)``: a user to whom the folders give only these rights; root too."""

    @contextmanager
    def limited(*folders: Path, mode: int = 0o555) -> Iterator[None]:
        before = [folder.stat().st_mode for folder in folders]
        for folder in folders:
            folder.chmod(mode)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(NOBODY)
            yield
        finally:
            if root:
                os.seteuid(0)
            for folder, bits in zip(folders, before, strict=True):
                folder.chmod(bits)

    return limited

"""Builds on real files: what was computed is kept, whatever befalls the files, the process or the embedder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import picture
from PIL import Image
from thumb_embedder import ThumbEmbedder

from simwidget import pipeline
from simwidget.errors import EmbedderError, ProjectBusyError, ProjectFormatError
from simwidget.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from conftest import Planted

    Build = Callable[..., Project]

BATCH = 32
ORIENTATION = 0x0112


def photos(folder: Path, count: int, first: int = 0) -> Path:
    """Write small, different images; ``first`` numbers the first of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        picture(number, (24, 16)).save(folder / f"{number:03}.png", compress_level=1)
    return folder


def files(folder: Path) -> dict[str, int]:
    """Times of all that a build computes, by path."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for pattern in ("*/**/*.npy", "*/**/*.json", "manifest.json")
        for path in folder.glob(pattern)
    }


def relative(project: Project, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in project.paths]


class TestSameImage:
    def test_planted_copies(self, planted: Planted, build: Build, thumb_embedder: ThumbEmbedder) -> None:
        project = build(planted.folder, embedder=thumb_embedder)
        found = {frozenset([g.keeper, *g.duplicates]): g.reason for g in project.duplicates(0)}
        assert found == {
            frozenset(planted.folder / path for path in planted.same_bytes): "same bytes",
            frozenset(planted.folder / path for path in planted.same_pixels): "same pixels",
        }
        for copy, original in (planted.same_bytes, planted.same_pixels):
            scores = project.uniqueness[project.rows([planted.folder / copy, planted.folder / original])]
            assert (scores == 0).sum() == 1
        near = {frozenset([g.keeper, *g.duplicates]) for g in project.duplicates(project.near_duplicate_radius)}
        assert {frozenset(planted.folder / path for path in pair) for pair in planted.variants} <= near

    def test_large_jpeg_and_png_of_its_pixels(self, tmp_path: Path, build: Build) -> None:
        class Lying(ThumbEmbedder):  # to whom no two images look alike
            name = "lying"
            dim = 40

            def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
                start = self.images - len(images)
                return np.eye(40, dtype=np.float32)[start : start + len(images)]

        folder = photos(tmp_path / "photos", 4)
        for seed in range(3):
            picture(seed, (1100, 700)).save(folder / f"large {seed}.jpg", quality=85)
        with Image.open(folder / "large 1.jpg") as decoded:
            decoded.save(folder / "copy.png", compress_level=1)
            exif = Image.Exif()
            exif[ORIENTATION] = 6
            decoded.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.png", exif=exif, compress_level=1)
        project = build(folder, embedder=Lying())
        [group] = project.duplicates(0)
        members = {folder / name for name in ("large 1.jpg", "copy.png", "turned.png")}
        assert {group.keeper, *group.duplicates} == members
        assert set(group.reasons) == {"same pixels"}
        scores = project.uniqueness[project.rows(members)]
        assert sorted(scores) == [0, 0, 1]


class TestSecondRun:
    def test_computes_nothing(self, planted: Planted, build: Build, thumb_embedder: ThumbEmbedder) -> None:
        first = build(planted.folder, embedder=thumb_embedder)
        before = files(first.project_dir)
        again = ThumbEmbedder()
        second = build(planted.folder, embedder=again)
        assert thumb_embedder.images == len(first) == 16
        assert again.images == 0
        assert files(second.project_dir) == before
        assert np.array_equal(first.ids, second.ids)
        assert np.array_equal(first.uniqueness, second.uniqueness)

    def test_new_files_are_computed_alone(self, tmp_path: Path, build: Build) -> None:
        first = build(photos(tmp_path / "photos", 40), embedder=ThumbEmbedder())
        second = build(photos(tmp_path / "photos", 5, first=40), embedder=ThumbEmbedder())
        assert second._opened.embedder.images == 5
        assert len(second) == 45
        assert np.array_equal(second.embeddings[:40], first.embeddings)

    def test_a_changed_file_is_computed_alone(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", 10)
        first = build(folder, embedder=ThumbEmbedder())
        vectors, old_thumbnails = first.embeddings.copy(), first.thumbnails(first.ids)
        picture(99).save(folder / "003.png")
        second = build(folder, embedder=ThumbEmbedder())
        assert second._opened.embedder.images == 1
        assert np.array_equal(first.ids, second.ids)
        same = (second.embeddings == vectors).all(axis=1)
        assert same.tolist() == [number != 3 for number in range(10)]
        thumbnails = zip(second.thumbnails(second.ids), old_thumbnails, strict=True)
        assert [new == old for new, old in thumbnails] == same.tolist()
        assert second.to_pandas()["width"].iloc[3] == 96

    def test_a_removed_file_keeps_its_tags_for_its_return(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", 6)
        first = build(folder, embedder=ThumbEmbedder())
        item = int(first.rows("002.png")[0])
        identity = int(first.ids[item])
        first.tag(["002.png", "004.png"], "odd")
        (folder / "002.png").rename(tmp_path / "aside.png")

        without = build(folder, embedder=ThumbEmbedder())
        assert len(without) == len(without.embeddings) == len(without.graph.indices) == 5
        assert without.tags["odd"] == [folder / "004.png"]
        assert without._opened.embedder.images == 0

        (tmp_path / "aside.png").rename(folder / "002.png")
        again = build(folder, embedder=ThumbEmbedder())
        assert again.tags["odd"] == [folder / "002.png", folder / "004.png"]
        assert again.ids[item] == identity
        assert again._opened.embedder.images == 0  # its vector was set aside

    def test_ids_are_never_reused(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", 5)
        used = set(build(folder, embedder=ThumbEmbedder()).ids.tolist())
        for number in range(3, 5):
            (folder / f"{number:03}.png").unlink()
        photos(folder, 3, first=50)
        project = build(folder, embedder=ThumbEmbedder())
        new = project.ids[project.rows(["050.png", "051.png", "052.png"])]
        assert not used & set(new.tolist())

    def test_an_unreadable_file_that_is_mended(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", 3)
        (folder / "bad.png").write_text("no picture")
        first = build(folder, embedder=ThumbEmbedder())
        assert first.failed == [(folder / "bad.png", "not an image that Pillow can read")]
        assert len(first) == 3
        picture(7).save(folder / "bad.png")
        second = build(folder, embedder=ThumbEmbedder())
        assert second.failed == []
        assert len(second) == 4
        assert second._opened.embedder.images == 1

    def test_no_readable_image_at_all(self, tmp_path: Path, build: Build) -> None:
        (tmp_path / "a.png").touch()
        for _ in range(2):
            project = build(tmp_path, embedder=ThumbEmbedder())
            assert project.embeddings.shape == (0, ThumbEmbedder.dim)
            assert project.graph.indices.shape == (0, 0)
            assert project.failed == [(tmp_path / "a.png", "the file is empty")]


class TestOddPlaces:
    def test_odd_names_and_labels(self, tmp_path: Path, build: Build) -> None:
        names = ["\N{GRINNING FACE}/'q\".png", "two\nlines/a.png", os.fsdecode(b"caf\xe9/\xff.png"), "~x.png"]
        for seed, name in enumerate(names):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            picture(seed).save(tmp_path / name)
        bad = os.fsdecode(b"caf\xe9/broken.png")
        (tmp_path / bad).touch()
        for _ in range(2):
            project = build(tmp_path, embedder=ThumbEmbedder(), labels="folder")
            assert dict(zip(relative(project, tmp_path), project.labels, strict=True)) == {
                name: name.rpartition("/")[0] or None for name in names
            }
            assert project.failed == [(tmp_path / bad, "the file is empty")]
        project.tag(project.paths, "all")
        assert project.tags["all"] == project.paths

    def test_moved_together_with_its_project(self, tmp_path: Path, build: Build) -> None:
        first = build(photos(tmp_path / "here", 4), embedder=ThumbEmbedder())
        first.tag("001.png", "odd")
        first.close()
        shutil.move(tmp_path / "here", tmp_path / "there")
        opened = Project.open(tmp_path / "there")
        assert opened.paths == [tmp_path / f"there/00{number}.png" for number in range(4)]
        opened.close()
        again = build(tmp_path / "there", embedder=ThumbEmbedder())
        assert again._opened.embedder.images == 0
        assert again.tags["odd"] == [tmp_path / "there/001.png"]

    def test_read_only_images(
        self,
        open_folder: Path,
        build: Build,
        without_rights: Callable[..., object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder, cache = photos(open_folder / "photos", 3), open_folder / "cache"
        cache.mkdir()
        cache.chmod(0o777)
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        build(folder, embedder=ThumbEmbedder(), project_dir=open_folder / "other")  # imports what is imported late
        with without_rights(folder):
            first = build(folder, embedder=ThumbEmbedder())
            second = build(folder, embedder=ThumbEmbedder())
            assert cache in first.project_dir.parents
            assert second.project_dir == first.project_dir
            assert second._opened.embedder.images == 0
        assert not (folder / ".simwidget").exists()

    def test_project_dir_that_cannot_be_written(
        self, open_folder: Path, build: Build, without_rights: Callable[..., object]
    ) -> None:
        folder, locked = photos(open_folder / "photos", 1), open_folder / "locked"
        locked.mkdir()
        with without_rights(locked), pytest.raises(PermissionError, match=r"locked/p' cannot be written"):
            build(folder, embedder=ThumbEmbedder(), project_dir=locked / "p")

    def test_opening_a_project_that_cannot_be_written(
        self, open_folder: Path, build: Build, without_rights: Callable[..., object]
    ) -> None:
        project = build(photos(open_folder / "photos", 2), embedder=ThumbEmbedder())
        project.close()
        written = [project.project_dir, *(path for path in project.project_dir.glob("*") if path.is_file())]
        with without_rights(*written), pytest.raises(PermissionError, match=r"\.simwidget' cannot be written"):
            Project.open(project.project_dir)


class TestStopped:
    @contextmanager
    def paused(self, folder: Path) -> Iterator[subprocess.Popen[str]]:
        """A process that is building, has stored one batch and waits."""
        command = [sys.executable, str(Path(__file__).with_name("builder.py")), str(folder), "pause"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "paused\n"
                yield process
            finally:
                process.kill()

    def test_killed_while_reading(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", 3 * BATCH)
        with self.paused(folder) as process:
            with pytest.raises(ProjectBusyError, match="Another process is building"):
                build(folder, embedder=ThumbEmbedder())
            process.send_signal(signal.SIGKILL)
            process.wait()
        with pytest.raises(ProjectFormatError, match="not built to the end"):
            Project.open(folder)
        project = build(folder, embedder=ThumbEmbedder())
        assert len(project) == 3 * BATCH
        assert project._opened.embedder.images == 2 * BATCH

    def test_opened_while_another_process_builds(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", BATCH)
        first = build(folder, embedder=ThumbEmbedder())
        first.tag("000.png", "first")
        first.close()
        photos(folder, 3 * BATCH, first=BATCH)
        before = files(first.project_dir)
        with self.paused(folder) as process:
            opened = Project.open(folder)
            assert len(opened) == len(opened.embeddings) == len(opened.uniqueness) == 2 * BATCH
            assert opened.tags["first"] == [folder / "000.png"]
            assert files(first.project_dir) == before
            opened.close()
            output, _ = process.communicate("go on\n")
            assert (process.returncode, output) == (0, f"{4 * BATCH}\n")
        again = build(folder, embedder=ThumbEmbedder())
        assert (len(again), again._opened.embedder.images) == (4 * BATCH, 0)

    def test_killed_at_each_file_that_it_writes(self, tmp_path: Path, build: Build) -> None:
        """Vectors, rows, four arrays of the graph, its key, Uniqueness, its key: the old or the new counts."""
        folder = photos(tmp_path / "photos", 20)
        build(folder, embedder=ThumbEmbedder()).close()
        builder, number, count, killed = str(Path(__file__).with_name("builder.py")), 0, 20, True
        while killed:
            number, count = number + 1, count + 2
            photos(folder, 2, first=count - 2)
            command = [sys.executable, builder, str(folder), "kill", str(number)]
            process = subprocess.run(command, stdout=subprocess.PIPE, check=False)
            killed = process.returncode == -signal.SIGKILL
            assert killed or process.returncode == 0
            project = build(folder, embedder=ThumbEmbedder())
            assert len(project) == count
            assert project._opened.embedder.images == 0, f"embedded again after a kill at file {number}"
            assert not list(project.project_dir.rglob("*.tmp"))
        assert number == 10
        expected = build(folder, embedder=ThumbEmbedder(), project_dir=tmp_path / "in one go")
        assert np.array_equal(project.embeddings, expected.embeddings)
        assert np.array_equal(project.graph.distances, expected.graph.distances)
        near = expected.graph.distances < 1  # those at 1 are in no order
        assert np.array_equal(project.graph.indices[near], expected.graph.indices[near])
        assert np.array_equal(project.uniqueness, expected.uniqueness)

    @pytest.mark.parametrize("thread_safe", [False, True])
    def test_interrupted(self, tmp_path: Path, build: Build, thread_safe: bool) -> None:
        class Interrupted(ThumbEmbedder):
            def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
                if self.calls == 2:
                    raise KeyboardInterrupt
                return super().vectors(images)

        embedder = Interrupted()
        embedder.thread_safe = thread_safe
        folder = photos(tmp_path / "photos", 4 * BATCH)
        with pytest.raises(KeyboardInterrupt):
            build(folder, embedder=embedder)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("simwidget-read")]
        project = build(folder, embedder=ThumbEmbedder())
        assert len(project) == 4 * BATCH
        if not thread_safe:  # else it is chance which batch is the second
            assert project._opened.embedder.images == 3 * BATCH

    def test_interrupted_while_pixels_are_compared(
        self, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = photos(tmp_path / "photos", 2)
        build(folder, embedder="perceptual")
        picture(9, (700, 520)).save(folder / "large.jpg")
        with Image.open(folder / "large.jpg") as decoded:
            decoded.save(folder / "large.png", compress_level=1)

        def interrupt(path: Path) -> bytes:
            raise KeyboardInterrupt(path)

        with monkeypatch.context() as patch:
            patch.setattr(pipeline, "hash_pixels", interrupt)
            with pytest.raises(KeyboardInterrupt):
                build(folder, embedder="perceptual")
        [group] = build(folder, embedder="perceptual").duplicates(0)
        assert group.reasons == ["same pixels"]


class TestEmbedderFailures:
    class Failing(ThumbEmbedder):
        """Fails on pictures whose top left pixel is in ``bad``."""

        def __init__(self, *bad: tuple[int, int, int]) -> None:
            super().__init__()
            self.bad = bad

        def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
            if any(image.getpixel((0, 0)) in self.bad for image in images):
                raise ZeroDivisionError("too odd")
            return super().vectors(images)

    def test_on_one_image(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", 6)
        odd = picture(3, (24, 16)).getpixel((0, 0))
        project = build(folder, embedder=self.Failing(odd))
        [(path, reason)] = project.failed
        assert path == folder / "003.png"
        assert reason == "the embedder 'thumb-6' failed: ZeroDivisionError: too odd"
        assert len(project) == 5
        mended = build(folder, embedder=ThumbEmbedder())
        assert mended.failed == []
        assert mended._opened.embedder.images == 1

    def test_on_all(self, tmp_path: Path, build: Build) -> None:
        folder = photos(tmp_path / "photos", 3)
        embedder = self.Failing(*(picture(seed, (24, 16)).getpixel((0, 0)) for seed in range(3)))
        with pytest.raises(EmbedderError, match=r"'thumb-6' failed on each of 3 images.*0\.png.*too odd"):
            build(folder, embedder=embedder)
        assert len(build(folder, embedder=ThumbEmbedder())) == 3

    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            (np.ones((2, 5), np.float32), r"shape \(2, 5\)"),
            (np.ones((3, 108), np.float32), r"shape \(3, 108\)"),
            (np.ones(216, np.float32), r"shape \(216,\)"),
            (np.ones((2, 108), np.int64), "int64"),
            (np.ones((2, 108), np.complex128), "complex128"),
            (None, "object"),
            ([[1.0] * 108, [1.0]], "is no array: ValueError"),
        ],
    )
    def test_wrong_returns_stop_the_build(
        self, tmp_path: Path, build: Build, returned: object, message: str
    ) -> None:
        class Wrong(ThumbEmbedder):
            def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:  # noqa: ARG002
                return returned  # type: ignore[return-value]

        with pytest.raises(EmbedderError, match=rf"'thumb-6' returned.*{message}"):
            build(photos(tmp_path / "photos", 2), embedder=Wrong())

    @pytest.mark.parametrize(
        ("bad", "reason"), [(np.nan, "NaN or infinity"), (np.inf, "NaN or infinity"), (0.0, "a zero vector")]
    )
    def test_one_row_that_is_no_direction(self, tmp_path: Path, build: Build, bad: float, reason: str) -> None:
        class OneBadRow(ThumbEmbedder):
            def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
                rows = super().vectors(images)
                rows[1] = bad
                return rows

        folder = photos(tmp_path / "photos", 4)
        project = build(folder, embedder=OneBadRow())
        assert project.failed == [(folder / "001.png", f"the embedder 'thumb-6' returned {reason}")]
        assert len(project) == 3
        assert np.isfinite(project.embeddings).all()

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_rows_are_made_unit_float32(self, tmp_path: Path, build: Build, dtype: type) -> None:
        class Long(ThumbEmbedder):
            def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
                return (super().vectors(images) * 37).astype(dtype)

        project = build(photos(tmp_path / "photos", 5), embedder=Long())
        assert project.embeddings.dtype == np.float32
        assert np.linalg.norm(project.embeddings, axis=1) == pytest.approx(1, abs=1e-6)
        exact = build(tmp_path / "photos", embedder=ThumbEmbedder(), project_dir=tmp_path / "exact")
        assert np.abs(project.embeddings - exact.embeddings).max() < 1e-3

    def test_another_length_under_the_same_name(self, tmp_path: Path, build: Build) -> None:
        class Shorter(ThumbEmbedder):
            dim = 50

            def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
                return super().vectors(images)[:, :50]

        folder = photos(tmp_path / "photos", 3)
        build(folder, embedder=ThumbEmbedder())
        with pytest.raises(EmbedderError, match=r"vectors of 108 numbers by .*'thumb-6', which now makes 50"):
            build(folder, embedder=Shorter())

    @pytest.mark.parametrize("thread_safe", [False, True])
    def test_threads(self, tmp_path: Path, build: Build, thread_safe: bool) -> None:
        class Where(ThumbEmbedder):
            def __init__(self) -> None:
                super().__init__()
                self.threads: set[int] = set()

            def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
                self.threads.add(threading.get_ident())
                return super().vectors(images)

        embedder = Where()
        embedder.thread_safe = thread_safe
        project = build(photos(tmp_path / "photos", 6 * BATCH), embedder=embedder)
        assert embedder.images == len(project) == 6 * BATCH
        if thread_safe:
            assert threading.get_ident() not in embedder.threads
        else:
            assert embedder.threads == {threading.get_ident()}
            assert embedder.overlaps == 0

    def test_embed_of_nothing(self, thumb_embedder: ThumbEmbedder) -> None:
        assert pipeline.embed(thumb_embedder, [], []) == []
        assert thumb_embedder.calls == 0

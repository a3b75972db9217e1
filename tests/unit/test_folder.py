"""Scanning a folder: what counts as an image of it, and clear words where there is none."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from simwidget.errors import InvalidValueError, NoImagesError, UnknownNameError
from simwidget.names import ItemNames
from simwidget.sources.assigned import assigned_names, parent_folder, top_folder
from simwidget.sources.folder import FolderSource, image_suffixes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def put(folder: Path, *paths: str) -> None:
    """Write small files; their content does not matter to a scan."""
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode("utf-8", "surrogateescape"))


def scanned(folder: Path, **options: bool) -> list[str]:
    return [entry.path for entry in FolderSource.at(folder, **options).scan()]


class TestScan:
    def test_nested_and_sorted(self, tmp_path: Path) -> None:
        put(tmp_path, "b.png", "a.jpg", "deep/er/c.webp", "deep/a.gif", "Z.tiff")
        assert scanned(tmp_path) == ["Z.tiff", "a.jpg", "b.png", "deep/a.gif", "deep/er/c.webp"]

    def test_not_recursive(self, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg", "deep/b.jpg")
        assert scanned(tmp_path, recursive=False) == ["a.jpg"]

    def test_upper_case_suffixes(self, tmp_path: Path) -> None:
        put(tmp_path, "A.JPG", "b.Png", "c.TIFF")
        assert scanned(tmp_path) == ["A.JPG", "b.Png", "c.TIFF"]

    def test_other_files_are_left_out(self, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg", "a.txt", "jpg", "a.jpg.part", "a.pdf", "a.mp4", "a.eps")
        assert scanned(tmp_path) == ["a.jpg"]

    def test_hidden_files_and_folders_are_left_out(self, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg", ".b.jpg", ".jpg", "._a.jpg", ".hidden/c.jpg", ".simwidget/d.png", "x/.y/e.jpg")
        assert scanned(tmp_path) == ["a.jpg"]

    def test_a_hidden_root_is_not_left_out(self, tmp_path: Path) -> None:
        put(tmp_path, ".hidden/c.jpg")
        assert scanned(tmp_path / ".hidden") == ["c.jpg"]

    def test_a_folder_with_a_suffix_is_a_folder(self, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg/b.jpg")
        assert scanned(tmp_path) == ["a.jpg/b.jpg"]

    def test_size_and_time_are_those_of_the_file(self, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg")
        os.utime(tmp_path / "a.jpg", ns=(0, 1_234_567_890_123_456_789))
        assert FolderSource.at(tmp_path).scan() == [("a.jpg", 5, 1_234_567_890_123_456_789)]

    def test_every_suffix_is_decodable(self) -> None:
        suffixes = image_suffixes()
        assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".avif", ".jp2"} <= suffixes
        assert not {".pdf", ".eps", ".mpg", ".wmf", ".h5", ".txt", ""} & suffixes
        extensions = Image.registered_extensions()
        assert all(extensions[suffix] in Image.OPEN for suffix in suffixes)

    @pytest.mark.parametrize(
        "name",
        [
            "\N{GRINNING FACE}.jpg",
            'it\'s "quoted".jpg',
            "two\nlines.jpg",
            " space .jpg",
            "~$lock.jpg",
            "ba\\ck.jpg",
            "100%;--.jpg",
            "e\N{COMBINING ACUTE ACCENT}.jpg",
            os.fsdecode(b"caf\xe9.jpg"),
        ],
    )
    def test_odd_names(self, tmp_path: Path, name: str) -> None:
        put(tmp_path, name)
        source = FolderSource.at(tmp_path)
        [entry] = source.scan()
        assert entry.path == name
        assert source.file(entry.path).read_bytes() == name.encode("utf-8", "surrogateescape")


class TestLinks:
    def test_to_files_count(self, tmp_path: Path) -> None:
        put(tmp_path, "elsewhere/original", "photos/a.jpg")
        (tmp_path / "photos/link.jpg").symlink_to(tmp_path / "elsewhere/original")
        entries = FolderSource.at(tmp_path / "photos").scan()
        assert [entry.path for entry in entries] == ["a.jpg", "link.jpg"]
        assert entries[1].size == len("elsewhere/original")

    def test_dangling_and_circular_are_left_out(self, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg")
        (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing.jpg")
        (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
        assert scanned(tmp_path) == ["a.jpg"]

    def test_to_folders_are_not_followed(self, tmp_path: Path) -> None:
        put(tmp_path, "photos/deep/a.jpg", "outside/b.jpg")
        (tmp_path / "photos/deep/loop").symlink_to(tmp_path / "photos")
        (tmp_path / "photos/folder.jpg").symlink_to(tmp_path / "outside")
        assert scanned(tmp_path / "photos") == ["deep/a.jpg"]

    def test_a_linked_root_is_followed_and_keeps_its_name(self, tmp_path: Path) -> None:
        put(tmp_path, "photos/a.jpg")
        (tmp_path / "link").symlink_to(tmp_path / "photos")
        source = FolderSource.at(tmp_path / "link")
        assert source.root == tmp_path / "link"
        assert [entry.path for entry in source.scan()] == ["a.jpg"]

    def test_pipes_and_sockets_are_left_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path, "a.jpg")
        os.mkfifo(tmp_path / "pipe.jpg")
        monkeypatch.chdir(tmp_path)  # paths of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.jpg")
            assert scanned(tmp_path) == ["a.jpg"]


class TestErrors:
    def test_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"There is no folder '.*nowhere'"):
            FolderSource.at(tmp_path / "nowhere")

    def test_a_file(self, tmp_path: Path) -> None:
        put(tmp_path, "a.jpg")
        with pytest.raises(NotADirectoryError, match=r"a\.jpg' is a file.*such as '.*'"):
            FolderSource.at(tmp_path / "a.jpg")

    def test_empty(self, tmp_path: Path) -> None:
        with pytest.raises(NoImagesError) as error:
            scanned(tmp_path)
        assert repr(str(tmp_path)) in str(error.value)
        assert ".jpeg" in str(error.value)

    def test_images_only_below(self, tmp_path: Path) -> None:
        put(tmp_path, "deep/a.jpg")
        with pytest.raises(NoImagesError, match="recursive=False"):
            scanned(tmp_path, recursive=False)

    def test_relative_and_home_paths(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path, "photos/a.jpg")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert FolderSource.at("photos") == FolderSource.at("~/photos") == FolderSource(tmp_path / "photos")

    def test_subfolder_without_permission(self, open_folder: Path, without_rights: Callable[..., object]) -> None:
        put(open_folder, "a.jpg", "locked/b.jpg", "open/c.jpg")
        with (
            without_rights(open_folder / "locked", mode=0o000),
            pytest.warns(UserWarning, match=r"Left out the folder '.*locked': Permission denied"),
        ):
            assert scanned(open_folder) == ["a.jpg", "open/c.jpg"]

    def test_root_without_permission(self, open_folder: Path, without_rights: Callable[..., object]) -> None:
        put(open_folder, "locked/b.jpg")
        with without_rights(open_folder / "locked", mode=0o000), pytest.raises(PermissionError, match="locked"):
            scanned(open_folder / "locked")


class TestAssignedNames:
    @pytest.fixture
    def items(self, tmp_path: Path) -> ItemNames:
        import numpy as np

        paths = ["a.jpg", "cat/b.jpg", "train/dog/c.jpg", "~$d.jpg"]
        return ItemNames(np.arange(4), paths, tmp_path, tmp_path)

    def test_from_folders(self, items: ItemNames) -> None:
        labels = assigned_names("labels", "folder", items, parent_folder)
        assert labels == {"a.jpg": None, "cat/b.jpg": "cat", "train/dog/c.jpg": "dog", "~$d.jpg": None}
        splits = assigned_names("split", "folder", items, top_folder)
        assert splits is not None
        assert splits["train/dog/c.jpg"] == "train"

    def test_from_a_mapping(self, items: ItemNames, tmp_path: Path) -> None:
        given = {"cat/b.jpg": "cat", tmp_path / "a.jpg": "other", "~$d.jpg": "lock"}
        assert assigned_names("labels", given, items, parent_folder) == {
            "cat/b.jpg": "cat",
            "a.jpg": "other",
            "~$d.jpg": "lock",
        }

    def test_gaps_of_a_table_are_no_label(self, items: ItemNames) -> None:
        given = {"a.jpg": float("nan"), "cat/b.jpg": None, "~$d.jpg": 7}
        found = assigned_names("labels", given, items, parent_folder)  # type: ignore[arg-type]
        assert found == {"a.jpg": None, "cat/b.jpg": None, "~$d.jpg": "7"}

    def test_nothing_given(self, items: ItemNames) -> None:
        assert assigned_names("labels", None, items, parent_folder) is None

    def test_what_cannot_be_used(self, items: ItemNames) -> None:
        with pytest.raises(InvalidValueError, match=r"labels is 'folder' or a mapping.*not 'folders'"):
            assigned_names("labels", "folders", items, parent_folder)  # type: ignore[arg-type]
        with pytest.raises(UnknownNameError, match=r"no item 'e\.jpg'"):
            assigned_names("labels", {"e.jpg": "x"}, items, parent_folder)


class TestItemNames:
    """Items by path, in each way that leads to the file."""

    def names(self, base: Path, root: Path, *relative: str) -> ItemNames:
        import numpy as np

        return ItemNames(np.arange(1, len(relative) + 1), list(relative), base, root)

    def test_through_a_linked_folder(self, tmp_path: Path) -> None:
        put(tmp_path, "real/a.jpg", "real/b.jpg")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        linked = self.names(tmp_path / "link", tmp_path / "link", "a.jpg", "b.jpg")
        assert linked.rows([tmp_path / "link/b.jpg", tmp_path / "real/b.jpg"]).tolist() == [1, 1]

    def test_in_the_working_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from pathlib import Path

        monkeypatch.chdir(tmp_path)
        here = self.names(Path(), tmp_path, "~$a.jpg", "~/b.jpg", "c.jpg")
        assert here.rows([here.path(row) for row in range(3)]).tolist() == [0, 1, 2]
        assert here.rows([here.file(row) for row in range(3)]).tolist() == [0, 1, 2]
        assert here.rows("./x/../c.jpg").tolist() == [2]

    def test_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert self.names(tmp_path, tmp_path, "a.jpg").rows("~/a.jpg").tolist() == [0]

    @pytest.mark.parametrize(
        "unknown", ["b.jpg", "", ".", "..", "~nobody-of-that-name/a.jpg", "a\0.jpg", 2, -1, 10**30]
    )
    def test_unknown(self, tmp_path: Path, unknown: str | int) -> None:
        with pytest.raises(UnknownNameError, match="The project has no item"):
            self.names(tmp_path, tmp_path, "a.jpg").rows(unknown)

    def test_title_can_be_shown(self, tmp_path: Path) -> None:
        name = os.fsdecode(b"deep/caf\xe9.jpg")
        assert self.names(tmp_path, tmp_path, name).title(0) == "caf\N{REPLACEMENT CHARACTER}.jpg"

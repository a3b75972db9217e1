"""Files of the project folder: written whole or not at all, named validly, in a place that can be written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from simwidget.store.files import atomic_write, digest, file_stem, load_array, load_json, save_array
from simwidget.store.location import display_root, find_project_dir, stored_source

if TYPE_CHECKING:
    from collections.abc import Callable


class TestFiles:
    def test_an_error_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "deep/a.txt"
        with atomic_write(path) as file:
            file.write(b"old")

        def interrupted() -> None:
            with atomic_write(path) as file:
                file.write(b"new")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert path.read_bytes() == b"old"
        assert list(path.parent.iterdir()) == [path]

    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        dtype=st.sampled_from(["<f4", "<i8", "|u1", "|V16", [("id", "<i8"), ("content", "V16")]]),
        shape=npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
    )
    def test_arrays_come_back(self, tmp_path: Path, dtype: object, shape: tuple[int, ...]) -> None:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        array = np.frombuffer(np.random.default_rng(0).bytes(size), dtype=dtype).reshape(shape)
        save_array(tmp_path / "a.npy", array)
        loaded = load_array(tmp_path / "a.npy")
        assert loaded is not None
        assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
        assert loaded.tobytes() == array.tobytes()

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"1"])
    def test_no_json_object(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.json").write_bytes(content)
        assert load_json(tmp_path / "a.json") is None

    @given(names=st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
    def test_stems_are_valid_and_unique(self, names: list[str]) -> None:
        stems = [file_stem(name) for name in names]
        assert stems[0] != stems[1]
        assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,80}", stem) and stem not in (".", "..") for stem in stems)

    def test_stems_can_be_read(self) -> None:
        assert file_stem("perceptual-1") == "perceptual-1"
        assert file_stem("clip:ViT-B-32/laion2b").startswith("clip-ViT-B-32-laion2b-")

    def test_digest_tells_apart(self) -> None:
        parts = [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), ("abc",), (1,), ("1",), (1.0,)]
        zeros = [((4,), np.float32), ((4,), np.int32), ((2, 2), np.float32), ((16,), np.uint8)]
        parts += [(np.zeros(shape, dtype),) for shape, dtype in zeros]
        assert len({digest(*part) for part in parts}) == len(parts)
        assert digest(np.arange(10)[::2]) == digest(np.arange(0, 10, 2))


class TestLocation:
    def test_beside_the_images(self, tmp_path: Path) -> None:
        assert find_project_dir(tmp_path, None) == tmp_path / ".simwidget"
        assert list((tmp_path / ".simwidget").iterdir()) == []

    def test_where_it_is_wanted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert find_project_dir(tmp_path / "photos", "deep/project") == tmp_path / "deep/project"

    def test_a_file_is_no_place(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(NotADirectoryError, match="file' is a file"):
            find_project_dir(tmp_path, tmp_path / "file")

    def test_nowhere_to_write(
        self, open_folder: Path, without_rights: Callable[..., object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        photos, cache = open_folder / "photos", open_folder / "cache"
        photos.mkdir()
        cache.mkdir()
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        with without_rights(photos, cache), pytest.raises(PermissionError, match=r"Neither .* can be written"):
            find_project_dir(photos, None)

    def test_folders_of_one_name_have_projects_of_their_own(
        self, open_folder: Path, without_rights: Callable[..., object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache = open_folder / "cache"
        cache.mkdir()
        cache.chmod(0o777)
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        folders = [open_folder / "a/photos", open_folder / "b/photos"]
        for folder in folders:
            folder.mkdir(parents=True)
        with without_rights(*folders):
            found = [find_project_dir(folder, None) for folder in folders]
            assert found == [find_project_dir(folder, None) for folder in folders]
        assert found[0] != found[1]

    @pytest.mark.parametrize("project", ["photos/.simwidget", "photos", "photos/a/b", "other"])
    def test_the_source_is_found_again(self, tmp_path: Path, project: str) -> None:
        stored = stored_source(tmp_path / "photos", tmp_path / project)
        assert display_root(tmp_path / project, stored) == tmp_path / "photos"
        if project != "other":
            assert display_root(Path("moved", project), stored) == Path("moved/photos")

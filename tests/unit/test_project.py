"""The façade: what from_folder and open give, questions, tags, and errors that help."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from pictures import copy_files, picture, write_pictures
from PIL import Image, ImageOps

import simwidget as sw
from simwidget.errors import (
    EmbedderError,
    InvalidValueError,
    NoImagesError,
    ProjectFormatError,
    UnknownNameError,
)
from simwidget.names import Tags


def build(folder: Path, **options: object) -> sw.Project:
    return sw.Project.from_folder(folder, **{"embedder": "perceptual", "progress": False, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures in two folders, three of them with a copy, one re-saved as PNG, one mirrored, one broken."""
    root = tmp_path_factory.mktemp("images")
    cats = write_pictures(root / "cat", 6)
    write_pictures(root / "dog", 6, first_seed=100)
    copy_files(cats[:3])
    Image.open(cats[3]).save(root / "dog" / "resaved.png")
    ImageOps.mirror(Image.open(cats[4])).save(root / "cat" / "mirrored.png")
    (root / "cat" / "broken.jpg").write_bytes(b"no image")
    return root


@pytest.fixture(scope="module")
def project(folder: Path) -> sw.Project:
    return build(folder, labels="folder")


def test_what_a_project_holds(project: sw.Project, folder: Path) -> None:
    n = 17
    assert len(project) == n
    assert project.ids.dtype == np.int64
    assert (np.diff(project.ids) > 0).all()
    assert sorted(path.name for path in project.paths if path.parent.name == "dog")[-1] == "resaved.png"
    assert all(path.is_file() and isinstance(path, Path) for path in project.paths)
    assert project.embeddings.shape[0] == n
    assert project.embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(project.embeddings, axis=1), 1, atol=1e-5)
    assert project.graph.indices.shape == project.graph.distances.shape == (n, n - 1)
    assert project.uniqueness.shape == (n,)
    assert np.array_equal(project.metrics["Uniqueness"], project.uniqueness)
    assert project.labels.count("cat") == 10
    assert project.splits == [None] * n
    assert [(path.name, bool(reason)) for path, reason in project.failed] == [("broken.jpg", True)]
    assert "17 images" in repr(project)
    assert project.name == folder.name


def test_duplicates_have_keeper_and_reason(project: sw.Project) -> None:
    found = {
        group.keeper.name: (group.reason, [path.name for path in group.duplicates])
        for group in project.duplicates()
    }
    for number in range(3):
        names = {f"picture_{number:02d}.jpg", f"picture_{number:02d} (1).jpg"}
        keeper = next(name for name in names if name in found)
        assert found[keeper] == ("same bytes", list(names - {keeper}))
    # the PNG has more bytes per pixel, so it is the less compressed of the two and stays
    assert found["resaved.png"] == ("same pixels", ["picture_03.jpg"])
    assert len(found) == 4
    near = {group.keeper.name: group for group in project.duplicates(project.near_duplicate_radius)}
    assert near["mirrored.png"].reasons == ["mirrored"]
    assert 1e-4 < near["mirrored.png"].distances[0] <= project.near_duplicate_radius


def test_uniqueness_is_zero_for_exactly_the_duplicates(project: sw.Project) -> None:
    duplicates = {path for group in project.duplicates() for path in group.duplicates}
    zero = {path for path, score in zip(project.paths, project.uniqueness, strict=True) if score <= 1e-4}
    assert zero == duplicates


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_duplicates_refuse_thresholds_that_are_no_distance(project: sw.Project, threshold: float) -> None:
    with pytest.raises(InvalidValueError, match="threshold"):
        project.duplicates(threshold)


def test_items_are_named_by_id_path_and_str(project: sw.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project.paths[4]
    for name in (int(project.ids[4]), project.ids[4], path, str(path), f"{path.parent.name}/{path.name}"):
        assert project.path(name) == path
    monkeypatch.chdir(path.parent)
    assert project.path(path.name) == path
    assert project.rows([path, int(project.ids[0])]).tolist() == [4, 0]
    assert project.rows(project.ids).tolist() == list(range(len(project)))


@pytest.mark.parametrize("item", ["nowhere.jpg", Path("/nowhere/else.jpg"), 10**9, -1])
def test_unknown_items_are_named(project: sw.Project, item: object) -> None:
    with pytest.raises(UnknownNameError, match=str(item)):
        project.rows(item)  # type: ignore[arg-type]


@pytest.mark.parametrize("item", [None, 1.5, True, [None]])
def test_what_is_no_item_is_refused(project: sw.Project, item: object) -> None:
    with pytest.raises(InvalidValueError, match="an item is named by"):
        project.rows(item)  # type: ignore[arg-type]


def test_unknown_metric_says_which_exist(project: sw.Project) -> None:
    with pytest.raises(UnknownNameError, match="'Uniqueness'"):
        project.metrics["Beauty"]


def test_similar_items_of_an_item(project: sw.Project) -> None:
    query = next(path for path in project.paths if path.name == "picture_00.jpg")
    found = project.similar(query, k=5)
    assert found.paths[0].name == "picture_00 (1).jpg"
    assert found.distances[0] == 0
    assert (np.diff(found.distances) >= 0).all()
    assert query not in found.paths
    assert [project.path(int(item)) for item in found.ids] == found.paths
    everything = project.similar(query, k=1000)
    assert len(everything.ids) == len(project) - 1
    brute = 1 - project.embeddings @ project.embeddings[project.rows(query)[0]]
    np.testing.assert_allclose(everything.distances, np.clip(brute[project.rows(everything.ids)], 0, 1), atol=2e-6)


def test_similar_items_of_several_are_near_any_of_them(project: sw.Project) -> None:
    a, b = (next(p for p in project.paths if p.name == f"picture_0{n} (1).jpg") for n in (0, 1))
    found = project.similar([a, b], k=2)
    assert {path.name for path in found.paths} == {"picture_00.jpg", "picture_01.jpg"}


def test_similar_items_of_images_and_vectors(project: sw.Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    picture(2).resize((80, 60)).save(outside)
    for query in (outside, str(outside), Image.open(outside), project.similar(outside, 1).ids):
        first = project.similar(query, k=2).paths[0].name
        assert first in ("picture_02.jpg", "picture_02 (1).jpg")
    by_vector = project.similar(project.embeddings[3] * 7, k=1)
    assert by_vector.ids[0] == project.ids[3]


@pytest.mark.parametrize("vector", [np.zeros(3, np.float32), np.full(3, np.nan)])
def test_vectors_that_cannot_be_compared_are_refused(project: sw.Project, vector: np.ndarray) -> None:
    with pytest.raises(InvalidValueError, match="A vector to compare with"):
        project.similar(vector)
    with pytest.raises(InvalidValueError, match="A vector to compare with"):
        project.similar(np.resize(vector, project.embeddings.shape[1]))


@pytest.mark.parametrize("k", [0, -3, 1.5, True, "10"])
def test_k_has_to_be_a_number_of_items(project: sw.Project, k: object) -> None:
    with pytest.raises(InvalidValueError, match="k is a number of items"):
        project.similar(project.ids[0], k)  # type: ignore[arg-type]


def test_similar_to_nothing(project: sw.Project) -> None:
    with pytest.raises(InvalidValueError, match="names no item"):
        project.similar([])


def test_tags(folder: Path, tmp_path: Path) -> None:
    project = build(folder, project_dir=tmp_path / "p")
    first, second, third = project.paths[:3]
    assert project.tag([second, first], "look") == 2
    assert project.tag([str(first), third], " look ") == 1
    assert project.tags["look"] == [first, second, third]
    assert dict(project.tags) == {"look": [first, second, third]}
    assert project.untag(second, "look") == 1
    assert project.untag(second, "look") == 0
    assert project.tags["look"] == [first, third]
    project.tag(int(project.ids[5]), "other")
    reopened = sw.Project.open(tmp_path / "p")
    assert reopened.tags["look"] == [first, third]
    table = reopened.to_pandas()
    assert table.index.name == "id"
    assert table.index.tolist() == project.ids.tolist()
    assert table.loc[project.ids[0], "tags"] == ["look"]
    assert table["Uniqueness"].to_numpy() == pytest.approx(project.uniqueness)
    project.untag(project.ids, "look")
    assert "look" not in project.tags
    with pytest.raises(UnknownNameError, match="'other'"):
        project.tags["look"]


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 301, None, 3, "\ud800"])
def test_tags_need_a_name(project: sw.Project, name: object) -> None:
    with pytest.raises(InvalidValueError, match=r"[Tt]ag"):
        project.tag(project.ids[0], name)  # type: ignore[arg-type]
    assert len(project.tags) == 0


def test_odd_tags_are_kept_as_they_are(folder: Path, tmp_path: Path) -> None:
    project = build(folder, project_dir=tmp_path)
    for name in ("<b>bold</b>", 'it\'s "quoted"; DROP TABLE tags', "🦆 שלום", "x" * 300):
        project.tag(project.ids[1], name)
        assert project.tags[name] == [project.paths[1]]


def test_one_failing_tag_call_changes_nothing(folder: Path, tmp_path: Path) -> None:
    project = build(folder, project_dir=tmp_path)
    with pytest.raises(UnknownNameError):
        project.tag([project.paths[0], "nowhere.jpg"], "half")
    assert "half" not in project.tags


def test_paths_read_as_the_folder_was_given(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder, tmp_path / "photos", ignore=shutil.ignore_patterns(".simwidget"))
    monkeypatch.chdir(tmp_path)
    project = build(Path("photos"))
    assert Path("photos/cat/picture_00.jpg") in project.paths
    assert (
        project.rows("photos/cat/picture_00.jpg").tolist()
        == project.rows(Path("photos/cat/picture_00.jpg")).tolist()
    )
    assert project.similar("cat/picture_00.jpg", 1).distances[0] == 0
    for opened in (sw.Project.open("photos"), sw.Project.open("photos/.simwidget")):
        assert opened.paths == project.paths
        assert np.array_equal(opened.uniqueness, project.uniqueness)
        assert opened.similar(picture(1), 1).paths[0].stem.startswith("picture_01")


def test_labels_and_splits(folder: Path, tmp_path: Path) -> None:
    by_mapping = build(
        folder, project_dir=tmp_path / "a", labels={folder / "cat" / "picture_00.jpg": "tabby"}, split="folder"
    )
    assert [label for label in by_mapping.labels if label] == ["tabby"]
    assert set(by_mapping.splits) == {"cat", "dog"}
    unchanged = build(folder, project_dir=tmp_path / "a")
    assert [label for label in unchanged.labels if label] == ["tabby"]
    with pytest.raises(InvalidValueError, match="labels is 'folder' or a mapping"):
        build(folder, project_dir=tmp_path / "b", labels="directory")
    with pytest.raises(InvalidValueError, match="split is 'folder'"):
        build(folder, project_dir=tmp_path / "b", split=["train"])
    with pytest.raises(UnknownNameError, match=r"missing\.jpg"):
        build(folder, project_dir=tmp_path / "b", labels={"missing.jpg": "x"})


def test_a_label_for_an_unreadable_file_is_no_error(folder: Path, tmp_path: Path) -> None:
    build(folder, project_dir=tmp_path, labels={folder / "cat" / "broken.jpg": "x"})


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        build(tmp_path / "nowhere")
    file = tmp_path / "file.jpg"
    picture(1).save(file)
    with pytest.raises(NotADirectoryError, match=r"file\.jpg.* is a file"):
        build(file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoImagesError, match="holds no images"):
        build(tmp_path / "empty")
    assert not (tmp_path / "empty" / ".simwidget").exists()


def test_no_readable_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    project = build(tmp_path)
    assert len(project) == 0
    assert [(path.name, reason) for path, reason in project.failed] == [("a.jpg", "the file is empty")]
    assert project.duplicates() == []
    assert project.to_pandas().empty
    assert project.graph.indices.shape == (0, 0)
    with pytest.raises(UnknownNameError):
        project.similar(1)
    assert len(project.similar(picture(0)).ids) == 0


def test_one_image(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.png")
    project = build(tmp_path)
    assert project.uniqueness.tolist() == [1.0]
    assert project.duplicates() == []
    assert len(project.similar(project.ids[0]).ids) == 0


def test_all_images_identical(tmp_path: Path) -> None:
    (first,) = write_pictures(tmp_path, 1)
    for number in range(30):
        shutil.copy2(first, tmp_path / f"copy {number}.jpg")
    project = build(tmp_path)
    assert sorted(project.uniqueness.tolist()) == [0.0] * 30 + [1.0]
    (group,) = project.duplicates()
    assert (len(group), group.reason, len(group.duplicates)) == (31, "same bytes", 30)
    assert project.path(int(project.ids[project.uniqueness.argmax()])) == group.keeper


def test_unknown_embedder(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="perceptual"):
        build(folder, project_dir=tmp_path, embedder="magic")


def test_open_needs_a_finished_project(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="from_folder"):
        sw.Project.open(tmp_path)

    class Interrupting:
        name, dim, near_duplicate_radius = "interrupting", 3, 0.1

        def embed_images(self, _: object) -> np.ndarray:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(folder, project_dir=tmp_path / "p", embedder=Interrupting())
    with pytest.raises(ProjectFormatError, match="was not built to the end"):
        sw.Project.open(tmp_path / "p")
    assert len(build(folder, project_dir=tmp_path / "p")) == 17


def test_own_embedder(folder: Path, tmp_path: Path) -> None:
    class MeanColor:
        name, dim, near_duplicate_radius = "mean color", 3, 0.001

        def embed_images(self, images: list[Image.Image]) -> np.ndarray:
            return np.array(
                [np.asarray(image.resize((1, 1), Image.Resampling.BOX))[0, 0] + 1.0 for image in images]
            )

    project = build(folder, project_dir=tmp_path, embedder=MeanColor())
    assert project.embeddings.shape == (17, 3)
    assert project.embedder_name == "mean color"
    assert project.near_duplicate_radius == 0.001
    assert project.similar(picture(0), k=1).paths[0].name.startswith("picture_00")
    with pytest.raises(EmbedderError, match="embedder of your own"):
        sw.Project.open(tmp_path).similar(picture(0))
    again = build(folder, project_dir=tmp_path)
    assert again.embeddings.shape[1] != 3


def test_auto_says_why_it_is_perceptual(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    with pytest.warns(UserWarning, match="perceptual"):
        first = build(folder, project_dir=tmp_path, embedder="auto")
    assert first.embedder_name.startswith("perceptual")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = build(folder, project_dir=tmp_path, embedder="auto")
    assert second.embedder_name == first.embedder_name


def test_a_new_embedder_keeps_the_old_embeddings(folder: Path, tmp_path: Path) -> None:
    calls: list[int] = []

    class Counting:
        name, dim, near_duplicate_radius = "counting", 4, 0.1

        def embed_images(self, images: list[Image.Image]) -> np.ndarray:
            calls.append(len(images))
            return np.random.default_rng(0).random((len(images), 4))

    build(folder, project_dir=tmp_path, embedder=Counting())
    assert sum(calls) == 17
    build(folder, project_dir=tmp_path)
    build(folder, project_dir=tmp_path, embedder=Counting())
    assert sum(calls) == 17


def test_thumbnails(project: sw.Project) -> None:
    thumbnails = project.thumbnails([int(project.ids[2]), 10**6, int(project.ids[0])])
    assert thumbnails[1] is None
    assert [data[:2] for data in thumbnails if data] == [b"\xff\xd8"] * 2


def test_metrics_of_quality_and_labels(project: sw.Project, folder: Path) -> None:
    assert list(project.metrics) == [
        *("Uniqueness", "Label agreement", "Brightness", "Contrast", "Sharpness", "Colorfulness"),
        *("Red", "Green", "Blue", "Entropy", "Area", "Aspect ratio", "File size", "Random"),
    ]
    for name, values in project.metrics.items():
        assert values.shape == (17,), name
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name
    assert project.metrics["File size"].tolist() == [path.stat().st_size for path in project.paths]
    assert "Label agreement" not in build(folder, project_dir=folder.parent / "unlabelled").metrics


def test_a_wrong_label_is_suspected(tmp_path: Path) -> None:
    for label, color in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (tmp_path / label).mkdir()
        for number in range(12):
            picture = Image.new("RGB", (64, 48), color)
            picture.paste((250, 250, 250), (number, number, number + 20, number + 15))
            picture.save(tmp_path / label / f"{number}.png")
    wrong = tmp_path / "blue" / "wrong.png"
    (tmp_path / "red" / "5.png").rename(wrong)
    project = build(tmp_path, labels="folder")
    row = int(project.rows(wrong)[0])
    suspected = project.suspected_labels
    assert [(i, label) for i, label in enumerate(suspected) if label is not None] == [(row, "red")]
    agreement = project.metrics["Label agreement"]
    assert agreement[row] == agreement.min() < 0.5
    table = project.to_pandas()
    assert table["suspected_label"].dropna().to_dict() == {project.ids[row]: "red"}


def test_outliers_are_counted_per_item(tmp_path: Path) -> None:
    for number in range(30):
        picture(number, (90 + number, 120 - number // 2)).save(tmp_path / f"{number}.png")
    Image.new("RGB", (2000, 20), "black").save(tmp_path / "odd.png")
    project = build(tmp_path)
    odd = int(project.rows("odd.png")[0])
    counts = project.outliers(["Area", "Aspect ratio", "Contrast"])
    assert (counts.severe[odd], counts.moderate[odd]) == (3, 0)
    assert project.outliers("Area").severe[odd] == 1
    assert counts.severe.sum() == 3
    assert "Random" not in project.outliers().fences
    table = project.to_pandas()
    assert table["severe_outliers"].idxmax() == project.ids[odd]
    with pytest.raises(UnknownNameError, match="There is no metric 'Size'"):
        project.outliers(["Size"])


def test_the_recall_of_the_graph_is_stored_with_it(project: sw.Project) -> None:
    assert project.graph.recall == (1.0, 1.0, 0)
    with sw.Project.open(project.project_dir) as again:
        assert again.graph.recall == project.graph.recall
        again.graph.save(project.project_dir / "graph.npz")
        loaded = again.graph.load(project.project_dir / "graph.npz")
    np.testing.assert_array_equal(loaded.indices, project.graph.indices)


def test_tags_can_be_gone_through_while_one_is_deleted() -> None:
    held = {"a": [1, 2], "b": [3]}
    tags = Tags(lambda: dict(held), lambda ids: [Path(f"{item}.jpg") for item in ids])
    seen = []
    for name, paths in tags.items():
        held.pop("b", None)
        seen.append((name, len(paths)))
    assert seen == [("a", 2), ("b", 1)]
    assert list(tags.items()) == [("a", [Path("1.jpg"), Path("2.jpg")])]
    assert list(tags.values()) == [[Path("1.jpg"), Path("2.jpg")]]

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from simwidget.demo import Copy, Group, Truth, canvas, compare, draw, drawing
from simwidget.demo.copies import EXACT, NEAR, ORIENTATION, copy, stored_turned
from simwidget.demo.plan import COUNTS, CROWD, plan
from simwidget.demo.scenes import KINDS, paint
from simwidget.demo.scenes.terrain import SIZE, Camera, illumination, look
from simwidget.errors import InvalidValueError
from simwidget.project import Project

SMALL = {"tile": 7, "night": 6, "skyline": 4, "balloon": 3}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return draw(tmp_path_factory.mktemp("demo") / "set", seed=5, counts=SMALL, workers=1, progress=False)


@pytest.fixture(scope="module")
def project(demo: Truth, tmp_path_factory: pytest.TempPathFactory) -> Project:
    place = tmp_path_factory.mktemp("project") / "project"
    return Project.from_folder(
        demo.folder, labels="folder", embedder="perceptual", project_dir=place, progress=False
    )


def upright(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def pixels(image: Image.Image, size: tuple[int, int] | None = None) -> np.ndarray:
    return np.asarray(image.resize(size, Image.Resampling.BOX) if size else image, np.float32)


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean difference in gray levels, of both at 48 by 48 pixels."""
    return float(np.abs(pixels(a, (48, 48)) - pixels(b, (48, 48))).mean())


def pairs(truth: Truth, kind: str) -> list[tuple[Path, Path]]:
    found = [
        (truth.folder / group.source, truth.folder / c.path)
        for group in truth.groups
        for c in group.copies
        if c.kind == kind
    ]
    assert found, f"no {kind} copy was planted"
    return found


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# What is planted


def test_truth_names_every_file(demo: Truth) -> None:
    named = {*demo.labels, *demo.odd, *demo.unreadable, "truth.json"}
    assert named == set(hashes(demo.folder))
    assert len(demo.labels) == sum(SMALL.values()) + demo.copies
    assert {Path(path).parent.name for path in demo.labels} <= set(KINDS)


def test_truth_survives_its_file(demo: Truth) -> None:
    assert Truth.read(demo.folder) == demo


def test_labels_are_folders_but_for_the_mislabelled(demo: Truth) -> None:
    strays = {path: true for path, true in demo.labels.items() if Path(path).parent.name != true}
    assert strays == {entry.path: entry.true for entry in demo.mislabelled} != {}
    assert all(Path(entry.path).parent.name == entry.folder for entry in demo.mislabelled)


def test_identical_copies_have_the_same_bytes(demo: Truth) -> None:
    for source, twin in pairs(demo, "identical"):
        assert twin.read_bytes() == source.read_bytes()
    assert max(len(group.copies) for group in demo.groups) == CROWD - 1


@pytest.mark.parametrize("kind", ["same pixels", "EXIF-rotated"])
def test_exact_copies_have_the_same_upright_pixels_in_other_bytes(demo: Truth, kind: str) -> None:
    for source, twin in pairs(demo, kind):
        assert twin.read_bytes() != source.read_bytes()
        np.testing.assert_array_equal(pixels(upright(twin)), pixels(upright(source)))


@pytest.mark.parametrize("kind", NEAR)
def test_near_copies_look_alike_and_differ(demo: Truth, kind: str) -> None:
    for source, twin in pairs(demo, kind):
        before, after = upright(source), upright(twin)
        (width, height), (new_width, new_height) = before.size, after.size
        if kind == "resized":
            assert new_width / width == pytest.approx(new_height / height, abs=0.01)
            assert 0.49 < new_width / width < 0.76 or new_width / width == pytest.approx(1.5, abs=0.01)
            assert difference(before, after) < 3
        elif kind == "cropped":
            assert 0.83 < new_width / width < 0.91
            assert 0.83 < new_height / height < 0.91
            middle = (width * 0.1, height * 0.1, width * 0.9, height * 0.9)
            rest = before.crop(tuple(round(side) for side in middle))
            found = min(
                difference(rest, after.crop((x, y, x + rest.width, y + rest.height)))
                for x in range(0, new_width - rest.width + 1)
                for y in range(0, new_height - rest.height + 1)
            )
            assert found < 3
        else:
            assert after.size == before.size
            assert not np.array_equal(pixels(after), pixels(before))
        if kind == "re-encoded":
            assert difference(before, after) < 2
            assert twin.stat().st_size < source.stat().st_size or source.suffix == ".png"
        if kind == "mirrored":
            assert difference(ImageOps.mirror(before), after) < 2 < difference(before, after)
        if kind == "brightened":
            assert 1.05 < pixels(after).mean() / pixels(before).mean() < 1.31


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photo_is_stored_turned_and_shown_upright(tmp_path: Path, orientation: int) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 40, 3), np.uint8))
    stored, exif = stored_turned(image, orientation)
    stored.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        assert opened.getexif()[ORIENTATION] == orientation
        assert not np.array_equal(pixels(opened), pixels(image))
    np.testing.assert_array_equal(pixels(upright(tmp_path / "turned.png")), pixels(image))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_rotated_copies_turn_an_upright_file_and_straighten_a_turned_one(
    tmp_path: Path, orientation: int
) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 40, 3), np.uint8))
    source, twin = tmp_path / "source.jpg", tmp_path / "twin.png"
    stored, exif = (image, Image.Exif()) if orientation == 1 else stored_turned(image, orientation)
    stored.save(source, exif=exif)
    copy(np.random.default_rng(2), "EXIF-rotated", source, twin)
    with Image.open(twin) as opened:
        assert (opened.getexif().get(ORIENTATION, 1) == 1) == (orientation != 1)
    np.testing.assert_array_equal(pixels(upright(twin)), pixels(upright(source)))


def test_an_unknown_kind_of_copy_is_an_error(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="No such kind of copy: 'sideways'"):
        copy(np.random.default_rng(0), "sideways", tmp_path / "a.png", tmp_path / "b.png")


def test_unreadable_files_cannot_be_read_and_odd_ones_can(demo: Truth) -> None:
    for path in demo.unreadable:
        with pytest.raises(OSError, match=r"cannot identify|truncated"):
            upright(demo.folder / path)
    for path in demo.odd:
        assert min(upright(demo.folder / path).size) >= 200


# How it is drawn


def test_a_seed_draws_the_same_set_over_any_number_of_processes(tmp_path: Path, demo: Truth) -> None:
    counts = {"tile": 10, "night": 6}
    one = draw(tmp_path / "one", seed=0, counts=counts, workers=1, progress=False)
    two = draw(tmp_path / "two", seed=0, counts=counts, workers=2, progress=False)
    first, other = hashes(one.folder), hashes(demo.folder)
    assert first == hashes(two.folder)
    assert not {first[path] for path in one.labels} & {other[path] for path in demo.labels}


def test_the_full_set_is_as_promised() -> None:
    scenes, truth = plan(Path("set"), 0, COUNTS)
    assert len(scenes) >= 400
    assert {scene.kind for scene in scenes} == set(KINDS)
    assert len({path.lower() for path in truth.labels}) == len(truth.labels)
    assert len(truth.groups) >= 50
    assert {c.kind for group in truth.groups for c in group.copies} == {*EXACT, *NEAR}
    assert all(318 <= max(scene.height, scene.width) <= 800 for scene in scenes)
    assert {scene.orientation for scene in scenes} > {1}
    assert {Path(scene.path).suffix for scene in scenes} == {".jpg", ".jpeg", ".JPG", ".png"}
    assert 0.01 < len(truth.mislabelled) / len(scenes) < 0.04


def test_a_finished_set_is_left_alone(demo: Truth) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.folder.rglob("*")}
    assert draw(demo.folder, seed=5, counts=SMALL) == demo
    assert {path: path.stat().st_mtime_ns for path in demo.folder.rglob("*")} == before


def test_a_set_of_another_seed_is_refused(demo: Truth) -> None:
    with pytest.raises(InvalidValueError, match="holds the demo set of seed 5, not 6"):
        draw(demo.folder, seed=6, counts=SMALL)


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidValueError, match="is not empty and holds no demo set"):
        draw(tmp_path, counts=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(InvalidValueError, match="is a file, not a folder"):
        draw(tmp_path / "thesis.txt", counts=SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing, "_strays", interrupt)
    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "set", counts={"tile": 16}, workers=1, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"counts": {"tile": 20, "cat": 3}}, "No such kind of scene: cat"),
        ({"counts": {"tile": 3}}, "3 scenes are too few"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        draw(tmp_path / "set", **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", '{"seed": 0}', '{"groups": [{}], "mislabelled": []}'])
def test_a_damaged_truth_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "truth.json").write_text(content)
    with pytest.raises(InvalidValueError, match=r"truth\.json is damaged"):
        Truth.read(tmp_path)


def test_a_folder_without_truth_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="is no demo set"):
        Truth.read(tmp_path)


# What a project finds in it


def test_the_project_finds_what_was_planted(demo: Truth, project: Project) -> None:
    report = compare(project, demo)
    rows = {row.kind: row for row in report.rows}
    assert list(rows) == [*EXACT, *NEAR]
    for kind in EXACT:
        assert rows[kind].planted == rows[kind].exact == rows[kind].near == len(pairs(demo, kind))
    assert sum(row.near for row in report.rows) >= demo.copies - 2
    assert rows["mirrored"].exact == 0
    assert report.false_exact == report.false_near == ()
    assert report.unreadable.planted == report.unreadable.exact == 3
    assert report.radius == project.near_duplicate_radius


def test_compare_counts_what_was_not_found_and_what_was_found_wrongly(demo: Truth, project: Project) -> None:
    lone = sorted(
        set(demo.labels) - {path for g in demo.groups for path in (g.source, *(c.path for c in g.copies))}
    )
    crowd = max(demo.groups, key=lambda group: len(group.copies))
    kept = [group for group in demo.groups if group is not crowd]
    told = replace(demo, groups=[*kept, Group(lone[0], [Copy(lone[1], "identical")])], unreadable=[lone[2]])
    true, false = compare(project, demo), compare(project, told)
    missed = {row.kind: row.planted - row.exact for row in false.rows}
    assert missed["identical"] == missed["same pixels"] + 1 == 1
    assert len(false.false_exact) == len(false.false_near) == CROWD - 1
    assert {path for pair in false.false_exact for path in pair} == {crowd.source, *(c.path for c in crowd.copies)}
    assert (true.unreadable.exact, false.unreadable.exact) == (3, 0)


def test_compare_leaves_out_what_was_deleted(demo: Truth, project: Project) -> None:
    gone = replace(demo, groups=[Group(demo.groups[0].source, [Copy("tile/gone.jpg", "mirrored")])])
    assert sum(row.planted for row in compare(project, gone).rows) == 0


def test_the_report_is_a_table(demo: Truth, project: Project) -> None:
    head, rule, *lines = str(compare(project, demo)).splitlines()
    assert head.split() == ["planted", "the", "same", "image", "within", f"{project.near_duplicate_radius:g}"]
    columns = [head.index(title) + len(title) for title in ("planted", "the same image")] + [len(head)]
    assert rule == "-" * len(head)
    for kind, row in zip((*EXACT, *NEAR), compare(project, demo).rows, strict=True):
        line = next(line for line in lines if line.startswith(kind))
        cells = [line[: columns[0]], line[columns[0] : columns[1]], line[columns[1] :]]
        assert [cells[0].removeprefix(kind).strip(), cells[1].strip(), cells[2].strip()] == [
            str(row.planted),
            str(row.exact),
            str(row.near),
        ]
        assert len(line) == len(head)
    assert [line.split("  ")[0] for line in lines[-3:]] == ["all copies", "false pairs", "unreadable files"]


# The painter's box


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_are_pictures_and_differ_from_one_another(kind: str) -> None:
    pictures = [paint(np.random.default_rng(variant), kind, 120, 160, variant) for variant in range(8)]
    for picture in pictures:
        assert (picture.mode, picture.size) == ("RGB", (160, 120))
        assert pixels(picture, (48, 48)).std() > 6
    assert min(difference(a, b) for i, a in enumerate(pictures) for b in pictures[:i]) > 8


@given(
    seed=st.integers(0, 99),
    cells=st.floats(0.6, 20),
    stretch=st.floats(0.2, 8),
    octaves=st.integers(1, 7),
    ridged=st.booleans(),
)
def test_noise_spans_0_to_1_and_repeats_without_a_seam(
    seed: int, cells: float, stretch: float, octaves: int, ridged: bool
) -> None:
    field = canvas.noise(
        np.random.default_rng(seed), 64, 64, cells, octaves=octaves, gain=0.5, stretch=stretch, ridged=ridged
    )
    assert field.shape == (64, 64)
    assert field.min() == 0
    assert field.max() in (0, 1)
    inside = np.abs(np.diff(field, axis=0)).max()
    assert np.abs(field[0] - field[-1]).max() <= max(1.5 * inside, 1e-6)


@given(y=st.integers(-100, 100), x=st.integers(-100, 100), share=st.floats(0, 0.999))
def test_sample_interpolates_a_texture_that_repeats(y: int, x: int, share: float) -> None:
    texture = np.random.default_rng(3).random((16, 32, 3), np.float32)
    at, after = texture[y % 16, x % 32], texture[y % 16, (x + 1) % 32]
    found = canvas.sample(texture, np.array([[float(y)]]), np.array([[x + share]]))
    np.testing.assert_allclose(found[0, 0], at + (after - at) * share, atol=1e-4)


def test_ramp_interpolates_between_its_stops() -> None:
    colors = canvas.ramp([(0, (0, 0, 0)), (0.5, (1, 0, 0.5)), (1, (1, 1, 1))], np.array([-1, 0, 0.25, 0.5, 1, 2]))
    expected = [[0, 0, 0], [0, 0, 0], [0.5, 0, 0.25], [1, 0, 0.5], [1, 1, 1], [1, 1, 1]]
    np.testing.assert_allclose(colors, expected, atol=2e-3)


def test_flat_ground_is_seen_at_the_distance_that_geometry_says() -> None:
    camera = Camera(row=10, column=20, altitude=5, heading=0.7, view=0.8, horizon=0.4, aspect=1.5)
    hit = look(np.zeros((SIZE, SIZE), np.float32), camera, 60, 90)
    below = (np.arange(60) + 0.5) / 60 - camera.horizon
    with np.errstate(divide="ignore"):
        depth = camera.altitude / (below * camera.view / camera.aspect)
    inside = (depth > 2) & (depth < 0.9 * camera.far)
    np.testing.assert_allclose(
        hit.depth[inside], np.broadcast_to(depth[inside, None], (inside.sum(), 90)), rtol=0.02
    )
    assert hit.seen[inside].all()
    assert not hit.seen[below <= 0].any()
    y, x, away = camera.project(hit.row, hit.column, np.zeros_like(hit.row))
    np.testing.assert_allclose(away[inside], hit.depth[inside], rtol=0.02)
    np.testing.assert_allclose(x[inside], np.broadcast_to((np.arange(90) + 0.5) / 90, x[inside].shape), atol=0.01)
    np.testing.assert_allclose(
        y[inside] - camera.horizon, np.broadcast_to(below[inside, None], y[inside].shape), rtol=0.05
    )


def test_a_wall_casts_its_shadow_away_from_the_sun() -> None:
    heights = np.zeros((SIZE, SIZE), np.float32)
    heights[100:104] = 20
    lit = illumination(heights, azimuth=0.0, elevation=0.5)  # the sun stands towards higher rows
    assert lit[90, 5] == 0
    assert lit[120, 5] == pytest.approx(np.sin(0.5), abs=1e-3)

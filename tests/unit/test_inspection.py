"""Details of an item, and its large image."""

from __future__ import annotations

import io
import json
import os
import struct
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import picture, write_pictures
from PIL import Image, ImageCms
from vector_cases import Items, build_graph, collections

import simwidget as sw
from simwidget.errors import SimwidgetError, UnknownNameError
from simwidget.imaging import UnreadableImageError, load_rgb
from simwidget.inspection import MAX_OTHERS, LargeImage, details, large_image, suspected_of
from simwidget.metrics.labels import label_codes, suspected_labels
from simwidget.session import Session
from simwidget.widgets.protocol import MAX_IMAGE_BYTES, pack_details

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Build = Callable[..., sw.Project]

ORIENTATION = 0x0112


def decoded(large: LargeImage) -> np.ndarray:
    with Image.open(io.BytesIO(large.data)) as image:
        assert image.get_format_mimetype() == large.mime
        assert image.size == (large.width, large.height)
        assert image.mode == "RGB"
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        return np.asarray(image)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


# Images


def test_a_photo_is_scaled_down(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    picture(1, (1600, 1200)).save(path, quality=95)
    large = large_image(path, 800)
    assert (large.mime, large.width, large.height) == ("image/jpeg", 800, 600)
    assert (large.full_width, large.full_height) == (1600, 1200)
    exact = np.asarray(load_rgb(path).resize((800, 600), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(decoded(large) - exact).mean() < 4


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_the_pixels_of_a_small_image_are_sent_exactly_whatever_the_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    picture(3, (320, 240)).save(path, quality=80)
    large = large_image(path, 1024)
    assert large.mime == "image/png"
    assert np.array_equal(decoded(large), np.asarray(load_rgb(path)))


@pytest.mark.parametrize("side", [64, 200, 300, 1000])
@pytest.mark.parametrize("size", [(1000, 10), (9, 1000), (250, 251), (1, 1), (3000, 1)])
def test_sizes(tmp_path: Path, side: int, size: tuple[int, int]) -> None:
    for suffix in ("jpg", "png"):
        path = tmp_path / f"image.{suffix}"
        picture(2, size).save(path)
        large = large_image(path, side)
        assert (large.full_width, large.full_height) == size
        assert max(large.width, large.height) == min(side, max(size))
        shrunk = [max(1.0, length * min(1, side / max(size))) for length in size]
        np.testing.assert_allclose((large.width, large.height), shrunk, atol=0.5)
        decoded(large)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("side", [64, 100, 200, 400])
def test_upright_whether_scaled_or_not(tmp_path: Path, orientation: int, side: int) -> None:
    upright = np.zeros((120, 160, 3), dtype=np.uint8)
    upright[:60, :80] = (255, 0, 0)
    upright[60:, 80:] = (0, 0, 255)
    turned = Image.fromarray(upright)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    if orientation > 1:
        turned = turned.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "turned.jpg"
    turned.resize((turned.width * 2, turned.height * 2)).save(path, exif=exif, quality=95)
    large = large_image(path, side)
    assert (large.full_width, large.full_height) == (320, 240)
    assert (large.width, large.height) == (min(side, 320), round(min(side, 320) * 0.75))
    pixels = decoded(large).astype(int)
    quarter_y, quarter_x = large.height // 4, large.width // 4
    assert np.abs(pixels[quarter_y, quarter_x] - (255, 0, 0)).max() < 20
    assert np.abs(pixels[-quarter_y, -quarter_x] - (0, 0, 255)).max() < 20
    assert pixels[quarter_y, -quarter_x].max() < 20


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "ppm"])
def test_pixels_of_small_images_are_exact(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"icon.{suffix}"
    picture(3, (48, 32)).save(path)
    large = large_image(path, 64)
    assert large.mime == "image/png"
    np.testing.assert_array_equal(decoded(large), np.asarray(load_rgb(path)))


def test_transparent_images_are_composed_as_their_thumbnails_are(tmp_path: Path) -> None:
    drawn = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    drawn.paste((255, 255, 255, 255), (10, 10, 30, 30))
    for name in ("rgba.png", "palette.gif"):
        drawn.save(tmp_path / name)
        pixels = decoded(large_image(tmp_path / name, 64))
        np.testing.assert_array_equal(pixels, np.asarray(load_rgb(tmp_path / name)))
        assert pixels[0, 0].tolist() == [48, 48, 48], "white on white would show nothing"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "I", "F", "YCbCr", "HSV", "LAB"])
def test_modes(tmp_path: Path, mode: str) -> None:
    image = picture(4, (90, 60))
    converted = image.convert("L").convert("I").convert(mode) if mode == "I;16" else None
    converted = converted or (image.convert("L").convert(mode) if mode in "I F" else None)
    if mode == "LAB":
        rgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, rgb, lab, outputMode="LAB")
    path = tmp_path / ("image.png" if mode == "I;16" else "image.tiff")
    if mode == "HSV":
        path = tmp_path / "image.png"
        converted = image.convert("HSV").convert("RGB")
    (converted or image.convert(mode)).save(path)
    np.testing.assert_array_equal(decoded(large_image(path, 128)), np.asarray(load_rgb(path)))


def test_profiles_and_comments_stay_behind(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in ("image.png", "image.jpg"):
        picture(5, (80, 60)).save(tmp_path / name, icc_profile=profile, dpi=(300, 300), comment="secret")
        large = large_image(tmp_path / name, 128)
        decoded(large)
        assert b"secret" not in large.data


@settings(deadline=None, max_examples=12)
@given(
    size=st.tuples(st.integers(1, 1500), st.integers(1, 1500)),
    side=st.integers(64, 1500),
    max_bytes=st.integers(1_000, 200_000),
    suffix=st.sampled_from(["png", "bmp", "jpg"]),
)
def test_never_over_the_limit(
    tmp_path_factory: pytest.TempPathFactory, size: tuple[int, int], side: int, max_bytes: int, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("noise") / f"noise.{suffix}"
    noise(*size).save(path)
    large = large_image(path, side, max_bytes)
    assert len(large.data) <= max_bytes
    assert max(large.width, large.height) <= side
    assert (large.full_width, large.full_height) == size
    decoded(large)


def test_a_noisy_photo_loses_quality_first_and_size_last(tmp_path: Path) -> None:
    path = tmp_path / "noise.bmp"
    noise(1400, 1000).save(path)
    large = large_image(path, 4096)
    assert len(large.data) <= MAX_IMAGE_BYTES
    assert (large.width, large.height) == (1400, 1000)
    noise(3000, 2500).save(path)
    large = large_image(path, 4096)
    assert 300_000 < len(large.data) <= MAX_IMAGE_BYTES
    assert large.width < 3000
    assert (large.full_width, large.full_height) == (3000, 2500)


def bomb() -> bytes:
    """A PNG that says it has 40,000 x 40,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


def truncated() -> bytes:
    encoded = io.BytesIO()
    picture(6, (200, 150)).save(encoded, "JPEG")
    return encoded.getvalue()[:1500]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an image"),
        (b"nothing", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not an image"),
        (truncated(), "cannot be decoded"),
        (bomb(), "too large to decode safely"),
        (None, "no longer there"),
    ],
)
def test_what_cannot_be_read_has_a_reason(tmp_path: Path, data: bytes | None, reason: str) -> None:
    path = tmp_path / "image.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=reason) as caught:
        large_image(path, 256)
    assert isinstance(caught.value, SimwidgetError)


def test_what_is_no_longer_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    for name, reason in (("folder", "a file"), ("pipe", "a file"), ("loop", "."), ("dangling", "no longer there")):
        with pytest.raises(UnreadableImageError, match=reason):
            large_image(tmp_path / f"{name}.png", 256)


def test_a_file_without_permission(open_folder: Path, without_rights: Any) -> None:
    path = open_folder / "image.png"
    picture(7).save(path)
    with without_rights(path, mode=0o000), pytest.raises(UnreadableImageError, match="no permission"):
        large_image(path, 256)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    encoded = io.BytesIO()
    picture(8, (300, 40)).save(encoded, data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])))
    damaged = bytearray(encoded.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "image"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(UnreadableImageError):
            large = large_image(path, 64)
            assert max(large.width, large.height) <= 64


# Details


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_pictures(folder / "a", 5)
    scene = picture(50, (192, 144))
    scene.save(folder / "large.png")
    (folder / "b").mkdir()
    scene.resize((96, 72), Image.Resampling.BOX).save(folder / "b" / "small.png")
    (folder / "b" / "copy.png").write_bytes((folder / "b" / "small.png").read_bytes())
    scene.save(folder / "b" / "large.bmp")
    scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "b" / "mirrored.png")
    os.utime(folder / "large.png", ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    return folder


@pytest.fixture(scope="module")
def project(folder: Path) -> Iterator[sw.Project]:
    labels = {"large.png": "<b>ü & 🎈"}
    with sw.Project.from_folder(
        folder, embedder="perceptual", labels=labels, split="folder", progress=False
    ) as built:
        yield built


@pytest.fixture
def session(project: sw.Project) -> Iterator[Session]:
    session = Session(project)
    yield session
    for name, paths in dict(project.tags).items():
        project.untag(paths, name)
    session.close()


def item_of(project: sw.Project, name: str) -> int:
    return int(project.ids[project.rows(name)[0]])


def roles(session: Session, item: int) -> list[tuple[str, str, str | None]]:
    return [(other.name, other.role, other.reason) for other in session.details(item).others]


def test_all_that_is_known(project: sw.Project, session: Session, folder: Path) -> None:
    item = item_of(project, "large.png")
    session.select("set", ids=[item])
    session.tag_selected("look")
    session.tag_selected("best <b>")
    found = session.details(item)
    assert (found.item, found.name, found.path) == (item, "large.png", "large.png")
    assert (found.width, found.height, found.bytes) == (192, 144, (folder / "large.png").stat().st_size)
    assert (found.modified, found.label, found.split) == (1_700_000_000_123, "<b>ü & 🎈", None)
    assert (found.tags, found.selected) == (["best <b>", "look"], True)
    assert list(found.metrics) == list(project.metrics)
    (row,) = project.rows(item)
    for name, values in project.metrics.items():
        np.testing.assert_equal(np.float32(found.metrics[name]), values[row])
    assert session.details(item_of(project, "b/small.png")).path == "b/small.png"
    assert session.details(item_of(project, "b/small.png")).split == "b"


def test_what_to_compare_with_follows_the_threshold(project: sw.Project, session: Session) -> None:
    large, small, copy = (item_of(project, name) for name in ("large.png", "b/small.png", "b/copy.png"))
    near = {f"{group.keeper.name}": [p.name for p in group.duplicates] for group in project.duplicates(1e-4)}
    session.set_filters({"Uniqueness": (0, 1)})
    wide = session.details(copy)
    (group,) = project.duplicates(project.near_duplicate_radius)
    assert wide.keeper == group.keeper_id
    assert [wide.others[0].item, wide.others[0].role] == [group.keeper_id, "keeper"]
    duplicates = [item for item in group.duplicate_ids if item != copy]
    assert [other.item for other in wide.others[1:]] == duplicates
    assert {other.role for other in wide.others[1:]} == {"duplicate"}
    reason = {other.item: other.reason for other in wide.others}
    assert reason[small] == "same bytes"
    assert reason[large] == "near"
    assert reason[item_of(project, "b/mirrored.png")] == "mirrored"
    of_keeper = session.details(large)
    assert of_keeper.keeper == (large if group.keeper_id == large else group.keeper_id)
    assert {o.item: o.reason for o in of_keeper.others}[item_of(project, "b/large.bmp")] == "same pixels"
    session.clear_filters()
    narrow = session.details(copy)
    members = next(names for keeper, names in near.items() if "copy.png" in (keeper, *names))
    assert len(narrow.others) == len(members)


def test_distances_are_those_to_the_item(project: sw.Project, session: Session) -> None:
    item = item_of(project, "b/mirrored.png")
    session.set_filters({"Uniqueness": (0, 1)})
    session.select("all")
    everything = project.similar(item, k=99)
    expected = dict(zip(everything.ids.tolist(), everything.distances.tolist(), strict=True))
    found = session.details(item)
    assert len(found.others) == len(project) - 1
    for other in found.others:
        assert other.distance == pytest.approx(expected[other.item], abs=1e-6)


def test_selected_items_come_last_in_the_order_of_the_view(project: sw.Project, session: Session) -> None:
    session.set_sort("-Name")
    ids = [item_of(project, f"a/picture_0{n}.jpg") for n in (0, 1, 2)]
    small = item_of(project, "b/small.png")
    session.select("set", ids=[*ids, small])
    assert roles(session, ids[1]) == [
        ("small.png", "selected", None),
        ("picture_02.jpg", "selected", None),
        ("picture_00.jpg", "selected", None),
    ]
    found = roles(session, item_of(project, "b/copy.png"))
    assert [entry for entry in found if entry[0] == "small.png"] == [("small.png", "duplicate", "same bytes")]
    assert [name for name, role, _ in found if role == "selected"] == [f"picture_0{n}.jpg" for n in (2, 1, 0)]
    session.set_filters({"Brightness": (2, 3)})
    assert [role for _, role, _ in roles(session, ids[1])] == ["selected"] * 3, "in view or not"


def test_at_most_50_others(tmp_path: Path, build: Build) -> None:
    first = write_pictures(tmp_path, 20)[0]
    for number in range(70):
        (tmp_path / f"copy {number:02}.jpg").write_bytes(first.read_bytes())
    project = build(tmp_path, embedder="perceptual")
    session = Session(project)
    session.select("all")
    (group,) = project.duplicates()
    for item in (group.keeper_id, *group.duplicate_ids):
        others = session.details(item).others
        assert len(others) == MAX_OTHERS == 50
        assert item not in {other.item for other in others}
        first_others = [i for i in (group.keeper_id, *group.duplicate_ids) if i != item]
        assert [other.item for other in others] == first_others[:50]
    alone = next(i for i in project.ids.tolist() if i not in (group.keeper_id, *group.duplicate_ids))
    others = session.details(alone).others
    assert [other.item for other in others] == [i for i in session.selected_ids if i != alone][:50]
    session.close()


def test_details_can_be_sent_whatever_they_hold(tmp_path: Path, build: Build) -> None:
    name = "caf\udce9 <img src=x onerror=alert(1)> \u202e🎈.jpg"
    folder = tmp_path / "\udcff"
    folder.mkdir()
    picture(1).save(folder / name)
    picture(2).save(tmp_path / "b.jpg")
    project = build(tmp_path, embedder="perceptual", labels="folder", split="folder")
    project.metrics["Mine"] = [np.inf, np.nan]
    session = Session(project)
    session.select("all")
    for item in project.ids.tolist():
        reply = pack_details(1, session.details(item))
        assert json.loads(json.dumps(reply, allow_nan=False).encode()) == reply
        assert "Mine" in dict(reply["metrics"])
        assert dict(reply["metrics"])["Mine"] is None
    (odd,) = (i for i in project.ids.tolist() if "caf" in project.title(int(project.rows(i)[0])))
    found = session.details(odd)
    assert found.name == "caf\ufffd <img src=x onerror=alert(1)> \u202e🎈.jpg"
    assert (found.path, found.label, found.split) == (f"\ufffd/{found.name}", "\ufffd", "\ufffd")
    (other,) = (item for item in project.ids.tolist() if item != odd)
    assert (session.details(other).label, session.details(other).suspected) == (None, "\ufffd")
    assert Path(project.file(odd)).name == name
    assert session.image(odd, 64).full_width == 96
    project.file(odd).unlink()
    with pytest.raises(UnreadableImageError, match=r"^caf\ufffd .*jpg: the file is no longer there$"):
        session.image(odd, 64)
    session.close()


def test_a_project_of_one(tmp_path: Path, build: Build) -> None:
    write_pictures(tmp_path, 1)
    project = build(tmp_path, embedder="perceptual")
    found = details(project, int(project.ids[0]), 0.03)
    assert (found.keeper, found.others, found.tags, found.selected) == (None, [], [], False)
    assert (found.label, found.suspected) == (None, None)
    with pytest.raises(UnknownNameError, match="987654"):
        details(project, 987_654, 0.03)
    with pytest.raises(UnknownNameError, match="987654"):
        project.file(987_654)


@given(collections(), st.data())
def test_suspected_labels_of_a_few_are_those_of_all(items: Items, data: st.DataObject) -> None:
    count = len(items.vectors)
    labels = data.draw(st.lists(st.sampled_from(["cat", "dog", "owl", None]), min_size=count, max_size=count))
    rows = np.array(data.draw(st.lists(st.integers(0, count - 1), unique=True)), dtype=np.int64)
    graph = build_graph(items.vectors, items.groups, items.rank)
    codes, names = label_codes(labels)
    winners, _ = suspected_labels(graph.indices, graph.distances, codes)
    expected = [names[code] if code >= 0 else None for code in winners[rows].tolist()]
    assert [suspected_of(graph, codes, names, row) for row in rows.tolist()] == expected


def test_a_file_that_has_changed_or_gone_since_it_was_read_is_said_to_have(tmp_path: Path) -> None:
    for number in range(3):
        picture(number, (60, 40)).save(tmp_path / f"{number}.png")
    with sw.Project.from_folder(tmp_path, embedder="perceptual", progress=False) as project:
        (tmp_path / "1.png").unlink()
        picture(9, (60, 40)).save(tmp_path / "2.png")
        assert [details(project, item, 1e-4).changed for item in project.ids.tolist()] == [False, True, True]

"""An image file from outside the project, in memory: decoded as its file would be, and asked for in the sidebar."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import picture, write_pictures
from PIL import ExifTags, Image

import simwidget as sw
from simwidget.imaging import UnreadableImageError, open_rgb
from simwidget.session import Session
from simwidget.widgets.query import QueryPanel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[sw.Project]:
    """Six pictures, and a photo large enough to be decoded scaled down."""
    write_pictures(tmp_path, 6)
    picture(77, (2_400, 1_800)).save(tmp_path / "large.jpg")
    with sw.Project.from_folder(tmp_path, embedder="perceptual", progress=False) as project:
        yield project


def png(image: Image.Image) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_as_its_file_is(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / "turned.jpg"
    picture(1).save(path, exif=exif)
    np.testing.assert_array_equal(np.asarray(open_rgb(path.read_bytes())), np.asarray(open_rgb(path)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"text", "not an image that Pillow can read"),
        (png(picture(1))[:-1000], "cannot be decoded"),
    ],
    ids=["empty", "text", "truncated"],
)
def test_bytes_that_are_no_image_are_refused_with_the_reason(project: sw.Project, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=f"^{reason}"):
        project.similar(data)
    session = Session(project)
    with pytest.raises(UnreadableImageError, match=f"^me.png: {reason}"):
        session.similar_to_image(data, "me.png")
    session.close()


def test_the_bytes_of_a_large_photo_are_at_no_distance_from_its_file(project: sw.Project) -> None:
    (large,) = np.flatnonzero([path.name == "large.jpg" for path in project.paths])
    found = project.similar(project.paths[large].read_bytes(), 1)
    assert (found.ids.tolist(), found.distances.tolist()) == ([project.ids[large]], [0.0])


def test_the_sidebar_asks_for_an_uploaded_file(project: sw.Project) -> None:
    session, paths = Session(project), project.paths
    panel = QueryPanel(session)

    def upload(name: str, content: bytes) -> None:
        file = {"name": name, "type": "", "size": len(content), "last_modified": 0}
        state = {"value": [{**file, "content": memoryview(content)}]}
        panel.upload.set_state(state)
        panel._work.submit(lambda: None).result()  # the one thread has done what was asked before

    upload("no <image>.jpg", b"text")
    assert "no &lt;image&gt;.jpg: not an image that Pillow can read" in panel.message.value
    assert session.query is None
    session.select("set", ids=project.ids[:2].tolist())
    panel.follow()
    assert panel.message.value == "", "an error is not said for ever"
    panel.show_selected.click()
    assert (session.query_label, session.ids_in_view.tolist()) == ("The selection", project.ids[:2].tolist())
    session.clear_query()
    for _ in range(2):
        upload("mine.jpg", paths[4].read_bytes())
        assert panel.message.value == ""
        assert session.query_label == "Similar to mine.jpg"
        assert session.rows(session.epoch, 0, 1).names == [paths[4].name]
        session.clear_query()
    panel.close()
    session.close()

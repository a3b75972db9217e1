"""What a notebook shows where no kernel runs; the browser tests look at the live widgets."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from pictures import copy_files, picture, write_pictures
from PIL import Image

import simwidget as sw
from simwidget.contact_sheet import MAX_BYTES, MAX_ITEMS, SIDE, contact_sheet
from simwidget.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from simwidget.project import Project

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ELEMENTS = {"div", "p", "b", "i", "br", "bdi", "table", "tr", "td", "img"}
HOSTILE = (
    "<script>alert(1)<⁄script>",
    "\"><img src=x onerror='alert(1)'>",
    "a & b &amp; c",
    "🎈👩‍👩‍👧 été",
    "صورة \u202e قديمة",
)


class Sheet(HTMLParser):
    """A contact sheet as a browser reads it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.cells: list[list[str]] = []
        self.outside: list[str] = []
        self._in_cell = False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag == "td":
            self.cells.append([])
            self._in_cell = True
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if data.strip():
            (self.cells[-1] if self._in_cell else self.outside).append(data)

    @property
    def text(self) -> str:
        return " ".join([*self.outside, *("".join(cell) for cell in self.cells)])

    def picture(self, index: int) -> Image.Image:
        kind, data = self.images[index]["src"].split(",")
        assert kind == "data:image/jpeg;base64"
        return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def project(tmp_path: Path, build: Callable[..., Project]) -> Project:
    copy_files(write_pictures(tmp_path, 10)[:4])
    return build(tmp_path, embedder="perceptual")


@pytest.fixture
def session(project: Project) -> Iterator[Session]:
    session = Session(project)
    yield session
    session.close()


def test_the_first_items_in_view_with_what_is_known_of_them(session: Session, project: Project) -> None:
    session.set_sort("Name")
    project.tag("picture_00.jpg", "duplicate")
    sheet = Sheet(contact_sheet(session, "photos · 14 images"))
    assert sheet.outside[0] == "photos · 14 images"
    assert "First 14 of 14 in view · Sorted by Name, ascending" in "".join(sheet.outside)
    assert "run the notebook" in sheet.outside[-1]
    rows = session.rows(session.epoch, 0, 14)
    assert [image["alt"] for image in sheet.images] == rows.names
    for cell, name, value in zip(sheet.cells, rows.names, rows.values, strict=True):
        assert cell[:2] == [name, "Uniqueness"]
        assert cell[2] == f" {value:.4f}"
    assert sheet.cells[rows.names.index("picture_00.jpg")][3:] == ["Tags: ", "duplicate"]
    assert set(sheet.elements) == ELEMENTS


def test_images_are_small_and_say_how_large(tmp_path: Path, build: Callable[..., Project]) -> None:
    for number, size in enumerate([(160, 120), (90, 400), (600, 2), (30, 20)]):
        picture(number, size).save(tmp_path / f"{number}.png")
    session = Session(build(tmp_path, embedder="perceptual"))
    session.set_sort("Name")
    sheet = Sheet(contact_sheet(session, ""))
    sizes = [sheet.picture(index).size for index in range(4)]
    assert sizes == [(SIDE, 96), (29, SIDE), (SIDE, 1), (30, 20)]
    assert sizes == [(int(image["width"]), int(image["height"])) for image in sheet.images]
    session.close()


def test_filters_and_queries_are_put_into_words(session: Session, project: Project) -> None:
    session.set_filters({"Uniqueness": (0, 0.0001)})
    session.set_sort("-Uniqueness")
    sheet = Sheet(contact_sheet(session, "title"))
    words = "".join(sheet.outside)
    assert "First 4 of 4 in view · Sorted by Uniqueness, descending · Filtered by Uniqueness 0 to 0.0001" in words
    assert len(sheet.cells) == 4

    session.similar_to([int(project.ids[0])], 3)
    sheet = Sheet(contact_sheet(session, "title"))
    words = "".join(sheet.outside)
    assert f"First 3 of 3 in view · Similar to {project.title(0)}, nearest first" in words
    assert sheet.cells[0][1:3] == ["Distance", " 0.0000"]


def test_a_view_without_items_says_why(session: Session) -> None:
    session.set_filters({"Uniqueness": (0.9999, 1)})
    sheet = Sheet(contact_sheet(session, "title"))
    assert not sheet.cells
    assert "No image matches the filter" in sheet.text
    assert session.status["hint"] in sheet.text


def test_names_labels_and_tags_are_text_whatever_they_hold(tmp_path: Path, build: Callable[..., Project]) -> None:
    paths = write_pictures(tmp_path / "<b>'&\"", len(HOSTILE) + 1)
    names = [f"{text}.jpg" for text in HOSTILE] + ["n" * 251 + ".jpg"]
    named = [path.rename(path.with_name(name)) for path, name in zip(paths, names, strict=True)]
    labels = dict(zip(named, [*HOSTILE, "l" * 300], strict=True))
    project = build(tmp_path / "<b>'&\"", embedder="perceptual", labels=labels)
    for path, tag in zip(named, [*HOSTILE, "t" * 300], strict=True):
        project.tag(path, tag)
    session = Session(project)
    session.set_sort("Name")
    sheet = Sheet(contact_sheet(session, project.name))
    assert set(sheet.elements) <= ELEMENTS
    assert sheet.attributes <= {"src", "alt", "width", "height", "align", "valign", "style", "role"}
    assert sheet.outside[0] == "<b>'&\""
    cells = {"".join(cell) for cell in sheet.cells}
    for text in HOSTILE:
        assert any(f"{text}.jpg" in cell and f"Label: {text}" in cell for cell in cells)
    assert [image["alt"] for image in sheet.images if image["alt"].startswith("nn")]
    assert all(len(part) <= 40 for cell in sheet.cells for part in cell)
    session.close()


class Stubborn(Session):
    """A session with one thumbnail missing and one damaged."""

    def thumbnails(self, ids: Sequence[int]) -> list[bytes | None]:
        whole = super().thumbnails(ids)
        return [None, b"no image at all", (whole[2] or b"")[:200], *whole[3:]]


def test_what_has_no_thumbnail_is_named_all_the_same(project: Project) -> None:
    session = Stubborn(project)
    sheet = Sheet(contact_sheet(session, "title"))
    assert len(sheet.cells) == 14
    assert len(sheet.images) == 11
    assert [cell[0] for cell in sheet.cells[:4]] == ["(no thumbnail)"] * 3 + [
        session.rows(session.epoch, 3, 4).names[0]
    ]
    session.close()


def test_the_sheet_is_bounded_whatever_the_images_and_words(tmp_path: Path, build: Callable[..., Project]) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        noise = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{'&' * 240}{number:02}.png")
    project = build(tmp_path, embedder="perceptual", labels=dict.fromkeys(tmp_path.glob("*.png"), '"' * 300))
    for number in range(5):
        project.tag(project.paths, f"{'🎈' * 290} {number}")
    session = Session(project)
    source = contact_sheet(session, "<" * 10_000)
    sheet = Sheet(source)
    assert 0.9 * MAX_BYTES < len(source.encode()) <= MAX_BYTES
    assert 8 <= len(sheet.cells) < MAX_ITEMS
    assert f"First {len(sheet.cells)} of 40 in view" in "".join(sheet.outside)
    assert "and 2 more" in sheet.text
    session.close()


def displayed(widget: sw.Gallery | sw.Explorer) -> dict[str, Any]:
    """Data by MIME type, as IPython takes it with or without metadata."""
    bundle = widget._repr_mimebundle_()
    data: dict[str, Any] = bundle[0] if isinstance(bundle, tuple) else bundle
    return data


@pytest.mark.parametrize("widget", [sw.Gallery, sw.Explorer])
def test_widgets_carry_the_sheet_beside_the_live_view(
    project: Project, widget: type[sw.Gallery] | type[sw.Explorer]
) -> None:
    shown = widget(project)
    data = displayed(shown)
    assert set(data) == {WIDGET_VIEW, "text/html", "text/plain"}
    assert data[WIDGET_VIEW]["model_id"] == shown.model_id
    assert data["text/plain"] == repr(shown)
    assert "First 14 of 14 in view" in data["text/html"]
    shown.close()


@pytest.mark.parametrize("widget", [sw.Gallery, sw.Explorer])
def test_a_notebook_saved_without_widget_state_becomes_a_page_with_the_sheet(
    project: Project, widget: type[sw.Gallery] | type[sw.Explorer]
) -> None:
    shown = widget(project)
    data = displayed(shown)
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("gallery", outputs=[output])])
    page, _ = HTMLExporter().from_notebook_node(nbformat.reads(nbformat.writes(notebook), as_version=4))
    assert data["text/html"].splitlines()[1] in page
    assert page.count("data:image/jpeg;base64,") == 14
    shown.close()


def test_a_widget_is_displayed_even_when_the_sheet_cannot_be_drawn(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    gallery = sw.Gallery(project)
    project.close()
    (project.project_dir / "thumbnails.db").write_bytes(b"damaged" * 1000)
    data, _ = gallery._repr_mimebundle_()
    assert set(data) == {WIDGET_VIEW, "text/plain"}
    assert "no contact sheet" in caplog.text
    gallery.close()

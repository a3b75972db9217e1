from __future__ import annotations

import io
import logging
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from front_end import WAIT_S, FrontEnd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from simwidget.project import Project
from simwidget.session import Session
from simwidget.session_view import FIRST
from simwidget.widgets import protocol
from simwidget.widgets.gallery import Gallery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

N = 9


class SlowSession(Session):
    """A session whose thumbnails take until they are let go."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.started = threading.Event()
        self.let_go = threading.Event()

    def thumbnails(self, ids: Sequence[int]) -> list[bytes | None]:
        self.started.set()
        assert self.let_go.wait(WAIT_S)
        return super().thumbnails(ids)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(5)
    for number in range(N - 1):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    (folder / "copy of 0.png").write_bytes((folder / "0.png").read_bytes())
    built = Project.from_folder(folder, embedder="perceptual", progress=False)
    yield built
    built.close()


@pytest.fixture
def session(project: Project) -> Iterator[Session]:
    session = Session(project)
    yield session
    for name in list(session.tags):
        project.untag(session.tags[name], name)
    session.close()


@pytest.fixture
def gallery(session: Session) -> Iterator[Gallery]:
    gallery = Gallery(session)
    yield gallery
    gallery.close()


@pytest.fixture
def front(gallery: Gallery) -> FrontEnd:
    return FrontEnd(gallery)


def test_the_traits_mirror_the_session(gallery: Gallery, session: Session, project: Project) -> None:
    assert gallery.count == gallery.total == N
    assert gallery.epoch == session.epoch
    assert gallery.sort == "Uniqueness"
    assert gallery.sort_keys == session.sort_keys
    assert gallery.value_name == "Uniqueness"
    assert gallery.title == f"{project.name} · {N} images · {project.embedder_name}"
    assert gallery.status == session.status
    session.set_filters({"Uniqueness": (0, 1e-4)})
    assert gallery.count == 1
    assert gallery.filter_label == session.filter_label != ""
    assert gallery.epoch == session.epoch


def test_a_project_is_enough(project: Project) -> None:
    gallery = Gallery(project)
    assert gallery.total == N
    assert repr(gallery) == f"Gallery({gallery.title})"
    gallery.close()


def test_rows(front: FrontEnd, session: Session) -> None:
    first = int(session.rows(session.epoch, 0, 1).ids[0])
    session.select("add", ids=[first])
    reply, buffers = front.ask(kind="rows", id=1, epoch=session.epoch, start=0, stop=N)
    expected = session.rows(session.epoch, 0, N)
    assert reply["status"] == "ok"
    assert reply["names"] == expected.names
    assert np.frombuffer(buffers[0], "<i4").tolist() == expected.ids.tolist()
    np.testing.assert_array_equal(np.frombuffer(buffers[1], "<f8"), expected.values)
    assert np.frombuffer(buffers[2], "u1").tolist() == [1] + [0] * (N - 1)
    assert np.frombuffer(buffers[3], "u1").reshape(N, 3).tolist() == expected.colors.tolist()
    assert sorted(np.frombuffer(buffers[4], "<i4").tolist()) == [0] * (N - 2) + [1, 1]
    assert not np.frombuffer(buffers[5], "u1").any()


def test_rows_of_an_order_that_is_gone_are_stale(front: FrontEnd, session: Session) -> None:
    old = session.epoch
    session.set_sort("-Uniqueness")
    assert front.ask(kind="rows", id=1, epoch=old, start=0, stop=1)[0]["status"] == "stale"


def test_rows_past_the_end_are_an_error(front: FrontEnd, session: Session) -> None:
    reply, _ = front.ask(kind="rows", id=1, epoch=session.epoch, start=0, stop=N + 1)
    assert reply["status"] == "error"
    assert f"no rows 0 to {N + 1}" in reply["error"]


def test_thumbnails(front: FrontEnd, project: Project) -> None:
    items = [int(item) for item in project.ids[:3]]
    reply, (joined,) = front.ask(kind="thumbs", id=1, items=items)
    assert reply["items"] == items
    assert joined == b"".join(thumbnail or b"" for thumbnail in project.thumbnails(items))
    assert joined.startswith(b"\xff\xd8")
    assert sum(reply["lengths"]) == len(joined)


def test_an_unknown_item_is_an_error_that_names_it(front: FrontEnd, caplog: pytest.LogCaptureFixture) -> None:
    for number, request in enumerate(({"kind": "similar"}, {"kind": "select", "op": "add"}), start=1):
        reply, _ = front.ask(id=number, items=[987_654], **request)
        assert reply["status"] == "error"
        assert "987654" in reply["error"].replace(",", "")
    assert not caplog.records


def test_an_item_without_a_thumbnail_has_length_zero(front: FrontEnd) -> None:
    reply, (joined,) = front.ask(kind="thumbs", id=1, items=[987_654])
    assert (reply["items"], reply["lengths"], joined) == ([987_654], [0], b"")


def test_a_selection_reaches_the_traits_before_its_reply_in_one_message(
    front: FrontEnd, gallery: Gallery, project: Project
) -> None:
    reply, _ = front.ask(kind="select", id=1, op="add", items=[int(project.ids[2])])
    assert reply == {"kind": "reply", "id": 1, "status": "ok"}
    assert front.events == ["update", "reply"]
    assert front.updates == [{"revision": gallery.revision, "selection_count": 1, "selection_in_view": 1}]


def test_select_range_all_invert_none(front: FrontEnd, session: Session) -> None:
    front.ask(kind="select", id=1, op="ranges", epoch=session.epoch, ranges=[[2, 5]], replace=False)
    assert session.selected_ids == session.rows(session.epoch, 2, 5).ids.tolist()
    front.ask(kind="select", id=2, op="invert")
    assert session.selection_count == N - 3
    front.ask(kind="select", id=3, op="all")
    assert session.selection_count == N
    front.ask(kind="select", id=4, op="none")
    assert session.selection_count == 0


def test_a_range_of_an_order_that_is_gone_selects_nothing(front: FrontEnd, session: Session) -> None:
    old = session.epoch
    session.set_sort("Name")
    reply, _ = front.ask(kind="select", id=1, op="ranges", epoch=old, ranges=[[0, 3]], replace=False)
    assert reply["status"] == "stale"
    assert session.selection_count == 0


def test_ranges(front: FrontEnd, session: Session) -> None:
    everyone = session.rows(session.epoch, 0, N).ids.tolist()
    ask = {"kind": "select", "op": "ranges", "epoch": session.epoch}
    front.ask(id=1, **ask, ranges=[[0, 2], [5, 6]], replace=False)
    assert session.selected_ids == [*everyone[0:2], everyone[5]]
    front.ask(id=2, **ask, ranges=[[7, 99]], replace=True)
    assert session.selected_ids == everyone[7:]
    session.set_sort("Name")
    assert front.ask(id=3, **ask, ranges=[[0, 9]], replace=True)[0]["status"] == "stale"
    assert session.selection_count == N - 7


def test_the_group_view(front: FrontEnd, session: Session, gallery: Gallery) -> None:
    assert (gallery.mode, gallery.group_count, gallery.group_threshold) == ("grid", 0, 0)
    assert front.ask(kind="mode", id=1, mode="groups")[0]["status"] == "ok"
    assert (gallery.mode, gallery.group_count, gallery.group_threshold) == ("groups", 1, 1e-4)
    assert (gallery.count, gallery.value_name) == (2, "Distance to keeper")
    reply, (sizes,) = front.ask(kind="groups", id=2, epoch=gallery.epoch, start=0, stop=1)
    assert (reply["start"], reply["stop"]) == (0, 1)
    assert np.frombuffer(sizes, "<i4").tolist() == [2]
    _, buffers = front.ask(kind="rows", id=3, epoch=gallery.epoch, start=0, stop=2)
    assert np.frombuffer(buffers[5], "u1").tolist() == [1, 0]
    assert np.frombuffer(buffers[1], "<f8").tolist() == [0, 0]
    keeper, other = np.frombuffer(buffers[0], "<i4").tolist()
    front.ask(kind="select", id=4, op="extras")
    assert session.selected_ids == [other]
    old = gallery.epoch
    assert front.ask(kind="keep", id=5, item=other)[0] == {"kind": "reply", "id": 5, "status": "ok"}
    assert front.ask(kind="rows", id=6, epoch=old, start=0, stop=2)[0]["status"] == "stale"
    assert front.ask(kind="groups", id=7, epoch=old, start=0, stop=1)[0]["status"] == "stale"
    _, buffers = front.ask(kind="rows", id=8, epoch=gallery.epoch, start=0, stop=2)
    assert np.frombuffer(buffers[0], "<i4").tolist() == [other, keeper]
    assert gallery.tag_counts == [["keep", 1]]
    session.project.set_keep_rules(tag="")


def test_what_the_group_view_refuses(front: FrontEnd, session: Session, gallery: Gallery) -> None:
    reply, _ = front.ask(kind="groups", id=1, epoch=session.epoch, start=0, stop=1)
    assert reply["error"] == "The view has no groups 0 to 1."
    reply, _ = front.ask(kind="select", id=2, op="extras")
    assert "Only the group view" in reply["error"]
    alone = int(session.rows(session.epoch, N - 1, N).ids[0])
    reply, _ = front.ask(kind="keep", id=3, item=alone)
    assert "has no duplicates within 0.0001" in reply["error"]
    front.ask(kind="mode", id=4, mode="groups")
    reply, _ = front.ask(kind="groups", id=5, epoch=gallery.epoch, start=1, stop=3)
    assert reply["error"] == "The view has no groups 1 to 3."


def test_details(front: FrontEnd, session: Session) -> None:
    item = int(session.project.ids[3])
    session.select("all")
    reply, buffers = front.ask(kind="details", id=1, item=item)
    assert (reply["status"], reply["item"], reply["width"], reply["height"]) == ("ok", item, 160, 120)
    assert reply["selected"] is True
    assert len(reply["others"]) == N - 1
    assert [name for name, _ in reply["metrics"]] == list(session.project.metrics)
    assert buffers == []
    reply, _ = front.ask(kind="details", id=2, item=987_654)
    assert "987654" in reply["error"]


def test_a_large_image(front: FrontEnd, project: Project, caplog: pytest.LogCaptureFixture) -> None:
    item = int(project.ids[0])
    reply, (data,) = front.ask(kind="image", id=1, item=item, side=64)
    assert (reply["item"], reply["width"], reply["height"]) == (item, 64, 48)
    assert (reply["full_width"], reply["full_height"], reply["mime"]) == (160, 120, "image/jpeg")
    assert data.startswith(b"\xff\xd8")
    reply, (data,) = front.ask(kind="image", id=2, item=item, side=512)
    assert (reply["width"], reply["mime"]) == (160, "image/png")
    reply, _ = front.ask(kind="image", id=3, item=987_654, side=512)
    assert "987654" in reply["error"]
    path = project.path(item)
    content = path.read_bytes()
    try:
        path.write_bytes(b"no image any more")
        reply, buffers = front.ask(kind="image", id=4, item=item, side=512)
        assert reply["error"] == f"{path.name}: not an image that Pillow can read"
        assert buffers == []
    finally:
        path.write_bytes(content)
    assert not caplog.records


def test_tag_and_untag(front: FrontEnd, session: Session, gallery: Gallery) -> None:
    front.ask(kind="select", id=1, op="ranges", epoch=session.epoch, ranges=[[0, 4]], replace=False)
    assert front.ask(kind="tag", id=2, name="odd")[0]["changed"] == 4
    assert gallery.tag_counts == [["odd", 4]]
    assert front.ask(kind="tag", id=3, name="odd")[0]["changed"] == 0
    assert front.ask(kind="untag", id=4, name="odd")[0]["changed"] == 4


def test_what_the_session_refuses_is_an_error_for_the_user(front: FrontEnd) -> None:
    reply, _ = front.ask(kind="tag", id=1, name="odd")
    assert reply["status"] == "error"
    assert reply["error"].startswith("Nothing is selected")
    reply, _ = front.ask(kind="sort", id=2, sort="Charm")
    assert reply["status"] == "error"
    assert "Charm" in reply["error"]


def test_sort_similar_and_clear(front: FrontEnd, session: Session, gallery: Gallery) -> None:
    front.ask(kind="sort", id=1, sort="-Uniqueness")
    assert gallery.sort == session.sort == "-Uniqueness"
    front.ask(kind="similar", id=2, items=[int(session.project.ids[0])])
    assert gallery.query_label == session.query_label != ""
    assert gallery.sort == "Similarity"
    front.ask(kind="clear", id=3, what="query")
    assert gallery.query_label == ""
    session.set_filters({"Uniqueness": (0, 1e-4)})
    front.ask(kind="clear", id=4, what="filters")
    assert gallery.filter_label == ""
    assert gallery.count == N


@pytest.mark.parametrize("orientation", [1, 6])
def test_similar_to_an_image_from_outside(
    front: FrontEnd, session: Session, gallery: Gallery, project: Project, orientation: int
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = io.BytesIO()
    with Image.open(project.file(int(project.ids[3]))) as image:
        upright = image if orientation == 1 else image.transpose(Image.Transpose.ROTATE_90)
        upright.save(data, "PNG", exif=exif)
    reply, _ = front.ask([data.getvalue()], kind="similar_image", id=1, name="<b>été.png")
    assert reply == {"kind": "reply", "id": 1, "status": "ok"}
    assert gallery.query_label == session.query_label == "Similar to <b>été.png"
    rows = session.rows(session.epoch, 0, 2)
    assert rows.ids[0] == project.ids[3]
    assert rows.values[0] < 1e-4 < rows.values[1]


def test_what_is_no_image_is_an_error_that_names_it(
    front: FrontEnd, gallery: Gallery, caplog: pytest.LogCaptureFixture
) -> None:
    reply, _ = front.ask([b"GIF89a but no image"], kind="similar_image", id=1, name="a.gif")
    assert (reply["status"], reply["error"]) == ("error", "a.gif: not an image that Pillow can read")
    reply, _ = front.ask(kind="similar_image", id=2, name="a.gif")
    assert "one buffer" in reply["error"]
    assert gallery.query_label == ""
    assert not caplog.records


def test_paths_of_the_selection_in_view_order(front: FrontEnd, session: Session, project: Project) -> None:
    session.set_sort("-Name")
    front.tell({"kind": "select", "id": 1, "op": "set", "items": [int(item) for item in project.ids[[0, 4, 7]]]})
    front.tell({"kind": "paths", "id": 2})
    assert front.replies.get(timeout=WAIT_S)[0]["id"] == 1
    reply, buffers = front.replies.get(timeout=WAIT_S)
    assert reply["paths"] == [str(project.file(item)) for item in session.selected_ids]
    assert [Path(path).name for path in reply["paths"]] == sorted(
        (Path(path).name for path in reply["paths"]), reverse=True
    )
    assert all(Path(path).is_file() and Path(path).is_absolute() for path in reply["paths"])
    assert (len(reply["paths"]), buffers) == (3, [])
    front.ask(kind="select", id=3, op="none")
    reply, _ = front.ask(kind="paths", id=4)
    assert reply["error"].startswith("Nothing is selected to copy.")


def test_a_crash_is_answered_and_logged(
    front: FrontEnd, session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise OSError("disk on fire")

    monkeypatch.setattr(session, "thumbnails", crash)
    reply, _ = front.ask(kind="thumbs", id=1, items=[0])
    assert reply["status"] == "error"
    assert reply["error"] == "OSError: disk on fire"
    assert "ThumbsRequest" in caplog.text
    assert "Traceback" in caplog.text


def test_malformed_messages(front: FrontEnd, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        front.tell(["rows"])
    assert "dropped a message" in caplog.text
    assert front.replies.empty()
    reply, _ = front.ask(kind="rows", id=4, epoch=True, start=0, stop=1)
    assert reply["status"] == "error"


def test_a_cancelled_request_is_answered_once(project: Project) -> None:
    session = SlowSession(project)
    gallery = Gallery(session)
    front = FrontEnd(gallery)
    item = int(project.ids[0])
    front.tell({"kind": "thumbs", "id": 1, "items": [item]})
    assert session.started.wait(WAIT_S)
    front.tell({"kind": "cancel", "id": 2, "target": 1})
    assert front.replies.get_nowait()[0] == {"kind": "reply", "id": 1, "status": "cancelled"}
    assert front.replies.get_nowait()[0] == {"kind": "reply", "id": 2, "status": "ok"}
    session.let_go.set()
    gallery.close()
    for thread in _threads_of(gallery):
        thread.join(WAIT_S)
    assert front.replies.empty()
    session.close()


def test_cancelling_what_has_been_answered_changes_nothing(front: FrontEnd, project: Project) -> None:
    front.ask(kind="thumbs", id=1, items=[int(project.ids[0])])
    assert front.ask(kind="cancel", id=2, target=1)[0]["status"] == "ok"
    assert front.replies.empty()


def test_an_id_in_use_is_refused(project: Project) -> None:
    session = SlowSession(project)
    gallery = Gallery(session)
    front = FrontEnd(gallery)
    request = {"kind": "thumbs", "id": 1, "items": [int(project.ids[0])]}
    front.tell(request)
    front.tell(request)
    reply, _ = front.replies.get(timeout=WAIT_S)
    assert reply["status"] == "error"
    assert "already" in reply["error"]
    session.let_go.set()
    assert front.replies.get(timeout=WAIT_S)[0]["status"] == "ok"
    gallery.close()
    session.close()


def test_reads_and_commands_all_at_once(front: FrontEnd, session: Session, gallery: Gallery) -> None:
    """Every request has its one reply, and what is answered fits the epoch that was asked for."""
    ids = session.project.ids.tolist()
    requests: dict[int, dict[str, Any]] = {}
    for number in range(1, 241):
        item, epoch = ids[number % N], gallery.epoch
        requests[number] = [
            {"kind": "rows", "epoch": epoch, "start": 0, "stop": 2},
            {"kind": "mode", "mode": "groups" if number % 16 < 8 else "grid"},
            {"kind": "groups", "epoch": epoch, "start": 0, "stop": 1},
            {"kind": "details", "item": item},
            {"kind": "select", "op": "ranges", "epoch": epoch, "ranges": [[0, 1]], "replace": True},
            {"kind": "keep", "item": item},
            {"kind": "image", "item": item, "side": 64},
            {"kind": "select", "op": "extras"},
        ][number % 8]
        front.tell({"id": number, **requests[number]})
    answers = {}
    for _ in requests:
        reply, buffers = front.replies.get(timeout=WAIT_S)
        assert reply["id"] not in answers
        answers[reply["id"]] = (reply, buffers)
    assert answers.keys() == requests.keys()
    for number, (reply, buffers) in answers.items():
        kind = requests[number]["kind"]
        if kind in ("mode", "details", "image"):
            assert reply["status"] == "ok"
        elif reply["status"] == "error":
            assert any(text in reply["error"] for text in ("no groups", "no duplicates", "Only the group view"))
        elif kind == "groups" and reply["status"] == "ok":
            assert np.frombuffer(buffers[0], "<i4").tolist() == [2]
    assert front.replies.empty()
    assert gallery.epoch == session.epoch
    session.project.set_keep_rules(tag="")


def test_commands_are_carried_out_in_order(front: FrontEnd, session: Session) -> None:
    item = int(session.project.ids[0])
    requests = 101
    for number in range(1, requests + 1):
        op = "add" if number % 2 else "remove"
        front.tell({"kind": "select", "id": number, "op": op, "items": [item]})
    answered = [front.replies.get(timeout=WAIT_S)[0]["id"] for _ in range(requests)]
    assert answered == list(range(1, requests + 1))
    assert session.selected_ids == [item]


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["id", "kind", "items", "op", "target", "rows"]), inner, max_size=5)
        ),
        max_leaves=8,
    )
    | st.fixed_dictionaries(
        {
            "kind": st.sampled_from(list(protocol._PARSERS)),
            "id": st.integers(-1, 10**20),
        },
        optional={
            "epoch": st.integers(-1, 5),
            "start": st.integers(-1, 12),
            "stop": st.integers(-1, 12),
            "items": st.lists(st.integers(-1, 20), max_size=3),
            "op": st.sampled_from(["add", "ranges", "all", "none", "extras"]),
            "item": st.integers(-1, 20),
            "side": st.integers(60, 70),
            "mode": st.sampled_from(["grid", "groups", "x"]),
            "ranges": st.lists(st.lists(st.integers(-1, 12), min_size=2, max_size=2), max_size=3),
            "replace": st.booleans(),
            "name": st.text(max_size=5),
            "sort": st.text(max_size=5),
            "what": st.sampled_from(["query", "filters", "x"]),
            "target": st.integers(0, 20),
        },
    )
)
def test_whatever_the_browser_says_has_one_reply_at_most(front: FrontEnd, content: object) -> None:
    front.tell(content)
    sentinel = 2**53 - 2
    front.tell({"kind": "select", "id": sentinel, "op": "none"})
    own = content.get("id") if isinstance(content, dict) else None
    expects = isinstance(own, int) and not isinstance(own, bool) and 1 <= own < 2**53
    answered = [front.replies.get(timeout=WAIT_S)[0]["id"] for _ in range(2 if expects else 1)]
    assert sorted(answered) == sorted([own, sentinel] if expects else [sentinel])
    assert front.replies.empty()


def test_the_browser_can_set_the_thumbnail_size_only(
    front: FrontEnd, gallery: Gallery, caplog: pytest.LogCaptureFixture
) -> None:
    front.deliver(method="update", state={"count": 5, "title": "x", "thumbnail_size": 200}, buffer_paths=[])
    assert gallery.thumbnail_size == 200
    assert gallery.count == N
    assert gallery.title != "x"
    for bad in (5000, "large", None, True):
        front.deliver(method="update", state={"thumbnail_size": bad}, buffer_paths=[])
    assert gallery.thumbnail_size == 200
    assert "bad value" in caplog.text


def test_two_galleries_of_one_session_stay_in_step(session: Session, front: FrontEnd) -> None:
    other = Gallery(session)
    front.ask(kind="select", id=1, op="all")
    assert other.selection_count == N
    other.close()
    front.ask(kind="select", id=2, op="none")
    assert session.selection_count == 0


def test_what_is_sent_belongs_to_the_browsers_latest_message(session: Session) -> None:
    """Or ipykernel would have what the browser sends next wait for a cell that has changed something."""
    asked_by = ContextVar("asked_by", default="nobody")
    sent: list[tuple[str, str]] = []

    class Listening(FrontEnd):
        def publish_msg(self, msg_type: str, data: Any = None, *args: Any, **kwargs: Any) -> None:
            if msg_type == "comm_msg":
                sent.append((asked_by.get(), data["method"]))
            super().publish_msg(msg_type, data, *args, **kwargs)

    gallery = Gallery(session)
    front = Listening(gallery)
    asked_by.set("cell")
    session.select("all")
    assert sent == [("cell", "update")], "nobody else was there"

    sent.clear()
    asked_by.set("browser")
    front.ask(kind="thumbs", id=1, items=[1])
    asked_by.set("another cell")
    session.select("none")
    session.set_sort("Name")
    front.ahead.get(timeout=WAIT_S)
    assert sorted(sent) == [("browser", "custom"), ("browser", "custom"), *[("browser", "update")] * 2]
    gallery.close()


def test_closing_answers_what_is_open_and_ends_the_threads(project: Project) -> None:
    session = SlowSession(project)
    gallery = Gallery(session)
    front = FrontEnd(gallery)
    front.tell({"kind": "thumbs", "id": 1, "items": [int(project.ids[0])]})
    assert session.started.wait(WAIT_S)
    threads = _threads_of(gallery)
    assert threads
    gallery.close()
    assert front.replies.get_nowait()[0]["status"] == "cancelled"
    gallery.close()
    session.let_go.set()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    front.tell({"kind": "thumbs", "id": 2, "items": [int(project.ids[0])]})
    session.select("all")
    assert gallery.selection_count == 0
    session.close()


def test_a_source_checkout_without_the_bundle_says_how_to_build_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gallery, "_esm", "")
    with pytest.raises(FileNotFoundError, match="npm run build"):
        Gallery(session)


def _threads_of(gallery: Gallery) -> list[threading.Thread]:
    return [*gallery._reads._threads, *gallery._commands._threads]


def jpegs(message: dict[str, Any], joined: bytes) -> dict[int, bytes]:
    ends = np.cumsum(message["lengths"]).tolist()
    starts = [0, *ends[:-1]]
    return {item: joined[a:b] for item, a, b in zip(message["items"], starts, ends, strict=True)}


def test_a_new_order_is_sent_ahead_with_the_thumbnails_that_the_browser_lacks(
    front: FrontEnd, session: Session, project: Project
) -> None:
    first, second = project.ids[:2].tolist()
    front.ask(kind="thumbs", id=1, items=[first, second])
    session.set_sort("Name")
    message, buffers = front.ahead.get(timeout=WAIT_S)
    rows = session.rows(session.epoch, 0, N)
    assert (message["epoch"], message["start"], message["stop"]) == (session.epoch, 0, N)
    assert message["names"] == rows.names
    assert np.frombuffer(buffers[0], "<i4").tolist() == rows.ids.tolist()
    others = [item for item in rows.ids.tolist() if item not in (first, second)]
    assert jpegs(message, buffers[6]) == dict(zip(others, project.thumbnails(others), strict=True))
    assert front.events.index("update") < front.events.index("ahead"), "its epoch is known by then"

    front.events.clear()
    session.set_sort("-Name")  # the browser has all of them by now
    message, buffers = front.ahead.get(timeout=WAIT_S)
    assert (message["items"], buffers[6]) == ([], b"")
    assert (message["epoch"], message["names"]) == (session.epoch, session.rows(session.epoch, 0, N).names)
    assert front.events == ["ahead", "update"], "so that it is shown as soon as its epoch is known"


def test_what_is_sent_ahead_says_of_which_revision_it_is(
    front: FrontEnd, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser asks again for rows that changed between being read and being sent."""
    front.ask(kind="thumbs", id=1, items=[1])
    read = session.thumbnails

    def change_meanwhile(ids: Sequence[int]) -> list[bytes | None]:
        session.select("all")
        return read(ids)

    monkeypatch.setattr(session, "thumbnails", change_meanwhile)
    before = session.revision
    session.set_sort("Name")
    message, buffers = front.ahead.get(timeout=WAIT_S)
    assert (message["revision"], bytes(buffers[2])) == (before, bytes(N))
    assert session.revision == before + 1

    session.set_sort("-Name")  # the browser has all of them by now
    message, buffers = front.ahead.get(timeout=WAIT_S)
    assert (message["revision"], bytes(buffers[2])) == (before + 1, bytes([1] * N))


def test_the_browser_learns_what_is_perhaps_shown_next(front: FrontEnd, session: Session) -> None:
    session.expect(session.passing())
    assert front.expected == [session.ids_in_view[:FIRST].tolist()]
    assert front.updates == [], "nothing is another yet"
    front.ask(kind="thumbs", id=1, items=front.expected[0])
    session.set_sort("-Uniqueness")
    message, _ = front.ahead.get(timeout=WAIT_S)
    missing = set(session.ids_in_view[:FIRST].tolist()) - set(front.expected[0])
    assert set(message["items"]) == missing


def test_nothing_is_sent_ahead_to_a_gallery_that_nobody_has_looked_at(front: FrontEnd, session: Session) -> None:
    session.set_sort("Name")
    front.ask(kind="rows", id=1, epoch=session.epoch, start=0, stop=N)
    assert front.ahead.empty()


def test_nothing_is_sent_ahead_of_an_empty_view(front: FrontEnd, session: Session) -> None:
    front.ask(kind="thumbs", id=1, items=[1])
    session.set_filters({"Uniqueness": (2, 3)})
    session.clear_filters()
    message, _ = front.ahead.get(timeout=WAIT_S)
    while message["epoch"] != session.epoch:
        message, _ = front.ahead.get(timeout=WAIT_S)
    assert message["stop"] == N

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simwidget.errors import InvalidValueError
from simwidget.inspection import Details, LargeImage, Other
from simwidget.session import Rows
from simwidget.widgets import protocol
from simwidget.widgets.fields import ProtocolError
from simwidget.widgets.protocol import (
    GroupsRequest,
    RowsRequest,
    SimilarImageRequest,
    pack_ahead,
    pack_details,
    pack_expected,
    pack_groups,
    pack_image,
    pack_paths,
    pack_rows,
    pack_thumbs,
    parse_request,
)

FIXTURES = Path(__file__).parent.parent / "protocol-fixtures"
REQUESTS = json.loads((FIXTURES / "requests.json").read_text("utf-8"))
REPLIES = json.loads((FIXTURES / "replies.json").read_text("utf-8"))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=10,
)
FIELDS = (
    *("id", "epoch", "start", "stop", "items", "op", "name", "sort", "what", "target"),
    *("item", "side", "mode", "ranges", "replace"),
)
KINDS = tuple(protocol._PARSERS)
near_requests = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS)},
    optional={
        name: json_values
        | st.integers(-2, 600)
        | st.lists(st.integers(0, 9), max_size=3)
        | st.lists(st.lists(st.integers(-1, 9), min_size=1, max_size=3), max_size=3)
        | st.sampled_from(["add", "ranges", "all", "extras", "query", "grid", "groups"])
        for name in FIELDS
    },
)


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def rows_of(columns: dict[str, Any]) -> Rows:
    return Rows(
        ids=np.array(columns["ids"], dtype=np.int64),
        names=columns["names"],
        values=np.array([np.nan if v is None else v for v in columns["values"]], dtype=np.float64),
        labels=columns["labels"],
        suspected=columns.get("suspected"),
        tags=columns["tags"],
        selected=np.array(columns["selected"], dtype=bool),
        colors=np.array(columns["colors"], dtype=np.uint8).reshape(-1, 3),
        group=np.array(columns["group"], dtype=np.int32),
        keeper=np.array(columns["keeper"], dtype=bool),
    )


def details_of(message: dict[str, Any]) -> Details:
    fields = {name: value for name, value in message.items() if name not in ("kind", "id", "status")}
    fields["metrics"] = {name: np.nan if value is None else value for name, value in message["metrics"]}
    return Details(**{**fields, "others": [Other(**other) for other in message["others"]]})


def buffers_of(case: dict[str, Any]) -> list[memoryview]:
    return [memoryview(bytes.fromhex(buffer)) for buffer in case.get("buffers", [])]


@named(REQUESTS["valid"])
def test_a_valid_request_is_parsed(case: dict[str, Any]) -> None:
    request = parse_request(case["message"], buffers_of(case))
    assert type(request).__name__ == case["type"]
    assert json.loads(json.dumps(asdict(request), default=bytes.hex)) == case["parsed"]


@named(REQUESTS["invalid"])
def test_an_invalid_request_is_refused_with_its_id(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_request(case["message"], buffers_of(case))
    assert case["error"] in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.id == case["id"]


@settings(deadline=None)
@given(json_values | near_requests, st.lists(st.binary(max_size=3), max_size=2))
def test_arbitrary_json_is_parsed_or_refused(content: object, buffers: list[bytes]) -> None:
    try:
        request_id = parse_request(content, buffers).id
    except ProtocolError as error:
        request_id = error.id
    if request_id is not None:
        assert isinstance(content, dict)
        assert request_id == content["id"]
        assert type(request_id) is int


def test_an_image_file_is_copied_from_memory_that_is_not_ours() -> None:
    memory = bytearray(b"\0\0jpeg")
    content = {"kind": "similar_image", "id": 1, "name": "a.jpg"}
    request = parse_request(content, [memoryview(memory)[2:]])
    memory[:] = bytes(len(memory))
    assert isinstance(request, SimilarImageRequest)
    assert request.data == b"jpeg"
    assert "jpeg" not in repr(request).replace("a.jpg", "")


def test_an_image_file_has_8_mib_at_most() -> None:
    content = {"kind": "similar_image", "id": 1, "name": "a.jpg"}
    parse_request(content, [bytes(8 * 2**20)])
    with pytest.raises(ProtocolError, match="not one of 8388609"):
        parse_request(content, [bytes(8 * 2**20 + 1)])


@pytest.mark.parametrize("kind", ["tag", "sort", "similar_image"])
def test_half_a_character_which_no_reply_could_hold_is_refused(kind: str) -> None:
    content = json.loads(f'{{"kind": "{kind}", "id": 7, "name": "a\\ud83d", "sort": "a\\ud83d"}}')
    with pytest.raises(ProtocolError, match=r"must be a text of .*, not 'a\\ud83d'") as caught:
        parse_request(content, [b"jpeg"])
    assert caught.value.id == 7


@named(REPLIES["rows"])
def test_rows_are_packed(case: dict[str, Any]) -> None:
    start, stop = case["message"]["start"], case["message"]["stop"]
    request = RowsRequest(case["id"], case["epoch"], start, stop)
    reply, buffers = pack_rows(request, rows_of(case["rows"]))
    assert reply == case["message"]
    assert [buffer.hex() for buffer in buffers] == case["buffers"]


@named(REPLIES["expected"])
def test_what_is_expected_is_packed(case: dict[str, Any]) -> None:
    assert pack_expected(case["items"]) == case["message"]


@named(REPLIES["ahead"])
def test_what_is_sent_ahead_is_packed(case: dict[str, Any]) -> None:
    jpegs = [None if jpeg is None else bytes.fromhex(jpeg) for jpeg in case["thumbnails"]]
    message, buffers = pack_ahead(case["epoch"], case["revision"], rows_of(case["rows"]), case["items"], jpegs)
    assert message == case["message"]
    assert [buffer.hex() for buffer in buffers] == case["buffers"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("names", ["a"], "names has 1 entries for 2 rows"),
        ("tags", [[], [], []], "tags has 3 entries for 2 rows"),
        ("suspected", [None], "suspected has 1 entries for 2 rows"),
        ("ids", np.array([1, 2**31]), "ids holds values outside int32"),
        ("ids", np.array([1]), r"ids has shape \(1,\) instead of \(2,\)"),
        ("colors", np.zeros((2, 4), np.uint8), r"colors has shape \(2, 4\) instead of \(2, 3\)"),
        ("colors", np.full((2, 3), 256), "colors holds values outside uint8"),
        ("group", np.array([0, -(2**40)]), "group holds values outside int32"),
        ("keeper", np.array([True]), r"keeper has shape \(1,\) instead of \(2,\)"),
    ],
)
def test_columns_that_do_not_fit_are_not_packed(column: str, value: object, message: str) -> None:
    rows = rows_of(REPLIES["rows"][1]["rows"])
    bad = Rows(**{**rows.__dict__, column: value})
    with pytest.raises(ValueError, match=message):
        pack_rows(RowsRequest(1, 1, 0, 2), bad)


def test_a_column_of_another_dtype_or_byte_order_is_packed_the_same() -> None:
    case = REPLIES["rows"][1]
    rows = rows_of(case["rows"])
    other = Rows(**{**rows.__dict__, "ids": rows.ids.astype(">i8"), "values": rows.values[::-1][::-1]})
    start, stop = case["message"]["start"], case["message"]["stop"]
    _, buffers = pack_rows(RowsRequest(case["id"], case["epoch"], start, stop), other)
    assert [buffer.hex() for buffer in buffers] == case["buffers"]


@named(REPLIES["groups"])
def test_groups_are_packed(case: dict[str, Any]) -> None:
    start, stop = case["message"]["start"], case["message"]["stop"]
    request = GroupsRequest(case["id"], case["epoch"], start, stop)
    reply, buffers = pack_groups(request, np.array(case["sizes"], dtype=np.int64))
    assert reply == case["message"]
    assert [buffer.hex() for buffer in buffers] == case["buffers"]


def test_groups_need_one_size_a_group() -> None:
    with pytest.raises(ValueError, match=r"sizes has shape \(2,\) instead of \(3,\)"):
        pack_groups(GroupsRequest(1, 1, 0, 3), np.array([2, 2]))


@named(REPLIES["details"])
def test_details_are_packed(case: dict[str, Any]) -> None:
    reply = pack_details(case["message"]["id"], details_of(case["message"]))
    assert reply == case["message"]
    assert list(reply) == list(case["message"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_json_does_not_know_are_null(value: float) -> None:
    details = details_of({**REPLIES["details"][0]["message"], "metrics": [["Uniqueness", value], ["Mine", 1.0]]})
    reply = pack_details(1, details)
    assert reply["metrics"] == [["Uniqueness", None], ["Mine", 1.0]]
    assert json.loads(json.dumps(reply, allow_nan=False)) == reply


@named(REPLIES["image"])
def test_images_are_packed(case: dict[str, Any]) -> None:
    sizes = {name: case[name] for name in ("mime", "width", "height", "full_width", "full_height")}
    reply, buffers = pack_image(case["id"], case["item"], LargeImage(bytes.fromhex(case["image"]), **sizes))
    assert reply == case["message"]
    assert [buffer.hex() for buffer in buffers] == case["buffers"]


def test_an_image_over_the_limit_is_not_packed() -> None:
    size = protocol.MAX_IMAGE_BYTES
    pack_image(1, 2, LargeImage(bytes(size), "image/jpeg", 9, 9, 9, 9))
    with pytest.raises(ValueError, match="1000001 bytes is too large"):
        pack_image(1, 2, LargeImage(bytes(size + 1), "image/jpeg", 9, 9, 9, 9))


@named(REPLIES["thumbs"])
def test_thumbnails_are_packed(case: dict[str, Any]) -> None:
    thumbnails = [None if t is None else bytes.fromhex(t) for t in case["thumbnails"]]
    reply, buffers = pack_thumbs(case["id"], case["items"], thumbnails)
    assert reply == case["message"]
    assert [buffer.hex() for buffer in buffers] == case["buffers"]


def test_paths_are_packed_in_order() -> None:
    (case,) = (case for case in REPLIES["plain"] if case["name"] == "paths")
    files = dict(enumerate(map(Path, case["message"]["paths"])))
    assert pack_paths(case["message"]["id"], [0, 1], files.__getitem__) == case["message"]
    assert pack_paths(1, [1, 0], files.__getitem__)["paths"] == case["message"]["paths"][::-1]


def test_a_path_that_is_no_text_can_be_sent() -> None:
    (path,) = pack_paths(1, [5], lambda _: Path(os.fsdecode(b"/a/\xff.jpg")))["paths"]
    assert path == "/a/\ufffd.jpg"


@pytest.mark.parametrize("break_", ["\n", "\r", "\u2028"])
def test_a_path_that_is_no_line_is_not_packed(break_: str) -> None:
    with pytest.raises(InvalidValueError, match=r"b\\.*c.jpg' has a line break in it.*project.export"):
        pack_paths(1, [1, 2], {1: Path("/a.jpg"), 2: Path(f"/b{break_}c.jpg")}.__getitem__)


def test_as_many_paths_as_a_clipboard_is_for() -> None:
    assert len(pack_paths(1, range(10_000), lambda item: Path(f"/{item}"))["paths"]) == 10_000
    with pytest.raises(InvalidValueError, match=r"At most 10,000 paths .*not 1,000,000\. .*project\.export"):
        pack_paths(1, range(1_000_000), {}.__getitem__)
    with pytest.raises(InvalidValueError, match="Nothing is selected"):
        pack_paths(1, [], {}.__getitem__)


def test_thumbnails_need_one_entry_an_item() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        pack_thumbs(1, [1, 2], [b"x"])


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(1, 60_000), min_size=1, max_size=64))
def test_a_thumbnail_reply_is_a_prefix_within_the_limit(sizes: list[int | None]) -> None:
    thumbnails = [None if size is None else bytes(size) for size in sizes]
    reply, (joined,) = pack_thumbs(1, list(range(len(sizes))), thumbnails)
    sent = len(reply["items"])
    assert reply["items"] == list(range(sent))
    assert reply["lengths"] == [size or 0 for size in sizes[:sent]]
    assert len(joined) == sum(reply["lengths"])
    assert len(joined) <= protocol.MAX_THUMB_BYTES
    assert sent == len(sizes) or len(joined) + (sizes[sent] or 0) > protocol.MAX_THUMB_BYTES


def test_a_single_thumbnail_over_the_limit_is_sent_all_the_same() -> None:
    huge = bytes(protocol.MAX_THUMB_BYTES + 1)
    reply, buffers = pack_thumbs(1, [5, 6], [huge, b"x"])
    assert reply["items"] == [5]
    assert buffers == [huge]


def test_plain_replies() -> None:
    plain = {case["name"]: case["message"] for case in REPLIES["plain"]}
    assert protocol.ok(7) == plain["ok"]
    assert protocol.ok(8, changed=12) == plain["changed"]
    assert protocol.error(9, "Nothing is selected to tag.") == plain["error"]
    assert protocol.cancelled(10) == plain["cancelled"]
    assert protocol.stale(11) == plain["stale"]

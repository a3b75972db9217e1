"""The browser's end of a gallery, for tests without a browser."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from comm.base_comm import BaseComm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simwidget.widgets.gallery import Gallery

WAIT_S = 20


class FrontEnd(BaseComm):
    """The browser's end of the comm: hears what the kernel publishes, and answers as a kernel would deliver it."""

    def __init__(self, gallery: Gallery) -> None:
        self.updates: list[dict[str, Any]] = []
        self.replies: queue.Queue[tuple[dict[str, Any], list[Any]]] = queue.Queue()
        self.ahead: queue.Queue[tuple[dict[str, Any], list[Any]]] = queue.Queue()
        self.expected: list[list[int]] = []
        self.events: list[str] = []
        super().__init__(target_name="jupyter.widget")
        gallery.comm = self

    def publish_msg(self, msg_type: str, data: Any = None, *_: object, buffers: Any = None, **__: object) -> None:
        if msg_type != "comm_msg":
            return
        if data["method"] == "custom" and data["content"]["kind"] == "ahead":
            self.events.append("ahead")
            self.ahead.put((data["content"], buffers or []))
        elif data["method"] == "custom" and data["content"]["kind"] == "expected":
            self.expected.append(data["content"]["items"])
        elif data["method"] == "custom":
            self.events.append("reply")
            self.replies.put((data["content"], buffers or []))
        elif data["method"] == "update":
            self.events.append("update")
            self.updates.append(data["state"])

    def deliver(self, buffers: Sequence[bytes] = (), **data: Any) -> None:
        self.handle_msg({"content": {"data": data}, "buffers": [memoryview(buffer) for buffer in buffers]})

    def tell(self, content: object, buffers: Sequence[bytes] = ()) -> None:
        self.deliver(buffers, method="custom", content=content)

    def ask(self, buffers: Sequence[bytes] = (), **content: Any) -> tuple[dict[str, Any], list[Any]]:
        self.tell(content, buffers)
        reply, buffers = self.replies.get(timeout=WAIT_S)
        assert reply["kind"] == "reply"
        assert reply["id"] == content["id"]
        return reply, buffers

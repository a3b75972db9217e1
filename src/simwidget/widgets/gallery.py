"""The gallery widget: traits and message routing; what they mean is decided in :mod:`simwidget.session`."""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import Context, copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
from traitlets import Dict, Float, Int, List, TraitError, Unicode

from simwidget.errors import InvalidValueError, SimwidgetError
from simwidget.session import Session, StaleEpochError
from simwidget.threads import ThreadPool
from simwidget.widgets import protocol
from simwidget.widgets.ahead import Ahead
from simwidget.widgets.fallback import with_contact_sheet
from simwidget.widgets.fields import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from simwidget.project import Project

BUNDLE = Path(__file__).parent.parent / "static" / "widget.js"
BROWSER_TRAITS = frozenset({"thumbnail_size"})  # all that a browser may write
READS = (
    protocol.RowsRequest,
    protocol.GroupsRequest,
    protocol.ThumbsRequest,
    protocol.DetailsRequest,
    protocol.ImageRequest,
)


class Gallery(anywidget.AnyWidget):
    """Thumbnails of the items in view, to look through, select, tag and search by.

    Parameters
    ----------
    source : Project or Session
        A project, which gets a session of its own, or the session to share with other widgets.

    Attributes
    ----------
    thumbnail_size : int
        Width of a card in CSS pixels, 96 to 320; the slider in the gallery sets it too.
    session : Session
        Selection, tags, order and filters, for use from Python. The other traits mirror it for the browser
        and cannot be set.

    Raises
    ------
    FileNotFoundError
        When the front end was not built, which only happens in a source checkout.
    """

    _esm = BUNDLE if BUNDLE.is_file() else ""

    epoch = Int(0, read_only=True).tag(sync=True)
    revision = Int(0, read_only=True).tag(sync=True)
    count = Int(0, read_only=True).tag(sync=True)
    total = Int(0, read_only=True).tag(sync=True)
    selection_count = Int(0, read_only=True).tag(sync=True)
    selection_in_view = Int(0, read_only=True).tag(sync=True)
    sort = Unicode("", read_only=True).tag(sync=True)
    sort_keys = List(Unicode(), read_only=True).tag(sync=True)
    query_label = Unicode("", read_only=True).tag(sync=True)
    filter_label = Unicode("", read_only=True).tag(sync=True)
    value_name = Unicode("", read_only=True).tag(sync=True)
    mode = Unicode("grid", read_only=True).tag(sync=True)
    group_count = Int(0, read_only=True).tag(sync=True)
    group_threshold = Float(0.0, read_only=True).tag(sync=True)
    missing_count = Int(0, read_only=True).tag(sync=True)
    title = Unicode("", read_only=True).tag(sync=True)
    tag_counts = List(List(), read_only=True).tag(sync=True)
    status = Dict(read_only=True).tag(sync=True)
    thumbnail_size = Int(144, min=96, max=320).tag(sync=True, echo_update=False)

    def __init__(self, source: Project | Session) -> None:
        if not self._esm:
            raise FileNotFoundError(
                f"The gallery's front end is missing: {BUNDLE}. In a source checkout, build it with "
                "`npm install && npm run build` (or `pip install .`) and restart Python."
            )
        self._owns_session = not isinstance(source, Session)
        self.session = source if isinstance(source, Session) else Session(source)
        # Guards the traits, the pending requests and the order of what is sent. Where both locks are needed
        # the session's is taken second.
        self._lock = threading.RLock()
        self._pending: set[int] = set()
        # Reads may overtake each other. Commands may not: of two clicks on one card the later has to win.
        self._reads = ThreadPool(2, thread_name_prefix="simwidget-gallery-read")
        self._commands = ThreadPool(1, thread_name_prefix="simwidget-gallery-command")
        self._ahead = Ahead()
        self._asked_in: Context | None = None  # the context of the browser's latest message
        super().__init__()
        self._refresh()
        self._unsubscribe = self.session.on_change(self._refresh)
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"Gallery({self.title})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_contact_sheet(super()._repr_mimebundle_(**kwargs), self.session, self.title)

    def close(self) -> None:
        """Remove the gallery from the notebook and let go of its threads; a session passed in lives on."""
        if self.comm is not None and hasattr(self, "_unsubscribe"):
            self._unsubscribe()
            if self._owns_session:
                self.session.close()
            for pool in (self._reads, self._commands):
                pool.shutdown(wait=False, cancel_futures=True)
            for request_id in self._unanswered():
                self._finish(protocol.cancelled(request_id))
        super().close()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what the browser has set, as far as it may; the rest is ignored.

        Parameters
        ----------
        sync_data : dict
            Trait values by name.
        """
        allowed = {name: value for name, value in sync_data.items() if name in BROWSER_TRAITS}
        with self._lock:
            try:
                super().set_state(allowed)
            except TraitError as error:
                self.log.warning("simwidget gallery: the browser sent a bad value: %s", error)

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """Send the values of some traits to the browser, by name, or of all."""
        self._as_answer(super().send_state, key)

    def send(self, content: object, buffers: Sequence[bytes] | None = None) -> None:
        """Send a message to the browser."""
        self._as_answer(super().send, content, buffers)

    def _as_answer(self, send: Callable[..., None], *args: object) -> None:
        """Send as if answering the browser's latest message, whatever cell or thread it is sent from.

        ipykernel 7.4 takes what the browser sends next to the shell whose message the widget has last answered: to
        that of a cell, where it would have to wait until the cell is done.
        """
        if self._asked_in is None:
            send(*args)
        else:
            self._asked_in.copy().run(send, *args)

    def _refresh(self, changed: frozenset[str] = frozenset()) -> None:
        """Mirror the session in the traits, with one message to the browser."""
        if changed == {"expected"}:
            self._reply(protocol.pack_expected(self.session.expected))
            return
        is_wanted = "view" in changed and self._ahead.is_wanted()
        is_here = is_wanted and self._ahead.is_here(self.session)
        if is_here:  # before the order is told, or the browser draws once more in between
            self._send_ahead()
        with self._lock, self.hold_sync():
            for name, value in self._state().items():
                self.set_trait(name, value)
        if is_wanted and not is_here:
            with suppress(RuntimeError):  # the gallery was closed
                self._reads.submit(self._send_ahead)

    def _send_ahead(self) -> None:
        """Send the start of the new order, for which the browser would otherwise have to ask twice."""
        try:
            epoch, revision, rows, items, thumbnails = self._ahead.read(self.session)
            message, buffers = protocol.pack_ahead(epoch, revision, rows, items, thumbnails)
            with self._lock:
                if epoch >= self.epoch and len(rows.ids):
                    self._reply(message, buffers)
        except Exception as error:  # nobody waits for it: the browser asks by itself, and is told then
            self.log.debug("simwidget gallery: nothing sent ahead: %s", error)

    def _state(self) -> dict[str, Any]:
        session = self.session
        project = session.project
        with session.lock:
            images = "1 image" if session.total == 1 else f"{session.total:,} images"
            return {
                "epoch": session.epoch,
                "revision": session.revision,
                "count": session.count,
                "total": session.total,
                "selection_count": session.selection_count,
                "selection_in_view": session.selection_in_view,
                "sort": session.sort,
                "sort_keys": list(session.sort_keys),
                "query_label": session.query_label,
                "filter_label": session.filter_label,
                "value_name": session.value_name,
                "mode": session.mode,
                "group_count": session.group_count,
                "group_threshold": session.group_threshold,
                "missing_count": session.missing_count,
                "title": f"{project.name} · {images} · {project.embedder_name}",
                "tag_counts": [list(pair) for pair in session.tag_counts],
                "status": dict(session.status),
            }

    def _receive(self, _widget: object, content: object, buffers: Sequence[memoryview | bytes]) -> None:
        """Accept a message from the browser; the work is done elsewhere, so that this never blocks."""
        self._asked_in = copy_context()
        try:
            request = protocol.parse_request(content, buffers)
        except ProtocolError as error:
            if error.id is None:
                self.log.warning("simwidget gallery: dropped a message: %s", error)
            else:
                self._reply(protocol.error(error.id, str(error)))
            return
        if isinstance(request, protocol.CancelRequest):
            self._finish(protocol.cancelled(request.target))
            self._reply(protocol.ok(request.id))
            return
        with self._lock:
            if request.id in self._pending:
                self._reply(protocol.error(request.id, f"request {request.id} is already being answered"))
                return
            self._pending.add(request.id)
        try:
            (self._reads if isinstance(request, READS) else self._commands).submit(self._answer, request)
        except RuntimeError:
            self._finish(protocol.error(request.id, "The gallery was closed."))

    def _answer(self, request: protocol.Request) -> None:
        if request.id not in self._pending:
            return  # cancelled while it waited
        try:
            reply, buffers = self._carry_out(request)
        except StaleEpochError:
            reply, buffers = protocol.stale(request.id), []
        except SimwidgetError as error:
            reply, buffers = protocol.error(request.id, str(error)), []
        except Exception as error:  # a reply is owed whatever happens
            self.log.exception("simwidget gallery: %s failed", request)
            reply, buffers = protocol.error(request.id, f"{type(error).__name__}: {error}"), []
        self._finish(reply, buffers)

    def _carry_out(self, request: protocol.Request) -> tuple[protocol.Reply, list[bytes]]:
        session = self.session
        payload: dict[str, object] = {}
        match request:
            case protocol.RowsRequest():
                rows = session.rows(request.epoch, request.start, request.stop)
                if len(rows.ids) < request.stop - request.start:
                    raise InvalidValueError(f"The view has no rows {request.start} to {request.stop}.")
                return protocol.pack_rows(request, rows)
            case protocol.GroupsRequest():
                sizes = session.group_sizes(request.epoch, request.start, request.stop)
                if len(sizes) < request.stop - request.start:
                    raise InvalidValueError(f"The view has no groups {request.start} to {request.stop}.")
                return protocol.pack_groups(request, sizes)
            case protocol.ThumbsRequest():
                self._ahead.note(request.items)  # first: what is being read need not be sent ahead as well
                return protocol.pack_thumbs(request.id, request.items, session.thumbnails(request.items))
            case protocol.DetailsRequest():
                return protocol.pack_details(request.id, session.details(request.item)), []
            case protocol.ImageRequest():
                image = session.image(request.item, request.side)
                return protocol.pack_image(request.id, request.item, image)
            case protocol.SelectRangesRequest():
                session.select_ranges(request.epoch, request.ranges, replace=request.replace)
            case protocol.SelectRequest():
                session.select(request.op, ids=request.items)
            case protocol.TagRequest():
                change = session.untag_selected if request.remove else session.tag_selected
                payload["changed"] = int(change(request.name))
            case protocol.SortRequest():
                session.set_sort(request.sort)
            case protocol.SimilarRequest():
                session.similar_to(request.items)
            case protocol.SimilarImageRequest():
                session.similar_to_image(request.data, request.name)
            case protocol.PathsRequest():
                return protocol.pack_paths(request.id, session.selected_ids, session.project.file), []
            case protocol.ModeRequest():
                session.set_mode(request.mode)
            case protocol.KeepRequest():
                session.keep(request.item)
            case protocol.ClearRequest(what="query"):
                session.clear_query()
            case protocol.ClearRequest():
                session.clear_filters()
        return protocol.ok(request.id, **payload), []

    def _unanswered(self) -> list[int]:
        with self._lock:
            return list(self._pending)

    def _finish(self, reply: protocol.Reply, buffers: Sequence[bytes] = ()) -> None:
        """Send the reply unless the request has had one already."""
        with self._lock:
            if reply["id"] in self._pending:
                self._pending.discard(reply["id"])
                self._reply(reply, buffers)

    def _reply(self, reply: protocol.Reply, buffers: Sequence[bytes] = ()) -> None:
        with self._lock:
            self.send(reply, list(buffers))

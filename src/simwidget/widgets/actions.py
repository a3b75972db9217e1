"""The panel "Tags and actions": what can be done to the selected images, or to all in view."""

from __future__ import annotations

import html
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import ipywidgets
import numpy as np

from simwidget.errors import SimwidgetError
from simwidget.inspection import shown
from simwidget.suggesting import LabelVotes, spare_copies
from simwidget.threads import ThreadPool
from simwidget.widgets.delete_box import DeleteBox
from simwidget.widgets.layouts import fixed, wide
from simwidget.widgets.tag_list import TagList
from simwidget.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from simwidget.acting import Action
    from simwidget.session import Session

    Job = Callable[[], str]

_SELECTION, _VIEW = "selection", "view"
_PATHS = 1_000
_LINES = 10
_MUTED = "color: var(--jp-ui-font-color2, #757575); line-height: 1.4; overflow-wrap: anywhere"


class ActionsPanel(ipywidgets.VBox):
    """Tag, relabel, export and delete images, take that back, and make projects of some.

    Every action runs in one thread, and nothing else can be started meanwhile; what came of it, or what went wrong,
    is said in ``status``. What takes long to count is counted later, in a thread of the session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._showing = threading.RLock()  # so that of two threads the later shows the newer state
        self._is_busy = self._is_following = self._is_counting = self._must_recount = False
        self._work = ThreadPool(1, thread_name_prefix="simwidget-action")
        self._votes: LabelVotes | None = None
        self._voters = session.project.ids  # that these are votes for
        self._spare = 0  # copies in view that are not the keeper of their group
        self._known_labels: list[str] = []
        self._copied: npt.NDArray[np.bool_] | None = None
        self._make_widgets()
        self.tags = TagList(session, self.run, self._chosen_ids)
        self.delete_box = DeleteBox(session, self.run)
        self.body = ipywidgets.VBox(self._parts(), layout=ipywidgets.Layout(min_width="0", overflow="hidden"))
        # What is asked and said stays in sight, however far the rest is scrolled.
        super().__init__(
            [self.body, self.delete_box, self.status], layout=ipywidgets.Layout(min_width="0", overflow="hidden")
        )
        self._connect()
        self._load_labels()
        self._show_history()
        self._show()
        self._recount()
        self._stop_watching = session.on_change(self._changed)

    def _make_widgets(self) -> None:
        button = ipywidgets.Button
        self.line = ipywidgets.HTML()
        self.target = ipywidgets.ToggleButtons(
            options=[("Selection", _SELECTION), ("All in view", _VIEW)],
            style={"button_width": "auto"},
            tooltips=["Act on the selected images", "Act on every image that the gallery shows"],
        )
        self.tag_name = ipywidgets.Combobox(placeholder="New or known name", ensure_option=False, layout=wide())
        self.tag = button(description="Tag", layout=fixed())
        self.untag = button(description="Untag", layout=fixed())
        self.label = ipywidgets.Combobox(placeholder="Label…", ensure_option=False, layout=wide())
        self.relabel = button(description="Relabel", layout=fixed())
        self.suggestion = button(
            tooltip="Put the label that the neighbors vote for into the field",
            layout=ipywidgets.Layout(width="auto", flex="0 0 auto"),  # its own, for it is hidden at times
        )
        self.labels = ipywidgets.VBox(
            [_title("Label"), ipywidgets.HBox([self.label, self.relabel]), self.suggestion], layout=fixed()
        )
        self.spare_name = ipywidgets.Text(value="duplicate", tooltip="Tag for the rest", layout=wide())
        self.keep_best = button(description="Keep best, tag the rest", layout=fixed())
        self.spare_line = ipywidgets.HTML()
        self.different = button(
            description="Not duplicates",
            tooltip="Remember that the chosen images are different from one another; needs two",
            layout=fixed(),
        )
        self.file = ipywidgets.Text(value="images.csv", tooltip="File to write, .csv or .json", layout=wide())
        self.export = button(description="Export", layout=fixed())
        self.folder = ipywidgets.Text(
            placeholder="Folder of a new project",
            tooltip="Where a project of the chosen images is kept; a folder that does not exist yet, or is empty",
            layout=wide(),
        )
        self.subset = button(
            description="New project",
            tooltip="Make a project of its own of the chosen images; the images stay where they are",
            layout=fixed(),
        )
        self.copy = button(description="Copy paths", layout=fixed())
        self.paths = ipywidgets.Textarea(rows=4, layout=ipywidgets.Layout(width="auto", display="none"))
        self.paths_line = ipywidgets.HTML()
        self.delete = button(description="Delete…", icon="trash", layout=fixed())
        self.undo, self.redo = button(icon="undo", layout=fixed()), button(icon="repeat", layout=fixed())
        self.history = ipywidgets.HTML()
        self.status = ipywidgets.HTML()

    def _parts(self) -> list[ipywidgets.Widget]:
        row = ipywidgets.HBox
        return [
            self.line,
            self.target,
            _title("Tags"),
            row([self.tag_name, self.tag, self.untag], layout=fixed()),
            self.tags,
            self.labels,
            _title("Duplicates"),
            row([self.spare_name, self.keep_best], layout=fixed()),
            self.spare_line,
            row([self.different], layout=fixed()),
            _title("Files"),
            row([self.file, self.export], layout=fixed()),
            row([self.folder, self.subset], layout=fixed()),
            row([self.copy, self.delete], layout=fixed()),
            self.paths,
            self.paths_line,
            _title("History"),
            self.undo,
            self.redo,
            self.history,
        ]

    def _connect(self) -> None:
        for widget in (self.target, self.tag_name, self.label, self.file, self.folder):
            widget.observe(lambda _: self._show(), "value")
        self.spare_name.observe(lambda _: self._recount(), "value")
        self.tag_name.on_msg(lambda _, content, __: self._tag() if content.get("event") == "submit" else None)
        self.label.on_msg(lambda _, content, __: self._relabel() if content.get("event") == "submit" else None)
        for button, action in (
            (self.tag, self._tag),
            (self.untag, self._untag),
            (self.relabel, self._relabel),
            (self.suggestion, self._take_suggestion),
            (self.keep_best, self._keep_best),
            (self.different, self._not_duplicates),
            (self.export, self._export),
            (self.subset, self._make_subset),
            (self.copy, self._copy_paths),
            (self.delete, lambda: self.delete_box.ask(self._chosen_ids())),
            (self.undo, lambda: self._step(self.session.project.undo, "undo", "Undone")),
            (self.redo, lambda: self._step(self.session.project.redo, "redo", "Done again")),
        ):
            button.on_click(lambda _, action=action: action())

    def close(self) -> None:
        """Stop following the session, wait for what runs, and close the widgets."""
        with suppress(ValueError):  # closed before: a widget is once more when it is forgotten
            self._stop_watching()
        self._work.shutdown()  # the project may be closed next, which nothing may be reading then
        self.session.settle()
        self.tags.close()
        super().close()

    # What actions apply to

    def _chosen_rows(self) -> npt.NDArray[np.int64]:
        """Positions of the items that actions apply to, in the order of the view."""
        session = self.session
        return session.rows_in_view if self.target.value == _VIEW else session.selected_rows

    def _chosen_ids(self) -> npt.NDArray[np.int64]:
        with self.session.lock:
            return self.session.project.ids[self._chosen_rows()]

    def _mask(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        mask = np.zeros(self.session.total, dtype=bool)
        mask[rows] = True
        return mask

    # Actions

    def run(self, job: Job) -> None:
        """Run an action in the thread for actions, and say what it returns or raises; nothing while one runs."""
        with self._showing:
            if self._is_busy:
                return
            try:
                self._work.submit(self._run, job)
            except RuntimeError:  # the panel was closed
                return
            self._is_busy = True
            self._show()

    def _run(self, job: Job) -> None:
        try:
            message, is_error = job(), False
        except (SimwidgetError, FileExistsError, PermissionError) as error:
            message, is_error = str(error), True
        except Exception as error:  # nobody else would hear of it
            message, is_error = f"{type(error).__name__}: {error}", True
        with self._showing:  # not before it is shown that something runs
            self._is_busy = False
            self._say(message, is_error=is_error)
            self._show()

    def _say(self, message: str, *, is_error: bool = False) -> None:
        color = "var(--jp-error-color1, #d32f2f)" if is_error else "var(--jp-ui-font-color1, inherit)"
        self.status.value = (
            f'<span role="status" style="color: {color}; line-height: 1.4; overflow-wrap: anywhere">'
            f"{html.escape(shown(message))}</span>"
        )

    def _tag(self) -> None:
        if not self.tag.disabled:
            ids, name, project = self._chosen_ids(), self.tag_name.value.strip(), self.session.project
            self.run(lambda: f"Tagged {counted(project.tag(ids, name), 'image')} “{name}”.")

    def _untag(self) -> None:
        ids, name, project = self._chosen_ids(), self.tag_name.value.strip(), self.session.project
        self.run(lambda: f"Took “{name}” off {counted(project.untag(ids, name), 'image')}.")

    def _relabel(self) -> None:
        if not self.relabel.disabled:
            ids, label, project = self._chosen_ids(), self.label.value.strip(), self.session.project
            self.run(lambda: f"Labeled {counted(project.relabel(ids, label), 'image')} “{label}”.")

    def _take_suggestion(self) -> None:
        found = self._suggested(self._chosen_rows())
        if found is not None:
            self.label.value = found[0]

    def _keep_best(self) -> None:
        session, name = self.session, self.spare_name.value.strip()
        with session.lock:
            ids, threshold = session.ids_in_view, session.duplicate_threshold

        def job() -> str:
            project = session.project
            built, groups = project.grouped(threshold)
            spare, count = spare_copies(groups, np.flatnonzero(np.isin(built.items.ids, ids)))
            tagged = project.tag(built.items.ids[spare], name)
            return f"Tagged {counted(tagged, 'image')} of {counted(count, 'group')} “{name}”."

        self.run(job)

    def _not_duplicates(self) -> None:
        ids, project = self._chosen_ids(), self.session.project
        self.run(lambda: f"Remembered {counted(project.not_duplicates(ids), 'pair')} of images as different.")

    def _export(self) -> None:
        ids, file, project = self._chosen_ids(), self.file.value.strip(), self.session.project
        self.run(lambda: f"Wrote {counted(len(ids), 'image')} to {project.export(file, ids).resolve()}.")

    def _make_subset(self) -> None:
        ids, folder, project = self._chosen_ids(), self.folder.value.strip(), self.session.project

        def job() -> str:
            subset = project.subset(ids, folder, progress=False)
            subset.close()
            path = str(subset.project_dir)
            made = f"Made a project of {counted(len(subset), 'image')} in {path}."
            return f"{made} Open it with Project.open({path!r})."

        self.run(job)

    def _copy_paths(self) -> None:
        session, project = self.session, self.session.project
        with session.lock:
            rows = self._chosen_rows()
            ids, mask = project.ids[rows], self._mask(rows)

        def job() -> str:
            self.paths.value = "\n".join(shown(str(project.file(item))) for item in ids[:_PATHS].tolist())
            more = f" {len(ids) - _PATHS:,} more are not listed: export them." if len(ids) > _PATHS else ""
            self.paths_line.value = f'<span style="{_MUTED}">Press Ctrl+A and Ctrl+C in the field.{more}</span>'
            self.paths.layout.display = None
            self.paths.focus()
            self._copied = mask
            return f"Listed {counted(min(len(ids), _PATHS), 'path')}."

        self.run(job)

    def _step(self, step: Callable[[], Action | None], what: str, said: str) -> None:
        def job() -> str:
            action = step()
            return f"There is nothing to {what}." if action is None else f"{said}: {action.summary}"

        self.run(job)

    # Following the session

    def _changed(self, changed: frozenset[str]) -> None:
        with self._showing:
            if changed & {"tags", "metrics"}:
                self.tags.forget()
            if "labels" in changed or "metrics" in changed:
                self._votes = None
                self._load_labels()
            if "history" in changed:
                self._show_history()
        if changed & {"selection", "view", "tags", "labels", "history", "metrics"}:
            self._show()
        if changed & {"view", "metrics", "labels", "tags"} or (self._votes is None and "selection" in changed):
            self._recount()

    def _load_labels(self) -> None:
        self._known_labels = self.session.project.label_codes[1]
        self.label.options = self._known_labels
        self.labels.layout.display = None if self._known_labels else "none"

    def _show(self) -> None:
        """Show what the session says, and what can be done."""
        with self._showing:
            if self._is_following:  # the options of the toggle are being changed here
                return
            self._is_following = True
            try:
                with self.session.lock:
                    self._follow()
            finally:
                self._is_following = False

    def _follow(self) -> None:
        rows = self._chosen_rows()
        mask = self._mask(rows)
        self._show_target(len(rows))
        self._fold_what_is_old(mask)
        self._show_buttons(rows)
        self.tags.follow(mask, self.tag_name.value.strip(), is_busy=self._is_busy)
        names = [name for name, _ in self.session.tag_counts]
        if list(self.tag_name.options) != names:
            self.tag_name.options = names

    def _show_target(self, count: int) -> None:
        session, value = self.session, self.target.value
        options = [("Selection", _SELECTION), (f"All in view ({session.count:,})", _VIEW)]
        if list(self.target.options) != options:
            with self.target.hold_sync():  # other options set it back to the first
                self.target.options = options
                self.target.value = value
        if value == _VIEW:
            self.line.value = f"<b>All {session.count:,} in view</b>" if count else "No image is in view"
        elif count == 0:
            self.line.value = "Select images, or choose All in view"
        else:
            hidden = count - session.selection_in_view
            self.line.value = f"<b>{count:,} selected</b>" + (f", {hidden:,} of them not in view" if hidden else "")

    def _fold_what_is_old(self, mask: npt.NDArray[np.bool_]) -> None:
        """Close what was asked for other items than those chosen now."""
        ids = self.session.project.ids[mask]
        asked = self.delete_box.ids
        if asked is not None and not np.array_equal(np.sort(asked), ids):
            self.delete_box.fold()
            self._say("What is chosen has changed: nothing was deleted. Click Delete… again.")
        if self._copied is not None and not np.array_equal(self._copied, mask):
            self._copied = None
            self.paths.value = self.paths_line.value = ""
            self.paths.layout.display = "none"

    def _show_buttons(self, rows: npt.NDArray[np.int64]) -> None:
        is_idle, count = not self._is_busy, len(rows)
        can = is_idle and count > 0
        name = self.tag_name.value.strip()
        self.tag.disabled = not (can and name)
        self.untag.disabled = not (can and name in self.session.tags)
        self.relabel.disabled = not (can and self.label.value.strip())
        self.different.disabled = not (is_idle and count > 1)
        self.export.disabled = not (can and self.file.value.strip())
        self.subset.disabled = not (can and self.folder.value.strip())
        self.copy.disabled = self.delete.disabled = not can
        self.keep_best.disabled = not (is_idle and self._spare and self.spare_name.value.strip())
        self.undo.disabled = not (is_idle and self._can_undo)
        self.redo.disabled = not (is_idle and self._can_redo)
        self.delete_box.follow(is_busy=self._is_busy)
        found = self._suggested(rows)
        self.suggestion.layout.display = None if found else "none"
        if found:
            of = f" ({found[1]:,} of {count:,})" if count > 1 else ""
            self.suggestion.description = f"Suggested: {found[0]}{of}"

    def _suggested(self, rows: npt.NDArray[np.int64]) -> tuple[str, int] | None:
        votes = self._votes if self._voters is self.session.project.ids else None
        return votes.most_frequent(rows) if votes is not None and len(rows) else None

    def _show_history(self) -> None:
        project = self.session.project
        history, to_undo, to_redo = project.history, project.to_undo, project.to_redo
        self._can_undo, self._can_redo = to_undo is not None, to_redo is not None
        _offer(self.undo, "Undo", to_undo)
        _offer(self.redo, "Redo", to_redo)
        lines = []
        for action in history[: -_LINES - 1 : -1]:
            said = html.escape(shown(action.summary))
            when = html.escape(f"{action.time:%Y-%m-%d %H:%M} UTC")
            lines.append(f'<li title="{when}">{f"<s>{said}</s>" if action.undone else said}</li>')
        self.history.value = (
            f'<ol reversed aria-label="The last actions, newest first" style="list-style: none; margin: 0; '
            f'padding: 0; {_MUTED}">{"".join(lines)}</ol>'
            if lines
            else f'<span style="{_MUTED}">Nothing has been done yet</span>'
        )

    # What takes long to count

    def _recount(self) -> None:
        """Count copies in view and votes for labels in a thread; once more where something changes meanwhile."""
        with self._showing:
            self._must_recount = True
            if self._is_counting:
                return
            self._is_counting = True
        self.session.later(self._count)

    def _count(self) -> None:
        while True:
            with self._showing:
                if not self._must_recount:
                    self._is_counting = False
                    return
                self._must_recount = False
            try:
                self._count_once()
            except Exception as error:  # nobody else would hear of it
                self._spare = 0
                self.spare_line.value = html.escape(f"{type(error).__name__}: {error}")

    def _count_once(self) -> None:
        session, project = self.session, self.session.project
        with session.lock:
            ids, threshold, is_counted = session.ids_in_view, session.duplicate_threshold, session.counts_groups
        if self._votes is None and self._known_labels:
            found, codes = project.suspected_codes()
            voters, votes = found.items.ids, LabelVotes(codes, found.items.label_codes[1])
            if not self._must_recount:
                self._voters, self._votes = voters, votes
        if not is_counted:
            self._spare = len(ids)  # as many as it can be
            self._say_spare(f"Duplicates within {threshold:g} in view; how many is counted when they are tagged")
            return
        built, groups = project.grouped(threshold)
        spare, count = spare_copies(groups, np.flatnonzero(np.isin(built.items.ids, ids)))
        tagged = session.tags.get(self.spare_name.value.strip(), [])
        self._spare = int(np.count_nonzero(~np.isin(built.items.ids[spare], tagged)))
        said = f"No duplicates within {threshold:g} in view"
        if len(spare):
            said = f"{counted(self._spare, 'image')} of {counted(count, 'group')} in view would be tagged"
        if len(spare) and not self._spare:
            said = f"All but the best of {counted(count, 'group')} in view have the tag"
        self._say_spare(said)

    def _say_spare(self, said: str) -> None:
        self.spare_line.value = f'<span style="{_MUTED}">{said}</span>'
        self._show()


def _title(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(f'<b style="color: var(--jp-ui-font-color1, inherit)">{text}</b>', layout=fixed())


def _offer(button: ipywidgets.Button, what: str, action: Action | None) -> None:
    """Say on a button what it would do."""
    button.description = what if action is None else f"{what}: {shown(action.summary)}"
    button.tooltip = button.description

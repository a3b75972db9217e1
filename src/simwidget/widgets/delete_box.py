"""What deleting images would do, shown before it is done."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import ipywidgets

from simwidget.inspection import shown
from simwidget.widgets.layouts import fixed
from simwidget.words import counted, file_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    import numpy.typing as npt

    from simwidget.deleting import Deletion
    from simwidget.session import Session

_LISTED = 20
_LIST = (
    "max-height: 140px; overflow: auto; margin: 0; padding-left: 20px; line-height: 1.4; overflow-wrap: anywhere"
)


class DeleteBox(ipywidgets.VBox):
    """Asks before files are moved to the trash.

    Parameters
    ----------
    session : Session
    run : callable
        Runs a job and says what it returns.
    """

    def __init__(self, session: Session, run: Callable[[Callable[[], str]], None]) -> None:
        self.session, self._run = session, run
        self._ids: npt.NDArray[np.int64] | None = None
        self._plan: Deletion | None = None
        self.text = ipywidgets.HTML()
        self.whole_groups = ipywidgets.Checkbox(indent=False, layout=ipywidgets.Layout(width="auto"))
        self.confirm = ipywidgets.Button(description="Move to trash", button_style="danger", layout=fixed())
        self.cancel = ipywidgets.Button(description="Cancel", layout=fixed())
        self.whole_groups.observe(lambda _: self.follow(), "value")
        self.confirm.on_click(lambda _: self._confirmed())
        self.cancel.on_click(lambda _: self.fold())
        super().__init__(
            [self.text, self.whole_groups, ipywidgets.HBox([self.confirm, self.cancel])],
            layout=ipywidgets.Layout(
                display="none",
                border="1px solid var(--jp-error-color1, #d32f2f)",
                padding="6px",
                min_width="0",
                flex="0 0 auto",
            ),
        )

    @property
    def ids(self) -> npt.NDArray[np.int64] | None:
        """Ids of the items that were asked about; None while nothing is asked."""
        return self._ids

    def ask(self, ids: npt.NDArray[np.int64]) -> None:
        """Find out what deleting items would do, and show it."""
        project = self.session.project

        def job() -> str:
            plan = project.delete(ids, dry_run=True)
            self._ids, self._plan = ids, plan
            self.text.value = _in_words(plan)
            self.whole_groups.value = False
            self.whole_groups.layout.display = None if plan.whole_groups else "none"
            lost = counted(len(plan.whole_groups), "image")
            self.whole_groups.description = f"also delete whole groups ({lost} would be left without any copy)"
            self.layout.display = None
            return "Nothing is deleted yet."

        self._run(job)

    def fold(self) -> None:
        """Close the box, without deleting."""
        self._ids = self._plan = None
        self.layout.display = "none"

    def follow(self, *, is_busy: bool = False) -> None:
        """Show what can be clicked."""
        plan = self._plan
        can = plan is not None and bool(plan.paths) and (not plan.whole_groups or self.whole_groups.value)
        self.confirm.disabled = is_busy or not can
        self.cancel.disabled = self.whole_groups.disabled = is_busy

    def _confirmed(self) -> None:
        ids, whole_groups, project = self._ids, bool(self.whole_groups.value), self.session.project
        if ids is None:
            return
        self.fold()

        def job() -> str:
            done = project.delete(ids, whole_groups=whole_groups)
            left = f" {counted(len(done.refused), 'file')} stayed in place." if done.refused else ""
            moved = f"Moved {counted(len(done.paths), 'image')} ({file_size(done.bytes_freed)}) to the trash."
            return f"{moved}{left} Undo brings them back."

        self._run(job)


def _in_words(plan: Deletion) -> str:
    size = file_size(plan.bytes_freed)
    parts = [
        f"<b>{counted(len(plan.paths), 'image')} ({size}) would move to the trash of the project.</b>",
        _listed([shown(path.name) for path in plan.paths], "Images to delete"),
    ]
    if plan.refused:
        reasons = [f"{shown(path.name)}: {reason}" for path, reason in plan.refused]
        parts += [f"<b>{counted(len(reasons), 'file')} would stay:</b>", _listed(reasons, "Files that stay")]
    if plan.whole_groups:
        lines = [", ".join(shown(path.name) for path in group[:_LISTED]) for group in plan.whole_groups]
        parts += ["<b>Groups of duplicates of which no image would be left:</b>", _listed(lines, "Whole groups")]
    return "".join(parts)


def _listed(lines: Iterable[str], name: str) -> str:
    """A list that scrolls, also by keys."""
    lines = list(lines)
    items = [f"<li>{html.escape(line)}</li>" for line in lines[:_LISTED]]
    if len(lines) > _LISTED:
        items.append(f"<li>and {len(lines) - _LISTED:,} more</li>")
    return f'<ul tabindex="0" aria-label="{name}" style="{_LIST}">{"".join(items)}</ul>' if lines else ""

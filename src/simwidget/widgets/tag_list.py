"""The tags of a project, one a line: color, name, count, and how many of the chosen items have it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from simwidget.criteria import TAG
from simwidget.widgets.layouts import fixed, wide
from simwidget.widgets.quiet import Quiet
from simwidget.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from simwidget.session import Session

    Job = Callable[[], str]

MAX_TAGS = 50
_NONE, _SOME, _ALL = "○", "◐", "●"
_UNCOLORED = "#808080"  # what the color picker starts from


class TagRow(ipywidgets.HBox):
    """One tag.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.mark = ipywidgets.Button(description=_NONE, layout=fixed("32px"))
        self.swatch = ipywidgets.HTML(layout=fixed("18px"))
        self.filter = ipywidgets.Button(description=name, tooltip=f"Show the images tagged {name}", layout=wide())
        self.count = ipywidgets.Label(layout=fixed())
        self.more = ipywidgets.ToggleButton(
            icon="pencil", tooltip=f"Rename, color or delete the tag {name}", layout=fixed("40px")
        )
        super().__init__(
            [self.mark, self.swatch, self.filter, self.count, self.more],
            layout=ipywidgets.Layout(align_items="center", min_width="0", flex="0 0 auto"),
        )

    def show(self, count: int, color: str | None, having: int, chosen: int) -> None:
        """Show how many items have the tag, and how many of the chosen ones."""
        self.count.value = f"{count:,}"
        # The color has been checked by the project; escaped nevertheless, as all that comes from a file.
        fill = html.escape(color or "transparent")
        self.swatch.value = (
            '<span style="display: inline-block; width: 12px; height: 12px; border-radius: 3px; '
            f'background: {fill}; border: 1px solid var(--jp-border-color1, #9e9e9e)"></span>'
        )
        self.mark.description = _NONE if having == 0 else _SOME if having < chosen else _ALL
        self.mark.tooltip = (
            f"{having:,} of the {chosen:,} chosen have the tag {self.name}: "
            + ("take it off" if 0 < chosen == having else "put it on all")
            if chosen
            else "No image is chosen"
        )


class TagEditor(ipywidgets.VBox):
    """Rename, color and delete a tag.

    Parameters
    ----------
    run : callable
        Runs a job and says what it returns.
    """

    def __init__(self, session: Session, run: Callable[[Job], None]) -> None:
        self.session, self._run = session, run
        self.tag, self._quiet = "", Quiet()
        self._asked: tuple[str, int] | None = None  # of which tag, with how many images, whether to delete it
        self.load_colors()
        self.name = ipywidgets.Text(tooltip="New name", layout=wide())
        self.rename = ipywidgets.Button(description="Rename", layout=fixed())
        self.note = ipywidgets.HTML()
        self.color = ipywidgets.ColorPicker(concise=True, tooltip="Color", layout=fixed("40px"))
        self.uncolor = ipywidgets.Button(description="No color", layout=fixed())
        self.delete = ipywidgets.Button(layout=wide())
        self.name.observe(lambda _: self._show(), "value")
        self.name.on_msg(lambda _, content, __: self._renamed() if content.get("event") == "submit" else None)
        self.rename.on_click(lambda _: self._renamed())
        self.color.observe(self._colored, "value")
        self.uncolor.on_click(lambda _: self._set_color(None))
        self.delete.on_click(lambda _: self._deleted())
        super().__init__(
            [
                ipywidgets.HBox([self.name, self.rename]),
                self.note,
                ipywidgets.HBox([ipywidgets.Label("Color"), self.color, self.uncolor]),
                self.delete,
            ],
            layout=ipywidgets.Layout(margin="0 0 8px 24px", min_width="0", flex="0 0 auto"),
        )

    def load_colors(self) -> None:
        """Read the colors of the tags, which a change of the selection then need not do."""
        self.colors = self.session.project.tag_colors

    def edit(self, tag: str) -> None:
        """Turn to a tag."""
        self.tag, self.name.value, self._asked = tag, tag, None
        self.follow()

    def follow(self, *, is_busy: bool = False) -> None:
        """Show the tag as it is now."""
        with self._quiet:
            self.color.value = self.colors.get(self.tag, _UNCOLORED)
        self._show(is_busy=is_busy)

    def _show(self, *, is_busy: bool = False) -> None:
        name, counts = self.name.value.strip(), dict(self.session.tag_counts)
        is_other = bool(name) and name != self.tag
        merges = is_other and name in counts
        self.rename.description = "Merge" if merges else "Rename"
        self.rename.disabled = is_busy or not is_other
        self.note.value = (
            f'<span role="status">There is a tag “{html.escape(name)}” with {counted(counts[name], "image")}: '
            "the two become one.</span>"
            if merges
            else ""
        )
        self.color.disabled = is_busy
        self.uncolor.disabled = is_busy or self.tag not in self.colors
        self.delete.disabled = is_busy
        count = counts.get(self.tag, 0)
        is_asked = self._asked == (self.tag, count)  # if it is on other images now, it is asked again
        self.delete.button_style = "danger" if is_asked else ""
        self.delete.description = f"Yes, take it off {counted(count, 'image')}" if is_asked else "Delete tag"

    def _renamed(self) -> None:
        old, new, project = self.tag, self.name.value.strip(), self.session.project
        if not self.rename.disabled:
            self._run(lambda: f"{counted(project.rename_tag(old, new), 'image')} now tagged “{new}”.")

    def _colored(self, change: dict[str, Any]) -> None:
        if not self._quiet:
            self._set_color(change["new"])

    def _set_color(self, color: str | None) -> None:
        tag, project = self.tag, self.session.project

        def job() -> str:
            project.set_tag_color(tag, color)
            return f"The tag “{tag}” has {'the color ' + color if color else 'no color'} now."

        self._run(job)

    def _deleted(self) -> None:
        tag, project = self.tag, self.session.project
        here = tag, dict(self.session.tag_counts).get(tag, 0)
        if self._asked == here:
            self._asked = None
            self._run(lambda: f"Took the tag “{tag}” off {counted(project.delete_tag(tag), 'image')}.")
        else:
            self._asked = here
            self._show()


class TagList(ipywidgets.VBox):
    """The tags, at most ``MAX_TAGS`` of them.

    Parameters
    ----------
    session : Session
    run : callable
        Runs a job and says what it returns.
    chosen : callable
        Ids of the chosen items.
    """

    def __init__(
        self, session: Session, run: Callable[[Job], None], chosen: Callable[[], npt.NDArray[np.int64]]
    ) -> None:
        self.session, self._run, self._chosen = session, run, chosen
        self.rows: dict[str, TagRow] = {}
        self.editor = TagEditor(session, run)
        self.rest = ipywidgets.HTML()
        self._edited = ""
        self._tags = session.tags  # that these are the positions of
        self._positions: dict[str, npt.NDArray[np.int64]] = {}
        super().__init__(
            layout=ipywidgets.Layout(min_width="0", max_height="320px", overflow="hidden auto", flex="0 0 auto")
        )

    def forget(self) -> None:
        """Tags have changed: look up again their colors."""
        self.editor.load_colors()

    def close(self) -> None:
        """Close the widgets, also those not shown."""
        for row in self.rows.values():
            _close(row)
        _close(self.editor)
        super().close()

    def follow(self, mask: npt.NDArray[np.bool_], typed: str, *, is_busy: bool) -> None:
        """Show the tags.

        Parameters
        ----------
        mask : ndarray of bool, shape (n,)
            Which items are chosen.
        typed : str
            Where there are too many tags, only those with this in their name.
        is_busy : bool
            Whether an action runs, and none can be started.
        """
        counts, colors = dict(self.session.tag_counts), self.editor.colors
        names = list(counts)
        if len(names) > MAX_TAGS:
            names = [name for name in names if typed.casefold() in name.casefold()]
        shown, chosen = names[:MAX_TAGS], int(np.count_nonzero(mask))
        for name in self.rows.keys() - set(shown):
            _close(self.rows.pop(name))
        for name in shown:
            row = self.rows.get(name) or self._make(name)
            row.show(counts[name], colors.get(name), int(np.count_nonzero(mask[self._rows_of(name)])), chosen)
            row.mark.disabled = is_busy or chosen == 0
        if self._edited not in self.rows:
            self._edited = ""
        if self._edited:
            self.editor.follow(is_busy=is_busy)
        left = len(counts) - len(shown)
        self.rest.value = f"{left:,} more: type a part of a name above to find them" if left else ""
        self._arrange(shown)

    def _rows_of(self, name: str) -> npt.NDArray[np.int64]:
        if self._tags is not self.session.tags:
            self._tags, self._positions = self.session.tags, {}
        if name not in self._positions:
            ids = np.array(self.session.tags[name], dtype=np.int64)
            self._positions[name] = self.session.project.rows(ids)
        return self._positions[name]

    def _make(self, name: str) -> TagRow:
        row = TagRow(name)
        row.mark.on_click(lambda _: self._marked(name))
        row.filter.on_click(lambda _: self._filter(name))
        row.more.observe(lambda change: self._unfold(name, change["new"]), "value")
        self.rows[name] = row
        return row

    def _arrange(self, names: list[str]) -> None:
        children: list[ipywidgets.Widget] = []
        for name in names:
            children += [self.rows[name], *([self.editor] if name == self._edited else [])]
        children.append(self.rest)
        self.children = children

    def _unfold(self, name: str, is_open: bool) -> None:
        if is_open:
            before, self._edited = self.rows.get(self._edited), name
            self.editor.edit(name)
            if before is not None:
                before.more.value = False
        elif self._edited == name:
            self._edited = ""
        self._arrange([row for row in self.session.tags if row in self.rows])

    def _marked(self, name: str) -> None:
        ids, project = self._chosen(), self.session.project
        if self.rows[name].mark.description == _ALL:
            self._run(lambda: f"Took “{name}” off {counted(project.untag(ids, name), 'image')}.")
        else:
            self._run(lambda: f"Tagged {counted(project.tag(ids, name), 'image')} “{name}”.")

    def _filter(self, name: str) -> None:
        self.session.set_filter(TAG, {"any": [name]})


def _close(box: ipywidgets.Box) -> None:
    """Close a box and what is in it."""
    for child in box.children:
        if isinstance(child, ipywidgets.Box):
            _close(child)
        else:
            child.close()
    box.close()

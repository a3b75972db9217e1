"""The panel "Tags and actions": its buttons, and what the project holds after a click."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pictures import copy_files, write_pictures

import simwidget as sw
from simwidget.session import Session
from simwidget.widgets.actions import ActionsPanel
from simwidget.widgets.tag_list import MAX_TAGS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simwidget.project import Project

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., ActionsPanel]]:
    """Panels of projects with ten pictures, of which the first four have copies; with labels if wished."""
    panels: list[ActionsPanel] = []

    def make_panel(labels: dict[str | os.PathLike[str], str] | None = None) -> ActionsPanel:
        copy_files(write_pictures(tmp_path / "images", 10)[:4])
        project = sw.Project.from_folder(tmp_path / "images", embedder="perceptual", progress=False, labels=labels)
        panels.append(ActionsPanel(Session(project)))
        settle(panels[-1])
        return panels[-1]

    yield make_panel
    for panel in panels:
        panel.close()
        panel.session.close()
        panel.session.project.close()


@pytest.fixture
def panel(make: Callable[..., ActionsPanel]) -> ActionsPanel:
    return make()


def settle(panel: ActionsPanel) -> None:
    """Wait for all that was begun: each thread does one thing after another."""
    panel._work.submit(lambda: None).result(60)
    panel.session.settle()


def click(panel: ActionsPanel, button: Any) -> None:
    """What a user can do: a button that is disabled cannot be clicked."""
    assert not button.disabled
    button.click()
    settle(panel)


def press_enter(panel: ActionsPanel, field: Any) -> None:
    field._handle_custom_msg({"event": "submit"}, [])
    settle(panel)


def choose(panel: ActionsPanel, *rows: int) -> list[Path]:
    project = panel.session.project
    panel.session.select("set", ids=project.ids[list(rows)].tolist())
    settle(panel)
    return [project.paths[row] for row in rows]


def tagged(project: Project, name: str) -> set[Path]:
    return set(project.tags[name]) if name in project.tags else set()


def is_shown(widget: Any) -> bool:
    return bool(widget.layout.display != "none")


def test_nothing_selected_says_what_to_do_and_disables(panel: ActionsPanel) -> None:
    panel.tag_name.value = "blurry"
    panel.folder.value = "part"
    assert panel.line.value == "Select images, or choose All in view"
    for button in (panel.tag, panel.untag, panel.different, panel.export, panel.subset, panel.copy, panel.delete):
        assert button.disabled
    press_enter(panel, panel.tag_name)
    assert len(panel.session.project.tags) == 0


def test_the_line_counts_the_selected_and_those_out_of_view(panel: ActionsPanel) -> None:
    choose(panel, 0, 1, 2)
    assert "3 selected" in panel.line.value
    assert "not in view" not in panel.line.value
    panel.session.show_items(panel.session.project.ids[[2, 5]].tolist(), "two")
    assert "3 selected" in panel.line.value
    assert "2 of them not in view" in panel.line.value
    assert [label for label, _ in panel.target.options] == ["Selection", "All in view (2)"]
    panel.target.value = "view"
    assert "All 2 in view" in panel.line.value
    panel.session.clear_query()
    assert panel.target.value == "view"
    assert "All 14 in view" in panel.line.value


def test_tag_and_untag_the_selection(panel: ActionsPanel) -> None:
    project, paths = panel.session.project, choose(panel, 0, 3)
    panel.tag_name.value = " blurry "
    click(panel, panel.tag)
    assert tagged(project, "blurry") == set(paths)
    assert "Tagged 2 images “blurry”" in panel.status.value
    assert list(panel.tag_name.options) == ["blurry"]
    choose(panel, 3)
    click(panel, panel.untag)
    assert tagged(project, "blurry") == {paths[0]}


def test_enter_tags_all_in_view(panel: ActionsPanel) -> None:
    project = panel.session.project
    panel.session.set_filters({"Uniqueness": (0, 0.0001)})
    panel.target.value = "view"
    panel.tag_name.value = "copy"
    press_enter(panel, panel.tag_name)
    assert tagged(project, "copy") == {project.paths[row] for row in panel.session.rows_in_view}
    assert len(tagged(project, "copy")) == 4


def test_the_mark_of_a_tag_has_three_states(panel: ActionsPanel) -> None:
    project = panel.session.project
    project.tag(project.ids[[0]], "a")
    row = panel.tags.rows["a"]
    assert row.mark.disabled
    choose(panel, 1)
    assert row.mark.description == "○"
    paths = choose(panel, 0, 1)
    assert row.mark.description == "◐"
    click(panel, row.mark)
    assert row.mark.description == "●"
    assert row.count.value == "2"
    assert tagged(project, "a") == set(paths)
    click(panel, row.mark)
    assert tagged(project, "a") == set()
    assert "a" not in panel.tags.rows


def test_a_click_on_a_tag_filters(panel: ActionsPanel) -> None:
    project = panel.session.project
    project.tag(project.ids[[2, 7]], "a")
    panel.session.set_filters({"Uniqueness": (0, 1)})
    panel.tags.rows["a"].filter.click()
    assert panel.session.filters == {"Uniqueness": (0, 1), "Tag": {"any": ("a",)}}
    assert sorted(panel.session.rows_in_view.tolist()) == [2, 7]


def test_rename_and_merge(panel: ActionsPanel) -> None:
    project, editor = panel.session.project, panel.tags.editor
    project.tag(project.ids[[0]], "old")
    project.tag(project.ids[[0, 1]], "there")
    panel.tags.rows["old"].more.value = True
    assert editor in panel.tags.children
    assert editor.rename.disabled
    editor.name.value = "new"
    assert not editor.note.value
    click(panel, editor.rename)
    assert tagged(project, "new") == {project.paths[0]}
    assert editor not in panel.tags.children
    panel.tags.rows["new"].more.value = True
    editor.name.value = "there"
    assert "2 images: the two become one" in editor.note.value
    assert editor.rename.description == "Merge"
    click(panel, editor.rename)
    assert set(project.tags) == {"there"}
    assert tagged(project, "there") == set(project.paths[:2])


def test_color_and_its_removal(panel: ActionsPanel) -> None:
    project, editor = panel.session.project, panel.tags.editor
    project.tag(project.ids[[0]], "a")
    project.tag(project.ids[[0]], "b")
    panel.tags.rows["a"].more.value = True
    editor.color.value = "#d62728"
    settle(panel)
    assert project.tag_colors == {"a": "#d62728"}
    assert "#d62728" in panel.tags.rows["a"].swatch.value
    panel.tags.rows["b"].more.value = True
    assert not panel.tags.rows["a"].more.value
    assert editor.uncolor.disabled
    assert project.tag_colors == {"a": "#d62728"}
    panel.tags.rows["a"].more.value = True
    click(panel, editor.uncolor)
    assert project.tag_colors == {}


def test_a_tag_is_deleted_by_the_second_click(panel: ActionsPanel) -> None:
    project, editor = panel.session.project, panel.tags.editor
    project.tag(project.ids[[0, 1]], "a")
    panel.tags.rows["a"].more.value = True
    click(panel, editor.delete)
    assert len(tagged(project, "a")) == 2
    assert "2 images" in editor.delete.description
    project.tag(project.ids[[2]], "a")
    assert editor.delete.description == "Delete tag", "of others nothing has been asked"
    click(panel, editor.delete)
    assert "3 images" in editor.delete.description
    choose(panel, 4)
    click(panel, editor.delete)
    assert "a" not in project.tags


def test_of_many_tags_some_are_shown_and_the_field_finds_the_others(panel: ActionsPanel) -> None:
    project = panel.session.project
    for number in range(MAX_TAGS + 3):
        project.tag(project.ids[[number % 14]], f"tag {number:02}")
    assert len(panel.tags.rows) == MAX_TAGS
    assert "3 more" in panel.tags.rest.value
    panel.tag_name.value = "TAG 52"
    assert list(panel.tags.rows) == ["tag 52"]


def test_relabel_with_the_suggestion_of_the_neighbors(make: Callable[..., ActionsPanel]) -> None:
    names = {f"picture_{n:02d}.jpg": "cat" for n in range(10)} | {
        f"picture_{n:02d} (1).jpg": "cat" for n in range(4)
    }
    panel = make(labels=names | {"picture_05.jpg": "dog"})
    project = panel.session.project
    (wrong,) = [row for row, label in enumerate(project.suspected_labels) if label is not None]
    other = 0 if wrong else 1
    choose(panel, other)
    assert not is_shown(panel.suggestion)
    choose(panel, wrong, other)
    assert panel.suggestion.description == "Suggested: cat (1 of 2)"
    assert list(panel.label.options) == ["cat", "dog"]
    click(panel, panel.suggestion)
    assert panel.label.value == "cat"
    click(panel, panel.relabel)
    assert project.labels[wrong] == "cat"
    assert list(panel.label.options) == ["cat"]
    assert not is_shown(panel.suggestion)
    click(panel, panel.undo)
    assert project.labels[wrong] == "dog"


def test_without_labels_there_is_nothing_to_relabel(panel: ActionsPanel) -> None:
    assert not is_shown(panel.labels)


def test_keep_best_and_tag_the_rest(panel: ActionsPanel) -> None:
    project = panel.session.project
    assert "4 images of 4 groups" in panel.spare_line.value
    click(panel, panel.keep_best)
    assert tagged(project, "duplicate") == {path for group in project.duplicates() for path in group.duplicates}
    assert "All but the best of 4 groups in view have the tag" in panel.spare_line.value
    assert panel.keep_best.disabled
    panel.spare_name.value = "copy"
    settle(panel)
    assert "4 images of 4 groups" in panel.spare_line.value
    assert not panel.keep_best.disabled
    panel.session.show_items([int(project.ids[-1])], "one")
    settle(panel)
    assert panel.keep_best.disabled


def test_of_many_images_copies_are_counted_when_they_are_tagged(
    panel: ActionsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simwidget.session._AT_ONCE", 0)
    panel.session.set_filters({"Uniqueness": (0, 0.002)})
    settle(panel)
    assert "how many is counted when they are tagged" in panel.spare_line.value
    click(panel, panel.keep_best)
    assert "Tagged 4 images of 4 groups" in panel.status.value


def test_not_duplicates_needs_two(panel: ActionsPanel) -> None:
    project = panel.session.project
    group = project.duplicates()[0]
    rows = project.rows([group.keeper_id, *group.duplicate_ids]).tolist()
    choose(panel, rows[0])
    assert panel.different.disabled
    choose(panel, *rows)
    click(panel, panel.different)
    assert len(project.duplicates()) == 3
    assert "3 images of 3 groups" in panel.spare_line.value


def test_export_writes_what_is_chosen(panel: ActionsPanel, tmp_path: Path) -> None:
    choose(panel, 0, 4)
    panel.file.value = str(tmp_path / "some.csv")
    click(panel, panel.export)
    assert str(tmp_path / "some.csv") in panel.status.value
    assert len((tmp_path / "some.csv").read_text().splitlines()) == 3
    click(panel, panel.export)
    assert 'role="status"' in panel.status.value
    assert "Wrote" not in panel.status.value


def test_a_new_project_of_what_is_chosen(
    panel: ActionsPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = choose(panel, 0, 4)
    assert panel.subset.disabled
    panel.folder.value = " some/<b>part "
    click(panel, panel.subset)
    made = str(tmp_path / "some/<b>part")
    said = f"Made a project of 2 images in {made}. Open it with Project.open({made!r})."
    assert escape(said) in panel.status.value
    with sw.Project.open(made) as part:
        assert part.paths == paths
    click(panel, panel.subset)
    assert "nothing is ever overwritten" in panel.status.value
    assert len(panel.session.project) == 14


def test_paths_to_copy(panel: ActionsPanel) -> None:
    paths = choose(panel, 1, 2)
    assert not is_shown(panel.paths)
    click(panel, panel.copy)
    assert set(panel.paths.value.splitlines()) == {str(path.resolve()) for path in paths}
    assert is_shown(panel.paths)
    choose(panel, 1)
    assert not is_shown(panel.paths)
    assert not panel.paths.value


def test_delete_asks_first_and_undo_brings_back(panel: ActionsPanel) -> None:
    project, box = panel.session.project, panel.delete_box
    extra = project.duplicates()[0].duplicates[0]
    choose(panel, *project.rows(extra).tolist())
    project.tag(extra, "mine")
    click(panel, panel.delete)
    assert is_shown(box)
    assert "1 image" in box.text.value
    assert extra.name in box.text.value
    assert not is_shown(box.whole_groups)
    assert extra.exists()
    click(panel, box.cancel)
    assert not is_shown(box)
    click(panel, panel.delete)
    click(panel, box.confirm)
    assert not is_shown(box)
    assert not extra.exists()
    assert len(project) == 13
    assert "Moved 1 image" in panel.status.value
    click(panel, panel.undo)
    assert extra.exists()
    assert len(project) == 14
    assert tagged(project, "mine") == {extra}


def test_whole_groups_need_a_tick_of_their_own(panel: ActionsPanel) -> None:
    project, box = panel.session.project, panel.delete_box
    group = project.duplicates()[0]
    files = [group.keeper, *group.duplicates]
    choose(panel, *project.rows(files).tolist())
    click(panel, panel.delete)
    assert is_shown(box.whole_groups)
    assert "1 image would be left without any copy" in box.whole_groups.description
    assert box.confirm.disabled
    box.whole_groups.value = True
    click(panel, box.confirm)
    assert not any(file.exists() for file in files)
    assert len(project) == 12


def test_files_that_would_stay_are_told_with_the_reason(panel: ActionsPanel) -> None:
    project, box = panel.session.project, panel.delete_box
    (path,) = choose(panel, 8)
    path.write_bytes(b"changed")
    click(panel, panel.delete)
    assert "1 file would stay" in box.text.value
    assert box.confirm.disabled
    assert len(project) == 14


def test_the_box_closes_when_the_selection_changes(panel: ActionsPanel) -> None:
    box, paths = panel.delete_box, choose(panel, 8)
    click(panel, panel.delete)
    assert is_shown(box)
    panel.session.set_sort("-Uniqueness")
    assert is_shown(box)
    paths += choose(panel, 9)
    assert not is_shown(box)
    assert "has changed" in panel.status.value
    box.confirm.click()
    settle(panel)
    assert all(path.exists() for path in paths)


def test_undo_and_redo_say_what_they_would_do(panel: ActionsPanel) -> None:
    project, paths = panel.session.project, choose(panel, 0, 1)
    assert panel.undo.disabled
    assert panel.redo.disabled
    panel.tag_name.value = "a"
    click(panel, panel.tag)
    assert panel.undo.description == panel.undo.tooltip == f"Undo: {project.history[-1].summary}"
    click(panel, panel.undo)
    assert tagged(project, "a") == set()
    assert "<s>" in panel.history.value
    assert panel.redo.description == f"Redo: {project.history[-1].summary}"
    click(panel, panel.redo)
    assert tagged(project, "a") == set(paths)
    assert "<s>" not in panel.history.value


def test_history_lists_the_last_ten_newest_first(panel: ActionsPanel) -> None:
    project = panel.session.project
    for number in range(12):
        project.tag(project.ids[[0]], f"tag {number:02}")
    shown = [name for name in sorted(project.tags, reverse=True) if name in panel.history.value]
    assert shown == [f"tag {number:02}" for number in range(11, 1, -1)]
    places = [panel.history.value.index(name) for name in shown]
    assert places == sorted(places)


def test_text_of_users_is_escaped(panel: ActionsPanel) -> None:
    project = panel.session.project
    project.tag(project.ids[[0]], NASTY)
    project.tag(project.ids[[0]], "b")
    choose(panel, 0)
    panel.tags.rows["b"].more.value = True
    panel.tags.editor.name.value = NASTY
    panel.tag_name.value = NASTY
    click(panel, panel.untag)
    for html in (panel.history, panel.status, panel.tags.editor.note, panel.line, panel.spare_line):
        assert "<img" not in html.value
    assert "&lt;img" in panel.history.value
    assert "&lt;img" in panel.status.value


def test_names_of_files_are_escaped(make: Callable[..., ActionsPanel], tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", 1, first_seed=50)[0].rename(tmp_path / "images" / "<b>bold.jpg")
    panel = make()
    choose(panel, panel.session.project.relative_paths.index("<b>bold.jpg"))
    click(panel, panel.delete)
    assert "&lt;b&gt;bold.jpg" in panel.delete_box.text.value
    assert "<b>bold" not in panel.delete_box.text.value


def test_after_several_steps_undo_and_redo_say_which_comes_next(panel: ActionsPanel) -> None:
    project = panel.session.project
    project.tag(project.ids[[0]], "overtaken")
    project.undo()
    project.tag(project.ids[[0]], "a")
    project.tag(project.ids[[1]], "b")
    click(panel, panel.undo)
    click(panel, panel.undo)
    assert (panel.undo.description, panel.redo.description) == ("Undo", 'Redo: Tagged 1 image "a"')
    click(panel, panel.redo)
    assert set(project.tags) == {"a"}
    assert (panel.undo.description, panel.redo.description) == (
        'Undo: Tagged 1 image "a"',
        'Redo: Tagged 1 image "b"',
    )


def test_errors_are_said_and_change_nothing(panel: ActionsPanel) -> None:
    choose(panel, *range(14))
    click(panel, panel.delete)
    assert "That would delete all 14 images" in panel.status.value
    assert panel.delete_box.layout.display == "none"
    assert len(panel.session.project) == 14
    assert not panel.delete.disabled
    panel.run(lambda: str(1 / 0))
    settle(panel)
    assert "ZeroDivisionError" in panel.status.value


def test_while_an_action_runs_no_other_can_be_started(panel: ActionsPanel) -> None:
    import threading

    choose(panel, 0)
    panel.tag_name.value = "a"
    started, go_on = threading.Event(), threading.Event()

    def job() -> str:
        started.set()
        assert go_on.wait(60)
        return "done"

    panel.run(job)
    assert started.wait(60)
    assert panel.tag.disabled
    assert panel.delete.disabled
    panel.run(lambda: "second")
    go_on.set()
    settle(panel)
    assert "done" in panel.status.value
    assert not panel.tag.disabled


def test_a_closed_panel_does_not_follow(panel: ActionsPanel) -> None:
    other = ActionsPanel(panel.session)
    before = other.line.value
    other.close()
    choose(panel, 0, 1)
    other.run(lambda: "late")
    assert "2 selected" in panel.line.value
    assert other.line.value == before


def test_selected_rows_are_the_selected_ids(panel: ActionsPanel) -> None:
    session = panel.session
    session.set_sort("-Uniqueness")
    choose(panel, 0, 5, 9)
    session.show_items(session.project.ids[[5, 9]].tolist(), "two")
    assert session.project.ids[session.selected_rows].tolist() == session.selected_ids
    assert isinstance(session.selected_rows, np.ndarray)

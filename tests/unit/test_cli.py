from __future__ import annotations

import functools
import os
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from simwidget import cli, demo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _small_set(monkeypatch: pytest.MonkeyPatch) -> None:
    small = functools.partial(demo.draw, counts={"tile": 16}, workers=1, progress=False)
    monkeypatch.setattr(demo, "draw", small)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"simwidget {version('simwidget')}\n"


def test_a_command_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_demo_draws_builds_and_reports_and_the_second_time_only_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    assert cli.main(["demo", str(folder)]) == 0
    first = capsys.readouterr().out
    drawn = {path: path.stat().st_mtime_ns for path in folder.glob("*/*.*")}
    assert cli.main(["demo", str(folder)]) == 0
    second = capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/*.*")} == drawn
    table = first[first.index("identical") : first.index("Now look")]
    assert table in second
    assert "unreadable files        3" in table
    assert "drawn before" not in first
    assert "drawn before" in second
    assert f"from_folder({str(folder)!r}" in first


def test_demo_can_only_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", str(tmp_path / "photos"), "--no-build", "--seed", "3"]) == 0
    assert demo.Truth.read(tmp_path / "photos").seed == 3
    assert not (tmp_path / "photos" / ".simwidget").exists()
    assert "planted duplicates." in capsys.readouterr().out


def test_errors_are_one_line_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").touch()
    assert cli.main(["demo", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"simwidget: error: {tmp_path} is not empty")
    assert captured.err.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_line_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["demo", str(tmp_path / "file" / "photos")]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("simwidget: error: ")
    assert captured.err.count("\n") == 1


def test_ctrl_c_is_told_from_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "draw", interrupt)
    assert cli.main(["demo", str(tmp_path / "photos")]) == 130
    assert capsys.readouterr().err == "simwidget: interrupted\n"


def test_the_module_runs_as_a_command() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "simwidget.cli", "--version"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0
    assert done.stdout.startswith("simwidget ")

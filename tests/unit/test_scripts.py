"""What `make test` relies on: a failure is never lost, and a missing browser is never skipped over."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return import_module("check")


@pytest.fixture
def find_chromium(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module on a machine whose PATH and home folder hold only what a test puts there."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = import_module("find_chromium")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CHROMIUM_PATH", raising=False)
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    monkeypatch.setattr(module, "APPLICATIONS", ())
    return module


def program(path: Path, exit_code: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


def test_run_all_goes_on_after_a_failure(check: ModuleType) -> None:
    python = sys.executable
    outcomes = check.run_all(
        [
            check.Check("fails", check.command(python, "-c", "raise SystemExit(3)")),
            check.Check("is not there", check.command("no-such-program")),
            check.Check("passes", check.command(python, "-c", "pass")),
        ]
    )
    assert [outcome.name for outcome in outcomes if outcome.problem] == ["fails", "is not there"]
    assert outcomes[0].problem == "exit code 3"
    assert "no-such-program" in outcomes[1].problem
    assert check.summary(outcomes).splitlines()[-1] == "1 passed, 2 failed"


def test_a_check_beside_others_runs_while_they_do(
    check: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each waits for the other: one after the other they would wait for ever."""
    meet = """
import pathlib, sys, time
mine, other = map(pathlib.Path, sys.argv[1:3])
mine.touch()
deadline = time.monotonic() + 60
while not other.exists() and time.monotonic() < deadline:
    time.sleep(0.01)
print("met" if other.exists() else "alone", mine.name)
sys.exit(not other.exists() or int(sys.argv[3]))
"""
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    python = (sys.executable, "-c", meet)
    outcomes = check.run_all(
        [
            check.Check("first", check.command(*python, one, two, "0")),
            check.Check("beside", check.Beside(*python, two, one, "5")),
        ]
    )
    assert [(outcome.name, outcome.problem) for outcome in outcomes] == [("first", ""), ("beside", "exit code 5")]
    printed = capfd.readouterr().out
    assert printed.index("met one") < printed.index("== beside ==") < printed.index("met two")


@pytest.mark.parametrize(("exit_code", "last_line"), [(0, "1 passed, 0 failed"), (1, "0 passed, 1 failed")])
def test_main_exits_non_zero_when_anything_failed(
    check: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    exit_code: int,
    last_line: str,
) -> None:
    only = check.Check("only", check.command(sys.executable, "-c", f"raise SystemExit({exit_code})"))
    monkeypatch.setattr(check, "CHECKS", (only,))
    assert check.main() == exit_code
    assert capsys.readouterr().out.splitlines()[-1] == last_line


def test_find_chromium_passes_over_one_that_does_not_start(find_chromium: ModuleType, tmp_path: Path) -> None:
    program(tmp_path / "bin" / "chromium", exit_code=1)
    works = program(tmp_path / "bin" / "google-chrome", exit_code=0)
    assert find_chromium.find_or_install() == works


def test_find_chromium_takes_the_named_one_first(
    find_chromium: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path / "bin" / "chromium", exit_code=0)
    named = program(tmp_path / "elsewhere" / "chrome", exit_code=0)
    monkeypatch.setenv("CHROMIUM_PATH", str(named))
    assert find_chromium.find_or_install() == named


def test_find_chromium_knows_playwrights_cache(
    find_chromium: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    cached = program(tmp_path / "browsers" / "chromium-1200" / "chrome-linux64" / "chrome", exit_code=0)
    assert find_chromium.find_or_install() == cached


def test_find_chromium_says_what_it_tried(find_chromium: ModuleType) -> None:
    with pytest.raises(find_chromium.NoChromiumError, match=r"(?s)CHROMIUM_PATH.*playwright install.*apt-get"):
        find_chromium.find_or_install()

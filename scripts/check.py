"""Run every check of the project, go on after a failure, and end with one table; what `make test` calls."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from find_chromium import NoChromiumError, find_or_install

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
UI_TESTS = ROOT / "tests" / "ui"
BUNDLE = "simwidget/static/widget.js"
IN_WHEEL = ("simwidget/__init__.py", "simwidget/py.typed", BUNDLE)


class CheckFailed(Exception):  # noqa: N818 (a result, which the table tells, rather than an error)
    """A check that did not pass; the message says why."""


@dataclass(frozen=True)
class Check:
    """A name for the table and what to run; `run` raises CheckFailed when the check does not pass."""

    name: str
    run: Callable[[], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a check: `problem` is empty when it passed, `seconds` is how long the others waited for it."""

    name: str
    problem: str
    seconds: float


def call(command: Sequence[str | Path], cwd: Path = ROOT, **environment: str) -> None:
    """Run a command with its output shown as it comes; CheckFailed when it exits non-zero or is not there."""
    print("$", shlex.join(map(str, command)), flush=True)
    try:
        code = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, check=False).returncode
    except OSError as error:
        raise CheckFailed(str(error)) from error
    if code != 0:
        raise CheckFailed(f"exit code {code}")


def command(*words: str, cwd: Path = ROOT) -> Callable[[], None]:
    """Return a check that is one command."""
    return lambda: call(words, cwd)


class Beside:
    """A check that is one command, which runs while others do; its output is shown when its turn comes."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def start(self) -> None:
        """Begin; :func:`run_all` does that."""
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 (open for as long as the command writes)
        self.process = subprocess.Popen(self.words, cwd=ROOT, stdout=self.output, stderr=subprocess.STDOUT)

    def __call__(self) -> None:
        """Wait for it."""
        code = self.process.wait()
        with self.output:
            self.output.seek(0)
            print("$", shlex.join(self.words))
            print(self.output.read().decode(errors="replace"), flush=True)
        if code != 0:
            raise CheckFailed(f"exit code {code}")


def wheel() -> None:
    """Build the wheel as `pip install .` does and look for the front end inside it."""
    with tempfile.TemporaryDirectory() as folder:
        call([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, "."])
        built = list(Path(folder).glob("simwidget-*.whl"))
        if len(built) != 1:
            raise CheckFailed(f"one wheel expected, {len(built)} built")
        with zipfile.ZipFile(built[0]) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    missing = [name for name in IN_WHEEL if name not in sizes]
    stray = [name for name in sizes if not name.startswith(("simwidget/", "simwidget-"))]
    if missing or stray or not sizes[BUNDLE]:
        raise CheckFailed(f"{built[0].name}: lacks {missing}, holds {stray}, front end {sizes.get(BUNDLE)} bytes")
    print(f"{built[0].name}: {len(sizes)} files, front end {sizes[BUNDLE]:,} bytes")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def browser() -> None:
    """Run the tests in JupyterLab, Notebook 7 and marimo, in the Chromium of this machine."""
    try:
        chromium = find_or_install()
    except NoChromiumError as error:
        raise CheckFailed(str(error)) from error
    lab, notebook, marimo = free_ports(3)
    call(
        ["npm", "test", "--silent"],
        UI_TESTS,
        CHROMIUM_PATH=str(chromium),
        LAB_PORT=str(lab),
        NOTEBOOK_PORT=str(notebook),
        MARIMO_PORT=str(marimo),
    )


CHECKS = (
    Check("ruff check", command(sys.executable, "-m", "ruff", "check")),
    Check("ruff format", command(sys.executable, "-m", "ruff", "format", "--check")),
    Check("biome", command("npm", "run", "--silent", "lint")),
    Check("tsc", command("npm", "run", "--silent", "typecheck")),
    Check("tsc (browser tests)", command("npm", "run", "--silent", "typecheck", cwd=UI_TESTS)),
    Check("vitest", command("npm", "test", "--silent")),
    Check("wheel", wheel),
    # It keeps one processor busy for as long as all of the above, and there are two at least.
    Check("mypy --strict", Beside(sys.executable, "-m", "mypy", "--strict")),
    # What a file sets up for all of its tests is set up once.
    Check(
        "pytest",
        command(sys.executable, "-m", "pytest", "--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"),
    ),
    Check("browser tests", browser),
)


def run_all(checks: Sequence[Check]) -> list[Outcome]:
    """Run the checks in order, each whatever became of the ones before it; those beside others from the start."""
    for check in checks:
        if isinstance(check.run, Beside):
            check.run.start()
    outcomes = []
    for check in checks:
        print(f"\n== {check.name} ==", flush=True)
        start = time.monotonic()
        try:
            check.run()
            problem = ""
        except CheckFailed as failed:
            problem = str(failed)
            print(f"{check.name} failed: {problem}", flush=True)
        outcomes.append(Outcome(check.name, problem, time.monotonic() - start))
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the table, with the counts alone on its last line."""
    width = max(len(outcome.name) for outcome in outcomes)
    lines = ["", f"{'check':<{width}}  result  seconds"]
    for outcome in outcomes:
        result = "FAILED" if outcome.problem else "passed"
        lines.append(f"{outcome.name:<{width}}  {result}  {outcome.seconds:7.1f}")
    failed = sum(1 for outcome in outcomes if outcome.problem)
    return "\n".join([*lines, "", f"{len(outcomes) - failed} passed, {failed} failed"])


def main() -> int:
    """Run everything; the exit code is 1 when anything failed."""
    outcomes = run_all(CHECKS)
    print(summary(outcomes), flush=True)
    return 1 if any(outcome.problem for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())

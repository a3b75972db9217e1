"""Print the path of a Chromium that starts, installing one when there is none.

Looked for in this order: ``CHROMIUM_PATH``, the names it goes by on ``PATH``, macOS applications, what Playwright
downloaded before. Then Playwright is asked to download one, and last, as root on Debian or Ubuntu, apt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = ("Google Chrome.app/Contents/MacOS/Google Chrome", "Chromium.app/Contents/MacOS/Chromium")
UI_TESTS = Path(__file__).resolve().parent.parent / "tests" / "ui"


class NoChromiumError(Exception):
    """No Chromium is on this machine and none could be installed; the message says what was tried."""


def playwright_cache() -> Path:
    """Folder that Playwright downloads browsers to."""
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if named:
        return Path(named)
    caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return caches / "ms-playwright"


def candidates() -> Iterator[Path]:
    """Files that may be a Chromium, the most wanted first."""
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        yield Path(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            yield Path(found)
    for application in APPLICATIONS:
        yield Path("/Applications", application)
    downloaded = sorted(playwright_cache().glob("chromium-*"), reverse=True)
    for folder in downloaded:
        yield from sorted(folder.glob("chrome-*/chrome"))
        yield from sorted(folder.glob("chrome-*/*.app/Contents/MacOS/*"))


def starts(path: Path) -> bool:
    """Whether the file runs: on Ubuntu ``chromium-browser`` can be a script that only says to install it."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def find() -> Path | None:
    """Return the first candidate that starts."""
    return next((path for path in candidates() if starts(path)), None)


def install_with_playwright() -> None:
    """Download Playwright's Chromium; `npm ci` in tests/ui has to have run."""
    run(["npx", "--no-install", "playwright", "install", "chromium"], cwd=UI_TESTS)


def install_with_apt() -> None:
    """Install Debian's Chromium."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise OSError("needs apt-get and root")
    run(["apt-get", "update", "--quiet"])
    run(["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "chromium"])


def run(command: list[str], cwd: Path | None = None) -> None:
    """Run a command with its output on standard error: standard output is for the path."""
    subprocess.run(command, cwd=cwd, stdout=sys.stderr, check=True, timeout=600)


def find_or_install() -> Path:
    """Return a Chromium that starts.

    Raises
    ------
    NoChromiumError
        When there is none and none can be installed.
    """
    path = find()
    if path is not None:
        return path
    installers: list[tuple[str, Callable[[], None]]] = [
        ("playwright install chromium", install_with_playwright),
        ("apt-get install chromium", install_with_apt),
    ]
    tried = []
    for name, install in installers:
        print(f"No Chromium found, trying: {name}", file=sys.stderr)
        try:
            install()
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"{name}: {error}")
            continue
        path = find()
        if path is not None:
            return path
        tried.append(f"{name}: done, but no Chromium that starts was found after it")
    raise NoChromiumError(
        "the browser tests need Chromium, and none was found or could be installed. Install chromium or"
        " Google Chrome, or set CHROMIUM_PATH to one. Tried:\n  " + "\n  ".join(tried)
    )


if __name__ == "__main__":
    try:
        print(find_or_install())
    except NoChromiumError as error:
        sys.exit(f"error: {error}")

"""Drives the gallery in JupyterLab for ``gallery.py``; runs in ``.venv-peers``, where Playwright is.

Prints what it measured as one line of JSON, the last one. Times are of the page's own clock. A screen counts as
painted once all cards in the visible part of the grid have their image decoded and the browser has painted that.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WINDOW = {"width": 1400, "height": 1000}
PATIENCE_MS = 60_000
BRUSHES = 40
SCREENS = 20  # one after the other, for the bytes of one
WHEEL_STEPS, WHEEL_PIXELS = 300, 120  # about 60 screens of 560 pixels
JUMPS = 20  # of the scrollbar, to the end
STOPS = 400  # from top to bottom, each waited for

PAGE = Path(__file__).with_name("gallery_page.js")
READY = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.sessionContext?.isReady && panel.sessionContext.session?.kernel?.status === "idle";
}"""


class Lab:
    """A notebook whose first cell makes ``explorer`` and what is asked about it here, and whose second shows it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(path=PAGE)
        page.goto(url)
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        page.wait_for_function(READY)
        self.js("bench.runCell", 0)
        self.cdp = page.context.new_cdp_session(page)

    def js(self, function: str, argument: Any = None) -> Any:
        return self.page.evaluate(function, argument)

    def value(self, expression: str) -> Any:
        """The value of a Python expression in the kernel."""
        return self.js("bench.value", expression)

    def heap(self) -> int:
        """Bytes of the JavaScript objects that are in use."""
        self.cdp.send("HeapProfiler.collectGarbage")
        return int(self.cdp.send("Runtime.getHeapUsage")["usedSize"])

    def resident(self) -> dict[str, int]:
        """Resident bytes of the largest process of each type; where there is no ``/proc``, nothing."""
        assert self.page.context.browser is not None
        session = self.page.context.browser.new_browser_cdp_session()
        found: dict[str, int] = {}
        for process in session.send("SystemInfo.getProcessInfo")["processInfo"]:
            status = Path(f"/proc/{process['id']}/status")
            sizes = re.findall(r"VmRSS:\s*(\d+) kB", status.read_text()) if status.is_file() else []
            for size in sizes:
                found[process["type"]] = max(found.get(process["type"], 0), 1024 * int(size))
        session.detach()
        return found

    def memory(self) -> dict[str, int]:
        return {"heap": self.heap(), **self.resident()}

    def screens(self) -> dict[str, int]:
        """Payload of the messages while ``SCREENS`` screens are shown one after the other, with their prefetch."""
        received: list[int] = []
        sent: list[int] = []

        def size(event: dict[str, Any]) -> int:
            data = event["response"]["payloadData"]
            return len(base64.b64decode(data)) if event["response"]["opcode"] == 2 else len(data.encode())

        self.js("bench.loaded()")
        session = self.page.context.new_cdp_session(self.page)
        session.on("Network.webSocketFrameReceived", lambda event: received.append(size(event)))
        session.on("Network.webSocketFrameSent", lambda event: sent.append(size(event)))
        session.send("Network.enable")
        cards = 0
        for _ in range(SCREENS):
            cards += self.js("bench.nextScreen()")
        session.detach()
        return {
            "screens": SCREENS,
            "cards": cards,
            "bytes": sum(received),
            "received": len(received),
            "sent": len(sent),
        }

    def brushes(self) -> list[float]:
        """Milliseconds from the release of the mouse to the thumbnails, of brushes all over the histogram.

        Each is in the other half than the last, since a drag within the brush would move it. The order is turned
        around halfway, so that what comes first, and has no thumbnail here yet, is at the other end of the range.
        """
        rng = random.Random(0)
        counts = self.value("counts")
        enough = 2 * len(self.js("bench.look().names"))
        bars = [bar for bar, count in enumerate(counts) if count >= enough]
        halves = [bars[: len(bars) // 2], bars[len(bars) // 2 + 1 :]]
        return [
            took
            for sort, turned in (("Uniqueness", False), ("-Uniqueness", True))
            for took in self.brushes_of(sort, turned, counts, [rng.sample(half, len(half)) for half in halves])
        ]

    def brushes_of(self, sort: str, turned: bool, counts: list[int], halves: list[list[int]]) -> list[float]:
        """Brush from (or ``turned``, to) each of the bars that come first in the halves in turn."""
        self.value(f"setattr(explorer, 'sort', {sort!r})")
        overlay = self.page.locator(".bqplot .brushintsel .overlay").bounding_box()
        assert overlay is not None
        mouse, y = self.page.mouse, overlay["y"] + overlay["height"] / 2
        taken = []
        for number in range(BRUSHES // 2):
            half = halves[number % 2]
            bar = half[number // 2 % len(half)]
            other = max(min(half), bar - 3) if turned else min(max(half), bar + 3)
            left, right = (
                overlay["x"] + overlay["width"] * at / len(counts)
                for at in (min(bar, other) + 0.3, max(bar, other) + 0.7)
            )
            mouse.move(left, y)
            mouse.down()
            mouse.move(right, y, steps=8)
            self.value("None")  # the kernel has answered the last move: a hand rests before it lets go
            self.js("bench.watchBrush()")
            mouse.up()
            cards = self.js("bench.otherScreen()")
            taken.append(self.js("bench.brushed", self.value(f"names(0, {cards})")))
        return taken

    def scroll(self) -> dict[str, list[Any]]:
        """Wheel, then the scrollbar to the end, where the last item has to be.

        Gives the milliseconds of the frames, and of each task over 50 ms and the garbage collection within it.
        """
        self.js("bench.scrollTo", 0)
        place = self.page.locator(".simwidget-gallery [role=grid]").bounding_box()
        assert place is not None
        self.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        browser = self.page.context.browser
        assert browser is not None
        browser.start_tracing(page=self.page, categories=["v8", "disabled-by-default-v8.gc", "blink.user_timing"])
        self.js("bench.record()")
        for _ in range(WHEEL_STEPS):
            self.page.mouse.wheel(0, WHEEL_PIXELS)
        for jump in range(1, JUMPS + 1):
            self.js("bench.scrollTo", jump / JUMPS)
        recorded = self.js("bench.stop()")
        collections = collections_in(json.loads(browser.stop_tracing())["traceEvents"])
        last = self.js("bench.look().names.at(-1)")
        expected = self.value("names(session.count - 1, session.count)[0]")
        if last != expected:
            raise AssertionError(f"the end shows {last}, not {expected}")
        tasks = [
            (duration, sum(took for at, took in collections if start <= at < start + duration))
            for start, duration in recorded["tasks"]
        ]
        return {"frames": recorded["frames"], "tasks": tasks}

    def stops(self, first: int, stop: int) -> None:
        for number in range(first, stop):
            self.js("bench.scrollTo", number / STOPS)


def collections_in(events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Start, on the clock of the page, and milliseconds of each stretch of garbage collection in a trace."""
    mark = next(event for event in events if event["name"] == "bench-record")
    offset = mark["args"]["data"]["startTime"] - mark["ts"] / 1000
    stretches: list[tuple[float, float]] = []
    for event in sorted(events, key=lambda event: event.get("ts", 0)):
        where = (event["pid"], event["tid"], event.get("ph"))
        if where != (mark["pid"], mark["tid"], "X") or "GC" not in event["name"]:
            continue
        start, duration = event["ts"] / 1000 + offset, event["dur"] / 1000
        if not stretches or start >= sum(stretches[-1]):  # else it is a part of the one before
            stretches.append((start, duration))
    return stretches


def measure(page: Page, url: str) -> dict[str, Any]:
    lab = Lab(page, url)
    found: dict[str, Any] = {"display": lab.js("bench.display", 1)}
    page.locator(".simwidget-gallery").scroll_into_view_if_needed()
    found["memory"] = [lab.memory()]
    found["screens"] = lab.screens()
    found["brushes"] = lab.brushes()
    lab.value("[explorer.clear(), setattr(explorer, 'sort', 'Uniqueness')]")
    found["scroll"] = lab.scroll()
    for half in (0, 1):
        lab.stops(STOPS // 2 * half, STOPS // 2 * (half + 1))
        found["memory"].append(lab.memory())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chromium", help="path of the browser")
    parser.add_argument("url", help="of the notebook in a JupyterLab that shows its app to the page")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=FLAGS)
        found = measure(browser.new_page(viewport=WINDOW), arguments.url)
        print(json.dumps({"chromium": browser.version, "stops": STOPS, **found}))


if __name__ == "__main__":
    main()

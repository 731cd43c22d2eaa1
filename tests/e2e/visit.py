"""One visit to the page: what it asked for, what it complained of, and what can be seen."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request, WebSocket, expect

COUNT_LIT = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(image.width, image.height);
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  let lit = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] > 360) lit += 1;
  return lit;
}"""

PATHS = ("/", "/icon.svg", "/connect")
FOLDERS = ("/assets/", "/api/v1/rules/", "/api/v1/bundled/")
CHECK = re.compile(r"/api/v1/strategies/\w+/check")
FIELDS = {"sql", "args", "turn", "bigint"}
"""What a query of the page may say."""


class Visit:
    """A page with its record. ``excused`` holds parts of console errors that a test brings about itself.

    ``is_first`` : somebody who has never been here, who is welcomed.
    """

    def __init__(self, page: Page, url: str, *, is_first: bool = False) -> None:
        if not is_first:
            page.add_init_script("localStorage.setItem('wasmverse.welcomed', '1')")
        page.set_default_timeout(60_000)  # as conftest.py says of what is expected
        self.page = page
        self.url = url
        self.excused: list[str] = []
        self.requests: list[Request] = []
        self.frames: list[dict[str, Any]] = []
        self.sockets: list[str] = []
        self._complaints: list[str] = []
        page.on("request", self._note)
        page.on("websocket", self._hear)
        page.on("console", self._complain)
        page.on("pageerror", lambda error: self._complaints.append(f"{error}\n{error.stack}"))

    def open(self, place: str = "#/") -> Page:
        """Go to a place of the page and wait for its first turn."""
        self.page.goto(f"{self.url}/{place}")
        return self.await_live()

    def await_live(self) -> Page:
        """Wait until the page is connected and shows a turn."""
        expect(self.page.locator("#connection")).to_have_text("Live")
        expect(self.page.locator("#turn")).to_have_text(re.compile(r"^[\d,]+$"))
        return self.page

    @property
    def turn(self) -> int:
        """The turn that the page shows."""
        return int(self.page.locator("#turn").inner_text().replace(",", ""))

    def await_turns(self, count: int) -> None:
        """Wait until so many more turns have been shown."""
        goal = self.turn + count
        self.page.wait_for_function(
            "goal => Number(document.getElementById('turn').textContent.replaceAll(',', '')) >= goal",
            arg=goal,
            timeout=60_000,
        )

    def sky(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the part of the sky that no panel covers, on a wide window."""
        return tuple(
            self.page.evaluate(
                """() => {
                  const box = (selector) => document.querySelector(selector).getBoundingClientRect();
                  const inspector = box('.inspector');
                  const right = inspector.height > 0 ? inspector.left : innerWidth;
                  const time = box('.time');
                  return [box('.universe').right, box('.bar').bottom, right, time.height > 0 ? time.top : innerHeight];
                }"""
            )
        )

    def middle(self) -> tuple[float, float]:
        """The middle of the free sky: what the camera looks at is there."""
        left, top, right, bottom = self.sky()
        return (left + right) / 2, (top + bottom) / 2

    def picture(self) -> bytes:
        """The free sky as a PNG."""
        left, top, right, bottom = self.sky()
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return self.page.screenshot(clip=clip)

    def lit_pixels(self) -> int:
        """How many pixels of the free sky shine."""
        return self.page.evaluate(COUNT_LIT, base64.b64encode(self.picture()).decode())

    def check(self) -> None:
        """What holds for every visit: SQL, uploads, modules for duels and the page's files are asked for and nothing else."""
        for request in self.requests:
            path = request.url.removeprefix(self.url).split("#")[0]
            assert path != request.url, f"asked another host: {request.url}"
            if request.method == "POST":
                if not CHECK.fullmatch(path):
                    assert path == "/api/v2/query/tuples", path
                    assert {"sql", "args"} <= set(json.loads(request.post_data or "")) <= FIELDS
            elif request.method == "PUT":
                assert path.startswith("/api/v1/strategies/"), path
            else:
                assert request.method == "GET", request.method
                assert path in PATHS or path.startswith(FOLDERS), path
        assert set(self.sockets) <= {self.url.replace("http", "ws") + "/api/v1/live"}, self.sockets
        for frame in self.frames:
            assert {"id", "sql", "args"} <= set(frame) <= FIELDS | {"id"} or set(frame) in (
                {"id", "unsubscribe"},
                {"token"},
            ), frame
        assert self._complaints == [], self._complaints

    def _note(self, request: Request) -> None:
        self.requests.append(request)

    def _hear(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)
        socket.on("framesent", lambda payload: self.frames.append(json.loads(payload)))

    def _complain(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        # Software drawing, which tests use, makes Chromium talk about its own slowness.
        if "GL Driver Message" in message.text or any(part in message.text for part in self.excused):
            return
        self._complaints.append(f"{message.type}: {message.text}")

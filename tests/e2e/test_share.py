"""What leaves the page: links, pictures, clips, sound; and the page within another one, or on a wall for days."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Download, Page, expect

from .server import Server
from .visit import Visit

PNG = b"\x89PNG\r\n\x1a\n"
EBML = b"\x1a\x45\xdf\xa3"
"""What a WebM file begins with (RFC 8794)."""
CLIP_MS = 120_000
"""At least twenty frames: without a graphics card on a busy machine one can take a second."""
HURRY = """() => {
  const [since, start] = [performance.now.bind(performance), performance.now()];
  performance.now = () => start + 4 * (since() - start);
}"""
"""The clip's six seconds pass in a quarter of the time."""
HASTE = """
const wait = window.setTimeout;
window.setTimeout = (act, ms, ...rest) => wait(act, ms >= 60_000 && ms < 600_000 ? ms / 30 : ms, ...rest);
"""
"""What the page does once a minute it does every two seconds; all else takes as long as ever."""
KIOSK = "#/?embed&tour&hide=panels,news"
OF_KIOSK = re.compile(r"(?=.*\btour\b)(?=.*\bembed\b)(?=.*\bhide=panels,news\b)")

COUNT_COLOURS = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (char) => char.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const pen = new OffscreenCanvas(image.width, image.height).getContext('2d');
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


def saved(download: Download, folder: Path) -> bytes:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path.read_bytes()


def open_box(visit: Visit, place: str) -> Page:
    page = visit.open(place)
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_label("Link to what you see")).to_be_focused()
    return page


def test_what_is_seen_can_be_taken_along(visit_with: Callable[..., Visit], tmp_path: Path) -> None:
    visit = visit_with(
        permissions=["clipboard-read", "clipboard-write"], viewport={"width": 840, "height": 560}
    )
    page = open_box(visit, "#/?idle=0")
    said = page.locator("#share-box [role=status]")
    page.get_by_role("button", name="Copy link").click()
    expect(said).to_have_text("The link is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(rf"{visit.url}/\?turn=\d+#/\?.*\bturn=\d+.*", link), link

    with page.expect_download() as downloading:
        page.get_by_role("button", name="Picture").click()
    picture = saved(downloading.value, tmp_path)
    assert downloading.value.suggested_filename == "wasmverse.png"
    assert picture.startswith(PNG)
    assert struct.unpack(">II", picture[16:24]) == (840, 560)
    assert page.evaluate(COUNT_COLOURS, base64.b64encode(picture).decode()) > 100

    page.evaluate(HURRY)
    with page.expect_download(timeout=CLIP_MS) as downloading:
        page.get_by_role("button", name="6 s clip").click()
    clip = saved(downloading.value, tmp_path)
    assert clip.startswith(EBML) and len(clip) > 1_000
    expect(said).to_have_text("The clip is saved.")


def test_sound_is_off_until_it_is_asked_for(visit: Visit) -> None:
    visit.page.add_init_script(
        """window.sounding = [];
        const Context = window.AudioContext;
        window.AudioContext = class extends Context { constructor(...given) { super(...given); window.sounding.push(this); } };"""
    )
    page = open_box(visit, "#/system/5?idle=0")
    visit.await_turns(2)
    switch = page.get_by_role("button", name=re.compile("^Sound"))
    expect(switch).to_have_text("Sound: off")
    assert page.evaluate("window.sounding.length") == 0
    switch.click()
    expect(switch).to_have_text("Sound: on")
    expect(switch).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("window.sounding.map((context) => context.state)") == ["running"]
    switch.click()
    expect(switch).to_have_text("Sound: off")
    assert page.evaluate("window.sounding.map((context) => context.state)") == ["suspended"]


def test_a_link_is_shown_with_its_picture(server: Server) -> None:
    page = httpx.get(f"{server.url}/?system=5").text
    tags = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page))
    assert tags["og:title"].startswith("System 5")
    assert tags["og:description"]
    picture = httpx.get(tags["og:image"].replace("&amp;", "&"), timeout=60)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.content.startswith(PNG)
    size = struct.unpack(">II", picture.content[16:24])
    assert size == (1200, 630)
    assert size == (int(tags["og:image:width"]), int(tags["og:image:height"]))


def test_a_wall_shows_the_sky_alone_and_goes_on_without_its_graphics(
    visit_with: Callable[..., Visit],
) -> None:
    visit = visit_with(viewport={"width": 840, "height": 560})
    visit.excused.append("WebGL: CONTEXT_LOST_WEBGL")
    page = visit.open("#/system/5?embed&hide=panels,news&idle=0")
    expect(page.locator("#system-title")).to_contain_text("5")
    for hidden in (".tools", "#search", ".universe", ".inspector", "#news", "#map-tools"):
        expect(page.locator(hidden)).to_be_hidden()
    page.goto(f"{visit.url}/{KIOSK}")
    brand = page.locator("#brand")
    expect(brand).to_have_attribute("target", "_blank")
    expect(page.locator("#caption .caption-text")).to_have_text(re.compile(r"^\w.*\.$"), timeout=60_000)
    # Input does not end the tour here, and the place is kept with all that it says.
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(OF_KIOSK)

    # A tab that was hidden shows turns again.
    hide(page, is_hidden=True)
    hide(page, is_hidden=False)
    visit.await_turns(1)

    page.evaluate(
        """() => {
          window.isOld = true;
          // Long since it was loaded: what is lost in the beginning is not tried again at once.
          const since = performance.now;
          performance.now = () => since.call(performance) + 60_000;
          document.querySelector('#sky canvas').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext();
        }"""
    )
    page.wait_for_function("() => window.isOld === undefined", timeout=60_000)
    visit.await_live()
    expect(page).to_have_url(OF_KIOSK)
    expect(page.locator(".universe")).to_be_hidden()
    page.wait_for_function(
        "() => !document.querySelector('#sky canvas').getContext('webgl2').isContextLost()", timeout=60_000
    )
    # Between two places the sky is dark for a moment.
    for _ in range(60):
        if visit.lit_pixels() > 10:
            break
        page.wait_for_timeout(500)
    else:
        raise AssertionError("the sky stays dark")


def test_a_wall_outlives_a_restart_and_takes_the_new_page_that_comes_with_it(
    visit_with: Callable[..., Visit], server: Server
) -> None:
    visit = visit_with(viewport={"width": 480, "height": 320})
    visit.excused += ["WebSocket connection to", "ERR_CONNECTION_REFUSED"]
    page = visit.page
    page.add_init_script(HASTE)
    visit.open(KIOSK)
    page.evaluate("() => { window.isOld = true; }")
    try:
        server.stop()
        expect(page.locator("#connection")).to_have_text("Offline")
    finally:
        server.start()
    expect(page.locator("#connection")).to_have_text("Live", timeout=60_000)
    visit.await_turns(2)
    assert page.evaluate("() => window.isOld")  # the same page, so it is not loaded again
    html = httpx.get(visit.url).text
    newer = re.sub(r'(<script[^>]*\ssrc=")[^"]+"', r'\1/assets/newer.js"', html)
    assert newer != html
    page.route(
        lambda url: url.rstrip("/") == visit.url,
        lambda route: (
            route.continue_() if route.request.is_navigation_request() else route.fulfill(body=newer)
        ),
    )
    page.wait_for_function("() => window.isOld === undefined", timeout=60_000)
    visit.await_live()
    expect(page).to_have_url(OF_KIOSK)


def hide(page: Page, *, is_hidden: bool) -> None:
    """As when another tab is shown."""
    page.evaluate(
        """(isHidden) => {
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        is_hidden,
    )

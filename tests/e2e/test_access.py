"""A server that wants tokens, and the link that it prints."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from .server import Server
from .visit import Visit


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("restricted"), access="token", is_reading_public="false")
    server.start()
    yield server
    server.stop()


def test_the_printed_link_lets_the_page_ask_and_upload(restricted: Server, browser: Browser) -> None:
    assert restricted.link.startswith(f"{restricted.url}/#token=wv_")
    asked = httpx.post(f"{restricted.url}/api/v2/query/rows", json={"sql": "select 1"})
    assert asked.status_code == 401
    visit = Visit(browser.new_context(reduced_motion="reduce").new_page(), restricted.url)
    visit.excused.append("422")
    try:
        visit.page.goto(restricted.link)
        page = visit.await_live()
        assert "wv_" not in page.url, "a token in the address bar would be copied with it"
        with page.expect_response("**/api/v1/strategies/*") as uploaded:
            page.goto(f"{restricted.url}/#/?sheet=strategies")
            module = b"what is no module is refused for that, not for its sender"
            page.locator("#upload-name").fill("mine")
            page.locator("#upload-file").set_input_files(
                {"name": "mine.wasm", "mimeType": "application/wasm", "buffer": module}
            )
            page.locator(".upload button[type=submit]").click()
        assert uploaded.value.status == 422, uploaded.value.text()
        page.reload()
        visit.await_live()
    finally:
        visit.page.context.close()
    visit.check()


def test_without_the_link_the_page_says_what_is_missing(restricted: Server, browser: Browser) -> None:
    visit = Visit(browser.new_context(reduced_motion="reduce").new_page(), restricted.url)
    visit.excused += ["401", "WebSocket"]
    try:
        visit.page.goto(restricted.url)
        expect(visit.page.locator("#notice")).to_contain_text("needs a token")
    finally:
        visit.page.context.close()
    visit.check()

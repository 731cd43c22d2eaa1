"""From the first visit to an own ship: written and compiled in the page, refused where it is wrong, flown and followed."""

from __future__ import annotations

import re
import time

from playwright.sync_api import expect

from .server import Server
from .visit import Visit

LOAD_MS = 120_000
"""The compiler has megabytes, and machines that test have other work."""


def test_a_visitor_writes_a_strategy_and_follows_its_first_ship(visit: Visit, server: Server) -> None:
    began = time.monotonic()
    page = visit.open()
    page.keyboard.press("a")
    source = page.get_by_role("textbox", name="Source")
    expect(source).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.type("const a = nowhere;\n")
    page.keyboard.press("Control+s")
    verdict = page.locator("#sheet-write .verdict")
    expect(verdict).to_contain_text("Line 1: Cannot find name 'nowhere'", timeout=LOAD_MS)
    expect(page.locator(".cm-lintRange-error")).to_have_text("nowhere")
    page.reload()
    visit.await_live()
    expect(source).to_contain_text("const a = nowhere")
    page.get_by_label("Begin from").select_option("strategy_flee.ts")
    page.get_by_label("It flies as").fill("my_own")
    page.get_by_role("button", name="Deploy").click()
    expect(verdict).to_contain_text("my_own is accepted", timeout=LOAD_MS)
    page.wait_for_url(re.compile(r"#/system/\d+/entity/\d+\?.*follow"), timeout=LOAD_MS)
    eid = int(re.findall(r"entity/(\d+)", page.url)[0])
    assert server.query("select strategy from entity where eid = ?", eid) in ([{"strategy": "my_own"}], [])
    built = server.query("select name, sha256 from strategy where name in ('my_own', 'strategy_flee')")
    assert len({row["sha256"] for row in built}) == 1, built
    assert time.monotonic() - began < 300

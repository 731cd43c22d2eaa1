"""From the first visit to an own ship: written and compiled in the page, refused where it is wrong, flown and followed."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Locator, expect

from .server import Server
from .visit import Visit

LOAD_MS = 120_000
"""The compiler has megabytes, and machines that test have other work."""


def test_a_visitor_writes_a_strategy_and_follows_its_first_ship(visit: Visit, server: Server) -> None:
    began = time.monotonic()
    page = visit.open("#/?idle=0")  # on a slow machine the tour would begin meanwhile
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
    name = page.get_by_label("It flies as")
    name.fill("my_own")
    refused_by_the_server(visit, verdict)
    name.fill("strategy_default")
    page.get_by_role("button", name="Deploy").click()
    expect(verdict).to_have_text(
        "the name 'strategy_default' comes with Wasmverse: choose another", timeout=LOAD_MS
    )
    name.fill("my_own")
    page.get_by_role("button", name="Check").click()
    expect(verdict).to_contain_text("The server would take it", timeout=LOAD_MS)
    expect(verdict).to_contain_text("my_own, version 1")
    assert server.query("select name from strategy where name = 'my_own'") == []
    page.get_by_role("button", name="Deploy").click()
    expect(verdict).to_contain_text("my_own is accepted", timeout=LOAD_MS)
    page.wait_for_url(re.compile(r"#/system/\d+/entity/\d+\?.*follow"), timeout=LOAD_MS)
    eid = int(re.findall(r"entity/(\d+)", page.url)[0])
    assert server.query("select strategy from entity where eid = ?", eid) in ([{"strategy": "my_own"}], [])
    built = server.query("select language, version from strategy where name = 'my_own'")
    assert [row["version"] for row in built] == [1] and "AssemblyScript" in built[0]["language"], built
    assert time.monotonic() - began < 300
    a_new_version_by_one_key(visit, server)


def refused_by_the_server(visit: Visit, verdict: Locator) -> None:
    """What the server would refuse is shown at its line, and nothing is uploaded."""
    page = visit.page
    visit.excused.append("422")  # Chromium logs every answer that is a refusal, and the next one is a 409
    visit.excused.append("409")
    page.get_by_role("textbox", name="Source").click()
    page.keyboard.press("Control+Home")
    declared = "@external('env', 'clock')\ndeclare function clock(): i32;\n"
    page.keyboard.insert_text(declared + "export function peek(): i32 { return clock(); }\n")
    page.keyboard.press("Control+Enter")
    expect(verdict).to_contain_text("Line 2: the module imports env.clock", timeout=LOAD_MS)
    expect(page.locator(".cm-lintRange-error")).to_have_text("clock")
    for start in ("strategy_blank.ts", "strategy_flee.ts"):
        page.get_by_label("Begin from").select_option(start)
    assert not [request for request in visit.requests if request.method == "PUT"]


def a_new_version_by_one_key(visit: Visit, server: Server) -> None:
    page = visit.page
    if not page.locator("#sheet-write").is_visible():
        page.keyboard.press("a")
    source = page.get_by_role("textbox", name="Source")
    source.click()
    page.keyboard.press("Control+Home")
    page.keyboard.insert_text("export const CHANGED: i32 = 7;\n")
    page.keyboard.press("Control+s")
    expect(page.locator("#sheet-write .verdict")).to_contain_text("my_own has a new version", timeout=LOAD_MS)
    fate = page.get_by_role("region", name="How my_own fares")
    expect(fate).to_contain_text("version 2")
    expect(fate).to_contain_text("Fuel a ship")
    assert server.query("select version from strategy where name = 'my_own'") == [{"version": 2}]

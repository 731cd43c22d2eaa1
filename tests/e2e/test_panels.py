"""Panels and uploads: they show what SQL and the server say."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from .server import Server
from .visit import Visit

BUNDLED = Path(__file__).parents[2] / "server" / "wasmverse" / "bundled"
FIELDS = ("energy", "shield", "blasters", "thrusters", "harvesters")
REFUSED = "the server responded with a status of 4"
"""Chromium reports every refusal to the console; the page shows it to the person."""


@pytest.mark.parametrize("kind", [1, 2])
def test_the_selected_entity_is_what_sql_says(visit: Visit, server: Server, kind: int) -> None:
    found = server.query(
        "select sid, eid from entity where kind = ? order by energy desc, eid limit 1", kind
    )[0]
    page = visit.open(f"#/system/{found['sid']}/entity/{found['eid']}")
    expect(page.locator("#entity h3")).to_have_text(str(found["eid"]))
    sql = """select *, last_plan::varchar as plan_text,
               case when kind = 1 then decode_plan(last_plan) end as plan
             from entity where sid = ? and eid = ?"""
    for _ in range(20):
        visit.await_turns(1)
        page.wait_for_timeout(100)
        turn = visit.turn
        names = (*FIELDS, "cell", "plan", "last-plan")
        shown = {name: page.locator(f"#entity-{name}").text_content() for name in names}
        shown["strategy"] = (page.locator("#entity .strategy").text_content() or "").split(" of ")[-1]
        if turn != visit.turn:
            continue
        row = server.query(sql, found["sid"], found["eid"], turn=turn)[0]
        expected = {field: f"{row[field]:,}" for field in FIELDS} | {
            "cell": f"{row['x']}, {row['y']}",
            "plan": row["plan"] or "",
            "last-plan": f"last_plan {row['plan_text']}" if row["kind"] == 1 else "",
            "strategy": row["strategy"] or "",
        }
        if shown == expected:
            return
    assert shown == expected


def test_rubbish_is_refused_with_the_servers_words(visit: Visit, server: Server, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.wasm"
    rubbish.write_bytes(b"this is no module")
    words = httpx.put(f"{server.url}/api/v1/strategies/rubbish", content=rubbish.read_bytes()).json()
    visit.excused.append(REFUSED)
    page = visit.open("#/?sheet=strategies")
    page.set_input_files("#upload-file", rubbish)
    expect(page.get_by_label("Name")).to_have_value("rubbish")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".verdict")).to_have_text(words["error"]["message"])
    expect(page.locator(".verdict")).to_have_class(re.compile("refused"))


def test_an_upload_without_a_module_says_what_is_missing(visit: Visit) -> None:
    page = visit.open("#/?sheet=strategies")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".verdict")).to_contain_text("There is no module yet")


def test_a_module_is_accepted_and_listed(visit: Visit, server: Server) -> None:
    page = visit.open()
    page.get_by_role("button", name="Strategies").click()
    expect(page).to_have_url(re.compile("sheet=strategies"))
    expect(page.locator(".strategies")).to_contain_text("strategy_default")
    page.set_input_files("#upload-file", BUNDLED / "strategy_flee.wasm")
    page.get_by_label("Name").fill("visitor")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".verdict")).to_have_text("visitor is accepted.", timeout=30_000)
    entry = page.locator(".strategies li", has_text="visitor")
    expect(entry).to_be_visible()
    row = server.query("select status, version from strategy where name = 'visitor'")[0]
    expect(entry).to_contain_text(row["status"])
    expect(entry).to_contain_text(f"version {row['version']}")


def test_a_sheet_is_loaded_when_it_is_opened(visit: Visit) -> None:
    visit.excused.append("ERR_FAILED")
    page = visit.open()
    visit.await_turns(1)
    assert not [request.url for request in visit.requests if "sheet" in request.url]
    page.route("**/assets/help-sheet*", lambda route: route.abort())
    page.keyboard.press("?")
    expect(page.locator("#sheet-help")).to_contain_text("could not be loaded")
    page.keyboard.press("Escape")
    page.unroute("**/assets/help-sheet*")
    page.keyboard.press("?")
    expect(page.locator("#sheet-help")).to_contain_text("A star is a solar system")
    expect(page.locator("#sheet-help")).not_to_contain_text("could not be loaded")
    loaded = {request.url for request in visit.requests if "-sheet" in request.url}
    assert len(loaded) == 1 and "/help-sheet" in loaded.pop()


def test_what_is_typed_goes_into_what_a_key_opened(visit: Visit) -> None:
    page = visit.open()
    page.keyboard.press("c")
    console = page.get_by_role("textbox", name="SQL", exact=True)
    expect(console).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("select 1 as s")
    expect(console).to_have_text("select 1 as s")
    expect(page.locator("#sheet-strategies")).to_be_hidden()
    # While completions are offered, the first Escape puts these away.
    run = page.get_by_role("button", name="Run", exact=True)
    for _ in range(3):
        page.keyboard.press("Escape")
        page.wait_for_timeout(300)
        if run.evaluate("button => button === document.activeElement"):
            break
    expect(run).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#sheet-console")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("sol")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_text("Nothing is called “sol”")).to_be_visible()
    page.keyboard.type("1")
    expect(page.locator("#search-hint")).to_be_hidden()

"""A past turn in the address: shown as it was, said to be gone when it is, and left for the newest one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import CALM, SNAPSHOTS
from .server import Server
from .visit import Visit

IN_MEMORY = 4
"""Turns, two seconds at the server's period: older ones are played again."""
REFUSED = "the server responded with a status of 4"
"""Chromium reports every refusal to the console; the page shows it to the person."""


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps turns for as long as a test looks at them: on disk, as every server does."""
    server = Server(tmp_path_factory.mktemp("lasting"), snapshots_kept=str(IN_MEMORY))
    server.start()
    await_turn(server, IN_MEMORY + 2)
    # The process that plays past turns starts with the first one that is asked for.
    body = {"sql": "select count(*) from entity", "turn": 0}
    httpx.post(f"{server.url}/api/v2/query/rows", json=body, timeout=120).raise_for_status()
    yield server
    server.stop()


@pytest.fixture
def visit_to(browser: Browser) -> Iterator[Callable[[Server], Visit]]:
    visits: list[Visit] = []

    def begin(server: Server) -> Visit:
        context = browser.new_context(**CALM)
        visits.append(Visit(context.new_page(), server.url))
        return visits[-1]

    yield begin
    for visit in visits:
        visit.page.context.close()
        visit.check()


def newest(server: Server) -> int:
    return server.query("select max(tid) as tid from turns")[0]["tid"]


def await_turn(server: Server, tid: int) -> None:
    deadline = time.monotonic() + 60
    while newest(server) < tid:
        assert time.monotonic() < deadline, f"turn {tid} was not played in a minute"
        time.sleep(0.1)


def expect_past(page: Page, turn: int) -> None:
    expect(page.locator("#connection")).to_have_text("Past")
    expect(page.locator("#turn")).to_have_text(f"{turn:,}")
    expect(page.locator("#notice")).to_be_hidden()


def queries_of(visit: Visit) -> list[dict]:
    return [request.post_data_json for request in visit.requests if request.method == "POST"]


def of_a_turn(visit: Visit) -> list[dict]:
    """The queries that are not of the time line: how long it is and what is marked on it is asked whenever that is due."""
    return [
        query
        for query in queries_of(visit)
        if not any(of in query["sql"] for of in ("from turn_kept", "from story"))
    ]


def figures_of(page: Page) -> list[str]:
    return page.locator("#universe .figure dd").all_inner_texts()


def ship_of(server: Server, turn: int) -> dict:
    sql = """select sid, eid, energy, x, y, decode_plan(last_plan) as plan from entity
             where kind = 1 order by energy desc, eid limit 1"""
    return server.query(sql, turn=turn)[0]


def test_a_link_with_a_turn_shows_the_universe_as_it_was(
    visit_to: Callable[[Server], Visit], lasting: Server
) -> None:
    turn = newest(lasting)
    ship = ship_of(lasting, turn)
    await_turn(lasting, turn + 3)
    visit = visit_to(lasting)
    page = visit.page
    page.goto(f"{visit.url}/#/system/{ship['sid']}/entity/{ship['eid']}?turn={turn}")
    expect_past(page, turn)
    expect(page.locator("#entity-energy")).to_have_text(f"{ship['energy']:,}")
    expect(page.locator("#entity-cell")).to_have_text(f"{ship['x']}, {ship['y']}")
    expect(page.locator("#entity-plan")).to_have_text(ship["plan"])
    expect(page).to_have_title(f"System {ship['sid']} · Turn {turn:,} · Wasmverse")
    row = lasting.query("select ships, energy_nodes, writes from turns where tid = ?", turn)[0]
    assert figures_of(page)[:3] == [f"{row[name]:,}" for name in ("ships", "energy_nodes", "writes")]
    # The universe goes on, the page does not; of the turn nothing more is asked, and nothing is watched.
    asked = len(of_a_turn(visit))
    await_turn(lasting, newest(lasting) + 3)
    expect_past(page, turn)
    assert of_a_turn(visit)[asked:] == []
    assert visit.sockets == []
    assert {query.get("turn") for query in of_a_turn(visit)} == {turn}


def test_every_way_through_space_stays_in_the_turn(
    visit_to: Callable[[Server], Visit], lasting: Server
) -> None:
    visit = visit_to(lasting)
    page = visit.page
    turn = newest(lasting)
    page.goto(f"{visit.url}/#/?turn={turn}")
    expect_past(page, turn)
    page.wait_for_timeout(500)
    assert visit.lit_pixels() > 100
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"#/system/\d+\?turn={turn}$"))
    expect(page.locator("#system")).to_contain_text("ships")
    page.keyboard.press("n")
    expect(page.locator("#entity-plan")).not_to_have_text("…")
    page.keyboard.press("c")
    sql = page.get_by_label("SQL", exact=True)
    sql.fill("select max(tid) as tid from turns")
    sql.press("Control+Enter")
    expect(page.locator(".grid-row:not([hidden]) [role=gridcell]")).to_have_text(str(turn))
    page.reload()
    expect_past(page, turn)
    expect(page.locator("#entity")).to_contain_text("Ship")
    page.get_by_role("link", name="Wasmverse, to the map").click()
    expect(page).to_have_url(re.compile(rf"#/\?turn={turn}$"))
    expect_past(page, turn)


def test_one_click_and_one_key_lead_back_to_live(
    visit_to: Callable[[Server], Visit], lasting: Server
) -> None:
    visit = visit_to(lasting)
    page = visit.page
    turn = newest(lasting)
    page.goto(f"{visit.url}/#/system/5?turn={turn}")
    expect_past(page, turn)
    page.get_by_role("button", name="Back to live").click()
    visit.await_live()
    expect(page).to_have_url(re.compile(r"#/system/5$"))
    visit.await_turns(2)
    assert visit.turn > turn
    expect(page.get_by_role("button", name="Back to live")).to_be_hidden()
    expect(page.locator("#system")).to_contain_text("ships")
    page.go_back()
    expect_past(page, turn)
    page.keyboard.press("l")
    visit.await_live()
    visit.await_turns(1)
    expect(page).to_have_url(re.compile(r"#/system/5$"))


def test_a_turn_that_is_not_kept_is_said_to_be_gone(visit: Visit, server: Server) -> None:
    visit.excused.append(REFUSED)
    page = visit.page
    await_turn(server, SNAPSHOTS + 4)
    page.goto(f"{visit.url}/#/system/5?turn=1")
    expect(page.locator("#notice")).to_contain_text("Turn 1 is not kept any more")
    expect(page.locator("#notice")).to_contain_text(re.compile(r"The server keeps turns [\d,]+ to [\d,]+\.$"))
    expect(page.locator("#connection")).to_have_text("Not kept")
    assert set(figures_of(page)) == {"–"}
    page.goto(f"{visit.url}/#/system/5?turn=999999999")
    expect(page.locator("#notice")).to_contain_text("Turn 999,999,999 has not been played")
    page.keyboard.press("l")
    visit.await_live()
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#system")).to_contain_text("ships")


def test_what_was_seen_of_a_turn_outlasts_it(visit: Visit, server: Server) -> None:
    visit.excused.append(REFUSED)
    page = visit.open()
    turn = visit.turn
    page.evaluate(f"location.hash = '#/?turn={turn}'")
    expect_past(page, turn)
    await_turn(server, turn + SNAPSHOTS + 4)
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text(f"Turn {turn:,} is not kept any more")
    asked = len(queries_of(visit))
    page.keyboard.press("Escape")
    expect_past(page, turn)
    page.wait_for_timeout(1500)
    assert visit.lit_pixels() > 100
    # The server may still know some answers; the page does not need to ask.
    assert queries_of(visit)[asked:] == []


def test_the_time_line_plays_the_past_and_comes_back_to_live(
    visit_to: Callable[[Server], Visit], lasting: Server
) -> None:
    visit = visit_to(lasting)
    page = visit.open("#/system/5")
    line = page.get_by_role("slider", name="Turn that is shown")
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile(r"#/system/5\?turn=\d+$"))
    stood = int(str(line.get_attribute("aria-valuenow")))
    expect_past(page, stood)
    page.keyboard.press(",")
    expect_past(page, stood - 1)
    await_turn(lasting, 12)
    line.press("Home")
    expect_past(page, int(str(line.get_attribute("aria-valuemin"))))
    page.keyboard.press("Escape")
    page.evaluate("location.hash = '#/system/5?turn=2'")
    expect_past(page, 2)
    page.get_by_role("button", name="Play").click()
    expect(page).to_have_url(re.compile(r"turn=\d+&play=1"))
    page.wait_for_function("turn => Number(document.querySelector('.time-track').ariaValueNow) > turn", arg=5)
    expect(page.locator("#connection")).to_have_text("Past")
    assert {
        query["turn"] for query in queries_of(visit) if "entity" in query["sql"] and query.get("turn")
    } >= {3, 4, 5}
    page.keyboard.press("Shift+>")
    expect(page).to_have_url(re.compile(r"play=2"))
    page.get_by_role("button", name="Pause").click()
    box = line.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    middle = int(str(line.get_attribute("aria-valuenow")))
    assert 0 < middle < newest(lasting)
    expect_past(page, middle)
    line.press("End")
    visit.await_live()
    visit.await_turns(1)
    expect(page).to_have_url(re.compile(r"#/system/5$"))

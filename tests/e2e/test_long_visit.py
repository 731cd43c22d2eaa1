"""A page that stays open: hundreds of turns leave nothing behind, and another universe at the same address is taken in.

WASMVERSE_TEST_LEAK_TURNS=3600 watches an hour of turns, played fast (`make test-long`).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from .server import Server
from .visit import Visit

TURNS = int(os.environ.get("WASMVERSE_TEST_LEAK_TURNS", "150"))
WARM_TURNS = 70
"""Until then the page fills what it keeps of the last turns."""
PERIOD_SECONDS = 0.05
HEAP_BYTES_MAX = 3_000_000
NODES_MAX = 150
LISTENERS_MAX = 20


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start(period=PERIOD_SECONDS, systems=12)
    yield server
    server.stop()


def held(session: CDPSession) -> dict[str, Any]:
    """What the page holds after a collection: bytes of the heap, DOM nodes, listeners; and the time line's marks."""
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    counters = session.send("Memory.getDOMCounters")
    marks = session.send(
        "Runtime.evaluate", {"expression": "document.querySelectorAll('.time-marks button').length"}
    )["result"]["value"]
    usage = session.send("Runtime.getHeapUsage")
    return {
        "bytes": usage["usedSize"],
        "nodes": counters["nodes"],
        "listeners": counters["jsEventListeners"],
        "marks": marks,
    }


def test_an_hour_leaves_nothing_behind_and_another_universe_is_taken_in(
    browser: Browser, fast: Server, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 800, "height": 600}, reduced_motion="reduce")
    context.add_init_script("localStorage.setItem('wasmverse.welcomed', '1')")
    visit = Visit(context.new_page(), fast.url)
    page = visit.open("#/?idle=0")
    session = context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    look_around(visit)
    await_turn(visit, fast, WARM_TURNS)
    before = held(session)
    while (turn := newest(fast)) < WARM_TURNS + TURNS:
        look_around(visit)
        await_turn(visit, fast, min(turn + TURNS // 3, WARM_TURNS + TURNS))
    after = held(session)
    grown = {name: after[name] - before[name] for name in after}
    # Marks of the time line fill its width while the hour fills, and are no more then.
    grown["listeners"] -= after["marks"] - before["marks"]
    print(f"{TURNS} turns: {before} grew by {grown}")
    assert grown["bytes"] < HEAP_BYTES_MAX, grown
    assert grown["nodes"] < NODES_MAX, grown
    assert grown["listeners"] < LISTENERS_MAX, grown

    fast.stop()
    # What the browser itself says of a connection that is refused.
    visit.excused += ["ERR_CONNECTION_REFUSED", "WebSocket connection"]
    expect(page.locator("#connection")).not_to_have_text("Live")
    fast.start(db=tmp_path / "other.duckdb", seed=12, systems=7, period=0.5)
    visit.await_live()
    page.goto(f"{fast.url}/#/system/7?idle=0")
    expect(page.locator("#system-title")).to_contain_text("7")
    page.goto(f"{fast.url}/#/system/9?idle=0")
    expect(page.locator("#system")).to_contain_text("no system 9", ignore_case=True)
    visit.check()
    context.close()


def newest(server: Server) -> int:
    return int(server.query("select max(tid) as tid from turns")[0]["tid"])


def await_turn(visit: Visit, server: Server, turn: int) -> None:
    """Until the page has shown that turn, or a later one: a busy machine shows few of them."""
    while newest(server) < turn:
        visit.page.wait_for_timeout(250)
    visit.await_turns(1)


def look_around(visit: Visit) -> None:
    """What a visitor does: into a system and back, a sheet opened and closed."""
    page = visit.page
    for place in ("#/system/3?idle=0", "#/?sheet=strategies&idle=0", "#/system/5?idle=0", "#/?idle=0"):
        page.evaluate("place => { location.hash = place }", place)
        page.wait_for_timeout(400)

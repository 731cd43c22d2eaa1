"""The server goes away and comes back; what the page asks for at all."""

from __future__ import annotations

import json

import httpx
from playwright.sync_api import expect

from .server import Server
from .visit import Visit


def test_a_restart_of_the_server_is_said_and_survived(visit: Visit, server: Server) -> None:
    visit.excused += ["WebSocket connection to", "ERR_CONNECTION_REFUSED"]
    page = visit.open("#/system/5")
    visit.await_turns(1)
    try:
        server.stop()
        expect(page.locator("#notice")).to_contain_text("Connection to the server lost")
        expect(page.locator("#connection")).to_have_text("Offline")
    finally:
        server.start()
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#system")).to_contain_text("ships")
    visit.await_turns(2)


def test_only_what_is_in_view_is_asked_for(visit: Visit) -> None:
    page = visit.open("#/system/5")
    visit.await_turns(6)
    watched = [frame["sql"] for frame in visit.frames]
    # Turns, standings, the strategies' numbers, what a turn cost, the news, the system; the rest comes without being asked for.
    assert len(watched) == 6
    # Asked once or from time to time: where the systems are, the shares of the turns before, the kept turns, their marks, and of
    # this system its neighbours and heroes.
    posted = {
        json.loads(request.post_data or "")["sql"] for request in visit.requests if request.method == "POST"
    }
    assert len(posted) == 6, sorted(posted)
    page.keyboard.press("Escape")
    visit.await_turns(1)
    assert {"id", "unsubscribe"} in [set(frame) for frame in visit.frames]


def test_the_page_runs_under_a_strict_policy(visit: Visit) -> None:
    """The server sends no laxer one than src/main.ts says the page needs, and the page draws under it."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert httpx.get(visit.url).headers["content-security-policy"] == policy
    page = visit.open("#/system/5?sheet=strategies")
    visit.await_turns(2)
    expect(page.locator(".strategies")).to_contain_text("strategy_default")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    visit.await_turns(1)
    # A renderer that the policy stopped leaves nothing; how much a small system lights up changes from turn to turn.
    assert visit.lit_pixels() > 20

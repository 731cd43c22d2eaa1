"""News and heroes of a universe that has lived long enough to have some."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .server import Server
from .visit import Visit

LIVED_SECONDS_MAX = 240
"""It takes a minute until the first ships have a name, and some have fallen; a busy machine takes longer."""

KNOWN = "select count(*) filter (where is_alive) > 0 and count(*) filter (where not is_alive) > 0 as known from hero"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("old_universe")
    server = Server(folder)
    server.start(period=0.05)
    deadline = time.monotonic() + LIVED_SECONDS_MAX
    while not server.query(KNOWN)[0]["known"]:
        assert time.monotonic() < deadline, server.query("select max(tid) from turns")
        time.sleep(0.5)
    server.stop()
    server.start()
    yield server
    server.stop()


def test_news_lead_to_their_place_and_turn_and_unfold(visit_with: Callable[..., Visit], old: Server) -> None:
    visit = visit_with(url=old.url)
    page = visit.open("#/?idle=0")
    page.get_by_role("button", name="All news").click()
    expect(page).to_have_url(re.compile(r"\bnews=all\b"))
    lines = page.locator("#news .news-list a")
    expect(lines.first).to_be_visible()
    told = old.query("select text from story where kind not in ('fight', 'strongest')")
    assert lines.first.locator(".news-text").inner_text() in [row["text"] for row in told]
    for name in ("Falls", "Records", "All"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(page).to_have_url(re.compile(r"\bnews=all\b"))

    turn = int(re.search(r"\bturn=(\d+)", lines.first.get_attribute("href") or "")[1])
    lines.first.click()
    expect(page).to_have_url(re.compile(rf"\bturn={turn}\b.*\bnews=all\b"))
    expect(page.locator("#to-live")).to_be_visible()
    page.keyboard.press("l")
    visit.await_live()
    page.get_by_role("button", name="Fewer news").click()
    expect(page.locator("#news .news-list")).to_be_hidden()


def test_heroes_lead_to_their_ships(visit_with: Callable[..., Visit], old: Server) -> None:
    visit = visit_with(url=old.url)
    page = visit.open("#/?idle=0")
    page.keyboard.press("f")
    heroes = page.locator("#sheet-fame tbody tr")
    expect(heroes.first).to_be_visible()
    hero = old.query("select eid, sid, name from hero where is_alive order by energy desc limit 1")[0]
    page.locator("#sheet-fame").get_by_role("button", name="Kills").click()
    expect(page.locator("#sheet-fame [aria-sort]")).to_have_text("Kills")
    page.get_by_role("button", name="Hall of fame").click()
    expect(page.locator("#sheet-fame .obituary").first).to_have_text(re.compile(r"\w+.*\.$"))
    page.get_by_role("button", name="The living").click()
    page.locator("#sheet-fame").get_by_role("link", name=hero["name"]).first.click()
    expect(page).to_have_url(re.compile(rf"#/system/{hero['sid']}/entity/{hero['eid']}\?.*\bfollow\b"))
    expect(page.locator("#sheet-fame")).to_be_hidden()
    expect(page.locator("#entity")).to_contain_text("Ship")
    expect(page.locator("#entity .strategy")).to_have_text(
        re.compile(r"^(Raider|Veteran|Champion|Titan|Colossus) of \w+$")
    )
    expect(page.locator(".plate.is-selected")).to_have_text(hero["name"])

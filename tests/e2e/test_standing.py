"""Who is winning, what can be found, what a first visit is told, and the way to a star by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .server import Server
from .visit import Visit

STILL = "#/?idle=0"
"""The map, where no tour begins by itself however long a busy machine takes."""


@pytest.fixture
def calm(visit_with: Callable[..., Visit]) -> Visit:
    """Nothing here is about motion, and drawing it without a graphics card takes its time."""
    return visit_with(reduced_motion="reduce")


def test_who_is_winning_is_what_sql_says(calm: Visit, server: Server) -> None:
    visit = calm
    page = visit.open(STILL)
    # The chart is a file of its own, loaded after the first picture.
    expect(page.locator(".shares-chart canvas")).to_be_visible()
    for _ in range(20):
        turn = visit.turn
        shown = [row.split("\t") for row in page.locator(".standings tbody").inner_text().splitlines()]
        names = page.locator(".standings .name").all_inner_texts()
        if turn == visit.turn:
            break
    sql = """select strategy, round(100 * energy / sum(energy) over ())::int as energy,
               round(100 * ships / sum(ships) over ())::int as ships
             from strategy_turn s where tid = ? and ships > 0 order by s.energy desc, s.ships desc, strategy"""
    rows = server.query(sql, turn)
    assert names == [row["strategy"] for row in rows], shown
    label = page.locator(".shares-chart").get_attribute("aria-label")
    assert label.startswith("Shares of energy over the last 600 turns; now ")
    page.get_by_role("button", name="Ships", exact=True).first.click()
    expect(page).to_have_url(re.compile(r"#/\?(?!.*isolate).*by=ships"))
    expect(page.locator(".shares-chart")).to_have_attribute("aria-label", re.compile("^Shares of ships"))
    page.locator(".standings").get_by_role("button", name=names[0], exact=True).click()
    expect(page).to_have_url(re.compile(rf"isolate={names[0]}"))
    expect(page.locator(".standings").get_by_role("button", name=names[0], exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"#/\?(?!.*isolate).*by=ships"))
    # A line explains each figure, for the keyboard too; Escape puts it away and nothing else.
    page.keyboard.press("Tab")
    page.locator(".figure .term").first.focus()
    expect(page.locator("#tip")).to_have_text("Living ships at the end of the turn")
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()


def test_the_bar_finds_ships_strategies_and_wishes(calm: Visit, server: Server) -> None:
    page = calm.open(STILL)
    page.keyboard.press("/")
    page.keyboard.type("ol")
    options = page.locator("#search-list").get_by_role("option")
    expect(options).to_have_text(["oldest ships that have lived longest"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#search").get_by_role("combobox")).to_have_value("oldest")
    expect(options).to_have_count(8)
    oldest = server.query("select min(eid) as eid from entity where kind = 1")[0]["eid"]
    expect(options.first).to_contain_text(f"Ship {oldest}")
    page.keyboard.press("Enter")
    expect(page.locator("#entity h3")).to_have_text(str(oldest))
    page.keyboard.press("/")
    page.keyboard.type("FLEE")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#/\?.*isolate=strategy_flee"))
    page.keyboard.press("/")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#/system/7"))


def test_a_star_is_chosen_by_keyboard(calm: Visit) -> None:
    page = calm.open(STILL)
    # The stars are there once the server has said where they are.
    for _ in range(40):
        page.keyboard.press("n")
        page.wait_for_timeout(250)
        if page.locator("#tooltip").is_visible():
            break
    expect(page.locator("#tooltip")).to_contain_text("System ")
    page.keyboard.press("n")
    page.keyboard.press("Shift+ArrowRight")
    words = page.locator("#where").inner_text()
    sid = re.match(r"System (\d+)\b.*Enter flies there", words)[1]
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"#/system/{sid}"))


def test_the_first_visit_is_welcomed_once(visit_with: Callable[..., Visit]) -> None:
    visit = visit_with(is_first=True, reduced_motion="reduce")
    page = visit.open(STILL)
    welcome = page.locator(".welcome")
    expect(welcome).to_contain_text("A star is a solar system")
    page.get_by_role("button", name="Strongest ship").click()
    expect(page).to_have_url(re.compile(r"#/system/\d+/entity/\d+\?.*follow"))
    expect(welcome).to_have_count(0)
    page.goto(f"{visit.url}/{STILL}")
    page.reload()
    visit.await_live()
    visit.await_turns(2)
    expect(welcome).to_have_count(0)
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(welcome).to_be_visible()
    page.keyboard.press("x")
    expect(welcome).to_have_count(0)

"""The map, the flight into a system, and what can be followed there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .server import PERIOD_SECONDS, Server
from .visit import Visit


@pytest.fixture
def visit(visit_with: Callable[..., Visit]) -> Visit:
    """Of somebody whom motion does not trouble."""
    return visit_with(reduced_motion="no-preference")


def test_the_map_shines_and_turns_pass(visit: Visit, server: Server) -> None:
    visit.open()
    first = visit.turn
    visit.await_turns(3)
    assert visit.lit_pixels() > 100
    newest = server.query("select max(tid) as tid from turns")[0]["tid"]
    assert first < visit.turn <= newest
    # The page is told of a turn when it is played: it is never far behind.
    assert newest - visit.turn <= 2


def test_the_figures_are_those_of_sql(visit: Visit, server: Server) -> None:
    page = visit.open()
    visit.await_turns(2)

    shown = page.locator("#turn, #universe .figure dd")
    turn, *figures = shown.all_inner_texts()
    row = server.query(
        "select ships, energy_nodes, writes from turns where tid = ?", int(turn.replace(",", ""))
    )[0]
    assert figures[:3] == [f"{row[name]:,}" for name in ("ships", "energy_nodes", "writes")]
    expect(page.locator("#turn-time")).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    expect(page.get_by_text(f"of {1_000 * PERIOD_SECONDS:.0f} ms")).to_be_visible()
    flying = {row["strategy"] for row in server.query("select distinct strategy from entity where kind = 1")}
    assert set(page.locator(".standings .name").all_inner_texts()) == flying


def test_a_click_flies_into_a_system_and_back(visit: Visit, server: Server) -> None:
    place = server.query("select sid, x, y from solar_system order by sid limit 1 offset 17")[0]
    page = visit.open(f"#/?at={place['x'] + 0.5},{place['y'] + 0.5},12")
    visit.await_turns(2)
    page.mouse.move(*visit.middle())
    expect(page.locator("#tooltip")).to_contain_text(f"System {place['sid']} ")
    page.mouse.click(*visit.middle())
    expect(page).to_have_url(re.compile(rf"#/system/{place['sid']}$"))
    expect(page.get_by_role("heading", name=f"System {place['sid']}")).to_be_visible()
    expect(page.locator("#system")).to_contain_text("8 ships")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"#/$"))
    expect(page.locator("#system")).to_be_hidden()
    page.go_back()
    expect(page.get_by_role("heading", name=f"System {place['sid']}")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"#/\?at="))
    page.go_forward()
    expect(page).to_have_url(re.compile(rf"#/system/{place['sid']}$"))


def test_the_wheel_leads_into_a_star(visit: Visit, server: Server) -> None:
    place = server.query("select sid, x, y from solar_system order by sid limit 1 offset 17")[0]
    page = visit.open(f"#/?at={place['x'] + 0.5},{place['y'] + 0.5},6")
    visit.await_turns(1)
    page.mouse.move(*visit.middle())
    expect(page.locator("#tooltip")).to_be_visible()
    page.mouse.wheel(0, -900)
    expect(page).to_have_url(re.compile(rf"#/system/{place['sid']}\?at="))
    expect(page.locator("#tooltip")).to_be_hidden()
    expect(page.locator("#system")).to_contain_text("8 ships")


def test_a_reload_shows_the_same(visit: Visit, server: Server) -> None:
    ship = server.query("select sid, eid from entity where kind = 1 order by eid limit 1 offset 9")[0]
    page = visit.open(f"#/system/{ship['sid']}/entity/{ship['eid']}")
    expect(page.locator("#entity h3")).to_have_text(str(ship["eid"]))
    page.mouse.move(*visit.middle())
    page.mouse.wheel(0, -400)
    page.wait_for_url(re.compile(r"\?at="))
    address = page.url
    page.reload()
    visit.await_live()
    expect(page.locator("#entity h3")).to_have_text(str(ship["eid"]))
    expect(page.get_by_role("heading", name=f"System {ship['sid']}")).to_be_visible()
    visit.await_turns(2)
    assert page.url == address


def test_ships_move(visit: Visit, server: Server) -> None:
    movers = "select sid, eid from entity where kind = 1 and decode_plan(last_plan) like 'Move%'"
    mover = server.query(f"{movers} order by energy desc limit 1")[0]
    page = visit.open(f"#/system/{mover['sid']}/entity/{mover['eid']}")
    cell = page.locator("#entity-cell")
    expect(cell).to_have_text(re.compile(r"^\d+, \d+$"))
    before = cell.inner_text()
    pictures = [visit.picture()]
    expect(cell).not_to_have_text(before, timeout=30_000)
    for _ in range(3):
        page.wait_for_timeout(150)
        pictures.append(visit.picture())
    assert len(set(pictures)) == len(pictures)


def test_the_keyboard_reaches_everything(visit: Visit) -> None:
    page = visit.open()
    visit.await_turns(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#/system/\d+$"))
    expect(page.locator("#system")).to_contain_text("ships")
    visit.await_turns(1)
    page.keyboard.press("n")
    expect(page.locator("#entity")).to_contain_text("Ship")
    first = page.locator("#entity h3").inner_text()
    page.keyboard.press("n")
    expect(page.locator("#entity h3")).not_to_have_text(first)
    page.keyboard.press("p")
    expect(page.locator("#entity h3")).to_have_text(first)
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile(r"follow"))
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    expect(page.locator("#entity")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"#/$"))
    page.keyboard.press("/")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="System 3")).to_be_visible()


def test_zooming_out_of_a_system_leads_to_the_map(visit: Visit) -> None:
    page = visit.open("#/system/5")
    expect(page.locator("#system")).to_contain_text("ships")
    page.mouse.move(*visit.middle())
    for _ in range(12):
        page.mouse.wheel(0, 300)
        if "system" not in page.url.partition("?")[0]:
            break
    expect(page).to_have_url(re.compile(r"#/\?at="))
    expect(page.locator("#system")).to_be_hidden()


def test_what_is_not_there_is_said_to_be_gone(visit: Visit) -> None:
    page = visit.open("#/system/5/entity/999999999")
    expect(page.locator("#entity")).to_contain_text("999999999 is gone")
    page.goto(f"{visit.url}/#/system/4711")
    expect(page.locator("#system")).to_contain_text("There is no system 4711")


def test_a_phone_shows_all_of_it(visit_with: Callable[..., Visit]) -> None:
    visit = visit_with(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = visit.open("#/system/5")
    expect(page.locator("#system")).to_contain_text("ships")
    page.keyboard.press("n")
    expect(page.locator("#entity")).to_be_visible()
    for selector in ("#universe", "#entity", ".menu", "#search"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, selector
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_who_wants_no_motion_gets_none(visit_with: Callable[..., Visit]) -> None:
    visit = visit_with(reduced_motion="reduce")
    page = visit.open("#/system/5")
    visit.await_turns(2)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"#/$"))
    visit.await_turns(1)
    assert visit.lit_pixels() > 100

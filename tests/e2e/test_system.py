"""A system from inside: what its picture costs, and what is told of a ship."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .server import Server
from .visit import Visit

COUNT_DRAWS = """(() => {
  let draws = 0;
  for (const kind of [WebGLRenderingContext, WebGL2RenderingContext]) {
    for (const name of ['drawArrays', 'drawElements', 'drawArraysInstanced', 'drawElementsInstanced']) {
      const draw = kind.prototype[name];
      if (draw === undefined) continue;
      kind.prototype[name] = function (...args) {
        draws += 1;
        return draw.apply(this, args);
      };
    }
  }
  window.drawsOfFrames = [];
  const nextFrame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (act) => nextFrame((nowMs) => {
    const before = draws;
    act(nowMs);
    if (draws > before) window.drawsOfFrames.push(draws - before);
  });
})()"""
"""The draw calls of each frame that draws."""


@pytest.fixture
def visit(visit_with: Callable[..., Visit]) -> Visit:
    """Of somebody whom motion does not trouble."""
    return visit_with(reduced_motion="no-preference")


def test_a_system_is_one_draw_call(visit: Visit) -> None:
    """However many ships and effects it holds; the sky behind it and the glass of the camera take a few more."""
    visit.page.add_init_script(COUNT_DRAWS)
    page = visit.open("#/system/5")
    visit.await_turns(2)
    page.evaluate("window.drawsOfFrames.length = 0")
    page.wait_for_function("() => window.drawsOfFrames.length >= 5", timeout=60_000)
    frames = page.evaluate("window.drawsOfFrames")
    assert max(frames) <= 6, frames


MOVER = """select sid, eid, ship_name(eid) as name from entity where kind = 1 and decode_plan(last_plan) like 'Move%'
order by energy desc limit 1"""
"""Rich enough to live on."""

VETERAN = MOVER.replace(
    "order by",
    "and eid in (select eid from entity_turn where tid = (select min(tid) from entity_turn)) order by",
)
"""One that was there some turns ago, too."""


def test_a_ship_that_is_followed_stays_in_sight(visit: Visit, server: Server) -> None:
    """Over ten turns, or for as long as it lives: on a slow machine these are many turns of the universe."""
    ship = server.query(MOVER)[0]
    page = visit.open(f"#/system/{ship['sid']}/entity/{ship['eid']}?follow&at=50,50,12&idle=0")
    plate = page.locator(".plate.is-selected")
    expect(plate).to_have_text(ship["name"])
    visit.await_turns(2)
    left, top, right, bottom = visit.sky()
    for _ in range(10):
        visit.await_turns(1)
        box = page.evaluate(WHERE)
        if box is None:
            expect(page.locator("#entity")).to_have_class(re.compile("is-gone"))
            return
        assert left < box["left"] and box["right"] < right, (box, visit.sky())
        assert top < box["top"] and box["bottom"] < bottom, (box, visit.sky())
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


WHERE = "() => document.querySelector('.plate.is-selected')?.getBoundingClientRect().toJSON() ?? null"
"""The box of the label of the selected ship; null when it has none."""


def test_a_ship_tells_its_plan_its_memory_and_what_it_sees(visit: Visit, server: Server) -> None:
    ship = server.query(VETERAN)[0]
    page = visit.open(f"#/system/{ship['sid']}/entity/{ship['eid']}")
    expect(page.locator("#entity-plan-words")).to_have_text(
        re.compile(r"^(Moves \d+ cells? (north|east|south|west)|Holds its place|Upgrades its \w+)$")
    )
    expect(page.locator("#entity-name")).to_have_text(ship["name"])
    expect(page.locator("#entity-memory li")).to_have_count(7)
    expect(page.locator("#entity-sight")).to_have_text(re.compile(r"^Sees .* nodes? within 16 cells$"))
    visit.await_turns(3)
    expect(page.locator("#entity-energy-course svg")).to_have_attribute(
        "aria-label", re.compile(r"^Energy over \d+ turns")
    )
    visit.excused.append("status of 400")  # the oldest turn may leave memory before it is asked for
    page.get_by_role("button", name="Its last hour").press("Enter")
    expect(page.locator("#entity-hour-words")).to_have_text(
        re.compile(r"^Turns [\d,]+ to [\d,]+, \d+ of them\.$")
    )
    page.keyboard.press("e")
    expect(page.locator("#entity-hour")).to_have_count(0)
    expect(page.locator("#entity h3")).not_to_have_text(str(ship["eid"]))
    expect(page.locator("#entity-name")).not_to_have_text(ship["name"])

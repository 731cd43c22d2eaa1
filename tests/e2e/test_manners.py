"""Everybody can use the page: with assistive technology, by finger, on any window, on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .visit import Visit

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations
    .filter(({ impact }) => impact !== 'minor')
    .map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}"""
SMALL = """() => [...document.querySelectorAll('button, input, a[href], [role=option]')]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height > 0)
  .filter((each) => !each.closest('.unseen') && !['file', 'checkbox', 'radio', 'range'].includes(each.type))
  .map((each) => {
    // What reaches beyond the element can be pressed too: all of a row, all of a figure.
    const reach = getComputedStyle(each, '::after');
    const own = each.getBoundingClientRect().height;
    return [each, Math.max(own, reach.position === 'absolute' ? parseFloat(reach.height) || 0 : 0)];
  })
  .filter(([, height]) => height < 39.5)
  .map(([each, height]) => `${height}: ${each.outerHTML.slice(0, 120)}`)"""


def go(page: Page, place: str) -> None:
    page.evaluate("place => { location.hash = place }", place)


def expect_no_findings(page: Page, place: str) -> None:
    assert page.evaluate(FINDINGS) == [], place


def test_axe_finds_nothing_in_any_sheet_or_view(visit_with: Callable[..., Visit]) -> None:
    visit = visit_with(reduced_motion="reduce", is_first=True)
    page = visit.open("#/?idle=0")
    expect(page.locator(".welcome")).to_be_visible()
    page.evaluate(AXE.read_text())
    expect_no_findings(page, "welcome")
    page.keyboard.press("Escape")
    expect(page.locator(".shares-chart canvas")).to_be_visible()
    expect_no_findings(page, "map")
    page.keyboard.press("/")
    expect(page.get_by_role("option").first).to_be_visible()
    expect_no_findings(page, "search")
    go(page, "/system/5?idle=0")
    expect(page.locator("#system")).to_contain_text("ships")
    page.locator("#sky").focus()
    page.keyboard.press("n")
    expect(page.locator("#entity")).to_be_visible()
    expect_no_findings(page, "ship")
    # The sheets whose elements say that a button opens them.
    sheets = page.evaluate("[...document.querySelectorAll('[data-sheet]')].map((each) => each.dataset.sheet)")
    assert {"strategies", "console", "help"} <= set(sheets)
    for sheet in sheets:
        go(page, f"/?sheet={sheet}")
        body = page.locator(f"#sheet-{sheet}")
        expect(body.locator(":scope > :nth-child(3)")).to_be_attached()
        expect_no_findings(page, sheet)


@pytest.mark.parametrize(("width", "height"), [(360, 740), (740, 360)])
def test_fingers_meet_what_they_press(visit_with: Callable[..., Visit], width: int, height: int) -> None:
    visit = visit_with(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    page = visit.open("#/?idle=0")
    leader = page.locator(".summary")
    leader.click()
    expect(page.locator(".standings .name").first).to_be_visible()
    assert page.evaluate(SMALL) == []
    page.evaluate(AXE.read_text())
    expect_no_findings(page, "leaderboard")
    leader.click()
    expect(page.locator(".standings")).to_be_hidden()
    page.locator(".menu").click()
    expect(page.get_by_role("button", name="SQL")).to_be_visible()
    assert page.evaluate(SMALL) == []
    page.get_by_role("button", name="Help").click()
    expect(page.locator("#sheet-help")).to_contain_text("A star is a solar system")
    expect(page.get_by_role("button", name="SQL")).to_be_hidden()
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_large_windows_and_paper(visit_with: Callable[..., Visit]) -> None:
    visit = visit_with(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = visit.open("#/?idle=0")
    letters = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    width = "document.querySelector('#universe').getBoundingClientRect().width"
    ordinary = page.evaluate(width)
    assert page.evaluate(letters) == 16
    page.set_viewport_size({"width": 3840, "height": 400})
    assert page.evaluate(letters) == 32
    page.set_viewport_size({"width": 3840, "height": 1100})
    assert page.evaluate(width) == pytest.approx(2 * ordinary, rel=0.1)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('#turn')).color") == "rgb(17, 17, 17)"
    expect(page.locator("#sky")).to_be_hidden()
    expect(page.locator(".standings")).to_be_visible()

"""The tour: the camera leads, a sentence says what is seen, and any input takes over."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from .visit import Visit

SHOT_MS = 40_000
"""A shot of the tour and the overview before it last 23 s at most; a busy machine takes longer."""


def test_the_tour_begins_by_button_visits_a_place_and_yields(visit: Visit) -> None:
    page = visit.open()
    watch = page.get_by_role("button", name="Watch", exact=True)
    watch.click()
    expect(watch).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"#/system/\d+.*\btour\b"), timeout=SHOT_MS)
    caption = page.locator("#caption .caption-text")
    expect(caption).to_have_text(re.compile(r"^\w.*\.$"))
    # Screen readers are told the same.
    expect(page.locator("#caption [role=status]")).to_have_text(caption.inner_text())

    # A tremble of the mouse is no input; a key is, and the camera stays.
    page.mouse.move(500, 330)
    page.mouse.move(502, 331)
    expect(watch).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift")
    expect(watch).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(watch).to_have_attribute("aria-pressed", "false")
    expect(page).not_to_have_url(re.compile(r"\btour\b"))
    expect(caption).to_contain_text("You steer")

    # What the tour did is one step of the history.
    page.go_back()
    expect(page).to_have_url(re.compile(r"#/$"))


def test_the_tour_begins_by_itself_and_ends_by_key_and_wheel(visit_with: Callable[..., Visit]) -> None:
    visit = visit_with(reduced_motion="reduce")
    page = visit.open("#/?idle=1")
    expect(page).to_have_url(re.compile(r"\btour\b"))
    expect(page).to_have_url(re.compile(r"#/system/\d+.*\btour\b"), timeout=SHOT_MS)
    page.keyboard.press("Escape")
    # Escape ends the tour and no more.
    expect(page).to_have_url(re.compile(r"#/system/\d+(?!.*\btour\b)"))
    # And while nothing is done, it begins again.
    page.keyboard.press("w")
    expect(page).to_have_url(re.compile(r"\btour\b"))
    page.mouse.wheel(0, -50)
    expect(page).not_to_have_url(re.compile(r"\btour\b"))


def test_an_address_can_begin_the_tour_and_a_past_turn_is_not_left(visit: Visit) -> None:
    page = visit.open("#/?idle=0")
    visit.await_turns(2)
    turn = visit.turn - 1
    page.goto(f"{visit.url}/#/?tour&turn={turn}&idle=0")
    expect(page).to_have_url(re.compile(rf"#/system/\d+.*\bturn={turn}\b.*\btour\b"), timeout=SHOT_MS)
    expect(page.locator("#connection")).to_have_text("Past")
    page.mouse.click(*visit.middle())
    expect(page).not_to_have_url(re.compile(r"\btour\b"))
    expect(page).to_have_url(re.compile(rf"\bturn={turn}\b"))

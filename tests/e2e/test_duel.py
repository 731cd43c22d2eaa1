"""A duel in the page: played in a worker, drawn, and equal to one of the command line."""

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from wasmverse.simulation.beginning import BUNDLED_FOLDER

from .server import COMMAND
from .visit import COUNT_LIT, Visit

NAMES = ("strategy_battle", "strategy_flee")


def test_a_duel_is_played_and_drawn_in_the_page(visit_with: Callable[..., Visit], tmp_path: Path) -> None:
    visit = visit_with(viewport={"width": 1000, "height": 700})
    page = visit.open("#/?sheet=duel")
    sheet = page.locator("#sheet-duel")
    sheet.get_by_role("button", name="Fly").press("Enter")
    expect(sheet.get_by_role("alert")).to_have_text("A duel is between 2 to 6 modules: add 2 more.")
    for name in NAMES:
        sheet.get_by_title(f"Add {name}").press("Enter")
        expect(sheet.get_by_role("list", name="Who flies")).to_contain_text(name)
    for label, value in (("seed", "5"), ("turns", "12"), ("systems", "2")):
        sheet.get_by_label(label).fill(value)
    sheet.get_by_role("button", name="Fly").press("Enter")
    told = sheet.get_by_role("status").filter(has_text="ends in the state")
    expect(told).to_be_visible(timeout=60_000)
    files = [str(BUNDLED_FOLDER / f"{name}.wasm") for name in NAMES]
    options = ["--seed", "5", "--turns", "12", "--systems", "2", "--json"]
    options += ["--save", str(tmp_path / "duel.jsonl")]
    played = subprocess.run([COMMAND, "duel", *files, *options], check=True, capture_output=True, text=True)
    account = json.loads(played.stdout)
    assert account["state_hash"][:12] in told.inner_text()
    # The last turn's figures are those of the account.
    time = sheet.get_by_label("Turn", exact=True)
    time.focus()
    time.press("End")
    for row in account["strategies"]:
        shown = sheet.locator("tbody tr", has_text=row["name"]).locator("td").all_inner_texts()
        assert [int(re.sub(r"\D", "", text)) for text in shown[:3]] == [
            row["ships"],
            row["energy"],
            row["kills"],
        ]
    picture = sheet.locator(".duel-arena").screenshot(timeout=60_000)
    assert page.evaluate(COUNT_LIT, base64.b64encode(picture).decode()) > 300

    # A recording is played without another word, to the end that it says.
    sheet.get_by_label("seed").fill("8")
    sheet.get_by_label("Recording").set_input_files(tmp_path / "duel.jsonl")
    told = sheet.get_by_role("status").filter(has_text="as it was recorded")
    expect(told).to_contain_text(account["state_hash"][:12])
    expect(sheet.get_by_label("seed")).to_have_value("5")
    (tmp_path / "other.jsonl").write_text("[]\n")
    sheet.get_by_label("Recording").set_input_files(tmp_path / "other.jsonl")
    expect(sheet.get_by_role("alert")).to_contain_text("This is no recording")

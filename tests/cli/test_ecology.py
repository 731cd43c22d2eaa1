"""`wasmverse bench ecology`: figures over time for each upkeep, as a table, as JSON, and as a picture."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from typer.testing import CliRunner

from wasmverse.cli.ecologies import _leader
from wasmverse.cli.ecology_picture import _apart, picture
from wasmverse.cli.main import app

OPTIONS = ("--systems", 1, "--ships", 6, "--nodes", 6, "--turns", 110, "--processes", 1)
SVG = "{http://www.w3.org/2000/svg}"


def ecology(*arguments: object) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["bench", "ecology", *map(str, arguments)])


def test_each_upkeep_has_its_figures_and_its_line(tmp_path: Path) -> None:
    drawn = tmp_path / "ecology.svg"
    outcome = ecology(*OPTIONS, "--upkeep", 300, "--upkeep", 0, "--json", "--picture", drawn)
    assert outcome.exit_code == 0, outcome.output
    told = json.loads(outcome.stdout)
    assert [told[name] for name in ("turns", "systems", "ships", "nodes", "seed", "newcomer")] == [
        110, 1, 6, 6, 1, None,
    ]  # fmt: skip
    free, costly = told["universes"]
    assert (free["upkeep"], costly["upkeep"]) == (0, 300)
    assert len(free["samples"]) == 110 and free["samples"][-1]["turn"] == 110
    assert list(free["samples"][0]["strategies"]) == ["strategy_default", "strategy_flee", "strategy_battle"]
    deaths = [sum(each["deaths"] for each in universe["samples"]) for universe in (free, costly)]
    assert deaths[1] > deaths[0], "who has to pay 18 energy a turn does not live for long"
    root = ElementTree.fromstring(drawn.read_text("utf-8"))
    texts = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert (
        texts.count("upkeep 300")
        == texts.count("upkeep 0")
        == len(root.findall(f".//{SVG}polyline")) / 2
        == 4
    )


def test_the_table_tells_of_the_newcomer(tmp_path: Path) -> None:
    outcome = ecology(*OPTIONS, "--newcomer", "blank", "--picture", tmp_path / "none" / "x.svg")
    assert outcome.exit_code == 1
    assert "cannot be written: No such file or directory; name another with --picture" in outcome.output
    outcome = ecology(*OPTIONS, "--newcomer", "blank")
    assert outcome.exit_code == 0, outcome.output
    assert "energy of blank" in outcome.stdout
    rows = [line.split("│")[1:] for line in outcome.stdout.splitlines() if line.startswith("│")]
    assert len(rows) == 10 and rows[0][0].strip() == "1" and rows[-1][0].strip() == "110"
    assert "has the most energy at the end: " in outcome.stdout
    outcome = ecology(*OPTIONS, "--newcomer", "nobody")
    assert outcome.exit_code == 1 and "--newcomer is 'nobody', which is no bundled strategy" in outcome.output


def test_who_leads_is_said_with_the_turn_from_which_on_it_did() -> None:
    shares = [(1, 0.6), (2, 0.4), (3, 0.5), (4, 0.8)]
    samples = [
        {"turn": turn, "strategies": {"b": {"energy_share": 1 - share}, "a": {"energy_share": share}}}
        for turn, share in shares
    ]
    assert _leader(samples) == {"strategy": "a", "reached": {"0.5": 3, "0.75": 4, "0.9": None}}


def test_labels_do_not_cover_each_other() -> None:
    ends = _apart([50.0, 51.0, 10.0])
    assert ends[1] - ends[0] == 14 and ends[0] - ends[2] >= 14


def test_what_is_unknown_is_left_out_of_the_picture() -> None:
    share = {"mean": None, "median": None, "max": None}
    sample = {
        "turn": 5, "strongest_share": share, "strongest_parts": None, "age_at_death": {"median": None},
        "strategies": {"<b>": {"energy_share": None}},
    }  # fmt: skip
    universe = {"upkeep": 0, "samples": [sample], "leader": {"strategy": "<b>"}}
    told = {
        "turns": 5,
        "systems": 1,
        "ships": 0,
        "nodes": 0,
        "seed": 1,
        "newcomer": None,
        "universes": [universe],
    }
    root = ElementTree.fromstring(picture(told))
    assert [each.get("points") for each in root.iter(f"{SVG}polyline")] == [""] * 4
    assert any(each.text == "share of all energy of <b>" for each in root.iter(f"{SVG}text"))

"""`wasmverse tournament`: every pair once a seed, ratings that follow from who won, and a picture of them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from wasmverse.cli.main import app
from wasmverse.cli.round_robin import matches_of

pytestmark = pytest.mark.usefixtures("checked_once")

OPTIONS = (
    "--turns",
    60,
    "--seeds",
    2,
    "--seed",
    5,
    "--systems",
    1,
    "--ships",
    20,
    "--nodes",
    24,
    "--processes",
    1,
)


def tournament(*arguments: object) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["tournament", *map(str, arguments)])


def test_every_pair_plays_every_seed_and_who_wins_is_rated_higher(tmp_path: Path) -> None:
    picture = tmp_path / "ratings.svg"
    outcome = tournament("battle", "blank", "flee", *OPTIONS, "--json", "--picture", picture)
    assert outcome.exit_code == 0, outcome.output
    told = json.loads(outcome.stdout)
    rows = told["strategies"]
    assert told["matches"] == matches_of(3, 2) == 6
    assert [(pair["a"], pair["b"]) for pair in told["pairs"]] == [
        ("strategy_battle", "strategy_blank"),
        ("strategy_battle", "strategy_flee"),
        ("strategy_blank", "strategy_flee"),
    ]
    for pair in told["pairs"]:
        assert pair["wins_a"] + pair["wins_b"] + pair["draws"] == 2
        assert 0 < pair["energy_share_a"] < 1
    assert [row["ordinal"] for row in rows] == sorted((row["ordinal"] for row in rows), reverse=True)
    assert rows[-1]["name"] == "strategy_blank", "who only waits loses against both"
    assert (rows[-1]["wins"], rows[-1]["losses"]) == (0, 4)
    assert rows[-1]["mu"] < 25 < rows[0]["mu"]
    assert sum(row["wins"] for row in rows) == sum(row["losses"] for row in rows)
    assert json.loads(tournament("battle", "blank", "flee", *OPTIONS, "--json").stdout) == told
    drawn = ElementTree.fromstring(picture.read_text("utf-8"))
    texts = ["".join(each.itertext()) for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "6 duels of 60 turns, 1 system, 2 seeds" in texts
    assert "3. strategy_blank" in texts and "0/2" in texts
    width = float(drawn.attrib["width"])
    for circle in drawn.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 < float(circle.attrib["cx"]) < width


def test_a_name_in_the_picture_is_text_and_no_markup() -> None:
    from wasmverse.cli.tournament_picture import picture

    row = {"mu": 25.0, "sigma": 8.0}
    names = ("<a&b>", "x" * 60)
    told = {
        "matches": 1, "turns": 1, "systems": 1, "seeds": [1], "strategies": [row | {"name": name} for name in names],
        "pairs": [{"a": names[0], "b": names[1], "wins_a": 1, "wins_b": 0, "draws": 0}],
    }  # fmt: skip
    texts = ["".join(each.itertext()) for each in ElementTree.fromstring(picture(told)).iter()]
    assert "1. <a&b>" in texts and f"2. {'x' * 21}…" in texts


def test_a_table_for_people_and_refusals_in_one_line(tmp_path: Path) -> None:
    outcome = tournament("battle", "flee", "--turns", 2, "--seeds", 1, "--systems", 1, "--processes", 1)
    assert outcome.exit_code == 0
    for word in ("strategy_battle", "at least", "beat 2", "1 duel of 2 turns and 1 system, seeds 1 to 1"):
        assert word in outcome.stdout
    alone = tournament("battle")
    assert (alone.exit_code, alone.stderr) == (
        1,
        "wasmverse: a tournament needs two strategies, 1 is given: name more files\n",
    )
    nowhere = tmp_path / "no" / "where.svg"
    refused = tournament(
        "battle", "flee", "--turns", 1, "--seeds", 1, "--systems", 1, "--processes", 1, "--picture", nowhere
    )
    assert refused.exit_code == 1
    assert refused.stderr.endswith(
        "cannot be written: No such file or directory; name another with --picture\n"
    )

"""`wasmverse duel`: an account that adds up, the same every time, over several seeds too, saved, and refusals in one line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from typer.testing import CliRunner

from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.builder import strategy_wat
from wasmverse.cli.duelling import duels, entrants_of
from wasmverse.cli.main import app
from wasmverse.cli.means import mean_and_confidence
from wasmverse.settings import Settings
from wasmverse.simulation.match import SUMMED
from wasmverse.storage.opening import open_universe

BATTLE, FLEE, BLANK = (BUNDLED_FOLDER / f"strategy_{name}.wasm" for name in ("battle", "flee", "blank"))
pytestmark = pytest.mark.usefixtures("checked_once")

SMALL = ("--systems", 6, "--ships", 10, "--nodes", 12)
CROWDED = ("--systems", 6, "--ships", 60, "--nodes", 30)


def duel(*arguments: object) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["duel", *map(str, arguments)])


def account(*arguments: object) -> Any:
    outcome = duel(*arguments, "--json")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.count("\n") == 1
    return json.loads(outcome.stdout)


def test_the_account_adds_up_and_is_the_same_on_any_number_of_threads() -> None:
    first = account(BATTLE, FLEE, "--turns", 80, "--seed", 5, *CROWDED, "--threads", 1)
    assert first == account(BATTLE, FLEE, "--turns", 80, "--seed", 5, *CROWDED, "--threads", 2)
    assert first["state_hash"] != account(BATTLE, FLEE, "--turns", 80, "--seed", 6, *CROWDED)["state_hash"]
    assert {name: first[name] for name in ("turns", "seed", "systems", "ships", "nodes")} == {
        "turns": 80, "seed": 5, "systems": 6, "ships": 60, "nodes": 30,
    }  # fmt: skip
    rows = {row["name"]: row for row in first["strategies"]}
    assert set(rows) == {"strategy_battle", "strategy_flee"}
    assert all(row["ships"] == 180 + row["spawned"] - row["deaths"] for row in rows.values())
    assert sum(row["kills"] for row in rows.values()) > 0
    assert all(row["fuel"] > 0 and row["status"] == "flying" and row["faults"] == 0 for row in rows.values())
    assert set(SUMMED) <= set(rows["strategy_flee"])


def test_ships_starve_of_what_they_cannot_pay_for() -> None:
    free, costly = (account(FLEE, "--turns", 80, *SMALL, *more) for more in ((), ("--upkeep", 300)))
    assert (free["upkeep"], costly["upkeep"]) == (0, 300)
    starved = [each["strategies"][0]["deaths_by"]["starved"] for each in (free, costly)]
    assert starved[1] > starved[0], "6 parts cost 18 energy a turn"
    refused = duel(FLEE, "--upkeep", 1_001)
    assert refused.exit_code == 2
    assert "--upkeep" in refused.output and "1,000" in refused.output.replace("1000", "1,000")


def test_who_hunts_outlives_who_only_waits() -> None:
    """The one that holds starves: nobody moves its ships to energy."""
    first, last = account(BLANK, FLEE, "--turns", 120, *SMALL)["strategies"]
    assert (first["name"], last["name"]) == ("strategy_flee", "strategy_blank")
    assert first["energy"] > last["energy"]
    assert last["harvested"] < first["harvested"]


def test_a_table_for_people() -> None:
    outcome = duel(BATTLE, FLEE, BLANK, "--turns", 3, *SMALL)
    assert outcome.exit_code == 0
    for word in (
        "strategy_battle",
        "strategy_flee",
        "kills",
        "harvested",
        "3 turns of 6 systems, seed 1",
        "state_hash ",
    ):
        assert word in outcome.stdout
    _, causes = outcome.stdout.split("deaths by cause\n")
    head, *rows = (line.split() for line in re.sub("[│┃]", " ", causes).splitlines() if "strategy" in line)
    assert " ".join(head[:5]) == "ships of starved shot by"
    assert (len(head), head[-1]) == (13, "alone")
    assert [len(row) for row in rows] == [6, 6, 6], "its name, and a number for each cause"


def module(path: Path, body: str, extra: str = "") -> Path:
    path.write_bytes(bytes(wasmtime.wat2wasm(strategy_wat(body, extra))))
    return path


def test_the_same_file_twice_flies_under_two_names_and_odd_names_are_made_fit(tmp_path: Path) -> None:
    odd = module(tmp_path / "1 Öd-Name.wasm", "(i64.const 0x41)")
    names = {row["name"]: row["file"] for row in account(odd, FLEE, FLEE, "--turns", 1, *SMALL)["strategies"]}
    assert names == {"s_1__d_name": str(odd), "strategy_flee": str(FLEE), "strategy_flee_2": str(FLEE)}


def test_one_that_traps_is_grounded_and_its_reason_told(tmp_path: Path) -> None:
    bad = module(tmp_path / "bad.wasm", "(unreachable)")
    rows = account(bad, FLEE, "--turns", 15, *SMALL)["strategies"]
    [row] = [row for row in rows if row["name"] == "bad"]
    assert row["status"] == "grounded"
    assert row["last_fault"].endswith("trapped: unreachable")
    assert row["faults"] > 0
    assert "\nbad: turn 10: grounded" in duel(bad, FLEE, "--turns", 15, *SMALL).stdout


@pytest.mark.parametrize(
    ("options", "message", "status"),
    [
        (["--systems", "0"], "--systems is 0; allowed is: greater than or equal to 1", 2),
        (["--seed", "-1"], "--seed is -1; allowed is: greater than or equal to 0", 2),
        (["--systems", "250000", "--ships", "4096", "--nodes", "4096"], "GB of memory; this machine has", 1),
    ],
)
def test_a_bad_option_is_one_line(options: list[str], message: str, status: int) -> None:
    outcome = duel(FLEE, *options)
    assert outcome.exit_code == status
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    text = tmp_path / "text.wasm"
    text.write_text("(module)")
    for file, message in (
        (text, "a WebAssembly module begins with"),
        (tmp_path / "none.wasm", "cannot be read"),
        (tmp_path, "is a folder; name a file in it"),
    ):
        outcome = duel(FLEE, file)
        assert outcome.exit_code == 1
        assert outcome.stderr.startswith(f"wasmverse: {file}")
        assert message in outcome.stderr
        assert outcome.stderr.count("\n") == 1


def test_bundled_strategies_are_called_by_their_names() -> None:
    named = account("battle", "strategy_flee", "--turns", 5, *SMALL)
    assert {row["name"]: row["file"] for row in named["strategies"]} == {
        "strategy_battle": "battle",
        "strategy_flee": "strategy_flee",
    }
    assert named["state_hash"] == account(BATTLE, FLEE, "--turns", 5, *SMALL)["state_hash"]
    outcome = duel("flea", FLEE)
    assert outcome.exit_code == 1
    assert outcome.stderr == (
        "wasmverse: flea cannot be read: No such file or directory; bundled are default, flee, battle, blank\n"
    )


LONG = ("--turns", 80, "--seed", 5, "--systems", 2, "--ships", 120, "--nodes", 20)


def test_losing_is_explained_by_causes_of_death_and_over_time() -> None:
    told = account(BATTLE, BLANK, *LONG)
    rows = {row["name"]: row for row in told["strategies"]}
    shot = dict.fromkeys(rows, 0)
    for row in rows.values():
        causes = row["deaths_by"]
        assert causes["starved"] + sum(causes["shot"].values()) + causes["alone"] == row["deaths"]
        for by, ships in causes["shot"].items():
            shot[by] += ships
    assert shot == {name: row["kills"] for name, row in rows.items()}
    assert rows["strategy_blank"]["deaths_by"]["shot"]["strategy_battle"] > 0
    assert rows["strategy_battle"]["deaths_by"]["starved"] > 0
    first, *_, last = told["over_time"]
    new = {"ships": 120, "energy": 12_000, "blasters": 240, "thrusters": 240, "harvesters": 240}
    assert first == {"turn": 0, "strategies": {"strategy_battle": new, "strategy_blank": new}}
    assert last["turn"] == 80 and len(told["over_time"]) == 21
    for name, row in rows.items():
        at_end = last["strategies"][name]
        assert (at_end["ships"], at_end["energy"]) == (row["ships"], row["energy"])
    assert last["strategies"]["strategy_battle"]["blasters"] > 2 * rows["strategy_battle"]["ships"]
    shown = duel(BATTLE, BLANK, *LONG).stdout
    assert "shot by strategy_battle" in shown and "over time: ships, energy a ship, parts a ship" in shown
    assert "120  100  6.0" in shown


def test_several_seeds_at_once_give_means_and_how_sure_they_are() -> None:
    """On two processes as on one, each universe as if played alone."""
    options = ("--turns", 20, *SMALL)
    told = account(BATTLE, FLEE, "--seed", 5, "--seeds", 3, "--processes", 2, *options)
    alone = [account(BATTLE, FLEE, "--seed", seed, *options) for seed in (5, 6, 7)]
    assert told["seeds"] == [5, 6, 7]
    assert told["duels"] == alone
    for row in told["strategies"]:
        energy = [
            each["energy"] for one in alone for each in one["strategies"] if each["name"] == row["name"]
        ]
        assert row["mean"]["energy"] == pytest.approx(sum(energy) / 3)
        assert row["confidence"]["energy"] > 0
    assert sum(row["wins"] for row in told["strategies"]) == 3
    shown = duel(BATTLE, FLEE, "--seeds", 2, "--processes", 1, *options).stdout
    assert "seeds 1 to 2; means, +- 95 % confidence" in shown


def test_a_mean_is_as_sure_as_student_says() -> None:
    assert mean_and_confidence([7]) == (7, None)
    assert mean_and_confidence([1, 2, 3]) == (2, pytest.approx(4.303 / 3**0.5))
    half = mean_and_confidence([0.0, 1.0] * 50)[1]
    assert half == pytest.approx(1.984 * 0.5025 / 10, rel=1e-3)


def test_a_saved_duel_is_played_again_and_can_be_served_from_any_turn(tmp_path: Path) -> None:
    """What a server does with the file of `replay --db`: the turns that follow are those of the duel."""
    saved, database = tmp_path / "duel.jsonl", tmp_path / "duel.duckdb"
    options = ("--turns", 12, "--seed", 5, *SMALL)
    told = account(BATTLE, FLEE, *options, "--save", saved)
    again = CliRunner().invoke(app, ["replay", str(saved), "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["state_hash"] == told["state_hash"]
    begun = CliRunner().invoke(app, ["replay", str(saved), "--until", "0", "--db", str(database)])
    assert begun.exit_code == 0, begun.output
    store = open_universe(database, Settings(threads=1))
    for _ in range(12):
        store.advance()
    assert store.state_hash() == told["state_hash"]
    store.close()
    refused = duel(BATTLE, FLEE, *options, "--save", saved)
    assert refused.exit_code == 1
    assert refused.stderr.endswith("is there already: remove it, or name another with --save\n")


def test_progress_is_told_by_turns_of_one_universe_and_by_universes_of_several() -> None:
    settings = Settings(systems=1, ships=4, nodes=4, threads=1)
    entrants = entrants_of(["flee", "blank"], settings)
    for seeds, whole in ((1, 50), (2, 2)):
        told: list[int] = []
        duels(entrants, 50, settings, seeds, 1, told.append)
        assert sum(told) == whole and len(told) > 1

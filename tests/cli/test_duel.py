"""`wasmverse duel`: an account that adds up, the same every time, and refusals in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from typer.testing import CliRunner

from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.builder import strategy_wat
from wasmverse.cli.duelling import SUMMED
from wasmverse.cli.main import app

BATTLE, FLEE, BLANK = (BUNDLED_FOLDER / f"strategy_{name}.wasm" for name in ("battle", "flee", "blank"))
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
    ):
        outcome = duel(FLEE, file)
        assert outcome.exit_code == 1
        assert outcome.stderr.startswith(f"wasmverse: {file}")
        assert message in outcome.stderr
        assert outcome.stderr.count("\n") == 1

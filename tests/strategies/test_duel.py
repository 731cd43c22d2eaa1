"""Duels that the server plays for strangers: the same as `wasmverse duel`, confined and bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
import wasmtime
from typer.testing import CliRunner

from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.builder import strategy_wat
from wasmverse.cli.main import app
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.rules_wasm.turn import HEADER
from wasmverse.settings import Settings
from wasmverse.strategies.duel import WORDS
from wasmverse.strategies.duel_start import Sizes, duel_check
from wasmverse.strategies.tally import TALLY
from wasmverse.strategies.text_start import text_check

BATTLE, FLEE = ((BUNDLED_FOLDER / f"strategy_{name}.wasm").read_bytes() for name in ("battle", "flee"))
SETTINGS = Settings()


def play(modules: dict[str, bytes], sizes: Sizes, seconds: float = 60) -> list[dict[str, Any]]:
    return duel_check(modules, sizes, seconds, SETTINGS).run()


def test_it_is_the_duel_of_the_command_line() -> None:
    sizes = Sizes(60, 5, 3, 40, 30)
    options = [f"--{name}={value}" for name, value in sizes._asdict().items()]
    files = [str(BUNDLED_FOLDER / f"strategy_{name}.wasm") for name in ("flee", "battle")]
    account = json.loads(CliRunner().invoke(app, ["duel", *files, *options, "--json"]).stdout)
    rows = play({"strategy_flee": FLEE, "strategy_battle": BATTLE}, sizes)
    kept = ("name", *TALLY, "last_fault")
    assert rows == [{name: row[name] for name in kept} for row in account["strategies"]]
    assert sum(row["deaths"] for row in rows) > 0


def test_the_header_is_that_of_the_rules() -> None:
    assert {name: HEADER.index(name) for name in WORDS} == WORDS


def test_faults_are_told_and_an_endless_duel_ends() -> None:
    traps = bytes(wasmtime.wat2wasm(strategy_wat("unreachable")))
    rows = {row["name"]: row for row in play({"flee": FLEE, "traps": traps}, Sizes(5, 1))}
    assert rows["traps"]["faults"] == 5 * 16 and "unreachable" in rows["traps"]["last_fault"]
    assert rows["flee"]["faults"] == 0 and rows["flee"]["last_fault"] is None
    with pytest.raises(ModuleRefused, match="took more than 2 s"):
        play({"flee": FLEE, "battle": BATTLE}, Sizes(1_000_000, 1, 1, 4, 4), seconds=2)


ACCOUNT = [{"name": name, **dict.fromkeys(TALLY, 1), "last_fault": None} for name in ("battle", "flee")]


def answered(rows: Any) -> list[dict[str, Any]]:
    check = duel_check({"flee": FLEE, "battle": BATTLE}, Sizes(1), 1, SETTINGS)
    return check.answer(0, json.dumps({"strategies": rows}).encode() + b"\n")


def test_the_answer_is_believed_only_if_it_can_be_an_account() -> None:
    assert answered(ACCOUNT) == ACCOUNT
    long = [{**row, "last_fault": f"\x1b[2J{'x' * 10_000}"} for row in ACCOUNT]
    assert [row["last_fault"][:8] for row in answered(long)] == ["\\x1b[2Jx"] * 2
    assert max(len(row["last_fault"]) for row in answered(long)) < 1_100
    rest = ACCOUNT[1:]
    for rows in (
        None,
        {},
        rest,  # too few
        [{**ACCOUNT[0], "name": f"s{number}"} for number in range(1_000)],
        rest * 2,  # the same name
        [1, 2],
        *(
            [{**ACCOUNT[0], **wrong}, *rest]
            for wrong in (
                {"name": "Flee\n"},
                {"name": None},
                {"name": []},
                {"last_fault": 7},
                {"ships": "1"},
                {"ships": True},
                {"ships": -1},
                {"ships": 1e400},
                {"ships": 1 << 64},
            )
        ),
        [{name: value for name, value in row.items() if name != "ships"} for row in ACCOUNT],
    ):
        with pytest.raises(ModuleRefused, match="the duel's answer is not understood"):
            answered(rows)


def test_what_cannot_fight_is_refused_with_its_name() -> None:
    with pytest.raises(StrategyError, match="2 to 4 modules"):
        play({"flee": FLEE}, Sizes(1))
    with pytest.raises(ModuleRefused, match="mine: the module exports no function"):
        play({"flee": FLEE, "mine": bytes(wasmtime.wat2wasm("(module)"))}, Sizes(1))


def test_text_is_translated_or_its_line_is_named() -> None:
    text = '(module (func (export "f")))'
    assert text_check(text, SETTINGS).run() == bytes(wasmtime.wat2wasm(text))
    with pytest.raises(
        ModuleRefused, match=r"^the text is no module: expected `\)` at line 2, column 6; correct it there$"
    ):
        text_check("(module\n(func", SETTINGS).run()

"""``wasmverse function``: on its own, and against a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import wasmtime
from typer.testing import CliRunner

from tests.api.conftest import RunningGateway
from tests.functions.builder import GAIN
from tests.functions.test_signature import TEXT, TOTAL
from wasmverse.cli.main import app
from wasmverse.commands import CreateFunction, DropFunction, RollbackFunction
from wasmverse.functions.definition import Definition

ANSWER = {
    "name": "gain",
    "signature": "(x DOUBLE) RETURNS DOUBLE",
    "version": 2,
    "bytes": 99,
    "dropped": 1,
    "tid": 5,
}


def run(*arguments: object) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["function", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "gain.wasm", GAIN.format(plus=1))


def written(path: Path, text: str) -> Path:
    path.write_bytes(wasmtime.wat2wasm(text))
    return path


def test_check_says_what_a_module_would_be(file: Path, tmp_path: Path) -> None:
    outcome = run("check", file)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.startswith(
        "gain.wasm would be accepted: gain(a1 DOUBLE, a2 DOUBLE) RETURNS DOUBLE\nscalar, "
    )
    wit = tmp_path / "text.wit"
    wit.write_text("world w { export shout: func(words: string) -> string; }")
    outcome = run("check", written(tmp_path / "text.wasm", TEXT), "--name", "shout", "--wit", wit)
    assert "shout(words VARCHAR) RETURNS VARCHAR" in outcome.stdout, outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--args", "x TEXT", "--returns", "DOUBLE"], "needs (i32, i32) -> f64"),
        (["--args", "x TEXT"], "both args and returns"),
        (["--name", "Gain"], "call it 'gain'"),
        (["--steps", "a, b"], "three or four exports"),
        (["--wit", "missing.wit"], "missing.wit cannot be read"),
        (["--export", "other"], "exports gain, not other"),
    ],
)
def test_what_is_wrong_is_one_line(file: Path, arguments: list[str], says: str) -> None:
    outcome = run("check", file, *arguments)
    assert outcome.exit_code == 1
    assert says in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_bench_measures_every_kind(file: Path, tmp_path: Path) -> None:
    outcome = run("bench", file, "--rows", "5000")
    assert "6,144 rows\n" in outcome.stdout, outcome.stderr
    assert " ns a row of processor time" in outcome.stdout and " fuel a row of 1,000,000" in outcome.stdout
    total = written(tmp_path / "total.wasm", TOTAL)
    outcome = run(
        "bench", total, "--rows", "10", "--args", "DOUBLE", "--returns", "DOUBLE", "--state", "DOUBLE",
        "--steps", "init, my-step, done",
    )  # fmt: skip
    assert "total(a1 DOUBLE) RETURNS DOUBLE, 10 rows" in outcome.stdout, outcome.stderr
    loops = written(
        tmp_path / "loops.wasm", '(module (func (export "loops") (result i32) (loop (br 0)) (i32.const 1)))'
    )
    assert "10 rows were faults: " in run("bench", loops, "--rows", "10").stdout


def test_push_drop_and_rollback(gateway: RunningGateway, file: Path) -> None:
    gateway.universe.answer = dict(ANSWER)
    outcome = run("push", file, "--args", "x DOUBLE, y DOUBLE", "--returns", "DOUBLE", "--url", gateway.url)
    assert (
        outcome.stdout == "gain(x DOUBLE) RETURNS DOUBLE version 2 is called from turn 6 on (99 bytes)\n"
    ), outcome.stderr
    command = gateway.universe.commands[-1]
    assert isinstance(command, CreateFunction)
    assert Definition.of_row(command.definition).signature == "(x DOUBLE, y DOUBLE) RETURNS DOUBLE"
    outcome = run("rollback", "gain", 1, "--args", "DOUBLE", "--url", gateway.url)
    assert "version 2 is called from turn 6 on" in outcome.stdout
    command = gateway.universe.commands[-1]
    assert isinstance(command, RollbackFunction)
    assert (command.version, command.parameters) == (1, "DOUBLE")
    outcome = run("drop", "gain", "--url", gateway.url)
    assert outcome.stdout == "dropped from turn 6 on: 1 function of the name gain\n"
    assert isinstance(gateway.universe.commands[-1], DropFunction)


def test_list_and_show(gateway: RunningGateway) -> None:
    outcome = run("list", "--url", gateway.url)
    assert outcome.exit_code == 0, outcome.stderr
    assert "signature" in outcome.stdout and "fuel/row" in outcome.stdout
    outcome = run("show", "gain", "--url", gateway.url)
    assert (outcome.exit_code, "gain does not exist" in outcome.stderr) == (1, True)


def test_check_against_a_query(gateway: RunningGateway, file: Path) -> None:
    outcome = run("check", file, "--against", "select x, y from entity", "--url", gateway.url)
    assert outcome.exit_code == 0, outcome.stderr
    assert "32 rows: " in outcome.stdout
    assert "there is no present version; 0 rows failed\n" in outcome.stdout
    fails = written(
        file.with_name("fails.wasm"), '(module (func (export "gain") (param f64) (result f64) unreachable))'
    )
    outcome = run("check", fails, "--name", "gain", "--against", "select 1", "--url", gateway.url)
    assert "(1.0)" in outcome.stdout and "unreachable" in outcome.stdout

"""The command line against a running server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW
from wasmverse.cli.query import query
from wasmverse.cli.strategy import app as strategy_app
from wasmverse.commands import Author, RemoveStrategies

app = typer.Typer()
app.command()(query)
app.add_typer(strategy_app, name="strategy")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_query_as_a_table(gateway: RunningGateway) -> None:
    outcome = run("query", "select 1 as one, null as nothing, 'a [red]b' as text", "--url", gateway.url)
    assert outcome.exit_code == 0, outcome.stderr
    assert "one" in outcome.stdout and "NULL" in outcome.stdout and "a [red]b" in outcome.stdout
    assert f"turn {gateway.universe.last.tid}, 1 rows" in outcome.stdout


def test_a_terminal_is_not_obeyed(gateway: RunningGateway) -> None:
    outcome = run("query", "select chr(27) || '[2J' as escape", "--url", gateway.url)
    assert "\x1b[2J" not in outcome.stdout


def test_query_as_json_csv_and_arrow(gateway: RunningGateway) -> None:
    sql = "select eid, strategy from entity order by eid limit 1"
    as_json = run("query", sql, "--format", "json", "--url", gateway.url)
    assert json.loads(as_json.stdout) == [{"eid": 1, "strategy": "strategy_battle"}]
    assert (
        run("query", sql, "--format", "csv", "--url", gateway.url).stdout
        == '"eid","strategy"\n1,"strategy_battle"\n'
    )
    arrow = run("query", sql, "--format", "arrow", "--url", gateway.url)
    assert arrow.stdout_bytes.startswith(b"\xff\xff\xff\xff")


@pytest.mark.parametrize(
    ("arguments", "status", "part"),
    [
        (["query", "selec"], 1, "Error 1064"),
        (["query", "select 1", "--turn", "999999"], 1, "are kept"),
        (["query"], 2, "sql"),
        (["query", "select 1", "--format", "xml"], 2, "xml"),
        (["query", "select 1", "--url", "nonsense"], 1, "not the address of a server"),
        (["query", "select 1", "--url", "http://127.0.0.1:1"], 1, "wasmverse serve"),
        (["strategy", "push", "missing.wasm", "--name", "mine"], 1, "missing.wasm cannot be read"),
        (["strategy", "push", "x.wasm"], 2, "--name"),
    ],
)
def test_errors(gateway: RunningGateway, arguments: list[str], status: int, part: str) -> None:
    if "--url" not in arguments and status == 1:
        arguments = [*arguments, "--url", gateway.url]
    outcome = run(*arguments)
    assert outcome.exit_code == status
    assert part in outcome.stderr
    if status == 1:
        assert outcome.stderr.count("\n") == 1


def test_push_and_list(gateway: RunningGateway, tmp_path: Path) -> None:
    file = tmp_path / "mine.wasm"
    file.write_bytes(HOLD)
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    outcome = run("strategy", "push", str(file), "--name", "mine", "--url", gateway.url)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout == f"mine version 1 flies from turn 6 ({len(HOLD)} bytes)\n"
    refused = run("strategy", "push", str(file), "--name", "Mine", "--url", gateway.url)
    assert refused.exit_code == 1 and "Mine" in refused.stderr
    listed = run("strategy", "list", "--url", gateway.url).stdout
    assert "strategy_blank" in listed and "AssemblyScript" in listed


def test_remove_several(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"names": ["mine", "yours"], "tid": 7}
    outcome = run("strategy", "remove", "mine", "yours", "--url", gateway.url)
    assert (outcome.exit_code, outcome.stdout) == (0, "removed from turn 8 on: mine, yours\n")
    assert gateway.universe.commands[-1] == RemoveStrategies(("mine", "yours"), Author.named("anonymous"))
    assert "cannot be a strategy's name" in run("strategy", "remove", "../x", "--url", gateway.url).stderr

"""The command line against a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import typer
import wasmtime
from typer.testing import CliRunner

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW
from tests.wasm.builder import strategy_wat
from wasmverse.cli import http_client
from wasmverse.cli.query import query
from wasmverse.cli.strategy import app as strategy_app
from wasmverse.commands import Author, EnableStrategy, FindVersion, RemoveStrategies, UploadStrategy
from wasmverse.errors import ServerUnreachable, StrategyUnknown

app = typer.Typer()
app.command()(query)
app.add_typer(strategy_app, name="strategy")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_token_of_the_environment_goes_to_the_server_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the help says of --token; a client in Python does otherwise (see its tests)."""
    given = []

    @contextmanager
    def client(url: str, token: str | None) -> Iterator[Any]:
        given.append((url, token))
        raise ServerUnreachable(url)
        yield

    monkeypatch.setenv("WASMVERSE_TOKEN", "wv_secret")
    monkeypatch.setattr(http_client, "Universe", client)
    for asked in (["query", "select 1"], ["strategy", "enable", "mine"]):
        for more in ([], ["--token", "wv_other"]):
            assert run(*asked, "--url", "http://other.example", *more).exit_code == 1
    assert given == [("http://other.example", token) for token in ("wv_secret", "wv_other")] * 2


def test_query_as_a_table(gateway: RunningGateway) -> None:
    outcome = run("query", "select 1 as one, null as nothing, 'a [red]b' as text", "--url", gateway.url)
    assert outcome.exit_code == 0, outcome.stderr
    assert "one" in outcome.stdout and "NULL" in outcome.stdout and "a [red]b" in outcome.stdout
    assert outcome.stdout.splitlines()[-1].strip() == f"turn {gateway.universe.last.tid}, 1 row"
    sql = "select 1185.8833333333334::double, 1234567.5::double, 1e300::double, 0.25::double, 12.3456789::decimal(9,7)"
    row = run("query", sql, "--url", gateway.url).stdout.splitlines()[3]
    assert row.replace("│", " ").split() == ["1185.88", "1234568", "1e+300", "0.25", "12.3456789"]
    assert "1185.8833333333334" in run("query", sql, "--format", "json", "--url", gateway.url).stdout


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


def test_a_statement_from_a_file_or_from_standard_input(gateway: RunningGateway, tmp_path: Path) -> None:
    file, result = tmp_path / "asked.sql", tmp_path / "result.csv"
    file.write_text("-- how many\nselect 6 * 7 as n;\n")
    outcome = run("query", "-f", str(file), "--format", "csv", "-o", str(result), "--url", gateway.url)
    assert (outcome.exit_code, outcome.stdout) == (0, ""), outcome.stderr
    assert result.read_text() == '"n"\n42\n'
    for given in (("-f", "-"), ("-",)):
        arguments = ["query", *given, "--format", "json", "--url", gateway.url]
        assert json.loads(CliRunner().invoke(app, arguments, input="select 43 as n").stdout) == [{"n": 43}]


def test_arguments_are_json_or_text(gateway: RunningGateway) -> None:
    given = ["7", '"7"', "null", "[1, 2]", "it's", "NaN", "1.5"]
    sql = "select " + ", ".join(f"? as a{i}" for i in range(len(given)))
    arguments = [part for each in given for part in ("--arg", each)]
    outcome = run("query", sql, *arguments, "--format", "json", "--url", gateway.url)
    assert outcome.exit_code == 0, outcome.stderr
    assert list(json.loads(outcome.stdout)[0].values()) == [7, "7", None, [1, 2], "it's", "NaN", 1.5]


def test_a_long_table_is_cut_with_a_hint_unless_all_is_asked_for(gateway: RunningGateway) -> None:
    sql = "select range as n, 'row ' || range as text from range(1200)"
    some = run("query", sql, "--url", gateway.url)
    assert "1,200" in some.stdout and "row 999" in some.stdout
    assert "row 1000" not in some.stdout
    assert "200 more rows; --all" in some.stderr and "--format csv -o FILE" in some.stderr
    whole = run("query", sql, "--all", "--url", gateway.url)
    assert whole.stderr == ""
    lines = whole.stdout.splitlines()
    assert lines[0] == "   n  text" and lines[2] == "   0  row 0" and lines[1201] == "1199  row 1199"
    assert len(lines) == 1203 and lines[-1].endswith("1,200 rows")


def test_a_reason_is_shown_whole(gateway: RunningGateway) -> None:
    outcome = run("query", "select repeat('why ', 60) || 'so' as reason", "--url", gateway.url)
    assert "why " * 60 + "so" in outcome.stdout
    module = run("query", "select repeat('A', 100000) as statement", "--url", gateway.url)
    assert len(module.stdout) < 50_000


@pytest.mark.parametrize(
    ("arguments", "status", "part"),
    [
        (["query", "selec"], 1, "Error 1064"),
        (["query", "select 1", "--turn", "999999"], 1, "are kept"),
        (["query"], 2, "sql"),
        (["query", "select 1", "-f", "x.sql"], 2, "twice"),
        (["query", "-f", "nowhere.sql"], 1, "nowhere.sql"),
        (["query", "select 1", "-o", "x.txt"], 2, "--format csv"),
        (["query", "select 1", "--format", "csv", "-o", "/nowhere/x.csv"], 1, "another file"),
        (["query", "select 1", "--format", "xml"], 2, "xml"),
        (["query", "select 1", "--url", "nonsense"], 1, "not the address of a server"),
        (["query", "select 1", "--url", "http://127.0.0.1:1"], 1, "wasmverse serve"),
        (["strategy", "push", "missing.wasm", "--name", "mine"], 1, "missing.wasm cannot be read"),
        (["strategy", "push", "missing.wasm"], 1, "missing.wasm cannot be read"),
        (["strategy", "relive", "x.wasm"], 2, "an ID and a FILE"),
        (["strategy", "relive", "--latest", "mine", "7", "x.wasm"], 2, "an ID and a FILE"),
        (["strategy", "relive", "x", "x.wasm"], 2, "'x' is no fault_id"),
        (["strategy", "relive", "--latest", "M", "x.wasm"], 1, "cannot be a strategy's name"),
        (["strategy", "relive", "7", "missing.wasm"], 1, "missing.wasm cannot be read"),
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
    flies, fuel = outcome.stdout.splitlines()
    assert flies == f"mine version 1 flies from turn 6 ({len(HOLD)} bytes)"
    assert fuel.startswith("fuel of a call: ") and fuel.endswith(" at most; it may take 20,000")
    assert fuel in run("strategy", "check", str(file)).stdout.splitlines()
    assert outcome.stderr == ""
    assert (
        run("strategy", "push", str(file), "--url", gateway.url).stdout == outcome.stdout
    )  # the name is the file's
    refused = run("strategy", "push", str(file), "--name", "Mine", "--url", gateway.url)
    assert refused.exit_code == 1 and "Mine" in refused.stderr
    listed = run("strategy", "list", "--url", gateway.url).stdout
    assert "strategy_blank" in listed and "AssemblyScript" in listed


def test_push_says_when_the_module_is_the_same_as_before(gateway: RunningGateway, tmp_path: Path) -> None:
    file = tmp_path / "strategy_blank.wasm"
    file.write_bytes(HOLD)
    rows = httpx.get(f"{gateway.url}/api/v1/strategies").json()["strategies"]
    [before] = [row for row in rows if row["name"] == "strategy_blank"]
    for row, told in (
        (before, f"({before['bytes']:,} bytes, unchanged)"),
        (before | ROW, f"({len(HOLD)} bytes)"),
    ):
        answered = {**row, "name": "strategy_blank", "version": 2}
        gateway.universe.answer = {"strategies": [answered], "tid": 5}
        outcome = run("strategy", "push", str(file), "--url", gateway.url)
        assert outcome.stdout.splitlines()[0] == f"strategy_blank version 2 flies from turn 6 {told}"


def test_a_folder_or_a_file_that_gives_no_name_is_told_what_to_give(tmp_path: Path) -> None:
    swarm = tmp_path / "swarm"
    swarm.mkdir()
    for given in (("check", swarm), ("push", swarm, "--url", "http://127.0.0.1:1")):
        outcome = run("strategy", *map(str, given))
        assert (outcome.exit_code, outcome.stderr) == (
            1,
            f"wasmverse: {swarm} is a folder; name a file in it\n",
        )
    module = swarm / "swarm.wasm"
    module.write_bytes(HOLD)
    assert run("strategy", "check", str(swarm)).stderr.endswith(f"; name a file in it: {module}\n")
    module = module.rename(swarm / "My-Swarm.wasm")
    outcome = run("strategy", "push", str(module), "--url", "http://127.0.0.1:1")
    assert outcome.exit_code == 2 and "give one with --name" in outcome.stderr


def test_remove_several(gateway: RunningGateway) -> None:
    gateway.universe.answer = {"names": ["mine", "yours"], "tid": 7}
    outcome = run("strategy", "remove", "mine", "yours", "--url", gateway.url)
    assert (outcome.exit_code, outcome.stdout) == (0, "removed from turn 8 on: mine, yours\n")
    assert gateway.universe.commands[-1] == RemoveStrategies(("mine", "yours"), Author.named("anonymous"))
    assert "cannot be a strategy's name" in run("strategy", "remove", "../x", "--url", gateway.url).stderr


def test_a_fault_is_relived(gateway: RunningGateway, tmp_path: Path) -> None:
    file = tmp_path / "mine.wasm"
    # It traps where the ship that faulted is, and the calls before are not.
    body = "(if (result i64) (i32.eq (local.get $x) (i32.const 3)) (then unreachable) (else (i64.const 0)))"
    file.write_bytes(wasmtime.wat2wasm(strategy_wat(body)))
    outcome = run("strategy", "relive", "7", str(file), "--name", "mine", "--url", gateway.url)
    assert outcome.exit_code == 1, outcome.stderr
    lines = outcome.stdout.splitlines()
    assert lines[0].startswith("fault 7: turn ") and lines[0].endswith(
        "ship 1 in system 1, strategy_default version 1"
    )
    assert lines[1] == (
        "asked  at (3, 4) with energy 50, shield 60, blasters 2, thrusters 3, harvesters 4, last plan 0xffffffffffffffff; "
        "it saw 1 ship and 1 node"
    )
    assert lines[2:5] == [
        "then   trapped: unreachable",
        "now    trapped: unreachable",
        "       in function 0",
    ]
    assert lines[5].startswith("fuel   ") and lines[5].endswith(" of 20,000")
    assert lines[6] == (
        "before 2 other ships were answered by the same instance; the last 1 of them were asked again first"
    )
    file.write_bytes(HOLD)
    arguments = ("--latest", "strategy_default", str(file), "--url", gateway.url)
    outcome = run("strategy", "relive", *arguments)
    assert outcome.exit_code == 0, outcome.stderr
    assert "now    returned 0x0: hold" in outcome.stdout
    missing = run("strategy", "relive", "8", str(file), "--url", gateway.url)
    assert missing.exit_code == 1 and missing.stderr.startswith(
        "wasmverse: no fault is kept with fault_id = 8: see"
    )


def test_enable_and_disable(gateway: RunningGateway) -> None:
    for how, is_enabled in (("enable", True), ("disable", False)):
        gateway.universe.answer = {"name": "mine", "is_enabled": is_enabled, "tid": 7}
        outcome = run("strategy", how, "mine", "--url", gateway.url)
        assert (outcome.exit_code, outcome.stdout) == (0, f"mine is {how}d from turn 8 on\n")
        assert gateway.universe.commands[-1] == EnableStrategy("mine", is_enabled, Author.named("anonymous"))


def test_rollback(gateway: RunningGateway) -> None:
    row = ROW | {"version": 4, "sha256": "ab" * 32}
    found = {"version": 2, "sha256": "ab" * 32, "module": HOLD, "budget_fuel": None}
    gateway.universe.answer = {**found, "strategies": [row], "tid": 7}
    outcome = run("strategy", "rollback", "mine", "--to", "abab", "--url", gateway.url)
    assert (outcome.exit_code, outcome.stdout) == (
        0,
        "mine is now version 4, with the module of version 2 (sha256 abababababab); it flies from turn 8 on\n",
    )
    asked, command = gateway.universe.commands[-2:]
    assert asked == FindVersion("mine", "abab", Author.named("anonymous"))
    assert isinstance(command, UploadStrategy) and command.is_rollback
    gateway.universe.answer = StrategyUnknown("no earlier version of 'mine' is kept")
    outcome = run("strategy", "rollback", "mine", "--url", gateway.url)
    assert (outcome.exit_code, outcome.stderr) == (1, "wasmverse: no earlier version of 'mine' is kept\n")


def test_show(gateway: RunningGateway) -> None:
    outcome = run("strategy", "show", "strategy_default", "--url", gateway.url)
    assert outcome.exit_code == 0, outcome.stderr
    assert "enabled" in outcome.stdout and "yes" in outcome.stdout
    turn = gateway.universe.last.tid
    assert outcome.stdout.splitlines()[-4:] == [
        f"fault 7: turn {turn}, version 1, ship 1 in system 1: trapped: unreachable",
        "see one again with: wasmverse strategy relive 7 FILE",
        f"version 1: sha256 a1a1a1a1a1a1, 7 bytes, by ada, flew until turn {turn}",
        "fly one again with: wasmverse strategy rollback strategy_default --to SHA256",
    ]
    as_json = run("strategy", "show", "strategy_default", "--json", "--url", gateway.url)
    assert json.loads(as_json.stdout)["strategy"]["faults"][0]["fault_id"] == 7
    assert (
        "no strategy 'nobody'; there are strategy_battle, strategy_blank, "
        in run("strategy", "show", "nobody", "--url", gateway.url).stderr
    )


def test_removed_strategies_are_listed_only_when_asked_for() -> None:
    rows = [
        {
            **{
                "name": name,
                "version": 1,
                "sha256": "",
                "bytes": 1,
                "language": "C",
                "author": "ada",
                "is_enabled": False,
            },
            **{"status": status, "budget_fuel": None},
        }
        for name, status in (("here", "grounded"), ("gone", "removed"))
    ]
    answer = httpx.Response(200, json={"strategies": rows, "turn": 7})
    with patch("wasmverse.cli.strategy.request", return_value=answer):
        listed, whole = run("strategy", "list").stdout, run("strategy", "list", "--all").stdout
    assert "here" in listed and "gone" not in listed and "1 removed, shown with --all" in listed
    assert "here" in whole and "gone" in whole and "--all" not in whole

"""The command line as its user meets it: helps, exit statuses, one clear line for every mistake."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from typer.testing import CliRunner

import wasmverse
from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.builder import strategy_wat
from wasmverse.cli.main import app
from wasmverse.errors import SettingsError
from wasmverse.settings import Settings
from wasmverse.simulation import memory
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore

SMALL = ("--systems", "3", "--ships", "4", "--nodes", "5")


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is started by mistake is started in the test's own folder."""
    monkeypatch.setenv("WASMVERSE_DATABASE_PATH", str(tmp_path / "universe.duckdb"))


def run(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))


def test_no_command_shows_the_help() -> None:
    outcome = run()
    assert outcome.exit_code == 2
    for command in ("serve", "bench", "strategy", "query", "token"):
        assert command in outcome.output


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["serve"], ["--db", "--systems", "--ships", "--nodes", "--seed", "--host", "--port", "--period"]),
        (
            ["bench", "turn"],
            ["--systems", "--ships", "--nodes", "--turns", "--memory", "--threads", "--json"],
        ),
        (["strategy", "check"], ["FILE", "--name"]),
        (["strategy", "push"], ["FILE", "--name", "--url", "--token"]),
        (["strategy", "remove"], ["names", "--url", "--token"]),
        (["strategy", "list"], ["--url"]),
        (["query"], ["SQL", "--url", "--format"]),
        (["duel"], ["FILES", "--turns", "--seed", "--systems", "--json"]),
        (["replay"], ["FILE", "--until", "--threads", "--json"]),
    ],
    ids=lambda value: " ".join(value) if not value[-1].startswith("--") else "",
)
def test_every_help_names_its_options(command: list[str], options: list[str]) -> None:
    outcome = run(*command, "--help")
    assert outcome.exit_code == 0
    for option in options:
        assert option in outcome.output or (
            not option.startswith("--") and option.lower() in outcome.output.lower()
        )


def test_the_version() -> None:
    outcome = run("--version")
    assert (outcome.exit_code, outcome.stdout) == (0, f"wasmverse {wasmverse.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--systems", "0"], "--systems is 0; allowed is: greater than or equal to 1"),
        (["--systems", "250001"], "--systems is 250001; allowed is: less than or equal to 250000"),
        (["--ships", "-1"], "--ships is -1; allowed is: greater than or equal to 0"),
        (["--nodes", "5000"], "--nodes is 5000; allowed is: less than or equal to 4096"),
        (["--seed", "-3"], "--seed is -3; allowed is: greater than or equal to 0"),
        (["--seed", str(2**63)], f"--seed is {2**63}; allowed is: less than {2**63}"),
        (["--period", "-1"], "--period is -1.0; allowed is: greater than or equal to 0.05"),
        (["--period", "0"], "--period is 0.0; allowed is: greater than or equal to 0.05"),
        (["--period", "nan"], "--period is nan; allowed is: less than or equal to 3600"),
        (["--period", "inf"], "--period is inf; allowed is: less than or equal to 3600"),
        (["--port", "70000"], "--port is 70000; allowed is: less than or equal to 65535"),
        (["--port", "-1"], "--port is -1; allowed is: greater than or equal to 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_value_is_named_with_its_rule(arguments: list[str], message: str) -> None:
    outcome = run("serve", *arguments)
    assert (outcome.exit_code, outcome.stderr) == (2, f"wasmverse: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--systems", "0"], "--systems is 0; allowed is: greater than or equal to 1"),
        (["--systems", "-1"], "--systems is -1; allowed is: greater than or equal to 1"),
        (["--ships", "99999"], "--ships is 99999; allowed is: less than or equal to 4096"),
        (["--threads", "-1"], "--threads is -1; allowed is: greater than or equal to 0"),
        (["--threads", "257"], "--threads is 257; allowed is: less than or equal to 256"),
        (["--seed", str(2**70)], f"--seed is {2**70}; allowed is: less than {2**63}"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bench_s_bad_values_are_named_likewise(arguments: list[str], message: str) -> None:
    outcome = run("bench", "turn", *arguments)
    assert (outcome.exit_code, outcome.stderr) == (2, f"wasmverse: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["serve", "--seed", "x"], "--seed"),
        (["serve", "--period", "soon"], "--period"),
        (["serve", "--warp", "9"], "--warp"),
        (["bench", "turn", "--turns", "0"], "--turns"),
        (["bench", "turn", "--turns", "-5"], "--turns"),
        (["serve", "--systems", "1e3"], "--systems"),
        (["bench", "--json"], "--json"),
        (["fly"], "fly"),
        (["strategy"], "push"),
        (["query"], "sql"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_cannot_be_understood_has_status_two(arguments: list[str], part: str) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code == 2
    assert part in outcome.output.lower()
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit)


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("WASMVERSE_SYSTEMS", "0", "'0'; allowed is: greater than or equal to 1"),
        ("WASMVERSE_BUDGET_FUEL", "lots", "'lots'; allowed is: a valid integer"),
        ("WASMVERSE_CORS_ORIGINS", "everyone", "'everyone'; allowed is: JSON"),
        ("WASMVERSE_TURNS_KEPT", "2", "strategy_turns_kept is 600, turns_kept only 2"),
    ],
)
@pytest.mark.parametrize(
    "command", [("serve",), ("bench", "turn"), ("strategy", "check", __file__)], ids=" ".join
)
def test_a_bad_variable_is_named_with_its_rule(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], variable: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(variable, value)
    outcome = run(*command)
    assert outcome.exit_code == (1 if command[0] == "strategy" else 2)
    assert outcome.stderr.startswith("wasmverse: ")
    assert rule in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert variable in outcome.stderr or variable == "WASMVERSE_TURNS_KEPT"


def test_a_universe_that_cannot_fit_is_refused_before_it_is_begun(tmp_path: Path) -> None:
    size = ("--systems", "250000", "--ships", "4096", "--nodes", "4096")
    for command in (("serve", "--port", "0"), ("bench", "turn")):
        outcome = run(*command, *size)
        assert outcome.exit_code == 1
        assert "GB of memory; this machine has" in outcome.stderr
        assert outcome.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_does_not_fit_this_machine_is_refused_with_the_estimate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A universe made on a larger one; and one whose container has less memory than the machine."""
    path = tmp_path / "large.duckdb"
    DuckdbStore(Database.open(path), Settings(systems=3, ships=4, nodes=5)).close()
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", limit)
    limit.write_text("max\n")
    database = Database.open(path)
    DuckdbStore(database, Settings()).close()
    limit.write_text("500000000\n")
    database = Database.open(path)
    with pytest.raises(SettingsError) as refused:
        DuckdbStore(database, Settings())
    database.close()
    assert refused.value.message == (
        "3 systems with 12 ships and 15 nodes need about 0.5 GB of memory; this machine has 0.5 GB: "
        "use a larger one, or name another universe with --db"
    )
    outcome = run("serve", "--port", "0", "--db", str(tmp_path / "new.duckdb"))
    assert outcome.exit_code == 1
    assert outcome.stderr.endswith("this machine has 0.5 GB: choose fewer systems, ships or nodes\n")


# bench

FIELDS = {
    "ships", "nodes", "turns", "turn_seconds", "phase_seconds", "row_writes_per_turn", "ships_per_second",
    "row_writes_per_second", "durable", "peak_rss_bytes", "state_hash",
}  # fmt: skip
MORE_FIELDS = {"threads", "turns_from_start", "file_bytes"}


def test_bench_prints_one_json_object_with_the_documented_fields() -> None:
    first, second = (
        run("bench", "turn", *SMALL, "--turns", "2", "--json", *more) for more in ((), ("--memory",))
    )
    assert first.exit_code == second.exit_code == 0
    assert first.stdout.count("\n") == 1
    durable, in_memory = json.loads(first.stdout), json.loads(second.stdout)
    assert set(durable) == set(in_memory) == FIELDS | MORE_FIELDS
    assert set(durable["turn_seconds"]) == {"median", "p99", "max"}
    assert list(durable["phase_seconds"]) == ["read", "observe", "decide", "resolve", "commit", "publish"]
    assert (durable["turns"], durable["durable"], in_memory["durable"]) == (2, True, False)
    assert (durable["ships"], durable["nodes"]) == (in_memory["ships"], in_memory["nodes"])
    assert durable["row_writes_per_turn"] == in_memory["row_writes_per_turn"] >= durable["ships"] > 0
    assert durable["state_hash"] == in_memory["state_hash"]
    assert len(durable["state_hash"]) == 64
    assert durable["turns_from_start"] > durable["turns"]
    assert durable["file_bytes"] > 0 == in_memory["file_bytes"]
    assert durable["peak_rss_bytes"] > 1 << 20


def test_bench_prints_a_table_for_people_and_the_seed_decides() -> None:
    tables = [run("bench", "turn", *SMALL, "--turns", "1", "--memory", "--seed", seed) for seed in "122"]
    hashes = [[line for line in table.stdout.splitlines() if "state_hash" in line] for table in tables]
    assert all(table.exit_code == 0 for table in tables)
    assert hashes[1] == hashes[2] != hashes[0]
    assert all(len(lines) == 1 for lines in hashes)


# strategy check


def test_check_says_what_a_module_is() -> None:
    file = BUNDLED_FOLDER / "strategy_flee.wasm"
    module = file.read_bytes()
    outcome = run("strategy", "check", str(file))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    accepted, plans, fuel, digest = outcome.stdout.splitlines()
    assert accepted == (
        "strategy_flee.wasm would be accepted: decide flies under the name you give it "
        f"(AssemblyScript, {len(module):,} bytes)"
    )
    assert plans.startswith("100 sampled calls: hold 44, move 53, ")
    assert plans.endswith("; invalid 0, trapped 0")
    assert fuel == "fuel of a call: 876 on average, 2,190 at most; it may take 20,000"
    assert digest == f"sha256 {hashlib.sha256(module).hexdigest()}"


def test_check_takes_the_fuel_that_is_to_be_declared() -> None:
    file = str(BUNDLED_FOLDER / "strategy_blank.wasm")
    outcome = run("strategy", "check", file, "--budget-fuel", "50000")
    assert outcome.exit_code == 0 and outcome.stdout.splitlines()[2].endswith("; it may take 50,000")
    outcome = run("strategy", "check", file, "--budget-fuel", "2000000")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "budget_fuel is 2,000,000; an upload may declare 100 to 1,000,000 for a call" in " ".join(
        outcome.stderr.split()
    )


def test_check_tells_of_a_call_that_is_a_fault_and_of_every_export(tmp_path: Path) -> None:
    file = tmp_path / "two.wasm"
    second = strategy_wat("(i64.const 0)", name="fly-far").split("\n", 1)[1]
    file.write_bytes(bytes(wasmtime.wat2wasm(strategy_wat("(unreachable)").rsplit(")", 1)[0] + second)))
    outcome = run("strategy", "check", str(file))
    lines = outcome.stdout.splitlines()
    assert lines[0].startswith(
        "two.wasm would be accepted: decide flies under the name you give it (unknown, "
    )
    assert lines[1] == "4 sampled calls: no plan; invalid 0, trapped 4"
    assert lines[3].startswith(
        "warning: 4 of 4 sampled calls were faults, the first one: it trapped: unreachable."
    )
    assert lines[5].startswith("two.wasm would be accepted: fly-far flies under fly_far (")
    assert outcome.exit_code == 0


def test_check_tells_programs_the_same_as_people() -> None:
    file = BUNDLED_FOLDER / "strategy_flee.wasm"
    outcome = run("strategy", "check", str(file), "--name", "mine", "--json")
    assert outcome.exit_code == 0 and outcome.stdout.count("\n") == 1
    told = json.loads(outcome.stdout)
    [strategy] = told["strategies"]
    assert (told["sha256"], told["bytes"]) == (
        hashlib.sha256(file.read_bytes()).hexdigest(),
        file.stat().st_size,
    )
    assert (strategy["name"], strategy["export"], strategy["trial"]["fuel_most"]) == ("mine", "decide", 2_190)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"(module)", [], "the upload begins with 28 6d 6f 64; a WebAssembly module begins with 00 61 73 6d"),
        (b"", [], "the upload is empty; send the bytes of a WebAssembly module"),
        (
            b"\0asm\1\0\0\0",
            [],
            "the module exports no function; a strategy exports decide with the signature (i32,",
        ),
        (b"\0asm\1\0\0\0", ["--name", "Mine"], "'Mine' cannot be a strategy's name: "),
        (None, [], "cannot be read: No such file or directory"),
    ],
)
def test_check_refuses_in_one_line(
    tmp_path: Path, content: bytes | None, arguments: list[str], message: str
) -> None:
    file = tmp_path / "mine.wasm"
    if content is not None:
        file.write_bytes(content)
    outcome = run("strategy", "check", str(file), *arguments)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert message in outcome.stderr
    assert outcome.stderr.startswith("wasmverse: ")
    assert outcome.stderr.count("\n") == 1


def test_the_program_is_installed_and_ends_with_the_same_statuses() -> None:
    command = Path(sys.executable).with_name("wasmverse")
    good = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (0, f"wasmverse {wasmverse.__version__}\n")
    bad = subprocess.run([command, "serve", "--systems", "0"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "wasmverse: --systems is 0; allowed is: greater than or equal to 1\n"


def test_the_command_line_can_be_run_as_a_module() -> None:
    command = [sys.executable, "-m", "wasmverse.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"wasmverse {wasmverse.__version__}\n"

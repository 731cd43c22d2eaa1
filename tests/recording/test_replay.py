"""A recorded run comes out the same whatever plays it again, and a recording of another run does not."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from typer.testing import CliRunner

from tests.functions.builder import function_command
from tests.recording.builder import HASH_TURNS, SETTINGS, Run, facts_of, random_run, upload_of, write_facts
from tests.wasm.builder import strategy_wat
from wasmverse.cli.main import app
from wasmverse.commands import (
    Author,
    DropFunction,
    EnableStrategy,
    FindVersion,
    RemoveStrategy,
    RollbackFunction,
    SpawnEntity,
    UploadStrategy,
)
from wasmverse.errors import DatabaseError, RecordingError
from wasmverse.recording.format import Given, Start, Stop, Turn, Universe, command_fact
from wasmverse.recording.replay import replay
from wasmverse.settings import Settings
from wasmverse.strategies.inspection import inspect_module


def with_threads(threads: int) -> Settings:
    return Settings(threads=threads)


SEEDS = range(3)


@dataclass(frozen=True)
class Ended:
    """What a random run came to: its recording, its last turn, and what happened in it."""

    recording: Path
    tid: int
    state_hash: str
    seen: Counter[str]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Ended]:
    """The random run of a seed, made once."""

    def make(seed: int) -> Ended:
        run = random_run(tmp_path_factory.mktemp("random") / "run", seed)
        tid, state_hash = run.simulation.tid, run.simulation.state_hash()
        seen = Counter(run.simulation.strategy_rows["status"].to_pylist())
        seen["faults"] += sum(run.simulation.history.turns.rows["faults"].to_pylist())
        run.close()
        return Ended(run.recording, tid, state_hash, seen)

    return cache(make)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_run_is_replayed_to_the_byte_in_memory_and_in_a_file_on_one_thread_and_on_two(
    ended: Callable[[int], Ended], tmp_path: Path, seed: int
) -> None:
    """Bad strategies, refused commands, restarts and crashes included."""
    run = ended(seed)
    facts = facts_of(run.recording)
    again = tmp_path / "again.duckdb"
    for threads, place in ((1, None), (2, again)):
        found = replay(run.recording, None, with_threads(threads), place)
        assert found.first_difference is None
        assert (found.tid, found.state_hash) == (run.tid, run.state_hash)
        assert found.compared == sum(getattr(fact, "state", None) is not None for fact in facts)
        assert found.commands > 0
    with pytest.raises(DatabaseError, match=r"again\.duckdb holds a universe already: name a new file"):
        replay(run.recording, 0, with_threads(1), again)


def test_random_runs_have_all_that_they_are_to_prove(ended: Callable[[int], Ended]) -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        run = ended(seed)
        seen.update(run.seen)
        seen.update(fact.fact for fact in facts_of(run.recording))
        seen.update(fact.command.do for fact in facts_of(run.recording) if isinstance(fact, Given))
    wanted = {
        "start",
        "stop",
        "command",
        "spawn",
        "upload",
        "remove",
        "enable",
        "grounded",
        "removed",
        "faults",
    }
    assert wanted <= {name for name, count in seen.items() if count}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of ten turns, and their state hashes from turn 0; commands after turns 2 and 6; closed."""
    folder = tmp_path_factory.mktemp("recorded")
    run = Run(folder)
    states = [run.play(0), run.play(1), run.play(1)]
    run.simulation.carry_out(upload_of("mine", "(i64.const 0x41)"))
    run.simulation.carry_out(SpawnEntity(3, 1, 50, 50, "mine"))
    states += [run.play(1) for _ in range(4)]
    run.simulation.carry_out(EnableStrategy("mine", False, Author.named("ada")))
    states += [run.play(1) for _ in range(4)]
    run.close()
    return folder, states


@pytest.fixture
def run(recorded: tuple[Path, list[str]], tmp_path: Path) -> Run:
    """A copy of it for one test."""
    folder, _states = recorded
    return Run(shutil.copytree(folder, tmp_path / "run"), is_open=False)


def test_hashes_are_at_the_interval_and_behind_commands(run: Run) -> None:
    hashed = [fact.tid for fact in facts_of(run.recording) if isinstance(fact, Turn) and fact.state]
    assert hashed == [3, 4, 7, 8]
    assert HASH_TURNS == 4


@pytest.mark.parametrize("until", [0, 1, 2, 3, 9, 10])
def test_any_turn_can_be_gone_back_to(run: Run, recorded: tuple[Path, list[str]], until: int) -> None:
    _folder, states = recorded
    found = replay(run.recording, until, with_threads(1))
    assert (found.tid, found.state_hash, found.first_difference) == (until, states[until], None)


def changed(run: Run, kind: type[Any], number: int, **values: Any) -> None:
    """Change one fact and seal everything again: a recording of something that did not happen."""
    facts = facts_of(run.recording)
    place = [index for index, fact in enumerate(facts) if isinstance(fact, kind)][number]
    facts[place] = facts[place].model_copy(update=values)
    write_facts(run.recording, facts)


def test_the_first_turn_that_differs_is_named(run: Run) -> None:
    """The ship of turn 2 was put elsewhere: turn 3 has its hash and shows it."""
    given = [fact for fact in facts_of(run.recording) if isinstance(fact, Given)][1]
    changed(run, Given, 1, command=given.command.model_copy(update={"x": 51}))
    found = replay(run.recording, None, with_threads(1))
    assert found.first_difference is not None
    assert (found.first_difference.tid, found.first_difference.what) == (3, "state")
    assert found.first_difference.same_until == 0
    assert found.tid == 3
    assert replay(run.recording, 2, with_threads(1)).first_difference is None


def test_limits_decide_and_so_do_the_bad_turns_that_a_start_knew(run: Run) -> None:
    limits = next(fact for fact in facts_of(run.recording) if isinstance(fact, Start)).limits
    changed(run, Start, 0, limits=limits.model_copy(update={"budget_fuel": 100}))
    found = replay(run.recording, None, with_threads(1))
    assert found.first_difference is not None
    assert found.first_difference.tid in (3, 4)


@pytest.mark.parametrize(
    ("number", "command", "told"),
    [
        (1, {"strategy": "nobody"}, "refused: there is no strategy 'nobody'"),
        (1, {"sid": 10**9}, "refused: spawn_entity: there is no system"),
        (2, {"author": "eve", "owner": "name:eve"}, "refused: 'mine' belongs to 'ada'"),
    ],
)
def test_a_command_that_is_refused_now_is_a_difference(
    run: Run, number: int, command: dict[str, Any], told: str
) -> None:
    given = [fact for fact in facts_of(run.recording) if isinstance(fact, Given)][number]
    changed(run, Given, number, command=given.command.model_copy(update=command))
    difference = replay(run.recording, None, with_threads(1)).first_difference
    assert difference is not None
    assert difference.what == "command"
    assert difference.replayed.startswith(told)


def test_an_earlier_upload_shows_at_the_next_command(run: Run) -> None:
    changed(run, Given, 0, command=command_fact(upload_of("mine", "(i64.const 0x42)")))
    difference = replay(run.recording, None, with_threads(1)).first_difference
    assert difference is not None
    assert (difference.what, difference.tid) == ("strategies", 2)


# The command line


def command(*arguments: object) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["replay", *map(str, arguments)])


def test_the_command_prints_turn_hash_and_verdict(run: Run) -> None:
    expected = replay(run.recording, 8, with_threads(1))
    outcome = command(run.recording, "--until", 8, "--threads", 2)
    assert outcome.exit_code == 0
    assert outcome.stdout == (
        f"turn 8: {expected.ships:,} ships, {expected.nodes:,} energy nodes\nstate_hash {expected.state_hash}\n"
        "the same as recorded at 5 hashes and 3 commands\n"
    )
    assert outcome.stderr == ""
    facts = json.loads(command(run.recording, "--until", 8, "--json").stdout)
    assert (facts["tid"], facts["state_hash"], facts["is_equal"]) == (8, expected.state_hash, True)
    assert facts["first_difference"] is None


def test_a_difference_has_status_one(run: Run) -> None:
    changed(run, Stop, 0, state="0" * 64)
    outcome = command(run.recording)
    assert outcome.exit_code == 1
    assert "differs at turn 10 (line " in outcome.stdout
    assert "the same until turn 8: state was 000000" in outcome.stdout
    outcome = command(run.recording, "--json")
    assert outcome.exit_code == 1
    assert json.loads(outcome.stdout)["first_difference"]["what"] == "state"


def test_who_recorded_is_told_when_it_differs(run: Run) -> None:
    facts = facts_of(run.recording)
    facts[0] = facts[0].model_copy(update={"wasmtime": "9.9.9"})
    facts[-1] = facts[-1].model_copy(update={"state": "0" * 64})
    write_facts(run.recording, facts)
    assert "wasmtime 9.9.9; this is" in command(run.recording).stderr


def test_what_was_cut_off_is_named(run: Run) -> None:
    run.recording.write_bytes(run.recording.read_bytes()[:-20])
    outcome = command(run.recording)
    assert outcome.exit_code == 0
    assert outcome.stderr == (
        f"wasmverse: line {len(facts_of(run.recording)) + 1} of {run.recording} was cut off and is left out\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--until", "11"], "ends with turn 10, --until is 11: choose 0..10"),
        (["--until", "-1"], "--until is -1: choose 0..10"),
        (["--threads", "999"], "--threads is 999; allowed is: less than or equal to 256"),
    ],
)
def test_a_bad_option_has_status_two(run: Run, arguments: list[str], message: str) -> None:
    outcome = command(run.recording, *arguments)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_removing_is_replayed_too(run: Run) -> None:
    run.open()
    run.simulation.carry_out(RemoveStrategy("mine", Author.named("ada")))
    expected = run.play(3)
    run.close()
    found = replay(run.recording, None, Settings())
    assert (found.state_hash, found.first_difference, found.commands) == (expected, None, 4)
    assert SETTINGS.ships == 2


def test_going_back_is_replayed_as_the_upload_that_it_is(run: Run) -> None:
    """Of a module with two strategies only one goes back; what is kept depends on limits that a replay does not have."""
    ada = Author.named("ada")
    run.open()
    for body in ("(i64.const 0x41)", "(i64.const 0x51)"):
        wat = strategy_wat(body).replace('(export "decide")', '(export "one") (export "two")')
        module = bytes(wasmtime.wat2wasm(wat))
        found = replace(inspect_module(module, "any", SETTINGS), costs={})
        run.simulation.carry_out(UploadStrategy("any", module, found, ada))
        run.play(1)
    kept = run.simulation.find_version(FindVersion("two", None, ada))
    found = replace(inspect_module(kept["module"], "two", SETTINGS), costs={}).only("two")
    run.simulation.carry_out(UploadStrategy("two", kept["module"], found, ada, is_rollback=True))
    expected = run.play(3)
    run.close()
    again = replay(run.recording, None, Settings())
    assert (again.state_hash, again.first_difference, again.commands) == (expected, None, 6)
    given = [fact for fact in facts_of(run.recording) if isinstance(fact, Given)]
    assert [fact.command.do for fact in given[-3:]] == ["upload"] * 3
    changed(run, Given, 5, command=given[5].command.model_copy(update={"is_rollback": False}))
    difference = replay(run.recording, None, Settings()).first_difference
    assert difference is not None and difference.what == "strategies"


def test_functions_are_replayed_too(run: Run) -> None:
    run.open()
    ada = Author.named("ada")
    commands = [
        function_command("gain"),
        function_command("gain", plus=1.0),
        RollbackFunction("gain", None, None, ada),
        function_command("other"),
        DropFunction("other", "DOUBLE, DOUBLE", False, ada, is_aggregate=False),
    ]
    for command_ in commands:
        run.simulation.carry_out(command_)
        run.play(1)
    expected = run.simulation.state_hash()
    run.close()
    found = replay(run.recording, None, Settings())
    assert (found.state_hash, found.first_difference, found.commands) == (expected, None, 8)
    given = [fact for fact in facts_of(run.recording) if isinstance(fact, Given)]
    changed(run, Given, 5, command=given[5].command.model_copy(update={"version": 2}))
    difference = replay(run.recording, None, Settings()).first_difference
    assert difference is not None
    assert difference.what == "strategies"
    changed(run, Given, 3, command=given[3].command.model_copy(update={"definition": "[]"}))
    with pytest.raises(RecordingError, match="the definition of a function is not understood"):
        replay(run.recording, None, Settings())


def test_a_recording_of_an_older_version_that_this_one_goes_on_with(run: Run) -> None:
    """Older ones kept the rows and ids of what was removed, this one gives them to others."""
    author = Author.named("ada")
    run.open()
    simulation = run.simulation
    simulation.forgets_removed = False
    for name in ("first", "second"):
        simulation.carry_out(upload_of(name, "(i64.const 0x41)"))
        simulation.carry_out(RemoveStrategy(name, author))
    run.play(2)
    run.close()
    older = [
        fact.model_copy(update={"format": None if isinstance(fact, Start) else 1})
        if isinstance(fact, Start | Universe)
        else fact
        for fact in facts_of(run.recording)
    ]
    write_facts(run.recording, older)
    assert replay(run.recording, None, with_threads(1)).first_difference is None
    run.open()
    run.simulation.carry_out(upload_of("third", "(i64.const 0x42)"))
    names = run.simulation.strategy_rows["name"].to_pylist()
    assert "third" in names and "first" not in names
    expected = run.play(3)
    run.close()
    found = replay(run.recording, None, with_threads(1))
    assert (found.first_difference, found.state_hash) == (None, expected)

"""Strategies that make turns late: the first such turn grounds them, for good and on record."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from tests.recording.builder import facts_of, write_facts
from tests.simulation.builder import SMALL, play, strategy_row, tallies, upload_of
from tests.wasm.builder import strategy_wat
from wasmverse.commands import (
    Author,
    Cost,
    EnableStrategy,
    Inspection,
    RemoveStrategies,
    SpawnEntity,
    UploadStrategy,
)
from wasmverse.errors import StrategyCostly, StrategyTaken, StrategyUnknown
from wasmverse.recording.format import Grounded
from wasmverse.recording.recorder import record
from wasmverse.recording.replay import replay
from wasmverse.settings import Settings
from wasmverse.simulation.warmup import compile_kernels
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.wasm.engine import flight_engine

# What takes long here takes fuel too, of which there is plenty.
SETTINGS = SMALL.model_copy(
    update={
        "budget_fuel": 5_000_000_000,
        "start_fuel": 5_000_000_000,
        "period_seconds": 0.15,
        "strategies_max_per_module": 1_000,
    }
)
BOUNDED = SETTINGS.model_copy(update={"strategies_max_per_owner": 1_000, "strategies_max": 1_000})


@pytest.fixture(autouse=True, scope="module")
def kernels_are_compiled() -> None:
    """Else the first turn would compile them: half a minute for which no strategy is to blame."""
    compile_kernels()


def spinning(times: int) -> str:
    return f"""(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const {times}))))"""


BURNER = f"{spinning(300_000_000)} (i64.const 0)"
"""Some 0.25 s a call."""


def burner(simulation: DuckdbStore) -> None:
    """Two ships of a strategy that takes far too long; no more are dealt to it."""
    trial = upload_of("burner", "(i64.const 0)")
    module = bytes(wasmtime.wat2wasm(strategy_wat(BURNER)))
    compiled = bytes(wasmtime.Module(flight_engine(), module).serialize())
    inspection = replace(trial.inspection, sha256=hashlib.sha256(module).hexdigest(), compiled=compiled)
    simulation.carry_out(replace(trial, module=module, inspection=inspection))
    for x in (1, 2):
        simulation.carry_out(SpawnEntity(x, 1, 90, 90, "burner"))
    simulation.carry_out(EnableStrategy("burner", False, Author.named("ada")))


def costing(upload: UploadStrategy, instance_seconds: float, call_seconds: float) -> UploadStrategy:
    """An upload that is judged by these seconds."""
    costs = {name: Cost(instance_seconds, call_seconds) for name in upload.inspection.strategies}
    return replace(upload, inspection=replace(upload.inspection, costs=costs))


def timed(simulation: DuckdbStore) -> tuple[str, ...]:
    """A turn that is due in a period; who was grounded in it."""
    return simulation.advance(time.time() + simulation.settings.period_seconds).grounded


def test_the_first_turn_that_a_strategy_makes_late_grounds_it(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(SETTINGS, path)
    play(simulation, 2)
    burner(simulation)
    assert timed(simulation) == ("burner",)
    row = strategy_row(simulation, "burner")
    assert row["status"] == "grounded"
    assert row["last_fault"].startswith("turn 3: grounded, it took ")
    assert row["last_fault"].endswith(
        "s of processor time and the turn outlasted its period: push a version that takes less"
    )
    simulation.close()
    simulation = simulate(SETTINGS, path)
    assert timed(simulation) == ()
    assert tallies(simulation, "burner")[-1]["fuel"] == 0
    assert {row["status"] for row in simulation.strategy_rows.to_pylist() if row["name"] != "burner"} == {
        "flying"
    }
    simulation.carry_out(upload_of("burner", "(i64.const 0)"))
    assert (strategy_row(simulation, "burner")["status"], timed(simulation)) == ("flying", ())


def test_what_takes_its_time_is_left_in_peace_where_nothing_is_due_or_so_set(
    simulate: Callable[..., DuckdbStore],
) -> None:
    for settings, deadline in (
        (SETTINGS.model_copy(update={"strategy_cost_times_max": 0.0}), 1.0),
        (SETTINGS, None),
    ):
        simulation = simulate(settings)
        burner(simulation)
        simulation.advance(deadline)
        assert strategy_row(simulation, "burner")["status"] == "flying"


def test_a_universe_ruined_by_many_names_recovers(simulate: Callable[..., DuckdbStore]) -> None:
    """Each is costly by its instances alone: 4 ms of a start function, where a period is 150 ms."""
    simulation = simulate(BOUNDED)
    names = [f"name_{n}" for n in range(100)]
    exports = "".join(f'(export "{name}")' for name in names)
    start = f"(func $begin {spinning(6_000_000)}) (start $begin)"
    wat = strategy_wat("(i64.const 0)", start).replace('(export "decide")', exports)
    module = bytes(wasmtime.wat2wasm(wat))
    compiled = bytes(wasmtime.Module(flight_engine(), module).serialize())
    sha256 = hashlib.sha256(module).hexdigest()
    found = Inspection(sha256, "unknown", {name: name for name in names}, {}, compiled=compiled)
    simulation.carry_out(UploadStrategy("many", module, found, Author.named("ada")))
    for n, name in enumerate(names):
        simulation.carry_out(SpawnEntity(1 + n % 20, 1, n % 90, 90, name))
    simulation.carry_out(EnableStrategy("name_0", False, Author.named("ada")))
    grounded = timed(simulation)
    assert 20 < len(grounded) < 100
    # What is left is near to a period, and a busy machine can ground a few more of it.
    assert any(timed(simulation) == () for _turn in range(4))
    flying = [row["name"] for row in simulation.strategy_rows.to_pylist() if row["status"] == "flying"]
    assert {"strategy_flee", "strategy_default", "strategy_battle"} < set(flying)
    assert len(flying) == 104 - len(grounded)

    began = time.process_time()
    simulation.carry_out(RemoveStrategies(("name_0",), Author.named("ada")))
    one = time.process_time() - began
    answer = simulation.carry_out(RemoveStrategies(tuple(names[1:]), Author.named("ada")))
    assert answer == {"names": names[1:], "tid": simulation.tid}
    assert time.process_time() - began < 30 * one, "they are removed together"
    assert [row["status"] for row in simulation.strategy_rows.to_pylist()].count("removed") == 100
    simulation.advance()
    assert {row["fuel"] for name in names for row in tallies(simulation, name)[2:]} == {0}


def test_several_are_removed_or_none(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    ada = Author.named("ada")
    for name in ("one", "two"):
        simulation.carry_out(upload_of(name, "(i64.const 0)"))
    simulation.carry_out(upload_of("three", "(i64.const 0)", author="eve"))
    for names, error in ((("one", "none"), StrategyUnknown), (("one", "three"), StrategyTaken)):
        with pytest.raises(error):
            simulation.carry_out(RemoveStrategies(names, ada))
        assert strategy_row(simulation, "one")["status"] == "flying"
    simulation.carry_out(RemoveStrategies(("one", "two"), ada))
    assert {strategy_row(simulation, name)["status"] for name in ("one", "two")} == {"removed"}


# On record


def recorded(path: Path, settings: Settings = SETTINGS) -> DuckdbStore:
    simulation = DuckdbStore(Database.open(path / "universe.duckdb"), settings)
    record(simulation, path / "run.jsonl", 1)
    return simulation


def test_a_replay_grounds_at_the_same_turn(tmp_path: Path) -> None:
    simulation = recorded(tmp_path)
    try:
        play(simulation, 1)
        burner(simulation)
        assert timed(simulation) == ("burner",)
        digest = play(simulation, 2)
    finally:
        simulation.close()
    facts = facts_of(tmp_path / "run.jsonl")
    [place] = [place for place, fact in enumerate(facts) if isinstance(fact, Grounded)]
    assert (facts[place].tid, facts[place + 1].fact, facts[place + 1].tid) == (1, "turn", 2)
    found = replay(tmp_path / "run.jsonl", None, SETTINGS)
    assert (found.first_difference, found.state_hash, found.tid) == (None, digest, 4)

    def forge(*but: int) -> Any:
        forged = tmp_path / "forged.jsonl"
        write_facts(forged, [fact for n, fact in enumerate(facts) if n not in but])
        return replay(forged, None, SETTINGS).first_difference

    # Without its line the strategy would have gone on.
    difference = forge(place)
    assert (difference.tid, difference.what) == (2, "strategies")


@pytest.mark.parametrize("committed", [True, False])
def test_a_crash_around_the_turn_that_grounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """The line is on disk before the turn is; whether the turn was committed, the database tells."""
    simulation = recorded(tmp_path)
    play(simulation, 1)
    burner(simulation)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        if committed:
            assert simulation.recorder is not None
            patch.setattr(simulation.recorder, "turn", fail)
        else:
            patch.setattr(simulation, "_note", fail)
        with pytest.raises(ZeroDivisionError):
            timed(simulation)
    if committed:
        simulation._is_broken = True
    simulation.close()
    simulation = recorded(tmp_path)
    try:
        assert simulation.tid == (2 if committed else 1)
        assert timed(simulation) == (() if committed else ("burner",))
        digest = play(simulation, 1)
    finally:
        simulation.close()
    found = replay(tmp_path / "run.jsonl", None, SETTINGS)
    assert (found.first_difference, found.state_hash) == (None, digest)


# Uploads


def test_an_upload_that_would_make_turns_late_is_refused(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    play(simulation, 3)
    upload = upload_of("mine", "(i64.const 0)")
    # 120 ships, four strategies that are dealt new ones, a block: 30 calls and an instance.
    with pytest.raises(StrategyCostly, match=r"this would add 301 ms to a turn .* there is room for 250 ms"):
        simulation.carry_out(costing(upload, 0.001, 0.01))
    assert "mine" not in {row["name"] for row in simulation.strategy_rows.to_pylist()}
    simulation.carry_out(costing(upload, 0.001, 0.005))
    # Beside turns that take nearly all of their period there is room for next to nothing, but never for less.
    slow = simulate(SMALL.model_copy(update={"period_seconds": 0.05}))
    slow.measured._turns.append(0.048)
    with pytest.raises(StrategyCostly, match=r"turns take 48 of 50 ms"):
        slow.carry_out(costing(upload, 0.001, 0.00001))
    slow.carry_out(costing(upload, 0.0001, 0.000001))


def test_a_version_that_takes_less_than_the_one_that_flies_is_never_refused(
    simulate: Callable[..., DuckdbStore],
) -> None:
    simulation = simulate()
    upload = upload_of("mine", "(i64.const 0)")
    simulation.carry_out(upload)
    play(simulation, 1)
    # Ships met what the trial had not shown: it takes 0.4 s of a turn, more than the share of an upload.
    simulation.measured._strategies["mine"] = 0.4 * simulation.measured.threads
    simulation.measured._turns.append(0.95)
    cheaper = costing(upload_of("mine", "(i64.const 1)"), 0.001, 0.009)
    costlier = costing(cheaper, 0.001, 0.02)
    with pytest.raises(StrategyCostly):
        simulation.carry_out(costlier)
    simulation.carry_out(cheaper)
    assert strategy_row(simulation, "mine")["version"] == 2

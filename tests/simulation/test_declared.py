"""Fuel that an upload declares: its calls may take so much, it is dealt fewer ships for it, and everything else is as before."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.simulation.builder import SMALL, play, strategy_row, tallies, upload_of
from wasmverse.commands import SpawnEntity
from wasmverse.simulation.grounding import Spent, TurnCost, too_costly
from wasmverse.storage.duckdb.store import DuckdbStore

LONG = """(local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 9000))))
  (i64.const 0)"""
"""Some 60,000 fuel a call, three times what is usual."""


def test_calls_may_take_what_was_declared(simulate: Callable[..., DuckdbStore]) -> None:
    for declared, faults in ((None, 1), (100_000, 0)):
        simulation = simulate()
        simulation.carry_out(replace(upload_of("long", LONG), budget_fuel=declared))
        simulation.carry_out(SpawnEntity(2, 1, 50, 50, "long"))
        play(simulation, 1)
        assert strategy_row(simulation, "long")["budget_fuel"] == declared
        [row] = tallies(simulation, "long")
        assert row["faults"] == faults


def test_a_new_version_declares_for_itself(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    simulation.carry_out(replace(upload_of("long", LONG), budget_fuel=100_000))
    simulation.carry_out(upload_of("long", "(i64.const 0)"))
    assert strategy_row(simulation, "long")["budget_fuel"] is None


def test_what_was_declared_is_known_after_a_restart(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(SMALL, path)
    simulation.carry_out(replace(upload_of("costly", "(i64.const 0)"), budget_fuel=100_000))
    simulation.close()
    strategies = simulate(SMALL, path).registry.roster.strategies
    assert {each.name: each.budget_fuel for each in strategies if each.budget_fuel} == {"costly": 100_000}


def test_what_a_costly_call_may_take_is_no_reason_to_ground_it() -> None:
    spared = Spent("ours", 1_000, 0.001, 0.0, 0.001, is_spared=True)
    turn = TurnCost(1.5, 1.5, 1)
    for times_usual, gone in ((1.0, ["costly"]), (50.0, []), (49.0, ["costly"])):
        costly = Spent("costly", 2_000, 0.99, 0.0, 0.99, is_spared=False, times_usual=times_usual)
        assert [each.name for each in too_costly([spared, costly], turn, 1.0, 10.0)] == gone
    assert SMALL.budget_fuel == 20_000

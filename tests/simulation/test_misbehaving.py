"""Strategies that misbehave: faults, grounding, and who is innocent."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.builder import changed, everything, play, ships_of, strategy_row, tallies, upload_of
from wasmverse.commands import Author, EnableStrategy, SpawnEntity
from wasmverse.simulation.beginning import BUNDLED
from wasmverse.storage.duckdb.store import DuckdbStore

# Strategies that misbehave

_FOREVER = "(loop $again (br $again)) (i64.const 0)"
_GROWS = """(loop $more (drop (memory.grow (i32.const 1))) (memory.fill (i32.const 0) (i32.const 1) (i32.const 60000)) (br $more))
  (i64.const 0)"""
QUARTET = {
    "loops": (_FOREVER, "ran out of fuel"),
    "traps": ("(unreachable)", "trapped: unreachable"),
    "rubbish": ("(i64.const 0xff)", "returned an invalid plan"),
    "swells": (_GROWS, "ran out of fuel"),
}


def with_quartet(simulation: DuckdbStore) -> DuckdbStore:
    for name, (body, _reason) in QUARTET.items():
        simulation.carry_out(upload_of(name, body))
        for x in range(6):
            simulation.carry_out(SpawnEntity(1 + x, 1, 90 + x, 90, name))
    return simulation


@pytest.mark.slow
def test_those_who_misbehave_harm_only_themselves(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    """Looping, trapping, rubbish, memory without end, among honest strategies, for a hundred turns."""
    settings = changed(grounded_after_turns=7, strategy_turns_kept=200)
    simulation = with_quartet(simulate(settings, tmp_path / "universe.duckdb"))
    alive = {row["name"]: ships_of(simulation, row["name"]) for row in simulation.strategy_rows.to_pylist()}
    for tid in range(1, 101):
        report = simulation.advance()
        rows = {name: tallies(simulation, name)[-1] for name in alive}
        for name, row in rows.items():
            assert row["tid"] == tid
            assert row["ships"] == alive[name] + row["spawned"] - row["deaths"] == ships_of(simulation, name)
            assert row["faults"] == (alive[name] if name in QUARTET else 0)
            alive[name] = row["ships"]
        assert report.faults == sum(row["faults"] for row in rows.values())
        assert sum(alive.values()) == report.ships
        for name, (_body, reason) in QUARTET.items():
            row = strategy_row(simulation, name)
            if tid < 7:
                assert (row["status"], row["last_fault"]) == ("flying", f"turn 1: {reason}")
            else:
                told = f"turn 7: grounded, most calls faulted for 7 turns in a row: {reason}"
                assert (row["status"], row["last_fault"]) == ("grounded", told)
                assert rows[name]["fuel"] == 0 or tid == 7
                assert rows[name]["spawned"] == 0 or tid == 7
    assert all(alive[name] > 0 for name, enabled in BUNDLED.items() if enabled)

    again = with_quartet(simulate(settings))
    play(again, 100)
    assert again.state_hash() == simulation.state_hash()
    assert everything(again) == everything(simulation)


def test_a_grounded_strategy_flies_again_with_a_new_version(
    simulate: Callable[..., DuckdbStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings, path = changed(grounded_after_turns=3), tmp_path / "universe.duckdb"
    simulation = simulate(settings, path)
    simulation.carry_out(upload_of("mine", "(unreachable)"))
    eid = simulation.carry_out(SpawnEntity(1, 1, 50, 50, "mine"))["eid"]
    play(simulation, 3)
    assert strategy_row(simulation, "mine")["status"] == "grounded"
    [told] = [vars(record) for record in caplog.records if vars(record).get("event") == "grounding"]
    assert (told["levelname"], told["strategy"], told["turn"]) == ("WARNING", "mine", 3)
    simulation.close()
    simulation = simulate(settings, path)
    play(simulation, 1)
    assert (strategy_row(simulation, "mine")["status"], tallies(simulation, "mine")[-1]["fuel"]) == (
        "grounded",
        0,
    )
    simulation.carry_out(upload_of("mine", "(i64.const 0x41)"))
    play(simulation, 1)
    row = strategy_row(simulation, "mine")
    assert (row["status"], row["last_fault"], row["version"]) == ("flying", None, 2)
    assert tallies(simulation, "mine")[-1]["faults"] == 0
    [ship] = [ship for ship in simulation.stored.ship_table().to_pylist() if ship["eid"] == eid]
    assert ship["y"] == 49


@pytest.mark.parametrize("is_reopened", [False, True])
def test_a_new_version_starts_with_a_clean_record(
    simulate: Callable[..., DuckdbStore], tmp_path: Path, is_reopened: bool
) -> None:
    """Also when the server is started again between the upload and the next turn."""
    settings, path = changed(grounded_after_turns=3), tmp_path / "universe.duckdb"
    simulation = simulate(settings, path)
    simulation.carry_out(upload_of("mine", "(unreachable)"))
    simulation.carry_out(SpawnEntity(1, 1, 50, 50, "mine"))
    play(simulation, 2)
    simulation.carry_out(upload_of("mine", "(unreachable) (i64.const 1)"))
    statuses = []
    for _ in range(3):
        if is_reopened:
            simulation.close()
            simulation = simulate(settings, path)
        play(simulation, 1)
        statuses.append(strategy_row(simulation, "mine")["status"])
    assert statuses == ["flying", "flying", "grounded"]


def test_who_faults_on_less_than_most_calls_is_never_grounded(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate(changed(grounded_after_turns=2))
    simulation.carry_out(
        upload_of("mine", "(if (i32.eqz (local.get $x)) (then (unreachable))) (i64.const 0)")
    )
    for x in range(4):
        simulation.carry_out(SpawnEntity(1 + x, 1, x // 2, 50, "mine"))
    simulation.carry_out(EnableStrategy("mine", False, Author.named("ada")))
    play(simulation, 8)
    assert [row["faults"] for row in tallies(simulation, "mine")] == [2] * 8
    row = strategy_row(simulation, "mine")
    assert (row["status"], row["last_fault"]) == ("flying", "turn 1: trapped: unreachable")
    faults = [row for row in simulation.history.events.rows.to_pylist() if row["kind"] == "fault"]
    assert [(row["tid"], row["strategy"], row["x"]) for row in faults] == [
        (tid, "mine", 0) for tid in range(1, 9)
    ]

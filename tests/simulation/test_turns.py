"""A universe that is moved on: turns, what is handed out of them, and that all of it replays."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.simulation.builder import (
    SMALL,
    changed,
    everything,
    play,
    ships_of,
)
from wasmverse.commands import SpawnEntity
from wasmverse.simulation.beginning import BUNDLED
from wasmverse.storage.duckdb import turn_store
from wasmverse.storage.duckdb.database import Transaction
from wasmverse.storage.duckdb.state_reader import StateReader
from wasmverse.storage.duckdb.store import DuckdbStore

# Turns


def test_a_new_universe_has_the_bundled_strategies_and_what_the_settings_say(
    simulate: Callable[..., DuckdbStore],
) -> None:
    simulation = simulate()
    assert simulation.tid == 0
    assert {row["name"]: row["is_enabled"] for row in simulation.strategy_rows.to_pylist()} == BUNDLED
    assert len(simulation.stored.state.ships.sid) == 20 * 6
    assert len(simulation.stored.state.nodes.sid) == 20 * 10
    assert {ships_of(simulation, name) for name, enabled in BUNDLED.items() if enabled} == {40}
    assert ships_of(simulation, "strategy_blank") == 0


def test_a_turn_s_report_says_what_was_committed(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    for tid in range(1, 6):
        report = simulation.advance()
        assert report.tid == simulation.tid == tid
        assert report.ships == len(simulation.stored.state.ships.sid)
        assert report.nodes == len(simulation.stored.state.nodes.sid)
        assert set(report.phase_seconds) == {"read", "observe", "decide", "resolve", "commit", "publish"}
        last = simulation.history.turns.rows.to_pylist()[-1]
        assert (last["tid"], last["writes"], last["ships"], last["energy_nodes"], last["faults"]) == (
            tid, report.writes, report.ships, report.nodes, 0,
        )  # fmt: skip
        assert simulation.stored.ship_table().num_rows == report.ships


def test_what_is_handed_out_before_the_commit_is_what_is_committed(
    simulate: Callable[..., DuckdbStore],
) -> None:
    simulation = simulate()
    for _ in range(3):
        taken: dict[str, pa.Table] = {}
        simulation.advance(publish=taken.__setitem__)
        committed = simulation.snapshot()
        told = {"story"} if simulation.history.kept_chronicle.has_told else set()
        assert taken.keys() == {"ship", "node", "strategy_turn", "event"} | told
        assert all(table.equals(committed[name]) for name, table in taken.items())
        simulation.carry_out(SpawnEntity(1, 2, 5, 5, None))  # the state is read again
        assert simulation.snapshot()["node"].num_rows == committed["node"].num_rows + 1


@pytest.mark.parametrize("fails_at", ["write", "read", "record", "commit"])
def test_a_turn_that_fails_hands_out_nothing_any_more(
    simulate: Callable[..., DuckdbStore],
    monkeypatch: pytest.MonkeyPatch,
    fails_at: str,
) -> None:
    """Whoever takes the tables may be closed next."""
    simulation = simulate()
    taken = []

    def take(name: str, _table: pa.Table) -> None:
        time.sleep(0.5 if name in {"ship", "node"} else 0)
        taken.append(name)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    transaction = simulation.database.transaction

    @contextmanager
    def fail_to_commit() -> Iterator[Transaction]:
        with transaction() as opened:
            yield opened
            raise ZeroDivisionError

    with monkeypatch.context() as patch:
        if fails_at == "write":
            patch.setattr(turn_store, "write_state", fail)
        elif fails_at == "read":
            patch.setattr(StateReader, "check", fail)
        elif fails_at == "record":
            patch.setattr(simulation.history, "append", fail)
        else:
            patch.setattr(simulation.database, "transaction", fail_to_commit)
        with pytest.raises(ZeroDivisionError):
            simulation.advance(publish=take)
        told = len(taken)
    time.sleep(0.6)
    assert len(taken) == told
    assert {"ship", "node"} <= set(taken)


def test_late_turns_are_those_that_end_after_their_deadline(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    ends_at = {1: 1000.5, 2: 1001.0, 3: 1001.25}
    for tid, end in ends_at.items():
        simulation.now = iter([1000.0, 1000.0, end]).__next__
        report = simulation.advance(deadline=1001.0)
        assert report.late_turns == (1 if tid == 3 else 0)
    assert simulation.history.turns.rows["late"].to_pylist() == [False, False, True]
    simulation.now = lambda: 5e9
    assert simulation.advance(deadline=None).late_turns == 1


def test_the_last_turn_s_true_end_is_in_the_file_after_the_close(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    for tid in (1, 2):
        simulation.now = iter([1000.0 * tid, 1000.0 * tid, 1000.0 * tid + 7]).__next__
        simulation.advance(deadline=1000.0 * tid + 1)
    shown = simulation.history.turns.rows.select(["start_time", "end_time", "late"]).to_pylist()
    simulation.close()
    with duckdb.connect(str(path)) as connection:
        stored = connection.sql("SELECT start_time, end_time, late FROM turns ORDER BY tid").fetchall()
    assert stored == [tuple(row.values()) for row in shown]
    assert [((end - start).seconds, late) for start, end, late in stored] == [(7, True), (7, True)]


def test_half_a_turn_is_never_committed(
    simulate: Callable[..., DuckdbStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails while a turn is written, closing the universe leaves the turn before."""
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    before = play(simulation, 2)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(simulation.history, "append", fail)
    with pytest.raises(ZeroDivisionError):
        simulation.advance()
    simulation.close()
    simulation = simulate(path=path)
    assert (simulation.tid, simulation.state_hash()) == (2, before)
    assert play(simulation, 2) == play(simulate(), 4)


# The same again


def test_the_same_seed_gives_the_same_turns_whatever_carries_them(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    """One thread and two, in memory and in a file, closed and opened again after every fourth turn."""
    wide = changed(systems=600)
    alone = simulate(wide)
    expected = play(alone, 12)
    threaded = simulate(wide.model_copy(update={"threads": 2}))
    assert play(threaded, 12) == expected
    assert everything(threaded) == everything(alone)
    path = tmp_path / "universe.duckdb"
    for _ in range(3):
        again = simulate(wide, path)
        play(again, 4)
        shown = everything(again)
        again.close()
    assert shown == everything(alone)
    assert play(simulate(changed(systems=600, seed=8)), 12) != expected


def test_two_processes_agree(simulate: Callable[..., DuckdbStore]) -> None:
    code = f"""
from wasmverse.processes.kernels import keep_kernels
from wasmverse.storage.duckdb.database import Database
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.store import DuckdbStore
keep_kernels()
simulation = DuckdbStore(Database.open(None), Settings.model_validate_json({SMALL.model_dump_json()!r}))
for _ in range(10):
    simulation.advance()
print(simulation.state_hash())
simulation.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == play(simulate(), 10)


def test_what_is_on_file_is_what_was_in_memory(simulate: Callable[..., DuckdbStore], tmp_path: Path) -> None:
    path = tmp_path / "universe.duckdb"
    first = simulate(changed(event_turns_kept=3, events_kept=400, strategy_turns_kept=5, turns_kept=6), path)
    play(first, 5)
    first.carry_out(SpawnEntity(3, 1, 5, 6, "strategy_flee"))
    play(first, 4)
    first.carry_out(SpawnEntity(3, 2, 7, 8, None))
    shown, digest = everything(first), first.state_hash()
    first.close()
    second = simulate(changed(event_turns_kept=3, events_kept=400, strategy_turns_kept=5, turns_kept=6), path)
    assert second.state_hash() == digest
    assert everything(second) == shown

"""A universe that is moved on: turns, commands between them, strategies that misbehave, and that all of it replays."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import wasmtime

from tests.database.builder import by_hand
from tests.wasm.builder import strategy_wat
from wasmverse.beginning import BUNDLED
from wasmverse.commands import Author, EnableStrategy, RemoveStrategy, SpawnEntity, UploadStrategy
from wasmverse.database import turn_store
from wasmverse.database.embedded import Database, Transaction
from wasmverse.errors import CommandError, StateError, StrategyTaken, StrategyUnknown, WasmverseError
from wasmverse.settings import Settings
from wasmverse.simulation import Simulation
from wasmverse.wasm.check import inspect_module

SMALL = Settings(systems=20, ships=6, nodes=10, seed=7, threads=1)


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulation]]:
    """Opens simulations and closes those that a test leaves open."""
    opened: list[Simulation] = []

    def simulate(settings: Settings = SMALL, path: Path | None = None) -> Simulation:
        simulation = Simulation(Database.open(path), settings)
        opened.append(simulation)
        close = simulation.close

        def close_once() -> None:
            if simulation in opened:
                opened.remove(simulation)
                close()

        simulation.close = close_once  # type: ignore[method-assign]
        return simulation

    yield simulate
    for simulation in opened:
        simulation.close()


def changed(**values: Any) -> Settings:
    return SMALL.model_copy(update=values)


def upload_of(name: str, body: str, extra: str = "", author: str = "ada") -> UploadStrategy:
    module = bytes(wasmtime.wat2wasm(strategy_wat(body, extra)))
    return UploadStrategy(name, module, inspect_module(module, name, SMALL).compiled, Author.named(author))


def play(simulation: Simulation, turns: int) -> str:
    for _ in range(turns):
        simulation.play_turn()
    return simulation.state_hash()


def everything(simulation: Simulation) -> dict[str, list[dict[str, Any]]]:
    """All that readers are shown, but for what depends on the clock."""
    clocks = {"start_time", "end_time", "uploaded_at", "seconds", "late"}
    return {
        name: [
            {key: value for key, value in row.items() if key not in clocks}
            for row in table.sort_by([(column, "ascending") for column in table.column_names]).to_pylist()
        ]
        for name, table in simulation.snapshot_tables().items()
    }


def strategy_row(simulation: Simulation, name: str) -> dict[str, Any]:
    [row] = [row for row in simulation.strategy_rows.to_pylist() if row["name"] == name]
    return row


def ships_of(simulation: Simulation, name: str) -> int:
    ids = simulation.stored.state.ships.strategy_id
    return int((ids == strategy_row(simulation, name)["strategy_id"]).sum())


def tallies(simulation: Simulation, name: str) -> list[dict[str, Any]]:
    rows = simulation.history.strategy_turns.rows.to_pylist()
    return sorted((row for row in rows if row["strategy"] == name), key=lambda row: row["tid"])


# Turns


def test_a_new_universe_has_the_bundled_strategies_and_what_the_settings_say(
    simulate: Callable[..., Simulation],
) -> None:
    simulation = simulate()
    assert simulation.tid == 0
    assert {row["name"]: row["is_enabled"] for row in simulation.strategy_rows.to_pylist()} == BUNDLED
    assert len(simulation.stored.state.ships.sid) == 20 * 6
    assert len(simulation.stored.state.nodes.sid) == 20 * 10
    assert {ships_of(simulation, name) for name, enabled in BUNDLED.items() if enabled} == {40}
    assert ships_of(simulation, "strategy_blank") == 0


def test_a_turn_s_report_says_what_was_committed(simulate: Callable[..., Simulation]) -> None:
    simulation = simulate()
    for tid in range(1, 6):
        report = simulation.play_turn()
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
    simulate: Callable[..., Simulation],
) -> None:
    simulation = simulate()
    for _ in range(3):
        taken: dict[str, pa.Table] = {}
        simulation.play_turn(take=taken.__setitem__)
        committed = simulation.snapshot_tables()
        assert taken.keys() == {"ship", "node", "strategy_turn", "event"}
        assert all(table.equals(committed[name]) for name, table in taken.items())
        simulation.carry_out(SpawnEntity(1, 2, 5, 5, None))  # the state is read anew
        assert simulation.snapshot_tables()["node"].num_rows == committed["node"].num_rows + 1


@pytest.mark.parametrize(
    ("fails_at", "handed_out"),
    [("write", {"node"}), ("read", {"node"}), ("record", {"node", "ship"}), ("commit", {"node", "ship"})],
)
def test_a_turn_that_fails_hands_out_nothing_any_more(
    simulate: Callable[..., Simulation],
    monkeypatch: pytest.MonkeyPatch,
    fails_at: str,
    handed_out: set[str],
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
            patch.setattr(turn_store, "write_turn", fail)
        elif fails_at == "read":
            patch.setattr(Transaction, "read_arrow", fail)
        elif fails_at == "record":
            patch.setattr(simulation.history, "append", fail)
        else:
            patch.setattr(simulation.database, "transaction", fail_to_commit)
        with pytest.raises(ZeroDivisionError):
            simulation.play_turn(take=take)
    assert handed_out <= set(taken)


def test_late_turns_are_those_that_end_after_their_deadline(simulate: Callable[..., Simulation]) -> None:
    simulation = simulate()
    ends_at = {1: 1000.5, 2: 1001.0, 3: 1001.25}
    for tid, end in ends_at.items():
        simulation.now = iter([1000.0, 1000.0, end]).__next__
        report = simulation.play_turn(deadline=1001.0)
        assert report.late_turns == (1 if tid == 3 else 0)
    assert simulation.history.turns.rows["late"].to_pylist() == [False, False, True]
    simulation.now = lambda: 5e9
    assert simulation.play_turn(deadline=None).late_turns == 1


def test_the_last_turn_s_true_end_is_in_the_file_after_the_close(
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    for tid in (1, 2):
        simulation.now = iter([1000.0 * tid, 1000.0 * tid, 1000.0 * tid + 7]).__next__
        simulation.play_turn(deadline=1000.0 * tid + 1)
    shown = simulation.history.turns.rows.select(["start_time", "end_time", "late"]).to_pylist()
    simulation.close()
    with duckdb.connect(str(path)) as connection:
        stored = connection.sql("SELECT start_time, end_time, late FROM turns ORDER BY tid").fetchall()
    assert stored == [tuple(row.values()) for row in shown]
    assert [((end - start).seconds, late) for start, end, late in stored] == [(7, True), (7, True)]


def test_half_a_turn_is_never_committed(
    simulate: Callable[..., Simulation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails while a turn is written, closing the universe leaves the turn before."""
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    before = play(simulation, 2)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(simulation.history, "append", fail)
    with pytest.raises(ZeroDivisionError):
        simulation.play_turn()
    simulation.close()
    simulation = simulate(path=path)
    assert (simulation.tid, simulation.state_hash()) == (2, before)
    assert play(simulation, 2) == play(simulate(), 4)


# The same again


def test_the_same_seed_gives_the_same_turns_whatever_carries_them(
    simulate: Callable[..., Simulation], tmp_path: Path
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


def test_two_processes_agree(simulate: Callable[..., Simulation]) -> None:
    code = f"""
from wasmverse.database.embedded import Database
from wasmverse.settings import Settings
from wasmverse.simulation import Simulation
simulation = Simulation(Database.open(None), Settings.model_validate_json({SMALL.model_dump_json()!r}))
for _ in range(10):
    simulation.play_turn()
print(simulation.state_hash())
simulation.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == play(simulate(), 10)


def test_what_is_on_file_is_what_was_in_memory(simulate: Callable[..., Simulation], tmp_path: Path) -> None:
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


# Commands


@pytest.mark.parametrize(
    ("kind", "strategy", "table"), [(1, "strategy_battle", "ship"), (2, None, "node")], ids=["ship", "node"]
)
def test_what_is_spawned_is_there_at_once_and_takes_part_in_the_next_turn(
    simulate: Callable[..., Simulation], kind: int, strategy: str | None, table: str
) -> None:
    simulation = simulate()
    play(simulation, 3)
    eid = simulation.stored.next_eid
    before = simulation.snapshot_tables()[table].num_rows
    answer = simulation.carry_out(SpawnEntity(20, kind, 99, 0, strategy))
    assert answer == {"eid": eid, "tid": 3}
    assert simulation.stored.next_eid == eid + 1
    [row] = [row for row in simulation.snapshot_tables()[table].to_pylist() if row["eid"] == eid]
    assert (row["sid"], row["x"], row["y"], row["energy"]) == (20, 99, 0, 100)
    assert simulation.snapshot_tables()[table].num_rows == before + 1
    spawned = [row for row in simulation.history.events.rows.to_pylist() if row["eid"] == eid]
    assert spawned == [
        {
            "tid": 3,
            "sid": 20,
            "kind": "spawn",
            "eid": eid,
            "x": 99,
            "y": 0,
            "strategy": strategy,
            "by_strategy": None,
        }
    ]
    play(simulation, 1)
    if kind == 1:
        [flown] = [row for row in simulation.snapshot_tables()["ship"].to_pylist() if row["eid"] == eid]
        assert flown["energy"] != 100


@pytest.mark.parametrize(
    ("command", "kind", "message"),
    [
        (SpawnEntity(0, 1, 5, 5, "strategy_flee"), CommandError, "there is no system 0; this universe has 1..20"),
        (SpawnEntity(21, 2, 5, 5, None), CommandError, "there is no system 21"),
        (SpawnEntity(1, 3, 5, 5, None), CommandError, "kind 3 is unknown"),
        (SpawnEntity(1, 1, 100, 5, "strategy_flee"), CommandError, "x is 100; a system's grid has 0..99"),
        (SpawnEntity(1, 2, 5, -1, None), CommandError, "y is -1"),
        (SpawnEntity(1, 1, 5, 5, None), CommandError, "a ship needs a strategy"),
        (SpawnEntity(1, 1, 5, 5, "nobody"), StrategyUnknown, "there is no strategy 'nobody'; there are strategy_battle,"),
        (RemoveStrategy("nobody", Author.named("ada")), StrategyUnknown, "there is no strategy 'nobody'"),
        (RemoveStrategy("strategy_flee", Author.named("ada")), StrategyTaken, "'strategy_flee' comes with Wasmverse"),
        (EnableStrategy("strategy_blank", True, Author.named("ada")), StrategyTaken, "'strategy_blank' comes with Wasmverse"),
        (EnableStrategy("nobody", True, Author.named("ada")), StrategyUnknown, "there is no strategy 'nobody'"),
    ],
)  # fmt: skip
def test_a_refused_command_changes_nothing(
    simulate: Callable[..., Simulation], command: Any, kind: type[WasmverseError], message: str
) -> None:
    simulation = simulate()
    play(simulation, 2)
    before = everything(simulation), simulation.state_hash()
    with pytest.raises(kind) as refused:
        simulation.carry_out(command)
    assert message in refused.value.message
    assert (everything(simulation), simulation.state_hash()) == before
    assert play(simulation, 3) == play(simulate(), 5)


def test_somebody_else_s_name_cannot_be_taken(simulate: Callable[..., Simulation]) -> None:
    simulation = simulate()
    simulation.carry_out(upload_of("mine", "(i64.const 0)"))
    before = everything(simulation)
    for command in (
        upload_of("mine", "(i64.const 1)", author="eve"),
        upload_of("strategy_flee", "(i64.const 1)"),
        RemoveStrategy("mine", Author.named("eve")),
        EnableStrategy("mine", False, Author.named("eve")),
    ):
        with pytest.raises(StrategyTaken):
            simulation.carry_out(command)
        assert everything(simulation) == before


def test_an_upload_flies_from_the_next_turn_on_and_is_dealt_new_ships(
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    play(simulation, 1)
    answer = simulation.carry_out(upload_of("mine", "(i64.const 0xab00)"))
    [row] = answer["strategies"]
    assert (row["name"], row["version"], row["author"], row["status"], row["is_enabled"]) == (
        "mine", 1, "ada", "flying", True,
    )  # fmt: skip
    eid = simulation.carry_out(SpawnEntity(1, 1, 0, 0, "mine"))["eid"]
    play(simulation, 1)

    def plan() -> int:
        return next(r["last_plan"] for r in simulation.stored.ship_table().to_pylist() if r["eid"] == eid)

    assert plan() == 0xAB00
    # Every ship of the others is taken away: the next turn deals one a system.
    simulation.carry_out(upload_of("mine", "(i64.const 0xcd00)"))
    assert strategy_row(simulation, "mine")["version"] == 2
    simulation.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"DELETE FROM ship_packed WHERE eid <> {eid}")
    simulation = simulate(path=path)
    play(simulation, 1)
    assert plan() == 0xCD00
    assert [tallies(simulation, name)[-1]["spawned"] for name in ("mine", "strategy_battle", "strategy_blank")] == [
        5, 5, 0,
    ]  # fmt: skip


def test_a_strategy_that_is_not_enabled_flies_on_but_is_dealt_no_ship(
    simulate: Callable[..., Simulation],
) -> None:
    simulation = simulate()
    simulation.carry_out(upload_of("mine", "(i64.const 0)"))
    answer = simulation.carry_out(EnableStrategy("mine", False, Author.named("ada")))
    assert answer == {"name": "mine", "is_enabled": False, "tid": 0}
    simulation.carry_out(SpawnEntity(1, 1, 0, 0, "mine"))
    play(simulation, 5)
    assert [row["spawned"] for row in tallies(simulation, "mine")] == [0] * 5
    assert tallies(simulation, "mine")[-1]["fuel"] > 0


def test_a_removed_strategy_s_ships_hold_and_its_name_comes_back_with_its_author(
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    simulation.carry_out(upload_of("mine", "(i64.const 0x41)"))
    eid = simulation.carry_out(SpawnEntity(1, 1, 50, 50, "mine"))["eid"]
    assert simulation.carry_out(RemoveStrategy("mine", Author.named("ada"))) == {"name": "mine", "tid": 0}
    with pytest.raises(StrategyUnknown):
        simulation.carry_out(SpawnEntity(1, 1, 0, 0, "mine"))
    play(simulation, 2)
    simulation.close()
    simulation = simulate(path=path)
    play(simulation, 1)
    [ship] = [row for row in simulation.stored.ship_table().to_pylist() if row["eid"] == eid]
    assert (ship["x"], ship["y"], ship["last_plan"]) == (50, 50, 0)
    assert [(row["faults"], row["fuel"]) for row in tallies(simulation, "mine")] == [(0, 0)] * 3
    with pytest.raises(StrategyTaken):
        simulation.carry_out(upload_of("mine", "(i64.const 0)", author="eve"))
    simulation.carry_out(upload_of("mine", "(i64.const 0x41)"))
    play(simulation, 1)
    [ship] = [row for row in simulation.stored.ship_table().to_pylist() if row["eid"] == eid]
    assert (ship["x"], ship["y"], ship["last_plan"]) == (50, 49, 0x41)
    assert strategy_row(simulation, "mine")["status"] == "flying"


def test_commands_replay_with_the_turns_around_them(
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    def history(simulation: Simulation, reopen: Callable[[], Simulation] | None = None) -> str:
        for command in (
            upload_of(
                "mine", "(i64.extend_i32_u (i32.or (i32.const 0x41) (i32.shl (local.get $x) (i32.const 8))))"
            ),
            SpawnEntity(3, 1, 10, 10, "mine"),
            EnableStrategy("mine", False, Author.named("ada")),
            SpawnEntity(3, 2, 10, 10, None),
            RemoveStrategy("mine", Author.named("ada")),
        ):
            play(simulation, 2)
            simulation.carry_out(command)
            if reopen is not None:
                simulation.close()
                simulation = reopen()
        digest = play(simulation, 2)
        if reopen is not None:
            simulation.close()
        return digest

    path = tmp_path / "universe.duckdb"
    assert history(simulate(path=path), lambda: simulate(path=path)) == history(simulate())


# Others at the file


def test_what_others_commit_while_it_is_closed_is_what_the_next_turn_sees(
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    play(simulation, 2)
    eid = int(simulation.stored.state.ships.eid[0])
    simulation.close()
    with duckdb.connect(str(path)) as connection:
        for statement in (
            f"UPDATE ships SET x = 42, y = 43, energy = 5000 WHERE eid = {eid}",
            "DELETE FROM nodes WHERE sid = 2; INSERT INTO nodes VALUES (1, 999999, 42, 43, 1)",
        ):
            connection.execute(";".join(by_hand(statement)))
        connection.execute("UPDATE universe SET next_eid = 1000000")
    simulation = simulate(path=path)
    seen = next(row for row in simulation.stored.ship_table().to_pylist() if row["eid"] == eid)
    assert (seen["x"], seen["y"], seen["energy"]) == (42, 43, 5000)
    play(simulation, 1)
    after = next(row for row in simulation.stored.ship_table().to_pylist() if row["eid"] == eid)
    assert 4900 <= after["energy"] <= 5100
    assert abs(after["x"] - 42) + abs(after["y"] - 43) <= after["thrusters"]
    assert simulation.stored.next_eid > 1_000_000


def test_a_row_that_others_broke_stops_the_start_and_names_it(
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    play(simulation, 1)
    simulation.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute(";".join(by_hand("UPDATE ships SET x = 200 WHERE eid = 2")))
    database = Database.open(path)
    with pytest.raises(StateError, match=r"ship 2 has x 200; allowed is 0\.\.99: correct the row"):
        Simulation(database, SMALL)
    database.close()


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


def with_quartet(simulation: Simulation) -> Simulation:
    for name, (body, _reason) in QUARTET.items():
        simulation.carry_out(upload_of(name, body))
        for x in range(6):
            simulation.carry_out(SpawnEntity(1 + x, 1, 90 + x, 90, name))
    return simulation


@pytest.mark.slow
def test_those_who_misbehave_harm_only_themselves(
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    """Looping, trapping, rubbish, memory without end, among honest strategies, for a hundred turns."""
    settings = changed(grounded_after_turns=7, strategy_turns_kept=200)
    simulation = with_quartet(simulate(settings, tmp_path / "universe.duckdb"))
    alive = {row["name"]: ships_of(simulation, row["name"]) for row in simulation.strategy_rows.to_pylist()}
    for tid in range(1, 101):
        report = simulation.play_turn()
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
    simulate: Callable[..., Simulation], tmp_path: Path
) -> None:
    settings, path = changed(grounded_after_turns=3), tmp_path / "universe.duckdb"
    simulation = simulate(settings, path)
    simulation.carry_out(upload_of("mine", "(unreachable)"))
    eid = simulation.carry_out(SpawnEntity(1, 1, 50, 50, "mine"))["eid"]
    play(simulation, 3)
    assert strategy_row(simulation, "mine")["status"] == "grounded"
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
    simulate: Callable[..., Simulation], tmp_path: Path, is_reopened: bool
) -> None:
    """Also when the server is started anew between the upload and the next turn."""
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


def test_who_faults_on_less_than_most_calls_is_never_grounded(simulate: Callable[..., Simulation]) -> None:
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

"""Commands between turns, and what others do to the file while it is closed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.simulation.builder import SMALL, everything, play, strategy_row, tallies, upload_of
from tests.storage.by_hand import change_by_hand
from wasmverse.commands import Author, Command, EnableStrategy, RemoveStrategy, SpawnEntity, Transmit
from wasmverse.errors import CommandError, StateError, StrategyTaken, StrategyUnknown, WasmverseError
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.duckdb.store import DuckdbStore

# Commands


@pytest.mark.parametrize(
    ("kind", "strategy", "table"), [(1, "strategy_battle", "ship"), (2, None, "node")], ids=["ship", "node"]
)
def test_what_is_spawned_is_there_at_once_and_takes_part_in_the_next_turn(
    simulate: Callable[..., DuckdbStore], kind: int, strategy: str | None, table: str
) -> None:
    simulation = simulate()
    play(simulation, 3)
    eid = simulation.stored.next_eid
    before = simulation.snapshot()[table].num_rows
    answer = simulation.carry_out(SpawnEntity(20, kind, 99, 0, strategy))
    assert answer == {"eid": eid, "tid": 3}
    assert simulation.stored.next_eid == eid + 1
    [row] = [row for row in simulation.snapshot()[table].to_pylist() if row["eid"] == eid]
    assert (row["sid"], row["x"], row["y"], row["energy"]) == (20, 99, 0, 100)
    assert simulation.snapshot()[table].num_rows == before + 1
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
            "blasters": 2 if kind == 1 else 0,
        }
    ]
    play(simulation, 1)
    if kind == 1:
        [flown] = [row for row in simulation.snapshot()["ship"].to_pylist() if row["eid"] == eid]
        assert flown["energy"] != 100


REFUSED: list[tuple[Command, type[WasmverseError], str]] = [
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
]  # fmt: skip


@pytest.fixture(scope="module")
def played() -> Iterator[DuckdbStore]:
    """A universe at turn 2, for tests that change nothing."""
    simulation = DuckdbStore(Database.open(None), SMALL)
    play(simulation, 2)
    yield simulation
    simulation.close()


@pytest.mark.parametrize(("command", "kind", "message"), REFUSED)
def test_a_refused_command_changes_nothing(
    played: DuckdbStore, command: Command, kind: type[WasmverseError], message: str
) -> None:
    before = everything(played), played.state_hash()
    with pytest.raises(kind) as refused:
        played.carry_out(command)
    assert message in refused.value.message
    assert (everything(played), played.state_hash()) == before


def test_turns_after_refused_commands_are_as_without_them(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    play(simulation, 2)
    for command, kind, _message in REFUSED:
        with pytest.raises(kind):
            simulation.carry_out(command)
    assert play(simulation, 3) == play(simulate(), 5)


@pytest.mark.parametrize(
    "command",
    [
        SpawnEntity(1, 2, 5, 5, None),
        Transmit("Hello", Author.named("ada")),
        RemoveStrategy("strategy_none", Author.named("ada")),
    ],
    ids=["spawn", "transmit", "refused"],
)
def test_what_is_remembered_is_not_changed_by_a_command_that_fails(
    simulate: Callable[..., DuckdbStore], monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    simulation = simulate()
    play(simulation, 2)
    simulation.carry_out(SpawnEntity(1, 2, 5, 5, None))
    simulation.carry_out(Transmit("Hello", Author.named("ada")))
    names = ("turns", "strategy_turn", "event", "message")
    before = simulation.snapshot()
    transaction = simulation.database.transaction

    @contextmanager
    def fail_once() -> Iterator[Transaction]:
        monkeypatch.undo()
        with transaction() as opened:
            yield opened
            raise ZeroDivisionError

    monkeypatch.setattr(simulation.database, "transaction", fail_once)
    with pytest.raises((ZeroDivisionError, StrategyUnknown)):
        simulation.carry_out(command)
    after = simulation.snapshot()
    assert [after[name].to_pylist() for name in names] == [before[name].to_pylist() for name in names]
    play(simulation, 1)
    loaded = History(100, 100, 100, 100_000)
    with simulation.database.transaction() as opened:
        loaded.load(opened)
    assert loaded.events.rows.equals(simulation.history.events.rows.combine_chunks())
    assert loaded.messages.rows.equals(simulation.history.messages.rows.combine_chunks())


def test_somebody_else_s_name_cannot_be_taken(simulate: Callable[..., DuckdbStore]) -> None:
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
    simulate: Callable[..., DuckdbStore], tmp_path: Path
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
        change_by_hand(connection, f"DELETE FROM ships WHERE eid <> {eid}")
    simulation = simulate(path=path)
    play(simulation, 1)
    assert plan() == 0xCD00
    assert [tallies(simulation, name)[-1]["spawned"] for name in ("mine", "strategy_battle", "strategy_blank")] == [
        5, 5, 0,
    ]  # fmt: skip


def test_a_strategy_that_is_not_enabled_flies_on_but_is_dealt_no_ship(
    simulate: Callable[..., DuckdbStore],
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
    simulate: Callable[..., DuckdbStore], tmp_path: Path
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
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    def history(simulation: DuckdbStore, reopen: Callable[[], DuckdbStore] | None = None) -> str:
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
    simulate: Callable[..., DuckdbStore], tmp_path: Path
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
            change_by_hand(connection, statement)
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
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    path = tmp_path / "universe.duckdb"
    simulation = simulate(path=path)
    play(simulation, 1)
    simulation.close()
    with duckdb.connect(str(path)) as connection:
        change_by_hand(connection, "UPDATE ships SET x = 200 WHERE eid = 2")
    database = Database.open(path)
    with pytest.raises(StateError, match=r"ship 2 has x 200; allowed is 0\.\.99; restore a copy"):
        DuckdbStore(database, SMALL)
    database.close()

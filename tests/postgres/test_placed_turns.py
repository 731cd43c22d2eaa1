"""Turns played in databases: wherever and by however many they are played, the embedded engine's bytes, and nothing by halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import psycopg
import pytest

from tests.postgres.placed import PlacedUniverse
from tests.postgres.server import Server
from tests.simulation.builder import changed, upload_of
from tests.simulation.test_strategy_log import printing
from tests.strategies.test_components import DOUBLE
from wasmverse.commands import Author, EnableStrategy, RemoveStrategy, SpawnEntity, UploadStrategy
from wasmverse.errors import DatabaseError, DatabaseLost, StateError
from wasmverse.simulation.beginning import make_laws
from wasmverse.storage.postgres.backend.guests import target
from wasmverse.storage.postgres.backend.statements import Statement
from wasmverse.storage.postgres.recovery import recover
from wasmverse.storage.postgres.sessions import RELATION, OverProtocol, connect, get_ready
from wasmverse.storage.postgres.turns import PlacedTurns, sessions_for, shared_out
from wasmverse.strategies.inspection import inspect_module
from wasmverse.universe.deal import deal

SMALL = changed(systems=20, upkeep=30, grounded_after_turns=2)
BLOCK_SYSTEMS = 4

MOVER = "(i64.or (i64.const 64) (i64.shl (i64.extend_i32_u (i32.rem_u (local.get 1) (i32.const 3))) (i64.const 8)))"

WAYS: dict[str, tuple[int, int, dict[str, Any]]] = {
    "one backend": (1, 1, {}),
    "one backend, two threads": (1, 2, {"threads": 2}),
    "two sessions": (1, 3, {"sessions": 2}),
    "two servers, two sessions each": (2, 1, {"sessions": 2}),
    "outside, two servers, two threads": (2, 3, {"is_inside": False, "threads": 2}),
}
"""How many servers, systems to a row, and what else the driver is told."""


Place = Callable[..., PlacedUniverse]


@pytest.fixture
def place(url: str, second_url: str) -> Iterator[Place]:
    """Makes universes of blocks of a few systems in one or two databases."""
    made: list[PlacedUniverse] = []

    def place(servers: int = 1, row_systems: int = 2, **driver: Any) -> PlacedUniverse:
        few = lambda settings: replace(make_laws(settings), block_systems=BLOCK_SYSTEMS)  # noqa: E731
        with patch("wasmverse.storage.duckdb.store.make_laws", few):
            universe = PlacedUniverse(SMALL, [url, second_url][:servers], row_systems=row_systems, **driver)
        made.append(universe)
        return universe

    yield place
    for universe in made:
        universe.close()


def component_of(name: str) -> UploadStrategy:
    found = replace(inspect_module(DOUBLE, name, SMALL), costs={})
    return UploadStrategy(name, DOUBLE, found, Author.named("ada"))


@pytest.mark.parametrize("way", WAYS)
def test_the_bytes_are_those_of_the_embedded_engine(place: Place, way: str) -> None:
    """With what commands do between turns: new modules, one that prints, a component, one that is grounded, spawns, removals."""
    servers, row_systems, driver = WAYS[way]
    universe = place(servers, row_systems, **driver)
    play = lambda turns: [universe.advance() for _ in range(turns)]  # noqa: E731
    play(3)
    universe.command(upload_of("strategy_mover", MOVER))
    for sid in (1, 9, 20):
        universe.command(SpawnEntity(sid, 1, 50, 50, "strategy_mover"))
    universe.command(printing("here\nand there"))
    universe.command(SpawnEntity(17, 1, 3, 4, "mine"))
    assert any(account.printed for account in play(2))
    universe.command(upload_of("strategy_faulty", "unreachable"))
    universe.command(component_of("double"))
    for sid in (2, 18):
        universe.command(SpawnEntity(sid, 1, 9, 9, "strategy_faulty"))
        universe.command(SpawnEntity(sid, 1, 9, 9, "double"))
    assert any(account.faults for account in play(4))
    assert universe.state_hash() == universe.embedded.state_hash()
    statuses = {row.name: row.status for row in universe.embedded.founding().strategies}
    assert statuses["strategy_faulty"] == "grounded"
    universe.command(EnableStrategy("strategy_flee", False, Author.named("wasmverse")))
    universe.command(RemoveStrategy("strategy_mover", Author.named("ada")))
    play(3)
    assert universe.state_hash() == universe.embedded.state_hash()


def test_modules_are_loaded_as_they_were_compiled_at_the_upload(place: Place) -> None:
    universe = place()
    admin = universe.admin[universe.urls[0]]
    modules = admin.execute("DELETE FROM strategy_module RETURNING *").fetchall()
    universe.advance()
    assert universe.state_hash() == universe.embedded.state_hash()

    # A new session finds neither what was compiled for it, nor the module.
    admin.execute("UPDATE compiled_module SET target = 'another machine'")
    universe.connection.close()
    universe.connection = psycopg.connect(universe.urls[0])
    with pytest.raises(StateError, match=r"^the database has no module with sha256"):
        universe.place()
    for module in modules:
        admin.execute("INSERT INTO strategy_module VALUES (%s, %s)", module)
    universe.advance()
    admin.execute("UPDATE compiled_module SET target = %s, code = 'of another processor'", (target(),))
    universe.connection.close()
    universe.connection = psycopg.connect(universe.urls[0])
    universe.advance()
    assert universe.state_hash() == universe.embedded.state_hash()


@pytest.mark.parametrize("is_inside", [True, False], ids=["inside", "outside"])
def test_a_damaged_row_stops_the_turn_and_nothing_is_changed(place: Place, is_inside: bool) -> None:
    universe = place(2, is_inside=is_inside)
    universe.advance()
    before = universe.state_hash()
    with connect(universe.urls[1]) as connection:
        row = (max(universe.url_of), 17)
        ((ships,),) = connection.execute(
            f"UPDATE {RELATION} SET ships = ships || 'more than' WHERE (block, first_sid) = (%s, %s) "
            "RETURNING substr(ships, 1, length(ships) - 9)", row
        ).fetchall()  # fmt: skip
    with pytest.raises(StateError, match=r"^the ships of system \d+ cannot be read: .*restore a copy"):
        universe.place()
    with connect(universe.urls[1]) as connection:
        connection.execute(
            f"UPDATE {RELATION} SET ships = %s WHERE (block, first_sid) = (%s, %s)", (ships, *row)
        )
    assert universe.state_hash() == before
    with connect(universe.urls[1]) as connection:
        connection.execute(f"UPDATE {RELATION} SET first_sid = 18 WHERE (block, first_sid) = (%s, %s)", row)
    with pytest.raises(
        StateError, match=r"^block 4 has 2 rows in system_state, which begin with the systems \[18, 19\]"
    ):
        universe.place()
    with connect(universe.urls[1]) as connection:
        connection.execute(
            f"UPDATE {RELATION} SET first_sid = 17 WHERE (block, first_sid) = (%s, 18)", row[:1]
        )
    universe.advance()
    assert universe.state_hash() == universe.embedded.state_hash()


def test_rows_are_read_once_and_again_when_somebody_has_written_them(place: Place) -> None:
    universe = place(2, is_inside=False)
    read: list[int] = []
    rows = OverProtocol.rows

    def noted(self: OverProtocol, statement: Statement, values: Sequence[Any]) -> Any:
        if "string_agg" in statement.text:
            read.append(values[0])
        return rows(self, statement, values)

    with patch.object(OverProtocol, "rows", noted):
        universe.advance()
        universe.advance()
        assert sorted(read) == [0, 1, 2, 3, 4]
        with connect(universe.urls[1]) as connection:
            connection.execute(f"UPDATE {RELATION} SET nodes = nodes WHERE first_sid = 15")
        universe.advance()
        assert read[5:] == [3]
        with connect(universe.urls[1]) as connection:
            ((ships, nodes),) = connection.execute(
                f"DELETE FROM {RELATION} WHERE first_sid = 17 RETURNING ships, nodes"
            ).fetchall()
        with pytest.raises(
            StateError, match=r"^block 4 has 1 rows in system_state, which begin with the systems \[19\]"
        ):
            universe.place()
        with connect(universe.urls[1]) as connection:
            connection.execute(f"INSERT INTO {RELATION} VALUES (4, 17, %s, %s)", (ships, nodes))
        universe.advance()
    assert universe.state_hash() == universe.embedded.state_hash()


def test_a_turn_that_another_has_played_is_not_played_again(place: Place) -> None:
    universe = place(2)
    universe.advance()
    other = PlacedTurns(universe.urls[0], universe.urls[1:])
    universe.turns, own = other, universe.turns
    universe.advance()
    universe.turns = own
    before, universe.tid = universe.state_hash(), universe.tid - 1
    with pytest.raises(
        StateError,
        match=r"^turn 2 cannot be played: 2 of 2 blocks of a place are not at turn 1: another process",
    ):
        universe.place()
    other.close()
    universe.tid += 1
    assert universe.state_hash() == before


def test_what_was_not_played_in_a_session_cannot_be_settled_there(place: Place) -> None:
    universe = place()
    task = universe.task()

    universe.connection.execute("SELECT tid FROM universe FOR UPDATE")
    dealt = deal(universe.turns.begin(universe.connection, task), task.roster(), universe.next_eid, 1)
    universe.connection.rollback()
    with psycopg.connect(universe.urls[0]) as stranger:
        universe.turns._first.connection = stranger
        with pytest.raises(StateError, match=r"^nothing was played in this session: play the turn again"):
            universe.turns.settle(dealt)
    universe.turns.rollback()
    universe.advance()


@pytest.mark.parametrize("is_decided", [False, True], ids=["before the decision", "after it"])
def test_what_a_driver_leaves_prepared_is_settled_by_the_next(place: Place, is_decided: bool) -> None:
    universe = place(2, sessions=2)
    universe.advance()
    with patch.object(universe.turns, "finish", side_effect=KeyboardInterrupt) as finish:
        prepare = universe.turns.prepare

        def stop() -> None:
            prepare()
            if not is_decided:
                raise KeyboardInterrupt

        with (
            patch.object(universe.turns, "prepare", stop),
            patch.object(universe.turns, "rollback"),
            pytest.raises(KeyboardInterrupt),
        ):
            universe.place()
        assert finish.called == is_decided
    universe.turns.close()
    if is_decided:
        universe.tid += 1
        universe.next_eid = universe.connection.execute("SELECT next_eid FROM universe").fetchall()[0][0]
        universe.connection.rollback()
        universe.embed()
    universe.turns = PlacedTurns(universe.urls[0], universe.urls[1:], sessions=2)
    assert {done.is_committed for done in universe.turns.recovered} == {is_decided}
    assert len(universe.turns.recovered) == 3
    assert universe.state_hash() == universe.embedded.state_hash()
    universe.advance()
    assert recover(universe.urls[0], universe.urls[1:]) == []


@pytest.mark.parametrize("moment", ["settle", "finish"])
def test_a_session_that_is_lost_costs_at_most_the_turn(place: Place, moment: str) -> None:
    """Ended by the server: before the decision the turn is played again, after it the transaction is there and is committed."""
    universe = place(sessions=2)
    universe.advance()
    step = getattr(universe.turns, moment)

    def without_session(*arguments: Any) -> Any:
        for _, session in universe.turns._own:
            with connect(universe.urls[0]) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(%s, 5000)", (session.connection.info.backend_pid,)
                )
        return step(*arguments)

    with patch.object(universe.turns, moment, without_session), suppress(DatabaseLost):
        universe.place()
        assert moment == "finish"
    assert universe.tid == 1 + (moment == "finish"), "before the decision the turn is undone"
    if moment == "finish":
        universe.embed()
    universe.advance()
    assert universe.state_hash() == universe.embedded.state_hash()
    assert [done.is_committed for done in universe.turns.recovered] == [True] * (moment == "finish")


def test_a_commit_that_fails_is_the_end_of_the_turn_everywhere(place: Place) -> None:
    universe = place(2)
    universe.advance()
    universe.connection.execute(
        "ALTER TABLE universe ADD CONSTRAINT one UNIQUE (tid) DEFERRABLE INITIALLY DEFERRED"
    )
    universe.connection.commit()
    finish = patch.object(universe.turns, "finish", side_effect=AssertionError)
    begin = universe.turns.begin

    def twice(connection: Any, task: Any) -> Any:
        connection.execute("INSERT INTO universe SELECT tid, next_eid FROM universe")
        return begin(connection, task)

    with (
        finish,
        patch.object(universe.turns, "begin", twice),
        pytest.raises(psycopg.errors.UniqueViolation),
    ):
        universe.place()
    assert [str(done) for done in universe.turns.recovered] == [
        "a prepared transaction of turn 2 was rolled back"
    ]
    universe.advance()
    assert universe.state_hash() == universe.embedded.state_hash()


def test_a_backend_keeps_its_signals(place: Place) -> None:
    """wasmtime takes up those of traps; threads have none of PostgreSQL's."""
    universe = place(threads=2)
    look = """CREATE FUNCTION look(what text) RETURNS text LANGUAGE plpython3u AS $$
        import glob
        wanted = ("SigBlk", "SigIgn", "SigCgt")
        if what == "own":
            lines = open("/proc/thread-self/status").read().splitlines()
            return " ".join(line for line in lines if line.startswith(wanted))
        if what == "import":
            from wasmverse.storage.postgres.backend import play
            return play.__name__
        tasks = glob.glob("/proc/self/task/*/status")
        masks = [line.split()[1] for file in tasks for line in open(file) if line.startswith("SigBlk")]
        return " ".join(sorted(masks))
    $$"""
    universe.connection.execute(look)
    universe.connection.commit()

    def looked(what: str) -> str:
        with universe.connection.transaction():
            return str(universe.connection.execute("SELECT look(%s)", (what,)).fetchall()[0][0])

    before = looked("own")
    assert looked("import")
    assert looked("own") == before, "importing it changes nothing"
    universe.advance()
    after = looked("own")
    assert after.split()[:4] == before.split()[:4], "nothing is blocked or ignored"
    traps = sum(
        1 << number - 1 for number in (4, 5, 7, 8, 11, 32, 33)
    )  # the last two are the C library's, for threads
    assert int(after.split()[5], 16) & ~traps == int(before.split()[5], 16) & ~traps
    masks = [int(mask, 16) for mask in looked("all").split()]
    assert len(masks) >= 2
    heard = (1 << 10 - 1) | (1 << 14 - 1) | (1 << 15 - 1) | (1 << 2 - 1)  # USR1, ALRM, TERM, INT
    assert sum(mask & heard == 0 for mask in masks) == 1, (
        "of all threads only the backend's own hears PostgreSQL"
    )


def test_a_session_that_is_ready_compiles_nothing_in_a_turn(place: Place) -> None:
    universe = place()
    with universe.connection.transaction():
        universe.connection.execute(
            """CREATE FUNCTION kernels() RETURNS text[] LANGUAGE plpython3u AS $$
            import sys
            from numba.core.dispatcher import Dispatcher
            found = [
                value for name, module in list(sys.modules.items()) if name.startswith("wasmverse.universe.")
                for value in vars(module).values() if isinstance(value, Dispatcher)
            ]
            return sorted({f"{kernel.py_func.__name__}{each}" for kernel in found for each in kernel.signatures})
            $$"""
        )

    def kernels() -> list[str]:
        with universe.connection.transaction():
            return list(universe.connection.execute("SELECT kernels()").fetchall()[0][0])

    get_ready(universe.connection)
    ready = kernels()
    assert len(ready) > 10
    universe.advance()
    universe.advance()
    assert kernels() == ready


def test_the_table_does_not_grow_with_the_turns(place: Place) -> None:
    universe = place()
    for _ in range(10):
        universe.place()

    def size() -> int:
        with connect(universe.urls[0]) as connection:
            return int(connection.execute("SELECT pg_total_relation_size(%s)", (RELATION,)).fetchall()[0][0])

    before = size()
    for _ in range(50):
        universe.place()
    assert size() == before
    with connect(universe.urls[0]) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
    with connect(universe.urls[0]) as connection:
        ((updated, hot),) = connection.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s", (RELATION,)
        ).fetchall()
    assert hot >= 0.95 * updated


def test_without_prepared_transactions_one_server_plays_in_one_session_and_several_are_refused() -> None:
    assert sessions_for(2, 8) == 1
    assert sessions_for(31, 2) == 2
    assert sessions_for(31, 64) == 7
    assert shared_out(range(7), 3) == [[0, 1], [2, 3], [4, 5, 6]]
    assert shared_out(range(2), 5) == [[0], [1]]


def test_a_lock_that_somebody_holds_is_waited_for_and_then_told(place: Place, server: Server) -> None:
    universe = place(sessions=2)
    universe.advance()
    with psycopg.connect(universe.urls[0]) as stranger:
        stranger.execute("SELECT * FROM place WHERE block = 4 FOR UPDATE")
        for _, session in universe.turns._own:
            session.connection.execute("SET lock_timeout = '50ms'")
        with pytest.raises(
            DatabaseError,
            match=r"^rows of the universe were locked for 10 s: end the session that holds them",
        ):
            universe.place()
    universe.advance()
    assert universe.state_hash() == universe.embedded.state_hash()

"""A universe on two servers: commands change systems of either, and what a process that is killed leaves behind is settled."""

from collections.abc import Iterator

import pytest

from tests.postgres.life import tables_of
from tests.simulation.builder import changed, upload_of
from wasmverse.commands import SpawnEntity
from wasmverse.errors import DatabaseForeign, StateError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.duckdb.database import Database as File
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.postgres import pull
from wasmverse.storage.postgres.database import Database
from wasmverse.storage.postgres.opening import open_postgres
from wasmverse.storage.postgres.store import PostgresStore
from wasmverse.storage.postgres.systems import SystemWriter
from wasmverse.storage.postgres.turns import PlacedTurns

SETTINGS = changed(systems=520, ships=2, nodes=3)
"""Two blocks, of 512 systems and of 8."""
FAR, NEAR = 515, 3


@pytest.fixture
def places(url: str, second_url: str) -> list[DatabaseUrl]:
    return [DatabaseUrl.read(url), DatabaseUrl.read(second_url)]


@pytest.fixture
def embedded() -> Iterator[DuckdbStore]:
    store = DuckdbStore.opened(File.open(None), SETTINGS)
    yield store
    store.close()


def playing(places: list[DatabaseUrl]) -> PostgresStore:
    store = open_postgres(places, SETTINGS, play="outside")
    assert store.claim()
    return store


def test_commands_change_systems_of_either_server(places: list[DatabaseUrl], embedded: DuckdbStore) -> None:
    store, follower = playing(places), open_postgres(places, SETTINGS, play="outside")
    commands = [
        SpawnEntity(FAR, 1, 50, 50, "strategy_battle"), SpawnEntity(NEAR, 2, 1, 1, None), upload_of("mine", "(i64.const 0)"),
        SpawnEntity(FAR, 1, 50, 50, "mine"), SpawnEntity(520, 2, 99, 99, None),
    ]  # fmt: skip
    for number, command in enumerate(commands):
        # Whoever has it open may command.
        told = (follower if number % 2 else store).carry_out(command)
        expected = embedded.carry_out(command)
        assert told.get("eid") == expected.get("eid")
    for _ in range(2):
        store.advance()
        embedded.advance()
        follower.follow()
        assert store.state_hash() == follower.state_hash() == embedded.state_hash()
        assert tables_of(store) == tables_of(follower) == tables_of(embedded)
    assert store.condition().recoveries == 0
    follower.close()
    store.close()


@pytest.mark.parametrize("is_decided", [False, True], ids=["undecided", "decided"])
def test_a_command_that_broke_off_is_undone_or_done_by_the_next_process(
    places: list[DatabaseUrl], embedded: DuckdbStore, monkeypatch: pytest.MonkeyPatch, is_decided: bool
) -> None:
    store = playing(places)
    command = SpawnEntity(FAR, 1, 50, 50, "strategy_battle")
    prepare = SystemWriter.prepare

    def die(self: SystemWriter) -> None:
        prepare(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if is_decided:
            patch.setattr(SystemWriter, "finish", lambda _self, _coordinator: die(SystemWriter([])))
        else:
            patch.setattr(SystemWriter, "prepare", die)
        patch.setattr(SystemWriter, "recover", lambda _self, _transaction: [])
        with pytest.raises(KeyboardInterrupt):
            store.carry_out(command)
        store._end_sessions()  # as if killed
    if is_decided:
        embedded.carry_out(command)
    again = playing(places)
    assert again.state_hash() == embedded.state_hash()
    done = "committed" if is_decided else "rolled back"
    assert (again.condition().recovered or "").startswith(f"a prepared command was {done}")
    again.advance()
    embedded.advance()
    assert again.state_hash() == embedded.state_hash()
    again.close()


def test_nobody_sees_two_turns_at_once(
    places: list[DatabaseUrl], embedded: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, follower = playing(places), open_postgres(places, SETTINGS, play="outside")
    with monkeypatch.context() as patch:
        # It is killed when the coordinator has committed, and the other place has not.
        patch.setattr(PlacedTurns, "finish", lambda _self: None)
        store.advance()
    store._end_sessions()
    embedded.advance()
    monkeypatch.setattr(pull, "APART_SECONDS_MAX", 0.1)
    report = follower.follow()
    assert report is not None
    assert report.tid == follower.tid == 1
    assert follower._pull.pulled_again > 0
    assert follower.state_hash() == embedded.state_hash()
    assert "turn 1 was committed" in (follower.condition().recovered or "")
    follower.close()


def test_places_that_do_not_belong_together_are_refused(places: list[DatabaseUrl]) -> None:
    playing(places).close()
    with pytest.raises(
        StateError, match="no row of the systems from 513 on, in any place: give the URLs of all places"
    ):
        open_postgres(places[:1], SETTINGS, play="outside")
    store = playing(places)
    store.advance()
    store.close()
    database = Database(places[0], "test")
    with database.transaction() as transaction:
        transaction.execute("DROP SCHEMA public CASCADE")
        transaction.execute("CREATE SCHEMA public")
    database.close()
    with pytest.raises(DatabaseForeign, match="has a part of another universe"):
        open_postgres(places, SETTINGS, play="outside")


def test_whoever_opens_a_universe_does_not_wait_for_a_turn(
    places: list[DatabaseUrl], monkeypatch: pytest.MonkeyPatch
) -> None:
    playing(places[:1]).close()
    database = Database(places[0], "test")
    monkeypatch.setattr("wasmverse.storage.postgres.database.LOCK_SECONDS", 1)
    with database.transaction() as turn:
        turn.execute("SELECT tid FROM universe FOR UPDATE")
        store = open_postgres(places[:1], SETTINGS, play="outside")
        assert store.follow() is None
    store.close()
    database.close()

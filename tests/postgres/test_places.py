"""A universe on two servers: commands change systems of either, and what a process that is killed leaves behind is settled."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.postgres.life import tables_of
from tests.postgres.server import Server
from tests.simulation.builder import changed, upload_of
from wasmverse.commands import SpawnEntity
from wasmverse.errors import DatabaseError, DatabaseForeign, StateError
from wasmverse.settings import DatabaseUrl, SimulationSettings
from wasmverse.storage.duckdb.database import Database as File
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.postgres import pull
from wasmverse.storage.postgres.database import Database, Transaction
from wasmverse.storage.postgres.opening import open_postgres
from wasmverse.storage.postgres.position import Position
from wasmverse.storage.postgres.pull import PlacesApart
from wasmverse.storage.postgres.recovery import finish_prepared
from wasmverse.storage.postgres.store import PostgresStore
from wasmverse.storage.postgres.systems import SystemWriter
from wasmverse.storage.postgres.turns import PlacedTurns
from wasmverse.universe.state import state_hash

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


def playing(places: list[DatabaseUrl], settings: SimulationSettings = SETTINGS) -> PostgresStore:
    store = open_postgres(places, settings, play="outside")
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


def test_every_row_is_of_the_turn_though_a_server_answers_as_of_a_later_moment(
    places: list[DatabaseUrl], embedded: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, follower = playing(places), open_postgres(places, SETTINGS, play="outside")
    store.advance()
    blocks = pull._blocks

    def play_on(transaction: Transaction) -> list[Any]:
        found = list(blocks(transaction))
        if store.tid == 1 and transaction.raw is follower._pull._databases[-1].raw:
            store.advance()
        return found

    # Each statement sees what is committed by then, as of a worker of Citus over a connection that is new in the transaction.
    for database in follower._pull._databases:
        monkeypatch.setattr(
            database, "transaction", lambda is_snapshot, of=database: Database.transaction(of)
        )
    monkeypatch.setattr(pull, "_blocks", play_on)
    follower.follow()
    embedded.advance()
    embedded.advance()
    assert follower.tid == 2
    assert follower.state_hash() == embedded.state_hash()
    assert follower._pull.pulled_again > 0
    follower.close()
    store.close()


@pytest.mark.parametrize("is_noticed", [True, False], ids=["before", "within"])
def test_an_upload_after_a_turn_that_was_left_behind_is_carried_out(
    places: list[DatabaseUrl], embedded: DuckdbStore, monkeypatch: pytest.MonkeyPatch, is_noticed: bool
) -> None:
    store, follower = playing(places), open_postgres(places, SETTINGS, play="outside")
    with monkeypatch.context() as patch:
        patch.setattr(PlacedTurns, "finish", lambda _self: None)
        store.advance()
    store._end_sessions()
    monkeypatch.setattr(pull, "APART_SECONDS_MAX", 0.1)
    monkeypatch.setattr("wasmverse.storage.postgres.sessions.LOCK_SECONDS", 1)
    upload = upload_of("mine", "(i64.const 0)")
    if not is_noticed:
        with monkeypatch.context() as patch:
            # As if that had happened after it was looked last: the command is refused, and waits for nothing that it has itself.
            patch.setattr(follower, "_follow", lambda: None)
            with pytest.raises(PlacesApart):
                follower.carry_out(upload)
    embedded.advance()
    assert follower.carry_out(upload)["tid"] == embedded.carry_out(upload)["tid"] == 1
    assert follower.state_hash() == embedded.state_hash()
    assert "turn 1 was committed" in (follower.condition().recovered or "")
    follower.close()


def test_a_command_that_is_missing_is_not_made_up_for_by_a_later_one(
    url: str, second_url: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = server.create_database()
    places = [DatabaseUrl.read(text) for text in (url, second_url, server.url(name))]
    settings = changed(systems=1_100, ships=1, nodes=1)  # three blocks, in a place each
    one, two = SpawnEntity(600, 2, 1, 1, None), SpawnEntity(1_099, 2, 1, 1, None)
    with (
        closing(playing(places, settings)) as store,
        closing(open_postgres(places, settings, play="outside")) as follower,
    ):
        read, done = Position.read, False

        def read_between(transaction: Transaction, *, locks: bool = False) -> Position:
            """The reader's snapshot of the second place is from before both commands, that of the third from after them."""
            nonlocal done
            if transaction.raw is not follower._pull._databases[0].raw or done:
                return read(transaction, locks=locks)
            done = True
            second, third = (each.raw for each in follower._pull._databases[1:])
            second.execute("SELECT tid FROM place")
            store.carry_out(one)
            position = read(transaction)
            store.carry_out(two)
            third.execute("SELECT tid FROM place")
            return position

        monkeypatch.setattr(Position, "read", read_between)
        with follower._pull.moment(with_rows=True) as moment:
            state = follower._pull.state(moment, store.laws, store.row_systems, store._crew)
        assert moment.position.spawned == 2
        expected = DuckdbStore.opened(File.open(None), settings)
        expected.carry_out(one)
        expected.carry_out(two)
        assert state_hash(*state.state, state.tid, state.next_eid) == expected.state_hash()
        expected.close()
    server.drop_database(name)


def test_other_places_drop_modules_that_nothing_flies_any_more(
    places: list[DatabaseUrl], embedded: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = playing(places)
    uploads = [upload_of("mine", f"(i64.const {number})") for number in range(5)]
    for upload in uploads[:4]:
        store.carry_out(upload)
        embedded.carry_out(upload)
    with monkeypatch.context() as patch:
        patch.setattr(store._systems, "prepare", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.carry_out(uploads[4])  # what it would have replaced is still needed
    for database in (store._main, Database(places[1], "test")):
        with database.transaction() as transaction:
            for table in ("strategy_module", "compiled_module"):
                hashes = {row[0] for row in transaction.run_text(f"SELECT sha256 FROM {table}")}
                assert uploads[3].inspection.sha256 in hashes
                assert hashes.isdisjoint(upload.inspection.sha256 for upload in uploads[:2])
        if database is not store._main:
            database.close()
    for command in (SpawnEntity(FAR, 1, 50, 50, "mine"), SpawnEntity(NEAR, 1, 50, 50, "mine")):
        store.carry_out(command)
        embedded.carry_out(command)
    store.advance()
    embedded.advance()
    assert store.state_hash() == embedded.state_hash()
    store.close()


def test_a_command_that_could_not_be_committed_holds_nothing(
    places: list[DatabaseUrl], embedded: DuckdbStore
) -> None:
    store = playing(places)
    with psycopg.connect(places[0].conninfo, autocommit=True) as admin:
        # The commit fails, and no session is lost: as when the disk is full.
        admin.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE disk_full; END$$"
        )
        admin.execute(
            "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON command_decision DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION fail()"
        )
        with pytest.raises(DatabaseError, match="disk"):
            store.carry_out(SpawnEntity(FAR, 1, 50, 50, "strategy_battle"))
        admin.execute("DROP TRIGGER fail ON command_decision")
    with psycopg.connect(places[1].conninfo) as other:
        text = "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()"
        assert other.execute(text).fetchone() == (0,)
    store.advance()
    embedded.advance()
    assert store.state_hash() == embedded.state_hash()
    store.close()


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


def test_a_command_waits_for_a_turn_that_its_place_has_not_committed_yet(
    places: list[DatabaseUrl], embedded: DuckdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = playing(places), open_postgres(places, SETTINGS, play="outside")
    command = SpawnEntity(FAR, 1, 50, 50, "strategy_battle")
    told: list[Future[dict[str, Any]]] = []
    finish = PlacedTurns.finish
    with ThreadPoolExecutor(1) as pool:

        def finish_late(turns: PlacedTurns) -> None:
            told.append(pool.submit(other.carry_out, command))
            time.sleep(0.5)
            assert not told[0].done()
            finish(turns)

        monkeypatch.setattr(PlacedTurns, "finish", finish_late)
        store.advance()
        told[0].result()
    embedded.advance()
    embedded.carry_out(command)
    assert other.state_hash() == embedded.state_hash()
    other.close()
    store.close()


def test_who_ends_a_command_leaves_those_of_others_alone(
    places: list[DatabaseUrl], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = changed(systems=1_600, ships=1, nodes=1)  # of four blocks the second place has two
    embedded = DuckdbStore.opened(File.open(None), settings)
    store, other = playing(places, settings), open_postgres(places, settings, play="outside")
    one, two = SpawnEntity(1_100, 2, 1, 1, None), SpawnEntity(1_600, 2, 1, 1, None)
    with monkeypatch.context() as patch:
        patch.setattr(store._systems, "finish", lambda _coordinator: None)
        store.carry_out(one)

    def prepare_while_another_ends() -> None:
        SystemWriter.prepare(other._systems)
        store._systems.finish(store._main)

    with monkeypatch.context() as patch:
        patch.setattr(other._systems, "prepare", prepare_while_another_ends)
        other.carry_out(two)
    embedded.carry_out(one)
    embedded.carry_out(two)
    assert other.state_hash() == embedded.state_hash()
    with other._main.transaction() as transaction:
        assert transaction.execute("SELECT count(*) FROM command_decision").fetchone() == (0,)
    for each in (store, other, embedded):
        each.close()


def test_a_transaction_that_another_session_ends_just_now_is_waited_for() -> None:
    answers = [psycopg.errors.ObjectNotInPrerequisiteState("busy"), psycopg.errors.UndefinedObject("gone")]

    class Session:
        def execute(self, _statement: object) -> None:
            raise answers.pop(0)

    finish_prepared(Session(), "wasmverse-1-0-1", commits=True)  # type: ignore[arg-type]
    assert not answers


def test_a_server_that_was_put_back_is_followed_at_once(places: list[DatabaseUrl]) -> None:
    store, follower = playing(places[:1]), open_postgres(places[:1], SETTINGS, play="outside")
    follower._told_tid = 99  # as before it was put back
    follower.reconnect()
    store.advance()
    report = follower.follow()
    assert report is not None and report.tid == 1
    follower.close()
    store.close()

"""A role that may only connect to the database: what it can do there does not stop the universe."""

import select
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.postgres.server import Server
from tests.simulation.builder import changed
from wasmverse.commands import SpawnEntity
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres.clock import LOCK
from wasmverse.storage.postgres.opening import open_postgres
from wasmverse.storage.postgres.systems import SystemWriter

SETTINGS = changed(systems=520, ships=1, nodes=1)
"""Two blocks, of 512 systems and of 8."""

Session = psycopg.Connection[Any]


@pytest.fixture
def stranger(server: Server, plain: DatabaseUrl) -> Iterator[Session]:
    """A session of such a role, in autocommit mode."""
    name = f"{plain.name}_stranger"
    with server.connect() as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        try:
            with psycopg.connect(
                plain.conninfo, user=name, password="x", autocommit=True, application_name="stranger"
            ) as session:
                yield session
        finally:
            with server.connect(plain.name) as there:
                for (gid,) in there.execute("SELECT gid FROM pg_prepared_xacts WHERE owner = %s", (name,)):
                    there.execute(f"ROLLBACK PREPARED '{gid}'")
            admin.execute(f"DROP ROLE {name}")


def test_what_it_has_prepared_is_left_alone_and_told(
    plain: DatabaseUrl, stranger: Session, second_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    places = [plain, DatabaseUrl.read(second_url)]
    with closing(open_postgres(places, SETTINGS, play="outside")):
        pass
    for name in ("wasmverse-1-0-1", "wasmverse-command-0"):  # of a turn, and of a command
        stranger.execute("BEGIN")
        stranger.execute(f"PREPARE TRANSACTION '{name}'")
    with closing(open_postgres(places, SETTINGS, play="outside")) as store:
        assert store.claim()
        assert store.advance().tid == 1
        store.carry_out(SpawnEntity(515, 2, 1, 1, None))
        with closing(SystemWriter([plain, plain])) as commands, store._main.transaction() as transaction:
            assert commands.recover(transaction) == []
        assert store.condition().recoveries == 0
    assert f"'wasmverse-1-0-1' is of the role {plain.name}_stranger, and left alone" in caplog.text


def test_it_cannot_say_that_the_clock_is_at_work(plain: DatabaseUrl, stranger: Session) -> None:
    with (
        closing(open_postgres([plain], SETTINGS, play="outside")) as store,
        closing(open_postgres([plain], SETTINGS, play="outside")) as follower,
    ):
        assert store.claim()
        for has_followed in (False, True):
            stranger.execute("NOTIFY wasmverse, 'beat'")
            select.select([follower.fileno()], [], [], 20)
            if has_followed:
                follower.follow()
            assert not follower.is_clock_at_work()
            with psycopg.connect(
                plain.conninfo, autocommit=True
            ) as beside:  # as the process with the clock says it
                beside.execute("NOTIFY wasmverse, 'beat'")
                select.select([follower.fileno()], [], [], 20)
                if has_followed:
                    follower.follow()
                assert follower.is_clock_at_work()
            assert not follower.is_clock_at_work()


def test_who_holds_the_lock_of_the_clock_is_named(plain: DatabaseUrl, stranger: Session) -> None:
    with closing(open_postgres([plain], SETTINGS, play="outside")) as store:
        stranger.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        assert not store.claim()
        shown = f"session {stranger.info.backend_pid} of role {plain.name}_stranger"
        assert (store.condition().clock or "").startswith(shown)
        stranger.execute("SELECT pg_advisory_unlock_all()")
        stranger.execute("BEGIN")
        stranger.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        stranger.execute("PREPARE TRANSACTION 'mine'")
        assert not store.claim()
        assert store.condition().clock == "a prepared transaction (pg_prepared_xacts)"

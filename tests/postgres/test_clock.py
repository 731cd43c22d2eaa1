"""The clock of a universe in a database: one session has it, its end frees it, and who lost it cannot play."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest

from tests.postgres.server import Server
from wasmverse.errors import ClockLost, DatabaseError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres import clock as clock_module
from wasmverse.storage.postgres.clock import Clock
from wasmverse.storage.postgres.notices import Notices
from wasmverse.storage.postgres.sessions import connect

Session = psycopg.Connection[Any]


@pytest.fixture
def sessions(url: str) -> Iterator[list[Session]]:
    """Three, as stores have them, on a database with what a clock needs."""
    with ExitStack() as stack:
        made = [stack.enter_context(psycopg.connect(url)) for _ in range(3)]
        for statement in (
            "CREATE TABLE universe (tid bigint)",
            "INSERT INTO universe VALUES (7)",
            "CREATE TABLE clock (epoch bigint, holder text, backend int, period_seconds float8, since timestamptz)",
            "INSERT INTO clock VALUES (0)",
        ):
            made[0].execute(statement)
        made[0].commit()
        yield made


@pytest.fixture
def clocks(url: str) -> Iterator[list[Clock]]:
    made = [Clock(DatabaseUrl.read(url), name, 1.0) for name in ("first", "second", "third")]
    yield made
    for clock in made:
        clock.close()


def test_one_has_it_until_its_session_ends(sessions: list[Session], clocks: list[Clock]) -> None:
    assert clocks[0].held_by(sessions[0]) is None
    assert clocks[0].claim(sessions[0])
    assert clocks[0].claim(sessions[0]), "it stays its own"
    assert not clocks[1].claim(sessions[1])
    assert clocks[1].held_by(sessions[1]) == "first"
    for session in sessions:
        assert session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    sessions[0].close()
    deadline = time.monotonic() + 20
    while not clocks[1].claim(sessions[1]):
        assert time.monotonic() < deadline
    assert clocks[2].held_by(sessions[2]) == "second"
    assert not clocks[2].claim(sessions[2])


def test_who_lost_it_cannot_commit_a_turn(sessions: list[Session], clocks: list[Clock]) -> None:
    assert clocks[0].claim(sessions[0])
    with sessions[0].transaction():
        sessions[0].execute("SELECT tid FROM universe FOR UPDATE")
        clocks[0].check(sessions[0])
    # As if its lock had gone without its session: a pool in between would do that.
    sessions[0].execute("SELECT pg_advisory_unlock_all()")
    sessions[0].commit()
    assert clocks[1].claim(sessions[1])
    with pytest.raises(ClockLost, match=r"^second plays the turns now"), sessions[0].transaction():
        sessions[0].execute("UPDATE universe SET tid = 8")
        clocks[0].check(sessions[0])
    assert not clocks[0].is_ours
    assert sessions[2].execute("SELECT tid FROM universe").fetchone() == (7,)
    with sessions[1].transaction():
        clocks[1].check(sessions[1])


def test_a_holder_that_stands_still_is_ended_with_its_turn(
    sessions: list[Session], clocks: list[Clock], caplog: pytest.LogCaptureFixture
) -> None:
    assert clocks[0].claim(sessions[0])
    sessions[0].execute("UPDATE universe SET tid = 8")  # and nothing more comes from it
    clocks[1].end_holder(sessions[1])
    assert "did nothing any more: it was ended" in caplog.text
    assert clocks[1].claim(sessions[1])
    clocks[1].end_holder(sessions[1])  # not itself
    assert sessions[1].execute("SELECT tid FROM universe").fetchone() == (7,)
    with pytest.raises(psycopg.OperationalError):
        sessions[0].execute("COMMIT")


def test_the_sessions_that_play_its_turn_are_ended_too(
    url: str, sessions: list[Session], clocks: list[Clock]
) -> None:
    assert clocks[0].claim(sessions[0])
    with closing(connect(url)) as beside:
        beside.execute("BEGIN")
        beside.execute("SELECT tid FROM universe FOR UPDATE")  # stands for a block
        clocks[1].end_holder(sessions[1])
        assert sessions[1].execute("SELECT tid FROM universe FOR UPDATE NOWAIT").fetchone() == (7,)


def test_those_on_other_servers_are_ended_too_and_no_other_universe_s(
    url: str, second_url: str, second_server: Server, sessions: list[Session], clocks: list[Clock]
) -> None:
    nowhere = "postgresql://x@127.0.0.1:1/x"
    clock = Clock(
        DatabaseUrl.read(url), "follower", 1.0, [DatabaseUrl.read(nowhere), DatabaseUrl.read(second_url)]
    )
    with closing(connect(second_url)) as beside, closing(connect(second_server.url())) as foreign:
        clock.end_holder(sessions[1])
        beside.execute("SELECT 1")  # nobody had the clock, so nothing was ended
        assert clocks[0].claim(sessions[0])
        beside.execute("BEGIN")
        beside.execute("CREATE TABLE place AS SELECT 1 AS tid")
        clock.end_holder(sessions[1])
        with psycopg.connect(second_url) as next_one:
            next_one.execute("SET lock_timeout = '1s'")
            next_one.execute("CREATE TABLE place AS SELECT 2 AS tid")
        with pytest.raises(psycopg.OperationalError):
            beside.execute("COMMIT")
        foreign.execute("SELECT 1")


def test_a_role_that_may_not_end_it_is_told_so(
    sessions: list[Session], clocks: list[Clock], server: Server, url: str
) -> None:
    assert clocks[0].claim(sessions[0])
    name = DatabaseUrl.read(url).name
    with server.connect(name) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        admin.execute(f"GRANT SELECT ON clock TO {name}")
    try:
        with (
            psycopg.connect(url, user=name, password="x") as session,
            pytest.raises(DatabaseError, match="may not end it"),
        ):
            clocks[1].end_holder(session)
    finally:
        with server.connect(name) as admin:
            admin.execute(f"DROP OWNED BY {name}")
            admin.execute(f"DROP ROLE {name}")


def test_work_is_told_of_only_when_it_takes_longer_than_a_period(
    sessions: list[Session], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "BEAT_SECONDS_MIN", 0.05)
    others = Notices(DatabaseUrl.read(url))
    clock = Clock(DatabaseUrl.read(url), "first", 0.2)
    try:
        assert clock.claim(sessions[0])
        for _ in range(20):
            clock.turned()
            time.sleep(0.03)
        assert others.heard() == set()
        assert others.heard(10) == {"beat"}
        clock.close()
        time.sleep(0.3)
        others.heard()
        assert others.heard(0.5) == set()
    finally:
        clock.close()
        others.close()


def test_it_goes_on_telling_after_its_session_was_cut(
    sessions: list[Session], url: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "BEAT_SECONDS_MIN", 0.05)
    others = Notices(DatabaseUrl.read(url))
    clock = Clock(DatabaseUrl.read(url), "first", 0.1)
    try:
        assert clock.claim(sessions[0])
        assert others.heard(10) == {"beat"}
        with server.connect() as admin:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wasmverse beat'"
            assert admin.execute(ended).fetchall()
        others.heard()
        assert others.heard(10) == {"beat"}
    finally:
        clock.close()
        others.close()


def test_a_session_that_fails_is_closed(
    sessions: list[Session], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "BEAT_SECONDS_MIN", 0.05)
    used: list[Session] = []

    def fail(connection: Session, _notice: str) -> None:
        used.append(connection)
        raise psycopg.errors.QueryCanceled

    monkeypatch.setattr(clock_module.notices, "send", fail)
    clock = Clock(DatabaseUrl.read(url), "first", 0.1)
    try:
        assert clock.claim(sessions[0])
        deadline = time.monotonic() + 20
        while len(used) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert used[0].closed
    finally:
        clock.close()


def test_who_hangs_says_nothing_any_more_until_there_is_a_turn(
    sessions: list[Session], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "BEAT_SECONDS_MIN", 0.05)
    monkeypatch.setattr(clock_module, "STATEMENT_SECONDS", 0.5)
    others = Notices(DatabaseUrl.read(url))
    clock = Clock(DatabaseUrl.read(url), "first", 0.1)
    try:
        assert clock.claim(sessions[0])
        assert others.heard(10) == {"beat"}
        time.sleep(1)
        others.heard()
        assert others.heard(0.5) == set()
        clock.turned()
        assert others.heard(10) == {"beat"}
    finally:
        clock.close()
        others.close()

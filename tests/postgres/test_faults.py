"""Servers and networks that fail at every step of a turn: each time the universe goes on, exactly, and no turn that was told of
is lost.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.postgres.conftest import run_server
from tests.postgres.proxy import Cut, Proxy
from tests.postgres.server import Server
from tests.postgres.universe import come_back, is_exact, opened, play
from wasmverse.errors import DatabaseLost
from wasmverse.storage.universe_store import SharedStore

KILLS = int(os.environ.get("WASMVERSE_TEST_POSTGRES_KILLS", "4"))
"""Random moments to kill something in; `make test-long` has 50."""
STILL_SECONDS = float(os.environ.get("WASMVERSE_TEST_POSTGRES_STILL_SECONDS", "1.5"))
"""How long a server is stopped; `make test-long` has 10."""

STEPS = (b"wasmverse_play", b"wasmverse_settle", b"PREPARE TRANSACTION", b"COMMIT", b"COMMIT PREPARED")
"""What is sent to a server in a turn, in this order."""

MOMENTS = [(step, cut) for step in STEPS for cut in Cut]
if KILLS < 50:
    # Before a step is hardly another moment than after the one before it, but for the two that decide.
    MOMENTS = [(step, cut) for step, cut in MOMENTS if cut is Cut.AFTER or step in STEPS[2:4]]
at_each_moment = pytest.mark.parametrize(
    ("step", "cut"), MOMENTS, ids=[f"{cut.name.lower()} {step.decode()}" for step, cut in MOMENTS]
)


@dataclass
class Universe:
    """One that all tests of this file play on, of two sessions on a server that they kill, through a network that they cut."""

    store: SharedStore
    server: Server
    proxy: Proxy
    database: str

    def revive(self) -> None:
        """Start the server again if it has ended. Only the main thread may: a server ends with the thread that started it."""
        assert self.server.process is not None
        if self.server.process.poll() is not None:
            self.server.start()


@pytest.fixture(scope="module")
def shared() -> Iterator[Universe]:
    for server in run_server():
        name = server.create_database()
        with Proxy(server.port) as proxy, opened(server.url(name, port=proxy.port), threads=2) as store:
            assert store.claim()
            play(store, 1)
            yield Universe(store, server, proxy, name)


@pytest.fixture
def universe(shared: Universe) -> Universe:
    """In order, however a test before has left it."""
    shared.proxy.heal()
    shared.proxy.forget()
    if not shared.store.is_clock:
        come_back(shared.store, shared.revive)
    return shared


@at_each_moment
def test_a_connection_is_cut_at_a_step_of_a_turn(universe: Universe, step: bytes, cut: Cut) -> None:
    cuts = universe.proxy.cuts
    universe.proxy.cut_at(step, cut)
    losses = play(universe.store, 2, losses_max=1)
    assert universe.proxy.cuts == cuts + 1
    # Once the turn is decided, nobody need hear of a connection that was cut: what it has prepared is committed later.
    assert losses or step == b"COMMIT PREPARED"


@at_each_moment
def test_a_server_is_killed_at_a_step_of_a_turn(universe: Universe, step: bytes, cut: Cut) -> None:
    cuts = universe.proxy.cuts
    universe.proxy.cut_at(step, cut, then=universe.server.kill)
    assert play(universe.store, 2, losses_max=2, repair=universe.revive)
    assert universe.proxy.cuts == cuts + 1


def kill_a_backend(universe: Universe) -> None:
    """One of those that play. The others are ended by the postmaster, as after every crash of one."""
    with universe.server.connect() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        pids = [pid for (pid,) in connection.execute(query, [universe.database])]
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(random.choice(pids)).kill()


WAYS: dict[str, Callable[[Universe], object]] = {
    "backend": kill_a_backend,
    "postmaster": lambda universe: universe.server.kill_postmaster(),
    "server": lambda universe: universe.server.kill(),
    "network": lambda universe: universe.proxy.cut_all(),
}


@pytest.mark.parametrize("number", range(KILLS))
def test_something_is_killed_at_a_random_moment(universe: Universe, number: int) -> None:
    way = list(WAYS)[number % len(WAYS)]
    seed = time.time_ns()
    moment = random.Random(seed).uniform(0, 0.15)
    killer = threading.Timer(moment, WAYS[way], [universe])
    killer.start()
    play(universe.store, 4, losses_max=3, repair=universe.revive)
    killer.join()
    # It may have been killed after the last of these turns.
    universe.revive()
    play(universe.store, 1, losses_max=2, repair=universe.revive)


def test_a_server_that_stands_still_makes_a_turn_late_and_no_more(universe: Universe) -> None:
    universe.server.freeze()
    threading.Timer(STILL_SECONDS, universe.server.thaw).start()
    began = time.monotonic()
    assert play(universe.store, 2) == 0
    assert time.monotonic() - began >= STILL_SECONDS * 0.9


def test_a_transaction_that_was_left_prepared_is_settled_by_the_next_who_opens(universe: Universe) -> None:
    """Two: that of a turn that was decided, and that of one that was not."""
    url = universe.server.url(universe.database)
    for step, cut, is_decided in ((b"COMMIT", Cut.BEFORE, False), (b"COMMIT PREPARED", Cut.BEFORE, True)):
        told = universe.store.tid
        universe.proxy.cut_at(step, cut, then=universe.proxy.refuse)
        with pytest.raises(DatabaseLost):
            universe.store.advance()
            universe.store.advance()
        universe.proxy.heal()
        with universe.server.connect(universe.database) as connection:
            assert connection.execute("SELECT count(*) FROM pg_prepared_xacts").fetchone() != (0,)
            with opened(url, threads=2) as other:
                assert is_exact(other)
                assert other.tid == told + is_decided
                assert connection.execute("SELECT count(*) FROM pg_prepared_xacts").fetchone() == (0,)
                assert str(told + 1) in str(other.condition())
        come_back(universe.store)
        play(universe.store, 1)

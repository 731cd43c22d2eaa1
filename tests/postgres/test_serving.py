"""Two servers over one universe in PostgreSQL: one plays, the other follows, and each goes on when the other is gone."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.postgres.server import Server
from tests.postgres.serving import PERIOD, Gateway
from tests.simulation.builder import SMALL
from wasmverse.commands import SpawnEntity
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.copying import Places
from wasmverse.storage.opening import open_universe

SLACK_SECONDS = 15.0
"""What a machine that has much else to do may take longer."""


@pytest.fixture
def pair(own_server: Server, tmp_path: Path) -> Iterator[tuple[Gateway, Gateway, str]]:
    """The first plays, the second follows; and the URL."""
    url = own_server.url(own_server.create_database())
    with ExitStack() as stack:
        made = [Gateway(tmp_path, name, url) for name in ("first", "second")]
        for gateway in made:
            stack.callback(gateway.end)
            gateway.start()
        yield made[0], made[1], url


def expected_hash(spawned_after: int, tid: int) -> str:
    """Of a universe in memory with the same course."""
    sizes = {"systems": 12, "ships": 8, "nodes": 16, "seed": 1}
    store = open_universe(None, SMALL.model_copy(update=sizes))
    try:
        while store.tid < tid:
            if store.tid == spawned_after:
                store.carry_out(SpawnEntity(3, 2, 5, 6, None))
            store.advance()
        return store.state_hash()
    finally:
        store.close()


def test_a_universe_outlives_its_clock_its_gateways_and_its_server(
    pair: tuple[Gateway, Gateway, str], own_server: Server
) -> None:
    first, second, url = pair
    assert first.database()["isClock"] and not second.database()["isClock"]
    assert second.database()["clock"] == first.database()["clock"] is not None

    # All that clients do goes through the one that follows, too: commands, queries, turns of the past, live queries.
    answer = second.http.post("/api/v2/exec", json={"sql": "call spawn_entity(3, 2, 5, 6, null)"})
    assert answer.status_code == 200, answer.text
    eid = answer.json()["lastInsertId"]
    tid = second.turn()
    for gateway in (first, second):
        gateway.wait_for_turn(tid + 2)
    spawned = f"select tid from event where eid = {eid} and kind = 'spawn'"
    assert first.rows(spawned) == second.rows(spawned)
    ((spawned_after,),) = first.rows(spawned)
    past = first.turn()
    second.wait_for_turn(past)
    everything = "select * from entity order by sid, eid"
    assert first.rows(everything, turn=past) == second.rows(everything, turn=past)
    with connect(str(second.http.base_url).replace("http", "ws") + "/api/v1/live") as live:
        live.send(json.dumps({"id": 1, "sql": "select max(tid) from turns"}))
        seen = [json.loads(live.recv(timeout=60))["turn"] for _ in range(3)]
    assert seen[2] > seen[0]

    # The clock stands still: three periods after its last turn, but not before two seconds, the other one takes it over.
    stopped = first.universe_pid()
    os.kill(stopped, signal.SIGSTOP)
    at, before = time.monotonic(), second.turn()
    second.wait_for_turn(before + 3)
    assert 1.0 < time.monotonic() - at < 2.0 + 3 * PERIOD + SLACK_SECONDS
    second.wait_for_clock(is_ours=True)
    os.kill(stopped, signal.SIGCONT)
    first.wait_for_turn(second.turn())
    first.wait_for_clock(is_ours=False)
    assert first.database()["clock"] == second.database()["clock"]

    # A killed one is replaced at once.
    before, at = first.turn(), time.monotonic()
    second.kill_group()
    first.wait_for_turn(before + 3)
    assert time.monotonic() - at < 6 * PERIOD + SLACK_SECONDS
    first.wait_for_clock(is_ours=True)

    # The server is killed and comes back; nobody does anything about it.
    own_server.kill()
    deadline = time.monotonic() + 60
    while "cannot be reached" not in str(first.http.get("/health").json()["problem"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    refused = first.http.post("/api/v2/exec", json={"sql": "call spawn_entity(3, 2, 5, 6, null)"})
    assert refused.status_code == 503
    assert "the command was not begun" in refused.text
    assert first.rows("select count(*) from entity") != [[0]], "queries are answered from the last turn"
    before = first.turn()
    own_server.start()
    first.wait_for_turn(before + 2)
    while first.http.get("/health").status_code != 200:
        assert time.monotonic() < deadline + 60
        time.sleep(0.05)

    # No turn was lost, and none played twice.
    ((count, distinct, lowest, highest),) = first.rows(
        "select count(*), count(distinct tid), min(tid), max(tid) from turns"
    )
    assert (count, distinct, lowest) == (highest, highest, 1)
    assert first.signal(signal.SIGINT) == 0
    whole = Places(DatabaseUrl.read(url)).read()
    assert whole.state_hash() == expected_hash(spawned_after, whole.tid)
    text = first.log.read_text()
    assert "stopped after turn" in text
    assert own_server.password not in text + second.log.read_text()

"""Past turns of a real server: the same answers as when they were new, whoever asks, and whatever is killed."""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from tests.processes.universe import Universe

SQL = {
    "entity": "select * from entity order by sid, eid",
    "event": "select * from event order by all",
    "strategy_turn": "select * from strategy_turn order by all",
    "turns": "select * from turns order by tid",
    "strategy": "select * from strategy order by name",
    "plan": "select strategy_default(kind, x, y, energy, shield, blasters, thrusters, harvesters, last_plan, []) p "
    "from entity where kind = 1 order by eid",
}
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    universe = Universe(tmp_path_factory.mktemp("historian"), period=0.25)
    universe.environment |= {
        "WASMVERSE_READERS": "2",
        "WASMVERSE_READER_SPARES": "1",
        "WASMVERSE_SNAPSHOTS_KEPT": "3",
        "WASMVERSE_KEYFRAME_TURNS": "4",
        "WASMVERSE_REPLAYED_KEPT": "3",
        "WASMVERSE_REPLAY_QUEUE_MAX_PER_CLIENT": "2",
    }
    universe.start()
    yield universe
    universe.end()


def url_of(server: Universe) -> str:
    return re.findall(r"http://[\d.:]+", server.log.read_text())[-1]


def ask(server: Universe, sql: str, turn: int | None = None) -> httpx.Response:
    body: dict[str, Any] = {"sql": sql} | ({} if turn is None else {"turn": turn})
    return httpx.post(f"{url_of(server)}/api/v2/query/tuples", json=body, timeout=PATIENCE_SECONDS)


def newest(server: Universe) -> int:
    return int(ask(server, "select 1").headers["Wasmverse-Turn"])


ASKED = itertools.count()


def answers(server: Universe, turn: int) -> dict[str, bytes]:
    # Each statement is a new one, or the answer kept from the first time would be given.
    number = next(ASKED)
    found = {name: ask(server, f"{sql} -- {number}", turn) for name, sql in SQL.items()}
    assert {answer.status_code for answer in found.values()} == {200}, found["entity"].text
    assert {answer.headers["Wasmverse-Turn"] for answer in found.values()} == {str(turn)}
    return {name: answer.content for name, answer in found.items()}


def await_turn(server: Universe, turn: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while newest(server) < turn:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def historian_of(server: Universe) -> psutil.Process:
    assert server.process is not None
    children = psutil.Process(server.process.pid).children()
    (found,) = (each for each in children if "wasmverse.processes.historian_start" in each.cmdline())
    return found


def live(server: Universe) -> tuple[int, dict[str, bytes]]:
    """A turn that is still in memory, and what is answered of it then."""
    while True:
        turn = newest(server)
        found = answers(server, turn)
        if turn in httpx.get(f"{url_of(server)}/connect").json()["turnsKept"]:
            return turn, found


def test_a_past_turn_is_answered_as_it_was(server: Universe) -> None:
    turn, was = live(server)
    exec_body = {"sql": "call spawn_entity(3, 1, 5, 5, 'strategy_default')"}
    assert httpx.post(f"{url_of(server)}/api/v2/exec", json=exec_body).status_code == 200
    second, was_second = live(server)
    await_turn(server, second + 5)
    while second in httpx.get(f"{url_of(server)}/connect").json()["turnsKept"]:
        await_turn(server, newest(server) + 1)  # what is in memory needs no historian
    assert answers(server, turn) == was
    assert answers(server, second) == was_second
    earlier = second - 1 if turn == second else turn
    both = f"from turns as of turn {earlier} a join turns as of turn {second} b on a.tid = {earlier} and b.tid = {second}"
    answer = ask(server, f"select count(*) {both}")
    assert (answer.status_code, answer.headers["Wasmverse-Turn"]) == (200, str(second)), answer.text
    assert answer.json()["results"][0]["rows"] == [[1]]
    assert historian_of(server).nice() >= 15
    os.kill(historian_of(server).pid, signal.SIGKILL)
    assert answers(server, second + 1)["entity"] != was_second["entity"]
    assert answers(server, turn) == was, "by another process"
    server.kill_group()
    server.start()
    assert answers(server, turn) == was, "by another server"
    connect = httpx.get(f"{url_of(server)}/connect").json()
    health = httpx.get(f"{url_of(server)}/health").json()["past"]
    assert connect["oldestTurn"] == health["oldestTurn"] == 0
    assert health["bytes"] > 0
    assert "wasmverse_past_bytes " in httpx.get(f"{url_of(server)}/metrics").text
    (row,) = ask(server, "select oldest_tid, newest_tid - memory_tid, keyframe_turns from turn_kept").json()[
        "results"
    ][0]["rows"]
    assert row[0] == 0
    assert row[1] <= 2
    assert row[2] == 4


def test_who_asks_for_many_turns_keeps_nobody_else_waiting(server: Universe) -> None:
    await_turn(server, 30)
    asked = range(26)
    with ThreadPoolExecutor(len(asked)) as threads:
        found = list(threads.map(lambda turn: ask(server, "select count(*) from entity", turn), asked))
    statuses = {answer.status_code for answer in found}
    assert statuses == {200, 503}
    refused = next(answer.text for answer in found if answer.status_code == 503)
    assert "2 turns that this client asked for wait to be played again already" in refused
    assert "ask again in a second" in refused
    # Many who ask for the same turn wait for one replay, however little may wait.
    with ThreadPoolExecutor(12) as threads:
        same = list(
            threads.map(lambda name: ask(server, f"select count(*), '{name}' from entity", 11), range(12))
        )
    assert {answer.status_code for answer in same} == {200}
    shown = httpx.get(f"{url_of(server)}/health").json()["past"]["replays"]
    assert shown["busy"] >= 1
    assert shown["ok"] <= len(asked)


def test_a_turn_that_is_not_kept_is_refused_with_those_that_are(server: Universe) -> None:
    answer = ask(server, "select 1 from turns", 10**9)
    assert answer.status_code == 400
    assert re.search(r"There is no snapshot of turn 1000000000: turns 0 to \d+ are kept", answer.text)

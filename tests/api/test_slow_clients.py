"""Clients that take long answers slowly, or leave: the gateway's memory is bounded, and others are answered meanwhile."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.api.conftest import RunningGateway

CLIENTS = 40
RESULT_BYTES = 12 << 20
ROOM_BYTES = 64 << 20


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(
        tmp_path_factory.mktemp("slow"),
        readers=2,
        reader_spares=1,
        query_bytes_max=16 << 20,
        results_bytes_max=ROOM_BYTES,
        query_cache_bytes_max=1 << 20,
        query_wait_seconds_max=20,
        send_seconds_max=3,
    )
    try:
        yield running
    finally:
        running.close()


def ask(target: RunningGateway, sql: str, source: str) -> socket.socket:
    """A connection that has asked, with as little room for the answer as there can be."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.bind((source, 0))
    connection.settimeout(60)
    connection.connect(("127.0.0.1", target.address[1]))
    body = json.dumps({"sql": sql}).encode()
    head = f"POST /api/v2/query/tuples HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def mostly(seconds: list[float]) -> float:
    """What three of four queries took at most: a slow client would hold up all of them, a busy machine only a few."""
    return sorted(seconds)[3 * len(seconds) // 4]


def large(number: int) -> str:
    return f"select repeat('{number % 10}', 12000) from range({RESULT_BYTES // 12000}) where {number} >= 0"


def test_many_slow_clients_take_bounded_memory_and_nobodys_time(target: RunningGateway) -> None:
    """Forty results of 12 MB are 480 MB; here half of the clients read nothing, half a little now and then."""
    target.query("select 1")
    process, budget = psutil.Process(), target.pool.budget
    before = process.memory_info().rss
    most_held = most_memory = 0
    seconds = []
    with ExitStack() as stack:
        slow = [
            stack.enter_context(ask(target, large(number), f"127.0.0.{2 + number % 4}"))
            for number in range(CLIENTS)
        ]
        until = time.monotonic() + 8
        while time.monotonic() < until:
            began = time.monotonic()
            answer = target.query(f"select {began} v, count(*) from entity")
            seconds.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
            most_held = max(most_held, budget.used)
            most_memory = max(most_memory, process.memory_info().rss - before)
            for connection in slow[::2]:
                connection.setblocking(False)
                try:
                    connection.recv(1024)
                except OSError:
                    continue
            time.sleep(0.05)
    assert RESULT_BYTES < most_held <= ROOM_BYTES
    # Beside the results: what is on its way to the sockets, 40 connections, and what the allocator keeps.
    assert most_memory < ROOM_BYTES + (48 << 20), most_memory
    assert mostly(seconds) < 1, seconds
    gc.disable()  # the room comes back by itself: the gateway's collector may not come by for hours
    try:
        deadline = time.monotonic() + 30
        while budget.used > 2 << 20:
            assert time.monotonic() < deadline, budget.used
            time.sleep(0.05)
    finally:
        gc.enable()
    assert target.query(large(CLIENTS)).status_code == 200, "and then there is room again"


def test_who_takes_an_answer_too_slowly_is_dropped(tmp_path: Path) -> None:
    """It takes something all the time, so no part of the answer is late; but all of it would take hours."""
    running = RunningGateway(tmp_path, send_seconds_max=2, readers=1, reader_spares=0)
    try:
        with ask(running, large(1), "127.0.0.2") as connection:
            connection.recv(100)
            began = time.monotonic()
            connection.settimeout(10)
            with pytest.raises(ConnectionError):
                while True:
                    if not connection.recv(16 << 10):
                        raise ConnectionResetError
                    time.sleep(0.5)
                    assert time.monotonic() - began < 20
        assert time.monotonic() - began > 1.5
        with running.http.stream("POST", "/api/v2/query/tuples", json={"sql": large(2)}) as answer:
            assert sum(map(len, answer.iter_bytes())) > 0.99 * RESULT_BYTES
        deadline = time.monotonic() + 10
        while running.pool.budget.used - running.pool._cache.bytes > 1 << 20:
            assert time.monotonic() < deadline, running.pool.budget.used
            time.sleep(0.05)
    finally:
        running.close()


def test_a_query_whose_client_has_left_is_stopped(target: RunningGateway) -> None:
    before = target.pool.counts.left
    never = "select count(*) from range(1000000) a, range(1000000) b where hash(a.range, b.range) = 3"
    with ask(target, never, "127.0.0.2"):
        deadline = time.monotonic() + 10
        while not target.pool.busy:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.3)
    began = time.monotonic()
    while target.pool.busy:
        time.sleep(0.01)
    assert time.monotonic() - began < target.settings.query_seconds_max - 1, (
        "it was not its time that ended it"
    )
    assert target.pool.counts.left == before + 1
    assert target.query("select 5").json()["results"][0]["rows"] == [[5]]


def test_health_tells_when_no_reader_can_be_had(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, readers=1, reader_spares=0)
    try:
        running.turn()
        healthy = running.http.get("/health").json()
        assert healthy["healthy"]
        assert healthy["readers"] == {"usable": 1, "wanted": 1, "busy": 0}
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(running.query("select 9")))
        [pid] = running.pool.pids
        psutil.Process(pid).kill()
        deadline = time.monotonic() + 10
        while (sick := running.http.get("/health")).status_code == 200:
            assert time.monotonic() < deadline
        assert "no reader can be had" in sick.json()["problem"]
        assert sick.json()["readers"]["usable"] == 0
        waiting.start()
        waiting.join(60)
        assert answers[0].status_code == 200, "it waited for the new one"
        assert running.http.get("/health").status_code == 200
        metrics = running.http.get("/metrics").text
        assert 'wasmverse_readers_lost_total{reason="idle"} 1.0' in metrics
        assert "wasmverse_readers_usable 1.0" in metrics
    finally:
        running.close()


def test_slow_watchers_take_no_more_room_than_other_clients(tmp_path: Path) -> None:
    """Ten sockets that read nothing watch sixteen results of 3 MB each, all different: 480 MB, and again every turn."""
    running = RunningGateway(
        tmp_path,
        query_bytes_max=16 << 20,
        results_bytes_max=ROOM_BYTES,
        query_cache_bytes_max=0,
        send_seconds_max=2,
    )
    try:
        running.query("select 1")
        process = psutil.Process()
        before, most, seconds = process.memory_info().rss, 0, []
        with ExitStack() as stack:
            for number in range(10):
                deaf = stack.enter_context(socket.socket())
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.bind((f"127.0.0.{2 + number}", 0))
                deaf.connect(("127.0.0.1", running.address[1]))
                deaf.sendall(
                    b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                )
                deaf.recv(100)
                for watch in range(16):
                    sql = f"select tid, repeat('{watch % 10}', 3000000) from turns where {number} + {watch} >= 0"
                    text = json.dumps({"id": watch, "sql": sql}).encode()
                    deaf.sendall(b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text)
            for _ in range(12):
                running.turn()
                for _ in range(5):
                    began = time.monotonic()
                    assert running.query(f"select {began}").status_code == 200
                    seconds.append(time.monotonic() - began)
                    most = max(most, process.memory_info().rss - before)
                    assert running.pool.budget.used <= ROOM_BYTES
                    time.sleep(0.05)
        assert most < ROOM_BYTES + (80 << 20), most
        assert mostly(seconds) < 1, seconds
    finally:
        running.close()

"""Requests meant to hurt, each over a real connection; afterwards the server answers as before."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.api.conftest import RunningGateway

HEAD = b"POST /api/v2/query/tuples HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WATCH = b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(
        tmp_path_factory.mktemp("target"),
        readers=2,
        reader_spares=1,
        query_seconds_max=1,
        body_seconds_max=1,
        send_seconds_max=2,
    )
    try:
        yield running
    finally:
        running.close()


def dial(target: RunningGateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", target.address[1]), timeout=30)


def exchange(target: RunningGateway, *parts: bytes) -> bytes:
    """Send raw bytes and read until the server has answered or closed."""
    with dial(target) as connection:
        for part in parts:
            connection.sendall(part)
        return connection.recv(65_536)


def body(text: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(text), text)


RAW: list[tuple[str, bytes, bytes]] = [
    ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    ("an endless header", b"GET /ping HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 200_000, b"400"),
    (
        "ten thousand headers",
        b"GET /ping HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
        b"HTTP",
    ),
    ("a negative length", HEAD + b"Content-Length: -5\r\n\r\n", b"400"),
    ("two lengths", HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345", b"400"),
    ("a length past all bounds", HEAD + b"Content-Length: 99999999999999\r\n\r\n{", b"413"),
    ("a bad chunk", HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", b"400"),
    ("no host", b"POST /api/v2/query/tuples HTTP/1.1\r\n" + body(b"{}"), b"400"),
    ("a null byte in the path", b"GET /ping%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
    ("a path out of the page", b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
    ("a method of its own", b"BREW /api/v2/exec HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
    ("a body that is an array", HEAD + body(b"[[[[[[1]]]]]]"), b"400"),
    ("a body nested without end", HEAD + body(b'{"sql":' * 20_000), b"400"),
    ("half a surrogate", HEAD + body(b'{"sql":"select \'\\ud800\'"}'), b"400"),
    ("a number past all bounds", HEAD + body(b'{"sql":"select ?","args":[1e999]}'), b"400"),
    ("an integer past 64 bits", HEAD + body(b'{"sql":"select 1","turn":99999999999999999999}'), b"400"),
    ("args of the wrong type", HEAD + body(b'{"sql":"select ?","args":"7"}'), b"400"),
    ("mixed lists as args", HEAD + body(b'{"sql":"select ?","args":[[1,"a",{"b":[]}]]}'), b"HTTP"),
    (
        "a query that never ends",
        HEAD + body(b'{"sql":"select sum(hash(range)) from range(1000000000000)"}'),
        b"408",
    ),
    ("a memory bomb", HEAD + body(b'{"sql":"select length(repeat(\'x\', 2000000000))"}'), b"400"),
    ("a watcher without a key", WATCH + b"\r\n", b"400"),
    (
        "a masked frame of 2^63 bytes",
        WATCH + KEY + b"\x81\xff" + struct.pack(">Q", 2**63 - 1) + b"\0\0\0\0",
        b"101",
    ),
    ("a frame without a mask", WATCH + KEY + b"\x81\x02{}", b"101"),
    ("a reserved opcode", WATCH + KEY + b"\x8f\x80\0\0\0\0", b"101"),
]


@pytest.mark.parametrize(("name", "request_", "status"), RAW, ids=[name for name, _, _ in RAW])
def test_raw_requests(target: RunningGateway, name: str, request_: bytes, status: bytes) -> None:
    try:
        answer = exchange(target, request_)
    except ConnectionError:
        answer = status  # closed in the middle of being sent too much
    assert status in answer[:40], name
    assert b"Traceback" not in answer
    assert target.query("select 1").json()["results"][0]["rows"] == [[1]]


def half_open(target: RunningGateway) -> None:
    """A request line and nothing more, many times, left open."""
    connection = dial(target)
    connection.sendall(b"POST /api/v2/exec HTTP/1.1\r\n")
    _left_open.append(connection)


def leaves_at_once(target: RunningGateway) -> None:
    """Ask for much and reset the connection."""
    with dial(target) as connection:
        connection.sendall(HEAD + body(b'{"sql":"select range, repeat(\'x\', 100) from range(100000)"}'))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def never_reads(target: RunningGateway) -> None:
    """Ask for much and take nothing."""
    connection = dial(target)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(HEAD + body(b'{"sql":"select range, repeat(\'x\', 500) from range(30000)"}'))
    _left_open.append(connection)


def pipelines(target: RunningGateway) -> None:
    """Forty requests on one connection, before the first is answered."""
    one = HEAD + body(b'{"sql":"select 1"}')
    with dial(target) as connection:
        connection.sendall(one * 40)
        received = b""
        while received.count(b"HTTP/1.1 200") < 40:
            part = connection.recv(65_536)
            assert part
            received += part


_left_open: list[socket.socket] = []


@pytest.mark.parametrize("attack", [half_open, leaves_at_once, never_reads, pipelines])
def test_what_clients_do_to_connections(
    target: RunningGateway, attack: Callable[[RunningGateway], None]
) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            attack(target)
        for connection in _left_open:
            stack.enter_context(connection)
        _left_open.clear()
        assert target.query("select count(*) from entity").json()["results"][0]["rows"] == [[32]]
        assert target.http.get("/health").status_code in (200, 503)


def test_a_thousand_connections(target: RunningGateway) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(dial(target)) for _ in range(1_000)]
        assert target.query("select 3").json()["results"][0]["rows"] == [[3]]
        for connection in idle[::100]:
            connection.sendall(HEAD + body(json.dumps({"sql": "select 4"}).encode()))
        for connection in idle[::100]:
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200")

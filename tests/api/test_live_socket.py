"""Who may watch, how often they may ask, and for how long."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.api.conftest import RunningGateway
from tests.api.test_connections import WATCH, dial, wait_until
from wasmverse.tokens import Role, TokenFile, token_path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("guarded"), access="token", is_reading_public=False)
    yield running
    running.close()


@pytest.fixture
def complaints() -> Iterator[list[logging.LogRecord]]:
    """What the server writes in its log."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in (None, "uvicorn.error")]
    for logger in loggers:
        logger.addHandler(handler)
    yield records
    for logger in loggers:
        logger.removeHandler(handler)


def url(gateway: RunningGateway) -> str:
    return f"ws://127.0.0.1:{gateway.address[1]}/api/v1/live"


def code_of(client: ClientConnection) -> int:
    """Read to the end, which must come by itself; the code with which it was closed."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.recv(timeout=20)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_messages_count_against_the_rate(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, queries_per_second_max=5)
    try:
        with connect(url(running)) as client:
            for number in range(60):
                client.send(json.dumps({"id": 1, "unsubscribe": True, "number": number}))
            # Newer errors take the place of older ones of the same id that were not sent yet.
            while (error := json.loads(client.recv(timeout=20))["error"])["code"] != 1226:
                assert error["code"] == 1243
            assert "5 requests a second" in error["message"]
            time.sleep(1.2)
            client.send('{"id":2,"sql":"select 7"}')
            while "rows" not in (message := json.loads(client.recv(timeout=20))):
                pass
            assert message["rows"] == [[7]], "later it may ask again"
        time.sleep(1.2)
        with connect(url(running)) as client:
            for _ in range(200):
                client.send("no json")
            assert code_of(client) == 1008, "who does not stop is disconnected"
        answer = running.query("select 1")
        assert answer.status_code == 429, "it is the same rate as that of requests"
    finally:
        running.close()


@pytest.mark.parametrize("way", ["header", "message"])
def test_a_revoked_token_ends_its_socket(guarded: RunningGateway, way: str) -> None:
    file = TokenFile(token_path(guarded.settings.database_path))
    token, other = file.create("guest", Role.reader), file.create("other", Role.reader)
    headers = {"Authorization": f"Bearer {token}"} if way == "header" else {}
    with (
        connect(url(guarded), additional_headers=headers) as client,
        connect(url(guarded), additional_headers={"Authorization": f"Bearer {other}"}) as stays,
    ):
        if way == "message":
            client.send(json.dumps({"token": token}))
        for watcher in (client, stays):
            watcher.send('{"id":1,"sql":"select tid, 1 from turns"}')
            assert "rows" in json.loads(watcher.recv(timeout=20))
        file.revoke("guest")
        asked = guarded.pool.counts.queries.total()
        client.send('{"id":2,"sql":"select 2 -- after it was revoked"}')
        last = json.loads(client.recv(timeout=20))
        assert last["error"]["code"] == 1045
        assert code_of(client) == 1008
        assert guarded.pool.counts.queries.total() == asked, "it asks nothing more"
        guarded.turn()
        assert "rows" in json.loads(stays.recv(timeout=20))
    file.revoke("other")


def test_it_ends_without_a_turn_or_a_message_too(guarded: RunningGateway) -> None:
    file = TokenFile(token_path(guarded.settings.database_path))
    with connect(
        url(guarded), additional_headers={"Authorization": f"Bearer {file.create('g', Role.reader)}"}
    ) as client:
        client.send('{"id":1,"sql":"select 1"}')
        client.recv(timeout=20)
        file.revoke("g")
        assert code_of(client) == 1008


def test_where_everybody_may_read_a_token_lets_nobody_in(gateway: RunningGateway) -> None:
    file = TokenFile(token_path(gateway.settings.database_path))
    headers = {"Authorization": f"Bearer {file.create('visitor', Role.reader)}"}
    with connect(url(gateway), additional_headers=headers) as client:
        client.send('{"id":1,"sql":"select tid, 2 from turns"}')
        client.recv(timeout=20)
        file.revoke("visitor")
        time.sleep(1.2)
        gateway.turn()
        assert "rows" in json.loads(client.recv(timeout=20))


def test_a_damaged_file_of_tokens_is_the_operators_to_see(
    tmp_path: Path, complaints: list[logging.LogRecord]
) -> None:
    running = RunningGateway(tmp_path, access="token", is_reading_public=False)
    try:
        file = TokenFile(token_path(running.settings.database_path))
        headers = {"Authorization": f"Bearer {file.create('guest', Role.reader)}"}
        with connect(url(running), additional_headers=headers) as client:
            client.send('{"id":1,"sql":"select 1"}')
            client.recv(timeout=20)
            file.path.write_text("no tokens")
            assert code_of(client) == 1008
        with connect(url(running), additional_headers=headers) as client:
            assert "Internal error" in str(client.recv(timeout=20))
        answer = running.http.post("/api/v2/query/rows", json={"sql": "select 1"}, headers=headers)
        assert answer.status_code == 500 and str(tmp_path) not in answer.text
        assert str(tmp_path) in complaints[-1].getMessage()
        assert not [record for record in complaints if record.exc_info]
    finally:
        running.close()


def text_frame(text: str) -> bytes:
    data = text.encode()
    head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2, "big")
    return head + b"\0\0\0\0" + data


@pytest.mark.parametrize("kind", ["errors", "pings"])
def test_who_does_not_read_is_not_kept_for(tmp_path: Path, kind: str) -> None:
    """Answers that nobody takes are not piled up: the server stops reading, and in the end ends the connection."""
    running = RunningGateway(tmp_path, queries_per_second_max=0, send_seconds_max=2)
    ping = b"\x89\xfd\0\0\0\0" + b"x" * 125
    try:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.settimeout(1)
            deaf.connect(("127.0.0.1", running.address[1]))
            deaf.sendall(WATCH)
            assert deaf.recv(4)
            sent = 0
            with pytest.raises((TimeoutError, ConnectionError)):
                for number in range(400_000):
                    deaf.sendall(
                        ping * 50 if kind == "pings" else text_frame(f'{{"id":{number},"unsubscribe":true}}')
                    )
                    sent += 1
            assert sent < 400_000
            [live] = [*running.server.connections._kinds[3]] or [None]
            assert live is None or live.transport.get_write_buffer_size() < 2_000_000
        wait_until(lambda: running.server.connections.total == 0)
        wait_until(lambda: running.app.state.gateway.metrics.watchers._value.get() == 0)
        assert running.query("select 1").status_code == 200
    finally:
        running.close()


def test_messages_sent_behind_the_handshake_are_read(gateway: RunningGateway) -> None:
    with dial(gateway, WATCH + text_frame('{"id":1,"sql":"select 77"}')) as eager:
        received = b""
        while b"[[77]]" not in received:
            part = eager.recv(65_536)
            assert part
            received += part


@pytest.mark.parametrize(
    "frames",
    [
        b"\x81\x82\0\0\0\0\xff\xfe",
        b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 5_000,
        b"\x88\x80\0\0\0\0\x89\x80\0\0\0\0",
        b"\x88\x81\0\0\0\0x",
        b"\x80\x80\0\0\0\0",
        b"\xc1\x80\0\0\0\0",
        b"\x89\xfe\0\x80\0\0\0\0" + b"x" * 128,
    ],
    ids=[
        "no UTF-8",
        "empty fragments",
        "a ping after the close",
        "half a code",
        "no begin",
        "a reserved bit",
        "a long ping",
    ],
)
def test_frames_that_break_the_protocol_end_quietly(
    gateway: RunningGateway, frames: bytes, complaints: list[logging.LogRecord]
) -> None:
    with dial(gateway, WATCH) as connection:
        assert b" 101 " in connection.recv(4_096)
        connection.sendall(frames)
        try:
            while connection.recv(4_096):
                pass
        except ConnectionError:
            pass
    assert gateway.query("select 1").status_code == 200
    assert not complaints


@pytest.mark.parametrize(
    "head",
    [
        WATCH.replace(b"GET", b"POST"),
        WATCH.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\nhello"),
        WATCH.replace(b"\r\n\r\n", b"\r\n" + b"A: b\r\n" * 300 + b"\r\n"),
        WATCH.replace(b"\r\n\r\n", b"\r\nA: " + b"b" * 9_000 + b"\r\n\r\n"),
        WATCH.replace(b"HTTP/1.1", b"HTTP/1.0"),
        WATCH.replace(b"Version: 13", b"Version: 7"),
        WATCH.replace(b"AAAA==", b"A"),
        WATCH.replace(b"localhost", b"evil.example"),
        WATCH.replace(b"/api/v1/live", b"/nothing"),
    ],
    ids=["method", "body", "headers", "line", "version", "protocol", "key", "name", "place"],
)
def test_a_handshake_that_is_none_leaves_nothing_behind(
    gateway: RunningGateway, head: bytes, complaints: list[logging.LogRecord]
) -> None:
    gateway.http.close()
    gateway.http = type(gateway.http)(base_url=gateway.url, timeout=30)
    for _ in range(5):
        with dial(gateway, head):
            pass  # it leaves before it is answered
        with dial(gateway, head) as connection:
            assert connection.recv(4_096)[9:12] in (b"400", b"403", b"426")
    wait_until(lambda: gateway.server.connections.total == 0)
    assert not gateway.server.server_state.connections
    assert not complaints

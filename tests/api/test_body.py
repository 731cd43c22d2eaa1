"""Long bodies: what all of them take in the gateway together."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.api.conftest import RunningGateway

LONG = b'{"sql":"select 1 /* ' + b"x" * 900_000 + b' */"}'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("bodies"), bodies_bytes_max=8 << 20)
    try:
        yield running
    finally:
        running.close()


def begin(running: RunningGateway, path: str, sent: int, *, is_announced: bool = True) -> socket.socket:
    """A request whose body is sent in part."""
    connection = socket.create_connection(running.address)
    length = f"Content-Length: {len(LONG)}" if is_announced else "Transfer-Encoding: chunked"
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
    connection.sendall(LONG[:sent] if is_announced else b"%x\r\n%b\r\n" % (sent, LONG[:sent]))
    return connection


def status(connection: socket.socket) -> int:
    connection.settimeout(20)
    return int(connection.recv(4096).split()[1])


@pytest.mark.parametrize("path", ["/api/v2/query/rows", "/api/v1/exec"])
@pytest.mark.parametrize("is_announced", [True, False])
def test_bodies_that_do_not_come_to_their_end_take_bounded_memory(
    running: RunningGateway, path: str, is_announced: bool
) -> None:
    budget = running.app.state.gateway.bodies
    held = [begin(running, path, 800_000, is_announced=is_announced) for _ in range(2)]
    deadline = time.monotonic() + 20
    while budget.used < 2 * len(LONG):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with begin(running, path, 800_000, is_announced=is_announced) as late:
        assert status(late) == 429
    with begin(running, "/api/v2/query/rows", 60_000):
        assert budget.used < 3 * len(LONG)
    for connection in held:
        connection.close()
    while budget.used:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with begin(running, "/api/v2/query/rows", len(LONG)) as whole:
        assert status(whole) == 200
    assert budget.used == 0

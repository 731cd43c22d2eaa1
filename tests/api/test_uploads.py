"""Uploads at once: how many, of whom, how many bytes, and what becomes of a client that leaves."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW
from tests.waiting import wait_until
from wasmverse.api.uploads import Uploads

HERE, THERE = "127.0.0.1", "127.0.0.2"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(
        tmp_path_factory.mktemp("uploads"),
        uploads_max=3,
        uploads_max_per_client=2,
        upload_bytes_max=64 << 10,
        module_bytes_max=40 << 10,
        component_bytes_max=40 << 10,
        readers=1,
        reader_spares=0,
    )
    running.universe.answer = {"strategies": [ROW], "tid": 5}
    try:
        yield running
    finally:
        running.close()


def uploads_of(gateway: RunningGateway) -> Uploads:
    found = gateway.app.state.gateway.uploads
    assert isinstance(found, Uploads)
    return found


def begin(gateway: RunningGateway, size: int | None, address: str = HERE, body: bytes = b"") -> socket.socket:
    """A client that has sent the head of an upload, and a part of its body."""
    client = socket.create_connection(gateway.address, timeout=20, source_address=(address, 0))
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    client.sendall(
        f"PUT /api/v1/strategies/mine HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n\r\n".encode() + body
    )
    return client


def answer_to(client: socket.socket) -> str:
    """All that comes, which is an answer to a body that was never sent."""
    found = b""
    while part := client.recv(1 << 16):
        found += part
        if b'"}}' in found:
            break
    return found.decode()


@pytest.mark.parametrize(
    ("under_way", "mine", "status", "text"),
    [
        ([(9, HERE), (9, HERE)], (9, HERE), 429, "2 uploads of yours are under way, 2 may be at once"),
        ([(9, HERE), (9, HERE), (9, THERE)], (9, THERE), 503, "3 uploads of 27 bytes are under way, 3 of 65,536 may be"),
        ([(40_000, HERE)], (30_000, HERE), 503, "1 uploads of 40,000 bytes are under way, 3 of 65,536 may be at once"),
        ([(None, HERE)], (30_000, THERE), 503, "1 uploads of 40,960 bytes are under way, 3 of 65,536 may be at once"),
    ],
    ids=["client", "all", "bytes", "unknown-length"],
)  # fmt: skip
def test_who_finds_no_room_is_told_before_the_body_is_read(
    gateway: RunningGateway,
    under_way: list[tuple[int | None, str]],
    mine: tuple[int | None, str],
    status: int,
    text: str,
) -> None:
    uploads = uploads_of(gateway)
    with ExitStack() as stack:
        for number, (size, address) in enumerate(under_way, 1):
            stack.enter_context(begin(gateway, size, address))
            wait_until(lambda number=number: uploads.count == number)  # type: ignore[misc]
        answer = answer_to(stack.enter_context(begin(gateway, *mine)))
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert "\r\nretry-after: 5\r\n" in answer and text in answer
        assert uploads.count == len(under_way)
    wait_until(lambda: (uploads.count, uploads.bytes) == (0, 0))
    assert gateway.http.put("/api/v1/strategies/mine", content=HOLD).status_code == 201


def checkers() -> list[str]:
    """The processes that check a module now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
            parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"wasmverse.strategies.checker" in arguments and int(parent) == _OWN_PID:
            found.append(path.parent.name)
    return found


_OWN_PID = int(Path("/proc/self").readlink().name)


def test_who_leaves_is_not_served_any_further(gateway: RunningGateway) -> None:
    """Neither while the module is checked nor while it waits for that."""
    uploads, commands = uploads_of(gateway), len(gateway.universe.commands)
    clients = [begin(gateway, len(HOLD), address, HOLD) for address in (HERE, HERE, THERE)]
    wait_until(lambda: len(checkers()) == 2 and uploads.count == 3)
    for client in clients:
        client.close()
    wait_until(lambda: not uploads.count, seconds=2)
    assert not checkers()
    assert len(gateway.universe.commands) == commands
    assert gateway.http.put("/api/v1/strategies/mine", content=HOLD).status_code == 201
    assert len(gateway.universe.commands) == commands + 1


def test_a_checker_that_is_under_way_ends_with_the_server(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, readers=1, reader_spares=0)
    with begin(running, len(HOLD), HERE, HOLD):
        wait_until(lambda: len(checkers()) == 1)
        [pid] = checkers()
        # Held up, as if its module took long.
        subprocess.run(["kill", "-STOP", pid], check=True)
        running.close()
    assert not checkers()

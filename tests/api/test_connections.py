"""Silent, slow and many connections: whoever asks for something still gets it."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.api.conftest import RunningGateway
from tests.waiting import wait_until
from wasmverse.api.http import connections as connections_module
from wasmverse.api.http.address import counted_address
from wasmverse.api.http.connections import Connections, Kind, within_descriptors
from wasmverse.settings import Settings

PING = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/v2/query/rows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
WATCH = (
    b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MOST = 40


def dial(gateway: RunningGateway, *parts: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", gateway.address[1]), timeout=20)
    for part in parts:
        connection.sendall(part)
    return connection


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65_536):
            received += part
    return received


def ask(gateway: RunningGateway) -> None:
    """A newcomer is answered, in a third of the time for which the others might keep their connections."""
    with dial(gateway, PING) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(
        tmp_path_factory.mktemp("small"), connections_max=MOST, head_seconds_max=60, body_seconds_max=60
    )
    yield running
    running.close()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    running = RunningGateway(
        tmp_path_factory.mktemp("quick"),
        head_seconds_max=1,
        idle_seconds_max=2,
        body_seconds_max=30,
        request_seconds_max=3,
        query_seconds_max=20,
    )
    yield running
    running.close()


def silent(gateway: RunningGateway) -> socket.socket:
    return dial(gateway)


def half_a_head(gateway: RunningGateway) -> socket.socket:
    return dial(gateway, PING[:-2])


def kept(gateway: RunningGateway) -> socket.socket:
    connection = dial(gateway, PING)
    received = b""
    while not received.endswith(b"pong"):
        received += connection.recv(65_536)
    return connection


def half_a_body(gateway: RunningGateway) -> socket.socket:
    return dial(gateway, POST)


def idle_socket(gateway: RunningGateway) -> socket.socket:
    connection = dial(gateway, WATCH)
    assert b" 101 " in connection.recv(65_536)
    return connection


@pytest.mark.parametrize("attack", [silent, half_a_head, kept, half_a_body, idle_socket])
def test_who_keeps_us_waiting_makes_way(
    small: RunningGateway, attack: Callable[[RunningGateway], socket.socket]
) -> None:
    """Three times as many as there is room for: everybody who asks is answered, the oldest of the others are closed."""
    with ExitStack() as stack:
        held = []
        for number in range(3 * MOST):
            held.append(stack.enter_context(attack(small)))
            if number % 10 == 0:
                ask(small)
        ask(small)
        assert small.server.connections.total <= MOST
        held[0].settimeout(20)
        with contextlib.suppress(ConnectionError):
            assert read_to_end(held[0])[:12] in (b"", b"HTTP/1.1 503", b"\x88\x16\x03\xf5too many"), (
                "the oldest one"
            )
        held[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            held[-1].recv(100)
    wait_until(lambda: small.server.connections.total <= 1)


def test_one_address_has_a_limit_of_its_own(tmp_path: Path) -> None:
    running = RunningGateway(tmp_path, connections_max_per_address=10)
    try:
        with ExitStack() as stack:
            for _ in range(30):
                stack.enter_context(silent(running))
            wait_until(lambda: running.server.connections.closed["head"] == 20)
            assert running.server.connections.total == 10
            ask(running)
    finally:
        running.close()


@pytest.mark.parametrize(
    ("parts", "seconds", "answer"),
    [
        ((), 1, b""),
        ((PING[:-2],), 1, b"HTTP/1.1 408"),
        ((PING, PING[:20]), 1, b"HTTP/1.1 200"),
        ((PING,), 2, b"HTTP/1.1 200"),
        ((b"GET /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",), 1, b"HTTP/1.1 200"),
    ],
    ids=["nothing", "half a head", "a second half", "idle", "a body that nobody wants"],
)
def test_limits_of_time(
    quick: RunningGateway, parts: tuple[bytes, ...], seconds: float, answer: bytes
) -> None:
    began = time.monotonic()
    with dial(quick, *parts) as connection:
        assert read_to_end(connection).startswith(answer)
    assert time.monotonic() - began >= seconds - 0.1, "and within the 20 s of the socket"


def test_a_byte_now_and_then_is_no_request(quick: RunningGateway) -> None:
    """The limit counts from the first byte: as long as more of them come, a limit that began again would never end."""
    with dial(quick) as connection:
        began = time.monotonic()
        connection.settimeout(0.2)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 20:
                connection.sendall(b"G" if not answer else b"E")
                try:
                    answer = connection.recv(1_000)
                    break
                except TimeoutError:
                    pass
        assert answer.startswith(b"HTTP/1.1 408")


def test_a_whole_request_has_a_limit_too(quick: RunningGateway) -> None:
    """A reader that takes a little now and then holds its answer no longer than that."""
    sql = b'{"sql":"select range, repeat(\'x\', 900) from range(40000)"}'
    head = b"POST /api/v2/query/rows HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(sql)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", quick.address[1]))
        began = time.monotonic()
        connection.sendall(head + sql)
        assert connection.recv(200).startswith(b"HTTP/1.1 200")
        while quick.server.connections.total and time.monotonic() - began < 30:
            assert connection.recv(200)
            time.sleep(0.05)
        assert 2.9 < time.monotonic() - began < 30, "all of the answer would take hours"


def test_a_live_socket_may_be_silent(quick: RunningGateway) -> None:
    with idle_socket(quick) as connection:
        connection.settimeout(4)
        with pytest.raises(TimeoutError):
            connection.recv(100)


class Peer:
    """A connection without a network."""

    def __init__(self, address: str, kind: Kind = Kind.head) -> None:
        self.address, self.kind, self.since, self.has_made_way = address, kind, 0.0, False

    def make_way(self) -> None:
        self.has_made_way = True

    def check_time(self, now: float) -> None:
        raise AssertionError("nobody asks this of it here")

    abort = make_way

    def note_live(self, is_live: bool) -> None:
        raise AssertionError("nobody asks this of it here")


def crowd(most: int, **settings: int) -> Connections:
    return Connections(Settings(connections_max=most, **settings), lambda address: address == "proxy")


def test_who_makes_way_first() -> None:
    connections = crowd(5)
    peers = [Peer("a", kind) for kind in (Kind.live, Kind.socket, Kind.body, Kind.kept, Kind.head)]
    assert all(connections.admit(peer) for peer in peers)
    for expected in reversed(peers[1:]):
        newcomer = Peer("a", Kind.busy)
        newcomer.since = 10
        assert connections.admit(newcomer)
        assert expected.has_made_way
    assert not connections.admit(Peer("a", Kind.busy)), (
        "everybody is served, and nobody has more than their share"
    )
    assert connections.refused == 1 and not peers[0].has_made_way
    assert connections.admit(Peer("b", Kind.busy)), (
        "a newcomer from elsewhere has more right than the fifth from one place"
    )
    assert peers[0].has_made_way
    assert connections.total == 5


def test_the_counts_come_to_nothing_again() -> None:
    connections = crowd(4)
    peers = [Peer(address) for address in "aabbcc"]
    for peer in peers:
        connections.admit(peer)
        connections.move(peer, Kind.busy)
        connections.move(peer, Kind.kept)
    for peer in (*peers, *peers):
        connections.forget(peer)
    assert connections.total == 0 and not connections._addresses and not any(connections._kinds)


def test_a_named_proxy_stands_for_many() -> None:
    connections = crowd(6, connections_max_per_address=2)
    assert all(connections.admit(Peer("proxy", Kind.busy)) for _ in range(6))
    assert not connections.admit(Peer("proxy", Kind.busy))


def test_addresses_that_count_as_one() -> None:
    assert counted_address("2001:db8::1") == counted_address("2001:db8::ffff:1") == "2001:db8::/64"
    assert counted_address("2001:db8:0:1::1") != counted_address("2001:db8::1")
    assert counted_address("::ffff:10.0.0.1") == counted_address("10.0.0.1") == "10.0.0.1"
    assert counted_address("fe80::1%eth0") == "fe80::/64"
    assert counted_address("::1") == "::1"
    assert counted_address("") == ""


def test_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"limit": (1_024, 2_048)}
    monkeypatch.setattr(connections_module.resource, "getrlimit", lambda _which: limits["limit"])
    monkeypatch.setattr(connections_module.resource, "setrlimit", lambda _which, to: limits.update(limit=to))
    assert within_descriptors(1_000) == 1_000
    assert limits["limit"] == (1_256, 2_048), "as many as are wanted"
    assert within_descriptors(4_096) == 2_048 - 256

"""Raw WebSocket frames, right and wrong, against a real server.

A failing case is shown as the bytes that were sent; ``WASMVERSE_TEST_ATTACK_SEED`` and the number of the case play it again.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.attack.effort import cases_of_time, random_of
from tests.attack.target import Target, exchange

SECONDS = 20
HANDSHAKE = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
]
ODD_HANDSHAKES = [
    "Sec-WebSocket-Version: 8",
    "Sec-WebSocket-Version: x",
    "Sec-WebSocket-Key: short",
    "Sec-WebSocket-Key: \xff",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99",
    "Sec-WebSocket-Extensions: ;;;,",
    "Sec-WebSocket-Protocol: " + "a," * 1_000,
    "Upgrade: h2c, websocket",
    "Connection: close",
    "Origin: http://[",
    "Origin: https://evil.example",
    "Content-Length: 10",
    "Transfer-Encoding: chunked",
    "X-Forwarded-For: 1.2.3.4",
    "Authorization: Basic =",
    "A: " + "b" * 9_000,
]
PATHS = ["/api/v1/live"] * 12 + [
    "/",
    "/ping",
    "/api/v1/live/",
    "/api/v1/liv%65",
    "/nothing",
    "/api/v1/live?token=x",
]
QUERIES = [
    "select 1",
    "select count(*) from entity",
    "select tid from turns",
    "select * from bad",
    "select 1::",
    "drop table entity",
    "select repeat('x', 3000000)",
    "select range from range(50000)",
    "",
]


def message(r: random.Random) -> bytes:
    """What a client may say, or a little different."""
    identity = r.choice([0, 1, 2, 3, 2**53 - 1, 2**53, -1, 1.5, "1", None, True, [], r.randrange(1 << 40)])
    kind = r.randrange(8)
    value: object = {"id": identity, "sql": r.choice(QUERIES)}
    if kind == 0:
        value = {"id": identity, "unsubscribe": r.choice([True, False, 1, "x"])}
    elif kind == 1:
        value = {"token": r.choice(["wv_x", "", None, 5, "x" * 10_000])}
    elif kind == 2:
        value = {
            "id": identity,
            "sql": r.choice(QUERIES),
            r.choice(["args", "format", "turn", "bigint", "database", "x" * 1_000]): r.choice(
                [None, [], [1], "arrow", "json", {}, 1, "number", [[[[]]]], 1e300]
            ),
        }
    elif kind == 3:
        value = r.choice([[], {}, "x", 5, None, [[]] * 100])
    text = json.dumps(value).encode()
    if kind == 4:
        text = r.choice([b"{", b"[" * 50_000, b'{"id":1,"sql":"\xff"}', b"", b"\0", b'{"a":' * 2_000, b"nan"])
    return text


def frame(r: random.Random, opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """One frame; every sixth breaks a rule."""
    rule = r.randrange(40)
    first = (0x80 if fin else 0) | opcode
    if rule == 0:
        first |= r.choice([0x10, 0x20, 0x40, 0x70])
    length = len(data)
    if rule == 1:
        length = r.choice([0, length + 1, 2**20 + 1, 2**32, 2**63 - 1, 2**64 - 1])
    if length < 126 and rule != 2:
        head = bytes([length])
    elif length < 1 << 16 and rule != 3:
        head = b"\x7e" + struct.pack(">H", length)
    else:
        head = b"\x7f" + struct.pack(">Q", length)
    if rule == 4:
        return bytes([first]) + head + data
    mask = r.randbytes(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    return bytes([first, head[0] | 0x80]) + head[1:] + mask + masked


def frames(r: random.Random) -> bytes:
    """A stretch of frames of one kind."""
    kind = r.randrange(12)
    if kind < 5:
        return b"".join(frame(r, r.choice([1, 1, 1, 2]), message(r)) for _ in range(r.choice([1, 1, 3, 20])))
    if kind == 5:
        text = message(r)[:2_000]
        cuts = [text[at : at + 7] for at in range(0, len(text), 7)] or [b""]
        parts = [frame(r, 1 if at == 0 else 0, cut, fin=at == len(cuts) - 1) for at, cut in enumerate(cuts)]
        if r.random() < 0.5:
            parts.insert(r.randrange(len(parts)), frame(r, 9, b"between"))
        return b"".join(parts)
    if kind == 6:
        return frame(r, 1, b"", fin=False) + frame(r, 0, b"", fin=False) * r.choice([10, 3_000])
    if kind == 7:
        return frame(r, r.choice([9, 10]), r.randbytes(r.choice([0, 125, 126, 300]))) * r.choice([1, 500])
    if kind == 8:
        code = r.choice(
            [b"", b"\x03", struct.pack(">H", r.choice([1000, 1005, 1006, 0, 999, 5000, 3000, 65535]))]
        )
        return frame(r, 8, code + r.choice([b"", b"bye", b"\xff\xfe", b"x" * 123])) + frame(r, 1, message(r))
    if kind == 9:
        return frame(r, r.choice([3, 4, 7, 11, 15, 0]), b"x")
    if kind == 10:
        return r.randbytes(r.choice([1, 30, 3_000]))
    flood = [{"id": 1, "sql": "select 1"}, {"id": 1, "unsubscribe": True}]
    return b"".join(frame(r, 1, json.dumps(flood[at % 2]).encode()) for at in range(r.choice([50, 300])))


def case_of(r: random.Random) -> tuple[list[bytes], list[bytes]]:
    """The handshake in parts, and what follows it."""
    lines = [f"GET {r.choice(PATHS)} HTTP/1.1", "Host: localhost", *HANDSHAKE]
    if r.random() < 0.2:
        lines.insert(r.randrange(1, len(lines)), r.choice(ODD_HANDSHAKES))
    if r.random() < 0.1:
        del lines[r.randrange(1, len(lines))]
    handshake = "\r\n".join(lines).encode() + b"\r\n\r\n"
    parts = [frames(r) for _ in range(r.choice([1, 1, 2, 4]))]
    if r.random() < 0.2:
        return [handshake + parts[0]], parts[1:]  # without waiting for the answer
    return [handshake], parts


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    target = Target(tmp_path_factory.mktemp("target"), live_ping_seconds=1)
    yield target
    target.close()


@pytest.fixture
def left_open() -> Iterator[list[socket.socket]]:
    """Connections that a case leaves to the server."""
    connections: list[socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def test_raw_frames(target: Target, left_open: list[socket.socket]) -> None:
    r = random_of("sockets")
    for number in cases_of_time(SECONDS):
        handshake, parts = case_of(r)
        connection = target.dial()
        answer = exchange(connection, handshake)
        if b" 101 " in answer[:40]:
            answer += exchange(connection, parts, r.random() < 0.2)
        ending = r.randrange(4)
        if ending == 0:  # a reset
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if ending == 1:  # never closed, never read
            left_open.append(connection)
        else:
            connection.close()
        if len(left_open) > 30:
            left_open.pop(0).close()
        shown = f"case {number}: {handshake!r} {parts!r}"[:20_000]
        assert b"Traceback" not in answer and b"HTTP/1.1 500" not in answer, shown
        target.ask()
        assert not target.said(), f"{target.said()[:4_000]}\n{shown}"
    while left_open:
        left_open.pop().close()
    target.check()

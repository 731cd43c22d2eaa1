"""The load generator of bench_query: one process, one event loop, no HTTP library, so that it is not what is measured.

    python -m tests.bench.load PORT '{"kind": "rate", ...}'

Prints one JSON object. ``moments`` (seconds since 1970) and ``seconds`` say when each request was due and what its answer took;
of live queries, when each turn was committed and what its delivery took. ``processor`` is the share of one core that the
generator used itself: figures count only while that is small.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import resource
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

ONE_SYSTEM = "select * from entity where sid = ? and eid <> ?"
"""The second argument is different every time, so that no kept result can be the answer."""


class Client(asyncio.Protocol):
    """One kept connection over which one request at a time goes."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.body = b""
        self.answered: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = re.search(rb"content-length: (\d+)", self.buffer[:end].lower())
        assert length is not None
        if len(self.buffer) >= end + 4 + int(length[1]):
            status = int(self.buffer[9:12])
            self.body = bytes(self.buffer[end + 4 :])
            self.buffer.clear()
            assert self.answered is not None
            self.answered.set_result(status)

    def connection_lost(self, _error: Exception | None) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(0)

    def ask(self, sql: str, args: list[Any]) -> asyncio.Future[int]:
        """Send a query; the future is the status of its answer."""
        body = json.dumps({"sql": sql, "args": args}).encode()
        head = f"POST /api/v2/query/tuples HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(head.encode() + body)
        return self.answered


async def connect(port: int, protocol: Callable[[], Any]) -> Any:
    """One connection to the server."""
    return (await asyncio.get_running_loop().create_connection(protocol, "127.0.0.1", port))[1]


class Queries:
    """Arguments that never repeat, or always do."""

    def __init__(self, systems: int, is_kept: bool) -> None:
        self.systems = systems
        self.is_kept = is_kept
        self.number = 0

    def next(self) -> list[int]:
        self.number += 1
        return (
            [7, 0]
            if self.is_kept
            else [self.number % self.systems + 1, -self.number - 1_000_000 * os.getpid()]
        )


async def at_a_rate(port: int, rate: float, seconds: float, queries: Queries) -> dict[str, Any]:
    """Requests at fixed times, whether or not earlier ones were answered; latency counts from those times."""
    idle: asyncio.Queue[Client] = asyncio.Queue()
    for _ in range(128):
        idle.put_nowait(await connect(port, Client))
    answers: list[Answer] = []

    async def one(due: float) -> None:
        client = await idle.get()
        status = await client.ask(ONE_SYSTEM, queries.next())
        answers.append(Answer(due, time.perf_counter(), status))
        idle.put_nowait(client)

    tasks = []
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    elapsed = time.perf_counter() - began
    return {"per_second": len(answers) / elapsed, **figures(answers)}


async def as_fast_as_it_goes(port: int, clients: int, seconds: float, queries: Queries) -> dict[str, Any]:
    """Clients that ask again as soon as they are answered."""
    answers: list[Answer] = []
    end = time.perf_counter() + seconds

    async def one() -> None:
        client = await connect(port, Client)
        while (began := time.perf_counter()) < end:
            status = await client.ask(ONE_SYSTEM, queries.next())
            answers.append(Answer(began, time.perf_counter(), status))

    await asyncio.gather(*(one() for _ in range(clients)))
    return {"per_second": len(answers) / seconds, **figures(answers)}


class Answer(NamedTuple):
    """When a request was due and when it was answered, by the performance counter, and the status."""

    due: float
    answered: float
    status: int


def figures(answers: list[Answer]) -> dict[str, Any]:
    """All answers, and how many did not have status 200."""
    since_1970 = time.time() - time.perf_counter()
    return {
        "failed": sum(answer.status != 200 for answer in answers),
        "moments": [round(since_1970 + answer.due, 4) for answer in answers],
        "seconds": [round(answer.answered - answer.due, 6) for answer in answers],
    }


class Watcher(asyncio.Protocol):
    """One live query; notes when each turn's message was there whole."""

    def __init__(self, sql: str, args: list[Any], heard: Callable[[bytes], None]) -> None:
        self.request = json.dumps({"id": 1, "sql": sql, "args": args}).encode()
        self.heard = heard
        self.buffer = bytearray()
        self.is_open = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        head = ("GET /api/v1/live HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
                f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")  # fmt: skip
        self.transport.write("\r\n".join((*head, "", "")).encode())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.is_open:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self.buffer.startswith(b"HTTP/1.1 101"), bytes(self.buffer[:80])
            del self.buffer[: end + 4]
            self.is_open = True
            self._send(1, self.request)
        while (size := self._frame()) is not None:
            start, stop = size
            kind = self.buffer[0] & 15
            if kind == 9:
                self._send(10, bytes(self.buffer[start:stop]))
            elif kind == 1:
                self.heard(bytes(self.buffer[start:stop]))
            del self.buffer[:stop]

    def _frame(self) -> tuple[int, int] | None:
        """Where the payload of the first frame begins and ends, if it is all there."""
        if len(self.buffer) < 2:
            return None
        length, start = self.buffer[1] & 127, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(self.buffer[2:start], "big")
        return (start, start + length) if len(self.buffer) >= start + length else None

    def _send(self, kind: int, payload: bytes) -> None:
        # The mask is all zeros: the bytes stay as they are.
        size = (
            bytes([128 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        )
        self.transport.write(bytes([128 | kind]) + size + b"\0\0\0\0" + payload)


_TURN = re.compile(rb'"turn":(\d+)')


async def watch(port: int, same: int, different: int, seconds: float) -> dict[str, Any]:
    """Live queries, ``same`` of one system and ``different`` of as many others; seconds from commit to delivery."""
    heard: list[tuple[int, float]] = []

    def note(message: bytes) -> None:
        found = _TURN.search(message, 0, 60)
        assert found is not None, message[:80]
        heard.append((int(found[1]), time.time()))

    for number in range(same + different):
        sid = 7 if number < same else number - same + 100
        await connect(port, lambda sid=sid: Watcher("select * from entity where sid = ?", [sid], note))
    await asyncio.sleep(4)
    print("ready", flush=True)
    heard.clear()
    await asyncio.sleep(seconds)
    last = max(tid for tid, _ in heard)
    await asyncio.sleep(1)
    client = await connect(port, Client)
    await client.ask(
        "select tid, epoch(end_time) from turns where tid <= ? order by tid desc limit 1000", [last]
    )
    ended = dict(json.loads(client.body)["results"][0]["rows"])
    first = min(tid for tid, _ in heard) + 1  # the clearing may have fallen into that one
    delays = [(ended[tid], at - ended[tid]) for tid, at in heard if first <= tid <= last]
    turns = last - first + 1
    return {
        "turns": turns,
        "missing": (same + different) * turns - len(delays),
        "moments": [round(commit, 4) for commit, _ in delays],
        "seconds": [round(delay, 6) for _, delay in delays],
    }


async def idle(port: int, watchers: int) -> dict[str, Any]:
    """Watchers of a result that never changes, held until a line is read."""
    heard: list[bytes] = []
    held = [await connect(port, lambda: Watcher("select 1", [], heard.append)) for _ in range(watchers)]
    while len(heard) < watchers:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    return {"watchers": len(held)}


async def main(port: int, what: dict[str, Any]) -> dict[str, Any]:
    """Carry out one load."""
    kind = what.pop("kind")
    if kind in {"rate", "closed"}:
        what["queries"] = Queries(what.pop("systems"), what.pop("is_kept", False))
    loads = {"rate": at_a_rate, "closed": as_fast_as_it_goes, "watch": watch, "idle": idle}
    clock, used = time.perf_counter(), time.process_time()
    result = await loads[kind](port, **what)  # type: ignore[operator]
    return result | {"processor": (time.process_time() - used) / (time.perf_counter() - clock)}


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    socket.setdefaulttimeout(30)
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[2])))))

"""Live queries: run once a turn however many watch, sent only when the result changed.

A *watch* is a distinct (sql, args, format) with its latest result; a *watcher* is one connection with its
subscriptions. Each watcher has a place for one message per subscription: a newer result takes the place of
one that was not sent yet, so a slow client gets the newest and costs no more memory than a fast one.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from wasmverse.api.body import query_of
from wasmverse.api.errors import HttpError
from wasmverse.api.gateway import gateway_of
from wasmverse.api.metrics import Metrics
from wasmverse.errors import QueryError, QueryRefused, UniverseUnavailable, WasmverseError
from wasmverse.link import Universe
from wasmverse.query.pool import OUTSTANDING_MAX, ReaderPool
from wasmverse.query.result import Format
from wasmverse.settings import Settings

log = logging.getLogger(__name__)

QUICK_SECONDS = 0.01
"""A live query that took its reader no longer at the turn before may wait in one behind others like it."""

FAILURES_MAX = 3
"""Turns in a row in which a live query may fail before it is ended."""

RECONNECT_SECONDS = 0.5
TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008
ARROW_HEAD = struct.Struct("<QQ")
"""In front of an Arrow frame: the subscription's id and the turn, 8 bytes each, little-endian."""

Payload = str | bytes


@dataclass(frozen=True, slots=True)
class WatchKey:
    """What makes two live queries the same."""

    sql: str
    args: bytes
    format: Format
    big_as_string: bool


@dataclass(slots=True)
class Watch:
    """One distinct live query and its latest outcome: ``content`` of ``turn``, or ``error``.

    ``version`` counts the outcomes that differ; ``watchers`` has the one that each subscription was told. ``is_quick`` says that
    the last run went well and took its reader at most ``QUICK_SECONDS``.
    """

    key: WatchKey
    args: list[Any]
    watchers: dict[tuple[Watcher, int], int] = field(default_factory=dict)
    version: int = 0
    turn: int = -1
    content: bytes | None = None
    text: str = ""
    error: WasmverseError | None = None
    failures: int = 0
    is_quick: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Watcher:
    """One connection and what waits to be sent on it."""

    def __init__(self, metrics: Metrics) -> None:
        self.watches: dict[int, Watch] = {}
        self.waiting: dict[int, Payload] = {}
        self.wakes = asyncio.Event()
        self._metrics = metrics

    def offer(self, identity: int, payload: Payload) -> None:
        """Leave a message to be sent; one that still waits for the same subscription is dropped."""
        if identity in self.waiting:
            self._metrics.live_skipped.inc()
            del self.waiting[identity]  # so that the newest goes to the end of the queue
        self.waiting[identity] = payload
        self.wakes.set()


class LiveQueries:
    """All live queries of one gateway."""

    def __init__(self, universe: Universe, pool: ReaderPool, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self._universe = universe
        self._pool = pool
        self._watches: dict[WatchKey, Watch] = {}
        self._addresses: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        # As many as keep the readers busy: more would only stand in the queue, which others share.
        self._at_once = asyncio.Semaphore(settings.readers * 2)
        self._quick_at_once = asyncio.Semaphore(settings.readers * OUTSTANDING_MAX)

    def start(self) -> None:
        """Begin to follow the turns."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following the turns."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def enter(self, address: str) -> bool:
        """Count a connection; False when its address has too many."""
        if self._addresses.get(address, 0) >= self.settings.watchers_max_per_address:
            return False
        self._addresses[address] = self._addresses.get(address, 0) + 1
        self.metrics.watchers.inc()
        return True

    def leave(self, address: str, watcher: Watcher) -> None:
        """Forget a connection and its subscriptions."""
        for identity in tuple(watcher.watches):
            self.unsubscribe(watcher, identity)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        self.metrics.watchers.dec()

    async def subscribe(self, watcher: Watcher, identity: int, key: WatchKey, args: list[Any]) -> None:
        """Watch a query under ``identity``, in place of what had it before, and send its result now."""
        self.unsubscribe(watcher, identity)
        watch = self._watches.setdefault(key, Watch(key, args))
        watch.watchers[watcher, identity] = 0
        watcher.watches[identity] = watch
        self.metrics.watches.inc()
        await self._run(watch)

    def unsubscribe(self, watcher: Watcher, identity: int) -> bool:
        """Stop a subscription; False when there is none of that id."""
        watch = watcher.watches.pop(identity, None)
        if watch is None:
            return False
        watcher.waiting.pop(identity, None)
        watch.watchers.pop((watcher, identity), None)
        if not watch.watchers and self._watches.get(watch.key) is watch:
            del self._watches[watch.key]
        self.metrics.watches.dec()
        return True

    async def _follow(self) -> None:
        after = -1
        while True:
            try:
                report = await self._universe.next_turn(after)
            except UniverseUnavailable:
                await asyncio.sleep(RECONNECT_SECONDS)  # it may come back; the watchers stay
                continue
            after = report.tid
            # What most wait for comes first.
            watches = sorted(self._watches.values(), key=lambda watch: -len(watch.watchers))
            runs = (self._run(watch) for watch in watches)
            for outcome in await asyncio.gather(*runs, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("a live query failed", exc_info=outcome)

    async def _run(self, watch: Watch) -> None:
        """Bring a watch up to the newest turn, and tell those of its watchers who have not heard of its outcome."""
        async with watch.lock, self._quick_at_once if watch.is_quick else self._at_once:
            if not watch.watchers:
                return
            if watch.error is not None or watch.turn != self._pool.newest:
                watch.version += await self._renew(watch)
            for (watcher, identity), told in tuple(watch.watchers.items()):
                if told != watch.version:
                    watch.watchers[watcher, identity] = watch.version
                    watcher.offer(identity, _message(watch, identity))
            if isinstance(watch.error, QueryRefused) or watch.failures >= FAILURES_MAX:
                self._end(watch)

    async def _renew(self, watch: Watch) -> bool:
        """Run the query; whether its outcome is another than before."""
        key = watch.key
        try:
            is_quick, watch.is_quick = watch.is_quick, False
            result = await self._pool.query(
                key.sql,
                watch.args,
                format=key.format,
                big_as_string=key.big_as_string,
                is_quick=is_quick,
            )
            if len(result.body) > self.settings.live_bytes_max:
                raise QueryRefused(
                    f"The result has {len(result.body):,} bytes, a live query's may have "
                    f"{self.settings.live_bytes_max:,}; ask for fewer columns or rows",
                    code=1153,
                )
            watch.is_quick = result.seconds <= QUICK_SECONDS
        except WasmverseError as error:
            before, watch.error = watch.error, error
            watch.failures += isinstance(error, QueryError)
            return before is None or str(before) != str(error) or watch.failures >= FAILURES_MAX
        changed = watch.error is not None or result.body != watch.content
        watch.turn, watch.error, watch.failures = result.turn, None, 0
        if changed:
            watch.content = result.body
            watch.text = "" if key.format == "arrow" else result.body.decode()
        return changed

    def _end(self, watch: Watch) -> None:
        for watcher, identity in tuple(watch.watchers):
            waiting = watcher.waiting.get(identity)
            self.unsubscribe(watcher, identity)
            if waiting is not None:
                watcher.waiting[identity] = waiting  # the error still goes out


def _message(watch: Watch, identity: int) -> Payload:
    if watch.error is not None:
        return error_text(identity, watch.error)
    if watch.key.format == "arrow":
        return ARROW_HEAD.pack(identity, watch.turn) + (watch.content or b"")
    return f'{{"id":{identity},"turn":{watch.turn},{watch.text}}}'


def error_text(identity: int | None, error: WasmverseError) -> str:
    """The message that a subscription, or none in particular, met an error."""
    shape = {"id": identity, "error": {"code": error.code, "message": error.message}}
    return orjson.dumps(shape).decode()


live_router = APIRouter()


@live_router.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    """Serve one watcher until it leaves."""
    queries: LiveQueries = socket.app.state.live
    address = socket.client.host if socket.client else ""
    await socket.accept()
    try:
        await _admit(socket, queries.settings.body_seconds_max)
    except WebSocketDisconnect:
        return
    except HttpError as error:
        await socket.send_text(error_text(None, error))
        await socket.close(POLICY_VIOLATION)
        return
    if not queries.enter(address):
        limit = queries.settings.watchers_max_per_address
        full = HttpError(429, f"{address} has {limit} live connections, the limit; close one first")
        await socket.send_text(error_text(None, full))
        await socket.close(TRY_AGAIN_LATER)
        return
    watcher = Watcher(queries.metrics)
    sending = asyncio.create_task(_send(socket, watcher, queries))
    try:
        await _listen(socket, watcher, queries)
    except WebSocketDisconnect:
        pass
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        queries.leave(address, watcher)


async def _admit(socket: WebSocket, seconds_max: float) -> None:
    """Let in who may ask. A page cannot set headers here: its token may be the first message, ``{"token":"..."}``.

    Raises
    ------
    HttpError : the token is missing or unknown.
    WebSocketDisconnect : it left first.
    """
    gateway = gateway_of(socket)
    try:
        gateway.may_ask(socket)
    except HttpError as error:
        if error.status != 401 or "authorization" in socket.headers:
            raise
        try:
            async with asyncio.timeout(seconds_max):
                value = orjson.loads(await socket.receive_text())
        except (TimeoutError, KeyError, orjson.JSONDecodeError):
            raise error from None
        token = value.get("token") if isinstance(value, dict) else None
        if not isinstance(token, str) or not token:
            raise
        gateway.may_ask(socket, token)


async def _listen(socket: WebSocket, watcher: Watcher, queries: LiveQueries) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            value = orjson.loads(message.get("text") or message.get("bytes") or b"")
        except orjson.JSONDecodeError as error:
            bad = HttpError(400, f'The message is not JSON ({error}); send {{"id":1,"sql":"select 1"}}', 1064)
            watcher.offer(-1, error_text(None, bad))
            continue
        if isinstance(value, dict) and value.keys() == {"token"}:
            continue  # of a page that does not know whether one is needed: it was not
        identity = value.get("id") if isinstance(value, dict) else None
        if not isinstance(identity, int) or isinstance(identity, bool) or not 0 <= identity < 2**53:
            bad = HttpError(
                400, "A message is an object whose 'id' is a whole number from 0 to 2^53 - 1", 1064
            )
            watcher.offer(-1, error_text(None, bad))
            continue
        try:
            await _carry_out(value, identity, watcher, queries)
        except WasmverseError as error:
            watcher.offer(identity, error_text(identity, error))


async def _carry_out(value: dict[str, Any], identity: int, watcher: Watcher, queries: LiveQueries) -> None:
    if value.get("unsubscribe"):
        if not queries.unsubscribe(watcher, identity):
            raise HttpError(400, f"There is no live query with id {identity} on this connection", 1243)
        return
    query = query_of(value)
    if query.turn is not None:
        raise HttpError(400, "A live query follows the turns; leave 'turn' out, or use query/tuples", 1210)
    if value.get("format", "json") not in ("json", "arrow"):
        raise HttpError(400, '\'format\' must be "json" or "arrow"', 1210)
    format_: Format = "arrow" if value.get("format") == "arrow" else "live"
    limit = queries.settings.watches_max
    if identity not in watcher.watches and len(watcher.watches) >= limit:
        raise HttpError(429, f"This connection has {limit} live queries, the limit; unsubscribe one first")
    key = WatchKey(query.sql, orjson.dumps(query.args), format_, query.big_as_string)
    await queries.subscribe(watcher, identity, key, query.args)


async def _send(socket: WebSocket, watcher: Watcher, queries: LiveQueries) -> None:
    """Send what waits, newest only; ends the connection of a client that takes nothing for too long."""
    while True:
        await watcher.wakes.wait()
        watcher.wakes.clear()
        while watcher.waiting:
            identity = next(iter(watcher.waiting))
            payload = watcher.waiting.pop(identity)
            try:
                async with asyncio.timeout(queries.settings.send_seconds_max):
                    if isinstance(payload, str):
                        await socket.send_text(payload)
                    else:
                        await socket.send_bytes(payload)
            except TimeoutError:
                await socket.close(POLICY_VIOLATION, "The client does not read")
                return
            queries.metrics.live_sent.inc()

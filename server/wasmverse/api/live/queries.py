"""Live queries: run once a turn however many watch, sent only when the result changed.

A *watch* is a distinct (sql, args, format) with its latest result; a *watcher* is one connection with its
subscriptions. Each watcher has a place for one message per subscription: a newer result takes the place of
one that was not sent yet, so a slow client gets the newest and costs no more memory than a fast one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import orjson

from wasmverse.api.errors import for_client
from wasmverse.api.metrics import Metrics
from wasmverse.errors import QueryError, QueryOverload, QueryRefused, UniverseUnavailable, WasmverseError
from wasmverse.messages import Universe
from wasmverse.query.budget import SMALL_BYTES
from wasmverse.query.fair import NOBODY, Client
from wasmverse.query.pool import ReaderPool
from wasmverse.query.result import Format, Result
from wasmverse.settings import LiveSettings

log = logging.getLogger(__name__)

QUICK_SECONDS = 0.01
"""A live query that took its reader no longer at the turn before may wait in one behind others like it."""

FAILURES_MAX = 3
"""Turns in a row in which a live query that has worked before may fail until it is ended."""

LASTING = frozenset({1052, 1054, 1055, 1064, 1146, 1305, 1041, 2013})
"""Errors that the next turn would meet again, some of which cost a reader: ended at once."""

RECONNECT_SECONDS = 0.5

CLIENTS_MAX = 16
"""Clients on whose account a live query waits, at most."""
CLIENTS_LOOKED_AT = 64
"""Watchers among whom these are looked for: of thousands, most come from few places."""

REVOKED_SECONDS = 1.0
"""How often the tokens of open connections are looked at, beside every turn and every message."""

POLICY_VIOLATION = 1008
ARROW_HEAD = struct.Struct("<QQ")
"""In front of an Arrow frame: the subscription's id and the turn, 8 bytes each, little-endian."""


@dataclass(frozen=True, slots=True)
class Long:
    """A result that is made into a message when it is sent, and keeps its room in the gateway until then."""

    result: Result
    turn: int
    is_arrow: bool

    def message(self, identity: int) -> str | bytes:
        """As it is sent to a subscription."""
        if self.is_arrow:
            return ARROW_HEAD.pack(identity, self.turn) + self.result.body
        return f'{{"id":{identity},"turn":{self.turn},{self.result.body.decode()}}}'


Payload = str | bytes | Long


@dataclass(frozen=True, slots=True)
class WatchKey:
    """What makes two live queries the same."""

    sql: str
    args: bytes
    format: Format
    big_as_string: bool


@dataclass(slots=True)
class Watch:
    """One distinct live query and its latest outcome: ``latest`` of ``turn``, or ``error``.

    ``version`` counts the outcomes that differ; ``watchers`` has the one that each subscription was told. ``is_quick`` says
    that the last run went well and took its reader at most ``QUICK_SECONDS``. ``task`` brings it up to the newest turn;
    ``is_due`` says that there is a newer one by now, or a watcher who has not heard.
    """

    key: WatchKey
    watchers: dict[tuple[Watcher, int], int] = field(default_factory=dict)
    version: int = 0
    turn: int = -1
    digest: bytes = b""
    """Of the last result; the result itself is kept only while it is short, or waits to be sent."""
    latest: Result | None = None
    text: str = ""
    error: WasmverseError | None = None
    failures: int = 0
    is_quick: bool = False
    task: asyncio.Task[None] | None = None
    is_due: bool = False

    def clients(self) -> list[Client]:
        """Those that it is run for, by different names: who was the first to watch of those that do, then the newest ones.

        Not the first alone: they could keep the others waiting, by asking for more than their share.
        """
        first, newest = islice(self.watchers, 1), islice(reversed(self.watchers), CLIENTS_LOOKED_AT)
        found: dict[str, Client] = {}
        for watcher, _ in chain(first, newest):
            found.setdefault(watcher.client.name, watcher.client)
        return list(found.values())[:CLIENTS_MAX] or [NOBODY]


class Watcher:
    """One connection and what waits to be sent on it."""

    def __init__(
        self, metrics: Metrics, recheck: Callable[[], object] | None = None, client: Client = NOBODY
    ) -> None:
        self.client = client
        self.watches: dict[int, Watch] = {}
        self.waiting: dict[int, Payload] = {}
        self.wakes = asyncio.Event()
        self.drained = asyncio.Event()
        self.recheck = recheck
        """Raises WasmverseError when who watches by a token may no longer; None for who watches without."""
        self.end_code = 0
        """With which code the connection is to be closed once all is sent; 0 while it goes on."""
        self._metrics = metrics

    def end(self, code: int, error: WasmverseError) -> None:
        """Let a last message go out, and then the connection end."""
        self.waiting.clear()
        self.offer(-1, error_text(None, error))
        self.end_code = code

    def offer(self, identity: int, payload: Payload) -> None:
        """Leave a message to be sent; one that still waits for the same subscription is dropped."""
        if self.end_code:
            return
        if identity in self.waiting:
            self._metrics.live_skipped.inc()
            del self.waiting[identity]  # so that the newest goes to the end of the queue
        self.waiting[identity] = payload
        self.wakes.set()


class LiveQueries:
    """All live queries of one gateway."""

    def __init__(
        self, universe: Universe, pool: ReaderPool, settings: LiveSettings, token_path: Path, metrics: Metrics
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._universe = universe
        self._pool = pool
        self._watches: dict[WatchKey, Watch] = {}
        self._addresses: dict[str, int] = {}
        self._guarded: set[Watcher] = set()
        self._token_path = token_path
        self._token_stamp: object = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow the turns and the tokens."""
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._look_at_tokens())]

    async def close(self) -> None:
        """Stop following them."""
        runs = [watch.task for watch in self._watches.values() if watch.task is not None]
        for task in (*self._tasks, *runs):
            task.cancel()
        await asyncio.gather(*self._tasks, *runs, return_exceptions=True)

    def guard(self, watcher: Watcher) -> None:
        """End a watcher as soon as its token is revoked."""
        if watcher.recheck is not None:
            self._guarded.add(watcher)
            self._token_stamp = None  # the file may have changed since it was let in

    def drop_revoked(self) -> None:
        """End who watches by a token that is no more. Looks at the file's date; at the tokens only when it changed."""
        if not self._guarded:
            return
        stamp = _stamp_of(self._token_path)
        if stamp == self._token_stamp:
            return
        self._token_stamp = stamp
        for watcher in tuple(self._guarded):
            assert watcher.recheck is not None
            try:
                watcher.recheck()
            except WasmverseError as error:
                self._guarded.discard(watcher)
                for identity in tuple(watcher.watches):
                    self.unsubscribe(watcher, identity)
                watcher.end(POLICY_VIOLATION, for_client(error))

    async def _look_at_tokens(self) -> None:
        while True:
            await asyncio.sleep(REVOKED_SECONDS)
            self.drop_revoked()

    def enter(self, address: str) -> bool:
        """Count a connection; False when its address has too many."""
        if self._addresses.get(address, 0) >= self.settings.watchers_max_per_address:
            return False
        self._addresses[address] = self._addresses.get(address, 0) + 1
        self.metrics.watchers.inc()
        return True

    def leave(self, address: str, watcher: Watcher) -> None:
        """Forget a connection and its subscriptions."""
        self._guarded.discard(watcher)
        for identity in tuple(watcher.watches):
            self.unsubscribe(watcher, identity)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        self.metrics.watchers.dec()

    def subscribe(self, watcher: Watcher, identity: int, key: WatchKey) -> None:
        """Watch a query under ``identity``, in place of what had it before; its result is sent as soon as it is there."""
        self.unsubscribe(watcher, identity)
        watch = self._watches.setdefault(key, Watch(key))
        watch.watchers[watcher, identity] = 0
        watcher.watches[identity] = watch
        self.metrics.watches.inc()
        self._bring_up(watch)

    def unsubscribe(self, watcher: Watcher, identity: int) -> bool:
        """Stop a subscription; False when there is none of that id."""
        watch = watcher.watches.pop(identity, None)
        if watch is None:
            return False
        watcher.waiting.pop(identity, None)
        watch.watchers.pop((watcher, identity), None)
        if not watch.watchers and self._watches.get(watch.key) is watch:
            del self._watches[watch.key]
            if watch.task is not None and watch.task is not asyncio.current_task():
                watch.task.cancel()
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
            self.drop_revoked()
            # What most wait for comes first. Nobody waits for others here: a slow query is late, the next turn is not.
            for watch in sorted(self._watches.values(), key=lambda watch: -len(watch.watchers)):
                self._bring_up(watch)

    def _bring_up(self, watch: Watch) -> None:
        """See to it that a watch comes up to the newest turn, and that all of its watchers hear of it."""
        watch.is_due = True
        if watch.task is None or watch.task.done():
            watch.task = asyncio.create_task(self._keep_up(watch))

    async def _keep_up(self, watch: Watch) -> None:
        while watch.is_due and watch.watchers:
            watch.is_due = False
            try:
                await self._run(watch)
            except Exception:
                log.exception("a live query failed")

    async def _run(self, watch: Watch) -> None:
        """Bring a watch up to the newest turn, and tell those of its watchers who have not heard of its outcome."""
        if watch.error is not None or watch.turn != self._pool.newest or watch.latest is None:
            watch.version += await self._renew(watch)
        for (watcher, identity), told in tuple(watch.watchers.items()):
            if told != watch.version:
                watch.watchers[watcher, identity] = watch.version
                watcher.offer(identity, _message(watch, identity))
        if watch.latest is not None and len(watch.latest.body) > SMALL_BYTES:
            watch.latest = None
        if _is_over(watch):
            self._end(watch)

    async def _renew(self, watch: Watch) -> bool:
        """Run the query; whether its outcome is another than before."""
        key = watch.key
        try:
            is_quick, watch.is_quick = watch.is_quick, False
            client, *others = watch.clients()
            result = await self._pool.query(
                key.sql,
                key.args,
                client=client,
                others=others,
                format=key.format,
                big_as_string=key.big_as_string,
                is_quick=is_quick,
                is_patient=True,
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
            if _is_over(watch) and before is not None:
                watch.error = QueryError(
                    f"{error.message} (in {watch.failures} turns, so it is ended)", code=error.code
                )
            return before is None or str(before) != str(watch.error)
        digest = hashlib.blake2b(result.body, digest_size=16).digest()
        changed = watch.error is not None or digest != watch.digest
        watch.turn, watch.error, watch.failures = result.turn, None, 0
        watch.digest, watch.latest = digest, result
        if changed:
            is_text = key.format != "arrow" and len(result.body) <= SMALL_BYTES
            watch.text = result.body.decode() if is_text else ""
        return changed

    def _end(self, watch: Watch) -> None:
        for watcher, identity in tuple(watch.watchers):
            waiting = watcher.waiting.get(identity)
            self.unsubscribe(watcher, identity)
            if waiting is not None:
                watcher.waiting[identity] = waiting  # the error still goes out


def _is_over(watch: Watch) -> bool:
    """Whether a live query has failed for good: there is no sense in it, it ends readers, or it has never yet succeeded.

    What has may fail for what is in one turn, and is tried for a few; and a server that is too busy says nothing of a query.
    """
    error = watch.error
    if not isinstance(error, QueryError):
        return False
    has_failed = not watch.digest and not isinstance(error, QueryOverload)
    return (
        has_failed
        or isinstance(error, QueryRefused)
        or error.code in LASTING
        or watch.failures >= FAILURES_MAX
    )


def _message(watch: Watch, identity: int) -> Payload:
    if watch.error is not None:
        return error_text(identity, watch.error)
    result = watch.latest
    assert result is not None
    if len(result.body) > SMALL_BYTES:
        return Long(result, watch.turn, watch.key.format == "arrow")
    if watch.key.format == "arrow":
        return ARROW_HEAD.pack(identity, watch.turn) + result.body
    return f'{{"id":{identity},"turn":{watch.turn},{watch.text}}}'


def error_text(identity: int | None, error: WasmverseError) -> str:
    """The message that a subscription, or none in particular, met an error."""
    shape = {"id": identity, "error": {"code": error.code, "message": error.message}}
    return orjson.dumps(shape).decode()


def _stamp_of(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return "none"
    return status.st_mtime_ns, status.st_ino, status.st_size

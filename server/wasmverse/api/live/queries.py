"""Live queries: each distinct one runs once a turn, however many watch it. Which runs when, and who may watch how many."""

from __future__ import annotations

import asyncio
import logging

from wasmverse.api.errors import HttpError
from wasmverse.api.live.revocation import Revocation
from wasmverse.api.live.watch import Watch, Watcher
from wasmverse.api.metrics import Metrics
from wasmverse.errors import QueryRefused, UniverseUnavailable, WasmverseError
from wasmverse.messages import Universe
from wasmverse.query.query import Query
from wasmverse.query.service import QueryService
from wasmverse.settings import LiveSettings
from wasmverse.tokens import Tokens

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 0.5


class LiveQueries:
    """All live queries of one gateway."""

    def __init__(
        self,
        universe: Universe,
        service: QueryService,
        settings: LiveSettings,
        tokens: Tokens,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.revocation = Revocation(tokens, self.unsubscribe_all)
        self._universe = universe
        self._service = service
        self._watches: dict[Query, Watch] = {}
        self._addresses: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow the turns and the tokens."""
        self._tasks = [
            asyncio.create_task(self._follow()),
            asyncio.create_task(self.revocation.keep_looking()),
        ]

    async def close(self) -> None:
        """Stop following them."""
        runs = [watch.task for watch in self._watches.values() if watch.task is not None]
        for task in (*self._tasks, *runs):
            task.cancel()
        await asyncio.gather(*self._tasks, *runs, return_exceptions=True)

    def count(self) -> int:
        """How many connections there are."""
        return sum(self._addresses.values())

    def enter(self, address: str) -> None:
        """Count a connection; raises HttpError when its address has too many."""
        limit = self.settings.watchers_max_per_address
        if self._addresses.get(address, 0) >= limit:
            raise HttpError(429, f"{address} has {limit} live connections, the limit; close one first")
        self._addresses[address] = self._addresses.get(address, 0) + 1
        self.metrics.watchers.inc()

    def leave(self, address: str, watcher: Watcher) -> None:
        """Forget a connection and its subscriptions."""
        self.revocation.forget(watcher)
        self.unsubscribe_all(watcher)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        self.metrics.watchers.dec()

    def subscribe(self, watcher: Watcher, identity: int, query: Query) -> None:
        """Watch a query under ``identity``, in place of what had it before; its result is sent as soon as it is there.

        Raises
        ------
        HttpError : the watcher would have too many live queries, or too long ones.
        """
        self._check_room(watcher, identity, query)
        self.unsubscribe(watcher, identity)
        watch = self._watches.setdefault(query, Watch(query))
        watch.watchers[watcher, identity] = 0
        watcher.watches[identity] = watch
        self.metrics.watches.inc()
        self._bring_up(watch)

    def _check_room(self, watcher: Watcher, identity: int, query: Query) -> None:
        most, bytes_max = self.settings.watches_max, self.settings.watch_bytes_max
        if identity not in watcher.watches and len(watcher.watches) >= most:
            raise HttpError(429, f"This connection has {most} live queries, the limit; unsubscribe one first")
        others = (watch.query for other, watch in watcher.watches.items() if other != identity)
        size = sum(len(one.sql.encode()) + len(one.args) for one in (query, *others))
        if size > bytes_max:
            raise HttpError(
                413,
                f"The live queries of this connection would have {size:,} bytes of statements and arguments, the limit is "
                f"{bytes_max:,}; write them shorter, or unsubscribe one first",
            )

    def unsubscribe(self, watcher: Watcher, identity: int) -> bool:
        """Stop a subscription; False when there is none of that id."""
        watch = watcher.watches.pop(identity, None)
        if watch is None:
            return False
        watcher.waiting.pop(identity, None)
        watch.watchers.pop((watcher, identity), None)
        if not watch.watchers and self._watches.get(watch.query) is watch:
            del self._watches[watch.query]
            if watch.task is not None and watch.task is not asyncio.current_task():
                watch.task.cancel()
        self.metrics.watches.dec()
        return True

    def unsubscribe_all(self, watcher: Watcher) -> None:
        """Stop all subscriptions of a connection."""
        for identity in tuple(watcher.watches):
            self.unsubscribe(watcher, identity)

    async def _follow(self) -> None:
        after = -1
        while True:
            try:
                report = await self._universe.next_turn(after)
            except UniverseUnavailable:
                await asyncio.sleep(RECONNECT_SECONDS)  # it may come back; the watchers stay
                continue
            after = report.tid
            self.revocation.look()
            # Those with the most watchers come first. None waits for another here: a slow query is late, the next turn is not.
            for watch in sorted(self._watches.values(), key=lambda watch: -len(watch.watchers)):
                self._bring_up(watch)

    def _bring_up(self, watch: Watch) -> None:
        """See to it that a watch comes up to the newest turn, and that all of its watchers are told."""
        watch.is_due = True
        if watch.task is None or watch.task.done():
            watch.task = asyncio.create_task(self._keep_up(watch))

    async def _keep_up(self, watch: Watch) -> None:
        while watch.is_due and watch.watchers:
            watch.is_due = False
            try:
                if not watch.is_current(self._service.newest):
                    await self._run(watch)
                watch.tell()
                if watch.is_over():
                    self._end(watch)
            except Exception:
                log.exception("a live query failed")

    async def _run(self, watch: Watch) -> None:
        """Run the query of a watch on the newest turn, and note its outcome."""
        client, *others = watch.clients()
        try:
            result = await self._service.query(watch.query, client=client, others=others, is_live=True)
            if len(result.body) > self.settings.live_bytes_max:
                raise QueryRefused(
                    f"The result has {len(result.body):,} bytes, a live query's may have "
                    f"{self.settings.live_bytes_max:,}; ask for fewer columns or rows",
                    code=1153,
                )
        except WasmverseError as error:
            watch.fail(error)
        else:
            watch.succeed(result)

    def _end(self, watch: Watch) -> None:
        for watcher, identity in tuple(watch.watchers):
            waiting = watcher.waiting.get(identity)
            self.unsubscribe(watcher, identity)
            if waiting is not None:
                watcher.waiting[identity] = waiting  # the error still goes out

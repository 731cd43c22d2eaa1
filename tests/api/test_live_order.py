"""Which live queries wait for which: the slow ones must not keep the others from their turns."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from wasmverse.api.live.queries import LiveQueries
from wasmverse.api.live.watch import CLIENTS_MAX, Watch, Watcher
from wasmverse.api.metrics import Metrics
from wasmverse.errors import UniverseUnavailable
from wasmverse.query.query import Client, Query
from wasmverse.query.result import Result
from wasmverse.query.service import QueryService
from wasmverse.settings import LiveSettings


class SlowPool:
    """Answers at once, but for what is called slow: that waits until it is let go. Says who pays for what."""

    def __init__(self) -> None:
        self.newest = 1
        self.counts = SimpleNamespace()
        self.go = asyncio.Event()
        self.asked: list[tuple[str, Client]] = []
        self.left: list[str] = []

    async def query(self, query: Query, *, client: Client, **_options: Any) -> Result:
        sql = query.sql
        self.asked.append((sql, client))
        turn = self.newest
        if sql.startswith("slow"):
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.left.append(sql)
                raise
        body = f"{sql} {turn}".encode()
        return Result(body, turn, 1, "", is_stable=True, is_gzip=False, seconds=0.001)


class Turns:
    """A universe whose turns are told one by one."""

    def __init__(self, pool: SlowPool) -> None:
        self.pool = pool
        self.told: asyncio.Queue[int] = asyncio.Queue()
        self.last = None
        self.is_alive = True
        self.period_seconds = 1.0

    async def next_turn(self, _after: int) -> Any:
        tid = await self.told.get()
        if not tid:
            raise UniverseUnavailable("gone")
        self.pool.newest = tid
        return SimpleNamespace(tid=tid)


def test_slow_queries_keep_no_others_from_the_next_turns() -> None:
    async def follow() -> None:
        pool = SlowPool()
        turns = Turns(pool)
        metrics = Metrics(cast("Any", turns), cast("QueryService", pool))
        live = LiveQueries(
            cast("Any", turns), cast("QueryService", pool), LiveSettings(), Path("tokens"), metrics
        )
        live.start()
        heavy, light = (
            Watcher(metrics, client=Client("heavy", "1")),
            Watcher(metrics, client=Client("light", "2")),
        )
        for identity in range(16):
            live.subscribe(heavy, identity, Query(f"slow {identity}"))
        live.subscribe(light, 1, Query("quick"))
        for turn in (2, 3, 4):
            await asyncio.sleep(0.02)
            assert list(light.waiting.values()) == [f'{{"id":1,"turn":{turn - 1},quick {turn - 1}}}']
            light.waiting.clear()
            turns.told.put_nowait(turn)
        await asyncio.sleep(0.02)
        assert not heavy.waiting
        assert len([1 for sql, _ in pool.asked if sql.startswith("slow")]) == 16, "one run of each at a time"
        pool.go.set()
        await asyncio.sleep(0.02)
        assert all(cast("str", text).endswith(" 4}") for text in heavy.waiting.values())
        assert len(heavy.waiting) == 16, "and then the newest turn"
        await live.close()

    asyncio.run(follow())


def test_the_first_watcher_pays_and_what_nobody_watches_is_stopped() -> None:
    async def follow() -> None:
        pool = SlowPool()
        turns = Turns(pool)
        metrics = Metrics(cast("Any", turns), cast("QueryService", pool))
        live = LiveQueries(
            cast("Any", turns), cast("QueryService", pool), LiveSettings(), Path("tokens"), metrics
        )
        live.start()
        first, second = (
            Watcher(metrics, client=Client("first", "1")),
            Watcher(metrics, client=Client("second", "2")),
        )
        key = Query("slow")
        live.subscribe(first, 1, key)
        live.subscribe(second, 1, key)
        await asyncio.sleep(0.02)
        assert pool.asked == [("slow", Client("first", "1"))]
        live.unsubscribe(first, 1)
        await asyncio.sleep(0.02)
        assert not pool.left
        live.unsubscribe(second, 1)
        await asyncio.sleep(0.02)
        assert pool.left == ["slow"]
        await live.close()

    asyncio.run(follow())


def test_a_shared_query_waits_on_account_of_the_first_and_of_the_newest() -> None:
    watch = Watch(Query("select 1"))
    assert watch.clients() == [Client()]
    metrics = cast("Metrics", None)
    for number in range(100):
        watch.watchers[Watcher(metrics, client=Client(f"{number // 2}", f"{number}")), 1] = 0
    clients = watch.clients()
    assert clients[0] == Client("0", "0")
    assert [client.name for client in clients[1:]] == [f"{49 - number}" for number in range(CLIENTS_MAX - 1)]

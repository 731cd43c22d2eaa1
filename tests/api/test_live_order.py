"""Which live queries wait for which: the slow ones must not keep the quick ones from their readers."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from wasmverse.api.live import LiveQueries, Watcher, WatchKey
from wasmverse.api.metrics import Metrics
from wasmverse.query.pool import OUTSTANDING_MAX, ReaderPool
from wasmverse.query.result import Result
from wasmverse.settings import Settings

READERS = 2


class SlowPool:
    """Answers at once, but for what is called slow: that waits until it is let go. Counts what is asked and not answered."""

    def __init__(self) -> None:
        self.newest = 1
        self.counts = SimpleNamespace()
        self.go = asyncio.Event()
        self.asked: list[str] = []

    async def query(self, sql: str, _args: list[Any], *, is_quick: bool, **_options: Any) -> Result:
        self.asked.append(sql)
        if sql.startswith("slow") and self.newest > 1:
            await self.go.wait()
        seconds = 1.0 if sql.startswith("slow") else 0.001
        body = f"{sql} {self.newest}".encode()
        return Result(body, self.newest, 1, "", is_stable=True, is_gzip=False, seconds=seconds)


def test_slow_queries_do_not_hold_up_quick_ones() -> None:
    async def follow() -> None:
        pool = SlowPool()
        universe = SimpleNamespace(last=None, is_alive=True, period_seconds=1.0)
        metrics = Metrics(cast("Any", universe), cast("ReaderPool", pool))
        live = LiveQueries(
            cast("Any", universe), cast("ReaderPool", pool), Settings(readers=READERS), metrics
        )
        watcher = Watcher(metrics)
        names = [f"slow {number}" for number in range(3 * READERS)]
        names += [f"quick {number}" for number in range(2 * READERS * OUTSTANDING_MAX)]
        for identity, name in enumerate(names):
            await live.subscribe(watcher, identity, WatchKey(name, b"", "tuples", False), [])
        pool.newest, pool.asked = 2, []
        watcher.waiting.clear()
        runs = [asyncio.create_task(live._run(watch)) for watch in watcher.watches.values()]
        done, waiting = await asyncio.wait(runs, timeout=0.5)
        assert (len(done), len(waiting)) == (len(names) - 3 * READERS, 3 * READERS)
        assert len(watcher.waiting) == len(done), "each has its message"
        slow = [name for name in pool.asked if name.startswith("slow")]
        assert len(slow) == 2 * READERS, "more would stand in the queue that others share"
        pool.go.set()
        await asyncio.wait(runs, timeout=5)
        assert len(watcher.waiting) == len(names)

    asyncio.run(follow())

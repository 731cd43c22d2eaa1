"""The room for a result is given back whatever becomes of the query, and at once: not when garbage is collected."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.query.asking import run_query
from tests.query.conftest import RunningPool
from wasmverse.errors import QueryError, QueryTimeout
from wasmverse.query.query import Client

ROOM = 8 << 20
SECONDS = 1.0
HEEDLESS = "levenshtein(repeat('a', 100000), repeat('b', 100000 + range::int))::varchar"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    running = RunningPool(
        tmp_path_factory.mktemp("budget"),
        query_seconds_max=1,
        query_cache_bytes_max=0,
        results_bytes_max=ROOM,
        query_bytes_max=ROOM // 2,
    )
    running.publish(1)
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("error('no more')", QueryError),
        (HEEDLESS, QueryTimeout),
        (HEEDLESS, asyncio.CancelledError),
    ],
    ids=["it fails", "its reader is ended", "its client leaves"],
)
def test_what_was_taken_for_a_query_that_came_to_nothing(
    running: RunningPool, end: str, outcome: type[BaseException]
) -> None:
    """It has 1 MB when it is first asked, for which there is no room; when there is, it ends otherwise."""
    pool, budget = running.pool, running.pool.budget

    async def ask() -> BaseException | None:
        dropped = pool.counts.dropped
        others = budget.take("others", ROOM)
        moment = datetime.now(UTC) + timedelta(seconds=SECONDS)
        sql = f"""select case when now()::timestamp > '{moment:%Y-%m-%d %H:%M:%S.%f}' then {end}
            else repeat('x', 100000) end from range(10)"""
        task = asyncio.create_task(run_query(pool, sql, client=Client("one", "1")))
        while pool.counts.dropped == dropped and not task.done():
            await asyncio.sleep(0.01)
        await asyncio.sleep((moment - datetime.now(UTC)).total_seconds() + 0.1)
        assert not task.done()
        others.release()
        await asyncio.sleep(0.2)
        if outcome is asyncio.CancelledError:
            assert budget.used > 1_000_000
            task.cancel()
        [error] = await asyncio.gather(task, return_exceptions=True)
        deadline = time.monotonic() + 5
        while pool.busy and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        return error if isinstance(error, BaseException) else None

    assert type(running.threads.run(ask())) is outcome
    assert budget.used == 0
    assert not budget.lacks("one", ROOM // 2)

"""Quick queries may be sent to a reader that still has others like it to answer; nobody suffers for that."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.query.asking import run_query
from tests.query.conftest import RunningPool
from tests.query.test_pool import CROSS_JOIN
from wasmverse.errors import QueryTimeout
from wasmverse.query.pool import ReaderPool
from wasmverse.query.readers import OUTSTANDING_MAX

QUERIES = 3 * OUTSTANDING_MAX


@pytest.fixture
def single(tmp_path: Path) -> Iterator[RunningPool]:
    """One reader at work, and a spare."""
    running = RunningPool(tmp_path, readers=1, reader_spares=1, query_seconds_max=4, query_cache_bytes_max=0)
    running.publish(1)
    try:
        yield running.start()
    finally:
        running.close()


def outstanding(pool: ReaderPool) -> list[int]:
    return [worker.outstanding for worker in pool.readers.at_work]


async def number(pool: ReaderPool, which: int, is_quick: bool = True) -> int:
    """Ask for a number, with an answer of its own length."""
    sql = f"select {which}, repeat('x', {which * 97})"
    result = await run_query(pool, sql, is_quick=is_quick)
    [[[answer, text]]] = [found["rows"] for found in orjson.loads(result.body)["results"]]
    assert len(text) == which * 97
    return int(answer)


def test_each_gets_its_own_answer(single: RunningPool) -> None:
    async def crowd() -> tuple[list[int], int]:
        runs = [
            asyncio.create_task(number(single.pool, which, which < 12 or which % 5 != 4))
            for which in range(QUERIES)
        ]
        most = 0
        while not all(run.done() for run in runs):
            most = max(most, *outstanding(single.pool), 0)
            await asyncio.sleep(0)
        return [await run for run in runs], most

    answers, most = single.threads.run(crowd())
    assert answers == list(range(QUERIES))
    assert 1 < most <= OUTSTANDING_MAX
    assert (single.pool.busy, single.pool.idle, single.pool.waiting) == (0, 2, 0)


@pytest.mark.parametrize("is_quick", [True, False])
def test_only_quick_ones_share_a_reader_and_only_with_others_like_them(
    single: RunningPool, is_quick: bool
) -> None:
    async def sharing() -> tuple[list[int], object]:
        first = asyncio.create_task(run_query(single.pool, CROSS_JOIN, is_quick=is_quick))
        await asyncio.sleep(0.2)
        others = [
            asyncio.create_task(number(single.pool, which, is_quick=not is_quick)) for which in range(4)
        ]
        await asyncio.sleep(0.2)
        seen = outstanding(single.pool)
        assert await asyncio.gather(*others) == [0, 1, 2, 3]
        return seen, (await asyncio.gather(first, return_exceptions=True))[0]

    seen, error = single.threads.run(sharing())
    assert seen == [1]
    assert isinstance(error, QueryTimeout)


@pytest.mark.parametrize("ended", ["interrupted", "killed"])
def test_those_after_one_that_was_not_quick_after_all_are_answered(single: RunningPool, ended: str) -> None:
    """It is stopped for them, and has its time when they have had theirs; if its reader is killed under it, likewise."""

    async def after() -> tuple[object, list[int], bool]:
        first = asyncio.create_task(run_query(single.pool, CROSS_JOIN, is_quick=True))
        others = [asyncio.create_task(number(single.pool, which)) for which in range(5)]
        await asyncio.sleep(0.1)
        assert outstanding(single.pool) == [6]
        if ended == "killed":
            [pid] = single.pool.busy_pids
            os.kill(pid, signal.SIGKILL)
        answers = await asyncio.gather(*others)
        had_its_time = first.done()
        [error] = await asyncio.gather(first, return_exceptions=True)
        return error, answers, had_its_time

    error, answers, had_its_time = single.threads.run(after())
    assert isinstance(error, QueryTimeout)
    assert answers == [0, 1, 2, 3, 4]
    # One reader is all there is: after a kill the five may come after the one that was asked again.
    assert ended == "killed" or not had_its_time
    assert single.pool.counts.lost.total() == (ended == "killed")
    assert single.pool.counts.interrupted == (ended == "interrupted")
    assert single.pool.counts.queries["ok"] == 5


def test_those_who_wait_after_it_when_the_pool_closes_are_told(single: RunningPool) -> None:
    async def closing() -> list[object]:
        runs = [asyncio.create_task(run_query(single.pool, CROSS_JOIN, is_quick=True))]
        runs += [asyncio.create_task(run_query(single.pool, f"select {n}", is_quick=True)) for n in range(12)]
        await asyncio.sleep(0.1)
        await single.pool.close()
        return await asyncio.wait_for(asyncio.gather(*runs, return_exceptions=True), 10)

    outcomes = single.threads.run(closing())
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}

"""One client's slow queries do not keep others waiting: with real readers, and the times that are promised."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.query.asking import run_query
from tests.query.conftest import RunningPool
from tests.query.test_pool import CROSS_JOIN
from wasmverse.errors import QueryOverload, QueryTimeout
from wasmverse.query.query import Client

SLOW = 24
HEAVY = Client("heavy", "1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """Two readers; a query may take 2 s."""
    running = RunningPool(
        tmp_path_factory.mktemp("clients"),
        query_seconds_max=2,
        query_wait_seconds_max=3,
        query_cache_bytes_max=0,
        reader_nice=0,
    )
    running.publish(1)
    try:
        yield running.start()
    finally:
        running.close()


async def beside_slow_ones(
    running: RunningPool, heavy: list[Client], asked: list[tuple[str, Client]]
) -> list[float]:
    """What queries take one after the other while each client of ``heavy`` has a slow one waiting or running."""
    slow = [
        asyncio.create_task(
            run_query(running.pool, f"{CROSS_JOIN} or {id(client)} = {number}", client=client)
        )
        for number, client in enumerate(heavy)
    ]
    await asyncio.sleep(0.6)
    seconds = []
    for sql, client in asked:
        began = time.monotonic()
        await run_query(running.pool, sql, client=client)
        seconds.append(time.monotonic() - began)
        await asyncio.sleep(0.05)
    assert not all(task.done() for task in slow), "or nothing was shown"
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    while running.pool.busy:
        await asyncio.sleep(0.01)
    return seconds


@pytest.mark.parametrize(
    ("heavy", "other"),
    [
        ([HEAVY] * SLOW, Client("other", "2")),
        ([Client("house", str(number)) for number in range(SLOW)], Client("house", "other")),
        ([Client(f"heavy {number}", "1") for number in range(6)], Client("other", "2")),
    ],
    ids=["one client", "many connections of one address", "as many clients"],
)
def test_others_are_answered_within_a_second(
    running: RunningPool, heavy: list[Client], other: Client
) -> None:
    """Every text is new: nothing is known of what it will take."""
    asked = [(f"select {number}, {id(other)}, count(*) from entity", other) for number in range(15)]
    seconds = running.threads.run(beside_slow_ones(running, heavy, asked))
    # What keeps one waiting keeps all of them: a moment in which a busy machine runs nobody does not.
    assert sorted(seconds)[-4] < 1, seconds
    assert running.pool.counts.interrupted


def test_who_has_others_with_them_does_not_keep_these_waiting(running: RunningPool) -> None:
    """A live query that many watch, the first of whom asks for all of their share and more by ever newer connections."""

    async def watch(others: list[Client]) -> float:
        heavy = [Client("heavy", f"{number}") for number in range(SLOW)]
        slow = [
            asyncio.create_task(run_query(running.pool, f"{CROSS_JOIN} or {number} = 1", client=client))
            for number, client in enumerate(heavy)
        ]
        await asyncio.sleep(0.6)
        began = time.monotonic()
        text = f"select {began} -- watched"
        await run_query(running.pool, text, client=Client("heavy", "0"), others=others, is_live=True)
        seconds = time.monotonic() - began
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        while running.pool.busy:
            await asyncio.sleep(0.01)
        return seconds

    alone = running.threads.run(watch([]))
    together = [running.threads.run(watch([Client("light", str(number))])) for number in range(3)]
    # What keeps one waiting keeps all of them: a moment in which a busy machine runs nobody does not.
    assert min(together) < 1, (alone, together)


def test_slow_queries_are_answered_too(running: RunningPool) -> None:
    """Who was stopped is run again, and has all the time that one query may take."""

    async def ask() -> tuple[int, list[object]]:
        before = running.pool.counts.interrupted
        texts = [f"select count(*), {n} from range(60000000) a where hash(range) % 7 = 3" for n in range(4)]
        runs = [run_query(running.pool, text, client=Client(f"patient {n}")) for n, text in enumerate(texts)]
        small = [run_query(running.pool, f"select {n} -- small", client=Client("small")) for n in range(20)]
        outcomes = await asyncio.gather(*runs, *small, return_exceptions=True)
        return running.pool.counts.interrupted - before, list(outcomes)

    _, outcomes = running.threads.run(ask())
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(error, QueryOverload | QueryTimeout) for error in failed), failed
    assert len(failed) <= 2, "of the four slow ones most are answered, of the others all"
    assert not [outcome for outcome in outcomes[4:] if isinstance(outcome, BaseException)]


def test_one_client_has_its_part_of_the_queue(tmp_path: Path) -> None:
    running = RunningPool(
        tmp_path, readers=1, reader_spares=0, query_seconds_max=1, query_queue_max=8, query_queue_max_per_client=4
    )  # fmt: skip
    running.publish(1)
    running.start()

    async def crowd() -> tuple[list[object], int]:
        runs = [
            asyncio.create_task(run_query(running.pool, f"{CROSS_JOIN} or 1 = {number + 2}", client=HEAVY))
            for number in range(12)
        ]
        await asyncio.sleep(0.1)
        refused = [error for run in runs if run.done() and (error := run.exception()) is not None]
        many = [
            asyncio.create_task(
                run_query(running.pool, f"{CROSS_JOIN} or 2 = {number + 3}", client=Client(f"c{number}"))
            )
            for number in range(8)
        ]
        await asyncio.sleep(0.1)
        waiting = running.pool.waiting
        mine = await run_query(running.pool, "select 7 -- mine", client=Client("mine"))
        for run in (*runs, *many):
            run.cancel()
        await asyncio.gather(*runs, *many, return_exceptions=True)
        return [*refused, mine.rows], waiting

    try:
        (*refused, rows), waiting = running.threads.run(crowd())
        assert len(refused) == 7
        assert all("4 queries of this client" in str(error) for error in refused)
        assert waiting == 8
        assert rows == 1, "who asks little is not turned away where one other has many waiting"
    finally:
        running.close()


def test_long_arguments_do_not_wait_as_objects(running: RunningPool) -> None:
    """350,000 empty lists are 1 MB as text and 25 MB as objects: five hundred may wait."""

    async def hold() -> list[bytes]:
        slow = [
            asyncio.create_task(run_query(running.pool, f"{CROSS_JOIN} or 3 = {n + 4}", client=HEAVY))
            for n in range(4)
        ]
        query = asyncio.create_task(
            run_query(running.pool, f"{CROSS_JOIN} or ? is null", [[[]] * 1000], client=HEAVY)
        )
        await asyncio.sleep(0.2)
        kept = [run.query.args for run in running.pool._running.values()]
        for task in (*slow, query):
            task.cancel()
        await asyncio.gather(*slow, query, return_exceptions=True)
        return kept

    assert all(isinstance(args, bytes) for args in running.threads.run(hold()))

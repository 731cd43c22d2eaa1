"""Readers that end: whoever is not to blame is answered all the same, and new ones come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.query.asking import run_query
from tests.query.conftest import RunningPool
from tests.query.test_pool import CROSS_JOIN
from wasmverse.errors import QueryError, QueryTimeout
from wasmverse.query.costs import ENDINGS_MAX
from wasmverse.query.query import Client
from wasmverse.query.worker import Worker


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    running = RunningPool(
        tmp_path_factory.mktemp("lost"), query_seconds_max=2, query_cache_bytes_max=0, reader_nice=0
    )
    running.publish(1)
    try:
        yield running.start()
    finally:
        running.close()


async def until_ready(running: RunningPool) -> None:
    """Until all readers wait for queries."""
    async with asyncio.timeout(60):
        while running.pool.idle < running.pool.readers.wanted:
            await asyncio.sleep(0.02)


def test_readers_that_die_while_idle_fail_nobody(running: RunningPool) -> None:
    """All of them, and queries at the same moment: as many as there were readers met an error before."""

    async def kill_and_ask() -> list[int]:
        await until_ready(running)
        victims = list(running.pool.pids)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        for pid in victims:  # dead, and the pool has not been told: its loop has not run
            while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.001)
        results = await asyncio.gather(*(run_query(running.pool, f"select {n} -- dead") for n in range(6)))
        assert not set(victims) & set(running.pool.pids)
        await until_ready(running)
        return [result.rows for result in results]

    assert running.threads.run(kill_and_ask()) == [1] * 6


def test_a_reader_that_dies_unasked_is_replaced_unasked(running: RunningPool) -> None:
    async def kill_and_wait() -> int:
        await until_ready(running)
        before = running.pool.counts.lost["idle"]
        victim = running.pool.pids[0]
        os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(60):
            while victim in running.pool.pids:
                await asyncio.sleep(0.01)
        assert running.pool.readers.usable < running.pool.readers.wanted
        await until_ready(running)
        assert running.pool.readers.start_seconds > 0
        return running.pool.counts.lost["idle"] - before

    assert running.threads.run(kill_and_wait()) == 1


def test_a_query_that_its_reader_never_read_is_asked_of_another(running: RunningPool) -> None:
    """A process that was stopped and then killed: it was alive when it was asked, and had not begun."""

    async def stop_ask_and_kill() -> int:
        await until_ready(running)
        victims = list(running.pool.pids)
        for pid in victims:
            os.kill(pid, signal.SIGSTOP)
        query = asyncio.create_task(run_query(running.pool, "select 'unread'"))
        await asyncio.sleep(0.1)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        return (await query).rows

    assert running.threads.run(stop_ask_and_kill()) == 1


START_SECONDS = 3.0
"""How long a new reader takes at least, in the next test: far longer than anything else in it, also on a machine that is busy."""


def test_one_who_ends_readers_leaves_others_one(
    running: RunningPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these queries ends its reader; who asks meanwhile never waits for a new one."""
    start = Worker.start

    async def start_late(worker: Worker) -> None:
        await asyncio.sleep(START_SECONDS)
        await start(worker)

    async def attack() -> tuple[list[float], list[BaseException | None]]:
        await until_ready(running)
        monkeypatch.setattr(Worker, "start", start_late)
        attacker, other = Client("attacker", "1"), Client("other", "2")

        async def end_one(number: int) -> None:
            query = asyncio.create_task(
                run_query(running.pool, f"{CROSS_JOIN} or 1 = {number + 2}", client=attacker)
            )
            while not query.done():
                await asyncio.sleep(0.01)
                for worker, entry in tuple(running.pool._dispatcher._at.items()):
                    begun = time.monotonic() - worker.since > 0.3
                    if begun and entry.payer is not None and entry.payer.name == "attacker":
                        with contextlib.suppress(
                            ProcessLookupError
                        ):  # it has ended, and this is not known yet
                            os.kill(worker.pid, signal.SIGKILL)
            await query

        ends = [asyncio.create_task(end_one(number)) for number in range(3)]
        seconds = []
        while not all(task.done() for task in ends):
            began = time.monotonic()
            await run_query(running.pool, f"select {began}", client=other)
            seconds.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
        return seconds, await asyncio.gather(*ends, return_exceptions=True)

    seconds, outcomes = running.threads.run(attack())
    assert len(seconds) > 10
    assert max(seconds) < START_SECONDS, seconds
    assert all(isinstance(outcome, QueryError) for outcome in outcomes)


def test_a_query_that_has_ended_two_readers_is_not_run_again(running: RunningPool) -> None:
    async def again() -> tuple[int, list[int]]:
        lost = running.pool.counts.lost["crash"]
        codes = []
        for _ in range(ENDINGS_MAX + 2):
            await until_ready(running)
            query = asyncio.create_task(run_query(running.pool, f"{CROSS_JOIN} or 1 = 11"))
            while not running.pool.busy and not query.done():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            for pid in running.pool.busy_pids:
                os.kill(pid, signal.SIGKILL)
            [error] = await asyncio.gather(query, return_exceptions=True)
            assert isinstance(error, QueryError)
            codes.append(error.code)
        return running.pool.counts.lost["crash"] - lost, codes

    assert running.threads.run(again()) == (ENDINGS_MAX, [2013] * (ENDINGS_MAX + 2))


def test_a_query_that_nobody_waits_for_is_stopped(running: RunningPool) -> None:
    async def leave() -> float:
        await until_ready(running)
        lost = running.pool.counts.lost.total()
        query = asyncio.create_task(run_query(running.pool, f"{CROSS_JOIN} or 1 = 12"))
        while not running.pool.busy:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        began = time.monotonic()
        query.cancel()
        await asyncio.gather(query, return_exceptions=True)
        while running.pool.busy:
            await asyncio.sleep(0.01)
        assert running.pool.counts.lost.total() == lost, "its reader goes on"
        return time.monotonic() - began

    assert running.threads.run(leave()) < running.settings.query_seconds_max


def test_one_who_leaves_a_query_that_does_not_heed_it_is_to_blame_for_its_reader(
    running: RunningPool,
) -> None:
    """It is not run once more for nobody, and whoever does this again and again has one reader at most."""

    async def leave() -> dict[str, int]:
        await until_ready(running)
        lost = running.pool.counts.lost.copy()
        text = "select levenshtein(repeat('a', 100000), repeat('b', 100001))"
        query = asyncio.create_task(run_query(running.pool, text, client=Client("leaving", "1")))
        await asyncio.sleep(0.3)
        query.cancel()
        await asyncio.gather(query, return_exceptions=True)
        assert not running.pool._dispatcher.admission.is_suspect("leaving")
        await asyncio.sleep(1)
        while running.pool.busy:
            await asyncio.sleep(0.01)
        assert running.pool._dispatcher.admission.is_suspect("leaving")
        return dict(running.pool.counts.lost - lost)

    assert running.threads.run(leave()) == {"heedless": 1}


def test_one_who_leaves_takes_nothing_from_others(running: RunningPool) -> None:
    async def leave() -> object:
        text = f"{CROSS_JOIN} or 1 = 13"
        first, second = (asyncio.create_task(run_query(running.pool, text)) for _ in range(2))
        await asyncio.sleep(0.3)
        first.cancel()
        return (await asyncio.gather(second, return_exceptions=True))[0]

    assert isinstance(running.threads.run(leave()), QueryTimeout)


def test_a_reader_that_is_confined_by_less_than_it_must_be_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not only the first ones: the machine may have changed since."""
    running = RunningPool(
        tmp_path, readers=1, reader_spares=0, reader_nice=0, confinement_required=("files",)
    )
    running.publish(1)
    begun: list[int] = []
    start = Worker.start

    async def start_with_less(worker: Worker) -> None:
        await start(worker)
        if len(begun) < 2:
            begun.append(worker.pid)
            worker.confinement["files"] = "this kernel offers no Landlock any more"

    async def kill_and_wait() -> None:
        os.kill(running.pool.pids[0], signal.SIGKILL)
        async with asyncio.timeout(60):
            while len(begun) < 2 or not running.pool.idle:
                assert not set(begun) & set(running.pool.pids) or not running.pool.idle
                await asyncio.sleep(0.01)

    try:
        running.start()
        monkeypatch.setattr(Worker, "start", start_with_less)
        running.threads.run(kill_and_wait())
        assert running.pool.readers.confinement["files"] == ""
        assert not any(psutil.pid_exists(pid) for pid in begun)
    finally:
        running.close()
    assert "confined by less than it must be: confinement_required names 'files'" in caplog.text


def test_a_pool_that_closes_ends_also_what_nobody_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it waits for: its task stayed on the loop, and was complained of when the garbage collector came by."""
    running = RunningPool(tmp_path, reader_nice=0)
    running.publish(1)
    running.start()

    async def never(run: object) -> None:
        await asyncio.sleep(3_600)

    monkeypatch.setattr(running.pool._dispatcher, "ask", never)

    async def leave_and_close() -> list[str]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await run_query(running.pool, "select 1")
        [left] = (task for task in asyncio.all_tasks() if "_carry_out" in str(task))
        await running.pool.close()
        return [str(left)] if not left.done() else []

    try:
        assert running.threads.run(leave_and_close()) == []
    finally:
        running.close()

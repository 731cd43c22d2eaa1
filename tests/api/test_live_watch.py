"""What the watchers of a live query are told, and when it is ended: without a socket and without readers."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from wasmverse.api.live.messages import ARROW_HEAD, LongResult
from wasmverse.api.live.watch import FAILURES_MAX, Watch, Watcher
from wasmverse.errors import QueryError, QueryOverload, QueryRefused, QueryTimeout, UniverseUnavailable
from wasmverse.query.budget import SMALL_BYTES
from wasmverse.query.query import Query
from wasmverse.query.result import Result


class Skips:
    """The one metric that watchers count."""

    def __init__(self) -> None:
        self.live_skipped = Counter("skipped", "Skipped", registry=CollectorRegistry())


def watched(format: Any = "live") -> tuple[Watch, Watcher]:
    """A live query and its one watcher, under id 5."""
    watch, watcher = Watch(Query("select 1", format=format)), Watcher(Skips())  # type: ignore[arg-type]
    watch.watchers[watcher, 5] = 0
    return watch, watcher


def result(body: bytes, turn: int) -> Result:
    return Result(body, turn, 1, "", is_stable=True, is_gzip=False, seconds=0.001)


def told(watch: Watch, watcher: Watcher) -> list[Any]:
    watch.tell()
    messages = list(watcher.waiting.values())
    watcher.waiting.clear()
    return messages


def test_only_an_outcome_that_differs_is_told() -> None:
    watch, watcher = watched()
    watch.succeed(result(b'"rows":[]', 1))
    assert told(watch, watcher) == ['{"id":5,"turn":1,"rows":[]}']
    watch.succeed(result(b'"rows":[]', 2))
    assert told(watch, watcher) == []
    assert watch.is_current(2) and not watch.is_current(3)
    watch.fail(QueryTimeout("slow"))
    watch.fail(QueryTimeout("slow"))
    assert [text[:20] for text in told(watch, watcher)] == ['{"id":5,"error":{"co']
    assert not watch.is_current(2)
    watch.succeed(result(b'"rows":[]', 3))
    assert told(watch, watcher) == ['{"id":5,"turn":3,"rows":[]}'], "after an error it is news"


def test_who_comes_later_is_told_what_the_others_were() -> None:
    watch, watcher = watched()
    watch.succeed(result(b'"rows":[]', 1))
    assert len(told(watch, watcher)) == 1
    late = Watcher(Skips())  # type: ignore[arg-type]
    watch.watchers[late, 8] = 0
    assert told(watch, late) == ['{"id":8,"turn":1,"rows":[]}']
    assert not watcher.waiting


def test_a_long_result_is_kept_by_those_who_wait_for_it_alone() -> None:
    for format_, first in (("live", str), ("arrow", bytes)):
        watch, watcher = watched(format_)
        body = b'"rows":"' + b"x" * SMALL_BYTES + b'"'
        watch.succeed(result(body, 1))
        [message] = told(watch, watcher)
        assert isinstance(message, LongResult)
        sent = message.message(5)
        assert isinstance(sent, first) and len(sent) > len(body)
        assert watch.latest is None and not watch.is_current(1)


def test_an_arrow_frame_begins_with_its_id_and_turn() -> None:
    watch, watcher = watched("arrow")
    watch.succeed(result(b"stream", 9))
    assert told(watch, watcher) == [ARROW_HEAD.pack(5, 9) + b"stream"]


@pytest.mark.parametrize(
    ("error", "before", "is_over"),
    [
        (QueryRefused("denied"), True, True),
        (QueryError("no such table", code=1146), True, True),
        (QueryTimeout("slow"), False, True),
        (QueryTimeout("slow"), True, False),
        (QueryOverload("busy"), False, False),
        (QueryOverload("busy"), True, False),
        (UniverseUnavailable("gone"), False, False),
    ],
)
def test_what_ends_a_live_query_at_once(error: Any, before: bool, is_over: bool) -> None:
    watch, _ = watched()
    if before:
        watch.succeed(result(b"", 1))
    watch.fail(error)
    assert watch.is_over() is is_over


def test_a_query_that_has_worked_may_fail_a_few_turns() -> None:
    watch, watcher = watched()
    watch.succeed(result(b"", 1))
    for _ in range(FAILURES_MAX - 1):
        watch.fail(QueryTimeout("slow"))
        assert not watch.is_over()
    watch.succeed(result(b"", 2))
    for turn in range(FAILURES_MAX):
        assert not watch.is_over()
        watch.fail(QueryTimeout(f"slow {turn}"))
    assert watch.is_over()
    assert f"(in {FAILURES_MAX} turns, so it is ended)" in told(watch, watcher)[0]


def test_a_newer_message_takes_the_place_of_one_that_waits() -> None:
    watcher = Watcher(Skips())  # type: ignore[arg-type]
    for identity, text in ((1, "old"), (2, "other"), (1, "new")):
        watcher.offer(identity, text)
    assert [watcher.next_message(), watcher.next_message()] == [(2, "other"), (1, "new")]
    assert watcher._metrics.live_skipped._value.get() == 1


def test_who_does_not_take_messages_is_not_listened_to() -> None:
    async def listen() -> None:
        watcher = Watcher(Skips())  # type: ignore[arg-type]
        for identity in range(3):
            watcher.offer(identity, "text")
        draining = asyncio.create_task(watcher.drain(2))
        await asyncio.sleep(0)
        assert not draining.done()
        watcher.next_message()
        await asyncio.wait_for(draining, 1)
        watcher.offer(9, "text")
        draining = asyncio.create_task(watcher.drain(0))
        await asyncio.sleep(0)
        watcher.give_up(1008)
        await asyncio.wait_for(draining, 1)
        watcher.offer(1, "text")
        assert not watcher.waiting, "nothing more is kept for it"

    asyncio.run(listen())

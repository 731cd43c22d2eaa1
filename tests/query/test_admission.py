"""In which lane a query waits, and which queries may not: without readers."""

import asyncio

import pytest

from wasmverse.errors import QueryError, QueryOverload
from wasmverse.query.admission import Admission
from wasmverse.query.budget import SMALL_BYTES, ByteBudget
from wasmverse.query.costs import ENDINGS_MAX, SLOW_SECONDS
from wasmverse.query.fair import FairQueue, Lane
from wasmverse.query.query import Client, Query
from wasmverse.query.run import Run, Try
from wasmverse.settings import QuerySettings

ADA, BOB = Client("ada", "1"), Client("bob", "1")
LARGE = 10 * SMALL_BYTES


class Door:
    """An admission with a queue and room for one large result."""

    def __init__(self, queue_max: int = 4, per_client: int = 2) -> None:
        settings = QuerySettings(query_queue_max=queue_max, query_queue_max_per_client=per_client)
        self.queue, self.budget = FairQueue(), ByteBudget(2 * LARGE)
        self.admission = Admission(settings, self.queue, self.budget)

    def run(self, sql: str = "select 1", client: Client = ADA, *, is_live: bool = False) -> Run:
        return Run(Query(sql, turn=1), client, 1, is_pinned=False, is_live=is_live, is_quick=False)

    def wait(self, run: Run) -> Try:
        """Let a query wait, if it may."""
        entry = self.admission.enter(run)
        self.queue.push(entry, run.client)
        entry.ready = asyncio.Future(loop=LOOP)
        if not run.is_live:
            self.admission.bound(run, entry)
        return entry


LOOP = asyncio.new_event_loop()
LOOP.close()  # futures only name it


def test_a_query_waits_in_the_lane_of_what_is_known_of_it() -> None:
    door = Door()
    costs = door.admission.costs
    costs.note(Query("slow"), 2.0, 10)
    costs.note(Query("quick"), 0.001, 10)
    costs.note_size(Query("large"), LARGE)
    lease = door.budget.take("others", LARGE)
    entries = {sql: door.admission.enter(door.run(sql)) for sql in ("new", "quick", "slow", "large")}
    assert {sql: entry.lane for sql, entry in entries.items()} == {
        "new": Lane.normal,
        "quick": Lane.normal,
        "slow": Lane.slow,
        "large": Lane.large,
    }
    assert [entries[sql].cost for sql in ("new", "quick", "slow")] == [SLOW_SECONDS, 0.001, 2.0]
    lease.release()
    assert door.admission.enter(door.run("large")).lane is Lane.slow, (
        "there is room, but its time is not known"
    )


def test_who_ended_a_reader_is_suspect_alone() -> None:
    door = Door()
    door.admission.note_ending(door.run("bad", BOB))
    assert door.admission.has_suspects
    assert door.admission.is_suspect("bob") and not door.admission.is_suspect("ada")
    assert door.admission.enter(door.run("new", BOB)).lane is Lane.slow
    assert door.admission.enter(door.run("new", ADA)).lane is Lane.normal
    shared = door.run("new", BOB)
    shared.others.append(ADA)
    assert door.admission.enter(shared).lane is Lane.normal, "somebody else waits for it too"


def test_a_query_that_ends_readers_is_refused() -> None:
    door = Door()
    for _ in range(ENDINGS_MAX):
        door.admission.check(Query("bad"))
        door.admission.note_ending(door.run("bad"))
    with pytest.raises(QueryError, match="has ended its reader twice in a minute") as refusal:
        door.admission.check(Query("bad"))
    assert refusal.value.code == 2013
    door.admission.check(Query("good"))


def test_one_client_may_have_so_many_waiting_but_for_cheap_ones() -> None:
    door = Door(queue_max=100)
    door.admission.costs.note(Query("cheap"), 0.001, 10)
    for number in range(2):
        door.wait(door.run(f"select {number}"))
    with pytest.raises(QueryOverload, match="2 queries of this client wait for a reader already"):
        door.wait(door.run("select 2"))
    assert len(door.queue) == 2, "it is not kept"
    door.wait(door.run("cheap"))
    door.wait(door.run("select 3", BOB))
    for number in range(5):
        door.wait(door.run(f"live {number}", is_live=True))


def test_of_too_many_the_last_of_who_has_most_is_refused() -> None:
    door = Door(queue_max=3, per_client=100)
    entries = [door.wait(door.run(f"select {number}")) for number in range(3)]
    theirs = door.wait(door.run("select 9", BOB))
    refused = [entry for entry in (*entries, theirs) if entry.ready is not None and entry.ready.done()]
    assert len(refused) == 1 and refused[0] in entries
    assert refused[0].ready is not None
    assert isinstance(refused[0].ready.exception(), QueryOverload)
    with pytest.raises(QueryOverload, match="3 queries wait for a reader already"):
        door.wait(door.run("select 10"))

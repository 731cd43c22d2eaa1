"""Whose query is next, without readers: the order alone."""

from __future__ import annotations

import itertools
import random
import weakref

import pytest

from wasmverse.query.fair import LEAD_SECONDS_MAX, Entry, FairQueue, Lane
from wasmverse.query.query import Client


class Asked(Entry):
    """An entry that can be watched by a weak reference."""


def entry(cost: float = 0.25, lane: Lane = Lane.normal, *, is_counted: bool = True) -> Entry:
    return Entry(lane, cost, is_counted)


def taken(queue: FairQueue, lane: Lane = Lane.normal) -> Entry:
    first = queue.first(lane)
    assert first is not None
    queue.take(first)
    return first


def test_one_client_is_served_in_its_order() -> None:
    queue = FairQueue()
    entries = [entry() for _ in range(5)]
    for one in entries:
        queue.push(one, Client("a"))
    assert [taken(queue) for _ in entries] == entries
    assert not len(queue)
    assert queue.first(Lane.normal) is None


def test_many_of_one_client_are_before_none_of_another() -> None:
    queue = FairQueue()
    for _ in range(100):
        queue.push(entry(), Client("many"))
    first = taken(queue)
    queue.charge(first, 5.0)
    mine = entry()
    queue.push(mine, Client("one"))
    assert taken(queue) is mine


@pytest.mark.parametrize("seed", range(20))
def test_going_at_once_is_what_waiting_alone_comes_to(seed: int) -> None:
    """A queue in which each query is taken before the next comes, and one that is never waited in, charge the same."""
    numbers = random.Random(seed)
    waited, gone = FairQueue(), FairQueue()
    for _ in range(60):
        client = Client(numbers.choice("abc"), numbers.choice("12"))
        cost, real = numbers.choice([0.01, 0.25, 2.0]), numbers.choice([0.01, 0.25, 5.0])
        ours, theirs = entry(cost), entry(cost)
        waited.push(ours, client)
        assert taken(waited) is ours
        gone.go(theirs, client)
        for queue, one in ((waited, ours), (gone, theirs)):
            assert one.is_gone
            queue.charge(one, real)
        assert levels(waited) == levels(gone)


def levels(queue: FairQueue) -> dict[str, tuple[float, dict[str, float]]]:
    """Of each client what it has used, and of each of its connections."""
    return {
        name: (share.level, {key: session.level for key, session in share.sessions.items()})
        for name, share in queue._shares.items()
    }


def test_connections_of_one_client_take_turns() -> None:
    queue = FairQueue()
    for _ in range(16):
        queue.push(entry(), Client("house", "socket 1"))
    queue.charge(taken(queue), 5.0)
    mine = entry()
    queue.push(mine, Client("house", "socket 2"))
    assert taken(queue) is mine


def test_of_equals_the_newest_goes_first() -> None:
    """Whoever they are: clients, or connections of one."""
    for shown in (lambda number: Client(f"c{number}", ""), lambda number: Client("house", f"c{number}")):
        queue = FairQueue()
        entries = [entry() for _ in range(24)]
        for number, one in enumerate(entries):
            queue.push(one, shown(number))
        for _ in range(3):
            queue.charge(taken(queue), 2.0)
        mine = entry()
        queue.push(mine, shown(99))
        assert taken(queue) is mine


def test_what_is_known_to_be_cheap_goes_ahead() -> None:
    queue = FairQueue()
    for number in range(20):
        queue.push(entry(), Client(f"new {number}"))
    cheap = entry(0.001)
    queue.push(cheap, Client("known"))
    assert taken(queue) is cheap


def test_time_is_shared_equally_whatever_a_query_costs() -> None:
    """Two clients who always have queries waiting get the same time, though one's take ten times as long."""
    queue = FairQueue()
    given = {"long": 0.0, "short": 0.0}
    for name in given:
        for _ in range(4000):
            queue.push(entry(), Client(name))
    for _ in range(2000):
        one = taken(queue)
        assert one.payer is not None
        seconds = 1.0 if one.payer.name == "long" else 0.1
        given[one.payer.name] += seconds
        queue.charge(one, seconds)
    assert 0.9 < given["long"] / given["short"] < 1.1


def test_nobody_waits_for_ever_and_past_use_is_forgiven() -> None:
    queue = FairQueue()
    heavy = Client("heavy")
    queue.push(entry(), heavy)
    queue.charge(taken(queue), 1_000.0)
    waits = entry()
    queue.push(waits, heavy)
    # Others come one after the other; each has used nothing.
    served = []
    while waits not in served:
        queue.push(entry(), Client("light"))
        served.append(taken(queue))
        queue.charge(served[-1], 0.25)
    assert len(served) * 0.25 <= LEAD_SECONDS_MAX + 0.5


def test_a_query_that_several_wait_for_is_served_for_the_first_of_them() -> None:
    queue = FairQueue()
    heavy, light = Client("heavy"), Client("light")
    for _ in range(10):
        queue.push(entry(), heavy)
    shared = entry()
    queue.push(shared, heavy)
    queue.charge(taken(queue), 3.0)
    queue.push(shared, light)
    assert len(queue) == 10
    assert taken(queue) is shared
    assert shared.payer is not None
    assert shared.payer.name == "light"
    assert (len(queue), queue.counted_of(light), queue.counted_of(heavy)) == (9, 0, 9)


def test_what_need_not_be_answered_is_passed_over() -> None:
    queue = FairQueue()
    gone, stays = entry(), entry()
    queue.push(gone, Client("a"))
    queue.push(stays, Client("a"))
    queue.remove(gone)
    queue.remove(gone)
    assert len(queue) == queue.counted == 1
    assert taken(queue) is stays


def test_the_last_of_the_longest_makes_room() -> None:
    queue = FairQueue()
    entries = [entry() for _ in range(3)]
    for one in entries:
        queue.push(one, Client("a"))
    queue.push(entry(), Client("b"))
    for _ in range(9):
        queue.push(entry(is_counted=False), Client("c"))
    assert queue.last_of_longest() is entries[-1]


def test_counts_hold_whatever_happens() -> None:
    random_ = random.Random(1)
    for _ in range(50):
        queue = FairQueue()
        waiting: list[Entry] = []
        for _ in range(300):
            act = random_.random()
            client = Client(random_.choice("abcd"), random_.choice("xy"))
            if act < 0.5:
                one = entry(random_.choice([0.001, 0.25, 3.0]), random_.choice(list(Lane)))
                waiting.append(one)
                queue.push(one, client)
            elif waiting and act < 0.6:
                queue.push(random_.choice(waiting), client)
            elif waiting and act < 0.7:
                one = waiting.pop(random_.randrange(len(waiting)))
                queue.remove(one)
            elif waiting:
                lane = random_.choice(list(Lane))
                first = queue.first(lane)
                assert (first is None) == all(one.lane is not lane for one in waiting)
                if first is not None:
                    waiting.remove(first)
                    queue.take(first)
                    queue.charge(first, random_.random())
            assert len(queue) == queue.counted == len(waiting)


@pytest.mark.parametrize("lane", Lane)
def test_queries_that_were_given_up_are_not_kept_behind_newer_ones(lane: Lane) -> None:
    queue = FairQueue()
    kept: weakref.WeakSet[Entry] = weakref.WeakSet()
    numbers = itertools.count()

    def ask(client: str) -> Entry:
        one = Asked(lane, 0.1)
        kept.add(one)
        queue.push(one, Client(client, f"{client} {next(numbers)}"))
        return one

    patient = [ask("a")]
    for _ in range(200):
        given_up = [ask("a") for _ in range(3)]
        queue.push(given_up[0], Client("b", "b"))  # somebody else asked the same
        patient.append(ask("a"))
        if len(patient) > 5:
            queue.remove(patient.pop(0))
        for one in given_up:
            queue.remove(one)
        newest = ask("a")
        assert taken(queue, lane) is newest
        queue.charge(newest, 0.1)
    del given_up, newest, one
    assert len(queue) == len(patient) == 5
    assert len(kept) <= 2 * len(patient) + 2
    assert {taken(queue, lane) for _ in range(5)} == set(patient)
    assert queue.first(lane) is None

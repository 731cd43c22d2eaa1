"""Work shared out among threads: what comes back, in which order, and what becomes of errors."""

import os
import signal
import threading
import time

import pytest

from wasmverse.universe import crew as crew_module
from wasmverse.universe.crew import Crew


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_calls(threads: int) -> None:
    crew = Crew(threads)
    assert crew.map(lambda a, b: (a, b), range(50), iter(range(50, 100))) == list(
        zip(range(50), range(50, 100), strict=True)
    )
    assert crew.map(str, []) == []
    crew.close()


def test_threads_that_are_started_inherit_the_mask_of_the_caller() -> None:
    """In a database's backend no signal may come to them, whatever the caller's mask is by the time they have work."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    crew = Crew(3)
    try:
        crew.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    met, caller = threading.Barrier(3, timeout=10), threading.get_ident()

    def is_blocked(_number: int) -> bool:
        met.wait()
        return threading.get_ident() == caller or signal.SIGUSR1 in signal.pthread_sigmask(
            signal.SIG_BLOCK, ()
        )

    assert all(crew.map(is_blocked, range(3)))
    crew.close()


def test_the_caller_works_too_and_a_single_call_needs_nobody_else() -> None:
    crew = Crew(2)
    both = threading.Barrier(2, timeout=10)

    caller = threading.get_ident()

    def meet(_number: int) -> int:
        both.wait()
        if threading.get_ident() != caller:
            time.sleep(0.1)  # its result is waited for
        return threading.get_ident()

    found = crew.map(meet, range(2))
    assert caller in found
    assert len(set(found) - {None}) == 2
    assert crew.map(lambda _: threading.get_ident(), [0]) == [threading.get_ident()]
    crew.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_earliest_error_is_raised_once_nothing_runs_any_more(threads: int) -> None:
    crew = Crew(threads)
    running: set[int] = set()
    begun = []

    def fail(number: int) -> None:
        begun.append(number)
        running.add(number)
        try:
            time.sleep(0.01 if number < 3 else 0)
            if number >= 2:
                raise ValueError(number)
        finally:
            running.remove(number)

    with pytest.raises(ValueError, match="2"):
        crew.map(fail, range(100))
    assert not running
    assert len(begun) < 10
    assert crew.map(abs, [-1, -2]) == [1, 2]
    crew.close()


def test_where_threads_may_run_is_left_as_it_was() -> None:
    before = os.sched_getaffinity(0)
    for places in range(4):
        crew_module._move(crew_module._processor(), places)
        assert os.sched_getaffinity(0) == before
    os.sched_setaffinity(0, {min(before)})
    try:
        crew_module._move(crew_module._processor(), 1)
        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        os.sched_setaffinity(0, before)

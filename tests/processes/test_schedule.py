"""Turns start at absolute deadlines: no drift, lost time is caught up, and a long pause is not owed."""

import pytest

from wasmverse.processes.schedule import CATCH_UP_PERIODS, Schedule


def test_turns_that_keep_up_never_drift() -> None:
    schedule = Schedule(1000.0, 0.1)
    for turn in range(100_000):
        assert schedule.start == 1000.0 + turn * 0.1
        assert schedule.deadline == pytest.approx(1000.0 + (turn + 1) * 0.1)
        schedule.advance(schedule.start + 0.09)
    assert schedule.anchor == 1000.0


def test_a_slow_turn_does_not_shift_the_ones_behind_it() -> None:
    schedule = Schedule(0.0, 1.0)
    schedule.advance(2.5)
    assert (schedule.start, schedule.deadline) == (1.0, 2.0)
    schedule.advance(2.7)
    assert schedule.start == 2.0
    schedule.advance(2.9)
    assert schedule.start == 3.0


def test_a_turn_is_late_exactly_when_the_next_one_should_have_started() -> None:
    schedule = Schedule(10.0, 2.0)
    for _ in range(5):
        deadline = schedule.deadline
        schedule.advance(deadline)
        assert schedule.start == deadline


def test_up_to_so_many_periods_are_caught_up() -> None:
    schedule = Schedule(0.0, 1.0)
    now = 1.0 + CATCH_UP_PERIODS
    schedule.advance(now)
    assert schedule.start == 1.0
    turns = 0
    while schedule.start < now:
        schedule.advance(now)
        turns += 1
    assert turns == CATCH_UP_PERIODS
    assert schedule.anchor == 0.0


def test_after_a_longer_pause_counting_begins_again() -> None:
    schedule = Schedule(0.0, 1.0)
    schedule.advance(0.5)
    now = 2.0 + CATCH_UP_PERIODS + 0.01
    schedule.advance(now)
    assert (schedule.start, schedule.deadline) == (now, now + 1.0)
    schedule.advance(now + 0.5)
    assert schedule.start == now + 1.0


def test_turns_that_never_keep_up_are_played_back_to_back() -> None:
    """Each takes three periods; the schedule is always late, but never by more than it can catch up."""
    schedule, now = Schedule(0.0, 1.0), 0.0
    for _ in range(1000):
        now = max(now, schedule.start) + 3.0
        assert now > schedule.deadline
        schedule.advance(now)
        assert 0 <= now - schedule.start <= CATCH_UP_PERIODS
    assert now == 3000.0


def test_after_a_restart_the_next_turn_has_a_whole_period() -> None:
    schedule = Schedule(100.0, 1.0)
    schedule.advance(103.5)
    schedule.restart(103.5)
    assert (schedule.start, schedule.deadline) == (103.5, 104.5)

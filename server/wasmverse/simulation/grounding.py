"""Who is grounded for the time that they take: judged by processor time, and only of a turn that outlasted its period.

This is the one thing that time decides, so it is never derived again: a recorded run says who was grounded, and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ROOM = 0.8
"""The part of the period that a late turn must have needed for anybody to go, and that turns are to fit into again: what is left
is for waiting, which no processor time tells of."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a strategy took of a turn.

    calls : ships that it flew
    seconds : processor time, ``made_seconds`` of which to make instances
    longest_seconds : of it in one block, which no other thread can help with
    is_spared : it is never grounded for its time
    times_usual : of how many ships' time one of its own may take, since it is dealt so many fewer
    """

    name: str
    calls: int
    seconds: float
    made_seconds: float
    longest_seconds: float
    is_spared: bool
    times_usual: float = 1.0

    def on_clock(self, threads: int) -> float:
        """How much longer a turn lasts for it."""
        return max(self.seconds / threads, self.longest_seconds)


@dataclass(frozen=True, slots=True)
class TurnCost:
    """What a turn took: seconds on the clock, and of processor time in this process; its blocks were played on ``threads``."""

    elapsed_seconds: float
    processor_seconds: float
    threads: int


def too_costly(
    spent: Sequence[Spent], turn: TurnCost, period_seconds: float, proportion_max: float
) -> list[Spent]:
    """Who has to go, costliest first, for turns to fit into their period again. Empty if nobody's going would bring that about.

    A ship should cost what one of those that are spared costs to call, or the middle ship if none of them flies. Who took more
    than ``proportion_max`` times that for its ships, all it took to make instances included, may have to go; 0: nobody.

    What the turn needs is taken from processor time where that is less than the clock says: it does not matter then for how long
    the disk or others on this machine held it up.
    """
    if turn.elapsed_seconds <= period_seconds or not proportion_max:
        return []
    deciding = sum(each.on_clock(turn.threads) for each in spent)
    others = turn.processor_seconds - sum(each.seconds for each in spent)
    rest = max(0.0, min(turn.elapsed_seconds - deciding, others))
    needed = first_needed = rest + deciding
    if needed <= ROOM * period_seconds:
        return []
    fair = _seconds_a_call(spent)
    going = []
    for each in sorted(spent, key=lambda each: (-each.seconds, each.name)):
        if each.is_spared or each.seconds <= proportion_max * fair * each.calls * each.times_usual:
            continue
        if needed <= ROOM * period_seconds:
            break
        going.append(each)
        needed -= each.on_clock(turn.threads)
    # Of a turn that is too long without them, they must have been the greater part.
    return going if needed <= period_seconds or needed <= first_needed / 2 else []


def _seconds_a_call(spent: Sequence[Spent]) -> float:
    """What a call should take: the mean of those that are spared, else that of the ship in the middle."""
    flown = [each for each in spent if each.calls]
    spared = [each for each in flown if each.is_spared]
    if spared:
        return sum(each.seconds - each.made_seconds for each in spared) / sum(each.calls for each in spared)
    costs = sorted(((each.seconds - each.made_seconds) / each.calls, each.calls) for each in flown)
    left = sum(calls for _, calls in costs) / 2
    for seconds, calls in costs:
        left -= calls
        if left <= 0:
            return seconds
    return 0.0

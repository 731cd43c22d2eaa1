"""What the last turns took, and what follows from it: who is too costly to fly on, and whether there is room for an upload."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from statistics import median

from wasmverse.commands import Cost
from wasmverse.settings import SimulationSettings
from wasmverse.simulation.grounding import Spent, TurnCost, too_costly
from wasmverse.simulation.prospect import Prospect, seconds_free
from wasmverse.simulation.registry import Registry
from wasmverse.strategies.roster import FLYING, times_usual
from wasmverse.universe.result import TurnAccount

TURNS_MEASURED = 15
"""Of so many turns the middle one says how long a turn takes."""


class Stopwatch:
    """Seconds since it was made, on the clock and of this process's time on processors."""

    def __init__(self) -> None:
        self._clock, self._processor = time.perf_counter(), time.process_time()

    @property
    def elapsed(self) -> float:
        """On the clock."""
        return time.perf_counter() - self._clock

    @property
    def processor(self) -> float:
        """On processors, all threads together."""
        return time.process_time() - self._processor


class Measured:
    """What turns of one universe took; ``threads`` share out its blocks."""

    def __init__(self, blocks: int, threads: int) -> None:
        self.blocks = blocks
        self.threads = min(threads, blocks)
        self._turns: deque[float] = deque(maxlen=TURNS_MEASURED)
        self._strategies: dict[str, float] = {}
        self._commit_seconds = 0.0

    def note(self, result: TurnAccount, watch: Stopwatch, judged_at: float) -> None:
        """A turn has been committed; the commit began ``judged_at`` seconds after the turn."""
        self._commit_seconds = watch.elapsed - judged_at
        self._turns.append(min(watch.elapsed, watch.processor))
        self._strategies = {tally.name: tally.seconds for tally in result.strategies}

    def too_costly(
        self, result: TurnAccount, registry: Registry, watch: Stopwatch, settings: SimulationSettings
    ) -> dict[str, float]:
        """Who is to be grounded for the time that they took of a turn that is about to be committed, and what it was."""
        elapsed = watch.elapsed + self._commit_seconds
        period_seconds, times_max = settings.period_seconds, settings.strategy_cost_times_max
        if elapsed <= period_seconds:
            return {}
        spent = [
            Spent(
                tally.name,
                tally.calls,
                tally.seconds,
                tally.made_seconds,
                tally.longest_seconds,
                tally.name in registry.spared,
                times_usual(strategy.budget_fuel, settings.budget_fuel),
            )
            for tally, strategy in zip(result.strategies, registry.roster.strategies, strict=True)
            if strategy.status == FLYING
        ]
        cost = TurnCost(elapsed, watch.processor, self.threads)
        return {each.name: each.seconds for each in too_costly(spent, cost, period_seconds, times_max)}

    def room_for(
        self,
        costs: dict[str, Cost],
        registry: Registry,
        ships: int,
        period_seconds: float,
        share_max: float,
        times: float,
    ) -> tuple[float, float, float]:
        """What uploaded strategies would add to a turn, what they may, and what a turn takes without them, in seconds.

        They are dealt fewer ships than others by the factor ``times``, which is `roster.times_usual` of what they declare.
        They may always add what the versions take that they replace: else those that take more would fly on.
        """
        others = sum(each.is_dealt and each.name not in costs for each in registry.roster.strategies)
        dealt = math.ceil(ships / (others + len(costs)) / times)
        prospect = Prospect(self.blocks, dealt, self.threads)
        replaced = sum(self._strategies.get(name, 0.0) for name in costs) / self.threads
        turn = max(0.0, (median(self._turns) if self._turns else 0.0) - replaced)
        values: Sequence[Cost] = list(costs.values())
        free = max(replaced, seconds_free(turn, period_seconds, share_max))
        return prospect.added_seconds(values), free, turn

"""Strategies against each other: turns of a private universe, and an account of how it went and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wasmverse.settings import SimulationSettings
from wasmverse.simulation.arena import Arena
from wasmverse.simulation.beginning import Founder
from wasmverse.strategies.tally import ADDED_UP, AT_END
from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.result import TurnResult

SUMMED = (*ADDED_UP, "fuel")
"""What is added up over the turns; ships and energy are those at the end."""

PARTS = ("blasters", "thrusters", "harvesters")
MOMENTS = 20
"""How many times between the beginning and the end the table over time looks."""

_DEATH, _STARVE = EVENT_KINDS.index("death"), EVENT_KINDS.index("starve")


class Match:
    """The account of a universe while it is played."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._names = [entrant.name for entrant in arena.entrants]
        self._totals = {name: dict.fromkeys((*AT_END, *SUMMED), 0) for name in self._names}
        self._starved: Counter[str] = Counter()
        self._shot: dict[str, Counter[str]] = {name: Counter() for name in self._names}
        self.over_time = [self._moment()]

    def add(self, result: TurnResult) -> None:
        """A turn has been played."""
        for tally in result.strategies:
            total = self._totals[tally.name]
            counts = tally.counts | {"fuel": tally.fuel}
            total.update({name: counts[name] for name in AT_END})
            for name in SUMMED:
                total[name] += counts[name]
        if any(tally.counts["deaths"] for tally in result.strategies):
            self._add_deaths(result)

    def _add_deaths(self, result: TurnResult) -> None:
        events, names = result.events.columns, result.events.names
        for row in np.flatnonzero((events.kind == _DEATH) | (events.kind == _STARVE)).tolist():
            victim = names[events.slot[row]]
            if events.kind[row] == _STARVE:
                self._starved[victim] += 1
            else:
                by = int(events.by_slot[row])
                self._shot[victim][names[by] if by >= 0 else ""] += 1

    def look(self) -> None:
        """Add what there is now to the table over time."""
        self.over_time.append(self._moment())

    def _moment(self) -> dict[str, Any]:
        ships = self._arena.state.ships
        rows = {}
        for entrant in self._arena.entrants:
            own = ships.strategy_id == entrant.strategy_id
            rows[entrant.name] = {
                "ships": int(own.sum()),
                "energy": int(ships.energy[own].sum(dtype=np.int64)),
                **{part: int(getattr(ships, part)[own].sum(dtype=np.int64)) for part in PARTS},
            }
        return {"turn": self._arena.tid, "strategies": rows}

    def account(self) -> dict[str, Any]:
        """As plain values; see `play_match`."""
        rows: list[dict[str, Any]] = []
        for entrant in self._arena.entrants:
            name = entrant.name
            shot = {by: count for by, count in sorted(self._shot[name].items()) if by}
            rows.append(
                {
                    "name": name,
                    "sha256": entrant.sha256,
                    **self._totals[name],
                    "deaths_by": {
                        "starved": self._starved[name],
                        "shot": shot,
                        "alone": self._shot[name][""],
                    },
                    "status": entrant.status,
                    "last_fault": entrant.last_fault,
                }
            )
        rows.sort(key=lambda row: (-row["ships"], -row["energy"], row["name"]))
        return {
            "turns": self._arena.tid,
            "strategies": rows,
            "over_time": self.over_time,
            "state_hash": self._arena.state_hash(),
        }


def play_match(
    founders: Sequence[Founder],
    settings: SimulationSettings,
    turns: int,
    compiled: Mapping[str, bytes] | None = None,
    tell: Callable[[int], None] = lambda _turns: None,
) -> dict[str, Any]:
    """Play turns of a new universe whose ships are dealt to these founders, and to no others.

    Parameters
    ----------
    compiled : as `Arena` takes it.
    tell : told how many turns more have been played, some twenty times.

    Returns
    -------
    ``turns``, ``state_hash``, and

    strategies : a row each, the one with the most ships at the end first (ties: the most energy, then the name): what it came to
        (ships and energy at the end, the others added up), and ``deaths_by``: how many starved, how many were shot by each
        strategy, and how many died alone, with nobody to be credited.
    over_time : at the beginning, at the end and some times between, by strategy: ships, and all their energy and parts.

    Raises
    ------
    ModuleRefused : a founder's module cannot fly.
    """
    arena = Arena(settings, founders, compiled)
    try:
        match, told = Match(arena), 0
        step = max(1, -(-turns // MOMENTS))
        for number in range(1, turns + 1):
            match.add(arena.advance())
            if number % step == 0 or number == turns:
                match.look()
                tell(number - told)
                told = number
        return match.account()
    finally:
        arena.close()

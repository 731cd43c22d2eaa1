"""How alive a universe stays: who holds its energy, how old ships become, and how fast one strategy displaces the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wasmverse.settings import SimulationSettings
from wasmverse.simulation.arena import Arena
from wasmverse.simulation.beginning import Founder
from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.result import TurnResult

YOUNG_TURNS = 100
"""Who dies at a lower age died young: a ship that only holds starves at that age."""

_SPAWN, _DEATH, _STARVE = (EVENT_KINDS.index(kind) for kind in ("spawn", "death", "starve"))


class Ecology:
    """What is measured of a universe while it is played: samples, each with what happened since the one before."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._born = np.zeros(2 * arena.next_eid, np.int32)  # by eid, at turn 0 everybody
        self.samples: list[dict[str, Any]] = []
        self._forget()

    def _forget(self) -> None:
        self._births = self._starved = self._ship_turns = 0
        self._ages: list[NDArray[np.int32]] = []

    def add(self, result: TurnResult) -> None:
        """A turn has been played."""
        if self._arena.next_eid > len(self._born):
            self._born = np.concatenate([self._born, np.zeros(self._arena.next_eid, np.int32)])
        events = result.events.columns
        born = events.eid[(events.kind == _SPAWN) & (events.slot >= 0)]
        self._born[born] = result.tid
        starved = events.kind == _STARVE
        dead = events.eid[(events.kind == _DEATH) | starved]
        self._births += len(born)
        self._starved += int(starved.sum())
        self._ship_turns += len(self._arena.state.ships.sid)
        self._ages.append(result.tid - self._born[dead])

    def look(self) -> None:
        """Add a sample of what there is now, and of what happened since the last one."""
        ages: Any = np.concatenate([np.zeros(0, np.int32), *self._ages])
        thousand = self._ship_turns / 1_000
        self.samples.append(
            {
                "turn": self._arena.tid,
                **self._strongest(),
                "births": _ratio(self._births, thousand),
                "deaths": _ratio(len(ages), thousand),
                "starved": _ratio(self._starved, len(ages)),
                "age_at_death": {"median": _of(np.median, ages), "mean": _of(np.mean, ages)},
                "died_young": _ratio(int((ages < YOUNG_TURNS).sum()), len(ages)),
                "strategies": self._strategies(),
            }
        )
        self._forget()

    def _strongest(self) -> dict[str, Any]:
        """Of the ship with the most energy in each system that has a ship."""
        ships = self._arena.state.ships
        parts = ships.blasters.astype(np.int64) + ships.thrusters + ships.harvesters
        _, begins = np.unique(ships.sid, return_index=True)
        energy = ships.energy.astype(np.int64)
        total: Any = np.add.reduceat(energy, begins) if len(begins) else np.zeros(0, np.int64)
        # The first of those with the most: rows are sorted by (sid, eid), and the sort is stable.
        order = np.lexsort((-energy, ships.sid))
        at = order[begins]
        shares: Any = energy[at] / total
        flown = np.bincount(ships.strategy_id[at])
        return {
            "strongest_share": {
                "mean": _of(np.mean, shares),
                "median": _of(np.median, shares),
                "max": _of(np.max, shares),
            },
            "strongest_blasters": _of(np.mean, ships.blasters[at]),
            "strongest_parts": _of(np.mean, parts[at]),
            "strongest_same_strategy": _ratio(int(flown.max(initial=0)), len(at)),
        }

    def _strategies(self) -> dict[str, dict[str, Any]]:
        """By name, ships, and the share of the energy of all ships."""
        ships = self._arena.state.ships
        energy = ships.energy.astype(np.float64)
        rows = {}
        for entrant in self._arena.entrants:
            own = ships.strategy_id == entrant.strategy_id
            rows[entrant.name] = {
                "ships": int(own.sum()),
                "energy_share": _ratio(float(energy[own].sum()), float(energy.sum())),
            }
        return rows


def measure_ecology(
    founders: Sequence[Founder],
    settings: SimulationSettings,
    turns: int,
    at: Sequence[int],
    newcomer: tuple[str, int] | None = None,
    tell: Callable[[int], None] = lambda _turns: None,
) -> dict[str, Any]:
    """Play turns of a new universe in memory, and say how it fares.

    Parameters
    ----------
    at : the turns after which a sample is taken; one of the last turn is taken, too.
    newcomer : a strategy that is dealt no ships before it enters, and the turn after which it does; None for nobody.
    tell : told at every sample how many turns more have been played.

    Returns
    -------
    Plain values: ``upkeep``, ``state_hash``, and ``samples``, each with its ``turn`` and

    strongest_share : which share of the energy of a system's ships the one with the most has: mean, median, max of all systems
    strongest_blasters, strongest_parts : that ship's, on average
    strongest_same_strategy : the part of the systems in which the strategy flies it that does so in most
    births, deaths : since the last sample, per ship and 1,000 turns
    starved, died_young : since the last sample, the parts of the dead that starved, and that were younger than 100 turns
    age_at_death : median and mean, since the last sample, in turns
    strategies : by name, how many ships, and the share of the energy of all ships

    What cannot be said, because nobody lived or died, is None.

    Raises
    ------
    ModuleRefused : a founder's module cannot fly.
    """
    arena = Arena(settings, founders)
    try:
        ecology, told = Ecology(arena), 0
        moments = {*at, turns}
        for turn in range(1, turns + 1):
            ecology.add(arena.advance())
            if turn in moments:
                ecology.look()
                tell(turn - told)
                told = turn
            if newcomer is not None and turn == newcomer[1]:
                arena.enable(newcomer[0])
        return {"upkeep": settings.upkeep, "samples": ecology.samples, "state_hash": arena.state_hash()}
    finally:
        arena.close()


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None


def _of(statistic: Callable[[Any], Any], values: NDArray[Any]) -> float | None:
    return round(float(statistic(values)), 6) if len(values) else None

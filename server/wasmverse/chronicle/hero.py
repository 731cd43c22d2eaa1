"""Heroes: what is remembered of a notable ship, alive or fallen, and the rank that it has by its strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from wasmverse.chronicle.names import ship_name
from wasmverse.universe.notable import strength

RANKS = (("raider", 32), ("veteran", 64), ("champion", 128), ("titan", 255))
"""By the fewest blasters. Of the ships of a universe of 200 systems one in 30 has 64 after 2,500 turns, one in 38 has 128,
and one in 55 has 255; at turn 1,000 the strongest has 148."""

COLOSSUS = "colossus"
COLOSSUS_ENERGY = 30_000
"""A titan that has held so much energy; one in 180 of those ships has."""


_RANK_BY_BLASTERS = [
    max((least, name) for name, least in (*RANKS, (RANKS[0][0], 0)) if blasters >= least)[1]
    for blasters in range(256)
]


def rank_of(blasters: int, energy_max: int) -> str:
    """The rank of a ship with so many blasters that has held so much energy."""
    if energy_max >= COLOSSUS_ENERGY and blasters >= RANKS[-1][1]:
        return COLOSSUS
    return _RANK_BY_BLASTERS[min(blasters, 255)]


@dataclass(slots=True)
class Hero:
    """What is remembered of one. born : the turn; of a ship that was old when it became known, one after its birth.

    died, killer, killer_strategy : None while it lives, and of one that starved the last two.
    """

    eid: int
    sid: int
    strategy: str
    born: int
    kills: int
    energy_max: int
    blasters: int
    died: int | None = None
    killer: int | None = None
    killer_strategy: str | None = None

    @property
    def name(self) -> str:
        """Of the ship."""
        return ship_name(self.eid)

    @property
    def killer_name(self) -> str | None:
        """Of the ship that killed it."""
        return None if self.killer is None else ship_name(self.killer)

    @property
    def rank(self) -> str:
        """By its strength."""
        return rank_of(self.blasters, self.energy_max)

    @property
    def power(self) -> int:
        """How strong it was at its best."""
        return int(strength(self.blasters, self.energy_max))

    @property
    def fame(self) -> int:
        """By what the hall of fame keeps the fallen."""
        return self.power + 1_000 * self.kills

    @property
    def obituary(self) -> str | None:
        """One sentence about a fallen one."""
        if self.died is None:
            return None
        age = self.died - self.born
        lived = f"{self.name}, a {self.rank} of {self.strategy}, lived {age:,} turns, held up to {self.energy_max:,} energy"
        won = {0: "never killed", 1: "killed once"}.get(self.kills, f"killed {self.kills:,} times")
        if self.killer is not None:
            end = f"fell to {ship_name(self.killer)} of {self.killer_strategy or 'nobody'}"
        else:
            end = f"fell to {self.killer_strategy}" if self.killer_strategy else "ran out of energy"
        return f"{lived}, {won}, and {end} in system {self.sid}."

    def state(self) -> list[Any]:
        """As values of JSON."""
        return list(astuple(self))

    @classmethod
    def of_state(cls, state: Sequence[Any]) -> Hero:
        """From what `state` gave."""
        return cls(*state)

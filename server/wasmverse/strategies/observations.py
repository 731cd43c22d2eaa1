"""What a strategy is tried with: a hundred observations of a small universe's turns, the same on every machine.

They are in ``observations.csv``: a row for each turn of a ship, four turns in a row of each of twenty-five ships, from new ones
to those that have bought many parts. They are data and not played here, because a checker that would compile the rules of a turn
could not do so in the memory and the seconds that it has; a test plays the universe again and compares.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

COLUMNS = ("ship", "x", "y", "energy", "shield", "blasters", "thrusters", "harvesters", "seen")
TRIAL_FUEL_MAX = 200_000_000
"""Of all calls for observations together, a fraction of a second: a call may take what is left of it, or its own budget where
that is more, and once it is used up no more are made. With the fuel that a call usually has it is not met; where an operator
grants calls of seconds, a hundred of them would keep the checker for minutes."""

FILE = Path(__file__).with_name("observations.csv")


class Observation(NamedTuple):
    """One turn of a ship.

    ship : counted from 1; the rows of one follow each other, by turn. What it remembers is up to the strategy that is tried.
    x, y, energy, shield, blasters, thrusters, harvesters : as ``decide`` gets them.
    seen : 4 bytes an entity: kind, danger, x, y.
    """

    ship: int
    x: int
    y: int
    energy: int
    shield: int
    blasters: int
    thrusters: int
    harvesters: int
    seen: bytes


@cache
def observations() -> tuple[Observation, ...]:
    """All of them."""
    return tuple(_read())


def _read() -> Iterator[Observation]:
    with FILE.open(newline="") as file:
        for row in csv.DictReader(file):
            ship, x, y, energy, shield, blasters, thrusters, harvesters = (
                int(row[name]) for name in COLUMNS[:-1]
            )
            seen = bytes.fromhex(row["seen"])
            yield Observation(ship, x, y, energy, shield, blasters, thrusters, harvesters, seen)

"""Has a round: the shortest way over the three nearest nodes that nobody is at. It makes for the first of them and keeps to it,
whatever comes into view on the way. With nothing to deliver it walks through the nine districts of its system.

Written in all of Python: lists, sets, functions in functions, the standard library.
"""

from heapq import nsmallest
from itertools import pairwise, permutations
from typing import NamedTuple

from wasmverse.pilot import (
    GRID_SIZE,
    SHIP,
    Cell,
    Part,
    Plan,
    Ship,
    System,
    distance,
    move_toward,
    upgrade,
)

STOPS_MAX = 3
ENERGY_ENOUGH = 150
THRUSTERS_ENOUGH = 6

DISTRICTS = [
    Cell(x, y) for y, row in ((16, (16, 50, 83)), (50, (83, 50, 16)), (83, (16, 50, 83))) for x in row
]
"""Their middles, in the order in which one walks through them: there and back again."""


class Bag(NamedTuple):
    """What a postman remembers: the stop that it is on its way to, and the district that it is in."""

    stop: Cell | None = None
    district: int = 0

    @classmethod
    def opened(cls, memory: int) -> "Bag":
        """From a ship's memory, which may be another strategy's."""
        district, stop = divmod(memory, GRID_SIZE * GRID_SIZE + 1)
        cell = Cell((stop - 1) % GRID_SIZE, (stop - 1) // GRID_SIZE) if stop else None
        return cls(cell, district % len(DISTRICTS))

    def closed(self) -> int:
        """As a ship's memory."""
        stop = 1 + self.stop.x + GRID_SIZE * self.stop.y if self.stop else 0
        return self.district * (GRID_SIZE * GRID_SIZE + 1) + stop


def stops_in(ship: Ship, system: System) -> list[Cell]:
    """The nearest nodes that no other ship is at."""
    x, y = ship.x, ship.y
    taken, free = set(), []
    for kind, east, south, _ in system:  # ships come first
        if kind == SHIP:
            taken.add((east, south))
        elif (east, south) not in taken:
            free.append((abs(east - x) + abs(south - y), east, south))
    return [Cell(east, south) for _, east, south in nsmallest(STOPS_MAX, free)]


def first_of_round(ship: Ship, stops: list[Cell]) -> Cell:
    """Where the shortest way over all stops begins."""
    starts = [distance(ship, stop) for stop in stops]
    apart = [[distance(one, other) for other in stops] for one in stops]

    def cells(order: tuple[int, ...]) -> int:
        return starts[order[0]] + sum([apart[one][other] for one, other in pairwise(order)])

    return stops[min(permutations(range(len(stops))), key=cells)[0]]


def walk_on(ship: Ship, bag: Bag) -> Plan:
    """Toward the middle of the district, or of the next one."""
    if distance(ship, DISTRICTS[bag.district]) < 4:
        bag = Bag(district=(bag.district + 1) % len(DISTRICTS))
    return move_toward(ship, DISTRICTS[bag.district], Bag(district=bag.district).closed())


def decide(ship: Ship, system: System) -> Plan:
    """The plan of one ship for this turn."""
    bag = Bag.opened(ship.memory)
    if ship.energy >= ENERGY_ENOUGH:
        part = Part.THRUSTERS if ship.thrusters < THRUSTERS_ENOUGH else Part.HARVESTERS
        return upgrade(part, ship.memory)
    stops = stops_in(ship, system)
    if not stops:
        return walk_on(ship, bag)
    stop = bag.stop if bag.stop in stops else first_of_round(ship, stops)
    return move_toward(ship, stop, Bag(stop, bag.district).closed())

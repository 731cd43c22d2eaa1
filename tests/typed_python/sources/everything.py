"""All that compiled Python may consist of, to be compared with Python itself on random observations."""

import math
from enum import IntEnum
from typing import NamedTuple

from wasmverse.pilot import (
    GRID_SIZE,
    MEMORY_MAX,
    NODE,
    SHIP,
    Cell,
    Direction,
    Part,
    Plan,
    Ship,
    System,
    cells_ahead,
    column_after,
    danger_at,
    distance,
    hold,
    move,
    move_toward,
    nearest,
    row_after,
    upgrade,
)


class Mood(IntEnum):
    CALM = 0
    HUNGRY = 3


class Sum(NamedTuple):
    ships: int
    danger: int
    weight: float


PRIMES = (2, 3, 5, 7, 11)
TABLE = ((1, 2), (3, 4), (5, 6))
HALF = 0.5


def added_up(system: System, kind: int = SHIP) -> Sum:
    count = danger = 0
    weight = 0.0
    for number, entity in enumerate(system):
        if entity.kind != kind:
            continue
        count += 1
        danger += entity.danger
        weight += math.sqrt(entity.x * entity.x + entity.y * entity.y) * HALF / (number + 1)
    return Sum(count, danger, weight)


def greatest_common_divisor(one: int, other: int) -> int:
    if other == 0:
        return one
    return greatest_common_divisor(other, one % other)


def is_even(number: int) -> bool:
    return True if number == 0 else is_odd(number - 1)


def is_odd(number: int) -> bool:
    return False if number == 0 else is_even(number - 1)


def collatz_steps(number: int) -> int:
    steps = 0
    while number > 1 and steps < 50:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def mood(ship: Ship) -> int:
    if ship.energy < 50:
        return Mood.HUNGRY
    return Mood.CALM


def decide(ship: Ship, system: System) -> Plan:
    kind = ship.energy % 16
    memory = ship.memory
    if kind == 0:
        return hold(memory)
    if kind == 1:
        found = nearest(SHIP, ship, system)
        return hold() if found is None else move_toward(ship, found, memory + 1)
    if kind == 2:
        total = added_up(system, kind=NODE)
        return move(total.ships & 3, int(total.weight), memory=total.danger)
    if kind == 3:
        return upgrade(Part.THRUSTERS if ship.thrusters < ship.harvesters else Part.HARVESTERS, ~memory)
    if kind == 4:
        return hold(greatest_common_divisor(ship.x, ship.y) * 1000 + collatz_steps(ship.energy))
    if kind == 5:
        last = system[-1]  # an IndexError where nothing is in view
        return move(Direction.WEST, last.x - ship.x, last.kind)
    if kind == 6:
        one, other = TABLE[ship.x % 3]
        return hold(PRIMES[ship.y % 5] * one - other)
    if kind == 7:
        return hold((ship.x - ship.y) // (ship.blasters - 5))  # a ZeroDivisionError for five blasters
    if kind == 8:
        if not system:
            return hold(MEMORY_MAX)
        total = 0
        for index in range(len(system) - 1, -1, -1):
            total = total * 31 + system[index].y
        return hold(total & MEMORY_MAX)
    if kind == 9:
        direction = mood(ship)
        if cells_ahead(ship, direction) == 0:
            direction = (direction + 1) % 4
        x = column_after(ship.x, direction, 2)
        y = row_after(ship.y, direction, 2)
        return move_toward(ship, Cell(x, y), danger_at(x, y, system))
    if kind == 10:
        assert ship.shield > 20
        return hold(round(ship.shield / 7) if is_even(ship.x) else -(-ship.shield // 7))
    if kind == 11:
        best = min(ship.blasters, ship.thrusters, ship.harvesters)
        return upgrade(
            Part.BLASTERS if best == ship.blasters and best in (2, 3, 4) else ship.last_command & 3
        )
    if kind == 12:
        for entity in system:
            if entity.kind == NODE and (entity.x, entity.y) == (ship.x, ship.y):
                break
        else:
            return move(Direction.NORTH, -3)
        return hold(1)
    if kind == 13:
        far = 0
        for entity in system:
            far = max(far, distance(ship, entity))
        return hold(far << 8 | GRID_SIZE)
    if kind == 14:
        if ship.shield < 30:
            raise ValueError("too weak to think")
        angle = abs(ship.x - 50) / (1.0 + abs(ship.y - 50))
        return hold(math.floor(angle * 100) ^ math.ceil(angle) ^ (ship.memory >> 3))
    return move(ship.memory & 7, ship.thrusters, 3**3 + divmod(ship.x, 7)[1])

"""Questions about what a ship sees, and about where it gets to."""

from __future__ import annotations

from wasmverse.pilot.entities import GRID_SIZE, SHIP, Cell, Entity, Ship, System
from wasmverse.pilot.plans import Direction


def distance(one: Cell | Entity | Ship, other: Cell | Entity | Ship) -> int:
    """Cells between two things. Moves go along the axes, so this, not the straight line, says how far away something is."""
    return abs(one.x - other.x) + abs(one.y - other.y)


def nearest(kind: int, ship: Ship, system: System) -> Entity | None:
    """The nearest entity of a kind, SHIP or NODE, the first of the list among equals; None when none is in view."""
    found = None
    found_cells = 2 * GRID_SIZE
    for entity in system:
        if entity.kind == kind:
            cells = distance(ship, entity)
            if cells < found_cells:
                found = entity
                found_cells = cells
    return found


def danger_at(x: int, y: int, system: System) -> int:
    """The damage that one turn in this cell would do: the blasters of all other ships there, added up."""
    danger = 0
    for entity in system:
        if entity.kind != SHIP:
            break  # only nodes follow
        if entity.x == x and entity.y == y:
            danger += entity.danger
    return danger


def cells_ahead(ship: Ship, direction: int) -> int:
    """How many cells lie between the ship and the edge of the grid in this direction."""
    if direction == Direction.NORTH:
        return ship.y
    if direction == Direction.EAST:
        return GRID_SIZE - 1 - ship.x
    if direction == Direction.SOUTH:
        return GRID_SIZE - 1 - ship.y
    return ship.x


def column_after(x: int, direction: int, cells: int) -> int:
    """The x of a ship that has moved this many cells."""
    if direction == Direction.EAST:
        return x + cells
    if direction == Direction.WEST:
        return x - cells
    return x


def row_after(y: int, direction: int, cells: int) -> int:
    """The y of a ship that has moved this many cells."""
    if direction == Direction.SOUTH:
        return y + cells
    if direction == Direction.NORTH:
        return y - cells
    return y

"""What a strategy in Python is written with: the ship, what it sees, the plans it may return, and helpers.

    from wasmverse.pilot import NODE, Direction, Plan, Ship, System, move, move_toward, nearest

    def decide(ship: Ship, system: System) -> Plan:
        node = nearest(NODE, ship, system)
        if node is not None:
            return move_toward(ship, node)
        return move(Direction.EAST, ship.thrusters)

A strategy's file is plain Python: a debugger steps through it, pytest calls ``decide(Ship(50, 50), System([...]))``. The same
file is compiled to WebAssembly by ``typed_python``, the functions here with it; so they keep to what that can compile.

May import nothing of ours, and only the standard library: a test of a strategy starts at once.
"""

from wasmverse.pilot.entities import (
    GRID_SIZE,
    HARVESTERS_ENOUGH,
    MOVE_CELLS_MAX,
    NODE,
    PART_MAX,
    SHIELD_FULL,
    SHIP,
    SIGHT,
    UPGRADE_COST,
    Cell,
    Entity,
    Ship,
    System,
)
from wasmverse.pilot.plans import MEMORY_MAX, Direction, Part, Plan, hold, move, move_toward, upgrade
from wasmverse.pilot.view import cells_ahead, column_after, danger_at, distance, nearest, row_after

__all__ = [
    "GRID_SIZE",
    "HARVESTERS_ENOUGH",
    "MEMORY_MAX",
    "MOVE_CELLS_MAX",
    "NODE",
    "PART_MAX",
    "SHIELD_FULL",
    "SHIP",
    "SIGHT",
    "UPGRADE_COST",
    "Cell",
    "Direction",
    "Entity",
    "Part",
    "Plan",
    "Ship",
    "System",
    "cells_ahead",
    "column_after",
    "danger_at",
    "distance",
    "hold",
    "move",
    "move_toward",
    "nearest",
    "row_after",
    "upgrade",
]

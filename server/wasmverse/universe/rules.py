"""The numbers of the rules, by name."""

from __future__ import annotations

GRID_SIDE = 100
CELLS = GRID_SIDE * GRID_SIDE
SIGHT = 16
"""A ship sees what is nearer than this, in cells."""

SHIP = 1
NODE = 2

NEW_ENERGY = 100
NEW_SHIELD = 100
NEW_BLASTERS = 2
NEW_THRUSTERS = 2
NEW_HARVESTERS = 2

ENERGY_MAX = 65_535
SHIELD_MAX = 100
UPGRADE_MAX = 255

COST_HOLD = 1
COST_MOVE = 2
COST_UPGRADE = 50

UPKEEP_PARTS = 100
"""A universe's upkeep is the energy that so many parts (blasters, thrusters, harvesters) cost a turn."""

HOLD, MOVE, UPGRADE = 0, 1, 2
"""The top two bits of a plan's command byte; 3 is invalid."""

UPGRADES = 3
"""Blasters, thrusters, harvesters; a `cc` of 3 is invalid."""

COMMAND_BYTE = 0xFF
COMMAND_SHIFT = 6
DIRECTION_SHIFT, DIRECTION_BITS = 4, 0b11
CELLS_BITS = 0b1111
UPGRADE_BITS = 0b11
"""Where a plan has its command, a move its direction and cells, an upgrade its component; bytes 1 to 7 are the ship's memory."""

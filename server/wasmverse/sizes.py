"""How large a universe can be. Here because the settings' ranges, the file's audit and a new universe all go by it."""

from __future__ import annotations

MAP_SIDE = 500
"""Cells along a side of the map on which systems lie; a system's own grid is ``universe.rules.GRID_SIDE``."""

SYSTEMS_MAX = MAP_SIDE * MAP_SIDE
"""One system to a cell of the map."""

ENTITIES_MAX_PER_SYSTEM = 4096
"""Ships that a system may begin with, and as many energy nodes."""

UPKEEP_MAX = 1_000
"""The most energy that 100 parts may cost a turn (``universe.rules.UPKEEP_PARTS``): a new ship lives two turns of it."""

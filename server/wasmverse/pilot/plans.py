"""Plans: byte 0 is the command, bytes 1 to 7 are the ship's memory, which comes back with the next turn."""

from __future__ import annotations

from enum import IntEnum

from wasmverse.pilot.entities import MOVE_CELLS_MAX, Cell, Entity, Ship

MEMORY_MAX = (1 << 56) - 1
"""The largest number that a ship's memory holds: 7 bytes."""

_MOVE = 0x40
_UPGRADE = 0x80


class Direction(IntEnum):
    """Where a ship may move."""

    NORTH = 0
    EAST = 1
    SOUTH = 2
    WEST = 3


class Part(IntEnum):
    """What a ship may buy one more of."""

    BLASTERS = 0
    THRUSTERS = 1
    HARVESTERS = 2


class Plan(int):
    """What a ship does this turn, as the 64 bits that the universe gets. Compiled code knows it as a number."""

    @property
    def command(self) -> int:
        """Byte 0."""
        return self & 0xFF

    @property
    def memory(self) -> int:
        """What the ship finds as ``memory`` next turn."""
        return self >> 8

    @property
    def is_valid(self) -> bool:
        """Whether a universe takes it; otherwise the call is a fault."""
        command = self.command
        return 0 <= self < 1 << 64 and (command == 0 or command >> 6 == 1 or command in range(0x80, 0x83))

    def __repr__(self) -> str:
        """As ``decode_plan`` shows it in SQL."""
        if not self.is_valid:
            return f"Invalid({int(self):#x})"
        command = self.command
        if command >> 6 == 1:
            told = f"Move({Direction(command >> 4 & 3).name.title()}, {command & 15})"
        elif command:
            told = f"Upgrade({Part(command & 3).name.title()})"
        else:
            told = "Hold()"
        return f"{told} Memory[{self.memory.to_bytes(7, 'little').hex(' ').upper().replace(' ', ', ')}]"

    __str__ = __repr__


def hold(memory: int = 0) -> Plan:
    """Stay in this cell; whoever is alone with a node harvests it."""
    return Plan((memory & MEMORY_MAX) << 8)


def move(direction: int, cells: int, memory: int = 0) -> Plan:
    """Move in a straight line. A ship gets no further than its thrusters, and stops at the edge."""
    moved = min(max(cells, 0), MOVE_CELLS_MAX)
    return Plan((memory & MEMORY_MAX) << 8 | _MOVE | (direction & 3) << 4 | moved)


def upgrade(part: int, memory: int = 0) -> Plan:
    """Add one to a part of the ship."""
    return Plan((memory & MEMORY_MAX) << 8 | _UPGRADE | (part & 3))


def move_toward(ship: Ship, target: Cell | Entity | Ship, memory: int = 0) -> Plan:
    """One move toward a cell or what is in it, the longer way first, never past it; holds in the cell itself."""
    east = target.x - ship.x
    south = target.y - ship.y
    if east == 0 and south == 0:
        return hold(memory)
    if abs(east) >= abs(south):
        return move(Direction.EAST if east > 0 else Direction.WEST, abs(east), memory)
    return move(Direction.SOUTH if south > 0 else Direction.NORTH, abs(south), memory)

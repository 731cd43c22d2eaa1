"""A ship and what it sees, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, overload

SHIP = 1
"""Kind of an entity: another ship."""
NODE = 2
"""Kind of an entity: an energy node."""

GRID_SIZE = 100
"""A solar system is a square of this many cells a side."""
SIGHT = 16
"""A ship sees what is closer than this many cells in a straight line."""
SHIELD_FULL = 100
"""A shield in full repair."""
PART_MAX = 255
"""No part of a ship grows beyond this."""
HARVESTERS_ENOUGH = 100
"""A new node holds this much energy, so more harvesters than this are seldom of use."""
MOVE_CELLS_MAX = 15
"""A plan has four bits for the number of cells, so more thrusters than this move no ship further."""
UPGRADE_COST = 50
"""The energy that one upgrade costs."""


class Cell(NamedTuple):
    """A place in a system: x grows to the east, y to the south, both from 0 to 99."""

    x: int
    y: int


class Ship(NamedTuple):
    """The ship to decide for; ``Ship(50, 50)`` is a new one. All fields are integers.

    x, y : its cell, 0 to 99; x grows to the east, y to the south.
    energy : 1 to 65535.
    shield : 1 to 100.
    blasters, thrusters, harvesters : its parts, 0 to 255 each.
    memory : what its last plan asked to remember, 0 to MEMORY_MAX; 0 for a new ship.
    last_command : byte 0 of its last plan, 0 (hold) for a new ship.
    """

    x: int
    y: int
    energy: int = 100
    shield: int = SHIELD_FULL
    blasters: int = 2
    thrusters: int = 2
    harvesters: int = 2
    memory: int = 0
    last_command: int = 0


class Entity(NamedTuple):
    """Something that a ship sees: ``Entity(NODE, 52, 50)``, ``Entity(SHIP, 52, 50, danger=2)``.

    kind : SHIP or NODE.
    x, y : its cell.
    danger : a ship's blasters; 0 for a node.
    """

    kind: int
    x: int
    y: int
    danger: int = 0


class System(Sequence[Entity]):
    """What a ship sees of its solar system: ships first, oldest first, then nodes. To be walked over, counted and indexed."""

    __slots__ = ("_entities",)

    def __init__(self, entities: Iterable[Entity] = ()) -> None:
        """From entities in any order; ships are put first, as a strategy finds them.

        Raises
        ------
        ValueError : a value is not one that a universe can have.
        """
        self._entities = tuple(sorted(map(_checked, entities), key=lambda entity: entity.kind))

    @classmethod
    def of_bytes(cls, seen: bytes) -> System:
        """From the list that modules get: 4 bytes an entity, which are kind, danger, x and y."""
        return cls(
            Entity(kind, x, y, danger)
            for kind, danger, x, y in zip(seen[0::4], seen[1::4], seen[2::4], seen[3::4], strict=True)
        )

    @classmethod
    def of_universe(cls, seen: bytes) -> System:
        """The same from a universe's own list, which needs no checks: that costs an interpreter much less."""
        system = cls()
        fields = zip(seen[0::4], seen[2::4], seen[3::4], seen[1::4], strict=True)
        system._entities = tuple(map(tuple.__new__, repeat(Entity), fields))  # as Entity(...), all of it in C
        return system

    def __bytes__(self) -> bytes:
        """The same list again."""
        return bytes(byte for it in self._entities for byte in (it.kind, it.danger, it.x, it.y))

    def __iter__(self) -> Iterator[Entity]:
        return iter(self._entities)

    def __len__(self) -> int:
        return len(self._entities)

    @overload
    def __getitem__(self, index: int) -> Entity: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Entity, ...]: ...
    def __getitem__(self, index: int | slice) -> Entity | tuple[Entity, ...]:
        return self._entities[index]

    def __repr__(self) -> str:
        return f"System({list(self._entities)})"


def _checked(entity: Entity) -> Entity:
    entity = Entity(*entity)
    if entity.kind not in (SHIP, NODE):
        raise ValueError(f"{entity} has kind {entity.kind}; an entity is a SHIP ({SHIP}) or a NODE ({NODE})")
    if not (0 <= entity.x < GRID_SIZE and 0 <= entity.y < GRID_SIZE):
        raise ValueError(f"{entity} is outside the grid; x and y go from 0 to {GRID_SIZE - 1}")
    if not 0 <= entity.danger <= (PART_MAX if entity.kind == SHIP else 0):
        raise ValueError(f"{entity} has danger {entity.danger}; a ship's is 0 to {PART_MAX}, a node's is 0")
    return entity

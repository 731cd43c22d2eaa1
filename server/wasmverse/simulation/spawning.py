"""What `spawn_entity` does to a system: a ship or an energy node more, checked as a person gave it."""

from __future__ import annotations

from typing import Any

import numpy as np

from wasmverse.commands import SpawnEntity
from wasmverse.errors import CommandError
from wasmverse.universe import rules
from wasmverse.universe.genesis import new_nodes, new_ships
from wasmverse.universe.outcome import E_SPAWN, NOBODY
from wasmverse.universe.result import EVENT_DTYPES, EventColumns, Events
from wasmverse.universe.state import Columns, State, with_columns


def check_spawn(command: SpawnEntity, systems: int) -> None:
    """Refuse what cannot be spawned in a universe of so many systems.

    Raises
    ------
    CommandError : there is no such system, kind or place, or a ship has no strategy.
    """
    if not 1 <= command.sid <= systems:
        raise CommandError(f"spawn_entity: there is no system {command.sid}; this universe has 1..{systems}")
    if command.kind not in (rules.SHIP, rules.NODE):
        raise CommandError(f"spawn_entity: kind {command.kind} is unknown; 1 is 'Ship', 2 is 'EnergyNode'")
    for name, value in (("x", command.x), ("y", command.y)):
        if not 0 <= value < rules.GRID_SIDE:
            raise CommandError(
                f"spawn_entity: {name} is {value}; a system's grid has 0..{rules.GRID_SIDE - 1}"
            )
    if command.kind == rules.SHIP and command.strategy is None:
        raise CommandError("spawn_entity: a ship needs a strategy: give its name")


def spawned(system: State, command: SpawnEntity, eid: int, strategy_id: int | None) -> State:
    """The ships and nodes of a system with the new entity after them: ``eid`` is higher than any; ``strategy_id`` is a ship's."""
    place = {"sid": command.sid, "eid": eid, "x": command.x, "y": command.y}
    if strategy_id is None:
        return system._replace(nodes=_joined(system.nodes, new_nodes(1), place))
    return system._replace(ships=_joined(system.ships, new_ships(1), {**place, "strategy_id": strategy_id}))


def spawn_event(command: SpawnEntity, eid: int) -> EventColumns:
    """That it was spawned: of a ship with its strategy."""
    is_ship = command.kind == rules.SHIP
    row = (
        command.sid,
        E_SPAWN,
        eid,
        command.x,
        command.y,
        0 if is_ship else NOBODY,
        NOBODY,
        rules.NEW_BLASTERS if is_ship else 0,
    )
    columns: Any = (np.array([value], dtype) for value, dtype in zip(row, EVENT_DTYPES.values(), strict=True))
    return EventColumns(Events._make(columns), [str(command.strategy)] if is_ship else [])


def _joined(columns: Columns, one: Columns, values: dict[str, int]) -> Columns:
    for name, value in values.items():
        getattr(one, name)[0] = value
    pairs: list[Any] = list(zip(columns, one, strict=True))
    return with_columns(columns, map(np.concatenate, pairs))

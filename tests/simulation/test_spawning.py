"""What `spawn_entity` does to a system, from arrays: no store."""

import numpy as np
import pytest

from wasmverse.commands import SpawnEntity
from wasmverse.errors import CommandError
from wasmverse.simulation.spawning import check_spawn, spawn_event, spawned
from wasmverse.universe import rules
from wasmverse.universe.genesis import populate
from wasmverse.universe.outcome import E_SPAWN, NOBODY
from wasmverse.universe.state import State, of_system

SHIPS, NODES, NEXT_EID = populate(3, 4, 2, 3, [7])


def test_a_ship_comes_after_the_others_of_its_system_as_new_as_any() -> None:
    system = of_system(State(SHIPS, NODES), 3)
    after = spawned(system, SpawnEntity(3, rules.SHIP, 5, 99, "mine"), NEXT_EID, 9)
    assert all(np.array_equal(new[:-1], old) for new, old in zip(after.ships, system.ships, strict=True))
    ship = {name: int(column[-1]) for name, column in after.ships._asdict().items()}
    assert ship.items() >= {"sid": 3, "eid": NEXT_EID, "x": 5, "y": 99, "strategy_id": 9}.items()
    newest = {name: int(column[0]) for name, column in SHIPS._asdict().items()}
    traits = ("shield", "blasters", "thrusters", "harvesters", "energy", "last_plan")
    assert [ship[name] for name in traits] == [newest[name] for name in traits]
    assert after.nodes is system.nodes


def test_a_node_comes_after_the_others_of_its_system() -> None:
    system = of_system(State(SHIPS, NODES), 1)
    after = spawned(system, SpawnEntity(1, rules.NODE, 0, 1, None), NEXT_EID, None)
    assert after.ships is system.ships
    assert [int(column[-1]) for column in after.nodes] == [1, NEXT_EID, 0, 1, rules.NEW_ENERGY]
    assert len(after.nodes.eid) == len(system.nodes.eid) + 1


def test_its_event_names_the_strategy_of_a_ship_and_nobody_for_a_node() -> None:
    ship = spawn_event(SpawnEntity(2, rules.SHIP, 5, 6, "mine"), 40)
    assert [column.tolist() for column in ship.columns] == [
        [2],
        [E_SPAWN],
        [40],
        [5],
        [6],
        [0],
        [NOBODY],
        [2],
    ]
    assert ship.names == ["mine"]
    node = spawn_event(SpawnEntity(2, rules.NODE, 5, 6, "mine"), 41)
    assert (node.columns.slot.tolist(), node.names) == ([NOBODY], [])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (SpawnEntity(0, 1, 1, 1, "mine"), "there is no system 0; this universe has 1..4"),
        (SpawnEntity(5, 1, 1, 1, "mine"), "there is no system 5; this universe has 1..4"),
        (SpawnEntity(1, 3, 1, 1, "mine"), "kind 3 is unknown; 1 is 'Ship', 2 is 'EnergyNode'"),
        (SpawnEntity(1, 1, 100, 1, "mine"), "x is 100; a system's grid has 0..99"),
        (SpawnEntity(1, 2, 1, -1, None), "y is -1; a system's grid has 0..99"),
        (SpawnEntity(1, 1, 1, 1, None), "a ship needs a strategy: give its name"),
    ],
)
def test_what_cannot_be_spawned_is_refused_with_the_rule(command: SpawnEntity, message: str) -> None:
    with pytest.raises(CommandError) as error:
        check_spawn(command, 4)
    assert error.value.message == f"spawn_entity: {message}"


def test_the_corners_of_the_grid_and_the_outer_systems_are_allowed() -> None:
    for sid, x, y in ((1, 0, 0), (4, 99, 99)):
        check_spawn(SpawnEntity(sid, rules.NODE, x, y, None), 4)

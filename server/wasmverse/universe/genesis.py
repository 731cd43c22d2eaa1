"""How a universe begins: where its systems are, and what they hold at turn 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wasmverse.sizes import MAP_SIDE
from wasmverse.universe import rules
from wasmverse.universe.randomness import random_cells
from wasmverse.universe.state import Nodes, Ships


def galaxy(seed: int, systems: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """x and y of the systems, shape (systems,), all different: a barred spiral on the 500 x 500 map.

    A sample without replacement, cells weighted by a core and two logarithmic arms (weighted sampling by exponential
    keys: Efraimidis and Spirakis, 2006). No rule of a turn reads the map.
    """
    weight, radius, angle = _spiral()
    keys = np.random.default_rng(seed).exponential(size=len(weight)) / weight
    # Only the smallest keys are sorted: of so many cells that takes a tenth of the time, and gives the same order.
    candidates = np.flatnonzero(keys <= np.partition(keys, systems - 1)[systems - 1])
    chosen = candidates[np.argsort(keys[candidates], kind="stable")][:systems]
    # Systems that are near each other get numbers near each other: a block is a neighbourhood.
    chosen = chosen[np.lexsort((angle[chosen], np.floor(radius[chosen] * 12)))]
    y, x = np.divmod(chosen, MAP_SIDE)
    return x.astype(np.uint16), y.astype(np.uint16)


def _spiral() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of every cell of the map, row by row: its weight, and its distance and direction from the middle."""
    y, x = np.divmod(np.arange(MAP_SIDE * MAP_SIDE), MAP_SIDE)
    across, down = (x - 249.5) / 250, (y - 249.5) / 250
    radius = np.hypot(across, down) + 1e-9
    angle = np.arctan2(down, across)
    arms = np.cos(angle - 3.1 * np.log(radius * 6 + 0.3)) ** 2
    weight = (
        np.exp(-((radius / 0.16) ** 2)) * 2
        + arms**3 * np.exp(-((radius / 0.55) ** 2)) * 1.4
        + 0.012 * (radius < 1)
    )
    return weight + 1e-6, radius, angle


def new_ships(length: int) -> Ships:
    """Ships as they are built; sid, eid, strategy_id, x and y are still to be filled in."""
    ships = Ships.empty(length)
    ships.shield[:] = rules.NEW_SHIELD
    ships.blasters[:] = rules.NEW_BLASTERS
    ships.thrusters[:] = rules.NEW_THRUSTERS
    ships.harvesters[:] = rules.NEW_HARVESTERS
    ships.energy[:] = rules.NEW_ENERGY
    ships.last_plan[:] = 0
    return ships


def new_nodes(length: int) -> Nodes:
    """Energy nodes as they appear; sid, eid, x and y are still to be filled in."""
    nodes = Nodes.empty(length)
    nodes.energy[:] = rules.NEW_ENERGY
    return nodes


def populate(
    seed: int, systems: int, ships_min: int, nodes_min: int, strategy_ids: list[int]
) -> tuple[Ships, Nodes, int]:
    """What every system holds at turn 0, and the next eid; ``populate_systems`` says more."""
    sids = np.arange(1, systems + 1, dtype=np.uint32)
    ships, nodes = populate_systems(seed, sids, ships_min, nodes_min, strategy_ids)
    return ships, nodes, 1 + len(ships.eid) + len(nodes.eid)


def populate_systems(
    seed: int, sids: NDArray[np.uint32], ships_min: int, nodes_min: int, strategy_ids: list[int]
) -> tuple[Ships, Nodes]:
    """What some systems of a universe hold at turn 0, system by system.

    Parameters
    ----------
    sids : shape (S,).
    strategy_ids : of the enabled strategies, sorted by name; ships are dealt to them in rotation. Empty: no ships.
    """
    ships_each = ships_min if strategy_ids else 0
    before = sids.astype(np.int64)[:, None] - 1
    first_eid = 1 + before * (ships_each + nodes_min)

    ships = new_ships(len(sids) * ships_each)
    ships.sid[:] = np.repeat(sids, ships_each)
    ships.eid[:] = (first_eid + np.arange(ships_each)).ravel()
    if ships_each:
        turns = (before * ships_each + np.arange(ships_each)).ravel() % len(strategy_ids)
        ships.strategy_id[:] = np.array(strategy_ids, np.uint16)[turns]
    ships.x[:], ships.y[:] = random_cells(np.uint64(seed), sids, rules.SHIP, ships_each)

    nodes = new_nodes(len(sids) * nodes_min)
    nodes.sid[:] = np.repeat(sids, nodes_min)
    nodes.eid[:] = (first_eid + ships_each + np.arange(nodes_min)).ravel()
    nodes.x[:], nodes.y[:] = random_cells(np.uint64(seed), sids, rules.NODE, nodes_min)
    return ships, nodes

"""Random universes: small, crowded, and with every value near the edges that rules care about."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tests.oracle.oracle import StrategyRow
from tests.universe.guests import chaotic_guest
from wasmverse.strategies.roster import REMOVED, Roster, Strategy
from wasmverse.universe.state import Nodes, Ships
from wasmverse.universe.turn import Laws

SALTS = np.random.default_rng(1).integers(1, 2**31, 16)
"""So many different strategies, each compiled once; to compile one takes longer than a turn."""


BUDGET_FUEL = 20_000
"""What a call may take of strategies that declare nothing; in every other universe some declare more."""


@dataclass
class RandomUniverse:
    """One universe in both forms: for the kernels and for the oracle."""

    laws: Laws
    ships: Ships
    nodes: Nodes
    tid: int
    next_eid: int
    roster: Roster
    rows: list[StrategyRow]
    salts: dict[int, int]


def _pick(rng: np.random.Generator, edges: list[int], top: int, count: int) -> np.ndarray:
    """Half of the values from the edges, half from anywhere."""
    return np.where(rng.random(count) < 0.5, rng.choice(edges, count), rng.integers(0, top + 1, count))


def random_universe(
    seed: int, systems: int | None = None, block_systems: int | None = None
) -> RandomUniverse:
    """The same universe for the same arguments; of one to four systems, unless it is said how many."""
    rng = np.random.default_rng(seed)
    systems = systems or int(rng.integers(1, 5))
    ship_count = int(rng.integers(0, 16 * systems + 1))
    node_count = int(rng.integers(0, 14 * systems + 1))
    laws = Laws(
        seed=int(rng.integers(0, 2**63)),
        systems=systems,
        ships_min=int(rng.integers(0, 14)),
        nodes_min=int(rng.integers(0, 16)),
        block_systems=block_systems or int(rng.integers(1, systems + 1)),
        # By the seed, not by `rng`: what was drawn before there was upkeep is drawn still.
        upkeep=(0, 0, 7, 40, 100, 1_000)[seed % 6],
    )
    strategies = int(rng.choice([0, 1, 2, 3, 4, 5, 5]))
    ids = sorted(rng.choice(np.arange(1, 40), strategies, replace=False).tolist())
    names = rng.permutation([f"pilot_{letter}" for letter in "abcdefgh"])[:strategies].tolist()
    rows = [
        StrategyRow(
            id_,
            name,
            bool(rng.random() < 0.8),
            str(rng.choice(["flying", "flying", "flying", "grounded", "removed"])),
            BUDGET_FUEL * ((1, 1, 3, 7, 50)[(laws.seed + id_) % 5] if laws.seed % 2 else 1),
        )
        for id_, name in zip(ids, names, strict=True)
    ]
    salts = {id_: int(rng.choice(SALTS)) for id_ in ids}
    roster = Roster(
        [
            Strategy(
                row.id, row.name, row.is_enabled, row.status,
                None if row.status == REMOVED else chaotic_guest(salts[row.id], faults=True),
                row.cost if row.cost > BUDGET_FUEL else None,
            )
            for row in rows
        ]
    )  # fmt: skip
    # Cells are few, so that ships meet; some at the edges, where moves stop.
    corner = int(rng.choice([0, 40, 92]))
    spread = int(rng.integers(2, 6))
    eids = 1 + rng.permutation(ship_count + node_count + 20)[: ship_count + node_count]
    ships = Ships.empty(ship_count)
    ships.sid[:] = np.sort(rng.integers(1, systems + 1, ship_count))
    ships.eid[:] = eids[:ship_count]
    known = [*ids, 77] if rng.random() < 0.1 or not ids else ids
    ships.strategy_id[:] = rng.choice(known, ship_count) if ship_count else 0
    ships.x[:] = corner + rng.integers(0, spread, ship_count)
    ships.y[:] = corner + rng.integers(0, spread, ship_count)
    ships.shield[:] = np.minimum(_pick(rng, [0, 1, 2, 5, 99, 100], 100, ship_count), 100)
    ships.blasters[:] = _pick(rng, [0, 1, 2, 254, 255], 60, ship_count)
    ships.thrusters[:] = _pick(rng, [0, 1, 2, 254, 255], 9, ship_count)
    ships.harvesters[:] = _pick(rng, [0, 1, 2, 254, 255], 60, ship_count)
    if rng.random() < 0.5:
        # Equals that stay close: ties of damage, long fights, deaths side by side.
        ships.blasters[:] = rng.integers(1, 3, ship_count)
        ships.thrusters[:] = rng.integers(0, 2, ship_count)
        ships.shield[:] = rng.integers(1, 101, ship_count)
    ships.energy[:] = _pick(rng, [1, 2, 3, 49, 50, 51, 65_500, 65_535], 300, ship_count)
    ships.last_plan[:] = rng.integers(0, 2**64, ship_count, dtype=np.uint64)
    nodes = Nodes.empty(node_count)
    nodes.sid[:] = rng.integers(1, systems + 1, node_count)
    nodes.eid[:] = eids[ship_count:]
    nodes.x[:] = corner + rng.integers(0, spread, node_count)
    nodes.y[:] = corner + rng.integers(0, spread, node_count)
    nodes.energy[:] = _pick(rng, [1, 2, 3, 65_535], 300, node_count)
    return RandomUniverse(
        laws,
        ships,
        nodes,
        int(rng.choice([0, 1, 1000, 2**40])),
        ship_count + node_count + 21,
        roster,
        rows,
        salts,
    )


def as_table(columns: Ships | Nodes) -> pa.Table:
    """Columns as Arrow."""
    return pa.table(columns._asdict())


def in_order(columns: Ships | Nodes) -> pa.Table:
    """Columns as Arrow, sorted by (sid, eid)."""
    return as_table(columns).sort_by([("sid", "ascending"), ("eid", "ascending")])

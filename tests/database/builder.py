"""Small universes in a database, and turns made up for them."""

import numpy as np
import pyarrow as pa

from wasmverse.database.embedded import Database, Transaction
from wasmverse.database.turn_store import StoredState, TurnRecord, create_universe, read_state
from wasmverse.universe.genesis import populate
from wasmverse.universe.state import Nodes, Ships
from wasmverse.universe.turn import EventColumns, Events, Laws, NodeChanges, StrategyTally, TurnResult

LAWS = Laws(seed=5, systems=3, ships_min=4, nodes_min=6, block_systems=2)
RECORD = TurnRecord(slot=1, started_at=1_000_000.25, ended_at=1_000_000.5, late=False)


def fill(database: Database, laws: Laws = LAWS) -> None:
    """Put a universe at turn 0 into an empty database."""
    ships, nodes, next_eid = populate(laws.seed, laws.systems, laws.ships_min, laws.nodes_min, [1, 2])
    with database.transaction() as transaction:
        create_universe(transaction, laws, ships, nodes, next_eid, "test")


def read(transaction: Transaction, laws: Laws = LAWS) -> StoredState:
    return read_state(transaction, laws)


def result_of(
    tid: int, ships: Ships, changes: NodeChanges, *, nodes: int, next_eid: int = 1000, events: int = 0
) -> TurnResult:
    """A turn's result with these ships and nodes, and so many events."""
    rows = np.arange(events)
    columns = Events(
        np.ones(events, np.uint32), np.zeros(events, np.int16), rows, np.full(events, 7, np.uint8),
        np.zeros(events, np.uint8), np.zeros(events, np.int16), np.full(events, -1, np.int16),
    )  # fmt: skip
    names = ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")
    return TurnResult(
        tid=tid,
        next_eid=next_eid,
        ships=ships,
        node_changes=changes,
        nodes=nodes,
        writes=10 * tid,
        kills=1,
        faults=2,
        strategies=[StrategyTally("mine", dict.fromkeys(names, tid), 5, 0.5, None)],
        events=EventColumns(columns, ["mine"]),
        phase_seconds={},
    )


def random_changes(rng: np.random.Generator, before: StoredState, first_eid: int) -> NodeChanges:
    """Some nodes give, some vanish, some appear, anywhere."""
    count = len(before.state.nodes.sid)
    chosen = rng.permutation(count)[: rng.integers(0, count + 1)]
    cut = int(rng.integers(0, len(chosen) + 1))
    added = int(rng.integers(0, 12))
    new = Nodes.empty(added)
    new.sid[:] = np.sort(rng.integers(1, LAWS.systems + 1, added))
    new.eid[:] = first_eid + np.arange(added)
    new.x[:], new.y[:] = rng.integers(0, 100, (2, added))
    new.energy[:] = rng.integers(1, 65_536, added)
    changed = np.sort(chosen[:cut])
    return NodeChanges(
        changed, rng.integers(0, 65_536, len(changed)).astype(np.uint16), np.sort(chosen[cut:]), new
    )


def random_ships(rng: np.random.Generator, count: int) -> Ships:
    """Sorted, anywhere, with any values that the schema can hold."""
    ships = Ships.empty(count)
    ships.sid[:] = np.sort(rng.integers(1, LAWS.systems + 1, count))
    ships.eid[:] = 1_000_000 + np.arange(count)
    for column, top in zip(ships[2:], (65_535, 99, 99, 100, 255, 255, 255, 65_535), strict=False):
        column[:] = rng.integers(0, top + 1, count)
    ships.last_plan[:] = rng.integers(0, 2**64, count, dtype=np.uint64)
    return ships


def in_order(columns: Ships | Nodes) -> pa.Table:
    """Columns as Arrow, by (sid, eid)."""
    return pa.table(columns._asdict()).sort_by([("sid", "ascending"), ("eid", "ascending")])


def nodes_after(nodes: Nodes, changes: NodeChanges) -> Nodes:
    """The nodes that a turn leaves, in any order."""
    energy = nodes.energy.copy()
    energy[changes.changed] = changes.changed_energy
    keep = np.ones(len(energy), bool)
    keep[changes.removed] = False
    columns = zip((*nodes[:-1], energy), changes.added, strict=True)
    return Nodes._make(np.concatenate((column[keep], added)) for column, added in columns)

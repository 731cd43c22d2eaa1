"""Small universes in a database, and turns made up for them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.history import History
from wasmverse.storage.duckdb.position import write_position
from wasmverse.storage.duckdb.state_reader import StateReader
from wasmverse.storage.duckdb.turn_store import create_universe, write_state
from wasmverse.storage.records import TurnRecord, TurnRows
from wasmverse.storage.stored_state import StoredState
from wasmverse.universe.crew import Crew
from wasmverse.universe.genesis import populate
from wasmverse.universe.packed import PackedState, pack_turn
from wasmverse.universe.result import EventColumns, Events, StrategyTally, TurnResult
from wasmverse.universe.state import Nodes, Ships
from wasmverse.universe.turn import Laws

CREW = Crew(2)
LAWS = Laws(seed=5, systems=3, ships_min=4, nodes_min=6, block_systems=2, upkeep=40)
RECORD = TurnRecord(slot=1, started_at=1_000_000.25, ended_at=1_000_000.5, late=False)


def fill(database: Database, laws: Laws = LAWS) -> None:
    """Put a universe at turn 0 into an empty database."""
    ships, nodes, next_eid = populate(laws.seed, laws.systems, laws.ships_min, laws.nodes_min, [1, 2])
    with database.transaction() as transaction:
        create_universe(transaction, laws, ships, nodes, next_eid, "test")


def read(transaction: Transaction, laws: Laws = LAWS) -> StoredState:
    return StateReader(laws.systems, CREW).read(transaction)


def result_of(
    tid: int,
    next_eid: int,
    blocks: list[Ships],
    new_ships: Ships,
    node_energy: NDArray[np.uint16],
    new_nodes: Nodes,
    *,
    events: int = 0,
) -> TurnResult:
    """A turn's result with these ships and nodes, and so many events."""
    rows = np.arange(events)
    columns = Events(
        np.ones(events, np.uint32), np.zeros(events, np.int16), rows, np.full(events, 7, np.uint8),
        np.zeros(events, np.uint8), np.zeros(events, np.int16), np.full(events, -1, np.int16), np.zeros(events, np.uint8),
    )  # fmt: skip
    names = ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")
    return TurnResult(
        tid=tid,
        next_eid=next_eid,
        ships=blocks,
        new_ships=new_ships,
        node_energy=node_energy,
        new_nodes=new_nodes,
        ship_count=sum(len(block.sid) for block in blocks) + len(new_ships.sid),
        node_count=int(np.count_nonzero(node_energy)) + len(new_nodes.sid),
        writes=10 * tid,
        kills=1,
        faults=2,
        strategies=[StrategyTally("mine", dict.fromkeys(names, tid), 5, 0.5, None)],
        events=EventColumns(columns, ["mine"]),
        phase_seconds={},
    )


def random_result(rng: np.random.Generator, tid: int, before: StoredState, *, events: int = 0) -> TurnResult:
    """Ships in two blocks and new ones, any of them; some nodes give, some vanish, some appear: one where a ship died."""
    first = before.next_eid
    ships = random_ships(rng, int(rng.integers(0, 30)), first)
    blocks = [
        Ships._make(column[ships.sid <= LAWS.block_systems] for column in ships),
        Ships._make(column[ships.sid > LAWS.block_systems] for column in ships),
    ]
    energy = before.state.nodes.energy.copy()
    given = rng.random(len(energy)) < rng.random()
    energy[given] = rng.integers(0, 4, np.count_nonzero(given))
    new_ships = random_ships(rng, int(rng.integers(0, 5)), first + 100)
    new = random_nodes(rng, int(rng.integers(0, 12)), first + 200)
    if len(before.state.ships.sid):
        died = rng.integers(0, len(before.state.ships.sid), 1)
        dead = random_nodes(rng, 1, 0)
        dead.sid[:], dead.eid[:] = before.state.ships.sid[died], before.state.ships.eid[died]
        new = Nodes._make(map(np.concatenate, zip(dead, new, strict=True)))
    return result_of(tid, first + 300, blocks, new_ships, energy, new, events=events)


def packed(before: StoredState, result: TurnResult) -> PackedState:
    return pack_turn(
        result.ships,
        result.new_ships,
        before.state.nodes,
        result.node_energy,
        result.new_nodes,
        LAWS.bounds(),
        CREW,
    )


def write(transaction: Transaction, before: StoredState, result: TurnResult) -> PackedState:
    """Write the state of a turn; what was written."""
    after = packed(before, result)
    write_state(transaction, after)
    write_position(transaction, result.tid, result.next_eid)
    return after


def random_nodes(rng: np.random.Generator, count: int, first_eid: int) -> Nodes:
    """In any order, with energy."""
    nodes = Nodes.empty(count)
    nodes.sid[:] = rng.integers(1, LAWS.systems + 1, count)
    nodes.eid[:] = first_eid + rng.permutation(count)
    nodes.x[:], nodes.y[:] = rng.integers(0, 100, (2, count))
    nodes.energy[:] = rng.integers(1, 65_536, count)
    return nodes


def random_ships(rng: np.random.Generator, count: int, first_eid: int) -> Ships:
    """Sorted, anywhere, with any values that the schema can hold."""
    ships = Ships.empty(count)
    ships.sid[:] = np.sort(rng.integers(1, LAWS.systems + 1, count))
    ships.eid[:] = first_eid + np.arange(count)
    for column, top in zip(ships[2:], (65_535, 99, 99, 100, 255, 255, 255, 65_535), strict=False):
        column[:] = rng.integers(0, top + 1, count)
    ships.energy[:] = rng.integers(1, 65_536, count)
    ships.last_plan[:] = rng.integers(0, 2**64, count, dtype=np.uint64)
    return ships


def in_order(columns: Ships | Nodes) -> pa.Table:
    """Columns as Arrow, by (sid, eid)."""
    return pa.table(columns._asdict()).sort_by([("sid", "ascending"), ("eid", "ascending")])


def record_turns(database: Database, history: History, tids: range, *, lates: tuple[int, ...] = ()) -> None:
    """Play made-up turns; those in ``lates`` turn out late only once they are committed."""
    rng = np.random.default_rng(0)
    for tid in tids:
        with database.transaction() as transaction:
            before = read(transaction)
            result = random_result(rng, tid, before, events=2)
            record = replace(RECORD, slot=tid % 7)
            history.append(transaction, result, record, TurnRows.of(result))
        history.correct(result, replace(record, ended_at=record.ended_at + tid, late=tid in lates))

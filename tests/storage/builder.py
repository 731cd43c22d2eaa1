"""Small universes in a database, and turns made up for them."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa

from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import Database, Transaction
from wasmverse.storage.duckdb.history import History, TurnRows
from wasmverse.storage.duckdb.state_reader import StateReader
from wasmverse.storage.duckdb.stored_state import StoredState
from wasmverse.storage.duckdb.turn_store import TurnRecord, create_universe
from wasmverse.universe.genesis import populate
from wasmverse.universe.merge import Column
from wasmverse.universe.result import EventColumns, Events, StrategyTally, TurnResult
from wasmverse.universe.state import Nodes, Ships
from wasmverse.universe.turn import Laws

THREADS = ThreadPoolExecutor(2)
LAWS = Laws(seed=5, systems=3, ships_min=4, nodes_min=6, block_systems=2)
RECORD = TurnRecord(slot=1, started_at=1_000_000.25, ended_at=1_000_000.5, late=False)


def fill(database: Database, laws: Laws = LAWS) -> None:
    """Put a universe at turn 0 into an empty database."""
    ships, nodes, next_eid = populate(laws.seed, laws.systems, laws.ships_min, laws.nodes_min, [1, 2])
    with database.transaction() as transaction:
        create_universe(transaction, laws, ships, nodes, next_eid, "test")


def read(transaction: Transaction, laws: Laws = LAWS) -> StoredState:
    return StateReader(laws.systems, THREADS).read(transaction).state()


def by_hand(statement: str) -> list[str]:
    """What somebody has to do who changes a file by hand; ships and nodes are changed as ``ships`` and ``nodes``, then packed."""
    if not re.search(r"\b(ships|nodes)\b", statement):
        return [statement]
    return [
        "CREATE TEMP TABLE ships AS SELECT * FROM ship",
        "CREATE TEMP TABLE nodes AS SELECT * FROM node",
        statement,
        "DELETE FROM ship_packed",
        f"INSERT INTO ship_packed {schema.pack_ships('ships')}",
        "DELETE FROM node_place",
        "DELETE FROM node_energy",
        "INSERT INTO node_place SELECT sid, eid, x, y FROM nodes",
        f"INSERT INTO node_energy {schema.pack_energies('nodes')}",
        "DROP TABLE ships",
        "DROP TABLE nodes",
    ]


def result_of(
    tid: int, blocks: list[Ships], new_ships: Ships, node_energy: Column, new_nodes: Nodes, *, events: int = 0
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
        next_eid=1000 + tid,
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
    """Ships in two blocks and new ones, all anywhere; some nodes give, some vanish, some appear."""
    ships = random_ships(rng, int(rng.integers(0, 30)), 1_000_000)
    blocks = [
        Ships._make(column[ships.sid <= LAWS.block_systems] for column in ships),
        Ships._make(column[ships.sid > LAWS.block_systems] for column in ships),
    ]
    energy = before.state.nodes.energy.copy()
    given = rng.random(len(energy)) < rng.random()
    energy[given] = rng.integers(0, 4, np.count_nonzero(given))
    new = random_nodes(rng, int(rng.integers(0, 12)), 100 * tid)
    new_ships = random_ships(rng, int(rng.integers(0, 5)), 2_000_000)
    return result_of(tid, blocks, new_ships, energy, new, events=events)


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

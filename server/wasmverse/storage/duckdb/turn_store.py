"""What a turn writes: the state that is to be. `state_reader` reads it back.

Ships change every turn and are written anew, block by block while later blocks are still played. A node's place never
changes, only its energy: so places are one table that is only appended to, and the energies a table of one column, four to a
row in the same order, that is written anew. A node that is gone has energy 0 until the places are written anew, in order,
because too many are gone or out of order (`NodeLayout`). docs/architecture.md has what other layouts cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import APPLICATION, FEW_ROWS_TO_READ, Transaction
from wasmverse.storage.duckdb.packing import PACKED_SHIPS, pack_energies, pack_ships
from wasmverse.storage.duckdb.stored_state import NodeLayout, StoredState
from wasmverse.universe.genesis import galaxy
from wasmverse.universe.result import TurnResult
from wasmverse.universe.state import Nodes, Ships
from wasmverse.universe.turn import Laws

ROW_GROUP_ROWS = 122_880
"""Rows that DuckDB stores together."""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What ``turns`` says of a turn besides its result; times are seconds since 1970."""

    slot: int
    started_at: float
    ended_at: float
    late: bool


def create_universe(
    transaction: Transaction, laws: Laws, ships: Ships, nodes: Nodes, next_eid: int, created_by: str
) -> None:
    """Put a new universe, at turn 0, into an empty database."""
    x, y = galaxy(laws.seed, laws.systems)
    systems = pa.table({"sid": np.arange(1, laws.systems + 1, dtype=np.uint32), "x": x, "y": y})
    transaction.insert_arrow(schema.solar_system, systems)
    transaction.insert_arrow(schema.ship_packed, pa.Table.from_batches([pack_ships(ships)]))
    _insert_places(transaction, nodes)
    _write_energies(transaction, 0, nodes.energy)
    transaction.run(
        schema.universe.insert(),
        application=APPLICATION,
        format_version=schema.FORMAT_VERSION,
        created_by=created_by,
        created_at=datetime.now(UTC).replace(tzinfo=None),
        seed=laws.seed,
        systems=laws.systems,
        ships_min=laws.ships_min,
        nodes_min=laws.nodes_min,
        block_systems=laws.block_systems,
        tid=0,
        next_eid=next_eid,
    )


def read_laws(transaction: Transaction) -> Laws:
    """What the universe was made with."""
    row = transaction.one(sa.select(schema.universe))
    if row is None:
        raise StateError("the database holds no universe yet: make one with `wasmverse serve`")
    return Laws(row.seed, row.systems, row.ships_min, row.nodes_min, row.block_systems)


def write_ships(transaction: Transaction, before: StoredState, blocks: Iterator[Ships]) -> None:
    """Write the ships, in place of those of the turn before, as their blocks come."""
    ships = len(before.state.ships.sid)
    transaction.empty(schema.ship_packed, ships)
    parts = blocks if ships + before.places < FEW_ROWS_TO_READ else _row_groups(blocks)
    batches = pa.RecordBatchReader.from_batches(PACKED_SHIPS, map(pack_ships, parts))
    transaction.insert_arrow(schema.ship_packed, batches)


def add_ship(transaction: Transaction, ship: Ships) -> None:
    """Add one ship to the state that is committed."""
    transaction.insert_arrow(schema.ship_packed, pa.Table.from_batches([pack_ships(ship)]))


def _row_groups(blocks: Iterator[Ships]) -> Iterator[Ships]:
    """The same ships, so many at a time as the database stores together.

    When several threads insert, it copies batches of any other number once more at the commit: 100 ms for a million ships.
    """
    waiting: list[Ships] = []
    rows = 0
    for block in blocks:
        start = 0
        while rows + len(block.sid) - start >= ROW_GROUP_ROWS:
            end = start + ROW_GROUP_ROWS - rows
            yield _join([*waiting, Ships._make(column[start:end] for column in block)])
            waiting, rows, start = [], 0, end
        waiting.append(Ships._make(column[start:] for column in block))
        rows += len(block.sid) - start
    if rows:
        yield _join(waiting)


def _join(parts: list[Ships]) -> Ships:
    return parts[0] if len(parts) == 1 else Ships._make(map(np.concatenate, zip(*parts, strict=True)))


def write_turn(transaction: Transaction, before: StoredState, result: TurnResult, layout: NodeLayout) -> None:
    """Write all but the ships of the state at the end of a turn that was played on ``before``, the state that is committed."""
    if layout.is_anew:
        transaction.empty(schema.node_place, before.places)
        nodes, left = before.state.nodes, result.node_energy != 0
        _insert_places(transaction, Nodes._make(column[left] for column in nodes))
    _insert_places(transaction, result.new_nodes)
    _write_energies(transaction, before.places, layout.energies)
    transaction.run_text("UPDATE universe SET tid = ?, next_eid = ?", (result.tid, result.next_eid))


def add_node(transaction: Transaction, before: StoredState, node: Nodes) -> None:
    """Add one node to the state that is committed."""
    _insert_places(transaction, node)
    energies = before.energies(before.state.nodes.energy, node.energy)
    _write_energies(transaction, before.places, energies)


def _write_energies(transaction: Transaction, places: int, energies: NDArray[np.uint16]) -> None:
    """Write all energies, in stored order, in place of those of ``places`` nodes."""
    transaction.empty(schema.node_energy, places // schema.NODES_A_ROW)
    transaction.insert_arrow(schema.node_energy, pack_energies(energies))


def _insert_places(transaction: Transaction, nodes: Nodes) -> None:
    places = nodes._asdict()
    del places["energy"]
    transaction.insert_arrow(schema.node_place, pa.table(places))

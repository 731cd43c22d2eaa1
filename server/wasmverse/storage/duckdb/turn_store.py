"""What a turn writes: the state that is to be. `state_reader` reads it back.

All systems are rewritten each turn, a row for each (`universe.packed`). docs/architecture.md has what other layouts cost.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.duckdb.database import APPLICATION, Transaction
from wasmverse.storage.duckdb.state_rows import as_rows
from wasmverse.universe.crew import Crew
from wasmverse.universe.genesis import galaxy
from wasmverse.universe.packed import PackedState, pack_state
from wasmverse.universe.state import Nodes, Ships
from wasmverse.universe.turn import Laws


def create_universe(
    transaction: Transaction, laws: Laws, ships: Ships, nodes: Nodes, next_eid: int, created_by: str
) -> None:
    """Put a new universe, at turn 0, into an empty database."""
    x, y = galaxy(laws.seed, laws.systems)
    systems = pa.table({"sid": np.arange(1, laws.systems + 1, dtype=np.uint32), "x": x, "y": y})
    transaction.insert_arrow(schema.solar_system, systems)
    packed = pack_state(ships, nodes, laws.systems, Crew(1))
    transaction.insert_arrow(schema.system_state, as_rows(packed))
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
        upkeep=laws.upkeep,
    )


def read_laws(transaction: Transaction) -> Laws:
    """What the universe was made with."""
    row = transaction.one(sa.select(schema.universe))
    if row is None:
        raise StateError("the database holds no universe yet: make one with `wasmverse serve`")
    return Laws(row.seed, row.systems, row.ships_min, row.nodes_min, row.block_systems, row.upkeep)


def write_state(transaction: Transaction, packed: PackedState) -> pa.Table:
    """Write the state at the end of a turn in place of the one that is committed. The record of the turn says which it is.

    Returns what was written, as rows.
    """
    rows = as_rows(packed)
    # One statement instead of two. That none of its values is NULL is seen when they are read back.
    transaction.run_arrow(f"CREATE OR REPLACE TABLE {schema.system_state.name} AS FROM given", rows)
    return rows


def write_system(transaction: Transaction, sid: int, ships: Ships, nodes: Nodes) -> None:
    """Write the ships and nodes of one system, each sorted by eid, in place of those that are committed."""
    # It is packed as the one system of a universe.
    ships = ships._replace(sid=np.ones(len(ships.sid), np.uint32))
    nodes = nodes._replace(sid=np.ones(len(nodes.sid), np.uint32))
    packed = pack_state(ships, nodes, 1, Crew(1))
    blobs = (packed.ships.data.tobytes(), packed.nodes.data.tobytes())
    transaction.run_text("UPDATE system_state SET ships = ?, nodes = ? WHERE sid = ?", (*blobs, sid))

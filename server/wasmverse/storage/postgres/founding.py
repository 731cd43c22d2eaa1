"""How a universe is put into an empty database: its strategies, what its systems hold at turn 0, and where its blocks lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pyarrow as pa
import sqlalchemy as sa

from wasmverse import __version__
from wasmverse.errors import StateError
from wasmverse.simulation.beginning import Founder
from wasmverse.storage import schema
from wasmverse.storage.founders import settle
from wasmverse.storage.postgres import schema as stored
from wasmverse.storage.postgres.citus import Home, distribute
from wasmverse.storage.postgres.database import APPLICATION, Transaction
from wasmverse.storage.postgres.sessions import RELATION
from wasmverse.storage.postgres.views import ROW_SYSTEMS_MAX
from wasmverse.universe.crew import Crew
from wasmverse.universe.genesis import galaxy
from wasmverse.universe.packed import pack_state
from wasmverse.universe.row_format import HEAD_BYTES, NARROW, NODE_BYTES, SHIP_BYTES
from wasmverse.universe.state import State
from wasmverse.universe.turn import Laws

ROW_BYTES_MAX = 3_500
"""A row is not longer at the beginning: so two versions of it, and what systems grow by, fit into a page of 8 kB."""


class Layout(NamedTuple):
    """How many neighbouring systems are in a row, and how many places share out the blocks."""

    row_systems: int
    places: int

    def place_of(self, block: int, blocks: int) -> int:
        """Where a block lies: the places have as many blocks each, in order."""
        return block * self.places // blocks


def row_systems_of(laws: Laws) -> int:
    """How many systems to put into a row."""
    system = 2 * HEAD_BYTES + laws.ships_min * (SHIP_BYTES + NARROW) + laws.nodes_min * (NODE_BYTES + NARROW)
    return max(1, min(ROW_SYSTEMS_MAX, ROW_BYTES_MAX // system, laws.block_systems))


def found(
    coordinator: Transaction,
    places: Sequence[psycopg.Connection[Any]],
    laws: Laws,
    founders: Sequence[Founder],
    now: float,
) -> None:
    """Put a new universe, at turn 0, into empty databases.

    Parameters
    ----------
    places : sessions of all places in a transaction each; the first is the coordinator's own.
    now : when its strategies were uploaded, seconds since 1970.
    """
    homes_of(coordinator, laws)
    ships, nodes, next_eid = settle(coordinator, laws, founders, now)
    x, y = galaxy(laws.seed, laws.systems)
    systems = pa.table({"sid": np.arange(1, laws.systems + 1, dtype=np.uint32), "x": x, "y": y})
    coordinator.insert_arrow(schema.solar_system, systems)
    made_at = datetime.now(UTC).replace(tzinfo=None)
    write_universe(coordinator, places, laws, State(ships, nodes), 0, next_eid, made_at, __version__)


def write_universe(
    coordinator: Transaction,
    places: Sequence[psycopg.Connection[Any]],
    laws: Laws,
    state: State,
    tid: int,
    next_eid: int,
    made_at: datetime,
    made_by: str,
) -> None:
    """Write the state of a universe at the end of turn ``tid``, and what it is, into databases that have none.

    Parameters
    ----------
    places : as of `found`.
    """
    layout = Layout(row_systems_of(laws), len(places))
    blocks = len(laws.blocks())
    if blocks < len(places):
        raise StateError(
            f"the universe has {blocks} blocks of {laws.block_systems} systems, too few for {len(places)} places: make a larger "
            "one, or give fewer places (--place)"
        )
    coordinator.run(
        stored.universe.insert(),
        application=APPLICATION,
        created_by=made_by,
        created_at=made_at,
        seed=laws.seed,
        systems=laws.systems,
        ships_min=laws.ships_min,
        nodes_min=laws.nodes_min,
        block_systems=laws.block_systems,
        upkeep=laws.upkeep,
        row_systems=layout.row_systems,
        tid=tid,
        next_eid=next_eid,
    )
    coordinator.run(stored.clock.insert(), epoch=0)
    homes = homes_of(coordinator, laws)
    for number, place in enumerate(places):
        mine = [block for block in range(blocks) if layout.place_of(block, blocks) == number]
        with place.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO place (block, relation, tid) VALUES (%s, %s, %s)",
                [(*homes[block], tid) for block in mine],
            )
            with cursor.copy(
                "COPY system_state (block, first_sid, ships, nodes) FROM STDIN (FORMAT BINARY)"
            ) as copy:
                copy.set_types(["int4", "int4", "bytea", "bytea"])
                for block, *row in _rows(state, laws, layout.row_systems, mine):
                    copy.write_row((homes[block].key, *row))


def homes_of(coordinator: Transaction, laws: Laws) -> list[Home]:
    """What the rows of each block have as their block, and where they are; on Citus the tables are distributed for that, while
    they are empty."""
    blocks = len(laws.blocks())
    if coordinator.is_citus:
        return distribute(coordinator, blocks)
    return [Home(block, RELATION) for block in range(blocks)]


def _rows(
    state: State, laws: Laws, row_systems: int, blocks: Sequence[int]
) -> Iterator[tuple[int, int, bytes, bytes]]:
    """The rows of ``system_state`` of these blocks."""
    packed = pack_state(state.ships, state.nodes, laws.systems, Crew(1))
    ships, nodes = (blobs.data.tobytes() for blobs in packed)
    for block in blocks:
        end = min((block + 1) * laws.block_systems, laws.systems)
        for first in range(block * laws.block_systems, end, row_systems):
            last = min(first + row_systems, end)
            of_ships, of_nodes = (
                slice(int(blobs.offsets[first]), int(blobs.offsets[last])) for blobs in packed
            )
            yield block, first + 1, ships[of_ships], nodes[of_nodes]


def read_laws(transaction: Transaction) -> tuple[Laws, int] | None:
    """What the universe was made with, and how many systems are in a row; None where none was put yet."""
    row = transaction.one(sa.select(stored.universe))
    if row is None:
        return None
    laws = Laws(row.seed, row.systems, row.ships_min, row.nodes_min, row.block_systems, row.upkeep)
    return laws, row.row_systems

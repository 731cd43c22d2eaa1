"""How a universe is put into an empty database: its strategies, and what its systems hold at turn 0."""

from __future__ import annotations

from collections.abc import Sequence

from wasmverse import __version__
from wasmverse.simulation.beginning import Founder
from wasmverse.storage.duckdb import turn_store
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.founders import settle
from wasmverse.universe.turn import Laws


def begin(database: Database, laws: Laws, founders: Sequence[Founder], now: float) -> None:
    """Put a new universe, at turn 0, into an empty database; ``now`` is when its strategies were uploaded."""
    with database.transaction() as transaction:
        ships, nodes, next_eid = settle(transaction, laws, founders, now)
        turn_store.create_universe(transaction, laws, ships, nodes, next_eid, __version__)

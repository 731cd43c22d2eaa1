"""How a universe is put into an empty database: its strategies, and what its systems hold at turn 0."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from wasmverse import __version__
from wasmverse.simulation.beginning import Founder
from wasmverse.storage import strategy_store
from wasmverse.storage.duckdb import turn_store
from wasmverse.storage.duckdb.database import Database
from wasmverse.universe.genesis import populate
from wasmverse.universe.turn import Laws


def begin(database: Database, laws: Laws, founders: Sequence[Founder], now: float) -> None:
    """Put a new universe, at turn 0, into an empty database; ``now`` is when its strategies were uploaded."""
    with database.transaction() as transaction:
        for founder in founders:
            strategy_store.store_strategies(
                transaction,
                founder.module,
                {founder.name: founder.export},
                sha256=hashlib.sha256(founder.module).hexdigest(),
                language=founder.language,
                author=founder.author,
                now=now,
                is_enabled=founder.is_enabled,
            )
        ids = [
            row.strategy_id
            for row in sorted(strategy_store.read_strategies(transaction), key=lambda row: row.name)
            if row.is_enabled
        ]
        ships, nodes, next_eid = populate(laws.seed, laws.systems, laws.ships_min, laws.nodes_min, ids)
        turn_store.create_universe(transaction, laws, ships, nodes, next_eid, __version__)

"""The first strategies of a new universe, and what its systems hold at turn 0: the same for every engine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from wasmverse.simulation.beginning import Founder
from wasmverse.storage import strategy_store
from wasmverse.storage.transaction import Transaction
from wasmverse.universe.genesis import populate
from wasmverse.universe.state import Nodes, Ships
from wasmverse.universe.turn import Laws


def settle(
    transaction: Transaction, laws: Laws, founders: Sequence[Founder], now: float
) -> tuple[Ships, Nodes, int]:
    """Store the founders, as uploaded at ``now`` (seconds since 1970); their ships, the nodes, and the first eid that is free."""
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
    rows = sorted(strategy_store.read_strategies(transaction), key=lambda row: row.name)
    ids = [row.strategy_id for row in rows if row.is_enabled]
    return populate(laws.seed, laws.systems, laws.ships_min, laws.nodes_min, ids)

"""Universes that the oracle plays at once are each played as if alone."""

from __future__ import annotations

import pyarrow as pa
import pytest

from .examples import ALPHA, BETA, GAMMA, node, reference_random, ship, universe
from .oracle import NODE, SHIP, Oracles, TurnRecord, Universe, by_universe

UNIVERSES = [
    Universe(3, 2, 15, 25, (ALPHA, BETA), next_eid=100),
    Universe(4, 1, 30, 30, (GAMMA,), next_eid=100),
    Universe(5, 3, 12, 20, (BETA, GAMMA, ALPHA._replace(is_enabled=False)), next_eid=100),
]
"""Seed, systems, minimum of ships and nodes. They share sids, eids, and ids of strategies."""


def crowd(universe: Universe) -> tuple[pa.Table, pa.Table]:
    """Ships and nodes in a few cells, so that they meet; which ones, the seed says."""

    def anywhere(eid: int) -> dict[str, int]:
        dice = reference_random(universe.seed, eid)
        return {"eid": eid, "x": dice % 3, "y": dice // 3 % 3, "sid": 1 + dice // 9 % universe.systems}

    flown = [row.id for row in universe.strategies]
    ships = [
        ship(**anywhere(eid), strategy_id=flown[eid % len(flown)], blasters=eid, shield=1 + eid * 7 % 60)
        for eid in range(1, 20)
    ]
    nodes = [node(**anywhere(eid)) for eid in range(20, 40)]
    return pa.Table.from_pylist(ships, schema=SHIP), pa.Table.from_pylist(nodes, schema=NODE)


def played(universes: list[Universe], turns: int) -> list[tuple[list[TurnRecord], pa.Table, pa.Table]]:
    """Of each universe the records of its turns, its ships and its nodes; plans are random numbers."""
    oracle = Oracles(universes)
    for uid, each in enumerate(universes):
        oracle.load(uid, *crowd(each))
    records = []
    for turn in range(1, turns + 1):
        ships = oracle.ships().to_pylist()
        plans = [reference_random(turn, row["sid"], row["eid"]) for row in ships]
        asked = pa.table(
            {
                "uid": pa.array([row["uid"] for row in ships], pa.int64()),
                "eid": pa.array([row["eid"] for row in ships], pa.int64()),
                "plan": pa.array(plans, pa.uint64()),
                "fault": pa.array([plan % 7 == 0 for plan in plans], pa.bool_()),
            }
        )
        records.append(oracle.play(asked))
    count = len(universes)
    tables = (by_universe(table, count) for table in (oracle.ships(), oracle.nodes()))
    return list(zip(map(list, zip(*records, strict=True)), *tables, strict=True))


def test_universes_at_once_are_played_as_each_alone():
    together = played(UNIVERSES, 6)
    alone = [played([each], 6)[0] for each in UNIVERSES]
    assert together == alone
    kinds = {
        kind for records, *_ in alone for each in records for kind in each.events.column("kind").to_pylist()
    }
    assert kinds >= {"battle", "death", "fault", "spawn"}


def test_an_older_oracle_does_not_read_what_a_newer_one_wrote():
    older = universe()
    universe()
    with pytest.raises(RuntimeError, match="use one after the other"):
        older.ships()

"""Small universes for the oracle, worked by hand: a few ships and nodes, one turn, and what became of them."""

from __future__ import annotations

import pyarrow as pa

from .oracle import NODE, SHIP, Oracle, StrategyRow, TurnRecord

NORTH, EAST, SOUTH, WEST = range(4)
BLASTERS, THRUSTERS, HARVESTERS = range(3)
HOLD = 0
FAULT = None  # in place of a plan: the call trapped, or ran out of fuel
ALPHA = StrategyRow(0, "alpha")
BETA = StrategyRow(1, "beta")
GAMMA = StrategyRow(2, "gamma")
MEMORY = 0x11223344556677_00  # bytes 1 to 7 of a plan


def move(direction: int, cells: int) -> int:
    return 0b01_00_0000 | direction << 4 | cells


def upgrade(component: int) -> int:
    return 0b10_000000 | component


def ship(eid: int, x: int, y: int, **columns: int) -> dict[str, int]:
    new = {"sid": 1, "strategy_id": 0, "energy": 100, "shield": 100, "last_plan": 0}
    return (
        new
        | dict.fromkeys(("blasters", "thrusters", "harvesters"), 2)
        | {"eid": eid, "x": x, "y": y}
        | columns
    )


def node(eid: int, x: int, y: int, **columns: int) -> dict[str, int]:
    return {"sid": 1, "eid": eid, "x": x, "y": y, "energy": 100} | columns


def universe(
    *entities: dict[str, int], strategies: tuple[StrategyRow, ...] = (ALPHA, BETA, GAMMA), **settings: int
):
    """An oracle with these ships and nodes; nothing spawns unless a minimum is given."""
    ships = [entity for entity in entities if "shield" in entity]
    nodes = [entity for entity in entities if "shield" not in entity]
    defaults = {"seed": 42, "systems": 1, "ships_min": 0, "nodes_min": 0, "next_eid": 1000, "tid": 6}
    oracle = Oracle(strategies=strategies, **(defaults | settings))
    oracle.load(pa.Table.from_pylist(ships, schema=SHIP), pa.Table.from_pylist(nodes, schema=NODE))
    return oracle


def play(oracle: Oracle, plans: dict[int, int | None] | None = None) -> TurnRecord:
    """Play one turn with the plans given by eid; all other flying ships hold."""
    flying = {row.id for row in oracle.strategies if row.status == "flying"}
    called = [row["eid"] for row in oracle.ships().to_pylist() if row["strategy_id"] in flying]
    given = dict.fromkeys(called, HOLD) | (plans or {})
    return oracle.play(plan_table(given))


def plan_table(plans: dict[int, int | None]) -> pa.Table:
    return pa.table(
        {
            "eid": pa.array(plans, pa.int64()),
            "plan": pa.array([0 if plan is FAULT else plan for plan in plans.values()], pa.uint64()),
            "fault": pa.array([plan is FAULT for plan in plans.values()], pa.bool_()),
        }
    )


def ships_of(oracle: Oracle) -> dict[int, dict[str, int]]:
    return {row["eid"]: row for row in oracle.ships().to_pylist()}


def nodes_of(oracle: Oracle) -> dict[int, dict[str, int]]:
    return {row["eid"]: row for row in oracle.nodes().to_pylist()}


def strategies_of(record: TurnRecord) -> dict[str, dict[str, int]]:
    return {row["strategy"]: row for row in record.strategies.to_pylist()}


def events_of(record: TurnRecord, kind: str) -> list[tuple]:
    """(eid, x, y, strategy, by_strategy) of the events of one kind, in their order."""
    names = ("eid", "x", "y", "strategy", "by_strategy")
    return [tuple(row[name] for name in names) for row in record.events.to_pylist() if row["kind"] == kind]


def reference_random(*values: int) -> int:
    """The random numbers as docs/rules-detail.md writes them."""
    h = 0
    for value in values:
        z = (h + value + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        h = z ^ (z >> 31)
    return h


def reference_cell(seed: int, turn: int, sid: int, index: int, kind: int) -> tuple[int, int]:
    cell = reference_random(seed, turn, sid, index * 256 + kind) % 10_000
    return cell % 100, cell // 100

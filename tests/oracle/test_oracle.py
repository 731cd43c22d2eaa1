"""The oracle against examples worked by hand: a few ships and nodes, one turn, what the rules make of it."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

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
    flying = {strategy_id for strategy_id, _, _, status in oracle.strategies if status == "flying"}
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


# Random numbers


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


def test_the_reference_is_splitmix64():
    # The first output of SplitMix64 seeded with 0, as published: mix(0x9e3779b97f4a7c15).
    assert reference_random(0) == 0xE220A8397B1DCDAF


@pytest.mark.parametrize("seed", [0, 1, 42, 2**63, 2**64 - 1])
@pytest.mark.parametrize("turn", [0, 1, 10**6, 2**63 - 1])
def test_random_numbers_are_those_of_the_reference(seed: int, turn: int):
    cases = [
        (seed, turn, sid, purpose) for sid in (1, 3, 2**32 - 1) for purpose in (1, 2, 257, 65535 * 256 + 2)
    ]
    oracle = universe()
    assert [oracle.random(*case) for case in cases] == [reference_random(*case) for case in cases]


# The beginning


def test_genesis_gives_every_system_its_ships_then_its_nodes():
    # Two systems of 2 ships and 3 nodes. Enabled by name: alpha (7), gamma (2); beta is not enabled.
    strategies = (StrategyRow(2, "gamma"), StrategyRow(1, "beta", False), StrategyRow(7, "alpha"))
    oracle = Oracle(seed=9, systems=2, ships_min=2, nodes_min=3, strategies=strategies)
    oracle.genesis()
    ships, nodes = oracle.ships().to_pylist(), oracle.nodes().to_pylist()
    # eids 1, 2 ships of system 1; 3, 4, 5 its nodes; 6, 7 ships of system 2; 8, 9, 10 its nodes.
    assert [(row["sid"], row["eid"]) for row in ships] == [(1, 1), (1, 2), (2, 6), (2, 7)]
    assert [(row["sid"], row["eid"]) for row in nodes] == [(1, 3), (1, 4), (1, 5), (2, 8), (2, 9), (2, 10)]
    assert [row["strategy_id"] for row in ships] == [7, 2, 7, 2]
    cells = [reference_cell(9, 0, sid, index, 1) for sid in (1, 2) for index in (0, 1)]
    assert [(row["x"], row["y"]) for row in ships] == cells
    cells = [reference_cell(9, 0, sid, index, 2) for sid in (1, 2) for index in (0, 1, 2)]
    assert [(row["x"], row["y"]) for row in nodes] == cells
    x, y = reference_cell(9, 0, 1, 0, 1)
    assert ships[0] == ship(1, x, y, strategy_id=7)
    x, y = reference_cell(9, 0, 1, 0, 2)
    assert nodes[0] == node(3, x, y)
    assert (oracle.tid, oracle.next_eid) == (0, 11)


def test_the_rotation_of_genesis_goes_on_from_system_to_system():
    oracle = Oracle(seed=9, systems=2, ships_min=3, nodes_min=0, strategies=[ALPHA, BETA])
    oracle.genesis()
    # Six ships in a row to 0, 1, 0, 1, 0, 1: system 2 begins with 1.
    assert oracle.ships().column("strategy_id").to_pylist() == [0, 1, 0, 1, 0, 1]


def test_genesis_without_an_enabled_strategy_has_no_ships():
    oracle = Oracle(
        seed=9, systems=2, ships_min=2, nodes_min=1, strategies=[ALPHA._replace(is_enabled=False)]
    )
    oracle.genesis()
    assert oracle.ships().num_rows == 0
    # With no ships, the two nodes get the first eids.
    assert oracle.nodes().column("eid").to_pylist() == [1, 2]
    assert oracle.next_eid == 3


def test_tables_have_the_types_of_the_schema():
    oracle = universe(ship(1, 0, 0), node(2, 0, 0))
    assert oracle.ships().schema == SHIP
    assert oracle.nodes().schema == NODE
    assert oracle.ships().to_pylist() == [ship(1, 0, 0)]
    assert oracle.nodes().to_pylist() == [node(2, 0, 0)]


# 1. Observe


def test_a_ship_sees_ships_by_eid_then_nodes_by_eid():
    # From (50, 50): ship 9 in the same cell, node 2 beside, ship 5 at (50, 65), 15 cells away.
    oracle = universe(ship(7, 50, 50), ship(9, 50, 50, blasters=255), node(2, 51, 50), ship(5, 50, 65))
    seen = {row["eid"]: list(row["system"]) for row in oracle.observe().to_pylist()}
    assert seen[7] == [1, 2, 50, 65, 1, 255, 50, 50, 2, 0, 51, 50]
    # 5 sees 7 and 9; the node is at dx 1, dy 15: 1 + 225 < 256.
    assert seen[5] == [1, 2, 50, 50, 1, 255, 50, 50, 2, 0, 51, 50]


@pytest.mark.parametrize(
    ("x", "y", "is_seen"),
    [
        (66, 50, False),  # 16 * 16 = 256, not below 256
        (65, 50, True),  # 15 * 15 = 225
        (65, 55, True),  # 225 + 25 = 250
        (35, 45, True),  # the same to the other side
        (65, 56, False),  # 225 + 36 = 261
        (61, 61, True),  # 121 + 121 = 242
        (62, 61, False),  # 144 + 121 = 265
    ],
)
def test_sight_ends_before_distance_16(x: int, y: int, is_seen: bool):
    oracle = universe(ship(1, 50, 50), node(2, x, y))
    assert oracle.observe().column("system").to_pylist() == [bytes([2, 0, x, y]) if is_seen else b""]


def test_a_ship_sees_nothing_of_another_system_and_has_a_row_all_the_same():
    oracle = universe(ship(3, 5, 5, sid=2), ship(9, 5, 5, sid=1), ship(4, 5, 6, sid=1), systems=3)
    # Rows by (sid, eid): 4 and 9 of system 1 see each other, 3 of system 2 sees nothing.
    assert oracle.observe().to_pylist() == [
        {"eid": 4, "system": bytes([1, 2, 5, 5])},
        {"eid": 9, "system": bytes([1, 2, 5, 6])},
        {"eid": 3, "system": b""},
    ]


# 2. Decide


@pytest.mark.parametrize("command", [0b11_000000, 0b11_111111, 0b10_000011, 0b10_111111])
def test_an_invalid_plan_holds_and_keeps_the_memory(command: int):
    # Invalid: top bits 11, or an upgrade of component 3. The ship pays for a hold: 100 - 1.
    oracle = universe(ship(1, 5, 5, last_plan=MEMORY | move(EAST, 2)))
    record = play(oracle, {1: 0xABCDEF_00 | command})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=99, last_plan=MEMORY)
    assert record.faults == 1
    assert events_of(record, "fault") == [(1, 5, 5, "alpha", None)]


def test_a_trap_holds_and_keeps_the_memory_whatever_the_plan():
    oracle = universe(ship(1, 5, 5, last_plan=MEMORY | move(EAST, 2)))
    plans = pa.table({"eid": [1], "plan": pa.array([move(EAST, 1)], pa.uint64()), "fault": [True]})
    record = oracle.play(plans)
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=99, last_plan=MEMORY)
    assert strategies_of(record)["alpha"]["faults"] == 1


@pytest.mark.parametrize("command", [0b00_000000, 0b00_111111])
def test_the_free_bits_of_a_hold_are_stored(command: int):
    oracle = universe(ship(1, 5, 5))
    record = play(oracle, {1: 2**64 - 256 | command})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=99, last_plan=2**64 - 256 | command)
    assert record.faults == 0


def test_the_free_bits_of_an_upgrade_are_ignored():
    # 10 1111 01: thrusters.
    oracle = universe(ship(1, 5, 5))
    play(oracle, {1: 0b10_1111_01})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=50, thrusters=3, last_plan=0b10_1111_01)


def test_ships_of_grounded_removed_and_unknown_strategies_hold_uncalled():
    strategies = (ALPHA._replace(status="grounded"), BETA._replace(status="removed"))
    plan = MEMORY | upgrade(BLASTERS)
    ships = [ship(eid, eid, 5, strategy_id=eid - 1, last_plan=plan) for eid in (1, 2, 3)]
    oracle = universe(*ships, strategies=strategies)
    record = oracle.play(plan_table({}))
    # Each pays 1 for the hold; byte 0 becomes a hold; only the grounded one is a fault.
    expected = [ship(eid, eid, 5, strategy_id=eid - 1, energy=99, last_plan=MEMORY) for eid in (1, 2, 3)]
    assert oracle.ships().to_pylist() == expected
    assert record.faults == 1
    assert events_of(record, "fault") == [(1, 1, 5, "alpha", None)]
    assert (strategies_of(record)["alpha"]["faults"], strategies_of(record)["beta"]["faults"]) == (1, 0)
    assert strategies_of(record)["beta"]["ships"] == 1


def test_a_strategy_that_is_not_enabled_still_flies_its_ships():
    oracle = universe(ship(1, 5, 5), strategies=(ALPHA._replace(is_enabled=False),))
    play(oracle, {1: move(EAST, 1)})
    assert ships_of(oracle)[1]["x"] == 6


def test_the_fault_event_is_the_first_ship_of_each_strategy():
    # By (sid, eid): alpha's first fault is 8 in system 1, not 2 in system 2; beta's is 9.
    ships = [ship(2, 1, 1, sid=2), ship(8, 2, 1), ship(9, 3, 1, strategy_id=1), ship(11, 4, 1), ship(1, 9, 9)]
    oracle = universe(*ships, systems=2)
    record = play(oracle, {2: FAULT, 8: FAULT, 9: FAULT, 11: FAULT})
    assert events_of(record, "fault") == [(8, 2, 1, "alpha", None), (9, 3, 1, "beta", None)]
    assert (record.faults, strategies_of(record)["alpha"]["faults"]) == (4, 3)


def test_plans_must_be_those_of_the_flying_ships():
    oracle = universe(
        ship(1, 5, 5), ship(2, 6, 5, strategy_id=1), strategies=(ALPHA, BETA._replace(status="grounded"))
    )
    for plans in ({}, {1: 0, 2: 0}, {2: 0}, {1: 0, 3: 0}):
        with pytest.raises(ValueError, match=r"the flying ones are \[1\]"):
            oracle.play(plan_table(plans))
    assert oracle.tid == 6


# 3. Apply


@pytest.mark.parametrize(
    ("direction", "x", "y"), [(NORTH, 50, 47), (EAST, 53, 50), (SOUTH, 50, 53), (WEST, 47, 50)]
)
def test_a_move_goes_in_its_direction(direction: int, x: int, y: int):
    oracle = universe(ship(1, 50, 50, thrusters=9))
    play(oracle, {1: move(direction, 3)})
    assert ships_of(oracle)[1] == ship(1, x, y, thrusters=9, energy=98, last_plan=move(direction, 3))


def test_a_move_goes_at_most_as_far_as_the_thrusters():
    oracle = universe(ship(1, 50, 50), ship(2, 50, 60, thrusters=255), ship(3, 50, 70, thrusters=0))
    play(oracle, {1: move(EAST, 15), 2: move(EAST, 15), 3: move(EAST, 15)})
    # 2 thrusters: 2 cells; 255: the 15 that four bits can ask for; none: paid for, and no cell.
    assert [(row["x"], row["energy"]) for row in oracle.ships().to_pylist()] == [(52, 98), (65, 98), (50, 98)]


@pytest.mark.parametrize(
    ("direction", "x", "y", "end"),
    [(NORTH, 7, 1, (7, 0)), (EAST, 98, 7, (99, 7)), (SOUTH, 7, 99, (7, 99)), (WEST, 2, 7, (0, 7))],
)
def test_a_move_stops_at_the_edge(direction: int, x: int, y: int, end: tuple[int, int]):
    oracle = universe(ship(1, x, y, thrusters=5))
    play(oracle, {1: move(direction, 5)})
    row = ships_of(oracle)[1]
    assert ((row["x"], row["y"]), row["energy"]) == (end, 98)


def test_an_upgrade_adds_one_for_50_energy():
    oracle = universe(ship(1, 5, 5, energy=50), ship(2, 6, 5), ship(3, 7, 5), node(4, 5, 5))
    record = play(oracle, {1: upgrade(BLASTERS), 2: upgrade(THRUSTERS), 3: upgrade(HARVESTERS)})
    rows = ships_of(oracle)
    # Ship 1 pays all its 50 energy and lives on the 2 that it takes from the node in its cell.
    assert rows[1] == ship(1, 5, 5, energy=2, blasters=3, last_plan=upgrade(BLASTERS))
    assert rows[2] == ship(2, 6, 5, energy=50, thrusters=3, last_plan=upgrade(THRUSTERS))
    assert rows[3] == ship(3, 7, 5, energy=50, harvesters=3, last_plan=upgrade(HARVESTERS))
    assert strategies_of(record)["alpha"]["upgrades"] == 3


@pytest.mark.parametrize("component", ["blasters", "thrusters", "harvesters"])
def test_an_upgrade_at_255_is_paid_for_and_stays(component: str):
    plan = upgrade(["blasters", "thrusters", "harvesters"].index(component))
    oracle = universe(ship(1, 5, 5, **{component: 255}))
    record = play(oracle, {1: plan})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=50, last_plan=plan) | {component: 255}
    assert strategies_of(record)["alpha"]["upgrades"] == 1


def test_a_ship_that_cannot_pay_loses_one_and_keeps_its_plan():
    # 49 < 50 and 1 < 2; ship 2 is then at 0 and removed. Ship 3 has just enough for its move.
    oracle = universe(
        ship(1, 5, 5, energy=49), ship(2, 8, 5, energy=1), ship(3, 5, 8, energy=2), node(9, 5, 9)
    )
    record = play(oracle, {1: MEMORY | upgrade(THRUSTERS), 2: move(EAST, 1), 3: move(SOUTH, 1)})
    assert ships_of(oracle)[1] == ship(1, 5, 5, energy=48, last_plan=MEMORY | upgrade(THRUSTERS))
    assert strategies_of(record)["alpha"]["upgrades"] == 0
    assert events_of(record, "starve") == [(2, 8, 5, "alpha", None)]
    # At (5, 9) ship 3 has 2 - 2 = 0 energy, and takes 2 from the node there.
    assert (ships_of(oracle)[3]["y"], ships_of(oracle)[3]["energy"]) == (9, 2)


def test_energy_does_not_fall_below_zero():
    # Ship 1 has no energy at all: 0 - 1 saturates at 0, and the node in its cell feeds it.
    oracle = universe(ship(1, 5, 5, energy=0), node(2, 5, 5))
    play(oracle)
    assert ships_of(oracle)[1]["energy"] == 2


# 4. Battle


def test_three_ships_in_a_cell_each_take_what_the_others_have():
    # Blasters 5, 7 and 11: 1 loses 18, 2 loses 16, 3 loses 12. The two of one strategy fight all the same.
    ships = [ship(1, 5, 5, blasters=5), ship(2, 5, 5, blasters=7), ship(3, 5, 5, blasters=11, strategy_id=1)]
    oracle = universe(*ships, ship(4, 5, 6, blasters=200))
    record = play(oracle)
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [82, 84, 88, 100]
    # Ship 3 took 5 + 7 from alpha. Writes: 4 apply, 3 battle.
    battles = [(1, 5, 5, "alpha", "beta"), (2, 5, 5, "alpha", "beta"), (3, 5, 5, "beta", "alpha")]
    assert events_of(record, "battle") == battles
    assert record.writes == 7


def test_a_battle_is_where_the_moves_end():
    # 1 and 2 meet at (6, 5); 3 leaves the cell that it shared with 4, in another system's cell (6, 5) is 5.
    ships = [ship(1, 5, 5), ship(2, 7, 5), ship(3, 20, 20), ship(4, 20, 20), ship(5, 6, 5, sid=2)]
    oracle = universe(*ships, systems=2)
    record = play(oracle, {1: move(EAST, 1), 2: move(WEST, 1), 3: move(NORTH, 1)})
    assert [event[:3] for event in events_of(record, "battle")] == [(1, 6, 5), (2, 6, 5)]
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [98, 98, 100, 100, 100]


def test_a_battle_without_blasters_is_a_write_without_damage():
    oracle = universe(ship(1, 5, 5, blasters=0), ship(2, 5, 5, blasters=0))
    record = play(oracle)
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [100, 100]
    assert record.writes == 4
    assert len(events_of(record, "battle")) == 2


def test_an_upgrade_counts_in_the_battle_of_the_same_turn():
    oracle = universe(ship(1, 5, 5, blasters=2), ship(2, 5, 5, blasters=2))
    play(oracle, {1: upgrade(BLASTERS)})
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [98, 97]


# 5. Death


def test_a_ship_with_shield_zero_becomes_a_node_with_its_energy():
    # Ship 1 loses 255 of its 30 shield; its energy 77 - 1 becomes node 1. Ship 2, alone now, takes 2 of it
    # at once and has its shield 100 - 2 repaired by 1.
    ships = [
        ship(1, 5, 5, shield=30, energy=77, last_plan=MEMORY),
        ship(2, 5, 5, blasters=255, strategy_id=1),
    ]
    oracle = universe(*ships)
    record = play(oracle)
    assert oracle.ships().to_pylist() == [ship(2, 5, 5, strategy_id=1, blasters=255, shield=99, energy=101)]
    assert oracle.nodes().to_pylist() == [node(1, 5, 5, energy=74)]
    assert events_of(record, "death") == [(1, 5, 5, "alpha", "beta")]
    alpha, beta = strategies_of(record)["alpha"], strategies_of(record)["beta"]
    assert (alpha["deaths"], alpha["kills"], beta["deaths"], beta["kills"]) == (1, 0, 0, 1)
    assert (record.kills, record.ships, record.nodes) == (1, 1, 1)
    # Apply 2, battle 2, death 1, harvest 1, repair 1, node 1.
    assert record.writes == 8


def test_equal_damage_credits_the_lower_strategy_id():
    # Ship 9 takes 20 from gamma (id 2) and 12 + 8 from beta (id 1): beta, though gamma's eid is lower.
    ships = [
        ship(1, 5, 5, blasters=20, strategy_id=2),
        ship(2, 5, 5, blasters=12, strategy_id=1),
        ship(3, 5, 5, blasters=8, strategy_id=1),
        ship(9, 5, 5, blasters=0, shield=40),
    ]
    record = play(universe(*ships))
    assert events_of(record, "death") == [(9, 5, 5, "alpha", "beta")]


def test_the_most_damage_wins_the_credit_over_the_lower_id():
    ships = [
        ship(1, 5, 5, blasters=21, strategy_id=2),
        ship(2, 5, 5, blasters=12, strategy_id=1),
        ship(3, 5, 5, blasters=8, strategy_id=1),
        ship(9, 5, 5, blasters=0, shield=1),
    ]
    record = play(universe(*ships))
    assert events_of(record, "death") == [(9, 5, 5, "alpha", "gamma")]


def test_dying_ships_earn_credit():
    # Each deals the other 60 of 50: both die, both are credited, two nodes of 99 lie in the cell.
    oracle = universe(*(ship(eid, 5, 5, blasters=60, shield=50, strategy_id=eid - 1) for eid in (1, 2)))
    record = play(oracle)
    assert events_of(record, "death") == [(1, 5, 5, "alpha", "beta"), (2, 5, 5, "beta", "alpha")]
    assert oracle.nodes().to_pylist() == [node(1, 5, 5, energy=99), node(2, 5, 5, energy=99)]
    assert [strategies_of(record)[name]["kills"] for name in ("alpha", "beta")] == [1, 1]
    # Apply 2, battle 2, death 2; nobody is left to harvest.
    assert record.writes == 6


def test_a_strategy_can_be_credited_with_its_own_ship():
    record = play(universe(ship(1, 5, 5, blasters=10), ship(2, 5, 5, shield=10)))
    assert events_of(record, "death") == [(2, 5, 5, "alpha", "alpha")]
    assert (strategies_of(record)["alpha"]["kills"], strategies_of(record)["alpha"]["deaths"]) == (1, 1)


def test_a_death_out_of_battle_is_credited_to_nobody():
    oracle = universe(ship(1, 5, 5, shield=0))
    record = play(oracle)
    assert oracle.nodes().to_pylist() == [node(1, 5, 5, energy=99)]
    assert events_of(record, "death") == [(1, 5, 5, "alpha", None)]
    assert record.kills == 0


def test_damage_exactly_the_shield_kills():
    oracle = universe(ship(1, 5, 5, shield=2), ship(2, 5, 5, shield=3))
    play(oracle)
    # Both lose 2. Ship 2 has 1 left, then 1 more by repair.
    assert [(row["eid"], row["shield"]) for row in oracle.ships().to_pylist()] == [(2, 2)]


# 6. Harvest


def test_a_lone_ship_takes_from_every_node_in_its_cell():
    # Harvesters 30: 30 of 100, 30 of 30, 7 of 7. Two nodes are empty then, and removed.
    nodes = [
        node(2, 5, 5),
        node(3, 5, 5, energy=30),
        node(4, 5, 5, energy=7),
        node(5, 5, 6),
        node(6, 5, 5, sid=2),
    ]
    oracle = universe(ship(1, 5, 5, harvesters=30), *nodes, systems=2)
    record = play(oracle)
    assert ships_of(oracle)[1]["energy"] == 100 - 1 + 67
    assert {eid: row["energy"] for eid, row in nodes_of(oracle).items()} == {2: 70, 5: 100, 6: 100}
    assert strategies_of(record)["alpha"]["harvested"] == 67
    # Apply 1, harvest 1, nodes 3, removed 2.
    assert record.writes == 7


def test_ships_that_share_a_cell_do_not_harvest():
    oracle = universe(ship(1, 5, 5), ship(2, 5, 5), node(3, 5, 5))
    record = play(oracle)
    assert nodes_of(oracle)[3]["energy"] == 100
    assert [row["energy"] for row in oracle.ships().to_pylist()] == [99, 99]
    assert strategies_of(record)["alpha"]["harvested"] == 0


def test_energy_saturates_at_65535_and_the_node_has_given_all_the_same():
    # 65,530 - 1 + 20 is above the limit by 14; the node gave 20.
    oracle = universe(ship(1, 5, 5, energy=65530, harvesters=20), node(2, 5, 5))
    record = play(oracle)
    assert ships_of(oracle)[1]["energy"] == 65535
    assert nodes_of(oracle)[2]["energy"] == 80
    assert strategies_of(record)["alpha"]["harvested"] == 20


def test_a_ship_without_harvesters_takes_nothing_and_writes_nothing():
    oracle = universe(ship(1, 5, 5, harvesters=0), node(2, 5, 5))
    record = play(oracle)
    assert nodes_of(oracle)[2]["energy"] == 100
    assert record.writes == 1


# 7. Repair


def test_a_lone_ship_repairs_up_to_100():
    oracle = universe(ship(1, 5, 5, shield=98), ship(2, 6, 5, shield=99), ship(3, 7, 5, shield=100))
    record = play(oracle)
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [99, 100, 100]
    # Apply 3, repair 2.
    assert record.writes == 5


def test_ships_that_share_a_cell_do_not_repair():
    oracle = universe(ship(1, 5, 5, shield=50, blasters=0), ship(2, 5, 5, shield=50, blasters=0))
    play(oracle)
    assert [row["shield"] for row in oracle.ships().to_pylist()] == [50, 50]


# 8. Remove


def test_everything_without_energy_disappears():
    # Ship 1 pays its last energy; node 2 was empty; ship 3 dies with nothing left and is a node when removed.
    ships = [
        ship(1, 5, 5, energy=1),
        ship(3, 8, 8, energy=1, shield=1),
        ship(4, 8, 8, blasters=1, strategy_id=1),
    ]
    oracle = universe(*ships, node(2, 50, 50, energy=0), node(5, 51, 50, energy=1))
    record = play(oracle)
    assert list(ships_of(oracle)) == [4]
    assert list(nodes_of(oracle)) == [5]
    assert events_of(record, "starve") == [(1, 5, 5, "alpha", None)]
    assert events_of(record, "death") == [(3, 8, 8, "alpha", "beta")]
    alpha = strategies_of(record)["alpha"]
    # Both of alpha's ships are gone: one starved, one died; the node that it became is no ship.
    assert (alpha["ships"], alpha["deaths"], record.kills) == (0, 2, 1)
    # Apply 3, battle 2, death 1, repair 1 (ship 4: 100 - 2 + 1), removed 3.
    assert record.writes == 10


def test_eids_of_the_removed_are_not_given_again():
    oracle = universe(ship(1, 5, 5, energy=1), ships_min=1, next_eid=2)
    play(oracle)
    assert list(ships_of(oracle)) == [2]
    assert oracle.next_eid == 3


# 9. Spawn


def test_one_ship_and_one_node_spawn_where_the_minimum_is_missed():
    # Turn 7. System 1 lacks 2 ships and gets 1; system 2 has enough; system 3 has nothing.
    ships = [ship(1, 0, 0), ship(2, 1, 0, sid=2), ship(3, 2, 0, sid=2), ship(4, 3, 0, sid=2)]
    nodes = [node(5, 50, 50, sid=1), node(6, 51, 50, sid=2), node(7, 52, 50, sid=2)]
    oracle = universe(*ships, *nodes, systems=3, ships_min=3, nodes_min=2, next_eid=20)
    record = play(oracle)
    # eids: the new ships in sid order, then the new nodes in sid order.
    new_ships = [row for row in oracle.ships().to_pylist() if row["eid"] >= 20]
    new_nodes = [row for row in oracle.nodes().to_pylist() if row["eid"] >= 20]
    cells = [reference_cell(42, 7, sid, 0, 1) for sid in (1, 3)]
    # Alpha has 4 ships, beta and gamma none: first beta, then gamma.
    assert new_ships == [
        ship(20, *cells[0], sid=1, strategy_id=1),
        ship(21, *cells[1], sid=3, strategy_id=2),
    ]
    node_cells = [reference_cell(42, 7, sid, 0, 2) for sid in (1, 3)]
    assert new_nodes == [node(22, *node_cells[0], sid=1), node(23, *node_cells[1], sid=3)]
    # Events in the order of (sid, eid).
    assert events_of(record, "spawn") == [
        (20, *cells[0], "beta", None),
        (22, *node_cells[0], None, None),
        (21, *cells[1], "gamma", None),
        (23, *node_cells[1], None, None),
    ]
    assert [strategies_of(record)[name]["spawned"] for name in ("alpha", "beta", "gamma")] == [0, 1, 1]
    assert (record.tid, record.ships, record.nodes, oracle.next_eid) == (7, 6, 5, 24)
    # Apply 4, spawned 4.
    assert record.writes == 8


def test_new_ships_are_dealt_in_rotation():
    # Five systems without ships, two strategies: the fewest ships first (a tie: by name), then by turns.
    # The names are against the order of the ids, and upper case comes before lower.
    strategies = (StrategyRow(1, "beta"), StrategyRow(2, "Zeta"))
    oracle = universe(systems=5, ships_min=1, strategies=strategies)
    play(oracle)
    assert oracle.ships().column("strategy_id").to_pylist() == [2, 1, 2, 1, 2]


def test_dealing_counts_the_ships_alive_after_removal():
    # Alpha begins with 2 ships and beta with 1, but both of alpha's starve: alpha has the fewest.
    ships = [ship(1, 0, 0, energy=1), ship(2, 1, 0, energy=1), ship(3, 2, 0, strategy_id=1)]
    oracle = universe(*ships, ships_min=2, strategies=(ALPHA, BETA))
    play(oracle)
    assert [(row["eid"], row["strategy_id"]) for row in oracle.ships().to_pylist()] == [(3, 1), (1000, 0)]


def test_only_enabled_flying_strategies_get_ships():
    strategies = (
        StrategyRow(0, "alpha", is_enabled=False),
        StrategyRow(1, "beta", status="grounded"),
        StrategyRow(2, "gamma", status="removed"),
        StrategyRow(3, "delta"),
    )
    oracle = universe(systems=2, ships_min=1, strategies=strategies)
    play(oracle)
    assert oracle.ships().column("strategy_id").to_pylist() == [3, 3]


def test_with_no_strategy_to_deal_to_only_nodes_spawn():
    oracle = universe(systems=2, ships_min=1, nodes_min=1, strategies=(ALPHA._replace(is_enabled=False),))
    record = play(oracle)
    assert oracle.ships().num_rows == 0
    # No eid is kept for the ships that could not spawn.
    assert list(nodes_of(oracle)) == [1000, 1001]
    assert (record.writes, oracle.next_eid) == (2, 1002)


def test_a_node_made_by_a_death_counts_for_the_minimum():
    oracle = universe(ship(1, 5, 5, shield=0), nodes_min=1)
    play(oracle)
    assert list(nodes_of(oracle)) == [1]


def test_a_new_ship_takes_no_part_in_its_first_turn():
    # The new ship's cell holds a node and a ship, and is found from the reference.
    x, y = reference_cell(42, 7, 1, 0, 1)
    oracle = universe(ship(1, x, y, shield=50), node(2, x, y), ships_min=2)
    play(oracle)
    rows = ships_of(oracle)
    assert rows[1000] == ship(1000, x, y, strategy_id=1)
    # Ship 1 was alone when it counted: 99 + 2 energy, shield 51.
    assert (rows[1]["energy"], rows[1]["shield"]) == (101, 51)


# 10. Commit


def test_the_record_of_an_empty_turn():
    oracle = universe()
    record = play(oracle)
    counts = (record.tid, record.writes, record.ships, record.nodes, record.kills, record.faults)
    assert counts == (7, 0, 0, 0, 0, 0)
    assert record.events.num_rows == 0
    zeros = dict.fromkeys(
        ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults"), 0
    )
    expected = [{"tid": 7, "strategy": name} | zeros for name in ("alpha", "beta", "gamma")]
    assert record.strategies.to_pylist() == expected
    assert oracle.tid == 7


def test_events_are_those_of_the_turn_in_canonical_order():
    # Turn 7: ship 1 kills ship 2, ship 3 faults and starves. Turn 8 tells none of it again.
    ships = [
        ship(1, 5, 5, blasters=255),
        ship(2, 5, 5, strategy_id=1),
        ship(3, 9, 9, energy=1, strategy_id=2),
    ]
    oracle = universe(*ships)
    first = play(oracle, {3: FAULT}).events.to_pylist()
    assert [(row["tid"], row["sid"], row["kind"], row["eid"]) for row in first] == [
        (7, 1, "battle", 1),
        (7, 1, "battle", 2),
        (7, 1, "death", 2),
        (7, 1, "fault", 3),
        (7, 1, "starve", 3),
    ]
    assert play(oracle).events.num_rows == 0


def test_the_energy_of_a_strategy_is_the_sum_over_its_ships():
    oracle = universe(ship(1, 0, 0, energy=65535), ship(2, 1, 0, energy=65535), ship(3, 2, 0, strategy_id=1))
    rows = strategies_of(play(oracle))
    assert [(rows[name]["ships"], rows[name]["energy"]) for name in ("alpha", "beta")] == [
        (2, 131068),
        (1, 99),
    ]


def test_a_turn_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    oracle = universe(ship(1, 5, 5))
    with monkeypatch.context() as patched, pytest.raises(duckdb.Error, match="cut short"):
        patched.setattr(oracle, "_turn", [*oracle._turn, "SELECT error('cut short')"])
        play(oracle, {1: move(EAST, 1)})
    assert (oracle.tid, oracle.ships().to_pylist()) == (6, [ship(1, 5, 5)])


def test_many_turns_keep_the_books_balanced():
    """Ships now = ships before + spawned - deaths, whatever the plans; the plans here are random numbers."""
    strategies = (ALPHA, BETA, StrategyRow(2, "gamma", status="grounded"))
    oracle = Oracle(seed=3, systems=3, ships_min=10, nodes_min=15, strategies=strategies)
    oracle.genesis()
    before = dict.fromkeys(("alpha", "beta", "gamma"), 10)
    for turn in range(1, 21):
        called = [row["eid"] for row in oracle.ships().to_pylist() if row["strategy_id"] != 2]
        record = play(oracle, {eid: reference_random(turn, eid) for eid in called})
        for name, row in strategies_of(record).items():
            assert row["ships"] == before[name] + row["spawned"] - row["deaths"]
            before[name] = row["ships"]
        assert (record.ships, record.nodes) == (oracle.ships().num_rows, oracle.nodes().num_rows)


# What is loaded


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([ship(1, 5, 5), node(1, 6, 6)], "eid is given twice"),
        ([ship(1, 5, 5, sid=2)], "in a system that the universe does not have"),
        ([node(1000, 5, 5)], "next_eid is 1000"),
    ],
)
def test_what_cannot_be_a_universe_is_refused(entities: list[dict[str, int]], message: str):
    with pytest.raises(ValueError, match=message):
        universe(*entities)


def test_strategies_are_told_apart_by_id_and_name():
    with pytest.raises(ValueError, match="share an id or a name"):
        universe(strategies=(ALPHA, StrategyRow(0, "other")))


def test_strategies_can_change_between_turns():
    oracle = universe(ship(1, 5, 5))
    oracle.set_strategies([ALPHA._replace(status="grounded")])
    record = oracle.play(plan_table({}))
    assert record.faults == 1

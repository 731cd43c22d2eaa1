"""The oracle against examples worked by hand: harvest, repair, removal and new entities."""

from __future__ import annotations

from .examples import (
    ALPHA,
    BETA,
    events_of,
    node,
    nodes_of,
    play,
    reference_cell,
    ship,
    ships_of,
    strategies_of,
    universe,
)
from .oracle import StrategyRow

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


def test_ships_pay_for_their_parts_and_starve_of_it():
    # At upkeep 10, ship 1 with 6 parts pays nothing, 2 with 19 pays 1, 3 with 20 pays 2, which is all it has after holding, and 4
    # cannot pay what 765 parts cost. Ship 5 dies of 6 and is a node by then, which keeps what its parts would have cost.
    most = dict.fromkeys(("blasters", "thrusters", "harvesters"), 255)
    ships = [
        ship(1, 10, 5),
        ship(2, 20, 5, blasters=15),
        ship(3, 30, 5, harvesters=16, energy=3),
        ship(4, 40, 5, **most, energy=77),
        ship(5, 50, 5, harvesters=90, shield=1),
        ship(6, 50, 5, blasters=3),
    ]
    oracle = universe(*ships, upkeep=10)
    record = play(oracle)
    assert {eid: row["energy"] for eid, row in ships_of(oracle).items()} == {1: 99, 2: 98, 6: 101}
    assert nodes_of(oracle)[5]["energy"] == 97
    assert events_of(record, "starve") == [(3, 30, 5, "alpha", None), (4, 40, 5, "alpha", None)]
    alpha = strategies_of(record)["alpha"]
    assert (alpha["ships"], alpha["deaths"], alpha["energy"], alpha["harvested"]) == (3, 3, 298, 2)
    # Apply 6, battle 2, death 1, harvest 2 (ship and node), repair 1 (ship 6), upkeep 3, removed 2.
    assert record.writes == 17


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


def test_who_declared_three_times_the_fuel_is_dealt_a_third_of_the_ships():
    # Rounds of beta and costly. Costly has fewer than a third of what beta has at a round's end in the first and the fourth.
    strategies = (StrategyRow(1, "beta"), StrategyRow(2, "costly", cost=3))
    oracle = universe(systems=8, ships_min=1, strategies=strategies)
    play(oracle)
    assert oracle.ships().column("strategy_id").to_pylist() == [1, 2, 1, 1, 1, 2, 1, 1]


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

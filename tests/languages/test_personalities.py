"""Each language's strategy does what its README says: asked about single ships, and over a hundred turns with the others."""

from itertools import pairwise

import pytest

from tests.strategies.guest import NODE, SHIP, Ship
from tests.strategies.plans import (
    BLASTERS,
    EAST,
    HARVESTERS,
    NORTH,
    SOUTH,
    THRUSTERS,
    WEST,
    after_move,
    command,
)

EVERYWHERE = {NORTH, EAST, SOUTH, WEST}


def follow(pilot, ship, turns, seen=()):
    """The cells that a ship is in over so many turns, in all of which it sees the same."""
    cells, plan = [(ship.x, ship.y)], ship.last_plan
    for _ in range(turns):
        now = Ship(*cells[-1], thrusters=ship.thrusters, blasters=ship.blasters, last_plan=plan)
        plan = pilot.decide(now, seen)
        cells.append(after_move(now, plan))
    return cells


# ---- C: a miner


@pytest.fixture
def miner(pilot):
    return pilot("c")


def test_the_miner_passes_over_nodes_that_are_taken(miner):
    seen = [(SHIP, 2, 52, 50), (NODE, 0, 52, 50), (NODE, 0, 50, 46)]
    assert command(miner.decide(Ship(), seen)) == ("move", NORTH, 4)
    assert command(miner.decide(Ship(), seen[1:])) == ("move", EAST, 2)


def test_the_miner_stays_on_its_node_unless_somebody_lands_there(miner):
    node, other = (NODE, 0, 50, 50), (NODE, 0, 50, 53)
    assert command(miner.decide(Ship(), [(SHIP, 2, 58, 58), node, other])) == ("hold",)
    assert command(miner.decide(Ship(), [(SHIP, 2, 50, 50), node, other])) == ("move", SOUTH, 3)


def test_the_miner_leaves_the_crowd(miner):
    crowd = [(SHIP, 2, 55, 49), (SHIP, 2, 60, 51), (SHIP, 2, 52, 50)]
    assert command(miner.decide(Ship(), crowd)) == ("move", WEST, 2)


def test_the_miner_buys_what_pays(miner):
    assert command(miner.decide(Ship(energy=150, harvesters=4))) == ("upgrade", HARVESTERS)
    assert command(miner.decide(Ship(energy=150, harvesters=6))) == ("upgrade", THRUSTERS)


def test_the_miner_harvests_more_than_others_do_and_loses_fewer_ships(account):
    miner, others = (
        account["miner"],
        [account[name] for name in ("bully", "coward", "vulture", "beachcomber")],
    )
    assert miner["harvested"] > 1.2 * max(row["harvested"] for row in others)
    assert miner["deaths"] < 0.7 * min(row["deaths"] for row in others)


# ---- C++: a bully


@pytest.fixture
def bully(pilot):
    return pilot("cpp")


def test_the_bully_picks_on_the_weakest(bully):
    seen = [(SHIP, 3, 50, 52), (SHIP, 2, 58, 50), (SHIP, 9, 50, 51), (NODE, 0, 50, 49)]
    assert command(bully.decide(Ship(blasters=6), seen)) == ("move", EAST, 8)


def test_the_bully_flies_to_where_its_victim_will_be(bully):
    plan = bully.decide(Ship(blasters=6, thrusters=9), [(SHIP, 2, 53, 55)])
    assert command(plan) == ("move", SOUTH, 5)
    ship = Ship(y=55, blasters=6, thrusters=9, last_plan=plan)
    assert command(bully.decide(ship, [(SHIP, 2, 56, 55)])) == (
        "move",
        EAST,
        9,
    )  # from 53 to 56, so next at 59
    assert command(bully.decide(ship, [(SHIP, 3, 56, 55)])) == ("move", EAST, 6)  # somebody else


@pytest.mark.parametrize(
    "ship", [Ship(blasters=3), Ship(blasters=9, shield=20), Ship(blasters=9, energy=20)], ids=str
)
def test_the_bully_leaves_the_strong_alone_and_everybody_when_it_is_weak(bully, ship):
    assert command(bully.decide(ship, [(SHIP, 2, 58, 50), (NODE, 0, 50, 49)])) == ("move", NORTH, 1)


def test_the_bully_and_the_ambusher_kill_more_than_all_others_together(account):
    killers = {"bully", "ambusher"}
    crowding = {"my_strategy"}  # sits down where others are, and kills by that
    kills = {name: row["kills"] for name, row in account.items()}
    assert min(kills[name] for name in killers) > 1
    assert sum(kills[name] for name in killers) > sum(
        kills[name] for name in kills.keys() - killers - crowding
    )


# ---- Zig: an ambusher


@pytest.fixture
def ambusher(pilot):
    return pilot("zig")


READY = {"energy": 80, "blasters": 6, "thrusters": 6}


def test_the_ambusher_pounces_on_weak_ships_in_its_reach(ambusher):
    ship, node = Ship(**READY), (NODE, 0, 50, 50)
    assert command(ambusher.decide(ship, [(SHIP, 3, 55, 50), node])) == ("move", EAST, 5)
    for out_of_reach in [(SHIP, 3, 57, 50), (SHIP, 3, 52, 51), (SHIP, 4, 55, 50)]:
        assert command(ambusher.decide(ship, [out_of_reach, node])) == ("hold",)


def test_the_ambusher_stays_on_its_prey_eats_it_and_goes_home(ambusher):
    plan = ambusher.decide(Ship(**READY), [(NODE, 0, 50, 50)])
    assert command(plan) == ("hold",)
    there = Ship(x=55, last_plan=plan, **READY)
    assert command(ambusher.decide(there, [(SHIP, 3, 55, 50), (NODE, 0, 50, 50)])) == ("hold",)
    assert command(ambusher.decide(there, [(NODE, 0, 50, 50), (NODE, 0, 55, 50)])) == ("hold",)
    assert command(ambusher.decide(there, [(NODE, 0, 50, 50), (NODE, 0, 56, 50)])) == ("move", WEST, 5)


def test_the_ambusher_leaves_a_lair_that_is_eaten_empty(ambusher):
    plan = ambusher.decide(Ship(**READY), [(NODE, 0, 50, 50)])
    ship = Ship(last_plan=plan, **READY)
    assert command(ambusher.decide(ship, [(NODE, 0, 50, 53)])) == ("move", SOUTH, 3)


def test_the_ambusher_arms(ambusher):
    assert command(ambusher.decide(Ship(energy=200), [(NODE, 0, 50, 50)])) == ("upgrade", BLASTERS)


# ---- Rust: a coward


@pytest.fixture
def coward(pilot):
    return pilot("rust")


@pytest.mark.parametrize(
    ("threat", "way"), [((53, 50), WEST), ((47, 51), EAST), ((50, 54), NORTH), ((49, 47), SOUTH)]
)
def test_the_coward_runs_from_every_ship_and_runs_on(coward, threat, way):
    plan = coward.decide(Ship(), [(SHIP, 0, *threat), (NODE, 0, 50, 51)])
    assert command(plan) == ("move", way, 2)
    for _ in range(2):
        plan = coward.decide(Ship(last_plan=plan), [(NODE, 0, 50, 51)])
        assert command(plan) == ("move", way, 2)
    assert command(coward.decide(Ship(last_plan=plan), [(NODE, 0, 50, 51)])) == ("move", SOUTH, 1)


def test_the_coward_is_never_cornered(coward):
    for x, y in ((0, 0), (99, 0), (0, 99), (99, 99)):
        chaser = (SHIP, 9, x + (1 if x == 0 else -1), y)
        assert after_move(Ship(x=x, y=y), coward.decide(Ship(x=x, y=y), [chaser])) != (x, y)


def test_the_coward_buys_legs_and_kills_nobody(coward, account):
    assert command(coward.decide(Ship(energy=200), [(NODE, 0, 50, 50)])) == ("upgrade", THRUSTERS)
    assert account["coward"]["kills"] == 0


# ---- Go: a hypochondriac


@pytest.fixture
def hypochondriac(pilot):
    return pilot("go")


@pytest.mark.parametrize(
    ("worry", "way"), [((53, 50), WEST), ((47, 51), EAST), ((50, 54), NORTH), ((49, 47), SOUTH)]
)
def test_the_hypochondriac_runs_when_it_has_a_scratch(hypochondriac, worry, way):
    seen = [(SHIP, 2, *worry), (NODE, 0, 50, 51)]
    assert command(hypochondriac.decide(Ship(shield=89), seen)) == ("move", way, 2)
    assert command(hypochondriac.decide(Ship(shield=90), seen)) == ("move", SOUTH, 1)


def test_the_hypochondriac_stays_in_bed_until_it_is_well(hypochondriac):
    far_off = (SHIP, 2, 50, 60)
    plan = hypochondriac.decide(Ship(shield=80), [far_off])
    assert command(plan) == ("hold",)
    for shield in range(81, 100):
        plan = hypochondriac.decide(
            Ship(shield=shield, energy=200, last_plan=plan), [far_off, (NODE, 0, 50, 59)]
        )
        assert command(plan) == ("hold",)
    well = Ship(shield=100, last_plan=plan)
    assert command(hypochondriac.decide(well, [far_off, (NODE, 0, 50, 59)])) == ("move", SOUTH, 9)


def test_the_hypochondriac_mends_on_a_node_if_one_is_near(hypochondriac):
    assert command(hypochondriac.decide(Ship(shield=80), [(NODE, 0, 54, 50)])) == ("move", EAST, 4)


def test_the_hypochondriac_buys_legs(hypochondriac):
    assert command(hypochondriac.decide(Ship(energy=200))) == ("upgrade", THRUSTERS)
    assert command(hypochondriac.decide(Ship(energy=200, thrusters=3))) == ("upgrade", HARVESTERS)


# ---- D: a surveyor


@pytest.fixture
def surveyor(pilot):
    return pilot("d")


def test_the_surveyor_sees_nearly_all_of_its_system(surveyor):
    cells = follow(surveyor, Ship(thrusters=5), turns=160)
    seen = {
        (x, y)
        for at_x, at_y in cells
        for x in range(max(at_x - 15, 0), min(at_x + 16, 100))
        for y in range(max(at_y - 15, 0), min(at_y + 16, 100))
        if (x - at_x) ** 2 + (y - at_y) ** 2 < 256
    }
    assert len(seen) > 0.9 * 100 * 100


def test_the_surveyor_flies_a_spiral(surveyor):
    cells = follow(surveyor, Ship(thrusters=11), turns=12)
    steps = [(x - from_x, y - from_y) for (from_x, from_y), (x, y) in pairwise(cells)]
    sides = [step for step in steps if step != (0, 0)]
    assert sides[:2] == [sides[0]] * 2  # a side of 22 cells, then another of 22, then two of 44
    assert sides[2:4] == [sides[2]] * 2
    assert sides[4:8] == [sides[4]] * 4 == [(-sides[0][0], -sides[0][1])] * 4


def test_the_surveyor_goes_on_where_it_was(surveyor):
    plan = surveyor.decide(Ship(thrusters=8))
    paused = surveyor.decide(Ship(last_plan=plan), [(NODE, 0, 50, 50)])
    assert command(paused) == ("hold",)
    assert paused >> 8 == plan >> 8


# ---- Nim: a vulture


@pytest.fixture
def vulture(pilot):
    return pilot("nim")


FIGHT = [(SHIP, 2, 60, 50), (SHIP, 3, 60, 50)]


def test_the_vulture_perches_near_a_fight(vulture):
    assert command(vulture.decide(Ship(thrusters=15), [*FIGHT, (NODE, 0, 50, 51)])) == ("move", EAST, 6)
    assert command(vulture.decide(Ship(x=56), [*FIGHT, (NODE, 0, 56, 51)])) == ("hold",)


def test_the_vulture_dives_on_what_is_left(vulture):
    plan = vulture.decide(Ship(x=56), FIGHT)
    assert command(vulture.decide(Ship(x=56, last_plan=plan), [FIGHT[0]])) == (
        "hold",
    )  # the winner is still there
    remains = [(NODE, 0, 56, 51), (NODE, 0, 60, 50)]
    assert command(vulture.decide(Ship(x=56, last_plan=plan), remains)) == ("move", EAST, 4)
    assert command(vulture.decide(Ship(x=56), remains)) == ("move", SOUTH, 1)  # one that saw no fight


def test_the_vulture_loses_patience_and_eats_when_it_is_hungry(vulture):
    meal = (NODE, 0, 56, 51)
    assert command(vulture.decide(Ship(x=56, energy=20), [*FIGHT, meal])) == ("move", SOUTH, 1)
    plan = vulture.decide(Ship(x=56), FIGHT)
    waits = 0
    while command(plan) == ("hold",):
        plan = vulture.decide(Ship(x=56, last_plan=plan), [FIGHT[0], meal])
        waits += 1
        assert waits < 20
    assert command(plan) == ("move", SOUTH, 1)


def test_the_vulture_leaves_its_own_fights(vulture):
    assert command(vulture.decide(Ship(), [(SHIP, 2, 50, 50), (NODE, 0, 50, 50)]))[0] == "move"


# ---- WebAssembly text: a beachcomber


@pytest.fixture
def beachcomber(pilot):
    return pilot("wat")


def is_beach(cell):
    return min(*cell) <= 7 or max(*cell) >= 92


def test_the_beachcomber_walks_round_its_system_on_the_beach(beachcomber):
    cells = follow(beachcomber, Ship(x=30, y=40, thrusters=4), turns=140)
    walk = cells[10:]
    assert all(is_beach(cell) for cell in walk)
    corners = [next(n for n, cell in enumerate(walk) if max(abs(cell[0] - x), abs(cell[1] - y)) <= 7)
               for x, y in ((0, 0), (99, 0), (99, 99), (0, 99))]  # fmt: skip
    assert corners == sorted(corners)  # clockwise, beginning on the west side


def test_the_beachcomber_turns_round_when_it_meets_somebody(beachcomber):
    there = Ship(x=50, y=4, thrusters=4)
    assert command(beachcomber.decide(there)) == ("move", EAST, 4)
    plan = beachcomber.decide(there, [(SHIP, 2, 54, 4)])
    assert command(plan) == ("move", WEST, 4)
    for _ in range(12):  # and keeps to that for a while
        plan = beachcomber.decide(Ship(x=50, y=4, thrusters=4, last_plan=plan), [(SHIP, 2, 47, 4)])
        assert command(plan) == ("move", WEST, 4)
    plan = beachcomber.decide(Ship(x=50, y=4, thrusters=4, last_plan=plan), [(SHIP, 2, 47, 4)])
    assert command(plan) == ("move", EAST, 4)


def test_the_beachcomber_walks_both_ways_round(beachcomber):
    turned = beachcomber.decide(Ship(x=50, y=4), [(SHIP, 2, 54, 4)])
    for x, y, way in ((50, 4, WEST), (4, 50, SOUTH), (50, 96, EAST), (96, 50, NORTH)):
        assert command(beachcomber.decide(Ship(x=x, y=y, last_plan=turned)))[1] == way
    for x, y, way in ((50, 4, EAST), (4, 50, NORTH), (50, 96, WEST), (96, 50, SOUTH)):
        assert command(beachcomber.decide(Ship(x=x, y=y)))[1] == way


def test_the_beachcomber_picks_up_what_lies_near(beachcomber):
    assert command(beachcomber.decide(Ship(x=50, y=4), [(NODE, 0, 50, 11)])) == ("move", SOUTH, 7)
    assert command(beachcomber.decide(Ship(x=50, y=4), [(NODE, 0, 50, 18)])) == ("move", EAST, 2)


# ---- TypeScript: an accountant


@pytest.fixture
def accountant(pilot):
    return pilot("typescript")


def books(travelled, harvested):
    return (travelled | harvested << 16) << 8


def test_the_accountant_writes_off_what_a_rival_is_as_near_to(accountant):
    nodes = [(NODE, 0, 54, 50), (NODE, 0, 50, 45)]
    assert command(accountant.decide(Ship(), nodes)) == ("move", EAST, 4)
    assert command(accountant.decide(Ship(), [(SHIP, 2, 58, 50), *nodes])) == ("move", NORTH, 5)
    rivals = [(SHIP, 2, 58, 50), (SHIP, 2, 50, 41)]
    assert (
        command(accountant.decide(Ship(), [*rivals, *nodes, (NODE, 0, 44, 50)]))[1] == NORTH
    )  # nobody's third


def test_the_accountant_enters_what_it_did(accountant):
    plan = accountant.decide(Ship(last_plan=books(3, 5)), [(NODE, 0, 54, 50)])
    assert plan & ~0xFF == books(4, 5)
    plan = accountant.decide(Ship(last_plan=books(3, 5)), [(NODE, 0, 50, 50)])
    assert (command(plan), plan & ~0xFF) == (("hold",), books(3, 6))
    plan = accountant.decide(Ship(last_plan=books(65_535, 9)), [(NODE, 0, 54, 50)])
    assert plan & ~0xFF == books(32_768, 4)


def test_the_accountant_invests_in_what_its_time_goes_into(accountant):
    assert command(accountant.decide(Ship(energy=150, last_plan=books(6, 5)))) == ("upgrade", THRUSTERS)
    assert command(accountant.decide(Ship(energy=150, last_plan=books(5, 5)))) == ("upgrade", HARVESTERS)

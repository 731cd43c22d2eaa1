"""A block of systems: what its ships see, who leaves, and what appears, for systems of any numbers."""

from typing import Any

import numpy as np
import pytest

from tests.oracle.examples import reference_cell, reference_random
from tests.wasm.builder import limits_of
from wasmverse.errors import StateError
from wasmverse.strategies.roster import Roster, Strategy
from wasmverse.universe.block import Block, BlockResult, Workspace, blocks_of, play_block
from wasmverse.universe.genesis import new_nodes, new_ships, populate, populate_systems
from wasmverse.universe.observe import BlockNodes, Columns, assign_rows, observe_block
from wasmverse.universe.outcome import EVENT_KINDS, Turn
from wasmverse.universe.randomness import random_u64
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, Nodes, Ships, State, offsets_by_system

U64 = np.uint64


def ships_of(*rows: dict[str, int]) -> Ships:
    """New ships, but for these columns."""
    return _filled(new_ships(len(rows)), SHIP_DTYPES, {"strategy_id": 1}, rows)


def nodes_of(*rows: dict[str, int]) -> Nodes:
    """New nodes, but for these columns."""
    return _filled(new_nodes(len(rows)), NODE_DTYPES, {}, rows)


def _filled(
    columns: Any, dtypes: dict[str, Any], usual: dict[str, int], rows: tuple[dict[str, int], ...]
) -> Any:
    for at, row in enumerate(rows):
        for name, value in ({"sid": 7} | usual | row).items():
            assert name in dtypes
            getattr(columns, name)[at] = value
    return columns


def at(eid: int, x: int, y: int, **columns: int) -> dict[str, int]:
    return {"eid": eid, "x": x, "y": y} | columns


# 1. Observe


def seen(ships: Ships, nodes: Nodes, sids: list[int], room: int = 100) -> tuple[int, list[list[int]]]:
    """What is returned, and the bytes that each ship sees; rows are given to the ships from the last to the first."""
    wanted = np.array(sids, np.uint32)
    count = len(ships.eid)
    columns = Columns._make(
        np.zeros(count, kind)
        for kind in ("u1", "u1", "u1", "u2", "u1", "u1", "u1", "u1", "u8", "u4", "u4", "u8")
    )
    lists = np.zeros(room, np.uint32)
    block_nodes = BlockNodes(offsets_by_system(nodes.sid, wanted), nodes.x, nodes.y, nodes.energy.copy())
    row = np.arange(count)[::-1].copy()
    offsets = offsets_by_system(ships.sid, wanted)
    used = observe_block(ships, offsets, block_nodes, row, columns, lists, 4096)
    raw = lists.view(np.uint8)
    starts, lengths = columns.list_address[row] - 4096, columns.list_length[row]
    assert columns.x[row].tolist() == ships.x.tolist()
    assert columns.energy[row].tolist() == ships.energy.tolist()
    return used, [raw[start : start + length].tolist() for start, length in zip(starts, lengths, strict=True)]


def test_ships_come_by_eid_then_nodes_by_eid() -> None:
    ships = ships_of(at(5, 50, 65), at(7, 50, 50), at(9, 50, 50, blasters=255))
    used, found = seen(ships, nodes_of(at(2, 51, 50)), [7])
    assert found[1] == [1, 2, 50, 65, 1, 255, 50, 50, 2, 0, 51, 50]
    assert found[0] == [1, 2, 50, 50, 1, 255, 50, 50, 2, 0, 51, 50]
    assert used == 9


@pytest.mark.parametrize(
    ("x", "y", "is_seen"),
    [
        (66, 50, False), (65, 50, True), (65, 55, True), (35, 45, True), (65, 56, False), (61, 61, True),
        (62, 61, False), (50, 34, False), (50, 35, True), (99, 99, False),
    ],
)  # fmt: skip
def test_sight_ends_before_distance_16(x: int, y: int, is_seen: bool) -> None:
    _used, found = seen(ships_of(at(1, 50, 50)), nodes_of(at(2, x, y)), [7])
    assert found == [[2, 0, x, y] if is_seen else []]


def test_nothing_of_another_system_is_seen() -> None:
    ships = ships_of(at(1, 5, 5, sid=3), at(2, 6, 5, sid=3), at(3, 5, 5, sid=900))
    _used, found = seen(ships, nodes_of(at(4, 5, 6, sid=12)), [3, 12, 900])
    assert found == [[1, 2, 6, 5], [1, 2, 5, 5], []]


def test_more_than_64_entities_are_seen() -> None:
    nodes = nodes_of(*(at(10 + k, 50 + k % 10, 50 + k // 10) for k in range(100)))
    used, (found,) = seen(ships_of(at(1, 50, 50)), nodes, [7], room=101)
    inside = [k for k in range(100) if (k % 10) ** 2 + (k // 10) ** 2 < 256]
    assert used == len(inside)
    assert found == [byte for k in inside for byte in (2, 0, 50 + k % 10, 50 + k // 10)]


def test_lists_that_are_too_short_are_reported() -> None:
    ships = ships_of(at(1, 5, 5), at(2, 5, 5), at(3, 5, 5))
    assert seen(ships, nodes_of(), [7], room=8)[0] == 6
    assert seen(ships, nodes_of(), [7], room=6)[0] == -1


def test_the_ships_of_a_strategy_have_neighbouring_rows() -> None:
    slots = np.array([2, 0, 1])
    row, starts = np.zeros(5, np.int64), np.zeros(4, np.int64)
    assign_rows(np.array([0, 1, 2, 1, 0], np.uint16), slots, row, starts)
    assert (row.tolist(), starts.tolist()) == ([3, 0, 2, 1, 4], [0, 2, 3, 5])


# 8. Remove, 9. Spawn: nobody flies, so that each ship holds


def played(block: Block, ships_min: int = 0, nodes_min: int = 0, tid: int = 12) -> BlockResult:
    roster = Roster([Strategy(1, "alpha", True, "flying", None)])
    return play_block(Workspace(), block, roster, Turn(42, tid, ships_min, nodes_min, True), limits_of())


def block(sids: list[int], ships: Ships, nodes: Nodes) -> Block:
    return Block(np.array(sids, np.uint32), ships, nodes)


def test_everything_without_energy_disappears() -> None:
    ships = ships_of(at(1, 5, 5, energy=1), at(2, 6, 5), at(3, 8, 8, shield=0, energy=1))
    result = played(block([7], ships, nodes_of(at(4, 50, 50, energy=0), at(5, 51, 50, energy=1))))
    outcome = result.outcome
    writes, kept, nodes_left, added, events, *_new = outcome.counts.tolist()
    # Apply 3, death 1, removed: ship 1, node 4, and the node that ship 3 became.
    assert (writes, kept, nodes_left, added, events) == (7, 1, 1, 0, 2)
    assert outcome.ships.eid[:kept].tolist() == [2]
    assert outcome.ships.energy[:kept].tolist() == [99]
    assert result.node_energy.tolist() == [0, 1]
    told = [(EVENT_KINDS[event["kind"]], int(event["eid"])) for event in outcome.events[:events]]
    assert told == [("death", 3), ("starve", 1)]


def test_a_system_gets_one_ship_and_one_node_below_its_minimum() -> None:
    # System 3 has enough ships, 900 enough nodes, 70 nothing.
    ships = ships_of(at(1, 1, 1, sid=3), at(2, 2, 1, sid=3), at(3, 3, 1, sid=900))
    nodes = nodes_of(at(4, 9, 9, sid=3), at(5, 9, 9, sid=900), at(6, 9, 9, sid=900))
    result = played(block([3, 70, 900], ships, nodes), 2, 2)
    counts = result.summary().counts.tolist()
    assert counts[-2:] == [2, 2]
    for found, kind, sids in (
        (result.outcome.new_ships[:2], 1, (70, 900)),
        (result.outcome.new_nodes[:2], 2, (3, 70)),
    ):
        expected = [(sid, *reference_cell(42, 12, sid, 0, kind), 100) for sid in sids]
        assert [tuple(int(row[name]) for name in ("sid", "x", "y", "energy")) for row in found] == expected


def test_what_the_dead_became_counts_for_the_minimum_of_nodes() -> None:
    result = played(block([7], ships_of(at(1, 5, 5, shield=0)), nodes_of()), 0, 1)
    assert result.summary().counts.tolist()[-2:] == [0, 0]
    assert result.outcome.added["eid"][:1].tolist() == [1]


# Systems of any numbers


def test_blocks_are_views_of_their_own_systems() -> None:
    ships = ships_of(at(1, 0, 0, sid=2), at(2, 0, 0, sid=9), at(3, 0, 0, sid=10))
    nodes = nodes_of(at(4, 0, 0, sid=1))
    first, second = blocks_of(
        State(ships, nodes), [np.array([1, 2], np.uint32), np.array([9, 10], np.uint32)]
    )
    assert (first.ships.eid.tolist(), second.ships.eid.tolist()) == ([1], [2, 3])
    assert (first.nodes.eid.tolist(), second.nodes.eid.tolist()) == ([4], [])
    assert second.ships.eid.base is ships.eid.base or second.ships.eid.base is ships.eid


@pytest.mark.parametrize("sid", [1, 8, 20])
def test_a_row_of_another_system_is_refused_by_name(sid: int) -> None:
    with pytest.raises(StateError, match=f"ship 77 has sid {sid}, which is not in this block of sids 7 to 9"):
        played(block([7, 9], ships_of(at(77, 0, 0, sid=sid)), nodes_of()))
    with pytest.raises(StateError, match=f"node 78 has sid {sid}, which is not in this block of sids 7 to 9"):
        played(block([7, 9], ships_of(), nodes_of(at(78, 0, 0, sid=sid))))


def test_random_numbers_are_those_of_the_rules() -> None:
    for numbers in ((0, 0, 1, 1), (2**64 - 1, 2**40, 2**32 - 1, 65_535 * 256 + 2)):
        assert int(random_u64(*map(U64, numbers))) == reference_random(*numbers)


def test_systems_begin_as_they_do_in_the_whole_universe() -> None:
    ships, nodes, next_eid = populate(5, 9, 3, 2, [4, 2])
    some = np.array([2, 3, 7], np.uint32)
    found_ships, found_nodes = populate_systems(5, some, 3, 2, [4, 2])
    for whole, found in ((ships, found_ships), (nodes, found_nodes)):
        here = np.isin(whole.sid, some)
        assert [column[here].tolist() for column in whole] == [column.tolist() for column in found]
    assert next_eid == 1 + 9 * 5
    assert ships.strategy_id[:6].tolist() == [4, 2, 4, 2, 4, 2]

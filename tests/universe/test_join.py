"""The blocks of a turn joined: arrays in the order of the blocks, events in the order in which they are told."""

from typing import Any

import numpy as np

from wasmverse.strategies.calls import Call
from wasmverse.strategies.roster import Roster, Strategy
from wasmverse.universe.deal import Dealt
from wasmverse.universe.faulted import Fault
from wasmverse.universe.finish import BlockAccount, BlockEnd
from wasmverse.universe.genesis import new_nodes, new_ships
from wasmverse.universe.join import join
from wasmverse.universe.outcome import (
    C_ADDED,
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_NODES,
    C_SHIPS,
    C_WRITES,
    COUNTERS,
    T_FAULTS,
    T_KILLS,
    TALLY,
)
from wasmverse.universe.printed import Printed
from wasmverse.universe.result import EVENT_DTYPES, Events
from wasmverse.universe.state import Ships

ROSTER = Roster([Strategy(1, "alpha", True, "flying", None), Strategy(2, "beta", True, "flying", None)])


def numbered(columns: Any, *eids: int) -> Any:
    columns.eid[:] = eids
    return columns


def events(*rows: tuple[int, int]) -> Events:
    """Rows of (eid, slot)."""
    return Events._make(
        np.array(
            [{"eid": eid, "slot": slot}.get(name, 0) for eid, slot in rows], dtype
        )
        for name, dtype in EVENT_DTYPES.items()
    )  # fmt: skip


FAULT = Fault(1, 1, "trapped", "", None, Call(1, 2, 3, 4, 5, 6, 7, 0, b""), 0, 0, 9, 0, b"")


def end(base: int, *faults: tuple[int, int]) -> BlockEnd:
    """A block whose eids begin at ``base``."""
    return BlockEnd(
        ships=numbered(new_ships(2), base, base + 1),
        new_ships=numbered(new_ships(1), base + 2),
        node_energy=np.array([base], np.uint16),
        dead=numbered(new_nodes(1), base + 3),
        new_nodes=numbered(new_nodes(1), base + 4),
        account=BlockAccount(
            seen=events((base, 0), (base + 1, 1)),
            faults=events(*faults),
            ships_spawned=events((base + 2, 0)),
            nodes_spawned=events((base + 4, -1)),
            notable=Ships.empty(0),
            printed={1: Printed([base], [f"line {base}"])} if base == 200 else {},
            inputs={slot: FAULT._replace(eid=eid) for eid, slot in faults},
        ),
    )


def test_the_blocks_of_a_turn_become_one_result() -> None:
    counts = np.zeros(COUNTERS, np.int64)
    counts[[C_SHIPS, C_NEW_SHIPS, C_NODES, C_ADDED, C_NEW_NODES, C_WRITES]] = 40, 2, 60, 5, 3, 999
    tally = np.zeros((3, len(TALLY)), np.int64)
    tally[:, T_KILLS], tally[:, T_FAULTS] = (1, 2, 3), (4, 5, 0)
    dealt = Dealt([], 500, counts, tally, [], np.array([2.0, 4.0, 6.0]))
    result = join([end(100, (100, 1)), end(200, (201, 0))], dealt, ROSTER, 8, 2, 100)

    assert [part.eid.tolist() for part in result.ships] == [[100, 101], [200, 201]]
    assert result.new_ships.eid.tolist() == [102, 202]
    assert result.printed == {"beta": Printed([200], ["line 200"])}
    assert {name: fault.eid for name, fault in result.inputs.items()} == {"alpha": 201, "beta": 100}
    assert result.node_energy.tolist() == [100, 200]
    assert result.new_nodes.eid.tolist() == [103, 203, 104, 204], "the dead, then the spawned"
    # What the blocks saw, the first faults by slot, the new ships, the new nodes.
    told = [100, 101, 200, 201, 201, 100, 102, 202, 104, 204]
    assert result.events.columns.eid.tolist() == told
    assert result.events.names == ["alpha", "beta"]
    assert (result.tid, result.next_eid, result.writes) == (8, 500, 999)
    assert (result.ship_count, result.node_count) == (42, 68)
    assert (result.kills, result.faults) == (6, 9)
    assert result.phase_seconds == {"observe": 1.0, "decide": 2.0, "resolve": 3.0}

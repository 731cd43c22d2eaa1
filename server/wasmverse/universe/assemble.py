"""The blocks of a turn put together: new ships are dealt, new eids given, counts summed, events collected."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wasmverse.strategies.roster import Roster
from wasmverse.universe import rules
from wasmverse.universe.block import BlockResult
from wasmverse.universe.genesis import new_ships
from wasmverse.universe.outcome import (
    C_ADDED,
    C_EVENTS,
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_NODES,
    C_SHIPS,
    C_WRITES,
    E_FAULT,
    E_SPAWN,
    NOBODY,
    T_ENERGY,
    T_FAULTS,
    T_KILLS,
    T_SHIPS,
    T_SPAWNED,
    TALLY,
    Records,
)  # fmt: skip
from wasmverse.universe.result import EventColumns, Events, StrategyTally, TurnResult
from wasmverse.universe.state import NODE_DTYPES, Nodes, Ships, State


def living_ships(block: BlockResult) -> Ships:
    """The ships of a block that live on, in order; views."""
    end = block.outcome.counts[C_SHIPS]
    return Ships._make(column[:end] for column in block.outcome.ships)


def assemble(
    blocks: list[BlockResult], state: State, roster: Roster, tid: int, next_eid: int, threads: int
) -> TurnResult:
    """Join the blocks in order, deal the new ships and give the new eids."""
    outcomes = [block.outcome for block in blocks]
    counts = np.array([outcome.counts for outcome in outcomes])
    tally = np.sum([outcome.tally for outcome in outcomes], axis=0)
    tally_of_new, new_ships = _deal(
        np.concatenate([o.new_ships[:end] for o, end in zip(outcomes, counts[:, C_NEW_SHIPS], strict=True)]),
        roster.dealing_order(tally[:, T_SHIPS]),
        roster,
        next_eid,
    )
    tally += tally_of_new
    next_eid += len(new_ships.sid)
    spawned = _join_nodes(
        [o.new_nodes[:end] for o, end in zip(outcomes, counts[:, C_NEW_NODES], strict=True)]
    )
    spawned.eid[:] = next_eid + np.arange(len(spawned.eid))
    next_eid += len(spawned.eid)
    dead = _join_nodes([o.added[:end] for o, end in zip(outcomes, counts[:, C_ADDED], strict=True)])
    columns: list[Any] = list(zip(dead, spawned, strict=True))
    new_nodes = Nodes._make(np.concatenate(column) for column in columns)

    events = _events(blocks, counts, state, roster, new_ships, spawned)
    phases = np.sum([block.phase_seconds for block in blocks], axis=0) / min(threads, len(blocks))
    fuel = np.sum([block.fuel for block in blocks], axis=0)
    seconds = np.sum([block.seconds for block in blocks], axis=0)
    made = np.sum([block.made_seconds for block in blocks], axis=0)
    longest = np.max([block.seconds for block in blocks], axis=0)
    strategies = []
    for slot, strategy in enumerate(roster.strategies):
        reason = next((block.reasons[slot] for block in blocks if slot in block.reasons), None)
        faults = int(tally[slot, T_FAULTS])
        if faults and reason is None:
            reason = "grounded" if strategy.status == "grounded" else "returned an invalid plan"
        row = dict(zip(TALLY, map(int, tally[slot]), strict=True))
        strategies.append(
            StrategyTally(
                strategy.name,
                row,
                int(fuel[slot]),
                float(seconds[slot]),
                reason,
                made_seconds=float(made[slot]),
                longest_seconds=float(longest[slot]),
            )
        )
    return TurnResult(
        tid=tid,
        next_eid=next_eid,
        ships=[living_ships(block) for block in blocks],
        new_ships=new_ships,
        node_energy=np.concatenate([block.node_energy for block in blocks]),
        new_nodes=new_nodes,
        ship_count=int(counts[:, C_SHIPS].sum()) + len(new_ships.sid),
        node_count=int(counts[:, C_NODES].sum()) + len(new_nodes.sid),
        writes=int(counts[:, C_WRITES].sum()),
        kills=int(tally[:, T_KILLS].sum()),
        faults=int(tally[:, T_FAULTS].sum()),
        strategies=strategies,
        events=events,
        phase_seconds=dict(zip(("observe", "decide", "resolve"), map(float, phases), strict=True)),
    )


def _join_nodes(parts: list[Records]) -> Nodes:
    """NODE_RECORD rows of all parts, one behind the other, as columns."""
    rows = np.concatenate(parts)
    return Nodes._make((rows[name].astype(dtype) for name, dtype in NODE_DTYPES.items()))


def _deal(cells: Records, order: list[int], roster: Roster, next_eid: int) -> tuple[NDArray[np.int64], Ships]:
    """Give the new ships, NODE_RECORD rows by sid, to the strategies in turn; what that adds to the tally, and the ships.

    order : slots, as ``Roster.dealing_order`` has them.
    """
    count = len(cells)
    ships = new_ships(count)
    tally = np.zeros((roster.slots, len(TALLY)), np.int64)
    ships.sid[:], ships.x[:], ships.y[:] = cells["sid"], cells["x"], cells["y"]
    ships.eid[:] = next_eid + np.arange(count)
    if count:
        dealt = np.resize(np.array(order), count)
        ships.strategy_id[:] = np.array([s.strategy_id for s in roster.strategies], np.uint16)[dealt]
        spawned = np.bincount(dealt, minlength=roster.slots)
        tally[:, T_SPAWNED] = tally[:, T_SHIPS] = spawned
        tally[:, T_ENERGY] = spawned * rules.NEW_ENERGY
    return tally, ships


def _events(
    blocks: list[BlockResult],
    counts: NDArray[np.int64],
    state: State,
    roster: Roster,
    new_ships: Ships,
    new_nodes: Nodes,
) -> EventColumns:
    """All events of the turn, names for numbers: what the blocks saw, the first faults, the spawns."""
    ends = counts[:, C_EVENTS]
    rows_seen = np.concatenate([block.outcome.events[:end] for block, end in zip(blocks, ends, strict=True)])
    fields = ("sid", "kind", "eid", "x", "y", "slot", "by_slot")
    parts = [Events._make(rows_seen[name] for name in fields)]
    firsts = [block.outcome.first_fault for block in blocks]
    first_fault = [next((f[slot] for f in firsts if f[slot] >= 0), -1) for slot in range(roster.slots)]
    faulted = [slot for slot, row in enumerate(first_fault) if row >= 0]
    rows = np.array([first_fault[slot] for slot in faulted], np.int64)
    before = state.ships
    parts.append(
        _same_events(
            before.sid[rows],
            E_FAULT,
            before.eid[rows],
            before.x[rows],
            before.y[rows],
            np.array(faulted),
        )
    )
    slots = roster.slot_of[new_ships.strategy_id]
    parts.append(_same_events(new_ships.sid, E_SPAWN, new_ships.eid, new_ships.x, new_ships.y, slots))
    nobody = np.full(len(new_nodes.sid), NOBODY)
    parts.append(_same_events(new_nodes.sid, E_SPAWN, new_nodes.eid, new_nodes.x, new_nodes.y, nobody))
    dtypes = (np.uint32, np.int16, np.int64, np.uint8, np.uint8, np.int16, np.int16)
    columns = [
        np.concatenate(c).astype(dtype) for c, dtype in zip(zip(*parts, strict=True), dtypes, strict=True)
    ]
    for slot_column in (columns[5], columns[6]):
        slot_column[slot_column == roster.slots - 1] = NOBODY  # the unknown has no name
    return EventColumns(Events(*columns), [strategy.name for strategy in roster.strategies])


def _same_events(
    sid: NDArray[np.uint32],
    kind: int,
    eid: NDArray[np.int64],
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    slot: NDArray[np.int64],
) -> Events:
    """Events of one kind that nobody is credited with."""
    length = len(sid)
    return Events(
        sid,
        np.full(length, kind, np.int16),
        eid,
        x,
        y,
        slot.astype(np.int16),
        np.full(length, NOBODY, np.int16),
    )

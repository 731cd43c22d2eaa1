"""One turn of the whole universe: blocks on all cores, then the little that needs them all together."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe import rules
from wasmverse.universe.block import BlockResult, Offsets, Workspace, play_block
from wasmverse.universe.outcome import (
    C_ADDED,
    C_CHANGED,
    C_EVENTS,
    C_NEW_NODES,
    C_NEW_SHIPS,
    C_REMOVED,
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
    Outcome,
    Records,
    Turn,
)
from wasmverse.universe.state import NODE_DTYPES, Nodes, Ships, State, offsets_by_system
from wasmverse.universe.strategies import Roster
from wasmverse.wasm.guest import Limits


@dataclass(frozen=True, slots=True)
class Laws:
    """What a universe was made with and every turn obeys."""

    seed: int
    systems: int
    ships_min: int
    nodes_min: int
    block_systems: int


@dataclass(frozen=True, slots=True)
class NodeChanges:
    """What a turn did to the nodes, as rows of the state it was played on.

    changed : shape (C,), ascending, with the energy they have left; removed : shape (R,), ascending
    added : new nodes sorted by (sid, eid)
    """

    changed: NDArray[np.int64]
    changed_energy: NDArray[np.uint16]
    removed: NDArray[np.int64]
    added: Nodes


@dataclass(frozen=True, slots=True)
class StrategyTally:
    """One strategy's turn: the columns of ``strategy_turn``, and why its first fault happened."""

    name: str
    counts: dict[str, int]
    fuel: int
    seconds: float
    reason: str | None


class Events(NamedTuple):
    """Columns of E events, shape (E,) each. kind indexes ``outcome.EVENT_KINDS``; slots are a Roster's, -1 for nobody."""

    sid: NDArray[np.uint32]
    kind: NDArray[np.int16]
    eid: NDArray[np.int64]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    slot: NDArray[np.int16]
    by_slot: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events of a turn; slots index ``names``."""

    columns: Events
    names: list[str]


@dataclass(frozen=True, slots=True)
class TurnResult:
    """The end of a turn: all ships, what became of the nodes, and the record of it."""

    tid: int
    next_eid: int
    ships: Ships
    node_changes: NodeChanges
    nodes: int
    writes: int
    kills: int
    faults: int
    strategies: list[StrategyTally]
    events: EventColumns
    phase_seconds: dict[str, float]


class TurnPlayer:
    """Plays turns on a fixed number of threads. The result depends on its arguments alone, never on the threads."""

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self.threads, "turn")
        self._local = threading.local()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def play(
        self, state: State, laws: Laws, roster: Roster, limits: Limits, *, tid: int, next_eid: int
    ) -> TurnResult:
        """Play turn ``tid`` on the state of the turn before, which is not modified."""
        nodes_end = len(state.nodes.sid)
        offsets = Offsets(
            offsets_by_system(state.ships.sid, 0, len(state.ships.sid), laws.systems),
            offsets_by_system(state.nodes.sid, 0, state.nodes_sorted, laws.systems),
            offsets_by_system(state.nodes.sid, state.nodes_sorted, nodes_end, laws.systems),
        )
        deal = any(strategy.is_dealt for strategy in roster.strategies)
        turn = Turn(laws.seed, tid, laws.ships_min, laws.nodes_min, deal)

        def play_at(first: int) -> BlockResult:
            workspace = getattr(self._local, "workspace", None)
            if workspace is None:
                workspace = self._local.workspace = Workspace()
            last = min(first + laws.block_systems, laws.systems)
            return play_block(workspace, state, offsets, roster, turn, limits, first, last)

        blocks = list(self._pool.map(play_at, range(0, laws.systems, laws.block_systems)))
        return _assemble(blocks, state, roster, tid, next_eid, self.threads)


def _assemble(
    blocks: list[BlockResult], state: State, roster: Roster, tid: int, next_eid: int, threads: int
) -> TurnResult:
    """Join the blocks in order, deal the new ships and give the new eids."""
    outcomes = [block.outcome for block in blocks]
    counts = np.array([outcome.counts for outcome in outcomes])
    tally = np.sum([outcome.tally for outcome in outcomes], axis=0)
    ends = counts[:, C_SHIPS]
    ships = Ships._make(
        np.concatenate([column[:end] for column, end in zip(columns, ends, strict=True)])
        for columns in zip(*(outcome.ships for outcome in outcomes), strict=True)
    )
    ship_starts = np.concatenate(([0], np.cumsum(ends)[:-1]))
    new_ships = np.concatenate(
        [
            outcome.new_ships[: count[C_NEW_SHIPS]] + start
            for outcome, count, start in zip(outcomes, counts, ship_starts, strict=True)
        ]
    )
    order = roster.dealing_order(tally[:, T_SHIPS])
    ships.eid[new_ships] = next_eid + np.arange(len(new_ships))
    if len(new_ships):
        dealt = np.resize(np.array(order), len(new_ships))
        ships.strategy_id[new_ships] = np.array([s.strategy_id for s in roster.strategies], np.uint16)[dealt]
        spawned = np.bincount(dealt, minlength=roster.slots)
        tally[:, T_SPAWNED] += spawned
        tally[:, T_SHIPS] += spawned
        tally[:, T_ENERGY] += spawned * rules.NEW_ENERGY
    next_eid += len(new_ships)

    new_nodes = _join_nodes(
        [o.new_nodes[: count[C_NEW_NODES]] for o, count in zip(outcomes, counts, strict=True)]
    )
    new_nodes.eid[:] = next_eid + np.arange(len(new_nodes.eid))
    next_eid += len(new_nodes.eid)
    dead = _join_nodes([o.added[: count[C_ADDED]] for o, count in zip(outcomes, counts, strict=True)])
    pairs: list[Any] = list(zip(dead, new_nodes, strict=True))
    added = Nodes._make(np.concatenate(pair) for pair in pairs)
    changes = _node_changes(outcomes, counts, added)

    events = _events(blocks, counts, state, roster, ships, new_ships, new_nodes)
    phases = np.sum([block.phase_seconds for block in blocks], axis=0) / min(threads, len(blocks))
    fuel = np.sum([block.fuel for block in blocks], axis=0)
    seconds = np.sum([block.seconds for block in blocks], axis=0)
    strategies = []
    for slot, strategy in enumerate(roster.strategies):
        reason = next((block.reasons[slot] for block in blocks if slot in block.reasons), None)
        faults = int(tally[slot, T_FAULTS])
        if faults and reason is None:
            reason = "grounded" if strategy.status == "grounded" else "returned an invalid plan"
        row = dict(zip(TALLY, map(int, tally[slot]), strict=True))
        strategies.append(StrategyTally(strategy.name, row, int(fuel[slot]), float(seconds[slot]), reason))
    return TurnResult(
        tid=tid,
        next_eid=next_eid,
        ships=ships,
        node_changes=changes,
        nodes=len(state.nodes.sid) - len(changes.removed) + len(changes.added.sid),
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


def _node_changes(outcomes: list[Outcome], counts: NDArray[np.int64], added: Nodes) -> NodeChanges:
    order = np.lexsort((added.eid, added.sid))
    both = list(zip(outcomes, counts, strict=True))
    changed = np.concatenate([o.changed[: c[C_CHANGED]] for o, c in both])
    energy = np.concatenate([o.changed_energy[: c[C_CHANGED]] for o, c in both])
    removed = np.concatenate([o.removed[: c[C_REMOVED]] for o, c in both])
    ascending = np.argsort(changed, kind="stable")
    return NodeChanges(
        changed[ascending],
        energy[ascending],
        np.sort(removed),
        Nodes._make(column[order] for column in added),
    )


def _events(
    blocks: list[BlockResult],
    counts: NDArray[np.int64],
    state: State,
    roster: Roster,
    ships: Ships,
    new_ships: NDArray[np.int64],
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
    slots = roster.slot_of[ships.strategy_id[new_ships]]
    parts.append(
        _same_events(
            ships.sid[new_ships],
            E_SPAWN,
            ships.eid[new_ships],
            ships.x[new_ships],
            ships.y[new_ships],
            slots,
        )
    )
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

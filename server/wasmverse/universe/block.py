"""One block of systems through one turn: observe, decide, resolve, in one thread and one workspace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.errors import StateError
from wasmverse.strategies.contract import strategy_layout
from wasmverse.strategies.roster import GROUNDED, Roster
from wasmverse.universe.deal import Summary
from wasmverse.universe.faulted import Fault, Run, fault_of
from wasmverse.universe.observe import BlockNodes, Columns, assign_rows, observe_block
from wasmverse.universe.outcome import CALLED, FAULTED, UNCALLED, Outcome, Turn
from wasmverse.universe.printed import Printed, printed
from wasmverse.universe.resolve import resolve_block
from wasmverse.universe.state import Nodes, Ships, State, offsets_by_system
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.hosting import AnyGuest
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.world import NOWHERE, world_of

# x and y are u32 for guests, but never past 99: a byte each is copied.
LAYOUT = strategy_layout({"me.x": "u1", "me.y": "u1"})


class Block(NamedTuple):
    """The systems that are played together, and what they hold: views of a state, no array is written to.

    sids : shape (S,), sorted; ships, nodes : of these systems, sorted by (sid, eid)
    """

    sids: NDArray[np.uint32]
    ships: Ships
    nodes: Nodes


def blocks_of(state: State, sids: Sequence[NDArray[np.uint32]]) -> list[Block]:
    """A state in blocks; views.

    Parameters
    ----------
    sids : the sids of each block, sorted, the lowest block first; together all that the state has rows of.
    """
    if len(sids) == 1:
        return [Block(sids[0], *state)]
    parts = []
    for columns in state:
        ends = np.searchsorted(columns.sid, [block[-1] for block in sids], "right").tolist()
        starts = [0, *ends[:-1]]
        ends[-1] = len(columns.sid)  # a sid too many is found by the block
        parts.append(
            [
                type(columns)._make(column[start:end] for column in columns)
                for start, end in zip(starts, ends, strict=True)
            ]
        )
    return [Block(*block) for block in zip(sids, *parts, strict=True)]


def _offsets(sids: NDArray[np.uint32], columns: Ships | Nodes, kind: str) -> NDArray[np.int64]:
    offsets = offsets_by_system(columns.sid, sids)
    row = int(offsets[-1])
    if row != len(columns.sid):
        raise StateError(
            f"{kind} {columns.eid[row]} has sid {columns.sid[row]}, which is not in this block of sids {sids[0]} to {sids[-1]}, "
            "or not sorted: sort the rows by sid, and give each block those of its own systems"
        )
    return offsets


@dataclass(slots=True)
class BlockResult:
    """What a block hands on: the ships that it began with, the resolve's outcome, the energy its nodes have left (0: gone), and
    per slot fuel, seconds of processor time, those of them to make instances, the first fault's reason, what was printed, the
    run, and the first fault. phase_seconds is processor time of observe, decide and resolve."""

    before: Ships
    first_sid: int
    outcome: Outcome
    node_energy: NDArray[np.uint16]
    fuel: NDArray[np.int64]
    seconds: NDArray[np.float64]
    made_seconds: NDArray[np.float64]
    reasons: dict[int, str] = field(default_factory=dict)
    printed: dict[int, Printed] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)
    phase_seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def summary(self) -> Summary:
        """What `deal` must know of this block."""
        return Summary(
            self.first_sid,
            self.outcome.counts,
            self.outcome.tally,
            self.outcome.first_fault >= 0,
            self.reasons,
            self.fuel,
            self.seconds,
            self.made_seconds,
            self.phase_seconds,
        )


class Workspace:
    """Memory that one thread uses for one block after the other: it grows to the largest and is never shared."""

    def __init__(self) -> None:
        self.frame = Frame(LAYOUT)
        self.columns: Columns
        self.lists: NDArray[np.uint32]
        self._entities = -1

    def fit(self, rows: int, entities: int) -> None:
        """Make room for this many ships and this many seen entities."""
        frame = self.frame
        if rows <= frame.rows and entities <= self._entities:
            return
        self._entities = entities
        if rows > frame.rows:
            rows = max(rows + rows // 8, 64)
        frame.fit(rows, 4 * entities)
        self.columns = Columns._make(frame.columns)
        self.lists = frame.tail(np.uint32)

    def observe(
        self, ships: Ships, ship_offsets: NDArray[np.int64], nodes: BlockNodes, row: NDArray[np.int64]
    ) -> None:
        """Fill columns and lists for a block; takes more memory and starts again if the lists are too short."""
        while True:
            used = observe_block(
                ships,
                ship_offsets,
                nodes,
                row,
                self.columns,
                self.lists,
                self.frame.tail_address,
            )
            if used >= 0:
                return
            self.fit(self.frame.rows, 2 * len(self.lists) + 4096)


def play_block(
    workspace: Workspace,
    block: Block,
    roster: Roster,
    turn: Turn,
    limits: Limits,
) -> BlockResult:
    """Steps 1 to 9 for one block, but for what ``deal`` decides. The block is not modified.

    Raises
    ------
    StateError : a ship or node is of no system of the block, or the rows are not sorted; names the first one.
    """
    started = time.thread_time()
    ships = len(block.ships.sid)
    ship_offsets = _offsets(block.sids, block.ships, "ship")
    block_nodes = BlockNodes(
        _offsets(block.sids, block.nodes, "node"),
        block.nodes.x,
        block.nodes.y,
        block.nodes.energy.copy(),
    )
    row = np.empty(ships, np.int64)
    starts = np.empty(roster.slots + 1, np.int64)
    assign_rows(block.ships.strategy_id, roster.slot_of, row, starts)
    workspace.fit(ships, 16 * ships)
    workspace.observe(block.ships, ship_offsets, block_nodes, row)
    observed = time.thread_time()

    called = np.full(ships, CALLED, np.uint8)
    result = BlockResult(
        block.ships,
        int(block.sids[0]),
        Outcome.empty(ships, len(block.sids), roster.slots),
        block_nodes.energy,
        np.zeros(roster.slots, np.int64),
        np.zeros(roster.slots),
        np.zeros(roster.slots),
    )
    for slot in range(roster.slots):
        rows = (int(starts[slot]), int(starts[slot + 1]))
        if rows[0] < rows[1]:
            _decide(workspace, roster, slot, rows, row, turn, limits, called, result)
    decided = time.thread_time()

    resolve_block(
        turn, block.sids, block.ships, ship_offsets, block_nodes, roster.slot_of, row, workspace.columns.plan, called,
        result.outcome,
    )  # fmt: skip
    _keep_faults(workspace, block.ships, row, starts, result)
    result.phase_seconds = (observed - started, decided - observed, time.thread_time() - decided)
    return result


def _keep_faults(
    workspace: Workspace,
    ships: Ships,
    row: NDArray[np.int64],
    starts: NDArray[np.int64],
    result: BlockResult,
) -> None:
    """Keep what strategies were asked when they faulted first, before the workspace serves another block."""
    if result.outcome.first_fault.max() < 0:
        return
    for slot in np.flatnonzero(result.outcome.first_fault >= 0).tolist():
        run = result.runs.get(slot)
        if run is not None:  # else it was grounded, and not called
            ship = int(result.outcome.first_fault[slot])
            result.faults[slot] = fault_of(
                workspace.frame,
                workspace.columns,
                int(starts[slot]),
                int(row[ship]),
                run,
                ships.sid[ship],
                ships.eid[ship],
            )


def _decide(
    workspace: Workspace,
    roster: Roster,
    slot: int,
    rows: tuple[int, int],
    row: NDArray[np.int64],
    turn: Turn,
    limits: Limits,
    called: NDArray[np.uint8],
    result: BlockResult,
) -> None:
    """Step 2 for the ships of one strategy: one call into Wasm for all of them."""
    strategy = roster.strategies[slot] if slot < len(roster.strategies) else None
    guest: AnyGuest | None = strategy.guest if strategy else None
    if strategy is not None and strategy.status == GROUNDED:
        called[slice(*rows)] = FAULTED
        return
    if guest is None:
        called[slice(*rows)] = UNCALLED
        return
    assert strategy is not None
    world = NOWHERE
    if guest.has_wasi:
        world = world_of(turn.tid, turn.seed, result.first_sid, strategy.strategy_id)
    if strategy.budget_fuel is not None:
        limits = replace(limits, budget_fuel=strategy.budget_fuel)
    outcome = guest.run(workspace.frame, *rows, limits, world)
    result.runs[slot] = Run(outcome, world.seed, limits.budget_fuel)
    called[outcome.faulted] = FAULTED
    called[slice(*outcome.uncalled)] = FAULTED
    result.fuel[slot] = outcome.fuel
    result.seconds[slot] = outcome.seconds
    result.made_seconds[slot] = outcome.made_seconds
    if outcome.reason is not None:
        result.reasons[slot] = outcome.reason
    if outcome.log or outcome.log_dropped:
        result.printed[slot] = printed(outcome.log, outcome.log_dropped, row, result.before.eid, limits)

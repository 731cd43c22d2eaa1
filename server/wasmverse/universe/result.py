"""What a turn hands on to whoever keeps it: the state to be, and the record of how it came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wasmverse.universe.faulted import Fault
from wasmverse.universe.printed import Printed
from wasmverse.universe.state import Nodes, Ships


@dataclass(frozen=True, slots=True)
class StrategyTally:
    """One strategy's turn: the columns of ``strategy_turn``, why its first fault happened, how much of its seconds it took
    to make instances, and how many of them in one block at most."""

    name: str
    counts: dict[str, int]
    fuel: int
    seconds: float
    reason: str | None
    made_seconds: float = 0.0
    longest_seconds: float = 0.0

    @property
    def calls(self) -> int:
        """As many as it had ships at the turn's start."""
        return self.counts["ships"] - self.counts["spawned"] + self.counts["deaths"]


class Events(NamedTuple):
    """Columns of E events, shape (E,) each. kind indexes ``event_format.EVENT_KINDS``; slots are a Roster's, -1 for nobody.

    blasters : of the ship, 0 of a node; in a battle, those that it fought with
    """

    sid: NDArray[np.uint32]
    kind: NDArray[np.int16]
    eid: NDArray[np.int64]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    slot: NDArray[np.int16]
    by_slot: NDArray[np.int16]
    blasters: NDArray[np.uint8]


EVENT_DTYPES: dict[str, type[np.generic]] = {
    "sid": np.uint32, "kind": np.int16, "eid": np.int64, "x": np.uint8, "y": np.uint8, "slot": np.int16, "by_slot": np.int16,
    "blasters": np.uint8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events of a turn; slots index ``names``."""

    columns: Events
    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAccount:
    """What is told of a turn: all that is kept of it but the state.

    printed : by its name, what each strategy printed that did; notable : the strongest ships (`universe.notable`)
    strategy_names : by strategy_id, of those that played; grounded : the names of those whose ships held still
    inputs : by its name, of each strategy that faulted its first fault, and what it was asked
    phase_seconds : processor time of observe, decide and resolve, shared out among the threads
    """

    tid: int
    next_eid: int
    ship_count: int
    node_count: int
    writes: int
    kills: int
    faults: int
    strategies: list[StrategyTally]
    events: EventColumns
    phase_seconds: dict[str, float]
    printed: dict[str, Printed] = field(default_factory=dict)
    notable: Ships = field(default_factory=lambda: Ships.empty(0))
    strategy_names: dict[int, str] = field(default_factory=dict)
    grounded: list[str] = field(default_factory=list)
    inputs: dict[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult(TurnAccount):
    """The end of a turn: what is told of it, all ships, and what became of the nodes.

    ships : the ships that live on, a part for each block; together they are sorted
    new_ships : dealt this turn, by sid; new_nodes : what the dead became and what was spawned, in no order
    node_energy : shape (M,), what each node of the state played on has left; 0: it is gone
    """

    ships: list[Ships]
    new_ships: Ships
    node_energy: NDArray[np.uint16]
    new_nodes: Nodes


def ships_after(result: TurnResult) -> Ships:
    """All ships at the end of a turn, in no order."""
    parts = zip(*result.ships, result.new_ships, strict=True)
    return Ships._make(np.concatenate(columns) for columns in parts)


def nodes_after(nodes: Nodes, result: TurnResult) -> Nodes:
    """All nodes at the end of a turn that was played on ``nodes``: those that are left, then the new ones."""
    left = result.node_energy != 0
    old = Nodes(*nodes[:-1], result.node_energy)
    parts: list[Any] = list(zip((column[left] for column in old), result.new_nodes, strict=True))
    return Nodes._make(map(np.concatenate, parts))

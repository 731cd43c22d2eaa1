"""One system in the middle of a turn, for tests of single steps: records of ships and nodes, and what steps count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wasmverse.universe.battle import crowd
from wasmverse.universe.outcome import C_ADDED, C_EVENTS, C_WRITES, COUNTERS, EVENT_KINDS, TALLY
from wasmverse.universe.records import CELL_RECORD, EVENT_RECORD, NODE_RECORD, SHIP_RECORD

SID = 7
SLOTS = 4


def ship(eid: int, x: int = 5, y: int = 5, **columns: int) -> dict[str, int]:
    """A new ship of slot 0."""
    new = {
        "slot": 0,
        "strategy_id": 10,
        "energy": 100,
        "shield": 100,
        "blasters": 2,
        "thrusters": 2,
        "harvesters": 2,
    }
    return new | {"eid": eid, "x": x, "y": y, "last_plan": 0, "block_row": eid} | columns  # fmt: skip


def records(dtype: np.dtype, rows: list[dict[str, int]]) -> np.ndarray:
    """Structured rows; what is not named is 0."""
    found = np.zeros(len(rows), dtype)
    for row, columns in zip(found, rows, strict=True):
        for name, value in columns.items():
            row[name] = value
    return found


@dataclass
class System:
    """The ships of one system, and all that its steps write."""

    ships: np.ndarray
    cells: np.ndarray = field(default_factory=lambda: np.zeros(10_000, CELL_RECORD))
    counts: np.ndarray = field(default_factory=lambda: np.zeros(COUNTERS, np.int64))
    tally: np.ndarray = field(default_factory=lambda: np.zeros((SLOTS, len(TALLY)), np.int64))
    events: np.ndarray = field(default_factory=lambda: np.zeros(20, EVENT_RECORD))
    added: np.ndarray = field(default_factory=lambda: np.zeros(10, NODE_RECORD))
    by_slot: np.ndarray = field(default_factory=lambda: np.zeros(SLOTS, np.int64))

    @property
    def writes(self) -> int:
        return int(self.counts[C_WRITES])

    def column(self, name: str) -> list[int]:
        """Of the ships."""
        return self.ships[name].tolist()

    def tallied(self, name: str) -> list[int]:
        """By slot."""
        return self.tally[:, TALLY.index(name)].tolist()

    def told(self) -> list[tuple[Any, ...]]:
        """(kind, eid, slot, by_slot) of each event; all are of SID."""
        rows = self.events[: self.counts[C_EVENTS]]
        assert set(rows["sid"].tolist()) <= {SID}
        return [
            (EVENT_KINDS[row["kind"]], int(row["eid"]), int(row["slot"]), int(row["by_slot"])) for row in rows
        ]

    def new_nodes(self) -> list[tuple[int, ...]]:
        """(sid, eid, x, y, energy) of what the dead became."""
        names = ("sid", "eid", "x", "y", "energy")
        return [tuple(int(row[name]) for name in names) for row in self.added[: self.counts[C_ADDED]]]


def system(*ships: dict[str, int]) -> System:
    """After the moves, before the battle."""
    rows = records(SHIP_RECORD, list(ships))
    rows["cell"] = 100 * rows["y"] + rows["x"]
    found = System(rows)
    crowd(found.ships, found.cells)
    return found

"""The state of a universe as it is committed, in columns, and as Arrow."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from wasmverse.universe.state import Columns, State


@dataclass(frozen=True, slots=True)
class StoredState:
    """A committed state."""

    tid: int
    next_eid: int
    state: State

    def ship_table(self) -> pa.Table:
        """The ships as Arrow, without copying."""
        return as_table(self.state.ships)

    def node_table(self) -> pa.Table:
        """The nodes as Arrow, without copying."""
        return as_table(self.state.nodes)


def as_table(columns: Columns) -> pa.Table:
    """Ships or nodes as Arrow, without copying."""
    return pa.table(columns._asdict())

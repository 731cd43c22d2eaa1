"""What there is to know of a universe at the end of a turn, whichever engine keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from wasmverse.storage.stored_state import StoredState
from wasmverse.universe.digest import hash_in_order
from wasmverse.universe.turn import Laws


class Made(NamedTuple):
    """When a universe was made, in UTC, by which version of Wasmverse, and the format it has now."""

    at: str
    by: str
    format: int


@dataclass(frozen=True, slots=True)
class Facts:
    """laws : of `Laws`, by name; strategies : name, version, status, is_enabled and ships of each that was not removed."""

    format: int
    made_at: str
    made_by: str
    laws: dict[str, int]
    tid: int
    next_eid: int
    state_hash: str
    ships: int
    nodes: int
    strategies: list[dict[str, Any]]

    @property
    def made_by_laws(self) -> Laws:
        """``laws`` as what they are."""
        return Laws(**self.laws)

    @classmethod
    def of(cls, made: Made, laws: Laws, stored: StoredState, strategies: pa.Table) -> Facts:
        """The facts of a committed state; ``strategies`` is the table ``strategy``."""
        ships, nodes = (len(columns.sid) for columns in stored.state)
        return cls(
            format=made.format,
            made_at=made.at,
            made_by=made.by,
            laws=asdict(laws),
            tid=stored.tid,
            next_eid=stored.next_eid,
            state_hash=hash_in_order(stored.state, stored.tid, stored.next_eid),
            ships=ships,
            nodes=nodes,
            strategies=_strategies(strategies, stored),
        )


def _strategies(rows: pa.Table, stored: StoredState) -> list[dict[str, Any]]:
    counts = np.bincount(stored.state.ships.strategy_id, minlength=1 << 16)
    names: Sequence[str] = ("name", "version", "status", "is_enabled")
    return [
        {**{name: row[name] for name in names}, "ships": int(counts[row["strategy_id"]])}
        for row in sorted(rows.to_pylist(), key=lambda row: str(row["name"]))
        if row["status"] != "removed"
    ]

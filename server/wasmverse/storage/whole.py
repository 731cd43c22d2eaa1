"""All of a universe at a turn's boundary, in a form that no engine has: how it moves from one to another.

Ships and nodes are columns, all else is rows as Arrow. Records of past turns have the form that readers see, since each engine
packs them in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wasmverse.storage import schema
from wasmverse.storage.event_batch import pack_events
from wasmverse.storage.kept_chronicle import stories_text
from wasmverse.storage.records import EVENT_TYPE
from wasmverse.universe.event_format import EVENT_KINDS
from wasmverse.universe.result import EVENT_DTYPES, EventColumns, Events
from wasmverse.universe.state import State, state_hash
from wasmverse.universe.turn import Laws

KEPT = (
    schema.solar_system,
    schema.strategy,
    schema.strategy_module,
    schema.strategy_version,
    schema.strategy_version_module,
    schema.wasm_function,
    schema.wasm_function_module,
    schema.strategy_log,
    schema.strategy_fault,
    schema.message,
    schema.chronicle,
)
"""The tables that every engine has in the same form."""

_KEYS = {
    "solar_system": ["sid"],
    "strategy": ["strategy_id"],
    "strategy_module": ["sha256"],
    "strategy_version": ["strategy", "version"],
    "strategy_version_module": ["sha256"],
    "wasm_function": ["name", "parameters", "version"],
    "wasm_function_module": ["sha256"],
    "strategy_fault": ["fault_id"],
}
"""By what those are sorted whose order means nothing."""

UNBOUNDED = 1 << 40
"""How much is kept of the past by who does not forget any of it."""


def in_order(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The same rows in the same order, whichever engine they are from."""
    return {
        name: rows.sort_by([(key, "ascending") for key in _KEYS[name]]) if name in _KEYS else rows
        for name, rows in tables.items()
    }


@dataclass(frozen=True, slots=True)
class Whole:
    """A universe at the end of turn ``tid``.

    made_at : in UTC, without a time zone; made_by : the version of Wasmverse
    tables : the rows of `KEPT`, and of ``turns``, ``strategy_turn``, ``event`` and ``story`` sorted by tid
    """

    laws: Laws
    tid: int
    next_eid: int
    made_at: datetime
    made_by: str
    state: State
    tables: dict[str, pa.Table]

    def state_hash(self) -> str:
        """As a store says it."""
        return state_hash(self.state.ships, self.state.nodes, self.tid, self.next_eid)

    def strategies_of_turns(self) -> pa.Array[Any]:
        """For each row of ``turns`` what its strategies did, a list of structs; NULL where that is forgotten."""
        turns, rows = self.tables["turns"]["tid"].to_numpy(), self.tables["strategy_turn"].combine_chunks()
        tids = rows["tid"].to_numpy()
        begins, ends = np.searchsorted(tids, turns, "left"), np.searchsorted(tids, turns, "right")
        names = [column.name for column in schema.STRATEGY_COLUMNS]
        elements: Any = pa.StructArray.from_arrays([_flat(rows[name]) for name in names], names)
        taken: Any = pa.array(np.concatenate([[0], np.cumsum(ends - begins)]).astype(np.int32))
        parts = [np.arange(begin, end) for begin, end in zip(begins, ends, strict=True)]
        values = elements.take(pa.array(np.concatenate([np.zeros(0, np.int64), *parts])))
        lists: pa.Array[Any] = pa.ListArray.from_arrays(taken, values, mask=pa.array(begins == ends))
        return lists

    def stories_of_turns(self) -> list[str | None]:
        """For each row of ``turns`` its stories as they are stored."""
        told: dict[int, list[dict[str, Any]]] = {}
        for row in self.tables["story"].to_pylist():
            told.setdefault(row["tid"], []).append(row)
        return [stories_text(told.get(tid, [])) for tid in self.tables["turns"]["tid"].to_numpy().tolist()]

    def event_batches(self) -> Iterator[tuple[int, str, bytes]]:
        """The events of each turn, packed: tid, and the columns ``names`` and ``events`` of a row."""
        rows = self.tables["event"].cast(EVENT_TYPE).combine_chunks()
        tids = rows["tid"].to_numpy()
        for tid in np.unique(tids):
            begin, end = np.searchsorted(tids, [tid, tid + 1])
            yield int(tid), *pack_events(_event_columns(rows.slice(begin, end - begin)))


def _event_columns(rows: pa.Table) -> EventColumns:
    named = {name: _flat(rows[name]) for name in ("strategy", "by_strategy")}
    names = pc.unique(pa.concat_arrays(list(named.values()))).drop_null().to_pylist()
    listed: Any = pa.array(names, pa.string())
    kinds: Any = pa.array(EVENT_KINDS, pa.string())

    def places(column: Any, of: Any) -> Any:
        return pc.fill_null(pc.index_in(column, of), -1).to_numpy()

    columns: dict[str, Any] = {
        **{name: rows[name].to_numpy() for name in ("eid", "sid", "x", "y", "blasters")},
        "kind": places(_flat(rows["kind"]), kinds),
        "slot": places(named["strategy"], listed),
        "by_slot": places(named["by_strategy"], listed),
    }
    return EventColumns(
        Events(**{name: columns[name].astype(EVENT_DTYPES[name]) for name in EVENT_DTYPES}), names
    )


def _flat(column: Any) -> Any:
    """One array of a column's chunks."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)

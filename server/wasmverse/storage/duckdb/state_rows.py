"""The packed state on its way to the table ``system_state`` and back, a row a system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from wasmverse.errors import StateError
from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema
from wasmverse.universe.packed import Blobs, PackedState

_TYPE = arrow_schema(schema.system_state)

ROWS_A_BATCH = 2_048
"""Rows that DuckDB inserts on one thread: it hands each thread whole batches."""


def as_rows(packed: PackedState) -> pa.Table:
    """The rows of ``system_state``, without copying."""
    systems = len(packed.ships.offsets) - 1
    sids = np.arange(1, systems + 1, dtype=np.uint32)
    rows = pa.table({"sid": sids, "ships": _as_binary(packed.ships), "nodes": _as_binary(packed.nodes)})
    return pa.Table.from_batches(rows.to_batches(ROWS_A_BATCH))


def _as_binary(blobs: Blobs) -> pa.Array[Any]:
    given: Any = blobs
    buffers = [None, *map(pa.py_buffer, given)]
    return pa.Array.from_buffers(pa.large_binary(), len(blobs.offsets) - 1, buffers)


def blobs_of(rows: pa.Table, column: str) -> Iterator[Blobs]:
    """The blobs of one column of ``system_state``, a piece after the other, without copying the bytes."""
    for chunk in rows[column].chunks:
        buffers: list[Any] = chunk.buffers()
        offsets = np.frombuffer(buffers[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        yield Blobs(offsets.astype(np.int64), np.frombuffer(buffers[2] or b"", np.uint8))


def check_rows(rows: pa.Table, systems: int) -> pa.Table:
    """Rows of ``system_state`` by sid, one for each system: others may have written to the file before it was opened.

    Raises
    ------
    StateError : a column has another type, a value is NULL, or a system is there twice or not at all.
    """
    for name, type_ in zip(_TYPE.names, _TYPE.types, strict=True):
        values = rows[name]
        if values.type != type_:
            raise StateError(
                f"system_state.{name} has the type {values.type}; it must be {type_}: restore a copy of the file"
            )
        if values.null_count:
            raise StateError(
                f"{values.null_count} rows of system_state have {name} NULL; none may: restore a copy of the file"
            )
    sids = rows["sid"].to_numpy()
    expected = np.arange(1, systems + 1, dtype=np.uint32)
    if not np.array_equal(sids, expected):
        rows = rows.sort_by("sid")
        sids = rows["sid"].to_numpy()
    if not np.array_equal(sids, expected):
        found, counts = np.unique(sids, return_counts=True)
        for sid in expected[~np.isin(expected, found)][:1]:
            raise StateError(
                f"system_state has no row for system {sid}; there is one for each of 1..{systems}: restore a copy of the file"
            )
        for sid in found[(counts > 1) | (found < 1) | (found > systems)][:1]:
            raise StateError(
                f"system_state has {counts[found == sid][0]} rows for system {sid}; there is one for each of 1..{systems}: "
                "remove the others, or restore a copy of the file"
            )
    return rows

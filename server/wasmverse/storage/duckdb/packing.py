"""Rows between how they are played with, a column each, and how they are stored, several values to a column (`schema`)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wasmverse.storage import schema
from wasmverse.universe.state import Ships

_TRAITS = np.dtype([(name, f"<u{bits // 8}") for name, bits in schema.TRAITS.items()])

PACKED_SHIPS = pa.schema(
    [(c.name, pa.from_numpy_dtype(np.dtype(schema.DTYPES[type(c.type)]))) for c in schema.ship_packed.columns]
)


def pack_ships(ships: Ships) -> pa.RecordBatch:
    """Ships as rows of ``ship_packed``."""
    traits = np.empty(len(ships.sid), _TRAITS)
    for name in schema.TRAITS:
        traits[name] = getattr(ships, name)
    columns = {**ships._asdict(), "traits": traits.view("<u8")}
    return pa.RecordBatch.from_pydict({name: columns[name] for name in PACKED_SHIPS.names}, PACKED_SHIPS)


def unpack_ships(rows: pa.RecordBatch) -> Ships:
    """Ships of rows of ``ship_packed``; read-only, columns that are not packed are not copied."""
    columns = {name: rows.column(name).to_numpy() for name in rows.schema.names}
    traits = columns["traits"].view(_TRAITS)
    for name in schema.TRAITS:
        columns[name] = np.ascontiguousarray(traits[name])
        columns[name].setflags(write=False)
    return Ships._make(columns[name] for name in Ships._fields)


def pack_energies(energies: NDArray[np.uint16]) -> pa.Table:
    """Energies in stored order as rows of ``node_energy``, the last one filled up with 0."""
    rows = np.zeros(-(-len(energies) // schema.NODES_A_ROW), "<u8")
    rows.view("<u2")[: len(energies)] = energies
    return pa.table({"energies": rows})


def unpack_energies(rows: pa.Table) -> NDArray[np.uint16]:
    """Energies of rows of ``node_energy``, with what fills up the last one."""
    joined = np.empty(len(rows), "<u8")
    at = 0
    for batch in rows.to_batches():
        joined[at : at + len(batch)] = batch.column(0).to_numpy()
        at += len(batch)
    return joined.view("<u2")

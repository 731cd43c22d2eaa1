"""Events as they are kept: all of a turn, or of a command after it, as one value, packed as `universe.event_format` says.

A row an event, in eight columns, took a tenth of a large universe's turn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wasmverse.errors import StateError
from wasmverse.universe.event_format import (
    EVENT_BYTES,
    EVENT_COLUMNS,
    EVENT_KINDS,
    HEAD_BYTES,
    NAME_SEPARATOR,
    VERSION,
)
from wasmverse.universe.result import EVENT_DTYPES, EventColumns, Events
from wasmverse.universe.rules import GRID_SIDE

_REMEDY = "set events to NULL in its row of turn_record or remove its rows of event_batch, or restore a copy of the universe"


def pack_events(events: EventColumns) -> tuple[str, bytes]:
    """The columns ``names`` and ``events`` of a row of ``turn_record`` or ``event_batch``."""
    columns: Any = events.columns
    parts = [
        getattr(columns, name).astype(f"<i{width}" if name == "eid" else f"<u{width}", copy=False).tobytes()
        for name, width in EVENT_COLUMNS.items()
    ]
    head = bytes((VERSION, 0, 0, 0)) + len(columns.sid).to_bytes(4, "little")
    return NAME_SEPARATOR.join(events.names), b"".join((head, *parts))


def unpack_events(tid: int, names: str, batch: bytes) -> EventColumns:
    """The events of such a row of turn ``tid``.

    Raises
    ------
    StateError : they are not what `pack_events` makes.
    """
    count = int.from_bytes(batch[4:HEAD_BYTES], "little")
    if len(batch) < HEAD_BYTES or batch[0] != VERSION or len(batch) != HEAD_BYTES + count * EVENT_BYTES:
        raise StateError(
            f"turn {tid} has {len(batch):,} bytes of events, which are none of version {VERSION}; {_REMEDY}"
        )
    columns = {}
    at = HEAD_BYTES
    for name, width in EVENT_COLUMNS.items():
        kind = f"<i{width}" if name in {"eid", "slot", "by_slot"} else f"<u{width}"
        values: Any = np.frombuffer(batch, kind, count, at)
        columns[name] = values.astype(EVENT_DTYPES[name])
        at += width * count
    listed = names.split(NAME_SEPARATOR) if names else []
    for name, least, most in (
        ("kind", 0, len(EVENT_KINDS) - 1),
        ("x", 0, GRID_SIDE - 1),
        ("y", 0, GRID_SIDE - 1),
        ("slot", -1, len(listed) - 1),
        ("by_slot", -1, len(listed) - 1),
    ):
        for row in np.flatnonzero((columns[name] < least) | (columns[name] > most))[:1]:
            raise StateError(
                f"turn {tid} has an event with {name} {columns[name][row]}; allowed is {least}..{most}; {_REMEDY}"
            )
    return EventColumns(Events(**columns), listed)

"""What turns cost, phase by phase: of the last turns that this process has played. Shown to readers, and not stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema

TURNS_KEPT = 60
"""A minute at a turn a second: what somebody looks at."""

PHASES = ("read", "observe", "decide", "resolve", "commit", "publish")

_TYPE = arrow_schema(schema.turn_phase)


class TurnPhases:
    """The rows of ``turn_phase``."""

    def __init__(self) -> None:
        self._rows: deque[list[Any]] = deque(maxlen=TURNS_KEPT)
        self._watchers = 0

    def note_turn(self, tid: int, seconds: Mapping[str, float]) -> None:
        """A turn is committed. How long it takes to publish it is not known yet."""
        values: dict[str, Any] = {f"{phase}_seconds": seconds.get(phase, 0.0) for phase in PHASES}
        values |= {"tid": tid, "publish_seconds": None, "watchers": self._watchers}
        self._rows.append([values[name] for name in _TYPE.names])

    def note_published(self, seconds: float) -> None:
        """The newest turn was published in so long."""
        if self._rows:
            self._rows[-1][_TYPE.get_field_index("publish_seconds")] = seconds

    def note_watchers(self, count: int) -> None:
        """So many connections have live queries."""
        self._watchers = count

    def table(self) -> pa.Table:
        """As Arrow, oldest first."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(_TYPE)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, _TYPE, strict=True)]
        return pa.Table.from_arrays(arrays, schema=_TYPE)

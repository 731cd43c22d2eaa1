"""What turns cost, phase by phase: of the last turns that this process has played. Shown to readers, and not stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

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
        self._rows: deque[dict[str, int | float | None]] = deque(maxlen=TURNS_KEPT)
        self._watchers = 0

    def note_turn(self, tid: int, seconds: Mapping[str, float]) -> None:
        """A turn is committed. How long it takes to publish it is not known yet."""
        row: dict[str, int | float | None] = {f"{phase}_seconds": seconds.get(phase, 0.0) for phase in PHASES}
        self._rows.append({**row, "tid": tid, "publish_seconds": None, "watchers": self._watchers})

    def note_published(self, seconds: float) -> None:
        """The newest turn was published in so long."""
        if self._rows:
            self._rows[-1]["publish_seconds"] = seconds

    def note_watchers(self, count: int) -> None:
        """So many connections have live queries."""
        self._watchers = count

    def table(self) -> pa.Table:
        """As Arrow, oldest first."""
        return pa.Table.from_pylist(list(self._rows), _TYPE)

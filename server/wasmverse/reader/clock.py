"""Whether the running query's time is up."""

from __future__ import annotations

import duckdb


class Clock:
    """Set by one thread, heeded by those that run the query: interrupting the engine does not stop what Python does meanwhile."""

    def __init__(self) -> None:
        self.is_over = False

    def heed(self) -> None:
        """Raise if the time is up, what the engine raises then."""
        if self.is_over:
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

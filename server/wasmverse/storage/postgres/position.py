"""Where a universe is: what the row of ``universe`` says, which whoever changes anything holds."""

from __future__ import annotations

from typing import NamedTuple

from wasmverse.errors import StateError
from wasmverse.storage.postgres.database import Transaction

CHANNEL = "wasmverse"
"""Who listens on it is told of every commit."""


class Position(NamedTuple):
    """The last turn, the next eid, and how many commands were carried out, and of these how many have changed a system."""

    tid: int
    next_eid: int
    changes: int
    spawned: int

    @classmethod
    def read(cls, transaction: Transaction, *, locks: bool = False) -> Position:
        """Read it, and hold it until the transaction ends if it is to be changed.

        Raises
        ------
        StateError : there is none.
        """
        names = ", ".join(cls._fields)
        row = transaction.execute(f"SELECT {names} FROM universe{' FOR UPDATE' if locks else ''}").fetchone()
        if row is None:
            raise StateError("the row of universe is gone: restore a copy of the universe")
        return cls._make(row)

    def write(self, transaction: Transaction, what: str) -> None:
        """Write it, and tell whoever follows what was done, a "turn" or a "command", once this is committed."""
        values = ", ".join(f"{name} = %s" for name in self._fields)
        transaction.execute(f"UPDATE universe SET {values}", self)
        transaction.execute("SELECT pg_notify(%s, %s)", (CHANNEL, what))

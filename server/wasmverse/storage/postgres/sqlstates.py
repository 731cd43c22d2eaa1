"""Which errors of the driver mean that a session ended, or cannot go on: the same for commands as for turns."""

from __future__ import annotations

import psycopg

_GONE = ("08", "57P")
"""Begin the SQLSTATEs of connections that failed, and of sessions that an operator or a crash ended."""

_CANNOT_GO_ON = {"25P02", "25P03", "40001"}
"""A transaction that failed before, one that said nothing for too long, and one that was overtaken by another."""


def is_lost(error: BaseException) -> bool:
    """Whether what was not committed is undone, and may well be done if it is tried again."""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state in _CANNOT_GO_ON or state.startswith(_GONE)

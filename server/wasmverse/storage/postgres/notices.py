"""What processes that have one universe open tell each other: that something was committed, or that a long turn is under way.

It is a channel of the database (LISTEN, NOTIFY). A notice that is sent within a transaction arrives with its commit. One may be
lost, with the session or its server: whoever listens also looks now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres.database import connect, explain

CHANNEL = "wasmverse"
TOKENS = "wasmverse_tokens"
"""A turn or a command was committed; tokens were changed."""

BEAT = "beat"
"""Said on ``CHANNEL`` by the process with the clock: it is at work on something that takes longer than a period."""


def send(connection: psycopg.Connection[Any], notice: str, channel: str = CHANNEL) -> None:
    """Tell everybody, once the connection's transaction is committed."""
    connection.execute("SELECT pg_notify(%s, %s)", (channel, notice))


class Notices:
    """A session that listens. For one thread.

    Raises
    ------
    DatabaseError : the server does not take the session; DatabaseLost, it ended it.
    """

    def __init__(self, url: DatabaseUrl, channel: str = CHANNEL) -> None:
        self._shown = str(url)
        self._connection = connect(url, "listening")
        self._connection.autocommit = True
        with self._explained():
            self._connection.execute(f"LISTEN {channel}")

    def fileno(self) -> int:
        """What is readable when there may be a notice, or when the session was lost."""
        with self._explained():
            return int(self._connection.fileno())

    def heard(self, seconds: float = 0.0) -> set[str]:
        """All that was said since the last call; waits so long if it was nothing."""
        return set(self.said(seconds))

    def said(self, seconds: float = 0.0) -> dict[str, set[int]]:
        """The same, each with the sessions (process ids of backends) that said it: every role may say anything."""
        found: dict[str, set[int]] = {}
        with self._explained():
            notices = list(self._connection.notifies(timeout=seconds, stop_after=1))
            for notice in [*notices, *self._connection.notifies(timeout=0)]:
                found.setdefault(notice.payload, set()).add(notice.pid)
        return found

    def close(self) -> None:
        """Hear nothing any more."""
        self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise explain(self._shown, error) from error

"""The tokens of a universe in a database: a table of it, so that all gateways have the same."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import class_row

from wasmverse.errors import DatabaseError, SettingsError
from wasmverse.settings import DatabaseUrl
from wasmverse.storage.postgres import notices
from wasmverse.storage.postgres.database import connect, explain
from wasmverse.storage.postgres.notices import Notices
from wasmverse.tokens import Change, Entry, Role, Tokens

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
"""A change is told at once; in case that was lost, the table is read this often."""

RETRY_SECONDS = 1.0

# The universe's own tables may not be there yet: a server that others can reach takes no first start without a token.
_TABLE = """CREATE TABLE IF NOT EXISTS token (
    name text PRIMARY KEY, role text NOT NULL, sha256 text NOT NULL, created_at text NOT NULL, id text NOT NULL)"""


class TokenTable(Tokens):
    """The tokens in a database, read at each call; from `watch` on they are those that were told of last.

    While the server cannot be reached, those known last hold: nobody can change them meanwhile, except through a server that only
    this process cannot reach.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        self._url = url
        self._entries: list[Entry] | None = None
        self._changes = 0
        self._closing = threading.Event()

    def entries(self) -> list[Entry]:
        """All of them; none where there is no table yet."""
        if self._entries is not None:
            return self._entries
        with self._session() as connection:
            return self._read(connection)

    def stamp(self) -> object:
        """How many changes were told of."""
        return self._changes

    def watch(self) -> None:
        """Keep them at hand from now on, so that nobody waits for a server."""
        heard = Notices(self._url, notices.TOKENS)
        self._entries = self.entries()
        threading.Thread(target=self._keep, args=(heard,), name="tokens", daemon=True).start()

    def close(self) -> None:
        """Have no tokens any more."""
        self._closing.set()

    def _change(self, change: Change) -> None:
        with self._session() as connection:
            connection.execute(_TABLE)
            connection.execute("LOCK TABLE token IN EXCLUSIVE MODE")
            before = self._read(connection)
            after = change(before)
            for entry in before:
                if entry not in after:
                    connection.execute("DELETE FROM token WHERE name = %s", (entry.name,))
            for entry in after:
                if entry not in before:
                    connection.execute(
                        "INSERT INTO token (name, role, sha256, created_at, id) VALUES (%s, %s, %s, %s, %s)",
                        (entry.name, entry.role, entry.sha256, entry.created_at, entry.id),
                    )
            notices.send(connection, "", notices.TOKENS)

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Any]]:
        """One with a transaction that is committed at the end."""
        try:
            with connect(self._url, "tokens") as connection:
                yield connection
        except psycopg.Error as error:
            raise explain(str(self._url), error) from error

    def _read(self, connection: psycopg.Connection[Any]) -> list[Entry]:
        if connection.execute("SELECT to_regclass('token')").fetchone() == (None,):
            return []
        cursor = connection.cursor(row_factory=class_row(Entry))
        cursor.execute("SELECT name, role, sha256, created_at, id FROM token ORDER BY created_at, name")
        entries = cursor.fetchall()
        for entry in entries:
            if entry.role not in Role.__members__:
                raise SettingsError(
                    f"table token of {self._url} has a role {entry.role!r}; roles are {', '.join(Role.__members__)}: correct it"
                )
        return entries

    def _keep(self, heard: Notices) -> None:
        is_lost = False
        while not self._closing.is_set():
            try:
                if is_lost:
                    heard = Notices(self._url, notices.TOKENS)
                elif not heard.heard(LOOK_SECONDS) and self._closing.is_set():
                    break
                with self._session() as connection:
                    entries = self._read(connection)
                if entries != self._entries:
                    self._entries = entries
                    self._changes += 1
                if is_lost:
                    log.warning("tokens are read from %s again", self._url)
                is_lost = False
            except (DatabaseError, SettingsError) as error:
                if not is_lost:
                    log.warning("the tokens known last hold until they can be read again: %s", error.message)
                is_lost = True
                self._closing.wait(RETRY_SECONDS)
        heard.close()

"""Transactions that were prepared and neither committed nor rolled back: what becomes of them.

A turn of several sessions is prepared in all but the coordinator's, whose commit is the decision. A transaction whose turn the
coordinator has is committed; any other is rolled back (presumed abort). Who plays holds the coordinator's row of ``universe``
from the turn's beginning to its commit, and who recovers takes it first: so no turn is in between.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg import sql

from wasmverse.storage.postgres.sessions import Connection, connect, explained
from wasmverse.text import printable

log = logging.getLogger(__name__)

PREFIX = "wasmverse-"
"""With this begin the names of all that is prepared."""

BUSY_SECONDS, BUSY_PAUSE_SECONDS = 5.0, 0.005
"""How long another session may take to end a prepared transaction, and how often it is looked whether it has."""


class Recovered(NamedTuple):
    """A transaction that was left behind by turn ``tid``, and whether it was committed."""

    tid: int
    is_committed: bool

    def __str__(self) -> str:
        done = "committed" if self.is_committed else "rolled back"
        return f"a prepared transaction of turn {self.tid} was {done}"


def name_of(tid: int, token: str, shard: int) -> str:
    """The identifier of a shard's prepared transaction. ``token`` is the driver's own: a server may have many universes."""
    return f"{PREFIX}{tid}-{token}-{shard}"


_NAME = re.compile(rf"{PREFIX}(\d{{1,18}})-[0-9a-f]+-\d+")


def recover(coordinator: str, others: Sequence[str]) -> list[Recovered]:
    """Settle what was left behind on all places; conninfos, the coordinator's first.

    Raises
    ------
    DatabaseError : a place cannot be reached, or the coordinator is in the middle of a turn for too long.
    """
    with explained(), connect(coordinator, "recovery") as decider:
        decider.execute("BEGIN")
        row = decider.execute("SELECT tid FROM universe FOR UPDATE").fetchone()
        done: list[Recovered] = []
        if row is not None:
            for place in (coordinator, *others):
                with connect(place, "recovery") as connection:
                    done += resolve(connection, row[0])
        decider.execute("ROLLBACK")
    return done


def resolve(connection: Connection, tid: int) -> list[Recovered]:
    """Settle what was left behind in one database, whose session is in autocommit mode.

    Parameters
    ----------
    tid : the coordinator's last turn, its row held so that no turn is being committed meanwhile.
    """
    done = []
    for gid in left_behind(connection):
        name = _NAME.fullmatch(gid)
        if name is None:
            continue
        found = Recovered(int(name[1]), int(name[1]) <= tid)
        finish_prepared(connection, gid, commits=found.is_committed)
        done.append(found)
    return done


def left_behind(connection: Connection, prefix: str = PREFIX) -> list[str]:
    """The prepared transactions of one database with names of ours, the oldest first.

    Any role may prepare one under any name. What this role may not end it leaves alone, and says so.
    """
    rows = connection.execute(
        "SELECT gid, owner, owner = current_user OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) "
        "FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, %s) ORDER BY prepared",
        (prefix,),
    ).fetchall()
    for gid, owner, is_ours in rows:
        if not is_ours:
            log.warning(
                "the prepared transaction '%s' is of the role %s, and left alone: if it is of a server of this universe, let "
                "all connect as one role; else end it (ROLLBACK PREPARED) as that role or a superuser",
                printable(gid),
                printable(owner),
            )
    return [gid for gid, _, is_ours in rows if is_ours]


def finish_prepared(connection: Connection, gid: str, *, commits: bool) -> None:
    """Commit or roll back a prepared transaction, unless somebody has done it meanwhile."""
    verb = sql.SQL("COMMIT PREPARED {}" if commits else "ROLLBACK PREPARED {}")
    deadline = time.monotonic() + BUSY_SECONDS
    with suppress(psycopg.errors.UndefinedObject):
        while True:
            try:
                connection.execute(verb.format(sql.Literal(gid)))
                return
            except psycopg.errors.ObjectNotInPrerequisiteState:
                # Another session is preparing or ending it in this moment.
                if time.monotonic() > deadline:
                    raise
                time.sleep(BUSY_PAUSE_SECONDS)

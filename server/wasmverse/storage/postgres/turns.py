"""A turn of a universe whose blocks lie in one or several databases: who plays what, and how all of it is committed or nothing.

The caller has a transaction open in the coordinator, which is the first place::

    with database.transaction() as transaction:      # it has locked the row of universe
        summaries = turns.begin(connection of that transaction, task)
        account = turns.settle(deal(summaries, task.roster(), next_eid, budget_fuel))
        ...                                          # record, events, verdicts, the row of universe
        turns.prepare()
    turns.finish()                                   # that was committed: so is everything

and calls `rollback`, outside the transaction, when anything of that raises. The coordinator's own session plays the first shard,
so a universe with a single shard is played in a single transaction. Other shards have sessions of their own, whose transactions
are prepared and then follow the coordinator's.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import pairwise
from typing import TypeVar

import psycopg

from wasmverse.errors import DatabaseError, SettingsError, StateError, WasmverseError
from wasmverse.storage.postgres.backend.messages import Task
from wasmverse.storage.postgres.recovery import Recovered, finish_prepared, name_of, recover, resolve
from wasmverse.storage.postgres.sessions import (
    CitusSession,
    Connection,
    InsideSession,
    OutsideSession,
    Session,
    connect,
    explained,
    get_ready,
    is_usable,
)
from wasmverse.universe.deal import Dealt, Decision, Summary
from wasmverse.universe.finish import BlockAccount
from wasmverse.universe.join import account
from wasmverse.universe.result import TurnAccount

T = TypeVar("T")
log = logging.getLogger(__name__)

BLOCKS_A_SESSION = 4
"""Fewer blocks are played sooner by one session than two can be committed together."""


def sessions_for(blocks: int, cores: int) -> int:
    """How many sessions of one server share out so many blocks, if nobody says it."""
    return max(1, min(cores, blocks // BLOCKS_A_SESSION))


def shared_out(blocks: Sequence[int], shards: int) -> list[list[int]]:
    """Blocks dealt to so many shards, in order and as evenly as can be; no shard is empty, so there may be fewer."""
    shards = max(1, min(shards, len(blocks)))
    ends = [len(blocks) * number // shards for number in range(shards + 1)]
    return [list(blocks[begin:end]) for begin, end in pairwise(ends)]


class PlacedTurns:
    """The driver of the turns of one universe. For one thread.

    recovered : what was settled of what a driver before had left behind, since it was asked for last.
    """

    def __init__(
        self,
        coordinator: str,
        places: Sequence[str] = (),
        *,
        is_inside: bool = True,
        is_citus: bool = False,
        sessions: int = 1,
        threads: int = 1,
    ) -> None:
        """Open the sessions, and recover what was left behind.

        Parameters
        ----------
        coordinator, places : conninfos of the first place and of the others.
        is_inside : whether the servers' backends play; else this process does.
        sessions : on each place; of what is played outside there is one.
        threads : in each session.

        Raises
        ------
        SettingsError : a server allows no prepared transactions, and several sessions need them.
        DatabaseError, StateError : a place cannot be used.
        """
        self._conninfos = (coordinator, *places)
        self._is_inside, self._is_citus, self._threads = is_inside, is_citus, threads
        self._token = secrets.token_hex(4)
        self._prepared: list[tuple[Session, str]] = []
        self._order: list[tuple[Session, int]] = []
        self._is_unsettled = False
        self._own: list[tuple[str, Session]] = []
        self.recovered: list[Recovered] = []
        self._recover()
        self._first: Session = self._open(sessions if is_inside else 1)
        self._task: Task
        self._pool = ThreadPoolExecutor(max(1, len(self._own)), "session")
        if is_inside:
            try:
                list(self._pool.map(get_ready, (session.connection for _, session in self._own)))
            except BaseException:
                self.close()
                raise

    @property
    def threads(self) -> int:
        """How many share out the blocks, in all sessions together."""
        return sum(session.threads for session in self._sessions)

    @property
    def _sessions(self) -> list[Session]:
        return [self._first, *(session for _, session in self._own)]

    def close(self) -> None:
        """End the sessions, but for the coordinator's own."""
        self._pool.shutdown()
        for session in self._sessions:
            session.close()
        for _, session in self._own:
            with suppress(psycopg.Error):
                session.connection.close()

    # One turn

    def begin(self, connection: Connection, task: Task) -> list[Summary]:
        """Play all blocks in transactions that `settle` goes on with; their summaries, the lowest block first.

        Parameters
        ----------
        connection : the coordinator's, in a transaction that has locked the row of ``universe``.

        Raises
        ------
        StateError : a place is not at the turn before, or its rows cannot be played.
        DatabaseError : a place cannot be reached.
        """
        self._task = task
        self._first.connection = connection
        with explained():
            self._heal(connection)
            encoded = task.encoded()
            for _, session in self._own:
                session.connection.execute("BEGIN")
            played = self._each(lambda session: session.play(task, encoded))
        found = sorted(
            (summary.first_sid, number, key, summary)
            for number, summaries in enumerate(played)
            for key, summary in summaries.items()
        )
        expected = [int(sids[0]) for sids in task.laws.blocks()]
        if [first_sid for first_sid, *_ in found] != expected:
            raise StateError(
                f"the places hold {len(found):,} blocks; the universe has {len(expected):,}, each of them once: "
                "give the URLs of all its places, and no other (--place)"
            )
        self._order = [(self._sessions[number], key) for _, number, key, _ in found]
        return [summary for *_, summary in found]

    def settle(self, dealt: Dealt) -> TurnAccount:
        """End the turn in every session by what was dealt from the summaries of `begin`; nothing is committed yet."""
        decisions: dict[int, dict[int, Decision]] = {}
        for (session, key), decision in zip(self._order, dealt.decisions, strict=True):
            decisions.setdefault(id(session), {})[key] = decision
        task = self._task
        with explained():
            settled = self._each(lambda session: session.settle(task.tid, decisions[id(session)]))
        by_session = dict(zip(map(id, self._sessions), settled, strict=True))
        accounts: list[BlockAccount] = [by_session[id(session)][key] for session, key in self._order]
        threads = min(self.threads, len(accounts))
        return account(accounts, dealt, task.roster(), task.tid, threads, task.limits.log_lines_max)

    def prepare(self) -> None:
        """Make sure that all sessions can commit, whatever happens to them: the last step before the coordinator's commit."""
        others = [
            (session, name_of(self._task.tid, self._token, number))
            for number, (_, session) in enumerate(self._own, 1)
        ]
        self._prepared = others
        with explained():
            self._all(lambda session, gid: session.connection.execute(f"PREPARE TRANSACTION '{gid}'"), others)

    def finish(self) -> None:
        """The coordinator has committed: so do the others. What cannot be reached now is recovered before the next turn."""
        prepared, self._prepared = self._prepared, []
        try:
            self._all(lambda session, gid: finish_prepared(session.connection, gid, commits=True), prepared)
        except psycopg.Error as error:
            self._is_unsettled = True
            log.warning("turn %s is committed, but not yet in all places: %s", self._task.tid, error)

    def rollback(self) -> None:
        """Leave all places at the committed turn, whatever went wrong; the coordinator's transaction has ended."""
        prepared, self._prepared = self._prepared, []
        for _, session in self._own:
            with suppress(psycopg.Error):
                if is_usable(session.connection):
                    session.connection.rollback()
                else:
                    session.connection.close()
        if prepared:
            self._is_unsettled = True
            # Whether the coordinator has committed before it was lost, only itself can say.
            try:
                self._recover()
            except WasmverseError as error:
                log.warning("what turn %s left behind is recovered later: %s", self._task.tid, error)

    # Sessions

    def _open(self, sessions: int) -> Session:
        """Open all sessions; the coordinator's, which has no connection of its own."""
        with explained(), connect(self._conninfos[0]) as connection:
            if self._is_citus:
                return CitusSession(connection)
            shards = [
                (conninfo, blocks)
                for conninfo in self._conninfos
                for blocks in shared_out(_blocks_of(conninfo), sessions)
            ]
            if len(shards) > 1:
                shards = self._prepared_or_one(shards)
            kind = InsideSession if self._is_inside else OutsideSession
            first = kind(connection, shards[0][1], self._threads)
            for conninfo, blocks in shards[1:]:
                self._own.append((conninfo, kind(connect(conninfo), blocks, self._threads)))
            return first

    def _prepared_or_one(self, shards: list[tuple[str, list[int]]]) -> list[tuple[str, list[int]]]:
        """These shards, or one, where a server has no room for the prepared transactions of more."""
        for conninfo in self._conninfos:
            with connect(conninfo) as connection:
                ((text,),) = connection.execute("SHOW max_prepared_transactions").fetchall()
            needed = sum(1 for of, _ in shards[1:] if of == conninfo)
            if int(text) >= needed:
                continue
            if len(self._conninfos) == 1:
                log.warning(
                    "turns are played in one session: several need max_prepared_transactions = %d or more on the server, "
                    "it is %s",
                    needed,
                    text,
                )
                return [(conninfo, [block for _, blocks in shards for block in blocks])]
            raise SettingsError(
                f"max_prepared_transactions is {text} on a place; it must be {needed} or more where several servers commit "
                "together: set it in postgresql.conf and restart the server"
            )
        return shards

    def _heal(self, coordinator: Connection) -> None:
        """Replace connections that were lost, and settle what was left behind; the row of ``universe`` is held."""
        for conninfo, session in self._own:
            if not is_usable(session.connection):
                session.connection = connect(conninfo)
                if self._is_inside:
                    get_ready(session.connection)
        if self._is_unsettled:
            ((tid,),) = coordinator.execute("SELECT tid FROM universe").fetchall()
            for _, session in self._own:
                self._note(resolve(session.connection, tid))
            self._is_unsettled = False

    def _recover(self) -> None:
        if self._is_citus:
            with explained(), connect(self._conninfos[0], "recovery") as connection:
                connection.execute("SELECT recover_prepared_transactions()")
        else:
            self._note(recover(self._conninfos[0], self._conninfos[1:]))
        self._is_unsettled = False

    def _note(self, done: list[Recovered]) -> None:
        for each in done:
            log.warning("%s", each)
        self.recovered += done

    def _each(self, work: Callable[[Session], T]) -> list[T]:
        """What all sessions answer, the first in this thread; all have answered when this returns or raises."""
        others = [self._pool.submit(work, session) for _, session in self._own]
        try:
            first = work(self._first)
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]

    def _all(self, work: Callable[[Session, str], object], prepared: Sequence[tuple[Session, str]]) -> None:
        """Do something in all sessions that have prepared, or will; all have answered when this returns or raises."""
        others = [self._pool.submit(work, session, gid) for session, gid in prepared]
        wait(others)
        for other in others:
            other.result()


def _blocks_of(conninfo: str) -> list[int]:
    """The blocks that a place has, in order."""
    with connect(conninfo) as connection:
        blocks = [
            block for (block,) in connection.execute("SELECT block FROM place ORDER BY block").fetchall()
        ]
    if not blocks:
        raise DatabaseError(
            "a place has no block of the universe: give the URLs of its places, and no other (--place)"
        )
    return blocks

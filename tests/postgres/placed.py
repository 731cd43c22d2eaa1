"""The same universe twice: in the embedded engine, in memory, and in databases of PostgreSQL, where `PlacedTurns` plays it.

What the store around the driver does is not here: this is about the turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import psycopg

from wasmverse.commands import Command
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.storage.postgres import functions
from wasmverse.storage.postgres.backend.guests import target
from wasmverse.storage.postgres.backend.messages import RosterRow, Task
from wasmverse.storage.postgres.sessions import RELATION, connect
from wasmverse.storage.postgres.turns import PlacedTurns, shared_out
from wasmverse.strategies.limits import guest_limits
from wasmverse.universe.crew import Crew
from wasmverse.universe.deal import deal
from wasmverse.universe.packed import pack_state
from wasmverse.universe.result import TurnAccount
from wasmverse.universe.state import Nodes, Ships, State, state_hash
from wasmverse.universe.unpacked import Unpacking, split_blobs
from wasmverse.wasm.hosting import serialized

TABLES = f"""
CREATE TABLE universe (tid bigint NOT NULL, next_eid bigint NOT NULL);
CREATE TABLE place (block int PRIMARY KEY, relation text NOT NULL, tid bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE strategy_module (sha256 text PRIMARY KEY, module bytea NOT NULL);
CREATE TABLE compiled_module (sha256 text, target text, code bytea NOT NULL, PRIMARY KEY (sha256, target));
CREATE TABLE {RELATION} (block int, first_sid int, ships bytea NOT NULL, nodes bytea NOT NULL, PRIMARY KEY (block, first_sid))
    WITH (fillfactor = 50, toast_tuple_target = 8160);
ALTER TABLE {RELATION} ALTER ships SET STORAGE EXTERNAL, ALTER nodes SET STORAGE EXTERNAL;
"""
INSIDE = ("CREATE EXTENSION IF NOT EXISTS plpython3u", *functions.create("public"))


class PlacedUniverse:
    """A universe of `DuckdbStore`, and a copy of it in databases; every turn is played in both, and compared."""

    def __init__(
        self,
        settings: Settings,
        urls: Sequence[str],
        *,
        row_systems: int = 1,
        is_inside: bool = True,
        **driver: Any,
    ) -> None:
        self.embedded = DuckdbStore(Database.open(None), settings)
        self.urls, self.row_systems = urls, row_systems
        self.laws = self.embedded.laws
        self.limits = guest_limits(settings)
        blocks = shared_out(range(len(self.laws.blocks())), len(urls))
        self.url_of = {block: url for url, of in zip(urls, blocks, strict=True) for block in of}
        self.admin = {url: connect(url, "test") for url in urls}
        for connection in self.admin.values():
            connection.execute(TABLES)
            for statement in INSIDE if is_inside else ():
                connection.execute(statement)
        self.tid, self.next_eid = self.embedded.tid, self.embedded.next_eid
        self.admin[urls[0]].execute("INSERT INTO universe VALUES (%s, %s)", (self.tid, self.next_eid))
        for block in self.url_of:
            self.insert(block)
        self.place_modules()
        self.turns = PlacedTurns(urls[0], urls[1:], is_inside=is_inside, **driver)
        self.connection = psycopg.connect(urls[0])

    def close(self) -> None:
        self.turns.close()
        self.connection.close()
        for connection in self.admin.values():
            connection.close()
        self.embedded.close()

    def insert(self, block: int) -> None:
        """Write the rows of a block as they are in the embedded engine."""
        connection = self.admin[self.url_of[block]]
        with connection.transaction():
            connection.execute(f"DELETE FROM {RELATION} WHERE block = %s", (block,))
            connection.execute("DELETE FROM place WHERE block = %s", (block,))
            with connection.cursor() as cursor, cursor.copy(f"COPY {RELATION} FROM STDIN") as copy:
                for row in self._rows(block):
                    copy.write_row((block, *row))
            connection.execute("INSERT INTO place VALUES (%s, %s, %s)", (block, RELATION, self.tid))

    def _rows(self, block: int) -> list[tuple[int, bytes, bytes]]:
        sids = self.laws.blocks()[block]
        state = self.embedded.stored.state
        ships, nodes = (of_systems(columns, int(sids[0]), int(sids[-1])) for columns in state)
        packed = pack_state(ships, nodes, len(sids), Crew(1), int(sids[0]))
        cuts = [
            [*blobs.offsets[: -1 : self.row_systems].tolist(), int(blobs.offsets[-1])] for blobs in packed
        ]
        parts = [
            [blobs.data[begin:end].tobytes() for begin, end in pairwise(ends)]
            for blobs, ends in zip(packed, cuts, strict=True)
        ]
        return list(zip(sids[:: self.row_systems].tolist(), *parts, strict=True))

    # What happens

    def task(self) -> Task:
        """The next turn's."""
        rows = [
            RosterRow(
                row.strategy_id, row.name, row.sha256, row.export, row.is_enabled, row.status, row.budget_fuel
            )
            for row in self.embedded.founding().strategies
        ]
        return Task(self.tid + 1, self.laws, self.row_systems, rows, self.limits)

    def place_modules(self) -> None:
        """Copy modules, and what they were compiled to, to all places."""
        compiled = self.embedded.registry._guests._modules
        for sha256, module in self.embedded.founding().modules.items():
            code = serialized(compiled[sha256])
            for connection in self.admin.values():
                connection.execute(
                    "INSERT INTO strategy_module VALUES (%s, %s) ON CONFLICT DO NOTHING", (sha256, module)
                )
                connection.execute(
                    "INSERT INTO compiled_module VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (sha256, target(), code),
                )

    def command(self, command: Command) -> None:
        """Carry it out in the embedded engine, and copy what became of it."""
        self.embedded.carry_out(command)
        self.next_eid = self.embedded.next_eid
        self.connection.execute("UPDATE universe SET next_eid = %s", (self.next_eid,))
        self.connection.commit()
        for block in self.url_of:
            self.insert(block)
        self.place_modules()

    def advance(self) -> TurnAccount:
        """Play a turn in both, and compare all that is told of it."""
        account = self.place()
        told = self.embed()
        assert self.next_eid == self.embedded.next_eid
        assert comparable(account) == comparable(told)
        return account

    def place(self) -> TurnAccount:
        """Play a turn in the databases alone."""
        task = self.task()
        try:
            with self.connection.transaction():
                self.connection.execute("SELECT tid FROM universe FOR UPDATE")
                summaries = self.turns.begin(self.connection, task)
                dealt = deal(summaries, task.roster(), self.next_eid, self.limits.budget_fuel)
                account = self.turns.settle(dealt)
                self.connection.execute(
                    "UPDATE universe SET tid = %s, next_eid = %s", (account.tid, account.next_eid)
                )
                self.turns.prepare()
            self.turns.finish()
        except BaseException:
            self.turns.rollback()
            raise
        self.tid, self.next_eid = account.tid, account.next_eid
        return account

    def embed(self) -> TurnAccount:
        """Play a turn in the embedded engine alone."""
        found: list[TurnAccount] = []
        play = self.embedded.player.play

        def noted(*arguments: Any, **named: Any) -> Any:
            result = play(*arguments, **named)
            found.append(result)
            return result

        self.embedded.player.play = noted  # type: ignore[method-assign]
        try:
            self.embedded.advance()
        finally:
            self.embedded.player.play = play  # type: ignore[method-assign]
        return found[0]

    def state_hash(self) -> str:
        """Of what the databases hold."""
        parts: list[State] = []
        for block, url in self.url_of.items():
            connection = self.admin[url]
            ((tid,),) = connection.execute("SELECT tid FROM place WHERE block = %s", (block,)).fetchall()
            rows = connection.execute(
                f"SELECT ships, nodes FROM {RELATION} WHERE block = %s ORDER BY first_sid", (block,)
            ).fetchall()
            assert tid == self.tid
            sids = self.laws.blocks()[block]
            first_sid, systems = int(sids[0]), len(sids)
            ships, nodes = (
                Unpacking(
                    kind,
                    [split_blobs(kind, np.frombuffer(b"".join(blobs), np.uint8), systems, first_sid)],
                    first_sid,
                )
                for kind, blobs in zip(("ship", "node"), zip(*rows, strict=True), strict=True)
            )
            parts.append(State(ships.ships(Crew(1)), nodes.nodes(Crew(1))))
        ships_, nodes_ = zip(*parts, strict=True)
        return state_hash(joined(Ships, ships_), joined(Nodes, nodes_), self.tid, self.next_eid)


def of_systems(columns: Any, first: int, last: int) -> Any:
    begin, end = np.searchsorted(columns.sid, [first, last + 1])
    return type(columns)._make(column[begin:end] for column in columns)


def joined(kind: Any, parts: Sequence[Any]) -> Any:
    return kind._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def comparable(account: TurnAccount) -> dict[str, Any]:
    """All that is told of a turn, but for what depends on the clock."""
    return {
        "sums": (
            account.tid, account.next_eid, account.ship_count, account.node_count, account.writes, account.kills,
            account.faults,
        ),
        "strategies": [(each.name, each.counts, each.fuel, each.reason) for each in account.strategies],
        "events": [column.tolist() for column in account.events.columns],
        "names": account.events.names,
        "printed": account.printed,
    }  # fmt: skip

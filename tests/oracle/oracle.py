"""Runs the rules written in SQL: `universe.sql`, `beginning.sql` and, step by step, `turn.sql`.

A statement takes half a millisecond however few rows it has, and a turn has forty. So `Oracles` plays many universes
at once, with one connection for all that are made in a process; `Oracle` is one universe.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

HERE = Path(__file__).parent

UID = pa.field("uid", pa.int64())
"""Which universe: the first column of what `Oracles` takes and gives, missing from what `Oracle` does."""

SHIP = pa.schema(
    [
        ("sid", pa.uint32()),
        ("eid", pa.int64()),
        ("strategy_id", pa.uint16()),
        ("x", pa.uint8()),
        ("y", pa.uint8()),
        ("shield", pa.uint8()),
        ("blasters", pa.uint8()),
        ("thrusters", pa.uint8()),
        ("harvesters", pa.uint8()),
        ("energy", pa.uint16()),
        ("last_plan", pa.uint64()),
    ]
)
NODE = pa.schema(
    [("sid", pa.uint32()), ("eid", pa.int64()), ("x", pa.uint8()), ("y", pa.uint8()), ("energy", pa.uint16())]
)
PLAN = pa.schema([UID, ("eid", pa.int64()), ("plan", pa.uint64()), ("fault", pa.bool_())])
OBSERVATION = pa.schema([UID, ("eid", pa.int64()), ("system", pa.binary())])
STRATEGY_TURN = pa.schema(
    [UID, ("tid", pa.int64()), ("strategy", pa.string())]
    + [
        (name, pa.int64())
        for name in ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")
    ]
)
EVENT = pa.schema(
    [
        UID,
        ("tid", pa.int64()),
        ("sid", pa.uint32()),
        ("kind", pa.string()),
        ("eid", pa.int64()),
        ("x", pa.uint8()),
        ("y", pa.uint8()),
        ("strategy", pa.string()),
        ("by_strategy", pa.string()),
        ("blasters", pa.uint8()),
    ]
)


class StrategyRow(NamedTuple):
    """A strategy as the rules know it; `status` is flying, grounded or removed, `cost` the fuel that a call may take."""

    id: int
    name: str
    is_enabled: bool = True
    status: str = "flying"
    cost: int = 1


class Universe(NamedTuple):
    """How a universe begins; it has the systems 1 to `systems`. `tid` is the last turn that was played."""

    seed: int
    systems: int
    ships_min: int
    nodes_min: int
    strategies: tuple[StrategyRow, ...]
    next_eid: int = 1
    tid: int = 0
    upkeep: int = 0


@dataclass(frozen=True)
class TurnRecord:
    """What one turn did.

    `strategies` has the columns of `strategy_turn` but fuel and seconds, a row for every strategy the
    oracle was given, by name. `events` has the columns of `event`, sorted by all of them in their order.
    """

    tid: int
    next_eid: int
    writes: int
    ships: int
    nodes: int
    kills: int
    faults: int
    strategies: pa.Table
    events: pa.Table


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """The only connection: to make one, with its tables and macros, takes as long as a turn."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    # On tables of a few hundred rows, optimizing a statement takes longer than running it.
    connection.execute("PRAGMA disable_optimizer")
    for statement in _statements("universe.sql"):
        connection.execute(statement)
    return connection


@cache
def _statements(name: str) -> tuple[str, ...]:
    """The statements of a file."""
    return _cut((HERE / name).read_text())


def _cut(text: str) -> tuple[str, ...]:
    return tuple(statement.query.strip().rstrip(";") for statement in duckdb.extract_statements(text))


class Steps(NamedTuple):
    """The statements of a turn; `turn` is steps 2 to 10."""

    observe: str
    turn: tuple[str, ...]
    record: str
    record_strategies: str
    record_events: str


@cache
def _steps() -> Steps:
    parts = re.split(r"^-- (\d+\. \w+|The record)$", (HERE / "turn.sql").read_text(), flags=re.MULTILINE)
    steps = {title: _cut(sql) for title, sql in zip(parts[1::2], parts[2::2], strict=True)}
    (observe,) = steps.pop("1. Observe")
    record = steps.pop("The record")
    turn = tuple(statement for statements in steps.values() for statement in statements)
    return Steps(observe, turn, *record)


class Oracles:
    """Universes whose turns are played by SQL statements, all at once; their numbers, `uid`, are 0, 1, and so on.

    Begin them with `genesis` or `load`, then play turn after turn with `play`. They use the one connection of the process:
    when others are made, these are of no more use.
    """

    _newest: Oracles | None = None

    def __init__(self, universes: Sequence[Universe]) -> None:
        Oracles._newest = self
        self.universes = list(universes)
        self.turn = _steps().turn
        for table in ("universe", "solar_system", "strategy", "entity", "event"):
            self._run(f"DELETE FROM {table}")
        for uid, each in enumerate(universes):
            self._run(
                "INSERT INTO universe VALUES (?, ?, ?, ?, ?, ?, ?)",
                [uid, each.seed, each.ships_min, each.nodes_min, each.tid, each.next_eid, each.upkeep],
            )
            self._run("INSERT INTO solar_system SELECT ?, unnest(range(1, ? + 1))", [uid, each.systems])
            self.set_strategies(uid, each.strategies)

    def set_strategies(self, uid: int, strategies: Iterable[StrategyRow]) -> None:
        """Replace the strategies, as uploads, enabling, grounding and removing do between two turns."""
        rows = tuple(strategies)
        if len({row.id for row in rows}) < len(rows) or len({row.name for row in rows}) < len(rows):
            raise ValueError("two strategies share an id or a name: give each its own")
        self.universes[uid] = self.universes[uid]._replace(strategies=rows)
        self._run("DELETE FROM strategy WHERE uid = ?", [uid])
        for row in rows:
            self._run("INSERT INTO strategy VALUES (?, ?, ?, ?, ?, ?)", [uid, *row])

    def load(self, uid: int, ships: pa.Table, nodes: pa.Table) -> None:
        """Replace every ship and node of a universe; columns as in SHIP and NODE, in any order."""
        self._receive("loaded_ship", ships.select(SHIP.names).cast(SHIP))
        self._receive("loaded_node", nodes.select(NODE.names).cast(NODE))
        self._run("DELETE FROM entity WHERE uid = ?", [uid])
        self._run(
            """
            INSERT INTO entity BY NAME
            SELECT *, ?::BIGINT AS uid, 1 AS kind FROM loaded_ship
            UNION ALL BY NAME
            SELECT
                *, ?::BIGINT AS uid, 2 AS kind, 0 AS shield, 0 AS blasters, 0 AS thrusters, 0 AS harvesters, 0 AS last_plan
            FROM loaded_node
            """,
            [uid, uid],
        )
        ((most_sid, eids, different, most),) = self._run(
            "SELECT coalesce(max(sid), 1), count(eid), count(DISTINCT eid), coalesce(max(eid), 0) FROM entity WHERE uid = ?",
            [uid],
        )
        if most_sid > self.universes[uid].systems:
            raise ValueError("an entity is in a system that the universe does not have: raise `systems`")
        if eids != different:
            raise ValueError("an eid is given twice: ships and nodes draw from the same numbers")
        next_eid = self.value("next_eid", uid)
        if most >= next_eid:
            raise ValueError(f"next_eid is {next_eid}, but an entity has it or a higher one: raise next_eid")

    def genesis(self) -> None:
        """Make the universes of turn 0."""
        for statement in _statements("beginning.sql"):
            self._run(statement)

    def observe(self) -> pa.Table:
        """What each ship sees: uid, eid and, four bytes an entity, `system`; empty when it sees nothing."""
        return self._table(_steps().observe, OBSERVATION)

    def play(self, plans: pa.Table) -> list[TurnRecord]:
        """Play the next turn of every universe: steps 2 to 10.

        Parameters
        ----------
        plans : uid, eid, plan and fault (a trap, or out of fuel: the plan is then ignored), a row for each ship
            whose strategy is flying. Whether a plan is valid is judged here.

        Raises
        ------
        ValueError : the plans are not those of the ships that had to be called; nothing has changed.
        """
        self._check_called(plans)
        self._receive("plan", plans.select(PLAN.names).cast(PLAN))
        writes: Counter[int] = Counter()
        self._run("BEGIN")
        try:
            self._run("DELETE FROM event")
            for statement in self.turn:
                writes.update(self._affected(statement))
            self._run("COMMIT")
        except BaseException:
            self._run("ROLLBACK")
            raise
        count = len(self.universes)
        strategies = by_universe(self._table(_steps().record_strategies, STRATEGY_TURN), count)
        events = by_universe(self._table(_steps().record_events, EVENT), count)
        return [
            TurnRecord(
                tid=tid,
                next_eid=next_eid,
                writes=writes[uid],
                ships=int(ships),
                nodes=nodes,
                kills=int(kills),
                faults=int(faults),
                strategies=strategies[uid],
                events=events[uid],
            )
            for uid, tid, next_eid, ships, nodes, kills, faults in self._run(_steps().record)
        ]

    def ships(self) -> pa.Table:
        """Every ship, by (uid, sid, eid)."""
        return self._table("FROM ship ORDER BY uid, sid, eid", pa.schema([UID, *SHIP]))

    def nodes(self) -> pa.Table:
        """Every node, by (uid, sid, eid)."""
        return self._table("FROM node ORDER BY uid, sid, eid", pa.schema([UID, *NODE]))

    def random(self, seed: int, turn: int, sid: int, purpose: int) -> int:
        """One random number, as the statements make it."""
        ((number,),) = self._run("SELECT random_number(?, ?, ?, ?)", (seed, turn, sid, purpose))
        return int(number)

    def value(self, column: str, uid: int) -> int:
        """A number of a universe's own row."""
        ((value,),) = self._run(f"SELECT {column} FROM universe WHERE uid = ?", [uid])
        return int(value)

    def _check_called(self, plans: pa.Table) -> None:
        """Raise unless there is one plan for each ship whose strategy is flying, and no other."""
        planned = sorted(zip(plans.column("uid").to_pylist(), plans.column("eid").to_pylist(), strict=True))
        called = self._run(
            "SELECT uid, eid FROM ship WHERE (uid, strategy_id) IN (SELECT (uid, id) FROM strategy WHERE status = 'flying')"
            " ORDER BY ALL"
        )
        if planned != called:
            raise ValueError(
                f"plans are for the ships (uid, eid) {planned}, but the flying ones are {called}: give one each"
            )

    def _affected(self, statement: str) -> list[int]:
        """Run one statement; the universe of each row of `entity` that it changes."""
        if re.match(r"(UPDATE|INSERT INTO|DELETE FROM) entity\b", statement) is None:
            self._run(statement)
            return []
        return [uid for (uid,) in self._run(f"{statement} RETURNING uid")]

    def _run(self, statement: str, parameters: Iterable[object] = ()) -> list[tuple]:
        return self._own().execute(statement, list(parameters)).fetchall()

    def _own(self) -> duckdb.DuckDBPyConnection:
        if Oracles._newest is not self:
            raise RuntimeError(
                "another oracle was made since, and has the connection: use one after the other"
            )
        return _connection()

    def _receive(self, name: str, table: pa.Table) -> None:
        """Copy an Arrow table into the table `name`."""
        _connection().register("arrived", table)
        self._run(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM arrived")
        _connection().unregister("arrived")

    def _table(self, query: str, schema: pa.Schema) -> pa.Table:
        return self._own().sql(query).to_arrow_table().select(schema.names).cast(schema)


def by_universe(table: pa.Table, count: int) -> list[pa.Table]:
    """A table sorted by uid in one part for each of so many universes, without that column."""
    ends = np.searchsorted(table.column("uid").to_numpy(), np.arange(count), "right").tolist()
    plain = table.drop_columns("uid")
    return [plain.slice(start, end - start) for start, end in zip([0, *ends], ends, strict=False)]


class Oracle:
    """One universe, as `Oracles` plays it; `strategies` are those that it has now."""

    def __init__(self, *, strategies: Iterable[StrategyRow], **universe: int) -> None:
        self.all = Oracles([Universe(strategies=tuple(strategies), **universe)])

    @property
    def tid(self) -> int:
        """The last turn that was played; 0 is the beginning."""
        return self.all.value("tid", 0)

    @property
    def next_eid(self) -> int:
        """The eid that the next new entity gets."""
        return self.all.value("next_eid", 0)

    @property
    def strategies(self) -> tuple[StrategyRow, ...]:
        """As they were given last."""
        return self.all.universes[0].strategies

    def set_strategies(self, strategies: Iterable[StrategyRow]) -> None:
        """See `Oracles`; so for all that follows."""
        self.all.set_strategies(0, strategies)

    def load(self, ships: pa.Table, nodes: pa.Table) -> None:
        self.all.load(0, ships, nodes)

    def genesis(self) -> None:
        self.all.genesis()

    def observe(self) -> pa.Table:
        return self.all.observe().drop_columns("uid")

    def play(self, plans: pa.Table) -> TurnRecord:
        (record,) = self.all.play(plans.append_column(UID, pa.array([0] * len(plans), pa.int64())))
        return record

    def ships(self) -> pa.Table:
        return self.all.ships().drop_columns("uid")

    def nodes(self) -> pa.Table:
        return self.all.nodes().drop_columns("uid")

    def random(self, seed: int, turn: int, sid: int, purpose: int) -> int:
        return self.all.random(seed, turn, sid, purpose)

"""Runs the rules written in SQL: `universe.sql`, `beginning.sql` and, step by step, `turn.sql`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

HERE = Path(__file__).parent

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
PLAN = pa.schema([("eid", pa.int64()), ("plan", pa.uint64()), ("fault", pa.bool_())])
OBSERVATION = pa.schema([("eid", pa.int64()), ("system", pa.binary())])
STRATEGY_TURN = pa.schema(
    [("tid", pa.int64()), ("strategy", pa.string())]
    + [
        (name, pa.int64())
        for name in ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")
    ]
)
EVENT = pa.schema(
    [
        ("tid", pa.int64()),
        ("sid", pa.uint32()),
        ("kind", pa.string()),
        ("eid", pa.int64()),
        ("x", pa.uint8()),
        ("y", pa.uint8()),
        ("strategy", pa.string()),
        ("by_strategy", pa.string()),
    ]
)


class StrategyRow(NamedTuple):
    """A strategy as the rules know it; `status` is flying, grounded or removed."""

    id: int
    name: str
    is_enabled: bool = True
    status: str = "flying"


@dataclass(frozen=True)
class TurnRecord:
    """What one turn did.

    `strategies` has the columns of `strategy_turn` but fuel and seconds, a row for every strategy the
    oracle was given, by name. `events` has the columns of `event`, sorted by all of them in their order.
    """

    tid: int
    writes: int
    ships: int
    nodes: int
    kills: int
    faults: int
    strategies: pa.Table
    events: pa.Table


class Oracle:
    """A universe whose turns are played by SQL statements.

    Begin it with `genesis` or `load`, then play turn `tid + 1`, and so on, with `play`.
    """

    def __init__(
        self,
        *,
        seed: int,
        systems: int,
        ships_min: int,
        nodes_min: int,
        strategies: Iterable[StrategyRow],
        next_eid: int = 1,
        tid: int = 0,
    ) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        # On tables of a few dozen rows, optimizing a statement takes longer than running it.
        self._run("PRAGMA disable_optimizer")
        for statement in self._statements((HERE / "universe.sql").read_text()):
            self._run(statement)
        self._run("INSERT INTO universe VALUES (?, ?, ?, ?, ?)", [seed, ships_min, nodes_min, tid, next_eid])
        self._run("INSERT INTO solar_system SELECT unnest(range(1, ? + 1))", [systems])
        self.set_strategies(strategies)
        parts = re.split(r"^-- (\d+\. \w+|The record)$", (HERE / "turn.sql").read_text(), flags=re.MULTILINE)
        steps = {title: self._statements(sql) for title, sql in zip(parts[1::2], parts[2::2], strict=True)}
        (self._observe,) = steps.pop("1. Observe")
        self._record_turn, self._record_strategies, self._record_events = steps.pop("The record")
        self._turn = [statement for statements in steps.values() for statement in statements]

    @property
    def tid(self) -> int:
        """The last turn that was played; 0 is the beginning."""
        return self._value("SELECT tid FROM universe")

    @property
    def next_eid(self) -> int:
        """The eid that the next new entity gets."""
        return self._value("SELECT next_eid FROM universe")

    def set_strategies(self, strategies: Iterable[StrategyRow]) -> None:
        """Replace the strategies, as uploads, enabling, grounding and removing do between two turns."""
        self.strategies = tuple(strategies)
        self._run("DELETE FROM strategy")
        for row in self.strategies:
            self._run("INSERT INTO strategy VALUES (?, ?, ?, ?)", row)
        if self._value("SELECT count(*) - least(count(DISTINCT id), count(DISTINCT name)) FROM strategy"):
            raise ValueError("two strategies share an id or a name: give each its own")

    def load(self, ships: pa.Table, nodes: pa.Table) -> None:
        """Replace every ship and node; columns as in SHIP and NODE, in any order."""
        self._receive("loaded_ship", ships.select(SHIP.names).cast(SHIP))
        self._receive("loaded_node", nodes.select(NODE.names).cast(NODE))
        self._run("DELETE FROM entity")
        self._run(
            """
            INSERT INTO entity BY NAME
            SELECT *, 1 AS kind FROM loaded_ship
            UNION ALL BY NAME
            SELECT
                *, 2 AS kind, 0 AS shield, 0 AS blasters, 0 AS thrusters, 0 AS harvesters, 0 AS last_plan
            FROM loaded_node
            """
        )
        if self._value("SELECT count(*) FROM entity WHERE sid NOT IN (FROM solar_system)"):
            raise ValueError("an entity is in a system that the universe does not have: raise `systems`")
        if self._value("SELECT count(*) - count(DISTINCT eid) FROM entity"):
            raise ValueError("an eid is given twice: ships and nodes draw from the same numbers")
        if self._value("SELECT coalesce(max(eid), 0) FROM entity") >= self.next_eid:
            raise ValueError(
                f"next_eid is {self.next_eid}, but an entity has it or a higher one: raise next_eid"
            )

    def genesis(self) -> None:
        """Make the universe of turn 0."""
        for statement in self._statements((HERE / "beginning.sql").read_text()):
            self._run(statement)

    def observe(self) -> pa.Table:
        """What each ship sees: eid and, four bytes an entity, `system`; empty when it sees nothing."""
        return self._table(self._observe, OBSERVATION)

    def play(self, plans: pa.Table) -> TurnRecord:
        """Play turn `tid + 1`: steps 2 to 10.

        Parameters
        ----------
        plans : eid, plan and fault (a trap, or out of fuel: the plan is then ignored), a row for each ship
            whose strategy is flying. Whether a plan is valid is judged here.

        Raises
        ------
        ValueError : the plans are not those of the ships that had to be called; nothing has changed.
        """
        self._check_called(plans)
        self._receive("plan", plans.select(PLAN.names).cast(PLAN))
        self._run("BEGIN")
        try:
            self._run("DELETE FROM event")
            writes = sum(self._affected(statement) for statement in self._turn)
            self._run("COMMIT")
        except BaseException:
            self._run("ROLLBACK")
            raise
        ((tid, ships, nodes, kills, faults),) = self._run(self._record_turn)
        return TurnRecord(
            tid=tid,
            writes=writes,
            ships=int(ships),
            nodes=nodes,
            kills=int(kills),
            faults=int(faults),
            strategies=self._table(self._record_strategies, STRATEGY_TURN),
            events=self._table(self._record_events, EVENT),
        )

    def ships(self) -> pa.Table:
        """Every ship, by (sid, eid)."""
        return self._table(f"SELECT {', '.join(SHIP.names)} FROM ship ORDER BY sid, eid", SHIP)

    def nodes(self) -> pa.Table:
        """Every node, by (sid, eid)."""
        return self._table(f"SELECT {', '.join(NODE.names)} FROM node ORDER BY sid, eid", NODE)

    def random(self, seed: int, turn: int, sid: int, purpose: int) -> int:
        """One random number, as the statements make it."""
        ((number,),) = self._run("SELECT random_number(?, ?, ?, ?)", (seed, turn, sid, purpose))
        return int(number)

    def _check_called(self, plans: pa.Table) -> None:
        """Raise unless there is one plan for each ship whose strategy is flying, and no other."""
        planned = sorted(plans.column("eid").to_pylist())
        flying = self._run(
            "SELECT eid FROM ship WHERE strategy_id IN (SELECT id FROM strategy WHERE status = 'flying')"
        )
        called = sorted(eid for (eid,) in flying)
        if planned != called:
            raise ValueError(
                f"plans are for the ships {planned}, but the flying ones are {called}: give one each"
            )

    def _affected(self, statement: str) -> int:
        """Run one statement; how many rows of `entity` it reports as changed."""
        result = self._run(statement)
        changes_entity = re.match(r"(UPDATE|INSERT INTO|DELETE FROM) entity\b", statement)
        return int(result[0][0]) if changes_entity else 0

    def _run(self, statement: str, parameters: Iterable[object] = ()) -> list[tuple]:
        return self._connection.execute(statement, list(parameters)).fetchall()

    def _statements(self, text: str) -> list[str]:
        return [statement.query for statement in self._connection.extract_statements(text)]

    def _receive(self, name: str, table: pa.Table) -> None:
        """Copy an Arrow table into the table `name`."""
        self._connection.register("arrived", table)
        self._run(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM arrived")
        self._connection.unregister("arrived")

    def _value(self, query: str) -> int:
        ((value,),) = self._run(query)
        return int(value)

    def _table(self, query: str, schema: pa.Schema) -> pa.Table:
        return self._connection.sql(query).to_arrow_table().select(schema.names).cast(schema)

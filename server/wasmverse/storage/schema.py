"""Every table and view of Wasmverse, once: DDL, snapshots and documentation are all made from here.

Two sets of names live here. *Tables* are how the universe is stored; ships and nodes are kept apart
because a ship changes every turn and of a node only the energy, and packed, because what costs is their
number of values. *Views* show them as anybody would expect them; those in ``CLIENT_NAMES`` are what clients
see and may rely on. They hold for the database file and, with nearly the same text, for a reader's snapshot
of one turn, where ``ship`` and ``node`` are tables, and ``universe`` and ``strategy_module`` are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
import sqlalchemy as sa
from duckdb_engine.datatypes import Struct, UBigInteger, UInteger, USmallInteger, UTinyInteger

FORMAT_VERSION = 6
"""Stored in ``universe``; a file with a higher one was made by a newer Wasmverse and is refused."""

DTYPES: dict[type[Any], type[np.generic]] = {
    UTinyInteger: np.uint8, USmallInteger: np.uint16, UInteger: np.uint32, UBigInteger: np.uint64, sa.BigInteger: np.int64,
}  # fmt: skip
"""The numbers of ships and nodes as numpy has them, by their type in SQL."""

metadata = sa.MetaData()


def _required(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False, autoincrement=False)  # type: ignore[arg-type]


universe = sa.Table(
    "universe",
    metadata,
    _required("application", sa.Text),
    _required("format_version", UInteger),
    _required("created_by", sa.Text),
    _required("created_at", sa.DateTime),
    _required("seed", UBigInteger),
    _required("systems", UInteger),
    _required("ships_min", USmallInteger),
    _required("nodes_min", USmallInteger),
    _required("block_systems", UInteger),
    _required("tid", sa.BigInteger),
    _required("next_eid", sa.BigInteger),
    comment="One row: what this universe is, and the last turn that was committed.",
)

solar_system = sa.Table(
    "solar_system",
    metadata,
    _required("sid", UInteger),
    _required("x", USmallInteger),
    _required("y", USmallInteger),
    comment="Where the systems are on the 500 x 500 map.",
)

ship_packed = sa.Table(
    "ship_packed",
    metadata,
    _required("sid", UInteger),
    _required("eid", sa.BigInteger),
    _required("traits", UBigInteger),
    _required("energy", USmallInteger),
    _required("last_plan", UBigInteger),
    comment="Every living ship, written anew each turn. What ``TRAITS`` names is packed into one column; ``ship`` shows it.",
)
"""Writing a value costs the same whatever its width (10 to 17 ns), so this is half of what eleven columns cost:
docs/architecture.md."""

TRAITS = {"strategy_id": 16, "x": 8, "y": 8, "shield": 8, "blasters": 8, "thrusters": 8, "harvesters": 8}
"""The columns of ``ship`` in ``traits`` and their bits, from the lowest on."""

node_place = sa.Table(
    "node_place",
    metadata,
    _required("sid", UInteger),
    _required("eid", sa.BigInteger),
    _required("x", UTinyInteger),
    _required("y", UTinyInteger),
    comment="Where every energy node is. Only appended to, and now and then written anew, sorted by (sid, eid).",
)

node_energy = sa.Table(
    "node_energy",
    metadata,
    _required("energies", UBigInteger),
    comment="What the nodes hold, in the order of ``node_place``, four to a row, 16 bits each, the first lowest; written anew "
    "each turn. 0: the node is gone.",
)

NODES_A_ROW = 4

turns = sa.Table(
    "turns",
    sa.MetaData(),
    _required("slot", UInteger),
    _required("tid", sa.BigInteger),
    _required("start_time", sa.DateTime),
    _required("end_time", sa.DateTime),
    _required("writes", sa.BigInteger),
    _required("ships", sa.BigInteger),
    _required("energy_nodes", sa.BigInteger),
    _required("kills", sa.BigInteger),
    _required("faults", sa.BigInteger),
    _required("late", sa.Boolean),
)
"""The last turns, in a ring: slot is tid modulo the number that is kept. A view in the database, a table in a snapshot."""

strategy = sa.Table(
    "strategy",
    metadata,
    _required("strategy_id", USmallInteger),
    _required("name", sa.Text),
    _required("version", UInteger),
    _required("sha256", sa.Text),
    _required("bytes", sa.BigInteger),
    _required("language", sa.Text),
    _required("author", sa.Text),
    _required("owner", sa.Text),
    _required("uploaded_at", sa.DateTime),
    _required("is_enabled", sa.Boolean),
    _required("status", sa.Text),
    sa.Column("last_fault", sa.Text),
    _required("export", sa.Text),
    comment="Every strategy: status is flying, grounded or removed. export is the function of its module that decides. "
    "strategy_id, export and owner, the id of who may change it, are internal.",
)

strategy_module = sa.Table(
    "strategy_module",
    metadata,
    _required("sha256", sa.Text),
    _required("module", sa.LargeBinary),
    comment="The uploaded modules, by the hash of their bytes. Never shown to clients.",
)

strategy_turn = sa.Table(
    "strategy_turn",
    sa.MetaData(),
    _required("tid", sa.BigInteger),
    _required("strategy", sa.Text),
    _required("ships", sa.BigInteger),
    _required("energy", sa.BigInteger),
    _required("kills", sa.BigInteger),
    _required("deaths", sa.BigInteger),
    _required("spawned", sa.BigInteger),
    _required("harvested", sa.BigInteger),
    _required("upgrades", sa.BigInteger),
    _required("faults", sa.BigInteger),
    _required("fuel", sa.BigInteger),
    _required("seconds", sa.Double),
)
"""What each strategy did in each of the last turns. A view in the database, a table in a snapshot."""

STRATEGY_COLUMNS = tuple(column for column in strategy_turn.columns if column.name != "tid")

turn_record = sa.Table(
    "turn_record",
    metadata,
    *(_required(column.name, column.type) for column in turns.columns),
    sa.Column("end_time_before", sa.DateTime),
    sa.Column("late_before", sa.Boolean),
    sa.Column("strategies", sa.ARRAY(Struct({column.name: column.type for column in STRATEGY_COLUMNS}))),
    comment="The last turns; ``turns`` and ``strategy_turn`` show them. What is known of a turn only once it is committed, "
    "the next one's row says (``..._before``). ``strategies`` has one element for each, and is NULL once it is forgotten.",
)
"""One row a turn, not one here and several there: each statement of a turn costs a millisecond, however little it writes."""

event = sa.Table(
    "event",
    metadata,
    _required("tid", sa.BigInteger),
    _required("sid", UInteger),
    _required("kind", sa.Text),
    _required("eid", sa.BigInteger),
    _required("x", UTinyInteger),
    _required("y", UTinyInteger),
    sa.Column("strategy", sa.Text),
    sa.Column("by_strategy", sa.Text),
    comment="What happened lately: spawn, battle, death, starve, fault.",
)

ship = sa.Table(
    "ship",
    sa.MetaData(),
    _required("sid", UInteger),
    _required("eid", sa.BigInteger),
    _required("strategy_id", USmallInteger),
    _required("x", UTinyInteger),
    _required("y", UTinyInteger),
    _required("shield", UTinyInteger),
    _required("blasters", UTinyInteger),
    _required("thrusters", UTinyInteger),
    _required("harvesters", UTinyInteger),
    _required("energy", USmallInteger),
    _required("last_plan", UBigInteger),
)
"""Every living ship: a view in the database, a table in a snapshot, there sorted by (sid, eid)."""

node = sa.Table(
    "node",
    sa.MetaData(),
    _required("sid", UInteger),
    _required("eid", sa.BigInteger),
    _required("x", UTinyInteger),
    _required("y", UTinyInteger),
    _required("energy", USmallInteger),
)
"""Every energy node that is not gone: a view in the database, a table in a snapshot, there sorted by (sid, eid)."""

SNAPSHOT_TABLES = (solar_system, ship, node, turns, strategy, strategy_turn, event)
"""The tables that a snapshot holds, each as one Arrow file ``<name>.arrow`` with these columns and types."""

_SNAPSHOT = {table.name: table for table in SNAPSHOT_TABLES}


named_ship = sa.Table(
    "ship", sa.MetaData(), *(sa.Column(c.name, c.type) for c in ship.c), sa.Column("strategy", sa.Text)
)
"""``ship`` as a reader has it: with its strategy's name as a dictionary column, which is made without copying
and costs a query nothing, where the join below costs a third of the time of a small one."""


def entity_select(*, of_snapshot: bool = False) -> sa.CompoundSelect[tuple[object, ...]]:
    """``entity``: ships (kind 1) and nodes (kind 2) as one relation, the strategy by its name."""
    of = named_ship if of_snapshot else ship
    ships = sa.select(
        of.c.sid,
        of.c.eid,
        sa.cast(sa.literal_column("1"), UTinyInteger).label("kind"),
        of.c.strategy if of_snapshot else strategy.c.name.label("strategy"),
        of.c.x,
        of.c.y,
        of.c.energy,
        of.c.shield,
        of.c.blasters,
        of.c.thrusters,
        of.c.harvesters,
        of.c.last_plan,
    )
    if not of_snapshot:
        ships = ships.select_from(of.outerjoin(strategy, of.c.strategy_id == strategy.c.strategy_id))
    zero: sa.ColumnElement[int] = sa.literal_column("0")
    nodes = sa.select(
        node.c.sid,
        node.c.eid,
        sa.cast(sa.literal_column("2"), UTinyInteger),
        sa.cast(sa.null(), sa.Text),
        node.c.x,
        node.c.y,
        node.c.energy,
        *(sa.cast(zero, UTinyInteger) for _ in range(4)),
        sa.cast(zero, UBigInteger),
    )
    return ships.union_all(nodes)


def ship_select() -> sa.TextClause:
    """``ship``: its traits unpacked."""
    shifts = _shifts()
    unpacked = (
        f"(traits >> {shifts[name]} & {2**bits - 1})::{_UNSIGNED[bits]} AS {name}"
        for name, bits in TRAITS.items()
    )
    return sa.text(f"SELECT sid, eid, {', '.join(unpacked)}, energy, last_plan FROM ship_packed")


def node_select() -> sa.TextClause:
    """``node``: the places beside the energies, without the nodes that are gone."""
    unpacked = f"unnest([energies >> (16 * place) & 65535 FOR place IN range({NODES_A_ROW})])::USMALLINT"
    return sa.text(
        "SELECT sid, eid, x, y, energy FROM node_place POSITIONAL JOIN "
        f"(SELECT {unpacked} AS energy FROM node_energy) WHERE energy > 0"
    )


def turns_select() -> sa.TextClause:
    """``turns``: each with its true end, if the next one has told it."""
    told = {name: f"coalesce(next.{name}_before, record.{name}) AS {name}" for name in ("end_time", "late")}
    columns = (told.get(column.name, f"record.{column.name}") for column in turns.columns)
    return sa.text(
        f"SELECT {', '.join(columns)} FROM turn_record AS record LEFT JOIN turn_record AS next ON next.tid = record.tid + 1"
    )


def strategy_turn_select() -> sa.TextClause:
    """``strategy_turn``: the elements of each turn as rows."""
    columns = (f"of.{column.name}" for column in STRATEGY_COLUMNS)
    return sa.text(
        f"SELECT tid, {', '.join(columns)} FROM (SELECT tid, unnest(strategies) AS of FROM turn_record)"
    )


def pack_ships(relation: str) -> str:
    """The rows of ``ship_packed`` for the rows of a relation with the columns of ``ship``: a SELECT."""
    packed = " | ".join(f"({name}::UBIGINT << {shift})" for name, shift in _shifts().items())
    return f"SELECT sid, eid, {packed} AS traits, energy, last_plan FROM {relation}"


def pack_energies(relation: str) -> str:
    """The rows of ``node_energy`` for the nodes of a relation, in its order: a SELECT."""
    return (
        f"SELECT sum(energy::UBIGINT << (16 * (place % {NODES_A_ROW})))::UBIGINT FROM "
        f"(SELECT energy, row_number() OVER () - 1 AS place FROM {relation}) "
        f"GROUP BY place // {NODES_A_ROW} ORDER BY place // {NODES_A_ROW}"
    )


_UNSIGNED = {8: "UTINYINT", 16: "USMALLINT"}


def _shifts() -> dict[str, int]:
    ends = accumulate(TRAITS.values())
    return {name: end - bits for (name, bits), end in zip(TRAITS.items(), ends, strict=True)}


def conflict_select() -> sa.Select[tuple[object, ...]]:
    """``entities_with_conflict``: the ships that share a cell with another ship."""
    crowded = sa.select(
        ship.c.eid,
        ship.c.sid,
        sa.func.count().over(partition_by=(ship.c.sid, ship.c.x, ship.c.y)).label("ships_in_cell"),
    ).subquery()
    return sa.select(crowded.c.eid, crowded.c.sid).where(crowded.c.ships_in_cell > 1)


def entity_strategy_select() -> sa.Select[tuple[object, ...]]:
    """``entity_strategy``: the strategies under the names of the original demo."""
    return sa.select(strategy.c.name.label("udf"), strategy.c.is_enabled)


def client_strategy_select() -> sa.Select[tuple[object, ...]]:
    """``strategy`` as clients see it: all but the internal ids."""
    internal = {strategy.c.strategy_id, strategy.c.owner, strategy.c.export}
    return sa.select(*(column for column in strategy.c if column not in internal))


VIEWS: dict[str, Callable[[], sa.Select[Any] | sa.CompoundSelect[Any] | sa.TextClause]] = {
    "ship": ship_select,
    "node": node_select,
    "turns": turns_select,
    "strategy_turn": strategy_turn_select,
    "entity": entity_select,
    "entities_with_conflict": conflict_select,
    "entity_strategy": entity_strategy_select,
}

CLIENT_NAMES = (
    "solar_system",
    "entity",
    "turns",
    "entity_strategy",
    "strategy",
    "strategy_turn",
    "event",
    "entities_with_conflict",
)
"""The relations that clients may name. ``strategy`` is shown without its ``strategy_id``, ``owner`` and ``export``."""


def ddl(dialect: sa.Dialect) -> list[str]:
    """``CREATE TABLE`` and ``CREATE VIEW`` statements, in an order in which they can be run."""
    tables = [str(sa.schema.CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    return tables + [f"CREATE VIEW {name} AS {view_sql(name, dialect)}" for name in VIEWS]


def view_sql(name: str, dialect: sa.Dialect) -> str:
    """The text of one view's SELECT, literals rendered."""
    return str(VIEWS[name]().compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def snapshot_view_sql(name: str, dialect: sa.Dialect, prefix: str) -> str:
    """The SELECT behind one of ``CLIENT_NAMES`` over a snapshot, whose tables' names begin with ``prefix``."""
    select: sa.Select[tuple[object, ...]] | sa.CompoundSelect[tuple[object, ...]] | sa.TextClause
    if name == "entity":
        select = entity_select(of_snapshot=True)
    elif name == "strategy":
        select = client_strategy_select()
    elif name in _SNAPSHOT:
        select = sa.select(_SNAPSHOT[name])
    else:
        select = VIEWS[name]()
    marker = "prefix_of_snapshot"
    text = select.compile(
        dialect=dialect,
        schema_translate_map={None: marker},
        render_schema_translate=True,
        compile_kwargs={"literal_binds": True},
    )
    return str(text).replace(f"{marker}.", prefix)

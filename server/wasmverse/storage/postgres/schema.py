"""The tables of a universe in PostgreSQL. What clients see of them is what `storage.schema` says; `views` makes it of these.

Integers are wide enough for the unsigned ones of `storage.schema`, since PostgreSQL has none. The coordinator, which is the
first place, has all tables. Every place has `PLACE_TABLES`, with the rows of its own blocks.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from duckdb_engine.datatypes import UBigInteger, UInteger, USmallInteger, UTinyInteger
from sqlalchemy.dialects.postgresql import JSONB

from wasmverse.storage import schema

WIDER: dict[type[Any], sa.types.TypeEngine[Any]] = {
    UTinyInteger: sa.SmallInteger(), USmallInteger: sa.Integer(), UInteger: sa.BigInteger(), UBigInteger: sa.Numeric(20, 0),
}  # fmt: skip
"""By a type of `storage.schema`, the smallest one that holds all its values."""

metadata = sa.MetaData()


def as_stored(table: sa.Table, *more: sa.schema.SchemaItem, keys: tuple[str, ...] = ()) -> sa.Table:
    """A table of `storage.schema` with types that PostgreSQL has, and with more columns or constraints.

    Parameters
    ----------
    keys : the columns of its primary key.
    """
    columns = [
        sa.Column(
            column.name,
            WIDER.get(type(column.type), column.type),
            nullable=column.nullable,
            autoincrement=False,
            primary_key=column.name in keys,
        )
        for column in table.columns
    ]
    return sa.Table(table.name, metadata, *columns, *more, comment=table.comment)


def _required(name: str, type_: sa.types.TypeEngine[Any], **more: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, autoincrement=False, **more)


def _order() -> sa.Column[Any]:
    """The rows of a table in the order in which they were added."""
    return sa.Column("place", sa.BigInteger, sa.Identity(always=True), primary_key=True)


universe = sa.Table(
    "universe",
    metadata,
    _required("application", sa.Text()),
    _required("created_by", sa.Text()),
    _required("created_at", sa.DateTime()),
    _required("seed", sa.BigInteger()),
    _required("systems", sa.BigInteger()),
    _required("ships_min", sa.Integer()),
    _required("nodes_min", sa.Integer()),
    _required("block_systems", sa.BigInteger()),
    _required("row_systems", sa.Integer()),
    _required("tid", sa.BigInteger()),
    _required("next_eid", sa.BigInteger()),
    _required("changes", sa.BigInteger(), server_default="0"),
    _required("spawned", sa.BigInteger(), server_default="0"),
    _required("upkeep", sa.Integer(), server_default="0"),
    comment="One row: what this universe is, and the last turn that was committed. row_systems neighbouring systems are a row of "
    "system_state. changes counts the commands that were carried out, spawned those that changed a system. Whoever changes "
    "anything holds this row.",
)

solar_system = as_stored(schema.solar_system, keys=("sid",))
strategy = as_stored(schema.strategy, sa.UniqueConstraint("name"), keys=("strategy_id",))
strategy_version = as_stored(schema.strategy_version, keys=("strategy", "version"))
strategy_version_module = as_stored(schema.strategy_version_module, keys=("sha256",))
wasm_function = as_stored(schema.wasm_function, keys=("name", "parameters", "version"))
wasm_function_module = as_stored(schema.wasm_function_module, keys=("sha256",))

turn_record = sa.Table(
    "turn_record",
    metadata,
    *(
        _required(column.name, WIDER.get(type(column.type), column.type), primary_key=column.name == "tid")
        for column in schema.turns.columns
    ),
    sa.Column("end_time_before", sa.DateTime),
    sa.Column("late_before", sa.Boolean),
    sa.Column("strategies", JSONB),
    sa.Column("names", sa.Text),
    sa.Column("events", sa.LargeBinary),
    sa.Column("story", sa.Text),
    sa.Column("digest", sa.Text),
    comment="The last turns; turns, strategy_turn, event and story show them. What is known of a turn only once it is committed, "
    "the next one's row says (..._before). strategies has one element for each; events are packed, with the names of the "
    "strategies in them, with commas. These are NULL once they are forgotten. story is what is told of the turn, and digest what "
    "it brought for the chronicle, as JSON.",
)

event_batch = sa.Table(
    "event_batch",
    metadata,
    _order(),
    _required("tid", sa.BigInteger()),
    _required("names", sa.Text()),
    _required("events", sa.LargeBinary()),
    comment="What happened lately between two turns, packed as in turn_record.",
)

strategy_log = as_stored(schema.strategy_log, _order())
strategy_fault = as_stored(schema.strategy_fault, keys=("fault_id",))
message = as_stored(schema.message, _order())
chronicle = as_stored(schema.chronicle, keys=("tid",))

clock = sa.Table(
    "clock",
    metadata,
    _required("epoch", sa.BigInteger()),
    sa.Column("holder", sa.Text),
    sa.Column("backend", sa.Integer),
    sa.Column("period_seconds", sa.Double),
    sa.Column("since", sa.DateTime(timezone=True)),
    comment="One row: which process plays the turns. The epoch grows with every one that takes the clock.",
)

command_decision = sa.Table(
    "command_decision",
    metadata,
    sa.Column("gid", sa.Text, primary_key=True),
    comment="The prepared transactions on other places that go with commands that were committed here.",
)

strategy_module = as_stored(schema.strategy_module, keys=("sha256",))

compiled_module = sa.Table(
    "compiled_module",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    _required("code", sa.LargeBinary()),
    comment="What modules of strategies were compiled to, by a process that checked them, for one version of the compiler and "
    "kind of processor.",
)

system_state = sa.Table(
    "system_state",
    metadata,
    sa.Column("block", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("first_sid", sa.Integer, primary_key=True, autoincrement=False),
    _required("ships", sa.LargeBinary()),
    _required("nodes", sa.LargeBinary()),
    comment="The ships and the nodes of neighbouring systems, packed, those of one after those of the other; all rewritten each "
    "turn. ship and node show them.",
    # Both versions of a row fit into a page, so an update stays in it and touches no index.
    postgresql_with={"fillfactor": 50, "toast_tuple_target": 8160, "autovacuum_vacuum_cost_delay": 0},
)
"""``universe.row_format`` has the bytes."""

place = sa.Table(
    "place",
    metadata,
    sa.Column("block", sa.Integer, primary_key=True, autoincrement=False),
    _required("relation", sa.Text()),
    _required("tid", sa.BigInteger()),
    _required("spawned", sa.BigInteger(), server_default="0"),
    _required("last_spawn", sa.BigInteger(), server_default="0"),
    comment="The blocks that are here, the relation that has their rows, the turn that these are of, how many commands have "
    "changed them, and the number of the last one, counted over all blocks.",
    postgresql_with={"fillfactor": 50},
)

PLACE_TABLES = (strategy_module, compiled_module, system_state, place)
"""What every place has."""

CITUS_REFERENCE = (strategy_module, compiled_module)
"""What Citus has whole on every worker."""


def tables(*, is_coordinator: bool) -> list[sa.Table]:
    """The tables of a place."""
    return list(metadata.sorted_tables) if is_coordinator else list(PLACE_TABLES)

"""Every table of Wasmverse, once: DDL, snapshots and documentation are all made from here, and the views in `views`.

Two sets of names live here. *Tables* are how the universe is stored: all ships and nodes of a system are one
row, packed as `universe.row_format` says, because what a turn costs is the number of values that it writes.
*Views* show them as anybody would expect them; those in ``views.CLIENT_NAMES`` are what clients see and may rely
on. They hold for the database file and, with nearly the same text, for a reader's snapshot of one turn,
where ``ship`` and ``node`` are tables, and ``universe`` and ``strategy_module`` are left out.
"""

from __future__ import annotations

import sqlalchemy as sa
from duckdb_engine.datatypes import Struct, UBigInteger, UInteger, USmallInteger, UTinyInteger

FORMAT_VERSION = 15
"""Stored in ``universe``; a file with a higher one was made by a newer Wasmverse and is refused."""

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
    _required("upkeep", USmallInteger),
    comment="One row: what this universe is, and where it was when it was last opened, changed or closed. "
    "Rows of ``turn_record`` with a higher tid say where it is since.",
)

solar_system = sa.Table(
    "solar_system",
    metadata,
    _required("sid", UInteger),
    _required("x", USmallInteger),
    _required("y", USmallInteger),
    comment="Where the systems are on the 500 x 500 map.",
)

system_state = sa.Table(
    "system_state",
    metadata,
    _required("sid", UInteger),
    _required("ships", sa.LargeBinary),
    _required("nodes", sa.LargeBinary),
    comment="The ships and the nodes of every system, packed; a row a system by sid, all rewritten each turn. ``ship`` and "
    "``node`` show them.",
)
"""``universe.row_format`` has the bytes, docs/architecture.md what other layouts cost."""

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
    sa.Column("budget_fuel", sa.BigInteger),
    comment="Every strategy: status is flying, grounded or removed. budget_fuel is what its upload declared for a call, NULL if "
    "it did not. export is the function of its module that decides. "
    "strategy_id, export and owner, the id of who may change it, are internal.",
)

strategy_module = sa.Table(
    "strategy_module",
    metadata,
    _required("sha256", sa.Text),
    _required("module", sa.LargeBinary),
    comment="The uploaded modules, by the hash of their bytes. Never shown to clients.",
)

strategy_version = sa.Table(
    "strategy_version",
    metadata,
    _required("strategy", sa.Text),
    _required("version", UInteger),
    _required("sha256", sa.Text),
    _required("bytes", sa.BigInteger),
    _required("language", sa.Text),
    _required("author", sa.Text),
    sa.Column("budget_fuel", sa.BigInteger),
    _required("uploaded_at", sa.DateTime),
    _required("replaced_tid", sa.BigInteger),
    comment="The last versions of strategies that were replaced, as far as they are kept: `wasmverse strategy rollback` uploads "
    "one again. replaced_tid is the last turn in which it flew.",
)

strategy_version_module = sa.Table(
    "strategy_version_module",
    metadata,
    _required("sha256", sa.Text),
    _required("module", sa.LargeBinary),
    comment="The modules of replaced versions, by the hash of their bytes. Never shown to clients.",
)
"""Apart from ``strategy_module``, whose modules are compiled, and copied to wherever turns are played."""

wasm_function = sa.Table(
    "wasm_function",
    metadata,
    _required("name", sa.Text),
    _required("kind", sa.Text),
    _required("signature", sa.Text),
    _required("version", UInteger),
    _required("is_current", sa.Boolean),
    _required("sha256", sa.Text),
    _required("bytes", sa.BigInteger),
    _required("language", sa.Text),
    _required("author", sa.Text),
    _required("created_at", sa.DateTime),
    _required("owner", sa.Text),
    _required("parameters", sa.Text),
    _required("function", sa.Text),
    _required("abi", sa.Text),
    _required("export", sa.Text),
    sa.Column("state", sa.Text),
    _required("is_handle", sa.Boolean),
    sa.Column("initialize", sa.Text),
    sa.Column("iterate", sa.Text),
    sa.Column("merge", sa.Text),
    sa.Column("terminate", sa.Text),
    sa.Column("pages_max", UInteger),
    comment="Wasm functions of SQL: every kept version of each; queries call the current one. kind is scalar, table or "
    "aggregate. owner, the id of who may change it, and what follows it are internal: the names of the parameters' types, which "
    "tell functions of one name apart, the types of the function and of an aggregate's state as JSON, and the exports.",
)

wasm_function_module = sa.Table(
    "wasm_function_module",
    metadata,
    _required("sha256", sa.Text),
    _required("module", sa.LargeBinary),
    comment="The modules of functions, by the hash of their bytes. Never shown to clients.",
)

FUNCTION_INTERNAL = tuple(wasm_function.columns)[10:]
"""What clients do not see of a function: its owner's id, and what only those need who call it."""

published_function = sa.Table(
    "wasm_function",
    sa.MetaData(),
    *(sa.Column(column.name, column.type, nullable=column.nullable) for column in wasm_function.columns),
    sa.Column("refusal", sa.Text),
    _required("calls", sa.BigInteger),
    _required("rows", sa.BigInteger),
    _required("faults", sa.BigInteger),
    _required("fuel", sa.BigInteger),
    _required("seconds", sa.Double),
    _required("statement", sa.Text),
)
"""``wasm_function`` as a snapshot has it: with why one cannot be called any more, what readers have counted of its calls since
the server's start, and the statement that would create it."""

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
    sa.Column("next_eid", sa.BigInteger),
    sa.Column("names", sa.Text),
    sa.Column("events", sa.LargeBinary),
    sa.Column("story", sa.Text),
    sa.Column("digest", sa.Text),
    comment="The last turns; ``turns``, ``strategy_turn``, ``event`` and ``story`` show them. What is known of a turn only once "
    "it is committed, the next one's row says (``..._before``). ``strategies`` has one element for each; ``events`` are packed, "
    "with the ``names`` of the strategies in them. Both are NULL once they are forgotten. ``next_eid`` is what the turn left to "
    "the next. ``story`` is what is told of the turn, and ``digest`` what it brought for the chronicle, as JSON.",
)
"""One row a turn, not one in each of several tables: every statement of a turn costs a millisecond, however little it writes.

``universe.event_format`` has the bytes of the events."""

event_batch = sa.Table(
    "event_batch",
    metadata,
    _required("tid", sa.BigInteger),
    _required("names", sa.Text),
    _required("events", sa.LargeBinary),
    comment="What happened lately between two turns, packed, with the names of the strategies in it. ``event`` shows it, with "
    "what happened in turns.",
)

event = sa.Table(
    "event",
    sa.MetaData(),
    _required("tid", sa.BigInteger),
    _required("sid", UInteger),
    _required("kind", sa.Text),
    _required("eid", sa.BigInteger),
    _required("x", UTinyInteger),
    _required("y", UTinyInteger),
    sa.Column("strategy", sa.Text),
    sa.Column("by_strategy", sa.Text),
    _required("blasters", UTinyInteger),
)
"""What happened lately: spawn, battle, death, starve, fault. A view in the database, a table in a snapshot."""

strategy_log = sa.Table(
    "strategy_log",
    metadata,
    _required("tid", sa.BigInteger),
    _required("strategy", sa.Text),
    sa.Column("eid", sa.BigInteger),
    _required("line", sa.Text),
    _required("dropped", sa.BigInteger),
    comment="What strategies printed lately, line by line, each with the ship that it was for. Where a turn had more lines of a "
    "strategy than are kept, a last row without eid says how many were dropped.",
)

strategy_fault = sa.Table(
    "strategy_fault",
    metadata,
    _required("fault_id", sa.BigInteger),
    _required("tid", sa.BigInteger),
    _required("strategy", sa.Text),
    _required("version", UInteger),
    _required("sid", UInteger),
    _required("eid", sa.BigInteger),
    _required("reason", sa.Text),
    sa.Column("plan", UBigInteger),
    _required("x", UTinyInteger),
    _required("y", UTinyInteger),
    _required("energy", USmallInteger),
    _required("shield", UTinyInteger),
    _required("blasters", UTinyInteger),
    _required("thrusters", UTinyInteger),
    _required("harvesters", UTinyInteger),
    _required("last_plan", UBigInteger),
    _required("seen", sa.LargeBinary),
    _required("block_row", UInteger),
    _required("world_seed", UBigInteger),
    _required("budget_fuel", sa.BigInteger),
    _required("calls_before", UInteger),
    _required("calls", sa.LargeBinary),
    comment="The newest faults of each strategy, with all that its call was given: what `wasmverse strategy relive` repeats. "
    "plan is what it returned, NULL if it trapped. seen has 4 bytes for each entity in sight: kind, danger, x, y. The same "
    "instance had answered calls_before other ships of the turn; calls has the last of them, packed.",
)
"""``strategies.calls`` has the bytes of the calls."""

message = sa.Table(
    "message",
    metadata,
    _required("tid", sa.BigInteger),
    _required("author", sa.Text),
    _required("text", sa.Text),
    comment="What clients transmitted lately. ``transmission`` shows it, with what strategies printed.",
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

turn_phase = sa.Table(
    "turn_phase",
    sa.MetaData(),
    _required("tid", sa.BigInteger),
    *(
        _required(f"{phase}_seconds", sa.Double)
        for phase in ("read", "observe", "decide", "resolve", "commit")
    ),
    sa.Column("publish_seconds", sa.Double),
    _required("watchers", sa.BigInteger),
)
"""How long each phase of the last turns took, and how many connections had live queries: what this server has seen, not stored.
A table in a snapshot only. publish_seconds is NULL for the newest turn, which is not published before its snapshot is written."""

turn_kept = sa.Table(
    "turn_kept",
    sa.MetaData(),
    _required("oldest_tid", sa.BigInteger),
    _required("newest_tid", sa.BigInteger),
    _required("memory_tid", sa.BigInteger),
    sa.Column("keyframe_turns", UInteger),
    _required("bytes", sa.BigInteger),
    _required("bytes_max", sa.BigInteger),
)
"""One row: the turns that a query may name, from the oldest to the newest; those from ``memory_tid`` on are in memory, and older
ones are played again, from keyframes every so many turns. ``bytes`` is what these take on disk. keyframe_turns is NULL where
turns are kept only in memory. Only in snapshots, and filled by who publishes them."""


chronicle = sa.Table(
    "chronicle",
    metadata,
    _required("tid", sa.BigInteger),
    _required("state", sa.Text),
    _required("heroes", sa.Text),
    comment="One row: what is remembered of ships and strategies at the end of a turn, as JSON. The digests of later turns in "
    "``turn_record`` say what came since. ``hero`` shows ``heroes``.",
)

story = sa.Table(
    "story",
    sa.MetaData(),
    _required("tid", sa.BigInteger),
    sa.Column("sid", sa.Integer),
    sa.Column("eid", sa.BigInteger),
    sa.Column("x", sa.Integer),
    sa.Column("y", sa.Integer),
    _required("kind", sa.Text),
    _required("score", sa.Double),
    sa.Column("strategy", sa.Text),
    sa.Column("by_strategy", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("by_name", sa.Text),
    sa.Column("value", sa.BigInteger),
    _required("text", sa.Text),
)
"""What is worth telling of the last turns. A view in the database, a table in a snapshot."""

hero = sa.Table(
    "hero",
    sa.MetaData(),
    _required("eid", sa.BigInteger),
    _required("name", sa.Text),
    _required("sid", sa.Integer),
    _required("strategy", sa.Text),
    _required("rank", sa.Text),
    _required("born_tid", sa.BigInteger),
    _required("kills", sa.BigInteger),
    _required("energy_max", sa.BigInteger),
    _required("blasters", sa.Integer),
    sa.Column("died_tid", sa.BigInteger),
    sa.Column("killer_eid", sa.BigInteger),
    sa.Column("killer_name", sa.Text),
    sa.Column("killer_strategy", sa.Text),
    sa.Column("obituary", sa.Text),
)
"""The notable ships that are alive and the fallen. A table in a snapshot; the view ``hero`` joins what ships are now."""

SNAPSHOT_TABLES = (
    solar_system,
    ship,
    node,
    turns,
    strategy,
    strategy_version,
    strategy_turn,
    turn_phase,
    event,
    strategy_log,
    strategy_fault,
    message,
    published_function,
    turn_kept,
    story,
    hero,
)
"""The tables that a snapshot holds, each as one Arrow file ``<name>.arrow`` with these columns and types."""

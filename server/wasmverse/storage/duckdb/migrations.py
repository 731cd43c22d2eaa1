"""From each format of the file to the next: the steps that migrate a universe made by an older Wasmverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa
from numpy.typing import NDArray

from wasmverse.errors import ModuleRefused, StateError
from wasmverse.storage import schema, views
from wasmverse.storage.duckdb.state_rows import as_rows
from wasmverse.storage.event_batch import pack_events
from wasmverse.universe.crew import Crew
from wasmverse.universe.event_format import EVENT_KINDS, brought_up
from wasmverse.universe.outcome import NOBODY
from wasmverse.universe.packed import pack_state
from wasmverse.universe.result import EVENT_DTYPES, EventColumns, Events
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, Nodes, Ships
from wasmverse.universe.unpacked import Unpacking


class Transaction(Protocol):
    """What a step may do that is no statement."""

    driver: duckdb.DuckDBPyConnection

    def run(self, statement: str, **parameters: object) -> None:
        """Execute a statement."""

    def run_text(self, statement: str) -> list[Any]:
        """The rows of a query."""


Step = str | Callable[[Transaction], None]


def migrate(version: int, dialect: sa.Dialect) -> list[Step]:
    """What brings a file of an older format to the present one: statements, and functions to be called in the same
    transaction. Views are made again."""
    known = [name for name in views.VIEWS if version >= _VIEWS_SINCE.get(name, 1)]
    return [
        *(f"DROP VIEW {name}" for name in known),
        *(statement for step in range(version, schema.FORMAT_VERSION) for statement in _STEPS[step]),
        *(f"CREATE VIEW {name} AS {views.view_sql(name, dialect)}" for name in views.VIEWS),
        f"UPDATE universe SET format_version = {schema.FORMAT_VERSION}",
    ]


_VIEWS_SINCE = {
    "ship": 3,
    "node": 3,
    "turns": 4,
    "strategy_turn": 4,
    "event": 8,
    "transmission": 9,
    "hit": 11,
    "visible": 11,
    "story": 12,
    "hero": 12,
}


def _find_exports(transaction: Transaction) -> None:
    """Read once from each module which of its exports flies a strategy: before format 6 that was done at every start."""
    from wasmverse.strategies.contract import export_of  # noqa: PLC0415 - loads the host of guests, only for an old file

    flown = transaction.run_text(
        "SELECT strategy_id, name, module FROM strategy JOIN strategy_module USING (sha256) WHERE status <> 'removed'"
    )
    for strategy_id, name, module in flown:
        try:
            export = export_of(bytes(module), name)
        except ModuleRefused:  # it cannot fly any more, and is grounded at the start
            continue
        transaction.run(
            "UPDATE strategy SET export = :export WHERE strategy_id = :strategy_id",
            export=export,
            strategy_id=strategy_id,
        )


_TRAITS = {"strategy_id": 16, "x": 8, "y": 8, "shield": 8, "blasters": 8, "thrusters": 8, "harvesters": 8}
"""The bits of a ship's columns in ``ship_packed.traits`` of the formats 3 to 5, the first ones lowest."""

_SHIFTS = dict(zip(_TRAITS, np.cumsum([0, *_TRAITS.values()]).tolist(), strict=False))


def _pack_systems(transaction: Transaction) -> None:
    """Step 5: ships had a row each, and nodes a row of ``node_place`` beside a quarter of one of ``node_energy``."""
    connection = transaction.driver
    connection.execute(
        "CREATE TABLE system_state (sid UINTEGER NOT NULL, ships BLOB NOT NULL, nodes BLOB NOT NULL)"
    )
    ((systems,),) = connection.execute("SELECT coalesce(max(systems), 0) FROM universe").fetchall()
    counted = "SELECT (SELECT count(*) FROM node_place), (SELECT count(*) FROM node_energy)"
    ((places, energies),) = connection.execute(counted).fetchall()
    if energies != -(-places // 4):
        raise StateError(
            f"node_place has {places:,} rows and node_energy {energies:,}; {-(-places // 4):,} are needed, each for 4 nodes: "
            "restore a copy of the file"
        )
    traits = ", ".join(
        f"(traits >> {_SHIFTS[name]} & {2**bits - 1}) AS {name}" for name, bits in _TRAITS.items()
    )
    shown = connection.sql(f"SELECT sid, eid, {traits}, energy, last_plan FROM ship_packed ORDER BY sid, eid")
    ships = Ships._make(_column(shown.to_arrow_table(), name, dtype) for name, dtype in SHIP_DTYPES.items())
    unpacked = "unnest([energies >> (16 * place) & 65535 FOR place IN range(4)])"
    shown = connection.sql(
        "SELECT sid, eid, x, y, energy FROM node_place POSITIONAL JOIN "
        f"(SELECT {unpacked} AS energy FROM node_energy) WHERE energy > 0 ORDER BY sid, eid"
    )
    nodes = Nodes._make(_column(shown.to_arrow_table(), name, dtype) for name, dtype in NODE_DTYPES.items())
    packed = pack_state(ships, nodes, systems, Crew(1))
    # What others have broken is refused while the file is as they know it.
    Unpacking("ship", [packed.ships]).ships(Crew(1))
    Unpacking("node", [packed.nodes]).nodes(Crew(1))
    rows = as_rows(packed)
    connection.execute("INSERT INTO system_state SELECT sid, ships, nodes FROM rows").fetchall()
    assert len(rows) == systems
    for table in ("ship_packed", "node_place", "node_energy"):
        connection.execute(f"DROP TABLE {table}")


def _pack_events(transaction: Transaction) -> None:
    """Step 7: events had a row each."""
    connection = transaction.driver
    connection.execute(
        "CREATE TABLE event_batch (tid BIGINT NOT NULL, names TEXT NOT NULL, events BLOB NOT NULL)"
    )
    rows = connection.sql("SELECT * FROM event ORDER BY tid, rowid").to_arrow_table()
    for name in ("tid", "sid", "kind", "eid", "x", "y"):
        if rows[name].null_count:
            raise StateError(f"event has {name} NULL in {rows[name].null_count} rows; none may: remove them")
    for kind in set(rows["kind"].unique().to_pylist()) - set(EVENT_KINDS):
        raise StateError(f"event has kind {kind!r}; there are {', '.join(EVENT_KINDS)}: remove its rows")
    for tid in rows["tid"].unique().to_pylist():
        of = rows.filter(pa.compute.equal(rows["tid"], tid))
        names = sorted({*of["strategy"].to_pylist(), *of["by_strategy"].to_pylist()} - {None})
        slots = {name: slot for slot, name in enumerate(names)}
        values = {
            **{name: of[name] for name in ("sid", "eid", "x", "y")},
            "kind": [EVENT_KINDS.index(kind) for kind in of["kind"].to_pylist()],
            "slot": [slots.get(name, NOBODY) for name in of["strategy"].to_pylist()],
            "by_slot": [slots.get(name, NOBODY) for name in of["by_strategy"].to_pylist()],
            "blasters": np.zeros(of.num_rows),
        }
        columns = Events(**{name: np.array(values[name], dtype) for name, dtype in EVENT_DTYPES.items()})
        batch = pack_events(EventColumns(columns, names))
        connection.execute("INSERT INTO event_batch VALUES (?, ?, ?)", [tid, *batch]).fetchall()
    connection.execute("DROP TABLE event")


def _bring_up_events(transaction: Transaction) -> None:
    """Step 10: events had not said a ship's blasters."""
    connection = transaction.driver
    for table in ("turn_record", "event_batch"):
        batches = connection.execute(f"SELECT rowid, events FROM {table} WHERE events IS NOT NULL").fetchall()
        for row, batch in batches:
            connection.execute(
                f"UPDATE {table} SET events = ? WHERE rowid = ?", [brought_up(batch), row]
            ).fetchall()


def _column(rows: pa.Table, name: str, dtype: type[np.generic]) -> NDArray[Any]:
    values = rows[name]
    if values.null_count:
        raise StateError(
            f"{values.null_count} entities have {name} NULL; none may: restore a copy of the file"
        )
    return values.to_numpy().astype(dtype)


_STEPS: dict[int, tuple[Step, ...]] = {
    # Energies had been a column of node; whose table is made again, so that the rows of both have one order.
    1: (
        "CREATE TABLE node_1 AS SELECT * FROM node ORDER BY sid, eid",
        "DROP TABLE node",
        "CREATE TABLE node (sid UINTEGER NOT NULL, eid BIGINT NOT NULL, x UTINYINT NOT NULL, y UTINYINT NOT NULL)",
        "INSERT INTO node SELECT sid, eid, x, y FROM node_1",
        "CREATE TABLE node_energy (energy USMALLINT NOT NULL)",
        "INSERT INTO node_energy SELECT energy FROM node_1",
        "DROP TABLE node_1",
    ),
    # Every trait of a ship had been a column, and every energy a row.
    2: (
        "CREATE TABLE ship_packed (sid UINTEGER NOT NULL, eid BIGINT NOT NULL, traits UBIGINT NOT NULL, "
        "energy USMALLINT NOT NULL, last_plan UBIGINT NOT NULL)",
        "INSERT INTO ship_packed SELECT sid, eid, "
        + " | ".join(f"({name}::UBIGINT << {shift})" for name, shift in _SHIFTS.items())
        + " AS traits, energy, last_plan FROM ship",
        "DROP TABLE ship",
        "ALTER TABLE node RENAME TO node_place",
        "ALTER TABLE node_energy RENAME TO node_energy_2",
        "CREATE TABLE node_energy (energies UBIGINT NOT NULL)",
        "INSERT INTO node_energy SELECT sum(energy::UBIGINT << (16 * (place % 4)))::UBIGINT FROM "
        "(SELECT energy, row_number() OVER () - 1 AS place FROM node_energy_2) GROUP BY place // 4 ORDER BY place // 4",
        "DROP TABLE node_energy_2",
    ),
    # Turns, and what each strategy did in them, had been two tables.
    3: (
        "CREATE TABLE turn_record (slot UINTEGER NOT NULL, tid BIGINT NOT NULL, start_time TIMESTAMP NOT NULL, "
        "end_time TIMESTAMP NOT NULL, writes BIGINT NOT NULL, ships BIGINT NOT NULL, energy_nodes BIGINT NOT NULL, "
        "kills BIGINT NOT NULL, faults BIGINT NOT NULL, late BOOLEAN NOT NULL, end_time_before TIMESTAMP, "
        "late_before BOOLEAN, strategies STRUCT(strategy TEXT, ships BIGINT, energy BIGINT, kills BIGINT, deaths BIGINT, "
        "spawned BIGINT, harvested BIGINT, upgrades BIGINT, faults BIGINT, fuel BIGINT, seconds DOUBLE)[])",
        "INSERT INTO turn_record SELECT slot, tid, start_time, end_time, writes, ships, energy_nodes, kills, faults, late, "
        "NULL, NULL, (SELECT list({'strategy': strategy, 'ships': s.ships, 'energy': energy, 'kills': s.kills, "
        "'deaths': deaths, 'spawned': spawned, 'harvested': harvested, 'upgrades': upgrades, 'faults': s.faults, "
        "'fuel': fuel, 'seconds': seconds} ORDER BY s.rowid) FROM strategy_turn AS s WHERE s.tid = t.tid) "
        "FROM turns AS t ORDER BY tid",
        "DROP TABLE turns",
        "DROP TABLE strategy_turn",
    ),
    # Whoever came with an author's name had been its owner (commands.Author: the ids of owners).
    4: (
        "CREATE TABLE strategy_4 AS SELECT * FROM strategy",
        "DROP TABLE strategy",
        "CREATE TABLE strategy (strategy_id USMALLINT NOT NULL, name TEXT NOT NULL, version UINTEGER NOT NULL, "
        "sha256 TEXT NOT NULL, bytes BIGINT NOT NULL, language TEXT NOT NULL, author TEXT NOT NULL, owner TEXT NOT NULL, "
        "uploaded_at TIMESTAMP NOT NULL, is_enabled BOOLEAN NOT NULL, status TEXT NOT NULL, last_fault TEXT)",
        "INSERT INTO strategy SELECT strategy_id, name, version, sha256, bytes, language, author, "
        "CASE author WHEN 'wasmverse' THEN 'wasmverse' ELSE 'name:' || author END, uploaded_at, is_enabled, status, last_fault "
        "FROM strategy_4 ORDER BY rowid",
        "DROP TABLE strategy_4",
    ),
    # Which export flies a strategy had been read from its module. Of those that were removed the modules are gone.
    5: (
        "CREATE TABLE strategy_5 AS SELECT * FROM strategy",
        "DROP TABLE strategy",
        "CREATE TABLE strategy (strategy_id USMALLINT NOT NULL, name TEXT NOT NULL, version UINTEGER NOT NULL, "
        "sha256 TEXT NOT NULL, bytes BIGINT NOT NULL, language TEXT NOT NULL, author TEXT NOT NULL, owner TEXT NOT NULL, "
        "uploaded_at TIMESTAMP NOT NULL, is_enabled BOOLEAN NOT NULL, status TEXT NOT NULL, last_fault TEXT, "
        "export TEXT NOT NULL)",
        "INSERT INTO strategy SELECT *, 'decide' FROM strategy_5 ORDER BY rowid",
        "DROP TABLE strategy_5",
        _find_exports,
        _pack_systems,
    ),
    # There had been no functions.
    6: (
        "CREATE TABLE wasm_function (name TEXT NOT NULL, kind TEXT NOT NULL, signature TEXT NOT NULL, version UINTEGER NOT NULL, "
        "is_current BOOLEAN NOT NULL, sha256 TEXT NOT NULL, bytes BIGINT NOT NULL, language TEXT NOT NULL, author TEXT NOT NULL, "
        "created_at TIMESTAMP NOT NULL, owner TEXT NOT NULL, parameters TEXT NOT NULL, function TEXT NOT NULL, "
        "abi TEXT NOT NULL, export TEXT NOT NULL, state TEXT, is_handle BOOLEAN NOT NULL, initialize TEXT, iterate TEXT, "
        "merge TEXT, terminate TEXT, pages_max UINTEGER)",
        "CREATE TABLE wasm_function_module (sha256 TEXT NOT NULL, module BLOB NOT NULL)",
    ),
    7: (_pack_events,),
    # What strategies print and clients transmit had been kept nowhere, and no upload declared its fuel.
    8: (
        "ALTER TABLE strategy ADD COLUMN budget_fuel BIGINT",
        "CREATE TABLE strategy_log (tid BIGINT NOT NULL, strategy TEXT NOT NULL, eid BIGINT, line TEXT NOT NULL, "
        "dropped BIGINT NOT NULL)",
        "CREATE TABLE message (tid BIGINT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL)",
    ),
    # Every turn had updated universe, and added its events to event_batch.
    9: (
        "ALTER TABLE turn_record ADD COLUMN next_eid BIGINT",
        "ALTER TABLE turn_record ADD COLUMN names TEXT",
        "ALTER TABLE turn_record ADD COLUMN events BLOB",
    ),
    10: (_bring_up_events,),
    # Nothing had been told of turns, and no ship had been remembered.
    11: (
        "ALTER TABLE turn_record ADD COLUMN story TEXT",
        "ALTER TABLE turn_record ADD COLUMN digest TEXT",
        "CREATE TABLE chronicle (tid BIGINT NOT NULL, state TEXT NOT NULL, heroes TEXT NOT NULL)",
    ),
    # Of faults only the last reason had been kept.
    12: (
        "CREATE TABLE strategy_fault (fault_id BIGINT NOT NULL, tid BIGINT NOT NULL, strategy TEXT NOT NULL, "
        "version UINTEGER NOT NULL, sid UINTEGER NOT NULL, eid BIGINT NOT NULL, reason TEXT NOT NULL, plan UBIGINT, "
        "x UTINYINT NOT NULL, y UTINYINT NOT NULL, energy USMALLINT NOT NULL, shield UTINYINT NOT NULL, "
        "blasters UTINYINT NOT NULL, thrusters UTINYINT NOT NULL, harvesters UTINYINT NOT NULL, last_plan UBIGINT NOT NULL, "
        "seen BLOB NOT NULL, block_row UINTEGER NOT NULL, world_seed UBIGINT NOT NULL, budget_fuel BIGINT NOT NULL, "
        "calls_before UINTEGER NOT NULL, calls BLOB NOT NULL)",
    ),
    # A replaced module had been dropped.
    13: (
        "CREATE TABLE strategy_version (strategy TEXT NOT NULL, version UINTEGER NOT NULL, sha256 TEXT NOT NULL, "
        "bytes BIGINT NOT NULL, language TEXT NOT NULL, author TEXT NOT NULL, budget_fuel BIGINT, "
        "uploaded_at TIMESTAMP NOT NULL, replaced_tid BIGINT NOT NULL)",
        "CREATE TABLE strategy_version_module (sha256 TEXT NOT NULL, module BLOB NOT NULL)",
    ),
    # Ships had paid nothing for their parts. The table is made again, since no column can be added that is NOT NULL.
    14: (
        "CREATE TABLE universe_14 AS SELECT * FROM universe",
        "DROP TABLE universe",
        "CREATE TABLE universe (application TEXT NOT NULL, format_version UINTEGER NOT NULL, created_by TEXT NOT NULL, "
        "created_at TIMESTAMP NOT NULL, seed UBIGINT NOT NULL, systems UINTEGER NOT NULL, ships_min USMALLINT NOT NULL, "
        "nodes_min USMALLINT NOT NULL, block_systems UINTEGER NOT NULL, tid BIGINT NOT NULL, next_eid BIGINT NOT NULL, "
        "upkeep USMALLINT NOT NULL)",
        "INSERT INTO universe SELECT *, 0 FROM universe_14",
        "DROP TABLE universe_14",
    ),
}
"""What changed from each format to the next."""

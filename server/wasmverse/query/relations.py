"""What a query sees: the snapshot of one turn under the public names, and the functions that go with them.

A reader has one database in memory. Arrow tables are registered in it and scanned where they lie; moving on
to another turn only registers other tables, the views stay. A small query over ``entity`` takes 1.4 ms so, and
0.6 ms over a table of the engine, which takes 12 ms to make for 96,000 rows (0.3 s for 5 million). So a turn
that is asked often is copied, if it is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from wasmverse.query.snapshot import attach
from wasmverse.query.statement import INFORMATION, INFORMATION_RELATIONS, INFORMATION_VIEW, SCHEMA

PREFIX = "snapshot_"
"""Begins the names of the stored tables, which clients cannot name."""

_COPY = f"main.{PREFIX}entity"

COPY_QUERIES = 8
"""Queries of one turn after which its entities are copied: about as many more, and the copy has paid."""
COPY_ROWS_MAX = 300_000

DECODE_PLAN = f"""
CREATE MACRO {SCHEMA}.decode_plan(last_plan) AS
    CASE (last_plan::UBIGINT >> 6) & 3
    WHEN 0 THEN 'Hold()'
    WHEN 1 THEN format('Move({{}}, {{}})',
        ['North', 'East', 'South', 'West'][((last_plan::UBIGINT >> 4) & 3)::INT + 1], last_plan::UBIGINT & 15)
    WHEN 2 THEN ['Upgrade(Blasters)', 'Upgrade(Thrusters)', 'Upgrade(Harvesters)', 'Invalid()'][
        (last_plan::UBIGINT & 3)::INT + 1]
    ELSE 'Invalid()' END
    || ' Memory['
    || array_to_string(
        list_reverse(regexp_extract_all(lpad(hex(last_plan::UBIGINT), 16, '0')[:14], '..')), ', ')
    || ']'
"""
"""The plan in words, then the ship's memory: bytes 1 to 7 in hexadecimal, in the order the strategy wrote
them."""

SIGHT = f"""
CREATE MACRO {SCHEMA}.sight(of_sid, of_eid, of_x, of_y) AS (
    SELECT coalesce(list("seen entity" ORDER BY "seen kind", "seen eid"), [])
    FROM (
        SELECT sid AS "seen sid", eid AS "seen eid", kind AS "seen kind", x::INT AS "seen x", y::INT AS "seen y",
            (kind + 256 * blasters + 65536 * x + 16777216 * y)::UINTEGER AS "seen entity"
        FROM {SCHEMA}.entity)
    WHERE "seen sid" = of_sid AND "seen eid" <> of_eid
        AND ("seen x" - of_x) * ("seen x" - of_x) + ("seen y" - of_y) * ("seen y" - of_y) < 256)
"""
"""What an entity sees, the last argument of a strategy: four bytes an entity in one number, in a turn's order.

The arguments are put into the text as they are written, so no name in it may be one that a client would write.
"""


def connect(memory_bytes: int, threads: int) -> duckdb.DuckDBPyConnection:
    """A database in memory that can reach nothing outside itself, with the functions but no relations yet."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": f"{memory_bytes // 1_000_000}MB",
            # No folder to spill to: out of memory then says so, instead of which folder could not be made.
            "temp_directory": "",
            "max_temp_directory_size": "0KB",
            "allow_community_extensions": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    # The folder for spilling cannot be set once this is: the order of a config is not kept.
    connection.execute("SET enable_external_access = false")
    connection.execute(f"CREATE SCHEMA {SCHEMA}; {DECODE_PLAN}")
    return connection


class Relations:
    """The public names of one database, showing one turn at a time.

    Parameters
    ----------
    connection : as ``connect`` makes it.
    folder : where snapshots are published.
    views : the SELECT behind each public name, over tables whose names begin with ``PREFIX``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, views: Mapping[str, str]) -> None:
        self._connection = connection
        self._folder = folder
        self._views = views
        self.turn: int | None = None
        self._asked = 0
        self._rows = 0
        self._is_copied = False
        self.strategies: pa.Table
        """The stored table of the turn that is shown, with ``strategy_id`` and ``export``."""

    def show(self, tid: int) -> None:
        """Make the public names show turn ``tid``. Nothing happens when they do already.

        Raises
        ------
        FileNotFoundError : there is no snapshot of that turn; the names show what they showed before.
        """
        if tid == self.turn:
            return
        tables = attach(self._folder, tid)
        self.strategies = tables["strategy"]
        tables["ship"] = name_strategies(tables["ship"], tables["strategy"])
        if self._is_copied:
            self._show_entities(self._views["entity"])
            self._is_copied = False
        for name, table in tables.items():
            self._connection.register(f"{PREFIX}{name}", table)
        if self.turn is None:
            self._create_views()
        self.turn = tid
        self._asked = 0
        self._rows = tables["ship"].num_rows + tables["node"].num_rows

    def count_query(self) -> None:
        """Another query of the turn was answered: copy the entities if they are few and are asked for often."""
        self._asked += 1
        if self._asked != COPY_QUERIES or self._rows > COPY_ROWS_MAX:
            return
        try:
            copy = f"CREATE OR REPLACE TABLE {_COPY} AS {self._views['entity']}"
            self._connection.execute(copy).fetchall()
            self._show_entities(f"FROM {_COPY}")
        except duckdb.Error:  # there is no room for it
            return
        self._is_copied = True

    def _show_entities(self, select: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.entity AS {select}")

    def _create_views(self) -> None:
        """Make the views, once the first turn has told them their columns, and lock the database's settings."""
        for name, select in self._views.items():
            self._connection.execute(f"CREATE VIEW {SCHEMA}.{name} AS {select}")
        self._connection.execute(SIGHT)
        for name in INFORMATION_RELATIONS:
            self._connection.execute(self._information_view(name))
        self._connection.execute(f"SET schema = '{SCHEMA}'")
        self._connection.execute("SET lock_configuration = true")

    def _information_view(self, name: str) -> str:
        """The part of one of information_schema's relations that is about the public names."""
        names = ", ".join(f"'{public}'" for public in self._views)
        part = {
            "tables": f"table_schema = '{SCHEMA}' AND table_name IN ({names})",
            "columns": f"table_schema = '{SCHEMA}' AND table_name IN ({names})",
            "schemata": f"schema_name = '{SCHEMA}'",
        }.get(name, "true")
        return f'CREATE VIEW {SCHEMA}."{INFORMATION_VIEW.format(name)}" AS FROM {INFORMATION}.{name} WHERE {part}'


def name_strategies(ship: pa.Table, strategy: pa.Table) -> pa.Table:
    """``ship`` with a column ``strategy``: its strategy's name, null if there is none.

    The ids become the indices of a dictionary as they are, so this copies nothing however many ships there
    are.
    """
    ids = cast(list[int], strategy["strategy_id"].to_pylist())
    names: list[str | None] = [None] * (max(ids, default=0) + 1)
    for strategy_id, name in zip(ids, strategy["name"].to_pylist(), strict=True):
        names[strategy_id] = name
    dictionary = pa.array(names, pa.string())
    chunks: Any = [pa.DictionaryArray.from_arrays(chunk, dictionary) for chunk in ship["strategy_id"].chunks]
    kind: Any = pa.dictionary(pa.uint16(), pa.string())
    return ship.append_column("strategy", pa.chunked_array(chunks, kind))

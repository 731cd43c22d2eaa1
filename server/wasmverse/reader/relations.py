"""What a query sees: the snapshot of one turn under the public names, and our own SQL functions. A reader has one database in
memory. Arrow tables are registered in it and scanned in place; for another turn, only the tables that a query reads are
registered again, and the views stay. A small query over ``entity`` takes 1.4 ms that way. Over a table of the engine it takes
0.6 ms, but copying 96,000 rows into one takes 12 ms (5 million: 0.3 s). So a small turn that is asked often is copied.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from wasmverse.chronicle.names import ship_name_sql
from wasmverse.functions.names import OWN
from wasmverse.query.public import SCHEMA, SNAPSHOT_PREFIX, read_of_turn
from wasmverse.reader import kept_turns
from wasmverse.reader.allowed import ALLOWED
from wasmverse.reader.catalogue import TABLE as FUNCTIONS
from wasmverse.reader.shown_names import INFORMATION, INFORMATION_RELATIONS, INFORMATION_VIEW
from wasmverse.reader.statement import TABLE_FUNCTIONS
from wasmverse.reader.turn_relations import OVER_ENTITY, SOURCE, TurnRelations
from wasmverse.snapshots.snapshot import attach
from wasmverse.strategies.sight_sql import SIGHT_CELLS, is_near

COPY_QUERIES = 8
"""Queries of one turn's entities after which they are copied: after about as many more, the copy has paid off."""
BUSY_QUERIES = 32
"""After a turn with so many, the next one's entities are copied for the first query."""
COPY_ROWS_MAX = 300_000
SCANNED_SHOWN_MAX = 3
"""Of so many tables is told that a scan may read one of them."""

_ENTITY = f"{SCHEMA}.entity"

DECODE_PLAN = f"""
CREATE OR REPLACE MACRO {SCHEMA}.decode_plan(last_plan) AS
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
"""The plan in words, then the ship's memory: bytes 1 to 7 in hexadecimal, in the strategy's order."""

SHIP_NAME = f"CREATE OR REPLACE MACRO {SCHEMA}.ship_name(eid) AS {ship_name_sql('eid')}"
"""The name that a ship has by its number, always the same."""

SIGHT_REACH = f"CREATE OR REPLACE MACRO {SCHEMA}.sight_reach() AS {SIGHT_CELLS}"
"""A ship sees what is nearer than so many cells."""

SIGHT = f"""
CREATE OR REPLACE MACRO {SCHEMA}.sight(of_sid, of_eid, of_x, of_y) AS (
    SELECT coalesce(list("seen entity" ORDER BY "seen kind", "seen eid"), [])
    FROM (
        SELECT sid AS "seen sid", eid AS "seen eid", kind AS "seen kind", x::INT AS "seen x", y::INT AS "seen y",
            (kind + 256 * blasters + 65536 * x + 16777216 * y)::UINTEGER AS "seen entity"
        FROM {SCHEMA}.entity)
    WHERE "seen sid" = of_sid AND "seen eid" <> of_eid AND {is_near('"seen x"', '"seen y"', "of_x", "of_y")})
"""
"""What a ship at a place sees, the last argument of a strategy: each entity's four bytes as one number, in the order of a turn.
A macro's arguments are inserted as text, so none of its names may be one that a client could write.
"""


def _texts(names: Set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


ROUTINES = f"""
SELECT '{SCHEMA}' AS routine_schema, function_name AS routine_name, upper(function_type) AS routine_type,
    coalesce(return_type, '') AS data_type,
    array_to_string(list_transform(parameters, lambda name, i: name || coalesce(' ' || parameter_types[i], '')), ', ')
        || coalesce(', ' || varargs || '...', '') AS parameters,
    description AS routine_comment, examples[1] AS example
FROM duckdb_functions()
WHERE CASE WHEN schema_name = '{SCHEMA}' THEN function_name IN ({_texts(OWN)})
    WHEN function_type = 'table' THEN function_name IN ({_texts(TABLE_FUNCTIONS)})
    ELSE function_type NOT IN ('pragma', 'table_macro')
        AND contains(' {" ".join(sorted(ALLOWED))} ', ' ' || lower(function_name) || ' ') END
GROUP BY ALL
"""
"""The engine's functions that a query may call, and our own macros: a row for each list of parameters. The engine's information
schema has no such relation; those of SQL's standard and of MySQL do."""


DICTIONARY = f'{SCHEMA}."{INFORMATION_VIEW.format("dictionary")}"'
"""A table of what relations and columns mean. Comments of the engine's own would be lost whenever ``entity`` is made again."""

DICTIONARY_ROWS = """SELECT unnest(?) AS relation, unnest(?) AS column_name, unnest(?) AS unit, unnest(?) AS comment,
    unnest(?) AS is_nullable"""

TABLES_SHOWN = (
    "of.* REPLACE ('VIEW' AS table_type, 'NO' AS is_insertable_into, words.comment AS table_comment)"
)
"""A relation is a view to clients, whether it is copied at the moment or not."""

COLUMNS_SHOWN = """of.* REPLACE (words.comment AS column_comment, if(words.is_nullable, 'YES', 'NO') AS is_nullable),
    words.unit AS column_unit"""


def connect(memory_bytes: int, threads: int) -> duckdb.DuckDBPyConnection:
    """A database in memory that can reach nothing outside itself, with the functions but no relations yet."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": f"{memory_bytes // 1_000_000}MB",
            # No folder to spill to: then the error is that memory is used up, not that a folder cannot be made.
            "temp_directory": "",
            "max_temp_directory_size": "0KB",
            "allow_community_extensions": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    # Set after the spill folder, which cannot be set later: the order of a config is not kept.
    connection.execute("SET enable_external_access = false")
    connection.execute("SET TimeZone = 'UTC'")  # the same answers on every machine
    connection.execute(f"CREATE SCHEMA {SCHEMA}; {DECODE_PLAN}; {SHIP_NAME}; {SIGHT_REACH}")
    return connection


class Relations:
    """The public names of one database, showing one turn at a time.

    Parameters
    ----------
    connection : as ``connect`` makes it.
    folder : where snapshots are published.
    views : the SELECT behind each public name, over tables whose names begin with ``SNAPSHOT_PREFIX``.
    dictionary : relation, column, unit, comment and whether it may be NULL, as ``wire.ReaderConfig`` has them.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        views: Mapping[str, str],
        dictionary: Sequence[Sequence[object]],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._views = views
        self._dictionary = dictionary
        self._sources = {name: frozenset(SOURCE.findall(select)) for name, select in views.items()}
        over_entity = {name for name, select in views.items() if OVER_ENTITY.search(select)}
        self._sources |= {name: self._sources[name] | self._sources["entity"] for name in over_entity}
        self._entity_readers = over_entity | {"entity"}
        self._kept = kept_turns.KeptTurns(connection, folder, views["entity"], name_strategies)
        self._of_turns = TurnRelations(connection, folder, views, name_strategies)
        self.turn: int | None = None
        self._tables: dict[str, pa.Table] = {}
        self._stale: set[str] = set()
        self._copied: int | None = None
        self._asked = 0
        self._was_busy = False
        self._can_be_copied = False
        self._has_views = False
        self.strategies: pa.Table
        """The stored table of the turn that is shown, with ``strategy_id`` and ``export``."""
        self.functions: pa.Table | None = None
        """The turn's Wasm functions; None where the snapshot has none."""

    def show(self, tid: int, names: Set[str], turns: Sequence[int] = ()) -> None:
        """Make these public names show turn ``tid``; others may go on showing the turn that they were last asked for.

        turns : all turns of a statement that reads several, of which ``tid`` is one: then each name must be that of a turn, and
            is there until ``forget_turns``.

        Raises
        ------
        FileNotFoundError : there is no snapshot of that turn; the names show what they showed before.
        QueryRefused : a name is not that of a turn, or of none of the statement's.
        """
        if tid != self.turn:
            self._move(tid)
        if turns or any(read_of_turn(name) for name in names):
            self._of_turns.show(names, turns)
            return
        for name in names:
            self._register(self._sources[name])
        if kept_turns.NAME in names:
            self._kept.show(tid)
        if names & self._entity_readers:
            self._asked += 1
            if self._copied not in (None, tid) and not (self._was_busy and self._copy()):
                self._show_view()

    def forget_turns(self) -> None:
        """Let go of the relations of several turns that a statement has read."""
        self._of_turns.forget()

    def scanned(self, columns: Sequence[str], rows: int, names: Set[str]) -> str:
        """Which table of the turn a scan reads in a statement about ``names``; empty if it cannot be told. The engine says only
        which columns are read, and how many rows there are.
        """
        plain = {(read_of_turn(name) or (name,))[0] for name in names}
        sources = {source for name in plain for source in self._sources[name] if source in self._tables}
        fitting = {name for name in sources if {*columns} <= {*self._tables[name].column_names}}
        found = {name for name in fitting if self._tables[name].num_rows == rows} or fitting
        return " or ".join(sorted(found)) if len(found) <= SCANNED_SHOWN_MAX else ""

    def copy_if_busy(self) -> None:
        """Copy the turn's entities if they are few and have been asked for often."""
        if self._asked >= COPY_QUERIES and self._copied != self.turn:
            # The alarm of the query before may come late: it is not for this work.
            with contextlib.suppress(duckdb.InterruptException):
                self._copy()

    def _move(self, tid: int) -> None:
        tables = attach(self._folder, tid)
        self.strategies, self.functions = tables["strategy"], tables.get(FUNCTIONS)
        tables["ship"] = name_strategies(tables["ship"], tables["strategy"])
        self.turn, self._tables, self._stale = tid, tables, set(tables)
        self._was_busy, self._asked = self._asked >= BUSY_QUERIES, 0
        self._can_be_copied = tables["ship"].num_rows + tables["node"].num_rows <= COPY_ROWS_MAX
        if not self._has_views:
            self.turn = (
                None  # an interruption may come in between: then the next query registers the table again
            )
            self._register(self._stale)
            self._create_views()
            self.turn, self._has_views = tid, True

    def _register(self, tables: Set[str]) -> None:
        for name in tables & self._stale:
            self._connection.register(f"{SNAPSHOT_PREFIX}{name}", self._tables[name])
            self._stale.discard(name)

    def _copy(self) -> bool:
        """Make ``entity`` a table of the engine; returns whether that succeeded."""
        if not self._can_be_copied:
            return False
        try:
            self._replace(f"CREATE TABLE {_ENTITY} AS {self._views['entity']}")
        except (duckdb.InterruptException, duckdb.InternalException, duckdb.FatalException):
            raise  # the query's time is up, or the engine cannot be used any more
        except duckdb.Error:  # there is no room for it
            self._can_be_copied = False
            return False
        self._copied = self.turn
        return True

    def _show_view(self) -> None:
        self._replace(f"CREATE VIEW {_ENTITY} AS {self._views['entity']}")
        self._copied = None

    def _replace(self, statement: str) -> None:
        """Make ``entity`` again: a table where it is a copy, else a view."""
        kind = "VIEW" if self._copied is None else "TABLE"
        self._connection.begin()
        try:
            self._connection.execute(f"DROP {kind} {_ENTITY}").fetchall()
            self._connection.execute(statement).fetchall()
            self._connection.commit()
        except BaseException:
            self._connection.rollback()
            raise

    def _create_views(self) -> None:
        """Make the views, once the first turn has told them their columns, and lock the database's settings."""
        self._connection.execute(f"SET schema = '{SCHEMA}'")  # some views are over others
        for name, select in self._views.items():
            self._connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{name} AS {select}")
        self._connection.execute(SIGHT)
        columns = [list(column) for column in zip(*self._dictionary, strict=True)]
        self._connection.execute(f"CREATE OR REPLACE TABLE {DICTIONARY} AS {DICTIONARY_ROWS}", columns)
        for name in INFORMATION_RELATIONS:
            self._connection.execute(self._information_view(name))
        self._connection.execute("SET lock_configuration = true")

    def _information_view(self, name: str) -> str:
        """The part of one of information_schema's relations that is about the public names, with what the dictionary says."""
        view = f'{SCHEMA}."{INFORMATION_VIEW.format(name)}"'
        if name == "routines":
            return f"CREATE OR REPLACE VIEW {view} AS {ROUTINES}"
        shown = {"tables": TABLES_SHOWN, "columns": COLUMNS_SHOWN}.get(name, "of.*")
        words = f"LEFT JOIN {DICTIONARY} AS words ON words.relation = of.table_name"
        join = {
            "tables": f"{words} AND words.column_name = ''",
            "columns": f"{words} AND words.column_name = of.column_name",
        }.get(name, "")
        names = ", ".join(f"'{public}'" for public in self._views)
        public = f"table_schema = '{SCHEMA}' AND table_name IN ({names})"
        part = {"tables": public, "columns": public, "schemata": f"schema_name = '{SCHEMA}'"}.get(
            name, "true"
        )
        return f"CREATE OR REPLACE VIEW {view} AS SELECT {shown} FROM {INFORMATION}.{name} AS of {join} WHERE {part}"


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

"""The schema that tests copy (tests/conftest.py) is the one that a new file is made with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from wasmverse.storage import views
from wasmverse.storage.duckdb.database import ROW_GROUP_ROWS, Database

COLUMNS = "table_name, column_name, column_index, data_type, is_nullable, column_default"
CATALOGUE = (
    f"SELECT {COLUMNS} FROM duckdb_columns() WHERE NOT internal ORDER BY ALL",
    "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
    "SELECT table_name, constraint_type, constraint_text FROM duckdb_constraints() ORDER BY ALL",
    "SELECT table_name, index_name, sql FROM duckdb_indexes() ORDER BY ALL",
)


def catalogue(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    return [connection.execute(query).fetchall() for query in CATALOGUE]


def test_the_copied_schema_is_what_the_statements_make(tmp_path: Path) -> None:
    path = tmp_path / "u.duckdb"
    database = Database.open(path)
    statements = views.ddl(database.engine.dialect)
    rows = "SELECT range::UINTEGER AS sid, ''::BLOB AS ships, ''::BLOB AS nodes FROM range(10000)"
    with database.transaction() as transaction:
        transaction.run_text(f"INSERT INTO system_state (sid, ships, nodes) {rows}")
    database.checkpoint()
    with database.transaction() as transaction:
        groups = transaction.run_text("SELECT max(row_group_id) + 1 FROM pragma_storage_info('system_state')")
    database.close()
    assert groups == [(-(-10_000 // ROW_GROUP_ROWS),)]
    with duckdb.connect(str(path)) as copied, duckdb.connect() as made:
        for statement in statements:
            made.execute(statement)
        expected = catalogue(made)
        assert all(expected[:3])
        assert catalogue(copied) == expected

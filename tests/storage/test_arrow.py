"""The Arrow types of the schema's columns: what DuckDB reads from them and hands out for them."""

import duckdb
import pytest
import sqlalchemy as sa
from duckdb_engine import Dialect
from sqlalchemy.schema import CreateTable

from wasmverse.storage import schema
from wasmverse.storage.arrow import arrow_schema

TABLES = [table for table in schema.metadata.sorted_tables if table is not schema.turn_record]
"""All but the one whose rows are lists of structs; views show these as rows of ``strategy_turn``."""


@pytest.mark.parametrize("table", [*TABLES, *schema.SNAPSHOT_TABLES], ids=lambda table: str(table.name))
def test_a_table_has_the_types_that_the_engine_gives_it(table: sa.Table) -> None:
    with duckdb.connect() as connection:
        connection.execute(str(CreateTable(table).compile(dialect=Dialect())))
        made = connection.sql(f'FROM "{table.name}"').to_arrow_table().schema
    assert made.remove_metadata().equals(arrow_schema(table))

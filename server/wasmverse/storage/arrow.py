"""The Arrow type of each SQL type that a column of the schema has: of rows that are kept, published and read back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from duckdb_engine.datatypes import UBigInteger, UInteger, USmallInteger, UTinyInteger

from wasmverse.storage.schema import SNAPSHOT_TABLES

ARROW_TYPES: dict[type[Any], pa.DataType] = {
    UTinyInteger: pa.uint8(), USmallInteger: pa.uint16(), UInteger: pa.uint32(), UBigInteger: pa.uint64(),
    sa.BigInteger: pa.int64(), sa.Integer: pa.int32(), sa.Double: pa.float64(), sa.Boolean: pa.bool_(), sa.Text: pa.string(),
    sa.DateTime: pa.timestamp("us"), sa.LargeBinary: pa.binary(),
}  # fmt: skip


def arrow_schema(table: sa.Table) -> pa.Schema:
    """The columns of a table, in order, as Arrow has them."""
    return pa.schema([(column.name, ARROW_TYPES[type(column.type)]) for column in table.columns])


def snapshot_columns() -> dict[str, list[str]]:
    """Of each table of a snapshot, every column's name and Arrow type, in order."""
    return {
        table.name: [f"{field.name} {field.type}" for field in arrow_schema(table)]
        for table in SNAPSHOT_TABLES
    }

"""The Arrow type of each SQL type that a column of the schema has: of rows that are kept, published and read back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from duckdb_engine.datatypes import UBigInteger, UInteger, USmallInteger, UTinyInteger

ARROW_TYPES: dict[type[Any], pa.DataType] = {
    UTinyInteger: pa.uint8(), USmallInteger: pa.uint16(), UInteger: pa.uint32(), UBigInteger: pa.uint64(),
    sa.BigInteger: pa.int64(), sa.Integer: pa.int32(), sa.Double: pa.float64(), sa.Boolean: pa.bool_(), sa.Text: pa.string(),
    sa.DateTime: pa.timestamp("us"), sa.LargeBinary: pa.binary(),
}  # fmt: skip


def arrow_schema(table: sa.Table) -> pa.Schema:
    """The columns of a table, in order, as Arrow has them."""
    return pa.schema([(column.name, ARROW_TYPES[type(column.type)]) for column in table.columns])

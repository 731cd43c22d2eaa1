"""What can be done inside one transaction of any engine: what the tables of strategies and functions need."""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa


class Transaction(Protocol):
    """All or nothing, as far as its statements go. Made by an engine, for one thread."""

    def run(self, statement: sa.Executable, **parameters: object) -> None:
        """Execute a statement whose answer nobody needs."""

    def one(self, statement: sa.Executable) -> Any:
        """The first row of a query, or None."""

    def rows(self, statement: sa.Executable) -> list[Any]:
        """All rows of a query."""

    def read_arrow(self, table: sa.Table) -> pa.Table:
        """A whole table, its columns of the types of `arrow.arrow_schema`."""

    def insert_arrow(self, table: sa.Table, rows: pa.Table) -> None:
        """Append rows, columns by name."""

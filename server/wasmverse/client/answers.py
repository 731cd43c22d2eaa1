"""What a server answers, as values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Format = Literal["rows", "tuples", "csv", "arrow"]
"""JSON with rows as objects or as arrays, CSV, or Arrow's IPC stream."""


@dataclass(frozen=True, slots=True)
class Raw:
    """The result of a query as the server wrote it.

    Attributes
    ----------
    content : in the format that was asked for.
    turn : the one turn that all of it belongs to.
    truncated : "rows" or "bytes", the limit at which the server cut it; None when it is whole.
    """

    content: bytes
    turn: int
    truncated: str | None

    def json(self) -> dict[str, Any]:
        """Of the formats "rows" and "tuples": ``rows``, and with tuples ``columns``."""
        result: dict[str, Any] = json.loads(self.content)["results"][0]
        return result


class Answer:
    """The rows that answer a query, with the turn that they belong to; iterating over it gives a dict for each row.

    Attributes
    ----------
    turn : the one turn that all of it belongs to.
    truncated : "rows" or "bytes", the limit at which the server cut it; None when it is whole.
    """

    def __init__(self, stream: bytes | memoryview, turn: int, truncated: str | None = None) -> None:
        import pyarrow as pa  # noqa: PLC0415 - large, and only where rows are read
        import pyarrow.ipc  # noqa: PLC0415

        self._table: pa.Table = pa.ipc.open_stream(pa.py_buffer(stream)).read_all()
        self.turn = turn
        self.truncated = truncated

    @property
    def columns(self) -> list[str]:
        """The columns' names, in their order."""
        return self._table.column_names

    def arrow(self) -> pa.Table:
        """All of it as Arrow's table, without a copy."""
        return self._table

    def rows(self) -> list[dict[str, Any]]:
        """A dict for each row; of columns with the same name the last one. Times are datetimes, DECIMAL is Decimal."""
        return list(self)

    def tuples(self) -> list[tuple[Any, ...]]:
        """A tuple for each row."""
        return list(zip(*(column.to_pylist() for column in self._table.columns), strict=True))

    def value(self) -> Any:
        """The first value of the first row; None when there is no row."""
        return self._table.column(0)[0].as_py() if len(self) else None

    def pandas(self) -> pd.DataFrame:
        """A frame of pandas, in which integers can be reckoned with.

        Unsigned integers up to 32 bits become int64, so that a difference below 0 does not wrap; so does what ``sum`` makes of
        integers, decimal(38, 0), where all of a column fits. UBIGINT stays uint64. If a column of integers has NULLs, all of them
        get pandas' nullable types, so that none is rounded to a double.

        Raises
        ------
        ModuleNotFoundError : pandas is not installed.
        """
        import pandas as pd  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415

        kinds = {
            getattr(pa, name)(): getattr(pd, f"{name.replace('int', 'Int').replace('u', 'U')}Dtype")()
            for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
        }
        table = pa.table(list(map(_reckonable, self._table.columns)), names=self.columns)
        has_null = any(pa.types.is_integer(column.type) and column.null_count for column in table.columns)
        return table.to_pandas(types_mapper=kinds.get if has_null else None)

    def polars(self) -> pl.DataFrame:
        """A frame of polars, without a copy.

        Raises
        ------
        ModuleNotFoundError : polars is not installed.
        """
        import polars as pl  # noqa: PLC0415

        frame = pl.from_arrow(self._table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def __len__(self) -> int:
        return self._table.num_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._table.to_batches(max_chunksize=1_000):
            yield from batch.to_pylist()

    def __repr__(self) -> str:
        return f"<Answer of turn {self.turn:,}: {len(self):,} rows of {', '.join(self.columns)}>"


def _reckonable(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """A column with its integers as int64, if it is of those that `Answer.pandas` converts."""
    import pyarrow as pa  # noqa: PLC0415

    if column.type in {pa.uint8(), pa.uint16(), pa.uint32()}:
        return column.cast(pa.int64())
    if column.type != pa.decimal128(38, 0):
        return column
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:  # a value of it does not fit
        return column


@dataclass(frozen=True, slots=True)
class Done:
    """A command was carried out.

    ``inserted_id`` is the eid of what was spawned, 0 for other commands; ``changed`` how many there were; it takes effect in the
    turn after ``turn``.
    """

    inserted_id: int
    changed: int
    turn: int


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy as the server lists it.

    ``bytes`` is the size of its module; ``status`` is "flying", "grounded" or "removed"; ``is_enabled`` says whether new
    ships are dealt to it; ``budget_fuel`` is what a call may take if it declared that, else None. ``trial`` is only in the answer
    to an upload: what it answered to a hundred observations, as `Checked` has it.
    """

    name: str
    version: int
    sha256: str
    bytes: int
    language: str
    author: str
    status: str
    is_enabled: bool
    budget_fuel: int | None = None
    trial: dict[str, Any] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From the server's JSON; fields that this version does not know are passed over."""
        known: dict[str, Any] = {each.name: row.get(each.name) for each in fields(cls)}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A module was stored; its strategies fly from the turn after ``turn``."""

    strategies: tuple[Strategy, ...]
    turn: int


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A strategy flies a module again from the turn after ``turn`` on; ``restored_version`` is the version that this had been."""

    strategy: Strategy
    restored_version: int
    turn: int


@dataclass(frozen=True, slots=True)
class Removed:
    """These strategies are gone after ``turn``."""

    names: tuple[str, ...]
    turn: int


Checked = dict[str, Any]
"""What an upload would come to: ``turn``, and ``strategies``: each as it would be listed, with the ``export`` that flies it and
its ``trial`` with a hundred observations: ``plans`` by command, ``invalid`` and ``trapped`` calls, ``fuel`` of a call on average,
``fuel_most``, ``start_fuel``, ``fault``, why the first fault was one (None: there was none), and ``warnings``."""

Duel = dict[str, Any]
"""What became of a duel, as `wasmverse duel --json` says it: ``turns``, ``seed``, ``systems``, ``ships``, ``nodes``,
``state_hash`` and ``strategies``, the winner first."""

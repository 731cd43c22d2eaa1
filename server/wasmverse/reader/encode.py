"""Results as bytes: JSON in the shapes of the wire format, Arrow's IPC stream, CSV.

All of this runs in a reader's process. JSON takes rows from the engine in batches and hands each to orjson; only columns of a
type that JSON lacks are converted in Python, a column at a time. Arrow and CSV are made from Arrow's columns without making
rows. Every encoder stops at the limits of rows and bytes and says which one it met.

Types (source: SingleStore's "Data API Data Type Conversion"): numbers and booleans are JSON numbers, booleans
as 0 and 1; DECIMAL, text, dates and times are strings; blobs are base64; JSON, lists and structs stand
inline. DuckDB's HUGEINT, the type of SUM over integers, is a DECIMAL, as in MySQL.
"""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import csv

from wasmverse.query.result import Cut
from wasmverse.reader.values import values_of

BATCH_ROWS = 10_000

_NAMES = {
    "BOOLEAN": "TINYINT",
    "INTEGER": "INT",
    "UTINYINT": "UNSIGNED TINYINT",
    "USMALLINT": "UNSIGNED SMALLINT",
    "UINTEGER": "UNSIGNED INT",
    "UBIGINT": "UNSIGNED BIGINT",
    "HUGEINT": "DECIMAL",
    "UHUGEINT": "DECIMAL",
    "BIGNUM": "DECIMAL",
    "UUID": "VARCHAR",
    "INTERVAL": "VARCHAR",
    "BIT": "VARCHAR",
    '"NULL"': "NULL",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP_S": "DATETIME",
    "TIMESTAMP_MS": "DATETIME",
    "TIMESTAMP_NS": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIME WITH TIME ZONE": "TIME",
}
_WIDE = frozenset({"HUGEINT", "UHUGEINT"})
_BIG = frozenset({"BIGINT", "UBIGINT"})


def type_name(engine: str) -> str:
    """The wire format's name for a type of the engine: ``UBIGINT`` -> ``UNSIGNED BIGINT``."""
    if engine.endswith("]") or engine.startswith(("STRUCT", "MAP", "UNION", "TUPLE", "VARIANT")):
        return "JSON"
    if engine.startswith("ENUM"):
        return "VARCHAR"
    if engine.startswith("DECIMAL"):
        return "DECIMAL"
    return _NAMES.get(engine, engine)


_MAY_BE_NAN = frozenset({"DOUBLE", "FLOAT"})
"""Types with values that JSON writes as null, though the engine does not."""


class JsonEncoder:
    """Collects one result as JSON.

    Parameters
    ----------
    columns : name and engine's type of each column.
    kinds : the types that the rows have, where the engine was asked to cast them (see ``recast``).
    as_objects : rows as objects (``query/rows``) instead of arrays.
    big_as_string : 64-bit integers as strings, for clients whose numbers are doubles.
    rows_max, bytes_max : where the result is cut.
    """

    def __init__(
        self,
        columns: Sequence[tuple[str, str]],
        *,
        kinds: Sequence[str] | None = None,
        as_objects: bool,
        big_as_string: bool,
        rows_max: int,
        bytes_max: int,
    ) -> None:
        self._names = [name for name, _ in columns]
        self._types = [kind for _, kind in columns]
        self._as_objects = as_objects
        self._rows_max, self._bytes_max = rows_max, bytes_max
        self._repairs = [
            (place, repair)
            for place, kind in enumerate(self._types if kinds is None else kinds)
            if (repair := _repair(kind, big_as_string)) is not None
        ]
        self._parts: list[bytes] = []
        self._bytes = 0
        self._never_null = {place for place, kind in enumerate(self._types) if kind not in _MAY_BE_NAN}
        self.rows = 0
        self.cut: Cut = ""

    def add(self, rows: list[tuple[Any, ...]]) -> bool:
        """Take the next rows; False when a limit is met and no more are wanted."""
        if self.rows + len(rows) > self._rows_max:
            rows = rows[: self._rows_max - self.rows]
            self.cut = "rows"
        while rows:
            part = self._encode(rows)
            if self._bytes + len(part) <= self._bytes_max:
                self._parts.append(part)
                self._note_nulls(rows)
                self._bytes += len(part) + 1
                self.rows += len(rows)
                break
            self.cut = "bytes"
            # Rows have about the same size: take as many as fit by that measure, and fewer if that was wrong.
            rows = rows[: min(len(rows) // 2, len(rows) * (self._bytes_max - self._bytes) // len(part))]
        return not self.cut

    def _encode(self, rows: list[tuple[Any, ...]]) -> bytes:
        """The rows as JSON, without the brackets around them."""
        shaped: Iterable[Any] = rows
        if self._repairs:
            columns: list[Any] = list(zip(*rows, strict=True))
            for place, repair in self._repairs:
                columns[place] = [None if value is None else repair(value) for value in columns[place]]
            shaped = zip(*columns, strict=True)
        if self._as_objects:
            names = self._names
            shaped = [dict(zip(names, row, strict=True)) for row in shaped]
        elif not isinstance(shaped, list):
            shaped = list(shaped)
        return _dumps(shaped)[1:-1]

    def _note_nulls(self, rows: list[tuple[Any, ...]]) -> None:
        if self._as_objects or not self._never_null:
            return  # nobody is told of the columns, or all of them have a NULL already
        for row in rows:
            if None in row:
                self._never_null -= {place for place in self._never_null if row[place] is None}

    def _columns(self, never_null: Set[int] = frozenset()) -> bytes:
        return _dumps(
            [
                {"name": name, "dataType": type_name(kind), "nullable": place not in never_null}
                for place, (name, kind) in enumerate(zip(self._names, self._types, strict=True))
            ]
        )

    def body(self) -> bytes:
        """The whole answer, as ``query/rows`` or ``query/tuples`` sends it. A column of which no row is null is not nullable:
        clients then keep integers as they are, which they else make doubles.
        """
        head = b"" if self._as_objects else b'"columns":' + self._columns(self._never_null) + b","
        tail = b',"truncated":"%b"}' % self.cut.encode() if self.cut else b"}"
        return b'{"results":[{%b"rows":[%b]}]%b' % (head, b",".join(self._parts), tail)

    def fragment(self) -> bytes:
        """What stands between the braces of a live query's message, id and turn left out. Its columns stay the same from turn to
        turn, so all may have NULL.
        """
        tail = b',"truncated":"%b"' % self.cut.encode() if self.cut else b""
        return b'"columns":%b,"rows":[%b]%b' % (self._columns(), b",".join(self._parts), tail)


def _repair(kind: str, big_as_string: bool) -> Callable[[Any], Any] | None:
    """The conversion of each value of a column before it is given to orjson; None if there is none."""
    if kind == "BOOLEAN":
        return int
    if kind in _WIDE or (big_as_string and kind in _BIG):
        return str
    if kind == "JSON":
        return _inline
    if "HUGEINT" in kind:  # inside a list or a struct
        return _narrow
    return None


JSON_DEPTH_MAX = 200
"""How deep a JSON value may nest to be sent inline: parsers fail at different depths of about 1,000."""
_OPENING, _CLOSING = np.frombuffer(b"[{", np.uint8), np.frombuffer(b"]}", np.uint8)
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def _inline(text: str) -> object:
    """A JSON value inline, or as a string if other parsers may refuse it. The engine's parser accepts infinities, NaN, trailing
    commas and numbers that no double can hold.
    """
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return text if _nests_deeper(text, JSON_DEPTH_MAX) else orjson.Fragment(text)


def _nests_deeper(text: str, depth_max: int) -> bool:
    if text.count("[") + text.count("{") <= depth_max:
        return False
    signs = np.frombuffer(_JSON_TEXT.sub("", text).encode(), np.uint8)
    steps = np.isin(signs, _OPENING).astype(np.int32) - np.isin(signs, _CLOSING)
    return bool(np.cumsum(steps, dtype=np.int32).max(initial=0) > depth_max)


def _narrow(value: object) -> object:
    """Replace integers of more than 64 bits, which orjson cannot encode, by text, also in lists and structs."""
    if isinstance(value, pa.MonthDayNano):
        return _duration(value)
    if isinstance(value, list | tuple):
        return [_narrow(item) for item in value]
    if isinstance(value, dict):
        return {key: _narrow(item) for key, item in value.items()}
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def _dumps(value: object) -> bytes:
    """``value`` as JSON, whatever types of the engine it contains."""
    try:
        return orjson.dumps(value, _plain, _OPTIONS)
    except TypeError:  # a key of a map that is no key of JSON, or an integer past 64 bits
        return orjson.dumps(_mended(value), _plain, _OPTIONS)


def _mended(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_key(key): _mended(item) for key, item in value.items()}
    return _narrow(value)


def _key(value: object) -> str:
    """A map's key as text: the value's JSON, without its quotes."""
    plain = _mended(value)
    if plain is None or isinstance(plain, bool | int | float | list | dict):
        return _dumps(plain).decode()
    return str(plain if isinstance(plain, str) else _plain(plain))


def _plain(value: object) -> object:
    """A value of the engine that JSON has no type for, as the wire format writes it.

    Infinite moments become Python's first and last, which are near MySQL's; what is beyond these is text already.
    """
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
        return moment.isoformat(" ", "microseconds")
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, pa.MonthDayNano):
        return _duration(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value)


def _duration(value: pa.MonthDayNano) -> str:
    """An interval in the form that ``str`` gives Python's, which ends at 999,999,999 days; the engine's may be longer. A month
    has 30 days."""
    total = (value.months * 30 + value.days) * 86_400_000_000 + value.nanoseconds // 1000
    days, rest = divmod(total, 86_400_000_000)
    seconds, microseconds = divmod(rest, 1_000_000)
    before = f"{days} day{'' if abs(days) == 1 else 's'}, " if days else ""
    after = f".{microseconds:06}" if microseconds else ""
    return f"{before}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{after}"


@dataclass(slots=True)
class Written:
    """A result without its own JSON: the bytes, the rows in them, and which limit cut them."""

    body: bytes
    rows: int
    cut: Cut


def write_arrow(
    reader: pa.RecordBatchReader, rows_max: int, bytes_max: int, heed: Callable[[], None] = lambda: None
) -> Written:
    """The reader's batches as Arrow's IPC stream, up to the limits; ``heed`` is called for each, and may raise."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, reader.schema) as writer:
        rows, cut = _write(_each(reader, heed), writer.write_batch, sink, rows_max, bytes_max)
    return Written(sink.getvalue().to_pybytes(), rows, cut)


def write_csv(
    reader: pa.RecordBatchReader, rows_max: int, bytes_max: int, heed: Callable[[], None] = lambda: None
) -> Written:
    """The reader's batches as CSV with a header line; what CSV has no type for is written as JSON writes
    it."""
    fields = [
        field if _is_plain(field.type) else pa.field(field.name, pa.string()) for field in reader.schema
    ]
    target = pa.schema(fields)
    sink = pa.BufferOutputStream()
    with csv.CSVWriter(cast(IO[Any], sink), target) as writer:

        def write(batch: pa.RecordBatch) -> None:
            columns = [
                column if field.type.equals(column.type) else _as_text(column)
                for column, field in zip(batch.columns, fields, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=target))

        rows, cut = _write(_each(reader, heed), write, sink, rows_max, bytes_max)
    return Written(sink.getvalue().to_pybytes(), rows, cut)


def _each(batches: Iterable[pa.RecordBatch], heed: Callable[[], None]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        heed()
        yield batch


def _write(
    batches: Iterable[pa.RecordBatch],
    write: Callable[[pa.RecordBatch], None],
    sink: pa.NativeFile,
    rows_max: int,
    bytes_max: int,
) -> tuple[int, Cut]:
    """Write batches until a limit is met; a batch that is too large is cut in proportion. The rows and the
    limit."""
    rows = 0
    for batch in batches:
        room = bytes_max - sink.tell()
        fit = batch.num_rows if batch.nbytes <= room else max(room, 0) * batch.num_rows // batch.nbytes
        wanted = min(fit, rows_max - rows)
        if wanted:
            write(batch.slice(0, wanted))
            rows += wanted
        if wanted < batch.num_rows:
            return rows, "bytes" if fit < min(batch.num_rows, wanted + 1) else "rows"
    return rows, ""


def _is_plain(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_string(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or (pa.types.is_timestamp(kind) and kind.tz is None)
    )


def _as_text(column: pa.Array[Any]) -> pa.Array[Any]:
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8()).cast(pa.string())
    if pa.types.is_decimal(column.type) or pa.types.is_dictionary(column.type):
        return column.cast(pa.string())
    texts = [
        None if value is None else re.sub('^"|"$', "", _dumps(value).decode()) for value in values_of(column)
    ]
    return pa.array(texts, pa.string())

"""What is stored as packed bytes as rows, in SQL for plain DuckDB: the views of whoever opens the file with it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from duckdb_engine.datatypes import UBigInteger, UInteger, USmallInteger, UTinyInteger

from wasmverse.universe import event_format
from wasmverse.universe.row_format import HEAD_BYTES, WIDE

SQL_TYPES: dict[type[Any], str] = {
    UTinyInteger: "UTINYINT", USmallInteger: "USMALLINT", UInteger: "UINTEGER", UBigInteger: "UBIGINT", sa.BigInteger: "BIGINT",
}  # fmt: skip
"""The numbers of ships and nodes as DuckDB names them."""


PACKED_EVENTS = (
    "SELECT tid, names, events AS blob FROM turn_record WHERE events IS NOT NULL "
    "UNION ALL SELECT tid, names, events FROM event_batch"
)
"""All events as they are packed, those of a turn before those between it and the next."""


def unpacked_sql(blob: str, layout: dict[str, int], shown: sa.Table) -> str:
    """A SELECT of ``shown`` from one blob of ``system_state``, for plain DuckDB: a microsecond a row."""
    values = {"sid": "sid"}
    # Of a value of a column: it stands behind all columns in front of its own, and the values in front of it.
    widths: list[str] = []
    for name, width in layout.items():
        before = " + ".join(["0", *widths])
        if width:
            values[name] = _number(f"{HEAD_BYTES} + count * ({before}) + {width} * place", width)
            widths.append(str(width))
        else:
            of = {
                each: _number(f"{HEAD_BYTES} + count * ({before}) + {each} * place", each)
                for each in (WIDE, WIDE // 2)
            }
            values[name] = f"base + CASE width WHEN {WIDE} THEN {of[WIDE]} ELSE {of[WIDE // 2]} END"
            widths.append("width")
    columns = ", ".join(f"({values[c.name]})::{SQL_TYPES[type(c.type)]} AS {c.name}" for c in shown.columns)
    head = f"{_number('4', 4)} AS count, {_number('1', 1)} AS width, {_number('8', 8)} AS base"
    heads = f"SELECT sid, blob, {head} FROM (SELECT sid, {blob} AS blob FROM system_state)"
    return f"SELECT {columns} FROM (SELECT *, unnest(range(count::BIGINT)) AS place FROM ({heads}))"


def events_sql(event: sa.Table) -> str:
    """A SELECT of ``event`` from what turns and what commands between them have packed."""
    values: dict[str, str] = {}
    before = 0
    for name, width in event_format.EVENT_COLUMNS.items():
        values[name] = _number(f"{event_format.HEAD_BYTES} + count * {before} + {width} * place", width)
        before += width
    kinds = ", ".join(f"'{kind}'" for kind in event_format.EVENT_KINDS)
    values["kind"] = f"[{kinds}][{values['kind']}::BIGINT + 1]"
    # The place of nobody is past the end of any list.
    names = f"string_split(names, '{event_format.NAME_SEPARATOR}')"
    values["strategy"] = f"{names}[{values['slot']}::BIGINT + 1]"
    values["by_strategy"] = f"{names}[{values['by_slot']}::BIGINT + 1]"
    types = {**SQL_TYPES, sa.Text: "VARCHAR"}
    columns = ", ".join(
        f"({values[c.name]})::{types[type(c.type)]} AS {c.name}" for c in event.columns if c.name != "tid"
    )
    heads = f"SELECT tid, names, blob, {_number('4', 4)} AS count FROM ({PACKED_EVENTS})"
    return f"SELECT tid, {columns} FROM (SELECT *, unnest(range(count::BIGINT)) AS place FROM ({heads}))"


def _number(at: str, width: int) -> str:
    """The little-endian number at a byte of ``blob``, counted from 0."""
    digits = (f"hex(array_slice(blob, {at} + {n}, {at} + {n}))" for n in range(width, 0, -1))
    return f"('0x' || {' || '.join(digits)})::UBIGINT"

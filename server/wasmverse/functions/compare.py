"""A new version of a function over rows of arguments, compared with what the present one made of them; in this process."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa

from wasmverse.errors import FunctionError
from wasmverse.functions.called import called
from wasmverse.functions.definition import Definition
from wasmverse.functions.dry_run import EXAMPLES_MAX, SHOWN, DryRun, Example
from wasmverse.functions.limits import function_limits
from wasmverse.functions.run import Runner
from wasmverse.functions.sql_types import arrow_type
from wasmverse.settings import FunctionCheckSettings
from wasmverse.text import printable
from wasmverse.wasm.fold import FIRST, LAST
from wasmverse.wasm.hosting import load


def compare(
    definition: Definition,
    compiled: bytes,
    rows: bytes,
    settings: FunctionCheckSettings,
    *,
    is_compared: bool,
) -> dict[str, Any]:
    """`dry_run.DryRun` as plain values; ``rows`` is an IPC stream of what `dry_run.rows_query` asks for, with present results if
    ``is_compared``.

    Raises
    ------
    FunctionError : an argument cannot be had as the type that its parameter has.
    """
    table = pa.ipc.open_stream(rows).read_all().combine_chunks()
    guest, function = called(definition, load(compiled))
    limits = replace(function_limits(settings), faults_max=table.num_rows + 1)
    columns: list[Any] = table.columns
    present_column = columns.pop() if is_compared else None
    shown_columns = columns
    if definition.kind == "aggregate":
        groups = _typed(columns[-1], function.params[1].type)
        a_group = max(1, len(groups.values) // max(1, len(groups)))
        limits = replace(limits, budget_fuel=limits.budget_fuel * a_group)
        whole: Any = pa.array([FIRST | LAST] * table.num_rows, pa.uint8())
        arguments: list[Any] = [whole, groups]
    else:
        params = definition.function.params
        arguments = shown_columns = [
            _typed(column, field.type) for column, field in zip(columns, params, strict=True)
        ]
    ran = Runner(function).run(guest, arguments, table.num_rows, limits)
    faulted = {*ran.outcome.faulted, *range(*ran.outcome.uncalled), *ran.errors}
    new: list[Any] = ran.result.to_pylist()
    present: list[Any] = new if present_column is None else present_column.to_pylist()
    if definition.kind == "table":
        # The engine gives no rows as NULL here, and so it does for a row that failed.
        present = [rows or None for rows in present]
        new = [rows or None for rows in new]
    differs = [
        row
        for row, (one, other) in enumerate(zip(present, new, strict=True))
        if row in faulted or not _is_same(one, other)
    ]
    examples = [
        Example(
            row + 1,
            f"({', '.join(_shown(column[row].as_py()) for column in shown_columns)})",
            _shown(present[row]) if is_compared else None,
            _shown(new[row]),
            _why(ran.errors.get(row), ran.outcome.reason) if row in faulted else "",
        )
        for row in differs[:EXAMPLES_MAX]
    ]
    done = max(1, table.num_rows)
    return asdict(
        DryRun(
            table.num_rows,
            is_compared,
            sum(not _is_same(present[row], new[row]) for row in differs),
            len(faulted),
            ran.outcome.fuel / done,
            1e9 * ran.outcome.seconds / done,
            examples,
        )
    )


def _typed(column: Any, type_: Any) -> Any:
    wanted = arrow_type(type_)
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if array.type == wanted:
        return array
    try:
        return array.cast(wanted)
    except pa.ArrowException as error:
        raise FunctionError(
            f"an argument is {array.type} and its parameter {wanted}: a dry run passes no such values"
        ) from error


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal; what is no number equals itself here."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _shown(value: Any) -> str:
    return "NULL" if value is None else printable(repr(value), SHOWN)


def _why(error: str | None, reason: str | None) -> str:
    return printable(error or reason or "it failed", SHOWN)

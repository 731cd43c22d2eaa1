"""A dry run: a new version of a function is called for a query's rows, beside what the present one made of them.

The rows come from a reader as Arrow, with the present results in their last column if there is a present version. The new version
runs over them in a process of its own (`dry_runner`), as it was checked in one; what that says is data, and bounded here.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from wasmverse.checks.start import Bounds, Check
from wasmverse.errors import FunctionError, ModuleRefused
from wasmverse.functions.check import Checked
from wasmverse.functions.definition import Definition
from wasmverse.functions.enclosed import check_enclosed
from wasmverse.functions.names import TRY
from wasmverse.functions.type_names import quoted_name, sql_name, sql_type
from wasmverse.settings import FunctionCheckSettings
from wasmverse.text import printable
from wasmverse.wasm.types import Field, Option

ROWS_MAX = 10_000
"""Rows of a dry run; a query that has more is cut."""
EXAMPLES_MAX = 10
SHOWN = 120


@dataclass(frozen=True, slots=True)
class Example:
    """A row, or of an aggregate a group, whose result is another one: its arguments, the present and the new result in short, and
    why the new one failed."""

    row: int
    arguments: str
    present: str | None
    new: str | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dry run came to; ``fuel`` and ``nanoseconds`` are for a row, ``faults`` the rows that failed."""

    rows: int
    is_compared: bool
    differences: int
    faults: int
    fuel: float
    nanoseconds: float
    examples: list[Example] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def rows_query(definition: Definition, sql: str, *, is_compared: bool) -> str:
    """The SELECT of what the new version is called with, and of what the present one makes of that.

    Of a scalar or table function each row has the arguments that ``sql`` has. Of an aggregate a row is a group: what groups its
    rows, which are the columns that ``sql`` has beyond the arguments, and then the list of its rows.

    Raises
    ------
    FunctionError : it has no parameters, or ``sql`` is no query by itself.
    """
    params = definition.function.params
    if not params:
        raise FunctionError(
            f"{definition.name} takes nothing; a dry run is of a function with one parameter or more: try it under another name"
        )
    check_enclosed(sql)
    names = [f"a{place}" for place in range(1, len(params) + 1)]
    all_names = ", ".join(names)
    columns = [f"{name}::{sql_type(part.type)} AS {name}" for name, part in zip(names, params, strict=True)]
    is_aggregate = definition.kind == "aggregate"
    beside = [f"* EXCLUDE ({all_names})"] if is_aggregate else []
    selected = ", ".join([*columns, *beside])
    given = sql.rstrip().rstrip(";")
    inner = f"SELECT {selected} FROM (\n{given}\n) AS given({all_names}) LIMIT {ROWS_MAX}"
    called = f"{TRY}{definition.name}({all_names})"
    present = [f"{called} AS present"] if is_compared else []
    if is_aggregate:
        chosen = [*beside, f"{_gathered(names, params)} AS given_rows", *present]
        return f"SELECT {', '.join(chosen)} FROM (\n{inner}\n) GROUP BY ALL"
    if definition.kind == "table" and is_compared:
        present = [f"(SELECT list(one) FROM {called} AS one) AS present"]
    return f"SELECT {', '.join(['*', *present])} FROM (\n{inner}\n)" if present else inner


def _gathered(names: list[str], params: tuple[Field, ...]) -> str:
    """The list of an aggregate's rows, but for those that are passed over."""
    row = names[0]
    if len(params) > 1:
        columns = [quoted_name(sql_name(part.name)) for part in params]
        values = ", ".join(f"{column}: {name}" for column, name in zip(columns, names, strict=True))
        row = f"{{{values}}}"
    wanted = [
        f"{name} IS NOT NULL"
        for name, part in zip(names, params, strict=True)
        if not isinstance(part.type, Option)
    ]
    only = f" FILTER (WHERE {' AND '.join(wanted)})" if wanted else ""
    return f"coalesce(list({row}){only}, [])"


def dry_run_check(
    checked: Checked, rows: bytes, settings: FunctionCheckSettings, *, is_compared: bool
) -> Check[DryRun]:
    """The run over rows in Arrow's IPC stream, in a process of its own."""
    definition, compiled = checked
    told = {"definition": definition.to_row(), "is_compared": is_compared, "compiled": len(compiled)}
    bounds = Bounds(
        settings.function_compile_seconds_max,
        settings.function_compile_memory_bytes_max,
        settings.process_threads_max,
        0,
    )
    return Check(
        "wasmverse.functions.dry_runner",
        settings.part(FunctionCheckSettings).model_dump_json(),
        (json.dumps(told).encode() + b"\n", compiled, rows),
        bounds,
        partial(_read, is_compared),
        (FunctionError,),
    )


def _read(is_compared: bool, found: dict[str, Any], _compiled: bytes) -> DryRun:
    try:
        counts = [int(found[name]) for name in ("rows", "differences", "faults")]
        examples = [
            Example(
                int(one["row"]),
                _short(one["arguments"]) or "",
                _short(one["present"]),
                _short(one["new"]),
                _short(one["why"]) or "",
            )
            for one in found["examples"][:EXAMPLES_MAX]
        ]
        rows, differences, faults = counts
        return DryRun(
            rows,
            is_compared,
            differences,
            faults,
            float(found["fuel"]),
            float(found["nanoseconds"]),
            examples,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModuleRefused("the dry run's answer is not understood: try again") from error


def _short(value: object) -> str | None:
    return None if value is None else printable(value, SHOWN)

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
from wasmverse.functions.names import TRY
from wasmverse.functions.type_names import sql_type
from wasmverse.settings import FunctionCheckSettings
from wasmverse.text import printable

ROWS_MAX = 10_000
"""Rows of a dry run; a query that has more is cut."""
EXAMPLES_MAX = 10
SHOWN = 120


@dataclass(frozen=True, slots=True)
class Example:
    """A row whose result is another one: its arguments, the present and the new result in short, and why the new one failed."""

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
    """The SELECT of the arguments that ``sql`` has, and of what the present version makes of them.

    Raises
    ------
    FunctionError : it is no function of which there are dry runs.
    """
    params = definition.function.params
    if definition.kind != "scalar" or not params:
        raise FunctionError(
            f"{definition.name} is {definition.kind}, with {len(params)} parameters; a dry run is of a scalar function with one "
            "or more: try it under another name"
        )
    names = [f"a{place}" for place in range(1, len(params) + 1)]
    columns = [f"{name}::{sql_type(part.type)} AS {name}" for name, part in zip(names, params, strict=True)]
    inner = f"SELECT {', '.join(columns)} FROM (\n{sql.rstrip().rstrip(';')}\n) AS given({', '.join(names)}) LIMIT {ROWS_MAX}"
    if not is_compared:
        return inner
    return f"SELECT *, {TRY}{definition.name}({', '.join(names)}) AS present FROM (\n{inner}\n)"


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

"""What a row of a function costs on this machine, with made-up arguments: measured in this process, by whoever built it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa

from wasmverse.errors import FunctionError
from wasmverse.functions.called import called
from wasmverse.functions.definition import Definition
from wasmverse.functions.limits import function_limits
from wasmverse.functions.run import ROWS, Runner
from wasmverse.functions.sql_types import arrow_type
from wasmverse.functions.type_names import BYTES, fields_of, sql_name
from wasmverse.settings import FunctionCheckSettings
from wasmverse.wasm.fold import FIRST, LAST
from wasmverse.wasm.hosting import load
from wasmverse.wasm.types import (
    BOOL,
    CHAR,
    Enum,
    Flags,
    List,
    Option,
    Record,
    Scalar,
    String,
    Tuple,
    ValueType,
)

ITEMS = 8
"""Items of a list that is made up; a text has six words."""
_WORDS = ("solar", "wind", "to", "the", "harvesters", "energy", "is", "low", "and", "falling")


class Measured(NamedTuple):
    """``nanoseconds`` of processor time and ``fuel`` are for a row; ``faults`` of all rows, and why the first one was."""

    rows: int
    nanoseconds: float
    fuel: float
    faults: int
    reason: str


def measure(definition: Definition, compiled: bytes, rows: int, settings: FunctionCheckSettings) -> Measured:
    """Call a function for so many rows; of an aggregate what iterates. Values are passed in and out as in a query.

    Raises
    ------
    FunctionError : no arguments can be made up.
    """
    chance = random.Random(1)
    count = min(rows, ROWS)
    arguments: list[Any] = [
        pa.array([_value(field.type, chance) for _ in range(count)], arrow_type(field.type))
        for field in definition.function.params
    ]
    calls, limits = count, function_limits(settings)
    if definition.kind == "aggregate":
        limits = replace(limits, budget_fuel=limits.budget_fuel * count)
        arguments, calls = _as_group(definition, arguments, count), 1
    guest, function = called(definition, load(compiled))
    runner = Runner(function)
    runner.run(guest, arguments, calls, limits)
    done = faults = fuel = 0
    seconds, reason = 0.0, ""
    while done < rows:
        ran = runner.run(guest, arguments, calls, limits)
        done += count
        faults += ran.outcome.faults + len(ran.errors)
        reason = reason or ran.outcome.reason or next(iter(ran.errors.values()), "")
        fuel += ran.outcome.fuel
        seconds += ran.outcome.seconds
    return Measured(done, 1e9 * seconds / done, fuel / done, faults, reason)


def _as_group(definition: Definition, columns: list[Any], rows: int) -> list[Any]:
    """Rows as what folds an aggregate's takes them: one group, all of it."""
    items: Any = columns[0]
    if len(columns) > 1:
        names = [sql_name(field.name) for field in definition.function.params]
        items = pa.StructArray.from_arrays(columns, names)
    return [
        pa.array([FIRST | LAST], pa.uint8()),
        pa.ListArray.from_arrays(pa.array([0, rows], pa.int32()), items),
    ]


def _value(type_: ValueType, chance: random.Random) -> Any:
    """Any value of a type, as Arrow takes it."""
    if type_ == BYTES:
        return chance.randbytes(ITEMS)
    match type_:
        case Scalar("f32" | "f64"):
            return chance.uniform(-1_000, 1_000)
        case Scalar() if type_ == BOOL:
            return chance.random() < 0.5
        case Scalar() if type_ == CHAR:
            return chance.choice("abcdefgh")
        case Scalar():
            return chance.randrange(100)
        case String():
            return " ".join(chance.choices(_WORDS, k=6))
        case List(item):
            return [_value(item, chance) for _ in range(ITEMS)]
        case Option(some):
            return None if chance.random() < 0.1 else _value(some, chance)
        case Enum(labels):
            return chance.choice(labels)
        case Record() | Tuple() | Flags():
            return {sql_name(name): _value(part, chance) for name, part in fields_of(type_)}
    raise FunctionError(f"no value of {type_} can be made up: measure it in a query")

"""A function's definition travels as a row of plain values, and comes back the same."""

import json

import pytest

from wasmverse.errors import FunctionError
from wasmverse.functions.definition import Definition
from wasmverse.wasm.types import (
    BOOL,
    CHAR,
    F64,
    S32,
    SCALARS,
    U8,
    U32,
    Case,
    Enum,
    Field,
    Flags,
    Function,
    List,
    Option,
    Record,
    Result,
    String,
    Tuple,
    ValueType,
    Variant,
)

TYPES: list[ValueType] = [
    *SCALARS.values(),
    String(),
    List(U8),
    List(List(String())),
    Record((Field("a", U32), Field("b-c", Option(F64)))),
    Tuple((BOOL, CHAR, Tuple((S32,)))),
    Variant((Case("none"), Case("some", Record((Field("x", S32),))))),
    Enum(("red", "green")),
    Option(Option(U32)),
    Result(),
    Result(U32),
    Result(None, String()),
    Result(List(Flags(("a", "b"))), Enum(("e",))),
    Flags(("read", "write")),
]


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_every_type_survives_a_row(type_: ValueType) -> None:
    of_parameter = Definition(
        "f", "scalar", Function((Field("a", type_),), None), "canonical", "0" * 64, export="f"
    )
    of_result = Definition("f", "scalar", Function((), type_), "canonical", "0" * 64, export="f")
    for definition in (of_parameter, of_result):
        row = json.loads(json.dumps(definition.to_row()))
        assert Definition.of_row(row | {"created_at": "another column"}) == definition


def test_an_aggregate_survives_a_row() -> None:
    total = Definition(
        "total", "aggregate", Function((Field("x", F64),), F64), "canonical", "1" * 64, "Rust",
        state=Record((Field("sum", F64), Field("rows", U32))), initialize="init", iterate="iter", terminate="end",
        pages_max=4, version=7, owner="name:ada",
    )  # fmt: skip
    assert Definition.of_row(total.to_row()) == total
    assert total.exports == ("init", "iter", "end")


def test_a_rows_values_are_plain() -> None:
    row = Definition("f", "scalar", Function((Field("x", F64),), U32), "basic", "0" * 64, export="f").to_row()
    assert {type(value) for value in row.values()} <= {str, int, bool, type(None)}
    assert row["function"] == '[[["x","f64"]],"u32"]'


TABLE = Definition(
    "t", "table", Function((), List(Record((Field("a", U32),)))), "canonical", "0" * 64, export="t"
)
TOTAL = Definition(
    "total", "aggregate", Function((Field("x", F64),), F64), "canonical", "1" * 64, state=F64, initialize="a",
    iterate="b", terminate="c",
)  # fmt: skip


@pytest.mark.parametrize(
    ("definition", "without"),
    [(TOTAL, "state"), (TOTAL, "initialize"), (TOTAL, "iterate"), (TOTAL, "terminate"), (TABLE, "function")],
)
def test_a_row_that_lacks_what_its_kind_has_is_refused(definition: Definition, without: str) -> None:
    """A checker has run a stranger's code, and may say anything: the universe could not show it, turn after turn."""
    row = definition.to_row()
    assert Definition.read(row) == definition
    with pytest.raises(FunctionError, match="is not understood"):
        Definition.read(row | {without: '[[],"u32"]' if without == "function" else None})


def test_a_row_that_is_none_is_refused() -> None:
    with pytest.raises(FunctionError, match="is not understood"):
        Definition.read([])  # type: ignore[arg-type]


def test_a_row_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(FunctionError, match="characters when they are written out"):
        Definition.read(TABLE.to_row() | {"function": "[" * 40_000})

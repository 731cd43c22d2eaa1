"""Values in each form that Arrow has for them, values that do not fit, and the types as the engine of queries has them."""

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings

from tests.functions.guests import ECHO, run
from tests.wasm import canonical
from wasmverse.functions.sql_types import arrow_type
from wasmverse.functions.type_names import sql_type
from wasmverse.wasm.layout import SignatureError
from wasmverse.wasm.types import BOOL, S64, U8, Case, Enum, Field, Function, Option, Result, String, Variant

NUMBER = '(module (func (export "f") (param i32) (result i32) (local.get 0)))'
"""A char, an enum or flags as it came."""


def test_labels_are_found_by_their_names_whatever_their_numbers() -> None:
    color = Enum(("red", "green", "dark-blue"))
    array = pa.DictionaryArray.from_arrays(pa.array([0, 2, None, 1]), ["dark-blue", "unused", "red"])[0:3]
    type_ = Function((Field("a", color),), U8)
    assert run(type_, NUMBER, array).result.to_pylist() == [2, 0, None]
    assert run(type_, NUMBER, pa.array(["green", "red"])).result.to_pylist() == [1, 0]
    ran = run(type_, NUMBER, pa.array(["green", "mauve", None]))
    assert ran.result.to_pylist() == [1, None, None]
    assert ran.errors == {1: "a is 'mauve'; it must be one of red, green, dark-blue"}
    back = Function((Field("a", U8),), color)
    assert run(back, NUMBER, [2, 0, 3]).result.to_pylist() == ["dark-blue", "red", None]


def test_a_char_is_a_text_of_one_character() -> None:
    ran = run("func(a: char) -> char", NUMBER, ["a", "é", "🚀", "", "ab", None, "\0"])
    assert ran.result.to_pylist() == ["a", "é", "🚀", None, None, None, "\0"]
    assert ran.errors == {3: "a is ''; it must be one character", 4: "a is 'ab'; it must be one character"}


def test_an_unfit_value_within_lists_concerns_its_row() -> None:
    ran = run(
        "func(a: list<list<char>>) -> list<list<char>>",
        ECHO,
        [[["a"], ["b", "cd"]], [], [["e", None]], [["f"], []]],
    )
    assert ran.result.to_pylist() == [None, [], None, [["f"], []]]
    assert ran.errors == {0: "a.item.item is 'cd'; it must be one character"}


@pytest.mark.parametrize(
    "form",
    [
        lambda array: array.cast(pa.large_list(pa.uint16())),
        lambda array: array.cast(pa.list_(pa.int64())),
        lambda array: pa.chunked_array([array[:1], array[1:]]),
        lambda array: pa.concat_arrays([array, array])[3:],
    ],
    ids=["large", "wide", "chunks", "slice"],
)
def test_lists_in_other_forms(form: Any) -> None:
    values = [[1, 2, 3], [], [65_535]]
    array = form(pa.array(values, pa.list_(pa.uint16())))
    assert run("func(a: list<u16>) -> list<u16>", ECHO, array).result.to_pylist() == values


def test_lists_of_a_fixed_length() -> None:
    array = pa.array([[1, 2], None, [5, 6]], pa.list_(pa.uint16(), 2))[1:]
    assert run("func(a: list<u16>) -> list<u16>", ECHO, array).result.to_pylist() == [None, [5, 6]]


@pytest.mark.parametrize("null", [None, [None], [[1], None, [2]]], ids=str)
def test_a_null_anywhere_in_a_list_keeps_its_row_from_being_called(null: Any) -> None:
    array = pa.array([[[1, 2]], null, [[], [3]]], pa.list_(pa.list_(pa.int32())))
    ran = run("func(a: list<list<s32>>) -> list<list<s32>>", ECHO, array)
    assert ran.result.to_pylist() == [[[1, 2]], None, [[], [3]]]


OPTIONS = """(module (memory (export "memory") 1) (func (export "f") (param i32 i64) (result i32)
  (i32.store8 (i32.const 8) (local.get 0)) (i64.store (i32.const 16) (local.get 1)) (i32.const 8)))"""


def test_null_is_a_value_of_an_option() -> None:
    assert run("func(a: option<s64>) -> option<s64>", OPTIONS, [1, None, -3]).result.to_pylist() == [
        1,
        None,
        -3,
    ]


VARIANT = Variant((Case("number", S64), Case("flag", None), Case("text", String())))


def test_unions_that_are_dense_or_numbered_otherwise() -> None:
    text = """(module (memory (export "memory") 1) (func (export "f") (param i32 i64 i32) (result i32) (local.get 0)))"""
    function = Function((Field("a", VARIANT),), U8)
    members = [pa.array([7, 8]), pa.array([True]), pa.array(["x", None])]
    codes, offsets = pa.array([2, 0, 1, 0, 2], pa.int8()), pa.array([0, 0, 0, 1, 1], pa.int32())
    dense = pa.UnionArray.from_dense(codes, offsets, members, ["number", "flag", "text"])
    assert run(function, text, dense).result.to_pylist() == [2, 0, 1, 0, None]
    assert run(function, text, dense[1:4]).result.to_pylist() == [0, 1, 0]
    other = pa.UnionArray.from_dense(
        pa.array([9, 5, 7, 5], pa.int8()), offsets[:4], members, ["n", "f", "t"], [5, 7, 9]
    )
    assert run(function, text, other[1:]).result.to_pylist() == [0, 1, 0]


ERRORS = """(module (memory (export "memory") 1) (data (i32.const 64) "no such ship") (func (export "f") (param i32) (result i32)
  (i32.store (i32.const 0) (i32.and (local.get 0) (i32.const 1)))
  (i32.store (i32.const 4) (i32.const 64)) (i32.store (i32.const 8) (select (i32.const 12) (i32.const 99) (local.get 0)))
  (i32.const 0)))"""


def test_an_error_is_told_with_its_row() -> None:
    ran = run("func(a: u8) -> result<u32, string>", ERRORS, [0, 1, 2, 3])
    assert ran.result.to_pylist() == [64, None, 64, None]
    assert ran.errors == {1: "no such ship", 3: "no such ship"}
    assert ran.outcome.faults == 0


def test_errors_that_are_no_texts_are_shown() -> None:
    assert run("func(a: u8) -> result<_, tuple<u32, u32>>", ERRORS, [1]).errors == {0: '{"f0": 64, "f1": 12}'}
    ran = run("func(a: u8) -> result<u32>", ERRORS, [0, 1])
    assert (ran.result.to_pylist(), ran.errors) == ([64, None], {1: "error"})
    plain = run("func(a: u8) -> result", NUMBER, [0, 1])
    assert (plain.result.to_pylist(), plain.errors) == ([True, None], {1: "error"})


def test_an_error_within_a_value_is_the_rows_error() -> None:
    ran = run("func(a: u8) -> tuple<result<u32, string>, u32>", ERRORS, [0, 1])
    assert ran.result.to_pylist() == [{"f0": 64, "f1": 0}, None]
    assert ran.errors == {1: "no such ship"}


def test_a_variant_with_more_cases_than_a_union_has_members_is_refused() -> None:
    most = Variant(tuple(Case(f"c{n}") for n in range(127)))
    assert arrow_type(most).num_fields == 127
    with pytest.raises(SignatureError, match="128 cases; a UNION of SQL has at most 127"):
        arrow_type(Variant(tuple(Case(f"c{n}") for n in range(128))))


@given(canonical.value_types)
@settings(max_examples=40, deadline=None)
def test_the_engine_has_the_same_types_by_their_names(type_: Any) -> None:
    """What DuckDB hands out for a name is what is put into columns, and it takes back what is made of them."""
    connection = duckdb.connect()
    empty = connection.sql(f"select null::{sql_type(type_)} as a").to_arrow_table()
    assert simple(empty.schema.field("a").type) == simple(arrow_type(type_))
    connection.close()


def simple(kind: pa.DataType, *, is_in_list: bool = False) -> Any:
    """A type without the names of list items and the numbers of labels, which are texts within lists."""
    if pa.types.is_dictionary(kind):
        return "string" if is_in_list else "label"
    if pa.types.is_list(kind):
        return ["list", simple(kind.value_type, is_in_list=True)]
    if pa.types.is_struct(kind) or pa.types.is_union(kind):
        return [str(kind)[:6], *((field.name, simple(field.type, is_in_list=is_in_list)) for field in kind)]
    return str(kind)


def test_a_result_is_named_for_what_it_is_asked_for() -> None:
    assert arrow_type(Result(None, String())) == pa.bool_()
    assert arrow_type(Option(Result(BOOL, String()))) == pa.bool_()

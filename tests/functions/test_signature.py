"""A function's types: declared, in WIT and in its module; what does not agree is refused with both spelled out."""

from typing import Any

import pytest
import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.functions.definition import Definition
from wasmverse.functions.grammar import parse_declaration
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.statement import statement_of
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import Settings
from wasmverse.wasm.types import CHAR, F32, F64, S32, S64, U32, Field, Function, Result, String

SETTINGS = Settings()
NUMBERS = """(module (func (export "gain") (param f64 f64) (result f64) (local.get 0))
    (func (export "mixed") (param i32 i64 f32) (result i64) (local.get 1)) (func (export "none") (param f64))
    (func (export "my-own") (result i32) (i32.const 1)) (func (export "two") (result i32 i32) (i32.const 1) (i32.const 1)))"""
MEMORY = """(memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)"""
TEXT = f"""(module {MEMORY} (func (export "shout") (param i32 i32) (result i32) (i32.const 8))
    (func (export "cabi_post_shout") (param i32)) (func (export "rows") (param i32) (result i32) (i32.const 8))
    (func (export "first") (param i32 i32) (result i32) (i32.const 65)))"""
TOTAL = f"""(module {MEMORY} (func (export "init") (result f64) (f64.const 0))
    (func (export "my-step") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
    (func (export "done") (param f64) (result f64) (local.get 0)))"""


def defined(text: str, wanted: Wanted) -> Definition:
    return inspect_function(bytes(wasmtime.wat2wasm(text)), wanted, SETTINGS)[0]


def declared(name: str, params: str | None, returns: str | None, **values: Any) -> Wanted:
    return parse_declaration(Wanted(name, **values), params, returns, None)


def test_types_follow_from_the_module_where_they_are_numbers() -> None:
    made = defined(NUMBERS, Wanted("mixed"))
    assert made.function == Function((Field("a1", S32), Field("a2", S64), Field("a3", F32)), S64)
    assert made.signature == "(a1 INTEGER, a2 BIGINT, a3 FLOAT) RETURNS BIGINT"
    assert defined(NUMBERS, Wanted("my_own")).export == "my-own"
    assert defined(NUMBERS, Wanted("f", export="gain", abi="basic")).abi == "basic"


def test_types_are_those_that_are_declared() -> None:
    made = defined(NUMBERS, declared("mixed", "a UINTEGER, b BIGINT, c REAL", "UBIGINT"))
    assert made.parameters == "UINTEGER, BIGINT, FLOAT"
    made = defined(TEXT, declared("shout", "words TEXT", "TEXT"))
    assert made.function == Function((Field("words", String()),), String())
    made = defined(TEXT, declared("rows", "n UINTEGER", "TABLE(x INT, label TEXT)"))
    assert made.signature == "(n UINTEGER) RETURNS TABLE(x INTEGER, label VARCHAR)"


def test_wit_says_more_than_sql_and_agrees_with_what_is_declared() -> None:
    wit = "world w { export shout: func(words: string) -> result<u32, string>; export first: func(of: string) -> char; }"
    made = defined(TEXT, Wanted("shout", wit=wit))
    assert made.function.result == Result(U32, String())
    made = defined(TEXT, declared("first", "x TEXT", "VARCHAR", wit=wit))
    assert made.function == Function((Field("of", String()),), CHAR)
    with pytest.raises(ModuleRefused) as refused:
        defined(TEXT, declared("first", "x TEXT", "DOUBLE", wit=wit))
    assert (
        "declared is (VARCHAR) RETURNS DOUBLE, but the WIT says (VARCHAR) RETURNS VARCHAR"
        in refused.value.message
    )


@pytest.mark.parametrize("wit", [None, "world w { export init: func() -> f64; export my-step: func(s: f64, x: f64) -> f64; "
                                       "export done: func(s: f64) -> f64; }"])  # fmt: skip
def test_an_aggregate(wit: str | None) -> None:
    wanted = Wanted("total", "aggregate", wit=wit, steps=("init", "my_step", None, "done"))
    if wit is None:
        wanted = parse_declaration(wanted, "DOUBLE", "DOUBLE", "DOUBLE")
    made = defined(TOTAL, wanted)
    assert (made.parameters, made.state, made.exports) == ("DOUBLE", F64, ("init", "my-step", "done"))
    assert made.function.result == F64


def world(kind: str, export: str, parts: list[str]) -> str:
    """A world with one function, and in it a type with these parts."""
    return f"world w {{ {kind} t {{ {', '.join(parts)} }} export {export}; }}"


BIG = """(module (func (export "cases") (result i32) (i32.const 0))
  (func (export "big") (param i32) (result f64) (f64.const 0)))"""


def test_a_label_or_a_char_needs_no_memory() -> None:
    defined(BIG, Wanted("cases", wit="world w { enum e { a, b } export cases: func() -> e; }"))


@pytest.mark.parametrize(
    ("text", "wanted", "says"),
    [
        (NUMBERS, Wanted("nope"), "the module exports gain, mixed, my-own, none, two, not nope: name the one"),
        (NUMBERS, Wanted("two"), "no function of numbers with one result"),
        (NUMBERS, Wanted("none"), "returns nothing"),
        (NUMBERS, declared("gain", "x DOUBLE", "DOUBLE"),
         "gain has the signature (f64, f64) -> f64; gain(DOUBLE) RETURNS DOUBLE needs (f64) -> f64"),
        (NUMBERS, declared("gain", "x TEXT, y DOUBLE", "DOUBLE"), "needs (i32, i32, f64) -> f64"),
        (NUMBERS, Wanted("gain", wit="world w { export other: func(); }"), "the WIT exports other, not gain"),
        (NUMBERS, Wanted("gain", wit="interface x {}"), "WIT"),
        (NUMBERS, declared("my_own", "", "TEXT"), "exports no memory"),
        (BIG, Wanted("cases", wit=world("variant", "cases: func() -> t", [f"c{n}" for n in range(128)])),
         "a variant has 128 cases; a UNION of SQL has at most 127"),
        (BIG, Wanted("big", wit=world("record", "big: func(a: t) -> f64", [f"f{n}: f64" for n in range(17)])),
         "exports no memory"),
        (BIG, Wanted("big", wit=world("record", "big: func(a: t) -> f64", [f"f{n}: f64" for n in range(1_020)])),
         "have 1,021 parts, lists counted several times; 1,020 are allowed"),
        (TEXT, declared("shout", "x TEXT", "TEXT", abi="basic"), "ABI BASIC passes numbers alone"),
        (TEXT, declared("rows", "n UINTEGER", "TEXT[]", kind="table"), "a table function returns a list of records"),
        (TEXT.replace("(param i32))", ")"), declared("shout", "x TEXT", "TEXT"), "cabi_post_shout has the signature"),
        (TEXT.replace("i32 i32 i32 i32", "i32 i32 i32"), declared("shout", "x TEXT", "TEXT"), "cabi_realloc must be"),
        (TOTAL, parse_declaration(Wanted("t", "aggregate", steps=("init", "my-step", None, "done")), "TEXT", "DOUBLE", "DOUBLE"),
         "my-step has the signature (f64, f64) -> f64; (DOUBLE, VARCHAR) RETURNS DOUBLE needs (f64, i32, i32) -> f64"),
        (TOTAL, parse_declaration(Wanted("t", "aggregate", steps=("init", "no", None, "done")), "DOUBLE", "DOUBLE", "DOUBLE"),
         "exports cabi_realloc, done, init, my-step, not no"),
        ('(module (func $s unreachable) (start $s) (func (export "f") (result i32) (i32.const 1)))', Wanted("f"), "be started"),
        ('(module (func $s (loop (br 0))) (start $s) (func (export "f") (result i32) (i32.const 1)))', Wanted("f"), "be started"),
        ('(module (memory 60000) (func (export "f") (result i32) (i32.const 1)))', Wanted("f"), "bytes of memory"),
        ('(module (import "env" "now" (func)) (func (export "f") (result i32) (i32.const 1)))', Wanted("f"), "env.now"),
        (f'(module (func (export "{"x" * 5_000}")))', Wanted("f"), "not f"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_spelled_out(text: str, wanted: Wanted, says: str) -> None:
    with pytest.raises(ModuleRefused) as refused:
        defined(text, wanted)
    assert says in refused.value.message
    assert len(refused.value.message) < 900


def test_what_is_wanted_survives_its_way_to_the_checker() -> None:
    wanted = parse_declaration(
        Wanted("t", "aggregate", wit="world \u2026 {\n}", steps=("a", "b", None, "c"), pages_max=3),
        "DOUBLE",
        "TEXT[]",
        "HANDLE",
    )
    assert Wanted.of_json(wanted.to_json()) == wanted
    assert "\n" not in wanted.to_json()


def test_the_statement_that_would_create_it() -> None:
    made = defined(NUMBERS, declared("gain", "x DOUBLE, y DOUBLE", "DOUBLE", pages_max=2))
    text = statement_of(made, 99)
    assert text.startswith(
        "CREATE OR REPLACE FUNCTION gain(x DOUBLE, y DOUBLE) RETURNS DOUBLE AS WASM ABI CANONICAL GROW TO 131072 FROM BASE64 "
    )
    assert text.endswith("/* in WIT: func(x: f64, y: f64) -> f64 */ USING EXPORT 'gain'")
    wanted = Wanted("total", "aggregate", steps=("init", "my_step", None, "done"))
    made = defined(TOTAL, parse_declaration(wanted, "DOUBLE", "DOUBLE", "DOUBLE"))
    text = statement_of(made, 99)
    assert "CREATE OR REPLACE AGGREGATE total(a1 DOUBLE) RETURNS DOUBLE WITH STATE DOUBLE AS WASM" in text
    assert text.endswith('INITIALIZE WITH "init" ITERATE WITH "my-step" TERMINATE WITH "done"')

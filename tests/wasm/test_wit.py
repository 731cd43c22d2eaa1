"""What of WIT is understood, and that everything else is refused by a WitError."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wasmverse.wasm.abi import core_function
from wasmverse.wasm.types import (
    S64,
    SCALARS,
    U8,
    U16,
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
from wasmverse.wasm.wit import TYPE_DEPTH_MAX, WitError, parse_world


def type_of(text: str, named: str = "") -> ValueType:
    """The type that a parameter has which is declared so."""
    return parse_world(f"world w {{ {named} export f: func(a: {text}); }}")["f"].params[0].type


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        *SCALARS.items(),
        ("string", String()),
        ("list<list<u8>>", List(List(U8))),
        ("option<string>", Option(String())),
        ("tuple<u8, s64>", Tuple((U8, S64))),
        ("tuple<u8,>", Tuple((U8,))),
        ("result", Result()),
        ("result<u8>", Result(U8)),
        ("result<_, string>", Result(None, String())),
        ("result<u8, string>", Result(U8, String())),
    ],
)
def test_every_type_is_read_and_written_as_it_was(text: str, type_: ValueType) -> None:
    assert type_of(text) == type_
    assert type_of(str(type_)) == type_


def test_named_types_are_read() -> None:
    named = """record point { x: u8, y: shift } variant found { nothing, at(point), many(list<point>) }
      enum side { left, right } flags rights { read, write, } type shift = s64; type shifts = list<shift>;"""
    point = Record((Field("x", U8), Field("y", S64)))
    assert type_of("point", named) == point
    assert type_of("found", named) == Variant((Case("nothing"), Case("at", point), Case("many", List(point))))
    assert type_of("side", named) == Enum(("left", "right"))
    assert type_of("rights", named) == Flags(("read", "write"))
    assert type_of("shifts", named) == List(S64)
    assert str(type_of("found", named)) == (
        "variant { nothing, at(record { x: u8, y: s64 }), many(list<record { x: u8, y: s64 }>) }"
    )


def test_functions_may_return_anything_or_nothing() -> None:
    world = parse_world("world w { export a: func(); export b: func(x: u16) -> result<_, string>; }")
    assert world["a"] == Function((), None)
    assert world["b"] == Function((Field("x", U16),), Result(None, String()))
    assert str(world["b"]) == "func(x: u16) -> result<_, string>"


def test_types_may_be_nested_and_used_before_they_stand() -> None:
    text = """
      package a:b-c@1.2.3-rc.1;
      // a comment, then /* another
      /* one
         over lines: record nothing { } */
      world w{export f:func(p:pair,q:u8)->s64;record pair{first:point,second:point,}
        /// documented
        record point { x: f32, y: f64 }
        export no-arguments: func() -> char;
      } // the end"""
    functions = parse_world(text)
    assert str(core_function(functions["f"])) == "(f32, f64, f32, f64, i32) -> i64"
    assert str(core_function(functions["no-arguments"])) == "() -> i32"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "found 'the end' where 'world' must stand"),
        ("package a:b;", "found 'the end' where 'world' must stand"),
        ("package ; world w { }", "found 'package' where 'world' must stand"),
        ("interface i { }", "found 'interface' where 'world' must stand"),
        ("world { }", "found '{' where 'a name' must stand"),
        ("world w {", "where 'a name' must stand"),
        ("world w { } world v { }", "found 'world' after the world"),
        ("world w { import f: func() -> u8; }", "'import' is not understood in a world; use record, variant, enum"),
        ("world w { export f: func(a: u8) -> u8 }", "found '}' where ';' must stand"),
        ("world w { export f: func(a u8) -> u8; }", "found 'u8' where ':' must stand"),
        ("world w { export f: func(a: u8 b: u8) -> u8; }", "found 'b' where ',' must stand"),
        ("world w { export f: func(a: u8, a: u8) -> u8; }", "'a' stands twice in one list"),
        ("world w { export f: func(: u8) -> u8; }", "found ':' where 'a name' must stand"),
        ("world w { export f: func(a: list<u8) -> u8; }", "found ')' where ',' must stand"),
        ("world w { export f: func(a: nothing) -> u8; }", "the type 'nothing' is not known here"),
        ("world w { export f: func(a: u8<u8>) -> u8; }", "the type 'u8' is not known here"),
        ("world w { export f: func(a: list) -> u8; }", "list cannot have 0 types within < and >"),
        ("world w { export f: func(a: list<u8, u8>) -> u8; }", "list cannot have 2 types within < and >"),
        ("world w { export f: func(a: list<_>) -> u8; }", "or no '_' there: list<T>, option<T>, tuple<T, ...>"),
        ("world w { export f: func(a: tuple<>) -> u8; }", "tuple cannot have 0 types"),
        ("world w { export f: func(a: result<_>) -> u8; }", "result cannot have 1 types"),
        ("world w { export f: func(a: future<u8>) -> u8; }", "the type 'future' is not known here"),
        ("world w { record r { } }", "the record 'r' is empty; it has one part or more"),
        ("world w { enum e { } }", "the enum 'e' is empty"),
        ("world w { record r { a: u8 } enum r { a } }", "the name of the type 'r' is taken"),
        ("world w { record u8 { a: u16 } }", "the name of the type 'u8' is taken"),
        ("world w { record result { a: u16 } }", "the name of the type 'result' is taken"),
        ("world w { enum e { a, b, a } }", "'a' stands twice in one list"),
        ("world w { record r { a: unknown } }", "the type 'unknown' is not known here"),
        ("world w { flags f { " + ", ".join(f"a{n}" for n in range(33)) + " } }", "'f' has 33 flags; there may be 32"),
        ("world w { record r { a: u8, a: u8 } }", "'a' stands twice in one list"),
        ("world w { record r { a: r } export f: func(a: r) -> u8; }", "the type 'r' contains itself, which WIT does not allow"),
        ("world w { record a { b: b } record b { a: a } export f: func(a: a) -> u8; }", "the type 'a' contains itself"),
        ("world w { type a = list<option<a>>; }", "the type 'a' contains itself"),
        ("world w { export f: func() -> u8; export f: func() -> u8; }", "'f' is exported twice"),
        ("world w { export F: func() -> u8; }", "cannot read 'F: func() -> u8; }'"),
        ("world w { export f: func(a: €) -> u8; }", "cannot read '€) -> u8; }'"),
        ("world w { /* never closed }", "cannot read '/* never closed }'"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_in_words(body: str, message: str) -> None:
    with pytest.raises(WitError) as refusal:
        parse_world(body)
    assert refusal.value.message.startswith("WIT: ")
    assert message in refusal.value.message


def test_types_that_double_at_every_level_are_refused_before_they_are_taken_apart() -> None:
    levels = "".join(f"record r{n} {{ a: r{n - 1}, b: r{n - 1} }} " for n in range(1, 64))
    for last in (63, 12):
        with pytest.raises(WitError, match=r"nested|made of"):
            parse_world(f"world w {{ {levels} record r0 {{ a: u8 }} export f: func(a: r{last}) -> u8; }}")
    wide = ", ".join(f"f{n}: r" for n in range(3_000))
    with pytest.raises(WitError, match="a type is made of 6,001 types; there may be 4,096: take it apart"):
        parse_world(f"world w {{ record r {{ a: u8 }} record wide {{ {wide} }} }}")


def test_the_deepest_type_is_read_and_one_deeper_refused() -> None:
    def nested(depth: int) -> str:
        return "list<" * (depth - 1) + "u8" + ">" * (depth - 1)

    assert str(type_of(nested(TYPE_DEPTH_MAX))) == nested(TYPE_DEPTH_MAX)
    for text in (nested(TYPE_DEPTH_MAX + 1), nested(100_000)):
        with pytest.raises(WitError, match="a type is nested more than 16 deep: take it apart"):
            type_of(text)
    with pytest.raises(WitError, match="a type is nested 17 deep; 16 is the most"):
        type_of("list<deep>", f"type deep = {nested(TYPE_DEPTH_MAX)};")


_WORDS = """world package record variant flags type option result tuple _ =
  export import func list string u8 s64 f32 char bool me a-b a:b@1.0.0
  -> // /* */ { } ( ) < > : ; , . % - @ 7 é"""


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(_WORDS.split()), max_size=40).map(" ".join)))
@example("world w { record a { a: a } export f: func(a: a) -> u8; }")
@example("world w { export f: func(" + "a" * 10_000 + ": u8) -> u8; }")
@example("/*" * 1000)
@settings(deadline=None)
def test_only_wit_errors_escape(text: str) -> None:
    try:
        functions = parse_world(text)
    except WitError:
        return
    assert all(isinstance(function, Function) for function in functions.values())


_WORLD = """world w { record r { a: u8, b: s64 } variant v { a, b(r) } type t = tuple<v, result<_, r>>;
  export f: func(p: r, q: list<u8>, t: string) -> f64; }"""


@given(st.integers(0, len(_WORLD)), st.integers(0, 6), st.text(max_size=3))
@settings(deadline=None)
def test_only_wit_errors_escape_from_a_damaged_world(at: int, cut: int, put: str) -> None:
    with contextlib.suppress(WitError):
        parse_world(_WORLD[:at] + put + _WORLD[at + cut :])

"""What of WIT is understood, and that everything else is refused by a WitError."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasmverse.wasm.wit import (
    BYTE_SEQUENCES,
    CORE_TYPES,
    FLAT_PARAMS_MAX,
    Leaf,
    Signature,
    WitError,
    parse_world,
    strategy_signature,
)


def test_the_strategy_s_signature_is_the_published_one() -> None:
    signature = strategy_signature()
    assert str(signature) == "(i32, i32, i32, i32, i32, i32, i32, i32, i64, i32, i32) -> i64"
    assert [leaf.path for leaf in signature.leaves] == [
        *(
            f"me.{name}"
            for name in ("kind", "x", "y", "energy", "shield", "blasters", "thrusters", "harvesters")
        ),
        "last-plan",
        "system",
    ]
    assert signature.takes_bytes


@pytest.mark.parametrize("type_", CORE_TYPES)
def test_every_scalar_is_carried_by_its_core_type(type_: str) -> None:
    signature = parse_world(f"world w {{ export f: func(a: {type_}) -> {type_}; }}")["f"]
    assert signature == Signature("f", (Leaf("a", type_),), type_)
    assert signature.core_params == (CORE_TYPES[type_],)
    assert signature.core_result == CORE_TYPES[type_]
    assert not signature.takes_bytes


@pytest.mark.parametrize("type_", BYTE_SEQUENCES)
def test_byte_sequences_are_a_pointer_and_a_length(type_: str) -> None:
    signature = parse_world(f"world w {{ export f: func(a: {type_}, b: u64) -> bool; }}")["f"]
    assert signature.core_params == ("i32", "i32", "i64")
    assert signature.takes_bytes


def test_records_are_taken_apart_in_order_and_may_be_nested_and_used_before_they_stand() -> None:
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
    signatures = parse_world(text)
    assert [leaf.path for leaf in signatures["f"].leaves] == [
        "p.first.x", "p.first.y", "p.second.x", "p.second.y", "q",
    ]  # fmt: skip
    assert str(signatures["f"]) == "(f32, f64, f32, f64, i32) -> i64"
    assert str(signatures["no-arguments"]) == "() -> i32"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "found 'the end' where 'world' must stand"),
        ("package a:b;", "found 'the end' where 'world' must stand"),
        ("package ; world w { }", "found 'package' where 'world' must stand"),
        ("interface i { }", "found 'interface' where 'world' must stand"),
        ("world { }", "found '{' where 'a name' must stand"),
        ("world w {", "where 'a name' must stand"),
        ("world w { } world v { }", "found 'world' behind the world"),
        ("world w { import f: func() -> u8; }", "'import' is not understood in a world"),
        ("world w { export f: func(a: u8); }", "found ';' where '->' must stand"),
        ("world w { export f: func(a: u8) -> u8 }", "found '}' where ';' must stand"),
        ("world w { export f: func(a u8) -> u8; }", "found 'u8' where ':' must stand"),
        ("world w { export f: func(a: u8 b: u8) -> u8; }", "found 'b' where ',' must stand"),
        ("world w { export f: func(a: u8, a: u8) -> u8; }", "'a' stands twice in one list"),
        ("world w { export f: func(: u8) -> u8; }", "found ':' where 'a name' must stand"),
        ("world w { export f: func(a: list<u8) -> u8; }", "found ')' where '>' must stand"),
        ("world w { export f: func(a: list<u32>) -> u8; }", "a has the type list<u32>; understood are"),
        ("world w { export f: func(a: option<u8>) -> u8; }", "found '<' where ',' must stand"),
        ("world w { export f: func(a: nothing) -> u8; }", "a has the type nothing; understood are"),
        ("world w { export f: func() -> string; }", "f returns string; a function returns one scalar"),
        ("world w { export f: func() -> list<u8>; }", "f returns list<u8>; a function returns one scalar"),
        ("world w { record r { a: u8 } export f: func() -> r; }", "f returns r; a function returns one scalar"),
        ("world w { record r { } }", "the record 'r' has no field"),
        ("world w { record r { a: u8 } record r { a: u8 } }", "the name of the record 'r' is taken"),
        ("world w { record u8 { a: u16 } }", "the name of the record 'u8' is taken"),
        ("world w { record r { a: u8, a: u8 } }", "'a' stands twice in one list"),
        ("world w { record r { a: r } export f: func(a: r) -> u8; }", "nested more than 8 deep"),
        ("world w { record a { b: b } record b { a: a } export f: func(a: a) -> u8; }", "nested more than 8"),
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


def test_more_values_than_the_canonical_abi_passes_are_refused() -> None:
    def world(count: int, extra: str = "") -> str:
        parameters = ", ".join(f"p{n}: u8" for n in range(count))
        return f"world w {{ export f: func({parameters}{extra}) -> u8; }}"

    assert len(parse_world(world(FLAT_PARAMS_MAX))["f"].core_params) == FLAT_PARAMS_MAX
    assert len(parse_world(world(FLAT_PARAMS_MAX - 2, ", s: string"))["f"].core_params) == FLAT_PARAMS_MAX
    for text in (world(FLAT_PARAMS_MAX + 1), world(FLAT_PARAMS_MAX - 1, ", s: string")):
        with pytest.raises(WitError, match="takes more than 16 values"):
            parse_world(text)


def test_records_that_double_at_every_level_are_refused_before_they_are_taken_apart() -> None:
    levels = "".join(f"record r{n} {{ a: r{n - 1}, b: r{n - 1} }} " for n in range(1, 64))
    with pytest.raises(WitError, match=r"nested more than 8 deep|takes more than 16 values"):
        parse_world(f"world w {{ record r0 {{ a: u8 }} {levels} export f: func(a: r63) -> u8; }}")


_WORDS = """world package record export import func list string u8 s64 f32 char bool me a-b a:b@1.0.0
  -> // /* */ { } ( ) < > : ; , . % - @ 7 é"""


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(_WORDS.split()), max_size=40).map(" ".join)))
@example("world w { record a { a: a } export f: func(a: a) -> u8; }")
@example("world w { export f: func(" + "a" * 10_000 + ": u8) -> u8; }")
@example("/*" * 1000)
def test_only_wit_errors_escape(text: str) -> None:
    try:
        signatures = parse_world(text)
    except WitError:
        return
    assert all(isinstance(signature, Signature) for signature in signatures.values())


_WORLD = "world w { record r { a: u8, b: s64 } export f: func(p: r, q: list<u8>, t: string) -> f64; }"


@given(st.integers(0, len(_WORLD)), st.integers(0, 6), st.text(max_size=3))
def test_only_wit_errors_escape_from_a_damaged_world(at: int, cut: int, put: str) -> None:
    with contextlib.suppress(WitError):
        parse_world(_WORLD[:at] + put + _WORLD[at + cut :])

"""The generated driver: arguments arrive and results come back, for every type and many functions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wasm.builder import (
    BUMP_REALLOC,
    NO_FAULTS,
    Table,
    compile_wat,
    function_of,
    limits_of,
)
from wasmverse.wasm.abi import core_function, flatten
from wasmverse.wasm.allowed import REALLOC_NAMES
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.layout import Layout, SignatureError
from wasmverse.wasm.types import SCALARS, Function

_WIDTHS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "s8": 8, "s16": 16, "s32": 32, "s64": 64}
_MASK = (1 << 64) - 1


def values_of(type_: str) -> st.SearchStrategy[Any]:
    """Values that a parameter of this type may have."""
    if type_ == "bool":
        return st.booleans()
    if type_ == "char":
        return st.characters(exclude_categories=["Cs"])
    if type_ in ("f32", "f64"):
        return st.floats(width=int(type_[1:]), allow_nan=False)
    if type_ == "string":
        return st.text(max_size=40)
    if type_ == "list<u8>":
        return st.binary(max_size=40)
    width = _WIDTHS[type_]
    return (
        st.integers(0, 2**width - 1)
        if type_[0] == "u"
        else st.integers(-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    )


def hash_of(text: bytes) -> int:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in text:
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


_HASH = """
  (func $hash (param $at i32) (param $length i32) (result i64) (local $hash i64) (local $end i32)
    (local.set $hash (i64.const 0xcbf29ce484222325))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $hash (i64.mul (i64.xor (local.get $hash) (i64.load8_u (local.get $at))) (i64.const 0x100000001b3)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (local.get $hash))"""


def guest_that_returns(function: Function, number: int, realloc: str | None) -> Guest:
    """A guest that returns one of its arguments: a scalar as it is, of bytes their hash."""
    core, arguments = core_function(function), Layout.natural(function).arguments
    first = sum(len(flatten(before.type)) for before in arguments[:number])
    body = f"(local.get {first})"
    if len(arguments[number].columns) == 2:
        body = f"(call $hash (local.get {first}) (local.get {first + 1}))"
    text = f"""(module (memory (export "memory") 1) {_HASH} {BUMP_REALLOC.replace("REALLOC", realloc) if realloc else ""}
      (func (export "f") (param {" ".join(core.params)}) (result {" ".join(core.results)}) {body}))"""
    return Guest.of(compile_wat(text), "f")


def answer_of(type_: str, value: Any) -> Any:
    """What Python expects for a value that was passed through."""
    if type_ in ("string", "list<u8>"):
        return hash_of(value.encode() if isinstance(value, str) else value)
    return ord(value) if type_ == "char" else value


@pytest.mark.parametrize("type_", SCALARS)
def test_every_scalar_arrives_and_comes_back(type_: str) -> None:
    function = function_of(f"func(a: {type_}) -> {type_}")
    guest = guest_that_returns(function, 0, None)

    @given(st.lists(values_of(type_), min_size=1, max_size=20))
    @settings(max_examples=25)
    def check(values: list[Any]) -> None:
        table = Table.of(function, [(value,) for value in values])
        assert table.run(guest).faults == 0
        assert table.results.tolist() == [answer_of(type_, value) for value in values]

    check()


@st.composite
def calls(draw: st.DrawFn) -> tuple[Function, list[list[Any]], int]:
    """A function of up to 16 core values, rows of arguments for it, and the argument that is to come back."""
    types: list[str] = []
    for type_ in draw(st.lists(st.sampled_from([*SCALARS, "string", "list<u8>"]), min_size=1, max_size=16)):
        room = 16 - sum(2 if known in ("string", "list<u8>") else 1 for known in types)
        if room >= (2 if type_ in ("string", "list<u8>") else 1):
            types.append(type_)
    leaf = draw(st.integers(0, len(types) - 1))
    result = "u64" if types[leaf] in ("string", "list<u8>") else types[leaf]
    parameters = ", ".join(f"p{number}: {type_}" for number, type_ in enumerate(types))
    rows = draw(st.lists(st.tuples(*map(values_of, types)), min_size=1, max_size=6))
    return function_of(f"func({parameters}) -> {result}"), [list(row) for row in rows], leaf


@given(calls(), st.sampled_from([None, *REALLOC_NAMES]))
@settings(max_examples=60, deadline=None)
def test_any_signature_passes_any_argument(
    call: tuple[Function, list[list[Any]], int], realloc: str | None
) -> None:
    function, rows, leaf = call
    table = Table.of(function, rows)
    outcome = table.run(guest_that_returns(function, leaf, realloc))
    assert outcome.reason is None
    assert table.results.tolist() == [answer_of(str(function.params[leaf].type), row[leaf]) for row in rows]


@pytest.mark.parametrize(
    ("wit", "storage", "values"),
    [
        ("u32", "u1", [0, 1, 127, 128, 255]),
        ("u32", "u2", [0, 32_767, 32_768, 65_535]),
        ("s32", "i1", [-128, -1, 0, 127]),
        ("s32", "i2", [-32_768, -1, 32_767]),
        ("u64", "u1", [0, 255]),
        ("u64", "u4", [0, 2**31, 2**32 - 1]),
        ("s64", "i1", [-128, -1, 127]),
        ("s64", "i4", [-(2**31), -1, 2**31 - 1]),
        ("char", "u1", ["\0", "ÿ"]),
    ],
)
def test_narrower_columns_are_widened_by_their_own_sign(wit: str, storage: str, values: list[Any]) -> None:
    function = function_of(f"func(a: {wit}) -> {wit}")
    table = Table.of(function, [(value,) for value in values], {"a": storage})
    table.run(guest_that_returns(function, 0, None))
    assert table.results.tolist() == [answer_of(wit, value) for value in values]


def constant(result: str, core: str, value: str) -> tuple[Table, Guest]:
    function = function_of(f"func() -> {result}")
    guest = Guest.of(compile_wat(f'(module (func (export "f") (result {core}) {value}))'), "f")
    return Table.of(function, [()]), guest


@pytest.mark.parametrize(
    ("result", "value", "expected"),
    [
        ("bool", 0, False), ("bool", 1, True), ("bool", 2, True), ("bool", 256, True), ("bool", -1, True),
        ("u8", 256, 0), ("u8", -1, 255), ("s8", 128, -128), ("u16", 65_537, 1), ("s16", -32_769, 32_767),
        ("char", 0xD7FF, 0xD7FF), ("char", 0xE000, 0xE000), ("char", 0x10FFFF, 0x10FFFF),
    ],
)  # fmt: skip
def test_results_are_lifted_as_the_canonical_abi_says(result: str, value: int, expected: int) -> None:
    table, guest = constant(result, "i32", f"(i32.const {value})")
    assert table.run(guest).faults == 0
    assert table.results.tolist() == [expected]


@pytest.mark.parametrize("value", [0xD800, 0xDFFF, 0x110000, -1])
def test_a_char_that_is_none_is_a_fault(value: int) -> None:
    table, guest = constant("char", "i32", f"(i32.const {value})")
    assert table.run(guest).faulted == [0]


@pytest.mark.parametrize("core", ["f32", "f64"])
def test_nans_are_canonical_wherever_they_come_from(core: str) -> None:
    payload = {"f32": "nan:0x200001", "f64": "nan:0x4000000000001"}[core]
    canonical = {"f32": 0x7FC00000, "f64": 0x7FF8000000000000}[core]
    for value in (
        f"({core}.div ({core}.const 0) ({core}.const 0))",
        f"({core}.div ({core}.const -0) ({core}.const 0))",
        f"({core}.add ({core}.const -{payload}) ({core}.const 1))",
        f"({core}.sqrt ({core}.const -1))",
        f"({core}.min ({core}.const {payload}) ({core}.const 1))",
    ):
        table, guest = constant(core, core, value)
        table.run(guest)
        assert table.results.view({"f32": np.uint32, "f64": np.uint64}[core]).tolist() == [canonical], value


def test_a_guest_without_an_allocator_keeps_its_own_memory() -> None:
    function = function_of("func(a: list<u8>, b: list<u8>) -> u64")
    text = f"""(module (memory (export "memory") 1) {_HASH}
      (data (i32.const 0) "mine")
      (func (export "f") (param i32 i32 i32 i32) (result i64)
        (i64.xor (i64.load32_u (i32.const 0))
          (i64.xor (call $hash (local.get 0) (local.get 1)) (call $hash (local.get 2) (local.get 3))))))"""
    rows = [(b"", b""), (b"\0" * 60_000, b"\1" * 60_000), (b"\2" * 60_000, b"\3" * 70_000), (b"a", b"")]
    table = Table.of(function, rows)
    assert table.run(Guest.of(compile_wat(text), "f"), limits_of(budget_fuel=10_000_000)).reason is None
    mine = int.from_bytes(b"mine", "little")
    assert table.results.tolist() == [mine ^ hash_of(a) ^ hash_of(b) for a, b in rows]


def test_many_rows_of_several_lists_need_no_more_pages_than_one() -> None:
    """A page for every row would take the guest past its limit."""
    function = function_of("func(a: list<u8>, b: string, c: list<u8>) -> u32")
    text = """(module (memory (export "memory") 1)
      (func (export "f") (param i32 i32 i32 i32 i32 i32) (result i32) (memory.size)))"""
    table = Table.of(function, [(b"a" * 40_000, "b" * 40_000, b"c" * 40_000)] * 200)
    outcome = table.run(Guest.of(compile_wat(text), "f"), limits_of(budget_fuel=1_000_000))
    assert outcome.reason is None
    assert table.results[-1] == table.results[3] <= 8


def test_a_list_that_does_not_fit_is_a_fault() -> None:
    function = function_of("func(a: list<u8>) -> u32")
    guest = Guest.of(
        compile_wat(
            '(module (memory (export "memory") 1 2) (func (export "f") (param i32 i32) (result i32) (local.get 1)))'
        ),
        "f",
    )
    table = Table.of(function, [(b"a" * 65_536,), (b"b" * 65_537,), (b"c",)])
    outcome = table.run(guest, NO_FAULTS)
    assert (outcome.faulted, outcome.reason) == ([1], "trapped: unreachable")
    assert table.results.tolist() == [65_536, 0, 1]


def test_rows_outside_the_range_are_not_touched() -> None:
    function = function_of("func(a: u16) -> u16")
    table = Table.of(function, [(n,) for n in range(10)])
    table.results[:] = 999
    table.run(guest_that_returns(function, 0, None), start=3, stop=6)
    assert table.results.tolist() == [999] * 3 + [3, 4, 5] + [999] * 4
    assert table.run(guest_that_returns(function, 0, None), start=4, stop=4).fuel == 0


def test_what_has_more_parts_than_the_header_has_room_for_is_refused() -> None:
    record = f"tuple<{', '.join(['u8'] * 600)}>"
    assert Layout.natural(function_of(f"func(a: {record})")).columns
    with pytest.raises(
        SignatureError, match=r"have 1,200 parts, .* 1,020 are allowed: take and return fewer"
    ):
        Layout.natural(function_of(f"func(a: {record}, b: {record})"))


def test_tuples_are_taken_apart_as_records_are() -> None:
    function = function_of("func(a: tuple<u8, tuple<u16, string>>, b: s64) -> u16")
    assert [node.path for node in Layout.natural(function).arguments] == [
        "a.0",
        "a.1.0",
        "a.1.1",
        "b",
    ]
    table = Table.of(function, [(1, 2, "three", 4), (5, 6, "", 7)])
    table.run(guest_that_returns(function, 1, None))
    assert table.results.tolist() == [2, 6]

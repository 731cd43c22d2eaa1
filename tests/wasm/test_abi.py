"""Flattening, sizes, alignments and where values lie: as the specification says, and as real components have it."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wasm import canonical
from tests.wasm.components import Declared, component_of, wasmtimes
from wasmverse.wasm import abi
from wasmverse.wasm.types import (
    BOOL,
    CHAR,
    F32,
    F64,
    S8,
    U8,
    U16,
    U32,
    U64,
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

# The specification


@given(canonical.value_types)
@settings(max_examples=500, deadline=None)
def test_types_are_as_large_and_as_flat_as_the_specification_says(type_: ValueType) -> None:
    assert abi.alignment(type_) == canonical.alignment(type_)
    assert abi.size(type_) == canonical.elem_size(type_)
    assert list(abi.flatten(type_)) == canonical.flatten_type(type_)


def together(a: abi.Leaf, b: abi.Leaf) -> bool:
    """Whether no variant has to be in two cases for both to be there."""
    cases = dict(a.when)
    return all(cases.get(at, case) == case for at, case in b.when)


def end_of(leaf: abi.Leaf) -> int:
    return leaf.offset + sum(np.dtype(code).itemsize for code in leaf.codes)


@given(canonical.value_types)
@settings(deadline=None)
def test_leaves_lie_within_their_value_and_beside_each_other(type_: ValueType) -> None:
    """No two leaves that can be there at once share a byte or a core value; all that is flat is some leaf's."""
    leaves = abi.leaves(type_)
    flat = abi.flatten(type_)
    for number, leaf in enumerate(leaves):
        assert leaf.offset >= 0 and end_of(leaf) <= abi.size(type_)
        assert leaf.offset % np.dtype(leaf.codes[0]).itemsize == 0
        assert flat[leaf.flat : leaf.flat + len(leaf.carried)] == leaf.carried
        assert len(leaf.codes) == len(leaf.cores) == len(leaf.carried)
        for other in leaves[:number]:
            if together(leaf, other):
                assert end_of(other) <= leaf.offset or end_of(leaf) <= other.offset
                assert other.flat + len(other.cores) <= leaf.flat
    assert {leaf.flat + k for leaf in leaves for k in range(len(leaf.cores))} == set(range(len(flat)))


def many(count: int, type_: ValueType = U8) -> tuple[Field, ...]:
    return tuple(Field(f"p{n}", type_) for n in range(count))


@pytest.mark.parametrize(
    ("function", "core"),
    [
        (Function((), None), "() -> nothing"),
        (Function(many(16), U64), f"({', '.join(['i32'] * 16)}) -> i64"),
        (Function(many(17), None), "(i32) -> nothing"),
        (Function(many(8, String()), F32), f"({', '.join(['i32'] * 16)}) -> f32"),
        (Function(many(9, String()), F32), "(i32) -> f32"),
        (Function((Field("a", Option(U8)),), Option(U8)), "(i32, i32) -> i32"),
        (Function((), String()), "() -> i32"),
        (Function((), Tuple((F64,))), "() -> f64"),
        (Function((Field("a", Variant((Case("x", F32), Case("y", F64)))),), Result()), "(i32, i64) -> i32"),
    ],
    ids=str,
)
def test_what_is_too_much_for_core_values_goes_through_memory(function: Function, core: str) -> None:
    assert str(abi.core_function(function)) == core


@pytest.mark.parametrize(
    ("core", "code", "load", "store"),
    [
        ("i32", "u1", "i32.load8_u", "i32.store8"),
        ("i32", "i2", "i32.load16_s", "i32.store16"),
        ("i32", "u4", "i32.load", "i32.store"),
        ("i64", "i4", "i64.load32_s", "i64.store32"),
        ("i64", "u8", "i64.load", "i64.store"),
        ("f32", "f4", "f32.load", "f32.store"),
        ("f64", "f8", "f64.load", "f64.store"),
    ],
)
def test_instructions_have_the_width_and_sign_of_what_lies_in_memory(
    core: str, code: str, load: str, store: str
) -> None:
    assert (abi.instruction(core, code, "load"), abi.instruction(core, code, "store")) == (load, store)


# Real components


def present(leaf: abi.Leaf, cases: dict[int, int]) -> bool:
    return all(cases.get(at) == case for at, case in leaf.when)


def loaded(leaves: tuple[abi.Leaf, ...], memory: bytes, at: int) -> dict[str, Any]:
    """What the leaves find in memory; of pointer and length the length."""
    cases: dict[int, int] = {}
    found = {}
    for leaf in leaves:
        if present(leaf, cases):
            last = leaf.offset + sum(np.dtype(code).itemsize for code in leaf.codes[:-1])
            found[leaf.path] = np.frombuffer(memory, leaf.codes[-1], 1, at + last)[0].item()
            if leaf.type == BOOL:
                found[leaf.path] = bool(found[leaf.path])
            cases[leaf.flat] = found[leaf.path]
    return found


def lifted(leaves: tuple[abi.Leaf, ...], values: list[int]) -> dict[str, Any]:
    """What the leaves find in core values, given as their bits."""
    cases: dict[int, int] = {}
    found = {}
    for leaf in leaves:
        if present(leaf, cases):
            bits = values[leaf.flat + len(leaf.cores) - 1]
            assert bits < 1 << (32 if leaf.carried[-1] in ("i32", "f32") else 64)
            width = 4 if leaf.cores[-1] in ("i32", "f32") else 8
            raw = struct.pack("<Q", bits)[:width]
            signed = leaf.codes[-1][0] == "i"
            kind = {"i32": "i" if signed else "I", "i64": "q" if signed else "Q", "f32": "f", "f64": "d"}[
                leaf.cores[-1]
            ]
            [found[leaf.path]] = struct.unpack(f"<{kind}", raw)
            if leaf.type == BOOL:
                found[leaf.path] = bool(found[leaf.path])
            cases[leaf.flat] = found[leaf.path]
    return found


REAL = settings(max_examples=60, deadline=None)


@given(st.data(), canonical.value_types)
@REAL
def test_a_component_stores_a_value_where_its_leaves_say(data: st.DataObject, type_: ValueType) -> None:
    declared = Declared()
    item = declared.name(type_)
    sequence = declared._type(f"(list {item})")
    # What the list takes, behind what the allocator was first asked for: its alignment and number of bytes.
    function = f"""(func (export "f") (param i32 i32) (result i32)
      (i64.store (i32.const 16) (global.get $first))
      (memory.copy (i32.const 24) (local.get 0) (i32.mul (local.get 1) (i32.const {abi.size(type_)})))
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.add (i32.const 8) (i32.mul (local.get 1) (i32.const {abi.size(type_)}))))
      (i32.const 0))"""
    call = component_of(f'(param "x" {sequence})', declared._type("(list u8)"), function, declared)
    values = data.draw(st.lists(canonical.values_of(type_), min_size=1, max_size=3))
    told = call([wasmtimes(type_, value) for value in values] if type_ != U8 else bytes(values))
    assert struct.unpack("<II", told[:8]) == (abi.alignment(type_), len(values) * abi.size(type_))
    for number, value in enumerate(values):
        found = loaded(abi.leaves(type_), told, 8 + number * abi.size(type_))
        assert found == dict(canonical.parts_of("", type_, value))


@given(st.data(), canonical.value_types)
@REAL
def test_a_component_passes_the_core_values_that_the_leaves_say(
    data: st.DataObject, type_: ValueType
) -> None:
    """wasmtime refuses a component whose core function has another type, so results are proved as well."""
    declared = Declared()
    parameter = declared.name(type_)
    core = abi.core_function(Function((Field("x", type_),), List(U8)))
    stores = {
        "i32": "(i64.extend_i32_u (local.get {0}))",
        "i64": "(local.get {0})",
        "f32": "(i64.extend_i32_u (i32.reinterpret_f32 (local.get {0})))",
        "f64": "(i64.reinterpret_f64 (local.get {0}))",
    }
    spilled = len(abi.flatten(type_)) > abi.FLAT_PARAMS_MAX
    told_bytes = abi.size(type_) if spilled else 8 * len(core.params)
    body = (
        f"(memory.copy (i32.const 16) (local.get 0) (i32.const {told_bytes}))"
        if spilled
        else " ".join(
            f"(i64.store (i32.const {16 + 8 * n}) {stores[core_type].format(n)})"
            for n, core_type in enumerate(core.params)
        )
    )
    function = f"""(func (export "f") (param {" ".join(core.params)}) (result i32) {body}
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const {told_bytes})) (i32.const 0))"""
    call = component_of(f'(param "x" {parameter})', declared._type("(list u8)"), function, declared)
    value = data.draw(canonical.values_of(type_))
    told = call(wasmtimes(type_, value))
    leaves = abi.leaves(type_)
    found = (
        loaded(leaves, told, 0)
        if spilled
        else lifted(leaves, list(struct.unpack(f"<{len(told) // 8}Q", told)))
    )
    assert found == dict(canonical.parts_of("", type_, value))


@given(canonical.value_types)
@REAL
def test_a_component_takes_the_core_type_for_a_result(type_: ValueType) -> None:
    declared = Declared()
    result = declared.name(type_)
    core = abi.core_function(Function((), type_))
    component_of("", result, f'(func (export "f") (result {" ".join(core.results)}) (unreachable))', declared)


def test_an_example_by_hand() -> None:
    """A value whose every byte one can count."""
    type_ = Record(
        (
            Field("flag", BOOL),
            Field("name", String()),
            Field("found", Variant((Case("none"), Case("at", Tuple((S8, U64))), Case("near", F32)))),
            Field("last", Option(CHAR)),
            Field("side", Enum(("left", "right"))),
        )
    )
    assert (abi.size(type_), abi.alignment(type_)) == (56, 8)
    assert abi.flatten(type_) == ("i32", "i32", "i32", "i32", "i32", "i64", "i32", "i32", "i32")
    assert [
        (leaf.path, leaf.offset, leaf.codes, leaf.flat, leaf.carried, leaf.when) for leaf in abi.leaves(type_)
    ] == [
        ("flag", 0, ("u1",), 0, ("i32",), ()),
        ("name", 4, ("u4", "u4"), 1, ("i32", "i32"), ()),
        ("found", 16, ("u1",), 3, ("i32",), ()),
        ("found.at.0", 24, ("i1",), 4, ("i32",), ((3, 1),)),
        ("found.at.1", 32, ("u8",), 5, ("i64",), ((3, 1),)),
        ("found.near", 24, ("f4",), 4, ("i32",), ((3, 2),)),
        ("last", 40, ("u1",), 6, ("i32",), ()),
        ("last.some", 44, ("u4",), 7, ("i32",), ((6, 1),)),
        ("side", 48, ("u1",), 8, ("i32",), ()),
    ]
    assert [
        abi.size(each) for each in (U16, U32, Flags(("a",) * 1), Flags(tuple(f"f{n}" for n in range(17))))
    ] == [2, 4, 1, 4]

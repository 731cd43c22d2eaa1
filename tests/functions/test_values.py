"""Values of any type reach a guest as the Canonical ABI says, and come back so: against a second ABI in plain Python.

One guest hands back its core arguments and its memory as they are, from which the second ABI reads what was passed. Another has a
memory that the second ABI has filled, and returns what lies there.
"""

from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.functions.arrow_values import arrow_of, value_of
from tests.functions.guests import guest_of
from tests.functions.images import images_of, numbers, wat_that_returns
from tests.wasm import canonical
from tests.wasm.builder import limits_of
from tests.wasm.canonical_memory import Memory, holds_error, in_sql, same
from wasmverse.functions.run import Runner
from wasmverse.wasm import frame
from wasmverse.wasm.abi import core_function
from wasmverse.wasm.types import F64, U8, U32, U64, Field, Function, List, Option, String, Tuple, ValueType

LIMITS = limits_of(budget_fuel=10_000_000, faults_max=100)
SOME = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

TOLD = Tuple((List(U64), List(U8)))
"""The core arguments' bits, and the guest's memory."""

REALLOC = """
  (global $free (mut i32) (i32.const 512))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.sub (local.get 2) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get 2))))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3)))
    (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 1))))))"""


def guest_that_tells(params: tuple[str, ...], has_realloc: bool) -> Any:
    """What it was called with, and its memory as far as that reaches."""
    bits = {"i32": "(i64.extend_i32_u {})", "i64": "{}", "f64": "(i64.reinterpret_f64 {})",
            "f32": "(i64.extend_i32_u (i32.reinterpret_f32 {}))"}  # fmt: skip
    stores = [
        f"(i64.store offset={16 + 8 * n} (i32.const 0) {bits[core].format(f'(local.get {n})')})"
        for n, core in enumerate(params)
    ]
    used = "(global.get $free)" if has_realloc else "(i32.mul (memory.size) (i32.const 65536))"
    return guest_of(f"""(module (memory (export "memory") 1) {REALLOC if has_realloc else ""}
      (func (export "f") (param {" ".join(params)}) (result i32) {" ".join(stores)}
        (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const {len(params)}))
        (i32.store (i32.const 8) (i32.const 0)) (i32.store (i32.const 12) {used}) (i32.const 0)))""")


@st.composite
def calls(draw: st.DrawFn) -> tuple[Function, list[list[Any]]]:
    """A function and rows of arguments."""
    types = draw(st.lists(canonical.value_types, min_size=1, max_size=4))
    function = Function(tuple(Field(f"p{n}", type_) for n, type_ in enumerate(types)), TOLD)
    row = st.tuples(*(canonical.values_of(type_, errors=False) for type_ in types))
    return function, [list(values) for values in draw(st.lists(row, min_size=1, max_size=4))]


@given(calls(), st.booleans(), st.integers(0, 3))
@SOME
def test_arguments_of_any_type_reach_the_guest(
    call: tuple[Function, list[list[Any]]], has_realloc: bool, before: int
) -> None:
    check_arguments(*call, has_realloc, before)


@given(st.data(), st.booleans())
@settings(max_examples=15, deadline=None)
def test_many_arguments_reach_the_guest_through_its_memory(data: st.DataObject, has_realloc: bool) -> None:
    types = [U8, U64, String(), Option(F64), List(U8), List(String()), Tuple((U8, F64)), *[U32] * 6]
    function = Function(tuple(Field(f"p{n}", type_) for n, type_ in enumerate(types)), TOLD)
    assert len(canonical_flat(function)) > 16
    row = st.tuples(*(canonical.values_of(type_) for type_ in types))
    check_arguments(function, [list(data.draw(row)), list(data.draw(row))], has_realloc, 0)


def check_arguments(function: Function, rows: list[list[Any]], has_realloc: bool, before: int) -> None:
    """Pass the rows to a guest that tells what it got, as slices of arrays with so many elements before them."""
    core = core_function(function).params
    arrays = []
    for number, field in enumerate(function.params):
        values = [row[number] for row in rows]
        arrays.append(arrow_of(field.type, [values[0]] * before + values)[before:])
    ran = Runner(function).run(guest_that_tells(core, has_realloc), arrays, len(rows), LIMITS)
    assert (ran.outcome.reason, ran.errors, ran.result.null_count) == (None, {}, 0)
    for row, told in zip(rows, ran.result, strict=True):
        bits, memory = told["f0"].as_py(), Memory(told["f1"].as_py())
        memory.is_strict = True
        expected = [in_sql(field.type, value) for field, value in zip(function.params, row, strict=True)]
        if len(canonical_flat(function)) > 16:
            found = memory.load(bits[0], Tuple(tuple(field.type for field in function.params)))
        else:
            flat = zip(core, bits, strict=True)
            found = [memory.lift_flat(flat, field.type) for field in function.params]
        assert same(list(found), expected)


def canonical_flat(function: Function) -> list[str]:
    return [core for field in function.params for core in canonical.flatten_type(field.type)]


@given(st.data(), calls())
@SOME
def test_rows_with_a_null_that_no_option_takes_are_not_called(
    data: st.DataObject, call: tuple[Function, list[list[Any]]]
) -> None:
    function, rows = call
    number = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(rows[0]) - 1))
    assume(not takes_null(function.params[column].type))
    rows[number][column] = None
    arrays = [arrow_of(field.type, [row[n] for row in rows]) for n, field in enumerate(function.params)]
    ran = Runner(function).run(
        guest_that_tells(core_function(function).params, True), arrays, len(rows), LIMITS
    )
    assert [told.is_valid for told in ran.result] == [n != number for n in range(len(rows))]
    assert ran.outcome.faults == 0


def takes_null(type_: ValueType) -> bool:
    """Whether NULL is a value of this type in SQL."""
    kind = canonical.despecialised(type_)
    match type_, kind:
        case canonical.Option(), _:
            return True
        case canonical.Result(ok, _), _:
            return ok is not None and takes_null(ok)
    return (
        isinstance(kind, canonical.Variant)
        and kind.cases[0].type is not None
        and takes_null(kind.cases[0].type)
    )


@given(
    st.data(), canonical.value_types, st.binary(min_size=1, max_size=7), st.sampled_from([16, 100, 8 << 20])
)
@SOME
def test_results_of_any_type_come_back(
    data: st.DataObject, result: ValueType, noise: bytes, list_bytes: int
) -> None:
    """However little room their lists have to begin with."""
    values = data.draw(st.lists(canonical.values_of(result), min_size=1, max_size=4))
    images, memory = images_of(result, values, noise)
    function = Function((Field("n", U32),), result)
    guest = guest_of(wat_that_returns(result, images, memory))
    with patch.object(frame, "_LIST_BYTES", list_bytes):
        runner = Runner(function)
    ran = runner.run(guest, [numbers(len(values))], len(values), LIMITS)
    assert ran.outcome.reason is None
    ran.result.validate(full=True)
    assert set(ran.errors) == {row for row, value in enumerate(values) if holds_error(result, value)}
    for row, value in enumerate(values):
        if row in ran.errors:
            assert ran.result.is_null()[row].as_py()
        else:
            assert same(value_of(result, ran.result, row), in_sql(result, value))

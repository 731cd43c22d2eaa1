"""What could differ between machines, and does not: the bits of what is no number, and vectors without instructions for them."""

import pytest
import wasmtime

from tests.wasm.builder import compile_wat, numbered
from tests.wasm.recursion import BASELINE, other_engine
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.stack import NATIVE_BYTES

S32, N32 = "(f32.const nan:0x200001)", "(f32.const -nan:0x3)"
S64 = "(f64.const nan:0x4000000000001)"
CANONICAL_64, CANONICAL_32 = 0x7FF8_0000_0000_0000, 0x7FC0_0000
PAIR_32 = CANONICAL_32 << 32 | CANONICAL_32


def on_both(body: str) -> int:
    """The result, the same on this processor and on one without any feature."""
    text = f'(module (memory (export "memory") 1) (func (export "f") (param i32) (result i64) {body}))'
    found = []
    for target in (None, BASELINE):
        with other_engine(target, NATIVE_BYTES):
            table = numbered(1)
            assert table.run(Guest.of(compile_wat(text), "f")).faults == 0
            found.append(int(table.results[0]))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("body", "bits"),
    [
        (f"(i64.reinterpret_f64 (f64.promote_f32 {S32}))", CANONICAL_64),
        (f"(i64.extend_i32_u (i32.reinterpret_f32 (f32.demote_f64 {S64})))", CANONICAL_32),
        (f"(i64.reinterpret_f64 (f64.add {S64} (f64.const 1)))", CANONICAL_64),
        (f"(i64.reinterpret_f64 (f64.nearest {S64}))", CANONICAL_64),
        (f"(i64.reinterpret_f64 (f64.min {S64} (f64.const 1)))", CANONICAL_64),
        ("(i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0)))", CANONICAL_64),
        (f"(i64.extend_i32_u (i32.reinterpret_f32 (f32.sqrt {N32})))", CANONICAL_32),
        (f"(i64x2.extract_lane 0 (f64x2.promote_low_f32x4 (f32x4.splat {S32})))", CANONICAL_64),
        (f"(i64x2.extract_lane 0 (f32x4.demote_f64x2_zero (f64x2.splat {S64})))", PAIR_32),
        (f"(i64x2.extract_lane 0 (f32x4.max (f32x4.splat {S32}) (f32x4.splat {N32})))", PAIR_32),
        (f"(i64x2.extract_lane 0 (f64x2.sqrt (f64x2.splat {S64})))", CANONICAL_64),
        # These only choose or change bits.
        (
            f"(i64x2.extract_lane 0 (f32x4.pmin (f32x4.splat {S32}) (f32x4.splat {N32})))",
            0x7FA0_0001_7FA0_0001,
        ),
        (f"(i64.extend_i32_u (i32.reinterpret_f32 (f32.neg {S32})))", 0xFFA0_0001),
    ],
)
def test_what_is_no_number_has_the_same_bits_everywhere(body: str, bits: int) -> None:
    assert on_both(body) == bits


@pytest.mark.parametrize(
    "operation",
    [
        "i8x16.popcnt", "f32x4.nearest", "f64x2.ceil", "i32x4.trunc_sat_f32x4_u", "f64x2.convert_low_i32x4_u",
        "i16x8.extadd_pairwise_i8x16_u", "i64x2.abs", "i8x16.neg", "f32x4.convert_i32x4_u",
    ],
)  # fmt: skip
def test_vectors_are_the_same_without_the_instructions_for_them(operation: str) -> None:
    value = "(v128.const i32x4 0x7fffffff 0x80000001 0x4b7fffff 0xbfc00000)"
    both = (
        f"(i64.xor (i64x2.extract_lane 0 ({operation} {value})) (i64x2.extract_lane 1 ({operation} {value})))"
    )
    assert isinstance(on_both(both), int)


def test_the_count_of_fuel_does_not_depend_on_the_processor() -> None:
    text = """(module (memory (export "memory") 1) (func (export "f") (param $n i32) (result i64) (local $v v128)
      (loop $l (local.set $v (f32x4.nearest (f32x4.add (local.get $v) (f32x4.splat (f32.const 0.7)))))
        (memory.fill (i32.const 0) (i32.const 1) (local.get $n))
        (br_if $l (local.tee $n (i32.shr_u (local.get $n) (i32.const 1)))))
      (i64x2.extract_lane 0 (local.get $v))))"""
    assert wasmtime.wat2wasm(text)
    fuels = []
    for target in (None, BASELINE):
        with other_engine(target, NATIVE_BYTES):
            fuels.append(numbered(500).run(Guest.of(compile_wat(text), "f")).fuel)
    assert fuels[0] == fuels[1] > 10_000

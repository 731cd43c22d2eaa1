"""What runs before the first call, and calls of what is imported."""

from dataclasses import replace

import pytest
import wasmtime

from tests.wasm.builder import Table, compile_wat, function_of, limits_of, numbered
from tests.wasm.wasi_guests import FOREVER, HELLO, LIMITS, PRINT, flown, guest_of, wasi_wat
from wasmverse.wasm.guest import OUT_OF_FUEL, Guest
from wasmverse.wasm.native_frames import native_frames
from wasmverse.wasm.stack import NATIVE, prepare
from wasmverse.wasm.trampolines import IMPORT_COST
from wasmverse.wasm.wasi.functions import functions_module
from wasmverse.wasm.wasi.signatures import MODULE
from wasmverse.wasm.wasi.world import records

START = "(global $state (mut i64) (i64.const 0))"


def test_initialize_runs_once_an_instance_with_fuel_of_its_own() -> None:
    extra = f"""{START} (func (export "_initialize") (local $i i32)
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))
      (global.set $state (i64.add (global.get $state) (i64.const 100))))"""
    counts = "(global.set $state (i64.add (global.get $state) (i64.const 1))) (global.get $state)"
    small = limits_of(budget_fuel=1_000)
    for text in (
        wasi_wat(counts, extra),
        f'(module {extra} (func (export "f") (param $n i32) (result i64) {counts}))',
    ):
        table = numbered(3)
        outcome = Guest.of(compile_wat(text), "f").run(table.frame, 0, 3, small)
        assert (outcome.faults, table.results.tolist()) == (0, [101, 102, 103])
        assert outcome.start_fuel > 40_000 and outcome.fuel - outcome.start_fuel < 300
        # Of no use to the calls: what it leaves over is gone.
        rich = replace(small, start_fuel=10**9)
        endless = Guest.of(compile_wat(text.replace(counts, f"{FOREVER} (i64.const 0)")), "f")
        outcome = endless.run(table.frame, 0, 3, rich)
        assert outcome.fuel - outcome.start_fuel <= 10_000


def test_a_start_function_may_need_wasi_before_anything_else_does() -> None:
    """It runs when WASI and the memory are there, and before `_initialize`."""
    extra = f"""{HELLO} {START} (func $s {PRINT} (global.set $state (i64.load (i32.const 8)))) (start $s)
      (func (export "_initialize") (global.set $state (i64.mul (global.get $state) (i64.const 10))))"""
    outcome, results = flown("(global.get $state)", extra)
    assert (outcome.reason, results) == (None, [120])
    assert list(records(outcome.log)) == [(0, b"hello world\n")]


@pytest.mark.parametrize(
    "deed", [FOREVER, "(unreachable)", "(call $proc_exit (i32.const 1))", "(call $deeper)"]
)
@pytest.mark.parametrize("where", ['(func (export "_initialize") {})', "(func $s {}) (start $s)"])
def test_a_start_that_fails_is_a_fault_of_every_row_and_bounded(deed: str, where: str) -> None:
    limits = replace(LIMITS, start_fuel=10_000)
    outcome, results = flown(
        "(i64.const 1)", where.format(deed) + "(func $deeper (call $deeper))", rows=10, limits=limits
    )
    assert (outcome.faulted, outcome.uncalled, results) == ([0, 1, 2, 3], (4, 10), [0] * 10)
    assert outcome.fuel == outcome.start_fuel <= 4 * 10_001
    assert outcome.reason in {
        OUT_OF_FUEL,
        "trapped: unreachable",
        "called proc_exit(1)",
        "trapped: call stack exhausted",
    }


def test_a_start_writes_to_the_log_of_the_row_that_it_is_for() -> None:
    extra = f'{HELLO} (func (export "_initialize") {PRINT})'
    table = numbered(8)
    body = "(if (i32.eq (local.get $n) (i32.const 5)) (then (unreachable))) (i64.const 0)"
    outcome = guest_of(body, extra).run(table.frame, 3, 8, LIMITS)
    assert [row for row, _ in records(outcome.log)] == [3, 6]


# Calls of what is imported


def test_imports_shift_the_numbers_of_functions_and_nothing_is_mistaken() -> None:
    """Direct calls, calls through a table, exports and references, with imports in front of them and counted recursion."""
    extra = """(table 3 funcref) (elem (i32.const 0) $double $sched_yield $deep) (type $one (func (param i32) (result i32)))
      (type $none (func (result i32)))
      (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
      (func $deep (param i32) (result i32) (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 0))))
      (export "theirs" (func $sched_yield)) (export "double" (func $double))"""
    body = """(i64.extend_i32_u (i32.add (call_indirect (type $one) (local.get $n) (i32.const 0))
      (i32.add (call_indirect (type $none) (i32.const 1)) (call_indirect (type $one) (i32.const 100) (i32.const 2)))))"""
    assert flown(body, extra, rows=3)[1] == [100, 102, 104]
    prepared = prepare(bytes(wasmtime.wat2wasm(wasi_wat(body, extra, imports_all=True))))
    assert (len(prepared.frames), prepared.counted) == (46 + 3, 1)
    deep, _ = flown("(i64.extend_i32_u (call $deep (i32.const 1000000)))", extra)
    assert deep.reason == "trapped: call stack exhausted"


def test_calls_of_wasi_at_the_end_of_the_stack_have_room() -> None:
    """Recursion until nothing is left, with a call of WASI at every depth: the guest is stopped by its own count."""
    extra = f"""{HELLO} (func $deep (param i32) {PRINT} (drop (call $random_get (i32.const 8) (i32.const 8)))
      (call $deep (i32.add (local.get 0) (i32.const 1))))"""
    outcome, _ = flown(
        "(call $deep (i32.const 0)) (i64.const 0)", extra, limits=limits_of(budget_fuel=100_000_000)
    )
    assert outcome.reason == "trapped: call stack exhausted"


def test_what_a_call_of_wasi_takes_of_the_native_stack_is_what_it_costs() -> None:
    sizes = [size for _, size in native_frames(bytes(functions_module().serialize()))]
    guest = compile_wat(wasi_wat("(i64.const 0)", imports_all=True))
    trampolines = [size for index, size in native_frames(bytes(guest.serialize())) if index < 46]
    assert len(sizes) == 48 and len(trampolines) == 46
    # A trampoline, the function, and one that it calls.
    assert max(trampolines) + 2 * max(sizes) <= NATIVE * IMPORT_COST


def test_the_table_of_the_functions_is_out_of_reach() -> None:
    """A guest with as many tables as it may have gets one more for WASI, and cannot name it."""
    extra = "(table 1 funcref)" * 8
    assert flown("(i64.extend_i32_u (table.size 7))", extra)[1] == [1]
    too_many, _ = flown("(i64.const 0)", extra + "(table 1 funcref)")
    assert too_many.reason is not None and "table" in too_many.reason
    few = replace(LIMITS, table_elements_max=1)
    assert flown("(i64.const 3)", limits=few)[1] == [3]


def test_a_module_that_imports_nothing_is_compiled_as_it_was_sent() -> None:
    plain = bytes(
        wasmtime.wat2wasm('(module (memory (export "memory") 1) (func $s) (start $s) (func (export "f")))')
    )
    assert prepare(plain).module == plain


def test_bytes_and_lists_come_with_wasi_too() -> None:
    text = f"""(module (import "{MODULE}" "random_get" (func (param i32 i32) (result i32))) (memory (export "memory") 1)
      (func (export "f") (param i32 i32) (result i32) (drop (call 0 (i32.const 0) (i32.const 8))) (local.get 1)))"""
    table = Table.of(function_of("func(a: list<u8>) -> u32"), [(b"four",), (b"five!",)])
    assert table.run(Guest.of(compile_wat(text), "f")).faults == 0
    assert table.results.tolist() == [4, 5]

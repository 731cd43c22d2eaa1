"""The count of calls: the same verdicts whatever the processor and its stack, and the native stack never reached."""

from dataclasses import replace

import pytest
import wasmtime

from tests.strategies.guest import BUNDLED_FOLDER
from tests.wasm.binary import strategy_module
from tests.wasm.builder import Table, compile_wat, function_of, limits_of, numbered
from tests.wasm.recursion import BASELINE, KINDS, module_of, other_engine
from wasmverse.errors import ModuleRefused
from wasmverse.wasm import engine
from wasmverse.wasm.guest import Guest, Outcome
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.native_frames import check_frames, native_frames
from wasmverse.wasm.stack import COUNTER, NATIVE, NATIVE_BYTES, STACK, prepare

LIMITS = limits_of(budget_fuel=1_000_000, faults_max=1_000)
ROWS = 60
EXHAUSTED = "trapped: call stack exhausted"
MACHINES = [(None, NATIVE_BYTES), (BASELINE, NATIVE_BYTES), (None, 2 * NATIVE_BYTES), (BASELINE, 2 * NATIVE_BYTES)]  # fmt: skip


def flown(text: str, limits: Limits = LIMITS, rows: int = ROWS) -> tuple[Outcome, list[int]]:
    table = numbered(rows)
    outcome = table.run(Guest.of(compile_wat(text), "f"), limits)
    return replace(outcome, seconds=0.0, made_seconds=0.0), table.results.tolist()


def uncounted(text: str, stack_bytes: int = 1 << 19) -> int:
    """How deep the native stack alone lets a guest go, in rows."""
    table = numbered(ROWS)
    guest = Guest.of(wasmtime.Module(engine.flight_engine(), bytes(wasmtime.wat2wasm(text))), "f")
    outcome = table.run(guest, LIMITS)
    assert outcome.reason == EXHAUSTED
    return outcome.faulted[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_is_the_same_on_every_processor_and_stack(kind: str) -> None:
    text = module_of(kind, 400)
    verdicts = []
    for target, stack_bytes in MACHINES:
        with other_engine(target, stack_bytes):
            verdicts.append(flown(text))
    outcome, results = verdicts[0]
    assert all(verdict == verdicts[0] for verdict in verdicts)
    first = outcome.faulted[0]
    assert outcome.reason == EXHAUSTED
    assert first >= 1 and outcome.faulted == list(range(first, ROWS))
    assert results == [400 * row if row < first else 0 for row in range(ROWS)]


def test_without_the_count_the_verdicts_would_differ() -> None:
    """The test above can fail: the native stack alone ends elsewhere on another processor and with another size."""
    text = module_of("rounded vectors", 400)
    deep = []
    for target, stack_bytes in ((None, 1 << 19), (BASELINE, 1 << 19), (None, 1 << 20)):
        with other_engine(target, stack_bytes):
            deep.append(uncounted(text))
    assert len(set(deep)) == 3, deep


def test_fuel_that_runs_out_first_says_so_everywhere_and_careful_rows_keep_their_verdicts() -> None:
    """An endless loop before the deep rows has them fly with small pools of fuel."""
    text = module_of("rounded vectors", 400).replace(
        "(call $deep (i32.mul", "(loop $l (br_if $l (i32.eqz (local.get $row)))) (call $deep (i32.mul"
    )
    limits = limits_of(budget_fuel=20_000, faults_max=1_000)
    verdicts = []
    for target, stack_bytes in MACHINES:
        with other_engine(target, stack_bytes):
            verdicts.append(flown(text, limits, rows=100))
    assert all(verdict == verdicts[0] for verdict in verdicts)
    outcome = verdicts[0][0]
    assert outcome.faulted[0] == 0 and outcome.reason == "ran out of fuel" and len(outcome.faulted) > 5


def test_a_start_function_and_an_allocator_that_recur_end_the_same_everywhere() -> None:
    start = """(module (memory (export "memory") 1) (func $deep (param $n i32) (if (local.get $n)
        (then (call $deep (i32.sub (local.get $n) (i32.const 1)))))) (func $s (call $deep (i32.const DEPTH))) (start $s)
      (func (export "f") (param i32) (result i64) (i64.const 7)))"""
    allocator = """(module (memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (if (result i32) (local.get 3)
          (then (call 0 (i32.const 0) (i32.const 0) (i32.const 1) (i32.sub (local.get 3) (i32.const 1))))
          (else (i32.const 8))))
      (func (export "f") (param i32 i32) (result i32) (local.get 1)))"""
    verdicts: list[list[object]] = []
    for target, stack_bytes in MACHINES:
        with other_engine(target, stack_bytes):
            lists = Table.of(
                function_of("func(a: list<u8>) -> u32"), [(b"a" * n,) for n in (10, 3_000, 50_000)]
            )
            outcome = lists.run(Guest.of(compile_wat(allocator), "f"), LIMITS)
            deep, shallow = (flown(start.replace("DEPTH", str(depth)), rows=2) for depth in (50_000, 1_000))
            verdicts.append(
                [replace(outcome, seconds=0.0, made_seconds=0.0), lists.results.tolist(), deep, shallow]
            )
    assert all(verdict == verdicts[0] for verdict in verdicts)
    outcome, results, (deep_start, _), (shallow_start, plans) = verdicts[0]  # type: ignore[misc]
    assert (outcome.faulted, outcome.reason, results) == ([2], EXHAUSTED, [10, 3_000, 0])
    # What is left cannot be read from an instance that was never made.
    assert (deep_start.faulted, deep_start.reason) == ([0, 1], "trapped: unreachable")
    assert (shallow_start.faulted, plans) == ([], [7, 7])


# What is counted, and what is left as it was


@pytest.mark.parametrize("name", ["default", "flee", "battle", "blank"])
def test_a_module_without_recursion_is_compiled_as_it_was_sent(name: str) -> None:
    module = (BUNDLED_FOLDER / f"strategy_{name}.wasm").read_bytes()
    prepared = prepare(module)
    assert prepared.module == module and prepared.counted == 0


def test_only_functions_that_recur_count() -> None:
    chain = "".join(
        f"(func $f{k} (param i32) (result i32) (call $f{k + 1} (local.get 0)))" for k in range(50)
    )
    text = f"""(module (memory (export "memory") 1) {chain} (func $f50 (param i32) (result i32) (local.get 0))
      (func $deep (param $n i32) (result i32)
        (if (result i32) (local.get $n) (then (call $deep (i32.sub (local.get $n) (i32.const 1)))) (else (i32.const 0))))
      (func (export "f") (param i32) (result i64) (call $f0 (local.get 0)) (call $deep) (i64.extend_i32_u)))"""
    prepared = prepare(bytes(wasmtime.wat2wasm(text)))
    assert prepared.counted == 1
    # Below a function that recurs the chain is counted too, in part.
    below = prepare(
        bytes(wasmtime.wat2wasm(text.replace("(else (i32.const 0))", "(else (call $f0 (i32.const 0)))")))
    )
    assert 2 <= below.counted <= 10


def test_numbers_that_are_longer_than_they_need_be_hide_no_call() -> None:
    """An alignment in two bytes: read as one, its offset became the instruction i64.const, which swallowed the call."""
    short = bytes((0x20, 0, 0x28, 0x02, 0x42, 0x10, 1, 0x0B))
    for form in (b"\x82\0", b"\x82\x80\x80\x80\0"):
        body = b"\0" + short[:3] + form + short[4:]
        module = strategy_module([b"\x60\1\x7f\1\x7f"], [(0, body)])
        assert wasmtime.Module.validate(engine.strict_engine(), module) is None
        assert prepare(module).counted == 1
        assert prepare(strategy_module([b"\x60\1\x7f\1\x7f"], [(0, b"\0" + short)])).counted == 1


def test_a_table_reaches_functions_of_the_same_type_only() -> None:
    text = """(module (memory (export "memory") 1) (table funcref (elem $a $b))
      (func $a (param i32) (result i32) (local.get 0)) (func $b (param i64) (call_indirect (param i32) (result i32) (i32.const 1)
        (i32.const 0)) (drop)) (func (export "f") (param i32) (result i64) (i64.const 0)))"""
    assert prepare(bytes(wasmtime.wat2wasm(text))).counted == 0
    assert prepare(bytes(wasmtime.wat2wasm(text.replace("$a (param i32) (result i32) (local.get 0)",
        "$a (param i32) (result i32) (call $b (i64.const 0)) (i32.const 0)")))).counted == 2  # fmt: skip


def test_a_long_chain_of_large_frames_counts_though_nothing_recurs() -> None:
    chain = "".join(
        f"(func $f{n} (result i64) (local {'i64 ' * 15_000}) " + (f"(call $f{n + 1}))" if n < 5 else "(i64.const 9))")
        for n in range(6)
    )  # fmt: skip
    text = f'(module (memory (export "memory") 1) {chain} (func (export "f") (param i32) (result i64) (call CALLED)))'
    assert prepare(bytes(wasmtime.wat2wasm(text.replace("CALLED", "$f0")))).counted == 6
    deep, _ = flown(text.replace("CALLED", "$f0"), rows=2)
    assert (deep.faulted, deep.reason) == ([0, 1], EXHAUSTED)
    shallow, plans = flown(text.replace("CALLED", "$f3"), rows=2)
    assert (shallow.faulted, plans) == ([], [9, 9])


def test_a_frame_past_all_bounds_is_refused() -> None:
    text = '(module (memory (export "memory") 1) (func (export "f") (param i32) (result i64) LOCALS (i64.const 0)))'
    with pytest.raises(
        ModuleRefused, match=r"function 0 of the module keeps 20,003 values .*; 16,252 are allowed: split it"
    ):
        prepare(bytes(wasmtime.wat2wasm(text.replace("LOCALS", "(local i32)" * 20_000))))


def test_the_name_of_the_count_is_the_universe_s_own() -> None:
    text = f'(module (memory (export "memory") 1) (global (export "{COUNTER}") (mut i32) (i32.const 0)))'
    with pytest.raises(
        ModuleRefused, match="the module exports wasmverse:stack; that name belongs to the universe"
    ):
        prepare(bytes(wasmtime.wat2wasm(text)))


# The native stack


def test_no_frame_takes_more_native_stack_than_its_cost_allows() -> None:
    for kind in KINDS:
        prepared = prepare(bytes(wasmtime.wat2wasm(module_of(kind))))
        for target in (None, BASELINE):
            with other_engine(target, NATIVE_BYTES) as other:
                compiled = bytes(wasmtime.Module(other, prepared.module).serialize())
            sizes = dict(native_frames(compiled))
            assert set(sizes) == set(range(len(prepared.frames)))
            assert all(16 <= sizes[index] <= NATIVE * cost for index, cost in enumerate(prepared.frames)), (
                sizes
            )
            check_frames(compiled, prepared.frames, NATIVE)


def test_values_that_a_call_passes_and_is_given_are_counted_twice() -> None:
    """They lie on the caller's operand stack and once more where the callee takes or leaves them."""
    many = "v128 " * 400
    text = f"""(module (memory (export "memory") 1)
      (func $wide (param {many}) (result {many}) {"".join(f"(local.get {k})" for k in range(400))})
      (func (export "f") (param i32) (result i64)
        {"".join(f"(v128.load offset={16 * k} (i32.const 0))" for k in range(400))} (call $wide)
        {"(drop)" * 400} (i64.const 0)))"""
    module = bytes(wasmtime.wat2wasm(text))
    prepared = prepare(module)
    sizes = dict(native_frames(bytes(engine.compile_for_flight(module, 1.0).serialize())))
    assert prepared.frames[1] > sizes[1] > 16 * 800


def test_a_frame_that_takes_more_than_it_costs_is_refused() -> None:
    compiled = bytes(engine.compile_for_flight(bytes(wasmtime.wat2wasm(module_of("locals")))).serialize())
    size = dict(native_frames(compiled))[0]
    assert size > 8 * 200
    check_frames(compiled, [size, size], 1)
    with pytest.raises(
        ModuleRefused, match=f"function 0 of the module takes {size:,} bytes of stack when it is compiled"
    ):
        check_frames(compiled, [size - 1, size], 1)


def test_the_native_stack_holds_all_that_can_be_counted() -> None:
    assert NATIVE_BYTES > NATIVE * STACK

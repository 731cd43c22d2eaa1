"""Runs of guests that misbehave: every fault is charged to its own row, and nothing else suffers."""

import pytest
import wasmtime

from tests.wasm.builder import (
    Table,
    compile_wat,
    function_of,
    guest_of_number,
    limits_of,
    numbered,
    strategy_wat,
)
from wasmverse.settings import Settings
from wasmverse.strategies.contract import strategy_function
from wasmverse.strategies.inspection import inspect_module
from wasmverse.wasm.frame import HEADER_BYTES
from wasmverse.wasm.guest import OUT_OF_FUEL, Guest
from wasmverse.wasm.limits import CAREFUL_ROWS, POOL_ROWS

DOUBLE = "(i64.extend_i32_u (i32.mul (local.get $n) (i32.const 2)))"
MANY = limits_of(budget_fuel=1_000, faults_max=1_000)


def at_row(row: int, deed: str) -> str:
    """A body that does a deed at one row and doubles its number otherwise."""
    return f"(if (i32.eq (local.get $n) (i32.const {row})) (then {deed})) {DOUBLE}"


def doubled(count: int, *but: int) -> list[int]:
    return [0 if n in but else 2 * n for n in range(count)]


FOREVER = "(loop $again (br $again))"


@pytest.mark.parametrize("row", [0, 1, 57, 99])
@pytest.mark.parametrize(
    ("deed", "extra", "reason"),
    [
        ("(unreachable)", "", "trapped: unreachable"),
        (FOREVER, "", OUT_OF_FUEL),
        ("(call $deeper)", "(func $deeper (call $deeper))", "trapped: call stack exhausted"),
        ("(drop (i32.load (i32.const 65535)))", "(memory 1)", "trapped: memory access out of bounds"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "", "trapped: integer division by zero"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "", "trapped: integer overflow"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "", "trapped: a float that no integer can hold"),
        ("(call_indirect (i32.const 0))", "(table 1 funcref)", "trapped: call of an empty table element"),
        ("(call_indirect (i32.const 5))", "(table 1 funcref)", "trapped: table access out of bounds"),
        (
            "(call_indirect (param i32) (i32.const 0) (i32.const 0))",
            "(table funcref (elem $none)) (func $none)",
            "trapped: indirect call with the wrong signature",
        ),
    ],
)
def test_a_fault_is_charged_to_its_row_and_survived(row: int, deed: str, extra: str, reason: str) -> None:
    limits = limits_of(budget_fuel=100_000)
    table = numbered(100)
    outcome = table.run(guest_of_number(at_row(row, deed), extra), limits)
    assert (outcome.faulted, outcome.uncalled, outcome.faults) == ([row], (0, 0), 1)
    assert outcome.reason == reason
    assert table.results.tolist() == doubled(100, row)


def test_the_first_fault_s_reason_is_told_and_all_rows_are_counted() -> None:
    body = at_row(3, "(unreachable)").replace(DOUBLE, at_row(5, FOREVER).replace(DOUBLE, at_row(5, FOREVER)))
    table = numbered(10)
    outcome = table.run(guest_of_number(body), MANY)
    assert (outcome.faulted, outcome.reason) == ([3, 5], "trapped: unreachable")
    assert table.results.tolist() == doubled(10, 3, 5)


@pytest.mark.parametrize("rows", [1, CAREFUL_ROWS, CAREFUL_ROWS + 1, 1000])
def test_healthy_rows_after_an_endless_loop_still_fly(rows: int) -> None:
    table = numbered(rows)
    limits = limits_of(budget_fuel=1_000)
    outcome = table.run(guest_of_number(at_row(0, FOREVER)), limits)
    assert (outcome.faulted, outcome.faults) == ([0], 1)
    assert table.results.tolist() == doubled(rows, 0)
    # One pool for the loop, then what the healthy rows take.
    assert outcome.fuel < (rows + 1) * limits.budget_fuel + rows * 100


def test_several_endless_loops_cost_a_small_pool_each_after_the_first() -> None:
    """Whoever burns the pool again burns that of at most 64 rows."""
    rows, limits = 1000, limits_of(budget_fuel=1_000, faults_max=10)
    body = f"(if (i32.eqz (i32.rem_u (local.get $n) (i32.const 200))) (then {FOREVER})) {DOUBLE}"
    table = numbered(rows)
    outcome = table.run(guest_of_number(body), limits)
    assert outcome.faulted == [0, 200, 400, 600, 800]
    assert table.results.tolist() == doubled(rows, 0, 200, 400, 600, 800)
    assert outcome.fuel < (rows + 5 * CAREFUL_ROWS) * limits.budget_fuel


def test_an_endless_loop_burns_one_pool_whatever_the_number_of_rows() -> None:
    rows, limits = 5 * POOL_ROWS, limits_of(budget_fuel=1_000, faults_max=4)
    table = numbered(rows)
    outcome = table.run(guest_of_number(FOREVER + DOUBLE), limits)
    assert (outcome.faulted, outcome.uncalled) == ([0, 1, 2, 3], (4, rows))
    assert outcome.fuel == (POOL_ROWS + 3 * CAREFUL_ROWS) * limits.budget_fuel


def test_the_instance_stays_from_pool_to_pool_and_every_pool_is_full() -> None:
    rows = 3 * POOL_ROWS + 5
    counts = "(global.set $calls (i64.add (global.get $calls) (i64.const 1))) (global.get $calls)"
    table = numbered(rows)
    assert table.run(guest_of_number(counts, "(global $calls (mut i64) (i64.const 0))")).faults == 0
    assert table.results.tolist() == list(range(1, rows + 1))
    one_more = "(local.tee $n (i32.add (local.get $n) (i32.const 1)))"
    spends = f"(loop $again (br_if $again (i32.lt_s {one_more} (i32.const {rows})))) {DOUBLE}"
    # The first rows loop longest: what those of later pools leave over does not help them.
    frugal = numbered(rows).run(guest_of_number(spends), limits_of(budget_fuel=8 * rows, faults_max=1))
    assert (frugal.faulted, frugal.reason) == ([], None)
    lavish = numbered(rows).run(guest_of_number(spends), limits_of(budget_fuel=4 * rows, faults_max=1))
    assert lavish.reason == OUT_OF_FUEL
    assert lavish.faulted[0] < POOL_ROWS


@pytest.mark.parametrize("faults_max", [1, 2, 4])
def test_after_so_many_faults_the_rest_is_not_called(faults_max: int) -> None:
    table = numbered(50)
    body = f"(if (i32.rem_u (local.get $n) (i32.const 2)) (then (unreachable))) {DOUBLE}"
    outcome = table.run(guest_of_number(body), limits_of(faults_max=faults_max))
    last = 2 * faults_max - 1
    assert outcome.faulted == list(range(1, 2 * faults_max, 2))
    assert outcome.uncalled == (last + 1, 50)
    assert outcome.faults == faults_max + 50 - (last + 1)
    assert table.results.tolist() == [2 * n if n % 2 == 0 and n < last else 0 for n in range(50)]


def test_a_fault_in_the_very_last_row_leaves_nobody_uncalled() -> None:
    outcome = numbered(4).run(guest_of_number("(unreachable)"), limits_of(faults_max=4))
    assert (outcome.faulted, outcome.uncalled, outcome.faults) == ([0, 1, 2, 3], (0, 0), 4)


def test_fuel_is_counted_the_same_every_time_and_in_any_company() -> None:
    body = at_row(7, FOREVER)
    guest = guest_of_number(body)
    outcomes = [numbered(100).run(guest, MANY) for _ in range(3)]
    outcomes.append(numbered(100).run(guest_of_number(body), MANY))
    assert len({(outcome.fuel, tuple(outcome.faulted)) for outcome in outcomes}) == 1
    healthy = guest_of_number(DOUBLE)
    fuels = [numbered(rows).run(healthy, MANY).fuel for rows in (100, 200, 300)]
    assert fuels[2] - fuels[1] == fuels[1] - fuels[0] > 0


def test_memory_that_grows_without_end_is_capped() -> None:
    body = """(local $pages i32)
      (loop $more (local.set $pages (memory.grow (i32.const 1)))
        (br_if $more (i32.ne (local.get $pages) (i32.const -1))))
      (i64.extend_i32_u (memory.size))"""
    table = numbered(3)
    outcome = table.run(
        guest_of_number(body, "(memory 1)"), limits_of(budget_fuel=1_000_000, memory_bytes_max=10 * 65_536)
    )
    assert outcome.faults == 0
    assert table.results.tolist() == [10, 10, 10]


def test_tables_that_grow_without_end_are_capped() -> None:
    body = """(loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 7)) (i32.const -1))))
      (i64.extend_i32_u (table.size $t))"""
    table = numbered(2)
    limits = limits_of(budget_fuel=1_000_000, table_elements_max=100)
    assert table.run(guest_of_number(body, "(table $t 1 funcref)"), limits).faults == 0
    assert table.results.tolist() == [99, 99]


def test_a_guest_that_begins_past_its_limits_faults_at_every_row() -> None:
    for extra, limits in (
        ("(memory 11)", limits_of(memory_bytes_max=10 * 65_536)),
        ("(table 101 funcref)", limits_of(table_elements_max=100)),
    ):
        table = numbered(10)
        outcome = table.run(guest_of_number(DOUBLE, extra), limits)
        assert (outcome.faulted, outcome.uncalled, outcome.faults) == ([0, 1, 2, 3], (4, 10), 10)
        assert outcome.reason is not None and outcome.reason.startswith("failed: ")
        assert table.results.tolist() == [0] * 10


def test_every_run_and_every_row_behind_a_fault_gets_a_fresh_instance() -> None:
    count = """(global.set $calls (i64.add (global.get $calls) (i64.const 1)))
      (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))
      (if (i32.eq (local.get $n) (i32.const 5)) (then (unreachable)))
      (i64.add (i64.mul (global.get $calls) (i64.const 1000)) (i64.load (i32.const 8)))"""
    guest = guest_of_number(count, "(memory 1) (global $calls (mut i64) (i64.const 0))")
    for _ in range(2):
        table = numbered(8)
        assert table.run(guest, MANY).faulted == [5]
        assert table.results.tolist() == [1001, 2002, 3003, 4004, 5005, 0, 1001, 2002]


@pytest.mark.parametrize(
    ("deed", "extra"),
    [
        ("(memory.fill (i32.const 0) (i32.const 7) (i32.const 60000))", "(memory 1)"),
        ("(memory.copy (i32.const 0) (i32.const 1) (i32.const 60000))", "(memory 1)"),
        (
            "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 60000))",
            f'(memory 1) (data $d "{"a" * 60_000}")',
        ),
        ("(table.fill $t (i32.const 0) (ref.null func) (i32.const 9000))", "(table $t 9000 funcref)"),
        ("(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 8999))", "(table $t 9000 funcref)"),
        ("(drop (table.grow $t (ref.null func) (i32.const 9000)))", "(table $t 0 funcref)"),
    ],
)
def test_bulk_operations_cost_fuel_by_their_size(deed: str, extra: str) -> None:
    outcome = numbered(1).run(guest_of_number(f"{deed} {DOUBLE}", extra), limits_of(budget_fuel=5_000))
    assert (outcome.faulted, outcome.reason) == ([0], OUT_OF_FUEL)
    assert (
        numbered(1).run(guest_of_number(f"{deed} {DOUBLE}", extra), limits_of(budget_fuel=100_000)).faults
        == 0
    )


REALLOC = '(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) %s)'


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("(i32.const -1)", "trapped: memory access out of bounds"),
        ("(i32.const 0x7fffffff)", "trapped: memory access out of bounds"),
        ("(i32.const 65535)", "trapped: memory access out of bounds"),
        ("(i32.sub (i32.const 65537) (local.get 3))", "trapped: memory access out of bounds"),
        ("(unreachable)", "trapped: unreachable"),
        (FOREVER + " (i32.const 0)", OUT_OF_FUEL),
    ],
)
def test_an_allocator_that_answers_rubbish_is_a_fault_and_no_more(answer: str, reason: str) -> None:
    text = f"""(module (memory (export "memory") 1) {REALLOC % answer}
      (func (export "f") (param i32 i32) (result i32) (local.get 1)))"""
    table = Table.of(function_of("func(a: list<u8>) -> u32"), [(b"four",), (b"five!",)])
    outcome = table.run(Guest.of(compile_wat(text), "f"), limits_of(budget_fuel=1_000))
    assert (outcome.faulted, outcome.reason) == ([0, 1], reason)
    assert table.results.tolist() == [0, 0]


def test_an_allocator_that_answers_the_guest_s_own_data_harms_only_the_guest() -> None:
    text = f"""(module (memory (export "memory") 1) (data (i32.const 0) "mine") {REALLOC % "(i32.const 0)"}
      (func (export "f") (param i32 i32) (result i32) (i32.load (i32.const 0))))"""
    table = Table.of(function_of("func(a: list<u8>) -> u32"), [(b"",), (b"your",), (b"",)])
    before = bytes(table.memory.array(8, "u1", HEADER_BYTES))
    assert table.run(Guest.of(compile_wat(text), "f")).faults == 0
    assert table.results.tolist() == [int.from_bytes(text, "little") for text in (b"mine", b"your", b"your")]
    assert bytes(table.memory.array(8, "u1", HEADER_BYTES)) == before


def test_an_allocator_sees_what_the_canonical_abi_says() -> None:
    text = f"""(module (memory (export "memory") 1) (global $seen (mut i32) (i32.const 0))
      {
        REALLOC
        % '''(global.set $seen (i32.or (i32.or (local.get 0) (i32.shl (local.get 1) (i32.const 8)))
          (i32.or (i32.shl (local.get 2) (i32.const 16)) (i32.shl (local.get 3) (i32.const 24))))) (i32.const 64)'''
    }
      (func (export "f") (param i32 i32) (result i32) (global.get $seen)))"""
    table = Table.of(function_of("func(a: list<u8>) -> u32"), [(b"seven!!",), (b"",)])
    table.run(Guest.of(compile_wat(text), "f"))
    assert table.results.tolist() == [0x07_01_00_00, 0x00_01_00_00]


def test_a_compiled_strategy_is_loaded_and_flies() -> None:
    module = bytes(wasmtime.wat2wasm(strategy_wat("(i64.extend_i32_u (local.get $length))")))
    compiled = inspect_module(module, "mine", Settings()).compiled
    row = (1, 3, 4, 100, 90, 2, 2, 2, 7, b"\1\2\3\4" * 3)
    table = Table.of(strategy_function(), [row], {"me.x": "u1", "me.y": "u1"})
    assert table.run(Guest.load(compiled, "decide")).faults == 0
    assert table.results.tolist() == [12]


def test_a_start_function_is_paid_for_by_every_instance() -> None:
    start = """(start $start) (func $start (local $i i32)
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50)))))"""
    plain = numbered(4).run(guest_of_number(DOUBLE), MANY).fuel
    assert numbered(4).run(guest_of_number(DOUBLE, start), MANY).fuel > plain + 100
    endless = numbered(4).run(guest_of_number(DOUBLE, f"(func $s {FOREVER}) (start $s)"), MANY)
    assert (endless.faulted, endless.reason) == ([0, 1, 2, 3], OUT_OF_FUEL)


def test_what_a_module_exports_besides_costs_its_guest_nothing() -> None:
    """An instance is made for every block and turn: to list all exports of each took 10 us for every one of them."""
    signature = function_of("func(n: u32) -> u64")

    def seconds(exports: int) -> float:
        others = "".join(f'(func (export "other{n}"))' for n in range(exports))
        guest, table = guest_of_number(DOUBLE, others), Table.of(signature, [(1,)])
        return min(table.run(guest).seconds for _ in range(20))

    assert seconds(2_000) < 5 * seconds(0) + 1e-3

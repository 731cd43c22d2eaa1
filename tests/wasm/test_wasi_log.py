"""What guests write by WASI, and what pointers that lead nowhere come to."""

import struct
from dataclasses import replace

import pytest

from tests.wasm.builder import compile_wat, limits_of, numbered
from tests.wasm.wasi_guests import HELLO, INVAL, LIMITS, OUT_OF_BOUNDS, PRINT, flown, load, vectors, wasi_wat
from wasmverse.wasm.guest import OUT_OF_FUEL, Guest
from wasmverse.wasm.wasi.signatures import SIGNATURES
from wasmverse.wasm.wasi.world import records


def test_what_is_written_is_logged_with_its_row() -> None:
    outcome, results = flown(f"{PRINT} {load(8)}", HELLO, rows=3)
    assert results == [12, 12, 12]
    assert list(records(outcome.log)) == [(row, b"hello world\n") for row in range(3)]
    assert outcome.log_dropped == 0


def test_what_a_row_writes_in_parts_is_one_record() -> None:
    error = PRINT.replace("(i32.const 1)", "(i32.const 2)", 1)
    outcome, _ = flown(f"{PRINT} {error} {PRINT} (i64.const 0)", HELLO, rows=2)
    assert list(records(outcome.log)) == [(row, b"hello world\n" * 3) for row in range(2)]


def test_a_log_that_is_full_counts_what_it_loses() -> None:
    for log_bytes_max, kept in ((0, 0), (19, 0), (20, 1), (32, 1), (39, 1), (40, 2), (1 << 16, 10)):
        limits = replace(LIMITS, log_bytes_max=log_bytes_max)
        outcome, results = flown(f"{PRINT} {load(8)}", HELLO, rows=10, limits=limits)
        assert list(records(outcome.log)) == [(row, b"hello world\n") for row in range(kept)]
        assert (outcome.log_dropped, results) == (10 - kept, [12] * 10)


def test_the_log_goes_on_over_faults_and_begins_again_with_a_run() -> None:
    body = f"{PRINT} (if (i32.eq (local.get $n) (i32.const 1)) (then (unreachable))) (i64.const 0)"
    for _ in range(2):
        outcome, _results = flown(body, HELLO, rows=3)
        assert [row for row, _ in records(outcome.log)] == [0, 1, 2]
        assert outcome.faulted == [1]


def test_a_guest_that_writes_nothing_leaves_no_log() -> None:
    flown(PRINT + "(i64.const 0)", HELLO)
    assert flown("(i64.const 0)")[0].log == b""
    assert (
        flown(
            "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 0) (i32.const 8))) (i64.const 0)"
        )[0].log
        == b""
    )
    assert (
        numbered(1)
        .run(
            Guest.of(compile_wat('(module (func (export "f") (param i32) (result i64) (i64.const 1)))'), "f")
        )
        .log
        == b""
    )


# Pointers that lead nowhere


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("args_sizes_get", (65_533, 0)),
        ("args_sizes_get", (0, -4)),
        ("environ_sizes_get", (-1, 0)),
        ("clock_time_get", (0, 0, 65_529)),
        ("clock_res_get", (0, -8)),
        ("fd_fdstat_get", (1, 65_513)),
        ("fd_filestat_get", (1, 65_473)),
        ("fd_filestat_get", (1, -64)),
        ("fd_read", (0, 0, 0, 65_533)),
        ("fd_write", (1, 65_533, 1, 0)),
        ("fd_write", (1, -8, 2, 0)),
        ("fd_write", (1, 65_528, 2, 0)),
        ("fd_write", (1, 0, 0, 65_533)),
        ("fd_write", (1, 0, 0, -1)),
        ("random_get", (65_536, 1)),
        ("random_get", (0, -1)),
        ("random_get", (-1, -1)),
        ("random_get", (8, 65_529)),
        ("poll_oneoff", (65_525, 0, 1, 0)),
        ("poll_oneoff", (0, 65_505, 1, 0)),
        ("poll_oneoff", (0, 1024, 1, -2)),
        ("poll_oneoff", (0, 0, -1, 0)),
    ],
)
def test_a_pointer_past_the_memory_is_a_fault_and_no_more(name: str, arguments: tuple[int, ...]) -> None:
    params = SIGNATURES[name].params
    values = " ".join(f"({type_}.const {value})" for type_, value in zip(params, arguments, strict=True))
    body = f"(if (i32.eqz (local.get $n)) (then (drop (call ${name} {values})))) (i64.const 5)"
    limits = replace(LIMITS, budget_fuel=10_000_000)
    outcome, results = flown(body, rows=2, limits=limits)
    assert (outcome.faulted, outcome.reason, results) == ([0], OUT_OF_BOUNDS, [0, 5])
    assert outcome.log == b""


@pytest.mark.parametrize(
    "pairs",
    [
        [(65_530, 7)],
        [(0, 65_537)],
        [(-1 % (1 << 32), 1)],
        [(-1 % (1 << 32), (1 << 32) - 1)],
        [(48, 5), (65_536, 1)],
        [(48, 5), (0x7FFFFFFF, 0x7FFFFFFF)],
    ],
)
def test_bytes_past_the_memory_are_not_written_not_even_those_before(pairs: list[tuple[int, int]]) -> None:
    """The secret of whoever flew before stands in the same memory: nothing of it may come into this log."""
    secret = HELLO.replace("hello world", "secret text")
    flown(PRINT + "(i64.const 0)", secret, rows=20)
    write = f"(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const {len(pairs)}) (i32.const 8))) (i64.const 0)"
    outcome, _ = flown(write, vectors(*pairs))
    assert (outcome.reason, outcome.log) == (OUT_OF_BOUNDS, b"")


def test_lengths_that_no_number_holds_together_are_refused() -> None:
    """65,536 vectors of all the memory each: 4 GiB, one more than a size can be."""
    fill = f"""(local $at i32) (loop $l (i64.store (local.get $at) (i64.const {65_536 << 32}))
      (br_if $l (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 524288))))"""
    call = "(call $fd_write (i32.const 1) (i32.const 0) (i32.const 65536) (i32.const 8))"
    body = f"{fill} (i64.extend_i32_u {call})"
    table = numbered(1)
    text = wasi_wat(body).replace('(memory (export "memory") 1)', '(memory (export "memory") 9)')
    outcome = Guest.of(compile_wat(text), "f").run(
        table.frame, 0, 1, replace(LIMITS, budget_fuel=100_000_000)
    )
    assert (outcome.reason, table.results.tolist(), outcome.log) == (None, [INVAL], b"")


def test_vectors_that_overlap_themselves_or_the_answer_are_harmless() -> None:
    """The number of bytes is stored over the vectors that it comes from: they have been read by then."""
    body = (
        "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const ADDRESS))) (i64.const 0)"
    )
    for address in range(12, 34):
        outcome, _ = flown(body.replace("ADDRESS", str(address)), HELLO)
        assert list(records(outcome.log)) == [(0, b"hello world\n")]
    # A vector whose bytes are the vectors.
    outcome, _ = flown(PRINT + "(i64.const 0)", vectors((16, 16), (16, 16)))
    assert list(records(outcome.log)) == [(0, struct.pack("<4I", 16, 16, 16, 16) * 2)]


def test_a_flood_is_paid_for_with_fuel_and_bounded() -> None:
    body = f"(loop $l {PRINT} (br $l)) (i64.const 0)"
    outcome, _ = flown(body, HELLO, rows=20)
    assert outcome.reason == OUT_OF_FUEL
    assert len(outcome.log) <= LIMITS.log_bytes_max
    assert outcome.log_dropped > 10_000
    # Vectors without end cost fuel too, though they have no bytes.
    outcome, _ = flown(
        "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 8000) (i32.const 8))) (i64.const 0)",
        limits=limits_of(budget_fuel=10_000),
    )
    assert outcome.reason == OUT_OF_FUEL


def test_fuel_that_runs_out_inside_leaves_the_log_whole() -> None:
    """Wherever a write is cut off: each record is complete, or was never there."""
    words = f'(data (i32.const 1000) "{"x" * 900}")'
    pairs = vectors(*((1000 + 30 * n, 30) for n in range(30)))
    body = "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 30) (i32.const 8))) (i64.const 0)"
    logs = {
        flown(body, pairs + words, limits=limits_of(budget_fuel=fuel))[0].log for fuel in range(100, 3_000, 7)
    }
    assert logs == {b"", struct.pack("<II", 0, 900) + b"x" * 900}

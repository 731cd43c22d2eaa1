"""WASI 0.2 of a component: answered from the world of a run, in the same words and numbers as preview 1 is."""

from dataclasses import replace

from tests.wasm.builder import Table, compile_wat, function_of, limits_of
from wasmverse.wasm.component.guest import ComponentGuest
from wasmverse.wasm.component.wasi import CALL_FUEL
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.wasi.world import World, records

from .builder import LIFTED, MEMORY, component, guest_in, of_two_modules, run

NUMBER = function_of("func(n: u32) -> u64")
WORLD = World(time_ns=5_000_000_007, seed=11)

STREAMS = """
  (import "wasi:io/error@0.2.3" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $io-error))
  (import "wasi:io/streams@0.2.3" (instance $streams
    (alias outer 1 $io-error (type $e0))
    (export "error" (type $e (eq $e0)))
    (export "output-stream" (type $out (sub resource)))
    (type $last (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $failed (eq $last)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $failed)))))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:cli/stdout@0.2.3" (instance $stdout
    (alias outer 1 $stream (type $s0))
    (export "output-stream" (type $s (eq $s0)))
    (export "get-stdout" (func (result (own $s))))))
  (alias export $stdout "get-stdout" (func $get-stdout))
  (alias export $streams "[method]output-stream.blocking-write-and-flush" (func $write))
  (core module $store (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 30000)))
  (core instance $store (instantiate $store))
  (core func $core-stdout (canon lower (func $get-stdout)))
  (core func $core-drop (canon resource.drop $stream))
  (core func $core-write (canon lower (func $write)
    (memory (core memory $store "memory")) (realloc (core func $store "realloc"))))
"""

WRITES = (
    STREAMS
    + """
  (core module $m
    (import "store" "memory" (memory 1))
    (import "wasi" "stdout" (func $stdout (result i32)))
    (import "wasi" "drop" (func $drop (param i32)))
    (import "wasi" "write" (func $write (param i32 i32 i32 i32)))
    (data (i32.const 64) "row A\\0a")
    (func (export "f") (param $n i32) (result i64) (local $stream i32)
      (if (i32.ge_u (i32.rem_u (local.get $n) (i32.const 10)) (i32.const 8)) (then
        (local.set $stream (call $stdout))
        (i32.store8 (i32.const 68) (i32.add (i32.const 65) (i32.rem_u (local.get $n) (i32.const 26))))
        (call $write (local.get $stream) (i32.const 64) (i32.const 4) (i32.const 0))
        (call $write (local.get $stream) (i32.const 68) (i32.const 2) (i32.const 0))
        (call $drop (local.get $stream))))
      (if (i32.eq (local.get $n) (i32.const 28)) (then (unreachable)))
      (i64.extend_i32_u (local.get $n))))
  (core instance $main (instantiate $m
    (with "store" (instance $store))
    (with "wasi" (instance (export "stdout" (func $core-stdout)) (export "drop" (func $core-drop))
      (export "write" (func $core-write))))))
  (func (export "f") (param "n" u32) (result u64) (canon lift (core func $main "f")))"""
)


def clocks_and_random() -> bytes:
    return component(f"""
      (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
      (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
      (alias export $clock "now" (func $now))
      (alias export $random "get-random-u64" (func $draw))
      (core func $core-now (canon lower (func $now)))
      (core func $core-draw (canon lower (func $draw)))
      (core module $m (import "wasi" "now" (func $now (result i64))) (import "wasi" "draw" (func $draw (result i64)))
        {MEMORY}
        (func (export "time") (param i32) (result i64) (call $now))
        (func (export "draw") (param i32) (result i64) (call $draw))
        (func (export "second") (param i32) (result i64) (drop (call $draw)) (call $draw))
        (func (export "loop") (param i32) (result i64) (loop $l (drop (call $now)) (br $l)) (i64.const 0)))
      (core instance $main (instantiate $m (with "wasi" (instance
        (export "now" (func $core-now)) (export "draw" (func $core-draw))))))
      {
        "".join(
            f'(func (export "{name}") (param "n" u32) (result u64) (canon lift (core func $main "{name}") {LIFTED}))'
            for name in ("time", "draw", "second", "loop")
        )
    }""")


def rows(count: int) -> list[tuple[int]]:
    return [(n,) for n in range(count)]


def test_clocks_show_the_worlds_time() -> None:
    guest = guest_in(clocks_and_random(), "time")
    assert run(guest, NUMBER, rows(3), world=WORLD)[0] == [5_000_000_007] * 3
    assert run(guest, NUMBER, rows(3), world=World())[0] == [1] * 3, "as preview 1: 0 is no clock to some"


def test_random_numbers_are_the_worlds_the_rows_and_the_draws() -> None:
    data = clocks_and_random()
    drawn = run(guest_in(data, "draw"), NUMBER, rows(40), world=WORLD)[0]
    again = run(guest_in(data, "draw"), NUMBER, rows(25), world=WORLD)[0]
    second = run(guest_in(data, "second"), NUMBER, rows(40), world=WORLD)[0]
    other = run(guest_in(data, "draw"), NUMBER, rows(40), world=World(seed=12))[0]
    assert drawn[:25] == again
    assert len({*drawn, *second, *other}) == 120


def test_random_numbers_are_those_of_preview_1() -> None:
    """The same source draws the same numbers, however it was built."""
    guest = Guest.of(
        compile_wat("""(module
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "f") (param i32) (result i64)
            (drop (call $random (i32.const 8) (i32.const 8))) (i64.load (i32.const 8))))"""),
        "f",
    )
    table = Table.of(NUMBER, rows(20))
    assert guest.run(table.frame, 0, 20, limits_of(), WORLD).faults == 0
    assert (
        run(guest_in(clocks_and_random(), "draw"), NUMBER, rows(20), world=WORLD)[0] == table.results.tolist()
    )


def test_what_is_written_stands_in_the_log_with_its_row() -> None:
    results, outcome = run(guest_in(component(WRITES), "f"), NUMBER, rows(200), world=WORLD)
    written = [n for n in range(200) if n % 10 >= 8]
    assert list(records(outcome.log)) == [(n, b"row %c\n" % (65 + n % 26)) for n in written]
    assert outcome.faulted == [28]
    assert results == [n if n != 28 else 0 for n in range(200)]


def test_the_log_is_bounded_and_what_is_lost_is_counted() -> None:
    limits = replace(limits_of(budget_fuel=1_000_000), log_bytes_max=30)
    outcome = run(guest_in(component(WRITES), "f"), NUMBER, rows(20), limits)[1]
    assert list(records(outcome.log)) == [(8, b"row I\n"), (9, b"row J\n")]
    assert outcome.log_dropped == 4


def test_a_call_of_the_host_costs_fuel() -> None:
    guest = guest_in(clocks_and_random(), "loop")
    limits = limits_of(budget_fuel=20 * CALL_FUEL, faults_max=1)
    outcome = run(guest, NUMBER, rows(1), limits)[1]
    assert outcome.reason == "ran out of fuel"
    assert outcome.seconds < 1


def test_what_is_not_answered_traps_by_its_name() -> None:
    data = component("""
      (import "wasi:sockets/instance-network@0.2.0" (instance $net (export "now" (func (result u64)))))
      (alias export $net "now" (func $now))
      (core func $core (canon lower (func $now)))
      (core module $m (import "wasi" "now" (func $now (result i64)))
        (func (export "f") (param i32) (result i64) (if (local.get 0) (then (return (call $now)))) (i64.const 1)))
      (core instance $main (instantiate $m (with "wasi" (instance (export "now" (func $core))))))
      (func (export "f") (param "n" u32) (result u64) (canon lift (core func $main "f")))""")
    guest = guest_in(data, "f")
    assert isinstance(guest, ComponentGuest)
    results, outcome = run(guest, NUMBER, rows(2))
    assert results == [1, 0]
    assert (
        outcome.reason
        == "failed: unknown import: `wasi:sockets/instance-network@0.2.0#now` has not been defined"
    )


def test_a_guest_says_whether_it_may_ask_for_the_world() -> None:
    assert guest_in(clocks_and_random(), "time").has_wasi
    plain = of_two_modules(
        '(func (export "f") (param i32) (result i64) (i64.const 0))', {"f": '(param "n" u32) (result u64)'}
    )
    assert not guest_in(plain, "f").has_wasi


def test_a_stream_takes_so_many_bytes_at_a_time_and_no_more() -> None:
    """wasmtime-py would make an object of each byte: a megabyte takes it a second, and the guest the fuel of one call."""
    wide = component(
        WRITES.replace('(memory (export "memory") 1)', '(memory (export "memory") 20)').replace(
            "(i32.const 64) (i32.const 4)", "(i32.const 0) (i32.shl (local.get $n) (i32.const 9))"
        )
    )
    limits = replace(limits_of(budget_fuel=1_000_000), log_bytes_max=20_000)
    _, outcome = run(guest_in(wide, "f"), NUMBER, [(8,), (9,), (8,)], limits)
    assert outcome.faulted == [1]
    assert outcome.reason == "failed: 4608 bytes are written at a time; 4096 is the most"
    taken = dict(records(outcome.log))
    assert [row for row, _ in records(outcome.log)] == [0, 2]
    assert taken[0] == taken[2] == b"\0" * 64 + b"row I\n" + b"\0" * (4_096 - 70) + b"I\n"
    megabyte = component(
        WRITES.replace('(memory (export "memory") 1)', '(memory (export "memory") 20)').replace(
            "(i32.const 64) (i32.const 4)", "(i32.const 64) (i32.const 1048576)"
        )
    )
    assert run(guest_in(megabyte, "f"), NUMBER, [(8,)], limits)[1].seconds < 1


def test_random_bytes_cost_what_they_take() -> None:
    """Four thousand of them take milliseconds, and what a start may cost would pay for a hundred such calls."""
    data = component(f"""
      (import "wasi:random/random@0.2.0" (instance $random
        (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
      (alias export $random "get-random-bytes" (func $draw))
      (core module $store {MEMORY}) (core instance $store (instantiate $store))
      (core func $core-draw (canon lower (func $draw)
        (memory (core memory $store "memory")) (realloc (core func $store "cabi_realloc"))))
      (core module $m (import "wasi" "draw" (func $draw (param i64 i32)))
        (func (export "f") (param $n i32) (result i64)
          (call $draw (i64.extend_i32_u (local.get $n)) (i32.const 16)) (i64.const 1)))
      (core instance $main (instantiate $m (with "wasi" (instance (export "draw" (func $core-draw))))))
      (func (export "f") (param "n" u32) (result u64) (canon lift (core func $main "f")))""")
    guest = guest_in(data, "f")
    limits = replace(limits_of(budget_fuel=2 * CALL_FUEL), start_fuel=0)
    assert run(guest, NUMBER, [(63,), (64,), (4_096,), (1,)], limits)[1].faulted == [2]
    limits = replace(limits, start_fuel=66 * CALL_FUEL)
    assert run(guest, NUMBER, [(4_096,), (4_096,)], limits)[1].faulted == [1]

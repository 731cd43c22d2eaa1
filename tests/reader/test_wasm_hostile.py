"""Functions that mean harm, in real readers: each fails its own query, with its name, its row and why; all others go on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.query.conftest import RunningPool
from tests.reader.catalogued import LONGEST, POWER, REALLOC, Given, aggregate, given, tables_with
from wasmverse.errors import QueryError
from wasmverse.wasm.types import F64, U32

LOOP = "(loop $again (br $again))"
GREEDY = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)"
TEXT = "func(x: f64) -> string"
NUMBER = "func(x: f64) -> f64"


def gives(at: int, length: int) -> str:
    """The body of a function that gives back a pointer and a length."""
    return f"""(i32.store (i32.const 16) (i32.const {at})) (i32.store (i32.const 20) (i32.const {length})) (i32.const 16)"""


STRANGE = {
    "far": ("outside its memory", TEXT, "(i32.const 0x7ffffff0)"),
    "past_the_end": ("outside its memory", TEXT, gives(65_530, 7)),
    "endless_text": ("outside its memory", TEXT, gives(8, -1)),
    "no_utf8": ("UTF-8", TEXT, f"(i32.store (i32.const 32) (i32.const 0xfe)) {gives(32, 1)}"),
    "crooked": ("aligned", TEXT, "(i32.const 17)"),
    "no_case": (
        "case",
        "func(x: f64) -> option<u32>",
        "(i32.store8 (i32.const 16) (i32.const 9)) (i32.const 16)",
    ),
    "no_label": ("case", "func(x: f64) -> hue", "(i32.const 77)"),
    "no_character": ("char", "func(x: f64) -> char", "(i32.const 0xd800)"),
    "endless_list": ("outside its memory", "func(x: f64) -> list<u64>", gives(0, 0x1FFF_FFFF)),
    "list_of_lists": ("outside its memory", "func(x: f64) -> list<list<u8>>", gives(0, 0x0FFF_FFFF)),
}
"""What guests give back, and a word of why that is a fault."""

DEEDS = {
    "loops": ("ran out of fuel", LOOP),
    "traps": ("trapped: unreachable", ""),
    "divides": ("trapped: integer division by zero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
    "reads_far": ("trapped: memory access out of bounds", "(drop (i32.load (i32.const -8)))"),
    "calls_nothing": (
        "trapped: call of an empty table element",
        "(call_indirect (type $none) (i32.const 3))",
    ),
    "calls_afar": ("trapped: table access out of bounds", "(call_indirect (type $none) (i32.const 99))"),
    "takes_memory": ("trapped: unreachable", GREEDY),
    "recurses": ("trapped: call stack exhausted", "(call $deeper (i64.const 0))"),
    "converts": ("trapped: a float that no integer can hold", "(drop (i32.trunc_f64_s (f64.const nan)))"),
}


def _hostile() -> Iterator[Given]:
    extra = """(type $none (func)) (table 8 funcref)
      (func $deeper (param i64) (call $deeper (local.get 0)) (drop (i64.add (local.get 0) (i64.const 1))))"""
    for name, (_, deed) in DEEDS.items():
        wat = f'(module {REALLOC} {extra} (func (export "f") (param f64) (result f64) {deed} (unreachable)))'
        yield given(name, NUMBER, wat)
    for name, (_, signature, body) in STRANGE.items():
        wat = f'(module {REALLOC} (func (export "f") (param f64) (result i32) {body}))'
        yield given(name, signature, wat, types="enum hue { red, blue }")
    yield given(
        "loops_at_start",
        NUMBER,
        f'(module (func $s {LOOP}) (start $s) (func (export "f") (param f64) (result f64) (local.get 0)))',
    )
    length = '(func (export "f") (param i32 i32) (result i32) (local.get 1))'
    realloc = (
        '(memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {})'
    )
    for name, body in {
        "loops_in_realloc": f"{LOOP} (unreachable)",
        "gives_room_far_away": "(i32.const 0x7ffffff0)",
        "gives_room_past_the_end": "(i32.const 65535)",
    }.items():
        yield given(name, "func(x: string) -> u32", f"(module {realloc.format(body)} {length})")
    post = '(func (export "cabi_post_f") (param i32) {})'
    empty = '(func (export "f") (param f64) (result i32) (i32.const 16))'
    for name, body in {"loops_in_post": LOOP, "traps_in_post": "(unreachable)"}.items():
        yield given(name, TEXT, f"(module {REALLOC} {empty} {post.format(body)})")
    big = """(if (i32.lt_u (memory.size) (i32.const 300)) (then (drop (memory.grow (i32.const 300)))))
      """
    much = f'(module {REALLOC} (func (export "f") (param f64) (result i32) {big} {gives(0, 16_000_000)}))'
    yield given("bomb", TEXT, much)
    yield given("table_bomb", "func(x: f64) -> list<one>", much, types="record one { a: u8 }", kind="table")
    talk = f"""(module {REALLOC} (func (export "f") (param f64) (result i32)
      (if (i32.lt_u (memory.size) (i32.const 300)) (then (drop (memory.grow (i32.const 300)))))
      (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 24) (i32.const 100))
      (memory.fill (i32.const 100) (i32.const 97) (i32.const 100))
      (i32.store (i32.const 28) (i32.const 16000000)) (i32.const 16)))"""
    yield given("long_error", "func(x: f64) -> result<f64, string>", talk)
    for step in ("initialize", "iterate", "terminate"):
        deeds = {name: LOOP if name == step else "" for name in ("initialize", "iterate", "terminate")}
        yield aggregate(f"loops_in_{step}", "func(x: f64) -> f64", F64, f"""(module {REALLOC}
          (func (export "initialize") (result f64) {deeds["initialize"]} (f64.const 0))
          (func (export "iterate") (param f64 f64) (result f64) {deeds["iterate"]} (local.get 0))
          (func (export "terminate") (param f64) (result f64) {deeds["terminate"]} (local.get 0)))""")  # fmt: skip
    yield aggregate("lies", "func(x: f64) -> string", U32, f"""(module {REALLOC}
      (func (export "initialize") (result i32) (i32.const -1))
      (func (export "iterate") (param i32 f64) (result i32) (local.get 0))
      (func (export "terminate") (param i32) (result i32) (local.get 0)))""")  # fmt: skip


CALLS = {
    **{name: (f"{name}(range)", reason) for name, (reason, _) in DEEDS.items()},
    **{name: (f"{name}(range)", reason) for name, (reason, _, _) in STRANGE.items()},
    "loops_at_start": ("loops_at_start(range)", "ran out of fuel"),
    "loops_in_realloc": ("loops_in_realloc('x' || range)", "ran out of fuel"),
    "gives_room_far_away": ("gives_room_far_away('x' || range)", "trapped"),
    "gives_room_past_the_end": ("gives_room_past_the_end('x' || range)", "trapped"),
    "loops_in_post": ("loops_in_post(range)", "ran out of fuel"),
    "traps_in_post": ("traps_in_post(range)", "trapped: unreachable"),
    "bomb": ("bomb(range)", ""),
    "long_error": ("long_error(range)", "aaaa"),
    **{f"loops_in_{step}": (f"loops_in_{step}(range)", "ran out of fuel") for step in ("initialize", "iterate", "terminate")},
    "lies": ("lies(range)", "not aligned"),
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPool]:
    """One turn of all these functions, in readers as a server has them but for smaller limits."""
    running = RunningPool(
        tmp_path_factory.mktemp("hostile"),
        query_seconds_max=4,
        reader_memory_bytes_max=1 << 29,
        reader_nice=0,
        function_budget_fuel=20_000,
        function_start_fuel=1_000_000,
    )
    running.writer.publish(1, *tables_with(1, [POWER, LONGEST, *_hostile()]))
    try:
        yield running.start()
    finally:
        running.close()


def others_go_on(pool: RunningPool) -> None:
    assert pool.rows("select boost(2, 1), longest(x) from (values ('a'), ('bc')) t (x)") == [[4.0, "bc"]]
    assert set(pool.pool.counts.lost) <= {"retired"}


@pytest.mark.parametrize("name", CALLS)
def test_it_fails_its_query_alone(pool: RunningPool, name: str) -> None:
    call, reason = CALLS[name]
    before = time.monotonic()
    with pytest.raises(QueryError) as error:
        pool.query(f"select {call} from range(3000)")
    message = error.value.message
    assert error.value.code == 3200, message
    assert f" {name} failed in row " in message and reason in message, message
    assert len(message) < 700
    assert time.monotonic() - before < 4
    others_go_on(pool)


@pytest.mark.parametrize(
    "name", ["loops", "traps", "takes_memory", "recurses", "no_utf8", "far", "long_error"]
)
def test_the_form_that_tries_gives_null(pool: RunningPool, name: str) -> None:
    assert pool.rows(f"select count(*), count(try_{name}(range)) from range(40)") == [[40, 0]]
    others_go_on(pool)


def test_a_table_function_with_too_much_to_say(pool: RunningPool) -> None:
    with pytest.raises(QueryError) as error:
        pool.query("select count(*) from range(100) t (n), table_bomb(n)")
    assert error.value.code == 3200, error.value.message
    others_go_on(pool)


def test_a_query_of_many_faults_ends_in_time(pool: RunningPool) -> None:
    with pytest.raises(QueryError) as error:
        pool.query("select count(try_loops(range)) from range(10000000)")
    assert error.value.code == 3024
    assert pool.rows("select boost(2, 1)") == [[4.0]]

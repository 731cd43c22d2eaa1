"""Guests whose results are wrong, and whose allocators lie: a fault with its reason, never anything else.

What is damaged at random is judged by two others: the Canonical ABI in plain Python, and wasmtime's own components.
"""

import random
from typing import Any

import pytest
import wasmtime
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.functions.arrow_values import value_of
from tests.functions.guests import ECHO, guest_of, run
from tests.functions.images import images_of, numbers, wat_that_returns
from tests.wasm import canonical
from tests.wasm.builder import limits_of
from tests.wasm.canonical_memory import Memory, Trap, holds_error, in_sql, same, trap_if
from tests.wasm.components import Declared, component_of, plain
from wasmverse.functions.run import Runner
from wasmverse.wasm.types import U32, Field, Function, ValueType

LIMITS = limits_of(budget_fuel=10_000_000, faults_max=100)
ITEMS_MAX = 5_000
"""A few bytes that are changed can make lists of lists of the same bytes: more than so many items say nothing new."""


def lifted(result: ValueType, bits: int, memory: Memory) -> Any:
    """What a result is, according to the specification."""
    flat = canonical.flatten_type(result)
    if len(flat) == 1:
        return memory.lift_flat(iter([(flat[0], bits)]), result)
    trap_if(bits != canonical.align_to(bits, canonical.alignment(result)), "alignment")
    trap_if(bits + canonical.elem_size(result) > len(memory.content), "range")
    return memory.load(bits, result)


def damaged(rng: random.Random, images: list[int], memory: Memory, flat: str) -> list[int]:
    """Change some bytes that say something, and now and then a core value."""
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        at = rng.randrange(64, max(65, memory.free))
        memory.content[at] = rng.choice([0, 1, 2, 4, 0x7F, 0x80, 0xC0, 0xED, 0xFF, rng.randrange(256)])
    if rng.random() < 0.2:
        width = 32 if flat in ("i32", "f32") else 64
        images[0] = rng.choice(
            [0, 1, images[0] + 1, images[0] ^ 0x8000_0000, (1 << width) - 1, 65_536, 65_528]
        ) % (1 << width)
    return images


@given(st.data(), canonical.value_types, st.binary(min_size=1, max_size=5), st.integers(0, 1 << 32))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_damaged_results_are_judged_as_by_the_specification_and_by_wasmtime(
    data: st.DataObject, result: ValueType, noise: bytes, seed: int
) -> None:
    values = data.draw(st.lists(canonical.values_of(result), min_size=1, max_size=3))
    images, memory = images_of(result, values, noise)
    images = damaged(random.Random(seed), images, memory, canonical.flatten_type(result)[0])
    text = wat_that_returns(result, images, memory)
    expected = []
    for bits in images:
        memory.items_left = ITEMS_MAX
        try:
            expected.append(lifted(result, bits, memory))
        except Trap:
            expected.append(None)
        except OverflowError:
            assume(False)
    ran = Runner(Function((Field("n", U32),), result)).run(
        guest_of(text), [numbers(len(images))], len(images), LIMITS
    )
    assert ran.outcome.faulted == [row for row, value in enumerate(expected) if value is None], (
        ran.outcome.reason
    )
    ran.result.validate(full=True)
    for row, value in enumerate(expected):
        if value is not None and holds_error(result, value):
            assert row in ran.errors
        elif value is not None:
            assert same(value_of(result, ran.result, row), in_sql(result, value))
    declared = Declared()
    name = declared.name(result)
    core = f"(core {text[1:]}\n(core instance $i (instantiate $m))"
    for row, value in enumerate(expected):
        call = component_of('(param "n" u32)', name, "", declared, core)
        if value is None:
            with pytest.raises((wasmtime.Trap, wasmtime.WasmtimeError)):
                call(row)
        else:
            assert same(plain(result, call(row)), value)


def returning(image: str, result: str = "(i32.const 16)", core: str = "i32") -> str:
    """A guest that returns this, with these bytes from address 16 on in a memory of one page."""
    return f"""(module (memory (export "memory") 1) (data (i32.const 16) "{image}")
      (func (export "f") (result {core}) {result}))"""


def le(*numbers: int) -> str:
    """Numbers of 32 bits, as the text of their bytes."""
    return "".join(
        f"\\{byte:02x}" for number in numbers for byte in (number % (1 << 32)).to_bytes(4, "little")
    )


OUTSIDE = "returned an address outside its memory"
MISALIGNED = "returned an address that is not aligned"
NOT_UTF8 = "returned text that is not UTF-8"
NO_CASE = "returned the number of a case that there is not"
NO_CHAR = "returned a char that is none"


@pytest.mark.parametrize(
    ("result", "guest", "reason"),
    [
        ("string", returning("", "(i32.const -1)"), MISALIGNED),
        ("string", returning("", "(i32.const -4)"), OUTSIDE),
        ("string", returning("", "(i32.const 65532)"), OUTSIDE),
        ("string", returning("", "(i32.const 18)"), MISALIGNED),
        ("string", returning(le(65_530, 7)), OUTSIDE),
        ("string", returning(le(-1, 1)), OUTSIDE),
        ("string", returning(le(-1, -1)), OUTSIDE),
        ("string", returning(le(65_537, 0)), OUTSIDE),
        ("string", returning(le(0, -1)), OUTSIDE),
        ("list<u8>", returning(le(65_530, 7)), OUTSIDE),
        ("list<u64>", returning(le(8, 1 << 29)), OUTSIDE),
        ("list<u64>", returning(le(8, (1 << 29) + 1)), OUTSIDE),
        ("list<u64>", returning(le(4, 0)), MISALIGNED),
        ("list<tuple<u8, u32>>", returning(le(2, 1)), MISALIGNED),
        ("list<list<u8>>", returning(le(32, 1, 0, 0, 65_536, 1)), OUTSIDE),
        ("list<string>", returning(le(32, 2, 0, 0, 0, 1, 48, 1) + "\\ff"), NOT_UTF8),
        ("list<bool>", returning(le(65_535, 2)), OUTSIDE),
        ("string", returning(le(24, 2) + "\\c3\\28"), NOT_UTF8),
        ("string", returning(le(24, 1) + "\\c3\\a9"), NOT_UTF8),
        ("string", returning(le(24, 3) + "\\ed\\a0\\80"), NOT_UTF8),
        ("string", returning(le(24, 2) + "\\c0\\80"), NOT_UTF8),
        ("string", returning(le(24, 4) + "\\f4\\90\\80\\80"), NOT_UTF8),
        ("option<u8>", returning("\\02\\00"), NO_CASE),
        ("result<u8, u8>", returning("\\ff\\00"), NO_CASE),
        ("result", returning("", "(i32.const 2)"), NO_CASE),
        ("list<option<u8>>", returning(le(32, 1, 0, 0) + "\\07"), NO_CASE),
        ("char", returning("", "(i32.const 0xdfff)"), NO_CHAR),
        ("list<char>", returning(le(32, 1, 0, 0, 0x110000)), NO_CHAR),
        ("tuple<char, char>", returning(le(65, 0xD800)), NO_CHAR),
    ],
)
def test_what_is_wrong_with_a_result_is_told(result: str, guest: str, reason: str) -> None:
    ran = run(f"func() -> {result}", guest, rows=1)
    assert (ran.outcome.faulted, ran.outcome.reason) == ([0], reason)
    assert ran.result.null_count == 1 or ran.result.is_null()[0].as_py()


@pytest.mark.parametrize("result", ["string", "list<u8>", "list<u64>", "list<string>", "list<option<u8>>"])
def test_a_list_of_nothing_may_end_where_memory_ends(result: str) -> None:
    ran = run(f"func() -> {result}", returning(le(65_536, 0)), rows=1)
    assert ran.outcome.reason is None
    assert len(ran.result[0].as_py()) == 0


def test_lists_that_share_bytes_are_many_lists() -> None:
    guest = returning(le(32, 3, 0, 0, 56, 2, 57, 2, 56, 3) + "abcd")
    assert run("func() -> list<string>", guest, rows=1).result.to_pylist() == [["ab", "bc", "abc"]]


def test_lists_of_lists_of_the_same_bytes_end_at_the_bound() -> None:
    """A page of memory can claim to be thousands of texts of tens of thousands of bytes: here 95 MB."""
    count, length = 0x0F0F, 0x6060
    pairs = le(*[number for _ in range(count) for number in (0, length)])
    guest = returning(le(1024, count) + "\\00" * (1024 - 24) + pairs)
    ran = run("func() -> list<string>", guest, rows=1, limits=LIMITS, values_bytes_max=1 << 20)
    assert (ran.outcome.faulted, ran.outcome.reason) == ([0], "returned more than there is room for")
    ran = run("func() -> list<string>", guest, rows=1, limits=limits_of(10**9), values_bytes_max=200 << 20)
    assert (ran.outcome.reason, len(ran.result[0])) == (None, count)


_EDGES = bytes.fromhex("00417f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff")


def test_utf8_is_told_from_other_bytes_as_python_tells_it() -> None:
    """Bytes where the rules change, after and before ASCII of many lengths: it is looked at 16 and 8 bytes at a time."""
    rng = random.Random(8)
    texts = [
        bytes(
            [
                rng.choice(_EDGES),
                *rng.choices(b"\x80\x8f\x90\x9f\xa0\xbf", k=more),
                *rng.choices(_EDGES, k=more == 4),
            ]
        )
        for more in rng.choices(range(5), k=1_500)
    ]
    texts += [
        chr(code).encode() for code in (0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF)
    ]
    texts += [b"\xe0\xa0\x80\xf4\x8f\xbf\xbf\xf0\x90\x80\x80\xed\x9f\xbf"[:cut] for cut in range(15)]
    texts = [
        b"x" * rng.randint(0, 40) + text + b"y" * rng.choice([0, 0, 1, 7, 8, 15, 16, 30]) for text in texts
    ]
    limits = limits_of(faults_max=len(texts))
    ran = run("func(a: list<u8>) -> string", ECHO, texts, limits=limits)
    assert ran.result.to_pylist() == [decoded(text) for text in texts]
    assert ran.outcome.reason == NOT_UTF8
    assert 100 < ran.outcome.faults < len(texts) - 100


def decoded(text: bytes) -> str | None:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def taking(allocator: str) -> str:
    """A guest that takes a list and says how long it is, with this allocator; its parameters are $old, $was, $align and $size."""
    return f"""(module (memory (export "memory") 1)
      (func (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32)
        {allocator})
      (func (export "f") (param i32 i32) (result i32) (local.get 1)))"""


LISTS = {
    "string": "ab",
    "list<u8>": b"ab",
    "list<u64>": [1, 2],
    "list<string>": ["a", "b"],
    "list<tuple<u8, u16>>": None,
}
ROOM_OUTSIDE = "its allocator returned an address outside its memory"
ROOM_MISALIGNED = "its allocator returned an address that is not aligned"


@pytest.mark.parametrize(
    ("list_", "allocator", "reason"),
    [
        ("list<u64>", "(i32.const -8)", ROOM_OUTSIDE),
        ("list<u64>", "(i32.const 65528)", ROOM_OUTSIDE),
        ("list<u64>", "(i32.const 4)", ROOM_MISALIGNED),
        ("list<string>", "(i32.const 2)", ROOM_MISALIGNED),
        ("list<string>", "(i32.const 65528)", ROOM_OUTSIDE),
        ("list<u8>", "(i32.const -1)", "trapped: memory access out of bounds"),
        ("string", "(i32.const 65535)", "trapped: memory access out of bounds"),
        ("list<u64>", "(unreachable)", "trapped: unreachable"),
        ("string", "(loop (br 0)) (unreachable)", "ran out of fuel"),
        ("string", "(i32.div_u (i32.const 1) (i32.const 0))", "trapped: integer division by zero"),
    ],
)
def test_an_allocator_that_lies_is_a_fault(list_: str, allocator: str, reason: str) -> None:
    ran = run(f"func(a: {list_}) -> u32", taking(allocator), [LISTS[list_], LISTS[list_]])
    assert (ran.outcome.faulted, ran.outcome.reason) == ([0, 1], reason)
    assert ran.result.to_pylist() == [None, None]


@pytest.mark.parametrize("list_", ["string", "list<u64>", "list<string>"])
def test_an_allocator_that_gives_the_same_room_twice_harms_itself_alone(list_: str) -> None:
    ran = run(f"func(a: {list_}) -> u32", taking("(i32.const 64)"), [LISTS[list_]] * 3)
    assert ran.result.to_pylist() == [2, 2, 2]


def test_an_allocator_may_take_memory_away_from_nobody() -> None:
    """One that grows memory while a list of lists is stored: what was allocated before stays where it is."""
    grows = """(drop (memory.grow (i32.const 1)))
      (i32.and (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536)) (i32.const -8))"""
    ran = run("func(a: list<string>) -> u32", taking(grows), [["a", "bc"], []])
    assert ran.result.to_pylist() == [2, 0]


def with_post(post: str) -> str:
    """A guest that returns a text, and does this after it was taken; $at is its address."""
    return f"""(module (memory (export "memory") 1) (global $given (mut i32) (i32.const 0))
      (data (i32.const 16) "{le(24, 2)}ok")
      (func (export "f") (param i32) (result i32)
        (global.set $given (i32.add (global.get $given) (i32.const 1)))
        (if (i32.gt_u (global.get $given) (i32.const 1)) (then (unreachable))) (i32.const 16))
      (func (export "cabi_post_f") (param $at i32) {post}))"""


def test_what_a_guest_gave_is_given_back_after_every_row() -> None:
    back = "(global.set $given (i32.sub (global.get $given) (i32.const 1))) (i32.store (i32.const 20) (i32.const 3))"
    ran = run("func(a: u8) -> string", with_post(back), [1, 2, 3])
    # The length that is changed afterwards counts for the next row.
    assert ran.result.to_pylist() == ["ok", "ok\0", "ok\0"]
    assert ran.outcome.reason is None


@pytest.mark.parametrize(
    ("post", "reason"),
    [("(unreachable)", "trapped: unreachable"), ("(loop (br 0))", "ran out of fuel")],
)
def test_a_trap_after_the_result_was_taken_is_a_fault_as_well(post: str, reason: str) -> None:
    ran = run("func(a: u8) -> string", with_post(post), [1, 2], limits=limits_of())
    assert (ran.outcome.faulted, ran.outcome.reason) == ([0, 1], reason)
    assert ran.result.to_pylist() == [None, None]


def test_post_return_is_passed_what_the_function_returned() -> None:
    guest = """(module (func (export "f") (param f64) (result f64) (f64.neg (local.get 0)))
      (func (export "cabi_post_f") (param f64) (if (f64.lt (local.get 0) (f64.const -2)) (then (unreachable)))))"""
    ran = run("func(a: f64) -> f64", guest, [1.0, 2.0, 3.0])
    assert ran.result.to_pylist() == [-1.0, -2.0, None]


def test_a_fault_in_the_middle_of_a_result_leaves_nothing_of_it() -> None:
    """The second text of the second row is wrong: the first is not left in the results of the rows after it."""
    wrong = """(module (memory (export "memory") 1) (data (i32.const 32) "abc")
      (func (export "f") (param i32) (result i32)
        (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 2))
        (i32.store (i32.const 8) (i32.const 32)) (i32.store (i32.const 12) (i32.const 2))
        (i32.store (i32.const 16) (select (i32.const -1) (i32.const 33) (local.get 0))) (i32.store (i32.const 20) (i32.const 2))
        (i32.const 0)))"""
    ran = run("func(a: u8) -> list<string>", wrong, [0, 1, 0])
    assert ran.result.to_pylist() == [["ab", "bc"], None, ["ab", "bc"]]
    assert ran.outcome.reason == OUTSIDE

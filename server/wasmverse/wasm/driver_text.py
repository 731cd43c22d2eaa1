"""What the text of a driver is put together from: addresses in columns, and functions that every driver of a kind has.

A check that fails sets the exported global ``why`` to the number of the reason in ``CHECKS`` and traps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wasmverse.wasm import abi
from wasmverse.wasm.layout import Column, Layout

CHECKS = (
    "",
    "returned an address outside its memory",
    "returned an address that is not aligned",
    "returned text that is not UTF-8",
    "returned the number of a case that there is not",
    "returned a char that is none",
    "its allocator returned an address outside its memory",
    "its allocator returned an address that is not aligned",
    "returned more than there is room for",
    "a list is too long for its memory",
)
"""Why a driver trapped, by the number in ``why``; 0 stands for none of these."""
OUTSIDE, MISALIGNED, NOT_UTF8, NO_CASE, NO_CHAR, ROOM_OUTSIDE, ROOM_MISALIGNED, TOO_MUCH, TOO_LONG = range(
    1, 10
)


def failed_if(condition: str, why: int) -> str:
    """A check: a trap with this reason if the condition holds."""
    return f"(if {condition} (then (call $fail (i32.const {why}))))"


def is_outside(at: str, length: str) -> str:
    """Whether so many bytes (an i64) of the guest's memory, from an address on (an i32), are not all there."""
    return (
        f"(i64.gt_u (i64.add (i64.extend_i32_u {at}) {length}) "
        "(i64.shl (i64.extend_i32_u (memory.size $guest)) (i64.const 16)))"
    )


def header_load(at: int) -> str:
    """A number of the header."""
    return f"(i32.load $host offset={at} (i32.const 0))"


def header_store(at: int, value: str) -> str:
    """Change a number of the header."""
    return f"(i32.store $host offset={at} (i32.const 0) {value})"


@dataclass(slots=True)
class Scope:
    """A place in a function from which the elements of one domain's columns are read or written.

    index : the expression of which element; the columns' addresses are in locals.
    """

    index: str = "(local.get $row)"
    locals: dict[str, str] = field(default_factory=dict)

    def local(self, core: str, hint: str) -> str:
        """A further local of the function."""
        name = f"${hint}{len(self.locals)}"
        self.locals[name] = core
        return name

    def address(self, column: Column) -> str:
        """Where the element lies in host memory."""
        shift = column.width.bit_length() - 1
        offset = f"(i32.shl {self.index} (i32.const {shift}))" if shift else self.index
        return f"(i32.add (local.get $column{column.number}) {offset})"

    def load(self, column: Column, core: str) -> str:
        """The element, as a core value."""
        return f"({abi.instruction(core, column.code, 'load')} $host {self.address(column)})"

    def store(self, column: Column, core: str, value: str) -> str:
        """Change the element."""
        return f"({abi.instruction(core, column.code, 'store')} $host {self.address(column)} {value})"

    def declared(self) -> str:
        """The locals, as text."""
        return " ".join(f"(local {name} {core})" for name, core in self.locals.items())


def columns_at_hand(columns: Iterable[Column]) -> list[str]:
    """Put the addresses of columns into their locals."""
    return [f"(local.set $column{column.number} {header_load(column.address_at)})" for column in columns]


def column_locals(columns: Iterable[Column]) -> str:
    """These locals, as text."""
    return " ".join(f"(local $column{column.number} i32)" for column in columns)


FAIL = """  (global $why (export "why") (mut i32) (i32.const 0))
  (func $fail (param i32) (global.set $why (local.get 0)) (unreachable))"""

# A Unicode scalar value: below 0x110000, and no surrogate.
CHAR = f"""  (func $char (param $code i32) (result i32)
    {
    failed_if(
        "(i32.or (i32.ge_u (local.get $code) (i32.const 0x110000))"
        " (i32.eq (i32.shr_u (local.get $code) (i32.const 11)) (i32.const 27)))",
        NO_CHAR,
    )
}
    (local.get $code))"""


# Pages once added stay. They are asked for with all that the row has needed so far, so the next such row needs no more.
# A guest at its limit traps, which is a fault like any other.
ROOM = """  (global $base (mut i32) (i32.const 0))
  (global $capacity (mut i32) (i32.const 0))
  (global $used (mut i32) (i32.const 0))
  (func $room (param $length i32) (result i32) (local $pages i32)
    (if (i32.gt_u (local.get $length) (i32.sub (global.get $capacity) (global.get $used)))
      (then
        (local.set $pages
          (i32.shr_u (i32.add (i32.add (global.get $used) (local.get $length)) (i32.const 65535)) (i32.const 16)))
        (global.set $base (i32.shl (memory.grow $guest (local.get $pages)) (i32.const 16)))
        (if (i32.eq (global.get $base) (i32.const 0xffff0000)) (then (unreachable)))
        (global.set $capacity (i32.shl (local.get $pages) (i32.const 16)))
        (global.set $used (i32.const 0))))
    (i32.add (global.get $base) (global.get $used))
    (global.set $used (i32.add (global.get $used) (local.get $length))))"""
"""``$room``: where bytes go that need no alignment, in a guest without an allocator."""


COPIED_MAX = 128
_LANE = 16


def copied_in(to: str, start: str, size: str, last: str) -> str:
    """Copy bytes from the host's memory into the guest's; ``last`` is a local that is free. The expressions are repeated.

    A copy is a call of the runtime, which takes 5 ns; as many as 16 to 128 bytes go over 16 at a time instead, the last 16 of
    them with some a second time (``tests/bench/bench_flight.py``). Where bytes are not there, both trap, and for the same reason.
    """

    def move(at: int) -> str:
        return f"(v128.store $guest offset={at} align=1 {to} (v128.load $host offset={at} align=1 {start}))"

    more = ""
    for at in range(COPIED_MAX - 2 * _LANE, 0, -_LANE):
        more = f"(if (i32.gt_u {size} (i32.const {at + _LANE})) (then {move(at)} {more}))"
    return f"""(if (i32.le_u (i32.sub {size} (i32.const {_LANE})) (i32.const {COPIED_MAX - _LANE}))
  (then
    {move(0)} {more}
    (local.set {last} (i32.sub {size} (i32.const {_LANE})))
    (v128.store $guest align=1 (i32.add {to} (local.get {last})) (v128.load $host align=1 (i32.add {start} (local.get {last})))))
  (else (memory.copy $guest $host {to} {start} {size})))"""


def allocate(has_realloc: bool) -> str:
    """``$allocate``: where the guest wants bytes that need an alignment."""
    if not has_realloc:
        # What is added is whole pages, so it can be used up to its end with any alignment.
        return """  (func $allocate (param $align i32) (param $length i32) (result i32)
    (global.set $used (i32.and (i32.add (global.get $used) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (call $room (local.get $length)))"""
    misaligned = "(i32.and (local.get $at) (i32.sub (local.get $align) (i32.const 1)))"
    return f"""  (func $allocate (param $align i32) (param $length i32) (result i32) (local $at i32)
    (local.set $at (call $realloc (i32.const 0) (i32.const 0) (local.get $align) (local.get $length)))
    {failed_if(misaligned, ROOM_MISALIGNED)}
    {failed_if(is_outside("(local.get $at)", "(i64.extend_i32_u (local.get $length))"), ROOM_OUTSIDE)}
    (local.get $at))"""


# Text is mostly ASCII: 16 bytes at once while it is, and the last 16 once more rather than the last few one by one. A character
# of several bytes is put together and compared with the least that needs so many. Source: Unicode 17.0, table 3-7.
_IS_CUT = (
    "(i32.or (i32.gt_u (local.get $byte) (i32.const 0x1f)) "
    "(i32.gt_u (local.get $more) (i32.sub (local.get $end) (local.get $at))))"
)
_IS_NONE = (
    "(i32.or (i32.lt_u (local.get $byte) (local.get $least)) "
    "(i32.or (i32.ge_u (local.get $byte) (i32.const 0x110000)) "
    "(i32.eq (i32.shr_u (local.get $byte) (i32.const 11)) (i32.const 27))))"
)
UTF8 = f"""  (func $utf8 (param $at i32) (param $length i32)
    (local $end i32) (local $left i32) (local $byte i32) (local $more i32) (local $least i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done
      (loop $next
        (local.set $left (i32.sub (local.get $end) (local.get $at)))
        (block $one
          (if (i32.ge_u (local.get $left) (i32.const 16))
            (then
              (br_if $one (i8x16.bitmask (v128.load $guest align=1 (local.get $at))))
              (local.set $at (i32.add (local.get $at) (i32.const 16)))
              (br $next)))
          (br_if $done (i32.eqz (local.get $left)))
          (if (i32.ge_u (local.get $length) (i32.const 16))
            (then
              (br_if $done (i32.eqz (i8x16.bitmask
                (v128.load $guest align=1 (i32.sub (local.get $end) (i32.const 16)))))))
            (else
              (if (i32.ge_u (local.get $left) (i32.const 8))
                (then
                  (br_if $one (i64.ne (i64.const 0) (i64.and (i64.const 0x8080808080808080)
                    (i64.load $guest align=1 (local.get $at)))))
                  (local.set $at (i32.add (local.get $at) (i32.const 8)))
                  (br $next))))))
        (local.set $byte (i32.load8_u $guest (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $byte) (i32.const 0x80)))
        (if (i32.lt_u (local.get $byte) (i32.const 0xe0))
          (then
            (local.set $more (i32.const 1))
            (local.set $least (i32.const 0x80))
            (local.set $byte (i32.sub (local.get $byte) (i32.const 0xc0))))
          (else
            (if (i32.lt_u (local.get $byte) (i32.const 0xf0))
              (then
                (local.set $more (i32.const 2))
                (local.set $least (i32.const 0x800))
                (local.set $byte (i32.and (local.get $byte) (i32.const 0x0f))))
              (else
                (local.set $more (i32.const 3))
                (local.set $least (i32.const 0x10000))
                (local.set $byte (i32.sub (local.get $byte) (i32.const 0xf0)))))))
        {failed_if(_IS_CUT, NOT_UTF8)}
        (loop $rest
          (local.set $left (i32.load8_u $guest (local.get $at)))
          {failed_if("(i32.ne (i32.const 0x80) (i32.and (local.get $left) (i32.const 0xc0)))", NOT_UTF8)}
          (local.set $byte (i32.or (i32.shl (local.get $byte) (i32.const 6)) (i32.and (local.get $left) (i32.const 0x3f))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $more (i32.sub (local.get $more) (i32.const 1)))
          (br_if $rest (local.get $more)))
        {failed_if(_IS_NONE, NOT_UTF8)}
        (br $next))))"""


def grow(layout: Layout, domain: int, columns: Iterable[Column]) -> str:
    """``$growN``: more room for the items of a domain, in all ``needed``: at least twice as much, if the bound allows it.

    The columns move to where free room begins; what they held is copied, and their old room is not used again in this run.
    """
    columns = list(columns)
    width = sum(column.width for column in columns)
    count_at, free_at = layout.count_at[domain], layout.free_at
    moves = []
    for column in columns:
        moves += [
            f"(memory.copy $host $host (i32.wrap_i64 (local.get $free)) {header_load(column.address_at)}",
            f"  (i32.mul (global.get $count{domain}) (i32.const {column.width})))",
            header_store(column.address_at, "(i32.wrap_i64 (local.get $free))"),
            "(local.set $free (i64.and (i64.const -64) (i64.add (i64.const 63) (i64.add (local.get $free)",
            f"  (i64.mul (i64.extend_i32_u (local.get $capacity)) (i64.const {column.width}))))))",
        ]
    left = f"(i32.sub {header_load(free_at + 4)} (i32.mul (local.get $more) (i32.const {width})))"
    most = "(i64.add (i64.extend_i32_u (local.get $capacity)) (i64.extend_i32_u (local.get $possible)))"
    # Where all columns will end, aligned, is at most this: so memory grows before anything is moved.
    end = (
        "(i64.add (local.get $free) (i64.add (i64.mul (i64.extend_i32_u (local.get $capacity)) "
        f"(i64.const {width})) (i64.const {64 * len(columns)})))"
    )
    text = f"""(func $grow{domain} (param $needed i64)
      (local $capacity i32) (local $more i32) (local $possible i32) (local $free i64) (local $pages i64)
      (local.set $capacity {header_load(count_at + 4)})
      (local.set $possible (i32.div_u {header_load(free_at + 4)} (i32.const {width})))
      {failed_if(f"(i64.gt_u (local.get $needed) {most})", TOO_MUCH)}
      (local.set $more (i32.sub (i32.wrap_i64 (local.get $needed)) (local.get $capacity)))
      (if (i32.lt_u (local.get $more) (local.get $capacity)) (then (local.set $more (local.get $capacity))))
      (if (i32.gt_u (local.get $more) (local.get $possible)) (then (local.set $more (local.get $possible))))
      (local.set $capacity (i32.add (local.get $capacity) (local.get $more)))
      (local.set $free (i64.extend_i32_u {header_load(free_at)}))
      (local.set $pages (i64.sub (i64.shr_u (i64.add {end} (i64.const 65535)) (i64.const 16))
        (i64.extend_i32_u (memory.size $host))))
      (if (i64.gt_s (local.get $pages) (i64.const 0))
        (then (if (i32.eq (i32.const -1) (memory.grow $host (i32.wrap_i64 (local.get $pages))))
          (then (call $fail (i32.const {TOO_MUCH}))))))
      {header_store(free_at + 4, left)}
      {header_store(count_at + 4, "(local.get $capacity)")}
      {" ".join(moves)}
      {header_store(free_at, "(i32.wrap_i64 (local.get $free))")})"""
    return "\n".join(f"  {line}" for line in text.splitlines())

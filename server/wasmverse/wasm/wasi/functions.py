"""The functions of WASI preview 1, as the text of a WebAssembly module, and that module.

It is instantiated beside each guest that asks for WASI: it imports the guest's memory, the table in which the guest finds the
functions, the driver's ``row`` and the memory that is shared with the host (`world`). No Python runs when one of them is called.

What they answer: every clock shows the world's time, which does not move; random numbers come from its seed; there are no
arguments, no environment, no files and no sockets; descriptors 1 and 2 are written to the log, 0 is at its end; all that waits
has happened at once. ``proc_exit`` and ``proc_raise`` end the call, which is a fault. As witx-docs has it, a pointer past the
guest's memory is a trap; what has been written to the log by then stays, and nothing half-written is ever seen there.
"""

from __future__ import annotations

from functools import cache

import wasmtime

from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.wasi import world
from wasmverse.wasm.wasi.signatures import SIGNATURES

_SUCCESS, _BADF, _INVAL, _NOTDIR, _NOTSOCK, _NOTSUP, _SPIPE, _NOTCAPABLE = 0, 8, 28, 54, 57, 58, 70, 76
"""Numbers of errors."""

_CHARACTER_DEVICE = 2
"""What the standard streams are: so that C libraries write to them line by line."""
_RIGHT_TO_READ, _RIGHT_TO_WRITE = 1 << 1, 1 << 6

_DESCRIPTOR = {"path_symlink": 2}
"""Which parameter is the descriptor, where it is not the first."""

_STANDARD = {
    **dict.fromkeys(("fd_close", "fd_datasync", "fd_fdstat_set_flags", "fd_sync"), _SUCCESS),
    **dict.fromkeys(("fd_advise", "fd_allocate", "fd_pread", "fd_pwrite", "fd_seek", "fd_tell"), _SPIPE),
    **dict.fromkeys(("fd_filestat_set_size", "fd_filestat_set_times"), _INVAL),
    **dict.fromkeys(("fd_prestat_dir_name", "fd_prestat_get"), _BADF),
    "fd_fdstat_set_rights": _NOTCAPABLE,
    "fd_readdir": _NOTDIR,
    "fd_renumber": _NOTSUP,
    **{name: _NOTDIR for name in SIGNATURES if name.startswith("path_")},
    **{name: _NOTSOCK for name in SIGNATURES if name.startswith("sock_")},
}
"""What functions that do nothing answer for the standard streams 0 to 2; there is no other descriptor."""

_ZERO_SIZES = """
    (i32.store $guest (local.get 0) (i32.const 0))
    (i32.store $guest (local.get 1) (i32.const 0))
    (i32.const 0)"""

_BODIES = {
    "args_get": "(i32.const 0)",
    "args_sizes_get": _ZERO_SIZES,
    "environ_get": "(i32.const 0)",
    "environ_sizes_get": _ZERO_SIZES,
    "sched_yield": "(i32.const 0)",
    "clock_res_get": f"""
    (if (i32.gt_u (local.get 0) (i32.const 3)) (then (return (i32.const {_INVAL}))))
    (i64.store $guest (local.get 1) (i64.const {world.SECOND_NS}))
    (i32.const 0)""",
    "clock_time_get": f"""
    (if (i32.gt_u (local.get 0) (i32.const 3)) (then (return (i32.const {_INVAL}))))
    (i64.store $guest (local.get 2) (i64.load $host offset={world.TIME} (i32.const 0)))
    (i32.const 0)""",
    # Type of file, flags, rights, and those that opened files would have.
    "fd_fdstat_get": f"""
    (if (i32.gt_u (local.get 0) (i32.const 2)) (then (return (i32.const {_BADF}))))
    (i64.store $guest (local.get 1) (i64.const {_CHARACTER_DEVICE}))
    (i64.store $guest offset=8 (local.get 1)
      (select (i64.const {_RIGHT_TO_WRITE}) (i64.const {_RIGHT_TO_READ}) (local.get 0)))
    (i64.store $guest offset=16 (local.get 1) (i64.const 0))
    (i32.const 0)""",
    # Device, number, type, links, size, and three times.
    "fd_filestat_get": f"""
    (if (i32.gt_u (local.get 0) (i32.const 2)) (then (return (i32.const {_BADF}))))
    (memory.fill $guest (local.get 1) (i32.const 0) (i32.const 64))
    (i64.store8 $guest offset=16 (local.get 1) (i64.const {_CHARACTER_DEVICE}))
    (i64.store $guest offset=24 (local.get 1) (i64.const 1))
    (i64.store $guest offset=40 (local.get 1) (i64.load $host offset={world.TIME} (i32.const 0)))
    (i64.store $guest offset=48 (local.get 1) (i64.load $host offset={world.TIME} (i32.const 0)))
    (i64.store $guest offset=56 (local.get 1) (i64.load $host offset={world.TIME} (i32.const 0)))
    (i32.const 0)""",
    "fd_read": f"""
    (if (local.get 0) (then (return (i32.const {_BADF}))))
    (i32.store $guest (local.get 3) (i32.const 0))
    (i32.const 0)""",
    "proc_exit": f"""
    (i32.store $host offset={world.CODE} (i32.const 0) (local.get 0))
    (i32.store $host offset={world.ENDING} (i32.const 0) (i32.const {world.EXITED}))
    (unreachable)""",
    "proc_raise": f"""
    (i32.store $host offset={world.CODE} (i32.const 0) (local.get 0))
    (i32.store $host offset={world.ENDING} (i32.const 0) (i32.const {world.RAISED}))
    (unreachable)""",
    # Every row numbers its draws from 1 on; those of `_initialize` are the first of the row that the instance begins with.
    "random_get": f"""
    (local $end i32) (local $key i64) (local $value i64)
    (call $check (local.get 0) (local.get 1))
    (if (i32.ne (global.get $row) (global.get $drawn_row))
      (then
        (global.set $drawn_row (global.get $row))
        (global.set $draws (i64.const 0))))
    (local.set $key (call $mix (i64.add
      (i64.load $host offset={world.SEED} (i32.const 0))
      (call $mix (i64.extend_i32_u (global.get $row))))))
    (local.set $end (i32.add (local.get 0) (local.get 1)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get 0) (local.get $end)))
        (global.set $draws (i64.add (global.get $draws) (i64.const 1)))
        (local.set $value (call $mix (i64.xor (local.get $key) (global.get $draws))))
        (if (i32.ge_u (i32.sub (local.get $end) (local.get 0)) (i32.const 8))
          (then
            (i64.store $guest (local.get 0) (local.get $value))
            (local.set 0 (i32.add (local.get 0) (i32.const 8)))
            (br $next)))
        (loop $byte
          (i64.store8 $guest (local.get 0) (local.get $value))
          (local.set $value (i64.shr_u (local.get $value) (i64.const 8)))
          (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_if $byte (i32.lt_u (local.get 0) (local.get $end))))))
    (i32.const 0)""",
    # A write is kept whole, behind what the same row has written before, or counted as lost. Its bytes are copied to where
    # nobody reads yet; only then are the record's length and the end of the log moved. The guest's memory is written last: it
    # may be the very vectors that have been checked.
    "fd_write": f"""
    (local $at i32) (local $left i32) (local $total i64) (local $used i32) (local $record i32) (local $is_new i32)
    (if (i32.gt_u (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)) (then (return (i32.const {_BADF}))))
    (local.set $at (local.get 1))
    (local.set $left (local.get 2))
    (block $summed
      (loop $next
        (br_if $summed (i32.eqz (local.get $left)))
        (call $check (i32.load $guest (local.get $at)) (i32.load $guest offset=4 (local.get $at)))
        (local.set $total (i64.add (local.get $total) (i64.load32_u $guest offset=4 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (if (i64.gt_u (local.get $total) (i64.const 0xffffffff)) (then (return (i32.const {_INVAL}))))
    (if (i64.eqz (local.get $total))
      (then
        (i32.store $guest (local.get 3) (i32.const 0))
        (return (i32.const 0))))
    (local.set $used (i32.load $host offset={world.USED} (i32.const 0)))
    (local.set $record (i32.load $host offset={world.LAST} (i32.const 0)))
    (local.set $is_new (i32.eqz (local.get $record)))
    (if (i32.eqz (local.get $is_new))
      (then (local.set $is_new (i32.ne (i32.load $host (local.get $record)) (global.get $row)))))
    (if (local.get $is_new)
      (then
        (local.set $record (local.get $used))
        (local.set $used (i32.add (local.get $used) (i32.const {world.RECORD.size})))))
    (if (i64.gt_u (i64.add (i64.extend_i32_u (local.get $used)) (local.get $total))
          (i64.load32_u $host offset={world.END} (i32.const 0)))
      (then
        (i32.store $host offset={world.DROPPED} (i32.const 0)
          (i32.add (i32.load $host offset={world.DROPPED} (i32.const 0)) (i32.const 1)))
        (i32.store $guest (local.get 3) (i32.wrap_i64 (local.get $total)))
        (return (i32.const 0))))
    (block $copied
      (loop $next
        (br_if $copied (i32.eqz (local.get 2)))
        (memory.copy $host $guest
          (local.get $used) (i32.load $guest (local.get 1)) (i32.load $guest offset=4 (local.get 1)))
        (local.set $used (i32.add (local.get $used) (i32.load $guest offset=4 (local.get 1))))
        (local.set 1 (i32.add (local.get 1) (i32.const 8)))
        (local.set 2 (i32.sub (local.get 2) (i32.const 1)))
        (br $next)))
    (if (local.get $is_new) (then (i32.store $host (local.get $record) (global.get $row))))
    (i32.store $host offset=4 (local.get $record)
      (i32.sub (i32.sub (local.get $used) (local.get $record)) (i32.const {world.RECORD.size})))
    (i32.store $host offset={world.LAST} (i32.const 0) (local.get $record))
    (i32.store $host offset={world.USED} (i32.const 0) (local.get $used))
    (i32.store $guest (local.get 3) (i32.wrap_i64 (local.get $total)))
    (i32.const 0)""",
    # A subscription has 48 bytes: user data, kind (clock, read, write), and from 16 on a clock or a descriptor. An event has
    # 32: user data, error, kind, and from 16 on the bytes at hand and whether the other end has gone, as that of 0 has.
    "poll_oneoff": f"""
    (local $left i32) (local $kind i32) (local $data i64) (local $fd i32) (local $error i32)
    (if (i32.eqz (local.get 2)) (then (return (i32.const {_INVAL}))))
    (local.set $left (local.get 2))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $data (i64.load $guest (local.get 0)))
        (local.set $kind (i32.load8_u $guest offset=8 (local.get 0)))
        (local.set $fd (i32.load $guest offset=16 (local.get 0)))
        (local.set $error (select
          (select (i32.const {_INVAL}) (i32.const 0) (i32.gt_u (local.get $fd) (i32.const 3)))
          (select (i32.const {_BADF}) (i32.const 0) (i32.gt_u (local.get $fd) (i32.const 2)))
          (i32.eqz (local.get $kind))))
        (if (i32.gt_u (local.get $kind) (i32.const 2)) (then (return (i32.const {_INVAL}))))
        (i64.store $guest (local.get 1) (local.get $data))
        (i64.store $guest offset=8 (local.get 1)
          (i64.extend_i32_u (i32.or (local.get $error) (i32.shl (local.get $kind) (i32.const 16)))))
        (i64.store $guest offset=16 (local.get 1) (i64.const 0))
        (i64.store $guest offset=24 (local.get 1) (i64.extend_i32_u (i32.eq (local.get $kind) (i32.const 1))))
        (local.set 0 (i32.add (local.get 0) (i32.const 48)))
        (local.set 1 (i32.add (local.get 1) (i32.const 32)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i32.store $guest (local.get 3) (local.get 2))
    (i32.const 0)""",
}

# `$check` traps as a load past the end does: no guest may have the memory's last byte.
_HEAD = """(module
  (import "host" "memory" (memory $host 0 65536 shared))
  (import "guest" "memory" (memory $guest 0))
  (import "guest" "functions" (table TABLE funcref))
  (import "driver" "row" (global $row (mut i32)))
  (global $drawn_row (mut i32) (i32.const -1))
  (global $draws (mut i64) (i64.const 0))
  (func $check (param $pointer i32) (param $length i32)
    (if (i64.gt_u (i64.add (i64.extend_i32_u (local.get $pointer)) (i64.extend_i32_u (local.get $length)))
          (i64.shl (i64.extend_i32_u (memory.size $guest)) (i64.const 16)))
      (then (drop (i32.load $guest (i32.const -1))))))
  (func $mix (param $value i64) (result i64)
    (local.set $value (i64.add (local.get $value) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $value (i64.mul (i64.xor (local.get $value) (i64.shr_u (local.get $value) (i64.const 30)))
      (i64.const 0xbf58476d1ce4e5b9)))
    (local.set $value (i64.mul (i64.xor (local.get $value) (i64.shr_u (local.get $value) (i64.const 27)))
      (i64.const 0x94d049bb133111eb)))
    (i64.xor (local.get $value) (i64.shr_u (local.get $value) (i64.const 31))))
"""
"""`$mix` is the output of SplitMix64 (Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators)."""


def _body(name: str) -> str:
    if name in _BODIES:
        return _BODIES[name]
    fd = f"(local.get {_DESCRIPTOR.get(name, 0)})"
    return f"(select (i32.const {_BADF}) (i32.const {_STANDARD[name]}) (i32.gt_u {fd} (i32.const 2)))"


def functions_wat() -> str:
    """The module's text."""
    lines = [_HEAD.replace("TABLE", f"{len(SIGNATURES)} {len(SIGNATURES)}")]
    for name, type_ in SIGNATURES.items():
        params = f"(param {' '.join(type_.params)})" if type_.params else ""
        result = "(result i32)" if type_.results else ""
        lines.append(f"  (func ${name} {params} {result} {_body(name)})")
    names = " ".join(f"${name}" for name in SIGNATURES)
    return "\n".join([*lines, f"  (elem (i32.const 0) func {names}))"])


@cache
def functions_module() -> wasmtime.Module:
    """The compiled module; made once per process."""
    return wasmtime.Module(flight_engine(), bytes(wasmtime.wat2wasm(functions_wat())))

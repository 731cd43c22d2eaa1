"""Aggregates as one function: a small module in front of a guest that folds a list of rows into the guest's state.

A guest's aggregate has steps: ``initialize() -> state``, ``iterate(state, ...row) -> state``, ``terminate(state) -> result``.
Called one by one from the host they would cost more than they compute, so the loop over rows is Wasm here too. The module made
here imports the steps and exports one function of the Canonical ABI, which the driver calls like any other::

    fold(part: u8, rows: list<row>) -> result

``part`` says which part of a group's rows this is: 1 for the first, 2 for the last, 3 for all of them, 0 for one in between.
Between two parts the state stays in globals, so a group may have more rows than fit into the guest's memory. What ``fold`` gives
for a part that is not the last is zero in every byte, and means nothing. Where the guest has ``merge(state, state) -> state``,
each part is folded from the beginning and then merged into the state of those before it; without it the state just goes on.

The list's own room is taken once and used again for every call: a guest frees what it is passed, strings too, but nobody
passes it this list. In front of a component the room is the wrapper's, which takes all of it back after a call (``wrapper``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import wasmtime

from wasmverse.errors import WasmverseError
from wasmverse.wasm import abi
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.layout import holds_lists
from wasmverse.wasm.native_frames import native_frames
from wasmverse.wasm.types import U8, Field, Function, List, Record, ValueType

FIRST, LAST = 1, 2
"""The bits of ``part``."""

NATIVE_BYTES_OF_FOLD = 1 << 14
"""Of the native stack, beside what the driver has (``stack.NATIVE_BYTES``): one frame of each function here."""

EXPORT, REALLOC, MEMORY = "fold", "cabi_realloc", "memory"


class FoldError(WasmverseError):
    """No module can fold rows with these steps; the message says why, and the remedy."""


@dataclass(frozen=True, slots=True)
class Steps:
    """An aggregate's types.

    params : what one row has.
    state : what goes from step to step; a number that only the instance understands is one too.
    result : what ``terminate`` gives.
    """

    params: tuple[Field, ...]
    state: ValueType
    result: ValueType

    def __post_init__(self) -> None:
        if not self.params:
            raise FoldError("an aggregate takes nothing; it needs a parameter, the value of a row")
        passed = len(abi.flatten(self.state)) + sum(len(abi.flatten(field.type)) for field in self.params)
        if passed > abi.FLAT_PARAMS_MAX:
            raise FoldError(
                f"the state and a row are {passed} values, records taken apart; {abi.FLAT_PARAMS_MAX} are passed one by one: "
                "keep the state in the instance and pass a HANDLE"
            )

    @property
    def needs_memory(self) -> bool:
        """Whether the guest's memory has parts of rows, the state or the result."""
        far = max(len(abi.flatten(self.state)), len(abi.flatten(self.result))) > abi.FLAT_RESULTS_MAX
        return far or any(holds_lists(field.type) for field in self.params)

    @property
    def row(self) -> ValueType:
        """One row, as an item of the list: the parameter if it is the only one."""
        return self.params[0].type if len(self.params) == 1 else Record(self.params)

    @property
    def folded(self) -> Function:
        """The function that is made of the steps."""
        return Function((Field("part", U8), Field("rows", List(self.row))), self.result)

    @property
    def initialize(self) -> Function:
        """The type of the first step."""
        return Function((), self.state)

    @property
    def iterate(self) -> Function:
        """The type of the step that takes a row."""
        return Function((Field("state", self.state), *_beside_state(self.params)), self.state)

    @property
    def merge(self) -> Function:
        """The type of the step that makes one state of two."""
        return Function((Field("state", self.state), Field("other", self.state)), self.state)

    @property
    def can_merge(self) -> bool:
        """Whether two states are passed one by one; if not, parts are not merged."""
        return 2 * len(abi.flatten(self.state)) <= abi.FLAT_PARAMS_MAX

    @property
    def terminate(self) -> Function:
        """The type of the last step."""
        return Function((Field("state", self.state),), self.result)

    def called(self, has_merge: bool) -> list[tuple[str, Function]]:
        """The steps that are called, by what they are, in the order in which ``fold_wat`` imports them."""
        steps = [("initialize", self.initialize), ("iterate", self.iterate)]
        return [*steps, *([("merge", self.merge)] if has_merge else []), ("terminate", self.terminate)]


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """A module that stands in front of a guest: ``REALLOC`` and ``EXPORT`` are called in it instead of in the guest.

    imports : the guest's exports that it is given, in the order of its imports.
    has_memory : the memory is its own, as the guest shows none.
    """

    module: wasmtime.Module
    imports: tuple[str, ...]
    has_memory: bool


def front_of(
    steps: Steps, names: Collection[str], initialize: str, iterate: str, merge: str | None, terminate: str
) -> Front:
    """The module in front of a guest with these steps.

    names : all exports of the guest.
    merge : None if there is none.

    Raises
    ------
    FoldError : the guest must show its memory, or no such module can be made.
    """
    has_memory = MEMORY in names
    if not has_memory and steps.needs_memory:
        raise FoldError(
            "rows, the state or the result of the aggregate lie in memory, and the module exports no memory: export it"
        )
    post = f"cabi_post_{terminate}"
    has_post = post in names and len(abi.flatten(steps.result)) > abi.FLAT_RESULTS_MAX
    has_realloc = has_memory and REALLOC in names
    merged = merge if steps.can_merge else None
    room = Room.GUEST if has_realloc else Room.PAGES
    module = fold_module(steps, has_memory, room, has_post, merged is not None)
    imports = (
        MEMORY if has_memory else "",
        REALLOC if has_realloc else "",
        initialize,
        iterate,
        merged or "",
        terminate,
        post if has_post else "",
    )
    return Front(module, tuple(name for name in imports if name), not has_memory)


def _beside_state(params: tuple[Field, ...]) -> Iterator[Field]:
    """The parameters by names that the state does not have; names are no part of a core type."""
    for number, field in enumerate(params):
        yield Field(f"value{number}", field.type)


class Room(Enum):
    """Where the rows that are folded lie: in what the guest's ``cabi_realloc`` gives, in pages added to its memory, or in what
    a wrapper's store gives until the call has returned."""

    GUEST, PAGES, STORE = range(3)


def fold_wat(steps: Steps, *, has_memory: bool, room: Room, has_post: bool, has_merge: bool = False) -> str:
    """The module's text.

    has_memory : the guest has a memory; without it this module has one of its own.
    has_post : the guest wants to be called with each result of ``terminate`` once that has been read.
    has_merge : it has a step that makes one state of two.
    """
    state, params = abi.flatten(steps.state), _flat(steps.params)
    flat_result = abi.core_function(steps.folded).results
    is_far = flat_result != abi.flatten(steps.result)
    row_bytes = abi.size(steps.row)
    lines = [
        "(module",
        '  (import "guest" "memory" (memory 0))' if has_memory else "",
        _imported("realloc", "i32 i32 i32 i32", "i32") if room is not Room.PAGES else "",
        *(
            _imported(name, " ".join(core.params), " ".join(core.results))
            for name, core in ((name, abi.core_function(step)) for name, step in steps.called(has_merge))
        ),
        _imported("post", flat_result[0], "") if has_post else "",
        "" if has_memory else f'  (memory (export "{MEMORY}") 0)',
        *(f"  (global $kept{k} (mut {core}) ({core}.const 0))" for k, core in enumerate(state)),
        "  (global $is_owed (mut i32) (i32.const 0))" if has_post else "",
        f"  (global $owed (mut {flat_result[0]}) ({flat_result[0]}.const 0))" if has_post else "",
        _ROOMS[room],
        f'  (func (export "{EXPORT}") (param $part i32) (param $at i32) (param $rows i32) (result {flat_result[0]})',
        f"    (local $from i32) (local $result {flat_result[0]})",
        *(f"    (local $state{k} {core})" for k, core in enumerate(state)),
        *(f"    (local $part{k} {core})" for k, core in enumerate(state if has_merge else ())),
        *(f"    (local $value{k} {core})" for k, core in enumerate(params)),
    ]
    if has_post:
        lines += [
            "    (if (global.get $is_owed) (then",
            "      (global.set $is_owed (i32.const 0))",
            "      (call $post (global.get $owed))))",
        ]
    names = _names("state", state)
    parts = _names("part", state)
    kept = [f"      (local.set {name} (global.get $kept{k}))" for k, name in enumerate(names)]
    begun = [*_given(steps.state, "(call $initialize)", names)]
    if has_merge:
        lines += begun
    else:
        lines += [f"    (if {_IS_FIRST} (then", *begun, "    ) (else", *kept, "    ))"]
    lines += [
        "    (block $done (loop $next",
        "      (br_if $done (i32.eqz (local.get $rows)))",
        *_loaded(steps.row, "$at", [f"$value{k}" for k in range(len(params))]),
        *_given(steps.state, f"(call $iterate {_all(names)} {_all(_names('value', params))})", names),
        f"      (local.set $at (i32.add (local.get $at) (i32.const {row_bytes})))",
        "      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))",
        "      (br $next)))",
    ]
    if has_merge:
        lines += [
            f"    (if (i32.eqz {_IS_FIRST}) (then",
            *(
                f"      (local.set {part} (local.get {name}))"
                for part, name in zip(parts, names, strict=True)
            ),
            *kept,
            *_given(steps.state, f"(call $merge {_all(names)} {_all(parts)})", names),
            "    ))",
        ]
    lines += [
        "    (call $give_back)",
        f"    (if (result {flat_result[0]}) (i32.and (local.get $part) (i32.const {LAST})) (then",
        f"      (local.set $result (call $terminate {_all(names)}))",
    ]
    if has_post:
        lines += [
            "      (global.set $is_owed (i32.const 1)) (global.set $owed (local.get $result))",
        ]
    lines += [
        "      (local.get $result)",
        "    ) (else",
        *(f"      (global.set $kept{k} (local.get {name}))" for k, name in enumerate(names)),
        f"      (call $zeros (i32.const {abi.size(steps.result)}))"
        if is_far
        else f"      ({flat_result[0]}.const 0)",
        "    ))))",
    ]
    return "\n".join(line for line in lines if line)


_IS_FIRST = f"(i32.and (local.get $part) (i32.const {FIRST}))"


def _imported(name: str, params: str, results: str) -> str:
    given = f" (param {params})" if params else ""
    gives = f" (result {results})" if results else ""
    return f'  (import "guest" "{name}" (func ${name}{given}{gives}))'


def _flat(params: tuple[Field, ...]) -> tuple[str, ...]:
    return tuple(core for field in params for core in abi.flatten(field.type))


def _names(kind: str, cores: tuple[str, ...]) -> list[str]:
    return [f"${kind}{k}" for k in range(len(cores))]


def _all(names: list[str]) -> str:
    return " ".join(f"(local.get {name})" for name in names)


def _given(type_: ValueType, call: str, names: list[str]) -> Iterator[str]:
    """Put what a call gives into locals: the value itself, or what lies where it says."""
    if len(names) <= abi.FLAT_RESULTS_MAX:
        yield f"      (local.set {names[0]} {call})"
        return
    yield f"      (local.set $from {call})"
    yield from _loaded(type_, "$from", names)


def _loaded(type_: ValueType, address: str, names: list[str]) -> Iterator[str]:
    """Load a value from memory into the locals that carry it; those of other cases are zero."""
    leaves = abi.leaves(type_)
    if any(leaf.when for leaf in leaves):
        for name, core in zip(names, abi.flatten(type_), strict=True):
            yield f"      (local.set {name} ({core}.const 0))"
    for leaf in leaves:
        conditions = "".join(
            f"(if (i32.eq (local.get {names[flat]}) (i32.const {case})) (then " for flat, case in leaf.when
        )
        at = leaf.offset
        sets = []
        for k, (code, core, carried) in enumerate(zip(leaf.codes, leaf.cores, leaf.carried, strict=True)):
            load = f"({abi.instruction(core, code, 'load')} offset={at} (local.get {address}))"
            sets.append(f"(local.set {names[leaf.flat + k]} {_widened(load, core, carried)})")
            at += int(code[1:])
        yield f"      {conditions}{' '.join(sets)}{'))' * len(leaf.when)}"


def _widened(load: str, core: str, carried: str) -> str:
    """A value as the core type that carries it where cases share one."""
    match core, carried:
        case ("i32", "i64"):
            return f"(i64.extend_i32_u {load})"
        case ("f32", "i32"):
            return f"(i32.reinterpret_f32 {load})"
        case ("f32", "i64"):
            return f"(i64.extend_i32_u (i32.reinterpret_f32 {load}))"
        case ("f64", "i64"):
            return f"(i64.reinterpret_f64 {load})"
    assert core == carried
    return load


# The first room that the driver asks for in a call is the list's, which stays ours; the rest is for what the list points to.
_ROOM_OF_GUEST = f"""  (global $room (mut i32) (i32.const 0))
  (global $room_bytes (mut i32) (i32.const 0))
  (global $is_lent (mut i32) (i32.const 0))
  (func $give_back (global.set $is_lent (i32.const 0)))
  (func $own (param $bytes i32)
    (if (i32.gt_u (local.get $bytes) (global.get $room_bytes)) (then
      (global.set $room_bytes (i32.add (local.get $bytes) (i32.shr_u (local.get $bytes) (i32.const 1))))
      (global.set $room
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (global.get $room_bytes))))))
  (func (export "{REALLOC}") (param $old i32) (param $old_bytes i32) (param $align i32) (param $bytes i32) (result i32)
    (if (result i32) (i32.or (global.get $is_lent) (local.get $old)) (then
      (call $realloc (local.get $old) (local.get $old_bytes) (local.get $align) (local.get $bytes))
    ) (else
      (global.set $is_lent (i32.const 1))
      (call $own (local.get $bytes))
      (global.get $room))))
  (func $zeros (param $bytes i32) (result i32)
    (call $own (local.get $bytes))
    (memory.fill (global.get $room) (i32.const 0) (local.get $bytes))
    (global.get $room))"""

# Pages once added stay, and are used from their beginning again for the next call.
_ROOM_OF_PAGES = f"""  (global $room (mut i32) (i32.const 0))
  (global $next (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 0))
  (func $give_back (global.set $next (global.get $room)))
  (func $take (param $bytes i32) (result i32) (local $pages i32) (local $at i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (if (i32.or (i32.gt_u (global.get $next) (global.get $end))
          (i32.gt_u (local.get $bytes) (i32.sub (global.get $end) (global.get $next)))) (then
      (local.set $pages (i32.add (i32.shr_u (local.get $bytes) (i32.const 16)) (i32.const 1)))
      (local.set $at (memory.grow (local.get $pages)))
      (if (i32.eq (local.get $at) (i32.const -1)) (then (unreachable)))
      (local.set $at (i32.shl (local.get $at) (i32.const 16)))
      (if (i32.ne (local.get $at) (global.get $end)) (then
        (global.set $room (local.get $at)) (global.set $next (local.get $at))))
      (global.set $end (i32.add (local.get $at) (i32.shl (local.get $pages) (i32.const 16))))))
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $bytes)))
    (local.get $at))
  (func (export "{REALLOC}") (param $old i32) (param $old_bytes i32) (param $align i32) (param $bytes i32) (result i32)
    (call $take (local.get $bytes)))
  (func $zeros (param $bytes i32) (result i32) (local $at i32)
    (local.set $at (call $take (local.get $bytes)))
    (call $give_back)
    (memory.fill (local.get $at) (i32.const 0) (local.get $bytes))
    (local.get $at))"""

# All of it is taken back when the call has returned.
_ROOM_OF_STORE = f"""  (func $give_back)
  (func (export "{REALLOC}") (param $old i32) (param $old_bytes i32) (param $align i32) (param $bytes i32) (result i32)
    (call $realloc (local.get $old) (local.get $old_bytes) (local.get $align) (local.get $bytes)))
  (func $zeros (param $bytes i32) (result i32) (local $at i32)
    (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $bytes)))
    (memory.fill (local.get $at) (i32.const 0) (local.get $bytes))
    (local.get $at))"""

_ROOMS = {Room.GUEST: _ROOM_OF_GUEST, Room.PAGES: _ROOM_OF_PAGES, Room.STORE: _ROOM_OF_STORE}


@lru_cache(maxsize=256)
def fold_module(
    steps: Steps, has_memory: bool, room: Room, has_post: bool, has_merge: bool
) -> wasmtime.Module:
    """The compiled module; made once for each.

    Raises
    ------
    FoldError : it needs more of the native stack than there is for it.
    """
    wat = fold_wat(steps, has_memory=has_memory, room=room, has_post=has_post, has_merge=has_merge)
    module = wasmtime.Module(flight_engine(), bytes(wasmtime.wat2wasm(wat)))
    stack = sum(size for _, size in native_frames(bytes(module.serialize())))
    if stack > NATIVE_BYTES_OF_FOLD:
        raise FoldError(
            f"folding such rows takes {stack:,} bytes of stack; {NATIVE_BYTES_OF_FOLD:,} are allowed: take fewer parts"
        )
    return module

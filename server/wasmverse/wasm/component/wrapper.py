"""The wrapper: a component that holds a stranger's component and, beside it, the driver that calls a function of it row by row.

Calling a component from Python costs tens of microseconds and a Python object for each value. So the loop over the rows is
WebAssembly here as well: it is the driver of core modules (``driver``), unchanged, and what stands before it looks like a core
module's exports. Between that and the stranger's component lies a call as one component makes another: the engine itself moves
and checks every value, asks for room, and calls ``post-return``, whatever encoding and allocator the function was lifted with.

::

    wrapper            imports what the stranger's component imports, and its core modules
      stranger         the component, with its core modules imported: so they are compiled apart, once each (``parts``)
      store            memories: host memory as the driver knows it, the room for arguments and results, and a place for
                       what the host hands over and takes back
      function         the stranger's function, lowered, and called as a core module's is
      driver           of the function's layout
      exchange         put, run and get: what the host calls

A trap ends every instance in a store, so what is to outlive it must have been taken back before: ``run`` gives back what the
caller asks for together with the call.

An aggregate has several functions, its steps. They are lowered the same way, and what folds a list of rows with them (``fold``)
stands between them and the driver; the room is taken back when it has returned, not after each step.

Sources: WebAssembly Component Model, Binary.md, and CanonicalABI.md ("canon lower").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import wasmtime

from wasmverse.wasm import abi
from wasmverse.wasm.binary import unsigned
from wasmverse.wasm.component.binary import (
    ALIAS,
    CANON,
    COMPONENT,
    COMPONENTS,
    CORE_FUNCTION,
    CORE_INSTANCE,
    CORE_INSTANCES,
    CORE_MEMORY,
    CORE_MODULE,
    CORE_MODULES,
    CORE_TYPE,
    CORE_TYPES,
    EXPORT,
    FUNCTIONS,
    IMPORT,
    INSTANCE,
    INSTANCES,
    PREAMBLE,
    TYPE,
    TYPES,
    name,
    section,
    type_number,
    vector,
)
from wasmverse.wasm.component.core_types import module_type
from wasmverse.wasm.component.outline import Outline
from wasmverse.wasm.fold import EXPORT as EXPORT_OF_FOLD
from wasmverse.wasm.fold import LAST, REALLOC, Room, Steps, fold_wat
from wasmverse.wasm.layout import holds_lists
from wasmverse.wasm.types import Function

PUT, RUN, GET = "put", "run", "get"
"""The wrapper's exports: ``put(words)``, ``run(start, stop, at, count) -> words``, ``get(at, count) -> words``; addresses are
of host memory, words have 64 bits. ``put`` takes any number of spans: each an address and a number of words, as u32, and them."""

WORDS_MAX = 1 << 17
"""Words that one call hands over or takes back at most."""

_U32, _U64, _LIST = b"\x79", b"\x77", b"\x70"


DRIVER = "wasmverse-driver"
"""The core module that a wrapper imports as its driver: any of the function's, for whatever layout."""


def module_import(number: int) -> str:
    """The name by which a component imports its own core module of this number."""
    return f"wasmverse-module{number}"


def with_imported_modules(outline: Outline, types: Sequence[bytes]) -> bytes:
    """The stranger's component, with each of its outermost core modules imported, whose ``types`` are given (``core_types``)."""
    assert len(types) == len(outline.modules)
    parts = [PREAMBLE]
    numbers = iter(range(len(types)))
    for kind, begins, _content, ends in outline.sections:
        if kind != CORE_MODULE:
            parts.append(outline.data[begins:ends])
        else:
            number = next(numbers)
            parts += _module_import(module_import(number), types[number], number)
    return b"".join(parts)


def _module_import(key: str, type_: bytes, type_index: int) -> list[bytes]:
    item = b"\0" + name(key) + CORE_MODULES + unsigned(type_index)
    return [section(CORE_TYPE, vector([type_])), section(IMPORT, vector([item]))]


def wrapper(outline: Outline, types: Sequence[bytes], path: Sequence[str], function: Function) -> bytes:
    """The wrapper's binary.

    Parameters
    ----------
    outline, types : of the stranger's component; see `with_imported_modules`.
    path : the name of the function's export, preceded by that of the exported instance that it is in, if it is in one.
    function : its type.
    """
    return _Writer(outline, types).written(path, function)


@dataclass(frozen=True, slots=True)
class Fold:
    """An aggregate of a component: its types, and of each step, by what it is, the path of its function."""

    steps: Steps
    paths: Mapping[str, Sequence[str]]

    @property
    def has_merge(self) -> bool:
        """Whether parts of a group are merged."""
        return "merge" in self.paths and self.steps.can_merge


def fold_wrapper(outline: Outline, types: Sequence[bytes], fold: Fold) -> bytes:
    """The binary of a wrapper of an aggregate: as `wrapper`, of what folds lists of its rows (``fold.Steps.folded``)."""
    return _Writer(outline, types).written_fold(fold)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What every wrapper has: the driver's module, the stranger's instance, the store's, and its memory and allocator."""

    driver: int
    stranger: int
    store: int
    room: tuple[bytes, int]
    realloc: tuple[bytes, int]


class _Writer:
    """Sections, and how many of each sort they have defined so far."""

    def __init__(self, outline: Outline, types: Sequence[bytes]) -> None:
        self._outline = outline
        self._types = types
        self._parts = [PREAMBLE, outline.prefix]
        self._next = outline.declared.copy()

    def _add(self, kind: int, sort: bytes, item: bytes) -> int:
        """One item in a section of its own; its number among those of its sort."""
        self._parts.append(section(kind, vector([item])))
        return self._defined(sort)

    def _defined(self, sort: bytes) -> int:
        number = self._next[sort]
        self._next[sort] += 1
        return number

    def _module(self, module: bytes) -> int:
        self._parts.append(section(CORE_MODULE, module))
        return self._defined(CORE_MODULES)

    def _imported(self, key: str, type_: bytes) -> int:
        """A core module that the wrapper is given."""
        self._parts += _module_import(key, type_, self._defined(CORE_TYPES))
        return self._defined(CORE_MODULES)

    def _core_instance(self, module: int, **given: int) -> int:
        """An instance of a module, given instances by the names that it imports them from."""
        args = vector(name(key) + b"\x12" + unsigned(instance) for key, instance in given.items())
        return self._add(CORE_INSTANCE, CORE_INSTANCES, b"\0" + unsigned(module) + args)

    def _bag(self, **items: tuple[bytes, int]) -> int:
        """An instance that exports what there is already; each is given by its sort and number."""
        exports = vector(name(key) + sort[1:] + unsigned(index) for key, (sort, index) in items.items())
        return self._add(CORE_INSTANCE, CORE_INSTANCES, b"\1" + exports)

    def _core_export(self, sort: bytes, instance: int, key: str) -> tuple[bytes, int]:
        """An export of a core instance, as `_bag` takes it."""
        return sort, self._add(ALIAS, sort, sort + b"\1" + unsigned(instance) + name(key))

    def written(self, path: Sequence[str], function: Function) -> bytes:
        begun = self._begun(function)
        called = self._called(begun, path, function, ends_call=True)
        return self._ended(begun, begun.realloc, called)

    def written_fold(self, fold: Fold) -> bytes:
        folded, steps = fold.steps.folded, fold.steps.called(fold.has_merge)
        begun = self._begun(folded)
        called = {
            key: self._called(begun, fold.paths[key], function, ends_call=False) for key, function in steps
        }
        guest = self._bag(memory=begun.room, realloc=begun.realloc, **called)
        text = fold_wat(
            fold.steps, has_memory=True, room=Room.STORE, has_post=False, has_merge=fold.has_merge
        )
        folding = self._core_instance(self._module(bytes(wasmtime.wat2wasm(text))), guest=guest)
        ending = self._core_instance(
            self._module(_ending_module(folded, keeps_room=holds_lists(fold.steps.state))),
            store=begun.store,
            stranger=self._bag(function=self._core_export(CORE_FUNCTION, folding, EXPORT_OF_FOLD)),
        )
        realloc = self._core_export(CORE_FUNCTION, folding, REALLOC)
        return self._ended(begun, realloc, self._core_export(CORE_FUNCTION, ending, "function"))

    def _begun(self, flown: Function) -> _Begun:
        """The driver, the stranger and the store."""
        driver = self._imported(DRIVER, _driver_type(flown))
        stranger = self._stranger()
        store = self._core_instance(self._module(_store_module()))
        room = self._core_export(CORE_MEMORY, store, "room")
        realloc = self._core_export(CORE_FUNCTION, store, "realloc")
        return _Begun(driver, stranger, store, room, realloc)

    def _called(
        self, begun: _Begun, path: Sequence[str], function: Function, *, ends_call: bool
    ) -> tuple[bytes, int]:
        """A function of the stranger as a core module exports one; it ``ends_call`` if the room may be taken back after it."""
        instance = begun.stranger
        for key in path[:-1]:
            instance = self._add(ALIAS, INSTANCES, INSTANCES + b"\0" + unsigned(instance) + name(key))
        called = self._add(ALIAS, FUNCTIONS, FUNCTIONS + b"\0" + unsigned(instance) + name(path[-1]))
        options = vector([b"\0", b"\3" + unsigned(begun.room[1]), b"\4" + unsigned(begun.realloc[1])])
        lowered = CORE_FUNCTION, self._add(CANON, CORE_FUNCTION, b"\1\0" + unsigned(called) + options)
        calling = self._core_instance(
            self._module(_function_module(function, ends_call)),
            store=begun.store,
            stranger=self._bag(function=lowered),
        )
        return self._core_export(CORE_FUNCTION, calling, "function")

    def _ended(self, begun: _Begun, realloc: tuple[bytes, int], function: tuple[bytes, int]) -> bytes:
        """The driver over a function, and what the host calls."""
        host = self._core_export(CORE_MEMORY, begun.store, "host")
        guest = self._bag(memory=begun.room, realloc=realloc, function=function)
        flown = self._core_instance(begun.driver, host=self._bag(memory=host), guest=guest)
        exchange = self._core_instance(self._module(_exchange_module()), store=begun.store, driver=flown)
        self._exchange(exchange, begun.store)
        return b"".join(self._parts)

    def _stranger(self) -> int:
        """The stranger's component with its modules, and an instance of it."""
        imported = [
            (key, CORE_MODULES, self._imported(key, type_))
            for key, type_ in zip(map(module_import, range(len(self._types))), self._types, strict=True)
        ]
        passed = [(found.name, found.sort, found.index) for found in self._outline.imports]
        self._parts.append(section(COMPONENT, with_imported_modules(self._outline, self._types)))
        component = self._defined(COMPONENTS)
        args = vector(name(key) + sort + unsigned(index) for key, sort, index in passed + imported)
        return self._add(INSTANCE, INSTANCES, b"\0" + unsigned(component) + args)

    def _exchange(self, exchange: int, store: int) -> None:
        """Lift and export what the host calls."""
        _, memory = self._core_export(CORE_MEMORY, store, "transfer")
        _, realloc = self._core_export(CORE_FUNCTION, store, "transfer-realloc")
        options = vector([b"\0", b"\3" + unsigned(memory), b"\4" + unsigned(realloc)])
        words = type_number(self._add(TYPE, TYPES, _LIST + _U64))
        signatures = {
            PUT: ({"words": words}, None),
            RUN: (dict.fromkeys(("start", "stop", "at", "count"), _U32), words),
            GET: (dict.fromkeys(("at", "count"), _U32), words),
        }
        for key, (params, result) in signatures.items():
            named = vector(name(param) + type_ for param, type_ in params.items())
            returned = b"\1\0" if result is None else b"\0" + result
            type_ = self._add(TYPE, TYPES, b"\x40" + named + returned)
            _, core = self._core_export(CORE_FUNCTION, exchange, key)
            lifted = self._add(CANON, FUNCTIONS, b"\0\0" + unsigned(core) + options + unsigned(type_))
            self._add(EXPORT, FUNCTIONS, b"\0" + name(key) + FUNCTIONS + unsigned(lifted) + b"\0")


@cache
def _driver_type(function: Function) -> bytes:
    """What drivers of a function import at most, and what they export at least."""
    core = abi.core_function(function)
    return module_type(
        bytes(
            wasmtime.wat2wasm(f"""(module
      (import "host" "memory" (memory 0 65536 shared))
      (import "guest" "memory" (memory 0))
      (import "guest" "realloc" (func (param i32 i32 i32 i32) (result i32)))
      (import "guest" "function" (func (param {" ".join(core.params)}) (result {" ".join(core.results)})))
      (func (export "run")))""")
        )
    )


@cache
def _store_module() -> bytes:
    """The memories. The room begins again with the first allocation after a call has returned: so a result stays until the
    driver has read it, and what a row needs is forgotten with the row."""
    pages = -(-(_TRANSFER_AT + 8 * WORDS_MAX) // 65_536)
    return bytes(
        wasmtime.wat2wasm(f"""(module
      (memory $room (export "room") 1)
      (memory (export "transfer") {pages} {pages})
      (memory (export "host") 2 65536 shared)
      (global $returned (export "returned") (mut i32) (i32.const 1))
      (global $used (mut i32) (i32.const 0))
      (func (export "realloc") (param $old i32) (param $held i32) (param $align i32) (param $size i32) (result i32)
        (local $at i64) (local $end i64) (local $pages i64)
        (if (global.get $returned) (then (global.set $returned (i32.const 0)) (global.set $used (i32.const {_ROOM_AT}))))
        (local.set $at (i64.and
          (i64.add (i64.extend_i32_u (global.get $used)) (i64.extend_i32_u (i32.sub (local.get $align) (i32.const 1))))
          (i64.extend_i32_s (i32.sub (i32.const 0) (local.get $align)))))
        (local.set $end (i64.add (local.get $at) (i64.extend_i32_u (local.get $size))))
        (local.set $pages (i64.sub (i64.shr_u (i64.add (local.get $end) (i64.const 65535)) (i64.const 16))
          (i64.extend_i32_u (memory.size $room))))
        (if (i64.gt_s (local.get $pages) (i64.const 0)) (then
          (if (i64.gt_s (local.get $pages) (i64.const 65535)) (then (unreachable)))
          (if (i32.eq (memory.grow $room (i32.wrap_i64 (local.get $pages))) (i32.const -1)) (then (unreachable)))))
        (global.set $used (i32.wrap_i64 (local.get $end)))
        (if (local.get $held) (then
          (memory.copy $room $room (i32.wrap_i64 (local.get $at)) (local.get $old)
            (select (local.get $held) (local.get $size) (i32.lt_u (local.get $held) (local.get $size))))))
        (i32.wrap_i64 (local.get $at)))
      (func (export "transfer-realloc") (param i32 i32 i32 i32) (result i32)
        (if (i32.gt_u (local.get 3) (i32.const {8 * WORDS_MAX})) (then (unreachable)))
        (i32.const {_TRANSFER_AT})))""")
    )


_ROOM_AT = 16
_TRANSFER_AT = 16
"""Where the room's first allocation is, and where words lie that are handed over; before them the result of ``get``."""


_ENDED = "(global.set $returned (i32.const 1))"


@cache
def _function_module(function: Function, ends_call: bool) -> bytes:
    """The stranger's function as a core module exports one: it returns what it returns, or the address of it.

    Lowered, a function that returns more than one core value is given the address where it shall put them.
    """
    ended = _ENDED if ends_call else ""
    core = abi.core_function(function)
    flat = () if function.result is None else abi.flatten(function.result)
    is_put = len(flat) > abi.FLAT_RESULTS_MAX
    params = " ".join(core.params)
    result = " ".join(core.results)
    lowered = f"(param {params}{' i32' if is_put else ''}) {'' if is_put else f'(result {result})'}"
    given = " ".join(f"(local.get {number})" for number in range(len(core.params)))
    if is_put:
        assert function.result is not None
        size, align = abi.size(function.result), abi.alignment(function.result)
        body = f"""(local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const {align}) (i32.const {size})))
          (call $function {given} (local.get $at)) {ended}
          (local.get $at)"""
    else:
        body = f"(call $function {given}) {ended}"
    return bytes(
        wasmtime.wat2wasm(f"""(module
      (import "store" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
      (import "store" "returned" (global $returned (mut i32)))
      (import "stranger" "function" (func $function {lowered}))
      (func (export "function") (param {params}) (result {result}) (local $at i32)
          {body}))""")
    )


@cache
def _ending_module(folded: Function, keeps_room: bool) -> bytes:
    """What folds, and takes the room back when it has: with ``keeps_room`` only after a group's last part, as the state that is
    kept until the next part lies there."""
    core = abi.core_function(folded)
    params = " ".join(core.params)
    (result,) = core.results
    given = " ".join(f"(local.get {number})" for number in range(len(core.params)))
    is_over = f"(i32.and (local.get 0) (i32.const {LAST}))" if keeps_room else "(i32.const 1)"
    return bytes(
        wasmtime.wat2wasm(f"""(module
      (import "store" "returned" (global $returned (mut i32)))
      (import "stranger" "function" (func $function (param {params}) (result {result})))
      (func (export "function") (param {params}) (result {result})
        (call $function {given})
        (if {is_over} (then {_ENDED}))))""")
    )


@cache
def _exchange_module() -> bytes:
    """What the host calls."""
    return bytes(
        wasmtime.wat2wasm(f"""(module
      (import "store" "transfer" (memory $transfer 1))
      (import "store" "host" (memory $host 1 65536 shared))
      (import "driver" "run" (func $run))
      (func (export "{PUT}") (param $from i32) (param $count i32)
        (local $end i32) (local $at i32) (local $bytes i32) (local $pages i64)
        (local.set $end (i32.add (local.get $from) (i32.shl (local.get $count) (i32.const 3))))
        (block $done (loop $next
          (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
          (local.set $at (i32.load $transfer (local.get $from)))
          (local.set $bytes (i32.shl (i32.load $transfer offset=4 (local.get $from)) (i32.const 3)))
          (local.set $from (i32.add (local.get $from) (i32.const 8)))
          (local.set $pages (i64.sub
            (i64.shr_u (i64.add (i64.add (i64.extend_i32_u (local.get $at)) (i64.const 65535))
              (i64.extend_i32_u (local.get $bytes))) (i64.const 16))
            (i64.extend_i32_u (memory.size $host))))
          (if (i64.gt_s (local.get $pages) (i64.const 0)) (then
            (if (i32.eq (memory.grow $host (i32.wrap_i64 (local.get $pages))) (i32.const -1)) (then (unreachable)))))
          (memory.copy $host $transfer (local.get $at) (local.get $from) (local.get $bytes))
          (local.set $from (i32.add (local.get $from) (local.get $bytes)))
          (br $next))))
      (func (export "{RUN}") (param $start i32) (param $stop i32) (param $at i32) (param $count i32) (result i32)
        (i32.store $host (i32.const 0) (local.get $start))
        (i32.store $host (i32.const 4) (local.get $stop))
        (call $run)
        (call $get (local.get $at) (local.get $count)))
      (func $get (export "{GET}") (param $at i32) (param $count i32) (result i32)
        (if (i32.gt_u (local.get $count) (i32.const {WORDS_MAX})) (then (unreachable)))
        (i32.store $transfer (i32.const 0) (i32.const {_TRANSFER_AT}))
        (i32.store $transfer (i32.const 4) (local.get $count))
        (memory.copy $transfer $host (i32.const {_TRANSFER_AT}) (local.get $at) (i32.shl (local.get $count) (i32.const 3)))
        (i32.const 0)))""")
    )

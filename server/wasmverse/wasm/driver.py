"""The driver: a small module, generated from a signature, that calls a guest once a row without leaving Wasm.

Calling from Python costs 13 microseconds and 12 more for each argument, a call from Wasm to Wasm a few nanoseconds; so the loop
over the rows is Wasm too, and takes no arguments: the header of host memory says which rows. The driver imports the host's
memory, where arguments and results lie in columns (``layout``), and the guest's memory, function, allocator and post-return
function. For each row it loads the arguments, asks the guest for room for what does not travel as core values and copies it
there, calls, checks and stores the result, and calls the post-return function. The exported global ``row`` says which row was
under way when something trapped; ``why``, if there is one, which check failed.

What lists of the result take is known only when they are there. So each has room to begin with, and ``$grow`` gives it more from
what is free behind all columns, up to a bound. How many items the finished rows have stands in the header: what the row that
trapped had added is left out, and the next instance goes on from there.
"""

from __future__ import annotations

from functools import lru_cache

import wasmtime

from wasmverse.wasm import abi
from wasmverse.wasm.driver_lift import Lifting
from wasmverse.wasm.driver_lower import Lowering
from wasmverse.wasm.driver_text import (
    CHAR,
    FAIL,
    ROOM,
    UTF8,
    Scope,
    allocate,
    column_locals,
    columns_at_hand,
    grow,
    header_load,
    header_store,
)
from wasmverse.wasm.engine import component_engine, flight_engine
from wasmverse.wasm.layout import Layout, Node, SignatureError
from wasmverse.wasm.native_frames import native_frames
from wasmverse.wasm.stack import NATIVE_BYTES_OF_DRIVER
from wasmverse.wasm.types import Scalar


def driver_wat(layout: Layout, *, has_realloc: bool, has_post: bool = False) -> str:
    """The driver's text for a layout.

    Without an allocator in the guest, the driver adds pages to the guest's memory and puts the arguments there.
    """
    scope, lowering, lifting = Scope(), Lowering(has_realloc), Lifting(layout)
    values, prepare = _arguments(layout, scope, lowering)
    take = _row(
        layout, scope, lifting, ["(call $function", *(f"  {value}" for value in values), ")"], has_post
    )
    body = [*prepare, *take]
    reset = ["(global.set $used (i32.const 0))"] if layout.needs_room and not has_realloc else []
    grows = [grow(layout, domain, columns) for domain, columns in layout.lists.items()]
    functions = [*lowering.functions, *lifting.functions, *grows]
    if any("(call $allocate" in text for text in (*body, *functions)):
        functions.insert(0, allocate(has_realloc))
    if any("(call $utf8" in text for text in functions):
        functions.insert(0, UTF8)
    if any("(call $char" in text for text in (*body, *functions)):
        functions.insert(0, CHAR)
    if any("(call $fail" in text for text in (*body, *functions)):
        functions.insert(0, FAIL)
    lines = [
        "(module",
        *_imports(layout, has_realloc, has_post),
        '  (global $current (export "row") (mut i32) (i32.const 0))',
        *(f"  (global $count{domain} (mut i32) (i32.const 0))" for domain in layout.lists),
        *([ROOM] if layout.needs_room and not has_realloc else []),
        *functions,
        '  (func (export "run")',
        f"    (local $row i32) (local $to i32) {column_locals(layout.rows)} {scope.declared()}",
        *(f"    {line}" for line in columns_at_hand(layout.rows)),
        *(f"    (global.set $count{domain} {header_load(at)})" for domain, at in layout.count_at.items()),
        f"    (local.set $row {header_load(0)})",
        f"    (local.set $to {header_load(4)})",
        "    (block $done",
        "      (loop $next",
        "        (br_if $done (i32.ge_u (local.get $row) (local.get $to)))",
        *(f"        {line}" for line in _masked(layout, scope, [*reset, *body])),
        "        (local.set $row (i32.add (local.get $row) (i32.const 1)))",
        "        (br $next)))))",
    ]
    return "\n".join(lines)


def _imports(layout: Layout, has_realloc: bool, has_post: bool) -> list[str]:
    core = abi.core_function(layout.function)
    results = " ".join(core.results)
    lines = ['  (import "host" "memory" (memory $host 0 65536 shared))']
    if layout.needs_memory:
        lines.append('  (import "guest" "memory" (memory $guest 0))')
    if layout.needs_room and has_realloc:
        lines.append('  (import "guest" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))')
    lines.append(
        f'  (import "guest" "function" (func $function (param {" ".join(core.params)}) (result {results})))'
    )
    if has_post:
        lines.append(f'  (import "guest" "post" (func $post (param {results})))')
    return lines


def _masked(layout: Layout, scope: Scope, body: list[str]) -> list[str]:
    """What is done for a row, if it is to be called at all."""
    lines = ["(global.set $current (local.get $row))", *body]
    if layout.mask is None:
        return lines
    return [f"(if {scope.load(layout.mask, 'i32')}", "  (then", *(f"    {line}" for line in lines), "  ))"]


def _arguments(layout: Layout, scope: Scope, lowering: Lowering) -> tuple[list[str], list[str]]:
    """The core values to call with, and what must be done before."""
    prepare: list[str] = []
    if layout.params is None:
        return [], prepare
    if not layout.is_spilled:
        return lowering.values(layout.params, scope, prepare), prepare
    type_ = layout.params.type
    at = scope.local("i32", "arguments")
    prepare = [
        f"(local.set {at} (call $allocate (i32.const {abi.alignment(type_)}) (i32.const {abi.size(type_)})))",
        *lowering.stored(layout.params, scope, f"(local.get {at})", 0),
    ]
    return [f"(local.get {at})"], prepare


def _row(layout: Layout, scope: Scope, lifting: Lifting, call: list[str], has_post: bool) -> list[str]:
    """The call, and what is done with its result."""
    result = layout.result
    if result is None:
        return [*call, *(["(call $post)"] if has_post else [])]
    if isinstance(result.type, Scalar) and not has_post:
        return lifting.returned(result, scope, "\n          ".join(["", *call]))
    core = abi.core_function(layout.function).results[0]
    name = scope.local(core, "result")
    value = f"(local.get {name})"
    return [
        f"(local.set {name}",
        *call,
        ")",
        *_taken(layout, result, scope, lifting, value),
        *([f"(call $post {value})"] if has_post else []),
        *(header_store(at, f"(global.get $count{domain})") for domain, at in layout.count_at.items()),
    ]


def _taken(layout: Layout, result: Node, scope: Scope, lifting: Lifting, value: str) -> list[str]:
    if layout.returns_address:
        return lifting.at_address(result, scope, value)
    return lifting.returned(result, scope, value)


@lru_cache(maxsize=512)
def driver_module(
    layout: Layout, has_realloc: bool, has_post: bool = False, is_in_component: bool = False
) -> wasmtime.Module:
    """The compiled driver for a layout; made once for each. ``is_in_component`` is whether it is linked with components.

    Raises
    ------
    SignatureError : it needs more of the native stack than there is for drivers.
    """
    wat = driver_wat(layout, has_realloc=has_realloc, has_post=has_post)
    engine = component_engine() if is_in_component else flight_engine()
    module = wasmtime.Module(engine, bytes(wasmtime.wat2wasm(wat)))
    # Its functions never call themselves, so each is under way at most once.
    stack = sum(size for _, size in native_frames(bytes(module.serialize())))
    if stack > NATIVE_BYTES_OF_DRIVER:
        raise SignatureError(
            f"passing the function's parameters and result takes {stack:,} bytes of stack; "
            f"{NATIVE_BYTES_OF_DRIVER:,} are allowed: take and return fewer parts"
        )
    return module

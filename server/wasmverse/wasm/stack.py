"""The call stack of a guest, counted: the same depth on every machine, whatever its processor's frames take.

A native stack ends where the frames that this compiler made for this processor have filled it, which no two machines need agree
on. So a module is given a count of its own before it is compiled: a global with what is left of ``STACK``, from which a function
takes what its frame and the frames of the uncounted functions below it cost, and gives it back when it returns. A function that
finds less than nothing left traps.

The cost is read off the module alone: ``FRAME``; ``SLOT`` for each parameter, result, local, value on the operand stack, and
value that its widest call passes or is given, which may all lie in memory a second time; and one for each byte of its first
``CODE_MAX`` of instructions, of whose results the compiler may keep as many as it likes.
Only those functions count that must: those that can come to call themselves, directly, through others or through a table; and as
many of the others as keep each chain of uncounted calls below ``CHAIN``, or ``CHAIN_IN_RECURSION`` where one that recurs can be
above it. A module without recursion and deep chains, as most are, stays as it is, to the byte.

That the native stack is never reached first is arithmetic: at any moment the frames under way cost at most ``CHAIN`` before the
first counted function, ``STACK`` from there on, and ``FRAME_MAX`` for one that is just finding out that nothing is left; and
`native_frames` makes sure, in the compiled code itself, that no frame takes more than ``NATIVE`` times its cost.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmverse.errors import ModulePlace, ModuleRefused
from wasmverse.wasm import trampolines
from wasmverse.wasm.abi import CoreFunction
from wasmverse.wasm.binary import append, export, signed, unsigned
from wasmverse.wasm.calls import CallGraph
from wasmverse.wasm.code import Body, read_body
from wasmverse.wasm.sections import (
    CODE_SECTION,
    CUSTOM_SECTION,
    ELEMENT_SECTION,
    EXPORT_SECTION,
    FUNCTION_SECTION,
    GLOBAL_SECTION,
    TABLE_SECTION,
    TYPE_SECTION,
    exported_functions,
    exports_of,
    function_types,
    imports_of,
    leb128,
    numbers,
    sections_of,
    unreadable,
)

STACK = 1 << 20
"""What the counted functions that are under way may cost together."""
FRAME = 64
SLOT = 16
"""A frame's cost, and that of each value it may have to keep: the largest value has 16 bytes."""
CODE_MAX = 1 << 11
"""Up to how many bytes of instructions a frame costs one each."""
FRAME_MAX = 1 << 18
"""What one frame may cost at most."""
CHAIN = 1 << 16
CHAIN_IN_RECURSION = 1 << 11
"""The most that a chain of uncounted calls may cost, in all and below a function that recurs."""
NATIVE = 2
"""The most bytes of native stack that a frame may take for each unit of its cost."""
NATIVE_BYTES_OF_DRIVER = 1 << 15
"""What a driver may take of the native stack, all of its functions together."""
NATIVE_BYTES = NATIVE * 4 * STACK + (1 << 16)
"""The native stack that every guest gets: what the above can come to, and room for the driver and what calls it. A component's
parts may come to it together."""
COUNTER = "wasmverse:stack"
"""The export by which the host reads what is left."""

_ORDER = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)
"""Sections as they follow each other in a module."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a module's calls may cost: a chain of uncounted ones, all counted ones under way, one frame; and up to how many bytes
    of instructions a frame costs one each."""

    chain: int
    stack: int
    frame: int
    code: int

    @property
    def native_bytes(self) -> int:
        """What this can come to of the native stack."""
        return NATIVE * (self.chain + self.stack + self.frame)


WHOLE = Allowance(CHAIN, STACK, FRAME_MAX, CODE_MAX)
"""Of a module that is a guest of its own."""


def part_allowance(module: bytes) -> Allowance:
    """Of a core module that is a part of a component: the larger its code, the more.

    Each part counts alone, so what they are allowed adds up when one calls another. An interpreter's loop is so large a function
    that more of its instructions count.
    """
    code = sum(len(content) for kind, content in sections_of(module) if kind == CODE_SECTION)
    stack = min(STACK, max(1 << 13, 1 << code.bit_length()))
    frame = max(1 << 14, stack >> 2)
    return Allowance(max(CHAIN_IN_RECURSION, stack >> 4), stack, frame, min(CODE_MAX << 2, frame >> 1))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A module that is ready to be compiled.

    module : its bytes, with the count and the trampolines; those that were uploaded when no function counts or is imported.
    frames : the cost of each function's own frame, by the function's index; of an imported one all that its call comes to.
    counted : how many functions count.
    """

    module: bytes
    frames: list[int]
    counted: int


def prepare(module: bytes, *, is_part: bool = False) -> Prepared:
    """Have a validated module count its calls, and call WASI's functions by trampolines.

    Imports of anything else stay as they are; who provides them must make sure that they call nothing of the module. Not so of a
    part of a component: what it imports, and what other parts have put into its tables, may call whatever it exports or refers
    to; and it is given what it imports as it is.

    Raises
    ------
    ModuleRefused : it holds something that is not understood or too large, or exports what only the host may.
    """
    try:
        return _prepare(module, is_part)
    except (IndexError, KeyError, AssertionError) as error:
        raise unreadable("code") from error


def _prepare(module: bytes, is_part: bool) -> Prepared:
    exports = exports_of(module)
    for name in (COUNTER, trampolines.TABLE, trampolines.START):
        if name in exports:
            raise ModuleRefused(
                f"the module exports {name}; that name belongs to the universe: choose another",
                ModulePlace("export", name),
            )
    sections = list(sections_of(module))
    contents = {kind: content for kind, content in sections if kind != CUSTOM_SECTION}
    types = function_types(contents.get(TYPE_SECTION, b"\0"))
    imports = list(imports_of(module))
    imported = [found.type_index for found in imports if found.type_index is not None]
    type_of = imported + numbers(contents.get(FUNCTION_SECTION, b"\0"))
    code = contents.get(CODE_SECTION, b"\0")
    bodies = _bodies(code, types, type_of, len(imported))
    allowance = part_allowance(module) if is_part else WHOLE
    frames = [trampolines.IMPORT_COST] * len(imported) + [
        _frame(index, types[type_of[index]], bodies[index], allowance)
        for index in range(len(imported), len(bodies))
    ]
    tables = [contents.get(kind, b"\0") for kind in (TABLE_SECTION, GLOBAL_SECTION, ELEMENT_SECTION)]
    exported = exported_functions(contents.get(EXPORT_SECTION, b"\0")) if is_part else None
    graph = CallGraph(bodies, types, type_of, tables, exported)
    costs = graph.costs(frames, allowance.chain, CHAIN_IN_RECURSION)
    if is_part:
        costs = {index: cost for index, cost in costs.items() if index >= len(imported)}
    changed: dict[int, bytes] = {}
    if costs:
        globals_ = sum(found.kind == "global" for found in imports)
        changed = _counting(contents, types, type_of, bodies, costs, len(imported), globals_, allowance.stack)
    if not is_part and trampolines.is_linked(imports):
        changed |= trampolines.with_trampolines(contents | changed, imports, exports)
    if not changed:
        return Prepared(module, frames, 0)
    return Prepared(_assemble(sections, changed), frames, len(costs))


def _bodies(code: bytes, types: list[CoreFunction], type_of: list[int], imported: int) -> list[Body]:
    """What each function's instructions say; of the first ``imported`` nothing is known, and they call nobody."""
    arities = [(len(type_.params), len(type_.results)) for type_ in types]
    bodies = [Body(0, 0, 0, is_imported=True)] * imported
    count, at = leb128(code, 0)
    for number in range(imported, imported + count):
        size, at = leb128(code, at)
        bodies.append(read_body(code, at, at + size, arities, type_of, arities[type_of[number]][1]))
        at += size
    return bodies


def _frame(index: int, type_: CoreFunction, body: Body, allowance: Allowance) -> int:
    slots = len(type_.params) + len(type_.results) + body.locals + body.height + body.widest
    cost = FRAME + SLOT * slots + min(body.end - body.start, allowance.code)
    if cost > allowance.frame:
        raise ModuleRefused(
            f"function {index} of the module keeps {slots:,} values (parameters, results, locals, operands, what it passes); "
            f"{(allowance.frame - FRAME - min(allowance.code, allowance.frame // 2)) // SLOT:,} are allowed: split it, or keep "
            "them in memory",
            ModulePlace("function", index=index),
        )
    return cost


def _counting(
    contents: dict[int, bytes],
    types: list[CoreFunction],
    type_of: list[int],
    bodies: list[Body],
    costs: dict[int, int],
    functions_imported: int,
    globals_imported: int,
    stack: int,
) -> dict[int, bytes]:
    """The sections that change."""
    globals_ = contents.get(GLOBAL_SECTION, b"\0")
    counter = unsigned(globals_imported + leb128(globals_, 0)[0])
    more_types: list[bytes] = []
    type_numbers = {type_: number for number, type_ in reversed(list(enumerate(types)))}
    code = contents[CODE_SECTION]
    count, at = leb128(code, 0)
    parts = [unsigned(count)]
    for index, body in enumerate(bodies[functions_imported:], functions_imported):
        size, start = leb128(code, at)
        end = start + size
        cost = costs.get(index)
        if cost is None:
            parts.append(code[at:end])
        else:
            results = types[type_of[index]].results
            block = _block_type(results, type_numbers, types, more_types)
            content = _counted(code, start, body, block, counter, cost)
            parts += [unsigned(len(content)), content]
        at = end
    changed = {
        CODE_SECTION: b"".join(parts),
        GLOBAL_SECTION: append(globals_, [b"\x7f\x01\x41" + signed(stack) + b"\x0b"]),
        EXPORT_SECTION: append(
            contents.get(EXPORT_SECTION, b"\0"),
            [export(COUNTER, 3, counter)],
        ),
    }
    if more_types:
        changed[TYPE_SECTION] = append(contents[TYPE_SECTION], more_types)
    return changed


def _counted(code: bytes, start: int, body: Body, block: bytes, counter: bytes, cost: int) -> bytes:
    """A body between taking its cost and giving it back: all that leaves it by a jump or a return now leaves a block."""
    take = b"\x23" + counter + b"\x41" + signed(cost) + b"\x6b\x24" + counter
    check = b"\x23" + counter + b"\x41\x00\x48\x04\x40\x00\x0b"
    give = b"\x23" + counter + b"\x41" + signed(cost) + b"\x6a\x24" + counter
    parts = [code[start : body.start], take, check, b"\x02", block]
    at = body.start
    for place, depth in body.returns:
        parts += [code[at:place], b"\x0c", unsigned(depth)]
        at = place + 1
    parts += [code[at : body.end], b"\x0b", give, b"\x0b"]
    return b"".join(parts)


def _block_type(
    results: tuple[str, ...],
    type_numbers: dict[CoreFunction, int],
    types: list[CoreFunction],
    more_types: list[bytes],
) -> bytes:
    """Of a block with a function's results: one value stands for itself, several need a type of the module's own."""
    if not results:
        return b"\x40"
    if len(results) == 1 and results[0] in VALUE_BYTES:
        return VALUE_BYTES[results[0]]
    wanted = CoreFunction((), results)
    number = type_numbers.get(wanted)
    if number is None:
        if not all(result in VALUE_BYTES for result in results):
            raise unreadable("types")
        number = type_numbers[wanted] = len(types) + len(more_types)
        more_types.append(b"\x60\0" + unsigned(len(results)) + b"".join(VALUE_BYTES[r] for r in results))
    return signed(number)


def _assemble(sections: list[tuple[int, bytes]], changed: dict[int, bytes]) -> bytes:
    """The module with some sections exchanged, or put in where they belong; without those that are empty."""
    missing = sorted(changed.keys() - {kind for kind, _ in sections}, key=_ORDER.index)
    parts = [b"\0asm\1\0\0\0"]

    def put(kind: int, content: bytes) -> None:
        if content:
            parts.extend((bytes([kind]), unsigned(len(content)), content))

    for kind, content in sections:
        while missing and kind != CUSTOM_SECTION and _ORDER.index(missing[0]) < _ORDER.index(kind):
            put(missing[0], changed[missing.pop(0)])
        put(kind, changed.get(kind, content) if kind != CUSTOM_SECTION else content)
    for kind in missing:
        put(kind, changed[kind])
    return b"".join(parts)


VALUE_BYTES = {
    "i32": b"\x7f", "i64": b"\x7e", "f32": b"\x7d", "f64": b"\x7c", "v128": b"\x7b", "funcref": b"\x70", "externref": b"\x6f",
}  # fmt: skip

"""What a module's sections say: its exports, the number of functions, the language it was written in.

Exports are read here because wasmtime's C API ends the process when it meets a v128 in a signature.

Source: WebAssembly Core Specification 2.0, section 5.5 (binary format of modules); for typed references, which older versions
let pass, 3.0; tool-conventions, ProducersSection.md.
Only ever given modules that have been validated. What cannot be read all the same is refused; in the custom sections it counts
as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wasmverse.errors import ModuleRefused
from wasmverse.text import printable
from wasmverse.wasm.abi import CoreFunction

LANGUAGE_MAX = 40
CUSTOM_SECTION = 0
TYPE_SECTION = 1
IMPORT_SECTION = 2
FUNCTION_SECTION = 3
TABLE_SECTION = 4
MEMORY_SECTION = 5
GLOBAL_SECTION = 6
EXPORT_SECTION = 7
START_SECTION = 8
ELEMENT_SECTION = 9
CODE_SECTION = 10

_VALUE_TYPES = {
    0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref",
}  # fmt: skip
_KINDS = {0: "function", 1: "table", 2: "memory", 3: "global"}


def unreadable(section: str) -> ModuleRefused:
    """The refusal of a module that wasmtime takes and this reader does not."""
    return ModuleRefused(
        f"the module's {section} cannot be read; allowed is WebAssembly 2.0 with SIMD: build it without later features"
    )


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80 or shift > 35:
            return value, at


def sections_of(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Each section's number and content, in order."""
    at = 8
    while at < len(module):
        kind = module[at]
        size, at = leb128(module, at + 1)
        yield kind, module[at : at + size]
        at += size


def _name(data: bytes, at: int) -> tuple[str, int]:
    size, at = leb128(data, at)
    return data[at : at + size].decode("utf-8", "replace"), at + size


def count_functions(module: bytes) -> int:
    """Functions that the module defines."""
    return next((leb128(body, 0)[0] for kind, body in sections_of(module) if kind == FUNCTION_SECTION), 0)


def count_exports(module: bytes) -> int:
    """All that the module exports, of whatever kind."""
    return next((leb128(body, 0)[0] for kind, body in sections_of(module) if kind == EXPORT_SECTION), 0)


@dataclass(frozen=True, slots=True)
class Imported:
    """Something that a module imports; ``type_index`` and ``signature`` are of a function's type, None for anything else."""

    module: str
    name: str
    kind: str
    type_index: int | None
    signature: str | None = None


def imports_of(module: bytes) -> Iterator[Imported]:
    """What the module imports, in its order; one after the other, since there may be a million.

    Raises
    ------
    ModuleRefused : the section cannot be read.
    """
    bodies = {kind: body for kind, body in sections_of(module) if kind in (TYPE_SECTION, IMPORT_SECTION)}
    data = bodies.get(IMPORT_SECTION, b"\0")
    types = function_types(bodies.get(TYPE_SECTION, b"\0"))
    try:
        count, at = leb128(data, 0)
        for _ in range(count):
            origin, at = _name(data, at)
            name, at = _name(data, at)
            kind = _KINDS.get(data[at], "unknown")
            at += 1
            index = None
            match kind:
                case "function":
                    index, at = leb128(data, at)
                case "table":
                    at = _skip_limits(data, skip_value_type(data, at))
                case "memory":
                    at = _skip_limits(data, at)
                case "global":
                    at = skip_value_type(data, at) + 1
                case _:
                    raise unreadable("imports")
            yield Imported(origin, name, kind, index, None if index is None else str(types[index]))
    except IndexError as error:
        raise unreadable("imports") from error


def _skip_limits(data: bytes, at: int) -> int:
    """Where the thing after the least and perhaps the most size of a table or memory begins."""
    flags = data[at]
    at += 1
    for _ in range(1 + (flags & 1)):
        _, at = leb128(data, at)
    return at


def exports_of(module: bytes) -> dict[str, str]:
    """What a module exports, in its order: name -> core signature of a function, else kind.

    A signature looks like ``(i32, i64) -> f32``; kinds are ``table``, ``memory`` and ``global``.

    Raises
    ------
    ModuleRefused : a section cannot be read.
    """
    bodies = {kind: body for kind, body in sections_of(module) if kind != CUSTOM_SECTION}
    types = function_types(bodies.get(TYPE_SECTION, b"\0"))
    imported = [found.type_index for found in imports_of(module) if found.type_index is not None]
    functions = imported + numbers(bodies.get(FUNCTION_SECTION, b"\0"))
    exports = {}
    try:
        data = bodies.get(EXPORT_SECTION, b"\0")
        count, at = leb128(data, 0)
        for _ in range(count):
            name, at = _name(data, at)
            kind = _KINDS.get(data[at], "unknown")
            index, at = leb128(data, at + 1)
            exports[name] = str(types[functions[index]]) if kind == "function" else kind
    except IndexError as error:
        raise unreadable("exports") from error
    return exports


def exported_functions(data: bytes) -> list[int]:
    """The numbers of the functions that an export section exports."""
    count, at = leb128(data, 0)
    found = []
    for _ in range(count):
        _, at = _name(data, at)
        kind = data[at]
        index, at = leb128(data, at + 1)
        if kind == 0:
            found.append(index)
    return found


def function_types(data: bytes) -> list[CoreFunction]:
    """The content of a type section. Raises ModuleRefused when it holds anything else."""
    try:
        count, at = leb128(data, 0)
        types = []
        for _ in range(count):
            if data[at] != 0x60:
                raise unreadable("types")
            params, at = _value_types(data, at + 1)
            results, at = _value_types(data, at)
            types.append(CoreFunction(params, results))
    except IndexError as error:
        raise unreadable("types") from error
    return types


def _value_types(data: bytes, at: int) -> tuple[tuple[str, ...], int]:
    count, at = leb128(data, at)
    types = []
    for _ in range(count):
        start = at
        at = skip_value_type(data, at)
        types.append(_VALUE_TYPES.get(data[start]) or _reference(data, start))
    return tuple(types), at


def skip_value_type(data: bytes, at: int) -> int:
    """Where the thing behind a value type begins: a typed reference has its heap type behind it."""
    if data[at] in (0x63, 0x64):
        at += 1
        while data[at] >= 0x80:
            at += 1
    return at + 1


def _reference(data: bytes, at: int) -> str:
    """A typed reference, as the text format has it."""
    if data[at] not in (0x63, 0x64):
        return "unknown"
    index, _ = leb128(data, at + 1)
    heap = {0x70: "func", 0x6F: "extern"}.get(data[at + 1], str(index))
    return f"(ref {'null ' if data[at] == 0x63 else ''}{heap})"


def numbers(data: bytes) -> list[int]:
    """A section that is a vector of unsigned numbers, such as that of the functions' types."""
    return numbers_at(data, 0)[0]


def numbers_at(data: bytes, at: int) -> tuple[list[int], int]:
    """A vector of unsigned numbers, and where the next thing begins."""
    count, at = leb128(data, at)
    found = []
    for _ in range(count):
        number, at = leb128(data, at)
        found.append(number)
    return found, at


def language_of(module: bytes) -> str:
    """The language in the module's ``producers`` section, else the tool that made it, else 'unknown'."""
    try:
        customs = dict(_name_and_rest(body) for kind, body in sections_of(module) if kind == CUSTOM_SECTION)
    except IndexError:
        return "unknown"
    if "producers" in customs:
        try:
            return _producers_language(customs["producers"])
        except IndexError:
            return "unknown"
    return "unknown"


def _name_and_rest(body: bytes) -> tuple[str, bytes]:
    name, at = _name(body, 0)
    return name, body[at:]


def _producers_language(data: bytes) -> str:
    fields, at = leb128(data, 0)
    processed = "unknown"
    for _ in range(fields):
        field, at = _name(data, at)
        values, at = leb128(data, at)
        for number in range(values):
            value, at = _name(data, at)
            _, at = _name(data, at)
            if field == "language":
                return printable(value, LANGUAGE_MAX)
            if field == "processed-by" and number == 0:
                processed = printable(value, LANGUAGE_MAX)
    return processed

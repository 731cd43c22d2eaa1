"""What a module's sections say: its exports, the number of functions, the language it was written in.

Exports are read here because wasmtime's C API ends the process when it meets a v128 in a signature.

Source: WebAssembly Core Specification 2.0, section 5.5 (binary format of modules); tool-conventions, ProducersSection.md.
Only ever given modules that have been validated; what cannot be read all the same counts as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

from wasmverse.text import printable

LANGUAGE_MAX = 40
CUSTOM_SECTION = 0
TYPE_SECTION = 1
FUNCTION_SECTION = 3
EXPORT_SECTION = 7

_VALUE_TYPES = {
    0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref",
}  # fmt: skip
_EXPORT_KINDS = {0: "function", 1: "table", 2: "memory", 3: "global"}


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80 or shift > 35:
            return value, at


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    at = 8
    while at < len(module):
        kind = module[at]
        size, at = _leb128(module, at + 1)
        yield kind, module[at : at + size]
        at += size


def _name(data: bytes, at: int) -> tuple[str, int]:
    size, at = _leb128(data, at)
    return data[at : at + size].decode("utf-8", "replace"), at + size


def count_functions(module: bytes) -> int:
    """Functions that the module defines."""
    return next((_leb128(body, 0)[0] for kind, body in _sections(module) if kind == FUNCTION_SECTION), 0)


def exports_of(module: bytes) -> dict[str, str]:
    """What a module without imports exports, in its order: name -> core signature of a function, else kind.

    A signature looks like ``(i32, i64) -> f32``; kinds are ``table``, ``memory`` and ``global``.
    """
    bodies = {kind: body for kind, body in _sections(module) if kind != CUSTOM_SECTION}
    types = _function_types(bodies.get(TYPE_SECTION, b"\0"))
    functions = _numbers(bodies.get(FUNCTION_SECTION, b"\0"))
    data = bodies.get(EXPORT_SECTION, b"\0")
    count, at = _leb128(data, 0)
    exports = {}
    for _ in range(count):
        name, at = _name(data, at)
        kind = _EXPORT_KINDS.get(data[at], "unknown")
        index, at = _leb128(data, at + 1)
        exports[name] = types[functions[index]] if kind == "function" else kind
    return exports


def _function_types(data: bytes) -> list[str]:
    count, at = _leb128(data, 0)
    types = []
    for _ in range(count):
        at += 1  # 0x60: a function
        params, at = _value_types(data, at)
        results, at = _value_types(data, at)
        types.append(f"({', '.join(params)}) -> {', '.join(results) or 'nothing'}")
    return types


def _value_types(data: bytes, at: int) -> tuple[list[str], int]:
    count, at = _leb128(data, at)
    return [_VALUE_TYPES.get(byte, "unknown") for byte in data[at : at + count]], at + count


def _numbers(data: bytes) -> list[int]:
    count, at = _leb128(data, 0)
    numbers = []
    for _ in range(count):
        number, at = _leb128(data, at)
        numbers.append(number)
    return numbers


def language_of(module: bytes) -> str:
    """The language in the module's ``producers`` section, else the tool that made it, else 'unknown'."""
    try:
        customs = dict(_name_and_rest(body) for kind, body in _sections(module) if kind == CUSTOM_SECTION)
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
    fields, at = _leb128(data, 0)
    processed = "unknown"
    for _ in range(fields):
        field, at = _name(data, at)
        values, at = _leb128(data, at)
        for number in range(values):
            value, at = _name(data, at)
            _, at = _name(data, at)
            if field == "language":
                return printable(value, LANGUAGE_MAX)
            if field == "processed-by" and number == 0:
                processed = printable(value, LANGUAGE_MAX)
    return processed

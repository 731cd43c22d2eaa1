"""What a module's sections say that wasmtime's API does not: the number of functions, the language it was written in.

Source: WebAssembly Core Specification 2.0, section 5.5 (binary format of modules); tool-conventions, ProducersSection.md.
Only ever given modules that have been validated; what cannot be read all the same counts as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

CUSTOM_SECTION = 0
FUNCTION_SECTION = 3


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
                return value[:40]
            if field == "processed-by" and number == 0:
                processed = value[:40]
    return processed

"""The type of a core module, in the component model's binary format: what stands in a component in place of the module itself.

A component whose core modules are imported is compiled in no time, whatever their size, and each of them is compiled alone:
once for all components that hold it (see ``parts``).

Source: WebAssembly Component Model, Binary.md, ``core:moduletype``.
"""

from __future__ import annotations

from wasmverse.wasm.binary import unsigned
from wasmverse.wasm.code import constant_expression
from wasmverse.wasm.component.binary import Reader
from wasmverse.wasm.sections import (
    CUSTOM_SECTION,
    EXPORT_SECTION,
    FUNCTION_SECTION,
    GLOBAL_SECTION,
    IMPORT_SECTION,
    MEMORY_SECTION,
    TABLE_SECTION,
    TYPE_SECTION,
    numbers,
    sections_of,
    skip_value_type,
)

_FUNCTION, _TABLE, _MEMORY, _GLOBAL = range(4)
_IMPORTED, _TYPE, _EXPORTED = b"\x00", b"\x01", b"\x03"


def module_type(module: bytes) -> bytes:
    """The type of a module that has been validated.

    Raises
    ------
    ModuleRefused : a section cannot be read, or imports something that is neither function, table, memory nor global.
    """
    contents = {kind: body for kind, body in sections_of(module) if kind != CUSTOM_SECTION}
    types = _function_types(contents.get(TYPE_SECTION, b"\0"))
    declared: list[bytes] = []
    numbers_of: dict[bytes, int] = {}

    def described(kind: int, type_: bytes) -> bytes:
        if kind != _FUNCTION:
            return bytes([kind]) + type_
        if type_ not in numbers_of:
            numbers_of[type_] = len(numbers_of)
            declared.append(_TYPE + type_)
        return b"\0" + unsigned(numbers_of[type_])

    spaces: tuple[list[bytes], ...] = ([], [], [], [])
    reader = _reader(contents.get(IMPORT_SECTION, b"\0"))
    for _ in range(reader.count()):
        start = reader.at
        reader.name()
        reader.name()
        named = reader.data[start : reader.at]
        kind = reader.byte()
        type_ = _described_type(reader, kind, types)
        spaces[kind].append(type_)
        description = described(kind, type_)
        declared.append(_IMPORTED + named + description)
    spaces[_FUNCTION].extend(types[number] for number in numbers(contents.get(FUNCTION_SECTION, b"\0")))
    for kind, section in ((_TABLE, TABLE_SECTION), (_MEMORY, MEMORY_SECTION), (_GLOBAL, GLOBAL_SECTION)):
        reader = _reader(contents.get(section, b"\0"))
        for _ in range(reader.count()):
            spaces[kind].append(_described_type(reader, kind, types))
            if kind == _GLOBAL:
                reader.at = constant_expression(reader.data, reader.at, set())
    reader = _reader(contents.get(EXPORT_SECTION, b"\0"))
    for _ in range(reader.count()):
        start = reader.at
        reader.name()
        named = reader.data[start : reader.at]
        kind, index = reader.byte(), reader.number()
        if kind >= len(spaces) or index >= len(spaces[kind]):
            raise reader.refusal()
        description = described(kind, spaces[kind][index])
        declared.append(_EXPORTED + named + description)
    return b"\x50" + unsigned(len(declared)) + b"".join(declared)


def _reader(content: bytes) -> Reader:
    return Reader(content, what="core module in the component")


def _function_types(content: bytes) -> list[bytes]:
    """Each type as it stands."""
    reader = _reader(content)
    types = []
    for _ in range(reader.count()):
        start = reader.at
        if reader.byte() != 0x60:
            raise reader.refusal()
        for _side in range(2):
            for _value in range(reader.count()):
                _value_type(reader)
        types.append(content[start : reader.at])
    return types


def _described_type(reader: Reader, kind: int, types: list[bytes]) -> bytes:
    """The type of what is imported or defined here: a function's by its number, any other's as it stands."""
    start = reader.at
    if kind == _FUNCTION:
        index = reader.number()
        if index >= len(types):
            raise reader.refusal()
        return types[index]
    if kind in (_TABLE, _MEMORY):
        if kind == _TABLE:
            _value_type(reader)
        flags = reader.byte()
        for _ in range(1 + (flags & 1)):
            reader.skip_number()
    elif kind == _GLOBAL:
        _value_type(reader)
        reader.byte()
    else:
        raise reader.refusal()
    return reader.data[start : reader.at]


def _value_type(reader: Reader) -> None:
    if not reader.has_more():
        raise reader.refusal()
    reader.at = skip_value_type(reader.data, reader.at)

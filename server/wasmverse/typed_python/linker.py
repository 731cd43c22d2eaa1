"""Makes a module of one object file: LLVM writes objects, and a linker for a single one is short.

An object's functions, types and globals already have the numbers that they keep, since nothing is imported but the memory and
the stack pointer, which are defined here, and functions, which stay imported. What is left is to give data its addresses.

Source: tool-conventions, Linking.md (object files, sections ``linking`` and ``reloc.*``); WebAssembly Core Specification 2.0,
section 5.5 (binary format of modules). Only ever given what our own compiler wrote: what is not expected is an assertion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

HEADER = b"\0asm\1\0\0\0"
PAGE_BYTES = 65_536

STACK_BYTES = 16_384
"""The stack grows down from here to address 0, so that overflowing it is a trap."""
ROOM_BYTES = 16_384
"""At least so much is free after the data from the start, for the list of what a ship sees."""
_NULL_BYTES = 1_024
"""Nothing lies here, where no stack is needed: LLVM takes address 0 for no address."""
_ALIGNMENT = 16

HEAP = "__heap_base"
"""A symbol that the object may use without defining it: where free memory begins."""

_CUSTOM, _TYPE, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT = 0, 1, 2, 3, 5, 6, 7
_CODE, _DATA, _DATA_COUNT = 10, 11, 12
_SYMBOL_TABLE = 8
_FUNCTION_IMPORT = 0
_FUNCTION_SYMBOL, _DATA_SYMBOL, _SECTION_SYMBOL = 0, 1, 3
_UNDEFINED, _EXPLICIT_NAME = 0x10, 0x40
_ADDRESS_LEB, _ADDRESS_SLEB, _ADDRESS_I32 = 3, 4, 5
_NUMBERS = {0, 6, 7}
"""Relocations of numbers of functions, types and globals, which stay what they are."""


@dataclass(frozen=True, slots=True)
class _Symbol:
    kind: int
    name: str
    index: int
    defined: bool


@dataclass(frozen=True, slots=True)
class _Import:
    kind: int
    module: str
    name: str
    type: int


class _Bytes:
    """Bytes that are read one thing after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self) -> int:
        start = self.at
        value = self.unsigned()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> (bits - 1) else value

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self) -> str:
        return self.take(self.unsigned()).decode()


def link(
    object_file: bytes, exports: Sequence[str], producers: Mapping[str, Mapping[str, str]], given: str = ""
) -> bytes:
    """The module of one object file: its memory and these functions are exported.

    Parameters
    ----------
    given : the module whose functions it may import; nothing else is imported.
    producers : what the section of this name says: field -> name -> version (tool-conventions, ProducersSection.md).
    """
    sections, custom = _sections(object_file)
    symbols = list(_symbols(custom["linking"]))
    imports = list(_imports(sections.get(_IMPORT, b"\0")))
    called = [each for each in imports if each.kind == _FUNCTION_IMPORT]
    assert {each.module for each in called} <= {given}, f"functions are imported: {called}"
    has_stack = any((each.kind, each.name) == (3, "__stack_pointer") for each in imports)
    base = STACK_BYTES if has_stack else _NULL_BYTES
    segments = list(_segments(sections.get(_DATA, b"\0")))
    heap = _aligned(base + max((offset + len(content) for offset, _, content in segments), default=0))

    code = bytearray(sections[_CODE])
    _relocate(code, custom.get("reloc.CODE"), symbols, base, heap)
    if segments:
        patched = bytearray(sections[_DATA])
        _relocate(patched, custom.get("reloc.DATA"), symbols, base, heap)
        segments = [
            (base + offset, at, bytes(patched[at : at + len(content)])) for offset, at, content in segments
        ]

    pages = -(-(heap + ROOM_BYTES) // PAGE_BYTES)
    functions = {
        symbol.name: symbol.index for symbol in symbols if symbol.kind == _FUNCTION_SYMBOL and symbol.defined
    }
    made = {
        _TYPE: sections[_TYPE],
        _IMPORT: _vector(
            [_named(each.module) + _named(each.name) + b"\0" + _leb(each.type) for each in called]
        )
        if called
        else b"",
        _FUNCTION: sections[_FUNCTION],
        _MEMORY: b"\1\0" + _leb(pages),
        _GLOBAL: b"\1\x7f\1\x41" + _sleb(base) + b"\x0b" if has_stack else b"",
        _EXPORT: _vector(
            [_named("memory") + b"\2\0", *(_named(name) + b"\0" + _leb(functions[name]) for name in exports)]
        ),
        _CODE: bytes(code),
        _DATA: _vector(
            [
                b"\0\x41" + _sleb(at) + b"\x0b" + _leb(len(content)) + content
                for at, _, content in segments
                if content.strip(b"\0")
            ]
        ),
    }
    if made[_DATA] == b"\0":
        made[_DATA] = b""
    told = _vector(
        [
            _named(field)
            + _vector([_named(name) + _named(version) for name, version in sorted(versions.items())])
            for field, versions in producers.items()
        ]
    )
    assert _DATA_COUNT not in sections or not _uses_data_count(bytes(code))
    return (
        HEADER
        + b"".join(_section(kind, body) for kind, body in made.items() if body)
        + _section(_CUSTOM, _named("producers") + told)
    )


def _sections(object_file: bytes) -> tuple[dict[int, bytes], dict[str, _Bytes]]:
    """Sections by number, and custom sections by name, after the name."""
    sections: dict[int, bytes] = {}
    custom: dict[str, _Bytes] = {}
    data = _Bytes(object_file)
    assert data.take(8) == HEADER
    while data:
        kind, body = data.byte(), _Bytes(data.take(data.unsigned()))
        if kind == _CUSTOM:
            custom[body.text()] = body
        else:
            sections[kind] = body.data
    return sections, custom


def _uses_data_count(code: bytes) -> bool:
    """Whether code may copy passive segments, which need the section that is left out: LLVM makes none of Python."""
    return b"\xfc\x08" in code or b"\xfc\x09" in code


def _symbols(data: _Bytes) -> Iterator[_Symbol]:
    assert data.unsigned() == 2, "version of the section `linking`"
    while data:
        kind, body = data.byte(), _Bytes(data.take(data.unsigned()))
        if kind != _SYMBOL_TABLE:
            continue
        for _ in range(body.unsigned()):
            sort, flags = body.byte(), body.unsigned()
            defined = not flags & _UNDEFINED
            if sort == _DATA_SYMBOL:
                name = body.text()
                if defined:
                    for _ in ("segment", "offset", "size"):
                        body.unsigned()
                yield _Symbol(sort, name, 0, defined)
            elif sort == _SECTION_SYMBOL:
                yield _Symbol(sort, "", body.unsigned(), defined)
            else:
                index = body.unsigned()
                yield _Symbol(sort, body.text() if defined or flags & _EXPLICIT_NAME else "", index, defined)


def missing_functions(object_file: bytes, given: str = "") -> list[str]:
    """Functions that an object calls and does not have, in its order, but those of the module ``given``; `link` takes one that
    misses none.
    """
    imports = _imports(_sections(object_file)[0].get(_IMPORT, b"\0"))
    return [each.name for each in imports if each.kind == _FUNCTION_IMPORT and each.module != given]


def _imports(section: bytes) -> Iterator[_Import]:
    """All that is imported: memory and stack pointer, perhaps a table and functions."""
    data = _Bytes(section)
    for _ in range(data.unsigned()):
        module, name, kind, type_ = data.text(), data.text(), data.byte(), 0
        if kind == _FUNCTION_IMPORT:
            type_ = data.unsigned()
        elif kind == 3:
            data.take(2)
        else:
            data.take(1 if kind == 1 else 0)
            for _ in range(1 + (data.byte() & 1)):
                data.unsigned()
        yield _Import(kind, module, name, type_)


def _segments(data_section: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Offset as LLVM laid it out from 0, where in the section its content begins, and the content."""
    data = _Bytes(data_section)
    for _ in range(data.unsigned()):
        assert data.unsigned() == 0
        assert data.byte() == 0x41
        offset = data.signed()
        assert data.byte() == 0x0B
        size = data.unsigned()
        at = data.at
        yield offset, at, data.take(size)


def _relocate(
    section: bytearray, relocations: _Bytes | None, symbols: Sequence[_Symbol], base: int, heap: int
) -> None:
    """Add to each address in a section where data really begins; LLVM wrote them as if that were 0."""
    if relocations is None:
        return
    relocations.unsigned()
    for _ in range(relocations.unsigned()):
        kind, at, symbol = relocations.byte(), relocations.unsigned(), symbols[relocations.unsigned()]
        if kind in _NUMBERS:
            continue
        assert kind in {_ADDRESS_LEB, _ADDRESS_SLEB, _ADDRESS_I32}, f"relocation {kind}"
        addend = relocations.signed()
        if not symbol.defined:
            assert symbol.name == HEAP, symbol
            address = heap + addend
        elif kind == _ADDRESS_I32:
            address = int.from_bytes(section[at : at + 4], "little") + base
        else:
            found = _Bytes(bytes(section[at : at + 5]))
            address = (found.unsigned() if kind == _ADDRESS_LEB else found.signed()) + base
        if kind == _ADDRESS_I32:
            section[at : at + 4] = address.to_bytes(4, "little")
        else:
            section[at : at + 5] = _padded(address)


def _aligned(at: int) -> int:
    return -(-at // _ALIGNMENT) * _ALIGNMENT


def _padded(value: int) -> bytes:
    """A number in five bytes, signed or not: addresses here have far fewer than 32 bits."""
    return bytes((value >> 7 * place) & 0x7F | (0x80 if place < 4 else 0) for place in range(5))


def _leb(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _sleb(value: int) -> bytes:
    made = bytearray()
    while not -0x40 <= value < 0x40:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value & 0x7F])


def _vector(items: Sequence[bytes]) -> bytes:
    return _leb(len(items)) + b"".join(items)


def _named(name: str) -> bytes:
    return _leb(len(name.encode())) + name.encode()


def _section(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _leb(len(body)) + body

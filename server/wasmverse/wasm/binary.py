"""Parts of a module's binary form, written.

Source: WebAssembly Core Specification 2.0, sections 5.2 (values) and 5.5 (modules).
"""

from __future__ import annotations

from collections.abc import Sequence

from wasmverse.wasm.sections import leb128


def unsigned(value: int) -> bytes:
    """An unsigned number as LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    """A signed number as LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def append(content: bytes, items: Sequence[bytes], *, first: bool = False) -> bytes:
    """A vector with further items: behind those that it has, or before the first."""
    count, at = leb128(content, 0)
    parts = [*items, content[at:]] if first else [content[at:], *items]
    return unsigned(count + len(items)) + b"".join(parts)


def export(name: str, kind: int, index: bytes) -> bytes:
    """An item of the export section: kind is 0 of a function, 1 of a table, 2 of a memory, 3 of a global."""
    raw = name.encode()
    return unsigned(len(raw)) + raw + bytes([kind]) + index

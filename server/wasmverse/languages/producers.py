"""Writes into a module in which language it was written, and by what it was compiled: most compilers do not say, or say another.

Source: tool-conventions, ProducersSection.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasmverse.wasm.binary import unsigned
from wasmverse.wasm.sections import CUSTOM_SECTION, leb128, sections_of

_NAME = b"producers"


def with_producers(module: bytes, language: str, compiler: Mapping[str, str]) -> bytes:
    """A core module with this section in place of its own; ``compiler`` is name -> version."""
    made = [module[:8]]
    for kind, body in sections_of(module):
        if kind == CUSTOM_SECTION and _name_of(body) == _NAME:
            continue
        made.append(bytes([kind]) + sized(body))
    fields = [_field("language", {language: ""}), _field("processed-by", compiler)]
    body = sized(_NAME) + unsigned(len(fields)) + b"".join(fields)
    return b"".join(made) + bytes([CUSTOM_SECTION]) + sized(body)


def _name_of(body: bytes) -> bytes:
    size, at = leb128(body, 0)
    return body[at : at + size]


def _field(name: str, values: Mapping[str, str]) -> bytes:
    pairs = [sized(value.encode()) + sized(version.encode()) for value, version in values.items()]
    return sized(name.encode()) + unsigned(len(pairs)) + b"".join(pairs)


def sized(data: bytes) -> bytes:
    """Bytes after their number."""
    return unsigned(len(data)) + data

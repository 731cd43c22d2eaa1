"""A compiled component: its functions in their wrappers, and the core modules that these are given; as objects and as bytes.

::

    MAGIC, u32 length of the header, header, wrappers, parts
    header (JSON): {"imports": [...], "functions": {path: bytes of its wrapper}, "parts": [[SHA-256, bytes], ...]}

A part may stand elsewhere, being the same for many components; then it has 0 bytes here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import wasmtime
from wasmtime.component import Component

from wasmverse.wasm.component.parts import loaded
from wasmverse.wasm.engine import component_engine

FOLD = "#fold"
"""Among the functions of a compiled component, what folds the rows of its aggregate; no path of a function begins so."""

MAGIC = b"wasmverse component 1\n"
_LENGTH = struct.Struct("<I")


def is_code(compiled: bytes | bytearray) -> bool:
    """Whether compiled code is a component's, and not a core module's."""
    return compiled[: len(MAGIC)] == MAGIC


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A compiled component.

    wrappers : by the path of the function that each calls; see ``wrapper``.
    imports : the interfaces that it imports, by their names in full.
    parts : the outermost component's core modules, in order, each with its hash.
    """

    wrappers: Mapping[str, Component]
    imports: tuple[str, ...]
    parts: tuple[tuple[str, wasmtime.Module], ...]

    def serialize(self, *, with_parts: bool = True) -> bytes:
        """All of it as bytes, which `Code.load` takes."""
        wrappers = {path: bytes(component.serialize()) for path, component in self.wrappers.items()}
        parts = {sha256: bytes(module.serialize()) if with_parts else b"" for sha256, module in self.parts}
        header = {
            "imports": self.imports,
            "functions": {path: len(content) for path, content in wrappers.items()},
            "parts": [[sha256, len(parts[sha256])] for sha256, _ in self.parts],
        }
        raw = json.dumps(header).encode()
        return b"".join([MAGIC, _LENGTH.pack(len(raw)), raw, *wrappers.values(), *parts.values()])

    @classmethod
    def load(cls, compiled: bytes, read_part: Callable[[str], bytes] | None = None) -> Code:
        """From the output of `serialize`; only ever from our own compiler: the bytes are trusted.

        ``read_part`` gives the machine code of a part, by its hash, that stands elsewhere.
        """
        header, at = _header(compiled)
        wrappers = {}
        for path, size in header["functions"].items():
            wrappers[path] = Component.deserialize(component_engine(), compiled[at : at + size])
            at += size
        modules: dict[str, wasmtime.Module] = {}
        for sha256, size in header["parts"]:
            if sha256 not in modules:
                content = compiled[at : at + size]
                read = (
                    partial(_content, content) if content or read_part is None else partial(read_part, sha256)
                )
                modules[sha256] = loaded(sha256, read)
                at += size
        return cls(
            wrappers,
            tuple(header["imports"]),
            tuple((sha256, modules[sha256]) for sha256, _ in header["parts"]),
        )


def _content(content: bytes) -> bytes:
    return content


def _header(compiled: bytes) -> tuple[dict[str, Any], int]:
    at = len(MAGIC) + _LENGTH.size
    (size,) = _LENGTH.unpack_from(compiled, len(MAGIC))
    return json.loads(compiled[at : at + size]), at + size


def parts_of(compiled: bytes) -> Iterator[tuple[str, bytes]]:
    """The hash and the machine code of each core module in compiled code: what a cache keeps for the next component."""
    if not is_code(compiled):
        return
    header, at = _header(compiled)
    at += sum(header["functions"].values())
    seen = set()
    for sha256, size in header["parts"]:
        if sha256 not in seen:
            seen.add(sha256)
            yield sha256, compiled[at : at + size]
            at += size


def without_parts(compiled: bytes) -> bytes:
    """A component's compiled code, but for its core modules, which stand elsewhere; as ``Code.serialize(with_parts=False)``."""
    header, at = _header(compiled)
    header["parts"] = [[sha256, 0] for sha256, _ in header["parts"]]
    raw = json.dumps(header).encode()
    return b"".join(
        [MAGIC, _LENGTH.pack(len(raw)), raw, compiled[at : at + sum(header["functions"].values())]]
    )

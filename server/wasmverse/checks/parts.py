"""Compiled core modules of components, kept for the next component that holds the same.

A checker compiles one upload and ends. What it made of a component's core modules is kept here, by the modules' hashes, and given
to the next checker whose component has one of them: of a language's interpreter, for example, which takes seconds. It is machine
code and believed as a checker's whole answer is; it never leaves the processes of this server.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.code import parts_of
from wasmverse.wasm.component.outline import core_modules_of
from wasmverse.wasm.component.parts import hash_of

WORTH_BYTES = 64 << 10
"""Smaller core modules are compiled as fast as they are looked for."""


class Parts:
    """Compiled core modules by hash, up to so many bytes of them; what was used last stays longest. For one thread."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def known(self, upload: bytes) -> dict[str, bytes]:
        """Those of an upload's core modules that are here."""
        if not self._kept or not is_component(upload):
            return {}
        try:
            places = core_modules_of(upload)
        except ModuleRefused:
            return {}  # the checker says why
        found = {}
        for start, end in places:
            if end - start >= WORTH_BYTES:
                sha256 = hash_of(upload[start:end])
                if sha256 in self._kept:
                    self._kept.move_to_end(sha256)
                    found[sha256] = self._kept[sha256]
        return found

    def keep(self, compiled: bytes) -> None:
        """What a checker has compiled."""
        for sha256, part in parts_of(compiled):
            if WORTH_BYTES <= len(part) <= self.bytes_max and sha256 not in self._kept:
                self._kept[sha256] = part
                self.bytes += len(part)
        while self.bytes > self.bytes_max:
            self.bytes -= len(self._kept.popitem(last=False)[1])


def sizes_of(known: Mapping[str, bytes]) -> list[tuple[str, int]]:
    """By what a checker tells apart what it reads."""
    return [(sha256, len(part)) for sha256, part in known.items()]


def split_input(data: bytes, sizes: Sequence[tuple[str, int]]) -> tuple[bytes, dict[str, bytes]]:
    """The upload and the compiled core modules behind it, as a checker reads them."""
    at = end = len(data) - sum(size for _, size in sizes)
    known = {}
    for sha256, size in sizes:
        known[sha256] = data[at : at + size]
        at += size
    return data[:end], known

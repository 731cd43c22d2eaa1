"""The binary format of components, as far as hosting one needs it: sections, index spaces, module types, and how to write some.

What is read may be anything: it has not been validated, so every number is checked against the bytes that are there, and what
cannot be read is refused. What it means is not judged here; the engine validates the whole later.

Sources: WebAssembly Component Model, Binary.md (preamble 0d 00 01 00); WebAssembly Core Specification 2.0, section 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.binary import signed, unsigned

PREAMBLE = b"\0asm\x0d\0\x01\0"

(
    CUSTOM, CORE_MODULE, CORE_INSTANCE, CORE_TYPE, COMPONENT, INSTANCE, ALIAS, TYPE, CANON, START, IMPORT, EXPORT,
) = range(12)  # fmt: skip
"""Sections of a component."""

CORE_FUNCTION, CORE_TABLE, CORE_MEMORY, CORE_GLOBAL = (b"\0\0", b"\0\1", b"\0\2", b"\0\3")
CORE_TYPES, CORE_MODULES, CORE_INSTANCES = b"\0\x10", b"\0\x11", b"\0\x12"
FUNCTIONS, VALUES, TYPES, COMPONENTS, INSTANCES = b"\1", b"\2", b"\3", b"\4", b"\5"
"""Sorts of what a component defines; each has an index space of its own."""


def is_component(data: bytes) -> bool:
    """Whether some bytes claim to be a component."""
    return data[:8] == PREAMBLE


class Reader:
    """Reads numbers, names and sections from bytes that may be anything; a refusal is the only way in which it fails."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None, what: str = "component") -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end
        self._what = what

    def refusal(self) -> ModuleRefused:
        """That what stands here cannot be read."""
        return ModuleRefused(
            f"the {self._what} cannot be read at byte {self.at:,}: it is damaged, or built for a later version of the "
            "component model; send it again, or build it with released tools"
        )

    def byte(self) -> int:
        """The next byte."""
        if self.at >= self.end:
            raise self.refusal()
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """An unsigned number of at most 32 bits."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 1 << 32:
                    break
                return value
        raise self.refusal()

    def skip_number(self) -> None:
        """A number of whatever sign, of at most 64 bits."""
        for _ in range(10):
            if self.byte() < 0x80:
                return
        raise self.refusal()

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > self.end - self.at:
            raise self.refusal()
        self.at += count
        return self.data[self.at - count : self.at]

    def skip(self, count: int) -> None:
        """Pass over the next bytes."""
        if count > self.end - self.at:
            raise self.refusal()
        self.at += count

    def name(self) -> str:
        """A name; what is no UTF-8 in it is replaced."""
        return self.take(self.number()).decode("utf-8", "replace")

    def count(self) -> int:
        """How many items follow; each has a byte at least."""
        count = self.number()
        if count > self.end - self.at:
            raise self.refusal()
        return count

    def has_more(self) -> bool:
        """Whether anything follows."""
        return self.at < self.end

    def sort(self) -> bytes:
        """A sort, as it is written."""
        first = self.byte()
        return bytes([first, self.byte()]) if first == 0 else bytes([first])

    def extern_name(self) -> str:
        """The name of an import or export. One that has more than the name, as later versions allow, cannot be read."""
        if self.byte() > 1:
            self.at -= 1
            raise self.refusal()
        return self.name()

    def extern_type(self) -> tuple[bytes, bool]:
        """What an import or export is: its sort, and whether it is a type of which nothing is told but that it is a resource."""
        start = self.at
        sort = self.sort()
        is_resource = False
        if sort in (TYPES, VALUES):
            is_resource = self.byte() == 1
            if not is_resource or sort == VALUES:
                self.skip_number()
        elif sort in (CORE_MODULES, FUNCTIONS, COMPONENTS, INSTANCES):
            self.number()
        else:
            self.at = start
            raise self.refusal()
        return sort, is_resource


def sections_of(component: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Each section of a component that stands at ``start``: its number, where it, its content begins, and where it ends."""
    reader = Reader(component, start, end)
    if reader.take(len(PREAMBLE)) != PREAMBLE:
        reader.at = start
        raise reader.refusal()
    while reader.has_more():
        begins = reader.at
        kind = reader.byte()
        if kind > EXPORT:
            reader.at = begins
            raise reader.refusal()
        size = reader.number()
        content = reader.at
        reader.skip(size)
        yield kind, begins, content, reader.at


def section(kind: int, content: bytes) -> bytes:
    """A section, written."""
    return bytes([kind]) + unsigned(len(content)) + content


def vector(items: Iterable[bytes]) -> bytes:
    """Items behind their number."""
    items = list(items)
    return unsigned(len(items)) + b"".join(items)


def name(text: str) -> bytes:
    """A name, written."""
    raw = text.encode()
    return unsigned(len(raw)) + raw


def type_number(index: int) -> bytes:
    """The number of a type where a value type may stand too: with a sign, of 33 bits."""
    return signed(index)

"""Runs a module's preparations once and keeps it as it then is: its memory as data, its globals as their values.

So a fresh instance of an interpreter starts with the strategy's code already read. What wizer does, for the one kind of module
that the engines here are: a WASI reactor with one memory, no passive data and no start function.

Source: WebAssembly Core Specification 2.0, section 5.5 (binary format of modules).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import wasmtime

from wasmverse.languages.producers import sized
from wasmverse.wasm.binary import signed, unsigned
from wasmverse.wasm.sections import (
    CUSTOM_SECTION,
    EXPORT_SECTION,
    GLOBAL_SECTION,
    MEMORY_SECTION,
    START_SECTION,
    leb128,
    sections_of,
)

_DATA_SECTION, _DATA_COUNT_SECTION = 11, 12
_FUNCTION, _GLOBAL = 0, 3
_END = 0x0B
_CONSTANTS = {0x7F: 0x41, 0x7E: 0x42}
"""Value type -> instruction, of i32 and i64; an engine has no other mutable globals."""
_GAP_BYTES = 16
"""Zeros that are kept within a segment: a further segment costs about as much."""
_PAGE_BYTES = 65_536

_BAD_DESCRIPTOR, _NOT_SUPPORTED = 8, 58


class NotPrepared(Exception):
    """The preparations failed; says what the module printed."""


def snapshot(
    module: bytes, prepare: Callable[[wasmtime.Store, Any], None], dropped: Collection[str]
) -> bytes:
    """A module after its preparations.

    Parameters
    ----------
    prepare : is given the store and the exports of an instance whose `_initialize` was called; what it raises is passed on, a
        trap as `NotPrepared`.
    dropped : exports that are of no more use.
    """
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    sections = list(sections_of(module))
    globals_ = _globals(dict(sections)[GLOBAL_SECTION])
    shown = [
        (kind, _with_globals(body, len(globals_)) if kind == EXPORT_SECTION else body)
        for kind, body in sections
    ]
    compiled = wasmtime.Module(engine, module[:8] + b"".join(map(_section, shown)))
    world = _Nothing(store)
    imports = [world.answer(it.name or "", it.type) for it in compiled.imports]
    exports: Any = wasmtime.Instance(store, compiled, imports).exports(store)
    world.memory = exports["memory"]
    try:
        exports["_initialize"](store)
        prepare(store, exports)
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        raise NotPrepared(world.said() or str(error)) from error
    memory = bytes(world.memory.read(store, 0, world.memory.data_len(store)))
    values = [exports[_shown(number)].value(store) for number in range(len(globals_))]
    replaced = {
        MEMORY_SECTION: _memory(dict(sections)[MEMORY_SECTION], len(memory) // _PAGE_BYTES),
        GLOBAL_SECTION: _kept_globals(globals_, values),
        EXPORT_SECTION: _kept_exports(dict(sections)[EXPORT_SECTION], {"_initialize", *dropped}),
        _DATA_SECTION: _data(memory),
    }
    left_out = {CUSTOM_SECTION, START_SECTION, _DATA_COUNT_SECTION}
    kept = [(kind, replaced.get(kind, body)) for kind, body in sections if kind not in left_out]
    return module[:8] + b"".join(map(_section, kept))


class _Nothing:
    """WASI at the build: no time, no chance, no files; what is printed is kept. The same build gives the same bytes."""

    def __init__(self, store: wasmtime.Store) -> None:
        self._store = store
        self._printed = bytearray()
        self.memory: Any = None

    def said(self) -> str:
        """What was printed."""
        return self._printed.decode("utf-8", "replace").strip()

    def answer(self, name: str, type_: Any) -> wasmtime.Func:
        """The function of this name."""
        answers: dict[str, Callable[..., Any]] = {
            "fd_write": self._write,
            "clock_time_get": lambda _clock, _precision, at: self._zero(at, 8),
            "random_get": self._zero,
            "environ_sizes_get": lambda count, size: self._zero(count, 4) or self._zero(size, 4),
            "args_sizes_get": lambda count, size: self._zero(count, 4) or self._zero(size, 4),
            "fd_prestat_get": lambda *_: _BAD_DESCRIPTOR,
            "fd_fdstat_get": lambda _fd, at: self._zero(at, 24),
        }
        refuse: Callable[..., Any] = lambda *_: _NOT_SUPPORTED if list(type_.results) else None  # noqa: E731
        return wasmtime.Func(self._store, type_, answers.get(name, refuse))

    def _zero(self, at: int, size: int) -> int:
        self.memory.write(self._store, bytes(size), at)
        return 0

    def _write(self, _descriptor: int, vectors: int, count: int, written: int) -> int:
        total = 0
        for number in range(count):
            at, size = np.frombuffer(
                self.memory.read(self._store, vectors + 8 * number, vectors + 8 * number + 8), "<u4"
            )
            self._printed += self.memory.read(self._store, int(at), int(at) + int(size))
            total += int(size)
        self.memory.write(self._store, total.to_bytes(4, "little"), written)
        return 0


def _section(section: tuple[int, bytes]) -> bytes:
    return bytes([section[0]]) + sized(section[1])


def _shown(number: int) -> str:
    return f"wasmverse_global_{number}"


def _globals(body: bytes) -> list[tuple[int, int, bytes]]:
    """Value type, whether it is mutable, and the expression of its first value, of each global."""
    count, at = leb128(body, 0)
    found = []
    for _ in range(count):
        type_, mutable = body[at], body[at + 1]
        start = at = at + 2
        while body[at] != _END:
            _, at = leb128(body, at + 1)
        at += 1
        found.append((type_, mutable, body[start:at]))
    return found


def _kept_globals(globals_: list[tuple[int, int, bytes]], values: list[int]) -> bytes:
    made = [
        bytes([type_, mutable])
        + (bytes([_CONSTANTS[type_]]) + signed(value) + bytes([_END]) if mutable else first)
        for (type_, mutable, first), value in zip(globals_, values, strict=True)
    ]
    return unsigned(len(made)) + b"".join(made)


def _with_globals(body: bytes, count: int) -> bytes:
    """Exports, and every global under a name of ours."""
    before, at = leb128(body, 0)
    added = [sized(_shown(number).encode()) + bytes([_GLOBAL]) + unsigned(number) for number in range(count)]
    return unsigned(before + count) + body[at:] + b"".join(added)


def _kept_exports(body: bytes, dropped: Collection[str]) -> bytes:
    count, at = leb128(body, 0)
    kept = []
    for _ in range(count):
        start = at
        size, at = leb128(body, at)
        name = body[at : at + size].decode()
        _, at = leb128(body, at + size + 1)
        if name not in dropped:
            kept.append(body[start:at])
    return unsigned(len(kept)) + b"".join(kept)


def _memory(body: bytes, pages: int) -> bytes:
    """The memory's limits, with these pages as its first."""
    flags = body[1]
    _, at = leb128(body, 2)
    return b"\1" + bytes([flags]) + unsigned(pages) + body[at:]


def _data(memory: bytes) -> bytes:
    """Everything that is not zero, as active segments."""
    used = np.flatnonzero(np.frombuffer(memory, np.uint8))
    cuts = np.flatnonzero(np.diff(used) > _GAP_BYTES)
    starts = used[np.concatenate([[0], cuts + 1])]
    ends = used[np.concatenate([cuts, [len(used) - 1]])] + 1
    made = [
        b"\0\x41" + signed(int(start)) + bytes([_END]) + sized(memory[start:end])
        for start, end in zip(starts, ends, strict=True)
    ]
    return unsigned(len(made)) + b"".join(made)

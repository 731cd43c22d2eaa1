"""Modules made at random: valid by construction, with all that a module can hold.

In the manner of wasm-smith: every function's body is built from typed expressions and statements, so nearly all that comes out is
valid; what of it is refused or faults is what the checker and the driver are tested with.
"""

from __future__ import annotations

from random import Random

from tests.attack.instructions import (
    EXTERNREF,
    FUNCREF,
    I32,
    I64,
    NUMBERS,
)
from tests.attack.module_code import Code, Type, sleb
from tests.wasm.binary import STRATEGY_TYPE, custom, leb128, named, section, vector

STRATEGY = ((I32,) * 8 + (I64, I32, I32), (I64,))
REALLOC = ((I32,) * 4, (I32,))


class Maker(Code):
    """One module; ``module`` has its bytes."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.types: list[Type] = [STRATEGY, REALLOC, ((I32,), (I32,)), ((), ())]
        for _ in range(rng.randrange(5)):
            self.types.append((self._some_types(4), self._some_types(30 if self._one_in(6) else 3)))
        if self._one_in(30):
            self.types.append(((rng.choice(NUMBERS),) * rng.choice((50, 500, 1000)), ()))
        self.type_of = [0]
        if self._one_in(2):
            self.type_of.append(1)
        self.type_of += [rng.randrange(len(self.types)) for _ in range(rng.randrange(10))]
        kinds = (*NUMBERS, FUNCREF, EXTERNREF)
        self.globals = [(rng.choice(kinds), rng.random() < 0.7) for _ in range(rng.randrange(6))]
        sizes = (0, 5, 20, 20, 20)
        self.tables = [
            (rng.choice((FUNCREF, FUNCREF, EXTERNREF)), rng.choice(sizes)) for _ in range(rng.randrange(3))
        ]
        self.elements = rng.randrange(4) if self.tables else 0
        self.data = rng.randrange(4)
        self.module = self._assemble()

    def _some_types(self, most: int) -> tuple[int, ...]:
        return tuple(
            self.rng.choice((*NUMBERS, FUNCREF, EXTERNREF)) for _ in range(self.rng.randrange(most + 1))
        )

    # Sections

    def _assemble(self) -> bytes:
        rng = self.rng
        self.element_types = [rng.choice((FUNCREF, FUNCREF, EXTERNREF)) for _ in range(self.elements)]
        bodies = [self._function(index) for index in range(len(self.type_of))]
        name = "decide" if rng.random() < 0.95 else rng.choice(("Decide", "flee", "a-b"))
        exports = [named("memory") + b"\2\0", named(name) + b"\0\0"]
        if len(self.type_of) > 1 and self.type_of[1] == 1:
            exports.append(named(rng.choice(("cabi_realloc", "canonical_abi_realloc"))) + b"\0\1")
        for index, type_ in enumerate(self.type_of):
            if self._one_in(6):
                names = ("x", "y_", "z-") if type_ == 0 else ("x", "\u202e", "\x1b[2J", "wasmverse:stac")
                exports.append(named(f"{rng.choice(names)}{index}") + b"\0" + leb128(index))
        exports += [named(f"g{k}") + b"\3" + leb128(k) for k in range(len(self.globals)) if self._one_in(4)]
        least = rng.choice((1, 1, 1, 1, 2, 256)) if not self._one_in(40) else rng.choice((0, 257, 65536))
        limits = (
            b"\0" + leb128(least) if rng.random() < 0.7 else b"\1" + leb128(least) + leb128(max(least, 3))
        )
        tables = [
            bytes([kind, 0]) + leb128(size if not self._one_in(60) else 10_000_000)
            for kind, size in self.tables
        ]
        globals_ = [
            bytes([kind, is_mutable]) + self._constant(kind, plain=True) + b"\x0b"
            for kind, is_mutable in self.globals
        ]
        parts = [
            (1, vector([self._type(type_) for type_ in self.types])),
            (3, vector([leb128(type_) for type_ in self.type_of])),
            (4, vector(tables)),
            (5, vector([limits])),
            (6, vector(globals_)),
            (7, vector(exports)),
        ]
        startable = [index for index, type_ in enumerate(self.type_of) if self.types[type_] == ((), ())]
        if startable and self._one_in(3):
            parts.append((8, leb128(rng.choice(startable))))
        parts.append((9, vector([self._element(kind) for kind in self.element_types] + self._declared())))
        if self.data or self._one_in(2):
            parts.append((12, leb128(self.data)))
        parts.append((10, vector([leb128(len(body)) + body for body in bodies])))
        parts.append((11, vector([self._datum() for _ in range(self.data)])))
        sections = [section(kind, content) for kind, content in parts]
        for _ in range(rng.randrange(3)):
            sections.insert(
                rng.randrange(len(sections) + 1),
                custom(rng.choice(("name", "producers", "", "\x1b")), rng.randbytes(rng.randrange(20))),
            )
        return b"\0asm\1\0\0\0" + b"".join(sections)

    def _type(self, type_: Type) -> bytes:
        if type_ == STRATEGY:
            return STRATEGY_TYPE
        return b"\x60" + b"".join(leb128(len(part)) + bytes(part) for part in type_)

    def _declared(self) -> list[bytes]:
        """So that every function may be referred to."""
        return [b"\3\0" + vector([leb128(index) for index in range(len(self.type_of))])]

    def _element(self, kind: int) -> bytes:
        rng = self.rng
        values = [self._constant(kind, plain=True) + b"\x0b" for _ in range(rng.randrange(6))]
        fitting = [index for index, (table, _size) in enumerate(self.tables) if table == kind]
        if fitting and rng.random() < 0.8:
            offset = b"\x41" + sleb(rng.choice((0, 0, 0, 0, 1, 1, 15))) + b"\x0b"
            return b"\6" + leb128(rng.choice(fitting)) + offset + bytes([kind]) + vector(values)
        return b"\5" + bytes([kind]) + vector(values)

    def _datum(self) -> bytes:
        rng = self.rng
        content = rng.randbytes(rng.choice((0, 1, 10, 300)))
        head = (
            b"\1"
            if rng.random() < 0.4
            else b"\0\x41" + sleb(rng.choice((0, 8, 1000)) if not self._one_in(20) else 65_500) + b"\x0b"
        )
        return head + leb128(len(content)) + content


def made(rng: Random) -> bytes:
    """A module by construction."""
    return Maker(rng).module

"""Bodies of functions at random, valid by construction: expressions and statements of the types that a module has."""

from __future__ import annotations

from random import Random

from tests.attack.instructions import (
    EXTERNREF,
    FUNCREF,
    I32,
    LANES,
    LOADS,
    NUMBERS,
    OPERATIONS,
    STORES,
    V128,
)
from tests.wasm.binary import leb128, vector

Type = tuple[tuple[int, ...], tuple[int, ...]]


def sleb(value: int) -> bytes:
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        if (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40):
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


class Code:
    """What the bodies of a module's functions are made of."""

    rng: Random
    types: list[Type]
    type_of: list[int]
    globals: list[tuple[int, bool]]
    tables: list[tuple[int, int]]
    element_types: list[int]
    data: int

    def _one_in(self, count: int) -> bool:
        return self.rng.randrange(count) == 0

    def _number(self, value: int) -> bytes:
        """An unsigned number of 32 bits, now and then longer than it need be."""
        short = leb128(value)
        more = self.rng.randint(1, 5 - len(short)) if len(short) < 5 and self._one_in(6) else 0
        return short if not more else short[:-1] + bytes([short[-1] | 0x80]) + b"\x80" * (more - 1) + b"\0"

    def _function(self, index: int) -> bytes:
        rng = self.rng
        params, results = self.types[self.type_of[index]]
        extra = [rng.choice((*NUMBERS, FUNCREF, EXTERNREF)) for _ in range(rng.randrange(6))]
        if self._one_in(25):
            extra += [rng.choice(NUMBERS)] * rng.choice((100, 3_000))
        self.locals = [*params, *extra]
        self.labels: list[tuple[int, ...]] = [results]
        self.budget = rng.choice((5, 20, 60, 150))
        statements = b"".join(self._statement(4) for _ in range(rng.randrange(8)))
        # What a call answers is mostly an honest plan, now and then anything.
        values = b"".join(self._value(kind, 4) for kind in results)
        local_groups = [b"\1" + bytes([kind]) for kind in extra]
        return vector(local_groups) + statements + values + b"\x0b"

    def _constant(self, kind: int, *, plain: bool = False) -> bytes:
        rng = self.rng
        match kind:
            case 0x7F:
                return b"\x41" + sleb(rng.choice((0, 1, -1, 7, 64, 255, 65_535, 65_536, 2**31 - 1, -(2**31))))
            case 0x7E:
                return b"\x42" + sleb(rng.choice((0, 1, -1, 83, 2**31, 2**63 - 1, -(2**63))))
            case 0x7D:
                return b"\x43" + rng.choice(
                    (b"\0\0\x80\x3f", b"\0\0\xc0\x7f", b"\1\0\x80\x7f", b"\xff\xff\x7f\x7f", rng.randbytes(4))
                )
            case 0x7C:
                return b"\x44" + rng.choice(
                    (
                        b"\0" * 6 + b"\xf0\x3f",
                        b"\0" * 6 + b"\xf8\x7f",
                        b"\1" + b"\0" * 5 + b"\xf0\x7f",
                        rng.randbytes(8),
                    )
                )
            case 0x7B:
                return b"\xfd\x0c" + rng.randbytes(16)
            case 0x70 if plain or rng.random() < 0.7:
                if rng.random() < 0.6:
                    return b"\xd2" + leb128(rng.randrange(len(self.type_of)))
        return b"\xd0" + bytes([kind])

    def _block_type(self, results: tuple[int, ...]) -> bytes:
        if not results:
            return b"\x40"
        if len(results) == 1:
            return bytes(results)
        wanted = ((), results)
        if wanted not in self.types:
            self.types.append(wanted)
        return sleb(self.types.index(wanted))

    def _value(self, kind: int, depth: int) -> bytes:
        """Instructions that leave one value of a type."""
        rng = self.rng
        self.budget -= 1
        if depth <= 0 or self.budget <= 0:
            fitting = [index for index, local in enumerate(self.locals) if local == kind]
            if fitting and rng.random() < 0.6:
                return b"\x20" + self._number(rng.choice(fitting))
            return self._constant(kind)
        for _ in range(3):
            made = self._some_value(kind, depth - 1)
            if made:
                return made
        return self._constant(kind)

    def _some_value(self, kind: int, depth: int) -> bytes:
        rng = self.rng
        match rng.randrange(12):
            case 0 | 1 | 2:
                fitting = [(taken, codes) for taken, given, codes in OPERATIONS if given == kind]
                if fitting:
                    taken, codes = rng.choice(fitting)
                    return b"".join(self._value(t, depth) for t in taken) + rng.choice(codes)
            case 3:
                loads = [(code, align) for code, given, align in LOADS if given == kind]
                if loads:
                    code, align = rng.choice(loads)
                    return (
                        self._value(I32, depth)
                        + code
                        + self._number(rng.randint(0, align))
                        + self._number(rng.choice((0, 4, 65_535, 2**32 - 1)))
                    )
            case 4 | 5:
                return self._call(kind, depth)
            case 6:
                return self._block(kind, depth)
            case 7:
                taken = self._value(kind, depth) + self._value(kind, depth) + self._value(I32, depth)
                return taken + (
                    b"\x1b" if kind in NUMBERS and rng.random() < 0.5 else b"\x1c\1" + bytes([kind])
                )
            case 8:
                fitting = [index for index, (given, _m) in enumerate(self.globals) if given == kind]
                if fitting:
                    return b"\x23" + leb128(rng.choice(fitting))
            case 9:
                locals_ = [index for index, local in enumerate(self.locals) if local == kind]
                if locals_:
                    return self._value(kind, depth) + b"\x22" + self._number(rng.choice(locals_))
            case 10:
                return self._of_memory_or_table(kind, depth)
            case 11:
                lanes = [row for row in LANES if (row[2] == kind and not row[3]) or (kind == V128 and row[3])]
                if lanes:
                    code, count, lane, put = rng.choice(lanes)
                    return (
                        self._value(V128, depth)
                        + (self._value(lane, depth) if put else b"")
                        + b"\xfd"
                        + bytes([code, rng.randrange(count)])
                    )
        return b""

    def _call(self, kind: int | None, depth: int) -> bytes:
        """A call that leaves one value, or none."""
        rng = self.rng
        results = () if kind is None else (kind,)
        if self.tables and rng.random() < 0.3:
            types = [
                number
                for number, type_ in enumerate(self.types)
                if type_[1] == results and len(type_[0]) < 12
            ]
            held = [index for index, (table, _s) in enumerate(self.tables) if table == FUNCREF]
            if types and held:
                number = rng.choice(types)
                arguments = b"".join(self._value(t, depth) for t in self.types[number][0])
                where = self._value(I32, 0) if self._one_in(3) else b"\x41" + sleb(rng.randrange(4))
                return arguments + where + b"\x11" + self._number(number) + self._number(rng.choice(held))
        fitting = [index for index, type_ in enumerate(self.type_of) if self.types[type_][1] == results]
        if not fitting:
            return b""
        index = rng.choice(fitting)
        params = self.types[self.type_of[index]][0]
        if len(params) > 40 and self.budget < 30:
            return b""
        return (
            b"".join(self._value(t, depth if len(params) < 12 else 0) for t in params)
            + b"\x10"
            + self._number(index)
        )

    def _block(self, kind: int, depth: int) -> bytes:
        rng = self.rng
        form = rng.choice((2, 3, 4))
        head = self._value(I32, depth) if form == 4 else b""
        self.labels.append((kind,) if form != 3 else ())
        inside = b"".join(self._statement(depth) for _ in range(rng.randrange(3))) + self._value(kind, depth)
        if form == 4:
            inside += b"\x05" + self._value(kind, depth)
        self.labels.pop()
        return head + bytes([form, kind]) + inside + b"\x0b"

    def _of_memory_or_table(self, kind: int, depth: int) -> bytes:
        rng = self.rng
        fitting = [index for index, (held, _size) in enumerate(self.tables) if held == kind]
        if kind in (FUNCREF, EXTERNREF):
            return self._value(I32, depth) + b"\x25" + leb128(rng.choice(fitting)) if fitting else b""
        if kind != I32:
            return b""
        match rng.randrange(5):
            case 0:
                return b"\x3f\0"
            case 1:
                return (
                    b"\x41" + sleb(rng.choice((0, 1, 300, -1)))
                    if rng.random() < 0.8
                    else self._value(I32, depth)
                ) + b"\x40\0"
            case 2 if self.tables:
                return b"\xfc\x10" + leb128(rng.randrange(len(self.tables)))
            case 3 if self.tables:
                index = rng.randrange(len(self.tables))
                count = b"\x41" + sleb(rng.choice((0, 1, 50, 20_000, -1)))
                return self._value(self.tables[index][0], depth) + count + b"\xfc\x0f" + leb128(index)
        return self._value(rng.choice((FUNCREF, EXTERNREF)), depth) + b"\xd1"

    def _statement(self, depth: int) -> bytes:
        """Instructions that leave nothing."""
        rng = self.rng
        self.budget -= 1
        if depth <= 0 or self.budget <= 0:
            return b"\1"
        depth -= 1
        match rng.randrange(16):
            case 0 | 1 if self.locals:
                index = rng.randrange(len(self.locals))
                return self._value(self.locals[index], depth) + b"\x21" + leb128(index)
            case 2:
                mutable = [index for index, (_kind, is_mutable) in enumerate(self.globals) if is_mutable]
                if mutable:
                    index = rng.choice(mutable)
                    return self._value(self.globals[index][0], depth) + b"\x24" + leb128(index)
            case 3 | 4:
                code, kind, align = rng.choice(STORES)
                return (
                    self._value(I32, depth)
                    + self._value(kind, depth)
                    + code
                    + self._number(rng.randint(0, align))
                    + self._number(rng.choice((0, 16, 65_536)))
                )
            case 5:
                return self._value(rng.choice((*NUMBERS, FUNCREF)), depth) + b"\x1a"
            case 6 | 7:
                return self._call(None, depth)
            case 8:
                form = rng.choice((2, 3, 4))
                head = self._value(I32, depth) if form == 4 else b""
                self.labels.append(())
                inside = b"".join(self._statement(depth) for _ in range(rng.randrange(4)))
                if form == 4 and rng.random() < 0.5:
                    inside += b"\x05" + b"".join(self._statement(depth) for _ in range(rng.randrange(3)))
                if form == 3 and rng.random() < 0.6:
                    inside += self._value(I32, depth) + b"\x0d\0"
                self.labels.pop()
                return head + bytes([form, 0x40]) + inside + b"\x0b"
            case 9:
                label = rng.randrange(len(self.labels))
                wanted = self.labels[-1 - label]
                values = b"".join(self._value(kind, depth) for kind in wanted)
                return (
                    values + self._value(I32, depth) + b"\x0d" + self._number(label) + b"\x1a" * len(wanted)
                )
            case 10:
                return self._leaving(depth)
            case 11:
                return self._bulk(depth)
            case 12:
                return self._multi(depth)
        return b""

    def _multi(self, depth: int) -> bytes:
        """A block, or a call, with several results."""
        several = [index for index, type_ in enumerate(self.type_of) if len(self.types[type_][1]) > 1]
        if several and self.rng.random() < 0.5:
            index = self.rng.choice(several)
            params, results = self.types[self.type_of[index]]
            return (
                b"".join(self._value(t, depth) for t in params)
                + b"\x10"
                + leb128(index)
                + b"\x1a" * len(results)
            )
        results = tuple(self.rng.choice((*NUMBERS, FUNCREF)) for _ in range(self.rng.randint(2, 5)))
        head = b"\2" + self._block_type(results)
        self.labels.append(results)
        inside = self._statement(depth) + b"".join(self._value(kind, depth) for kind in results)
        self.labels.pop()
        return head + inside + b"\x0b" + b"\x1a" * len(results)

    def _leaving(self, depth: int) -> bytes:
        """A jump, a return or a trap, behind a condition, so that what follows can be reached."""
        rng = self.rng
        self.labels.append(())
        match rng.randrange(4):
            case 0:
                results = self.labels[0]
                jump = b"".join(self._value(kind, depth) for kind in results) + b"\x0f"
            case 1:
                label = rng.randrange(len(self.labels))
                jump = (
                    b"".join(self._value(kind, depth) for kind in self.labels[-1 - label])
                    + b"\x0c"
                    + leb128(label)
                )
            case 2:
                default = rng.randrange(len(self.labels))
                wanted = self.labels[-1 - default]
                alike = [k for k in range(len(self.labels)) if self.labels[-1 - k] == wanted]
                places = [leb128(rng.choice(alike)) for _ in range(rng.randrange(6))]
                values = b"".join(self._value(kind, depth) for kind in wanted)
                jump = values + self._value(I32, depth) + b"\x0e" + vector(places) + leb128(default)
            case _:
                jump = b"\0"
        # Code that cannot be reached, of which anything is true.
        jump += rng.choice((b"", b"\1", b"\x1a", b"\x6a\x1a", b"\x20\0\x1a" if self.locals else b""))
        self.labels.pop()
        return self._value(I32, depth) + b"\x04\x40" + jump + b"\x0b"

    def _bulk(self, depth: int) -> bytes:
        rng = self.rng

        def number() -> bytes:
            return (
                b"\x41" + sleb(rng.choice((0, 1, 5, 100, 70_000, -1)))
                if rng.random() < 0.7
                else self._value(I32, depth)
            )

        three = number() + number() + number()
        match rng.randrange(8):
            case 0:
                return three + b"\xfc\x0b\0"
            case 1:
                return three + b"\xfc\x0a\0\0"
            case 2 if self.data:
                return three + b"\xfc\x08" + leb128(rng.randrange(self.data)) + b"\0"
            case 3 if self.data:
                return b"\xfc\x09" + leb128(rng.randrange(self.data))
            case 4 if self.tables:
                index = rng.randrange(len(self.tables))
                return number() + self._value(self.tables[index][0], depth) + b"\x26" + leb128(index)
            case 5 if self.tables:
                index = rng.randrange(len(self.tables))
                return (
                    number()
                    + self._value(self.tables[index][0], depth)
                    + number()
                    + b"\xfc\x11"
                    + leb128(index)
                )
            case 6 if self.tables and self.element_types:
                element = rng.randrange(len(self.element_types))
                alike = [k for k, (kind, _s) in enumerate(self.tables) if kind == self.element_types[element]]
                if alike:
                    return three + b"\xfc\x0c" + leb128(element) + leb128(rng.choice(alike))
            case 7 if self.tables:
                to = rng.randrange(len(self.tables))
                alike = [k for k, (kind, _s) in enumerate(self.tables) if kind == self.tables[to][0]]
                return three + b"\xfc\x0e" + leb128(to) + leb128(rng.choice(alike))
        return b""

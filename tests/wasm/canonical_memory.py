"""The Canonical ABI's loading, storing, lifting and lowering in plain Python, as the specification has it, with every trap.

Source: component-model, design/mvp/CanonicalABI.md, sections "Loading", "Storing", "Flat Lifting" and "Flat Lowering". Shares no
code with the driver. The memory of the guest is a bytearray; values are those of `canonical`.
"""

import math
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from tests.wasm.canonical import (
    align_to,
    alignment,
    despecialised,
    discriminant_bytes,
    elem_size,
    flatten_type,
    join,
)
from wasmverse.wasm.types import (
    Enum,
    Field,
    Flags,
    List,
    Option,
    Record,
    Result,
    Scalar,
    String,
    Tuple,
    ValueType,
    Variant,
)

_FORMATS = {
    "u8": "B",
    "u16": "H",
    "u32": "I",
    "u64": "Q",
    "s8": "b",
    "s16": "h",
    "s32": "i",
    "s64": "q",
    "f32": "f",
    "f64": "d",
}


class Trap(Exception):
    """The specification says: trap."""


def trap_if(condition: bool, why: str) -> None:
    if condition:
        raise Trap(why)


class Memory:
    """A guest's memory, from which the host asks for room as from an allocator that never takes anything back.

    ``is_strict``: core values that carry nothing must be 0, as lowering makes them; lifting does not look at them.
    """

    def __init__(self, content: bytes | bytearray, free: int = 0, items_max: int = 1 << 20) -> None:
        self.content = bytearray(content)
        self.free = free
        self.items_left = items_max
        self.is_strict = False

    def realloc(self, align: int, size: int) -> int:
        self.free = align_to(self.free, align)
        at = self.free
        self.free += size
        self.content.extend(bytes(max(0, self.free - len(self.content))))
        return at

    # Loading

    def integer(self, at: int, size: int) -> int:
        return int.from_bytes(self.content[at : at + size], "little")

    def load(self, at: int, type_: ValueType) -> Any:
        assert at == align_to(at, alignment(type_)) and at + elem_size(type_) <= len(self.content)
        match despecialised(type_):
            case Scalar("bool"):
                return self.content[at] != 0
            case Scalar("char"):
                return char_of(self.integer(at, 4))
            case Scalar(name):
                return struct.unpack_from("<" + _FORMATS[name], self.content, at)[0]
            case String():
                return self.string(self.integer(at, 4), self.integer(at + 4, 4))
            case List(item):
                return self.sequence(self.integer(at, 4), self.integer(at + 4, 4), item)
            case Record(fields):
                found = []
                for field in fields:
                    at = align_to(at, alignment(field.type))
                    found.append(self.load(at, field.type))
                    at += elem_size(field.type)
                return respecialised(type_, found)
            case Variant(cases):
                size = discriminant_bytes(len(cases))
                number = self.integer(at, size)
                trap_if(number >= len(cases), "case")
                at = align_to(
                    at + size,
                    max([alignment(case.type) for case in cases if case.type is not None], default=1),
                )
                of = cases[number].type
                return respecialised(type_, (cases[number].name, None if of is None else self.load(at, of)))
            case Flags(labels):
                return flags_of(labels, self.integer(at, elem_size(type_)))
        raise AssertionError(type_)

    def string(self, at: int, length: int) -> str:
        trap_if(at + length > len(self.content), "string")
        self._look_at(length // 16)
        try:
            return self.content[at : at + length].decode()
        except UnicodeDecodeError:
            raise Trap("utf-8") from None

    def sequence(self, at: int, length: int, item: ValueType) -> list[Any]:
        trap_if(at != align_to(at, alignment(item)), "alignment")
        trap_if(at + length * elem_size(item) > len(self.content), "list")
        self._look_at(length)
        return [self.load(at + n * elem_size(item), item) for n in range(length)]

    def _look_at(self, items: int) -> None:
        self.items_left -= items
        if self.items_left < 0:
            raise OverflowError("more than a test wants to look at")

    # Storing

    def put(self, at: int, value: int, size: int) -> None:
        self.content[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")

    def store(self, at: int, type_: ValueType, value: Any) -> None:
        assert at == align_to(at, alignment(type_)) and at + elem_size(type_) <= len(self.content)
        match despecialised(type_):
            case Scalar("bool"):
                self.put(at, int(value), 1)
            case Scalar("char"):
                self.put(at, ord(value), 4)
            case Scalar(name):
                struct.pack_into("<" + _FORMATS[name], self.content, at, value)
            case String() | List():
                begin, length = self.store_sequence(type_, value)
                self.put(at, begin, 4)
                self.put(at + 4, length, 4)
            case Record(fields):
                for field, part in zip(fields, parts(fields, value), strict=True):
                    at = align_to(at, alignment(field.type))
                    self.store(at, field.type, part)
                    at += elem_size(field.type)
            case Variant(cases):
                number, payload = case_of(type_, value)
                size = discriminant_bytes(len(cases))
                self.put(at, number, size)
                at = align_to(
                    at + size,
                    max([alignment(case.type) for case in cases if case.type is not None], default=1),
                )
                of = cases[number].type
                if of is not None:
                    self.store(at, of, payload)
            case Flags(labels):
                self.put(at, bits_of(labels, value), elem_size(type_))

    def store_sequence(self, type_: ValueType, value: Any) -> tuple[int, int]:
        if isinstance(type_, String):
            text = value.encode()
            at = self.realloc(1, len(text))
            self.content[at : at + len(text)] = text
            return at, len(text)
        assert isinstance(type_, List)
        size = elem_size(type_.item)
        at = self.realloc(alignment(type_.item), size * len(value))
        for number, item in enumerate(value):
            self.store(at + number * size, type_.item, item)
        return at, len(value)

    # Core values: a type and its bits

    def lift_flat(self, values: Iterator[tuple[str, int]], type_: ValueType) -> Any:
        match despecialised(type_):
            case Scalar("bool"):
                return next(values)[1] != 0
            case Scalar("char"):
                return char_of(next(values)[1])
            case Scalar("f32"):
                return struct.unpack("<f", next(values)[1].to_bytes(4, "little"))[0]
            case Scalar("f64"):
                return struct.unpack("<d", next(values)[1].to_bytes(8, "little"))[0]
            case Scalar(name):
                bits = int(name[1:])
                number = next(values)[1] % (1 << bits)
                return number - (1 << bits) if name[0] == "s" and number >> (bits - 1) else number
            case String():
                return self.string(next(values)[1], next(values)[1])
            case List(item):
                return self.sequence(next(values)[1], next(values)[1], item)
            case Record(fields):
                return respecialised(type_, [self.lift_flat(values, field.type) for field in fields])
            case Variant(cases):
                return self._lift_flat_variant(values, type_, cases)
            case Flags(labels):
                return flags_of(labels, next(values)[1])
        raise AssertionError(type_)

    def _lift_flat_variant(self, values: Iterator[tuple[str, int]], type_: ValueType, cases: Any) -> Any:
        flat = flatten_type(type_)
        assert flat[0] == "i32"
        _, number = next(values)
        trap_if(number >= len(cases), "case")
        carried = [next(values) for _ in flat[1:]]
        of = cases[number].type
        used = 0 if of is None else len(flatten_type(of))
        assert not self.is_strict or all(bits == 0 for _, bits in carried[used:])
        if of is None:
            return respecialised(type_, (cases[number].name, None))

        def coerced() -> Iterator[tuple[str, int]]:
            for (core, bits), wanted in zip(carried, flatten_type(of), strict=False):
                assert join(core, wanted) == core, (core, wanted)
                width = 32 if wanted in ("i32", "f32") else 64
                assert not self.is_strict or bits < 1 << width
                yield wanted, bits % (1 << width)

        return respecialised(type_, (cases[number].name, self.lift_flat(coerced(), of)))

    def lower_flat(self, type_: ValueType, value: Any) -> list[tuple[str, int]]:
        match despecialised(type_):
            case Scalar("bool"):
                return [("i32", int(value))]
            case Scalar("char"):
                return [("i32", ord(value))]
            case Scalar("f32"):
                return [("f32", int.from_bytes(struct.pack("<f", value), "little"))]
            case Scalar("f64"):
                return [("f64", int.from_bytes(struct.pack("<d", value), "little"))]
            case Scalar(name):
                core = "i64" if name in ("u64", "s64") else "i32"
                return [(core, value % (1 << (64 if core == "i64" else 32)))]
            case String() | List():
                return [("i32", number) for number in self.store_sequence(type_, value)]
            case Record(fields):
                return [
                    flat
                    for field, part in zip(fields, parts(fields, value), strict=True)
                    for flat in self.lower_flat(field.type, part)
                ]
            case Variant(cases):
                number, payload = case_of(type_, value)
                of = cases[number].type
                inner = [] if of is None else self.lower_flat(of, payload)
                flat = flatten_type(type_)[1:]
                bits = [bits for _, bits in inner] + [0] * (len(flat) - len(inner))
                return [("i32", number), *zip(flat, bits, strict=True)]
            case Flags(labels):
                return [("i32", bits_of(labels, value))]
        raise AssertionError(type_)


def char_of(number: int) -> str:
    trap_if(number >= 0x110000, "char")
    trap_if(0xD800 <= number <= 0xDFFF, "char")
    return chr(number)


def flags_of(labels: tuple[str, ...], bits: int) -> set[str]:
    return {label for number, label in enumerate(labels) if bits >> number & 1}


def bits_of(labels: tuple[str, ...], value: set[str]) -> int:
    return sum(1 << number for number, label in enumerate(labels) if label in value)


def parts(fields: Iterable[Field], value: Any) -> list[Any]:
    """The fields of a record, or of a tuple, in their order."""
    return [value[field.name] for field in fields] if isinstance(value, dict) else list(value)


def case_of(type_: ValueType, value: Any) -> tuple[int, Any]:
    """The number of a case, and the payload."""
    name, payload = (value, None) if isinstance(type_, Enum) else value
    cases = despecialised(type_).cases  # type: ignore[union-attr]
    return [case.name for case in cases].index(name), payload


def respecialised(type_: ValueType, value: Any) -> Any:
    """A value of the type that was despecialised."""
    match type_:
        case Record(fields):
            return dict(zip([field.name for field in fields], value, strict=True))
        case Tuple():
            return tuple(value)
        case Enum():
            return value[0]
    return value


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal, with NaN the same as itself."""
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, dict):
        return isinstance(b, dict) and set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


def holds_error(type_: ValueType, value: Any) -> bool:
    """Whether a result somewhere within is an error."""
    match type_:
        case List(item):
            return any(holds_error(item, part) for part in value)
        case Record() | Tuple():
            fields = despecialised(type_).fields  # type: ignore[union-attr]
            return any(
                holds_error(field.type, part)
                for field, part in zip(fields, parts(fields, value), strict=True)
            )
        case Result(ok, _):
            return value[0] == "error" or (ok is not None and holds_error(ok, value[1]))
        case Variant() | Option():
            of = dict((case.name, case.type) for case in despecialised(type_).cases)[value[0]]  # type: ignore[union-attr]
            return of is not None and holds_error(of, value[1])
    return False


def is_null(type_: ValueType, value: Any) -> bool:
    """Whether a value has no counterpart in SQL but NULL."""
    match type_:
        case Option(some):
            return value[0] == "none" or is_null(some, value[1])
        case Result(ok, _):
            return value[0] == "ok" and ok is not None and is_null(ok, value[1])
        case Variant(cases):
            of = {case.name: case.type for case in cases}[value[0]]
            return of is not None and is_null(of, value[1])
    return False


def has_null_union(type_: ValueType, value: Any) -> bool:
    """Whether a variant anywhere in a value is NULL in SQL because its payload is: then the engine forgets which case it was."""
    match type_:
        case List(item):
            return any(has_null_union(item, part) for part in value)
        case Record() | Tuple():
            fields = despecialised(type_).fields  # type: ignore[union-attr]
            return any(
                has_null_union(field.type, part)
                for field, part in zip(fields, parts(fields, value), strict=True)
            )
        case Option() | Result() | Variant():
            of = {case.name: case.type for case in despecialised(type_).cases}[value[0]]  # type: ignore[union-attr]
            is_one = isinstance(type_, Variant) and is_null(type_, value)
            return is_one or (of is not None and has_null_union(of, value[1]))
    return False


def in_sql(type_: ValueType, value: Any) -> Any:
    """The value that is left when it has been to SQL and back, where some(none) is NULL as none is."""
    match type_:
        case Option(some):
            return ("none", None) if is_null(type_, value) else ("some", in_sql(some, value[1]))
        case List(item):
            return [in_sql(item, part) for part in value]
        case Record() | Tuple():
            fields = despecialised(type_).fields  # type: ignore[union-attr]
            found = [
                in_sql(field.type, part) for field, part in zip(fields, parts(fields, value), strict=True)
            ]
            return respecialised(type_, found)
        case Result() | Variant():
            of = {case.name: case.type for case in despecialised(type_).cases}[value[0]]  # type: ignore[union-attr]
            return value[0], None if of is None else in_sql(of, value[1])
    return value

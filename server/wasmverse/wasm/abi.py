"""The Canonical ABI: how values of WIT's types lie in linear memory and travel as core values.

Source: component-model, design/mvp/CanonicalABI.md ("Alignment", "Element Size", "Flattening", "Loading", "Storing").
Everything follows from the classes of `types`: tuples are records, and options, results and enums are variants.

``leaves`` says how to load and store a value. It takes it apart to what one or two instructions move: for each such leaf
where it lies in memory, which core values carry it, and in which cases of the variants around it it is there at all. Items of
lists and characters of strings are not taken apart: their pointer and length are the leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from wasmverse.wasm.types import (
    Case,
    Enum,
    Field,
    Flags,
    Function,
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

FLAT_PARAMS_MAX = 16
"""A function with more core parameters gets them in memory instead, and the address of that."""
FLAT_RESULTS_MAX = 1
"""A function with more core results returns the address of where it has put them."""

# Of each scalar: the NumPy type code of how it lies in memory, and the core type that carries it.
_SCALARS = {
    "bool": ("u1", "i32"), "char": ("u4", "i32"),
    "u8": ("u1", "i32"), "u16": ("u2", "i32"), "u32": ("u4", "i32"), "u64": ("u8", "i64"),
    "s8": ("i1", "i32"), "s16": ("i2", "i32"), "s32": ("i4", "i32"), "s64": ("i8", "i64"),
    "f32": ("f4", "f32"), "f64": ("f8", "f64"),
}  # fmt: skip

_POINTER_AND_LENGTH = ("u4", "u4")


@dataclass(frozen=True, slots=True)
class CoreFunction:
    """The core type of a function, in the notation of `sections`: ``(i32, i64) -> f32``."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> {', '.join(self.results) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one or two loads or stores move.

    Attributes
    ----------
    path : its name, such as ``me.x``; items of tuples are numbered, cases are named. '' is the value itself.
    type : of a variant, an option, a result and an enum it is their number of the case.
    codes : NumPy type codes of how it lies in memory; pointer and length have two.
    offset : in bytes, from where the whole value begins.
    flat : the number of its first core value, among those of the whole value.
    cores : the core type of each code, of what an instruction loads or stores.
    carried : the same as the whole value carries them: wider, or integers instead of floats, where cases share a core value.
    when : for each variant around it, from the outermost, the ``flat`` of its number of the case, and the case it must be.
    """

    path: str
    type: ValueType
    codes: tuple[str, ...]
    offset: int
    flat: int
    cores: tuple[str, ...]
    carried: tuple[str, ...]
    when: tuple[tuple[int, int], ...] = ()


def fields_of(type_: Record | Tuple) -> tuple[Field, ...]:
    """The fields of a record, or of a tuple, whose fields are numbered."""
    if isinstance(type_, Record):
        return type_.fields
    return tuple(Field(str(number), item) for number, item in enumerate(type_.items))


def cases_of(type_: Variant | Enum | Option | Result) -> tuple[Case, ...]:
    """The cases that a variant has, and those that an enum, an option or a result stands for."""
    match type_:
        case Variant(cases):
            return cases
        case Enum(labels):
            return tuple(map(Case, labels))
        case Option(some):
            return Case("none"), Case("some", some)
        case Result(ok, error):
            return Case("ok", ok), Case("error", error)


def codes_of(type_: ValueType) -> tuple[str, ...]:
    """NumPy type codes of what lies in memory for a leaf of this type; of a variant, for its number of the case."""
    match type_:
        case Scalar(name):
            return (_SCALARS[name][0],)
        case String() | List():
            return _POINTER_AND_LENGTH
        case Flags(labels):
            return (_unsigned(len(labels)),)
        case Variant() | Enum() | Option() | Result():
            return (_unsigned((len(cases_of(type_)) - 1).bit_length()),)
        case Record() | Tuple():
            raise AssertionError(type_)


def _unsigned(bits: int) -> str:
    return "u1" if bits <= 8 else "u2" if bits <= 16 else "u4"


def _bytes(code: str) -> int:
    return int(code[1:])


def alignment(type_: ValueType) -> int:
    """What a value's address in memory is a multiple of."""
    match type_:
        case Record() | Tuple():
            return max(alignment(field.type) for field in fields_of(type_))
        case Variant() | Enum() | Option() | Result():
            return max(_bytes(codes_of(type_)[0]), _payload_alignment(cases_of(type_)))
        case _:
            return _bytes(codes_of(type_)[0])


def size(type_: ValueType) -> int:
    """How many bytes a value takes in memory, without what its pointers point to; a multiple of its alignment."""
    match type_:
        case Record() | Tuple():
            end = offsets(type_)[-1] + size(fields_of(type_)[-1].type)
            return aligned(end, alignment(type_))
        case Variant() | Enum() | Option() | Result():
            payloads = [size(case.type) for case in cases_of(type_) if case.type is not None]
            return aligned(payload_offset(type_) + max(payloads, default=0), alignment(type_))
        case _:
            return sum(map(_bytes, codes_of(type_)))


def aligned(at: int, to: int) -> int:
    """The first multiple of ``to`` that is not below ``at``."""
    return -(-at // to) * to


def _payload_alignment(cases: Sequence[Case]) -> int:
    return max((alignment(case.type) for case in cases if case.type is not None), default=1)


def payload_offset(type_: Variant | Enum | Option | Result) -> int:
    """Where a payload begins, whichever case it belongs to."""
    return aligned(_bytes(codes_of(type_)[0]), _payload_alignment(cases_of(type_)))


def offsets(type_: Record | Tuple) -> tuple[int, ...]:
    """Where in the value each field begins."""
    found, at = [], 0
    for part in fields_of(type_):
        at = aligned(at, alignment(part.type))
        found.append(at)
        at += size(part.type)
    return tuple(found)


def flatten(type_: ValueType) -> tuple[str, ...]:
    """The core types that carry a value."""
    match type_:
        case Scalar(name):
            return (_SCALARS[name][1],)
        case String() | List():
            return ("i32", "i32")
        case Flags():
            return ("i32",)
        case Record() | Tuple():
            return tuple(core for field in fields_of(type_) for core in flatten(field.type))
        case Variant() | Enum() | Option() | Result():
            payloads = (flatten(case.type) for case in cases_of(type_) if case.type is not None)
            joined: tuple[str, ...] = ()
            for payload in payloads:
                joined = tuple(_joined(a, b) for a, b in zip_longest(joined, payload))
            return ("i32", *joined)


def _joined(a: str | None, b: str | None) -> str:
    """The core type that can carry either; None where a case has no further value."""
    if a is None or b is None or a == b:
        return a or b or "i32"
    return "i32" if {a, b} == {"i32", "f32"} else "i64"


def widened(value: str, core: str, to: str) -> str:
    """The expression of a core value as it is carried where cases share a core value: its bits, with noughts above them."""
    match core, to:
        case ("f32", "i32" | "i64"):
            bits = f"(i32.reinterpret_f32 {value})"
            return bits if to == "i32" else f"(i64.extend_i32_u {bits})"
        case ("f64", "i64"):
            return f"(i64.reinterpret_f64 {value})"
        case ("i32", "i64"):
            return f"(i64.extend_i32_u {value})"
    assert core == to, (core, to)
    return value


def core_function(function: Function) -> CoreFunction:
    """The core type of a function that a guest exports."""
    params = tuple(core for field in function.params for core in flatten(field.type))
    results = () if function.result is None else flatten(function.result)
    return CoreFunction(
        params if len(params) <= FLAT_PARAMS_MAX else ("i32",),
        results if len(results) <= FLAT_RESULTS_MAX else ("i32",),
    )


def params_of(function: Function) -> Record | None:
    """All parameters as one record, as which they lie in memory when they are too many; None when there are none."""
    return Record(function.params) if function.params else None


def leaves(type_: ValueType) -> tuple[Leaf, ...]:
    """What a value is loaded and stored by, in the order of the core values that carry it."""
    return tuple(_leaves("", type_, 0, 0, flatten(type_), ()))


def _leaves(
    path: str,
    type_: ValueType,
    offset: int,
    flat: int,
    whole: tuple[str, ...],
    when: tuple[tuple[int, int], ...],
) -> Iterator[Leaf]:
    match type_:
        case Record() | Tuple():
            at = offset
            for field in fields_of(type_):
                at = aligned(at, alignment(field.type))
                yield from _leaves(_under(path, field.name), field.type, at, flat, whole, when)
                at += size(field.type)
                flat += len(flatten(field.type))
        case Variant() | Enum() | Option() | Result():
            yield Leaf(path, type_, codes_of(type_), offset, flat, ("i32",), (whole[flat],), when)
            payload = offset + payload_offset(type_)
            for number, case in enumerate(cases_of(type_)):
                if case.type is not None:
                    inside = (*when, (flat, number))
                    yield from _leaves(_under(path, case.name), case.type, payload, flat + 1, whole, inside)
        case _:
            cores = flatten(type_)
            carried = whole[flat : flat + len(cores)]
            yield Leaf(path, type_, codes_of(type_), offset, flat, cores, carried, when)


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def instruction(core: str, code: str, verb: str) -> str:
    """The load or store between what lies in memory and a core type, such as ``i32.load8_u``."""
    width = _bytes(code)
    if width == {"i32": 4, "i64": 8, "f32": 4, "f64": 8}[core]:
        return f"{core}.{verb}"
    sign = ("_s" if code[0] == "i" else "_u") if verb == "load" else ""
    return f"{core}.{verb}{8 * width}{sign}"

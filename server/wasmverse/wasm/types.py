"""The types of WIT as values: small classes that compose, and functions over them.

They know nothing of how a value is laid out; `abi` derives that from them. Two types are equal when they have the same
structure: WIT's names of records, variants, enums and flags are no part of it. ``str`` gives a type in WIT's notation.
"""

from __future__ import annotations

from dataclasses import dataclass

FLAGS_MAX = 32
"""More flags than this no value of flags can have: they are the bits of one i32."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, a truth value or a character, by its name in WIT."""

    name: str

    def __str__(self) -> str:
        return self.name


BOOL, CHAR = Scalar("bool"), Scalar("char")
U8, U16, U32, U64 = (Scalar(f"u{bits}") for bits in (8, 16, 32, 64))
S8, S16, S32, S64 = (Scalar(f"s{bits}") for bits in (8, 16, 32, 64))
F32, F64 = Scalar("f32"), Scalar("f64")
SCALARS = {scalar.name: scalar for scalar in (BOOL, CHAR, U8, U16, U32, U64, S8, S16, S32, S64, F32, F64)}


@dataclass(frozen=True, slots=True)
class String:
    """Text, in UTF-8."""

    def __str__(self) -> str:
        return "string"


@dataclass(frozen=True, slots=True)
class List:
    """Any number of items of one type."""

    item: ValueType

    def __str__(self) -> str:
        return f"list<{self.item}>"


@dataclass(frozen=True, slots=True)
class Field:
    """A named part: a field of a record, a parameter of a function."""

    name: str
    type: ValueType

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


@dataclass(frozen=True, slots=True)
class Record:
    """One or more fields."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        assert self.fields
        assert len({field.name for field in self.fields}) == len(self.fields)

    def __str__(self) -> str:
        return f"record {{ {', '.join(map(str, self.fields))} }}"


@dataclass(frozen=True, slots=True)
class Tuple:
    """One or more items, each of a type of its own."""

    items: tuple[ValueType, ...]

    def __post_init__(self) -> None:
        assert self.items

    def __str__(self) -> str:
        return f"tuple<{', '.join(map(str, self.items))}>"


@dataclass(frozen=True, slots=True)
class Case:
    """One of a variant's cases; its type is None when it has no payload."""

    name: str
    type: ValueType | None = None

    def __str__(self) -> str:
        return self.name if self.type is None else f"{self.name}({self.type})"


@dataclass(frozen=True, slots=True)
class Variant:
    """One of one or more cases."""

    cases: tuple[Case, ...]

    def __post_init__(self) -> None:
        assert self.cases
        assert len({case.name for case in self.cases}) == len(self.cases)

    def __str__(self) -> str:
        return f"variant {{ {', '.join(map(str, self.cases))} }}"


@dataclass(frozen=True, slots=True)
class Enum:
    """One of one or more labels."""

    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        assert self.labels
        assert len(set(self.labels)) == len(self.labels)

    def __str__(self) -> str:
        return f"enum {{ {', '.join(self.labels)} }}"


@dataclass(frozen=True, slots=True)
class Option:
    """A value, or none."""

    some: ValueType

    def __str__(self) -> str:
        return f"option<{self.some}>"


@dataclass(frozen=True, slots=True)
class Result:
    """What was asked for, or an error; None for either stands for no payload."""

    ok: ValueType | None = None
    error: ValueType | None = None

    def __str__(self) -> str:
        if self.ok is None and self.error is None:
            return "result"
        if self.error is None:
            return f"result<{self.ok}>"
        return f"result<{self.ok or '_'}, {self.error}>"


@dataclass(frozen=True, slots=True)
class Flags:
    """A set of labels, up to ``FLAGS_MAX`` of them."""

    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        assert 0 < len(self.labels) <= FLAGS_MAX
        assert len(set(self.labels)) == len(self.labels)

    def __str__(self) -> str:
        return f"flags {{ {', '.join(self.labels)} }}"


ValueType = Scalar | String | List | Record | Tuple | Variant | Enum | Option | Result | Flags


@dataclass(frozen=True, slots=True)
class Function:
    """The type of a function: named parameters, and one result or none."""

    params: tuple[Field, ...]
    result: ValueType | None

    def __str__(self) -> str:
        result = "" if self.result is None else f" -> {self.result}"
        return f"func({', '.join(map(str, self.params))}){result}"


def unnamed(type_: ValueType) -> ValueType:
    """The same structure without names: records as tuples, cases and labels numbered."""
    match type_:
        case Record(fields):
            return Tuple(tuple(unnamed(field.type) for field in fields))
        case Tuple(items):
            return Tuple(tuple(map(unnamed, items)))
        case Variant(cases):
            return Variant(
                tuple(
                    Case(str(number), None if case.type is None else unnamed(case.type))
                    for number, case in enumerate(cases)
                )
            )
        case Enum(labels) | Flags(labels):
            return type(type_)(tuple(map(str, range(len(labels)))))
        case List(inner) | Option(inner):
            return type(type_)(unnamed(inner))
        case Result(ok, error):
            return Result(None if ok is None else unnamed(ok), None if error is None else unnamed(error))
    return type_

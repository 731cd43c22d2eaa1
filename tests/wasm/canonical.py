"""The Canonical ABI a second time, after the text of the specification, and values of its types.

Source: component-model, design/mvp/CanonicalABI.md, sections "Alignment", "Element Size", "Flattening". It despecialises types
first, as the text does, and shares no code with `wasmverse.wasm.abi`.

Values are plain: numbers, bool, str, lists, a dict for a record, a tuple for a tuple, a set for flags, a string for an enum, and
(case, payload or None) for variants, options and results.
"""

import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from wasmverse.wasm.types import (
    SCALARS,
    Case,
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


def despecialised(type_: ValueType) -> ValueType:
    match type_:
        case Tuple(items):
            return Record(tuple(Field(str(n), item) for n, item in enumerate(items)))
        case Enum(labels):
            return Variant(tuple(Case(label) for label in labels))
        case Option(some):
            return Variant((Case("none"), Case("some", some)))
        case Result(ok, error):
            return Variant((Case("ok", ok), Case("error", error)))
    return type_


def discriminant_bytes(cases: int) -> int:
    return {0: 1, 1: 1, 2: 2, 3: 4}[math.ceil(math.log2(cases) / 8)]


def alignment(type_: ValueType) -> int:
    match despecialised(type_):
        case Scalar(name):
            return {"bool": 1, "char": 4}.get(name) or int(name[1:]) // 8
        case String() | List():
            return 4
        case Record(fields):
            result = 1
            for field in fields:
                result = max(result, alignment(field.type))
            return result
        case Variant(cases):
            result = discriminant_bytes(len(cases))
            for case in cases:
                if case.type is not None:
                    result = max(result, alignment(case.type))
            return result
        case Flags(labels):
            return 1 if len(labels) <= 8 else 2 if len(labels) <= 16 else 4
    raise AssertionError(type_)


def align_to(at: int, to: int) -> int:
    return math.ceil(at / to) * to


def elem_size(type_: ValueType) -> int:
    match despecialised(type_):
        case Scalar() | Flags():
            return alignment(type_)
        case String() | List():
            return 8
        case Record(fields):
            at = 0
            for field in fields:
                at = align_to(at, alignment(field.type))
                at += elem_size(field.type)
            return align_to(at, alignment(type_))
        case Variant(cases):
            at = discriminant_bytes(len(cases))
            at = align_to(
                at, max([alignment(case.type) for case in cases if case.type is not None], default=1)
            )
            largest = 0
            for case in cases:
                if case.type is not None:
                    largest = max(largest, elem_size(case.type))
            return align_to(at + largest, alignment(type_))
    raise AssertionError(type_)


def flatten_type(type_: ValueType) -> list[str]:
    match despecialised(type_):
        case Scalar(name):
            return [{"u64": "i64", "s64": "i64", "f32": "f32", "f64": "f64"}.get(name, "i32")]
        case String() | List():
            return ["i32", "i32"]
        case Record(fields):
            flat = []
            for field in fields:
                flat += flatten_type(field.type)
            return flat
        case Variant(cases):
            flat: list[str] = []
            for case in cases:
                if case.type is not None:
                    for number, core in enumerate(flatten_type(case.type)):
                        if number < len(flat):
                            flat[number] = join(flat[number], core)
                        else:
                            flat.append(core)
            return ["i32", *flat]
        case Flags():
            return ["i32"]
    raise AssertionError(type_)


def join(a: str, b: str) -> str:
    if a == b:
        return a
    if (a, b) in (("i32", "f32"), ("f32", "i32")):
        return "i32"
    return "i64"


# Types and values at random

_NAMES = [f"n{number}" for number in range(40)]


def _combined(inner: st.SearchStrategy[ValueType]) -> st.SearchStrategy[ValueType]:
    maybe = st.none() | inner
    return st.one_of(
        inner.map(List),
        inner.map(Option),
        st.builds(Result, maybe, maybe),
        st.lists(inner, min_size=1, max_size=4).map(lambda items: Tuple(tuple(items))),
        st.lists(inner, min_size=1, max_size=4).map(lambda types: Record(tuple(map(Field, _NAMES, types)))),
        st.lists(maybe, min_size=1, max_size=4).map(lambda types: Variant(tuple(map(Case, _NAMES, types)))),
    )


_LEAVES = st.one_of(
    st.sampled_from(list(SCALARS.values())),
    st.just(String()),
    st.integers(1, 32).map(lambda count: Flags(tuple(_NAMES[:count]))),
    st.sampled_from([1, 2, 255, 256, 257]).map(lambda count: Enum(tuple(f"e{n}" for n in range(count)))),
)

value_types = st.recursive(_LEAVES, _combined, max_leaves=8)


def values_of(type_: ValueType, *, errors: bool = True) -> st.SearchStrategy[Any]:
    """Values of a type; no NaN, of which there are too many. Without ``errors``, every result is what was asked for."""

    def within(type_: ValueType) -> st.SearchStrategy[Any]:
        return values_of(type_, errors=errors)

    match type_:
        case Scalar("bool"):
            return st.booleans()
        case Scalar("char"):
            return st.characters(exclude_categories=["Cs"])
        case Scalar("f32" | "f64" as name):
            return st.floats(width=32 if name == "f32" else 64, allow_nan=False)
        case Scalar(name):
            bits = int(name[1:])
            return (
                st.integers(0, 2**bits - 1)
                if name[0] == "u"
                else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            )
        case String():
            return st.text(max_size=9)
        case List(item):
            return st.lists(within(item), max_size=3)
        case Record(fields):
            return st.fixed_dictionaries({field.name: within(field.type) for field in fields})
        case Tuple(items):
            return st.tuples(*map(within, items))
        case Enum(labels):
            return st.sampled_from(labels)
        case Flags(labels):
            return st.sets(st.sampled_from(labels))
    cases = despecialised(type_).cases  # type: ignore[union-attr]
    if isinstance(type_, Result) and not errors:
        cases = cases[:1]
    return st.one_of(
        [
            st.tuples(st.just(case.name), st.none() if case.type is None else within(case.type))
            for case in cases
        ]
    )


def parts_of(path: str, type_: ValueType, value: Any) -> Iterator[tuple[str, Any]]:
    """What the leaves of a value hold, by their path: a number, or how many bytes or items something has."""
    under = f"{path}." if path else ""
    match type_:
        case Scalar("char"):
            yield path, ord(value)
        case Scalar():
            yield path, value
        case String():
            yield path, len(value.encode())
        case List():
            yield path, len(value)
        case Flags(labels):
            yield path, sum(1 << number for number, label in enumerate(labels) if label in value)
        case Record(fields):
            for field in fields:
                yield from parts_of(f"{under}{field.name}", field.type, value[field.name])
        case Tuple(items):
            for number, (item, part) in enumerate(zip(items, value, strict=True)):
                yield from parts_of(f"{under}{number}", item, part)
        case Enum(labels):
            yield path, labels.index(value)
        case _:
            name, payload = value
            for number, case in enumerate(despecialised(type_).cases):  # type: ignore[union-attr]
                if case.name == name:
                    yield path, number
                    if case.type is not None:
                        yield from parts_of(f"{under}{name}", case.type, payload)

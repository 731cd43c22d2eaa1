"""Plain values of WIT's types (see `tests.wasm.canonical`) as Arrow arrays and back, built part by part.

Shares no code with the package but the names of types.
"""

from functools import partial
from typing import Any

import pyarrow as pa

from tests.wasm.canonical import despecialised
from tests.wasm.canonical_memory import is_null, parts
from wasmverse.functions.sql_types import arrow_type
from wasmverse.wasm.types import (
    BOOL,
    U8,
    Enum,
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


def arrow_of(type_: ValueType, values: list[Any], *, plain: bool = False) -> Any:
    """An array; a value that is None is a null. Labels of enums are in dictionaries, unless they are to be plain texts."""
    of = partial(arrow_of, plain=plain)
    nulls = pa.array([value is None for value in values], pa.bool_())
    match type_:
        case List(item) if item == U8:
            return pa.array([None if value is None else bytes(value) for value in values], pa.binary())
        case Scalar() | String():
            return pa.array(values, arrow_type(type_))
        case Enum():
            labels = pa.array(values, pa.string())
            return labels if plain else labels.dictionary_encode()
        case Option(some):
            return of(
                some, [None if value is None or is_null(type_, value) else value[1] for value in values]
            )
        case Result(ok, _):
            assert all(value is None or value[0] == "ok" for value in values)
            if ok is None:
                return pa.array([None if value is None else True for value in values])
            return of(ok, [None if value is None else value[1] for value in values])
        case List(item):
            offsets, items = [0], []
            for value in values:
                items += value or []
                offsets.append(len(items))
            return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), of(item, items), mask=nulls)
        case Record() | Tuple():
            fields = despecialised(type_).fields  # type: ignore[union-attr]
            columns = [
                of(field.type, [None if value is None else parts(fields, value)[n] for value in values])
                for n, field in enumerate(fields)
            ]
            names = [f"f{field.name}" if isinstance(type_, Tuple) else field.name for field in fields]
            return pa.StructArray.from_arrays(columns, names, mask=nulls)
        case Flags(names):
            bits = [
                pa.array([None if value is None else label in value for value in values], pa.bool_())
                for label in names
            ]
            return pa.StructArray.from_arrays(bits, list(names), mask=nulls)
        case Variant(cases):
            names = [case.name for case in cases]
            members = [
                of(
                    case.type or BOOL,
                    [
                        None if value is None or value[0] != case.name else value[1] if case.type else True
                        for value in values
                    ],
                )
                for case in cases
            ]
            numbers = [0 if value is None else names.index(value[0]) for value in values]
            return pa.UnionArray.from_sparse(pa.array(numbers, pa.int8()), members, names)


def value_of(type_: ValueType, array: Any, at: int) -> Any:
    """The plain value that an element of an array stands for."""
    match type_:
        case Option(some):
            # A union is null where its member is.
            return (
                ("some", value_of(some, array, at))
                if array.is_null()[at].as_py() is False
                else ("none", None)
            )
        case Result(ok, _):
            return "ok", None if ok is None else value_of(ok, array, at)
        case Variant(cases):
            # pyarrow's ``type_codes`` of a slice are those of the whole, and the ``type_code`` of an element that is null is 0.
            number = array.buffers()[1][array.offset + at]
            of = cases[number].type
            return cases[number].name, None if of is None else value_of(of, array.field(number), at)
    assert array[at].is_valid, (type_, array[at])
    match type_:
        case List(item) if item == U8:
            return list(array[at].as_py())
        case List(item):
            items = array[at].values
            return [value_of(item, items, n) for n in range(len(items))]
        case Record(fields):
            return {field.name: value_of(field.type, array.field(n), at) for n, field in enumerate(fields)}
        case Tuple(items):
            return tuple(value_of(item, array.field(n), at) for n, item in enumerate(items))
        case Flags(labels):
            return {label for n, label in enumerate(labels) if array.field(n)[at].as_py()}
    return array[at].as_py()

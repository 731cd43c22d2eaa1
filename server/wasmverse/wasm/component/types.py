"""The types of a component's functions, as ``wasm.types`` has them, from what the engine says of a compiled component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wasmtime.component import _types as engine

from wasmverse.wasm.types import (
    SCALARS,
    Case,
    Enum,
    Field,
    Flags,
    Function,
    List,
    Option,
    Record,
    Result,
    String,
    Tuple,
    ValueType,
    Variant,
)

PATH = "#"
"""Between the name of an exported instance and that of its function: ``wasmverse:strategy/pilot@1.0.0#decide``."""

DEPTH_MAX = 32
_PARTS_MAX = 4_096
"""Parts of one function's type that are looked at; one with more can be called by nobody here."""

_SCALARS = {
    engine.Bool: "bool", engine.Char: "char",
    engine.U8: "u8", engine.U16: "u16", engine.U32: "u32", engine.U64: "u64",
    engine.S8: "s8", engine.S16: "s16", engine.S32: "s32", engine.S64: "s64",
    engine.F32: "f32", engine.F64: "f64",
}  # fmt: skip


class _NoValue(Exception):
    """A type that is no plain value: a resource, a stream, or too large a type."""


def functions_of(exports: Mapping[str, Any], of: Any) -> dict[str, Function | None]:
    """The functions among some exports and those of exported instances, by name or ``instance#name``.

    None stands for a function that takes or returns something else than plain values.
    """
    found: dict[str, Function | None] = {}
    for name, item in exports.items():
        type_ = item.ty
        if isinstance(type_, engine.FuncType):
            found[name] = _function(type_)
        elif isinstance(type_, engine.ComponentInstanceType):
            for inner, function in type_.exports(of).items():
                inside = function.ty
                if isinstance(inside, engine.FuncType):
                    found[f"{name}{PATH}{inner}"] = _function(inside)
    return found


def _function(type_: engine.FuncType) -> Function | None:
    parts = _Parts()
    try:
        params = tuple(Field(name, parts.value(param, 0)) for name, param in type_.params)
        result = type_.result
        return Function(params, None if result is None else parts.value(result, 0))
    except (_NoValue, TypeError):  # the latter: a kind of type that wasmtime-py does not know
        return None


class _Parts:
    """Looks at types part by part; few bytes can describe a type of any number of parts."""

    def __init__(self) -> None:
        self._left = _PARTS_MAX

    def value(self, type_: Any, depth: int) -> ValueType:
        """The type of a value. Raises _NoValue."""
        self._left -= 1
        if self._left < 0 or depth > DEPTH_MAX:
            raise _NoValue
        inner = depth + 1
        match type_:
            case engine.String():
                return String()
            case engine.ListType():
                return List(self.value(type_.element, inner))
            case engine.RecordType():
                return Record(tuple(Field(name, self.value(part, inner)) for name, part in type_.fields))
            case engine.TupleType():
                return Tuple(tuple(self.value(part, inner) for part in type_.elements))
            case engine.VariantType():
                return Variant(tuple(Case(name, self._payload(part, inner)) for name, part in type_.cases))
            case engine.EnumType():
                return Enum(tuple(type_.names))
            case engine.FlagsType():
                return Flags(tuple(type_.names))
            case engine.OptionType():
                return Option(self.value(type_.payload, inner))
            case engine.ResultType():
                return Result(self._payload(type_.ok, inner), self._payload(type_.err, inner))
        scalar = _SCALARS.get(type(type_))
        if scalar is None:
            raise _NoValue
        return SCALARS[scalar]

    def _payload(self, type_: Any, depth: int) -> ValueType | None:
        return None if type_ is None else self.value(type_, depth)

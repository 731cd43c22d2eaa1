"""A Wasm function of SQL as the catalogue has it: its kind, its types, and which exports of which module it is.

A definition travels as a row of plain values: it is stored so, and published so to the readers with each turn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

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

Kind = Literal["scalar", "table", "aggregate"]
Abi = Literal["basic", "canonical"]

CREATED = 1
"""The first version of a function; each that replaces it has the next number."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of one function. Several functions may share a name if their parameters differ.

    Attributes
    ----------
    name : as SQL calls it, in lower case.
    kind : a table function's result is a list of records; an aggregate's parameters are those of one row.
    function : its type, as SQL sees it.
    abi : how values travel: ``basic`` is numbers alone, as core values.
    sha256 : of the module's bytes, in hexadecimal digits.
    language : what the module says it was written in.
    export : the function of the module; '' for an aggregate, which has the next six instead.
    state : what an aggregate's state is; None for every other kind.
    is_handle : the state is a number that means something only within the instance that gave it.
    initialize, iterate, merge, terminate : an aggregate's exports: ``() -> state``, ``(state, a row) -> state``,
        ``(state, state) -> state`` and ``(state) -> result``. ``merge`` may be missing.
    pages_max : pages of 64 KiB that an instance's memory may grow to; None for as many as the settings allow.
    version : counts from ``CREATED``.
    owner : the id of who may change it.
    """

    name: str
    kind: Kind
    function: Function
    abi: Abi
    sha256: str
    language: str = ""
    export: str = ""
    state: ValueType | None = None
    is_handle: bool = False
    initialize: str | None = None
    iterate: str | None = None
    merge: str | None = None
    terminate: str | None = None
    pages_max: int | None = None
    version: int = CREATED
    owner: str = ""

    @property
    def exports(self) -> tuple[str, ...]:
        """The module's functions that are called."""
        if self.kind != "aggregate":
            return (self.export,)
        steps = (self.initialize, self.iterate, self.merge, self.terminate)
        return tuple(step for step in steps if step is not None)

    def to_row(self) -> dict[str, Any]:
        """Plain values by column: types as JSON."""
        row: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        params = [[field.name, _to_json(field.type)] for field in self.function.params]
        row["function"] = _dumps([params, _to_json(self.function.result)])
        row["state"] = None if self.state is None else _dumps(_to_json(self.state))
        return row

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Definition:
        """The definition of a row that `to_row` made; other columns are passed over."""
        values = {name: row[name] for name in cls.__slots__}
        params, result = json.loads(row["function"])
        fields = tuple(Field(name, _of_json(type_)) for name, type_ in params)
        values["function"] = Function(fields, _of_json_or_none(result))
        values["state"] = None if row["state"] is None else _of_json(json.loads(row["state"]))
        return cls(**values)


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _to_json(type_: ValueType | None) -> object:
    """A type as JSON: the name of a scalar, else a list of its kind and its parts; None for no type."""
    match type_:
        case None:
            return None
        case List(item) | Option(item):
            return [_KINDS[type(type_)], _to_json(item)]
        case Record(fields):
            return ["record", *([field.name, _to_json(field.type)] for field in fields)]
        case Tuple(items):
            return ["tuple", *map(_to_json, items)]
        case Variant(cases):
            return ["variant", *([case.name, _to_json(case.type)] for case in cases)]
        case Result(ok, error):
            return ["result", _to_json(ok), _to_json(error)]
        case Enum(labels) | Flags(labels):
            return [_KINDS[type(type_)], *labels]
    return str(type_)


_KINDS: dict[type, str] = {List: "list", Option: "option", Enum: "enum", Flags: "flags"}


def _of_json(value: Any) -> ValueType:
    """The type that `_to_json` wrote."""
    if isinstance(value, str):
        return String() if value == "string" else SCALARS[value]
    kind, *parts = value
    match kind:
        case "list":
            return List(_of_json(parts[0]))
        case "option":
            return Option(_of_json(parts[0]))
        case "record":
            return Record(tuple(Field(name, _of_json(type_)) for name, type_ in parts))
        case "tuple":
            return Tuple(tuple(map(_of_json, parts)))
        case "variant":
            return Variant(tuple(Case(name, _of_json_or_none(type_)) for name, type_ in parts))
        case "result":
            return Result(*map(_of_json_or_none, parts))
        case "enum":
            return Enum(tuple(parts))
    assert kind == "flags"
    return Flags(tuple(parts))


def _of_json_or_none(value: Any) -> ValueType | None:
    return None if value is None else _of_json(value)

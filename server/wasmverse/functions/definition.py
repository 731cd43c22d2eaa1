"""A Wasm function of SQL as the catalogue has it: its kind, its types, and which exports of which module it is.

A definition travels as a row of plain values: it is stored so, and published so to the readers with each turn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from wasmverse.errors import FunctionError
from wasmverse.functions.type_names import fields_of, shown_name, sql_name, sql_type
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

CHARACTERS_MAX = 32_000
"""Characters of all texts of a definition's row together: a WIT of a few lines can make types whose names fill megabytes, and all
definitions are stored, and published with every turn that changes one.
"""

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

    @property
    def parameters(self) -> str:
        """The names of the parameters' types in SQL: what tells functions of one name apart."""
        return ", ".join(sql_type(field.type) for field in self.function.params)

    @property
    def signature(self) -> str:
        """Its type for people, as a statement could declare it: ``(x DOUBLE, y DOUBLE NULL) RETURNS DOUBLE``."""
        params = ", ".join(
            f"{shown_name(sql_name(field.name))} {declared(field.type)}" for field in self.function.params
        )
        result = self.function.result
        assert result is not None
        if self.kind != "table":
            return f"({params}) RETURNS {declared(result)}"
        assert isinstance(result, List)
        columns = (
            f"{shown_name(sql_name(name))} {declared(type_)}" for name, type_ in fields_of(result.item)
        )
        return f"({params}) RETURNS TABLE({', '.join(columns)})"

    def to_row(self) -> dict[str, Any]:
        """Plain values by column: types as JSON."""
        row: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        params = [[field.name, type_to_json(field.type)] for field in self.function.params]
        row["function"] = _dumps([params, type_to_json(self.function.result)])
        row["state"] = None if self.state is None else _dumps(type_to_json(self.state))
        return row

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Definition:
        """The definition of a row that `to_row` made; other columns are passed over."""
        values = {name: row[name] for name in cls.__slots__}
        params, result = json.loads(row["function"])
        fields = tuple(Field(name, type_of_json(type_)) for name, type_ in params)
        values["function"] = Function(fields, _type_or_none(result))
        values["state"] = None if row["state"] is None else type_of_json(json.loads(row["state"]))
        return cls(**values)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Definition:
        """The definition of a row that came from outside.

        Raises
        ------
        FunctionError : it is none that `to_row` could have made, or too long.
        """
        try:
            _check_characters(row)
            definition = cls.of_row(row)
            is_whole = json.dumps(definition.to_row()) == json.dumps({key: row[key] for key in cls.__slots__})
        except (ValueError, TypeError, KeyError, AssertionError, AttributeError, RecursionError):
            is_whole = False
        if (
            not is_whole
            or definition.kind not in get_args(Kind)
            or definition.abi not in get_args(Abi)
            or not definition.has_all
        ):
            raise FunctionError("the definition of a function is not understood: create the function again")
        return definition

    @property
    def has_all(self) -> bool:
        """Whether everything is there that one of its kind has."""
        result = self.function.result
        if self.kind == "aggregate":
            steps = (self.initialize, self.iterate, self.terminate)
            return result is not None and self.state is not None and None not in steps
        is_table = isinstance(result, List) and isinstance(result.item, Record)
        return result is not None and self.state is None and (is_table or self.kind != "table")

    def check(self) -> None:
        """Refuse one that is longer than any may be; raises FunctionError."""
        _check_characters(self.to_row())


def _check_characters(row: Mapping[str, Any]) -> None:
    characters = sum(len(value) for value in row.values() if isinstance(value, str))
    if characters > CHARACTERS_MAX:
        raise FunctionError(
            f"the function's types and names have {characters:,} characters when they are written out; {CHARACTERS_MAX:,} are "
            "allowed: shorten the names, or pass fewer values"
        )


def declared(type_: ValueType) -> str:
    """A type in SQL as it is declared: one that may be NULL says so."""
    return f"{sql_type(type_)} NULL" if isinstance(type_, Option) else sql_type(type_)


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def type_to_json(type_: ValueType | None) -> object:
    """A type as JSON: the name of a scalar, else a list of its kind and its parts; None for no type."""
    match type_:
        case None:
            return None
        case List(item) | Option(item):
            return [_KINDS[type(type_)], type_to_json(item)]
        case Record(fields):
            return ["record", *([field.name, type_to_json(field.type)] for field in fields)]
        case Tuple(items):
            return ["tuple", *map(type_to_json, items)]
        case Variant(cases):
            return ["variant", *([case.name, type_to_json(case.type)] for case in cases)]
        case Result(ok, error):
            return ["result", type_to_json(ok), type_to_json(error)]
        case Enum(labels) | Flags(labels):
            return [_KINDS[type(type_)], *labels]
    return str(type_)


_KINDS: dict[type, str] = {List: "list", Option: "option", Enum: "enum", Flags: "flags"}


def type_of_json(value: Any) -> ValueType:
    """The type that `type_to_json` wrote; of our own values only."""
    if isinstance(value, str):
        return String() if value == "string" else SCALARS[value]
    kind, *parts = value
    match kind:
        case "list":
            return List(type_of_json(parts[0]))
        case "option":
            return Option(type_of_json(parts[0]))
        case "record":
            return Record(tuple(Field(name, type_of_json(type_)) for name, type_ in parts))
        case "tuple":
            return Tuple(tuple(map(type_of_json, parts)))
        case "variant":
            return Variant(tuple(Case(name, _type_or_none(type_)) for name, type_ in parts))
        case "result":
            return Result(*map(_type_or_none, parts))
        case "enum":
            return Enum(tuple(parts))
    assert kind == "flags"
    return Flags(tuple(parts))


def _type_or_none(value: Any) -> ValueType | None:
    return None if value is None else type_of_json(value)

"""What somebody wants a function to be, before its module is known: as a statement or an upload says it.

It travels to the process that checks the module as JSON, and may have been written by anybody: each part is checked where it is
used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from wasmverse.errors import FunctionError
from wasmverse.functions.definition import Abi, Definition, Kind, type_of_json, type_to_json
from wasmverse.wasm.types import Field, ValueType

WIT_BYTES_MAX = 64 << 10
"""Longest WIT text, in bytes."""
GROW_BYTES_MAX = 1 << 32
"""The most that a memory of 32-bit addresses can have."""
PAGE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """A function that is to be made of a module.

    Attributes
    ----------
    name : checked.
    params, result : as they were declared; None where they follow from ``wit`` or from the module. An aggregate's are those of
        a row and of its end. Of a table the result is a list of records, or None.
    has_params, has_result : whether they were declared: a function may have no result at all.
    wit : a world with the exported functions' types.
    abi : None for whichever fits.
    export : of a scalar or table function; None for what its name says.
    state : of an aggregate; None with ``is_handle``, or where it follows from ``wit``.
    steps : of an aggregate: the exports of initialize, iterate, merge (or None) and terminate.
    """

    name: str
    kind: Kind = "scalar"
    params: tuple[Field, ...] = ()
    result: ValueType | None = None
    has_params: bool = False
    has_result: bool = False
    wit: str | None = None
    abi: Abi | None = None
    export: str | None = None
    state: ValueType | None = None
    is_handle: bool = False
    steps: tuple[str, str, str | None, str] | None = None
    pages_max: int | None = None

    def to_json(self) -> str:
        """As `of_json` reads it."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        values["params"] = [[field.name, type_to_json(field.type)] for field in self.params]
        values["result"] = type_to_json(self.result)
        values["state"] = type_to_json(self.state)
        return json.dumps(values)

    @classmethod
    def of_json(cls, text: str | bytes) -> Self:
        """What `to_json` wrote; of our own values only."""
        values = json.loads(text)
        values["params"] = tuple(Field(name, type_of_json(type_)) for name, type_ in values["params"])
        for key in ("result", "state"):
            values[key] = None if values[key] is None else type_of_json(values[key])
        values["steps"] = None if values["steps"] is None else tuple(values["steps"])
        return cls(**values)


def wanted_of(definition: Definition) -> Wanted:
    """What to want of a module that is to be the same function again."""
    steps = None
    if definition.kind == "aggregate":
        initialize, iterate, terminate = definition.initialize, definition.iterate, definition.terminate
        if initialize is None or iterate is None or terminate is None:
            raise FunctionError(f"the aggregate {definition.name} lacks a step: create it again")
        steps = initialize, iterate, definition.merge, terminate
    return Wanted(
        definition.name,
        definition.kind,
        definition.function.params,
        definition.function.result,
        has_params=True,
        has_result=True,
        abi=definition.abi,
        export=definition.export or None,
        state=None if definition.is_handle else definition.state,
        is_handle=definition.is_handle,
        steps=steps,
        pages_max=definition.pages_max,
    )

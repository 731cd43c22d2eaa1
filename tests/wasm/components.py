"""Components around a core function: what wasmtime itself makes of the Canonical ABI."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import wasmtime
from wasmtime import component
from wasmtime.component._types import VariantLikeType

from tests.wasm import canonical
from wasmverse.wasm.types import (
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

ENGINE = wasmtime.Engine()


class Declared:
    """Types in the text format of components, where all but the anonymous ones must have a name that is exported."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def name(self, type_: ValueType) -> str:
        match type_:
            case Scalar(name):
                return name
            case String():
                return "string"
            case List(item):
                return self._type(f"(list {self.name(item)})")
            case Option(some):
                return self._type(f"(option {self.name(some)})")
            case Tuple(items):
                return self._type(f"(tuple {' '.join(map(self.name, items))})")
            case Result(ok, error):
                parts = [self.name(ok)] if ok else []
                return self._type(
                    f"(result {' '.join([*parts, *([f'(error {self.name(error)})'] if error else [])])})"
                )
            case Record(fields):
                inner = " ".join(f'(field "{field.name}" {self.name(field.type)})' for field in fields)
                return self._exported(f"(record {inner})")
            case Variant(cases):
                inner = " ".join(
                    f'(case "{case.name}"{"" if case.type is None else " " + self.name(case.type)})'
                    for case in cases
                )
                return self._exported(f"(variant {inner})")
            case Enum(labels):
                return self._exported(
                    f"(enum {' '.join(f'{label!r}' for label in labels)})".replace("'", '"')
                )
            case Flags(labels):
                return self._exported(
                    f"(flags {' '.join(f'{label!r}' for label in labels)})".replace("'", '"')
                )

    def _type(self, text: str) -> str:
        name = f"$t{len(self.lines)}"
        self.lines.append(f"(type {name} {text})")
        return name

    def _exported(self, text: str) -> str:
        made, name = self._type(text), f"$t{len(self.lines)}"
        self.lines.append(f'(export {name} "t{len(self.lines)}" (type {made}))')
        return name


CORE = """(core module $m (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 65536)) (global $first (mut i64) (i64.const 0))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (if (i64.eqz (global.get $first))
      (then (global.set $first
        (i64.or (i64.extend_i32_u (local.get 2)) (i64.shl (i64.extend_i32_u (local.get 3)) (i64.const 32))))))
    (global.set $free (i32.mul (i32.div_u (i32.add (global.get $free) (i32.const 15)) (i32.const 16)) (i32.const 16)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3))))
  FUNCTION)
(core instance $i (instantiate $m))"""


def component_of(
    params: str, result: str, function: str, declared: Declared, core: str = CORE
) -> Callable[..., Any]:
    """The function of a component with this core function; its first call of the allocator is remembered."""
    text = f"""(component {core.replace("FUNCTION", function)} {" ".join(declared.lines)}
      (func $f {params} (result {result}) (canon lift (core func $i "f")
        (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      (export "f" (func $f)))"""
    made = component.Component(ENGINE, bytes(wasmtime.wat2wasm(text)))
    store = wasmtime.Store(ENGINE)
    found = component.Linker(ENGINE).instantiate(store, made).get_func(store, "f")
    assert found is not None

    def call(*values: Any) -> Any:
        # wasmtime-py leaves out the case where the classes of payloads differ, and then takes True for an integer.
        with patch.object(VariantLikeType, "_tagged", lambda _self: True):
            return found(store, *values)

    return call


def wasmtimes(type_: ValueType, value: Any) -> Any:
    """A value as wasmtime-py wants it."""
    match type_:
        case List(Scalar("u8")):
            return bytes(value)
        case List(item):
            return [wasmtimes(item, each) for each in value]
        case Record(fields):
            record = component.Record()
            for field in fields:
                setattr(record, field.name, wasmtimes(field.type, value[field.name]))
            return record
        case Tuple(items):
            return tuple(wasmtimes(item, each) for item, each in zip(items, value, strict=True))
        case Variant() | Option() | Result():
            name, payload = value
            # wasmtime-py calls a result's second case "err".
            tag = "err" if isinstance(type_, Result) and name == "error" else name
            types = {case.name: case.type for case in canonical.despecialised(type_).cases}  # type: ignore[union-attr]
            of = types[name]
            return component.Variant(tag, None if of is None else wasmtimes(of, payload))
    return value


def plain(type_: ValueType, value: Any) -> Any:
    """A value of wasmtime-py as `canonical` has it."""
    match type_:
        case List(item):
            return [plain(item, each) for each in value]
        case Record(fields):
            return {field.name: plain(field.type, getattr(value, field.name)) for field in fields}
        case Tuple(items):
            return tuple(plain(item, each) for item, each in zip(items, value, strict=True))
        case Flags():
            return set(value)
        case Option(some) if value is None or not isinstance(value, component.Variant):
            return ("none", None) if value is None else ("some", plain(some, value))
        case Variant() | Option() | Result():
            name = "error" if isinstance(type_, Result) and value.tag == "err" else value.tag
            of = {case.name: case.type for case in canonical.despecialised(type_).cases}[name]  # type: ignore[union-attr]
            return name, None if of is None else plain(of, value.payload)
    return value

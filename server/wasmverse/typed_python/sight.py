"""How compiled code knows what a ship sees: as an address and a number of bytes, read in place."""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import RefType, iternext_impl
from numba.extending import intrinsic, lower_builtin, models, overload, register_model

from wasmverse.pilot.entities import Entity, Ship
from wasmverse.pilot.plans import Plan

ENTITY_BYTES = 4

ENTITY = types.NamedUniTuple(types.int64, len(Entity._fields), Entity)
SHIP = types.NamedUniTuple(types.int64, len(Ship._fields), Ship)

_BYTE = ir.IntType(8)
_NUMBER = ir.IntType(64)


class SystemIterator(types.SimpleIteratorType):
    """Where a walk over a system has got to."""

    def __init__(self) -> None:
        super().__init__("SystemIterator", ENTITY)


class SystemType(types.IterableType):
    """What a ship sees."""

    def __init__(self) -> None:
        super().__init__("System")

    @property
    def iterator_type(self) -> SystemIterator:
        """Of ``iter(system)``."""
        return SystemIterator()


SYSTEM = SystemType()


@register_model(SystemType)
class _SystemModel(models.StructModel):
    def __init__(self, manager: Any, type_: Any) -> None:
        super().__init__(manager, type_, [("data", types.voidptr), ("count", types.int64)])


@register_model(SystemIterator)
class _IteratorModel(models.StructModel):
    def __init__(self, manager: Any, type_: Any) -> None:
        members = [
            ("data", types.voidptr),
            ("count", types.int64),
            ("at", types.EphemeralPointer(types.int64)),
        ]
        super().__init__(manager, type_, members)


def _entity(context: Any, builder: ir.IRBuilder, data: Any, number: Any) -> Any:
    """The entity of this number, as the tuple of Python's."""
    base = builder.mul(number, _NUMBER(ENTITY_BYTES))
    kind, danger, x, y = (
        builder.zext(
            builder.load(cgutils.gep(builder, data, builder.add(base, _NUMBER(offset))), typ=_BYTE), _NUMBER
        )
        for offset in range(ENTITY_BYTES)
    )
    return context.make_tuple(builder, ENTITY, (kind, x, y, danger))


@lower_builtin("getiter", SystemType)
def _iterate(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
    system = cgutils.create_struct_proxy(SYSTEM)(context, builder, value=args[0])
    iterator = cgutils.create_struct_proxy(sig.return_type)(context, builder)
    iterator.data, iterator.count = system.data, system.count
    iterator.at = cgutils.alloca_once_value(builder, _NUMBER(0))
    return iterator._getvalue()


@lower_builtin("iternext", SystemIterator)
@iternext_impl(RefType.BORROWED)
def _next(context: Any, builder: ir.IRBuilder, sig: Any, args: Any, result: Any) -> None:
    iterator = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0])
    number = builder.load(iterator.at)
    is_valid = builder.icmp_signed("<", number, iterator.count)
    result.set_valid(is_valid)
    with builder.if_then(is_valid):
        result.yield_(_entity(context, builder, iterator.data, number))
        builder.store(builder.add(number, _NUMBER(1)), iterator.at)


@intrinsic
def system_at(typing: Any, address: Any, size: Any) -> Any:
    """The system whose list lies at an address of 32 bits; its size is in bytes."""

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        system = cgutils.create_struct_proxy(SYSTEM)(context, builder)
        system.data = builder.inttoptr(args[0], _BYTE.as_pointer())
        system.count = builder.zext(builder.lshr(args[1], args[1].type(2)), _NUMBER)
        return system._getvalue()

    return SYSTEM(types.uint32, types.uint32), lower


@intrinsic
def _count(typing: Any, system: Any) -> Any:
    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return cgutils.create_struct_proxy(SYSTEM)(context, builder, value=args[0]).count

    return types.int64(SYSTEM), lower


@intrinsic
def _entity_at(typing: Any, system: Any, number: Any) -> Any:
    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        data = cgutils.create_struct_proxy(SYSTEM)(context, builder, value=args[0]).data
        return _entity(context, builder, data, args[1])

    return ENTITY(SYSTEM, types.int64), lower


@overload(len, strict=False)
def _len(system: Any) -> Callable[..., Any] | None:
    def length(system: Any) -> Any:
        return _count(system)

    return length if isinstance(system, SystemType) else None


@overload(bool, strict=False)
def _bool(system: Any) -> Callable[..., Any] | None:
    return (lambda system: _count(system) > 0) if isinstance(system, SystemType) else None


@overload(operator.getitem, strict=False)
def _getitem(system: Any, index: Any) -> Callable[..., Any] | None:
    if not isinstance(system, SystemType) or not isinstance(index, types.Integer):
        return None

    def item(system: Any, index: Any) -> Any:
        count = _count(system)
        number = index + count if index < 0 else index
        if number < 0 or number >= count:
            raise IndexError("no entity of this number is in view")
        return _entity_at(system, number)

    return item


@overload(Plan, strict=False)
def _plan(bits: Any) -> Callable[..., Any] | None:
    return (lambda bits: bits) if isinstance(bits, types.Integer) else None


ARGUMENTS = (*(types.uint32,) * 8, types.uint64, types.uint32, types.uint32)
"""What the exported function gets, as numba's types."""


def entry_of(decide: FunctionType) -> FunctionType:
    """What the module exports, in Python: makes a ship and a system of the arguments."""
    wide, unsigned = types.int64, types.uint64

    def entry(
        _kind: int, x: int, y: int, energy: int, shield: int, blasters: int, thrusters: int, harvesters: int,
        last_plan: int, address: int, size: int,
    ) -> Plan:  # fmt: skip
        ship = Ship(
            wide(x),
            wide(y),
            wide(energy),
            wide(shield),
            wide(blasters),
            wide(thrusters),
            wide(harvesters),
            wide(last_plan >> unsigned(8)),
            wide(last_plan & unsigned(0xFF)),
        )
        return decide(ship, system_at(address, size))

    return entry

"""Text that passes arguments: from columns in host memory to core values and into the guest's memory, by the Canonical ABI.

Source: component-model, design/mvp/CanonicalABI.md, "Storing" and "Flat Lowering".
"""

from __future__ import annotations

from wasmverse.wasm import abi
from wasmverse.wasm.driver_text import (
    TOO_LONG,
    Scope,
    column_locals,
    columns_at_hand,
    copied_in,
    failed_if,
)
from wasmverse.wasm.layout import Node, item_of
from wasmverse.wasm.types import Enum, Flags, List, Option, Record, Result, Scalar, String, Tuple, Variant

INLINE_MAX = 4
"""Lists of a signature that are copied without a call: each is a kilobyte of machine code."""


class Lowering:
    """Makes the text, for a guest that has an allocator or none; ``functions`` are those that it calls, one for each list whose
    items are stored one by one."""

    def __init__(self, has_realloc: bool) -> None:
        self.functions: list[str] = []
        self._has_realloc = has_realloc
        self._inline = 0

    def values(self, node: Node, scope: Scope, lines: list[str]) -> list[str]:
        """An expression for each core value that carries a value; ``lines`` are what must be done before, in order."""
        match node.type:
            case Scalar() | Enum() | Flags():
                return [scope.load(node.columns[0], abi.flatten(node.type)[0])]
            case Record() | Tuple():
                return [value for part in node.parts if part for value in self.values(part, scope, lines)]
            case String() | List():
                return self._list(node, scope, lines)
            case Variant() | Option() | Result():
                return self._variant(node, scope, lines)

    def stored(self, node: Node, scope: Scope, at: str, offset: int) -> list[str]:
        """Put a value into the guest's memory; ``at`` is the expression of an address, to which ``offset`` is added."""
        match node.type:
            case Scalar() | Enum() | Flags():
                core, code = abi.flatten(node.type)[0], abi.codes_of(node.type)[0]
                value = scope.load(node.columns[0], core)
                return [f"({abi.instruction(core, code, 'store')} $guest offset={offset} {at} {value})"]
            case Record() | Tuple():
                lines = []
                for part, place in zip(node.parts, abi.offsets(node.type), strict=True):
                    assert part is not None
                    lines += self.stored(part, scope, at, offset + place)
                return lines
            case String() | List():
                lines = []
                start, length = self._list(node, scope, lines)
                return [
                    *lines,
                    f"(i32.store $guest offset={offset} {at} {start})",
                    f"(i32.store $guest offset={offset + 4} {at} {length})",
                ]
            case Variant() | Option() | Result():
                return self._stored_variant(node, node.type, scope, at, offset)

    def _variant(self, node: Node, scope: Scope, lines: list[str]) -> list[str]:
        cores = abi.flatten(node.type)
        names = [scope.local(core, "flat") for core in cores]
        lines.append(f"(local.set {names[0]} {scope.load(node.columns[0], 'i32')})")
        if len(cores) > 1:
            lines += [
                f"(local.set {name} ({core}.const 0))"
                for name, core in zip(names[1:], cores[1:], strict=True)
            ]
        for number, part in enumerate(node.parts):
            if part is not None:
                inner: list[str] = []
                values = self.values(part, scope, inner)
                carried = zip(names[1:], values, abi.flatten(part.type), cores[1:], strict=False)
                inner += [
                    f"(local.set {name} {abi.widened(value, core, to)})" for name, value, core, to in carried
                ]
                lines.append(in_case(names[0], number, inner))
        return [f"(local.get {name})" for name in names]

    def _stored_variant(
        self, node: Node, type_: Variant | Option | Result, scope: Scope, at: str, offset: int
    ) -> list[str]:
        (code,) = abi.codes_of(type_)
        name = scope.local("i32", "case")
        lines = [
            f"(local.set {name} {scope.load(node.columns[0], 'i32')})",
            f"({abi.instruction('i32', code, 'store')} $guest offset={offset} {at} (local.get {name}))",
        ]
        place = offset + abi.payload_offset(type_)
        for number, part in enumerate(node.parts):
            if part is not None:
                lines.append(in_case(name, number, self.stored(part, scope, at, place)))
        return lines

    def _list(self, node: Node, scope: Scope, lines: list[str]) -> list[str]:
        """Address and length of a list that has been put into the guest's memory."""
        start, length = (scope.load(column, "i32") for column in node.columns)
        pointer_name, length_name = scope.local("i32", "pointer"), scope.local("i32", "length")
        lines.append(f"(local.set {length_name} {length})")
        length = f"(local.get {length_name})"
        if node.items:
            function = self._function(node)
            lines.append(f"(local.set {pointer_name} (call {function} {start} {length}))")
        else:
            shift = abi.size(_item(node)).bit_length() - 1
            size = f"(i32.shl {length} (i32.const {shift}))" if shift else length
            if shift:
                room = f"(call $allocate (i32.const {1 << shift}) {size})"
            elif self._has_realloc:
                room = f"(call $realloc (i32.const 0) (i32.const 0) (i32.const 1) {size})"
            else:
                room = f"(call $room {size})"
            lines.append(f"(local.set {pointer_name} {room})")
            lines += self._copied(scope, f"(local.get {pointer_name})", start, size)
        return [f"(local.get {pointer_name})", length]

    def _copied(self, scope: Scope, to: str, start: str, size: str) -> list[str]:
        if self._inline == INLINE_MAX:
            return [f"(memory.copy $guest $host {to} {start} {size})"]
        self._inline += 1
        from_, bytes_, last = (scope.local("i32", hint) for hint in ("from", "bytes", "last"))
        return [
            f"(local.set {from_} {start})",
            f"(local.set {bytes_} {size})",
            copied_in(to, f"(local.get {from_})", f"(local.get {bytes_})", last),
        ]

    def _function(self, node: Node) -> str:
        """A function that puts a list into the guest's memory item by item: from first and length to its address."""
        name, item = f"$lower{node.items}", node.item
        size, align = abi.size(item.type), abi.alignment(item.type)
        scope = Scope(index="(local.get $first)")
        stored = self.stored(item, scope, "(local.get $to)", 0)
        columns = list(item.within_domain())
        is_too_long = (
            f"(i64.gt_u (i64.mul (i64.extend_i32_u (local.get $length)) (i64.const {size})) "
            "(i64.const 0xffffffff))"
        )
        lines = [
            f"  (func {name} (param $first i32) (param $length i32) (result i32)",
            f"    (local $at i32) (local $to i32) (local $end i32) {column_locals(columns)} {scope.declared()}",
            f"    {failed_if(is_too_long, TOO_LONG)}",
            f"    (local.set $at (call $allocate (i32.const {align}) "
            f"(i32.mul (local.get $length) (i32.const {size}))))",
            "    (local.set $to (local.get $at))",
            "    (local.set $end (i32.add (local.get $first) (local.get $length)))",
            *(f"    {line}" for line in columns_at_hand(columns)),
            "    (block $done (loop $next",
            "      (br_if $done (i32.eq (local.get $first) (local.get $end)))",
            *(f"      {line}" for line in stored),
            "      (local.set $first (i32.add (local.get $first) (i32.const 1)))",
            f"      (local.set $to (i32.add (local.get $to) (i32.const {size})))",
            "      (br $next)))",
            "    (local.get $at))",
        ]
        self.functions.append("\n".join(lines))
        return name


def _item(node: Node) -> Scalar | Enum | Flags:
    assert isinstance(node.type, String | List)
    item = item_of(node.type)
    assert isinstance(item, Scalar | Enum | Flags)
    return item


def in_case(name: str, number: int, lines: list[str]) -> str:
    """What is done only if a local has the number of this case."""
    inner = "\n  ".join(lines)
    return f"(if (i32.eq (local.get {name}) (i32.const {number})) (then\n  {inner}))"

"""Text that takes results: from the guest's memory to columns in host memory, with every check of the Canonical ABI.

Source: component-model, design/mvp/CanonicalABI.md, "Loading" and "Flat Lifting". UTF-8 is checked here too, 16 bytes at a time:
so the row of a wrong text is known at once, and what has been taken is text.
"""

from __future__ import annotations

from wasmverse.wasm import abi
from wasmverse.wasm.driver_lower import in_case
from wasmverse.wasm.driver_text import (
    MISALIGNED,
    NO_CASE,
    OUTSIDE,
    Scope,
    column_locals,
    columns_at_hand,
    failed_if,
    header_load,
    is_outside,
)
from wasmverse.wasm.layout import Layout, Node, needs_no_check
from wasmverse.wasm.types import (
    BOOL,
    CHAR,
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

_MOVES = {1: ("i32.load8_u", "i32.store8"), 2: ("i32.load16_u", "i32.store16"), 4: ("i32.load", "i32.store"),
          8: ("i64.load", "i64.store")}  # fmt: skip
"""How so many bytes are loaded and stored as they are."""


class Lifting:
    """Makes the text; ``functions`` are those that it calls, one for each list and string."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.functions: list[str] = []

    def returned(self, node: Node, scope: Scope, value: str) -> list[str]:
        """Store a result that the guest returns as one core value."""
        (core,) = abi.flatten(node.type)
        match node.type:
            case Record() | Tuple():
                (part,) = node.parts
                assert part is not None
                return self.returned(part, scope, value)
            case Scalar() | Flags():
                return [scope.store(node.columns[0], core, _lifted(node.type, value))]
            case _:
                return [_case_check(node.type, value), scope.store(node.columns[0], core, value)]

    def at_address(self, node: Node, scope: Scope, at: str) -> list[str]:
        """Store a result that the guest has put somewhere in its memory."""
        return [
            *_alignment_check(node.type, at),
            failed_if(is_outside(at, f"(i64.const {abi.size(node.type)})"), OUTSIDE),
            *self.loaded(node, scope, at, 0),
        ]

    def loaded(self, node: Node, scope: Scope, at: str, offset: int) -> list[str]:
        """Take a value from the guest's memory, where it is known to lie within bounds."""
        match node.type:
            case Scalar() | Flags():
                load, store = _MOVES[abi.size(node.type)]
                value = _lifted(node.type, f"({load} $guest offset={offset} {at})")
                return [f"({store} $host {scope.address(node.columns[0])} {value})"]
            case Record() | Tuple():
                lines = []
                for part, place in zip(node.parts, abi.offsets(node.type), strict=True):
                    assert part is not None
                    lines += self.loaded(part, scope, at, offset + place)
                return lines
            case String() | List():
                pointer, length = (f"(i32.load $guest offset={offset + at_} {at})" for at_ in (0, 4))
                return [f"(call {self._function(node)} {pointer} {length})", _list_ends(node, scope)]
            case Variant() | Enum() | Option() | Result():
                return self._variant(node, node.type, scope, at, offset)

    def _variant(
        self, node: Node, type_: Variant | Enum | Option | Result, scope: Scope, at: str, offset: int
    ) -> list[str]:
        (code,) = abi.codes_of(type_)
        name = scope.local("i32", "case")
        lines = [
            f"(local.set {name} ({abi.instruction('i32', code, 'load')} $guest offset={offset} {at}))",
            _case_check(type_, f"(local.get {name})"),
            scope.store(node.columns[0], "i32", f"(local.get {name})"),
        ]
        place = offset + abi.payload_offset(type_)
        for number, part in enumerate(node.parts):
            if part is not None:
                taken = in_case(name, number, self.loaded(part, scope, at, place))
                lines.append(f"{taken[:-1]}\n  (else {' '.join(_absent(part, scope))}))")
        return lines

    def _function(self, node: Node) -> str:
        """A function that takes a list: from its address and length in the guest's memory, behind the items taken so far."""
        domain, item = node.items, node.item
        name, size = f"$lift{domain}", abi.size(item.type)
        scope = Scope(index="(local.get $index)")
        columns = list(item.within_domain())
        body = self._items(node, scope)
        is_text = isinstance(node.type, String)
        if is_text:
            scope.locals["$short"] = "v128"
        length = "(i64.extend_i32_u (local.get $length))"
        bytes_ = length if size == 1 else f"(i64.mul {length} (i64.const {size}))"
        total = f"(i64.add (i64.extend_i32_u (global.get $count{domain})) {length})"
        capacity = f"(i64.extend_i32_u {header_load(self._layout.count_at[domain] + 4)})"
        lines = [
            f"  (func {name} (param $at i32) (param $length i32)",
            f"    (local $index i32) (local $end i32) {column_locals(columns)} {scope.declared()}",
            *([_short_text(self._layout, node)] if is_text else []),
            *(f"    {line}" for line in _alignment_check(item.type, "(local.get $at)")),
            f"    {failed_if(is_outside('(local.get $at)', bytes_), OUTSIDE)}",
            "    (call $utf8 (local.get $at) (local.get $length))" if is_text else "",
            f"    (if (i64.gt_u {total} {capacity}) (then (call $grow{domain} {total})))",
            *(f"    {line}" for line in columns_at_hand(columns)),
            f"    (local.set $index (global.get $count{domain}))",
            f"    (global.set $count{domain} (i32.add (local.get $index) (local.get $length)))",
            *(f"    {line}" for line in body),
            "  )",
        ]
        self.functions.append("\n".join(line for line in lines if line))
        return name

    def _items(self, node: Node, scope: Scope) -> list[str]:
        item = node.item
        size = abi.size(item.type)
        if needs_no_check(item.type):
            shift = size.bit_length() - 1
            length = f"(i32.shl (local.get $length) (i32.const {shift}))" if shift else "(local.get $length)"
            to = scope.address(item.columns[0])
            return [f"(memory.copy $host $guest {to} (local.get $at) {length})"]
        return [
            "(local.set $end (i32.add (local.get $index) (local.get $length)))",
            "(block $done (loop $next",
            "  (br_if $done (i32.eq (local.get $index) (local.get $end)))",
            *(f"  {line}" for line in self.loaded(item, scope, "(local.get $at)", 0)),
            "  (local.set $index (i32.add (local.get $index) (i32.const 1)))",
            f"  (local.set $at (i32.add (local.get $at) (i32.const {size})))",
            "  (br $next)))",
        ]


def _short_text(layout: Layout, node: Node) -> str:
    """Take a text of at most 16 bytes, all of them ASCII, by one load and one store of 16 bytes, if there are so many on both
    sides: what is stored too much is not counted, and the next text goes over it."""
    domain, (column,) = node.items, node.item.columns
    mask = "(i32.sub (i32.shl (i32.const 1) (local.get $length)) (i32.const 1))"
    return f"""    (if (i32.le_u (local.get $length) (i32.const 16))
      (then (if (i32.eqz (i32.or {is_outside("(local.get $at)", "(i64.const 16)")}
          (i32.gt_u (i32.add (global.get $count{domain}) (i32.const 16))
            {header_load(layout.count_at[domain] + 4)})))
        (then
          (local.set $short (v128.load $guest align=1 (local.get $at)))
          (if (i32.eqz (i32.and (i8x16.bitmask (local.get $short)) {mask}))
            (then
              (v128.store $host align=1
                (i32.add {header_load(column.address_at)} (global.get $count{domain})) (local.get $short))
              (global.set $count{domain} (i32.add (global.get $count{domain}) (local.get $length)))
              (return)))))))"""


def _alignment_check(type_: ValueType, at: str) -> list[str]:
    align = abi.alignment(type_)
    return [failed_if(f"(i32.and {at} (i32.const {align - 1}))", MISALIGNED)] if align > 1 else []


def _case_check(type_: ValueType, value: str) -> str:
    assert isinstance(type_, Variant | Enum | Option | Result)
    return failed_if(f"(i32.ge_u {value} (i32.const {len(abi.cases_of(type_))}))", NO_CASE)


def _lifted(type_: ValueType, value: str) -> str:
    """What the Canonical ABI makes of a value: any number but 0 is true, not every number is a char."""
    if type_ == BOOL:
        return f"(i32.ne (i32.const 0) {value})"
    if type_ == CHAR:
        return f"(call $char {value})"
    return value


def _list_ends(node: Node, scope: Scope) -> str:
    """Store how many items there are when this list has been taken."""
    return scope.store(node.columns[0], "i32", f"(global.get $count{node.items})")


def _absent(node: Node, scope: Scope) -> list[str]:
    """Store what a payload that is not there looks like: noughts, and lists without items."""
    if node.items:
        return [_list_ends(node, scope)]
    lines = []
    for column in node.columns:
        _, store = _MOVES[column.width]
        lines.append(f"({store} $host {scope.address(column)} ({store[:3]}.const 0))")
    for part in node.parts:
        lines += [] if part is None else _absent(part, scope)
    return lines

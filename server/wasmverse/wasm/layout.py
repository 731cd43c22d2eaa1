"""Where the values of a function's rows lie in host memory: as columns, which a driver reads from and writes to.

A column is an array. Those of *domain* 0 have an element for each row; every list whose items have columns of their own opens a
further domain, with an element for each item of all its lists. So the values of any type are a tree of nodes with columns, much
as Arrow keeps them:

    bool, number, char, enum, flags   the value, as it lies in a guest's memory
    variant, option, result           the number of the case; the payload of each case, in the same domain
    record, tuple                     their fields, in the same domain
    list and string, of parameters    where the items begin and how many there are. Items that are the same bytes in a guest's
                                      memory (of strings, numbers, enums, ...) may lie anywhere: their address is given. Others
                                      have columns of their own, and the number of the first is given
    list and string, of the result    where the items end, which begin where those of the list before end
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from wasmverse.errors import WasmverseError
from wasmverse.wasm import abi
from wasmverse.wasm.types import (
    BOOL,
    CHAR,
    U8,
    Enum,
    Flags,
    Function,
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

HEADER_BYTES = 4_096
"""The beginning of host memory, where the driver is told what to do; the columns follow it."""
_WORD = 4
_SPAN_BYTES = 2 * _WORD
ROWS = 0
"""The domain of the rows."""


class SignatureError(WasmverseError):
    """No driver can call a function with these parameters or this result."""


@dataclass(frozen=True, slots=True)
class Column:
    """An array in host memory: its place among all columns, its NumPy type code, its domain."""

    number: int
    code: str
    domain: int

    @property
    def width(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.code).itemsize

    @property
    def address_at(self) -> int:
        """Where in the header its address stands."""
        return _SPAN_BYTES + _WORD * self.number


@dataclass(frozen=True, slots=True)
class Node:
    """A value or a part of one.

    Attributes
    ----------
    path : its name, such as ``me.x``; items of tuples are numbered, cases are named.
    columns : its own: the value, the number of the case, or start and length; of a list of the result its end alone.
    parts : fields, items of a tuple, payloads by the number of their case (None: it has none), or the item of a list.
    domain : of its columns.
    items : the domain of its items, if they have columns.
    """

    path: str
    type: ValueType
    columns: tuple[Column, ...]
    parts: tuple[Node | None, ...]
    domain: int
    items: int = ROWS

    @property
    def item(self) -> Node:
        """Of a list or a string: what it is made of."""
        (item,) = self.parts
        assert item is not None
        return item

    def within_domain(self) -> Iterator[Column]:
        """Its columns and those of its parts, but for those of the items of lists."""
        yield from self.columns
        for part in () if self.items else self.parts:
            if part is not None:
                yield from part.within_domain()


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of a function's rows.

    The header of host memory holds, as u32: the rows to run (from, to); the address of each column; for each domain of the
    result, how many items the finished rows have, and for how many there is room; where free room begins; and how many bytes
    the result may still take.

    Attributes
    ----------
    params : all parameters as a record; None when there are none.
    mask : if given, a column that is 0 in the rows that are not to be called.
    columns : all of them, by number: those of the parameters, the mask, those of the result.
    lists : the domains of the result's lists, each with its columns.
    """

    function: Function
    params: Node | None
    mask: Column | None
    result: Node | None
    columns: tuple[Column, ...]
    lists: Mapping[int, tuple[Column, ...]]

    @classmethod
    def natural(
        cls, function: Function, narrower: Mapping[str, str] | None = None, *, masked: bool = False
    ) -> Layout:
        """Columns as wide as the values are in WIT, unless ``narrower`` has a type code for a scalar's path: a u32 that is
        known to fit a byte, for example, may lie in one. With a mask if ``masked``. The same arguments, the same layout.

        Raises
        ------
        SignatureError : it would have more columns than the header has room for.
        """
        return _layout(function, tuple(sorted((narrower or {}).items())), masked)

    @property
    def arguments(self) -> tuple[Node, ...]:
        """The parameters, records and tuples taken apart."""
        return () if self.params is None else tuple(_taken_apart(self.params))

    @property
    def rows(self) -> tuple[Column, ...]:
        """The columns with an element for each row."""
        return tuple(column for column in self.columns if column.domain == ROWS)

    @property
    def count_at(self) -> Mapping[int, int]:
        """Where in the header the number of items of each of ``lists`` stands; for how many there is room stands after it."""
        first = _SPAN_BYTES + _WORD * len(self.columns)
        return {domain: first + 2 * _WORD * n for n, domain in enumerate(self.lists)}

    @property
    def free_at(self) -> int:
        """Where in the header it stands where free room begins; how many bytes the result may still take stands after it."""
        return _SPAN_BYTES + _WORD * len(self.columns) + 2 * _WORD * len(self.lists)

    @property
    def has_lists(self) -> bool:
        """Whether the result has lists or strings, and so needs room that is not known beforehand."""
        return bool(self.lists)

    @property
    def is_spilled(self) -> bool:
        """Whether the parameters go through the guest's memory, being too many to be passed one by one."""
        return self.params is not None and len(abi.flatten(self.params.type)) > abi.FLAT_PARAMS_MAX

    @property
    def returns_address(self) -> bool:
        """Whether the guest returns where it has put the result."""
        return self.result is not None and len(abi.flatten(self.result.type)) > abi.FLAT_RESULTS_MAX

    @property
    def needs_room(self) -> bool:
        """Whether arguments need room in the guest's memory."""
        return self.is_spilled or (self.params is not None and holds_lists(self.params.type))

    @property
    def needs_memory(self) -> bool:
        """Whether arguments or results lie in the guest's memory."""
        return self.needs_room or self.returns_address


@lru_cache(maxsize=256)
def _layout(function: Function, narrower: tuple[tuple[str, str], ...], masked: bool) -> Layout:
    growing = _Growing(dict(narrower))
    record = abi.params_of(function)
    params = None if record is None else growing.node("", record, ROWS)
    mask = growing.column("u1", ROWS) if masked else None
    growing.is_result = True
    result = None if function.result is None else growing.node("", function.result, ROWS)
    columns = tuple(growing.columns)
    lists = {
        domain: tuple(column for column in columns if column.domain == domain) for domain in growing.lists
    }
    layout = Layout(function, params, mask, result, columns, lists)
    if layout.free_at + 2 * _WORD > HEADER_BYTES:
        raise SignatureError(
            f"the parameters and the result have {len(columns) + 2 * len(lists):,} parts, lists counted several times; "
            f"{(HEADER_BYTES - _SPAN_BYTES) // _WORD - 2:,} are allowed: take and return fewer"
        )
    return layout


class _Growing:
    """Nodes and columns, numbered as they come."""

    def __init__(self, narrower: Mapping[str, str]) -> None:
        self.columns: list[Column] = []
        self.lists: list[int] = []
        self.is_result = False
        self._narrower = narrower
        self._domains = ROWS

    def column(self, code: str, domain: int) -> Column:
        self.columns.append(Column(len(self.columns), code, domain))
        return self.columns[-1]

    def node(self, path: str, type_: ValueType, domain: int) -> Node:
        match type_:
            case Scalar() | Enum() | Flags():
                code = self._narrower.get(path, abi.codes_of(type_)[0])
                return Node(path, type_, (self.column(code, domain),), (), domain)
            case Record() | Tuple():
                fields = abi.fields_of(type_)
                parts = tuple(self.node(_under(path, part.name), part.type, domain) for part in fields)
                return Node(path, type_, (), parts, domain)
            case Variant() | Option() | Result():
                number = self.column(abi.codes_of(type_)[0], domain)
                payloads = tuple(
                    None if case.type is None else self.node(_under(path, case.name), case.type, domain)
                    for case in abi.cases_of(type_)
                )
                return Node(path, type_, (number,), payloads, domain)
            case String() | List():
                return self._list(path, type_, domain)

    def _list(self, path: str, type_: String | List, domain: int) -> Node:
        if not self.is_result:
            start, length = self.column("u4", domain), self.column("u4", domain)
            if is_plain(item_of(type_)):
                return Node(path, type_, (start, length), (), domain)
            self._domains += 1
            items = self._domains
            item = self.node(_under(path, "item"), item_of(type_), items)
            return Node(path, type_, (start, length), (item,), domain, items)
        end = self.column("u4", domain)
        self._domains += 1
        items = self._domains
        self.lists.append(items)
        return Node(
            path, type_, (end,), (self.node(_under(path, "item"), item_of(type_), items),), domain, items
        )


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def item_of(type_: String | List) -> ValueType:
    """What a list is made of; a string is made of bytes."""
    return U8 if isinstance(type_, String) else type_.item


def is_plain(item: ValueType) -> bool:
    """Whether items of a list are the same bytes in a column and in a guest's memory."""
    return isinstance(item, Scalar | Enum | Flags)


def needs_no_check(item: ValueType) -> bool:
    """Whether any bytes in a guest's memory are such an item, so that many can be copied at once."""
    return isinstance(item, Flags) or (isinstance(item, Scalar) and item not in (BOOL, CHAR))


def _taken_apart(node: Node) -> Iterator[Node]:
    if not isinstance(node.type, Record | Tuple):
        yield node
        return
    for part in node.parts:
        assert part is not None
        yield from _taken_apart(part)


def holds_lists(type_: ValueType) -> bool:
    """Whether a value has lists or strings in it, or is one."""
    match type_:
        case String() | List():
            return True
        case Record() | Tuple():
            return any(holds_lists(part.type) for part in abi.fields_of(type_))
        case Variant() | Option() | Result():
            return any(case.type is not None and holds_lists(case.type) for case in abi.cases_of(type_))
        case _:
            return False

"""The Wasm functions of a turn, as the table ``wasm_function`` of its snapshot has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from wasmverse.functions.definition import Definition

TABLE = "wasm_function"
"""The snapshot's table; a snapshot without it has no functions."""


class Catalogue:
    """The functions by name, of one turn at a time. A definition is read once, however many turns have it.

    refusals : why some of them cannot be called any more.
    """

    def __init__(self) -> None:
        self.refusals: dict[Definition, str] = {}
        self._table: pa.Table | None = None
        self._by_name: dict[str, tuple[Definition, ...]] = {}
        self._read: dict[tuple[Any, ...], Definition] = {}

    def show(self, table: pa.Table | None) -> Mapping[str, tuple[Definition, ...]]:
        """The functions of a turn by name, in lower case, in their present versions; those of one name in the order of the
        table."""
        if table is self._table:
            return self._by_name
        by_name: dict[str, list[Definition]] = {}
        read: dict[tuple[Any, ...], Definition] = {}
        self.refusals = {}
        for row, refusal in _rows(table):
            key = tuple(row.values())
            definition = read[key] = self._read.get(key) or Definition.of_row(row)
            by_name.setdefault(definition.name, []).append(definition)
            if refusal is not None:
                self.refusals[definition] = refusal
        self._by_name = {name: tuple(definitions) for name, definitions in by_name.items()}
        self._table, self._read = table, read
        return self._by_name


def _rows(table: pa.Table | None) -> Iterator[tuple[dict[str, Any], str | None]]:
    """The columns that a definition is made of, as others change from turn to turn; and why it cannot be called, if it cannot."""
    if table is None:
        return
    current = table.filter(table["is_current"])
    yield from zip(
        current.select(list(Definition.__slots__)).to_pylist(), current["refusal"].to_pylist(), strict=True
    )

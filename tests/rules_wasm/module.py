"""The built module of the rules in an engine, and its memory as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import wasmtime

from wasmverse.rules_wasm.turn import HEADER
from wasmverse.simulation.beginning import BUNDLED_FOLDER
from wasmverse.universe.observe import Columns
from wasmverse.universe.records import EVENT_RECORD
from wasmverse.universe.state import NODE_DTYPES, SHIP_DTYPES, Nodes, Ships

ROW_DTYPES = ("u1", "u1", "u1", "u2", "u1", "u1", "u1", "u1", "u8", "u4", "u4", "u8")


class Module:
    """One instance, and the header of the duel in it."""

    def __init__(self, *begin: int) -> None:
        engine = wasmtime.Engine()
        module = wasmtime.Module(engine, (BUNDLED_FOLDER / "rules.wasm").read_bytes())
        self.imports = [each.name for each in module.imports]
        self.exports = sorted(each.name for each in module.exports)
        self.store = wasmtime.Store(engine)
        self._exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.at = self.call("begin", *begin)

    def call(self, name: str, *arguments: int) -> Any:
        function: Any = self._exports[name]
        return function(self.store, *arguments)

    def array(self, at: int, count: int, dtype: Any) -> np.ndarray:
        """A view of memory, which later calls may move."""
        memory: Any = self._exports["memory"]
        length = count * np.dtype(dtype).itemsize
        return np.frombuffer(memory.get_buffer_ptr(self.store, length, at), dtype)

    def word(self, name: str) -> int:
        return int(self.array(self.at, len(HEADER), "i8")[HEADER.index(name)])

    def ships(self) -> Ships:
        names = [name for name in HEADER if name.startswith("ship_")]
        return Ships._make(
            self.array(self.word(name), self.word("ships"), dtype)
            for name, dtype in zip(names, SHIP_DTYPES.values(), strict=True)
        )

    def nodes(self) -> Nodes:
        names = [name for name in HEADER if name.startswith("node_")]
        return Nodes._make(
            self.array(self.word(name), self.word("nodes"), dtype)
            for name, dtype in zip(names, NODE_DTYPES.values(), strict=True)
        )

    def rows(self) -> Columns:
        names = [name for name in HEADER if name.startswith("row_")][: len(ROW_DTYPES)]
        return Columns._make(
            self.array(self.word(name), self.word("ships"), dtype)
            for name, dtype in zip(names, ROW_DTYPES, strict=True)
        )

    def events(self) -> list[tuple[int, ...]]:
        rows = self.array(self.word("event"), self.word("events"), EVENT_RECORD)
        return sorted(tuple(int(row[name]) for name in EVENT_RECORD.names[:-1]) for row in rows)

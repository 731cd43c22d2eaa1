"""The functions of a universe that queries can call: their machine code, and what readers have counted of their calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.messages import FunctionKey, FunctionUse
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import UNLIMITED, core_of_component
from wasmverse.wasm.engine import compile_for_flight


class FunctionRow(Protocol):
    """What is needed of a row of ``wasm_function``."""

    name: str
    parameters: str
    version: int
    is_current: bool
    sha256: str


class Catalogue:
    """The machine code of every kept version of each function, by its module's hash, and what was counted of them.

    refusals : by hash, why a module of an older version cannot be called any more.
    uses : what was counted since this process began.
    """

    def __init__(self) -> None:
        self.refusals: dict[str, str] = {}
        self.uses: dict[FunctionKey, FunctionUse] = {}
        self._kept: frozenset[FunctionKey] = frozenset()
        self._current: frozenset[str] = frozenset()
        self._compiled: dict[str, bytes] = {}

    @property
    def compiled_bytes(self) -> dict[str, int]:
        """The size of every module's machine code, by the module's hash."""
        return {sha256: len(compiled) for sha256, compiled in self._compiled.items()}

    @property
    def modules(self) -> dict[str, Callable[[], bytes]]:
        """How to get at the machine code of each module that is called, by its hash; for `snapshots.modules`."""
        return {sha256: self._compiled[sha256].__bytes__ for sha256 in self._current & self._compiled.keys()}

    def add(self, sha256: str, compiled: bytes) -> None:
        """A module that has been compiled already, by our own compiler: the bytes are trusted."""
        self._compiled[sha256] = compiled
        self.refusals.pop(sha256, None)

    def load(self, rows: Sequence[FunctionRow], read_module: Callable[[str], bytes]) -> None:
        """Have the machine code of the functions of these rows, and of no others.

        Modules are compiled once a process, also those of older versions: to go back to one must not delay a turn.
        """
        needed = {row.sha256 for row in rows}
        self._current = frozenset(row.sha256 for row in rows if row.is_current)
        self._compiled = {sha256: code for sha256, code in self._compiled.items() if sha256 in needed}
        self.refusals = {sha256: why for sha256, why in self.refusals.items() if sha256 in needed}
        for sha256 in sorted(needed - self._compiled.keys() - self.refusals.keys()):
            try:
                self._compiled[sha256] = bytes(compile_for_flight(_core(read_module(sha256))).serialize())
            except ModuleRefused as refused:
                self.refusals[sha256] = refused.message
            except wasmtime.WasmtimeError:
                self.refusals[sha256] = "the module cannot be compiled any more"
        self._kept = frozenset(FunctionKey(row.name, row.parameters, row.version) for row in rows)
        self.uses = {key: use for key, use in self.uses.items() if key in self._kept}

    def use_of(self, row: FunctionRow) -> FunctionUse:
        """What was counted of one version."""
        return self.uses.get(FunctionKey(row.name, row.parameters, row.version), FunctionUse())

    def note(self, uses: Mapping[FunctionKey, FunctionUse]) -> bool:
        """Add what readers have counted; returns whether anything of it is of a version that is kept."""
        known = {key: use for key, use in uses.items() if key in self._kept}
        for key, use in known.items():
            self.uses[key] = self.uses.get(key, FunctionUse()) + use
        return bool(known)


def _core(uploaded: bytes) -> bytes:
    """The core module of what was sent. Raises ModuleRefused."""
    return core_of_component(uploaded, UNLIMITED)[1] if is_component(uploaded) else uploaded

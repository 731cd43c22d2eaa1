"""The functions of a universe that queries can call: their machine code, and what readers have counted of their calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import wasmtime

from wasmverse.errors import FunctionError, ModuleRefused
from wasmverse.functions.called import code_names, compile_again
from wasmverse.functions.definition import Definition
from wasmverse.messages import FunctionKey, FunctionUse
from wasmverse.wasm.component.code import is_code, parts_of, without_parts
from wasmverse.wasm.fold import FoldError
from wasmverse.wasm.hosting import PART, serialized
from wasmverse.wasm.stack import NATIVE


class FunctionRow(Protocol):
    """What is needed of a row of ``wasm_function``; also everything that a `Definition` has."""

    name: str
    parameters: str
    version: int
    is_current: bool
    sha256: str


class Catalogue:
    """The machine code of the functions that are called, by the names that `functions.called.code_names` gives, and what was
    counted of them.

    refusals : by hash, why a module of an older version cannot be called any more; told of those that were to be called.
    uses : what was counted since this process began.
    modules : how to get at the machine code of each module that is called, and of the core modules that components share; for
        `snapshots.modules`.
    """

    def __init__(self) -> None:
        self.refusals: dict[str, str] = {}
        self.uses: dict[FunctionKey, FunctionUse] = {}
        self.modules: dict[str, Callable[[], bytes]] = {}
        self._kept: frozenset[FunctionKey] = frozenset()
        self._code: dict[str, bytes] = {}
        self._parts: dict[str, bytes] = {}

    @property
    def compiled_bytes(self) -> dict[str, int]:
        """The size of every module's machine code, by the module's hash."""
        sizes: dict[str, int] = {}
        parts: dict[str, set[str]] = {}
        for name, code in self._code.items():
            sha256 = name.partition("-")[0]
            sizes[sha256] = sizes.get(sha256, 0) + len(code)
            parts.setdefault(sha256, set()).update(part for part, _ in parts_of(code))
        return {
            sha256: size + sum(len(self._parts[part]) for part in parts[sha256])
            for sha256, size in sizes.items()
        }

    def add(self, row: Mapping[str, Any], compiled: bytes) -> None:
        """A function's module that has been compiled already, by our own compiler: the bytes are trusted. ``row`` is its
        definition's."""
        of_component, of_module = code_names(row)
        if is_code(compiled):
            self._parts |= parts_of(compiled)
            self._code[of_component] = without_parts(compiled)
        else:
            self._code[of_module] = compiled
        self.refusals.pop(row["sha256"], None)

    def load(self, rows: Sequence[FunctionRow], read_module: Callable[[str], bytes]) -> None:
        """Have the machine code of the functions of these rows that are called, and of no others but those that were compiled
        before.

        A module is compiled once a process. Of a function's older versions none is compiled until one is to be called again: a
        universe with many of them would start late.
        """
        values = [{name: getattr(row, name) for name in Definition.__slots__} for row in rows]
        names = [code_names(one) for one in values]
        needed = {name for pair in names for name in pair}
        self._code = {name: code for name, code in self._code.items() if name in needed}
        hashes = {row.sha256 for row in rows}
        self.refusals = {sha256: why for sha256, why in self.refusals.items() if sha256 in hashes}
        current: list[str] = []
        for row, one, pair in zip(rows, values, names, strict=True):
            if not row.is_current:
                continue
            if not self._code.keys() & set(pair) and row.sha256 not in self.refusals:
                self._compile(one, read_module)
            current += [name for name in pair if name in self._code]
        self._show(current)
        self._kept = frozenset(FunctionKey(row.name, row.parameters, row.version) for row in rows)
        self.uses = {key: use for key, use in self.uses.items() if key in self._kept}

    def _compile(self, row: Mapping[str, Any], read_module: Callable[[str], bytes]) -> None:
        try:
            compiled = compile_again(row, read_module(row["sha256"]), NATIVE)
        except (ModuleRefused, FunctionError, FoldError) as refused:
            self.refusals[row["sha256"]] = refused.message
        except wasmtime.WasmtimeError:
            self.refusals[row["sha256"]] = "the module cannot be compiled any more"
        else:
            self.add(row, serialized(compiled))

    def _show(self, current: list[str]) -> None:
        """Show the modules of these names, and forget core modules that no component has any more."""
        shared = {part for code in self._code.values() for part, _ in parts_of(code)}
        self._parts = {part: code for part, code in self._parts.items() if part in shared}
        used = {part for name in current for part, _ in parts_of(self._code[name])}
        self.modules = {name: self._code[name].__bytes__ for name in current}
        self.modules |= {f"{PART}{part}": self._parts[part].__bytes__ for part in used}

    def use_of(self, row: FunctionRow) -> FunctionUse:
        """What was counted of one version."""
        return self.uses.get(FunctionKey(row.name, row.parameters, row.version), FunctionUse())

    def note(self, uses: Mapping[FunctionKey, FunctionUse]) -> bool:
        """Add what readers have counted; returns whether anything of it is of a version that is kept."""
        known = {key: use for key, use in uses.items() if key in self._kept}
        for key, use in known.items():
            self.uses[key] = self.uses.get(key, FunctionUse()) + use
        return bool(known)

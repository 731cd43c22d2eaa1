"""The guests of a universe's strategies: every module is compiled once, and dropped once nobody flies it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress

import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.strategies.components import component_strategies
from wasmverse.strategies.contract import DECIDE
from wasmverse.wasm.component.binary import is_component
from wasmverse.wasm.component.inspect import UNLIMITED, compile_component, inspect_component
from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.hosting import AnyGuest, Compiled, guest_of, load, serialized
from wasmverse.wasm.stack import NATIVE


class Guests:
    """Guests by the hash of their module and the export that flies them.

    compiled_bytes : by hash, the size of every module's machine code.
    """

    def __init__(self) -> None:
        self._modules: dict[str, Compiled] = {}
        self._guests: dict[tuple[str, str], AnyGuest] = {}
        self._refusals: dict[str, str] = {}
        self.compiled_bytes: dict[str, int] = {}

    def add(self, sha256: str, compiled: bytes) -> None:
        """A module that has been compiled already, by our own compiler: the bytes are trusted."""
        self._add(sha256, load(compiled), len(compiled))

    def accept(self, sha256: str, compiled: bytes) -> None:
        """As `add`, of what our own compiler made on another machine. What it made for another processor is not accepted; the
        module is then compiled here when it is needed."""
        with suppress(wasmtime.WasmtimeError):
            self.add(sha256, compiled)

    def _add(self, sha256: str, module: Compiled, compiled_bytes: int) -> None:
        self._modules[sha256] = module
        self.compiled_bytes[sha256] = compiled_bytes

    def find(self, sha256: str, export: str, read: Callable[[], bytes]) -> AnyGuest:
        """The guest of a strategy; ``read`` gives the module's bytes, which are needed if it was not compiled yet.

        Raises
        ------
        ModuleRefused : an older version let pass what cannot be flown here.
        """
        guest = self._guests.get((sha256, export))
        if guest is None:
            if sha256 in self._refusals:
                raise ModuleRefused(self._refusals[sha256])
            if sha256 not in self._modules:
                self._compile(sha256, read())
            guest = self._guests[sha256, export] = guest_of(self._modules[sha256], export)
        return guest

    def _compile(self, sha256: str, uploaded: bytes) -> None:
        try:
            module = _compiled(uploaded)
        except (ModuleRefused, wasmtime.WasmtimeError) as error:
            message = (
                error.message
                if isinstance(error, ModuleRefused)
                else "the module cannot be compiled any more"
            )
            self._refusals[sha256] = message
            raise ModuleRefused(message) from error
        self._add(sha256, module, len(serialized(module)))

    def keep(self, flown: Collection[tuple[str, str]]) -> None:
        """Drop all but these, given as (hash, export), and the machine code of modules that none of them needs."""
        self._guests = {key: guest for key, guest in self._guests.items() if key in flown}
        needed = {sha256 for sha256, _ in flown}
        self._refusals = {key: message for key, message in self._refusals.items() if key in needed}
        self._modules = {key: module for key, module in self._modules.items() if key in needed}
        self.compiled_bytes = {key: size for key, size in self.compiled_bytes.items() if key in needed}


def machine_code(uploaded: bytes) -> bytes:
    """What `Guests.accept` takes of a module or component that has passed its inspection before. Raises ModuleRefused."""
    try:
        return serialized(_compiled(uploaded))
    except wasmtime.WasmtimeError as error:
        raise ModuleRefused("the module cannot be compiled any more") from error


def _compiled(uploaded: bytes) -> Compiled:
    """A module or component that has passed its inspection before.

    Raises
    ------
    ModuleRefused, WasmtimeError : an older version let pass what cannot be flown here.
    """
    if not is_component(uploaded):
        return compile_for_flight(uploaded)
    found = inspect_component(uploaded, UNLIMITED)
    return compile_component(found, component_strategies(found.functions, DECIDE).values(), {}, NATIVE)

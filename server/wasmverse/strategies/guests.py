"""The guests of a universe's strategies: every module is compiled and looked through once, and dropped once nobody flies it."""

from __future__ import annotations

from collections.abc import Callable, Collection

import wasmtime

from wasmverse.errors import ModuleRefused
from wasmverse.strategies.check import strategy_exports
from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.guest import Guest


class Guests:
    """Guests by the hash of their module and the name that they fly under.

    compiled_bytes : by hash, the size of every module's machine code.
    """

    def __init__(self) -> None:
        self._modules: dict[str, wasmtime.Module] = {}
        self._exports: dict[str, dict[str, str]] = {}
        self._guests: dict[tuple[str, str], Guest] = {}
        self._refusals: dict[str, str] = {}
        self.compiled_bytes: dict[str, int] = {}

    def add(self, sha256: str, module: wasmtime.Module, compiled_bytes: int) -> None:
        """A module that has been compiled already, to so many bytes."""
        self._modules[sha256] = module
        self.compiled_bytes[sha256] = compiled_bytes

    def find(self, sha256: str, name: str, read: Callable[[], bytes]) -> Guest:
        """The guest of a strategy; ``read`` gives the module's bytes, which are needed the first time only.

        Raises
        ------
        ModuleRefused : an older version let pass what cannot be flown here.
        """
        guest = self._guests.get((sha256, name))
        if guest is None:
            if sha256 in self._refusals:
                raise ModuleRefused(self._refusals[sha256])
            if sha256 not in self._exports:
                self._take_up(sha256, read())
            export = self._exports[sha256].get(name, "decide")
            guest = self._guests[sha256, name] = Guest.of(self._modules[sha256], export)
        return guest

    def _take_up(self, sha256: str, uploaded: bytes) -> None:
        try:
            exports = strategy_exports(uploaded, "decide")
            if sha256 not in self._modules:
                module = compile_for_flight(uploaded)
                self.add(sha256, module, len(module.serialize()))
        except (ModuleRefused, wasmtime.WasmtimeError) as error:
            message = (
                error.message
                if isinstance(error, ModuleRefused)
                else "the module cannot be compiled any more"
            )
            self._refusals[sha256] = message
            raise ModuleRefused(message) from error
        self._exports[sha256] = exports

    def keep(self, flown: Collection[tuple[str, str]]) -> None:
        """Drop all but these, given as (hash, name), and the machine code of modules that none of them needs."""
        self._guests = {key: guest for key, guest in self._guests.items() if key in flown}
        needed = {sha256 for sha256, _ in flown}
        self._refusals = {key: message for key, message in self._refusals.items() if key in needed}
        self._exports = {key: exports for key, exports in self._exports.items() if key in needed}
        self._modules = {key: module for key, module in self._modules.items() if key in needed}
        self.compiled_bytes = {key: size for key, size in self.compiled_bytes.items() if key in needed}

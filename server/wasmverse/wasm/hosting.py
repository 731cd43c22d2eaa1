"""Guests of either kind, core modules and components, behind the same methods: whoever runs one need not know which it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import wasmtime

from wasmverse.wasm.component.code import Code, is_code
from wasmverse.wasm.component.guest import ComponentGuest
from wasmverse.wasm.engine import flight_engine
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Guest, Outcome, Seat
from wasmverse.wasm.limits import Limits
from wasmverse.wasm.wasi.world import NOWHERE, World

Compiled = wasmtime.Module | Code
"""A core module or a component, compiled for flight."""


class AnyGuest(Protocol):
    """One function of a compiled core module or component."""

    @property
    def export(self) -> str:
        """The name, or of a component the path, of the function."""

    @property
    def has_wasi(self) -> bool:
        """Whether it may ask for the world."""

    def run(
        self,
        frame: Frame,
        start: int,
        stop: int,
        limits: Limits,
        world: World = NOWHERE,
        seat: Seat | None = None,
    ) -> Outcome:
        """Call it for some rows of a frame; see `guest.Guest.run`."""

    def start(self, frame: Frame, limits: Limits) -> int:
        """Make an instance and start it, without a call; see `guest.Guest.start`."""


def load(compiled: bytes) -> Compiled:
    """From what our own compiler made of a core module or a component: the bytes are trusted."""
    return (
        Code.load(compiled) if is_code(compiled) else wasmtime.Module.deserialize(flight_engine(), compiled)
    )


def serialized(compiled: Compiled) -> bytes:
    """It as bytes, which `load` takes."""
    return bytes(compiled.serialize())


def guest_of(compiled: Compiled, export: str) -> AnyGuest:
    """A function of it, ready to be run."""
    return ComponentGuest(compiled, export) if isinstance(compiled, Code) else Guest.of(compiled, export)


PART = "part-"
"""Begins the names of files that hold a core module which components share."""


def files_of(guest: AnyGuest, sha256: str) -> dict[str, Callable[[], bytes | bytearray]]:
    """What a guest was compiled to, in files by their names, of which the first has the hash of the uploaded bytes.

    Another process makes the same guest of them by `load_files`.
    """
    if isinstance(guest, ComponentGuest):
        code = guest.code
        return {sha256: lambda: code.serialize(with_parts=False)} | {
            f"{PART}{part}": module.serialize for part, module in code.parts
        }
    assert isinstance(guest, Guest)
    return {sha256: guest.module.serialize}


def load_files(read: Callable[[str], bytes], name: str) -> Compiled:
    """What is in the files that `files_of` told, of which the first has this name; ``read`` gives what one of a name holds."""
    compiled = read(name)
    if is_code(compiled):
        return Code.load(compiled, lambda part: read(f"{PART}{part}"))
    return load(compiled)

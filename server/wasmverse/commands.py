"""What clients may ask of the universe: each takes effect between two turns, never inside one.

The gateway makes them, the universe process carries them out in order of arrival. They are
plain picklable values; the answer to each is a dict of plain values, or a WasmverseError.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpawnEntity:
    """``call spawn_entity(sid, kind, x, y, strategy)``. Answer: ``{"eid": int, "tid": int}``.

    kind is 1 (ship) or 2 (energy node); strategy is a name, None for a node.
    """

    sid: int
    kind: int
    x: int
    y: int
    strategy: str | None


@dataclass(frozen=True, slots=True)
class UploadStrategy:
    """Store a module and fly its strategies from the next turn on.

    The module has been checked and compiled outside the universe process (``wasm.inspect_module``);
    ``compiled`` is the compiler's output for it. Answer: ``{"strategies": [row of strategy, ...], "tid": int}``
    """

    name: str
    module: bytes
    compiled: bytes
    author: str


@dataclass(frozen=True, slots=True)
class RemoveStrategy:
    """Remove a strategy; its ships hold until they die. Answer: ``{"name": str, "tid": int}``."""

    name: str
    author: str


@dataclass(frozen=True, slots=True)
class EnableStrategy:
    """Deal new ships to a strategy, or stop doing so. Answer: ``{"name": str, "is_enabled": bool, "tid": int}``."""

    name: str
    is_enabled: bool
    author: str


Command = SpawnEntity | UploadStrategy | RemoveStrategy | EnableStrategy

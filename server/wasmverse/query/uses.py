"""What queries have taken of the catalogue's functions, until somebody stores it."""

from __future__ import annotations

from collections.abc import Iterable

from wasmverse.messages import FunctionKey, FunctionUse

FUNCTIONS_MAX = 10_000
"""Versions of functions that are counted between two takings: a reader runs strangers' code, and may say anything."""


class FunctionUses:
    """Sums by function and version."""

    def __init__(self) -> None:
        self._uses: dict[FunctionKey, FunctionUse] = {}

    def add(self, taken: Iterable[object]) -> None:
        """What one query took, as `wire.AnswerHead` has it. What a reader cannot have meant is dropped."""
        for entry in taken:
            match entry:
                case [
                    str(name),
                    str(parameters),
                    int(version),
                    int(rows),
                    int(faults),
                    int(fuel),
                    int(nanoseconds),
                ]:
                    key = FunctionKey(name, parameters, version)
                    if min(rows, faults, fuel, nanoseconds) < 0 or (
                        key not in self._uses and len(self._uses) >= FUNCTIONS_MAX
                    ):
                        continue
                    use = FunctionUse(1, rows, faults, fuel, nanoseconds / 1e9)
                    self._uses[key] = self._uses.get(key, FunctionUse()) + use

    def take(self) -> dict[FunctionKey, FunctionUse]:
        """All sums since the last time."""
        uses, self._uses = self._uses, {}
        return uses

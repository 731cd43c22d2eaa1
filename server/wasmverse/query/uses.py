"""What queries have taken of the catalogue's functions, until somebody stores it."""

from __future__ import annotations

from collections.abc import Iterable

from wasmverse.messages import FunctionKey, FunctionUse

FUNCTIONS_MAX = 10_000
"""Versions of functions that are counted between two takings: a reader runs strangers' code, and may say anything."""
CHARACTERS_MAX = 1 << 22
"""Characters of their names and parameters together."""


class FunctionUses:
    """Sums by function and version."""

    def __init__(self) -> None:
        self._uses: dict[FunctionKey, FunctionUse] = {}
        self._characters = 0

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
                    if min(rows, faults, fuel, nanoseconds) < 0 or not self._has_room(key):
                        continue
                    use = FunctionUse(1, rows, faults, fuel, nanoseconds / 1e9)
                    self._uses[key] = self._uses.get(key, FunctionUse()) + use

    def _has_room(self, key: FunctionKey) -> bool:
        """Whether a version is counted, or there is room to count it from now on."""
        if key not in self._uses:
            characters = self._characters + len(key.name) + len(key.parameters)
            if len(self._uses) >= FUNCTIONS_MAX or characters > CHARACTERS_MAX:
                return False
            self._characters = characters
        return True

    def take(self) -> dict[FunctionKey, FunctionUse]:
        """All sums since the last time."""
        uses, self._uses, self._characters = self._uses, {}, 0
        return uses

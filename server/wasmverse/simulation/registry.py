"""Who flies in a universe: the roster, made of the rows that a store keeps, and what is known of each strategy meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from wasmverse.commands import BUNDLED_OWNER
from wasmverse.errors import ModuleRefused
from wasmverse.strategies.guests import Guests
from wasmverse.strategies.roster import GROUNDED, REMOVED, Roster, Strategy


class StrategyRow(Protocol):
    """What is needed of a row of ``strategy``."""

    strategy_id: int
    name: str
    sha256: str
    export: str
    owner: str
    is_enabled: bool
    status: str
    last_fault: str | None
    budget_fuel: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a store is to note of a strategy: why it faulted, and its status from now on."""

    name: str
    last_fault: str
    status: str


class Registry:
    """The strategies of one universe as they fly.

    bad_turns : by name, how many turns in a row most of its calls have faulted
    faults : by name, the last fault that was noted; spared : who is never grounded for the time that it takes
    """

    def __init__(self) -> None:
        self.roster = Roster([])
        self.bad_turns: dict[str, int] = {}
        self.faults: dict[str, str | None] = {}
        self.spared: set[str] = set()
        self._guests = Guests()

    @property
    def compiled_bytes(self) -> dict[str, int]:
        """The size of every module's machine code, by the module's hash."""
        return self._guests.compiled_bytes

    def accept(self, sha256: str, compiled: bytes) -> None:
        """The machine code of a module, if it is for this machine: it is not compiled then. The bytes are trusted."""
        self._guests.accept(sha256, compiled)

    def load(self, rows: Sequence[StrategyRow], read_module: Callable[[str], bytes]) -> list[Verdict]:
        """Make the roster of these rows; modules are compiled once a process.

        Returns
        -------
        What is to be noted of those whose modules cannot fly any more: they are grounded in the roster already.
        """
        verdicts = []
        strategies = []
        for row in rows:
            guest, status = None, row.status
            if row.status != REMOVED:
                try:
                    guest = self._guests.find(row.sha256, row.export, lambda of=row.sha256: read_module(of))  # type: ignore[misc]
                except ModuleRefused as refused:
                    status = GROUNDED
                    if row.status != GROUNDED:
                        fault = f"grounded, its module cannot fly any more: {refused.message}"
                        verdicts.append(Verdict(row.name, fault, GROUNDED))
            strategies.append(
                Strategy(row.strategy_id, row.name, row.is_enabled, status, guest, row.budget_fuel)
            )
        self._guests.keep({(row.sha256, row.export) for row in rows if row.status != REMOVED})
        # Names of what was forgotten would add up.
        self.bad_turns = {row.name: self.bad_turns[row.name] for row in rows if row.name in self.bad_turns}
        self.roster = Roster(strategies)
        self.faults = {row.name: row.last_fault for row in rows}
        self.spared = {row.name for row in rows if row.owner == BUNDLED_OWNER}
        return verdicts

    def add(self, sha256: str, compiled: bytes, names: Iterable[str]) -> None:
        """A module was uploaded under these names: its machine code is known, and their counts begin again."""
        self._guests.add(sha256, compiled)
        for name in names:
            self.bad_turns.pop(name, None)

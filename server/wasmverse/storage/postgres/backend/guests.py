"""The guests of a session: loaded by hash from what was compiled at the upload, and kept from turn to turn."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cache, partial
from importlib.metadata import version

from wasmverse.errors import ModuleRefused, StateError
from wasmverse.storage.postgres.backend.messages import RosterRow, Task
from wasmverse.storage.postgres.backend.statements import Connection, read_code, read_module
from wasmverse.strategies.guests import Guests
from wasmverse.strategies.roster import FLYING, Roster, Strategy


@cache
def target() -> str:
    """Where machine code can be run: the version of the compiler, the processor, and what else the code was made for.

    Code of another target is not loaded: the module is compiled again. Code for processors that know more the compiler refuses.
    """
    return f"wasmtime-{version('wasmtime')}-{platform.system()}-{platform.machine()}".lower()


class SessionGuests:
    """Loads guests over a connection."""

    def __init__(self) -> None:
        self._guests = Guests()
        self._made: tuple[Sequence[RosterRow], Roster] | None = None

    def roster(self, task: Task, connection: Connection) -> Roster:
        """The roster of a turn with a guest for everybody who flies.

        Raises
        ------
        StateError : a module is not there, or cannot fly in this session.
        """
        if self._made is not None and self._made[0] == task.strategies:
            return self._made[1]
        flown = {(row.sha256, row.export) for row in task.strategies if row.status == FLYING}
        strategies = []
        for row in task.strategies:
            guest = None
            if row.status == FLYING:
                self._load(row.sha256, task, connection)
                try:
                    guest = self._guests.find(
                        row.sha256, row.export, partial(_module, row.sha256, task, connection)
                    )
                except ModuleRefused as refused:
                    raise StateError(
                        f"the module of {row.name!r} cannot fly in a session of the database: {refused.message}"
                    ) from refused
            strategies.append(
                Strategy(row.strategy_id, row.name, row.is_enabled, row.status, guest, row.budget_fuel)
            )
        self._guests.keep(flown)
        self._made = (task.strategies, Roster(strategies))
        return self._made[1]

    def _load(self, sha256: str, task: Task, connection: Connection) -> None:
        if sha256 not in self._guests.compiled_bytes:
            for (code,) in connection.rows(read_code(task.codes), [sha256, target()]):
                self._guests.accept(sha256, code)


def _module(sha256: str, task: Task, connection: Connection) -> bytes:
    for (module,) in connection.rows(read_module(task.modules), [sha256]):
        return bytes(module)
    raise StateError(f"the database has no module with sha256 {sha256}: upload the strategy again")

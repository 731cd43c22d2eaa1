"""The modules of strategies in all places, and what they were compiled to: so that whoever plays loads them by their hash."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from wasmverse.errors import ModuleRefused
from wasmverse.settings import DatabaseUrl
from wasmverse.simulation.registry import Registry
from wasmverse.storage.postgres.backend.guests import target
from wasmverse.storage.postgres.database import Database, Transaction
from wasmverse.strategies.guests import machine_code

_MODULE = "INSERT INTO strategy_module (sha256, module) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_CODE = "INSERT INTO compiled_module (sha256, target, code) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


class _Row(Protocol):
    sha256: str


class ModuleTables:
    """``strategy_module`` and ``compiled_module`` of all places.

    Other places than the coordinator get a module before the coordinator commits to it, and keep it until the upload after the
    one that replaced it: it is found by its hash, so more than what is needed does no harm.

    Parameters
    ----------
    others : all places but the coordinator.
    """

    def __init__(self, others: Sequence[DatabaseUrl]) -> None:
        self._others = list(others)

    def known(self, transaction: Transaction) -> set[str]:
        """The hashes of the modules that the coordinator has."""
        return {sha256 for (sha256,) in transaction.execute("SELECT sha256 FROM strategy_module").fetchall()}

    def add(
        self,
        transaction: Transaction,
        sha256: str,
        module: bytes,
        code: bytes,
        committed: Collection[str] | None = None,
    ) -> None:
        """Have a module, which the coordinator has already, in all places, and its machine code; empty if that is not known.

        Parameters
        ----------
        committed : what the coordinator has if the transaction is rolled back; all else is dropped from the other places. Only
            for who holds the row of ``universe``: nobody else is uploading then. None: nothing is dropped.
        """
        if code:
            transaction.execute(_CODE, (sha256, target(), code))
        for other in self._others:
            database = Database(other, "module")
            try:
                with database.transaction() as elsewhere:
                    elsewhere.execute(_MODULE, (sha256, module))
                    if code:
                        elsewhere.execute(_CODE, (sha256, target(), code))
                    if committed is not None:
                        for table in ("strategy_module", "compiled_module"):
                            elsewhere.execute(
                                f"DELETE FROM {table} WHERE sha256 <> ALL(%s)", ([sha256, *committed],)
                            )
            finally:
                database.close()

    def spread(self, transaction: Transaction) -> None:
        """Have in all places the modules that the coordinator has."""
        for sha256, module in transaction.execute("SELECT sha256, module FROM strategy_module").fetchall():
            self.add(transaction, sha256, module, b"")

    def forget(self, transaction: Transaction) -> None:
        """Drop the machine code of modules that the coordinator has no more."""
        transaction.execute(
            "DELETE FROM compiled_module WHERE sha256 NOT IN (SELECT sha256 FROM strategy_module)"
        )

    def compile_missing(self, transaction: Transaction) -> None:
        """Compile what has no machine code for this kind of machine: it was made on another one, or by an older Wasmverse."""
        text = (
            "SELECT sha256, module FROM strategy_module WHERE NOT EXISTS (SELECT 1 FROM compiled_module AS code "
            "WHERE code.sha256 = strategy_module.sha256 AND target = %s) ORDER BY sha256"
        )
        for sha256, module in transaction.execute(text, (target(),)).fetchall():
            # What cannot fly any more is grounded when its turn comes.
            with suppress(ModuleRefused):
                self.add(transaction, sha256, module, machine_code(module))

    def accept(self, transaction: Transaction, registry: Registry, rows: Iterable[_Row]) -> None:
        """Give a registry the machine code of the modules of these rows that it has not."""
        needed = {row.sha256 for row in rows} - registry.compiled_bytes.keys()
        if needed:
            text = "SELECT sha256, code FROM compiled_module WHERE sha256 = ANY(%s) AND target = %s"
            for sha256, code in transaction.execute(text, (sorted(needed), target())).fetchall():
                registry.accept(sha256, code)

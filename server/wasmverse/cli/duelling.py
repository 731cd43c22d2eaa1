"""`wasmverse duel`: strategies against each other on a private universe in memory, by the same code as every turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wasmverse.commands import Author
from wasmverse.errors import ModuleRefused, SettingsError, StrategyError
from wasmverse.settings import Settings
from wasmverse.simulation.beginning import Founder, make_laws
from wasmverse.simulation.memory import check_new_universe
from wasmverse.storage.opening import found_universe
from wasmverse.strategies.checker_start import inspect_module_apart

AUTHOR = "duel"
SUMMED = ("kills", "deaths", "spawned", "harvested", "upgrades", "faults", "fuel")
"""What is added up over the turns; ships and energy are those at the end."""


def duel(files: Sequence[Path], turns: int, settings: Settings) -> dict[str, Any]:
    """Play turns of a universe whose ships were dealt to the strategies in these modules, and to no others.

    Returns
    -------
    The account as plain values: the sizes, ``state_hash``, and ``strategies``, the one with the most ships first (ties: the most
    energy, then the name). The same modules in the same order, turns and seed give the same account.

    Raises
    ------
    SettingsError : a file cannot be read, or the universe does not fit.
    ModuleRefused, StrategyError : a module breaks a rule, as at an upload; the message begins with its file.
    """
    check_new_universe(settings)
    founders, origin = _founders(files, settings)
    # Every turn is added up right away.
    settings = settings.model_copy(update={"turns_kept": 2, "strategy_turns_kept": 1, "event_turns_kept": 1})
    store = found_universe(make_laws(settings), founders, settings)
    try:
        totals: dict[str, dict[str, int]] = {
            founder.name: dict.fromkeys(("ships", "energy", *SUMMED), 0) for founder in founders
        }
        for _ in range(turns):
            store.advance()
            for row in store.snapshot()["strategy_turn"].to_pylist():
                total = totals[row["strategy"]]
                total.update(ships=row["ships"], energy=row["energy"])
                for name in SUMMED:
                    total[name] += row[name]
        rows = [
            {
                "name": row["name"],
                "file": origin[row["name"]],
                "sha256": row["sha256"],
                **totals[row["name"]],
                "status": row["status"],
                "last_fault": row["last_fault"],
            }
            for row in store.snapshot()["strategy"].to_pylist()
        ]
        rows.sort(key=lambda row: (-row["ships"], -row["energy"], row["name"]))
        sizes = {name: getattr(settings, name) for name in ("seed", "systems", "ships", "nodes")}
        return {"turns": turns, **sizes, "strategies": rows, "state_hash": store.state_hash()}
    finally:
        store.close()


def _founders(files: Sequence[Path], settings: Settings) -> tuple[list[Founder], dict[str, str]]:
    """The strategies in the files, and which file each name is from."""
    founders: list[Founder] = []
    origin: dict[str, str] = {}
    for file in files:
        try:
            module = file.read_bytes()
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
        name = _name(file, origin)
        try:
            inspection = inspect_module_apart(module, name, settings)
        except (ModuleRefused, StrategyError) as error:
            raise type(error)(f"{file}: {error.message}") from error
        for registered, export in inspection.strategies.items():
            if registered in origin:
                raise StrategyError(
                    f"{file} and {origin[registered]} both export {registered}: rename one of the exports"
                )
            origin[registered] = str(file)
            founders.append(
                Founder(registered, export, module, inspection.language, Author.named(AUTHOR), True)
            )
    return founders, origin


def _name(file: Path, taken: dict[str, str]) -> str:
    """A strategy's name from a file's; two files of one name, or the same file twice, get numbers."""
    stem = re.sub(r"[^a-z0-9_]", "_", file.stem.lower())[:56]
    stem = stem if re.match(r"[a-z]", stem) else f"s_{stem}"
    return next(
        name
        for number in range(1, 10_000)
        if (name := stem if number == 1 else f"{stem}_{number}") not in taken
    )

"""`wasmverse duel`: strategies against each other on private universes in memory, by the same code as every turn."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wasmverse.cli.reading import not_readable
from wasmverse.commands import Author
from wasmverse.errors import ModuleRefused, RecordingError, SettingsError, StrategyError
from wasmverse.processes.kernels import keep_kernels
from wasmverse.recording.recorder import record
from wasmverse.settings import Settings
from wasmverse.simulation.beginning import BUNDLED, BUNDLED_FOLDER, Founder, make_laws
from wasmverse.simulation.match import play_match
from wasmverse.simulation.memory import check_new_universe
from wasmverse.storage.opening import found_universe
from wasmverse.strategies.checker_start import inspect_module_apart

__all__ = ["Entrants", "duel", "duels", "entrants_of", "in_processes", "save"]

AUTHOR = "duel"
_SIZES = ("seed", "systems", "ships", "nodes", "upkeep")


@dataclass(slots=True)
class Entrants:
    """The strategies of a duel.

    Attributes
    ----------
    founders : in the order in which they were given.
    origin : by name, the file that a strategy is from, or what a bundled one was called by.
    compiled : by hash, the machine code of their modules.
    """

    founders: list[Founder] = field(default_factory=list)
    origin: dict[str, str] = field(default_factory=dict)
    compiled: dict[str, bytes] = field(default_factory=dict)

    def of(self, names: Sequence[str]) -> Entrants:
        """Some of them."""
        founders = [founder for founder in self.founders if founder.name in names]
        return Entrants(founders, self.origin, self.compiled)


@dataclass(frozen=True, slots=True)
class Job:
    """One universe to be played."""

    entrants: Entrants
    settings: Settings
    turns: int


def duel(files: Sequence[Path | str], turns: int, settings: Settings) -> dict[str, Any]:
    """Play turns of a universe whose ships were dealt to the strategies in these modules, and to no others.

    Returns
    -------
    The account of `simulation.match.play_match` as plain values, with the sizes, and with each strategy's ``file``. The same
    modules in the same order, turns and seed give the same account.

    Raises
    ------
    SettingsError : a file cannot be read, or the universe does not fit.
    ModuleRefused, StrategyError : a module breaks a rule, as at an upload; the message begins with its file.
    """
    check_new_universe(settings)
    return _played(Job(entrants_of(files, settings), settings, turns))


def duels(
    entrants: Entrants,
    turns: int,
    settings: Settings,
    seeds: int,
    processes: int,
    tell: Callable[[int], None],
) -> list[dict[str, Any]]:
    """The accounts of so many universes, whose seeds follow each other from that of the settings on, in this order.

    Parameters
    ----------
    processes : that play at once; 0 is one for each core.
    tell : told how much more has been played: universes; of a single one, turns.
    """
    if seeds == 1:
        return [_played(Job(entrants, settings, turns), tell)]
    jobs = [
        Job(entrants, settings.model_copy(update={"seed": settings.seed + number}), turns)
        for number in range(seeds)
    ]
    return list(in_processes(jobs, processes, tell))


def in_processes(
    jobs: Sequence[Job], processes: int, tell: Callable[[int], None] = lambda _: None
) -> Iterator[dict[str, Any]]:
    """The account of each job, in their order, whichever is done first."""
    workers = min(processes or os.cpu_count() or 1, len(jobs))
    if workers == 1:
        for job in jobs:
            account = _played(job)
            tell(1)
            yield account
        return
    alone = [Job(job.entrants, job.settings.model_copy(update={"threads": 1}), job.turns) for job in jobs]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), keep_kernels) as pool:
        for account in pool.map(_played, alone):
            tell(1)
            yield account


def _played(job: Job, tell: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    entrants, settings = job.entrants, job.settings
    account = play_match(entrants.founders, settings, job.turns, entrants.compiled, tell)
    rows = [
        {"name": row["name"], "file": entrants.origin[row["name"]], **row} for row in account["strategies"]
    ]
    sizes = {name: getattr(settings, name) for name in _SIZES}
    return {"turns": job.turns, **sizes, **account, "strategies": rows}


def save(path: Path, entrants: Entrants, turns: int, settings: Settings) -> str:
    """Play a duel once more, and record it as `serve --record` does, for `replay`; the hash of its last state.

    Raises
    ------
    RecordingError : the file is there already, or cannot be written.
    """
    if path.exists():
        raise RecordingError(f"{path} is there already: remove it, or name another with --save")
    settings = settings.model_copy(update={"turns_kept": 2, "strategy_turns_kept": 1, "event_turns_kept": 1})
    store = found_universe(make_laws(settings), entrants.founders, settings)
    try:
        record(store, path, settings.record_hash_turns)
        for _ in range(turns):
            store.advance()
        return store.state_hash()
    finally:
        store.close()


def entrants_of(files: Sequence[Path | str], settings: Settings) -> Entrants:
    """The strategies in these files, and the bundled ones that are named; raises as `duel`."""
    found = Entrants()
    for given in files:
        file = _bundled(str(given)) or Path(given)
        try:
            module = file.read_bytes()
        except OSError as error:
            is_name = not file.suffix and not file.is_dir()
            hint = f"; bundled are {', '.join(map(_short, BUNDLED))}" if is_name else ""
            raise SettingsError(not_readable(file, error) + hint) from error
        name = _name(file, found.origin)
        try:
            inspection = inspect_module_apart(module, name, settings)
        except (ModuleRefused, StrategyError) as error:
            raise type(error)(f"{file}: {error.message}") from error
        found.compiled[inspection.sha256] = inspection.compiled
        for registered, export in inspection.strategies.items():
            if registered in found.origin:
                raise StrategyError(
                    f"{file} and {found.origin[registered]} both export {registered}: rename one of the exports"
                )
            found.origin[registered] = str(given)
            found.founders.append(
                Founder(registered, export, module, inspection.language, Author.named(AUTHOR), True)
            )
    return found


def _short(name: str) -> str:
    return name.removeprefix("strategy_")


def _bundled(given: str) -> Path | None:
    """The file of the bundled strategy of this name, with or without ``strategy_``; None if a file is meant."""
    if Path(given).exists():
        return None
    return next(
        (BUNDLED_FOLDER / f"{name}.wasm" for name in BUNDLED if given in {name, _short(name)}),
        None,
    )


def _name(file: Path, taken: dict[str, str]) -> str:
    """A strategy's name from a file's; two files of one name, or the same file twice, get numbers."""
    stem = re.sub(r"[^a-z0-9_]", "_", file.stem.lower())[:56]
    stem = stem if re.match(r"[a-z]", stem) else f"s_{stem}"
    return next(
        name
        for number in range(1, 10_000)
        if (name := stem if number == 1 else f"{stem}_{number}") not in taken
    )

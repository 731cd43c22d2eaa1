"""`wasmverse replay`: play a recorded run again on a new universe, and compare it with the recording."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from wasmverse import __version__
from wasmverse.commands import (
    Command,
    CreateFunction,
    DropFunction,
    EnableStrategy,
    RemoveStrategies,
    RemoveStrategy,
    RollbackFunction,
    SpawnEntity,
    Transmit,
    UploadStrategy,
)
from wasmverse.errors import (
    CommandError,
    FunctionError,
    ModuleRefused,
    RecordingError,
    StrategyError,
    WasmverseError,
)
from wasmverse.functions.check import creation, function_check
from wasmverse.functions.definition import Definition
from wasmverse.functions.wanted import wanted_of
from wasmverse.recording.format import (
    Carried,
    Create,
    Drop,
    Dropped,
    Enable,
    Fact,
    Founder,
    Given,
    Grounded,
    Recording,
    Remove,
    RemoveSeveral,
    Rollback,
    Spawn,
    Start,
    Stop,
    Transmitted,
    Turn,
    Universe,
    Upload,
    module_of,
)
from wasmverse.recording.recorder import roster_hash
from wasmverse.settings import DatabaseUrl, Settings
from wasmverse.simulation import beginning
from wasmverse.simulation.memory import check_new_universe
from wasmverse.storage.opening import found_universe
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.strategies.contract import DECIDE
from wasmverse.universe.turn import Laws

UNBOUNDED = 1 << 40


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay first came out otherwise than the recording, which was the same up to turn ``same_until``."""

    tid: int
    same_until: int
    line: int
    what: str
    recorded: str
    replayed: str


@dataclass(slots=True)
class Replay:
    """What a replay came to; ``compared`` counts the places at which hashes were the same."""

    tid: int = 0
    ships: int = 0
    nodes: int = 0
    state_hash: str = ""
    compared: int = 0
    commands: int = 0
    first_difference: Difference | None = None
    cut_line: int = 0
    recorded_by: str = ""
    played_by: str = f"wasmverse {__version__}, wasmtime {version('wasmtime')}"

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**asdict(self), "is_equal": self.first_difference is None}


def replay(
    path: Path, until: int | None, settings: Settings, place: Path | DatabaseUrl | None = None
) -> Replay:
    """Play a recording again from its beginning.

    Parameters
    ----------
    until : the turn to end with, as it was committed; None for all that was recorded, commands after the last turn included.
    settings : those of this machine: its threads, and the limits of checking a module.
    place : of the universe that is made for it, and stays there; None for one in memory.

    Raises
    ------
    RecordingError : the recording cannot be read or played; a replay that differs is a result, not an error.
    DatabaseError : ``place`` cannot be used, or has a universe.
    """
    recording = Recording(path)
    last = 0
    for _, fact in recording:  # all of it is read before anything is played
        last = fact.tid
    if until is not None and not 0 <= until <= last:
        raise RecordingError(f"{path} ends with turn {last}, --until is {until}: choose 0..{last}")
    found = Replay(cut_line=recording.cut_line)
    facts = _with_successors(recording)
    _, universe, _ = next(facts)
    assert isinstance(universe, Universe)
    found.recorded_by = f"wasmverse {universe.wasmverse}, wasmtime {universe.wasmtime}"
    player: _Player | None = None
    try:
        player = _Player(universe, settings, found, place)
        for line, fact, behind in facts:
            if until is not None and (fact.tid, isinstance(fact, Given)) >= (until, True):
                break
            if not isinstance(behind, Dropped):
                player.meet(line, fact)
            if found.first_difference is not None:
                break
        player.finish()
    except (FunctionError, ModuleRefused, StrategyError, ValidationError) as error:
        what = (
            error.message if isinstance(error, WasmverseError) else f"limits are not allowed: {_first(error)}"
        )
        raise RecordingError(f"{path} cannot be played: {what}") from error
    finally:
        if player is not None:
            player.store.close()
    return found


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{first['loc'][0]} is {first['input']!r}; allowed is: {first['msg'].removeprefix('Input should be ')}"


def _with_successors(recording: Recording) -> Iterator[tuple[int, Fact, Fact | None]]:
    """(line, fact, the fact after it); None is after the last one."""
    before: tuple[int, Fact] | None = None
    for line, fact in recording:
        if before is not None:
            yield *before, fact
        before = line, fact
    if before is not None:
        yield *before, None


class _Player:
    """The universe of a recording, as it is played again."""

    def __init__(
        self, universe: Universe, settings: Settings, found: Replay, place: Path | DatabaseUrl | None
    ) -> None:
        self.found = found
        self.same_until = 0
        sizes = {name: getattr(universe, name) for name in ("seed", "systems", "ships", "nodes", "upkeep")}
        # Nobody asks a replay for its history.
        kept = {"turns_kept": 2, "strategy_turns_kept": 1, "event_turns_kept": 1}
        # Whatever is on record had room when it was uploaded.
        no_bounds = {
            "module_exports_max": UNBOUNDED,
            "strategies_max_per_module": UNBOUNDED,
            "strategies_max_per_owner": UNBOUNDED,
            "strategies_max": 15_000,
            "stored_bytes_max_per_owner": UNBOUNDED,
            "stored_bytes_max": UNBOUNDED,
            "strategy_versions_kept": 0,
            "compiled_bytes_max": UNBOUNDED,
            "component_bytes_max": UNBOUNDED,
            "component_functions_max": UNBOUNDED,
            "component_compiled_bytes_max": UNBOUNDED,
            "compiled_bytes_max_per_owner": UNBOUNDED,
            "compiled_bytes_max_stored": UNBOUNDED,
            "functions_max_per_owner": UNBOUNDED,
            "functions_max": UNBOUNDED,
            "function_stored_bytes_max_per_owner": UNBOUNDED,
            "function_stored_bytes_max": UNBOUNDED,
            "function_compiled_bytes_max": UNBOUNDED,
            "function_component_bytes_max": UNBOUNDED,
            "function_component_functions_max": UNBOUNDED,
            "function_component_compiled_bytes_max": UNBOUNDED,
            "function_compiled_bytes_max_stored": UNBOUNDED,
        }
        self.settings = settings.model_copy(update={**sizes, **kept, **no_bounds})
        self.grounded: dict[str, float] = {}
        check_new_universe(self.settings)
        laws = Laws(
            universe.seed,
            universe.systems,
            universe.ships,
            universe.nodes,
            universe.block_systems,
            universe.upkeep,
        )
        self.bundled = {
            hashlib.sha256(founder.module).hexdigest() for founder in beginning.bundled_founders()
        }
        founders = [self._founder(each) for each in universe.strategies]
        self.store = found_universe(laws, founders, self.settings, place)
        self.format = universe.format

    def meet(self, line: int, fact: Fact) -> None:
        """Go on to a fact, do what it says, and compare."""
        while self.store.tid < fact.tid:
            self.store.advance(grounded=self.grounded)
            self.grounded = {}
        match fact:
            case Grounded():
                self.grounded = fact.seconds
            case Start():
                self.grounded = {}
                limits = Settings.model_validate({**self.settings.model_dump(), **fact.limits.model_dump()})
                self.settings = limits
                self.store.take_up(limits, fact.faulting)
                # A process of this version may go on with what an older one began.
                self.store.forgets_removed = (fact.format or self.format) > 1
                self._compare(line, fact)
            case Turn() | Stop():
                self._compare(line, fact)
            case Given():
                self._carry_out(line, fact)

    def finish(self) -> None:
        """Note what it came to."""
        self.found.tid = self.store.tid
        self.found.ships, self.found.nodes = self.store.size
        self.found.state_hash = self.store.state_hash()

    def _compare(self, line: int, fact: Start | Turn | Stop) -> None:
        if fact.state is None or fact.roster is None:
            return
        state, roster = self.store.state_hash(), roster_hash(self.store)
        if state != fact.state:
            self._differ(line, "state", fact.state, state)
        elif roster != fact.roster:
            self._differ(line, "strategies", fact.roster, roster)
        else:
            self.found.compared += 1
            self.same_until = fact.tid

    def _differ(self, line: int, what: str, recorded: str, replayed: str) -> None:
        self.found.first_difference = Difference(
            self.store.tid, self.same_until, line, what, recorded, replayed
        )

    def _carry_out(self, line: int, fact: Given) -> None:
        next_eid, roster = self.store.next_eid, roster_hash(self.store)
        if next_eid != fact.next_eid:
            self._differ(line, "next eid", str(fact.next_eid), str(next_eid))
            return
        if roster != fact.roster:
            self._differ(line, "strategies", fact.roster, roster)
            return
        command = self._command(fact.command)
        try:
            self.store.carry_out(command)
        except (CommandError, FunctionError, StrategyError) as error:
            self._differ(line, "command", f"{fact.command.do} was carried out", f"refused: {error.message}")
        else:
            self.found.commands += 1

    def _command(self, given: Carried) -> Command:
        match given:
            case Spawn():
                return SpawnEntity(given.sid, given.kind, given.x, given.y, given.strategy)
            case Transmitted():
                return Transmit(given.text, given.by)
            case Upload():
                module = module_of(given)
                inspection = inspect_module_apart(module, given.name, self.settings)
                # It was not too costly where it was recorded; what it takes here is no reason to refuse it.
                found = replace(inspection, costs={})
                if given.is_rollback:
                    found = found.only(given.name)
                return UploadStrategy(
                    given.name, module, found, given.by, given.budget_fuel, given.is_rollback
                )
            case Remove():
                return RemoveStrategy(given.name, given.by)
            case RemoveSeveral():
                return RemoveStrategies(tuple(given.names), given.by)
            case Enable():
                return EnableStrategy(given.name, given.is_enabled, given.by)
            case Create():
                return self._create(given)
            case Drop():
                return DropFunction(
                    given.name, given.parameters, given.may_be_missing, given.by, given.is_aggregate
                )
            case Rollback():
                return RollbackFunction(given.name, given.parameters, given.version, given.by)

    def _create(self, given: Create) -> CreateFunction:
        module = module_of(given)
        try:
            recorded = Definition.read(json.loads(given.definition))
        except ValueError as error:
            raise FunctionError("the definition of a function is no JSON: record the run again") from error
        checked = function_check(module, wanted_of(recorded), self.settings).run()
        return creation(module, checked, given.by, may_replace=given.may_replace)

    def _founder(self, given: Founder) -> beginning.Founder:
        """A strategy that the universe began with, checked like an upload unless it comes with this Wasmverse."""
        module, export = module_of(given), DECIDE
        if given.sha256 not in self.bundled:
            strategies = inspect_module_apart(module, given.name, self.settings).strategies
            export = strategies.get(given.name, DECIDE)
        return beginning.Founder(given.name, export, module, given.language, given.by, given.is_enabled)

"""Runs that are recorded while they are played, with whatever a recording must survive."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import wasmtime

from tests.wasm.builder import strategy_wat
from wasmverse.commands import Author, Command, EnableStrategy, RemoveStrategy, SpawnEntity, UploadStrategy
from wasmverse.errors import WasmverseError
from wasmverse.recording.format import Fact, Recording, seal
from wasmverse.recording.recorder import record
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.strategies.inspection import inspect_module

# Two blocks, so that threads have something to share.
SETTINGS = Settings(systems=300, ships=2, nodes=3, upkeep=30, seed=11, threads=2, grounded_after_turns=2)
HASH_TURNS = 4

BODIES = (
    "(i64.const 0x41)",
    "(i64.extend_i32_u (i32.or (i32.const 0x41) (i32.shl (local.get $x) (i32.const 8))))",
    "(unreachable)",
    "(loop $again (br $again)) (i64.const 0)",
    "(i64.const 0xff)",
    "(if (i32.and (local.get $y) (i32.const 1)) (then (unreachable))) (i64.const 0x53)",
)


def upload_of(name: str, body: str, author: str = "ada") -> UploadStrategy:
    module = bytes(wasmtime.wat2wasm(strategy_wat(body)))
    found = replace(inspect_module(module, name, SETTINGS), costs={})
    budget_fuel = 60_000 if name == "yours" else None
    return UploadStrategy(name, module, found, Author.named(author), budget_fuel)


class Run:
    """A universe in a file and its recording beside it."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS, *, is_open: bool = True) -> None:
        self.folder = folder
        self.settings = settings
        self.crashes = 0
        if is_open:
            self.open()

    @property
    def recording(self) -> Path:
        return self.folder / "run.jsonl"

    def open(self) -> None:
        self.simulation = DuckdbStore(Database.open(self.folder / "universe.duckdb"), self.settings)
        try:
            record(self.simulation, self.recording, HASH_TURNS)
        except WasmverseError:
            self.simulation.close()
            raise

    def play(self, turns: int) -> str:
        for _ in range(turns):
            self.simulation.advance()
        return self.simulation.state_hash()

    def close(self) -> None:
        self.simulation.close()

    def restart(self, **settings: Any) -> None:
        self.close()
        self.settings = self.settings.model_copy(update=settings)
        self.open()

    def crash(self, cut: int = 0) -> None:
        """Go on with what a kill -9 at this moment leaves: the files as they are, the recording shorter by some bytes."""
        self.crashes += 1
        left = self.folder.with_name(f"{self.folder.name}-{self.crashes}")
        shutil.copytree(self.folder, left)
        self.close()
        self.folder = left
        if cut:
            self.recording.write_bytes(self.recording.read_bytes()[:-cut])
        self.open()


def random_command(rng: random.Random) -> Command:
    """Any command; some of them are refused."""
    name = rng.choice(["mine", "yours", "theirs"])
    match rng.randrange(8):
        case 0 | 1 | 2:
            strategy = rng.choice([name, "strategy_blank", "strategy_battle", None])
            kind = rng.choice([1, 1, 2])
            return SpawnEntity(rng.randrange(0, 301), kind, rng.randrange(100), rng.randrange(100), strategy)
        case 3 | 4 | 5:
            return upload_of(name, rng.choice(BODIES), rng.choice(["ada", "ada", "eve"]))
        case 6:
            return RemoveStrategy(name, Author.named("ada"))
        case _:
            return EnableStrategy(name, rng.random() < 0.5, Author.named("ada"))


def random_run(folder: Path, seed: int) -> Run:
    """Turns, commands, restarts under other limits, and crashes, in any order; left open."""
    rng = random.Random(seed)
    folder.mkdir()
    run = Run(folder)
    run.simulation.carry_out(upload_of("rogue", "(unreachable)", "mallory"))
    run.simulation.carry_out(SpawnEntity(1, 1, 99, 99, "rogue"))
    run.simulation.carry_out(EnableStrategy("rogue", False, Author.named("mallory")))
    for _ in range(8):
        for _ in range(rng.randrange(4)):
            try:
                run.simulation.carry_out(random_command(rng))
            except WasmverseError:
                continue
        match rng.randrange(6):
            case 0:
                run.restart(budget_fuel=rng.choice([300, 20_000]), block_faults_max=rng.choice([1, 4]))
            case 1:
                run.crash()
        run.play(rng.randrange(1, 4))
        if rng.random() < 0.2:
            # The turn was committed, its line was not: a few bytes of it are left, or none.
            last_line = len(run.recording.read_bytes().splitlines(keepends=True)[-1])
            run.crash(rng.randrange(1, last_line + 1))
    return run


def facts_of(path: Path) -> list[Fact]:
    return [fact for _, fact in Recording(path)]


def write_facts(path: Path, facts: list[Fact]) -> None:
    """Forge a recording: these facts, with the right checks."""
    check, lines = "", []
    for fact in facts:
        line, check = seal(fact, check)
        lines.append(line)
    path.write_bytes(b"".join(lines))

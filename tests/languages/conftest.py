"""The strategies of all languages, each built by its real compiler and inspected, and one universe that they all flew in."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.languages.pilot import BUDGET_FUEL, Pilot
from tests.languages.toolchains import LANGUAGES, build
from tests.strategies.guest import BUNDLED_FOLDER
from wasmverse.cli.duelling import duel
from wasmverse.commands import Inspection
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart

TURNS = 100
PATIENT = {"compile_seconds_max": 60}
"""Go's module takes seconds to compile, and tests run beside each other."""
SIZES = {"budget_fuel": BUDGET_FUEL, "seed": 9, "systems": 16, "ships": 72, "nodes": 64}
YARDSTICKS = [BUNDLED_FOLDER / f"strategy_{name}.wasm" for name in ("blank", "default")]


@cache
def inspect(language: str) -> Inspection:
    """What `wasmverse strategy check` finds, in a process of its own."""
    return inspect_module_apart(
        build(language).read_bytes(), "tried", Settings(budget_fuel=BUDGET_FUEL, **PATIENT)
    )


@pytest.fixture(scope="session")
def inspection() -> Callable[[str], Inspection]:
    """The inspection of a language's strategy."""
    return inspect


@pytest.fixture(scope="session")
def pilot() -> Callable[[str], Pilot]:
    """Somebody who asks a language's strategy for plans."""
    return cache(lambda language: Pilot(inspect(language)))


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, dict[str, Any]]:
    """What became of each strategy in a universe that they shared, by name; flown once, by whichever worker is first."""
    base = tmp_path_factory.getbasetemp()
    kept = (base if worker_id == "master" else base.parent) / "languages.json"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            modules = [build(language) for language in LANGUAGES]
            played = duel([*modules, *YARDSTICKS], TURNS, Settings(**SIZES, **PATIENT))
            kept.write_text(json.dumps({row["name"]: row for row in played["strategies"]}))
    flown: dict[str, dict[str, Any]] = json.loads(kept.read_text())
    return flown


@pytest.fixture(scope="session")
def module() -> Callable[[str], Path]:
    """The module of a language's strategy."""
    return build

"""The strategies of all languages, each built by its real compiler and inspected, and one universe that they all flew in."""

from __future__ import annotations

import fcntl
import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.languages.pilot import BUDGET_FUEL, Pilot
from tests.languages.toolchains import COMPONENTS, LANGUAGES, build
from tests.strategies.guest import BUNDLED_FOLDER
from wasmverse.cli.duelling import duel
from wasmverse.commands import Inspection
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart

TURNS = 100
PATIENT = {"compile_seconds_max": 60, "component_compile_seconds_max": 600}
"""Go's module takes seconds to compile, CPython more, and tests run beside each other."""
SIZES = {"budget_fuel": BUDGET_FUEL, "seed": 9, "systems": 16, "ships": 72, "nodes": 64}
YARDSTICKS = [BUNDLED_FOLDER / f"strategy_{name}.wasm" for name in ("blank", "default")]


def once(base: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """What is made once a session, by whichever worker is first."""
    kept = base / name
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(make())
    return kept.read_bytes()


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The same for all workers."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def inspection(session_folder: Path) -> Callable[[str], Inspection]:
    """What `wasmverse strategy check` finds in a language's strategy, in a process of its own."""

    def inspect(language: str) -> bytes:
        settings = Settings(budget_fuel=BUDGET_FUEL, **PATIENT)
        return pickle.dumps(inspect_module_apart(build(language).read_bytes(), "tried", settings))

    @cache
    def inspected(language: str) -> Inspection:
        kept = once(session_folder, f"inspected_{language}.pickle", lambda: inspect(language))
        found: Inspection = pickle.loads(kept)
        return found

    return inspected


@pytest.fixture(scope="session")
def pilot(inspection: Callable[[str], Inspection]) -> Callable[[str], Pilot]:
    """Somebody who asks a language's strategy for plans."""
    return cache(lambda language: Pilot(inspection(language)))


@pytest.fixture(scope="session")
def account(session_folder: Path) -> dict[str, dict[str, Any]]:
    """What became of each strategy in a universe that they shared, by name."""

    def flown() -> bytes:
        modules = [build(language) for language in LANGUAGES if language not in COMPONENTS]
        played = duel([*modules, *YARDSTICKS], TURNS, Settings(**SIZES, **PATIENT))
        return json.dumps({row["name"]: row for row in played["strategies"]}).encode()

    rows: dict[str, dict[str, Any]] = json.loads(once(session_folder, "languages.json", flown))
    return rows


@pytest.fixture(scope="session")
def module() -> Callable[[str], Path]:
    """The module of a language's strategy."""
    return build

"""Who may import whom: data flows one way (docs/architecture.md)."""

import ast
import re
from collections.abc import Iterator, Set
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "server" / "wasmverse"
MODULES = sorted(module for module in PACKAGE.rglob("*.py") if module != PACKAGE / "__init__.py")
KNOWN = frozenset(MODULES)

PLAIN = {"errors", "text", "settings", "commands", "messages"}
"""Plain values that every room but the two pure ones may import: errors, limits, what processes say to each other."""

LAW = {
    "errors": set(),
    "running": {"errors"},
    "client": {"errors", "running"},
    "text": set(),
    "commands": set(),
    "sizes": set(),
    "settings": {"errors", "sizes"},
    "messages": {"commands", "errors"},
    "tokens": {"commands", "errors"},
    "confinement": set(),
    "pilot": set(),
    "typed_python": {"pilot", "errors", "text"},
    "wasm": {"errors", "text"},
    "checks": {"wasm", "confinement", "errors"},
    "strategies": {"checks", "wasm", "confinement", "commands", "errors", "text", "settings"},
    "languages": {"strategies", "wasm", "pilot", "errors", "text", "settings"},
    "functions": {"checks", "wasm", "confinement", "commands", "errors", "text", "settings"},
    "universe": {"strategies", "wasm", "errors", "text", "sizes"},
    "rules_wasm": {"typed_python", "universe"},
    "simulation": {"functions", "strategies", "universe", "wasm", *PLAIN},
    "chronicle": {"universe"},
    "storage": {"chronicle", "functions", "simulation", "strategies", "universe", "sizes", "tokens", *PLAIN},
    "snapshots": {"wasm", *PLAIN},
    "recording": {"functions", "simulation", "storage", "strategies", "universe", "sizes", *PLAIN},
    "past": {"recording", "simulation", "snapshots", "strategies", "universe", "wasm", *PLAIN},
    "query": {"snapshots", "storage", "confinement", *PLAIN},
    "reader": {
        "chronicle",
        "functions",
        "query",
        "snapshots",
        "strategies",
        "wasm",
        "confinement",
        "errors",
        "text",
    },
    "pictures": set(),
    "api": {
        "client",
        "checks",
        "functions",
        "pictures",
        "query",
        "strategies",
        "confinement",
        "tokens",
        *PLAIN,
    },
    "processes": {
        "running",
        "api",
        "past",
        "query",
        "recording",
        "simulation",
        "snapshots",
        "storage",
        "universe",
        "confinement",
        "tokens",
        *PLAIN,
    },
    "cli": {
        "client",
        "running",
        "api",
        "functions",
        "languages",
        "processes",
        "recording",
        "simulation",
        "snapshots",
        "storage",
        "strategies",
        "confinement",
        "tokens",
        *PLAIN,
    },
}
"""What each room, and each module at the root, may import of our own, also only for types."""

SERVER = {"fastapi", "starlette", "uvicorn"}
HEAVY = {"duckdb", "duckdb_engine", "sqlalchemy", "pyarrow", "pydantic", "wasmtime"}
DRIVERS = {"duckdb", "duckdb_engine", "sqlalchemy", "psycopg", "alembic", "pyarrow", "pydantic"}
FOREIGN = {
    "pilot": {"numpy", "numba", "llvmlite", *HEAVY, *SERVER},
    "typed_python": {*HEAVY, *SERVER},
    "rules_wasm": {*HEAVY, *SERVER},
    "languages": {"duckdb", "duckdb_engine", "sqlalchemy", "pyarrow", "numba", *SERVER},
    "universe": {"duckdb", "duckdb_engine", "sqlalchemy", "pyarrow", "pydantic", *SERVER},
    "wasm": {"duckdb", "duckdb_engine", "sqlalchemy", "pyarrow", "pydantic", "numba", *SERVER},
    "strategies": {"duckdb", "duckdb_engine", "sqlalchemy", "pyarrow", "numba", *SERVER},
    "functions": {"duckdb", "duckdb_engine", "sqlalchemy", "numba", *SERVER},
    "chronicle": {"numba", *HEAVY, *SERVER},
    "storage": {"wasmtime", "numba", *SERVER},
    "snapshots": {"duckdb", "sqlalchemy", "wasmtime", "numba", *SERVER},
    "simulation": {"duckdb", "duckdb_engine", "sqlalchemy", "numba", *SERVER},
    "recording": {"duckdb", "duckdb_engine", "sqlalchemy", "wasmtime", "numba", *SERVER},
    "past": {"duckdb", "duckdb_engine", "sqlalchemy", "numba", *SERVER},
    "query": {"duckdb", "wasmtime", "numba", *SERVER},
    "reader": {"wasmtime", "numba", "sqlalchemy", "pydantic", *SERVER},
    "pictures": {"numba", *HEAVY, *SERVER},
    "api": {"duckdb", "sqlalchemy", "wasmtime", "numba"},
    "client": {"duckdb", "sqlalchemy", "pydantic", "numpy", "numba", "wasmtime", *SERVER},
    "checks": {"numpy", "pydantic", "pyarrow", "duckdb", "wasmtime", "numba", *SERVER},
    "confinement": {"numpy", "pydantic", "pyarrow", "duckdb", "wasmtime", "numba", *SERVER},
    "processes": {"duckdb", "sqlalchemy", "wasmtime", "numba"},
    "cli": {"duckdb", "sqlalchemy", "wasmtime", "numba"},
}
"""Packages that a room must do without."""


def room_of(module: Path) -> str:
    """A folder of the package, or a module at its root."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imported(module: Path) -> frozenset[str]:
    """Full names of all that a module imports, wherever in it."""
    names: set[str] = set()
    package = ("wasmverse", *module.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(part for part in (base, node.module or "") if part)
            names |= {f"{start}.{alias.name}" for alias in node.names}
    return frozenset(names)


def roots_of(names: Set[str]) -> set[str]:
    """The packages that some names are in."""
    return {name.split(".")[0] for name in names}


def rooms_of(names: Set[str]) -> set[str]:
    """The rooms of our own package among some names."""
    rooms = {name.split(".")[1] for name in names if name.startswith("wasmverse.")}
    return {room for room in rooms if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()}


def modules_of(names: Set[str]) -> Iterator[Path]:
    """The modules of our own package among some names, which may be names in them."""
    for name in names:
        if name.startswith("wasmverse."):
            path = PACKAGE.joinpath(*name.split(".")[1:])
            for candidate in (path.with_suffix(".py"), path.parent.with_suffix(".py")):
                if candidate in KNOWN:
                    yield candidate
                    break


def test_the_rooms_are_those_of_the_law() -> None:
    made = {folder for folder in PACKAGE.iterdir() if folder.is_dir() and not list(folder.rglob("*.py"))}
    assert {room_of(module) for module in MODULES} == set(LAW)
    assert {folder.name for folder in made} <= {"bundled", "page", "__pycache__"}


BACKEND = PACKAGE / "storage" / "postgres" / "backend"
WITHIN = {"universe", "wasm", "strategies", "errors"}
"""What runs in a database's backend may import; of its own room, only what runs there too, and no driver of a database."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_room_may(module: Path) -> None:
    room = room_of(module)
    names = imported(module)
    law, foreign = (WITHIN, DRIVERS) if BACKEND in module.parents else (LAW[room], set())
    assert rooms_of(names) - {room} <= law
    assert roots_of(names) & (FOREIGN.get(room, set()) | foreign) == set()


def test_what_runs_in_a_backend_imports_of_its_room_only_what_runs_there() -> None:
    within = [module for module in MODULES if BACKEND in module.parents]
    assert {path.stem for path in within} >= {"codec", "guests", "messages", "play", "shard", "statements"}
    for module in within:
        assert {path for path in modules_of(imported(module)) if room_of(path) == "storage"} <= set(within)


DOORS = {
    ("api", "query"): {"service", "query", "result", "budget", "public"},
    ("reader", "query"): {"wire", "query", "result", "public"},
}
"""Of some rooms, the modules through which one other room may come in; not the pool, the dispatch or the readers behind them."""


def inner(names: Set[str], room: str) -> set[str]:
    """The modules of a room among some names, which may be names in them."""
    return {path.stem for path in modules_of(names) if room_of(path) == room}


@pytest.mark.parametrize(("guest", "room"), DOORS)
def test_a_room_comes_into_another_by_its_doors(guest: str, room: str) -> None:
    used = {module: inner(imported(module), room) for module in MODULES if room_of(module) == guest}
    assert {module: names for module, names in used.items() if names - DOORS[guest, room]} == {}
    assert set().union(*used.values()) == DOORS[guest, room], "a door that nobody uses is a wall"


ARROW = {"arguments", "bench", "compare", "direct", "results", "run", "sql_types"}
"""The modules of ``functions`` in which rows are Arrow; what a function is needs none of it, nor does its check."""


def test_few_modules_of_functions_know_arrow() -> None:
    room = PACKAGE / "functions"
    assert {path.stem for path in room.glob("*.py") if "pyarrow" in roots_of(imported(path))} <= ARROW


def test_live_queries_know_no_socket() -> None:
    live = PACKAGE / "api" / "live"
    know = {path.name for path in live.glob("*.py") if {"starlette", "fastapi"} & roots_of(imported(path))}
    assert know == {"socket.py"}


def test_the_law_allows_no_cycle() -> None:
    list(TopologicalSorter(LAW).static_order())


def test_no_modules_import_each_other() -> None:
    graph = {module: set(modules_of(imported(module))) - {module} for module in MODULES}
    list(TopologicalSorter(graph).static_order())


def test_the_law_sees_every_way_of_importing() -> None:
    assert "wasmverse.universe.turn.TurnPlayer" in imported(PACKAGE / "storage" / "duckdb" / "store.py")
    assert rooms_of(imported(PACKAGE / "processes" / "server.py")) >= {"api", "query", "processes"}
    assert rooms_of({"wasmverse.api.app", "wasmverse.errors", "numpy", "wasmverse.__version__"}) == {
        "api",
        "errors",
    }
    assert list(modules_of({"wasmverse.storage.schema.ship", "wasmverse.storage.schema", "json"})) == [
        PACKAGE / "storage" / "schema.py",
        PACKAGE / "storage" / "schema.py",
    ]


ROOMS = sorted(folder.parent for folder in PACKAGE.glob("*/__init__.py"))


def test_tests_have_the_same_rooms() -> None:
    folders = {folder.name for folder in Path(__file__).parent.iterdir() if list(folder.glob("*.py"))}
    assert folders - set(LAW) == {"attack", "bench", "e2e", "oracle", "postgres"}
    assert {room.name for room in ROOMS} - folders == set()


def test_the_readme_lists_the_rooms() -> None:
    readme = (PACKAGE.parents[1] / "README.md").read_text()
    tree = readme.partition("\nserver/wasmverse/ ")[2].partition("\nstrategies/")[0]
    assert set(re.findall(r"^  (\w+)/ ", tree, re.MULTILINE)) == {room.name for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_room_says_what_lives_there_and_what_it_may_import(room: Path) -> None:
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
    assert text is not None
    assert "mport" in text
    for name in re.findall(r"``?([a-z_]\w*)(?:\.\w+)?``?", text):
        assert name in LAW or list(room.rglob(f"{name}*")), f"there is no {name}"

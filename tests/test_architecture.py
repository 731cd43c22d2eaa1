"""Who may import whom: data flows one way (the package's layout, docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "server" / "wasmverse"
MODULES = sorted(PACKAGE.rglob("*.py"))

LEAVES = {"errors", "settings", "commands", "link", "text"}
"""What every part may import: errors, limits, and the plain values that are passed between processes."""

ALLOWED = {
    "universe": {"universe", "wasm", "errors", "text"},
    "wasm": {"wasm", "confinement", "errors", "settings", "text"},
    "database": {"database", "universe", "errors", "settings", "text", "commands"},
    "query": {"query", "database", "wasm", "confinement", "errors", "settings", "text"},
    "confinement": {"confinement"},
    "api": {"api", "query", "wasm", "confinement", "tokens", *LEAVES},
}
FOREIGN = {
    "universe": {
        "duckdb",
        "duckdb_engine",
        "sqlalchemy",
        "pyarrow",
        "fastapi",
        "starlette",
        "uvicorn",
        "pydantic",
    },
    "wasm": {"duckdb", "duckdb_engine", "sqlalchemy", "pyarrow", "numba", "fastapi", "starlette", "uvicorn"},
    "database": {"fastapi", "starlette", "uvicorn", "wasmtime", "numba"},
    "query": {"fastapi", "starlette", "uvicorn", "wasmtime", "numba"},
    "api": {"duckdb", "sqlalchemy", "wasmtime", "numba"},
    "confinement": {
        "numpy",
        "pydantic",
        "pyarrow",
        "duckdb",
        "wasmtime",
        "numba",
        "fastapi",
        "starlette",
        "uvicorn",
    },
}
"""Packages that a part must do without."""

JOINERS = {
    "beginning",
    "bench",
    "cli",
    "cli_strategy",
    "duel",
    "loop",
    "recorder",
    "recover",
    "replay",
    "serve",
    "simulation",
    "universe_start",
    "warmup",
}
"""The modules at the root that join parts: the command line, the processes' entry points, and the simulation."""


def imported(module: Path) -> set[str]:
    """Full names of all that a module imports, wherever in it."""
    names: set[str] = set()
    package = ("wasmverse", *module.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(part for part in (base, node.module or "") if part)
            names |= {start} if start != "wasmverse" else {f"wasmverse.{alias.name}" for alias in node.names}
    return names


def parts_of(names: set[str]) -> set[str]:
    """The parts and root modules of our own package among some names."""
    parts = {name.split(".")[1] for name in names if name.startswith("wasmverse.")}
    return {part for part in parts if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()}


def test_the_parts_are_those_of_the_layout() -> None:
    assert {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()} == set(ALLOWED)


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.parent != PACKAGE], ids=lambda m: "/".join(m.parts[-2:])
)
def test_a_part_imports_only_what_it_may(module: Path) -> None:
    part = module.relative_to(PACKAGE).parts[0]
    names = imported(module)
    assert parts_of(names) <= ALLOWED[part]
    assert {name.split(".")[0] for name in names} & FOREIGN[part] == set()


@pytest.mark.parametrize("module", [m for m in MODULES if m.parent == PACKAGE], ids=lambda m: m.name)
def test_at_the_root_only_the_entry_points_join_parts(module: Path) -> None:
    # Whoever starts a process may say how it is closed in.
    joined = parts_of(imported(module)) & set(ALLOWED) - {"confinement"}
    if module.stem in LEAVES:
        assert parts_of(imported(module)) <= LEAVES
    elif module.stem not in JOINERS:
        assert joined == set()


def test_the_rules_see_what_they_are_for() -> None:
    """They would notice every way of importing."""
    assert "wasmverse.universe.turn" in imported(PACKAGE / "simulation.py")
    assert parts_of(imported(PACKAGE / "serve.py")) >= {"api", "query", "universe_process"}
    assert parts_of({"wasmverse.api.app", "wasmverse.errors", "numpy", "wasmverse.__version__"}) == {
        "api",
        "errors",
    }


@pytest.mark.parametrize("part", ALLOWED)
def test_every_part_says_what_lives_there_and_what_it_may_import(part: str) -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / part / "__init__.py").read_text()))
    assert text is not None
    assert "mport" in text

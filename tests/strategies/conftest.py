"""The bundled strategies, ready to be asked."""

import pytest
import wasmtime

from .guest import BUILD_COMMAND, BUNDLED_FOLDER, REPOSITORY, Guest, engine


def load_bundled(name: str) -> wasmtime.Module:
    path = BUNDLED_FOLDER / f"{name}.wasm"
    if not path.exists():
        pytest.fail(f"{path.relative_to(REPOSITORY)} is missing; build it: {BUILD_COMMAND}", pytrace=False)
    return wasmtime.Module.from_file(engine(), path)


@pytest.fixture(scope="session")
def bundled_module():
    """A function that gives the module of a bundled strategy by name, each compiled once."""
    modules: dict[str, wasmtime.Module] = {}

    def module(name: str) -> wasmtime.Module:
        if name not in modules:
            modules[name] = load_bundled(name)
        return modules[name]

    return module


@pytest.fixture
def guest(bundled_module):
    """A function that gives a fresh instance of a bundled strategy by name."""
    return lambda name: Guest(bundled_module(name))

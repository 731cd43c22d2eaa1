"""The strategy of each language's folder, built by its real compiler and kept."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from wasmverse.languages import build as building
from wasmverse.languages.compilers import ROOT, engine_of, find
from wasmverse.languages.project import example_of
from wasmverse.languages.table import LANGUAGES as TABLE

STRATEGIES = ROOT / "strategies"
CACHE = ROOT / ".cache" / "languages"
"""What compilers keep from build to build, and the modules: each under a hash of what it was made from."""

LANGUAGES = list(TABLE)

COMPONENTS = ["python_component"]
"""Those whose module is a component; with an interpreter in it, that takes 13 s of processor time to compile."""

ENVIRONMENT = {
    "GOCACHE": str(CACHE / "go"),
    "ZIG_GLOBAL_CACHE_DIR": str(CACHE / "zig"),
    "ZIG_LOCAL_CACHE_DIR": str(CACHE / "zig"),
}
"""Compilers keep what they keep in our cache, so that a cold build is one without that."""

OWN = [*(ROOT / "server/wasmverse/languages").glob("*.*"), *(ROOT / "server/wasmverse/typed_python").glob("*.py"),
       *(ROOT / "server/wasmverse/pilot").glob("*.py"), ROOT / "server/wasmverse/wasm/binary.py",
       ROOT / "server/wasmverse/wasm/sections.py"]  # fmt: skip
"""What of Wasmverse itself makes a module what it is."""


def source_of(language: str) -> Path:
    """The strategy in a language's folder."""
    return example_of(TABLE[language])


@cache
def build(language: str) -> Path:
    """The module of a language's strategy, made now or kept from an earlier build of the same sources by the same compiler.

    Raises
    ------
    CompilerMissing : none of the language's compilers is there.
    """
    source = source_of(language)
    found = find(TABLE[language], source.parent)
    engines = [engine_of(found.compiler)] if found.compiler.engine else []
    inputs = [*TABLE[language].inputs_of(source), *engines, *sorted(OWN)]
    made_from = [
        repr(found.compiler).encode(),
        found.version.encode(),
        *(path.read_bytes() for path in inputs),
    ]
    key = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in made_from)).hexdigest()
    module = CACHE / key[:16] / f"{source.stem}.wasm"
    with locked(language):
        if not module.exists():
            module.parent.mkdir(exist_ok=True)
            built = building.build(source, module, language=language, environment=ENVIRONMENT)
            assert "warning" not in built.output, f"{language}: {built.output}"
    return module


@contextmanager
def locked(language: str) -> Iterator[None]:
    """One process builds a language, also with several workers of pytest."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{language}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

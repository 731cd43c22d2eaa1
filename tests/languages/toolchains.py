"""The compilers of strategies/languages.toml: which is there, what it makes of a strategy, and a cache of what it made."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "strategies"
CACHE = ROOT / ".cache" / "languages"
"""What compilers keep from build to build, and the modules: each under a hash of what it was made from."""

TABLE: dict[str, dict[str, Any]] = tomllib.loads((STRATEGIES / "languages.toml").read_text("utf-8"))
LANGUAGES = list(TABLE)


class ToolchainMissing(Exception):
    """No compiler of a language is there; says what to install."""


@dataclass(frozen=True)
class Compiler:
    """One that was found."""

    path: str
    version: str
    row: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """What it runs with: it keeps what it keeps in our cache, so that a cold build is one without that."""
        kept = {
            "GOCACHE": CACHE / "go",
            "ZIG_GLOBAL_CACHE_DIR": CACHE / "zig",
            "ZIG_LOCAL_CACHE_DIR": CACHE / "zig",
        }
        return os.environ | {name: str(path) for name, path in kept.items()} | self.row.get("environment", {})


def program(name: str) -> str | None:
    """The path of a program, if it is there."""
    if name == "{python}":
        return sys.executable
    return shutil.which(name) or shutil.which(name, path=str(ROOT / ".toolchains" / "bin"))


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@cache
def compiler_of(language: str) -> Compiler:
    """The first compiler of a language that is there with all that it needs.

    Raises
    ------
    ToolchainMissing : none is.
    """
    rows = TABLE[language]["compilers"]
    for row in rows:
        path = program(row["command"])
        if path is None or not all(program(needed) for needed in row.get("needs", ())):
            continue
        if "prints_folder" in row and not Path(output_of(path, *row["prints_folder"])).is_dir():
            continue
        return Compiler(path, output_of(path, *row["version"]), row)
    ways = [f"apt-get install {' '.join(row['apt'])}" for row in rows if "apt" in row]
    ways += ["make languages" for row in rows if "pip" in row]
    raise ToolchainMissing(f"no compiler for {TABLE[language]['title']} was found: {', or '.join(ways)}")


def source_of(language: str) -> Path:
    """The strategy in a language's folder: the one file of its suffix that is no helper."""
    row = TABLE[language]
    files = sorted((STRATEGIES / language).glob(f"*{row['suffix']}"))
    [source] = [path for path in files if path.name not in row["helpers"]]
    return source


def build(language: str) -> Path:
    """The module of a language's strategy, made now or kept from an earlier build of the same sources by the same compiler."""
    compiler, source = compiler_of(language), source_of(language)
    inputs = [source, *(source.parent / name for name in TABLE[language]["helpers"])]
    made_from = [
        repr(compiler.row).encode(),
        compiler.version.encode(),
        *(path.read_bytes() for path in inputs),
    ]
    key = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in made_from)).hexdigest()
    module = CACHE / key[:16] / f"{source.stem}.wasm"
    with locked(language):
        if not module.exists():
            module.parent.mkdir(exist_ok=True)
            compile_to(module, language, compiler, source)
    return module


def compile_to(module: Path, language: str, compiler: Compiler, source: Path) -> None:
    """Run the commands of a compiler; a module is there whole or not at all."""
    unfinished = module.with_suffix(".unfinished")
    values = {"compiler": compiler.path, "source": source, "folder": source.parent, "module": unfinished,
              "object": module.with_suffix(".object")}  # fmt: skip
    for words in compiler.row["build"]:
        command = [word.format_map(values) for word in words]
        built = subprocess.run(command, capture_output=True, text=True, env=compiler.environment, check=False)
        assert built.returncode == 0, f"{language}: {' '.join(command)}\n{built.stdout}{built.stderr}"
        assert "warning" not in built.stdout + built.stderr, f"{language}: {built.stdout}{built.stderr}"
    unfinished.rename(module)


@contextmanager
def locked(language: str) -> Iterator[None]:
    """One process builds a language, also with several workers of pytest."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{language}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

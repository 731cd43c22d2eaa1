"""Finds the compiler of a language, or says what to install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wasmverse.errors import CompilerMissing
from wasmverse.languages.table import Compiler, Language

ROOT = Path(__file__).parents[3]
"""Of a checkout; where Wasmverse is installed otherwise, there is nothing of ours there."""

ENGINES = ROOT / ".toolchains" / "engines"
"""Where `make languages` puts interpreters."""

_PYTHON = "{python}"
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Found:
    """A compiler that is installed: its path and its version, '' where it does not tell."""

    compiler: Compiler
    path: str
    version: str


def find(language: Language, folder: Path) -> Found:
    """The first compiler of a language that is there with all that it needs, for a project in a folder.

    Raises
    ------
    CompilerMissing : none is; says what to install.
    """
    for compiler in language.compilers:
        path = program(compiler.command, folder)
        if path is None or not all(program(needed, folder) for needed in compiler.needs):
            continue
        if compiler.engine and not engine_of(compiler).is_file():
            continue
        if compiler.prints_folder and not _prints_folder(path, compiler):
            continue
        said = _VERSION.search(_output(path, *compiler.version))
        return Found(compiler, path, said[0] if said else "")
    raise CompilerMissing(f"no compiler for {language.title} is installed here: {how_to_install(language)}")


def how_to_install(language: Language) -> str:
    """Every way to get a compiler, with the commands; '' when Wasmverse has it with it."""
    ways = []
    for compiler in language.compilers:
        if compiler.engine:  # with all that it needs
            ways.append("make languages, in a checkout of Wasmverse")
            continue
        if compiler.apt:
            ways.append(f"apt-get install {' '.join(compiler.apt)} (Debian)")
        if compiler.pip:
            ways.append(f"{_short(sys.executable)} -m pip install {' '.join(compiler.pip)}")
        if compiler.npm:
            ways.append(f"npm install {' '.join(compiler.npm)}, in the project's folder")
    return ", or ".join(ways)


def engine_of(compiler: Compiler) -> Path:
    """The module of a compiler's engine, whether it is there or not."""
    return ENGINES / f"{compiler.engine}.wasm"


def program(name: str, folder: Path) -> str | None:
    """The path of a program: in PATH, beside the Python that runs, in a checkout's ``.toolchains``, or installed by npm."""
    if name == _PYTHON:
        return sys.executable
    places = [
        os.environ.get("PATH", os.defpath),
        str(Path(sys.executable).parent),
        str(ROOT / ".toolchains" / "bin"),
        str(folder / "node_modules" / ".bin"),
        *map(str, sorted((ROOT / "strategies").glob("*/node_modules/.bin"))),
    ]
    return shutil.which(name, path=os.pathsep.join(places))


def _prints_folder(path: str, compiler: Compiler) -> bool:
    printed = _output(path, *compiler.prints_folder)
    return bool(printed) and Path(printed).is_dir()


def _output(*command: str) -> str:
    """What a program prints; '' when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _short(path: str) -> str:
    """A path as one types it from here."""
    inside = os.path.relpath(path)
    return inside if len(inside) < len(path) else path

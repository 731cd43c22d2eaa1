"""Builds the module of a strategy."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wasmverse.errors import BuildError, SourceRefused
from wasmverse.languages.compilers import Found, engine_of, find
from wasmverse.languages.complaints import complaints_in
from wasmverse.languages.producers import with_producers
from wasmverse.languages.table import LANGUAGES, Language
from wasmverse.wasm.sections import language_of

MODULE_SUFFIX = ".wasm"

_CORE = b"\1\0\0\0"
"""The version of a core module; a component has another."""


@dataclass(frozen=True, slots=True)
class Built:
    """A module that was made, by what, in how many seconds, and what the compiler had to say, such as warnings."""

    module: Path
    language: Language
    found: Found
    seconds: float
    output: str


def source_of(path: Path, language: str | None = None) -> tuple[Path, Language]:
    """The strategy that a path means, a file or a project's folder, and its language.

    Raises
    ------
    BuildError : there is none, or more than one.
    """
    if not path.exists():
        raise BuildError(f"{path} does not exist; give a strategy's source, or the folder it is in")
    among = [LANGUAGES[language]] if language else list(LANGUAGES.values())
    if path.is_file():
        found = [(path, it) for it in among if path in it.sources_in(path.parent)]
    else:
        found = [(source, it) for it in among for source in it.sources_in(path)]
    found = _most_particular(found)
    if len(found) == 1:
        return found[0]
    if not found:
        suffixes = ", ".join(sorted({it.suffix for it in among}))
        helpers = {helper for it in among if it.suffix == path.suffix for helper in it.helpers}
        beside = f" with {', '.join(sorted(helpers))} beside it" if path.is_file() and helpers else ""
        raise BuildError(
            f"{path} is no strategy's source{' or folder' if path.is_dir() else ''}; expected is a file that ends in "
            f"{suffixes}{beside}: `wasmverse strategy new` makes a project"
        )
    shown = ", ".join(f"{source.name} ({it.title})" for source, it in found)
    raise BuildError(f"{path} may mean {shown}; name the file, or the language with --language")


def _most_particular(found: list[tuple[Path, Language]]) -> list[tuple[Path, Language]]:
    """Without a source's languages of which another one asks for the same files beside it and more: those are there for that."""
    return [
        (source, it)
        for source, it in found
        if not any(source == same and set(it.helpers) < set(other.helpers) for same, other in found)
    ]


def build(
    path: Path,
    to: Path | None = None,
    *,
    language: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Built:
    """Make the module of a strategy, given as a file or a project's folder: whole, or not at all.

    Parameters
    ----------
    to : where it is put; beside its source, with the suffix ``.wasm``, if not given.
    environment : variables for the compiler, added to those of this process.

    Raises
    ------
    BuildError : there is not one source; `CompilerMissing`, `SourceRefused`.
    """
    source, spoken = source_of(path, language)
    source = source.resolve()
    found = find(spoken, source.parent)
    module = to or source.with_suffix(MODULE_SUFFIX)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="wasmverse-build-") as folder:
        made = Path(folder) / "module.wasm"
        output = _run(source, made, spoken, found, {**os.environ, **(environment or {})})
        content = made.read_bytes()
        if content[4:8] == _CORE and language_of(content) != spoken.title:
            content = with_producers(content, spoken.title, {found.compiler.name: found.version})
        unfinished = module.with_name(f".{module.name}.unfinished")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(module)
        except OSError as error:
            raise BuildError(f"{module} cannot be written: {error.strerror or error}") from error
    return Built(module, spoken, found, time.perf_counter() - started, output)


def _run(source: Path, made: Path, language: Language, found: Found, environment: Mapping[str, str]) -> str:
    """Run a compiler's commands in the source's folder; what they print, if all goes well."""
    values = {
        "compiler": found.path,
        "source": str(source),
        "file": source.name,
        "folder": str(source.parent),
        "engine": str(engine_of(found.compiler)),
        "module": str(made),
        "object": str(made.with_suffix(".object")),
        "python": sys.executable,
        "languages": str(Path(__file__).parent),
    }
    said = []
    for words in found.compiler.build:
        command = [word.format_map(values) for word in words]
        done = subprocess.run(
            command,
            cwd=source.parent,
            env={**environment, **found.compiler.environment},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        output = (done.stderr + done.stdout).strip()
        if done.returncode != 0:
            raise SourceRefused(complaints_in(output, language, source), output)
        said.append(output)
    if not made.is_file():
        raise SourceRefused(complaints_in("\n".join(said), language, source), "\n".join(said))
    return "\n".join(filter(None, said))

"""The table of languages, ``languages.toml``, as values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NOTHING = r"(?!)"

TEST_PREFIX = "test_"
"""Files of tests, which are no strategies, begin so."""


DECLARATIONS_SUFFIX = ".d.ts"
"""Files of types alone, which are none either, end so."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """One way to build a language; how each field is meant is said in ``languages.toml``."""

    command: str
    build: tuple[tuple[str, ...], ...]
    version: tuple[str, ...]
    name: str = ""
    engine: str = ""
    prints_folder: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Language:
    """A language that strategies are written in.

    Attributes
    ----------
    name : as options and folders call it.
    compilers : in the order in which they are looked for.
    budget_fuel : what a call may take; None where what a universe allows by itself is enough.
    """

    name: str
    title: str
    suffix: str
    helpers: tuple[str, ...]
    errors: re.Pattern[str]
    texts: re.Pattern[str]
    compilers: tuple[Compiler, ...]
    budget_fuel: int | None = None

    def sources_in(self, folder: Path) -> list[Path]:
        """Files in a folder that may be strategies of this language; none where a helper is missing."""
        if not all((folder / helper).is_file() for helper in self.helpers):
            return []
        helpers = {Path(helper).name for helper in self.helpers}
        return sorted(
            path
            for path in folder.glob(f"*{self.suffix}")
            if path.name not in helpers
            and not path.name.startswith(TEST_PREFIX)
            and not path.name.endswith(DECLARATIONS_SUFFIX)
            and path.is_file()
        )

    def inputs_of(self, source: Path) -> list[Path]:
        """All files that a module is made from."""
        return [source, *(source.parent / helper for helper in self.helpers)]


def _compiler(row: Mapping[str, Any]) -> Compiler:
    several = {
        name: tuple(row.get(name, ())) for name in ("version", "prints_folder", "needs", "apt", "pip", "npm")
    }
    build = tuple(tuple(command) for command in row["build"])
    name = row.get("name", Path(row["command"]).name)
    engine = row.get("engine", "")
    return Compiler(
        row["command"], build, name=name, engine=engine, environment=row.get("environment", {}), **several
    )


def _language(name: str, row: Mapping[str, Any]) -> Language:
    compilers = tuple(map(_compiler, row["compilers"]))
    errors, texts = re.compile(row["errors"]), re.compile(row.get("texts", _NOTHING))
    return Language(
        name,
        row["title"],
        row["suffix"],
        tuple(row["helpers"]),
        errors,
        texts,
        compilers,
        row.get("budget_fuel"),
    )


LANGUAGES: dict[str, Language] = {
    name: _language(name, row)
    for name, row in tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8")).items()
}
"""By name, in the table's order."""

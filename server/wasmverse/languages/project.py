"""Makes a new project: a strategy that flies, to be changed, with a test and a README."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from wasmverse.errors import BuildError
from wasmverse.languages.compilers import ROOT, how_to_install
from wasmverse.languages.table import LANGUAGES, Language
from wasmverse.strategies.names import check_name

_INSTALLED = Path(__file__).with_name("strategies")
_TEXTS = Path(__file__).with_name("project")


@dataclass(frozen=True, slots=True)
class Project:
    """What was made: its folder, the strategy's source, and all files."""

    folder: Path
    source: Path
    files: tuple[Path, ...]
    language: Language


def examples_of(language: Language) -> Path:
    """The folder of a language with its example: of a checkout, or of what was installed."""
    checkout = ROOT / "strategies" / language.name
    return checkout if checkout.is_dir() else _INSTALLED / language.name


def example_of(language: Language) -> Path:
    """The strategy that a new project begins as."""
    [source, *more] = language.sources_in(examples_of(language))
    return next((path for path in more if path.stem == "my_strategy"), source)


def make_project(name: str, language: str, within: Path) -> Project:
    """Make a folder of the strategy's name, with a copy of the language's example in it.

    Raises
    ------
    BuildError : there is no such language, or the folder is there already.
    StrategyError : the name cannot be a strategy's.
    """
    check_name(name)
    if language not in LANGUAGES:
        raise BuildError(f"there is no language {language!r} here; there are {', '.join(LANGUAGES)}")
    spoken = LANGUAGES[language]
    folder = within / name
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise BuildError(f"{folder} is there already; choose another name, or remove it") from error
    except OSError as error:
        raise BuildError(f"{folder} cannot be made: {error.strerror or error}") from error
    example = example_of(spoken)
    source = folder / f"{name}{spoken.suffix}"
    copies = {example: source, **{example.parent / helper: folder / helper for helper in spoken.helpers}}
    for here, there in copies.items():
        there.parent.mkdir(exist_ok=True, parents=True)
        shutil.copyfile(here, there)
    test, readme = folder / f"test_{name}.py", folder / "README.md"
    test.write_text(_text("test_python" if spoken.suffix == ".py" else "test_module", name, spoken))
    readme.write_text(_text("readme", name, spoken))
    return Project(folder, source, (*copies.values(), test, readme), spoken)


def _text(kind: str, name: str, language: Language) -> str:
    """A file of a new project, from its text in the folder ``project``."""
    helpers = ", ".join(f"`{helper}`" for helper in language.helpers)
    values = {
        "NAME": name,
        "SOURCE": f"{name}{language.suffix}",
        "TITLE": language.title,
        "HELPERS": f"{helpers}: what it is built with, to be read and changed as well.\n" if helpers else "",
        "INSTALL": how_to_install(language) or "nothing beside Wasmverse",
    }
    text = (_TEXTS / f"{kind}.txt").read_text("utf-8")
    for key, value in values.items():
        text = text.replace(f"<{key}>", value)
    return text

"""The page of each language fits a screen, and shows the commands by which its strategy is built, checked and pushed."""

import re
import shlex

import pytest

from tests.languages.toolchains import LANGUAGES, ROOT, STRATEGIES, TABLE, source_of

PAGES = {language: (STRATEGIES / language / "README.md").read_text("utf-8") for language in LANGUAGES}
OBJECTS = {"nim": "nimcache"}


def shown(language):
    """The command lines of a page, as words; programs without their folders and without the variables set for them."""
    [block] = re.findall(r"^```sh\n(cd .*?|make .*?)^```$", PAGES[language], re.MULTILINE | re.DOTALL)[:1]
    lines = [part for line in block.splitlines() for part in line.split(" && ")]
    split = [
        [word for word in shlex.split(line, comments=True) if not re.match(r"[A-Z]+=", word)]
        for line in lines
    ]
    return [[words[0].rpartition("/")[2], *words[1:]] for words in split if words]


def is_built_by_compilers(language):
    """Not by Wasmverse itself, nor into an engine, which is several steps that nobody would type."""
    return not any(
        it.engine or "{python}" in (it.command, it.build[0][0]) for it in TABLE[language].compilers
    )


@pytest.mark.parametrize("language", [name for name in LANGUAGES if is_built_by_compilers(name)])
def test_it_shows_how_to_build(language):
    """By one of the ways in languages.toml."""
    source = source_of(language)
    values = {"source": source.name, "file": source.name, "module": f"{source.stem}.wasm", "folder": ".",
              "object": OBJECTS.get(language, f"{source.stem}.o")}  # fmt: skip
    ways = []
    for compiler in TABLE[language].compilers:
        program = compiler.command.rpartition("/")[2]
        ways.append(
            [[word.format_map(values | {"compiler": program}) for word in words] for words in compiler.build]
        )
    lines = shown(language)
    assert any(all(command in lines for command in way) for way in ways), lines


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_shows_how_to_push(language):
    stem = source_of(language).stem
    budget = TABLE[language].budget_fuel
    declared = [] if budget is None else ["--budget-fuel", str(budget)]
    assert ["wasmverse", "strategy", "check", f"{stem}.wasm", *declared] in shown(language)
    assert ["wasmverse", "strategy", "push", f"{stem}.wasm", "--name", stem, *declared] in shown(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_what_to_install(language):
    for compiler in TABLE[language].compilers:
        wanted = [*compiler.apt, *(["make languages"] if compiler.pip else [])]
        assert all(name in PAGES[language] for name in wanted), (language, wanted)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_fits_a_screen(language):
    assert len(PAGES[language].splitlines()) <= 40


def test_every_folder_has_its_row():
    folders = {path.parent.name for path in STRATEGIES.glob("*/README.md")}
    assert set(TABLE) == folders


def test_the_page_of_languages_says_how_to_begin_in_each():
    page = (ROOT / "docs" / "languages.md").read_text("utf-8")
    for language in LANGUAGES:
        option = "" if language == "python" else f" --language {language}"
        assert f"| `wasmverse strategy new NAME{option}` |" in page

"""The table of languages: every row can be read, built from and told apart."""

import string

import pytest

from wasmverse.languages.build import source_of
from wasmverse.languages.project import example_of, examples_of
from wasmverse.languages.table import LANGUAGES, Language

PLACES = {"compiler", "source", "file", "folder", "module", "object", "engine", "python", "languages"}
ALL = pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)


@ALL
def test_commands_use_only_what_is_filled_in_and_write_the_module(language: Language) -> None:
    for compiler in language.compilers:
        words = [word for command in compiler.build for word in command]
        fields = {name for word in words for _, name, _, _ in string.Formatter().parse(word) if name}
        assert fields <= PLACES
        assert "module" in fields
        assert compiler.build[0][0] in {"{compiler}", "{python}"}
        assert "compiler" in fields
        assert compiler.version
        assert compiler.name and "{" not in compiler.name


@ALL
def test_errors_say_file_line_and_text(language: Language) -> None:
    groups = set(language.errors.groupindex)
    assert {"line"} <= groups <= {"file", "line", "column", "text"}
    assert "text" in groups or set(language.texts.groupindex) == {"text"}


@ALL
def test_a_language_has_an_example_that_no_other_language_takes_for_its_own(language: Language) -> None:
    assert examples_of(language).is_dir(), f"strategies/{language.name} is missing"
    example = example_of(language)
    assert source_of(example) == (example, language)
    assert all(path.is_file() for path in language.inputs_of(example))


@ALL
def test_a_compiler_that_must_be_installed_says_from_where(language: Language) -> None:
    for compiler in language.compilers:
        is_ours = compiler.command == "{python}"
        assert is_ours or compiler.apt or compiler.pip or compiler.npm or compiler.command in {"zig", "rustc"}

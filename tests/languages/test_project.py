"""A new project builds, passes its own test, and is what its README says."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from wasmverse.errors import BuildError, StrategyError
from wasmverse.languages.build import build
from wasmverse.languages.compilers import ROOT
from wasmverse.languages.flown import decide_in
from wasmverse.languages.project import example_of, make_project
from wasmverse.languages.table import LANGUAGES
from wasmverse.pilot import Ship, System

OURS = [
    name
    for name, it in LANGUAGES.items()
    if any(each.command == "{python}" and not each.engine for each in it.compilers)
]
"""Languages of which Wasmverse has the compiler with it."""


@pytest.mark.parametrize("language", OURS)
def test_a_new_project_builds_flies_and_passes_its_own_test(language: str, tmp_path: Path) -> None:
    project = make_project("first_try", language, tmp_path)
    assert project.source == tmp_path / "first_try" / f"first_try{LANGUAGES[language].suffix}"
    module = build(project.folder).module
    assert module == project.folder / "first_try.wasm"
    assert decide_in(module.read_bytes())(Ship(50, 50), System()).is_valid
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project.folder)]
    tested = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project.folder)
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_project_has_all_that_its_language_needs(language: str, tmp_path: Path) -> None:
    project = make_project("first_try", language, tmp_path)
    assert LANGUAGES[language].sources_in(project.folder) == [project.source]
    assert all(path.is_file() for path in project.files)
    texts = [(project.folder / name).read_text() for name in ("README.md", "test_first_try.py")]
    for text in texts:
        assert "first_try" in text
        assert "<" not in text.replace("<NAME>", "<")
    assert LANGUAGES[language].title in texts[0]


def test_a_project_never_replaces_anything(tmp_path: Path) -> None:
    (tmp_path / "first_try").mkdir()
    with pytest.raises(BuildError, match="first_try is there already; choose another name, or remove it"):
        make_project("first_try", "python", tmp_path)
    with pytest.raises(BuildError, match="there is no language 'cobol' here; there are python, "):
        make_project("other", "cobol", tmp_path)
    with pytest.raises(StrategyError):
        make_project("../escape", "python", tmp_path)
    with pytest.raises(BuildError, match="cannot be made: No such file or directory"):
        make_project("other", "python", tmp_path / "nowhere")
    assert [path.name for path in tmp_path.rglob("*")] == ["first_try"]


def test_what_is_installed_has_every_example(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as packed:
        names = {Path(name) for name in packed.namelist()}
    examples = Path("wasmverse/languages/strategies")
    for language in LANGUAGES.values():
        for path in language.inputs_of(example_of(language)):
            assert examples / path.relative_to(ROOT / "strategies") in names
    assert not [name for name in names if "node_modules" in name.parts or name.name == "measure.py"]
    assert {Path("wasmverse", "__init__.py"), Path("wasmverse", "page", "index.html")} <= names

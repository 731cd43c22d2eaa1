"""The examples for authors: the one in AssemblyScript builds and flies, the READMEs show the one in Python as it is."""

import re
import shutil
import subprocess

import pytest
import wasmtime

from .guest import ASSEMBLYSCRIPT_FOLDER, BUILD_COMMAND, NODE, REPOSITORY, Guest, Ship, engine
from .plans import EAST, HARVESTERS, NORTH, WEST, command


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """The example, built with the command of the README."""
    npm = shutil.which("npm")
    assert npm, "npm is missing: install Node.js 20 or later"
    assert (ASSEMBLYSCRIPT_FOLDER / "node_modules").exists(), f"the compiler is missing: {BUILD_COMMAND}"
    path = tmp_path_factory.mktemp("example") / "mine.wasm"
    build = [npm, "run", "build", "--", "my_strategy.ts", "-o", str(path)]
    built = subprocess.run(build, capture_output=True, text=True, check=False, cwd=ASSEMBLYSCRIPT_FOLDER)
    assert built.returncode == 0, built.stdout + built.stderr
    return wasmtime.Module.from_file(engine(), path)


def test_the_example_builds_and_flies(example):
    assert [imported.name for imported in example.imports] == []
    strategy = Guest(example)
    assert command(strategy.decide(Ship(), [(NODE, 0, 50, 45), (NODE, 0, 48, 50)])) == ("move", WEST, 2)
    assert command(strategy.decide(Ship(), [(NODE, 0, 50, 50)])) == ("hold",)
    assert command(strategy.decide(Ship(energy=150))) == ("upgrade", HARVESTERS)
    assert command(strategy.decide(Ship())) == ("move", NORTH, 2)
    turned = strategy.decide(Ship(y=0))
    assert command(turned) == ("move", EAST, 2)
    assert command(strategy.decide(Ship(y=0, last_plan=turned))) == ("move", EAST, 2)


@pytest.mark.parametrize("page", ["README.md", "strategies/README.md"])
def test_the_readmes_show_what_a_new_project_begins_with_as_it_is(page):
    source = (REPOSITORY / "strategies" / "python" / "wanderer.py").read_text(encoding="utf-8")
    head, _, body = source[source.index("def decide(") :].partition("\n")
    shown = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), flags=re.DOTALL
    )
    docstring, _, code = body.partition("\n")
    assert docstring.strip().startswith('"""')
    assert f"{head}\n{code}" in shown

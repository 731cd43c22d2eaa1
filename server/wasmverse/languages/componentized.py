"""``python -m wasmverse.languages.componentized COMPILER SOURCE -o MODULE``: a strategy in Python as a component with CPython.

COMPILER is componentize-py, which imports the strategy now and keeps memory as it then is. It gets a module that has the shape of
the WIT beside the strategy, and ``wasmverse.pilot`` as it is here. What went wrong is printed as ``file:line: text``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import wasmverse.pilot

WIT, WORLD = "strategy.wit", "strategy"

_APP = "wasmverse_app"
_SOURCE = """from importlib import import_module

from wasmverse.pilot import Ship, System

decide = import_module({name!r}).decide


class WitWorld:
    def decide(self, me, last_plan, system):
        parts = me.blasters, me.thrusters, me.harvesters
        ship = Ship(me.x, me.y, me.energy, me.shield, *parts, last_plan >> 8, last_plan & 0xFF)
        return int(decide(ship, System.of_universe(system)))
"""
_PLACE = re.compile(r'^ *File "/\d+/(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_NOISE = re.compile(r"\n\s*(?:Caused by:|Stack backtrace:).*", re.DOTALL)


def component_of(compiler: str, source: Path) -> bytes:
    """The component of a strategy.

    Raises
    ------
    NotMade : the strategy cannot be imported, or has no ``decide``; where and why.
    """
    pilot = Path(wasmverse.pilot.__file__).parent
    with tempfile.TemporaryDirectory(prefix="wasmverse-component-") as name:
        folder = Path(name)
        (folder / f"{_APP}.py").write_text(_SOURCE.format(name=source.stem))
        shutil.copytree(
            pilot, folder / "wasmverse" / pilot.name, ignore=shutil.ignore_patterns("__pycache__")
        )
        (folder / "wasmverse" / "__init__.py").touch()
        made = folder / "made.wasm"
        world = ["-q", "-d", str(source.parent / WIT), "-w", WORLD]
        paths = ["-p", str(source.parent), "-p", name]
        command = [compiler, *world, "componentize", _APP, *paths, "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode or not made.is_file():
            raise NotMade(complaint_in(done.stderr + done.stdout, source))
        return made.read_bytes()


class NotMade(Exception):
    """What is wrong with a strategy, as ``file:line: text``."""


def complaint_in(output: str, source: Path) -> str:
    """What componentize-py says, in one line: the last place in the strategy's folder, and the exception, which comes last."""
    told = _NOISE.sub("", output).strip()
    text = told.splitlines()[-1] if told else "it failed without saying why"
    places = [match for match in _PLACE.finditer(told) if (source.parent / match["file"]).is_file()]
    file, line = (places[-1]["file"], places[-1]["line"]) if places else (source.name, "1")
    return f"{file}:{line}: {text}"


def main() -> int:
    """The exit status: 0, or 1 when the strategy is refused."""
    parser = argparse.ArgumentParser(prog="python -m wasmverse.languages.componentized", description=__doc__)
    parser.add_argument("compiler")
    parser.add_argument("source", type=Path)
    parser.add_argument("-o", dest="module", type=Path, required=True)
    asked = parser.parse_args()
    try:
        asked.module.write_bytes(component_of(asked.compiler, asked.source))
    except NotMade as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

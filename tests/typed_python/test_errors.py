"""What cannot be compiled is refused with its place and what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

from wasmverse.errors import SourceRefused
from wasmverse.typed_python.compiler import compile_strategy

HEAD = "import math, random\nimport numpy as np\nfrom wasmverse.pilot import *\n"
NO_PLAN = "decide may end without a plan; return what hold, move"
MET = [
    ("    if ship.x > 4:\n        return hold()\n", 4, 0, NO_PLAN),
    ("    best = 1\n", 4, 0, NO_PLAN),
    ("    return 1.5\n", 4, 0, "decide returns float; return what hold"),
    ("    return ship.x > 3\n", 4, 0, "decide returns bool; return what hold"),
    ("    return move\n", 4, 0, "decide returns the function move; return what hold"),
    ("    return hold(ship.fuel)\n", 5, 0, "Ship has no fuel"),
    ("    return hold(nearest(NODE, ship, system).energy)\n", 5, 0, "Entity has no energy"),
    ("    return move(3)\n", 5, 0, "the argument cells is missing"),
    ("    return move(3, 4, memroy=3)\n", 5, 0, "there is no argument memroy"),
    ("    return fly(3)\n", 5, 12, "fly is not defined: import it, or write it"),
    ("    return hold(ship + 'a')\n", 5, 0, "Ship + str cannot be compiled; allowed are numbers"),
    ("    return move(1, ship.x / 2)\n", 5, 0, "int | float cannot be compiled; allowed are numbers"),
    ("    best = 1\n    if ship.x:\n        best = (1, 2)\n    return hold(best)\n", 8, 0, "best is "),
    ("    seen = [it for it in system]\n    return hold(len(seen))\n", 5, 12, "a list needs memory of its own"),
    ("    return hold({1: 2}[ship.x])\n", 5, 17, "a dict needs memory of its own"),
    ("    return hold(sum(1 for it in system))\n", 5, 20, "a generator expression cannot be compiled"),
    ("    return hold(len(f'{ship.x}'))\n", 5, 21, "there are no strings in compiled code"),
    ("    print(ship)\n    return hold()\n", 5, 5, "a compiled strategy has nowhere to print"),
    ("    return move(random.randrange(4), 2)\n", 5, 17, "a strategy has no chance to draw from"),
    ("    return move(np.argmax((1, 2)), 2)\n", 5, 17, "there are no arrays in compiled code"),
    ("    return hold(int(math.sin(ship.x)))\n", 5, 21, "sin() needs a library"),
    ("    return hold(int(1.1 ** ship.x))\n", 5, 21, "this power needs a library"),
    ("    def inner(x): return x\n    return hold(inner(3))\n", 5, 5, "a function inside a function"),
    ("    ship.memory = 4\n    return hold()\n", 4, 0, "memory of a Ship cannot be changed"),
    ("    try:\n        return hold()\n    except ValueError:\n        return hold()\n", 5, 5, "exceptions cannot be"),
    ("    for it in system[1:]:\n        return hold(it.x)\n    return hold()\n", 5, 0, "System"),
    ("    return hold(TABLE[ship.x & 1])\nTABLE = [1, 2]\n", 5, 17, "TABLE is a list, which cannot be compiled"),
    ("    return hold(helper(ship))\ndef helper(ship):\n    return {1}\n", 7, 12, "a set needs memory of its own"),
    ("    return hold(helper(ship))\ndef helper(ship):\n    return ship.nose\n", 7, 0, "Ship has no nose"),
]  # fmt: skip


def refusal(path: Path, text: str) -> SourceRefused:
    path.write_text(text)
    with pytest.raises(SourceRefused) as raised:
        compile_strategy(path)
    return raised.value


@pytest.mark.parametrize(("body", "line", "column", "text"), MET, ids=range(len(MET)))
def test_what_cannot_be_compiled_is_said_with_its_place(tmp_path, body, line, column, text) -> None:
    path = tmp_path / "wrong.py"
    complaint = refusal(path, f"{HEAD}def decide(ship, system):\n{body}").complaints[0]
    assert (complaint.file, complaint.line, complaint.column) == (path, line, column)
    assert complaint.text.startswith(text)
    assert len(complaint.text) < 260
    assert "numba" not in complaint.text and "Dispatcher" not in complaint.text


WHOLE = [
    ("def decide(ship, system)\n    pass\n", 1, "expected ':'"),
    ("def decode(ship, system):\n    pass\n", 0, "there is no function decide; write: def decide(ship: Ship"),
    ("def decide(ship):\n    pass\n", 1, "decide takes two parameters: def decide(ship: Ship"),
    ("x = 1\ny = x // 0\n", 2, "running the file fails: ZeroDivisionError"),
    ("import nowhere\n", 1, "running the file fails: ModuleNotFoundError: No module named 'nowhere'"),
    ("a = '\0'\n", 0, "source code string cannot contain null bytes"),
]


@pytest.mark.parametrize(("source", "line", "text"), WHOLE, ids=range(len(WHOLE)))
def test_a_file_that_cannot_be_run_is_refused(tmp_path, source, line, text) -> None:
    complaint = refusal(tmp_path / "wrong.py", source).complaints[0]
    assert complaint.line == line
    assert complaint.text.startswith(text)


def test_all_that_is_known_to_be_wrong_is_said_at_once(tmp_path) -> None:
    complaints = refusal(
        tmp_path / "wrong.py",
        "def decide(ship, system):\n    print([ship])\n    seen = {it for it in system}\n    return pow\n",
    ).complaints
    assert [(it.line, it.column) for it in complaints] == [(2, 5), (2, 11), (3, 12)]


def test_what_is_not_compiled_may_be_any_python(tmp_path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from wasmverse.pilot import *\n\n"
        "def decide(ship, system):\n    return hold()\n\n"
        "def test_it():\n    assert [decide(Ship(1, 2), System())] == [hold()], f'{1}'\n\n"
        "if __name__ == '__main__':\n    print(decide(Ship(1, 2), System()))\n"
    )
    assert compile_strategy(path)


def test_the_command_prints_a_line_a_complaint(tmp_path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text("def decide(ship, system):\n    print(1)\n    return fly()\n")
    command = [sys.executable, "-m", "wasmverse.typed_python", path, "-o", tmp_path / "wrong.wasm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [f"{path}:2:5", f"{path}:3:12"]
    assert not (tmp_path / "wrong.wasm").exists()

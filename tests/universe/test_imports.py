"""To import the rules or the hosting of guests changes nothing around them: it also happens inside a database's backend."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "server" / "wasmverse"

SCRIPT = """
import importlib, json, os, resource, sys, threading
from pathlib import Path
import numba, numba.extending, numpy, wasmtime, wasmtime._ffi, llvmlite.ir  # what others do when they are imported is theirs

folders, modules = (argument.split(",") for argument in sys.argv[1:])

def links():
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            pass  # that of the list itself

def census():
    return {
        "numba's configuration": {name: repr(value) for name, value in vars(numba.config).items() if name.isupper()},
        "environment": dict(os.environ),
        "threads": len(os.listdir("/proc/self/task")),
        "open files": sorted(links()),
        "limits": resource.getrlimit(resource.RLIMIT_STACK),
        "files": sorted((str(path), path.lstat().st_mtime_ns) for folder in folders for path in Path(folder).rglob("*")),
    }

asked, written = [], []

class Environment(type(os.environ)):
    def __getitem__(self, name):
        asked.append(name)
        return super().__getitem__(name)

def heed(event, arguments):
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        written.append(str(arguments[0]))
    elif event in {"os.mkdir", "os.remove", "os.rmdir", "os.rename", "subprocess.Popen", "os.fork", "socket.connect"}:
        written.append(event)

before = census()
plain = type(os.environ)
os.environ.__class__ = Environment
sys.addaudithook(heed)
for module in modules:
    importlib.import_module(module)
os.environ.__class__ = plain
after = census()
compiled = [
    name
    for module in modules
    for name, value in vars(sys.modules[module]).items()
    if isinstance(value, numba.core.dispatcher.Dispatcher) and value.signatures
]
print(json.dumps({
    "changed": [name for name in before if before[name] != after[name]],
    "asked": asked, "written": written, "compiled": compiled,
}))
"""


@pytest.mark.parametrize("room", ["universe", "wasm"])
def test_an_import_changes_nothing_and_asks_for_nothing(tmp_path: Path, room: str) -> None:
    modules = sorted(f"wasmverse.{room}.{path.stem}" for path in (PACKAGE / room).glob("[!_]*.py"))
    old = tmp_path / "kernels-0000000000000000" / "kernel.nbc"
    old.parent.mkdir()
    old.touch()
    folders = ",".join((str(PACKAGE), str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-B", "-c", SCRIPT, folders, ",".join(modules)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"changed": [], "asked": [], "written": [], "compiled": []}


def test_the_gateway_loads_no_compiler() -> None:
    """It plays no turn: the compiler would take 60 MB of its memory, and a sixth of its start."""
    program = "import sys, wasmverse.cli.main, wasmverse.processes.server; print('llvmlite' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

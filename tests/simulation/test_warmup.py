"""What the start compiles is what turns need: no turn of a running universe waits for the compiler."""

import subprocess
import sys

CODE = """
import importlib, pkgutil
from numba.core.dispatcher import Dispatcher
import wasmverse.universe
from wasmverse.commands import SpawnEntity
from wasmverse.processes.kernels import keep_kernels
from wasmverse.settings import Settings
from wasmverse.simulation.warmup import compile_kernels
from wasmverse.storage.opening import open_universe

def compiled():
    names = [each.name for each in pkgutil.iter_modules(wasmverse.universe.__path__)]
    modules = [importlib.import_module(f"wasmverse.universe.{name}") for name in names]
    values = [value for module in modules for value in vars(module).values()]
    kernels = {id(value): value for value in values if isinstance(value, Dispatcher)}
    return {kernel.py_func.__name__: len(kernel.signatures) for kernel in kernels.values()}

keep_kernels()
compile_kernels()
before = compiled()
store = open_universe(None, Settings(systems=20, ships=6, nodes=10))
for _ in range(3):
    store.advance()
store.carry_out(SpawnEntity(1, 2, 3, 4, None))
store.advance()
store.close()
after = compiled()
print("kernels", sum(before.values()), {name for name in after if after[name] != before[name]} or "none")
"""


def test_no_turn_compiles_a_kernel() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    first, number, late = done.stdout.split(maxsplit=2)
    assert first == "kernels"
    assert int(number) > 10
    assert late.strip() == "none"

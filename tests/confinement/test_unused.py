"""Our programs do without pandas also where somebody has installed it, as these tests have."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from tests.confinement.test_inits import with_a_reader
from wasmverse.query.worker import Worker

ARROW = """
import sys
from wasmverse.confinement.unused import leave_out_pandas
leave_out_pandas()
import pyarrow as pa
assert pa.array([None, 1]).to_pylist() == [None, 1]
print([name for name in sys.modules if name.startswith("pandas.")])
"""


def test_arrow_does_without() -> None:
    assert importlib.util.find_spec("pandas") is not None
    done = subprocess.run([sys.executable, "-c", ARROW], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_reader_does_without(tmp_path: Path) -> None:
    async def look(worker: Worker) -> None:
        assert "/pyarrow/" in (mapped := Path(f"/proc/{worker.pid}/maps").read_text())
        assert "/pandas/" not in mapped

    with_a_reader(tmp_path, look)


def test_a_reader_starts_without_what_few_queries_need() -> None:
    program = "import wasmverse.query.wire, wasmverse.reader.engine, sys; print({'asyncio', 'sqlglot'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

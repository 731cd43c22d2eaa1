"""docs/notebook.ipynb, executed as Jupyter would, against a real server; committed without its outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.processes.universe import patient_server
from wasmverse.client import Universe

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with patient_server(tmp_path_factory.mktemp("notebook"), systems=4) as url:
        yield url


def outputs(cell: Any) -> str:
    """All that a cell has shown, as text."""
    return json.dumps(cell.get("outputs", []))


@pytest.mark.filterwarnings("default")  # of Jupyter's own packages
def test_every_cell_runs(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WASMVERSE_URL", url)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    shown = {cell["source"].partition("\n")[0]: outputs(cell) for cell in notebook.cells}
    found = [
        (start, what)
        for start, what in {
            "from wasmverse.client": "'energy': ",
            "import polars": "shape: (",
            "ships.pandas()": "strategy_",
            "%matplotlib": "image/png",
            "seen = []": "shape: (3, 3)",
            "import wasmtime": "'fault': None",
            "pushed = ": "('flying', 3)",
            "sql = ": "Move(East, 2)",
        }.items()
        if not any(what in text for line, text in shown.items() if line.startswith(start))
    ]
    assert found == []
    with Universe(url) as universe:
        assert universe.query("select status from strategy where name = 'notebook'").value() == "removed"


def test_it_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    assert cells
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []

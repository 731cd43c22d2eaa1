"""What every report begins with, and how plots look."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib
import psutil

matplotlib.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BENCHMARKS = DOCS / "benchmarks"

_STYLE = {
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a93a6",
    "axes.labelcolor": "#3b4252",
    "axes.prop_cycle": matplotlib.cycler(color=["#2f6fde", "#e0703c", "#2fa36b", "#8a5cd0"]),
    "xtick.color": "#3b4252",
    "ytick.color": "#3b4252",
    "axes.grid": True,
    "grid.color": "#e3e7ef",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "svg.hashsalt": "wasmverse",
}


def run(command: list[str]) -> Any:
    """The JSON that a command prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout[done.stdout.index(done.stdout.lstrip()[0]) :])


def conditions(*packages: str) -> str:
    """Day, machine and versions, as the first lines of a report."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {psutil.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}; load average {os.getloadavg()[0]:.1f}."
    )


@contextmanager
def plot(path: Path, rows: int = 1, width: float = 8.0, height: float = 3.6) -> Iterator[Any]:
    """A figure with ``rows`` axes one above the other (one axis, or an array of them), saved as SVG at the end."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(rows, 1, figsize=(width, height), sharex=rows > 1, layout="constrained")
        yield axes
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def put_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->`` in a page."""
    page = path.read_text()
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = page.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path} has no {start} ... {end} to write into")
    path.write_text(f"{before}{start}\n\n{text.strip()}\n\n{end}{after}")

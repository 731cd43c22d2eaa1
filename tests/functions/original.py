"""The Python package that the function has its lexicon from, and the texts that people judged for it."""

from __future__ import annotations

import fcntl
import subprocess
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "functions" / "sentiment"
FETCHED = ROOT / ".toolchains" / "sentiment"
"""What `make languages` fetches."""
BUILT = ROOT / ".cache" / "sentiment"


@cache
def build() -> bytes:
    """The module, made now if one of its sources is newer than it."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-C", SOURCE, f"OUT={BUILT}", f"LEXICON={FETCHED / 'vaderSentiment'}"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert made.returncode == 0, made.stderr
    assert "warning" not in made.stderr, made.stderr
    return (BUILT / "sentiment.wasm").read_bytes()


@cache
def analyzer() -> Any:
    """The package's own analyzer."""
    spec = spec_from_file_location("vaderSentiment", FETCHED / "vaderSentiment" / "vaderSentiment.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SentimentIntensityAnalyzer()


def texts() -> list[tuple[float, str]]:
    """Reviews, tweets and editorials, each with what twenty people thought of it, from -4 to 4."""
    found = []
    for path in sorted(FETCHED.glob("*_GroundTruth.txt")):
        for line in path.read_text("utf-8", errors="replace").splitlines():
            _number, judged, text = line.split("\t", 2)
            found.append((float(judged), text))
    return found

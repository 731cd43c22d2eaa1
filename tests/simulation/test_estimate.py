"""The estimate of `serve --dry-run`, beside what a universe of the default size really needs, and how it follows sizes."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.simulation.builder import changed
from wasmverse.settings import Settings
from wasmverse.simulation.estimate import Sizes, estimate, snapshot_bytes, turn_seconds

SETTINGS = Settings()

BENCHED = [
    (Sizes(1_000, 32_000, 63_801), 2, 0.029, 376e6, 14e6),
    (Sizes(4_000, 128_000, 256_260), 2, 0.071, 430e6, 113e6),
    (Sizes(31_250, 1_000_000, 2_000_000), 1, 0.473, 859e6, 453e6),
    (Sizes(31_250, 999_973, 2_000_157), 2, 0.334, 902e6, 455e6),
    (Sizes(62_500, 1_000_000, 3_556_710), 2, 0.433, 1_095e6, 566e6),
    (Sizes(62_500, 1_999_684, 2_006_237), 2, 0.651, 1_256e6, 572e6),
]
"""docs/benchmarks/turns.md: size, threads, median turn, peak memory of the process that plays, file."""


@pytest.mark.parametrize(("sizes", "cores", "seconds", "memory", "file"), BENCHED)
def test_it_is_what_was_measured(
    sizes: Sizes, cores: int, seconds: float, memory: float, file: float
) -> None:
    needed = estimate(sizes, changed(past_bytes_max=0, readers=1, reader_spares=0), cores)
    assert needed.turn_seconds == pytest.approx(seconds, rel=0.3)
    assert needed.memory_bytes - (210 << 20) == pytest.approx(memory, rel=0.2)
    assert file / 1.4 < needed.file_bytes < 4 * file


def test_a_real_run_is_within_a_factor_of_it() -> None:
    """Of time only what a busy machine cannot make wrong: a turn never takes a tenth of it."""
    command = [
        sys.executable,
        "-m",
        "wasmverse.cli.main",
        "bench",
        "turn",
        "--systems",
        "300",
        "--turns",
        "8",
        "--json",
    ]
    measured = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout)
    sizes = Sizes(300, measured["ships"], measured["nodes"])
    needed = estimate(sizes, changed(past_bytes_max=0, readers=1, reader_spares=0), measured["threads"])
    assert needed.turn_seconds / 10 < measured["turn_seconds"]["median"] < 60 * needed.turn_seconds
    assert needed.memory_bytes / 3 < measured["peak_rss_bytes"] < 1.5 * needed.memory_bytes
    assert needed.file_bytes / 12 < measured["file_bytes"] < 2 * needed.file_bytes


def test_more_of_anything_needs_more() -> None:
    few = estimate(Sizes(10, 320, 640), SETTINGS, 2)
    for more in (Sizes(10, 3_200, 640), Sizes(10, 320, 6_400)):
        many = estimate(more, SETTINGS, 2)
        for name in ("memory_bytes", "snapshot_bytes", "file_bytes", "turn_seconds"):
            assert getattr(many, name) > getattr(few, name), name
    sizes = Sizes(1_000, 1_000_000, 2_000_000)
    assert np.all(np.diff([turn_seconds(sizes, cores) for cores in (1, 2, 4, 64)]) < 0)
    readers = estimate(sizes, changed(readers=9), 2).memory_bytes
    assert readers > estimate(sizes, changed(readers=1), 2).memory_bytes


def test_snapshots_take_what_is_kept_and_one_more() -> None:
    sizes = Sizes(1, 100_000, 0)
    one = (30 + 64) * 100_000
    assert snapshot_bytes(sizes, changed(snapshots_kept=3)) == 4 * one
    assert snapshot_bytes(sizes, changed(snapshots_kept=3, snapshot_bytes_max=2 * one)) == 3 * one
    assert snapshot_bytes(sizes, changed(snapshots_kept=3, snapshot_bytes_max=1 << 20)) == 2 * one

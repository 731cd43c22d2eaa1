"""kill -9: at most the turn in flight is lost."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.processes.forked import Forked
from tests.processes.universe import COMMAND, PATIENCE_SECONDS, Universe
from wasmverse.processes.snapshot_folder import snapshot_folder
from wasmverse.settings import Settings

KILLS = 4
FORKED_KILLS = 24
CROWD_SYSTEMS = int(os.environ.get("WASMVERSE_TEST_CROWD_SYSTEMS", "300"))
CROWD_KILLS = int(os.environ.get("WASMVERSE_TEST_CROWD_KILLS", "4"))
"""32 ships to a system; `make test-long` kills 200,000 of them 30 times."""


@pytest.mark.slow
def test_every_restart_after_kill_nine_goes_on_from_the_last_committed_turn(universe: Universe) -> None:
    rng = random.Random(2026)
    last = 0
    for _ in range(KILLS):
        universe.start()
        time.sleep(rng.uniform(0.05, 0.4))  # somewhere in a turn: that is the point
        universe.kill_group()
        tid = universe.committed_turn()
        assert tid > last, "no turn was committed since the last kill, or one was lost"
        last = tid
    universe.start()
    assert universe.signal(signal.SIGTERM) == 0
    assert universe.committed_turn() > last


@pytest.mark.slow
def test_no_kill_of_a_universe_loses_a_turn_that_was_reported(tmp_path: Path) -> None:
    """Half of them while it opens its file, makes it whole again or plays its first turns, half while it plays."""
    rng = random.Random(2027)
    universe = Universe(tmp_path)
    last = 0
    with Forked(universe.path) as forked:
        for number in range(FORKED_KILLS):
            is_playing = number % 2 == 0
            told = forked.killed(rng.uniform(0.0, 0.4), last if is_playing else None)
            tid = universe.committed_turn()
            assert tid >= max(told, last), f"turn {max(told, last)} was reported; the file has {tid}"
            assert tid > last or not is_playing, "no turn was committed since the last kill"
            last = tid


@pytest.mark.slow
@pytest.mark.parametrize("log_bytes_max", [None, 1 << 10], ids=["log", "checkpoints"])
def test_a_crowd_survives_kill_nine_while_it_is_committed(tmp_path: Path, log_bytes_max: int | None) -> None:
    """Killed while turns follow each other without a pause, half of the times while DuckDB does a checkpoint.

    Turns are played without pause, so a kill hits reading, playing, committing or checkpointing alike.
    """
    universe = Universe(tmp_path, systems=CROWD_SYSTEMS, ships=32, nodes=32, period=0.05)
    if log_bytes_max is not None:
        universe.environment["WASMVERSE_LOG_BYTES_MAX"] = str(log_bytes_max)
    rng = random.Random(CROWD_SYSTEMS)
    last = 0
    logs = set()
    try:
        for _ in range(CROWD_KILLS // 2):
            universe.start()
            seen = _reported_turn(universe, after=last, patience=rng.uniform(0.05, 2.0))
            universe.kill_group()
            wal = universe.path.with_name(universe.path.name + ".wal")
            logs.add(wal.exists() and wal.stat().st_size > 0)
            tid = universe.committed_turn()
            assert tid >= max(seen, last), f"turn {max(seen, last)} was reported; the file has {tid}"
            assert tid > last, "no turn was committed since the last kill, or one was lost"
            last = tid
        universe.start()
        assert universe.signal(signal.SIGTERM) == 0
        assert universe.committed_turn() > last
    finally:
        universe.end()
    assert log_bytes_max is not None or True in logs


def _reported_turn(universe: Universe, after: int, patience: float) -> int:
    """Wait until a turn was committed, then for ``patience`` seconds; returns the last turn that the server reported."""
    url = universe.url
    seen, ends = 0, 0.0
    with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        while not ends or time.monotonic() < ends:
            seen = max(seen, client.get("/health").json()["turn"] or 0)
            if not ends and seen > after:
                ends = time.monotonic() + patience
            time.sleep(0.02)
    return seen


def test_the_universe_ends_by_itself_when_the_gateway_is_killed(universe: Universe) -> None:
    universe.start()
    assert universe.process is not None
    children = psutil.Process(universe.process.pid).children(recursive=True)
    assert children
    universe.process.kill()
    universe.process.wait()
    _gone, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert not alive
    assert universe.committed_turn() > 0


def test_the_server_says_so_and_fails_when_the_universe_is_killed(universe: Universe) -> None:
    universe.start()
    assert universe.process is not None
    heaviest = _universe_process(universe.process.pid)
    heaviest.kill()
    assert universe.process.wait(PATIENCE_SECONDS) == 1
    assert "universe process ended" in universe.log.read_text()
    assert not snapshot_folder(Settings(database_path=universe.path)).exists()
    assert universe.committed_turn() > 0


def _universe_process(gateway: int) -> psutil.Process:
    """The child that has the universe's file open."""
    for child in psutil.Process(gateway).children(recursive=True):
        if any(file.path.endswith("universe.duckdb") for file in child.open_files()):
            return child
    raise AssertionError("no process has the universe's file open")


def test_a_file_in_use_is_refused_and_left_alone(universe: Universe) -> None:
    universe.start()
    second = subprocess.run(
        [*COMMAND, *universe.options], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert second.returncode == 1
    assert "is in use by another process" in second.stderr
    assert universe.signal(signal.SIGTERM) == 0
    assert universe.committed_turn() > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_turn_and_ends_with_status_zero(universe: Universe, number: int) -> None:
    universe.start()
    assert universe.signal(number) == 0
    first = universe.committed_turn()
    assert first > 0
    universe.start()
    assert universe.signal(number) == 0
    assert universe.committed_turn() > first


def test_a_clean_stop_leaves_no_process_and_no_snapshot_behind(universe: Universe) -> None:
    universe.start()
    assert universe.process is not None
    children = psutil.Process(universe.process.pid).children(recursive=True)
    folder = snapshot_folder(Settings(database_path=universe.path))
    assert folder.is_dir()
    assert universe.signal(signal.SIGTERM) == 0
    _gone, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert not alive
    assert not folder.exists()

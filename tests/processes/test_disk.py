"""A disk that takes no more: the universe stops with one line, the last turn is intact, and with room made it goes on.

A limit on the size of files stands for the full disk, since every machine and container has it; where one may be mounted, a
small disk of its own is filled for real.
"""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes.universe import PATIENCE_SECONDS, Universe

SIGTERM = 15


def universe_process(universe: Universe) -> psutil.Process:
    """The process that has the file open."""
    assert universe.process is not None
    for child in psutil.Process(universe.process.pid).children(recursive=True):
        if any(file.path == str(universe.path) for file in child.open_files()):
            return child
    raise AssertionError("no process has the universe's file open")


def assert_stopped_and_goes_on(universe: Universe, told: str) -> None:
    assert universe.process is not None
    assert universe.process.wait(PATIENCE_SECONDS) == 1
    log = universe.log.read_text()
    assert "Traceback" not in log
    [line] = [line for line in log.splitlines() if "cannot be written" in line]
    assert line.startswith("wasmverse: ")
    assert told in line
    assert line.endswith("the last committed turn is intact; make room, then start again")
    assert log.splitlines()[-1] == line, "nothing is said after it"


@pytest.mark.parametrize("log_bytes_max", [64 << 20, 1 << 10], ids=["log", "checkpoint"])
def test_a_disk_that_takes_no_more_stops_the_universe_and_harms_no_turn(
    universe: Universe, log_bytes_max: int
) -> None:
    """The write that fails is one of the log, or of a checkpoint."""
    universe.environment["WASMVERSE_LOG_BYTES_MAX"] = str(log_bytes_max)
    universe.start()
    process = universe_process(universe)
    wal = universe.path.with_name(universe.path.name + ".wal")
    size = max(file.stat().st_size for file in (universe.path, wal) if file.exists())
    limit = size + (64 << 10)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    assert_stopped_and_goes_on(universe, "File too large")
    # A long log may fit into the file, where it takes less, when the database is closed: then it is gone.
    is_log_at_its_limit = not wal.exists() or wal.stat().st_size > limit // 2
    assert is_log_at_its_limit == (log_bytes_max > 1 << 20), "another file was refused than was meant"
    last = universe.committed_turn()
    assert last > 0
    universe.start()
    assert universe.signal(SIGTERM) == 0
    assert universe.committed_turn() > last


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 40 MB; None where nothing may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    yield folder if mounted.returncode == 0 else None
    if mounted.returncode == 0:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path | None, tmp_path: Path) -> None:
    """Without the right to mount, a limit on the size of files takes the place of the full disk."""
    folder = small_disk or tmp_path
    universe = Universe(folder)
    universe.log = tmp_path / "server.log"
    filler = folder / "filler"
    try:
        universe.start()
        if small_disk is None:
            resource.prlimit(
                universe_process(universe).pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY)
            )
        else:
            fill(filler)
        assert_stopped_and_goes_on(universe, "No space left on device" if small_disk else "File too large")
        filler.unlink(missing_ok=True)
        last = universe.committed_turn()
        assert last > 0
        universe.start()
        assert universe.signal(SIGTERM) == 0
        assert universe.committed_turn() > last
    finally:
        universe.end()


def fill(filler: Path) -> None:
    """Write until the disk is full."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue

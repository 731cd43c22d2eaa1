"""Starts that must fail, and turns that do not keep up."""

import itertools
import socket
import subprocess
import time
from pathlib import Path

import duckdb
import httpx
import psutil
import pytest

from tests.processes.universe import COMMAND, PATIENCE_SECONDS, Universe

SIGTERM = 15


def start_in_vain(universe: Universe, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *universe.options, *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_a_port_in_use_is_told_before_anything_is_made(universe: Universe) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = start_in_vain(universe, "--port", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"wasmverse: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another with --host and --port (0 picks a free port)\n"
    )
    assert not universe.path.exists()


@pytest.mark.parametrize("host", ["127.0.0.999", "localhost.invalid"])
def test_an_address_that_is_not_this_machine_s_is_refused(universe: Universe, host: str) -> None:
    token = [*COMMAND[:-1], "token", "create", "ada", "--db", str(universe.path)]
    subprocess.run(token, capture_output=True, timeout=PATIENCE_SECONDS, check=True)
    ended = start_in_vain(universe, "--host", host)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"wasmverse: cannot listen on {host} port 0: ")
    assert ended.stderr.count("\n") == 1
    assert not universe.path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"my diary, today", "is not a DuckDB file"), (b"", "is an empty file: remove it")],
)
def test_a_file_that_is_no_universe_is_refused_and_left_alone(
    universe: Universe, content: bytes, message: str
) -> None:
    universe.path.write_bytes(content)
    ended = start_in_vain(universe)
    assert ended.returncode == 1
    assert message in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert universe.path.read_bytes() == content


def test_a_long_log_is_folded_between_two_turns(tmp_path: Path) -> None:
    universe = Universe(tmp_path, period=1)
    universe.environment["WASMVERSE_LOG_BYTES_MAX"] = "1024"
    log = tmp_path / f"{universe.path.name}.wal"
    bytes_seen: list[int] = []
    try:
        universe.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        # A commit leaves its rows in the log; half a second later it is empty, and so on.
        while [size > 1024 for size in bytes_seen] != [True, False, True, False]:
            size = log.stat().st_size if log.exists() else 0
            if not bytes_seen and size == 0:
                continue
            if not bytes_seen or (size > 1024) != (bytes_seen[-1] > 1024):
                bytes_seen.append(size)
            assert time.monotonic() < deadline, bytes_seen
            time.sleep(0.01)
        assert universe.signal(SIGTERM) == 0
    finally:
        universe.end()


def test_no_process_takes_huge_pages(universe: Universe) -> None:
    universe.environment |= {"WASMVERSE_READERS": "2", "WASMVERSE_READER_SPARES": "1"}
    universe.start()
    assert universe.process is not None
    gateway = psutil.Process(universe.process.pid)
    family = [gateway, *gateway.children(recursive=True)]
    assert len(family) >= 5, "the gateway, the universe, readers and a spare"
    for process in family:
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "\nTHP_enabled:\t0\n" in status, f"{process.cmdline()}: {status}"


def test_late_turns_are_counted_and_shown(tmp_path: Path) -> None:
    """So many ships that hardly a turn can be played in a twentieth of a second."""
    universe = Universe(tmp_path, systems=1500, period=0.05)
    universe.options[universe.options.index("--ships") + 1] = "60"
    try:
        universe.start()
        url = universe.url
        with httpx.Client(base_url=url, trust_env=False) as client:
            facts = client.get("/health").json()
            while not facts["turn"] or facts["turn"] < 4:
                facts = client.get("/health").json()
        assert universe.signal(SIGTERM) == 0
    finally:
        universe.end()
    with duckdb.connect(str(universe.path), read_only=True) as connection:
        rows = connection.execute("select late, start_time, end_time from turns order by tid").fetchall()
    assert facts["lateTurns"] == sum(late for late, _start, _end in rows[: facts["turn"]]) > 0
    assert all(end > start for _late, start, end in rows)
    assert all(after[1] >= before[2] for before, after in itertools.pairwise(rows))

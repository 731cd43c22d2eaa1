"""However a server is told to end and whatever its processes do meanwhile: status 0, one line, and soon."""

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.processes.test_disk import universe_process
from tests.processes.universe import PATIENCE_SECONDS, Universe

STOP_SECONDS = 40
"""Well below `stop_seconds_max`, after which the universe would be killed: what ends by itself takes a few seconds."""


def end_by(universe: Universe, number: int, *, group: bool = True, times: int = 1) -> tuple[int, list[str]]:
    """The exit status, and what was printed since then for a person, beside the log's line of it."""
    assert universe.process is not None
    before = len(universe.log.read_text())
    began = time.monotonic()
    for _ in range(times):
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(universe.process.pid, number)
        time.sleep(0.05 * (times > 1))
    status = universe.process.wait(PATIENCE_SECONDS)
    assert time.monotonic() - began < STOP_SECONDS
    lines = universe.log.read_text()[before:].splitlines()
    assert len([line for line in lines if " info stop: " in line]) == 1, lines
    return status, [line for line in lines if not re.match(r"\S+Z (info stop|warning late turn): ", line)]


def family(universe: Universe) -> list[psutil.Process]:
    assert universe.process is not None
    return psutil.Process(universe.process.pid).children(recursive=True)


@pytest.mark.parametrize(
    ("number", "group", "times"),
    [
        (signal.SIGTERM, True, 1),
        (signal.SIGINT, True, 2),
        (signal.SIGHUP, False, 1),
    ],
)
def test_a_signal_to_one_or_all_ends_with_status_zero_and_one_line(
    universe: Universe, number: int, group: bool, times: int
) -> None:
    universe.start()
    processes = family(universe)
    status, lines = end_by(universe, number, group=group, times=times)
    assert (status, len(lines)) == (0, 1), lines
    last = universe.committed_turn()
    assert lines == [f"stopped after turn {last:,}"]
    _gone, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    assert not alive


def test_a_signal_to_every_process_ends_with_status_zero_and_one_line(universe: Universe) -> None:
    """As a service manager does when it ends all processes of a control group."""
    universe.start()
    for process in family(universe):
        process.terminate()
    status, lines = end_by(universe, signal.SIGTERM)
    assert (status, lines) == (0, [f"stopped after turn {universe.committed_turn():,}"])


@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_a_signal_during_the_start_ends_with_status_zero_and_one_line(
    universe: Universe, delay: float
) -> None:
    universe.begin()
    universe.wait_for("opening")
    time.sleep(delay)
    status, lines = end_by(universe, signal.SIGTERM)
    # A line about the start may still come first.
    assert (status, lines[-1].startswith("stopped ")) == (0, True), lines
    assert not [line for line in lines if "rror" in line or "leak" in line or "wasmverse:" in line], lines


@pytest.mark.parametrize("who", ["universe", "all"])
def test_processes_that_a_signal_stopped_do_not_hold_up_the_end(universe: Universe, who: str) -> None:
    universe.environment["WASMVERSE_COMMAND_WAIT_SECONDS_MAX"] = "1"
    universe.start()
    mine = universe_process(universe)
    for process in [mine] if who == "universe" else family(universe):
        process.suspend()
    if who == "universe":
        url = universe.url
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            answer = client.post("/api/v2/exec", json={"sql": "call spawn_entity(1, 2, 3, 4, null)"})
            assert (answer.status_code, answer.headers["Retry-After"]) == (504, "1")
            assert answer.text.startswith("Error 2013: The universe did not answer in 3 s")
            health = client.get("/health")
            assert health.status_code == 503
            assert "is stopped by a signal" in health.json()["problem"]
            assert client.post("/api/v2/query/tuples", json={"sql": "select 1"}).status_code == 200
    status, lines = end_by(universe, signal.SIGTERM)
    assert (status, lines) == (0, [f"stopped after turn {universe.committed_turn():,}"])


@pytest.fixture
def hang() -> Iterator[list[psutil.Process]]:
    """Processes in this list stay stopped, even if somebody continues them."""
    processes: list[psutil.Process] = []
    is_over = threading.Event()

    def hold() -> None:
        while not is_over.wait(0.002):
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    process.suspend()

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    yield processes
    is_over.set()
    thread.join()


def test_a_universe_that_hangs_is_killed_and_said_so(universe: Universe, hang: list[psutil.Process]) -> None:
    universe.environment["WASMVERSE_STOP_IDLE_SECONDS_MAX"] = "1"
    universe.start()
    hang.append(universe_process(universe))
    time.sleep(0.1)
    status, lines = end_by(universe, signal.SIGTERM)
    assert status == 1
    [line] = lines
    assert line.startswith("wasmverse: the universe was to stop, did nothing for ")
    assert line.endswith("and was killed; its last committed turn is intact")
    hang.clear()
    last = universe.committed_turn()
    universe.start()
    assert universe.signal(signal.SIGTERM) == 0
    assert universe.committed_turn() > last


def test_a_log_of_json_has_nothing_else(universe: Universe) -> None:
    universe.environment |= {"WASMVERSE_LOG_FORMAT": "json", "WASMVERSE_ACCESS_LOG": "true"}
    universe.start()
    assert universe.process is not None
    lines = [json.loads(line) for line in universe.log.read_text().splitlines()]
    [start] = [line for line in lines if line.get("event") == "start"]
    assert httpx.get(f"{start['url']}/ping").text == "pong"
    assert universe.signal(signal.SIGTERM) == 0
    lines = [json.loads(line) for line in universe.log.read_text().splitlines()]
    assert {line["level"] for line in lines} <= {"info", "warning"}
    [stop] = [line for line in lines if line.get("event") == "stop"]
    assert (stop["turn"], stop["status"]) == (universe.committed_turn(), 0)
    [access] = [line for line in lines if line.get("event") == "access"]
    assert (access["path"], access["status"], access["address"]) == ("/ping", 200, "127.0.0.1")
    assert lines[-1]["message"] == f"stopped after turn {stop['turn']:,}"

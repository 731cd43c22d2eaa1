"""Real gateways on one universe, killed with kill -9: whoever is left goes on, exactly, and no turn that was shown is lost."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.postgres.universe import Truth, is_exact, opened
from tests.processes.universe import PATIENCE_SECONDS, Universe

KILLS = max(2, int(os.environ.get("WASMVERSE_TEST_POSTGRES_KILLS", "6")) // 3)
SHAPE = {"systems": 12, "ships": 8, "nodes": 16, "seed": 1}
TRUTH = Truth(SHAPE)
PERIOD_SECONDS = 0.25


class Gateway(Universe):
    """A `wasmverse serve` on a database."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, period=PERIOD_SECONDS)
        self.options[self.options.index("--db") + 1] = url
        # The bytes are compared, so nobody may be grounded because this machine is slow today.
        self.environment |= {
            "WASMVERSE_STRATEGY_COST_TIMES_MAX": "0",
            "WASMVERSE_READERS": "1",
            "WASMVERSE_THREADS": "1",
        }

    @property
    def port(self) -> int:
        """Where the newest of its processes listens."""
        found = re.findall(rb"http://127\.0\.0\.1:(\d+)", self.log.read_bytes())
        return int(found[-1])

    def turn(self) -> int:
        """The last turn that it shows."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/connect", timeout=30)
        return int(answer.json()["turn"] or 0)

    def wait_for_turn(self, tid: int) -> int:
        """Wait until it shows that turn, or a later one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (shown := self.turn()) < tid:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        return shown


@pytest.fixture
def gateway(tmp_path: Path, url: str) -> Iterator[Callable[[], Gateway]]:
    """Starts one after the other on the same universe."""
    started: list[Gateway] = []

    def start() -> Gateway:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Gateway(folder, url))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_a_follower_takes_the_clock_over_and_no_turn_is_lost(
    gateway: Callable[[], Gateway], url: str
) -> None:
    clock, other = gateway(), gateway()
    shown = other.wait_for_turn(clock.turn() + 2)
    for number in range(KILLS):
        time.sleep(random.uniform(0, 2 * PERIOD_SECONDS))
        # Every other time it is the one that only follows: nobody else may notice.
        killed, left = (clock, other) if number % 2 == 0 else (other, clock)
        shown = max(shown, killed.turn(), left.turn())
        killed.kill_group()
        assert left.turn() >= shown - 1
        shown = left.wait_for_turn(shown + 4)
        killed.start()
        shown = killed.wait_for_turn(shown + 1)
        clock, other = left, killed
    # One that stands still loses the clock, too; when it goes on, it follows.
    assert clock.process is not None
    os.killpg(clock.process.pid, signal.SIGSTOP)
    shown = other.wait_for_turn(shown + 4)
    os.killpg(clock.process.pid, signal.SIGCONT)
    shown = clock.wait_for_turn(shown + 2)
    assert other.signal(signal.SIGTERM) == 0
    shown = clock.wait_for_turn(shown + 2)
    assert clock.signal(signal.SIGTERM) == 0
    with opened(url, shape=SHAPE) as store:
        assert store.tid >= shown
        assert is_exact(store, TRUTH)

"""Which moments of a benchmark count: those around which others left this machine its processors."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from tests.bench import steal
from tests.bench.steal import Patience, Steal

BEGAN = 1_000.0


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Steal:
    """Two processors for 20 seconds; from the fifth to the sixth half of one was taken, from the tenth to the twelfth both."""
    clock = iter(np.arange(BEGAN, BEGAN + 20.01, 0.1))

    def taken(at: float) -> float:
        return 0.5 * float(np.clip(at - BEGAN - 5, 0, 1)) + 2 * float(np.clip(at - BEGAN - 10, 0, 2))

    now = [BEGAN]

    def tick() -> float:
        now[0] = next(clock, BEGAN + 20)
        return now[0]

    monkeypatch.setattr(steal, "time", SimpleNamespace(time=tick))
    monkeypatch.setattr(
        steal,
        "psutil",
        SimpleNamespace(cpu_count=lambda: 2, cpu_times=lambda: SimpleNamespace(steal=taken(now[0]))),
    )
    watched = Steal()
    for _ in range(201):
        watched._sample()
    return watched


def test_a_share_is_of_all_processors(watched: Steal) -> None:
    spans = [(0, 5), (5, 6), (10, 12), (11, 12), (0, 20), (9, 11)]
    shares = watched.share(*(BEGAN + np.array(spans, float)).T)
    assert shares == pytest.approx([0, 0.25, 1, 1, 4.5 / 40, 0.5], abs=0.01)


def test_a_moment_is_calm_unless_something_was_taken_around_it(watched: Steal) -> None:
    calm = watched.is_calm(BEGAN + np.array([1.5, 4.4, 4.9, 6.5, 7.2, 9.0, 9.6, 11.0, 12.5, 13.2]))
    assert calm.tolist() == [True, True, False, False, True, True, False, False, False, True]
    assert watched.calm_seconds(BEGAN + 1, BEGAN + 4) == pytest.approx(3, abs=0.06)
    assert watched.calm_seconds(BEGAN + 10, BEGAN + 12) == 0


def test_it_watches_for_itself() -> None:
    with Steal() as watched:
        begin = watched._samples[0][0]
        for _ in range(100):
            if len(watched._samples) > 2:
                break
            time.sleep(0.1)
    assert len(watched._samples) > 2
    assert 0 <= float(watched.share(begin, begin + 1)) <= 1
    assert not watched._thread.is_alive()


def test_patience_ends() -> None:
    patience = Patience(10)
    assert [patience.spend(4), patience.spend(7), patience.spend(6), patience.spend(1)] == [
        True,
        False,
        True,
        False,
    ]

"""When this machine's processors were its own: on a shared host others take them for seconds at a time.

Linux counts the time in which a virtual processor was ready and not run (``steal`` in /proc/stat); elsewhere it is always 0.
A measurement that says what a program costs must leave such moments out, by what was taken and never by what was measured.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Self

import numpy as np
import psutil
from numpy.typing import ArrayLike, NDArray

CALM_SHARE = 0.05
"""A moment is calm if others took at most this share of all processors around it."""
SECONDS_BEFORE, SECONDS_AFTER = 1.0, 0.5
"""How long before and after a moment is looked at: what was taken before it has left a queue."""
PATIENCE_SECONDS = float(os.environ.get("WASMVERSE_BENCH_PATIENCE_SECONDS", "60"))
"""How much longer a benchmark may take, for measuring again what was not calm."""

_INTERVAL_SECONDS = 0.1


class Steal:
    """The share of all processors that others took, at any time since this was entered. Moments are seconds since 1970."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []
        self._sampling = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def share(self, begin: ArrayLike, end: ArrayLike) -> NDArray[np.float64]:
        """From 0 to 1, between two moments or, element by element, between many."""
        self._sample()
        moments, seconds = np.array(self._samples).T
        taken = np.interp(end, moments, seconds) - np.interp(begin, moments, seconds)
        return np.asarray(taken / (np.subtract(end, begin) * (psutil.cpu_count() or 1)))

    def is_calm(self, moments: ArrayLike) -> NDArray[np.bool_]:
        """Whether each of these moments is calm; what is around it must be over."""
        at = np.asarray(moments, np.float64)
        return self.share(at - SECONDS_BEFORE, at + SECONDS_AFTER) <= CALM_SHARE

    def calm_seconds(self, begin: float, end: float) -> float:
        """How much of this time is calm."""
        step = 0.05
        return float(step * np.count_nonzero(self.is_calm(np.arange(begin, end, step))))

    def _watch(self) -> None:
        while not self._is_over.wait(_INTERVAL_SECONDS):
            self._sample()

    def _sample(self) -> None:
        with self._sampling:  # they must be in order
            self._samples.append((time.time(), getattr(psutil.cpu_times(), "steal", 0.0)))


class Patience:
    """Time that is left for measuring again."""

    def __init__(self, seconds: float = PATIENCE_SECONDS) -> None:
        self._seconds = seconds

    def spend(self, seconds: float) -> bool:
        """Whether as much time is left; if so, it is spent."""
        if seconds > self._seconds:
            return False
        self._seconds -= seconds
        return True

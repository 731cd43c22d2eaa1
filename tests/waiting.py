"""One way to wait for what happens on another thread or in another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def wait_until(holds: Callable[[], _T], seconds: float = 20) -> _T:
    """Call ``holds`` until its answer is true, and return that; fails after so many seconds, with the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"{answer!r} after {seconds:g} s"
        time.sleep(0.02)
    return answer

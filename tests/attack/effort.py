"""How long a generator runs, and with which random numbers: both are set from outside and the same by default."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator


def cases_of_time(seconds: float) -> Iterator[int]:
    """Numbers of cases, 0, 1, 2, ..., until the time is over.

    Parameters
    ----------
    seconds : the time in ``make test``; ``WASMVERSE_TEST_ATTACK_SECONDS`` overrides it.
    """
    until = time.monotonic() + float(os.environ.get("WASMVERSE_TEST_ATTACK_SECONDS", seconds))
    number = 0
    while time.monotonic() < until:
        yield number
        number += 1


def random_of(generator: str) -> random.Random:
    """The random numbers of a generator: the same for the same ``WASMVERSE_TEST_ATTACK_SEED``, which is 1 if not set."""
    return random.Random(f"{os.environ.get('WASMVERSE_TEST_ATTACK_SEED', '1')} {generator}")

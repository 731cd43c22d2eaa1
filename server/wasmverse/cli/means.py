"""Means over several seeds, and how sure one can be of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Student's t of 95 percent, two-sided, for 1 to 30 degrees of freedom; for more it is near the normal's 1.96."""


def mean_and_confidence(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and half the width of its 95 percent confidence interval; None of a single value, which says nothing of it.

    Supposes values that differ by chance alone, as universes of different seeds do, by Student's distribution.
    """
    count = len(values)
    if count < 2:
        return fmean(values), None
    t = _T[count - 2] if count - 2 < len(_T) else 1.96 + 2.4 / (count - 1)
    return fmean(values), t * stdev(values) / math.sqrt(count)

"""Variables of the environment that look like settings and are none: a misspelt one would be ignored without a word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

PREFIX = "WASMVERSE_"

OTHERS = ("WASMVERSE_URL", "WASMVERSE_TOKEN", "WASMVERSE_LIMIT")
"""Variables that are no settings: the command line's server and token, and the benchmarks' yardstick."""

OTHER_PREFIXES = ("WASMVERSE_TEST_", "WASMVERSE_BENCH_")


def misspelt(environment: Iterable[str], settings: Iterable[str]) -> Iterator[str]:
    """A warning for each variable that begins with ``WASMVERSE_`` and is read by nothing.

    Parameters
    ----------
    environment : the names of the variables that are set.
    settings : the names of all settings, as in ``Settings.model_fields``.
    """
    known = {*OTHERS, *(PREFIX + name.upper() for name in settings)}
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in known or variable.startswith(OTHER_PREFIXES):
            continue
        names = [name.removeprefix(PREFIX) for name in known]  # compared without what all begin with
        near = difflib.get_close_matches(variable.removeprefix(PREFIX), names, n=1, cutoff=0.6)
        remedy = f"did you mean {PREFIX}{near[0]}?" if near else "all are listed in docs/settings.md"
        yield f"{variable} is ignored: there is no setting of this name; {remedy}"

"""`wasmverse bench ecology`: several universes that differ in their upkeep, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from wasmverse.errors import SettingsError
from wasmverse.processes.kernels import keep_kernels
from wasmverse.settings import Settings
from wasmverse.simulation.beginning import BUNDLED, Founder, bundled_founders
from wasmverse.simulation.ecology import measure_ecology

__all__ = ["measure"]

SAMPLES = 100
"""That are taken of a universe."""

SHARES = (0.5, 0.75, 0.9)
"""Of all energy: when the strategy that leads at the end has come to hold so much."""

_SIZES = ("systems", "ships", "nodes", "seed")


@dataclass(frozen=True, slots=True)
class _Job:
    settings: Settings
    turns: int
    newcomer: str | None


def measure(
    universes: Sequence[Settings],
    turns: int,
    newcomer: str | None,
    processes: int,
    tell: Callable[[int], None],
) -> dict[str, Any]:
    """Play universes of the bundled strategies, which differ in their upkeep alone, and say how alive each stays.

    Parameters
    ----------
    newcomer : a bundled strategy, with or without ``strategy_``, that is dealt ships only after half of the turns; or None.
    processes : that play at once; 0 is one for each core.
    tell : told how many turns more have been played.

    Returns
    -------
    Plain values: the sizes, ``newcomer``, and in ``universes`` for each what `simulation.ecology.measure_ecology` returns, with
    ``leader``: the ``strategy`` with the most energy at the end, and by share (``reached``) the turn of the sample from which
    on it held so much of all energy, until the end; None if it did not.

    Raises
    ------
    SettingsError : there is no such bundled strategy.
    """
    name = None if newcomer is None else _bundled(newcomer)
    jobs = [_Job(settings, turns, name) for settings in universes]
    found = [
        {**measured, "leader": _leader(measured["samples"])} for measured in _played(jobs, processes, tell)
    ]
    sizes = {each: getattr(universes[0], each) for each in _SIZES}
    return {"turns": turns, **sizes, "newcomer": name, "universes": found}


def _played(jobs: Sequence[_Job], processes: int, tell: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    workers = min(processes or os.cpu_count() or 1, len(jobs))
    if workers == 1:
        for job in jobs:
            yield _measure(job, tell)
        return
    alone = [replace(job, settings=job.settings.model_copy(update={"threads": 1})) for job in jobs]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), keep_kernels) as pool:
        for measured, job in zip(pool.map(_measure, alone), alone, strict=True):
            tell(job.turns)
            yield measured


def _measure(job: _Job, tell: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    step = max(1, job.turns // SAMPLES)
    enters = None if job.newcomer is None else (job.newcomer, job.turns // 2)
    founders = [_held_back(founder, job.newcomer) for founder in bundled_founders()]
    kept = [founder for founder in founders if founder.is_enabled or founder.name == job.newcomer]
    return measure_ecology(kept, job.settings, job.turns, range(step, job.turns, step), enters, tell)


def _held_back(founder: Founder, newcomer: str | None) -> Founder:
    return replace(founder, is_enabled=founder.is_enabled and founder.name != newcomer)


def _leader(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    last = samples[-1]["strategies"]
    name = min(last, key=lambda each: (-(last[each]["energy_share"] or 0), each))
    reached: dict[str, int | None] = {}
    for share in SHARES:
        since = None
        for sample in samples:
            holds = (sample["strategies"][name]["energy_share"] or 0) >= share
            since = (sample["turn"] if since is None else since) if holds else None
        reached[str(share)] = since
    return {"strategy": name, "reached": reached}


def _bundled(given: str) -> str:
    name = given if given in BUNDLED else f"strategy_{given}"
    if name not in BUNDLED:
        raise SettingsError(
            f"--newcomer is {given!r}, which is no bundled strategy; bundled are {', '.join(BUNDLED)}: name one of them"
        )
    return name

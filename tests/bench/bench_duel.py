"""How many turns of a duel a second: one system of 32 ships, in one process and in one for each core.

    python -m tests.bench.bench_duel [TURNS]

By the clock, and by the processor time of one process, which other work on the machine changes less.
"""

from __future__ import annotations

import os
import sys
import time

from wasmverse.cli.duelling import Entrants, Job, entrants_of, in_processes
from wasmverse.processes.kernels import keep_kernels
from wasmverse.settings import Settings
from wasmverse.simulation.match import play_match

TARGET = 2_000
"""Turns a second that a machine should play."""
TURNS = 4_000


def main(arguments: list[str]) -> None:
    """Play, and print."""
    keep_kernels()
    turns = int(arguments[0]) if arguments else TURNS
    settings = Settings(systems=1, upkeep=0, threads=1)
    entrants = entrants_of(["battle", "flee"], settings)
    play_match(entrants.founders, settings, 10, entrants.compiled)  # loads the kernels
    clock, spent = time.perf_counter(), time.process_time()
    play_match(entrants.founders, settings, turns, entrants.compiled)
    spent, passed = time.process_time() - spent, time.perf_counter() - clock
    print(
        f"one process: {turns / passed:,.0f} turns a second, {turns / spent:,.0f} a second of processor time"
    )
    cores = os.cpu_count() or 1
    passed = _in_processes(entrants, settings, turns, cores)
    started = _in_processes(entrants, settings, 1, cores)
    rate = cores * (turns - 1) / max(passed - started, 1e-9)
    print(
        f"{cores} processes: {rate:,.0f} turns a second once they have started, which takes {started:.1f} s (target {TARGET:,})"
    )


def _in_processes(entrants: Entrants, settings: Settings, turns: int, cores: int) -> float:
    clock = time.perf_counter()
    list(in_processes([Job(entrants, settings, turns)] * cores, cores))
    return time.perf_counter() - clock


if __name__ == "__main__":
    main(sys.argv[1:])

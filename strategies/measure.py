"""What strategies cost: fuel and nanoseconds a call, and a fresh instance.

    python strategies/measure.py server/wasmverse/bundled/strategy_*.wasm
    python strategies/measure.py --languages      builds the strategy of each language, and prints a table in Markdown

A strategy is inspected as at an upload. Fuel is what its trial says, so it is what `wasmverse strategy check` prints, the same on
every machine: for a hundred observations, what the universe charges for the call, for asking for room, and for the driver's loop
around them. Times are processor time, the best of some runs, of calls as in a turn: by the driver, with whatever it imports.
These are for random ships that see about 13 entities, a third of them ships. All that they see lies within 11 columns and 11
rows, so ships meet more often than in the universe. A component is measured with fewer of them. A build is measured once with
nothing kept of earlier ones: processor time of the compiler and all that it starts.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wasmverse.languages.build import build
from wasmverse.languages.project import example_of
from wasmverse.languages.table import LANGUAGES
from wasmverse.settings import Settings
from wasmverse.strategies.contract import strategy_layout
from wasmverse.strategies.inspection import inspect_module
from wasmverse.strategies.limits import guest_limits
from wasmverse.wasm.frame import Frame
from wasmverse.wasm.guest import Guest, Outcome
from wasmverse.wasm.hosting import AnyGuest, guest_of, load
from wasmverse.wasm.limits import Limits

CALLS = 4096
ENTITIES_MAX = 26
VIEW_BYTES = 4 * ENTITIES_MAX
ROUNDS = 100
BUDGET_FUEL = 5_000_000
"""Interpreters are measured too, whose calls must declare what they need; one alone may take more than all do on average."""


@dataclass(frozen=True)
class Cost:
    """Of one strategy.

    Attributes
    ----------
    name : of its file.
    bytes : of its module.
    fuel, fuel_most : of a call, on average and at most.
    nanoseconds : of processor time for a call.
    fresh_microseconds : for a fresh instance and its first call, of which each block has one every turn.
    start_fuel : what an instance takes before its first call.
    """

    name: str
    bytes: int
    fuel: int
    fuel_most: int
    nanoseconds: float
    fresh_microseconds: float
    start_fuel: int


def random_frame(seed: int) -> tuple[Frame, float]:
    """Rows of ships and what they see, and how many entities that is on average."""
    generator = random.Random(seed)
    frame = Frame(strategy_layout(), CALLS, CALLS * VIEW_BYTES, grows=False)
    tail = frame.tail(np.uint8)
    entities = 0
    for row in range(CALLS):
        x, y = generator.randrange(100), generator.randrange(100)
        parts = [generator.randint(2, 12) for _ in range(3)]
        ship = (
            1,
            x,
            y,
            generator.randint(1, 200),
            generator.randint(1, 100),
            *parts,
            generator.randrange(8) << 8,
        )
        view = bytearray()
        for kind in sorted(generator.choice((1, 2, 2)) for _ in range(generator.randint(0, ENTITIES_MAX))):
            near_x = min(max(x + generator.randint(-11, 11), 0), 99)
            near_y = min(max(y + generator.randint(-11, 11), 0), 99)
            view += bytes((kind, generator.randint(2, 12) if kind == 1 else 0, near_x, near_y))
        at = row * VIEW_BYTES
        tail[at : at + len(view)] = np.frombuffer(view, np.uint8)
        values = (*ship, frame.tail_address + at, len(view))
        for column, value in zip(frame.columns, values, strict=False):
            column[row] = value
        entities += len(view) // 4
    return frame, entities / CALLS


def measure(path: Path, frame: Frame) -> Cost:
    """Fly the rows of a frame with a strategy; the first one, if its module has several.

    Raises
    ------
    ModuleRefused, StrategyError : it would be refused at an upload.
    RuntimeError : a call of it is a fault.
    """
    module, settings = path.read_bytes(), Settings(budget_fuel=BUDGET_FUEL)
    inspection = inspect_module(module, "measured", settings)
    guest = guest_of(load(inspection.compiled), next(iter(inspection.strategies.values())))
    limits = guest_limits(settings)
    calls, rounds = (CALLS, ROUNDS) if isinstance(guest, Guest) else (CALLS // 16, ROUNDS // 10)

    together = [_run(guest, frame, 0, calls, limits) for _ in range(rounds)]
    fresh = min(_run(guest, frame, 0, 1, limits).seconds for _ in range(rounds))
    trial = next(iter(inspection.trials.values()))
    return Cost(
        path.name.removesuffix(".wasm"),
        len(module),
        trial.fuel_mean,
        trial.fuel_most,
        (min(outcome.seconds for outcome in together) - fresh) / (calls - 1) * 1e9,
        fresh * 1e6,
        trial.start_fuel,
    )


def _run(guest: AnyGuest, frame: Frame, start: int, stop: int, limits: Limits) -> Outcome:
    outcome = guest.run(frame, start, stop, limits)
    if outcome.faults:
        raise RuntimeError(f"{outcome.faults} calls were faults; the first {outcome.reason}")
    return outcome


def table(costs: list[Cost], entities: float) -> str:
    """One line a strategy, below what the columns are."""
    head = ("strategy", "bytes", "fuel, mean", "fuel, most", "ns a call", "us fresh", "fuel at start")
    rows = [
        (
            cost.name,
            f"{cost.bytes:,}",
            f"{cost.fuel:,.0f}",
            f"{cost.fuel_most:,}",
            f"{cost.nanoseconds:,.0f}",
            f"{cost.fresh_microseconds:,.0f}",
            f"{cost.start_fuel:,}",
        )
        for cost in costs
    ]
    caption = f"{CALLS} ships, {entities:.1f} entities in view on average"
    texts = [f"{line[0]:<20}" + "".join(f"{cell:>14}" for cell in line[1:]) for line in (head, *rows)]
    return "\n".join([caption, *texts])


def table_of_languages(frame: Frame) -> str:
    """The same of every language's example, with what built it and how long that took, in Markdown."""
    lines = [
        "| language | strategy | bytes | fuel a call | ns a call | us, a fresh instance | s, a build | built by |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, language in LANGUAGES.items():
        source = example_of(language)
        with tempfile.TemporaryDirectory(prefix="wasmverse-measure-") as folder:
            places = ("GOCACHE", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
            nothing_kept = {variable: str(Path(folder) / "kept") for variable in places}
            before = _seconds_of_children()
            built = build(
                source, Path(folder) / f"{source.stem}.wasm", language=name, environment=nothing_kept
            )
            seconds = _seconds_of_children() - before
            cost = measure(built.module, frame)
        lines.append(
            f"| [{language.title}](../strategies/{name}) | {cost.name} | {cost.bytes:,} | {cost.fuel:,.0f} "
            f"| {cost.nanoseconds:,.0f} | {cost.fresh_microseconds:,.0f} | {seconds:.1f} "
            f"| {built.found.compiler.name} {built.found.version} |"
        )
    return "\n".join(lines)


def _seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(arguments: list[str]) -> None:
    """Print a table."""
    frame, entities = random_frame(seed=1)
    if arguments == ["--languages"]:
        print(table_of_languages(frame))
        return
    print(table([measure(Path(path), frame) for path in arguments], entities))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])

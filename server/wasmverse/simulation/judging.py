"""What a turn's faults mean for those who flew: what is noted of them, and who is grounded for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from wasmverse.simulation.registry import Registry, Verdict
from wasmverse.strategies.roster import FLYING, GROUNDED
from wasmverse.universe.result import TurnAccount


def judge(
    registry: Registry, result: TurnAccount, costly: Mapping[str, float], grounded_after_turns: int
) -> list[Verdict]:
    """Note why strategies faulted; ground those that fault on most calls, turn after turn, and ``costly`` for their time.

    Parameters
    ----------
    registry : whose bad turns are counted on.
    costly : by name, who took too long, and how many seconds.
    """
    verdicts = [
        Verdict(
            name,
            f"turn {result.tid}: grounded, it took {seconds:.3g} s of processor time and the turn outlasted its period: "
            "push a version that takes less",
            GROUNDED,
        )
        for name, seconds in costly.items()
    ]
    bad_turns = registry.bad_turns
    for tally, strategy in zip(result.strategies, registry.roster.strategies, strict=True):
        name = tally.name
        if strategy.status != FLYING or name in costly:
            continue
        bad_turns[name] = bad_turns.get(name, 0) + 1 if _is_bad(tally.counts) else 0
        if tally.reason is None:
            continue
        asked = result.inputs.get(name)
        reason = asked.reason if asked is not None and asked.why == tally.reason else tally.reason
        if bad_turns[name] >= grounded_after_turns:
            text = f"turn {result.tid}: grounded, most calls faulted for {bad_turns[name]} turns in a row: {reason}"
            verdicts.append(Verdict(name, text, GROUNDED))
        # What it said may differ from ship to ship: to note that every turn would cost a statement every turn.
        elif not (registry.faults.get(name) or "").partition(": ")[2].startswith(tally.reason):
            verdicts.append(Verdict(name, f"turn {result.tid}: {reason}", FLYING))
    return verdicts


def count_bad_turns(
    registry: Registry, turns: pa.Table, strategy_turns: pa.Table, strategies: pa.Table
) -> None:
    """Take up the count where the last process left it, from the record of its turns: rows of the tables of these names."""
    started = {row["tid"]: row["start_time"] for row in turns.select(["tid", "start_time"]).to_pylist()}
    uploaded = {row["name"]: row["uploaded_at"] for row in strategies.to_pylist()}
    bad_turns = registry.bad_turns
    for row in strategy_turns.sort_by("tid").to_pylist():
        name = row["strategy"]
        # What an older version did is not counted against the one that flies.
        uploaded_at = uploaded.get(name)
        if uploaded_at is None or row["tid"] not in started or started[row["tid"]] < uploaded_at:
            continue
        bad_turns[name] = bad_turns.get(name, 0) + 1 if _is_bad(row) else 0


def _is_bad(counts: Mapping[str, Any]) -> bool:
    """Whether more than half of a strategy's calls faulted: it had as many as it had ships at the turn's start."""
    calls: int = counts["ships"] - counts["spawned"] + counts["deaths"]
    faults: int = counts["faults"]
    return 2 * faults > calls > 0

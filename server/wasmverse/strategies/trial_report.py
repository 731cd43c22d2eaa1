"""What is told of a trial: as plain values for programs, as lines for people, and what an author should be warned of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wasmverse.commands import Trial

COMMANDS = ("hold", "move", "upgrade_blasters", "upgrade_thrusters", "upgrade_harvesters")
_OTHERS = (
    "observations", "calls", "invalid", "trapped", "fuel_mean", "fuel_most", "over_budget", "budget_fuel", "start_fuel", "fault",
)  # fmt: skip


def plain(trial: Trial) -> dict[str, Any]:
    """The fields of a trial as they are in JSON: ``plans`` by command, the others as in `Trial`, ``fuel``, which is
    ``fuel_mean`` too, and ``warnings``."""
    fields = trial._asdict()
    plans = {command: fields[command] for command in COMMANDS}
    others = {name: fields[name] for name in _OTHERS}
    return {"plans": plans, **others, "fuel": trial.fuel_mean, "warnings": warnings_of(trial)}


def warnings_of(trial: Trial) -> list[str]:
    """What is wrong with a strategy that would nevertheless be accepted, one line each; empty if nothing is."""
    told = []
    faults = trial.trapped + trial.invalid
    if faults:
        told.append(
            f"{faults:,} of {trial.calls:,} sampled calls were faults, the first one: it {trial.fault}. A ship holds after a "
            "fault, and who faults on most calls for some turns in a row is grounded: find out with a test of that case"
        )
    if trial.is_cut:
        told.append(
            f"{trial.calls:,} calls took so much fuel that it was not called for the other "
            f"{trial.observations - trial.calls:,} observations: nothing is known of these"
        )
    elif trial.calls < trial.observations:
        told.append(
            f"after {trial.trapped:,} calls that returned nothing it was not called for the other "
            f"{trial.observations - trial.calls:,} ships; nor would it be in a turn"
        )
    if trial.fuel_mean > trial.budget_fuel:
        told.append(
            f"a call took {trial.fuel_mean:,} fuel on average and may take {trial.budget_fuel:,}: make it cheaper, or declare "
            "more with --budget-fuel"
        )
    return told


def lines_of(told: Mapping[str, Any]) -> list[str]:
    """Two lines for people, of the fields that `plain` gives."""
    plans = ", ".join(
        f"{command.replace('_', ' ')} {count:,}" for command, count in told["plans"].items() if count
    )
    over = ""
    if told["over_budget"]:
        over = f"; {told['over_budget']:,} took more"
        if told["fuel_mean"] <= told["budget_fuel"]:
            over += ", which is well as long as others take less"
    return [
        f"{told['calls']:,} sampled calls: {plans or 'no plan'}; invalid {told['invalid']:,}, trapped {told['trapped']:,}",
        f"fuel of a call: {told['fuel_mean']:,} on average, {told['fuel_most']:,} at most; it may take "
        f"{told['budget_fuel']:,}{over}",
    ]

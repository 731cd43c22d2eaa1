"""``wasmverse bench ecology``: whether a universe stays alive, for some values of its upkeep."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.duel import Processes, progress
from wasmverse.cli.options import AsJson, Nodes, Seed, Ships, settings_of
from wasmverse.cli.svg import Picture, save_picture
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.text import counted

_SYSTEMS = 100
_TURNS = 20_000
_LINES = 10
"""Of a table."""


def ecology(
    systems: Annotated[int, typer.Option("--systems", help="Solar systems of each universe.")] = _SYSTEMS,
    ships: Ships = None,
    nodes: Nodes = None,
    seed: Seed = None,
    turns: Annotated[int, typer.Option("--turns", min=1, help="Turns to play.")] = _TURNS,
    upkeep: Annotated[
        list[int] | None,
        typer.Option(
            "--upkeep",
            help="Energy that 100 parts of a ship cost a turn. May be repeated: a universe for each. \\[default: 0]",
        ),
    ] = None,
    newcomer: Annotated[
        str | None,
        typer.Option(
            "--newcomer",
            help="A bundled strategy that is dealt ships only from the middle of the turns on.",
            show_default=False,
        ),
    ] = None,
    processes: Processes = 0,
    picture: Picture = None,
    as_json: AsJson = False,
) -> None:
    """Play a universe of the bundled strategies in memory for a long time, and tell how alive it stays.

    Over time: which share of a system's energy its strongest ship holds, births and deaths per ship and 1,000 turns, how old the
    dead became, and the strategies' shares of all energy. The same options give the same figures. 20,000 turns of 100 systems
    take about a minute of a core.
    """
    from wasmverse.cli import ecologies  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.cli.ecology_picture import picture as drawn  # noqa: PLC0415
    from wasmverse.simulation.memory import check_new_universe  # noqa: PLC0415

    values = sorted(set(upkeep or [0]))
    options = {"systems": systems, "ships": ships, "nodes": nodes, "seed": seed}
    universes = [settings_of(**options, upkeep=value) for value in values]
    try:
        check_new_universe(universes[0])
        with progress("turns", turns * len(universes)) as tell:
            told = ecologies.measure(universes, turns, newcomer, processes, tell)
    except WasmverseError as error:
        fail(error.message)
    if picture is not None:
        save_picture(picture, drawn(told))
    if as_json:
        print(json.dumps(told))
        return
    for universe in told["universes"]:
        _print(told, universe)
    if picture is not None:
        print(f"drawn: {picture}")


def _print(told: dict[str, Any], universe: dict[str, Any]) -> None:
    names = list(universe["samples"][0]["strategies"])
    caption = (
        f"upkeep {universe['upkeep']}: {counted(told['turns'], 'turn')} of {counted(told['systems'], 'system')}, "
        f"seed {told['seed']}; births and deaths per ship and 1,000 turns"
    )
    table = Table(header_style="bold", caption=caption)
    for column in ("turn", "strongest holds", "median", "its parts", "births", "deaths", "starved"):
        table.add_column(column, justify="right")
    for column in ("age at death", "died young", *(escape(f"energy of {_short(name)}") for name in names)):
        table.add_column(column, justify="right")
    samples = universe["samples"]
    last = len(samples) - 1
    for at in sorted({round(last * line / (_LINES - 1)) for line in range(_LINES)}):
        sample = samples[at]
        share = sample["strongest_share"]
        table.add_row(
            f"{sample['turn']:,}",
            _percent(share["mean"]),
            _percent(share["median"]),
            _number(sample["strongest_parts"], 0),
            _number(sample["births"], 2),
            _number(sample["deaths"], 2),
            _percent(sample["starved"]),
            _number(sample["age_at_death"]["median"], 0),
            _percent(sample["died_young"]),
            *(_percent(sample["strategies"][name]["energy_share"]) for name in names),
        )
    print_table(table)
    leader = universe["leader"]
    reached = ", ".join(
        f"{_percent(float(share))} of all energy {'never' if turn is None else f'from turn {turn:,} on'}"
        for share, turn in leader["reached"].items()
    )
    print(f"{leader['strategy']} has the most energy at the end: {reached}")


def _short(name: str) -> str:
    return name.removeprefix("strategy_")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"

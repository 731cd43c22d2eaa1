"""``wasmverse tournament``: every strategy against every other one, and ratings."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.duel import Files, Processes, progress
from wasmverse.cli.options import AsJson, Upkeep, settings_of
from wasmverse.cli.svg import Picture, save_picture
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.text import counted, printable

_SYSTEMS = 10
_SEEDS = 10


def tournament(
    files: Files,
    turns: Annotated[int, typer.Option("--turns", min=1, help="Turns of a duel.")] = 300,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Duels of each pair: their seeds follow that of --seed.")
    ] = _SEEDS,
    seed: Annotated[int | None, typer.Option("--seed", help="The first seed. \\[default: 1]")] = None,
    systems: Annotated[int, typer.Option("--systems", help="Solar systems of a duel.")] = _SYSTEMS,
    ships: Annotated[int | None, typer.Option("--ships", help="Ships per system. \\[default: 32]")] = None,
    nodes: Annotated[
        int | None, typer.Option("--nodes", help="Energy nodes per system. \\[default: 64]")
    ] = None,
    upkeep: Upkeep = 0,
    processes: Processes = 0,
    picture: Picture = None,
    as_json: AsJson = False,
) -> None:
    """Play a round robin of the strategies in FILES over several seeds on all cores, and rate them; needs no server.

    Each pair has a universe of its own for each seed; who has the most ships at its end wins. Ratings are OpenSkill's: everybody
    begins with 25, and "at least" is the rating less three times its doubt. The same files in the same order, turns and seeds
    give the same ratings.
    """
    from wasmverse.cli import duelling, round_robin  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.cli.tournament_picture import picture as drawn  # noqa: PLC0415
    from wasmverse.simulation.memory import check_new_universe  # noqa: PLC0415

    settings = settings_of(seed=seed, systems=systems, ships=ships, nodes=nodes, upkeep=upkeep)
    try:
        check_new_universe(settings)
        entrants = duelling.entrants_of(files, settings)
        with progress("duels", round_robin.matches_of(len(entrants.founders), seeds)) as tell:
            told = round_robin.tournament(entrants, turns, settings, seeds, processes, tell)
    except WasmverseError as error:
        fail(error.message)
    if picture is not None:
        save_picture(picture, drawn(told))
    if as_json:
        print(json.dumps(told))
        return
    _print(told)
    if picture is not None:
        print(f"drawn: {picture}")


def _print(told: dict[str, Any]) -> None:
    caption = (
        f"{counted(told['matches'], 'duel')} of {counted(told['turns'], 'turn')} and {counted(told['systems'], 'system')}, "
        f"seeds {told['seeds'][0]} to {told['seeds'][-1]}"
    )
    table = Table(header_style="bold", caption=caption)
    table.add_column("strategy")
    columns = ("rating", "doubt", "at least", "wins", "draws", "losses", "energy")
    rows = told["strategies"]
    for column in columns:
        table.add_column(column, justify="right")
    for number in range(1, len(rows) + 1):
        table.add_column(f"beat {number}", justify="right")
    won = {}
    for pair in told["pairs"]:
        won[pair["a"], pair["b"]], won[pair["b"], pair["a"]] = pair["wins_a"], pair["wins_b"]
    for number, row in enumerate(rows, 1):
        figures = (f"{row['mu']:.1f}", f"{row['sigma']:.1f}", f"{row['ordinal']:.1f}")
        counts = (f"{row[name]:,}" for name in ("wins", "draws", "losses"))
        beat = (str(won.get((row["name"], other["name"]), "")) for other in rows)
        name = f"{number} {escape(row['name'])}"
        table.add_row(name, *figures, *counts, f"{100 * row['energy_share']:.0f} %", *beat)
    print_table(table)
    for row in rows:
        if row["last_fault"]:
            print(f"{row['name']}: {printable(row['last_fault'])}")

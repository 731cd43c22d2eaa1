"""``wasmverse duel``: let strategies fight it out, without a server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from wasmverse.cli.means import mean_and_confidence
from wasmverse.cli.options import AsJson, Threads, Upkeep, settings_of
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.strategies.tally import TALLY
from wasmverse.text import counted, printable

DUEL_SYSTEMS = 100
_LINES = 10
"""Of the table over time."""

Files = Annotated[
    list[Path],
    typer.Argument(
        help="The modules: .wasm files, or names of bundled strategies (battle, flee, default, blank).",
        show_default=False,
    ),
]
Seeds = Annotated[
    int, typer.Option("--seeds", min=1, help="Universes to play: their seeds follow that of --seed.")
]
Processes = Annotated[
    int, typer.Option("--processes", min=0, help="Universes to play at once; 0 is one for each core.")
]


def duel(
    files: Files,
    turns: Annotated[int, typer.Option("--turns", min=1, help="Turns to play.")] = 300,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the universe. \\[default: 1]")] = None,
    seeds: Seeds = 1,
    systems: Annotated[int, typer.Option("--systems", help="Solar systems.")] = DUEL_SYSTEMS,
    ships: Annotated[int | None, typer.Option("--ships", help="Ships per system. \\[default: 32]")] = None,
    nodes: Annotated[
        int | None, typer.Option("--nodes", help="Energy nodes per system. \\[default: 64]")
    ] = None,
    upkeep: Upkeep = 0,
    threads: Threads = None,
    processes: Processes = 0,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            help="Record the duel of the first seed here, for [bold]wasmverse replay[/bold] and the page's duels.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let the strategies in FILES fight it out on a private universe in memory; needs no server.

    The first ships are dealt to them in rotation, new ones as in every universe. The strategy with the most ships at the end
    comes first. The same files, turns and seed end the same. How it went over time and what ships died of is told too; with
    [bold]--seeds N[/bold] the figures are means, with half the width of their 95 percent confidence interval.
    """
    from wasmverse.cli import duelling  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.simulation.memory import check_new_universe  # noqa: PLC0415

    settings = settings_of(
        seed=seed, systems=systems, ships=ships, nodes=nodes, upkeep=upkeep, threads=threads
    )
    try:
        check_new_universe(settings)
        entrants = duelling.entrants_of(files, settings)
        with progress("turns", turns) if seeds == 1 else progress("universes", seeds) as tell:
            accounts = duelling.duels(entrants, turns, settings, seeds, processes, tell)
        if save is not None:
            saved = duelling.save(save, entrants, turns, settings)
            assert saved == accounts[0]["state_hash"], "a recorded duel is the same duel"
    except WasmverseError as error:
        fail(error.message)
    told = accounts[0] if seeds == 1 else summary(accounts)
    if as_json:
        print(json.dumps(told))
        return
    _print(accounts, told)
    if save is not None:
        print(f"saved: wasmverse replay {save}")


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal and there is more than one; tell what is yielded how many more are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    is_hidden = total < 2 or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_hidden) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def winner_of(account: dict[str, Any]) -> str:
    """Who has the most ships at the end of a duel (ties: energy, then name)."""
    name: str = account["strategies"][0]["name"]
    return name


def summary(accounts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The accounts of several seeds as one: means with their confidence, wins, deaths added up, and the accounts themselves."""
    first = accounts[0]
    wins = Counter(map(winner_of, accounts))
    rows = []
    for name in sorted(row["name"] for row in first["strategies"]):
        own = [row for account in accounts for row in account["strategies"] if row["name"] == name]
        figures = {column: mean_and_confidence([row[column] for row in own]) for column in TALLY}
        shot: Counter[str] = Counter()
        for row in own:
            shot.update(row["deaths_by"]["shot"])
        rows.append(
            {
                "name": name,
                "file": own[0]["file"],
                "sha256": own[0]["sha256"],
                "wins": wins[name],
                "mean": {column: mean for column, (mean, _) in figures.items()},
                "confidence": {column: half for column, (_, half) in figures.items()},
                "deaths_by": {
                    "starved": sum(row["deaths_by"]["starved"] for row in own),
                    "shot": dict(sorted(shot.items())),
                    "alone": sum(row["deaths_by"]["alone"] for row in own),
                },
                "last_fault": next((row["last_fault"] for row in own if row["last_fault"]), None),
            }
        )
    rows.sort(key=lambda row: (-row["mean"]["ships"], -row["mean"]["energy"], row["name"]))
    sizes = {name: first[name] for name in ("turns", "systems", "ships", "nodes", "upkeep")}
    seeds = [account["seed"] for account in accounts]
    return {**sizes, "seeds": seeds, "strategies": rows, "duels": list(accounts)}


def _print(accounts: Sequence[dict[str, Any]], told: dict[str, Any]) -> None:
    first, rows = accounts[0], told["strategies"]
    if len(accounts) == 1:
        of = f"seed {first['seed']}\nstate_hash {first['state_hash']}"
    else:
        of = f"seeds {accounts[0]['seed']} to {accounts[-1]['seed']}; means, +- 95 % confidence"
    table = Table(
        header_style="bold",
        caption=f"{counted(first['turns'], 'turn')} of {counted(first['systems'], 'system')}, {of}",
    )
    table.add_column("strategy")
    for column in (*(("wins",) if len(accounts) > 1 else ()), *TALLY):
        table.add_column(column, justify="right")
    for row in rows:
        if len(accounts) == 1:
            cells = [f"{row[column]:,}" for column in TALLY]
        else:
            cells = [f"{row['wins']:,}"]
            cells += [f"{row['mean'][name]:,.1f} +-{row['confidence'][name]:,.1f}" for name in TALLY]
        table.add_row(escape(row["name"]), *cells)
    print_table(table)
    names = [row["name"] for row in rows]
    print("over time: ships, energy a ship, parts a ship")
    print_table(_over_time(accounts, names))
    print("deaths by cause" + (", of all seeds" if len(accounts) > 1 else ""))
    print_table(_deaths(rows, names))
    for row in rows:
        if row["last_fault"]:
            print(f"{row['name']}: {printable(row['last_fault'])}")


def _over_time(accounts: Sequence[dict[str, Any]], names: Sequence[str]) -> Table:
    """Ships, and energy and parts of a ship, at some turns; means over all accounts."""
    table = Table(header_style="bold")
    table.add_column("turn", justify="right")
    for name in names:
        table.add_column(escape(name), justify="right")
    moments = [account["over_time"] for account in accounts]
    last = len(moments[0]) - 1
    shown = sorted({round(last * line / (_LINES - 1)) for line in range(_LINES)})
    for at in shown:
        cells = []
        for name in names:
            rows = [moment[at]["strategies"][name] for moment in moments]
            ships = fmean(row["ships"] for row in rows)
            each = max(1, sum(row["ships"] for row in rows))
            parts = sum(row["blasters"] + row["thrusters"] + row["harvesters"] for row in rows) / each
            cells.append(f"{ships:,.0f}  {sum(row['energy'] for row in rows) / each:,.0f}  {parts:,.1f}")
        table.add_row(f"{moments[0][at]['turn']:,}", *cells)
    return table


def _deaths(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Table:
    """How many ships of each strategy starved, how many each strategy shot, and how many died with nobody to be credited."""
    table = Table(header_style="bold")
    table.add_column("ships of")
    table.add_column("starved", justify="right")
    for name in names:
        table.add_column(f"shot by {escape(name)}", justify="right")
    table.add_column("alone", justify="right")
    for row in rows:
        causes = row["deaths_by"]
        shot = (f"{causes['shot'].get(name, 0):,}" for name in names)
        table.add_row(escape(row["name"]), f"{causes['starved']:,}", *shot, f"{causes['alone']:,}")
    return table

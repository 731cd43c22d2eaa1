"""``wasmverse duel``: let strategies fight it out, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.options import AsJson, Threads, settings_of
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.text import printable

DUEL_SYSTEMS = 100
COLUMNS = ("ships", "energy", "kills", "deaths", "spawned", "harvested", "upgrades", "faults")


def duel(
    files: Annotated[list[Path], typer.Argument(help="The modules: .wasm files.", show_default=False)],
    turns: Annotated[int, typer.Option("--turns", min=1, help="Turns to play.")] = 300,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the universe. \\[default: 1]")] = None,
    systems: Annotated[int, typer.Option("--systems", help="Solar systems.")] = DUEL_SYSTEMS,
    ships: Annotated[int | None, typer.Option("--ships", help="Ships per system. \\[default: 32]")] = None,
    nodes: Annotated[
        int | None, typer.Option("--nodes", help="Energy nodes per system. \\[default: 64]")
    ] = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Let the strategies in FILES fight it out on a private universe in memory; needs no server.

    The first ships are dealt to them in rotation, new ones as in every universe. The strategy with the most ships at the end
    comes first. The same files, turns and seed end the same.
    """
    from wasmverse.cli.duelling import duel as play  # noqa: PLC0415 - large imports, only where needed

    settings = settings_of(seed=seed, systems=systems, ships=ships, nodes=nodes, threads=threads)
    try:
        account = play(files, turns, settings)
    except WasmverseError as error:
        fail(error.message)
    if as_json:
        print(json.dumps(account))
        return
    caption = (
        f"{account['turns']:,} turns of {account['systems']:,} systems, seed {account['seed']}\n"
        f"state_hash {account['state_hash']}"
    )
    table = Table(header_style="bold", caption=caption)
    table.add_column("strategy")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for row in account["strategies"]:
        table.add_row(escape(row["name"]), *(f"{row[column]:,}" for column in COLUMNS))
    print_table(table)
    for row in account["strategies"]:
        if row["last_fault"]:
            print(f"{row['name']}: {printable(row['last_fault'])}")

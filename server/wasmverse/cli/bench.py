"""``wasmverse bench``: how fast this machine plays turns, and how alive a universe stays."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from wasmverse.cli.ecology import ecology
from wasmverse.cli.options import (
    AsJson,
    Nodes,
    Place,
    Play,
    Seed,
    Ships,
    Systems,
    Threads,
    Upkeep,
    settings_of,
)
from wasmverse.cli.terminal import fail
from wasmverse.errors import WasmverseError

app = typer.Typer(
    no_args_is_help=True, help="Measure how fast this machine plays turns, and how alive a universe stays."
)
app.command("ecology")(ecology)


@app.command("turn")
def bench_turn(
    systems: Systems = None,
    ships: Ships = None,
    nodes: Nodes = None,
    upkeep: Upkeep = 0,
    seed: Seed = None,
    turns: Annotated[int, typer.Option("--turns", min=1, help="Turns to count.")] = 60,
    memory: Annotated[
        bool, typer.Option("--memory", help="Keep the universe in memory: not durable.")
    ] = False,
    threads: Threads = None,
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            help="Make the universe in the empty database of this URL, or in this new file; it stays there. "
            "\\[default: a temporary file]",
        ),
    ] = None,
    place: Place = None,
    play: Play = None,
    as_json: AsJson = False,
) -> None:
    """Play turns of a new universe as fast as possible, and print what they cost.

    The universe is a file in the temporary folder, committed durably each turn; with --memory it is not. With --db it is where
    that says.
    The same options always end in the same state_hash.
    """
    from wasmverse.cli.benchmarking import bench_turns  # noqa: PLC0415 - large imports, only where needed

    if memory and db is not None:
        fail("--memory and --db exclude each other: leave one out", status=2)
    sizes = {"systems": systems, "ships": ships, "nodes": nodes, "upkeep": upkeep, "seed": seed}
    settings = settings_of(**sizes, threads=threads, database_path=db, place_urls=place or None, play=play)
    try:
        made = None if db is None else settings.database_path
        result = bench_turns(settings, turns, in_memory=memory, place=made)
    except WasmverseError as error:
        fail(error.message)
    if as_json:
        print(json.dumps(result))
        return
    console = Console(highlight=False)
    for name, value in result.items():
        if isinstance(value, dict):
            shown = "  ".join(f"{key} {1000 * seconds:.1f} ms" for key, seconds in value.items())
        else:
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        console.print(f"[bold]{name:<22}[/bold]{shown}")

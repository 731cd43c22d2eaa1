"""The command line: `wasmverse serve | replay | duel | doctor | bench | strategy | function | query | token | universe`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from wasmverse import __version__
from wasmverse.cli.doctor import doctor
from wasmverse.cli.duel import duel
from wasmverse.cli.function import app as function_app
from wasmverse.cli.options import AsJson, Nodes, Seed, Ships, Systems, Threads, settings_of
from wasmverse.cli.query import query
from wasmverse.cli.replay import replay
from wasmverse.cli.serve import serve
from wasmverse.cli.strategy import app as strategy_app
from wasmverse.cli.terminal import fail
from wasmverse.cli.token import app as token_app
from wasmverse.cli.universe import app as universe_app
from wasmverse.confinement.prctl import refuse_huge_pages
from wasmverse.errors import WasmverseError
from wasmverse.processes.kernels import keep_kernels

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="A living universe inside a database: ships flown by WebAssembly strategies that anyone may upload.",
    epilog="Start with [bold]wasmverse serve[/bold], then open http://127.0.0.1:8000 in a browser.",
)
bench_app = typer.Typer(no_args_is_help=True, help="Measure how fast this machine plays turns.")
app.add_typer(bench_app, name="bench")
app.add_typer(strategy_app, name="strategy")
app.add_typer(function_app, name="function")
app.add_typer(token_app, name="token")
app.add_typer(universe_app, name="universe")
app.command()(serve)
app.command()(query)
app.command()(replay)
app.command()(duel)
app.command()(doctor)


@bench_app.command("turn")
def bench_turn(
    systems: Systems = None,
    ships: Ships = None,
    nodes: Nodes = None,
    seed: Seed = None,
    turns: Annotated[int, typer.Option("--turns", min=1, help="Turns to count.")] = 60,
    memory: Annotated[
        bool, typer.Option("--memory", help="Keep the universe in memory: not durable.")
    ] = False,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Play turns of a new universe as fast as possible, and print what they cost.

    The universe is a file in the temporary folder, committed durably each turn; with --memory it is not.
    The same options always end in the same state_hash.
    """
    from wasmverse.cli.bench import bench_turns  # noqa: PLC0415

    settings = settings_of(systems=systems, ships=ships, nodes=nodes, seed=seed, threads=threads)
    try:
        result = bench_turns(settings, turns, in_memory=memory)
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


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        print(f"wasmverse {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `wasmverse` command."""
    refuse_huge_pages()
    keep_kernels()
    app()


if __name__ == "__main__":
    main()

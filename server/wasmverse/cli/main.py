"""The command line: `wasmverse serve | replay | duel | doctor | bench | strategy | query | token | universe`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvloop
from rich.console import Console

from wasmverse import __version__
from wasmverse.cli.doctor import doctor
from wasmverse.cli.duel import duel
from wasmverse.cli.query import query
from wasmverse.cli.replay import replay
from wasmverse.cli.strategy import app as strategy_app
from wasmverse.cli.token import app as token_app
from wasmverse.cli.universe import app as universe_app
from wasmverse.confinement.prctl import refuse_huge_pages
from wasmverse.errors import SettingsError, WasmverseError
from wasmverse.processes.kernels import keep_kernels
from wasmverse.processes.logs import log_to_standard_error
from wasmverse.processes.signals import end_at_once
from wasmverse.settings import Settings, load_settings

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
app.add_typer(token_app, name="token")
app.add_typer(universe_app, name="universe")
app.command()(query)
app.command()(replay)
app.command()(duel)
app.command()(doctor)

progress = Console(stderr=True, highlight=False)

Systems = Annotated[
    int | None, typer.Option("--systems", help="Solar systems of a new universe. \\[default: 1000]")
]
Ships = Annotated[
    int | None, typer.Option("--ships", help="Ships per system that spawning keeps up. \\[default: 32]")
]
Nodes = Annotated[
    int | None,
    typer.Option("--nodes", help="Energy nodes per system that spawning keeps up. \\[default: 64]"),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of a new universe: the same seed, the same turns. \\[default: 1]"),
]
Record = Annotated[
    Path | None,
    typer.Option("--record", help="Record the run in this file, for [bold]wasmverse replay[/bold]."),
]


def _settings(**options: Any) -> Settings:
    """Settings from options, else the environment, else defaults; a usage error names the option, the value and the rule."""
    try:
        return load_settings(**options)
    except SettingsError as error:
        fail(error.message, status=2)


def fail(message: str, status: int = 1) -> NoReturn:
    """Print one line on standard error and exit with a status."""
    print(f"wasmverse: {message}", file=sys.stderr)
    raise typer.Exit(status)


@app.command()
def serve(
    db: Annotated[
        Path | None,
        typer.Option(
            "--db", help="The universe's file; made if there is none. \\[default: in the user's data folder]"
        ),
    ] = None,
    systems: Systems = None,
    ships: Ships = None,
    nodes: Nodes = None,
    seed: Seed = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on. \\[default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port; 0 picks a free one. \\[default: 8000]")
    ] = None,
    period: Annotated[
        float | None, typer.Option("--period", help="Seconds from turn to turn. \\[default: 1.0]")
    ] = None,
    record: Record = None,
) -> None:
    """Run a universe: one turn a second, the page and the query endpoint on http://127.0.0.1:8000.

    A file that already holds a universe continues where it stopped; --systems, --ships, --nodes and --seed are for a new one.
    Every other setting is an environment variable: see docs/settings.md. Ctrl-C, SIGTERM or SIGHUP finishes the turn and closes
    the file.
    """
    end_at_once()
    log_to_standard_error()
    from wasmverse.api.access import check_access  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.processes.server import bind, end  # noqa: PLC0415
    from wasmverse.processes.server import serve as run  # noqa: PLC0415
    from wasmverse.simulation.memory import check_new_universe  # noqa: PLC0415

    settings = _settings(
        database_path=db,
        systems=systems,
        ships=ships,
        nodes=nodes,
        seed=seed,
        host=host,
        port=port,
        period_seconds=period,
        record_path=record,
    )
    try:
        if not settings.database_path.exists():
            check_new_universe(settings)
        check_access(settings, settings.database_path)
        listening = bind(settings.host, settings.port)
    except WasmverseError as error:
        fail(error.message)

    async def run_to_the_end() -> None:
        try:
            failure = await run(settings, listening, lambda text: progress.print(text, markup=False))
        except WasmverseError as error:
            failure = error.message
        end(failure)

    uvloop.run(run_to_the_end())


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
    threads: Annotated[
        int | None, typer.Option("--threads", help="Threads that play a turn; 0 is one a core.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Play turns of a new universe as fast as possible, and print what they cost.

    The universe is a file in the temporary folder, committed durably each turn; with --memory it is not.
    The same options always end in the same state_hash.
    """
    from wasmverse.cli.bench import bench_turns  # noqa: PLC0415

    settings = _settings(systems=systems, ships=ships, nodes=nodes, seed=seed, threads=threads)
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

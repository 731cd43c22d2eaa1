"""The command line: `wasmverse serve | replay | duel | tournament | copy | bench | strategy | function | query | ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from wasmverse import __version__
from wasmverse.cli.bench import app as bench_app
from wasmverse.cli.copying import copy
from wasmverse.cli.doctor import doctor
from wasmverse.cli.duel import duel
from wasmverse.cli.function import app as function_app
from wasmverse.cli.query import query
from wasmverse.cli.replay import replay
from wasmverse.cli.serve import serve
from wasmverse.cli.strategy import app as strategy_app
from wasmverse.cli.token import app as token_app
from wasmverse.cli.tournament import tournament
from wasmverse.cli.universe import app as universe_app
from wasmverse.confinement.prctl import refuse_huge_pages
from wasmverse.confinement.unused import leave_out_pandas
from wasmverse.processes.kernels import keep_kernels

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="A living universe inside a database: ships flown by WebAssembly strategies that anyone may upload.",
    epilog="Start with [bold]wasmverse serve[/bold], then open http://127.0.0.1:8000 in a browser.",
)
app.add_typer(bench_app, name="bench")
app.add_typer(strategy_app, name="strategy")
app.add_typer(function_app, name="function")
app.add_typer(token_app, name="token")
app.add_typer(universe_app, name="universe")
app.command()(serve)
app.command()(query)
app.command()(replay)
app.command()(duel)
app.command()(tournament)
app.command()(doctor)
app.command()(copy)


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
    leave_out_pandas()
    keep_kernels()
    app()


if __name__ == "__main__":
    main()

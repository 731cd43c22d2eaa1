"""`wasmverse universe recover`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wasmverse.errors import WasmverseError
from wasmverse.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Look after a universe's file while no server has it open.")


@app.callback()
def _universe() -> None:
    """A group, though it has one command so far."""


@app.command()
def recover(
    db: Annotated[
        Path | None,
        typer.Option("--db", help="The universe's file. \\[default: in the user's data folder]"),
    ] = None,
) -> None:
    """Make a universe whose log is torn or damaged open at its last whole turn.

    The old files are kept under another name. Where the file itself is damaged nothing is changed, and the exit status is 1.
    """
    from wasmverse.simulation.recover import recover as run  # noqa: PLC0415 - the heavy imports, only for who needs them

    try:
        print(run(load_settings(database_path=db).database_path))
    except WasmverseError as error:
        print(f"wasmverse: {error.message}", file=sys.stderr)
        raise typer.Exit(1) from error

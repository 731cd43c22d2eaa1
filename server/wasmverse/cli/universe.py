"""`wasmverse universe info`, `backup`, `restore`, `resize`, `recover`, `export` and `load`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from wasmverse.cli.options import settings_of
from wasmverse.cli.terminal import fail
from wasmverse.cli.universe_backup import backup, restore
from wasmverse.cli.universe_info import info
from wasmverse.cli.universe_resize import resize
from wasmverse.errors import WasmverseError

app = typer.Typer(
    no_args_is_help=True, help="Look after a universe: what it is, backups, its size, its file."
)
app.command()(info)
app.command()(backup)
app.command()(restore)
app.command()(resize)


Db = Annotated[
    str | None,
    typer.Option("--db", help="The universe's file. \\[default: in the user's data folder]"),
]


@app.command()
def recover(db: Db = None) -> None:
    """Make a universe whose log is torn or damaged open at its last whole turn.

    The old files are kept under another name. Where the file itself is damaged nothing is changed, and the exit status is 1.
    """
    from wasmverse.storage.duckdb.recover import recover as run  # noqa: PLC0415 - large imports, only where needed

    file = _file(db, "its server recovers it by itself")
    _tell(lambda: run(file))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    db: Db = None,
) -> None:
    """Write a universe as Parquet files, one a table: ships and nodes as rows, to be read or changed with any tool."""
    from wasmverse.storage.duckdb.exchange import export as run  # noqa: PLC0415

    file = _file(db, "copy it into a file with `wasmverse copy`, and export that")
    _tell(lambda: run(file, folder))


@app.command()
def load(
    folder: Annotated[Path, typer.Argument(help="A folder that `export` wrote, changed or not.")],
    db: Db = None,
) -> None:
    """Make a universe of Parquet files. Every row is checked; a file that is there already is never replaced."""
    from wasmverse.storage.duckdb.exchange import load as run  # noqa: PLC0415

    file = _file(db, "load it into a file, and copy that there with `wasmverse copy`")
    _tell(lambda: run(folder, file))


def _file(db: str | None, instead: str) -> Path:
    """The universe's file; a URL ends the program with status 2 and what to do instead."""
    place = settings_of(database_path=db).database_path
    if not isinstance(place, Path):
        fail(f"{place} is no file: {instead}", status=2)
    return place


def _tell(work: Callable[[], str]) -> None:
    try:
        print(work())
    except WasmverseError as error:
        print(f"wasmverse: {error.message}", file=sys.stderr)
        raise typer.Exit(1) from error

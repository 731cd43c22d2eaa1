"""``wasmverse token``: who may give commands to a server that other machines can reach."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import SettingsError
from wasmverse.settings import default_database_path
from wasmverse.tokens import Role, TokenFile, token_path

app = typer.Typer(
    no_args_is_help=True,
    help="Make, list, renew and revoke the tokens of a universe. A change takes effect in a running server at once.",
)


class RoleName(enum.StrEnum):
    """The names of ``tokens.Role``, as an option's values."""

    reader = "reader"
    pilot = "pilot"
    admin = "admin"


DatabaseOption = Annotated[
    Path | None,
    typer.Option("--db", envvar="WASMVERSE_DATABASE_PATH", help="The universe's file.", show_default=False),
]


def _tokens(database: Path | None) -> TokenFile:
    return TokenFile(token_path(database or default_database_path()))


@app.command()
def create(
    name: Annotated[
        str, typer.Argument(help="Who gets it; shown as the author of their strategies.", show_default=False)
    ],
    role: Annotated[
        RoleName,
        typer.Option(
            help="A reader asks, a pilot also spawns and uploads, an admin also replaces others' strategies."
        ),
    ] = RoleName.pilot,
    database: DatabaseOption = None,
) -> None:
    """Make a token for NAME and print it. Only its hash is stored, so it cannot be shown again.

    Use it as [bold]wasmverse strategy push FILE --name NAME --token TOKEN[/bold], or in the header
    [bold]Authorization: Bearer TOKEN[/bold].
    """
    try:
        print(_tokens(database).create(name, Role[role.value]))
    except (SettingsError, OSError) as error:
        fail(str(error))


@app.command("list")
def list_(database: DatabaseOption = None) -> None:
    """List the tokens: their names, roles and times of creation."""
    table = Table("name", "role", "created", header_style="bold")
    try:
        for row in _tokens(database).all():
            table.add_row(*map(escape, row))
    except (SettingsError, OSError) as error:
        fail(str(error))
    print_table(table)


@app.command()
def renew(
    name: Annotated[str, typer.Argument(help="Whose token it is.", show_default=False)],
    database: DatabaseOption = None,
) -> None:
    """Replace the token of NAME by a new one and print it. The old one is no longer valid; its owner keeps their strategies."""
    try:
        print(_tokens(database).renew(name))
    except (SettingsError, OSError) as error:
        fail(str(error))


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose token it is.", show_default=False)],
    database: DatabaseOption = None,
) -> None:
    """Make the token of NAME invalid from now on.

    Its owner's strategies fly on. A new token of the same name belongs to another identity; use [bold]renew[/bold] for the
    same person.
    """
    try:
        _tokens(database).revoke(name)
    except (SettingsError, OSError) as error:
        fail(str(error))

"""``wasmverse token``: who may give commands to a server that other machines can reach."""

from __future__ import annotations

import enum
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.options import settings_of
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.tokens import Role, Tokens

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
    str | None,
    typer.Option("--db", help="The universe: its file, or the URL of its database.", show_default=False),
]


def _tokens(database: str | None) -> Tokens:
    from wasmverse.storage.tokens import open_tokens  # noqa: PLC0415 - settings and this are large imports

    return open_tokens(settings_of(database_path=database).database_path)


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
    db: DatabaseOption = None,
) -> None:
    """Make a token for NAME and print it. Only its hash is stored, so it cannot be shown again.

    Use it as [bold]wasmverse strategy push FILE --name NAME --token TOKEN[/bold], or in the header
    [bold]Authorization: Bearer TOKEN[/bold].
    """
    try:
        print(_tokens(db).create(name, Role[role.value]))
    except (WasmverseError, OSError) as error:
        fail(str(error))


@app.command("list")
def list_(db: DatabaseOption = None) -> None:
    """List the tokens: their names, roles and times of creation."""
    table = Table("name", "role", "created", header_style="bold")
    try:
        for row in _tokens(db).all():
            table.add_row(*map(escape, row))
    except (WasmverseError, OSError) as error:
        fail(str(error))
    print_table(table)


@app.command()
def renew(
    name: Annotated[str, typer.Argument(help="Whose token it is.", show_default=False)],
    db: DatabaseOption = None,
) -> None:
    """Replace the token of NAME by a new one and print it. The old one is no longer valid; its owner keeps their strategies."""
    try:
        print(_tokens(db).renew(name))
    except (WasmverseError, OSError) as error:
        fail(str(error))


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose token it is.", show_default=False)],
    db: DatabaseOption = None,
) -> None:
    """Make the token of NAME invalid from now on.

    Its owner's strategies fly on. A new token of the same name belongs to another identity; use [bold]renew[/bold] for the
    same person.
    """
    try:
        _tokens(db).revoke(name)
    except (WasmverseError, OSError) as error:
        fail(str(error))

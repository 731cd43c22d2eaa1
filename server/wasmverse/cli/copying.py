"""``wasmverse copy``: move a universe from one engine to another."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from wasmverse.cli.options import settings_of
from wasmverse.cli.terminal import fail
from wasmverse.errors import WasmverseError


def copy(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="A universe: its file, or the URL of its database.", show_default=False
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TO",
            help="A file that is not there yet, or the URL of an empty database.",
            show_default=False,
        ),
    ],
    place: Annotated[
        list[str] | None,
        typer.Option(
            "--place", help="The URL of a further server that is to have a part of TO; may be repeated."
        ),
    ] = None,
    from_place: Annotated[
        list[str] | None,
        typer.Option(
            "--from-place", help="The URL of a further server that has a part of FROM; may be repeated."
        ),
    ] = None,
) -> None:
    """Copy a universe, as it is at the end of a turn, to a new place: a file, a PostgreSQL database, or several.

    What is copied goes on as FROM would, with its history, strategies, functions and tokens. FROM is left as it is: in a database
    it may be played meanwhile, a file must not be open. The copy is read again and compared; the last line has its hash.
    """
    from wasmverse.storage.copying import Places, copy_universe  # noqa: PLC0415 - large imports, only where needed

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    read, made = (
        settings_of(database_path=first, place_urls=others or None)
        for first, others in ((source, from_place), (target, place))
    )
    try:
        whole = copy_universe(
            Places(read.database_path, read.place_urls),
            Places(made.database_path, made.place_urls),
            console.print,
        )
    except WasmverseError as error:
        fail(error.message)
    print(f"{made.database_path} goes on from turn {whole.tid:,}: state_hash {whole.state_hash()}")

"""`wasmverse universe backup` and `restore`."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from wasmverse.cli.options import FromPlace, FromUniverse, ToPlace, ToUniverse, settings_of
from wasmverse.cli.terminal import fail, step_console
from wasmverse.errors import WasmverseError

NICE = 19
"""Turns come first."""


def backup(
    source: FromUniverse,
    target: Annotated[
        Path,
        typer.Argument(metavar="TO", help="The backup: a file that is not there yet.", show_default=False),
    ],
    from_place: FromPlace = None,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", min=0.1, help="Seconds to wait for the end of a turn of a universe that runs."
        ),
    ] = 60.0,
) -> None:
    """Write all of a universe at the end of a turn, with its tokens, into one file, while a server plays it or not.

    Turns go on meanwhile. The file is opened again, every table is checked, and the hash of all ships and nodes is compared with
    that of the turn; only then it gets its name. The last line has turn and hash.
    """
    from wasmverse.storage.backups import back_up  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.storage.copying import Places  # noqa: PLC0415

    read = settings_of(database_path=source, place_urls=from_place or None)
    made = _done(lambda tell: back_up(Places(read.database_path, read.place_urls), target, tell, wait))
    print(
        f"{target} has turn {made.tid:,}: {made.ships:,} ships, {made.nodes:,} nodes, state_hash {made.state_hash}"
    )


def restore(
    source: Annotated[
        Path, typer.Argument(metavar="BACKUP", help="A file that `backup` wrote.", show_default=False)
    ],
    target: ToUniverse,
    place: ToPlace = None,
) -> None:
    """Make a universe of a backup, with the tokens of that time. Its hash is checked; nothing that is there is replaced."""
    from wasmverse.storage.backups import restore as run  # noqa: PLC0415
    from wasmverse.storage.copying import Places  # noqa: PLC0415

    made = settings_of(database_path=target, place_urls=place or None)
    row = _done(lambda tell: run(source, Places(made.database_path, made.place_urls), tell))
    print(f"{made.database_path} goes on from turn {row.tid:,}: state_hash {row.state_hash}")


def _done(work: Callable[[Callable[[str], None]], Any]) -> Any:
    with suppress(OSError):
        os.nice(NICE)
    console = step_console()
    try:
        return work(console.print)
    except WasmverseError as error:
        fail(error.message)

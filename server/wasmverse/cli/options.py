"""Options and arguments that several commands have, and the settings and bytes that follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wasmverse.cli.reading import not_readable
from wasmverse.cli.terminal import fail
from wasmverse.errors import SettingsError
from wasmverse.settings import Settings, load_settings

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
Upkeep = Annotated[
    int, typer.Option("--upkeep", help="Energy that 100 parts of a ship cost a turn; 0 is none.")
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of a new universe: the same seed, the same turns. \\[default: 1]"),
]
Threads = Annotated[
    int | None, typer.Option("--threads", help="Threads that play a turn; 0 is one for each core.")
]
Place = Annotated[
    list[str] | None,
    typer.Option(
        "--place",
        help="The URL of a further server that has a part of the universe; may be repeated.",
        show_default=False,
    ),
]
Play = Annotated[
    str | None,
    typer.Option(
        "--play",
        help="Where turns in PostgreSQL are played: [bold]inside[/bold] the server, or [bold]outside[/bold], in this process. "
        "\\[default: inside, if the server can]",
        show_default=False,
    ),
]
FromUniverse = Annotated[
    str,
    typer.Argument(
        metavar="FROM", help="A universe: its file, or the URL of its database.", show_default=False
    ),
]
FromPlace = Annotated[
    list[str] | None,
    typer.Option(
        "--from-place", help="The URL of a further server that has a part of FROM; may be repeated."
    ),
]
ToUniverse = Annotated[
    str,
    typer.Argument(
        metavar="TO",
        help="A file that is not there yet, or the URL of an empty database.",
        show_default=False,
    ),
]
ToPlace = Annotated[
    list[str] | None,
    typer.Option(
        "--place", help="The URL of a further server that is to have a part of TO; may be repeated."
    ),
]
Module = Annotated[Path, typer.Argument(help="The module: a .wasm file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


def settings_of(**options: Any) -> Settings:
    """Settings from options, else the environment, else defaults.

    A wrong one ends the program with status 2 and a line that names the option or variable, the value and the rule.
    """
    try:
        return load_settings(**options)
    except SettingsError as error:
        fail(error.message, status=2)


def read_file(file: Path) -> bytes:
    """The bytes of a file that was named; one that cannot be read ends the program with status 1 and a line that says why."""
    try:
        return file.read_bytes()
    except OSError as error:
        fail(not_readable(file, error))

"""``wasmverse replay``: play a recorded run again and say whether the outcome is the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wasmverse.cli.options import Place, Play, Threads
from wasmverse.cli.terminal import fail
from wasmverse.errors import WasmverseError
from wasmverse.settings import load_settings
from wasmverse.text import counted


def replay(
    file: Annotated[
        Path, typer.Argument(help="The recording: the file that serve --record wrote.", show_default=False)
    ],
    until: Annotated[
        int | None, typer.Option("--until", help="The turn to end with. \\[default: the last one recorded]")
    ] = None,
    threads: Threads = None,
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            help="Play on a new universe in this file, or in the database of this URL; it stays there. \\[default: in memory]",
        ),
    ] = None,
    place: Place = None,
    play_at: Play = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Play a recorded run again on a new universe, and compare every hash that was recorded.

    Exit status 0 when everything is the same, 1 when the replay differs, 2 when the recording or an option is wrong.
    """
    from wasmverse.recording.replay import replay as play  # noqa: PLC0415 - large imports, only where needed

    try:
        settings = load_settings(threads=threads, database_path=db, place_urls=place or None, play=play_at)
        found = play(file, until, settings, None if db is None else settings.database_path)
    except WasmverseError as error:
        fail(error.message, status=2)
    difference = found.first_difference
    if found.cut_line:
        print(f"wasmverse: line {found.cut_line} of {file} was cut off and is left out", file=sys.stderr)
    if difference is not None and found.recorded_by != found.played_by:
        print(
            f"wasmverse: recorded by {found.recorded_by}; this is {found.played_by}: only the same versions play the same",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps(found.as_json()))
    else:
        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(
            f"turn {found.tid:,}: {counted(found.ships, 'ship')}, {counted(found.nodes, 'energy node')}"
        )
        console.print(f"state_hash {found.state_hash}")
        if difference is None:
            console.print(
                f"the same as recorded at {counted(found.compared, 'hash', 'hashes')} and {counted(found.commands, 'command')}"
            )
        else:
            console.print(
                f"differs at turn {difference.tid:,} (line {difference.line:,}), the same until turn "
                f"{difference.same_until:,}: {difference.what} was {difference.recorded}, now {difference.replayed}"
            )
    raise typer.Exit(0 if difference is None else 1)

"""``wasmverse serve``: run a universe with its readers and its gateway."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from wasmverse.cli.options import Nodes, Place, Play, Seed, Ships, Systems, settings_of
from wasmverse.cli.terminal import fail
from wasmverse.errors import WasmverseError
from wasmverse.processes.logs import log_to_standard_error
from wasmverse.processes.signals import end_at_once


def serve(
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            help="The universe: its file, made if there is none, or the [bold]postgresql://[/bold] URL of its database. "
            "\\[default: a file in the user's data folder]",
        ),
    ] = None,
    place: Place = None,
    play: Play = None,
    systems: Systems = None,
    ships: Ships = None,
    nodes: Nodes = None,
    upkeep: Annotated[
        int | None,
        typer.Option(
            "--upkeep", help="Energy that 100 parts of a ship cost a turn; 0 is none. \\[default: 10]"
        ),
    ] = None,
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
    record: Annotated[
        Path | None,
        typer.Option("--record", help="Record the run in this file, for [bold]wasmverse replay[/bold]."),
    ] = None,
    is_dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Start nothing: estimate memory, file and the time of a turn, and say whether they fit; exit status 1 if not.",
        ),
    ] = False,
) -> None:
    """Run a universe: one turn a second, the page and the query endpoint on http://127.0.0.1:8000.

    A universe that is there already continues where it stopped; --systems, --ships, --nodes, --upkeep and --seed are for a new
    one, and refused when they differ from those it was made with.
    Every other setting is an environment variable: see docs/settings.md. Ctrl-C, SIGTERM or SIGHUP finishes the turn and closes
    the file.
    """
    end_at_once()
    log_to_standard_error()
    from wasmverse.api.access import check_access  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.processes.server import bind, end  # noqa: PLC0415
    from wasmverse.processes.server import serve as run  # noqa: PLC0415
    from wasmverse.settings import file_of, misspelt_variables  # noqa: PLC0415
    from wasmverse.simulation.memory import check_new_universe  # noqa: PLC0415
    from wasmverse.storage.tokens import open_tokens  # noqa: PLC0415

    for warning in misspelt_variables():
        logging.getLogger(__name__).warning("%s", warning)
    settings = settings_of(
        database_path=db,
        place_urls=place or None,
        play=play,
        systems=systems,
        ships=ships,
        nodes=nodes,
        upkeep=upkeep,
        seed=seed,
        host=host,
        port=port,
        period_seconds=period,
        record_path=record,
    )
    given = {"systems": systems, "ships": ships, "nodes": nodes, "upkeep": upkeep, "seed": seed}
    asked = {name: value for name, value in given.items() if value is not None}
    if is_dry_run:
        from wasmverse.cli.serve_estimate import dry_run  # noqa: PLC0415

        dry_run(settings, asked)
    log_to_standard_error(settings.log_format)
    try:
        file = file_of(settings.database_path)
        if file is not None and not file.exists():
            check_new_universe(settings)
        tokens = open_tokens(settings.database_path)
        check_access(settings, tokens)
        listening = bind(settings.host, settings.port)
    except WasmverseError as error:
        fail(error.message)

    tell = _tell_in_json if settings.log_format == "json" else _tell

    def complain(text: str) -> None:
        logging.getLogger(__name__).error("%s", text)

    async def run_to_the_end() -> None:
        try:
            failure = await run(settings, tokens, listening, tell, asked)
        except WasmverseError as error:
            failure = error.message
        end(failure, complain if settings.log_format == "json" else None)

    uvloop.run(run_to_the_end())


def _tell(text: str) -> None:
    Console(stderr=True, highlight=False).print(text, markup=False)


def _tell_in_json(text: str) -> None:
    """A line of the log, without secrets; and as it is to a person who sees standard output, where no log is kept."""
    logging.getLogger(__name__).info("%s", "; ".join(text.splitlines()))
    if sys.stdout.isatty():
        print(text, flush=True)

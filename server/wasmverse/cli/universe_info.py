"""`wasmverse universe info`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.table import Table

from wasmverse.cli.options import AsJson, settings_of
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.running import server_of
from wasmverse.settings import DatabaseUrl
from wasmverse.text import printable

Universe = Annotated[
    str | None,
    typer.Argument(
        metavar="[UNIVERSE]",
        help="Its file or URL. \\[default: in the user's data folder]",
        show_default=False,
    ),
]


def info(universe: Universe = None, as_json: AsJson = False) -> None:
    """Say what a universe is: its engine, format, laws, sizes, turn, hash, strategies, bytes, and who serves it.

    It may be served meanwhile; nothing of it is changed.
    """
    settings = settings_of(database_path=universe)
    place = settings.database_path
    try:
        shown = _of_file(place) if isinstance(place, Path) else _of_database(place, settings.place_urls)
    except WasmverseError as error:
        fail(error.message)
    if as_json:
        print(json.dumps(shown))
    else:
        print_table(_table(shown))


def _of_file(file: Path) -> dict[str, Any]:
    from wasmverse.storage.duckdb.description import describe  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.storage.tokens import open_tokens  # noqa: PLC0415

    found = describe(file, 60.0)
    shown = {"universe": str(file), "engine": "duckdb", **found.as_json()}
    shown["tokens"] = len(open_tokens(file).entries())
    shown["server"] = None if found.server is None else _server(found.server)
    return shown


def _of_database(place: DatabaseUrl, others: tuple[DatabaseUrl, ...]) -> dict[str, Any]:
    from wasmverse.storage import schema  # noqa: PLC0415
    from wasmverse.storage.facts import Facts, Made  # noqa: PLC0415
    from wasmverse.storage.postgres.whole import read_whole  # noqa: PLC0415
    from wasmverse.storage.stored_state import StoredState  # noqa: PLC0415
    from wasmverse.storage.tokens import open_tokens  # noqa: PLC0415

    whole = read_whole(place, others)
    made = Made(whole.made_at.isoformat(), whole.made_by, schema.FORMAT_VERSION)
    stored = StoredState(whole.tid, whole.next_eid, whole.state)
    facts = Facts.of(made, whole.laws, stored, whole.tables["strategy"])
    engine = "citus" if place.is_citus else "postgresql"
    shown = {"universe": str(place), "engine": engine, **asdict(facts)}
    return {**shown, "tokens": len(open_tokens(place).entries())}


def _server(pid: int) -> dict[str, Any]:
    """Who has the file open, as far as it can be seen: a process in another container cannot.

    Of a server it is the process that an operator started and stops; one that it started itself has the file.
    """
    if not pid:
        return {"pid": None, "url": None, "command": None}
    pid, url = server_of(pid) or (pid, None)
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        command = None
    return {"pid": pid, "url": url, "command": command}


def _table(shown: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")

    def row(name: str, value: object) -> None:
        table.add_row(name, printable(str(value), 400))

    laws = shown["laws"]
    row("universe", shown["universe"])
    if "backup" in shown:
        row("backup", f"made {shown['backup']['made_at']}, with {shown['backup']['tokens']} tokens")
    row("engine", f"{shown['engine']}, format {shown['format']}")
    row("made", f"{shown['made_at']} by wasmverse {shown['made_by']}")
    row("laws", ", ".join(f"{name} {value:,}" for name, value in laws.items()))
    row("turn", f"{shown['tid']:,}")
    row("ships", f"{shown['ships']:,}")
    row("nodes", f"{shown['nodes']:,}")
    row("state_hash", shown["state_hash"])
    if "file_bytes" in shown:
        row("bytes", f"{shown['file_bytes']:,} of the file, {shown['log_bytes']:,} of its log")
    row("tokens", shown["tokens"])
    row(
        "served by",
        _served(shown["server"])
        if "server" in shown
        else "not known of a database: ask /health of its servers",
    )
    for strategy in shown["strategies"]:
        about = "" if strategy["is_enabled"] else ", not dealt new ships"
        state = "" if strategy["status"] == "flying" else f", {strategy['status']}"
        row(
            "strategy", f"{strategy['name']} {strategy['version']}: {strategy['ships']:,} ships{state}{about}"
        )
    return table


def _served(server: dict[str, Any] | None) -> str:
    if server is None:
        return "nobody"
    if server["pid"] is None:
        return "a process that cannot be seen from here"
    return f"process {server['pid']}" + (f", {server['url']}" if server["url"] else "")

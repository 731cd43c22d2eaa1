"""`wasmverse universe resize`."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wasmverse.cli.options import settings_of
from wasmverse.cli.terminal import fail, step_console
from wasmverse.errors import WasmverseError

if TYPE_CHECKING:
    from wasmverse.storage.duckdb.resize import Resizing


@dataclass(frozen=True, slots=True)
class ResizeUniverse:
    """As the audit has it."""

    systems: int
    systems_before: int
    tid: int


def resize(
    universe: Annotated[str, typer.Argument(metavar="UNIVERSE", help="Its file.", show_default=False)],
    systems: Annotated[
        int, typer.Option("--systems", help="How many systems it is to have.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Remove systems with all that is in them.")] = False,
) -> None:
    """Give a stopped universe more or fewer systems.

    The others stay as they are: systems are added and removed at the end. New ones hold what they would at a universe's
    beginning. With those that are removed go their ships and energy nodes: that is said first, and done with
    [bold]--yes[/bold]. Recordings and kept past turns end here.
    """
    from wasmverse.api.audit import audit_of  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.storage.duckdb.resize import resize as run  # noqa: PLC0415
    from wasmverse.storage.opening import storage_error  # noqa: PLC0415

    console = step_console()
    settings = settings_of(database_path=universe)
    file = settings.database_path
    if not isinstance(file, Path):
        fail(
            f"{file} is no file: copy it into one with `wasmverse copy`, resize that, and copy it into an empty database",
            status=2,
        )

    def is_agreed(told: Resizing) -> bool:
        console.print(_said(told))
        return yes or told.after > told.before

    try:
        done = run(file, systems, is_agreed)
    except WasmverseError as error:
        fail(error.message)
    except Exception as error:
        if (known := storage_error(error, file)) is None:
            raise
        fail(known.message)
    if done is None:
        fail(
            "nothing was changed: repeat it with --yes to remove them; `wasmverse universe backup` first keeps what there is"
        )
    noted = ResizeUniverse(done.after, done.before, done.tid)
    audit_of(settings, file).note(
        noted, "resize_universe", getpass.getuser(), "operator", "command line", "done"
    )
    print(f"{file} goes on from turn {done.tid:,} with {done.after:,} systems: state_hash {done.state_hash}")


def _said(told: Resizing) -> str:
    flown = ", ".join(f"{name} {count:,}" for name, count in told.strategies.items())
    what = f"{told.ships:,} ships{f' ({flown})' if flown else ''} and {told.nodes:,} energy nodes"
    first, last = min(told.before, told.after) + 1, max(told.before, told.after)
    which = f"system {first:,}" if first == last else f"systems {first:,} to {last:,}"
    if told.after < told.before:
        return f"{which} of {told.before:,} go, and with them for good {what}"
    return f"{which} come, with {what}"

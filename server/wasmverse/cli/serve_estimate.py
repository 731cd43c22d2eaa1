"""What `wasmverse serve --dry-run` prints: what a universe will need, and what there is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psutil
import typer
from rich.table import Table

from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.processes.snapshot_folder import snapshot_folder
from wasmverse.settings import Settings
from wasmverse.simulation.asked import check_asked
from wasmverse.simulation.estimate import Estimate, Sizes, estimate
from wasmverse.simulation.memory import estimate_bytes, memory_bytes


class Need(NamedTuple):
    """A line: what is needed and what there is, in bytes or seconds."""

    what: str
    needed: float
    there: float
    unit: str = "MB"

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        return self.needed <= self.there


def dry_run(settings: Settings, asked: Mapping[str, int]) -> None:
    """Print the estimate; end with status 1 if the universe does not fit this machine, or is not the one ``asked`` for."""
    file = settings.database_path
    if not isinstance(file, Path):
        fail(f"{file} is no file: docs/scale.md says what a universe in a database needs", status=2)
    sizes = _sizes(file, settings, asked)
    needs = needs_of(sizes, estimate(sizes, settings), settings, file)
    table = Table(title=f"{sizes.systems:,} systems, {sizes.ships:,} ships, {sizes.nodes:,} energy nodes")
    table.add_column("what", style="bold")
    for column in ("needed", "there is"):
        table.add_column(column, justify="right")
    table.add_column("")
    for need in needs:
        shown = (_shown(value, need.unit) for value in (need.needed, need.there))
        table.add_row(need.what, *shown, "fits" if need.fits else "does not fit")
    print_table(table)
    print("Estimated from measurements of other universes with the bundled strategies: docs/operating.md")
    lacking = [need.what for need in needs if not need.fits]
    if lacking:
        fail(
            f"this machine has too little for it: {', '.join(lacking)}; choose fewer systems, ships or nodes, or a longer period"
        )
    raise typer.Exit


def needs_of(sizes: Sizes, needed: Estimate, settings: Settings, file: Path) -> list[Need]:
    """All that is compared."""
    memory = psutil.virtual_memory()
    snapshots = settings.snapshot_folder or snapshot_folder(settings).parent
    shared, folder = (
        next(each for each in (place, *place.parents) if each.is_dir())
        for place in (snapshots.absolute(), file.absolute().parent)
    )
    used = file.stat().st_size if file.is_file() else 0
    return [
        Need("memory of all processes, MB", needed.memory_bytes, min(memory.available, memory_bytes())),
        # What a start refuses by; rounded up.
        Need("memory that a start asks for, MB", estimate_bytes(sizes.ships, sizes.nodes), memory_bytes()),
        Need(f"snapshots in {shared}, MB", needed.snapshot_bytes, shutil.disk_usage(shared).free),
        Need(f"file and log in {folder}, MB", needed.file_bytes, shutil.disk_usage(folder).free + used),
        Need(
            "with past turns, MB",
            needed.file_bytes + needed.past_bytes,
            shutil.disk_usage(folder).free + used,
        ),
        Need("a turn, s", needed.turn_seconds, settings.period_seconds, "s"),
    ]


def _sizes(file: Path, settings: Settings, asked: Mapping[str, int]) -> Sizes:
    """Of the universe in the file, or of the one that would be made."""
    if not file.exists():
        return Sizes(settings.systems, settings.systems * settings.ships, settings.systems * settings.nodes)
    from wasmverse.storage.duckdb.description import describe  # noqa: PLC0415 - large imports, only where needed

    try:
        found = describe(file, 60.0)
        facts = found.facts
        check_asked(facts.made_by_laws, asked, file)
    except WasmverseError as error:
        fail(error.message)
    if found.backup is not None:
        fail(f"{file} is a backup: make a universe of it with `wasmverse universe restore`, and serve that")
    return Sizes(facts.laws["systems"], facts.ships, facts.nodes)


def _shown(value: float, unit: str) -> str:
    return f"{value:,.3f}" if unit == "s" else f"{value / 1e6:,.0f}"

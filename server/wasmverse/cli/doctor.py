"""``wasmverse doctor``: how this machine confines the processes that run strangers' code."""

from __future__ import annotations

import json
import platform
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from wasmverse.confinement import groups
from wasmverse.confinement.layers import KINDS, LAYERS, Outcomes, layers_of, missing
from wasmverse.confinement.probe import probe
from wasmverse.settings import load_settings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Show which layers of confinement hold around each kind of process, and how to get those that do not.

    Confines a new process of each kind as [bold]wasmverse serve[/bold] would, started by the same user on the same machine; needs
    no server. Exit status 1 if a layer does not hold.
    """
    first = load_settings().user_ids_first
    found = {kind: probe(kind, first) for kind in KINDS}
    groups.close()
    lacks = [(kind, layer, why) for kind in KINDS for layer, why in missing(found[kind]).items()]
    if as_json:
        print(json.dumps(found))
        raise typer.Exit(1 if lacks else 0)
    console = Console(highlight=False)
    table = Table(title=f"Confinement on {platform.system()} {platform.release()}, {platform.machine()}")
    table.add_column("layer", style="bold")
    for kind in KINDS:
        table.add_column(kind, justify="center")
    table.add_column("what it does")
    for layer, about in LAYERS.items():
        held = (_shown(layer, kind, found[kind]) for kind in KINDS)
        table.add_row(layer, *held, about.what)
    console.print(table)
    for kind, layer, why in lacks:
        console.print(
            f"[red]{layer}[/red] does not hold around the {kind}: {why}. Remedy: {LAYERS[layer].remedy}."
        )
    if not lacks:
        console.print("Every layer holds around every process.")
    raise typer.Exit(1 if lacks else 0)


def _shown(layer: str, kind: str, found: Outcomes) -> str:
    if layer not in layers_of(kind):
        return "-"
    return "[red]no[/red]" if found.get(layer, "-") else "[green]holds[/green]"

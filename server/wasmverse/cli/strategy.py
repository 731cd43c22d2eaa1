"""``wasmverse strategy``: check, upload, list and remove strategies; `strategy_build` has `new` and `build`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.http_client import TokenOption, UrlOption, connected, request, server_of
from wasmverse.cli.options import Module, read_file
from wasmverse.cli.strategy_build import build_command, new, upload
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.settings import load_settings
from wasmverse.text import printable

app = typer.Typer(no_args_is_help=True, help="Write, build and upload strategies, and see which fly.")
app.command()(new)
app.command("build")(build_command)


FuelOption = Annotated[
    int | None,
    typer.Option(
        "--budget-fuel", help="Fuel that a call may take: with more than the usual it is dealt fewer ships."
    ),
]


@app.command()
def check(
    file: Module,
    name: Annotated[
        str, typer.Option("--name", help="The name it will fly under, to have that checked too.")
    ] = "my_strategy",
    budget_fuel: FuelOption = None,
) -> None:
    """Say whether FILE would be accepted, and under which names it would fly; needs no server.

    The rules are those of this machine's settings. A refusal says what was found, what is allowed and how to correct it.
    """
    from wasmverse.strategies.checker_start import inspect_module_apart  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.strategies.contract import DECIDE  # noqa: PLC0415
    from wasmverse.strategies.limits import declared  # noqa: PLC0415

    module = read_file(file)
    try:
        settings = declared(load_settings(), budget_fuel)
        inspection = inspect_module_apart(module, name, settings)
    except WasmverseError as error:
        fail(error.message)
    for registered, export in inspection.strategies.items():
        under = "the name you give it" if export == DECIDE else registered
        shown = printable(export)
        print(
            f"{file.name} would be accepted: {shown} flies under {under} "
            f"({printable(inspection.language)}, {len(module):,} bytes)"
        )
        trial = inspection.trials[registered]
        print(
            f"a call took {trial.fuel:,} fuel of {settings.budget_fuel:,}"
            + (f", but it was a fault: it {trial.fault}" if trial.fault else "")
        )
        if trial.start_fuel > settings.start_fuel // 100:
            print(f"the start of an instance took {trial.start_fuel:,} fuel of {settings.start_fuel:,}")
    print(f"sha256 {inspection.sha256}")


@app.command()
def push(
    file: Module,
    name: Annotated[
        str,
        typer.Option(
            "--name", help="The name it flies under: lower-case letters, digits and '_'.", show_default=False
        ),
    ],
    url: UrlOption = None,
    token: TokenOption = None,
    budget_fuel: FuelOption = None,
) -> None:
    """Upload FILE as the strategy NAME. It flies from the next turn on; new ships are dealt to it.

    Pushing again under the same name replaces it with a new version. Try it first with
    [bold]wasmverse strategy check FILE[/bold].
    """
    upload(read_file(file), name, server_of(url), token, budget_fuel)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="The strategies.", show_default=False)],
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Remove strategies of yours, all at once, or none if one cannot be removed. Their ships hold until they die."""
    with connected(url, token) as universe:
        removed = universe.remove(*names)
    print(f"removed from turn {removed.turn + 1} on: {', '.join(removed.names)}")


@app.command("list")
def list_(url: UrlOption = None) -> None:
    """List the strategies: version, language, author, declared fuel, status, and whether new ships are dealt to them."""
    answer = request("GET", url, "/api/v1/strategies").json()
    table = Table(header_style="bold", caption=f"turn {answer['turn']:,}")
    for column in ("name", "version", "language", "author", "bytes", "fuel", "status", "enabled"):
        is_number = column in {"version", "bytes", "fuel"}
        table.add_column(column, justify="right" if is_number else "left")
    for row in answer["strategies"]:
        fuel = row.get("budget_fuel")
        cells = (
            row["name"],
            row["version"],
            row["language"],
            row["author"],
            f"{row['bytes']:,}",
            f"{fuel:,}" if isinstance(fuel, int) else "",
            row["status"],
        )
        table.add_row(*(escape(printable(cell)) for cell in cells), "yes" if row["is_enabled"] else "no")
    print_table(table)

"""``wasmverse strategy``: check, upload, list, show, enable, roll back and remove; `strategy_build` has `new` and `build`."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.http_client import TokenOption, UrlOption, connected, request, server_of
from wasmverse.cli.options import AsJson, Module, read_file
from wasmverse.cli.strategy_build import build_command, new, upload
from wasmverse.cli.strategy_relive import relive
from wasmverse.cli.terminal import fail, print_table
from wasmverse.commands import Inspection
from wasmverse.errors import WasmverseError
from wasmverse.settings import load_settings
from wasmverse.strategies.names import NAME_RULE, is_name
from wasmverse.strategies.trial_report import lines_of, plain
from wasmverse.text import printable

app = typer.Typer(no_args_is_help=True, help="Write, build and upload strategies, and see which fly.")
app.command()(new)
app.command("build")(build_command)
app.command()(relive)


Names = Annotated[list[str], typer.Argument(help="The strategies.", show_default=False)]
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
    as_json: AsJson = False,
) -> None:
    """Say whether FILE would be accepted, under which names it would fly, and what it answers; needs no server.

    It is called for a hundred observations of a small universe, the same ones everywhere: what it plans, its faults and its fuel
    are the same on every machine. The rules are those of this machine's settings. A refusal says what was found, what is allowed
    and how to correct it.
    """
    from wasmverse.strategies.checker_start import inspect_module_apart  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.strategies.limits import declared  # noqa: PLC0415

    module = read_file(file)
    try:
        settings = declared(load_settings(), budget_fuel)
        inspection = inspect_module_apart(module, name, settings)
    except WasmverseError as error:
        fail(error.message)
    if as_json:
        print(json.dumps(_checked(inspection, len(module))))
        return
    _print_check(file.name, inspection, len(module), settings.start_fuel)


def _checked(inspection: Inspection, size: int) -> dict[str, Any]:
    """What `check --json` prints."""
    return {
        "sha256": inspection.sha256,
        "bytes": size,
        "language": printable(inspection.language),
        "strategies": [
            {"name": name, "export": printable(export), "trial": plain(inspection.trials[name])}
            for name, export in inspection.strategies.items()
        ],
    }


def _print_check(file: str, inspection: Inspection, size: int, start_fuel_max: int) -> None:
    from wasmverse.strategies.contract import DECIDE  # noqa: PLC0415 - large imports, only where needed

    for registered, export in inspection.strategies.items():
        under = "the name you give it" if export == DECIDE else registered
        shown = printable(export)
        print(
            f"{file} would be accepted: {shown} flies under {under} ({printable(inspection.language)}, {size:,} bytes)"
        )
        told = plain(inspection.trials[registered])
        print(*lines_of(told), sep="\n")
        if told["start_fuel"] > start_fuel_max // 100:
            print(f"the start of an instance took {told['start_fuel']:,} fuel of {start_fuel_max:,}")
        for warning in told["warnings"]:
            print(f"warning: {warning}")
    print(f"sha256 {inspection.sha256}")


@app.command()
def push(
    file: Module,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="The name it flies under: lower-case letters, digits and '_'. \\[default: the file's]",
            show_default=False,
        ),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    budget_fuel: FuelOption = None,
) -> None:
    """Upload FILE as a strategy. It flies from the next turn on; new ships are dealt to it.

    What is wrong with it, but is no reason to refuse it, is printed as a warning.

    Pushing again under the same name replaces it with a new version. Try it first with
    [bold]wasmverse strategy check FILE[/bold].
    """
    module = read_file(file)
    if name is None and not is_name(file.stem):
        fail(f"{printable(file.name)!r} gives no name: {NAME_RULE}; give one with --name", status=2)
    upload(module, name or file.stem, server_of(url), token, budget_fuel)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="A strategy of yours.", show_default=False)],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="The sha256 of a kept version, or how it begins. \\[default: the one that was replaced last]",
            show_default=False,
        ),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Fly an earlier version of a strategy again: its module is uploaded once more, as a new version.

    Which are kept says [bold]wasmverse strategy show NAME[/bold].
    """
    with connected(url, token) as universe:
        done = universe.rollback(name, to=to)
    row = done.strategy
    print(
        f"{printable(row.name)} is now version {row.version}, with the module of version {done.restored_version} "
        f"(sha256 {printable(row.sha256[:12])}); it flies from turn {done.turn + 1} on"
    )


@app.command()
def remove(
    names: Names,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Remove strategies of yours, all at once, or none if one cannot be removed. Their ships hold until they die."""
    with connected(url, token) as universe:
        removed = universe.remove(*names)
    print(f"removed from turn {removed.turn + 1} on: {', '.join(removed.names)}")


@app.command()
def enable(names: Names, url: UrlOption = None, token: TokenOption = None) -> None:
    """Deal new ships to strategies of yours, one after the other."""
    _enable(names, "enable", url, token)


@app.command()
def disable(names: Names, url: UrlOption = None, token: TokenOption = None) -> None:
    """Deal no new ships to strategies of yours, one after the other. Those that they have fly on."""
    _enable(names, "disable", url, token)


def _enable(names: list[str], how: str, url: str | None, token: str | None) -> None:
    for name in names:
        answer = request("POST", url, f"/api/v1/strategies/{quote(name, safe='')}/{how}", token=token).json()
        print(f"{answer['name']} is {how}d from turn {answer['turn'] + 1} on")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A strategy.", show_default=False)],
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: AsJson = False,
) -> None:
    """Show a strategy: its version, status, ships and energy, and the faults and earlier versions that are kept of it."""
    answer = request("GET", url, f"/api/v1/strategies/{quote(name, safe='')}", token=token).json()
    row = answer["strategy"]
    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    table = Table(show_header=False, caption=f"turn {answer['turn']:,}")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in row.items():
        if key not in {"faults", "versions"} and value is not None:
            number = isinstance(value, int) and not isinstance(value, bool)
            shown = f"{value:,}" if number else {True: "yes", False: "no"}.get(value, value)
            table.add_row(key.removeprefix("is_"), escape(printable(shown, 500)))
    print_table(table)
    for fault in row["faults"]:
        print(
            f"fault {fault['fault_id']}: turn {fault['tid']:,}, version {fault['version']}, ship {fault['eid']} in system "
            f"{fault['sid']}: {printable(fault['reason'], 500)}"
        )
    if row["faults"]:
        print(f"see one again with: wasmverse strategy relive {row['faults'][0]['fault_id']} FILE")
    versions = row.get("versions", [])
    for kept in versions:
        print(
            f"version {kept['version']}: sha256 {printable(kept['sha256'])[:12]}, {kept['bytes']:,} bytes, by "
            f"{printable(kept['author'])}, flew until turn {kept['replaced_tid']:,}"
        )
    if versions:
        print(f"fly one again with: wasmverse strategy rollback {printable(row['name'])} --to SHA256")


@app.command("list")
def list_(
    url: UrlOption = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="List those too that were removed and whose ships still hold.")
    ] = False,
) -> None:
    """List the strategies: version, language, author, declared fuel, status, and whether new ships are dealt to them."""
    answer = request("GET", url, "/api/v1/strategies").json()
    rows = [row for row in answer["strategies"] if show_all or row["status"] != "removed"]
    hidden = len(answer["strategies"]) - len(rows)
    more = f"; {hidden} removed, shown with --all" if hidden else ""
    table = Table(header_style="bold", caption=f"turn {answer['turn']:,}{more}")
    for column in ("name", "version", "language", "author", "bytes", "fuel", "status", "enabled"):
        is_number = column in {"version", "bytes", "fuel"}
        table.add_column(column, justify="right" if is_number else "left")
    for row in rows:
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

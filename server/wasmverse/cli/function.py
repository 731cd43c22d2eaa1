"""``wasmverse function``: check, store, list, roll back, drop and measure functions of SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.http_client import TokenOption, UrlOption, request
from wasmverse.cli.options import Module, read_file
from wasmverse.cli.terminal import fail, print_table
from wasmverse.errors import WasmverseError
from wasmverse.settings import load_settings
from wasmverse.text import counted, printable

app = typer.Typer(
    no_args_is_help=True, help="Make functions of SQL of WebAssembly modules, and see what they cost."
)

Name = Annotated[
    str | None,
    typer.Option("--name", help="As SQL calls it. \\[default: the file's name]", show_default=False),
]
Args = Annotated[
    str | None,
    typer.Option("--args", help="The parameters: 'x DOUBLE, y VARCHAR'.", show_default=False),
]
Returns = Annotated[
    str | None,
    typer.Option(
        "--returns", help="What it returns: DOUBLE, or 'TABLE(a INT, b VARCHAR)'.", show_default=False
    ),
]
Wit = Annotated[
    Path | None,
    typer.Option(
        "--wit",
        help="A .wit file with the exports' types; then they need not be declared.",
        show_default=False,
    ),
]
Export = Annotated[
    str | None,
    typer.Option("--export", help="The export to call, if its name is another.", show_default=False),
]
State = Annotated[
    str | None,
    typer.Option("--state", help="Of an aggregate: the type of its state, or HANDLE.", show_default=False),
]
Steps = Annotated[
    str | None,
    typer.Option(
        "--steps",
        help="Of an aggregate: its exports, 'initialize, iterate[, merge], terminate'.",
        show_default=False,
    ),
]
Types = Annotated[
    str | None,
    typer.Option("--args", help="Of functions of one name: the types of its parameters.", show_default=False),
]


@app.command()
def check(
    file: Module,
    name: Name = None,
    args: Args = None,
    returns: Returns = None,
    wit: Wit = None,
    export: Export = None,
    state: State = None,
    steps: Steps = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="A query with a column for each parameter: FILE is called for its rows, beside the present version.",
            show_default=False,
        ),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Say whether FILE would be accepted, and as which function; needs no server.

    The rules are those of this machine's settings. A refusal says what was found, what is allowed and how to correct it. With
    --against also what would change: the results that differ, the rows that fail, and what a row costs. Nothing is stored.

    [bold]wasmverse function check far.wasm --against 'select x, y from entity'[/bold]
    """
    from wasmverse.functions.check import function_check  # noqa: PLC0415 - large imports, only where needed

    module = read_file(file)
    wanted = _wanted(name or _name_of(file), _declared(args, returns, wit, export, state, steps))
    try:
        definition, compiled = function_check(module, wanted, load_settings()).run()
    except WasmverseError as error:
        fail(error.message)
    language = printable(definition.language)
    print(f"{file.name} would be accepted: {definition.name}{printable(definition.signature, 2_000)}")
    print(f"{definition.kind}, {language}, {len(module):,} bytes, {len(compiled):,} of machine code")
    print(f"calls {', '.join(map(printable, definition.exports))}; sha256 {definition.sha256}")
    if against is not None:
        params = {"sql": against, **_declared(args, returns, wit, export, state, steps)}
        path = f"/api/v1/functions/{definition.name}/dry-run"
        _tell_dry_run(request("POST", url, path, token=token, content=module, params=params).json())


@app.command()
def push(
    file: Module,
    name: Name = None,
    args: Args = None,
    returns: Returns = None,
    wit: Wit = None,
    export: Export = None,
    state: State = None,
    steps: Steps = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Store FILE as a function. Queries call it from the next turn on, and its old version until then.

    Types follow from --args and --returns, from --wit, or from the module itself where they are numbers.

    [bold]wasmverse function push shout.wasm --args 'words VARCHAR' --returns VARCHAR[/bold]
    """
    module = read_file(file)
    answer = request(
        "PUT",
        url,
        f"/api/v1/functions/{name or _name_of(file)}",
        token=token,
        content=module,
        params=_declared(args, returns, wit, export, state, steps),
        headers={"Content-Type": "application/wasm"},
    ).json()
    _tell(answer)


@app.command("list")
def list_(url: UrlOption = None, token: TokenOption = None) -> None:
    """List the functions: signature, version, and what a row has cost so far."""
    answer = request("GET", url, "/api/v1/functions", token=token).json()
    _print(
        answer,
        ("name", "signature", "kind", "version", "language", "author", "bytes"),
        ("fuel/row", "ns/row", "rows"),
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A function.", show_default=False)],
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show every kept version of a function; the one that is called is marked."""
    answer = request("GET", url, f"/api/v1/functions/{name}", token=token).json()
    _print(
        answer,
        ("version", "signature", "created_at", "language", "bytes", "sha256"),
        ("fuel/row", "ns/row", "rows", "faults"),
        marks=True,
    )


@app.command()
def drop(
    name: Annotated[str, typer.Argument(help="A function of yours.", show_default=False)],
    args: Types = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Remove a function of yours with all its versions; with --args only the one with these parameters."""
    params = {} if args is None else {"args": args}
    answer = request("DELETE", url, f"/api/v1/functions/{name}", token=token, params=params).json()
    count = answer["dropped"]
    what = "1 function" if count == 1 else f"{count:,} functions"
    print(f"dropped from turn {answer['turn'] + 1} on: {what} of the name {answer['name']}")


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="A function of yours.", show_default=False)],
    version: Annotated[
        int | None, typer.Argument(help="A kept version. \\[default: the one before]", show_default=False)
    ] = None,
    args: Types = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Have an earlier version of a function called again, from the next turn on."""
    params: dict[str, Any] = {} if args is None else {"args": args}
    if version is not None:
        params["version"] = version
    _tell(request("POST", url, f"/api/v1/functions/{name}/rollback", token=token, params=params).json())


@app.command()
def bench(
    file: Module,
    name: Name = None,
    args: Args = None,
    returns: Returns = None,
    wit: Wit = None,
    export: Export = None,
    state: State = None,
    steps: Steps = None,
    rows: Annotated[
        int, typer.Option("--rows", min=1, max=100_000_000, help="Rows to call it for.")
    ] = 1_000_000,
) -> None:
    """Measure what a row of FILE costs on this machine, with made-up arguments; needs no server.

    Of an aggregate, a row is one of a group of 2,048.
    """
    from wasmverse.functions.bench import measure  # noqa: PLC0415 - large imports, only where needed
    from wasmverse.functions.check import function_check  # noqa: PLC0415

    settings = load_settings()
    wanted = _wanted(name or _name_of(file), _declared(args, returns, wit, export, state, steps))
    try:
        definition, compiled = function_check(read_file(file), wanted, settings).run()
        found = measure(definition, compiled, rows, settings)
    except WasmverseError as error:
        fail(error.message)
    print(f"{definition.name}{printable(definition.signature, 2_000)}, {counted(found.rows, 'row')}")
    print(f"{found.nanoseconds:,.1f} ns a row of processor time, values passed in and out included")
    print(f"{found.fuel:,.0f} fuel a row of {settings.function_budget_fuel:,}")
    if found.faults:
        print(f"{found.faults:,} rows were faults: {printable(found.reason)}")


def _name_of(file: Path) -> str:
    return file.stem.lower().replace("-", "_")


def _declared(
    args: str | None,
    returns: str | None,
    wit: Path | None,
    export: str | None,
    state: str | None,
    steps: str | None,
) -> dict[str, str]:
    """What is said of a function, as the parameters of a request."""
    given = {"args": args, "returns": returns, "export": export, "state": state}
    declared = {key: value for key, value in given.items() if value is not None}
    if wit is not None:
        declared["wit"] = read_file(wit).decode(errors="replace")
    if steps is not None:
        named = [step.strip() for step in steps.split(",")]
        keys = {3: ("initialize", "iterate", "terminate"), 4: ("initialize", "iterate", "merge", "terminate")}
        if len(named) not in keys or not all(named):
            fail(f"--steps is {steps!r}; give three or four exports: initialize, iterate[, merge], terminate")
        declared |= zip(keys[len(named)], named, strict=True)
    return declared


def _wanted(name: str, declared: dict[str, str]) -> Any:
    from wasmverse.functions.declared import declared_function  # noqa: PLC0415 - large imports, only where needed

    try:
        return declared_function(name, declared)
    except WasmverseError as error:
        fail(error.message)


def _tell(answer: dict[str, Any]) -> None:
    row = answer["function"]
    print(
        f"{printable(row['name'])}{printable(row['signature'], 2_000)} version {row['version']} "
        f"is called from turn {answer['turn'] + 1} on ({row['bytes']:,} bytes)"
    )


def _tell_dry_run(found: dict[str, Any]) -> None:
    rows = found["rows"]
    print(
        f"turn {found['turn']:,}, {rows:,} rows: {found['fuel']:,.0f} fuel and {found['nanoseconds']:,.0f} ns a row"
    )
    compared = f"{found['differences']:,} results differ from the present version's"
    print(
        f"{compared if found['is_compared'] else 'there is no present version'}; {found['faults']:,} rows failed"
    )
    present = found["present"]
    if present is not None and present["rows"]:
        print(
            f"version {present['version']}, the present one, has taken {_number(present['fuel_per_row'])} fuel and "
            f"{_number(present['nanoseconds_per_row'])} ns a row so far; {present['faults']:,} of {present['rows']:,} rows failed"
        )
    if not found["examples"]:
        return
    table = Table(header_style="bold", caption="the first of them")
    table.add_column("row", justify="right")
    for column in ("arguments", "present", "new", "why"):
        table.add_column(column, overflow="fold")
    for one in found["examples"]:
        cells = (one["arguments"], one["present"] or "", one["new"] or "", one["why"])
        table.add_row(f"{one['row']:,}", *(escape(printable(cell)) for cell in cells))
    print_table(table)


_COSTS = {"fuel/row": "fuel_per_row", "ns/row": "nanoseconds_per_row"}


def _print(
    answer: dict[str, Any], columns: tuple[str, ...], numbers: tuple[str, ...], *, marks: bool = False
) -> None:
    table = Table(header_style="bold", caption=f"turn {answer['turn']:,}")
    if marks:
        table.add_column("")
    for column in columns:
        table.add_column(
            column, justify="right" if column in {"version", "bytes"} else "left", overflow="fold"
        )
    for column in numbers:
        table.add_column(column, justify="right")
    for row in answer["functions"]:
        cells = [escape(_shown(column, row[column])) for column in columns]
        cells += [_number(row[_COSTS.get(column, column)]) for column in numbers]
        table.add_row(*(["*" if row["is_current"] else ""] if marks else []), *cells)
    print_table(table)


def _shown(column: str, value: object) -> str:
    if column == "bytes" and isinstance(value, int):
        return f"{value:,}"
    return printable(
        str(value)[:19] if column == "created_at" else str(value)[:12] if column == "sha256" else value, 2_000
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"

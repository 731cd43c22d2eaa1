"""``wasmverse query``: one SQL statement to a running server."""

from __future__ import annotations

import enum
import json
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.http_client import UrlOption, request
from wasmverse.cli.terminal import fail, print_table

CELL_MAX = 80


class OutputFormat(enum.StrEnum):
    """How a result is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    arrow = "arrow"


_ACCEPT = {
    OutputFormat.table: "application/json",
    OutputFormat.json: "application/json",
    OutputFormat.csv: "text/csv",
    OutputFormat.arrow: "application/vnd.apache.arrow.stream",
}


def query(
    sql: Annotated[
        str, typer.Argument(help="One SELECT statement, in DuckDB's dialect or MySQL's.", show_default=False)
    ],
    url: UrlOption = None,
    format_: Annotated[
        OutputFormat,
        typer.Option("--format", help="table for people; json, csv or an Arrow stream for programs."),
    ] = OutputFormat.table,
    turn: Annotated[
        int | None,
        typer.Option("--turn", help="Read this turn, if it is still kept.", show_default="the newest"),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="WASMVERSE_TOKEN", help="Your token, if the server wants one."),
    ] = None,
) -> None:
    """Ask a running universe in SQL.

    SHOW TABLES lists the relations, DESCRIBE entity the columns of one. Some examples:

    [bold]wasmverse query "select kind, count(*) from entity group by kind"[/bold]

    [bold]wasmverse query "select strategy, count(*) ships, max(energy) richest from entity where kind = 1
    group by strategy order by ships desc"[/bold]

    [bold]wasmverse query "select * from entity where sid = 7" --format csv > system7.csv[/bold]
    """
    if format_ is OutputFormat.arrow and sys.stdout.isatty():
        fail("an Arrow stream is not for a terminal; send it to a file with > result.arrow")
    path = "/api/v2/query/rows" if format_ is OutputFormat.json else "/api/v2/query/tuples"
    body: dict[str, Any] = {"sql": sql} if turn is None else {"sql": sql, "turn": turn}
    answer = request("POST", url, path, token=token, json=body, headers={"Accept": _ACCEPT[format_]})
    cut = answer.headers.get("Wasmverse-Truncated")
    if cut:
        print(f"wasmverse: the result was cut at the server's limit of {cut}", file=sys.stderr)
    if format_ is OutputFormat.table:
        _print_table(answer.json()["results"][0], answer.headers["Wasmverse-Turn"])
    elif format_ is OutputFormat.json:
        print(json.dumps(answer.json()["results"][0]["rows"], indent=1, ensure_ascii=False))
    else:
        sys.stdout.buffer.write(answer.content)


def _print_table(result: dict[str, Any], turn: str) -> None:
    table = Table(header_style="bold", caption=f"turn {int(turn):,}, {len(result['rows']):,} rows")
    for column in result["columns"]:
        is_number = any(word in column["dataType"] for word in ("INT", "DECIMAL", "DOUBLE", "FLOAT"))
        table.add_column(column["name"], justify="right" if is_number else "left", overflow="fold")
    for row in result["rows"]:
        table.add_row(*map(_cell, row))
    print_table(table)


def _cell(value: object) -> str:
    """A value on one line; escaped, because a name may contain control sequences of a terminal."""
    text = (
        "NULL"
        if value is None
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return escape(text[: CELL_MAX - 1] + "\N{HORIZONTAL ELLIPSIS}" if len(text) > CELL_MAX else text)

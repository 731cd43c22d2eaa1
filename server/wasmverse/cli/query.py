"""``wasmverse query``: one SQL statement to a running server."""

from __future__ import annotations

import enum
import json
import math
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.markup import escape
from rich.table import Table

from wasmverse.cli.http_client import TokenOption, UrlOption, connected
from wasmverse.cli.terminal import fail, print_table
from wasmverse.client import Format
from wasmverse.text import counted

ROWS_SHOWN = 1_000
"""Rows of a table without ``--all``: nobody reads more, and ten thousand take a terminal's table a quarter of a minute."""

CELL_MAX = 2_000
"""Characters of a cell: any reason is whole, and a module in a statement does not fill the screen."""


class OutputFormat(enum.StrEnum):
    """How a result is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    arrow = "arrow"


_SENT: dict[OutputFormat, Format] = {
    OutputFormat.table: "tuples",
    OutputFormat.json: "rows",
    OutputFormat.csv: "csv",
    OutputFormat.arrow: "arrow",
}


def query(
    sql: Annotated[
        str | None,
        typer.Argument(
            help="One SELECT statement, in DuckDB's dialect or MySQL's; - reads it from standard input.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Read the statement from this file; - is standard input."),
    ] = None,
    url: UrlOption = None,
    format_: Annotated[
        OutputFormat,
        typer.Option("--format", help="table for people; json, csv or an Arrow stream for programs."),
    ] = OutputFormat.table,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the result to this file.", show_default="the terminal"),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help=f"Show all rows of a table, not only the first {ROWS_SHOWN:,}.")
    ] = False,
    args: Annotated[
        list[str] | None,
        typer.Option(
            "--arg",
            metavar="VALUE",
            help="The value for a ?, once for each: JSON, and what is not JSON is a text. '\"7\"' is the text 7.",
            show_default=False,
        ),
    ] = None,
    turn: Annotated[
        int | None,
        typer.Option("--turn", help="Read this turn, if it is still kept.", show_default="the newest"),
    ] = None,
    token: TokenOption = None,
) -> None:
    """Ask a running universe in SQL.

    SHOW TABLES lists the relations, DESCRIBE entity the columns of one. Some examples:

    [bold]wasmverse query "select kind, count(*) from entity group by kind"[/bold]

    [bold]wasmverse query "select strategy, count(*) ships, max(energy) richest from entity where kind = 1
    group by strategy order by ships desc"[/bold]

    [bold]wasmverse query "select * from entity where sid = 7" --format csv -o system7.csv[/bold]

    [bold]wasmverse query "select * from entity where sid = ? and strategy = ?" --arg 7 --arg strategy_flee[/bold]

    [bold]wasmverse query -f richest.sql[/bold]
    """
    statement = _statement(sql, file)
    if output is not None and format_ is OutputFormat.table:
        fail("a table is for people; give --format csv, json or arrow with -o", status=2)
    if format_ is OutputFormat.arrow and output is None and sys.stdout.isatty():
        fail("an Arrow stream is not for a terminal; send it to a file with -o result.arrow")
    with connected(url, token) as universe:
        result = universe.query_raw(
            statement, list(map(_value, args or ())), turn=turn, format=_SENT[format_]
        )
    if result.truncated:
        print(f"wasmverse: the result was cut at the server's limit of {result.truncated}", file=sys.stderr)
    if format_ is OutputFormat.table:
        _print_table(result.json(), result.turn, is_whole=all_)
    elif format_ is OutputFormat.json:
        text = json.dumps(result.json()["rows"], indent=1, ensure_ascii=False)
        _write(f"{text}\n".encode(), output)
    else:
        _write(result.content, output)


def _statement(sql: str | None, file: Path | None) -> str:
    """The statement, from the one place where it was given."""
    if sql is not None and file is not None:
        fail("the statement is given twice; give it as an argument or with -f, not both", status=2)
    if sql is None and file is None:
        fail('no sql: give a statement, as in `wasmverse query "select 1"`, or a file with -f', status=2)
    try:
        if sql is not None and sql != "-":
            return sql
        if file is None or str(file) == "-":
            return sys.stdin.buffer.read().decode()
        return file.read_bytes().decode()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}; name a file with one statement")
    except UnicodeDecodeError:
        fail(f"{file or 'standard input'} is not UTF-8; a statement is a text")


def _value(text: str) -> Any:
    """The value of an argument: that of its JSON, or itself where it is none."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(word: str) -> None:
    """Of NaN and infinities, which Python reads and JSON does not have."""
    raise ValueError(word)


def _write(content: bytes, output: Path | None) -> None:
    """Write a result to a file, or to standard output, whose reader may leave before its end."""
    try:
        with nullcontext(sys.stdout.buffer) if output is None else output.open("wb") as target:
            _write_all(target, content)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more is written at exit
        raise typer.Exit(1) from None
    except OSError as error:
        fail(f"cannot write {output or 'the result'}: {error.strerror}; name another file with -o")


def _write_all(target: BinaryIO, content: bytes) -> None:
    target.write(content)
    target.flush()


def _print_table(result: dict[str, Any], turn: int, *, is_whole: bool) -> None:
    """The first rows in a frame; with ``is_whole`` more than those without one, as a frame would take seconds to lay out."""
    columns, rows = result["columns"], result["rows"]
    said = f"turn {turn:,}, {counted(len(rows), 'row')}"
    are_numbers = [any(word in column["dataType"] for word in _NUMBERS) for column in columns]
    if is_whole and len(rows) > ROWS_SHOWN:
        _print_plain([_plain(column["name"]) for column in columns], are_numbers, rows)
        print(said)
        return
    left = len(rows) - ROWS_SHOWN
    table = Table(header_style="bold", caption=said)
    for column, is_number in zip(columns, are_numbers, strict=True):
        table.add_column(
            escape(_plain(column["name"])), justify="right" if is_number else "left", overflow="fold"
        )
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*(escape(_plain(value)) for value in row))
    print_table(table)
    if left > 0:
        print(
            f"wasmverse: {counted(left, 'more row')}; --all shows them, --format csv -o FILE writes them to a file",
            file=sys.stderr,
        )


def _print_plain(names: list[str], are_numbers: list[bool], rows: list[list[object]]) -> None:
    """A line for each row, in columns as wide as their widest cell."""
    texts = [names, *([_plain(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    texts.insert(1, ["-" * width for width in widths])
    for line in texts:
        cells = (
            text.rjust(width) if is_number else text.ljust(width)
            for text, width, is_number in zip(line, widths, are_numbers, strict=True)
        )
        print("  ".join(cells).rstrip())


_NUMBERS = ("INT", "DECIMAL", "DOUBLE", "FLOAT")


def _rounded(value: float) -> float | int:
    """A float with six significant digits, which is what a reader of a table compares; whole from a million on."""
    if not math.isfinite(value) or abs(value) >= 2**53:
        return value
    return round(value) if abs(value) >= 1e6 else float(f"{value:.6g}")


def _plain(value: object) -> str:
    """A value on one line, without characters that a terminal would obey: a name may contain some."""
    value = _rounded(value) if isinstance(value, float) else value
    text = (
        "NULL"
        if value is None
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
    if len(text) > CELL_MAX:
        text = text[: CELL_MAX - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)

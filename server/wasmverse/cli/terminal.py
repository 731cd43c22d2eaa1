"""What commands print: an error as one line, and tables."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.table import Table

from wasmverse.text import printable

WIDTH_MAX = 4_000
MESSAGE_MAX = 4_000


def fail(message: str, status: int = 1) -> NoReturn:
    """End with one line on standard error and an exit status."""
    print(f"wasmverse: {printable(' '.join(message.split()), MESSAGE_MAX)}", file=sys.stderr)
    raise typer.Exit(status)


def step_console() -> Console:
    """Where a command that takes a while says what it does: standard error, plain lines."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Print a table to standard output; where that is no terminal, as wide as needed, so that each row is one line for grep."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_MAX)
    console.print(table)

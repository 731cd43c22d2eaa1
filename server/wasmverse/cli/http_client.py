"""The client with which commands talk to a server: their options, and what went wrong as one line and an exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
import typer

from wasmverse.cli.terminal import fail
from wasmverse.client import Universe
from wasmverse.errors import ServerError, SettingsError
from wasmverse.running import server_url


def server_of(url: str | None) -> str:
    """The server that was named, or else the one that runs here."""
    try:
        return url or server_url()
    except SettingsError as error:
        fail(error.message, status=2)


UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="WASMVERSE_URL",
        help="The server, as its greeting prints it. \\[default: the one that runs here]",
        show_default=False,
    ),
]

TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="WASMVERSE_TOKEN",
        help="Your token for the server, also that of --url; not needed on this machine.",
    ),
]


@contextmanager
def connected(url: str | None, token: str | None) -> Iterator[Universe]:
    """A client of the server that was named, or else of the one that runs here.

    When the server cannot be reached, or refuses what the block asks of it, the program ends with its message.
    """
    try:
        with Universe(server_of(url), token=token) as universe:
            yield universe
    except ServerError as error:
        fail(error.message)


def request(
    method: str, url: str | None, path: str, *, token: str | None = None, **options: Any
) -> httpx.Response:
    """The server's answer to any request; ends the program as `connected`."""
    with connected(url, token) as universe:
        return universe.request(method, path, **options)

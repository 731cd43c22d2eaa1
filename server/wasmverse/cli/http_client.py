"""One request to a server, for the commands that talk to one."""

from __future__ import annotations

from typing import Annotated

import httpx
import typer

from wasmverse.cli.terminal import fail
from wasmverse.errors import SettingsError
from wasmverse.running import DEFAULT_URL, server_url

SECONDS_MAX = 60.0


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
    typer.Option("--token", envvar="WASMVERSE_TOKEN", help="Your token; not needed on this machine."),
]


def request(
    method: str, url: str | None, path: str, *, token: str | None = None, **options: object
) -> httpx.Response:
    """The server's answer; ends the program with the server's message when it refuses.

    Without ``url`` it is asked of the server that runs here.
    """
    url = server_of(url)
    headers = dict(options.pop("headers", None) or {})  # type: ignore[call-overload]
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with httpx.Client(base_url=url, timeout=SECONDS_MAX, trust_env=False) as client:
            answer = client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        fail(f"{url} is not the address of a server; give one such as {DEFAULT_URL}")
    except httpx.ConnectError:
        fail(f"nothing answers at {url}; start it with `wasmverse serve`, or name another server with --url")
    except httpx.HTTPError as error:
        fail(f"{url} did not answer: {error or type(error).__name__}")
    if answer.is_error:
        fail(_reason(answer))
    return answer


def _reason(answer: httpx.Response) -> str:
    """What a refusal says: the data API's line, or the message of an error in JSON."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        error = answer.json().get("error", {})
        if isinstance(error, dict) and "message" in error:
            return str(error["message"])
    return answer.text or f"HTTP status {answer.status_code}"

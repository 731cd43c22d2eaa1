"""What is sent for each thing that a client may ask, and what the answer means; nothing here opens a connection."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from wasmverse.client.answers import Answer, Checked, Done, Format, Pushed, Raw, Removed, RolledBack, Strategy
from wasmverse.errors import (
    ServerBusy,
    ServerDenied,
    ServerError,
    ServerFailed,
    ServerRefused,
    ServerUnreachable,
    SettingsError,
)
from wasmverse.running import DEFAULT_URL, server_url

SECONDS_MAX = 60.0
"""How long an answer is waited for."""

_ACCEPT: dict[Format, str] = {
    "rows": "application/json",
    "tuples": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}
_WASM = {"Content-Type": "application/wasm"}

T = TypeVar("T")
Module = bytes | str | Path
"""A module: its bytes, or the path of its file."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request; ``read`` makes of its answer what the caller wants. ``options`` are those of `httpx.Client.request`."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    options: dict[str, Any] = field(default_factory=dict)


def server_of(url: str | None, token: str | None) -> tuple[str, str | None]:
    """The address of the server that was named, and the token for it.

    Without a name both come from the environment (``WASMVERSE_URL``, ``WASMVERSE_TOKEN``), or it is the server that runs here.
    A token of the environment is sent to no other server than that; a command of the command line takes it as its ``--token``,
    and gives it to the server of its ``--url``.

    Raises
    ------
    SettingsError : none was named, and several run here.
    """
    if not url:
        url, token = (
            os.environ.get("WASMVERSE_URL") or server_url(),
            token or os.environ.get("WASMVERSE_TOKEN"),
        )
    return url.rstrip("/"), token


def options_of(url: str, token: str | None, seconds_max: float) -> dict[str, Any]:
    """The options of the httpx client that talks to a server."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # Proxies and certificates of the environment are for the web: a token must not be sent to whom a variable names.
    return {"base_url": url, "timeout": seconds_max, "trust_env": False, "headers": headers}


def values_of(args: Sequence[Any] | None) -> list[Any]:
    """The values for the ``?`` of a statement; raises TypeError where they are no list."""
    if isinstance(args, str | bytes | Mapping) or not isinstance(args, Iterable | None):
        raise TypeError(f"args is {reprlib.repr(args)}; give a list with one value for each '?', as in [7]")
    return [] if args is None else list(args)


def query(sql: str, args: Sequence[Any] | None, turn: int | None, format: Format) -> Request[Raw]:
    """A SELECT, its answer as the server wrote it.

    Raises
    ------
    ValueError : there is no such format.
    TypeError : ``args`` is no list.
    """
    if format not in tuple(_ACCEPT):
        raise ValueError(f"format is {reprlib.repr(format)}; give one of {', '.join(_ACCEPT)}")
    body: dict[str, Any] = {"sql": sql}
    if values := values_of(args):
        body["args"] = values
    if turn is not None:
        body["turn"] = turn
    path = f"/api/v2/query/{'rows' if format == 'rows' else 'tuples'}"
    accepted = _ACCEPT[format]

    def read(response: httpx.Response) -> Raw:
        found = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if found != accepted:
            raise ServerFailed(
                f"{response.url} answered {found[:60]!r} where {accepted} was asked for; "
                "give the address of a server of Wasmverse, and send commands with exec",
                status=response.status_code,
            )
        return _raw(response)

    return Request("POST", path, read, {"json": body, "headers": {"Accept": accepted}})


def _raw(response: httpx.Response) -> Raw:
    headers = response.headers
    return Raw(response.content, int(headers["Wasmverse-Turn"]), headers.get("Wasmverse-Truncated"))


def answer_of(raw: Raw) -> Answer:
    """The rows of a result in the format "arrow"."""
    return Answer(raw.content, raw.turn, raw.truncated)


def execute(sql: str, args: Sequence[Any] | None) -> Request[Done]:
    """A command."""

    def read(response: httpx.Response) -> Done:
        found = response.json()
        if "results" in found:
            raise ServerRefused(
                "exec carries out commands, and this statement asks for rows, as SHOW does; send it with query",
                status=response.status_code,
            )
        return Done(found["lastInsertId"], found["rowsAffected"], int(response.headers["Wasmverse-Turn"]))

    return Request("POST", "/api/v2/exec", read, {"json": {"sql": sql, "args": values_of(args)}})


def strategies() -> Request[list[Strategy]]:
    """The list of strategies."""
    return Request("GET", "/api/v1/strategies", lambda response: list(_strategies(response.json())))


def push(module: Module, name: str, budget_fuel: int | None) -> Request[Pushed]:
    """An upload."""

    def read(response: httpx.Response) -> Pushed:
        found = response.json()
        return Pushed(_strategies(found), found["turn"])

    return Request("PUT", _path(name), read, _upload(module, budget_fuel))


def rollback(name: str, to: str | None) -> Request[RolledBack]:
    """The upload of an earlier version."""

    def read(response: httpx.Response) -> RolledBack:
        found = response.json()
        [strategy] = _strategies(found)
        return RolledBack(strategy, found["restored_version"], found["turn"])

    return Request("POST", f"{_path(name)}/rollback", read, {"params": {} if to is None else {"to": to}})


def check(module: Module, name: str, budget_fuel: int | None) -> Request[Checked]:
    """An upload that is checked, and not stored."""
    return Request("POST", f"{_path(name)}/check", httpx.Response.json, _upload(module, budget_fuel))


def remove(names: Sequence[str]) -> Request[Removed]:
    """The removal of strategies."""

    def read(response: httpx.Response) -> Removed:
        found = response.json()
        return Removed(tuple(found["names"]), found["turn"])

    return Request("DELETE", "/api/v1/strategies", read, {"params": [("name", name) for name in names]})


def _path(name: str) -> str:
    return f"/api/v1/strategies/{quote(name, safe='')}"


def _upload(module: Module, budget_fuel: int | None) -> dict[str, Any]:
    params = {} if budget_fuel is None else {"budget_fuel": budget_fuel}
    return {"content": bytes_of(module), "params": params, "headers": _WASM}


def _strategies(found: Mapping[str, Any]) -> tuple[Strategy, ...]:
    return tuple(map(Strategy.of, found["strategies"]))


def bytes_of(module: Module) -> bytes:
    """The bytes of a module; raises SettingsError when its file cannot be read."""
    if isinstance(module, bytes):
        return module
    try:
        return Path(module).read_bytes()
    except OSError as error:
        raise SettingsError(f"{module} cannot be read: {error.strerror}") from error


# ---- what went wrong


def unanswered(url: str, error: Exception) -> ServerError:
    """The error for a request that was not answered; ``error`` is one of httpx, of websockets, or of the system."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return ServerUnreachable(f"{url} is not the address of a server; give one such as {DEFAULT_URL}")
    if isinstance(error, httpx.ConnectError | ConnectionError):
        return ServerUnreachable(
            f"nothing answers at {url}; start it with `wasmverse serve`, or name another server with --url"
        )
    return ServerUnreachable(f"{url} did not answer: {error or type(error).__name__}")


def outcome(request: Request[T], response: httpx.Response) -> T:
    """What the caller wanted.

    Raises
    ------
    ServerError : the answer is a refusal, or not one of a server of Wasmverse.
    """
    try:
        if response.is_error:
            raise refusal(response)
        return request.read(response)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ServerFailed(
            f"{response.url} is not answered as a server of Wasmverse does; give the address that its greeting prints",
            status=response.status_code,
        ) from error


def refusal(response: httpx.Response) -> ServerError:
    """The error for an answer that is one, in the server's words."""
    text, code = response.text or f"HTTP status {response.status_code}", None
    if response.headers.get("content-type", "").startswith("application/json"):
        error = response.json().get("error", {})
        if isinstance(error, dict) and "message" in error:
            text, code = str(error["message"]), error.get("code")
    elif text.startswith("Error "):
        number = text[6:].partition(":")[0]
        code = int(number) if number.isdecimal() else None
    made = error_of(response.status_code, text, code)
    after = response.headers.get("Retry-After", "")
    if isinstance(made, ServerBusy) and after.isdecimal():
        made.retry_seconds = float(after)
    return made


def error_of(status: int, message: str, code: int | None) -> ServerError:
    """The error for a status of HTTP."""
    kind: type[ServerError] = ServerRefused
    if status in {401, 403}:
        kind = ServerDenied
    elif status in {429, 503}:
        kind = ServerBusy
    elif status >= 500:
        kind = ServerFailed
    return kind(message, code=code, status=status)

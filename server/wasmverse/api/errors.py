"""How errors look over HTTP: a status for each, and one shape for each protocol.

The data API answers a bare line, ``Error 1146: Table 'game.bad' doesn't exist``; everything else answers
``{"error":{"code":1146,"message":"..."}}``, and of a refused module also ``place`` if it has one. Both carry MySQL's number.
Internals are never shown: an exception that was not raised on purpose is logged, and answered as an internal error.
"""

from __future__ import annotations

import logging
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from wasmverse.api.http.methods import methods_at
from wasmverse.errors import (
    CommandError,
    FunctionError,
    FunctionLimit,
    FunctionTaken,
    FunctionUnknown,
    ModuleRefused,
    QueryError,
    QueryOverload,
    QueryTimeout,
    SettingsError,
    StrategyError,
    StrategyLimit,
    StrategyTaken,
    StrategyUnknown,
    UniverseSilent,
    UniverseUnavailable,
    WasmverseError,
)
from wasmverse.text import printable

log = logging.getLogger(__name__)

_STATUSES: tuple[tuple[type[WasmverseError], int], ...] = (
    (QueryTimeout, 408),
    (QueryOverload, 503),
    (UniverseSilent, 504),
    (UniverseUnavailable, 503),
    (QueryError, 400),
    (FunctionUnknown, 404),
    (FunctionTaken, 409),
    (FunctionLimit, 409),
    (FunctionError, 400),
    (StrategyUnknown, 404),
    (StrategyTaken, 409),
    (StrategyLimit, 409),
    (StrategyError, 400),
    (ModuleRefused, 422),
    (CommandError, 400),
)
_STATUS_OF_CODE = {1142: 403, 2013: 500}
_CODE_OF_STATUS = {401: 1045, 403: 1142, 404: 1105, 405: 1105, 408: 3024, 413: 1153, 429: 1226}
RETRY_SECONDS = 1
INTERNAL = "Internal error; the server's log has the details"


class HttpError(WasmverseError):
    """An error of the protocol itself, which knows its status; only the gateway raises it."""

    def __init__(
        self, status: int, message: str, code: int | None = None, retry_seconds: int = RETRY_SECONDS
    ) -> None:
        super().__init__(message, code=code or _CODE_OF_STATUS.get(status, 1105))
        self.status = status
        self.retry_seconds = retry_seconds


def status_of(error: WasmverseError) -> int:
    """The HTTP status that an error is answered with."""
    if isinstance(error, HttpError):
        return error.status
    if isinstance(error, QueryError) and error.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[error.code]
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def for_client(error: WasmverseError) -> WasmverseError:
    """What a client is told of ``error``: all of it, unless the operator must mend it; then it is in the log."""
    if not isinstance(error, SettingsError):
        return error
    log.error("%s", printable(error.message, 1_000))
    return HttpError(500, INTERNAL)


def note_refusal(scope: Scope, error: WasmverseError) -> None:
    """Log that somebody is not known, may not, asks too often, or that a command is refused; not what is wrong in a query."""
    status = status_of(error)
    method, path = scope.get("method", "GET"), scope["path"]
    is_command = method not in {"GET", "HEAD", "OPTIONS"} and "/query/" not in path
    event = {401: "unauthorized", 429: "rate limit"}.get(status)
    if event is None and (status == 403 or is_command):
        event = "refusal"
    if event is None:
        return
    if (app := scope.get("app")) is not None:
        app.state.gateway.metrics.refusals.labels(event.replace(" ", "_")).inc()
    client = scope.get("client")
    address = client[0] if client else "-"
    log.info(
        "%s %s from %s: %d %s",
        *(printable(method), printable(path), address, status, error.message),
        extra={
            "event": event,
            "address": address,
            "method": printable(method),
            "path": printable(path),
            "status": status,
            "code": error.code,
            "reason": error.message,
        },
    )


def is_data_api(path: str) -> bool:
    """Whether a path speaks the data API's wire format."""
    return path.startswith("/api/") and (
        path.endswith(("/exec", "/v1/query", "/v2/query")) or "/query/" in path
    )


def error_response(path: str, error: WasmverseError) -> Response:
    """The answer to a request for ``path`` that met ``error``."""
    status = status_of(error)
    headers = {}
    if status in {429, 503, 504}:
        headers["Retry-After"] = str(getattr(error, "retry_seconds", RETRY_SECONDS))
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="wasmverse"'
    if is_data_api(path):
        return PlainTextResponse(f"Error {error.code}: {error.message}", status, headers)
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if isinstance(error, ModuleRefused) and error.place is not None:
        told["place"] = error.place.plain()
    body = orjson.dumps({"error": told})
    return Response(body, status, headers, "application/json")


def add_error_handlers(app: FastAPI) -> None:
    """Make every error leave the app in its protocol's shape."""

    async def on_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, WasmverseError)
        note_refusal(request.scope, error)
        return error_response(request.scope["path"], for_client(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path, method = printable(request.scope["path"]), printable(request.method)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # A path may have several routes, each with a method of its own.
            methods = methods_at(app.routes, request.scope) or ["GET", "HEAD"]
            headers["Allow"] = ", ".join(methods)
        texts = {
            404: f"There is nothing at {path}; /api/v2/spec lists what there is",
            405: f"{path} is not for {method}; send {headers.get('Allow')}",
        }
        message = texts.get(error.status_code, f"{error.detail}: {method} {path}")
        response = error_response(request.scope["path"], HttpError(error.status_code, message))
        response.headers.update(headers)
        return response

    async def on_bug(request: Request, error: Exception) -> Response:
        log.exception(
            "%s %s failed", printable(request.method), printable(request.scope["path"]), exc_info=error
        )
        return error_response(request.scope["path"], HttpError(500, INTERNAL))

    app.add_exception_handler(WasmverseError, on_error)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_bug)

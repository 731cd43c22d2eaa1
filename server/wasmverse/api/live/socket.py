"""The WebSocket of live queries: admits watchers, receives what they ask, sends what waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from wasmverse.api.body import query_of
from wasmverse.api.client import client_of
from wasmverse.api.errors import HttpError, error_response, for_client, note_refusal, status_of
from wasmverse.api.gateway import gateway_of
from wasmverse.api.http.address import counted_address
from wasmverse.api.http.connections import connection_of
from wasmverse.api.live.messages import LongResult, error_text
from wasmverse.api.live.queries import LiveQueries
from wasmverse.api.live.revocation import POLICY_VIOLATION
from wasmverse.api.live.watch import Watcher
from wasmverse.errors import WasmverseError
from wasmverse.query.budget import SMALL_BYTES
from wasmverse.tokens import Identity, Role

TRY_AGAIN_LATER = 1013

REFUSALS_MAX = 100
"""Messages over the rate limit, each within a second of the one before, after which a connection is ended; each gets an
error."""

UNSENT_LOOK_SECONDS = 0.05
"""How often to check whether a long message has been sent."""

live_router = APIRouter()


@live_router.get("/api/v1/live", include_in_schema=False)
async def no_socket(request: Request) -> Response:
    """Tell who comes without asking for a WebSocket what this is."""
    path = request.scope["path"]
    error = HttpError(
        426, f"{path} is a WebSocket; open it with a client of WebSockets, as ws://.../api/v1/live"
    )
    response = error_response(path, error)
    response.headers.update({"Upgrade": "websocket", "Connection": "Upgrade"})
    return response


@live_router.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    """Serve one watcher until it leaves."""
    queries: LiveQueries = socket.app.state.live
    address = counted_address(socket.client.host if socket.client else "")
    try:
        await socket.accept()
        identity, recheck = await _admit(socket, gateway_of(socket).settings.body_seconds_max)
    except WebSocketDisconnect:
        return
    except WasmverseError as error:
        await _turn_away(socket, error, TRY_AGAIN_LATER if status_of(error) == 429 else POLICY_VIOLATION)
        return
    try:
        queries.enter(address)
    except HttpError as full:
        await _turn_away(socket, full, TRY_AGAIN_LATER)
        return
    watcher = Watcher(queries.metrics, recheck, client_of(socket, identity))
    queries.revocation.guard(watcher)
    sending = asyncio.create_task(_send(socket, watcher, queries))
    try:
        await _listen(socket, watcher, queries)
    except WebSocketDisconnect:
        pass
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        queries.leave(address, watcher)


async def _turn_away(socket: WebSocket, error: WasmverseError, code: int) -> None:
    note_refusal(socket.scope, error)
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it left first
        await socket.send_text(error_text(None, for_client(error)))
        await socket.close(code)


async def _admit(socket: WebSocket, seconds_max: float) -> tuple[Identity, Callable[[], object] | None]:
    """Let in who may ask. A page cannot set headers here: its token may be the first message, ``{"token":"..."}``.

    Returns who it is, and what asks again whether its token still holds; None when there is none.

    Raises
    ------
    HttpError : the token is missing or unknown.
    WebSocketDisconnect : it left first.
    """
    gateway = gateway_of(socket)
    try:
        identity = gateway.may_ask(socket)
        if "authorization" not in socket.headers:
            return identity, None
        return identity, lambda: gateway.access.require(socket, Role.reader)
    except HttpError as error:
        if error.status != 401 or "authorization" in socket.headers:
            raise
        try:
            async with asyncio.timeout(seconds_max):
                value = orjson.loads(await socket.receive_text())
        except (TimeoutError, KeyError, orjson.JSONDecodeError):
            raise error from None
        token = value.get("token") if isinstance(value, dict) else None
        if not isinstance(token, str) or not token:
            raise
        identity = gateway.may_ask(socket, token)
        return identity, lambda: gateway.access.require(socket, Role.reader, token)


async def _listen(socket: WebSocket, watcher: Watcher, queries: LiveQueries) -> None:
    limit = queries.settings.watches_max
    gateway = gateway_of(socket)
    connection = connection_of(socket.scope)
    refusals, refused_at = 0, 0.0
    while True:
        await watcher.drain(2 * limit)
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        queries.revocation.look()
        if watcher.end_code:
            continue
        try:
            gateway.queries.spend(socket)
        except HttpError as error:
            note_refusal(socket.scope, error)
            now = time.monotonic()
            refusals, refused_at = (refusals + 1 if now - refused_at < 1 else 1), now
            if refusals < REFUSALS_MAX:
                watcher.refuse(-1, error)
            else:
                watcher.end(POLICY_VIOLATION, error)
            continue
        try:
            value = orjson.loads(message.get("text") or message.get("bytes") or b"")
        except orjson.JSONDecodeError as error:
            bad = HttpError(400, f'The message is not JSON ({error}); send {{"id":1,"sql":"select 1"}}', 1064)
            watcher.refuse(-1, bad)
            continue
        if isinstance(value, dict) and value.keys() == {"token"}:
            continue  # from a page that did not know that no token is needed
        identity = value.get("id") if isinstance(value, dict) else None
        if not isinstance(identity, int) or isinstance(identity, bool) or not 0 <= identity < 2**53:
            bad = HttpError(
                400, "A message is an object whose 'id' is a whole number from 0 to 2^53 - 1", 1064
            )
            watcher.refuse(-1, bad)
            continue
        try:
            await _carry_out(value, identity, watcher, queries)
        except WasmverseError as error:
            watcher.refuse(identity, error)
        if connection is not None:
            connection.note_live(bool(watcher.watches))


async def _carry_out(value: dict[str, Any], identity: int, watcher: Watcher, queries: LiveQueries) -> None:
    if value.get("unsubscribe"):
        if not queries.unsubscribe(watcher, identity):
            raise HttpError(400, f"There is no live query with id {identity} on this connection", 1243)
        return
    query = query_of(value, "live")
    if query.turn is not None:
        raise HttpError(
            400, "A live query follows the turns; leave 'turn' and AS OF TURN out, or use query/tuples", 1210
        )
    form = value.get("format", "json")
    if form not in ("json", "arrow"):
        raise HttpError(400, '\'format\' must be "json" or "arrow"', 1210)
    queries.subscribe(watcher, identity, replace(query, format="arrow") if form == "arrow" else query)


def _unsent_bytes(socket: WebSocket) -> int:
    connection = connection_of(socket.scope)
    return 0 if connection is None else connection.unsent_bytes()


async def _send(socket: WebSocket, watcher: Watcher, queries: LiveQueries) -> None:
    """Send the messages that wait; closes the connection of a client that takes none for too long."""
    seconds_max = gateway_of(socket).settings.send_seconds_max
    try:
        while True:
            await watcher.wakes.wait()
            watcher.wakes.clear()
            while watcher.waiting:
                identity, payload = watcher.next_message()
                async with asyncio.timeout(seconds_max):
                    message = payload.message(identity) if isinstance(payload, LongResult) else payload
                    if isinstance(message, str):
                        await socket.send_text(message)
                    else:
                        await socket.send_bytes(message)
                    del message
                    # A long one keeps its room until it has been sent.
                    while isinstance(payload, LongResult) and _unsent_bytes(socket) > SMALL_BYTES:
                        await asyncio.sleep(UNSENT_LOOK_SECONDS)
                del payload
                queries.metrics.live_sent.inc()
            if watcher.end_code:
                async with asyncio.timeout(seconds_max):
                    await socket.close(watcher.end_code)
                return
    except TimeoutError:
        # A close frame would wait like all else that is sent.
        connection = connection_of(socket.scope)
        if connection is not None:
            connection.abort()
    finally:
        watcher.give_up(POLICY_VIOLATION)

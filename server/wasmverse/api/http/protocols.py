"""uvicorn's HTTP/1.1 and WebSocket protocols, with limits of time and number, which do not log what clients send."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame

from wasmverse.api.http.connections import SCOPE_KEY, Connections, Kind

HEADERS_MAX = 100
LINE_BYTES_MAX = 8_000
"""Longest request line of a handshake, and longest header of it, in bytes."""
FRAGMENTS_MAX = 1_024
"""Frames of one WebSocket message."""

_TIMEOUT = (408, "Request Timeout", "The request did not arrive in time; send it faster")
_CROWDED = (503, "Service Unavailable", "Too many connections; try again in a moment")
_BAD = (400, "Bad Request", "Invalid HTTP request received.")


class JoinedWrites:
    """A transport that keeps an answer's head until its body comes, or until the event loop is idle. Two writes would wake the
    client twice and cost another system call: 0.07 ms of the 0.6 ms that the gateway spends on a query.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.whole = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write, together with what was kept."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/"):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self.whole.write(data)

    def close(self) -> None:
        """Write what was kept, and close."""
        self._flush()
        self.whole.close()

    def _flush(self) -> None:
        if self._head and not self.whole.is_closing():
            self.write(b"")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)


class _Registered:
    """What both protocols have: their place in the registry, and a scope in which the app finds them.

    Before one of uvicorn's protocols among the bases: all but ``registry`` is for that.
    """

    config: Config

    def __init__(self, registry: Connections, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = self._enter
        self.address = ""
        self._registry = registry
        self._closing_since: float | None = None

    async def _enter(self, scope: Any, receive: Any, send: Any) -> None:
        scope[SCOPE_KEY] = self
        await self.config.loaded_app(scope, receive, send)


class HttpProtocol(_Registered, H11Protocol):
    """HTTP/1.1 on one connection.

    ``since`` is when its request began to arrive, or when it began to wait for one.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.kind = Kind.head
        self.since = 0.0
        self._has_begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Have the connection counted, or refused."""
        super().connection_made(cast(Any, JoinedWrites(transport, self.loop)))
        self.since = self.loop.time()
        self.address = self._registry.address_of(self.client[0] if self.client else "")
        if not self._registry.admit(self):
            self._answer_and_close(*_CROWDED)

    def connection_lost(self, exc: Exception | None) -> None:
        """Be counted no more."""
        self._registry.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note when a request begins, and what the connection waits for from then on."""
        if self.transport.is_closing():
            return
        if not self._has_begun and (self.cycle is None or self.cycle.response_complete):
            self._has_begun = True
            self.since = self.loop.time()
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.since = self.loop.time()
        self._has_begun = False
        super().on_response_complete()  # a pipelined request may begin here
        self._note()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Pass the connection on to the WebSocket's protocol, if this is a handshake that it can read."""
        names = {name for name, _ in self.headers}
        if (
            event.method != b"GET"
            or event.http_version != b"1.1"
            or len(event.target) > LINE_BYTES_MAX
            or len(self.headers) > HEADERS_MAX
            or any(len(name) + len(value) > LINE_BYTES_MAX for name, value in self.headers)
            or b"transfer-encoding" in names
            or b"content-length" in names
        ):
            self._answer_and_close(*_BAD)
            return
        self.transport = cast(Any, self.transport).whole
        super().handle_websocket_upgrade(event)
        protocol = self.transport.get_protocol()
        if isinstance(protocol, SocketProtocol):
            self._registry.replace(self, protocol)
            protocol.begin(bytes(self.conn.trailing_data[0]))

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, in whatever state the connection is."""
        self._answer_and_close(400, "Bad Request", msg)

    def make_way(self) -> None:
        """Close for a new connection; a client that is sending a request is told."""
        if self._has_begun:
            self._answer_and_close(*_CROWDED)
        else:
            self.transport.close()

    def check_time(self, now: float) -> None:
        """Close the connection if it has waited for the client too long."""
        settings = self._registry.settings
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > settings.send_seconds_max:
                self.transport.abort()
            return
        age = now - self.since
        if self.cycle is not None and not self.cycle.response_complete:
            if age > settings.request_seconds_max:
                self.abort()
            return
        # A body that no route reads is treated like a head that does not end.
        is_arriving = (
            self._has_begun or self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])
        )
        if is_arriving and age > settings.head_seconds_max:
            self._answer_and_close(*_TIMEOUT)
        elif age > (settings.head_seconds_max if self.kind is Kind.head else settings.idle_seconds_max):
            self.transport.close()

    def unsent_bytes(self) -> int:
        """What waits here for the client to take it."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """End the connection and what is being answered on it."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None:
            cycle.disconnected = True
        self.transport.abort()

    def note_live(self, is_live: bool) -> None:
        """There are no live queries over HTTP."""

    def _note(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None:
            return
        if cycle.response_complete:
            kind = Kind.head if self._has_begun else Kind.kept
        else:
            kind = Kind.body if cycle.more_body else Kind.busy
        if kind is not self.kind:
            self._registry.move(self, kind)

    def _answer_and_close(self, status: int, reason: str, text: str) -> None:
        """Write an answer without h11, whose state may not allow one. Within another answer, only close."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started:
                self.abort()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = text.encode()
        head = (
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class SocketProtocol(_Registered, WebSocketsSansIOProtocol):
    """WebSocket on one connection. Reading pauses until the handshake is answered, and while the client does not read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.kind = Kind.socket
        self.since = self.loop.time()
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        super().connection_made(transport)
        self.address = self._registry.address_of(self.client[0] if self.client else "")

    def begin(self, early: bytes) -> None:
        """Wait for the answer to the handshake; ``early`` is what the client sent after the handshake without waiting."""
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()
        elif not self.handshake_complete:
            self._early = early
            self.read_paused = True
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Be counted no more."""
        self._registry.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read frames until the end."""
        if not self.transport.is_closing():
            super().data_received(data)

    async def send(self, message: Any) -> None:
        """Send, and after the answer to the handshake begin to read."""
        was_complete = self.handshake_complete
        if self.transport.is_closing() and not was_complete:
            self.handshake_complete = True  # the client has left
            return
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # the handshake was refused
            return
        if self.handshake_complete and not was_complete and not self.transport.is_closing():
            self.read_paused = False
            early, self._early = self._early, b""
            if early:
                self.data_received(early)
            self._go_on_reading()

    async def receive(self) -> Any:
        """The next message; reading is resumed when none waits."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty() and self.handshake_complete:
            self.read_paused = False
            self._go_on_reading()
        return message

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read: each of its pings would need a pong in memory."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again: resume."""
        super().resume_writing()
        self._go_on_reading()

    def handle_cont(self, event: Frame) -> None:
        """Collect a fragment; their number is limited too, as empty ones cost their sender nothing."""
        if len(self.frames) >= FRAGMENTS_MAX:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"more than {FRAGMENTS_MAX} fragments")
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; text that is not UTF-8 ends the connection, without a line in the log."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self._fail(CloseCode.INVALID_DATA, "invalid UTF-8")
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """End after a frame that breaks the protocol."""
        if self.conn.close_sent is not None:
            super().handle_parser_exception()
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.PROTOCOL_ERROR})
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    def make_way(self) -> None:
        """Close for a new connection."""
        self._fail(CloseCode.TRY_AGAIN_LATER, "too many connections")

    def check_time(self, now: float) -> None:
        """End a handshake or a close that takes too long."""
        settings = self._registry.settings
        if self.transport.is_closing() or self.close_sent:
            self._closing_since = self._closing_since or now
            if now - self._closing_since > settings.send_seconds_max:
                self.abort()
        elif not self.handshake_complete and now - self.since > settings.head_seconds_max:
            self.abort()

    def note_live(self, is_live: bool) -> None:
        """Whether there is a live query on it."""
        self._registry.move(self, Kind.live if is_live else Kind.socket)

    def unsent_bytes(self) -> int:
        """What waits here for the client to take it."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """End the connection; what waits to be sent is dropped."""
        self.transport.abort()

    def _go_on_reading(self) -> None:
        if not self.read_paused and self.writable.is_set():
            self.transport.resume_reading()

    def _fail(self, code: CloseCode, reason: str) -> None:
        if self.transport.is_closing() or self.close_sent:
            return
        try:
            self.conn.fail(code, reason)
        except (InvalidState, AssertionError):
            self.abort()
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": int(code), "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()


def connection_protocols(registry: Connections) -> tuple[Any, Any]:
    """The protocol classes that uvicorn instantiates for each connection: HTTP and WebSocket."""

    def http(*arguments: Any, **options: Any) -> HttpProtocol:
        return HttpProtocol(registry, *arguments, **options)

    def socket(*arguments: Any, **options: Any) -> SocketProtocol:
        return SocketProtocol(registry, *arguments, **options)

    return cast(Any, http), cast(Any, socket)

"""uvicorn with the limits of the settings."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from wasmverse.api.http.connections import Connections
from wasmverse.api.http.origin import ProxyRule
from wasmverse.api.http.protocols import connection_protocols
from wasmverse.settings import GatewaySettings

SHUTDOWN_SECONDS = 3
MESSAGE_BYTES_MAX = 1 << 20
MESSAGES_MAX = 16


class Server(uvicorn.Server):
    """uvicorn, which leaves signals to its caller, with limits on the time and the number of connections."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self.connections = connections

    async def on_tick(self, counter: int) -> bool:
        """Once a second, close connections that are past a limit of time."""
        if counter % 10 == 0:
            self.connections.check_times(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


def make_server(app: FastAPI, settings: GatewaySettings, listening: socket.socket) -> Server:
    """The server for ``app``, to be run with ``await server.serve(sockets=[listening])``.

    Connections made through ``listening`` are ended by the kernel when their client takes nothing for
    ``send_seconds_max``; no timeout of ours can do that once the data is in the socket's queue.
    """
    if sys.platform == "linux" and listening.family in {socket.AF_INET, socket.AF_INET6}:
        milliseconds = int(settings.send_seconds_max * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    connections = Connections(settings, ProxyRule(settings).is_named)
    http, websocket = connection_protocols(connections)
    config = uvicorn.Config(
        app,
        # Based on h11: httptools would take a third less time, but accepts headers of any length.
        http=http,
        ws=websocket,
        # Compressing costs 300 kB a watcher, and results are small.
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_max_queue=MESSAGES_MAX,
        ws_ping_interval=settings.live_ping_seconds,
        ws_ping_timeout=settings.live_ping_seconds,
        timeout_keep_alive=max(1, math.ceil(settings.idle_seconds_max)),
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        access_log=False,
        # Its lines are formatted like all others of the process: wasmverse.processes.logs.
        log_config=None,
        # Warnings are about what clients send: a line for each could fill the disk.
        log_level="error",
        server_header=False,
        proxy_headers=False,
        lifespan="on",
    )
    return Server(config, connections)

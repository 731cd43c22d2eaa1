"""uvicorn with the limits of the settings."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from wasmverse.settings import Settings

KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 3
MESSAGE_BYTES_MAX = 1 << 20
MESSAGES_MAX = 16


class Server(uvicorn.Server):
    """uvicorn, with the signals left to its caller."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def make_server(app: FastAPI, settings: Settings, listening: socket.socket) -> Server:
    """The server for ``app``, to be run with ``await server.serve(sockets=[listening])``.

    Connections made through ``listening`` are ended by the kernel when their client takes nothing for
    ``send_seconds_max``; no timeout of ours can do that once the data is in the socket's queue.
    """
    if sys.platform == "linux" and listening.family in {socket.AF_INET, socket.AF_INET6}:
        milliseconds = int(settings.send_seconds_max * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    config = uvicorn.Config(
        app,
        # httptools would take a third less time, but reads headers without end.
        http="h11",
        ws="websockets-sansio",
        # Compressing costs 300 kB a watcher, and results are small.
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_max_queue=MESSAGES_MAX,
        ws_ping_interval=settings.live_ping_seconds,
        ws_ping_timeout=settings.live_ping_seconds,
        limit_concurrency=settings.connections_max,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        lifespan="on",
    )
    return Server(config)

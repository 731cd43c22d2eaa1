"""Listening: the socket, and uvicorn with the limits of the settings."""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI

from wasmverse.errors import SettingsError
from wasmverse.settings import Settings

KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 3
MESSAGE_BYTES_MAX = 1 << 20
MESSAGES_MAX = 16
BACKLOG = 1_024


def listen(settings: Settings) -> socket.socket:
    """A listening socket at ``settings.host`` and ``settings.port``.

    Connections made through it are ended by the kernel when their client takes nothing for
    ``send_seconds_max``, which no timeout of ours can do once the data is in the socket's queue.

    Raises
    ------
    SettingsError : the address is in use or not ours; names it and the remedy.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            milliseconds = int(settings.send_seconds_max * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); "
            "stop what uses it or choose another --port"
        ) from None
    listener.setblocking(False)
    return listener


def make_server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """The server for ``app``: run it with ``await make_server(app,
    settings).serve(sockets=[listen(settings)])``."""
    config = uvicorn.Config(
        app,
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
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
    )
    return uvicorn.Server(config)

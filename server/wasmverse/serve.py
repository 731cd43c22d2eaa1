"""`wasmverse serve`: one socket, one universe process, readers, and the gateway that joins them."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from wasmverse.api.access import make_ready_token
from wasmverse.api.app import create_app
from wasmverse.api.server import make_server
from wasmverse.errors import SettingsError
from wasmverse.query.pool import ReaderPool
from wasmverse.settings import Settings
from wasmverse.universe_process import UniverseProcess

PAGE_FOLDER = Path(__file__).with_name("page")

GARBAGE_THRESHOLDS = (10_000, 20, 200)
"""New objects, then collections of the generation before, until the next one: a full one every 40 million objects."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is known before anything else is begun.

    Raises
    ------
    SettingsError : the address cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise SettingsError(
            f"cannot listen on {host} port {port}: {reason}; choose another with --host and --port (0 picks a free port)"
        ) from error
    return listening


def snapshot_folder(settings: Settings) -> Path:
    """Where this universe's snapshots go: the same for every start, so that what a killed server left is found and removed."""
    if settings.snapshot_folder is not None:
        return settings.snapshot_folder
    shared = Path("/dev/shm")
    base = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    digest = hashlib.sha256(str(settings.database_path.resolve()).encode()).hexdigest()[:12]
    return base / f"wasmverse-{os.getuid()}-{digest}"


async def serve(settings: Settings, listening: socket.socket, tell: Callable[[str], None]) -> str | None:
    """Run until SIGINT or SIGTERM, or until the universe fails; returns the reason of a failure."""
    host, port = listening.getsockname()[:2]
    url = f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    folder = snapshot_folder(settings)
    universe = UniverseProcess(settings, folder, tell)
    try:
        started = asyncio.ensure_future(universe.next_turn(-1))
        waits = [
            started,
            asyncio.ensure_future(stopping.wait()),
            asyncio.ensure_future(universe.ended.wait()),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        if universe.last is not None and not stopping.is_set():
            token = make_ready_token(settings)
            link = url if token is None else f"{url}/#token={token}"
            await _serve_gateway(
                settings, universe, listening, stopping, token, lambda: tell(_greeting(universe, link))
            )
    finally:
        was_alive = universe.is_alive
        status = await universe.stop()
        if status is not None and status < 0 and universe.last is not None:
            # It was killed after it had published: nobody else will free the memory that its snapshots hold.
            shutil.rmtree(folder, ignore_errors=True)
    if was_alive and status == 0:
        return None
    return universe.failure or f"the universe process ended with status {status}: see its last words above"


async def _serve_gateway(
    settings: Settings,
    universe: UniverseProcess,
    listening: socket.socket,
    stopping: asyncio.Event,
    ready_token: str | None,
    greet: Callable[[], None],
) -> None:
    pool = ReaderPool(settings, universe.snapshot_folder)
    await pool.start()
    try:
        app = create_app(universe, pool, settings, PAGE_FOLDER, ready_token)
        server = make_server(app, settings, listening)
        # With a thousand watchers, going through everything is a pause of 170 to 280 ms for everybody. What was imported
        # stays for good, and what outlived two collections is seldom garbage.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        greet()
        waits = [
            serving,
            asyncio.ensure_future(stopping.wait()),
            asyncio.ensure_future(universe.ended.wait()),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        for wait in waits[1:]:
            wait.cancel()
    finally:
        gc.unfreeze()  # or DuckDB's binding takes what is frozen for a leak when the interpreter ends
        await pool.close()


def _greeting(universe: UniverseProcess, url: str) -> str:
    assert universe.last is not None
    last = universe.last
    return (
        f"turn {last.tid:,}: {last.ships:,} ships, {last.nodes:,} energy nodes, "
        f"a turn every {universe.period_seconds:g} s\n{url}"
    )

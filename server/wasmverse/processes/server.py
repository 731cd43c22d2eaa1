"""`wasmverse serve`: one socket, one universe process, the readers, and the gateway that joins them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, NoReturn

import psutil

import wasmverse
from wasmverse.api.access import make_ready_token
from wasmverse.api.app import create_app
from wasmverse.api.audit import audit_of
from wasmverse.api.server import make_server
from wasmverse.confinement import groups
from wasmverse.confinement.layers import KINDS, refusal, summary
from wasmverse.confinement.probe import probe
from wasmverse.errors import SettingsError
from wasmverse.messages import Condition
from wasmverse.processes.historian import Historian
from wasmverse.processes.linux import end_all
from wasmverse.processes.signals import heeded
from wasmverse.processes.snapshot_folder import claim_folder
from wasmverse.processes.universe import UniverseProcess
from wasmverse.query.pool import ReaderPool
from wasmverse.running import announce
from wasmverse.settings import Settings, file_of
from wasmverse.tokens import Tokens

log = logging.getLogger(__name__)

PAGE_FOLDER = Path(wasmverse.__file__).with_name("page")

GARBAGE_THRESHOLDS = (10_000, 20, 200)
"""How many new objects, then how many collections of the younger generation, come before a collection: a full one comes every
40 million objects."""

GATEWAY_STOP_SECONDS = 6.0
"""How long the gateway may take to end its connections; uvicorn waits half of that for unfinished answers."""

POOL_STOP_SECONDS = 3.0
END_SECONDS = 2.0
"""How long killed processes may take to be gone."""

HARMLESS = "the last committed turn is intact"


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, made before anything else is started, so that a port that is in use is found at once.

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


async def serve(
    settings: Settings,
    tokens: Tokens,
    listening: socket.socket,
    tell: Callable[[str], None],
    asked: Mapping[str, int] | None = None,
) -> str | None:
    """Run until SIGINT, SIGTERM or SIGHUP, or until the universe fails; returns the reason of a failure.

    It ends in bounded time, whether its processes are then stopped, hang or are at work.
    ``asked`` : sizes and seed that somebody named on the command line; one that differs from a present universe's is a failure.
    """
    host, port = listening.getsockname()[:2]
    url = f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    stopping = asyncio.Event()
    for number in heeded():
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    groups.ours()  # before processes are started: they would stay in our own group, which must not contain any
    folder = claim_folder(settings)
    if settings.confinement_required:
        # Before the file is made or touched; what really holds is checked again when all processes have started.
        tried = {kind: await asyncio.to_thread(probe, kind, settings.user_ids_first) for kind in KINDS}
        if (lacking := refusal(settings.confinement_required, tried)) is not None:
            raise SettingsError(lacking)
    universe = UniverseProcess(settings, folder, tell, asked)
    try:
        await _first_of(universe.next_turn(-1), stopping.wait(), universe.ended.wait())
        if universe.last is not None and not stopping.is_set():
            token = make_ready_token(settings)
            link = url if token is None else f"{url}/#token={token}"
            await _serve_gateway(
                settings,
                tokens,
                universe,
                listening,
                stopping,
                token,
                url,
                lambda confined: tell(_greeting(universe, confined, link)),
            )
    finally:
        status = await universe.stop()
        if status != 0 and universe.last is not None:
            # It was killed after it had published, so nobody else will free the memory that its snapshots take.
            shutil.rmtree(folder, ignore_errors=True)
    about = {"event": "stop", "turn": universe.committed, "status": status}
    log.info("the universe ended with status %s %s", status, _when(universe.committed), extra=about)
    if status == 0 and stopping.is_set():
        tid = universe.committed
        tell("stopped before the first turn" if tid is None else f"stopped after turn {tid:,}")
        return None
    return universe.failure or _last_words(universe, status)


def end(failure: str | None, complain: Callable[[str], None] | None = None) -> NoReturn:
    """End this process and all that it has started at once; with one line and status 1 if there was a failure, written by
    ``complain`` if there is one.

    Does not wait for threads, which may be waiting themselves, and does not release what the system frees anyway.
    """
    end_all(psutil.Process().children(recursive=True), END_SECONDS)
    groups.close()
    if failure is not None and complain is not None:
        complain(failure)
    elif failure is not None:
        print(f"wasmverse: {failure}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if failure is None else 1)


async def _serve_gateway(
    settings: Settings,
    tokens: Tokens,
    universe: UniverseProcess,
    listening: socket.socket,
    stopping: asyncio.Event,
    ready_token: str | None,
    url: str,
    greet: Callable[[str], None],
) -> None:
    pool = ReaderPool(settings, universe.snapshot_folder)
    historian = None
    if isinstance(settings.database_path, Path) and settings.past_bytes_max:
        pool.past = historian = Historian(settings, universe, pool.counts.replays)
    checker = asyncio.ensure_future(asyncio.to_thread(probe, "checker", settings.user_ids_first))
    announced: Path | None = None
    try:
        await _first_of(pool.start(), stopping.wait(), universe.ended.wait())
        if stopping.is_set() or not universe.is_alive:
            return
        confinement = {
            "universe": universe.confinement,
            "reader": pool.state.confinement,
            "checker": await checker,
        }
        if (lacking := refusal(settings.confinement_required, confinement)) is not None:
            raise SettingsError(lacking)
        tokens.watch()
        audit = audit_of(settings, settings.database_path)
        app = create_app(
            universe, pool, settings, tokens, PAGE_FOLDER, ready_token, audit, file_of(settings.database_path)
        )
        app.state.gateway.confinement = confinement
        server = make_server(app, settings, listening)
        # With a thousand watchers, a full garbage collection is a pause of 170 to 280 ms for everybody. What was imported is
        # never garbage, and what outlived two collections seldom is.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        announced = announce(url)
        tid = universe.committed
        about = {"event": "start", "turn": tid, "url": url, "version": wasmverse.__version__}
        log.info("wasmverse %s serves turn %s at %s", wasmverse.__version__, tid, url, extra=about)
        greet(summary(confinement))
        await _first_of(asyncio.shield(serving), stopping.wait(), universe.ended.wait())
        server.should_exit = True
        universe.proceed()  # so that clients get their answers before the gateway ends
        await _within(GATEWAY_STOP_SECONDS, serving, "the gateway")
    finally:
        if announced is not None:
            announced.unlink(missing_ok=True)
        tokens.close()
        await _within(POOL_STOP_SECONDS, pool.close(), "the readers")
        if historian is not None:
            await _within(POOL_STOP_SECONDS, historian.close(), "the historian")


async def _first_of(*works: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Wait until one of ``works`` is done and cancel the others; raises the error of the first argument if only that one is
    done."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        is_done = [task.done() for task in tasks]
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    if is_done[0] and isinstance(outcomes[0], BaseException) and not any(is_done[1:]):
        raise outcomes[0]


async def _within(seconds: float, work: Coroutine[Any, Any, Any] | asyncio.Future[Any], what: str) -> None:
    """Wait for the end of a part for at most ``seconds``; then continue without it."""
    task = asyncio.ensure_future(work)
    _done, late = await asyncio.wait([task], timeout=seconds)
    if late:
        task.cancel()
        log.warning("%s did not end in %g s; its processes are killed", what, seconds)
    elif not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s ended with %r", what, error)


def _when(tid: int | None) -> str:
    return "before its first turn" if tid is None else f"after turn {tid:,}"


def _last_words(universe: UniverseProcess, status: int | None) -> str:
    """What to say about a universe that ended without saying why."""
    if status is None:
        return "the universe process cannot be killed: it waits for a disk; see the machine's log"
    if status < 0:
        name = signal.Signals(-status).name
        when = _when(None if universe.last is None else universe.last.tid)
        return f"the universe process ended with status {status} ({name}) {when}: start again; {HARMLESS}"
    if status == 0:
        return "the server ended without being told to: see its last words above"
    return f"the universe process ended with status {status}: see its last words above"


def _greeting(universe: UniverseProcess, confined: str, url: str) -> str:
    assert universe.last is not None
    last = universe.last
    return (
        f"turn {last.tid:,}: {last.ships:,} ships, {last.nodes:,} energy nodes, "
        f"a turn every {universe.period_seconds:g} s{_who_plays(universe.condition)}\n{confined}\n{url}"
    )


def _who_plays(condition: Condition) -> str:
    """Of a universe in a database, where turns are played, and whether by others; of a file it goes without saying."""
    if not condition.servers:
        return ""
    servers = f"{condition.servers} servers" if condition.servers > 1 else "the server"
    where = f"{condition.play} {servers}" if condition.play == "inside" else "in this process"
    return (
        f", played {where}"
        if condition.is_clock
        else f", played by {condition.clock}, which this server follows"
    )

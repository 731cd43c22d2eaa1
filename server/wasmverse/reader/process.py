"""A reader: the process that runs clients' SQL over the snapshot of one turn, and nothing else.

Started by ``query.worker`` as ``inside.py wasmverse.reader.process DESCRIPTOR``. It trusts what it is sent no
further than DuckDB and the operating system hold it (``relations.connect``, ``wasmverse.confinement``), and it may be
killed at any moment: it owns nothing. Only the standard library is imported before it is
confined.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wasmverse.confinement import inits, privileges
from wasmverse.confinement.processes import confine_reader

if TYPE_CHECKING:
    from wasmverse.query.query import Query
    from wasmverse.query.wire import Answer
    from wasmverse.reader.engine import Engine

END_SECONDS = 5.0
"""How long a reader that has to end waits for the pool to have taken its last answer."""


def main() -> None:
    """Answer queries on the socket whose descriptor is the only argument until the pool closes it."""
    # These often reach all processes; the pool ends us.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        from wasmverse.query import wire  # noqa: PLC0415 - asyncio and orjson read their files before the gate closes

        config = wire.receive(connection)
        if config is None:
            return
        privileges.end_with_parent(config["parent_pid"])
        os.nice(config["nice"])
        outcomes = confine_reader(Path(config["snapshot_folder"]), config["user"])

        from wasmverse.reader.engine import Engine  # noqa: PLC0415 - imports engines, which only a confined process may

        engine = Engine(config)
        own_bytes = data_bytes()
        processor_seconds = (config["seconds_max"] + wire.GRACE_SECONDS) * config["threads"] + 5
        outcomes |= privileges.limit_resources(
            own_bytes + config["memory_bytes"], config["guest_memory_bytes_max"]
        )
        threading.Thread(target=_interrupt_on_alarm, args=(engine,), daemon=True).start()
        wire.send(connection, {"confinement": outcomes, "pid": inits.process_id()})
        while (query := wire.receive_query(connection)) is not None:
            head, body = _answer(engine, query, config["seconds_max"], processor_seconds)
            # What a large query had is free again, but in pieces: a fresh process has it whole.
            head["retire"] = data_bytes() > own_bytes + config["memory_bytes"] // 2
            wire.send(connection, head, body)
            if "ends" in head:
                wire.drain(connection, END_SECONDS)
                os._exit(0)  # to take a broken engine down in order may crash or hang
            engine.prepare()


def _answer(
    engine: Engine, query: Query, seconds_max: float, processor_seconds: float
) -> tuple[Answer, bytes]:
    began = time.perf_counter()
    privileges.limit_processor_seconds(processor_seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds_max)
    try:
        head, body = engine.answer(query)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    head["seconds"] = time.perf_counter() - began
    return head, body


def data_bytes() -> int:
    """What this process has allocated, as the limit on data counts it; 0 where that cannot be known."""
    # Asked after every query, so without the objects of pathlib and io.
    try:
        descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(descriptor, 256).split()[5]) * os.sysconf("SC_PAGE_SIZE")
        finally:
            os.close(descriptor)
    except OSError:
        return 0


def _interrupt_on_alarm(engine: Engine) -> None:
    """Stop the running query whenever its time is up. Most queries heed this; the pool ends the process of
    others."""
    while True:
        signal.sigwait({signal.SIGALRM})
        engine.interrupt()


if __name__ == "__main__":
    main()

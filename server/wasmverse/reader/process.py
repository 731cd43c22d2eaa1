"""A reader: the process that runs clients' SQL over the snapshot of one turn, and nothing else.

Started by ``query.worker`` as ``inside.py wasmverse.reader.process DESCRIPTOR``. It does not trust what it is sent: DuckDB's
settings and the operating system confine it (``relations.connect``, ``wasmverse.confinement``). It may be killed at any moment,
as it owns nothing. Only the standard library is imported before it is confined.
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
    from wasmverse.query.wire import AnswerHead
    from wasmverse.reader.engine import Engine

END_SECONDS = 5.0
"""How long a reader that must end waits until the pool has read its last answer."""


def main() -> None:
    """Answer queries on the socket whose descriptor is the only argument until the pool closes it."""
    # These signals often reach all processes of a server; the pool ends this one.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        from wasmverse.query import wire  # noqa: PLC0415 - orjson reads its files before the gate closes

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
        memories = ("guest_memory_bytes_max", "component_memory_bytes_max", "function_guest_memory_bytes_max")
        file_bytes = max(config[name] for name in memories)
        outcomes |= privileges.limit_resources(own_bytes + config["memory_bytes"], file_bytes)
        threading.Thread(target=_interrupt_on_alarm, args=(engine,), daemon=True).start()
        wire.send(connection, {"confinement": outcomes, "pid": inits.process_id()})
        while (query := wire.receive_query(connection)) is not None:
            head, body = _answer(engine, query, config["seconds_max"], processor_seconds)
            # The memory of a large query is free again, but fragmented: a new process has it in one piece.
            head["retire"] = data_bytes() > own_bytes + config["memory_bytes"] // 2
            wire.send(connection, head, body)
            if "ends" in head:
                wire.drain(connection, END_SECONDS)
                os._exit(0)  # closing a broken engine may crash or hang
            engine.prepare()


def _answer(
    engine: Engine, query: Query, seconds_max: float, processor_seconds: float
) -> tuple[AnswerHead, bytes]:
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
    """Bytes that this process has allocated, as the limit on data counts them; 0 where that is unknown."""
    # Called after every query, so without pathlib and io, which are slower.
    try:
        descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(descriptor, 256).split()[5]) * os.sysconf("SC_PAGE_SIZE")
        finally:
            os.close(descriptor)
    except OSError:
        return 0


def _interrupt_on_alarm(engine: Engine) -> None:
    """Interrupt the running query whenever its time is up. Most queries stop; where one does not, the pool ends the process."""
    while True:
        signal.sigwait({signal.SIGALRM})
        engine.interrupt()


if __name__ == "__main__":
    main()

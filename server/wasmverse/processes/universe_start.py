"""The first code that runs in the universe's process: it confines the process before the database and the engines are loaded.

Started as ``python -P -m wasmverse.processes.universe_start DESCRIPTOR``.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from wasmverse.confinement.processes import Servers, UniversePaths, close_universe, confine_universe
from wasmverse.confinement.unused import leave_out_pandas
from wasmverse.confinement.users import reader_user
from wasmverse.processes.logs import log_to_standard_error
from wasmverse.processes.signals import ENDING_SIGNALS
from wasmverse.settings import UniverseProcessSettings, file_of
from wasmverse.universe.cache import base_folder, keep_on_disk


def start_universe(
    settings: UniverseProcessSettings,
    snapshot_folder: Path,
    pipe: Connection,
    asked: Mapping[str, int] | None = None,
) -> None:
    """Confine this process, then run the universe in it."""
    kernels = base_folder()
    paths = UniversePaths(
        file_of(settings.database_path),
        snapshot_folder,
        kernels,
        settings.record_path,
        reader_user(settings.user_ids_first),
        servers_of(settings),
    )
    outcomes = confine_universe(paths)
    keep_on_disk(kernels)

    from wasmverse.processes.run import run_universe  # noqa: PLC0415 - imports engines, which only a confined process may

    run_universe(settings, snapshot_folder, pipe, lambda: outcomes | close_universe(paths), asked)


def servers_of(settings: UniverseProcessSettings) -> Servers | None:
    """How the universe's database is connected to; None if it is a file."""
    if isinstance(settings.database_path, Path):
        return None
    urls = (settings.database_path, *settings.place_urls)
    reached = [url.sockets() for url in urls]
    return Servers(
        frozenset(port for ports, is_local in reached for port in ports if not is_local),
        any(is_local for _, is_local in reached),
        tuple(file for url in urls for file in url.files()),
        tuple(folder for url in urls for folder in url.socket_folders()),
    )


def main() -> None:
    """Serve on the socket whose descriptor is the only argument. Ends when the gateway says so or is gone, but at no signal."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
    leave_out_pandas()
    log_to_standard_error()
    with Connection(int(sys.argv[1])) as pipe:
        try:
            settings, snapshot_folder, asked = pipe.recv()
        except EOFError:
            return
        log_to_standard_error(settings.log_format)
        start_universe(settings, snapshot_folder, pipe, asked)


if __name__ == "__main__":
    main()

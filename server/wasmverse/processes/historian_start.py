"""The historian's entry: confines this process, then plays past turns again for whoever asks the gateway for them.

Started by ``historian`` as ``python -P -m wasmverse.processes.historian_start DESCRIPTOR``. It speaks lines of JSON, because it
runs strangers' code and is not to be believed: the gateway reads numbers and texts. It may be killed at any moment, as it owns
nothing but the snapshots that it makes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from wasmverse.confinement import privileges
from wasmverse.confinement.processes import HistorianPaths, close_historian, confine_historian
from wasmverse.confinement.unused import leave_out_pandas
from wasmverse.processes.logs import log_to_standard_error
from wasmverse.processes.signals import ENDING_SIGNALS
from wasmverse.universe.cache import base_folder, keep_no_more, keep_on_disk


def main() -> None:
    """Serve on the socket whose descriptor is the only argument, until it is closed."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    leave_out_pandas()
    log_to_standard_error()
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rwb", 0) as stream:
        config: dict[str, Any] = json.loads(stream.readline() or "{}")
        if not config:
            return
        log_to_standard_error(config["log_format"])
        privileges.end_with_parent(config["parent_pid"])
        os.nice(config["nice"])
        kernels = base_folder()
        paths = HistorianPaths(Path(config["past"]), Path(config["shown"]), kernels, config["readers_group"])
        outcomes = confine_historian(paths)
        keep_on_disk(kernels)

        from wasmverse.processes.historian_run import serve  # noqa: PLC0415 - imports engines, which only a confined process may
        from wasmverse.simulation.warmup import compile_kernels  # noqa: PLC0415

        compile_kernels()
        keep_no_more()
        outcomes |= close_historian(paths)
        stream.write(json.dumps({"confinement": outcomes}).encode() + b"\n")
        serve(stream, config)
        os._exit(0)


if __name__ == "__main__":
    main()

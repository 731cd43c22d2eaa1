"""A process that is confined like a reader, a checker or the universe, reports which layers hold, and ends.

``python -P -m wasmverse.confinement.probe KIND FOLDER USERS``: the folder is empty, for the files that a universe would have;
USERS is the setting ``user_ids_first``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from wasmverse.confinement import groups, privileges, processes, users
from wasmverse.confinement.layers import GROUPS, Outcomes, layers_of

PROBE_SECONDS_MAX = 20.0
PROBE_THREADS, PROBE_BYTES = 64, 1 << 30


def probe(kind: str, user_ids_first: int) -> Outcomes:
    """Which layers hold for a process of that kind on this machine and for this user, found by confining a new one."""
    needs_group = GROUPS in layers_of(kind)
    group = groups.ours().group(kind, PROBE_THREADS, PROBE_BYTES) if needs_group else groups.Group(())
    with tempfile.TemporaryDirectory(prefix="wasmverse-probe-") as folder:
        try:
            done = subprocess.run(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "wasmverse.confinement.probe",
                    kind,
                    folder,
                    str(user_ids_first),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=processes.bare_environment() | group.environment(),
                timeout=PROBE_SECONDS_MAX,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return dict.fromkeys(layers_of(kind), f"it could not be tried: {type(error).__name__}")
        finally:
            group.remove()
    found: Outcomes = json.loads(done.stdout)
    return found


def main() -> None:
    """Confine this process, write its layers to standard output as JSON, and end."""
    kind, folder, first = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if kind == "universe":
        paths = processes.UniversePaths(folder / "universe.duckdb", folder / "snapshots", folder / "kernels")
        outcomes = processes.confine_universe(paths) | processes.close_universe(paths)
    elif kind == "reader":
        users.hand_over(folder, users.reader_user(first))
        outcomes = processes.confine_reader(folder, users.reader_user(first)) | privileges.refuse_core_files()
    else:
        outcomes = processes.confine_checker(users.checker_user(first)) | privileges.refuse_core_files()
    os.write(1, json.dumps(outcomes).encode())


if __name__ == "__main__":
    main()

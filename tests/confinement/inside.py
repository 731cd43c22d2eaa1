"""A process that is confined like one of the server's, with some layers left out, and then attacks.

``python -m tests.confinement.inside`` with one argument, JSON: ``kind``, ``layers`` (those that are closed), ``is_nobody``
(whether to become an unprivileged user first), ``folder`` and the attacker's facts. Prints what came of each attempt.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tests.confinement import attacks
from wasmverse.confinement import inits, landlock, namespaces, processes, seccomp, users
from wasmverse.confinement.prctl import prctl

NOBODY = 65_534
READER, CHECKER = 60_600, 60_601


def leave_out(layers: list[str]) -> None:
    """Make the layers that are not named do nothing."""

    def nothing(*_: Any, **__: Any) -> dict[str, str]:
        return {}

    if attacks.LANDLOCK not in layers:
        landlock.restrict = nothing
    if attacks.SECCOMP not in layers:
        seccomp.restrict = nothing
    if attacks.NAMESPACES not in layers:
        namespaces.separate = nothing
    if attacks.PROCESSES not in layers:
        inits.go_inside = lambda: ""
    if attacks.USERS not in layers:
        users.become = nothing
    if attacks.PRIVILEGES not in layers:
        processes.drop_privileges = nothing


def confine_as_universe(folder: Path) -> dict[str, str]:
    """Confine in both steps, with a database file beside the files that are attacked."""
    own = folder / "universe"
    own.mkdir(exist_ok=True)
    paths = processes.UniversePaths(own / "universe.duckdb", own / "snapshots", own / "kernels")
    return processes.confine_universe(paths) | processes.close_universe(paths)


def main() -> None:
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    sysconfig.get_paths()  # loads what nobody may not read
    if asked["is_nobody"] and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        prctl(4, 1)  # PR_SET_DUMPABLE: whoever is started as that user may write to its own folder of /proc
    # Ends when this process does: its input is a pipe that nobody else has.
    victim = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    leave_out(asked["layers"])
    outcomes = {
        "reader": lambda: processes.confine_reader(folder / "snapshots", READER),
        "checker": lambda: processes.confine_checker(CHECKER),
        "universe": lambda: confine_as_universe(folder),
    }[asked["kind"]]()
    found = attacks.attempt_all({**asked, "victim": victim.pid})
    os.write(1, json.dumps({"outcomes": outcomes, "found": found}).encode())
    os._exit(0)


if __name__ == "__main__":
    main()

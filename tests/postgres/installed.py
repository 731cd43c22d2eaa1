"""The PostgreSQL that this machine has, and as whom and with which Python code it runs here."""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "server"
PACKAGES = Path(sysconfig.get_paths()["platlib"])
KERNELS = ROOT / ".cache" / "numba-boundscheck"
"""Where the tests' own processes keep the machine code of the kernels; see tests/conftest.py."""
SERVER_KERNELS = ROOT / ".cache" / "numba-postgres"
"""The same for the servers, which run as another user."""
OWN_KERNELS = SOURCES / "wasmverse" / "universe" / "__pycache__"
"""Where `wasmverse` itself keeps it; see ``universe.cache``."""
FAST_KERNELS = ROOT / ".cache" / "numba-postgres-fast"
"""Those of servers that are measured: without bounds checking."""
USER = "postgres"


class NotInstalled(Exception):
    """What the tests need is not there; the text says what to do."""


@cache
def programs() -> Path:
    """The folder with postgres and initdb, of the newest version that has PL/Python.

    Raises
    ------
    NotInstalled : there is none, or its Python is another one than that which the packages here were built for.
    """
    found = [
        library.parents[1] / "bin"
        for library in Path("/usr/lib/postgresql").glob("*/lib/plpython3.so")
        if (library.parents[1] / "bin" / "initdb").exists()
    ]
    if not found:
        raise NotInstalled("PostgreSQL with PL/Python was not found: run tools/need-postgres")
    newest = max(found, key=lambda folder: int(folder.parent.name))
    theirs = python_of(newest.parent / "lib" / "plpython3.so")
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if theirs != ours:
        raise NotInstalled(
            f"PL/Python here runs Python {theirs}, and the packages of this environment were built for Python {ours}: "
            f"make the environment with that Python (rm -rf .venv; make setup PYTHON=python{theirs})"
        )
    return newest


def python_of(library: Path) -> str:
    """The version of the Python library that PL/Python is linked to, as "3.11"."""
    linked = subprocess.run(["ldd", str(library)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"libpython(3\.\d+)", linked)
    assert found, linked
    return found[1]


def owner() -> tuple[int, int]:
    """The user and group that servers run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    user = pwd.getpwnam(USER)
    return user.pw_uid, user.pw_gid


NEEDED = (SOURCES / "wasmverse" / "errors.py", PACKAGES / "numpy" / "version.py", ROOT / ".cache")
"""One path of each place that a server reads."""


@cache
def demotion(needed: tuple[Path, ...] = NEEDED) -> tuple[str, ...]:
    """The words that run a command as the servers' user, who can then read what is needed in any case.

    A checkout may lie in a folder that only root may enter. Then the command keeps one right of root's, to read.

    Raises
    ------
    NotInstalled : this machine's root has no such right, as in some containers.
    """
    if os.geteuid() != 0:
        return ()
    uid, gid = owner()
    words = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups")
    for capability in ("", "dac_read_search", "dac_override"):
        kept = (f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}") if capability else ()
        test = " && ".join(f"test -r '{path}'" for path in needed)
        if (
            subprocess.run([*words, *kept, "sh", "-c", test], capture_output=True, check=False).returncode
            == 0
        ):
            return (*words, *kept)
    raise NotInstalled(
        f"the user {USER!r}, as whom PostgreSQL runs, cannot read {' or '.join(map(str, needed))}: move the checkout to a folder "
        "that every user may enter"
    )


def as_owner(command: Sequence[str | Path], *, end_with_parent: bool = False) -> list[str]:
    """The command, run as the servers' user; with a fast shutdown (SIGINT) when this process's thread is gone."""
    prepare_kernels()
    words = demotion()
    if end_with_parent:
        words = (*(words or ("setpriv",)), "--pdeathsig=INT")
    return [*words, *map(str, command)]


def environment(*, is_fast: bool = False) -> dict[str, str]:
    """Of a server: where its backends find the package and what it needs, and the machine code of the kernels."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join(map(str, (SOURCES, PACKAGES))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(FAST_KERNELS if is_fast else SERVER_KERNELS),
        "NUMBA_BOUNDSCHECK": "0" if is_fast else "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


@cache
def prepare_kernels() -> None:
    """Give the servers the machine code that was compiled so far, in folders that they may write to."""
    for mine in (SERVER_KERNELS, FAST_KERNELS):
        mine.mkdir(parents=True, exist_ok=True)
        with (mine / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for folder in (KERNELS if mine == SERVER_KERNELS else OWN_KERNELS).glob("kernels-*"):
                if not any((mine / folder.name).rglob("*.nbi")):
                    shutil.copytree(folder, mine / folder.name, dirs_exist_ok=True)
            if os.geteuid() == 0:
                for path in (mine, *mine.rglob("*")):
                    os.chown(path, *owner())

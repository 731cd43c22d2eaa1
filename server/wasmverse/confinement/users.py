"""A user for readers and one for checkers, if root started the server: neither has access to anybody else's files or
processes."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wasmverse.confinement.layers import USER, Outcomes
from wasmverse.confinement.prctl import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl
from wasmverse.confinement.privileges import drop_bounding_set

THREADS_OF_USER_MAX = 2_048
"""Threads of all processes of such a user, of every server on the machine; bounds them where there are no control groups."""


def reader_user(first: int) -> int:
    """The readers' user and group, by the setting ``user_ids_first``."""
    return first


def checker_user(first: int) -> int:
    """The checkers' user and group, by the same setting."""
    return first + 1


def become(user: int, needed: Iterable[Path], *, bounds_threads: bool) -> Outcomes:
    """Become ``user``, in its group only, if that user may read all of ``needed`` that exists. The layer ``USER``.

    A process that is not root's keeps its user, which does not have the rights that this would take away.

    bounds_threads : whether to bound the threads of all processes of the user together.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return {USER: ""}
    parent = os.getppid()
    there = [path for path in needed if path.exists()]
    try:
        why = _lacks(user, there)
        if not why:
            drop_bounding_set()
            if bounds_threads:
                _bound_threads()
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            prctl(PR_SET_DUMPABLE, 0)  # so that no other process of this user can look into it
    except OSError as error:
        why = f"user {user} may not be taken on here ({error.strerror})"
    # The kernel forgets this when a process changes its user.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)
    return {USER: why}


def _lacks(user: int, needed: Iterable[Path]) -> str:
    """What the user may not read, "" for nothing; found by being that user for a moment."""
    os.setgroups([])
    os.setegid(user)
    try:
        os.seteuid(user)
        try:
            for path in needed:
                rights = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
                if not os.access(path, rights, effective_ids=True):
                    return f"user {user} may not read {path}"
        finally:
            os.seteuid(0)
    except PermissionError as error:
        return f"user {user} may not read {error.filename or 'what it needs'}"
    finally:
        os.setegid(0)
    return ""


def _bound_threads() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    most = THREADS_OF_USER_MAX if hard == resource.RLIM_INFINITY else min(THREADS_OF_USER_MAX, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def hand_over(folder: Path, group: int) -> None:
    """Let a group look into a folder of root's, if our umask lets others read what is made there."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    mask = os.umask(0o077)
    os.umask(mask)
    if not mask & 0o005:
        with suppress(OSError):
            os.chown(folder, -1, group)
            folder.chmod(0o750)

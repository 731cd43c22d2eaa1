"""Landlock: bounds the files that a process may reach, and refuses TCP, signals and abstract sockets to other processes.

A process gives this up for itself and for good, so it works for any user and in any container. The numbers are
those of <linux/landlock.h>, which the kernel promises not to change. It holds for the thread that asks and for what that
thread starts, so a process asks before it has other threads.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from wasmverse.confinement.calls import number_of
from wasmverse.confinement.layers import FILES, SIGNALS, TCP, Outcomes
from wasmverse.confinement.prctl import PR_SET_NO_NEW_PRIVS, prctl, system_call

_VERSION_ASKED = 1
_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _READ_FOLDER, _REMOVE_FOLDER, _REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
_MAKE_FOLDER, _MAKE_FILE, _MAKE_LINK = 1 << 7, 1 << 8, 1 << 12
_MOVE_BETWEEN_FOLDERS, _TRUNCATE = 1 << 13, 1 << 14
_READ = _READ_FILE | _READ_FOLDER
_OF_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE
_CHANGE = (
    _READ
    | _OF_FILES
    | _REMOVE_FOLDER
    | _REMOVE_FILE
    | _MAKE_FOLDER
    | _MAKE_FILE
    | _MAKE_LINK
    | _MOVE_BETWEEN_FOLDERS
)
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights over files each version knows, 16 from version 5 on; all of them are taken away."""
_VERSION_OF_MOVES, _VERSION_OF_TCP, _VERSION_OF_SCOPES = 2, 4, 6
_BOTH_OF_TCP = 0b11
_CONNECT_TCP = 0b10
_PORT = 2
_BOTH_SCOPES = 0b11
"""Abstract Unix sockets, and signals."""


def version() -> tuple[int, str]:
    """The version of Landlock that this kernel offers; 0, and why, where it offers none."""
    number = number_of("landlock_create_ruleset")
    if sys.platform != "linux" or number is None:
        return 0, f"{sys.platform} on this processor has no Landlock"
    found = system_call(number, None, 0, _VERSION_ASKED)
    if found >= 1:
        return found, ""
    if found == -errno.EOPNOTSUPP:
        return 0, "Landlock is not switched on"
    return 0, f"this kernel offers no Landlock ({os.strerror(-found)})"


def restrict(
    readable: Iterable[Path], changeable: Iterable[Path] = (), ports: Iterable[int] = ()
) -> Outcomes:
    """Give up all files but those below ``readable``, for reading, and below ``changeable``; TCP, but connecting to ``ports``;
    signals to other processes; and their abstract sockets.

    Paths that do not exist are ignored. Returns the layers ``FILES``, ``TCP`` and ``SIGNALS``.
    """
    have, why = version()
    changeable = tuple(changeable)
    if have and changeable and have < _VERSION_OF_MOVES:
        have, why = 0, "Landlock 1 lets nobody link files from folder to folder, as snapshots do"
    if not have:
        return dict.fromkeys((FILES, TCP, SIGNALS), why)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    files = (1 << _FILE_RIGHTS.get(have, 16)) - 1
    attributes = struct.pack("Q", files)
    if have >= _VERSION_OF_TCP:
        attributes += struct.pack("Q", _BOTH_OF_TCP)
    if have >= _VERSION_OF_SCOPES:
        attributes += struct.pack("Q", _BOTH_SCOPES)
    rules = system_call(_number("landlock_create_ruleset"), attributes, len(attributes), 0)
    if rules < 0:
        return dict.fromkeys((FILES, TCP, SIGNALS), f"no rules could be made: {os.strerror(-rules)}")
    try:
        for paths, rights in ((readable, _READ), (changeable, _CHANGE)):
            for path in paths:
                _allow(rules, path, rights & files)
        for port in ports if have >= _VERSION_OF_TCP else ():
            attributes = struct.pack("QQ", _CONNECT_TCP, port)
            system_call(_number("landlock_add_rule"), rules, _PORT, attributes, 0)
        status = system_call(_number("landlock_restrict_self"), rules, 0)
    finally:
        os.close(rules)
    if status != 0:
        return dict.fromkeys((FILES, TCP, SIGNALS), f"the rules were refused: {os.strerror(-status)}")
    return {
        FILES: "",
        TCP: "" if have >= _VERSION_OF_TCP else f"this kernel has Landlock {have}; TCP is known from 4 on",
        SIGNALS: "" if have >= _VERSION_OF_SCOPES else f"this kernel has Landlock {have}; it takes 6",
    }


def _number(name: str) -> int:
    number = number_of(name)
    assert number is not None
    return number


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not path.is_dir():
        rights &= _OF_FILES
    system_call(_number("landlock_add_rule"), rules, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    # The kernel makes a process's folder in /proc again whenever nobody holds it open, and the rule is for the one that was open.
    if not path.is_relative_to("/proc"):
        os.close(descriptor)

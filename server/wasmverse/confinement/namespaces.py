"""Namespaces: a process's own network, IPC, host name and mounts, made where the kernel allows it.

The network has not even a loopback. For a process that changes no file, everything in the mounts is read-only. Root makes the
namespaces directly, and a /proc that shows no other process. Anybody else makes a user namespace for them first, and stays
the same user in it. The process must have one thread. The numbers are those of <linux/sched.h> and <linux/mount.h>.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wasmverse.confinement.calls import number_of
from wasmverse.confinement.layers import NAMESPACES, Outcomes
from wasmverse.confinement.prctl import system_call

_MOUNTS, _HOST_NAME, _IPC, _USER, _NETWORK = 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x40000000
_OWN = _MOUNTS | _HOST_NAME | _IPC | _NETWORK
_PRIVATE_ALL = 0x4000 | 1 << 18
_BIND = 0x1000 | 0x4000
_HERE = -100
_ALL_BELOW = 0x8000
_READ_ONLY, _NO_SET_USER_ID, _NO_DEVICES, _NO_PROGRAMS = 0x1, 0x2, 0x4, 0x8


SHARED_NETWORK = "its database is reached over the machine's network"


def separate(
    *,
    is_read_only: bool,
    later: int | None = None,
    needed: Iterable[Path] = (),
    keeps_network: bool = False,
) -> Outcomes:
    """Leave the machine's namespaces. The layer ``NAMESPACES``.

    is_read_only : whether no file of any mount can be changed any more.
    later : the user that this process will become, if it is root now: in folders that are closed to that user, it sees what is
        ``needed`` and nothing else.
    keeps_network : the others are left all the same; the layer does not hold then.
    """
    own = _OWN & ~_NETWORK if keeps_network else _OWN
    number = number_of("unshare")
    if sys.platform != "linux" or number is None:
        return {NAMESPACES: f"{sys.platform} on this processor has no namespaces that are known here"}
    user, group = os.geteuid(), os.getegid()
    status = system_call(number, own)
    if status < 0:
        status = system_call(number, own | _USER)
        if status < 0:
            return {NAMESPACES: f"none may be made here ({os.strerror(-status)})"}
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        except OSError as error:
            return {NAMESPACES: f"a user namespace may not be used here ({error.strerror})"}
    status = _call("mount", b"none\0", b"/\0", None, _PRIVATE_ALL, None)
    # Only root may do this (from Linux 5.8 on). Without it, Landlock still lets a process read no folder of /proc but its own.
    _call(
        "mount",
        b"proc\0",
        b"/proc\0",
        b"proc\0",
        _NO_SET_USER_ID | _NO_DEVICES | _NO_PROGRAMS,
        b"hidepid=ptraceable\0",
    )
    if status == 0 and later is not None and user == 0:
        with suppress(OSError):  # then the layer ``USER`` does not hold, and says what cannot be read
            _open_ways(later, needed)
    if status == 0 and is_read_only:
        attributes = struct.pack("QQQQ", _READ_ONLY | _NO_SET_USER_ID, 0, 0, 0)
        status = _call("mount_setattr", _HERE, b"/\0", _ALL_BELOW, attributes, len(attributes))
    if status < 0:
        return {NAMESPACES: f"its mounts could not be closed ({os.strerror(-status)})"}
    return {NAMESPACES: SHARED_NETWORK if keeps_network else ""}


def _open_ways(user: int, needed: Iterable[Path]) -> None:
    """If a folder on the way to a needed path (a home, say) is closed to the user, mount a folder over it with that path only."""
    closed: dict[Path, list[Path]] = {}
    for path in sorted({*needed, *(path.resolve() for path in needed)}):
        shut = next((folder for folder in reversed(path.parents) if not _is_open(folder, user)), None)
        if shut is not None and path.exists():
            below = closed.setdefault(shut, [])
            if not any(path.is_relative_to(other) for other in below):
                below.append(path)
    for folder, below in closed.items():
        opened = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in below]
        status = _call(
            "mount", b"none\0", _text(folder), b"tmpfs\0", _NO_SET_USER_ID | _NO_DEVICES, b"mode=0755\0"
        )
        for path, descriptor in opened:
            source = Path(f"/proc/self/fd/{descriptor}")
            if status == 0:
                (path if source.is_dir() else path.parent).mkdir(parents=True, exist_ok=True)
                if not source.is_dir():
                    path.touch()
                _call("mount", _text(source), _text(path), None, _BIND, None)
            os.close(descriptor)


def _is_open(folder: Path, user: int) -> bool:
    try:
        status = folder.stat()
    except OSError:
        return True
    mode = status.st_mode
    return bool(mode & (0o100 if status.st_uid == user else 0o010 if status.st_gid == user else 0o001))


def _text(path: Path) -> bytes:
    return os.fsencode(path) + b"\0"


def _call(name: str, *arguments: int | bytes | None) -> int:
    number = number_of(name)
    assert number is not None
    return system_call(number, *arguments)

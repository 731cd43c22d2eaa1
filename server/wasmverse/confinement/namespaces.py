"""Namespaces: a network, IPC, host name and mounts of a process's own, made where the kernel allows it.

In the network there is not even a loopback; in the mounts, for who changes no file, everything is read-only. Root makes them
as they are, and a /proc that shows no process of others. Anybody else makes a user namespace for them first and stays in it
the user that they were. Needs a process of one thread. The numbers are those of <linux/sched.h> and <linux/mount.h>.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

from wasmverse.confinement.calls import number_of
from wasmverse.confinement.layers import NAMESPACES, Outcomes
from wasmverse.confinement.prctl import system_call

_MOUNTS, _HOST_NAME, _IPC, _USER, _NETWORK = 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x40000000
_OWN = _MOUNTS | _HOST_NAME | _IPC | _NETWORK
_PRIVATE_ALL = 0x4000 | 1 << 18
_HERE = -100
_ALL_BELOW = 0x8000
_READ_ONLY, _NO_SET_USER_ID, _NO_DEVICES, _NO_PROGRAMS = 0x1, 0x2, 0x4, 0x8


def separate(*, is_read_only: bool) -> Outcomes:
    """Leave the machine's namespaces; ``is_read_only``: no file of any mount can be changed. The layer ``NAMESPACES``."""
    number = number_of("unshare")
    if sys.platform != "linux" or number is None:
        return {NAMESPACES: f"{sys.platform} on this processor has no namespaces that are known here"}
    user, group = os.geteuid(), os.getegid()
    status = system_call(number, _OWN)
    if status < 0:
        status = system_call(number, _OWN | _USER)
        if status < 0:
            return {NAMESPACES: f"none may be made here ({os.strerror(-status)})"}
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        except OSError as error:
            return {NAMESPACES: f"a user namespace may not be used here ({error.strerror})"}
    status = _call("mount", b"none\0", b"/\0", None, _PRIVATE_ALL, None)
    # Only root may (Linux 5.8 on); without it a process still reads no folder of /proc but its own where Landlock is.
    _call(
        "mount",
        b"proc\0",
        b"/proc\0",
        b"proc\0",
        _NO_SET_USER_ID | _NO_DEVICES | _NO_PROGRAMS,
        b"hidepid=ptraceable\0",
    )
    if status == 0 and is_read_only:
        attributes = struct.pack("QQQQ", _READ_ONLY | _NO_SET_USER_ID, 0, 0, 0)
        status = _call("mount_setattr", _HERE, b"/\0", _ALL_BELOW, attributes, len(attributes))
    return {NAMESPACES: f"its mounts could not be closed ({os.strerror(-status)})" if status < 0 else ""}


def _call(name: str, *arguments: int | bytes | None) -> int:
    number = number_of(name)
    assert number is not None
    return system_call(number, *arguments)

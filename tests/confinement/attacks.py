"""What code that has taken over a confined process may try. Each attempt returns how it was refused, or "" if it worked.

None of them needs anything but the standard library, and all of it is loaded before the process is confined.
"""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401 - what a name of a host is looked up with
import errno
import os
import resource
import signal
import socket
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wasmverse.confinement.calls import number_of
from wasmverse.confinement.prctl import system_call

REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ESRCH, errno.ENOENT, errno.EROFS}
REFUSALS |= {errno.ENETUNREACH, errno.ECONNREFUSED}
"""The errors of a refusal: not permitted, or as if the kernel did not have the call."""


class Targets:
    """What an attacker aims at: given by the test as a dict."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.victim: int = facts["victim"]
        self.udp_port: int = facts["udp_port"]
        self.tcp_port: int = facts["tcp_port"]
        self.abstract: str = facts["abstract"]
        self.secret = Path(facts["secret"])
        self.folder = Path(facts["folder"])


def call(name: str, *arguments: int | bytes | None) -> None:
    """A bare system call; raises OSError as Python's own do."""
    number = number_of(name)
    assert number is not None, name
    status = system_call(number, *arguments)
    if status < 0:
        raise OSError(-status, name)


def in_child(action: Callable[[], object]) -> None:
    """In a child where one may be had, else here: what succeeds would end the process."""
    try:
        child = os.fork()
    except OSError:
        action()
        return
    if child == 0:
        try:
            action()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise OSError(status, "in a child")


def fork(_: Targets) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def run_program(_: Targets) -> None:
    in_child(lambda: os.execv("/bin/true", ["true"]))


def run_program_by_libc(_: Targets) -> None:
    subprocess.run(["/bin/true"], check=True)


def run_memory_file(_: Targets) -> None:
    descriptor = os.memfd_create("program", 0)
    os.write(descriptor, b"#!/bin/true\n")
    in_child(lambda: os.execve(descriptor, ["program"], {}))


def run_by_descriptor(_: Targets) -> None:
    descriptor = os.open("/proc/self/exe", os.O_RDONLY)
    empty = struct.pack("Q", 0)
    in_child(lambda: call("execveat", descriptor, b"\0", empty, empty, 0x1000))


def signal_victim(targets: Targets) -> None:
    os.kill(targets.victim, 0)


def signal_victim_by_thread(targets: Targets) -> None:
    call("tgkill", targets.victim, targets.victim, 0)


def signal_victim_by_owner(targets: Targets) -> None:
    ours, _theirs = socket.socketpair()
    call("fcntl", ours.fileno(), 8, targets.victim)  # F_SETOWN


def signal_group(_: Targets) -> None:
    os.killpg(os.getpgid(0), 0)


def open_process(targets: Targets) -> None:
    os.close(os.pidfd_open(targets.victim))


def debug_victim(targets: Targets) -> None:
    call("ptrace", 0x4206, targets.victim, 0, 0)  # PTRACE_SEIZE


def read_victim_memory(targets: Targets) -> None:
    local = ctypes.create_string_buffer(8)
    remote = struct.pack("QQ", ctypes.addressof(local), 8)
    call("process_vm_readv", targets.victim, remote, 1, remote, 1, 0)


def look_at_victim(targets: Targets) -> None:
    Path(f"/proc/{targets.victim}/cmdline").read_bytes()


def look_at_victim_environment(targets: Targets) -> None:
    Path(f"/proc/{targets.victim}/environ").read_bytes()


def list_processes(_: Targets) -> None:
    list(Path("/proc").iterdir())


def slow_victim(targets: Targets) -> None:
    os.setpriority(os.PRIO_PROCESS, targets.victim, 19)


def pin_victim(targets: Targets) -> None:
    os.sched_setaffinity(targets.victim, os.sched_getaffinity(0))


def send_udp(targets: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        attempt.sendto(b"secret", ("127.0.0.1", targets.udp_port))


def connect_tcp(targets: Targets) -> None:
    socket.create_connection(("127.0.0.1", targets.tcp_port)).close()


def listen_tcp(_: Targets) -> None:
    socket.create_server(("127.0.0.1", 0)).close()


def connect_abstract(targets: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as attempt:
        attempt.connect(f"\0{targets.abstract}")


def make_socket_pair(_: Targets) -> None:
    for end in socket.socketpair():
        end.close()


def talk_to_kernel(_: Targets) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()


def read_secret(targets: Targets) -> None:
    targets.secret.read_bytes()


def read_accounts(_: Targets) -> None:
    Path("/etc/passwd").read_bytes()


def list_root(_: Targets) -> None:
    list(Path("/").iterdir())


def write_file(targets: Targets) -> None:
    (targets.folder / "new").write_text("text")


def overwrite_code(_: Targets) -> None:
    os.close(os.open(__file__, os.O_WRONLY))


def make_folder(targets: Targets) -> None:
    (targets.folder / "folder").mkdir()


def remove_file(targets: Targets) -> None:
    (targets.folder / "old").unlink()


def change_mode(targets: Targets) -> None:
    targets.folder.chmod(0o700)


def change_owner(targets: Targets) -> None:
    os.chown(targets.folder, os.getuid(), os.getgid())


def change_times(targets: Targets) -> None:
    os.utime(targets.folder)


def make_own_namespace(_: Targets) -> None:
    in_child(lambda: call("unshare", 0x10000000))


def clone_into_namespace(_: Targets) -> None:
    number = number_of("clone")
    assert number is not None
    status = system_call(number, 0x10000000 | signal.SIGCHLD, None, None, None, None)
    if status == 0:
        os._exit(0)
    if status < 0:
        raise OSError(-status, "clone")
    os.waitpid(status, 0)


def clone_by_new_call(_: Targets) -> None:
    call("clone3", None, 0)


def mount_something(targets: Targets) -> None:
    call("mount", b"none\0", os.fsencode(targets.folder), b"tmpfs\0", 0, None)
    call("umount2", os.fsencode(targets.folder), 2)


def change_root(targets: Targets) -> None:
    in_child(lambda: os.chroot(targets.folder))


def become_root(_: Targets) -> None:
    in_child(lambda: os.setresuid(0, 0, 0) if os.getuid() else os.setresuid(12345, 12345, 12345))


def raise_limits(_: Targets) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    call("prlimit64", 0, resource.RLIMIT_NOFILE, struct.pack("QQ", hard + 1, hard + 1), None)


def limit_victim(targets: Targets) -> None:
    resource.prlimit(targets.victim, resource.RLIMIT_CORE, (0, 0))


def use_io_uring(_: Targets) -> None:
    call("io_uring_setup", 1, bytes(120))


def use_keys(_: Targets) -> None:
    call("keyctl", 0, -3 & (1 << 64) - 1, 0)  # KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING


def add_key(_: Targets) -> None:
    call("add_key", b"user\0", b"wasmverse\0", b"x", 1, -2 & (1 << 64) - 1)


def change_personality(_: Targets) -> None:
    call("personality", 0xFFFFFFFF)


def fault_by_hand(_: Targets) -> None:
    call("userfaultfd", 1)


def watch_events(_: Targets) -> None:
    # A counter of software events in its own process, and none of the kernel's.
    attributes = struct.pack("IIQQQQQ", 1, 128, 0, 0, 0, 0, 1 << 5 | 1 << 6) + bytes(80)
    call("perf_event_open", attributes, 0, -1 & (1 << 64) - 1, -1 & (1 << 64) - 1, 0)


def load_kernel_program(_: Targets) -> None:
    call("bpf", 0, struct.pack("IIIII", 2, 4, 8, 1, 0) + bytes(108), 128)  # BPF_MAP_CREATE of one array


def open_by_handle(_: Targets) -> None:
    call("name_to_handle_at", -100 & (1 << 64) - 1, b"/\0", bytes(136), bytes(8), 0)


def type_on_terminal(_: Targets) -> None:
    end, _other = os.pipe()
    call("ioctl", end, 0x5412, b"x")  # TIOCSTI; on a terminal it would type


def set_clock(_: Targets) -> None:
    call("clock_settime", 0, struct.pack("qq", -1, 0))


def write_process_memory(_: Targets) -> None:
    os.close(os.open("/proc/self/mem", os.O_WRONLY))


LANDLOCK, SECCOMP, PRIVILEGES, NAMESPACES, USERS = "landlock", "seccomp", "privileges", "namespaces", "users"
PROCESSES = "processes"
_FILES_BY = {LANDLOCK}
_CALLS_BY = {SECCOMP}
_BOTH = {LANDLOCK, SECCOMP}

HELD_BY: dict[Callable[[Targets], None], set[str]] = {
    fork: _CALLS_BY,
    run_program: _BOTH,
    run_program_by_libc: _BOTH,
    run_memory_file: _BOTH,
    run_by_descriptor: _BOTH,
    signal_victim: {*_BOTH, PROCESSES},
    signal_victim_by_thread: {*_BOTH, PROCESSES},
    signal_victim_by_owner: {*_CALLS_BY, PROCESSES},
    signal_group: _CALLS_BY,
    open_process: {*_CALLS_BY, PROCESSES},
    debug_victim: {*_BOTH, PROCESSES},
    read_victim_memory: {*_BOTH, PROCESSES},
    look_at_victim: _FILES_BY,
    look_at_victim_environment: _FILES_BY,
    list_processes: _FILES_BY,
    slow_victim: {*_CALLS_BY, PROCESSES},
    pin_victim: {*_CALLS_BY, PROCESSES},
    send_udp: {*_CALLS_BY, NAMESPACES},
    connect_tcp: {*_BOTH, NAMESPACES},
    listen_tcp: _BOTH,
    connect_abstract: {*_BOTH, NAMESPACES},
    make_socket_pair: _CALLS_BY,
    talk_to_kernel: _CALLS_BY,
    read_secret: _FILES_BY,
    read_accounts: _FILES_BY,
    list_root: _FILES_BY,
    write_file: {*_FILES_BY, NAMESPACES},
    overwrite_code: {*_FILES_BY, NAMESPACES},
    write_process_memory: _FILES_BY,
    make_folder: {*_BOTH, NAMESPACES},
    remove_file: {*_BOTH, NAMESPACES},
    change_mode: {*_CALLS_BY, NAMESPACES},
    change_owner: {*_CALLS_BY, NAMESPACES},
    change_times: {*_CALLS_BY, NAMESPACES},
    make_own_namespace: _CALLS_BY,
    clone_into_namespace: _CALLS_BY,
    clone_by_new_call: _CALLS_BY,
    use_io_uring: _CALLS_BY,
    use_keys: _CALLS_BY,
    add_key: _CALLS_BY,
    change_personality: _CALLS_BY,
    type_on_terminal: _CALLS_BY,
    limit_victim: {*_CALLS_BY, PROCESSES},
    mount_something: {*_BOTH, PRIVILEGES},
    change_root: {SECCOMP, PRIVILEGES},
    become_root: {SECCOMP, PRIVILEGES},
    raise_limits: {PRIVILEGES},
    fault_by_hand: _CALLS_BY,
    watch_events: _CALLS_BY,
    load_kernel_program: {SECCOMP, PRIVILEGES},
    open_by_handle: _CALLS_BY,
    set_clock: _CALLS_BY,
}
"""Attempt -> the layers that refuse it, each of them on its own."""

WORK_ANYWHERE = {
    fork,
    run_program,
    run_memory_file,
    signal_victim,
    signal_victim_by_owner,
    open_process,
    send_udp,
    connect_tcp,
    listen_tcp,
    connect_abstract,
    make_socket_pair,
    look_at_victim,
    list_processes,
    read_secret,
    read_accounts,
    list_root,
    write_file,
    make_folder,
    remove_file,
    change_mode,
    change_times,
    limit_victim,
}
"""What works for every user on every Linux once no layer holds: that it does shows that the attempt is a real one."""


def attempt_all(facts: dict[str, Any]) -> dict[str, str]:
    """Name -> how it was refused; "" for what worked, or failed for another reason than the confinement."""
    targets = Targets(facts)
    found = {}
    for attempt in HELD_BY:
        try:
            attempt(targets)
            found[attempt.__name__] = ""
        except OSError as error:
            refused = error.errno in REFUSALS
            found[attempt.__name__] = errno.errorcode.get(error.errno or 0, "?") if refused else ""
        except subprocess.SubprocessError as error:
            found[attempt.__name__] = type(error).__name__
    return found


def unrefused(found: dict[str, str]) -> list[str]:
    """The attempts that worked. All of ours must have been made, else nothing is shown."""
    assert found.keys() >= {attempt.__name__ for attempt in HELD_BY}
    return [name for name, refusal in found.items() if not refusal]

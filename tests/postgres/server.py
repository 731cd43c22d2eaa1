"""A PostgreSQL server in a scratch folder, for tests: started in half a second, killed, stopped and filled up at will.

No server of the machine is touched. It listens on a Unix socket in its folder and on a free port of the loopback interface,
both with a password that only this process knows, and ends with this process, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg

from tests.postgres.installed import as_owner, environment, owner, programs

PATIENCE_SECONDS = 60
ADMIN = "wasmverse"
"""The superuser of every test server."""

CONFIGURATION: dict[str, str | int] = {
    "listen_addresses": "'127.0.0.1'",
    "max_connections": 60,
    "shared_buffers": "'64MB'",
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'30min'",
    "wal_compression": "lz4",
    "max_prepared_transactions": 64,
    "jit": "off",
    # A killed process leaves what it wrote to the kernel. Only the loss of the machine would need the disk's word.
    "fsync": "off",
    "autovacuum_naptime": "'5s'",
    "log_line_prefix": "'%m [%p] %d '",
    "log_lock_waits": "on",
    "restart_after_crash": "on",
}
"""postgresql.conf, as the measurements advise it, scaled down; `Server(fsync="on")` and the like change it."""


class Server:
    """One server (a "cluster" in PostgreSQL's words) with its folder; `start` before use, `remove` at the end.

    configuration, environment : of its next start; may be changed
    """

    def __init__(
        self, parent: Path | None = None, *, copy_of: Server | None = None, **configuration: str | int
    ) -> None:
        """Make the folder, in ``parent`` or where there is room, and in it an empty cluster, or a running server's base backup.

        Nothing runs yet.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="wv-pg-", dir=parent or scratch()))
        os.chown(self.folder, *owner())
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.password = copy_of.password if copy_of else secrets.token_urlsafe(12)
        self.port = 0
        self.configuration = CONFIGURATION | (copy_of.configuration if copy_of else {}) | configuration
        self.environment = environment()
        self.process: subprocess.Popen[bytes] | None = None
        if copy_of is not None:
            options = ["--checkpoint=fast", "--no-sync", f"--dbname={copy_of.url()}", "--write-recovery-conf"]
            self._make("pg_basebackup", options)
            return
        secret = self.folder / "password"
        secret.write_text(self.password)
        os.chown(secret, *owner())
        options = [
            "--auth=scram-sha-256",
            f"--username={ADMIN}",
            f"--pwfile={secret}",
            "--no-sync",
            "--no-instructions",
        ]
        self._make("initdb", [*options, "--encoding=UTF8", "--locale=C", "--data-checksums"])
        secret.unlink()

    def _make(self, program: str, options: list[str]) -> None:
        command = as_owner([programs() / program, f"--pgdata={self.data}", *options])
        made = subprocess.run(
            command, capture_output=True, text=True, env=environment(), cwd="/", check=False
        )
        if made.returncode != 0:
            raise RuntimeError(made.stderr)

    # ---- its life

    def start(self, **configuration: str | int) -> None:
        """Start, and wait until it answers. After a kill it keeps its port, so that clients find it again."""
        self.configuration |= configuration
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.begin()
            while not self._is_ready():
                assert self.process is not None
                if self.process.poll() is not None:
                    break
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.01)
            else:
                return
            # The port was taken meanwhile, or processes of a killed server still hold its shared memory.
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def begin(self) -> None:
        """Start, without waiting for anything."""
        assert self.process is None or self.process.poll() is not None
        self.port = self.port or free_port()
        settings = {**self.configuration, "port": self.port, "unix_socket_directories": f"'{self.folder}'"}
        (self.data / "postgresql.conf").write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
        command = as_owner([programs() / "postgres", "-D", self.data], end_with_parent=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd="/",
                start_new_session=True,
            )

    def _is_ready(self) -> bool:
        """The last line of postmaster.pid says so."""
        assert self.process is not None
        with contextlib.suppress(FileNotFoundError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"
        return False

    def stop(self) -> None:
        """Shut down in order, ending all sessions."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def kill(self) -> None:
        """kill -9 of the whole server at once: the postmaster and all its children."""
        every = self._signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(PATIENCE_SECONDS)
        wait_until(psutil.STATUS_ZOMBIE, every)

    def kill_postmaster(self) -> None:
        """kill -9 of the first process alone; the others notice and end."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def remove(self) -> None:
        """End it, however it is, and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self.kill()
        shutil.rmtree(self.folder)

    # ---- its processes

    def processes(self) -> list[psutil.Process]:
        """The postmaster and all its children."""
        assert self.process is not None
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def freeze(self) -> None:
        """SIGSTOP for all its processes: it neither answers nor refuses."""
        wait_until(psutil.STATUS_STOPPED, self._signal(signal.SIGSTOP))

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> list[psutil.Process]:
        """Signal all its processes; the first is stopped before the others are listed, so that it starts no more."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            wait_until(psutil.STATUS_STOPPED, self.processes()[:1])
        every = self.processes()
        for process in every:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return every

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far, those that have ended included."""
        total = 0.0
        for number, process in enumerate(self.processes()):
            # One that has just ended is collected by the first, and counts there from the next time on.
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
                if number == 0:
                    total += times.children_user + times.children_system
        return total

    # ---- its databases

    def url(self, database: str = "postgres", *, password: str | None = None, port: int | None = None) -> str:
        """Of a database, over the loopback interface. Without a port, the server's own: a proxy has another."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{ADMIN}:{secret}@127.0.0.1:{port or self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """Of a database, over the Unix socket."""
        where = quote(str(self.folder), safe="")
        return f"postgresql://{ADMIN}:{quote(self.password, safe='')}@{where}:{self.port}/{database}"

    @contextlib.contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A session of the superuser in autocommit mode."""
        with psycopg.connect(
            self.url(database), autocommit=True, connect_timeout=PATIENCE_SECONDS
        ) as connection:
            yield connection

    def create_database(self, name: str | None = None) -> str:
        """Make an empty database; its name."""
        name = name or f"test_{secrets.token_hex(4)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, its sessions and the transactions that were left prepared in it."""
        with self.connect(name) as connection:
            left = connection.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
            for (gid,) in left.fetchall():
                connection.execute(f"ROLLBACK PREPARED '{gid}'")
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def wait_until(status: str, processes: list[psutil.Process]) -> None:
    """Wait until all have it, or are gone: a process that has ended may stay a zombie until somebody collects it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    ended = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD, None}
    while not {status_of(process) for process in processes} <= {status, *ended}:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def status_of(process: psutil.Process) -> str | None:
    """As psutil says it; None if there is no such process any more."""
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return None


def scratch() -> Path:
    """A folder with a short name, for that of a socket has at most 107 bytes; in memory, if there is room for some servers."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30 else Path("/tmp")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

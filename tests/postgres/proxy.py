"""A network that fails on purpose: passes a server's connections on, and cuts or swallows them when a test says so."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from enum import Enum
from types import TracebackType


class Cut(Enum):
    """When a connection is cut, seen from the statement that a test has chosen."""

    BEFORE = "the server never gets the statement"
    AFTER = "the server carries it out, and its answer is lost"


class Proxy:
    """Passes bytes between clients and a server's port on the loopback interface, each direction in a thread of its own.

    cuts : how many connections were cut so far, because of `cut_at`
    delay_seconds : how long everything that a client sends is on its way; may be changed
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.cuts = 0
        self.delay_seconds = 0.0
        self._pattern: bytes | None = None
        self._cut = Cut.BEFORE
        self._then: Callable[[], object] = lambda: None
        self._refuses = False
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._listener.close()
        self.cut_all()
        self._flows.set()

    # ---- what may go wrong

    def cut_at(self, pattern: bytes, cut: Cut, then: Callable[[], object] = lambda: None) -> None:
        """Cut the connection that is the next to send these bytes, once, and right before do what else is to happen then."""
        with self._lock:
            self._pattern, self._cut, self._then = pattern, cut, then

    def forget(self) -> None:
        """Cut nothing that was not cut yet."""
        with self._lock:
            self._pattern = None

    def cut_all(self) -> None:
        """Cut every connection now; new ones are welcome."""
        with self._lock:
            every = list(self._open)
        for end in every:
            close(end)

    def refuse(self) -> None:
        """Cut every connection, and new ones at once, until `heal`."""
        self._refuses = True
        self.cut_all()

    def swallow(self) -> None:
        """From now on pass nothing on, in neither direction, without closing anything: a cable is pulled."""
        self._flows.clear()

    def heal(self) -> None:
        """Pass on again; what was swallowed meanwhile arrives now."""
        self._refuses = False
        self._flows.set()

    # ---- how it works

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                close(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port), timeout=5)
            except OSError:
                close(client)
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            # Set when the answer that comes next is to be lost.
            answer_is_lost = threading.Event()
            for source, target, asks in ((client, server, True), (server, client, False)):
                arguments = (source, target, asks, answer_is_lost)
                threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, asks: bool, answer_is_lost: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if asks and self.delay_seconds:
                    time.sleep(self.delay_seconds)
                self._flows.wait()
                if asks and (cut := self._is_chosen(data)) is not None:
                    if cut is Cut.BEFORE:
                        self._then()
                        break
                    answer_is_lost.set()
                elif not asks and answer_is_lost.is_set():
                    self._then()
                    break
                target.sendall(data)
        for end in (source, target):
            close(end)
        with self._lock:
            self._open -= {source, target}

    def _is_chosen(self, data: bytes) -> Cut | None:
        with self._lock:
            if self._pattern is None or self._pattern not in data:
                return None
            self._pattern = None
            self.cuts += 1
            return self._cut


def close(end: socket.socket) -> None:
    """Close a connection that another thread may be reading from."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()

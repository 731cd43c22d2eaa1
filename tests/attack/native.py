"""A process that answers statements as a reader does, and says what became of each.

    python -m tests.attack.native FOLDER

It reads a JSON list of statements a line from standard input, and writes a line before each (its number) and one after it (JSON).
A crash or a hang of it is a finding, so ``Native``, the side that asks, outlives it.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from wasmverse.confinement.privileges import limit_resources
from wasmverse.query.query import Format, Query
from wasmverse.reader.process import data_bytes

MEMORY_BYTES = 1 << 30
SECONDS_MAX = 1.0
"""Then a statement is interrupted."""
GRACE_SECONDS = 9.0
"""Which it must heed within this time, on a busy machine."""
START_SECONDS = 60.0
GROWTH_BYTES = 768 << 20
"""An engine that grows by so much for one statement did not count what it took."""
RETIRED = b"retired"
FORMATS: tuple[Format, ...] = ("tuples", "rows", "arrow", "csv")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement did: ``ok``, ``error`` (an ordinary one), or a finding (``crash``, ``internal``, ``poison``, ``hang``,
    ``memory``, ``unreadable``)."""

    kind: str
    detail: str = ""
    peak_bytes: int = 0
    """Of a crash, the most memory that the process had."""

    @property
    def may_be_memory(self) -> bool:
        """Whether a crash may be one of native code that was denied memory: then much of it was in use."""
        return self.kind == "crash" and self.peak_bytes > MEMORY_BYTES // 2

    @property
    def is_finding(self) -> bool:
        return self.kind not in {"ok", "error"}


class Answering:
    """The engine of a reader, within a reader's limits, without the other dialect: its words are not these."""

    def __init__(self, folder: Path) -> None:
        from wasmverse.query.readers import reader_config
        from wasmverse.reader import dialect
        from wasmverse.reader.engine import Engine
        from wasmverse.settings import Settings

        dialect.translate = lambda sql, *_: None  # type: ignore[assignment]
        settings = Settings(
            reader_memory_bytes_max=MEMORY_BYTES, query_rows_max=3000, query_bytes_max=1 << 22
        )
        self.config = asdict(reader_config(settings, folder))
        self.engine = Engine(self.config)
        self._deadline = 0.0
        self._count = 0
        self.is_spent = False
        self._own_bytes = data_bytes()
        limit_resources(self._own_bytes + MEMORY_BYTES, 1 << 20)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(0.05)
            if self._deadline and time.monotonic() > self._deadline:
                self.engine.interrupt()

    def run(self, sql: str) -> Outcome:
        self._count += 1
        form = FORMATS[self._count % len(FORMATS)]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._deadline = time.monotonic() + SECONDS_MAX
        head, body = self._ask(sql, form, [1] * sql.count("?"))
        self._deadline = 0.0
        self.is_spent = self._would_retire()
        outcome = Outcome("ok")
        if "ends" in head:
            self.is_spent = True
            return Outcome("internal", str(head["ends"])[:400])
        if "error" in head:
            outcome = Outcome("error", f"{head['code']} {head['error']}"[:200])
            for _ in range(2):  # the interrupt may come late, and is then for this one
                last, after = self._ask("select 42 as n", "rows", [])
                if after == b'{"results":[{"rows":[{"n":42}]}]}':
                    break
            else:
                # A reader that holds so much would have been replaced before it was asked again.
                is_poisoned = not self._would_retire()
                self.is_spent = True
                if is_poisoned:
                    return Outcome("poison", f"{outcome.detail}; then {last}")
        else:
            try:
                read(body, form)
            except MemoryError:
                self.is_spent = (
                    True  # there was room for the answer, and none left to read it within the same process
                )
            except Exception as error:
                return Outcome("unreadable", f"{form}: {error}: {body[:200]!r}")
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        return outcome if grown < GROWTH_BYTES else Outcome("memory", f"{grown >> 20} MiB; {outcome.detail}")

    def _would_retire(self) -> bool:
        return data_bytes() > self._own_bytes + MEMORY_BYTES // 2

    def _ask(self, sql: str, form: Format, args: list[Any]) -> tuple[Any, bytes]:
        return self.engine.answer(Query(sql, orjson.dumps(args), 1, form))


def read(body: bytes, form: str) -> None:
    """Read an answer as a strict client does."""
    if form == "arrow":
        import pyarrow as pa

        pa.ipc.open_stream(body).read_all()
    elif form == "csv":
        body.decode()
    else:
        json.loads(body, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def run_lines(folder: Path) -> None:
    """Answer batches from standard input until it ends, or until a reader would end or retire: what a lost engine holds, or the
    allocator has kept in pieces, is not to meet the limit of data in an innocent statement."""
    answering = Answering(folder)
    for line in sys.stdin:
        for number, sql in enumerate(json.loads(line)):
            os.write(1, b"%d\n" % number)
            outcome = answering.run(sql)
            os.write(1, json.dumps([outcome.kind, outcome.detail]).encode() + b"\n")
            if answering.is_spent:
                os.write(1, RETIRED + b"\n")
                os._exit(0)
        os.write(1, b"end\n")


class Native:
    """Runs batches of statements in such a process, and in a new one after each that is lost."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 closed by who made this

    def run(self, statements: list[str]) -> list[Outcome]:
        """What became of each."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(statements):
            process = self._started()
            assert process.stdin is not None
            process.stdin.write(json.dumps(statements[len(outcomes) :]).encode() + b"\n")
            process.stdin.flush()
            seconds = START_SECONDS
            while (line := self._line(seconds)) not in {b"end", RETIRED, b"", None}:
                seconds = SECONDS_MAX + GRACE_SECONDS
                assert line is not None
                if line.startswith(b"["):
                    outcomes.append(Outcome(*json.loads(line)))
            if line == RETIRED:
                self.close()
            elif line != b"end":
                outcomes.append(self._lost(line is None))
        return outcomes

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.attack.native", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
            )
            self._buffer = b""
        return self._process

    def _line(self, seconds: float) -> bytes | None:
        """The next line; empty at the end of the process, None if the time is over."""
        assert self._process is not None and self._process.stdout is not None
        until = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return None
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                return b""
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def _lost(self, is_hang: bool) -> Outcome:
        assert self._process is not None
        if is_hang:
            self._process.kill()
        _, status, usage = os.wait4(self._process.pid, 0)
        code = self._process.returncode = os.waitstatus_to_exitcode(status)
        self.close()
        assert code <= 0, f"the process ended by itself with {code}: {self._last_words()}"
        if is_hang:
            return Outcome("hang", f"did not heed its interrupt for {GRACE_SECONDS} s")
        return Outcome("crash", signal.Signals(-code).name, usage.ru_maxrss << 10)

    def _last_words(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").splitlines(keepends=True)
        # Objects that the bindings still had at the end are told of too, hundreds of lines.
        return "".join(line for line in lines if "leaked" not in line)[-4000:]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            self._process = None


if __name__ == "__main__":
    run_lines(Path(sys.argv[1]))

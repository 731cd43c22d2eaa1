"""`wasmverse universe recover`: make a universe of what is sound in a damaged log, and keep the files as they were.

All is tried on copies, each in a process of its own (``python -m wasmverse.storage.duckdb.recover COPY``), since native code that
reads damaged bytes may end its process. What opens is checked as at every start. Only then is it put in the place of the old
files.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from wasmverse.errors import DatabaseDamaged, DatabaseError, WasmverseError
from wasmverse.settings import Settings
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.failure import damage, disk_failure
from wasmverse.storage.duckdb.file_lock import locked, sync
from wasmverse.storage.duckdb.log import logs_of, read_log
from wasmverse.storage.duckdb.store import DuckdbStore
from wasmverse.text import printable
from wasmverse.universe.cache import base_folder, keep_on_disk

TRIAL_SECONDS_MAX = 1_800
HEADER_BITS_MAX = 8
"""A header in which more is wrong is another log's."""


class Trial(NamedTuple):
    """How a copy opened: its last turn and the hash of its state, or what was said of it."""

    tid: int
    state: str
    refusal: str = ""


def recover(path: Path) -> str:
    """Have a universe open at its last whole turn; returns what was done, for a person.

    Raises
    ------
    DatabaseDamaged : the file itself is damaged, not only its log. Nothing was changed.
    DatabaseError : there is no such file, it is in use, or there is no room for a copy. Nothing was changed.
    """
    if not path.is_file():
        raise DatabaseError(f"{path} is no file: name the universe to recover with --db")
    try:
        with (
            locked(path, "recover"),
            tempfile.TemporaryDirectory(prefix=".recover-", dir=path.parent) as folder,
        ):
            return _recover(path, Path(folder) / path.name)
    except OSError as error:
        raise disk_failure(error, path) or DatabaseError(
            f"{error.filename or path}: {error.strerror}; nothing was recovered"
        ) from error


def _recover(path: Path, copy: Path) -> str:
    logs = logs_of(path)
    as_it_is = _try(path, copy, None)
    if not as_it_is.refusal:
        return f"{path} opens at turn {as_it_is.tid:,}: there is nothing to recover, and nothing was changed"
    main = path.with_name(f"{path.name}.wal")
    data = main.read_bytes() if main.exists() else b""
    last = as_it_is
    for log in _sound_parts(path, copy, data):
        last = _try(path, copy, log)
        if not last.refusal:
            break
    else:
        raise DatabaseDamaged(
            f"{path} cannot be recovered: {last.refusal}. Nothing was changed: restore a copy of the file"
        )
    kept = _put_in_place(path, copy, logs)
    used = (
        f"{len(log):,} of {len(data):,} bytes of its log" if log else "the last checkpoint, without its log"
    )
    return (
        f"{path} goes on from turn {last.tid:,}, made of {used} ({as_it_is.refusal}). "
        f"The old files are kept as {', '.join(map(str, kept))}"
    )


def _sound_parts(path: Path, copy: Path, data: bytes) -> Iterator[bytes]:
    """What may be left of a log, the longest first, and at last none of it."""
    if commits := read_log(data).commits:
        yield data[: commits[-1]]
    if data and (header := _expected_header(path, copy)):
        wrong = int.from_bytes(data[: len(header)], "little") ^ int.from_bytes(header, "little")
        # The number of the checkpoint stands at the end. A log that goes on from another one must never be used.
        number = header.rfind(b"\x67\0")
        goes_on_from_here = number > 0 and data[number : len(header)] == header[number:]
        repaired = header + data[len(header) :]
        commits = read_log(repaired).commits
        if goes_on_from_here and 0 < wrong.bit_count() <= HEADER_BITS_MAX and commits:
            yield repaired[: commits[-1]]
    yield b""


def _expected_header(path: Path, copy: Path) -> bytes:
    """How the log begins that goes with the file: DuckDB writes one."""
    _copy(path, copy, b"")
    _run(copy, "--begin-log")
    log = copy.with_name(f"{copy.name}.wal")
    data = log.read_bytes() if log.exists() else b""
    return data[: read_log(data).header_bytes]


def _try(path: Path, copy: Path, log: bytes | None) -> Trial:
    """Open a copy of the file with this log, or for None with the logs that it has; the copy is left as one file."""
    _copy(path, copy, log)
    said, status = _run(copy)
    try:
        trial = Trial(**json.loads(said))
        return trial._replace(refusal=trial.refusal.replace(str(copy), str(path)))
    except (ValueError, TypeError):
        how = signal.Signals(-status).name if -status in set(signal.Signals) else f"status {status}"
        return Trial(0, "", f"opening it ended its process, {how}")


def _run(copy: Path, *options: str) -> tuple[str, int]:
    command = [sys.executable, "-P", "-m", "wasmverse.storage.duckdb.recover", str(copy), *options]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        return "", -signal.SIGKILL
    return done.stdout.decode(errors="replace"), done.returncode


def _copy(path: Path, copy: Path, log: bytes | None) -> None:
    for old in copy.parent.iterdir():
        old.unlink()
    shutil.copy2(path, copy)
    if log is None:
        for name in logs_of(path):
            shutil.copy2(name, copy.parent)
    elif log:
        copy.with_name(f"{copy.name}.wal").write_bytes(log)


def _put_in_place(path: Path, copy: Path, logs: list[Path]) -> list[Path]:
    """The copy in the place of the file, whose old self and logs get other names; returns these.

    At no moment is there no file, or one whose log is used that does not belong to it.
    """
    number = 1
    while (kept := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    names = {path: kept} | {log: kept.with_name(kept.name + log.name.removeprefix(path.name)) for log in logs}
    for old, new in names.items():
        os.link(old, new)
    owner = path.stat()
    shutil.copymode(path, copy)
    with suppress(PermissionError):
        os.chown(copy, owner.st_uid, owner.st_gid)
    sync(copy)
    copy.replace(path)
    for log in logs:
        log.unlink()
    sync(path.parent)
    return list(names.values())


def main() -> None:
    """One trial: open the copy that is named, say how that went in one line of JSON, and leave it as one file."""
    keep_on_disk(base_folder())
    path = Path(sys.argv[1])
    if "--begin-log" in sys.argv:
        connection = duckdb.connect(str(path))
        connection.execute("CREATE TABLE begun (n INTEGER)")
        os._exit(0)  # without a checkpoint, which would end the log
    try:
        store = DuckdbStore(Database.open(path), Settings(database_path=path))
        trial = Trial(store.tid, store.state_hash())
        store.close()
    except Exception as error:
        known = damage(error, path) or error
        if isinstance(known, DatabaseDamaged) and known.found:
            said = known.found
        else:
            said = known.message if isinstance(known, WasmverseError) else f"{type(error).__name__}: {error}"
        trial = Trial(0, "", printable(said, 300))
    print(json.dumps(trial._asdict()), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()

"""A backup: one file with all of a universe at the end of a turn and its tokens, checked; and a universe made of one again.

It is the universe's own file, copied byte by byte with its log, and then opened like any other: that replays the log, and every
page and every entry has a checksum. A table says what it is a backup of; nobody can play a file that has it. While the universe
is played, who plays it says at the end of a turn which bytes to copy, and leaves those alone meanwhile
(``storage.backup_request``). A file has its name only once all that was checked is on the disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import sqlalchemy as sa

from wasmverse import __version__
from wasmverse.errors import DatabaseError, DatabaseForeign, DatabaseLocked, StateError, WasmverseError
from wasmverse.storage.audit import audit, audit_state
from wasmverse.storage.backup_request import LOOK_SECONDS, Copier, Held, reserve_bytes
from wasmverse.storage.duckdb.database import BACKUP_TABLE, Database, Transaction
from wasmverse.storage.duckdb.failure import damage, disk_failure
from wasmverse.storage.duckdb.file_lock import holder, locked, sync
from wasmverse.storage.duckdb.log import logs_of
from wasmverse.storage.duckdb.position import settle_position
from wasmverse.storage.duckdb.state_reader import read_state
from wasmverse.storage.duckdb.turn_store import read_laws
from wasmverse.storage.stored_state import StoredState
from wasmverse.storage.strategy_store import read_strategies
from wasmverse.storage.tokens import open_tokens
from wasmverse.text import printable
from wasmverse.tokens import Entry, token_path
from wasmverse.universe.digest import hash_in_order

CHUNK_BYTES = 8 << 20
"""After so many the disk is waited for: what piles up would hold up the next turn's commit."""

ROOM_BYTES = 64 << 20
"""What the disk must have left beside the copy and its log."""

ATTEMPTS = 3
"""A universe may be started or stopped while it is copied."""

COME_BACK_SECONDS = 10.0
"""A server that ended while its universe was copied may be started again: it cannot open a file that is being copied."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself; ``made_at`` in UTC, ``state_hash`` as a store says it."""

    tid: int
    next_eid: int
    state_hash: str
    ships: int
    nodes: int
    made_at: str
    made_by: str
    tokens: tuple[Entry, ...]

    @classmethod
    def of(cls, stored: StoredState, tokens: Sequence[Entry]) -> Backup:
        """A backup that is made now."""
        ships, nodes = (len(columns.sid) for columns in stored.state)
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        state_hash = hash_in_order(stored.state, stored.tid, stored.next_eid)
        return cls(stored.tid, stored.next_eid, state_hash, ships, nodes, moment, __version__, tuple(tokens))


def back_up(file: Path, target: Path, tell: Callable[[str], None], wait_seconds_max: float) -> Backup:
    """Make a backup of a universe, whether somebody plays it or not; the universe and its turns go on.

    Parameters
    ----------
    tell : is told each step, for a person.
    wait_seconds_max : how long to wait for the end of a turn.

    Raises
    ------
    DatabaseError : the target is there already, has no room, or cannot be written; the universe cannot be read.
    StateError : the universe holds what cannot be, or the copy differs from it.

    There is no file under the target's name then.
    """
    if not file.is_file():
        raise DatabaseError(f"{file} is no file: name a universe's file, or the URL of its database")
    with _new_file(target, file) as making:
        held = _copied(file, making, tell, wait_seconds_max)
        tell("checking the copy")
        tokens = open_tokens(file).entries()
        with _opened(making, is_beside_turns=True) as transaction:
            if BACKUP_TABLE in transaction.columns():
                raise DatabaseForeign(f"{file} is a backup already: copy it like any other file")
            settle_position(transaction)
            made = Backup.of(_checked_state(transaction), tokens)
            _write_row(transaction, made)
        if held is not None and made.state_hash != held.facts.state_hash:
            raise _differs(target, made, held.facts.tid, held.facts.state_hash)
        _compare(making, target, made, is_beside_turns=True)
    return made


def restore(backup: Path, target: Path, tell: Callable[[str], None]) -> Backup:
    """Make a universe of a backup, which stays as it is.

    Raises
    ------
    DatabaseError : the target is there already, has no room, or cannot be written; or ``backup`` is none.
    StateError : what the backup holds is not what was put into it.

    There is no file under the target's name then.
    """
    if not backup.is_file():
        raise DatabaseError(f"{backup} is no file: name a backup that `wasmverse universe backup` made")
    undo = ExitStack()
    with _new_file(target, backup, undo) as making:
        tell(f"copying {backup}")
        with locked(backup, "restore", is_shared=True):
            _copy_closed(backup, making)
        tell("checking the copy")
        with _opened(making) as transaction:
            row = _read_row(transaction, backup)
            settle_position(transaction)
            found = Backup.of(_checked_state(transaction), ())
            if found.state_hash != row.state_hash:
                raise _differs(backup, found, row.tid, row.state_hash)
            transaction.run(f"DROP TABLE {BACKUP_TABLE}")
        _compare(making, target, row)
        tokens = open_tokens(target)
        if tokens.entries():
            tell(f"{target} has tokens of its own, which are kept")
        elif row.tokens:
            # First, because a universe without its tokens may be open to everybody.
            tokens.put(list(row.tokens))
            undo.callback(_take_back, target, row.tokens)
    return row


def _take_back(target: Path, entries: Sequence[Entry]) -> None:
    """Remove these tokens of a universe that was not made, unless somebody has changed them."""
    with suppress(OSError, WasmverseError):
        if open_tokens(target).entries() == list(entries):
            token_path(target).unlink()


def read_backup(transaction: Transaction, path: Path) -> Backup | None:
    """What a file says that it is a backup of; None if it is none. Nothing of it is checked."""
    if BACKUP_TABLE not in transaction.columns():
        return None
    return _row(transaction.run_text(f"SELECT facts FROM {BACKUP_TABLE}"), path)


def _copied(file: Path, making: Path, tell: Callable[[str], None], wait_seconds_max: float) -> Held | None:
    """Copy the file and its log; what who plays said of them, None if nobody plays."""
    server = None
    for _ in range(ATTEMPTS):
        server = _holder_again(file) if server is not None else holder(file)
        try:
            if server is None:
                with locked(file, "back it up again", is_shared=True):
                    tell(f"copying {file}")
                    _copy_closed(file, making)
                return None
            tell(f"waiting for the end of a turn of {file}")
            with Copier(file, wait_seconds_max) as copier:
                held = copier.wait(lambda: holder(file) is not None, wait_seconds_max)
                if held is None:
                    continue
                tell(f"copying turn {held.facts.tid:,} while turns go on")
                is_same_disk = file.stat().st_dev == making.stat().st_dev
                reserve = reserve_bytes(held.file_bytes + held.log_bytes) if is_same_disk else 0
                _check_room(making, held.file_bytes, held.log_bytes, reserve)
                _copy(file, making, held.file_bytes)
                if held.log_bytes:
                    _copy(_log(file), _log(making), held.log_bytes)
                if copier.held() == held and holder(file) == server:
                    return held
                tell("the universe was closed meanwhile, or grew too much: beginning again")
        except DatabaseLocked:
            if server is not None:  # else it was opened just now
                raise
    raise DatabaseError(
        f"{file} was opened or closed each of {ATTEMPTS} times that it was copied, or grew by more than backup_growth_bytes_max, "
        "or its disk became full: "
        "look at the server's log, or stop the server and make the backup then"
    )


def _holder_again(file: Path) -> int | None:
    """Who has the file open, once whoever had it open has had time to come back; None if nobody has."""
    ends = time.monotonic() + COME_BACK_SECONDS
    while (server := holder(file)) is None and time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)
    return server


def _copy_closed(file: Path, making: Path) -> None:
    """Copy a file that nobody writes, with its logs."""
    logs = logs_of(file)
    _check_room(making, file.stat().st_size, sum(log.stat().st_size for log in logs))
    _copy(file, making, file.stat().st_size)
    for log in logs:
        _copy(log, making.with_name(making.name + log.name.removeprefix(file.name)), log.stat().st_size)


def _check_room(target: Path, file_bytes: int, log_bytes: int, reserve: int = 0) -> None:
    """``reserve`` : what turns must have beside it."""
    needed = file_bytes + 2 * log_bytes + ROOM_BYTES + reserve
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise DatabaseError(
            f"{target.parent} has {free:,} bytes left; the copy needs {needed:,}: make room, or name another folder"
        )


def _copy(source: Path, target: Path, size: int) -> None:
    """The first ``size`` bytes, which the disk has taken when this returns."""
    with source.open("rb") as read, target.open("wb") as written:
        os.fchmod(written.fileno(), 0o600)
        done = 0
        while done < size:
            count = os.sendfile(written.fileno(), read.fileno(), done, min(CHUNK_BYTES, size - done))
            if not count:
                raise StateError(
                    f"{source} has {done:,} bytes, of which {size:,} were to be copied: look who else writes it"
                )
            done += count
            os.fdatasync(written.fileno())


@contextmanager
def _new_file(target: Path, source: Path, undo: ExitStack | None = None) -> Iterator[Path]:
    """A file to be made under another name, which gets the target's if the block ends well, and else is removed.

    Parameters
    ----------
    undo : is closed if the file did not get its name.
    """
    for path in (target, *logs_of(target)):
        if path.exists() or path.is_symlink():
            raise DatabaseError(f"{path} is there already: name a new file, or move that one away")
    making = target.with_name(f".{target.name}.making")
    with _claimed(making, target):
        try:
            _remove_logs(making)  # of somebody who was killed
            yield making
            sync(making)
            _name(making, target)
            undo = None
            sync(target.parent)
        except (OSError, sa.exc.SQLAlchemyError, duckdb.Error) as error:
            known = disk_failure(error, target) or damage(error, source)
            said = known.message if known else str(getattr(error, "orig", None) or error).splitlines()[0]
            raise DatabaseError(f"{target} was not made: {printable(said, 500)}") from error
        except WasmverseError as error:  # what is wrong with the copy is wrong with what was copied
            error.message = error.message.replace(str(making), str(source))
            raise
        finally:
            making.unlink(missing_ok=True)
            _remove_logs(making)
            if undo is not None:
                undo.close()


@contextmanager
def _claimed(making: Path, target: Path) -> Iterator[None]:
    """The file is there, and nobody else makes it."""
    try:
        descriptor = os.open(making, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DatabaseError(
            f"{target} cannot be made ({error.strerror}): name a file in a folder that is there and that you may write"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(descriptor), making.stat())
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        if not is_ours:
            raise DatabaseLocked(f"{target} is being made by another process: wait until that has ended")
        yield
    finally:
        os.close(descriptor)


def _name(making: Path, target: Path) -> None:
    """Give a file its name, if nobody else has it by now."""
    try:
        target.hardlink_to(making)
    except FileExistsError as error:
        raise DatabaseError(f"{target} was made by somebody else meanwhile: name another file") from error
    except OSError:  # a file system without links
        if target.exists():
            raise
        making.rename(target)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _remove_logs(making: Path) -> None:
    for log in logs_of(making):
        with suppress(OSError):
            log.unlink()


@contextmanager
def _opened(path: Path, *, is_beside_turns: bool = False) -> Iterator[Transaction]:
    """``is_beside_turns`` : whether the cores are left to somebody who plays."""
    database = Database.open(path, is_backup=True)
    try:
        if is_beside_turns:
            with database.transaction() as transaction:
                transaction.run("SET threads = 1")
        with database.transaction() as transaction:
            yield transaction
    finally:
        database.close()


def _checked_state(transaction: Transaction) -> StoredState:
    """The ships and nodes, when all tables were audited. Raises StateError where something cannot be."""
    audit(transaction)
    stored = read_state(transaction, read_laws(transaction).systems)
    ids = [row.strategy_id for row in read_strategies(transaction)]
    audit_state(stored.state, stored.next_eid, ids)
    return stored


def _compare(making: Path, target: Path, made: Backup, *, is_beside_turns: bool = False) -> None:
    """Open a file once more, which is all in one file now, and compare what it holds with what was put into it."""
    with _opened(making, is_beside_turns=is_beside_turns) as transaction:
        again = Backup.of(_checked_state(transaction), ())
    if again.state_hash != made.state_hash:
        raise _differs(target, again, made.tid, made.state_hash)


def _differs(path: Path, found: Backup, tid: int, state_hash: str) -> StateError:
    return StateError(
        f"{path} holds turn {found.tid:,} with state_hash {found.state_hash}; it should be turn {tid:,} with {state_hash}: "
        "do not use it; check the memory and the disks of the machine, and make another backup"
    )


def _write_row(transaction: Transaction, made: Backup) -> None:
    transaction.run(f"CREATE TABLE {BACKUP_TABLE} (facts VARCHAR NOT NULL)")
    transaction.run_text(f"INSERT INTO {BACKUP_TABLE} VALUES (?)", (json.dumps(asdict(made)),))


def _read_row(transaction: Transaction, path: Path) -> Backup:
    row = read_backup(transaction, path)
    if row is None:
        raise DatabaseForeign(
            f"{path} is a universe and no backup: `wasmverse copy` copies one, `wasmverse universe backup` makes a backup of it"
        )
    return row


def _row(rows: Sequence[tuple[str, ...]], path: Path) -> Backup:
    try:
        ((text,),) = rows
        facts = json.loads(text)
        tokens = tuple(Entry(**entry) for entry in facts.pop("tokens"))
        return Backup(**facts, tokens=tokens)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateError(f"{path} does not say what it is a backup of: use another backup") from error

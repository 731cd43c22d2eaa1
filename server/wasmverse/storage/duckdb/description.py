"""What there is to know of a universe's file, whether somebody plays it or not; nothing of it is changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from wasmverse.errors import DatabaseError
from wasmverse.storage import schema
from wasmverse.storage.backup_request import Copier
from wasmverse.storage.duckdb.backup import Backup, read_backup
from wasmverse.storage.duckdb.database import Database
from wasmverse.storage.duckdb.failure import damage
from wasmverse.storage.duckdb.file_lock import holder
from wasmverse.storage.duckdb.log import logs_of
from wasmverse.storage.duckdb.state_reader import read_state
from wasmverse.storage.duckdb.turn_store import read_laws
from wasmverse.storage.facts import Facts, Made
from wasmverse.storage.strategy_store import read_strategy_table


@dataclass(frozen=True, slots=True)
class Description:
    """server : the process that has the file open, 0 if it cannot be seen from here, None if nobody has it open
    backup : what the file says that it is a backup of; None if it is none"""

    facts: Facts
    file_bytes: int
    log_bytes: int
    server: int | None
    backup: Backup | None = None

    def as_json(self) -> dict[str, Any]:
        """All but tokens, of which it says how many there are."""
        shown = {**asdict(self.facts), "file_bytes": self.file_bytes, "log_bytes": self.log_bytes}
        if self.backup is not None:
            shown["backup"] = {"made_at": self.backup.made_at, "tokens": len(self.backup.tokens)}
        return shown


def describe(file: Path, wait_seconds_max: float) -> Description:
    """Look at a file.

    Parameters
    ----------
    wait_seconds_max : how long to wait for the end of a turn, where the file is open.

    Raises
    ------
    DatabaseError, StateError : there is no file, or it holds no universe.
    """
    if not file.is_file():
        raise DatabaseError(f"{file} is no file: name a universe's file, or the URL of its database")
    try:
        server = holder(file)
    except OSError as error:
        raise DatabaseError(
            f"{file} cannot be read ({error.strerror}): run this as the user of the server, who may read it"
        ) from error
    if server is not None:
        with Copier(file, wait_seconds_max) as copier:
            held = copier.wait(lambda: holder(file) is not None, wait_seconds_max)
        if held is not None:
            return Description(held.facts, held.file_bytes, held.log_bytes, server)
    file_bytes = file.stat().st_size
    log_bytes = sum(log.stat().st_size for log in logs_of(file))
    database = Database.open(file, is_backup=True, is_read_only=True)
    try:
        with database.transaction() as transaction:
            laws = read_laws(transaction)
            stored = read_state(transaction, laws.systems)
            columns = schema.universe.c
            made = transaction.one(sa.select(columns.created_at, columns.created_by, columns.format_version))
            about = Made(made[0].isoformat(), made[1], made[2])
            facts = Facts.of(about, laws, stored, read_strategy_table(transaction))
            backup = read_backup(transaction, file)
    except (sa.exc.SQLAlchemyError, duckdb.Error) as error:
        if (known := damage(error, file)) is not None:
            raise known from error
        raise
    finally:
        database.close()
    return Description(facts, file_bytes, log_bytes, None, backup)

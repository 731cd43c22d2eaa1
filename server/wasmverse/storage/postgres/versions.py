"""Which version of the schema a database has, and how it is brought to the present one (``migrations/``)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from wasmverse.errors import DatabaseForeign, DatabaseTooNew
from wasmverse.storage.postgres import views
from wasmverse.storage.postgres.schema import metadata

VERSION_TABLE = "wasmverse_version"

TOKEN_TABLE = "token"
TOKEN_COLUMNS = {"name", "role", "sha256", "created_at", "id"}
"""What `tokens` makes."""

_FOLDER = Path(__file__).with_name("migrations")
LOCK = 0x7761736D  # "wasm"
"""The key of the advisory lock of who makes tables or functions."""


def migrate(connection: sa.Connection, shown: str, *, is_coordinator: bool, to: str = "head") -> bool:
    """Make the tables, or bring those of an older Wasmverse to the present version, in the transaction of the connection.

    Parameters
    ----------
    shown : the database's name, for messages.
    is_coordinator : whether it is the first place, which has all tables and the views.
    to : the version, for tests.

    Returns
    -------
    Whether anything was made or changed.

    Raises
    ------
    DatabaseTooNew : a newer Wasmverse made the tables.
    DatabaseForeign : tables are there that have our names, but are not ours.
    """
    # Two processes that make a universe at once take turns here.
    connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes.update(connection=connection, is_coordinator=is_coordinator)
    known = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()
    if current is not None and current not in {script.revision for script in known.walk_revisions()}:
        raise DatabaseTooNew(
            f"{shown} has tables of version {current}; this Wasmverse knows up to {known.get_current_head()}: install the newer "
            "Wasmverse that made it"
        )
    if current is None:
        _check_free(connection, shown)
    if current == (known.get_current_head() if to == "head" else to):
        return False
    if is_coordinator:
        for name in reversed(views.view_texts()):
            connection.execute(sa.text(f"DROP VIEW IF EXISTS {name}"))
    command.upgrade(config, to)
    if is_coordinator and to == "head":
        for statement in views.statements():
            connection.exec_driver_sql(statement)
    return True


def _check_free(connection: sa.Connection, shown: str) -> None:
    """Refuse a database where tables of ours would meet others of the same names. Tables of other names may be there.

    That of tokens may be there already, if it is ours by its columns.
    """
    found = sa.inspect(connection)
    there = set(found.get_table_names())
    taken = sorted(there & metadata.tables.keys())
    if (
        TOKEN_TABLE in there
        and {column["name"] for column in found.get_columns(TOKEN_TABLE)} != TOKEN_COLUMNS
    ):
        taken.insert(0, TOKEN_TABLE)
    if taken:
        raise DatabaseForeign(
            f"{shown} has other tables of names that a universe needs ({', '.join(taken[:4])}); give it a database of its own: "
            "createdb, and name that with --db"
        )

"""How Alembic runs the steps: on the connection of who opens the universe, in its transaction."""

from __future__ import annotations

from alembic import context

from wasmverse.storage.postgres.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()

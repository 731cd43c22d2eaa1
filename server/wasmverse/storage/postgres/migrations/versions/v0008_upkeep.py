"""Ships may have to pay for their parts."""

from __future__ import annotations

from alembic import context, op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """A universe that is there keeps its rules: nobody pays."""
    if context.config.attributes["is_coordinator"]:
        op.execute("ALTER TABLE universe ADD COLUMN upkeep INTEGER NOT NULL DEFAULT 0")

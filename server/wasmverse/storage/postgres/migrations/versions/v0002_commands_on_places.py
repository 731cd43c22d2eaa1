"""Commands that change systems on other places than the coordinator."""

from __future__ import annotations

from alembic import context, op

revision = "0002"
down_revision = "0001"

COORDINATOR = (
    "ALTER TABLE universe ADD spawned BIGINT DEFAULT '0' NOT NULL",
    """CREATE TABLE command_decision (
    gid TEXT NOT NULL,
    PRIMARY KEY (gid)
)""",
    "COMMENT ON TABLE command_decision IS 'The prepared transactions on other places that go with commands that were "
    "committed here.'",
)


def upgrade() -> None:
    """Count the commands that change a place's systems, and note which of them were decided."""
    op.execute("ALTER TABLE place ADD spawned BIGINT DEFAULT '0' NOT NULL")
    if context.config.attributes["is_coordinator"]:
        for statement in COORDINATOR:
            op.execute(statement)
